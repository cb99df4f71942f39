"""What somebody has looked at: the unread marks of an inbox, and the cases he follows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.translation import gettext_lazy as _

from kehu.core.models import Event, Organization
from kehu.core.refusals import NotYours
from kehu.core.rows import Kept
from kehu.organizations.queries import Person

from .history import Record, read
from .models import Assignment, Case, Reading
from .permissions import power, readable


class MayNotFollow(NotYours):
    code = "case.may_not_follow"
    message = _("{number} cannot be followed: you take no part in it, and its register is not yours to read.")


def mark_seen(assignments: Iterable[Assignment], *, now: datetime) -> int:
    """These tasks are no longer new to those who have them; no statement where none was."""
    keys = [assignment.pk for assignment in assignments if assignment.seen_at is None]
    return Assignment.objects.filter(pk__in=keys).update(seen_at=now) if keys else 0


def reading_of(case: Case, person: Person) -> Reading | None:
    return _READING.first(case.pk, person.id)


_READING = Kept(Reading, lambda rows, case, member: rows.filter(case=case, member_id=member), int, int)


def look(case: Case, person: Person, before: Reading | None, *, now: datetime) -> None:
    """He sees it as it stands now; no statement where that is what he saw."""
    if before is None or before.version != case.version:
        _keep(case, person, now, follows=before.follows if before else False)


def changed_since(case: Case, person: Person, before: Reading | None) -> bool:
    """Whether others did something since he last looked; asked only where it has another version."""
    if before is None or before.version == case.version:
        return False
    others = Event.objects.filter(stream=f"case:{case.pk}", at__gt=before.at).exclude(by=person.key)
    return others.exists()


def follow(*, number: str, follows: bool, organization: Organization, by: Person, now: datetime) -> Case:
    """The case stands among those he follows, or no more. A preference, not a fact of the case: no event."""
    record = read(organization=organization, number=number, person=by, now=now)
    if follows and not may_follow(record):
        raise MayNotFollow(number=number)
    _keep(record.case, by, now, follows=follows)
    return record.case


def may_follow(record: Record) -> bool:
    """Whom the case stays readable to: those who take part in it, the readers of its register, and their deputies meanwhile."""
    folder = record.folder
    people = folder.work.people
    return power(record.person, lambda one: _stays_readable(record, one), people, folder.procedure.key) is not None


def _stays_readable(record: Record, person: Person) -> bool:
    folder = record.folder
    takes_part = any(one.member_id == person.id for one in record.assignments) or any(
        task.done_by_id == person.id for task in folder.tasks
    )
    if takes_part or record.case.opener_id == person.id:
        return True
    return folder.procedure.key in readable(person, record.case.organization, folder.work.people)


def _keep(case: Case, person: Person, now: datetime, *, follows: bool) -> None:
    seen = Reading(
        organization_id=case.organization_id,
        case=case,
        member_id=person.id,
        version=case.version,
        at=now,
        follows=follows,
    )
    Reading.objects.bulk_create(
        [seen],
        update_conflicts=True,
        unique_fields=["case", "member"],
        update_fields=["version", "at", "follows"],
    )


def seen_version(person: Person, case: str = "pk") -> Subquery:
    """For a list: which version of the row's case he saw last."""
    mine: QuerySet[Reading] = Reading.objects.filter(member_id=person.id, case=OuterRef(case))
    return Subquery(mine.values("version")[:1])
