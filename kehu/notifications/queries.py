"""Questions about notices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kehu.cases.models import Case
from kehu.core.counts import KeptCount
from kehu.core.models import Organization
from kehu.organizations.queries import Person
from kehu.procedures import revisions

from .models import Notice
from .wording import Wording, worded

PAGE = 50
COPIES = ("told", "copied", "noted")
"""Kinds that inform without asking for anything: 抄送."""


@dataclass(frozen=True)
class Line:
    """A notice as its reader sees it."""

    notice: Notice
    wording: Wording
    case: Case | None

    @property
    def is_unread(self) -> bool:
        return self.notice.read_at is None


@dataclass(frozen=True)
class Page:
    lines: list[Line]
    after: str = ""


def unread_count(person: Person) -> str:
    """For the badge; empty for none, "99+" for many."""
    return _badge(_UNREAD(person.id))


def unread_copies(person: Person) -> str:
    return _badge(_UNREAD_COPIES(person.id))


def _badge(count: str) -> str:
    return "" if count == "0" else count


_UNREAD = KeptCount(Notice, lambda notices, member: notices.filter(member=member, read_at=None), int, most=99)
_UNREAD_COPIES = KeptCount(
    Notice, lambda notices, member: notices.filter(member=member, read_at=None, kind__in=COPIES), int, most=99
)


def notices_of(
    organization: Organization,
    person: Person,
    *,
    unread_only: bool = False,
    copies_only: bool = False,
    search: str = "",
    after: str = "",
) -> Page:
    """His notices, the latest first, with their sentences: two statements."""
    found = Notice.objects.filter(member_id=person.id)
    if unread_only:
        found = found.filter(read_at=None)
    if copies_only:
        found = found.filter(kind__in=COPIES)
    if search:
        found = found.filter(case_number__icontains=search.strip())
    if after.isdigit():
        found = found.filter(pk__lt=int(after))
    notices = list(found.order_by("-pk")[: PAGE + 1])
    page = notices[:PAGE]
    cases = cases_of(notice.case_number for notice in page)
    lines = [
        Line(notice, worded(notice, cases.get(notice.case_number), organization), cases.get(notice.case_number))
        for notice in page
    ]
    return Page(lines, str(page[-1].pk) if len(notices) > PAGE else "")


def notice_of(person: Person, key: int) -> Notice | None:
    return Notice.objects.filter(member_id=person.id, pk=key).first()


def cases_of(numbers: Iterable[str]) -> dict[str, Case]:
    """Those cases by number, with what their wording needs: one statement."""
    cases = Case.objects.filter(number__in=set(filter(None, numbers))).select_related(
        "procedure", "revision", "customer"
    )
    found = {case.number: case for case in cases.defer("data", "revision__definition")}
    for case in found.values():
        revisions.running(case.revision)
    return found
