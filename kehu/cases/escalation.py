"""What happens when an instant comes: a reminder, a task overdue, a rung of the ladder, a watched row, the end of a wait.

Workers claim due instants by the hundred and fire them in one transaction; where one fails, each in its own. Whether it still matters is asked then, under
the case's lock: an instant of a task that is done does nothing. Fired late, because no worker ran, it still counts from its own moment.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet

from kehu.core.models import Organization
from kehu.core.scope import every_organization, scope
from kehu.engine import advance
from kehu.engine.definitions import Rung, Step, read_ladder
from kehu.engine.records import decoded, holds
from kehu.organizations.queries import Person, turning_days

from .assignment import told
from .folder import Folder
from .handing_on import hand_on
from .models import Assignment, Deadline, Task
from .work import Work

log = logging.getLogger("kehu.deadlines")
BATCH = 100
"""So many instants are fired in one transaction: what they leave is written together."""


def fire_due(
    now: datetime, *, limit: int = 1000, organization: Organization | None = None, cases: Collection[int] | None = None
) -> int:
    """Fires every instant that has come, oldest first; gives how many."""
    fired = 0
    with scope(organization) if organization else every_organization():
        while fired < limit and (done := _fire_next(now, cases, min(BATCH, limit - fired))):
            fired += done
    return fired


def run_until(start: datetime, end: datetime, organization: Organization, cases: Collection[int] | None = None) -> int:
    """The worker's work while a clock moves from `start` to `end`: every instant is fired at its own time, and what that starts
    comes in its turn; on the days on which people go, come back or leave, what was theirs is handed on. For stories and a demo's
    clock. Gives how many instants were fired."""
    zone = ZoneInfo(organization.timezone)
    days = turning_days(organization, start.astimezone(zone).date(), end.astimezone(zone).date())
    fired = 0
    for day in days:
        midnight = datetime.combine(day, time.min, zone)
        fired += _fire_until(start, midnight, organization, cases)
        hand_on(organization, midnight)
    return fired + _fire_until(start, end, organization, cases)


def _fire_until(start: datetime, end: datetime, organization: Organization, cases: Collection[int] | None) -> int:
    fired = 0
    with scope(organization):
        while following := _waiting(end, cases).values_list("at", flat=True).first():
            done = fire_due(max(following, start), organization=organization, cases=cases)
            if not done:
                break
            fired += done
    return fired


def _waiting(now: datetime, cases: Collection[int] | None) -> QuerySet[Deadline]:
    waiting = Deadline.everywhere.filter(active=True, at__lte=now).order_by("at", "id")
    return waiting if cases is None else waiting.filter(case__in=cases)


def _fire_next(now: datetime, cases: Collection[int] | None, most: int) -> int:
    """The next instants of one organization, in one transaction; where one of them fails, each in its own."""
    batch: list[Deadline] = []
    try:
        with transaction.atomic():
            claimed = _claim(now, cases, most)
            if batch := claimed.instants:
                with scope(batch[0].organization_id):
                    _fire(claimed, now)
    except Exception as error:
        if len(batch) > 1:
            return sum(_fire_next(now, cases, 1) for _instant in batch)
        if not batch or isinstance(error, DatabaseError):
            raise
        # One instant that cannot be fired (a mistake in a pack) must not stand in the way of all others.
        (deadline,) = batch
        log.exception("instant %s of case %s could not be fired", deadline.pk, deadline.case_id)
        Deadline.everywhere.filter(pk=deadline.pk).update(active=False, error=f"{type(error).__name__}: {error}"[:2000])
    return len(batch)


@dataclass(frozen=True)
class Claimed:
    """Instants that this worker fires, and the later rungs of their ladders that have come as well: they are fired next."""

    instants: list[Deadline]
    later: Mapping[int, list[int]]
    """Instant -> the rungs, in their order."""


def _claim(now: datetime, cases: Collection[int] | None, most: int) -> Claimed:
    """The next instants, for this worker alone."""
    waiting = _waiting(now, cases).select_related("case").only(*_CLAIMED)
    if connection.features.has_select_for_update_skip_locked:
        # The case's lock first, as every action takes it; a case somebody is working on is left for the next turn.
        waiting = waiting.select_for_update(skip_locked=True, of=("case",))
    found = list(waiting[:most])
    # One of a case: what it moves may move the next. A case waits for the one that opened it, which its end may move.
    firsts: dict[int, Deadline] = {}
    for deadline in found:
        if deadline.organization_id == found[0].organization_id:
            firsts.setdefault(deadline.case_id, deadline)
    mine = [deadline for deadline in firsts.values() if deadline.case.parent_id not in firsts]
    # Whoever had a case until now may have fired its instants: asked again under its lock.
    come = Deadline.everywhere.filter(case__in=[one.case_id for one in mine], active=True, at__lte=now)
    left = list(come.order_by("at", "id").only(*_LADDER)) if mine else []
    keys = {deadline.pk for deadline in left}
    mine = [deadline for deadline in mine if deadline.pk in keys]
    if found and not mine:
        return _claim(now, cases, most)
    if mine:
        Deadline.everywhere.filter(pk__in=[deadline.pk for deadline in mine]).update(active=False, fired_at=now)
    ladders: dict[tuple[object, ...], list[Deadline]] = defaultdict(list)
    for instant in left:
        ladders[_ladder(instant)].append(instant)
    later = {one.pk: [other.rung for other in ladders[_ladder(one)] if _is_later(other, one)] for one in mine}
    return Claimed(mine, later)


def _ladder(instant: Deadline) -> tuple[object, ...]:
    return instant.case_id, instant.task_id, instant.kind, instant.row


def _is_later(other: Deadline, one: Deadline) -> bool:
    """Whether it is a later rung, of two instants of the same ladder."""
    is_rung = one.kind in (Deadline.Kind.RUNG, Deadline.Kind.CLOCK)
    return is_rung and (other.at, other.rung) > (one.at, one.rung)


_LADDER = ("organization_id", "case_id", "task_id", "kind", "rung", "row", "at")
_CLAIMED = (*("organization_id", "case_id", "case__parent", "task_id", "kind", "rung", "row", "at", "is_due"),)


def _fire(claimed: Claimed, now: datetime) -> None:
    work = Work(Organization.objects.get(pk=claimed.instants[0].organization_id), None, now)
    work.take_all({deadline.case_id for deadline in claimed.instants})
    for deadline in claimed.instants:
        _fire_one(work.folders[deadline.case_id], deadline, claimed.later[deadline.pk])
    work.write()


def _fire_one(folder: Folder, deadline: Deadline, later: list[int]) -> None:
    if not folder.state.is_open or folder.state.paused:
        return
    if deadline.kind == Deadline.Kind.CLOCK:
        _climb_clock(folder, deadline, later)
        return
    task = next((task for task in folder.tasks if task.pk == deadline.task_id and task.is_open), None)
    if task is None:
        return
    step = folder.procedure.steps[task.step]
    match deadline.kind:
        case Deadline.Kind.RUNG:
            _climb(folder, task, step, deadline, later)
        case Deadline.Kind.WATCH:
            _watch(folder, task, step, deadline)
        case Deadline.Kind.WAIT:
            _go_on(folder, task, step)


def _told_above(
    folder: Folder, ladder: Sequence[Rung], rung: int, later: list[int], people: Callable[[Rung], list[Person]]
) -> set[str]:
    """Whom later rungs tell that have come as well, because no worker ran meanwhile: they hear of the last one only. An outcome
    that a rung takes ends the ladder."""
    told: set[str] = set()
    for number in [rung, *later]:
        if number >= len(ladder):
            break
        if number != rung:
            told |= set(folder.work.told_of(people(ladder[number]), folder))
        if ladder[number].takes:
            break
    return told


def _climb_clock(folder: Folder, deadline: Deadline, later: list[int]) -> None:
    """The ladder of a clock that spans steps: `assignee` is everyone who has a task of the case."""
    clock = folder.procedure.clocks[deadline.row]
    ladder = read_ladder(clock.escalate, folder.running.pack.ladders, folder.running.pack.default_ladder)
    if deadline.rung >= len(ladder) or folder.state.data.get(clock.until) is not None:
        return
    rung = ladder[deadline.rung]
    open_tasks = [task for task in folder.tasks if task.is_open]
    step = open_tasks[0].step if open_tasks else folder.procedure.first_step
    circumstances = folder.circumstances(step, "", folder.holders(*open_tasks))
    above = _told_above(folder, ladder, deadline.rung, later, lambda rung: told(rung.hear, circumstances))
    people = told(rung.hear, circumstances)
    if rung.every:
        folder.plan_clock_again(deadline)
    kind = _kind(rung, not rung.is_reminder)
    folder.work.tell(f"clock_{kind}", people, folder, step, but=above, clock=deadline.row)
    folder.record(f"clock.{kind}", clock=deadline.row, told=_but(people, above), rung=deadline.rung)
    if rung.opens and open_tasks:
        _open_beside(folder, rung.opens, open_tasks[0])


def _climb(folder: Folder, task: Task, step: Step, deadline: Deadline, later: list[int]) -> None:
    ladder = folder.running.pack.ladder(step)
    if deadline.rung >= len(ladder):
        return
    rung: Rung = ladder[deadline.rung]
    if rung.every:
        folder.plan_again(task, deadline)
    is_late = task.due_at is not None and deadline.at >= task.due_at
    if is_late and task.late_at is None:
        task.late_at = deadline.at
        folder.mark(task)
    people = _people(folder, task, rung.hear)
    above = _told_above(folder, ladder, deadline.rung, later, lambda rung: _people(folder, task, rung.hear))
    kind = _kind(rung, is_late)
    if rung.shares:
        folder.asked.append((task, Assignment.Part.DO, _people(folder, task, rung.shares)))
    due_at = task.due_at.isoformat() if task.due_at else None
    folder.work.tell(kind, people, folder, task.step, task.item, but=above, due_at=due_at)
    folder.record(f"task.{kind}", step=task.step, item=task.item, told=_but(people, above), rung=deadline.rung)
    if rung.opens:
        _open_beside(folder, rung.opens, task)
    if rung.takes:
        folder.complete(task.step, task.item, rung.takes, {})


LIMIT_TOLD = ("reminder", "repeated", "overdue", "escalated", "row_overdue")
"""The kinds of messages about a time limit, of a task or of a row it watches."""


def _kind(rung: Rung, is_late: bool) -> str:
    if rung.every:
        return "repeated"
    if rung.at == "due":
        return "overdue" if is_late else "reminder"
    return "reminder" if rung.is_reminder and not is_late else "escalated"


def _watch(folder: Folder, task: Task, step: Step, deadline: Deadline) -> None:
    watch = step.watch[deadline.rung]
    context = {**folder.context(task.step, task.item), **_draft(folder, task)}
    rows = context.get(watch.rows) or []
    index = int(deadline.row)
    if index >= len(rows) or holds(watch.done, {**context, "row": rows[index]}):
        return
    people = _people(folder, task, watch.tell)
    folder.work.tell("row_overdue", people, folder, task.step, task.item, row=index)
    folder.record("task.row_overdue", step=task.step, item=task.item, row=index, told=[person.key for person in people])
    if watch.opens:
        _open_beside(folder, watch.opens, task)


def _draft(folder: Folder, task: Task) -> dict[str, object]:
    """What the task's holder has saved but not submitted counts as seen."""
    return decoded(folder.procedure.form, task.draft)


def _open_beside(folder: Folder, step: str, because: Task) -> None:
    move = advance.open_beside(folder.procedure, folder.state, step, (because.step, because.item), folder.facts())
    if move:
        item = move.opened[0].item if move.opened else ""
        folder.move(move, "task.opened_beside", step=step, item=item, because=because.step)


def _go_on(folder: Folder, task: Task, step: Step) -> None:
    outcomes = step.all_outcomes()
    folder.complete(task.step, task.item, "elapsed" if "elapsed" in outcomes else next(iter(outcomes)), {})


def _but(people: list[Person], others: Collection[str]) -> list[str]:
    return [person.key for person in people if person.key not in others]


def _people(folder: Folder, task: Task, words: tuple[str, ...]) -> list[Person]:
    """`assignee` is whoever has the task, and whose signature it waits for."""
    return told(words, folder.circumstances(task.step, task.item, folder.holders(task)))
