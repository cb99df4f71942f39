"""催办, 抄送 and 备注: somebody is reminded of his task by a colleague, gets the case to read, or is told what was found out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from kehu.core.models import Organization
from kehu.core.refusals import BadData, Finding
from kehu.core.scope import scope
from kehu.organizations.calendars import Budget, due
from kehu.organizations.queries import Person

from .actions import action, actor, begin, member, must_run, need_reason, open_step, say
from .folder import Folder
from .history import record_of
from .models import Assignment, Case, Task
from .permissions import is_entitled, may_nudge
from .refusals import MayNotSee, NudgedAlready, TakesNoPart


@action
def nudge(
    *, organization: Organization, number: str, step: str, by: str, now: datetime, item: str = "", reason: str = ""
) -> Case:
    """Who has the task, or is to sign it, is reminded of it; of one task not more often than the pack allows (`nudge_every`)."""
    with scope(organization):
        work = begin(organization, by, now)
        folder = work.take(number)
        definition = open_step(folder, step, item)
        must_run(folder)
        task, person = folder.row(step, item), actor(folder)
        if not may_nudge(folder, person):
            raise TakesNoPart(number=number)
        holders = _holders(folder, task)
        if holders == [person]:
            raise BadData([Finding("", _("“{step}” waits for you yourself.").format(step=say(definition.title)))])
        if (again := _again(folder, task)) and again > now:
            raise NudgedAlready(
                step=say(definition.title),
                before=work.clock_face(task.nudged_at),
                at=work.clock_face(again),
            )
        told = [one for one in holders if one != person]
        task.nudged_at = now
        folder.mark(task)
        folder.record("task.nudged", step=step, item=item, told=[one.key for one in told], reason=reason)
        due_at = task.due_at.isoformat() if task.due_at else None
        work.tell("nudged", told, folder, step, item, reason=reason, due_at=due_at)
        work.write()
        return folder.case


def _holders(folder: Folder, task: Task) -> list[Person]:
    """Whose turn it is: who has it, and whose signature it waits for."""
    rows = Assignment.objects.filter(task=task, is_open=True).exclude(part=Assignment.Part.ADVISE)
    people = folder.work.people.by_id
    return [people[pk] for pk in dict.fromkeys(rows.values_list("member_id", flat=True)) if pk in people]


def _again(folder: Folder, task: Task) -> datetime | None:
    """From when on the task may be nudged again."""
    every = folder.running.pack.nudge_every
    if not every or task.nudged_at is None:
        return None
    found = due(folder.reading(task).calendar, Budget.parse(every), task.nudged_at)
    return found.at if found else None


@action
def copy(
    *, organization: Organization, number: str, to: Sequence[str], by: str, now: datetime, reason: str = ""
) -> Case:
    """These members get the case to read; nothing is asked of them."""
    with scope(organization):
        work = begin(organization, by, now)
        folder = work.take(number)
        if not takes_part(folder, actor(folder)):
            raise TakesNoPart(number=number)
        told = _others(folder, to)
        if not told:
            raise BadData([Finding("to", _("Choose somebody else than yourself."))])
        folder.record("case.copied", told=[person.key for person in told], reason=reason)
        work.tell("copied", told, folder, reason=reason)
        work.write()
        return folder.case


@action
def note(
    *, organization: Organization, number: str, reason: str, by: str, now: datetime, to: Sequence[str] = ()
) -> Case:
    """Whoever reads the case leaves a remark for all who do, and tells these members of it. It moves nothing, so it may be
    written at any time: while the case is paused, and when it is over."""
    with scope(organization):
        work = begin(organization, by, now)
        folder = work.take(number)
        if not record_of(folder, actor(folder)).is_readable:
            raise MayNotSee(number=number)
        need_reason(reason)
        told = _others(folder, to)
        folder.record("case.noted", told=[person.key for person in told], reason=reason)
        work.tell("noted", told, folder, reason=reason, name=actor(folder).name)
        work.write()
        return folder.case


def _others(folder: Folder, keys: Sequence[str]) -> list[Person]:
    people = [member(folder, one) for one in dict.fromkeys(keys)]
    return [person for person in people if person != actor(folder)]


def takes_part(folder: Folder, person: Person) -> bool:
    if may_nudge(folder, person):
        return True
    mine = Assignment.objects.filter(task__case=folder.case, member_id=person.id, is_open=True)
    open_tasks = (task for task in folder.tasks if task.is_open and task.kind == "task")
    return mine.exists() or any(is_entitled(folder, task.step, task.item, person) for task in open_tasks)
