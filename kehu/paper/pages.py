"""A case, or a procedure, as a printed page."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, get_args

import segno
from django.conf import settings

from kehu.cases.models import Case
from kehu.core.models import Organization
from kehu.core.scope import scope
from kehu.organizations.queries import Person
from kehu.procedures import revisions
from kehu.procedures.documents import ControlledForm
from kehu.procedures.models import Revision

from .blank import Blank
from .sheet import ForGuest, Sheet
from .typesetting import PaperError, can_be_set, typeset
from .written import written

log = logging.getLogger("kehu.paper")
Language = Literal["zh", "en", "both"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


@dataclass(frozen=True)
class LayoutFailure:
    """A pack's own layout that could not be set. The page was printed with the standard one."""

    procedure: str
    form: str
    layout: str
    """A digest of its text: the next revision's may be a sound one."""
    error: str


Failed = Callable[[LayoutFailure], None]
"""Told of a layout that failed: whoever prints sees a page, whoever looks after the company should know."""


def case_pdf(
    case: Case,
    *,
    language: Language,
    copy_for: str | None,
    by: Person | None,
    now: datetime,
    form: str = "",
    failed: Failed | None = None,
) -> bytes:
    """The case's form as it stands. `copy_for`: a department that gets it as a marked and dated copy; `form`: one of the controlled
    forms that its record holds, for itself."""
    return case_pages(case, language=language, copy_for=copy_for, by=by, now=now, form=form, failed=failed)[0]


def case_pages(
    case: Case,
    *,
    language: Language,
    copy_for: str | None = None,
    by: Person | None = None,
    now: datetime,
    form: str = "",
    as_images: bool = False,
    guest: ForGuest | None = None,
    failed: Failed | None = None,
) -> list[bytes]:
    with scope(case.organization):
        sheet = Sheet(case, language=language, copy_for=copy_for, by=by, now=now, form=form, guest=guest)
    return _pages(sheet, f"cases/{case.number}/", as_images, failed)


def blank_pdf(
    organization: Organization,
    form: ControlledForm,
    *,
    language: Language,
    by: Person | None,
    now: datetime,
    failed: Failed | None = None,
) -> bytes:
    """A controlled form that nobody has filled yet, for a pen."""
    with scope(organization):
        running = revisions.procedures_of(organization)[form.home]
        blank = Blank(running, organization, form.number, language=language, by=by, now=now)
    return _pages(blank, "documents/", as_images=False, failed=failed)[0]


def _pages(sheet: Sheet, path: str, as_images: bool, failed: Failed | None) -> list[bytes]:
    """With the pack's own layout, where there is one; where it fails with the standard one. A broken picture stops neither."""
    with scope(sheet.case.organization):
        data, pictures = sheet.data(), sheet.pictures()
    running = sheet.folder.running
    own = (running.layout if sheet.whole else running.layouts.get(sheet.number)) or ""
    if sheet.guest and not sheet.guest.own_layout:
        own = ""  # it may want what a guest does not read

    def made(layout: str, pictures: Mapping[str, bytes]) -> list[bytes]:
        return _typeset("standard.typ", data, path, layout, sheet.language, sheet.now, as_images, pictures)

    try:
        return made(own, pictures)
    except PaperError as error:
        reason = error
    sound = {name: picture for name, picture in pictures.items() if can_be_set(picture)}
    data["pictures"] = [one for one in data["pictures"] if one["file"] in sound]
    for box in _boxes(data):
        if box.get("image") not in sound:
            box.pop("image", None)
    if len(sound) < len(pictures):
        try:
            return made(own, sound)
        except PaperError as error:
            reason = error
    if not own:
        raise reason
    digest = hashlib.sha256(own.encode()).hexdigest()
    failure = LayoutFailure(sheet.procedure.key, sheet.number, digest, str(reason))
    log.error("a layout cannot be set", extra={"facts": asdict(failure)})
    if failed:
        failed(failure)
    data["fallback"] = True
    return made("", sound)


def _boxes(data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for part in (data, *data["rounds"]):
        for section in part["sections"]:
            yield from section["signatures"]


def guest_pdf(case: Case, guest: ForGuest, *, language: Language, now: datetime) -> bytes:
    """What of a case somebody outside reads and signs."""
    return case_pages(case, language=language, now=now, form=guest.form, guest=guest)[0]


def procedure_pdf(revision: Revision, language: Language, *, by: Person | None = None, now: datetime) -> bytes:
    """The written procedure of a revision, as document."""
    return procedure_pages(revision, language, by=by, now=now)[0]


def procedure_pages(
    revision: Revision, language: Language, *, by: Person | None = None, now: datetime, as_images: bool = False
) -> list[bytes]:
    with scope(revision.organization):
        data = written(revision, by=by, now=now)
    return _typeset("procedure.typ", data, f"procedures/{revision.procedure.key}/", "", language, now, as_images)


def _typeset(
    layout: str,
    data: dict[str, Any],
    path: str,
    own: str,
    language: str,
    now: datetime,
    as_images: bool,
    pictures: Mapping[str, bytes] | None = None,
) -> list[bytes]:
    url = f"{settings.URL}/{path}"
    return typeset(
        layout,
        {**data, "language": language, "url": url},
        now=now,
        files={"qr.svg": _qr(url)},
        pictures=pictures,
        own_layout=own,
        as_images=as_images,
    )


def _qr(text: str) -> bytes:
    drawn = io.BytesIO()
    segno.make(text, error="m").save(drawn, kind="svg", border=0, xmldecl=False)
    return drawn.getvalue()
