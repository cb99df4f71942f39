"""What happens when an instant comes: a reminder, a task overdue, a rung of the ladder, a watched row, the end of a wait.

Workers claim due instants one at a time and fire each in its own transaction. Whether it still matters is asked then, under
the case's lock: an instant of a task that is done does nothing. Fired late, because no worker ran, it still counts from its own moment.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime

from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet

from kehu.core.models import Organization
from kehu.core.scope import scope
from kehu.engine import advance
from kehu.engine.definitions import Rung, Step, read_ladder
from kehu.engine.records import decoded, holds
from kehu.organizations.queries import Person

from .assignment import told
from .folder import Folder
from .models import Assignment, Deadline, Task
from .work import Work

log = logging.getLogger("kehu.deadlines")


def fire_due(
    now: datetime, *, limit: int = 1000, organization: Organization | None = None, cases: Collection[int] | None = None
) -> int:
    """Fires every instant that has come, oldest first; gives how many."""
    fired = 0
    while fired < limit and _fire_next(now, organization, cases):
        fired += 1
    return fired


def run_until(start: datetime, end: datetime, organization: Organization, cases: Collection[int] | None = None) -> int:
    """The worker's work while a clock moves from `start` to `end`: every instant is fired at its own time, and what that starts
    comes in its turn. For stories and a demo's clock."""
    fired = 0
    while following := _waiting(end, organization, cases).values_list("at", flat=True).first():
        done = fire_due(max(following, start), organization=organization, cases=cases)
        if not done:
            break
        fired += done
    return fired


def _waiting(now: datetime, organization: Organization | None, cases: Collection[int] | None) -> QuerySet[Deadline]:
    waiting = Deadline.everywhere.filter(active=True, at__lte=now).order_by("at", "id")
    if organization:
        waiting = waiting.filter(organization=organization)
    return waiting if cases is None else waiting.filter(case__in=cases)


def _fire_next(now: datetime, organization: Organization | None, cases: Collection[int] | None) -> bool:
    deadline = None
    try:
        with transaction.atomic():
            deadline = _claim(now, organization, cases)
            if deadline is not None:
                with scope(deadline.organization):
                    _fire(deadline, now)
    except DatabaseError:
        raise
    except Exception as error:
        if deadline is None:
            raise
        # One instant that cannot be fired (a mistake in a pack) must not stand in the way of all others.
        log.exception("instant %s of case %s could not be fired", deadline.pk, deadline.case_id)
        Deadline.everywhere.filter(pk=deadline.pk).update(active=False, error=f"{type(error).__name__}: {error}"[:2000])
    return deadline is not None


def _claim(now: datetime, organization: Organization | None, cases: Collection[int] | None) -> Deadline | None:
    """The next instant, for this worker alone."""
    waiting = _waiting(now, organization, cases).select_related("organization", "case")
    if connection.features.has_select_for_update_skip_locked:
        # The case's lock first, as every action takes it; a case somebody is working on is left for the next turn.
        waiting = waiting.select_for_update(skip_locked=True, of=("case",))
    while deadline := waiting.first():
        # The update is the claim: one worker wins it; who lost looks for the next.
        if Deadline.everywhere.filter(pk=deadline.pk, active=True).update(active=False, fired_at=now):
            return deadline
    return None


def _fire(deadline: Deadline, now: datetime) -> None:
    work = Work(deadline.organization, None, now)
    folder = work.take(pk=deadline.case_id)
    if not folder.state.is_open:
        return
    if deadline.kind == Deadline.Kind.CLOCK:
        _climb_clock(folder, deadline)
        work.write()
        return
    task = next((task for task in folder.tasks if task.pk == deadline.task_id and task.is_open), None)
    if task is None:
        return
    step = folder.procedure.steps[task.step]
    match deadline.kind:
        case Deadline.Kind.RUNG:
            _climb(folder, task, step, deadline)
        case Deadline.Kind.WATCH:
            _watch(folder, task, step, deadline)
        case Deadline.Kind.WAIT:
            _go_on(folder, task, step)
    work.write()


def _climb_clock(folder: Folder, deadline: Deadline) -> None:
    """The ladder of a clock that spans steps: `assignee` is everyone who has a task of the case."""
    clock = folder.procedure.clocks[deadline.row]
    ladder = read_ladder(clock.escalate, folder.running.pack.ladders, folder.running.pack.default_ladder)
    if deadline.rung >= len(ladder) or folder.state.data.get(clock.until) is not None:
        return
    rung = ladder[deadline.rung]
    open_tasks = [task for task in folder.tasks if task.is_open]
    step = open_tasks[0].step if open_tasks else folder.procedure.first_step
    members = Assignment.objects.filter(task__in=open_tasks, is_open=True).values_list("member_id", flat=True)
    assigned = tuple(dict.fromkeys(person for key in members if (person := folder.work.people.by_id.get(key))))
    people = told(rung.tell, folder.circumstances(step, "", assigned))
    kind = "reminder" if rung.is_reminder else "overdue" if rung.at else "escalated"
    folder.work.tell(f"clock_{kind}", people, folder, step, clock=deadline.row)
    folder.record(f"clock.{kind}", clock=deadline.row, told=[person.key for person in people], rung=deadline.rung)
    if rung.opens and open_tasks:
        _open_beside(folder, rung.opens, open_tasks[0])


def _climb(folder: Folder, task: Task, step: Step, deadline: Deadline) -> None:
    ladder = folder.running.pack.ladder(step)
    if deadline.rung >= len(ladder):
        return
    rung: Rung = ladder[deadline.rung]
    is_late = task.due_at is not None and deadline.at >= task.due_at
    if is_late and task.late_at is None:
        task.late_at = deadline.at
        folder.mark(task)
    people = _people(folder, task, rung.tell)
    kind = "reminder" if not is_late else "overdue" if deadline.is_due else "escalated"
    folder.work.tell(
        kind, people, folder, task.step, task.item, due_at=task.due_at.isoformat() if task.due_at else None
    )
    folder.record(
        f"task.{kind}", step=task.step, item=task.item, told=[person.key for person in people], rung=deadline.rung
    )
    if rung.opens:
        _open_beside(folder, rung.opens, task)
    if rung.takes:
        folder.complete(task.step, task.item, rung.takes, {})


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
    move = advance.open_beside(folder.procedure, folder.state, step, folder.facts())
    if move:
        folder.move(move, "task.opened_beside", step=step, because=because.step)


def _go_on(folder: Folder, task: Task, step: Step) -> None:
    outcomes = step.all_outcomes()
    folder.complete(task.step, task.item, "elapsed" if "elapsed" in outcomes else next(iter(outcomes)), {})


def _people(folder: Folder, task: Task, words: tuple[str, ...]) -> list[Person]:
    members = [assignment.member_id for assignment in task.assignments.filter(is_open=True)]
    assigned = tuple(person for key in members if (person := folder.work.people.by_id.get(key)))
    return told(words, folder.circumstances(task.step, task.item, assigned))
