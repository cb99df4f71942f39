"""Several cases' papers as one PDF: each begins on a page of its own and counts its own pages. The one door to pypdf."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO

from django.utils.translation import gettext_lazy as _
from pypdf import PdfWriter

from kehu.cases.history import read
from kehu.cases.models import Case
from kehu.core.models import Organization
from kehu.core.refusals import AgainstTheRule, Refusal
from kehu.organizations.queries import Person

from .pages import Failed, Language, case_pdf
from .typesetting import PaperError

LIMIT = 50
ROOM = 64 * 2**20
"""Octets of all papers together: what stands in memory while they are put together."""

log = logging.getLogger("kehu.paper")


class TooManyPapers(AgainstTheRule):
    code = "paper.too_many"
    message = _("At most {limit} cases are printed at once; {count} are chosen. Choose fewer.")


class TooLarge(AgainstTheRule):
    code = "paper.too_large"
    message = _("Together these papers are too large: they have room up to {number}. Print fewer cases at once.")


class CannotBeSet(AgainstTheRule):
    code = "paper.cannot_be_set"
    message = _("The layout of this form cannot be set. Tell the administrator; the reason is in the log.")


@dataclass
class Bundle:
    """`refused`: each case that is not printed, and why."""

    printed: list[str] = field(default_factory=list)
    refused: list[tuple[str, Refusal]] = field(default_factory=list)
    _writer: PdfWriter = field(default_factory=PdfWriter)

    def write(self, target: IO[bytes]) -> None:
        self._writer.write(target)


def bundle(
    numbers: Iterable[str],
    *,
    organization: Organization,
    by: Person,
    language: Language,
    now: datetime,
    failed: Failed | None = None,
) -> Bundle:
    """The cases' papers in the order of their numbers as given, each once. Nothing is set before it is known that all may be read."""
    wanted = list(dict.fromkeys(numbers))
    if len(wanted) > LIMIT:
        raise TooManyPapers(limit=LIMIT, count=len(wanted))
    found = Bundle()
    cases: list[Case] = []
    for number in wanted:
        try:
            cases.append(read(organization=organization, number=number, person=by, now=now).case)
        except Refusal as refusal:
            found.refused.append((number, refusal))
    if found.refused:
        found.printed = [case.number for case in cases]
        return found
    size = 0
    for case in cases:
        try:
            paper = case_pdf(case, language=language, copy_for=None, by=by, now=now, failed=failed)
        except PaperError:
            log.exception("the paper of a case cannot be set", extra={"facts": {"case": case.pk}})
            found.refused.append((case.number, CannotBeSet()))
            continue
        size += len(paper)
        if size > ROOM:
            raise TooLarge(number=found.printed[-1] if found.printed else case.number)
        found._writer.append(io.BytesIO(paper), outline_item=case.number)
        found.printed.append(case.number)
    return found
