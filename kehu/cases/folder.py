"""One case at work: what its rules are read against, how it moves, and the rows that follow from a move.

Nothing is stored here: a folder gathers tasks, assignments, instants and events, and the `Work` that holds it writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from kehu.core import events, numbering
from kehu.core.refusals import BadData, Finding
from kehu.core.rows import Kept
from kehu.engine import advance
from kehu.engine.advance import ASK, NUMBER, Effect, Move, Signer, State, Token
from kehu.engine.definitions import ChildEnd, FieldDefinition, Form, Opening, Procedure, Rung, Step, read_ladder
from kehu.engine.records import Data, Encoded, compute, encoded, rows_of, typed, value_of
from kehu.engine.roles import parse_role
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.customers.queries import by_code, facts_of
from kehu.organizations.calendars import Suspension as Pause
from kehu.organizations.permissions import whose
from kehu.organizations.queries import Person
from kehu.procedures import revisions
from kehu.procedures.packs import Running

from . import deadlines
from .assignment import Circumstances, assigned, excluded_by, parties_of, told
from .models import Assignment, Attachment, Case, Deadline, Suspension, Task
from .moves import as_facts, return_facts, signer_facts, state_of, token_of
from .posting import Answer
from .posting.reading import Unfit
from .refusals import RuleUndecided, SwitchedOff
from .steps import OPERATIONS
from .words import texts_of

if TYPE_CHECKING:
    from .work import Work


Given = tuple[Task, Assignment.Part, list[Person]]
"""A task, what is to be done about it, and in whose inbox it therefore is."""


@dataclass(frozen=True)
class Beginning:
    """A case to be opened."""

    procedure: str
    customer: Customer | None
    opener: Person | None
    data: Data = field(default_factory=dict)
    parent: Folder | None = None
    step: str = ""
    """Of the parent, which opens it."""
    said: Mapping[str, Any] = field(default_factory=dict)
    """What is about to be filled at its first step, as far as its number speaks of it."""
    number: str = ""
    """One that was given before; otherwise it gets the next."""
    because: Mapping[str, Any] = field(default_factory=dict)
    """Kept with its opening."""


class Folder:
    """One case at work."""

    def __init__(self, work: Work, case: Case, running: Running, tasks: list[Task]):
        self.work, self.case, self.running, self.tasks = work, case, running, tasks
        for task in tasks:
            task.case = case
        self.state = state_of(case, running.procedure, tasks)
        self.touched = False
        self.entered: list[tuple[str, int]] = []
        """What the operation at work adds to ledgers: the ledger, and the entry's key."""
        self._data_before = case.data if tasks else None
        self.new_tasks: list[Task] = []
        self.changed_tasks: list[Task] = []
        self.moved: list[Task] = []
        """Tasks there were before, whose due time is another now."""
        self.assigned: dict[tuple[str, str], list[Person]] = {}
        """Who gets the tasks opened now, by their place (step, row)."""
        self.asked: list[Given] = []
        """In whose inbox a task is from now on, besides."""
        self.relieved: list[tuple[Task, Assignment.Part, list[int] | None]] = []
        self._told_relieved = self._told_asked = 0
        self._told_assigned: dict[tuple[str, str], list[Person]] = {}
        """In whose inbox it no longer is (members' ids; None for all)."""
        self.typed_so_far: dict[tuple[str, str], Data] = {}
        """What had been typed into a task that somebody outside completed: it stands in it again where it opens anew."""
        self.restored: dict[tuple[str, str], datetime] = {}
        """Tasks that stand again: since when they were closed."""
        self.clocks_replanned: dict[str, list[deadlines.Planned]] = {}
        self.replanned: dict[tuple[str, str], list[deadlines.Planned]] = {}
        self.again: list[tuple[Task | None, deadlines.Planned]] = []
        """The next instants of rungs that repeat; without a task, of a clock's ladder."""
        self._told_again = 0

    @property
    def procedure(self) -> Procedure:
        return self.running.procedure

    def new_texts(self) -> list[str]:
        """What it is found by from now on and was not before."""
        if not self.touched:
            return []
        before = texts_of(self.running, self._data_before) if self._data_before is not None else ()
        texts = [text for text in texts_of(self.running, self.case.data) if text not in before]
        return texts if self._data_before is not None else [self.case.number, *texts]

    # -- what expressions and roles are read against

    def facts(self, **more: Any) -> dict[str, Any]:
        work = self.work
        return {
            "now": work.now,
            "today": work.local.date(),
            "zone": work.local.tzinfo,
            "by": work.by_key,
            "by_department": work.by.departments[0] if work.by and work.by.departments else None,
            "by_positions": self._positions_acting,
            "starter": self.starter,
            "number": self.case.number,
            "round": self.state.round,
            "likeness": 0,
            "customer": self._customer_facts,
            "settings": self.running.pack.settings_values,
            ASK: self._ask,
            NUMBER: self.next_number,
            **more,
        }

    def _ask(self, question: str, arguments: Mapping[str, Any], data: Data) -> Data:
        """A ledger's answer, for the record as it will stand."""
        return (self.operate(question, arguments, {**data, **self.facts()}) or (None, {}))[1]

    def operate(self, operation: str, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
        try:
            return OPERATIONS[operation](self, arguments, context)
        except Unfit as error:
            raise RuleUndecided(rule=f"{operation}: {error}") from error

    def answers(self, step: str, item: str = "", data: Data | None = None) -> Data:
        """What ledgers say today to the questions of an open step, were this the record."""
        definition = self.procedure.steps[step]
        if not definition.asks:
            return {}
        data = self.state.data if data is None else data
        return advance.answers_to(self.procedure, definition, data, {**self.context(step, item), **data})

    def next_number(self, series: str) -> str:
        """The next number of a series of the pack."""
        return numbering.next_numbers(self.work.organization, [self.numbered(series)])[0]

    def numbered(self, series: str, day: date | None = None) -> numbering.Wanted:
        return numbering.Wanted(
            self.running.pack.numbering[series],
            day or self.work.local.date(),
            self.case.customer.code if self.case.customer else "",
            self.starter,
        )

    @property
    def _positions_acting(self) -> list[str]:
        """Of who acts, and of whom he stands in for in this act."""
        people = self.work.people.people
        acting = [people[self.work.acting.principal]] if self.work.acting else []
        return [post.key for person in (self.work.by, *acting) if person for post in person.posts]

    @cached_property
    def _customer_facts(self) -> dict[str, Any] | None:
        return facts_of(self.case.customer, self.work.people) if self.case.customer else None

    def know_customer(self, customer: Customer | None) -> None:
        """He is as he was read now: what rules ask of him follows."""
        self.case.customer = customer
        self.__dict__.pop("_customer_facts", None)

    def belong_to(self, customer: Customer, reason: str = "") -> None:
        """The case is that customer's from now on: it has found him, or he was merged into another."""
        before = self.case.customer.code if self.case.customer else ""
        self.know_customer(customer)
        self.record("case.customer_set", customer=customer.code, before=before, reason=reason)

    @property
    def starter(self) -> str:
        return self.work.people.keys.get(self.case.opener_id or 0, "")

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
            doers={task.step: doer for task in self.tasks if (doer := self._whose_deed(task))},
            starter=self.starter,
            owner=self.procedure.owner,
            assigned=people,
            procedure=self.procedure.key,
            amount=self.amount,
        )

    @property
    def amount(self) -> Decimal | None:
        """What the case is about in money; None where its procedure does not say, or nothing is filled yet."""
        return self.amount_of(self.state.data)

    def amount_of(self, data: Data) -> Decimal | None:
        """The same, were this the record."""
        if self.procedure.amount is None:
            return None
        value = value_of(self.procedure.amount, {**data, **self.facts()})
        return None if value is None else Decimal(str(value))

    def _whose_deed(self, task: Task) -> str:
        """Who did the step, or for whom it was done; of what somebody outside answered, who had invited him."""
        guest = task.acting.get("guest") if task.state == Task.State.DONE else None
        return str(guest["invited_by"]) if guest else (principal_of(task) or [self._doer(task)])[0]

    def _doer(self, task: Task) -> str:
        return self.work.people.keys.get(task.done_by_id or 0, "") if task.state == Task.State.DONE else ""

    def submitters(self, step: str, item: str) -> set[str]:
        """Who may not do this step: whoever submitted what it approves, and whoever stands in for him now."""
        submitted = self.submitted(step, item)
        stand_ins = self.work.people.stand_ins
        return submitted | {one.deputy for key in submitted for one in stand_ins.get(key, ())}

    def submitted(self, step: str, item: str) -> set[str]:
        """Who submitted what this step approves, himself or through a deputy; then the deputy too."""

        def doers(approved: str) -> list[str]:
            mine = [
                task for task in self.tasks if task.step == approved and task.item in ("", item) and self._doer(task)
            ]
            return [self._doer(mine[-1]), *principal_of(mine[-1])] if mine else []

        return excluded_by(self.procedure.steps[step], self.procedure, doers)

    def task(self, step: str, item: str = "") -> Task | None:
        """The open task of that place."""
        return next((task for task in self.tasks if task.is_open and (task.step, task.item) == (step, item)), None)

    def row(self, step: str, item: str = "") -> Task:
        """The same, where it is known to be open."""
        task = self.task(step, item)
        assert task, f"{self.case} has no open task {step}[{item}]"
        return task

    def gets(self) -> Iterator[Given]:
        """The tasks opened now and still open, with who has them."""
        for place, people in self.assigned.items():
            if task := self.task(*place):
                yield task, Assignment.Part.DO, people

    # -- moving

    def move(
        self,
        move: Move,
        event: str,
        *,
        values: Data | None = None,
        reason: str = "",
        holders: Mapping[tuple[str, str], list[Person]] | None = None,
        **facts: Any,
    ) -> None:
        """The move, as rows; then everything that follows from it. `holders` have the tasks that stand again."""
        before = self.state
        self.touched = True
        self.case.version += 1
        move = replace(move, changes=self._with_lateness(before, move))
        self.state = before.after(move)
        changes = Encoded(encoded(move.changes))
        self.case.data = {**self.case.data, **changes}
        told_of_it = self._close(move.closed, move, values or {}, reason) if move.closed else []
        for token in move.canceled:
            self._end(token, Task.State.HALTED if move.halted else Task.State.CANCELED)
        for token in move.changed:
            self._change(token, values or {}, reason)
        self._sync_arrivals()
        for token in move.opened:
            self._open(token)
        for token in move.restored:
            self._restore(token, (holders or {}).get(token.place))
        if before.paused != self.state.paused:
            self._keep_pause(reason)
        self._keep_suspensions(before)
        self._replan(opened={token.place for token in move.opened}, toggled=before.paused != self.state.paused)
        self._replan_clocks(before)
        if told_of_it:
            facts["told"] = [person.key for person in told_of_it]
        self.record(event, move={**as_facts(move), "changes": changes}, reason=reason, **facts)
        self._update_case()
        for effect in move.effects:
            self._follow(effect)
        if before.is_open and not self.state.is_open:
            self._ended()

    def _close(self, token: Token, move: Move, values: Data, reason: str) -> list[Person]:
        """The task is done; gives whom the step tells of it."""
        task = self.row(*token.place)
        task.state = Task.State.DONE if move.outcome else Task.State.SENT_BACK
        task.closed_at, task.closed_version = self.work.now, self.case.version
        if task.held and token.held == move.outcome:  # who signed after has agreed: it stays the holder's completion
            task.held = ""
        else:
            task.done_by_id = self.work.by.id if self.work.by else None
            task.acting = self.work.acting_facts()
            task.reason, task.filled, task.held = reason, encoded(values), ""
        if self.work.guest and task.draft:
            self.typed_so_far[token.place] = {key: value for key, value in task.draft.items() if key not in values}
        task.outcome, task.draft = move.outcome, {}
        self.mark(task)
        step = self.procedure.steps[token.step]
        outcome = step.all_outcomes().get(move.outcome)
        words = (*step.tells, *(outcome.tells if outcome else ()))
        people = told(words, self.circumstances(token.step, token.item)) if words else []
        self.work.tell("told", people, self, token.step, token.item, outcome=move.outcome)
        return people

    def _end(self, token: Token, state: Task.State) -> None:
        task = self.row(*token.place)
        task.state, task.closed_at, task.closed_version = state, self.work.now, self.case.version
        task.held = ""
        self.mark(task)

    def _change(self, token: Token, values: Data, reason: str) -> None:
        """Other signers, or held until they have signed; in each inbox it is only while something is to be done."""
        task = self.row(*token.place)
        before = token_of(task)
        if token.held and not before.held:
            task.done_by_id = self.work.by.id if self.work.by else None
            task.filled, task.reason, task.draft = encoded(values), reason, {}
            task.acting = self.work.acting_facts()
            self.relieved.append((task, Assignment.Part.DO, None))
        elif before.held and not token.held:
            self.asked.append((task, Assignment.Part.DO, self._people([task.done_by_id])))
            task.draft, task.filled, task.reason, task.done_by_id = task.filled, {}, "", None
            task.acting = {}
        task.signers, task.held = [signer_facts(signer) for signer in token.signers], token.held
        if signed := [
            signer for signer in token.signers if signer.order == "together" and signer not in before.signers
        ]:
            done = {person.id for person in self._done_with(token, signed)}
            self.relieved.append((task, Assignment.Part.DO, sorted(done)))
            task.draft = {}
        was, now = {signer.who for signer in before.asked}, {signer.who for signer in token.asked}
        if gone := self._members(was - now):
            self.relieved.append((task, Assignment.Part.SIGN, [person.id for person in gone]))
        if new := self._members(now - was):
            self.asked.append((task, Assignment.Part.SIGN, new))
            self.work.tell("signature_asked", new, self, token.step, token.item, reason=reason)
        self.mark(task)

    def _done_with(self, token: Token, signed: list[Signer]) -> list[Person]:
        """Whose part of what several do together is done: who signed, and who could have signed in his place only."""
        circumstances = self.circumstances(token.step, token.item)
        sides = parties_of(self.procedure.steps[token.step], circumstances)
        left = {
            person
            for side, roles in enumerate(sides)
            if side not in token.sides_signed
            for person in assigned(roles, circumstances)
        }
        theirs = {person for signer in signed for person in assigned(sides[signer.side], circumstances)}
        return [*self._members(signer.who for signer in signed), *(theirs - left)]

    def _members(self, keys: Iterable[str]) -> list[Person]:
        people = self.work.people.people
        return [people[key] for key in sorted(keys) if key in people]

    def _people(self, ids: Iterable[int | None]) -> list[Person]:
        return [person for pk in ids if (person := self.work.people.by_id.get(pk or 0))]

    def _restore(self, token: Token, holders: list[Person] | None) -> None:
        """The task stands again as it stood: what was filled is typed in it, and its time counts from its opening."""
        closed = (Task.State.DONE, Task.State.SENT_BACK, Task.State.CANCELED)
        rows = [task for task in self.tasks if (task.step, task.item) == token.place and task.state in closed]
        task = max(rows, key=lambda row: row.closed_version or 0)
        self.restored[token.place] = task.closed_at or self.work.now
        if task.filled:
            task.draft = task.filled
        task.state, task.closed_at, task.closed_version = Task.State.OPEN, None, None
        task.outcome, task.reason, task.filled, task.done_by_id, task.acting = "", "", {}, None, {}
        task.signers, task.held = [signer_facts(signer) for signer in token.signers], ""
        self.mark(task)
        step = self.procedure.steps[token.step]
        if step.kind == "task":
            people = self._people_for(token, step) if holders is None else holders
            self.asked.append((task, Assignment.Part.DO, people))
            self.asked.append((task, Assignment.Part.SIGN, self._members(signer.who for signer in token.asked)))

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
        signers = [signer_facts(signer) for signer in token.signers]
        draft = self.typed_so_far.pop(token.place, {})
        task = self._add(
            Task(step=token.step, item=token.item, kind=step.kind, returns=returns, signers=signers, draft=draft)
        )
        if step.kind != "task":
            return
        if token.asked:
            self.asked.append((task, Assignment.Part.SIGN, self._members(signer.who for signer in token.asked)))
        self.assigned[token.place] = people = self._people_for(token, step)
        task.department = next((unit for person in people for unit in person.departments), "")
        if self.work.by and [person.key for person in people] == [self.work.by.key]:
            return
        self.work.tell("task_opened", people, self, token.step, token.item)

    def holders_now(self, task: Task) -> list[Person]:
        """Who would get the task if it opened now."""
        token = self.state.token(task.step, task.item)
        return self._people_for(token, self.procedure.steps[task.step]) if token else []

    def _people_for(self, token: Token, step: Step) -> list[Person]:
        """Who did a step before has it again; otherwise the step's role says."""
        again = [
            task for task in self.tasks if task.step == token.step and task.item == token.item and self._doer(task)
        ]
        circumstances = self.circumstances(token.step, token.item)
        excluded = self.submitters(token.step, token.item)
        if again and token.returns:
            back = self.work.people.in_place_of((principal_of(again[-1]) or [self._doer(again[-1])])[0])
            if back and all(circumstances.reaches(person) for person in back):
                return back
        if token.step == self.procedure.first_step and self.starter and not again:
            return assigned([parse_role("starter")], circumstances)
        signed = {signer.who for signer in token.signers if signer.order == "together"}
        people = [
            person
            for side, roles in enumerate(parties_of(step, circumstances))
            if side not in token.sides_signed
            for person in assigned(roles, circumstances, excluded | signed)
        ]
        return list(dict.fromkeys(people))

    # -- clocks

    @cached_property
    def _suspensions(self) -> list[Suspension]:
        pausing = {step for clock in self.procedure.clocks.values() for step in clock.paused_by}
        has_paused = self.case.pauses or any(task.pk and task.step in pausing for task in self.tasks)
        return _SUSPENSIONS(self.case.pk) if has_paused else []

    def know(self, suspensions: list[Suspension], holding: Iterable[Assignment]) -> None:
        """What was read for many cases at once need not be asked again."""
        self._suspensions, self._holding = suspensions, list(holding)

    @cached_property
    def _holding(self) -> list[Assignment]:
        return list(holding(Assignment.objects.filter(task__case=self.case)))

    def holders(self, *tasks: Task) -> tuple[Person, ...]:
        """Who has these tasks, and whose signature they wait for."""
        keys = {task.pk for task in tasks}
        people = (self.work.people.by_id.get(one.member_id) for one in self._holding if one.task_id in keys)
        return tuple(dict.fromkeys(person for person in people if person))

    def pauses(self) -> dict[str, tuple[Pause, ...]]:
        found: dict[str, tuple[Pause, ...]] = {}
        for row in self._suspensions:
            found[row.clock] = (*found.get(row.clock, ()), Pause(row.started_at, row.ended_at, row.reason))
        return found

    def _keep_pause(self, reason: str) -> None:
        """While the case is paused, all its clocks stand still."""
        rows = self._suspensions
        if self.state.paused:
            self.case.paused_at, self.case.pauses = self.work.now, self.case.pauses + 1
            rows.append(
                Suspension.objects.create(
                    organization=self.work.organization,
                    case=self.case,
                    started_at=self.work.now,
                    reason=reason[:200],
                )
            )
            return
        self.case.paused_at = None
        for row in rows:
            if not row.clock and row.ended_at is None:
                row.ended_at = self.work.now
                row.save(update_fields=["ended_at"])

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

    def _replan(self, opened: set[tuple[str, str]], *, toggled: bool = False, anew: bool = False) -> None:
        """Due times follow the record: what changed is counted again. While the case is paused no instant comes; `toggled`
        says that it was not before, or no longer is; `anew`, that the calendar is another."""
        stored: dict[int, list[Deadline]] | None = None
        for task in self.tasks:
            if not task.is_open:
                continue
            step = self.procedure.steps[task.step]
            reading = self.reading(task)
            limit = deadlines.limit(step, self.procedure, reading)
            due_at = limit.instant.at if limit else None
            moved = due_at != task.due_at
            waiting: set[deadlines.Place] = set()
            fired: dict[deadlines.Place, datetime] = {}
            is_known = task.pk is not None and (task.step, task.item) not in opened
            if task.pk is not None and is_known:
                again = toggled or anew or (task.step, task.item) in self.restored
                if not moved and not again and not step.watch and not step.wait and not self._is_conditional(step):
                    continue
                stored = self._stored() if stored is None else stored
                waiting, fired = self._instants_of(task, stored.get(task.pk, []))
            planned: list[deadlines.Planned] = []
            if not self.state.paused:
                planned = deadlines.instants(step, self.running.pack, limit, reading, _came_last(fired))
                planned = [one for one in planned if one.place not in fired]
            is_provisional = limit.instant.provisional if limit else any(one.provisional for one in planned)
            as_it_was = not moved and is_provisional == task.due_is_provisional
            if is_known and as_it_was and {one.place for one in planned} == waiting:
                continue
            if moved:
                task.late_at = None
                if task.pk is not None:
                    self.moved.append(task)
            task.due_at, task.due_is_provisional = due_at, is_provisional
            self.replanned[task.step, task.item] = planned
            self.mark(task)

    def _is_conditional(self, step: Step) -> bool:
        return step.kind == "task" and any(rung.when for rung in self.running.pack.ladder(step))

    def _stored(self) -> dict[int, list[Deadline]]:
        """The instants of the open tasks."""
        found: dict[int, list[Deadline]] = {}
        for row in Deadline.objects.filter(task__in=[task.pk for task in self.tasks if task.is_open and task.pk]):
            found.setdefault(row.task_id or 0, []).append(row)
        return found

    def _instants_of(
        self, task: Task, rows: list[Deadline]
    ) -> tuple[set[deadlines.Place], dict[deadlines.Place, datetime]]:
        """Those still to come; and those that have fired and must not again, with when they did. What came while the task was
        closed did nothing."""
        since = self.restored.get((task.step, task.item))
        waiting = {(row.kind, row.rung, row.row, row.at) for row in rows if row.active}
        return waiting, _fired(row for row in rows if not (since and row.fired_at and row.fired_at > since))

    def plan_again(self, task: Task, came: Deadline) -> None:
        """A rung that repeats has come: its next instant. However many of them passed while no worker ran, it came once."""
        rung = self.running.pack.ladder(self.procedure.steps[task.step])[came.rung]
        self._add_again(task, came, rung, self.reading(task), task.opened_at)

    def plan_clock_again(self, came: Deadline) -> None:
        """The same of a clock's ladder."""
        reading = self._clock_reading()
        clock = self.procedure.clocks[came.row]
        ladder = read_ladder(clock.escalate, self.running.pack.ladders, self.running.pack.default_ladder)
        if start := reading.moment(clock.from_):
            self._add_again(None, came, ladder[came.rung], reading, start)

    def _add_again(
        self, task: Task | None, came: Deadline, rung: Rung, reading: deadlines.Reading, start: datetime
    ) -> None:
        if found := deadlines.next_of(rung, reading, start, max(came.at, self.work.now), came.row):
            planned = deadlines.Planned(came.kind, found.at, came.rung, came.row, provisional=found.provisional)
            self.again.append((task, planned))

    def coming(self, task: Task) -> list[tuple[Rung, datetime]]:
        """The rungs of its ladder that are counted from its opening and still to come."""
        ladder, reading = self.running.pack.ladder(self.procedure.steps[task.step]), self.reading(task)
        if task.kind != "task" or self.state.paused:
            return []
        since = {number: max(task.opened_at, self.work.now) for number in range(len(ladder))}
        planned = deadlines.rungs(ladder, None, reading, since=since)
        found = ((ladder[one.rung], one.at) for one in planned if one.at > self.work.now)
        return [(rung, at) for rung, at in found if rung.every or rung.at_time]

    def limit(self, task: Task) -> deadlines.Counted | None:
        return deadlines.limit(self.procedure.steps[task.step], self.procedure, self.reading(task))

    def clock_limit(self, key: str) -> deadlines.Counted | None:
        """A clock's limit as it stands; None where it has not begun, or while it stands still."""
        return deadlines.clock_limit(key, self.procedure.clocks[key], self._clock_reading())

    def _clock_reading(self) -> deadlines.Reading:
        return self._reading({**self.state.data, **self.facts()}, self.work.now, self.procedure.owner)

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
            toggled = before.paused != self.state.paused
            if (
                not toggled
                and was == now
                and paused_now == {token.step for token in before.tokens} & set(clock.paused_by)
            ):
                continue
            reading = self._clock_reading()
            limit = deadlines.clock_limit(key, clock, reading)
            ladder = read_ladder(clock.escalate, self.running.pack.ladders, self.running.pack.default_ladder)
            planned: list[deadlines.Planned] = []
            if limit and not self.state.paused:
                fired = self._clock_fired(key) if toggled else {}
                found = deadlines.rungs(ladder, limit, reading, "clock", key, _came_last(fired))
                planned = [one for one in found if one.place not in fired]
            self.clocks_replanned[key] = planned

    def _clock_fired(self, key: str) -> dict[deadlines.Place, datetime]:
        return _fired(Deadline.objects.filter(case=self.case, kind=Deadline.Kind.CLOCK, row=key))

    def recount(self) -> None:
        """Due times counted anew, because the calendar changed."""
        self.touched = True
        self._replan(opened=set(), anew=True)
        if self.replanned:
            self.record("case.recounted")
            self._update_case()

    def _due_times(self) -> list[list[str | None]]:
        """Until when the tasks must be done whose time was counted now, as an event keeps it."""
        return [
            [task.step, task.item, task.due_at.astimezone(UTC).isoformat() if task.due_at else None]
            for place in self.replanned
            if (task := self.task(*place))
        ]

    def _planned_instants(self) -> list[list[Any]]:
        """When what comes by itself, by task: what its deadlines' rows must say (`operations/recorded.py`)."""
        return [
            [*place, _instant_facts(planned)]
            for place, planned in self.replanned.items()
            if self.task(*place) is not None
        ]

    def _whose(self) -> dict[str, list[list[Any]]]:
        """Who has what to do, sign or advise on since the event before: taken from whom (None: from all), given to whom."""
        keys = self.work.people.keys
        taken = [
            [task.step, task.item, part.value, None if members is None else [keys.get(pk, "") for pk in members]]
            for task, part, members in self.relieved[self._told_relieved :]
        ]
        opened = [
            (task, Assignment.Part.DO, people)
            for place, people in self.assigned.items()
            if self._told_assigned.get(place) is not people and (task := self.task(*place))
        ]
        given = [
            [task.step, task.item, part.value, [person.key for person in people]]
            for task, part, people in (*opened, *self.asked[self._told_asked :])
            if people and task.is_open
        ]
        self._told_relieved, self._told_asked = len(self.relieved), len(self.asked)
        self._told_assigned = dict(self.assigned)
        return {name: found for name, found in (("taken", taken), ("given", given)) if found}

    # -- what follows

    def record(self, name: str, **facts: Any) -> None:
        """An event of the case. What a deputy does names both: himself (`by`), and for whom and by which rule (`for`, `rules`)."""
        facts = {**self.work.acting_facts(), **facts}
        self.touched = True
        if self.replanned:
            facts |= {"due": self._due_times(), "instants": self._planned_instants()}
        if again := self.again[self._told_again :]:
            facts["again"] = [
                [task.step if task else "", task.item if task else "", *_instant_facts([planned])]
                for task, planned in again
            ]
            self._told_again = len(self.again)
        if self.clocks_replanned:
            facts["clock_instants"] = {key: _instant_facts(found) for key, found in self.clocks_replanned.items()}
        facts |= self._whose()
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
        self.work.publish(event, self)

    def _update_case(self) -> None:
        case, state = self.case, self.state
        case.status, case.round, case.changed_at = state.status, state.round, self.work.now
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
        self.entered = []
        answer = self.operate(effect.does, arguments, context)
        if self.entered:
            self.record("case.entered", step=effect.step, item=effect.item, rows=self.entered)
        if self.procedure.steps[effect.step].role == ("system",) and self.state.token(effect.step, effect.item):
            outcome, values = answer or (None, {})
            self.complete(effect.step, effect.item, outcome, values)

    def _open_child(self, effect: Effect, opening: Opening) -> None:
        if not revisions.is_on(self.work.procedures[opening.procedure]):
            waits = (step.wait and step.wait.case == opening.procedure for step in self.procedure.steps.values())
            if any(waits):
                title = revisions.procedures_of(self.work.organization)[opening.procedure].procedure.title
                raise SwitchedOff(
                    procedure=title.in_(get_language() or "zh-hans"),
                    positions=whose("procedures", self.work.organization),
                )
            self.record("case.opened_none", step=effect.step, item=effect.item, procedure=opening.procedure)
            return
        context = self.context(effect.step, effect.item)
        people: tuple[Person, ...] = (self.work.by,) if self.work.by else ()
        if self.work.guest:  # what follows from his answer is theirs who had the step
            people = self.holders(
                *(task for task in self.tasks if (task.step, task.item) == (effect.step, effect.item))
            )
        circumstances = self.circumstances(effect.step, effect.item, people)
        if effect.row is not None:
            context["item"] = effect.row
            circumstances = replace(circumstances, context=context)
        starters = told((opening.by,), circumstances)
        starter = starters[0] if starters else self.work.by
        written = self.work.procedures[opening.procedure]
        assert written.current
        form = revisions.running(written.current).procedure.form
        data = _valued(form, opening.with_, context)
        customer = self._customer_of(opening, context) if opening.customer else self.case.customer
        number = str((opening.number and value_of(opening.number, context)) or "")
        beginning = Beginning(opening.procedure, customer, starter, data, self, effect.step, number=number)
        (child,) = self.work.open([beginning])
        self.record("case.opened_another", number=child.case.number, step=effect.step)
        self._hand_on_files(child, data)
        if opening.submit:
            child.complete(child.procedure.first_step, "", None, {})

    def _hand_on_files(self, child: Folder, data: Data) -> None:
        """The files that the new case's record names are its own from the beginning: who reads it can open them."""
        fields = {
            name: key for key, value in data.items() for name in _files_in(child.procedure.form.field(key), value)
        }
        found = Attachment.objects.filter(case=self.case, name__in=fields).select_related("stored") if fields else []
        copies = [
            Attachment(
                organization=self.work.organization,
                case=child.case,
                stored=one.stored,
                name=one.name,
                field=fields[one.name],
                by_id=one.by_id,
                at=one.at,
            )
            for one in found
        ]
        if copies:
            Attachment.objects.bulk_create(copies)
            digests = [one.stored.digest for one in copies]
            child.record("case.file_added", names=[one.name for one in copies], digests=digests)

    def _customer_of(self, opening: Opening, context: Mapping[str, Any]) -> Customer | None:
        """The customer that another case is opened for."""
        assert opening.customer
        code = str(value_of(opening.customer, context) or "")
        found = by_code(code) if code else None
        if found is None and code:
            raise BadData([Finding("customer", _("There is no customer “{value}”.").format(value=code))])
        return found

    def complete(
        self,
        step: str,
        item: str,
        outcome: str | None,
        values: Data,
        reason: str = "",
        *,
        waits: bool = False,
        answers: Data | None = None,
        signs: tuple[Signer, ...] = (),
        **facts: Any,
    ) -> Move:
        """The engine's move for a completed step, made. What people do waits for the signers they added, and for who signs with them."""
        known = self.facts(reason=reason, **facts)
        move = advance.complete(
            self.procedure, self.state, step, item, outcome, values, known, waits=waits, answers=answers, signs=signs
        )
        event = "task.completed" if move.closed else "task.cosigned" if signs else "task.submitted"
        chosen = move.outcome or next((token.held for token in move.changed), "")
        self.move(move, event, values=values, reason=reason, step=step, item=item, outcome=chosen)
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
            values = _valued(parent.procedure.form, ending.with_, {**self.state.data, **self.facts()})
            parent.complete(ending.complete, "", ending.outcome, values, child=self.case.number)
        for token in parent.state.tokens:
            wait = parent.procedure.steps[token.step].wait
            if wait and wait.case == self.procedure.key and not self._has_open_siblings():
                outcomes = parent.procedure.steps[token.step].all_outcomes()
                outcome = self.state.status if self.state.status in outcomes else next(iter(outcomes))
                parent.complete(token.step, token.item, outcome, {}, child=self.case.number)

    def _has_open_siblings(self) -> bool:
        """Whether another case of the same kind is still open that the same case opened."""
        mine = Case.objects.filter(parent=self.case.parent_id, procedure=self.case.procedure_id, status=advance.OPEN)
        ended = [folder.case.pk for folder in self.work.folders.values() if not folder.state.is_open]
        return mine.exclude(pk__in=[*ended, self.case.pk]).exists()

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


_SUSPENSIONS = Kept(Suspension, lambda suspensions, case: suspensions.filter(case=case).order_by("pk"), int)


def _fired(rows: Iterable[Deadline]) -> dict[deadlines.Place, datetime]:
    return {(row.kind, row.rung, row.row, row.at): row.fired_at for row in rows if row.fired_at}


def _came_last(fired: Mapping[deadlines.Place, datetime]) -> dict[int, datetime]:
    """Rung -> the moment up to which it has come. Fired late, it came for all that was missed."""
    found: dict[int, datetime] = {}
    for (kind, rung, _row, at), fired_at in fired.items():
        if kind in (Deadline.Kind.RUNG, Deadline.Kind.CLOCK):
            found[rung] = max(found.get(rung, at), at, fired_at)
    return found


def _valued(form: Form, texts: Mapping[str, str], context: Mapping[str, Any]) -> Data:
    """What expressions over one case give, as values of another's fields; what it has no field for is left out."""
    fields = {key: form.table(key) or form.field(key) for key in texts}
    return {key: typed(field, value_of(texts[key], context), context["zone"]) for key, field in fields.items() if field}


def _files_in(field: FieldDefinition | None, value: Any) -> list[str]:
    if field is None or field.type not in ("file", "files") or not value:
        return []
    return [value] if isinstance(value, str) else list(value)


def _instant_facts(planned: Iterable[deadlines.Planned]) -> list[list[Any]]:
    return [[one.kind, one.rung, one.row, one.at.astimezone(UTC).isoformat()] for one in planned]


def principal_of(task: Task) -> list[str]:
    """Whom the task was done for, if a deputy did it."""
    return [str(task.acting["for"])] if task.acting.get("for") else []


def holding(assignments: QuerySet[Assignment]) -> QuerySet[Assignment]:
    return assignments.filter(is_open=True).exclude(part=Assignment.Part.ADVISE).order_by("pk")
