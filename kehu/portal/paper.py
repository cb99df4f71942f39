"""What a guest reads and signs, on paper: the parts of the record that are shown to him, and nothing else of the case."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from django.core.files.base import ContentFile
from django.utils.translation import gettext as _

from kehu.cases.answering import Looked
from kehu.engine import invitations as said
from kehu.engine.definitions import Procedure, Text
from kehu.paper.pages import guest_pdf
from kehu.paper.sheet import ForGuest
from kehu.paper.typesetting import PaperError

from .door import Coming
from .sheet import Attempt, Sheet, folder_of

log = logging.getLogger("kehu.portal")


def paper_of(coming: Coming) -> bytes:
    """As it stands now."""
    folder = folder_of(coming)
    return guest_pdf(
        folder.case,
        ForGuest(
            _fields(coming, folder.procedure),
            coming.invitation.name,
            _titles(coming, folder.procedure),
            form=(form := _form(coming, folder.procedure)),
            own_layout=bool(form),
        ),
        language="zh" if coming.short == "zh" else "en",
        now=coming.now,
    )


def signed_paper(
    coming: Coming, sheet: Sheet, looked: Looked, attempt: Attempt, drawn: bytes
) -> ContentFile[bytes] | None:
    """What he answers, with his signature; None where it cannot be set, which stops nobody from answering."""
    place = next(
        (key for key in sheet.definition.fills if sheet.invites.signs and sheet.invites.signs.by in sheet.folder.procedure.form.sections[key].fields),
        "",
    )  # fmt: skip
    way = next((way.title for way in sheet.ways if way.key == looked.outcome), "")
    fields, form, signs = _fields(coming, sheet.folder.procedure), sheet.invites.form or "", sheet.invites.signs
    own_layout = bool(form) and looked.is_signed  # what was refused has no place in the look of a form
    if own_layout and signs and place:
        fields[place] += filter(None, (signs.by, signs.on))
    part = ForGuest(
        fields,
        coming.invitation.name,
        sheet.invites.titles,
        looked.after,
        attempt.signer,
        place,
        drawn,
        way,
        form=form,
        own_layout=own_layout,
    )
    try:
        made = guest_pdf(sheet.folder.case, part, language="zh" if coming.short == "zh" else "en", now=coming.now)
    except PaperError:
        log.exception("the paper that a customer signs cannot be set")
        return None
    what = _("signed") if looked.is_signed else _("answered")
    return ContentFile(made, name=f"{sheet.number} {what}.pdf")


def _form(coming: Coming, procedure: Procedure) -> str:
    task = coming.invitation.task
    invites = procedure.steps[task.step].invites if task else None
    return (invites.form if invites else None) or ""


def _titles(coming: Coming, procedure: Procedure) -> Mapping[str, Text]:
    task = coming.invitation.task
    page = procedure.steps[task.step].invites if task else procedure.status_page
    return page.titles if page else {}


def _fields(coming: Coming, procedure: Procedure) -> dict[str, list[str]]:
    """Section -> the fields he reads and fills; what only follows from his answer is not in his words."""
    form, task = procedure.form, coming.invitation.task
    found: dict[str, list[str]] = {}
    step = procedure.steps[task.step] if task else None
    shows = (
        step.invites.shows if step and step.invites else procedure.status_page.shows if procedure.status_page else {}
    )
    for parts in (said.parts_of(form, shows), said.typed_in(form, step) if step else {}):
        for key, fields in parts.items():
            found.setdefault(key, []).extend(fields)
    lines = step.invites.lines if step and step.invites else None
    for key in step.fills if step else ():
        if lines and lines.into in form.sections[key].fields:
            found.setdefault(key, []).append(lines.into)
        found.setdefault(key, [])
    return found
