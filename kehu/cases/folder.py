"""One case at work: what its rules are read against, how it moves, and the rows that follow from a move.

Nothing is stored here: a folder gathers tasks, assignments, instants and events, and the `Work` that holds it writes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kehu.core import events
from kehu.engine import advance
from kehu.engine.advance import Effect, Move, State, Token
from kehu.engine.definitions import ChildEnd, Opening, Procedure, Step, read_ladder
from kehu.engine.records import Data, compute, encoded, rows_of, value_of
from kehu.ledgers.customers.models import Customer
from kehu.organizations.calendars import Suspension as Pause
from kehu.organizations.queries import Person
from kehu.procedures import revisions
from kehu.procedures.packs import Running

from . import deadlines
from .assignment import Circumstances, assigned, excluded_by, roles_of, told
from .models import Case, Deadline, Suspension, Task
from .moves import as_facts, return_facts, state_of
from .steps import OPERATIONS

if TYPE_CHECKING:
    from .work import Work


class Folder:
    """One case at work."""

    def __init__(self, work: Work, case: Case, running: Running, tasks: list[Task]):
        self.work, self.case, self.running, self.tasks = work, case, running, tasks
        self.state = state_of(case, running.procedure, tasks)
        self.touched = False
        self.new_tasks: list[Task] = []
        self.changed_tasks: list[Task] = []
        self.assigned: dict[tuple[str, str], list[Person]] = {}
        """Who gets the tasks opened now, by their place (step, row)."""
        self.clocks_replanned: dict[str, list[deadlines.Planned]] = {}
        self.replanned: dict[tuple[str, str], list[deadlines.Planned]] = {}

    @property
    def procedure(self) -> Procedure:
        return self.running.procedure

    # -- what expressions and roles are read against

    def facts(self, **more: Any) -> dict[str, Any]:
        work, customer = self.work, self.case.customer
        return {
            "now": work.now,
            "today": work.local.date(),
            "zone": work.local.tzinfo,
            "by": work.by_key,
            "by_department": work.by.departments[0] if work.by and work.by.departments else None,
            "starter": self.starter,
            "number": self.case.number,
            "round": self.state.round,
            "likeness": 0,
            "customer": customer_facts(customer),
            "settings": {key: setting.value for key, setting in self.running.pack.settings.items()},
            **more,
        }

    @property
    def starter(self) -> str:
        person = self.work.people.by_id.get(self.case.opener_id or 0)
        return person.key if person else ""

    def context(self, step: str, item: str = "", **more: Any) -> dict[str, Any]:
        each = self.procedure.steps[step].each
        row = rows_of(self.procedure.form, self.state.data, each.rows).get(item) if each and item else None
        return {**self.state.data, **self.facts(**more), "item": row}

    def circumstances(self, step: str, item: str = "", people: tuple[Person, ...] = ()) -> Circumstances:
        return Circumstances(
            pack=self.running.pack,
            directory=self.work.people,
            tables=self.running.tables,
            context=self.context(step, item),
            doers={task.step: doer for task in self.tasks if (doer := self._doer(task))},
            starter=self.starter,
            owner=self.procedure.owner,
            assigned=people,
        )

    def _doer(self, task: Task) -> str:
        person = self.work.people.by_id.get(task.done_by_id or 0)
        return person.key if task.state == Task.State.DONE and person else ""

    def submitters(self, step: str, item: str) -> set[str]:
        """Who may not do this step, having submitted what it approves."""

        def doers(approved: str) -> list[str]:
            mine = [
                task for task in self.tasks if task.step == approved and task.item in ("", item) and self._doer(task)
            ]
            return [self._doer(mine[-1])] if mine else []

        return excluded_by(self.procedure.steps[step], self.procedure, doers)

    def task(self, step: str, item: str = "") -> Task | None:
        """The open task of that place."""
        return next((task for task in self.tasks if task.is_open and (task.step, task.item) == (step, item)), None)

    # -- moving

    def move(self, move: Move, event: str, *, values: Data | None = None, reason: str = "", **facts: Any) -> None:
        """The move, as rows; then everything that follows from it."""
        before = self.state
        self.touched = True
        self.case.version += 1
        move = replace(move, changes=self._with_lateness(before, move))
        self.state = before.after(move)
        told_of_it = self._close(move.closed, move, values or {}, reason) if move.closed else []
        for token in move.canceled:
            self._end(token, Task.State.HALTED if move.halted else Task.State.CANCELED)
        self._sync_arrivals()
        for token in move.opened:
            self._open(token)
        self._keep_suspensions(before)
        self._replan(opened={token.place for token in move.opened})
        self._replan_clocks(before)
        if told_of_it:
            facts["told"] = [person.key for person in told_of_it]
        self.record(event, move=as_facts(move), reason=reason, **facts)
        self._update_case()
        for effect in move.effects:
            self._follow(effect)
        if before.is_open and not self.state.is_open:
            self._ended()

    def _close(self, token: Token, move: Move, values: Data, reason: str) -> list[Person]:
        """The task is done; gives whom the step tells of it."""
        task = self._row(token)
        task.state = Task.State.DONE if move.outcome else Task.State.SENT_BACK
        task.closed_at, task.closed_version = self.work.now, self.case.version
        task.done_by_id = self.work.by.id if self.work.by else None
        task.outcome, task.reason, task.filled, task.draft = move.outcome, reason, encoded(values), {}
        self.mark(task)
        step = self.procedure.steps[token.step]
        outcome = step.all_outcomes().get(move.outcome)
        words = (*step.tells, *(outcome.tells if outcome else ()))
        people = told(words, self.circumstances(token.step, token.item)) if words else []
        self.work.tell("told", people, self, token.step, token.item, outcome=move.outcome)
        return people

    def _end(self, token: Token, state: Task.State) -> None:
        task = self._row(token)
        task.state, task.closed_at, task.closed_version = state, self.work.now, self.case.version
        self.mark(task)

    def _row(self, token: Token) -> Task:
        task = self.task(token.step, token.item)
        assert task, f"{self.case} has no open task {token.place}"
        return task

    def mark(self, task: Task) -> None:
        """The task's row is written with the rest."""
        if task not in self.new_tasks and task not in self.changed_tasks:
            self.changed_tasks.append(task)

    def _sync_arrivals(self) -> None:
        rows = {(task.step, task.item): task for task in self.tasks if task.state == Task.State.ARRIVED}
        wanted = {(step, place) for step, places in self.state.arrived.items() for place in places}
        for arrived, task in rows.items():
            if arrived not in wanted:
                task.state, task.closed_at = Task.State.CANCELED, self.work.now
                self.mark(task)
        for step, place in sorted(wanted - rows.keys()):
            self._add(Task(step=step, item=place, state=Task.State.ARRIVED, kind="join"))

    def _add(self, task: Task) -> Task:
        task.organization, task.case = self.work.organization, self.case
        task.opened_at, task.round = self.work.now, self.state.round
        self.tasks.append(task)
        self.new_tasks.append(task)
        return task

    def _open(self, token: Token) -> None:
        step = self.procedure.steps[token.step]
        returns = [return_facts(back) for back in token.returns]
        task = self._add(Task(step=token.step, item=token.item, kind=step.kind, returns=returns))
        if step.kind != "task":
            return
        self.assigned[token.place] = people = self._people_for(token, step)
        task.department = next((unit for person in people for unit in person.departments), "")
        if self.work.by and [person.key for person in people] == [self.work.by.key]:
            return
        self.work.tell("task_opened", people, self, token.step, token.item)

    def _people_for(self, token: Token, step: Step) -> list[Person]:
        """Who did a step before has it again; otherwise the step's role says."""
        again = [
            task for task in self.tasks if task.step == token.step and task.item == token.item and self._doer(task)
        ]
        circumstances = self.circumstances(token.step, token.item)
        excluded = self.submitters(token.step, token.item)
        if again and token.returns:
            return [self.work.people.people[self._doer(again[-1])]]
        if token.step == self.procedure.first_step and self.starter and not again:
            return [self.work.people.people[self.starter]]
        return assigned(roles_of(step, circumstances), circumstances, excluded)

    # -- clocks

    @cached_property
    def _suspensions(self) -> list[Suspension]:
        is_stored = any(task.pk for task in self.tasks)
        can_pause = any(clock.paused_by for clock in self.procedure.clocks.values())
        return list(Suspension.objects.filter(case=self.case)) if is_stored and can_pause else []

    def pauses(self) -> dict[str, tuple[Pause, ...]]:
        found: dict[str, tuple[Pause, ...]] = {}
        for row in self._suspensions:
            found[row.clock] = (*found.get(row.clock, ()), Pause(row.started_at, row.ended_at, row.reason))
        return found

    def _keep_suspensions(self, before: State) -> None:
        """A clock stands still while one of the steps that pause it is open."""
        for key, clock in self.procedure.clocks.items():
            if not clock.paused_by:
                continue
            was = any(token.step in clock.paused_by for token in before.tokens)
            is_now = any(token.step in clock.paused_by for token in self.state.tokens)
            if is_now and not was:
                row = Suspension.objects.create(
                    organization=self.work.organization,
                    case=self.case,
                    clock=key,
                    started_at=self.work.now,
                    reason=clock.paused_by[0],
                )
                self._suspensions.append(row)
            elif was and not is_now:
                for row in self._suspensions:
                    if row.clock == key and row.ended_at is None:
                        row.ended_at = self.work.now
                        row.save(update_fields=["ended_at"])

    def _with_lateness(self, before: State, move: Move) -> Data:
        """When a clock's end is set, the minutes over its limit are kept."""
        changes = dict(move.changes)
        for key, clock in self.procedure.clocks.items():
            ended_at = changes.get(clock.until)
            if clock.late is None or ended_at is None or not isinstance(ended_at, datetime):
                continue
            reading = self._reading({**before.data, **changes, **self.facts()}, self.work.now, self.procedure.owner)
            pauses = {
                name: tuple(replace(pause, end=pause.end or self.work.now) for pause in found)
                for name, found in self.pauses().items()
            }
            changes[clock.late] = deadlines.late_minutes(key, clock, replace(reading, suspensions=pauses), ended_at)
        if changes == move.changes:
            return changes
        after = compute(self.procedure.form, {**before.data, **changes}, self.facts())
        return {key: value for key, value in after.items() if key not in before.data or before.data[key] != value}

    def _replan(self, opened: set[tuple[str, str]]) -> None:
        """Due times follow the record: what changed is counted again."""
        for task in self.tasks:
            if not task.is_open:
                continue
            step = self.procedure.steps[task.step]
            reading = self.reading(task)
            limit = deadlines.limit(step, self.procedure, reading)
            planned = deadlines.instants(step, self.running.pack, limit, reading)
            due_at = limit.instant.at if limit else None
            moved = due_at != task.due_at
            if task.pk is not None and (task.step, task.item) not in opened:
                if not moved and not step.watch and not step.wait:
                    continue
                waiting, fired = self._stored(task)
                planned = [one for one in planned if one.place not in fired]
                if not moved and {one.place for one in planned} == waiting:
                    continue
            if moved:
                task.late_at = None
            task.due_at, task.due_is_provisional = due_at, bool(limit and limit.instant.provisional)
            self.replanned[task.step, task.item] = planned
            self.mark(task)

    def _stored(self, task: Task) -> tuple[set[deadlines.Place], set[deadlines.Place]]:
        """The task's instants that are still to come, and those that have fired and must not again."""
        rows = list(Deadline.objects.filter(task=task))
        waiting = {(row.kind, row.rung, row.row, row.at) for row in rows if row.active}
        fired = {(row.kind, row.rung, row.row, row.at) for row in rows if row.fired_at}
        return waiting, fired

    def limit(self, task: Task) -> deadlines.Counted | None:
        return deadlines.limit(self.procedure.steps[task.step], self.procedure, self.reading(task))

    def clock_limit(self, key: str) -> deadlines.Counted | None:
        """A clock's limit as it stands; None where it has not begun, or while it stands still."""
        reading = self._reading({**self.state.data, **self.facts()}, self.work.now, self.procedure.owner)
        return deadlines.clock_limit(key, self.procedure.clocks[key], reading)

    def reading(self, task: Task) -> deadlines.Reading:
        """The task's limit is counted with the calendar of the department that has it, unless one was agreed with the customer."""
        return self._reading(
            self.context(task.step, task.item), task.opened_at, task.department or self.procedure.owner
        )

    def _reading(self, context: Mapping[str, Any], opened_at: datetime, department: str) -> deadlines.Reading:
        calendar = self.work.people.calendar(department, self.case.customer.code if self.case.customer else "")
        return deadlines.Reading(context, opened_at, calendar, self.pauses(), self.running.tables)

    def _replan_clocks(self, before: State) -> None:
        """A clock with a ladder of its own: its rungs follow its start and its pauses."""
        for key, clock in self.procedure.clocks.items():
            if clock.escalate is None:
                continue
            facts = self.facts()
            was, now = (
                value_of(clock.from_, {**before.data, **facts}),
                value_of(clock.from_, {**self.state.data, **facts}),
            )
            paused_now = {token.step for token in self.state.tokens} & set(clock.paused_by)
            if was == now and paused_now == {token.step for token in before.tokens} & set(clock.paused_by):
                continue
            limit = deadlines.clock_limit(
                key, clock, self._reading({**self.state.data, **facts}, self.work.now, self.procedure.owner)
            )
            ladder = read_ladder(clock.escalate, self.running.pack.ladders, self.running.pack.default_ladder)
            self.clocks_replanned[key] = list(deadlines.rungs(ladder, limit, "clock", key)) if limit else []

    def recount(self) -> None:
        """Due times counted anew, because the calendar changed."""
        self.touched = True
        self._replan(opened=set())
        if self.replanned:
            self.record("case.recounted", due={task.step: task.due_at for task in self.tasks if task.is_open})
            self._update_case()

    # -- what follows

    def record(self, name: str, **facts: Any) -> None:
        self.touched = True
        self.case.events += 1
        event = events.link(
            organization_id=self.work.organization.pk,
            stream=f"case:{self.case.pk}",
            sequence=self.case.events,
            previous=self.case.chain_head,
            name=name,
            at=self.work.now,
            by=self.work.by_key,
            facts=encoded({key: value for key, value in facts.items() if value not in ("", None)}),
        )
        self.case.chain_head = event.digest
        self.work.events.append(event)

    def _update_case(self) -> None:
        case, state = self.case, self.state
        case.data, case.status, case.round, case.changed_at = (
            encoded(state.data),
            state.status,
            state.round,
            self.work.now,
        )
        case.closed_at = None if state.is_open else case.closed_at or self.work.now
        case.due_at = min((task.due_at for task in self.tasks if task.is_open and task.due_at), default=None)

    def _follow(self, effect: Effect) -> None:
        if effect.opening:
            self._open_child(effect, effect.opening)
        elif effect.does:
            self._perform(effect)

    def _perform(self, effect: Effect) -> None:
        """A named operation. A step that rests until its answer is completed with it."""
        context = self.context(effect.step, effect.item)
        arguments = {key: value_of(text, context) for key, text in effect.arguments.items()}
        answer = OPERATIONS[effect.does](self, arguments, context)
        if self.procedure.steps[effect.step].role and self.state.token(effect.step, effect.item):
            outcome, values = answer or (None, {})
            self.complete(effect.step, effect.item, outcome, values)

    def _open_child(self, effect: Effect, opening: Opening) -> None:
        context = self.context(effect.step, effect.item)
        people = (self.work.by,) if self.work.by else ()
        starters = told((opening.by,), self.circumstances(effect.step, effect.item, people))
        starter = starters[0] if starters else self.work.by
        written = self.work.procedures[opening.procedure]
        assert written.current
        form = revisions.running(written.current).procedure.form
        data = {key: value_of(text, context) for key, text in opening.with_.items()}
        data = {key: value for key, value in data.items() if form.field(key) is not None}
        child = self.work.new(
            opening.procedure, customer=self.case.customer, opener=starter, data=data, parent=self, step=effect.step
        )
        self.record("case.opened_another", number=child.case.number, step=effect.step)
        if opening.submit:
            child.complete(child.procedure.first_step, "", None, {})

    def complete(self, step: str, item: str, outcome: str | None, values: Data, reason: str = "", **facts: Any) -> Move:
        """The engine's move for a completed step, made."""
        known = self.facts(reason=reason, **facts)
        move = advance.complete(self.procedure, self.state, step, item, outcome, values, known)
        self.move(move, "task.completed", values=values, reason=reason, step=step, item=item, outcome=move.outcome)
        return move

    def _ended(self) -> None:
        """The case that opened this one may have waited for it."""
        if self.case.parent_id is None:
            return
        parent = self.work.take(pk=self.case.parent_id)
        if not parent.state.is_open:
            return
        ending = self._ending_for(parent)
        if ending and parent.state.token(ending.complete):
            values = {key: value_of(text, {**self.state.data, **self.facts()}) for key, text in ending.with_.items()}
            parent.complete(ending.complete, "", ending.outcome, values, child=self.case.number)
        for token in parent.state.tokens:
            wait = parent.procedure.steps[token.step].wait
            if wait and wait.case == self.procedure.key:
                outcomes = parent.procedure.steps[token.step].all_outcomes()
                outcome = self.state.status if self.state.status in outcomes else next(iter(outcomes))
                parent.complete(token.step, token.item, outcome, {}, child=self.case.number)

    def _ending_for(self, parent: Folder) -> ChildEnd | None:
        step = parent.procedure.steps[self.case.parent_step]
        openings = [*step.opens, *(opening for outcome in step.outcomes.values() for opening in outcome.opens)]
        return next(
            (
                opening.when_it_ends[self.state.status]
                for opening in openings
                if opening.procedure == self.procedure.key and self.state.status in opening.when_it_ends
            ),
            None,
        )


def customer_facts(customer: Customer | None) -> dict[str, Any] | None:
    if customer is None:
        return None
    return {
        "code": customer.code,
        "name": customer.name,
        "class": customer.grade,
        "is_key": customer.is_key,
        "owner": customer.owner.key if customer.owner else None,
    }
