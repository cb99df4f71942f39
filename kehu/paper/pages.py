"""A case, or a procedure, as a printed page."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, get_args

import segno
from django.conf import settings

from kehu.cases.models import Case
from kehu.core.scope import scope
from kehu.organizations.queries import Person
from kehu.procedures import revisions
from kehu.procedures.models import Revision

from .sheet import Sheet
from .typesetting import PaperError, can_be_set, typeset
from .written import written

Language = Literal["zh", "en", "both"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


def case_pdf(case: Case, *, language: Language, copy_for: str | None, by: Person | None, now: datetime) -> bytes:
    """The case's form as it stands. `copy_for`: a department that gets it as a marked and dated copy."""
    return case_pages(case, language=language, copy_for=copy_for, by=by, now=now)[0]


def case_pages(
    case: Case,
    *,
    language: Language,
    copy_for: str | None = None,
    by: Person | None = None,
    now: datetime,
    as_images: bool = False,
) -> list[bytes]:
    with scope(case.organization):
        sheet = Sheet(case, language=language, copy_for=copy_for, by=by, now=now)
        data, pictures = sheet.data(), sheet.pictures()
    path = f"cases/{case.number}/"
    try:
        return _typeset("standard.typ", data, path, case.revision, language, now, as_images, pictures)
    except PaperError:
        sound = {name: picture for name, picture in pictures.items() if can_be_set(picture)}
        if len(sound) == len(pictures):
            raise
    data["pictures"] = [one for one in data["pictures"] if one["file"] in sound]
    return _typeset("standard.typ", data, path, case.revision, language, now, as_images, sound)


def procedure_pdf(revision: Revision, language: Language, *, by: Person | None = None, now: datetime) -> bytes:
    """The written procedure of a revision, as document."""
    return procedure_pages(revision, language, by=by, now=now)[0]


def procedure_pages(
    revision: Revision, language: Language, *, by: Person | None = None, now: datetime, as_images: bool = False
) -> list[bytes]:
    with scope(revision.organization):
        data = written(revision, by=by, now=now)
    return _typeset("procedure.typ", data, f"procedures/{revision.procedure.key}/", None, language, now, as_images)


def _typeset(
    layout: str,
    data: dict[str, Any],
    path: str,
    own: Revision | None,
    language: Language,
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
        own_layout=(revisions.running(own).layout or "") if own else "",
        as_images=as_images,
    )


def _qr(text: str) -> bytes:
    drawn = io.BytesIO()
    segno.make(text, error="m").save(drawn, kind="svg", border=0, xmldecl=False)
    return drawn.getvalue()
