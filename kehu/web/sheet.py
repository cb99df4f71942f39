"""A case as on paper: the form's sections in their order, each with who filled it and when, and in its place what I fill now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from kehu.cases.document import rung_words
from kehu.cases.editing import Editor, Reader, Shown
from kehu.cases.filling import filling_of
from kehu.cases.history import Record
from kehu.cases.models import Assignment, Task
from kehu.cases.moves import token_of
from kehu.cases.permissions import May
from kehu.cases.queries import Due, remaining_of
from kehu.cases.wording import Words
from kehu.core.refusals import BadData, Finding, Refusal
from kehu.engine.advance import proposed, reaches
from kehu.engine.definitions import FieldDefinition, Section, Step
from kehu.engine.records import decoded_value, rows_of
from kehu.procedures.forms import is_required, is_visible

from .verbs import VerbForm, task_forms


@dataclass
class Attempt:
    """Something begun and not done: refused, and shown again where it was typed; or its form was asked for, and nothing refused."""

    verb: str
    refusal: Refusal | None
    step: str = ""
    item: str = ""
    raw: dict[str, Any] | None = None
    reason: str = ""
    to: str = ""
    outcome: str = ""
    given: dict[str, Any] = field(default_factory=dict)
    """What another verb was given."""

    @property
    def findings(self) -> list[Finding]:
        return self.refusal.findings if isinstance(self.refusal, BadData) else []

    @property
    def sentence(self) -> str:
        return str(self.refusal) if self.refusal else ""


@dataclass
class Signature:
    step: str
    person: str
    at: datetime
    outcome: str = ""
    is_refusal: bool = False
    drawn: str = ""
    """The address of the signature drawn by a link."""


@dataclass
class Older:
    """What a section held before: in an earlier round, or before it was done again."""

    person: str
    at: datetime
    round: int
    fields: list[Shown]


@dataclass
class Filled:
    """A section, or a section's part for one row."""

    title: str
    fields: list[Shown]
    signatures: list[Signature] = field(default_factory=list)
    older: list[Older] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return all(shown.is_empty for shown in self.fields)


@dataclass
class OutcomeButton:
    key: str
    title: str
    refuses: bool
    needs_reason: bool
    is_offered: bool
    is_primary: bool = False
    is_chosen: bool = False


@dataclass
class Filling:
    """A template that can be filled into a file field of a step."""

    form: str
    field: str
    into: str
    address: str


@dataclass
class TaskBlock:
    """An open task of mine: its words, its part of the form, how it may end."""

    task: Task
    anchor: str
    title: str
    row: str
    guidance: str
    clauses: list[tuple[str, str, str]]
    due: Due | None
    editor: Editor
    outcomes: list[OutcomeButton]
    is_own: bool
    because: tuple[str, str] | None
    """Why it is here again: who sent it back, and his reason."""
    addresses: dict[str, str]
    attempt: Attempt | None = None
    reason: str = ""
    about: list[tuple[str, str]] = field(default_factory=list)
    """What its row says."""
    acting: str = ""
    """For whom he would do it as a deputy, and by which rule."""
    forms: list[VerbForm] = field(default_factory=list)
    """What else may be done with it."""
    waits_for: str = ""
    """Whose signature it waits for."""
    fillings: list[Filling] = field(default_factory=list)

    @property
    def asks_reason(self) -> bool:
        asks = any(outcome.needs_reason or outcome.refuses for outcome in self.outcomes)
        return asks and "reason" not in self.editor.fields

    @property
    def needing_reason(self) -> list[str]:
        return [outcome.title for outcome in self.outcomes if outcome.needs_reason]

    @property
    def reason_error(self) -> str:
        return self.editor.findings.get("reason", "") if self._failed("completion") else ""

    @property
    def outcome_error(self) -> str:
        return self.editor.findings.get("outcome", "")

    @property
    def notice(self) -> str:
        """A refusal that belongs to the whole task."""
        if not (self.attempt and self.attempt.verb in ("completion", "draft")):
            return ""
        if not self.attempt.findings:
            return self.attempt.sentence
        here = [text for text in self.editor.other_findings if text != self.outcome_error]
        return " ".join(here)

    @property
    def findings_count(self) -> int:
        return len(self.attempt.findings) if self.attempt and self.attempt.verb in ("completion", "draft") else 0

    def _failed(self, verb: str) -> Attempt | None:
        return self.attempt if self.attempt and self.attempt.verb == verb else None


@dataclass
class Part:
    """One piece of the sheet, from the top down."""

    kind: str
    """`section`, `rows` (a section per row: its title only), `row`, `task`; `empty section`, `empty row`."""
    key: str = ""
    title: str = ""
    help: str = ""
    filled: Filled | None = None
    block: TaskBlock | None = None


def _kind(filled: Filled, kind: str) -> str:
    """A part without anything in it takes one line."""
    return f"empty {kind}" if filled.is_empty and not filled.signatures and not filled.older else kind


def fillings_of(block: TaskBlock, forms: Iterable[Any], number: str) -> list[Filling]:
    """Every template with every field for a file that takes it; where fields must be filled, with these alone."""
    editor, found = block.editor, []
    fields = {
        key: definition
        for key, definition in editor.fields.items()
        if definition.type in ("file", "files") and definition.is_typed_in
    }
    needed = {key: definition for key, definition in fields.items() if is_required(definition, editor.context)}
    for form in forms:
        for key, definition in (needed or fields).items():
            if _takes(definition, form.file):
                place = {"number": number, "step": block.task.step, "pk": form.pk}
                place |= {"item": block.task.item} if block.task.item else {}
                title = editor.words.say(definition.title)
                found.append(Filling(form.title, title, key, reverse("case_filled_field", kwargs=place)))
    return found


def _takes(definition: FieldDefinition, name: str) -> bool:
    return not definition.accept or name.lower().endswith(tuple(definition.accept))


class Sheet:
    """The whole form of a case for one reader."""

    def __init__(self, record: Record, may: May, words: Words, attempt: Attempt | None = None):
        self.record, self.may, self.words, self.attempt = record, may, words, attempt
        self.folder = record.folder
        self.form = self.folder.procedure.form
        self.data = self.folder.state.data
        self.addresses = {
            attachment.name: reverse("case_file", args=[record.case.number, attachment.pk])
            for attachment in record.attachments
        }
        self.reader = Reader(words, self.addresses)
        self.blocks = [self._block(task) for task in may.tasks]
        self.parts = list(self._parts())

    # -- the order of things

    def _parts(self) -> Iterator[Part]:
        before, after, taken = self._places()
        for key, section in self.form.sections.items():
            if section.per:
                yield from self._rows(key, section, before, after)
                continue
            for block in before.pop((key, ""), ()):
                yield Part("task", key, block=block)
            if key not in taken:
                filled = self._filled(key, section, "", self.data)
                if filled.fields or filled.older:
                    yield Part(_kind(filled, "section"), key, filled.title, self._help(section), filled)
            for block in after.pop((key, ""), ()):
                yield Part("task", key, block=block)
        for blocks in (*before.values(), *after.values()):
            for block in blocks:
                yield Part("task", block=block)

    def _rows(
        self,
        key: str,
        section: Section,
        before: dict[tuple[str, str], list[TaskBlock]],
        after: dict[tuple[str, str], list[TaskBlock]],
    ) -> Iterator[Part]:
        assert section.per
        rows = rows_of(self.form, self.data, section.per)
        if not rows:
            yield Part("empty section", key, self.words.say(section.title))
            return
        yield Part("rows", key, self.words.say(section.title), self._help(section))
        for item, row in rows.items():
            blocks = before.pop((key, item), [])
            for block in blocks:
                yield Part("task", key, block=block)
            if not blocks:
                filled = self._filled(key, section, item, row)
                yield Part(_kind(filled, "row"), key, self.words.row_of(section.per, item), filled=filled)
            for block in after.pop((key, item), ()):
                yield Part("task", key, block=block)

    def _places(
        self,
    ) -> tuple[dict[tuple[str, str], list[TaskBlock]], dict[tuple[str, str], list[TaskBlock]], set[str]]:
        """Where each of my tasks stands: in place of the first section it fills, or behind what it decides about."""
        before: dict[tuple[str, str], list[TaskBlock]] = defaultdict(list)
        after: dict[tuple[str, str], list[TaskBlock]] = defaultdict(list)
        taken: set[str] = set()
        order = list(self.form.sections)
        for block in self.blocks:
            step = self.folder.procedure.steps[block.task.step]
            fills = sorted(step.fills, key=order.index)
            if fills:
                first = self.form.sections[fills[0]]
                before[fills[0], block.task.item if first.per else ""].append(block)
                taken |= {key for key in fills if not self.form.sections[key].per}
            else:
                after[self._last_read(step, block.task.item)].append(block)
        return before, after, taken

    def _last_read(self, step: Step, item: str) -> tuple[str, str]:
        """Behind what was submitted to this step; otherwise behind the last section that says anything."""
        steps = self.folder.procedure.steps
        approved = [key for name in step.approves if name in steps for key in steps[name].fills]
        for key in reversed(approved):
            section = self.form.sections[key]
            if section.per and item:
                return key, item
            if not section.per and any(self.data.get(name) not in (None, "", []) for name in section.fields):
                return key, ""
        said = [
            key
            for key, section in self.form.sections.items()
            if not section.per
            and any(
                self.data.get(name) not in (None, "", []) for name, found in section.fields.items() if found.is_typed_in
            )
        ]
        return (said[-1] if said else next(iter(self.form.sections))), ""

    # -- what is read

    def _help(self, section: Section) -> str:
        return self.words.say(section.help) if section.help else ""

    def _filled(self, key: str, section: Section, item: str, values: Mapping[str, Any]) -> Filled:
        context = {**self.data, **self.folder.facts(), **values}
        fields = [
            self.reader.shown(name, definition, values.get(name))
            for name, definition in section.fields.items()
            if is_visible(definition, context)
        ]
        versions = self._versions(key, section, item)
        current = versions.pop() if versions and not self._is_over(section, versions[-1][-1]) else []
        signed = {task.step: task for task in (*current, *(self.record.approvals(key, item) if current else ()))}
        return Filled(
            self.words.say(section.title),
            fields,
            [self._signature(task) for task in signed.values()],
            [self._older(section, tasks[-1]) for tasks in reversed(versions) if _says_anything(section, tasks[-1])],
        )

    def _versions(self, key: str, section: Section, item: str) -> list[list[Task]]:
        """The section's fillings, oldest first; those that left it as it was stand together."""
        found: list[list[Task]] = []
        for task in self.record.fillings(key, item):
            last = found[-1][-1] if found else None
            if last and last.round == task.round and _content(section, last) == _content(section, task):
                found[-1].append(task)
            else:
                found.append([task])
        return found

    def _is_over(self, section: Section, task: Task) -> bool:
        return section.each_round and task.round < self.record.case.round

    def _signature(self, task: Task) -> Signature:
        step = self.folder.procedure.steps[task.step]
        outcome = step.all_outcomes().get(task.outcome)
        assert task.closed_at
        return Signature(
            step=self.words.step(task.step),
            person=self.words.actor(task.done_by_id, task.acting),
            at=task.closed_at,
            outcome=self.words.outcome(task.step, task.outcome),
            is_refusal=bool(outcome and outcome.refuses),
            drawn=self.addresses.get((task.acting.get("guest") or {}).get("drawn", ""), ""),
        )

    def _older(self, section: Section, task: Task) -> Older:
        assert task.closed_at
        fields = [
            self.reader.shown(name, definition, self._decoded(name, definition, task.filled[name]))
            for name, definition in section.fields.items()
            if name in task.filled
        ]
        return Older(self.words.actor(task.done_by_id, task.acting), task.closed_at, task.round, fields)

    def _decoded(self, name: str, definition: FieldDefinition, value: Any) -> Any:
        return decoded_value(definition, value, self.form)

    # -- what is filled in

    def _block(self, task: Task) -> TaskBlock:
        step = self.folder.procedure.steps[task.step]
        attempt = (
            self.attempt if self.attempt and (self.attempt.step, self.attempt.item) == (task.step, task.item) else None
        )
        anchor = anchor_of(task.step, task.item)
        editor = self.editor(task.step, task.item, draft=task.draft, attempt=attempt)
        return TaskBlock(
            task=task,
            anchor=anchor,
            title=self.words.say(step.title),
            row=self.words.row(task.step, task.item) if task.item else "",
            about=list(self._about(step, task.item)),
            guidance=self.words.say(step.guidance) if step.guidance else "",
            clauses=clauses_of(step, self.folder.procedure.clauses, self.words),
            due=remaining_of(task, self.folder.reading(task).calendar, self.folder.work.now),
            editor=editor,
            outcomes=outcome_buttons(step, editor, self.words, attempt),
            is_own=task in self.may.own,
            acting=self._acting(task),
            because=self._because(task),
            addresses={
                verb: address(self.record.case.number, task.step, task.item, f"case_{verb}")
                for verb in ("completion", "draft", "form")
            },
            attempt=attempt,
            reason=attempt.reason if attempt and attempt.verb == "completion" else "",
            forms=task_forms(self.record, self.words, task, attempt, but=("give_opinion", "sign", "withdraw")),
            waits_for=self.words.listed(self.words.person(signer.who) for signer in token_of(task).asked),
        )

    def _about(self, step: Step, item: str) -> Iterator[tuple[str, str]]:
        """What was written in the table's row, beside what names it."""
        table = self.form.field(step.each.rows) if step.each and item else None
        if table is None or step.each is None:
            return
        row = rows_of(self.form, self.data, step.each.rows).get(item, {})
        for name, column in table.columns.items():
            if (
                column.is_typed_in
                and column.type != "rows"
                and name != table.key
                and row.get(name) not in (None, "", [])
            ):
                yield self.words.say(column.title), self.words.value(column, row[name])

    def editor(
        self, step: str, item: str, *, draft: Mapping[str, Any] | None = None, attempt: Attempt | None = None
    ) -> Editor:
        return Editor(
            filling_of(self.folder, step, item),
            self.words,
            prefix=anchor_of(step, item),
            draft=draft,
            raw=attempt.raw if attempt else None,
            findings=attempt.findings if attempt else (),
            addresses=self.addresses,
        )

    def _acting(self, task: Task) -> str:
        """For whom he would do it, and by which rule; empty where it is his own."""
        stand_in = self.may.acting.get(task.pk)
        if stand_in is None:
            return ""
        facts = stand_in.facts()
        words = _("You do this for {principal}.").format(principal=self.words.person(stand_in.principal))
        return f"{words} {self.words.mandate(facts)}"

    def _because(self, task: Task) -> tuple[str, str] | None:
        for event in reversed(self.record.events):
            opened = (event.facts.get("move") or {}).get("opened") or ()
            if any((token["step"], token.get("item", "")) == (task.step, task.item) for token in opened):
                before = self.folder.procedure.steps.get(event.facts.get("step", ""))
                is_filled = before and self.folder.procedure.fills_reason(before)
                reason = "" if is_filled else event.facts.get("reason", "")
                return (self.words.actor(event.by), reason) if reason else None
        return None


def _content(section: Section, task: Task) -> dict[str, Any]:
    return {key: value for key, value in task.filled.items() if key in section.fields and value not in (None, "", [])}


def _says_anything(section: Section, task: Task) -> bool:
    return bool(_content(section, task))


def anchor_of(step: str, item: str = "") -> str:
    return f"task-{step}-{item}" if item else f"task-{step}"


def address(number: str, step: str, item: str, name: str) -> str:
    return reverse(name, args=[number, step, item] if item else [number, step])


def clauses_of(step: Step, clauses: Mapping[str, Any], words: Words) -> list[tuple[str, str, str]]:
    return [(key, words.say(clauses[key].title), words.say(clauses[key].text)) for key in step.clause if key in clauses]


def outcome_buttons(step: Step, editor: Editor, words: Words, attempt: Attempt | None = None) -> list[OutcomeButton]:
    """The ways to end the step: the one that goes on first, refusals last."""
    offered = editor.offered()
    buttons = [
        OutcomeButton(
            key,
            _("Submit") if key == "done" and not step.outcomes else words.say(outcome.title),
            outcome.refuses,
            "reason" in outcome.needs,
            key in offered,
            is_chosen=bool(attempt and attempt.outcome == key),
        )
        for key, outcome in step.all_outcomes().items()
    ]
    outcomes = step.all_outcomes()
    first = proposed({button.key: outcomes[button.key] for button in buttons if button.is_offered}, editor.context)
    buttons.sort(key=lambda button: (button.refuses, button.is_offered and button.key not in first))
    for button in buttons:
        if button.is_offered:
            button.is_primary = not button.refuses
            break
    return buttons


# --- where it stands --------------------------------------------------------------------------------------------------


@dataclass
class Place:
    """A step on the chart, for one row where it is one of several."""

    title: str
    state: str
    """done, current, sent_back, canceled, halted"""
    person: str
    at: datetime | None
    due: Due | None = None
    outcome: str = ""


@dataclass
class ChartStep:
    key: str
    title: str
    state: str
    """done, current, next, ahead, skipped, end"""
    is_beside: bool
    clause: str
    places: list[Place]
    rounds: int = 0
    anchor: str = ""


def chart(record: Record, words: Words, dues: Mapping[int, Due], blocks: Iterable[TaskBlock]) -> list[ChartStep]:
    """The step table with where the case stands in it. Steps beside the flow appear once they were opened."""
    folder, steps = record.folder, record.folder.procedure.steps
    anchors = {block.task.step: block.anchor for block in blocks}
    tasks: dict[str, list[Task]] = defaultdict(list)
    for task in folder.tasks:
        if task.state not in (Task.State.ARRIVED,) and task.kind != "join":
            tasks[task.step].append(task)
    passed = {key for event in record.events for key in (event.facts.get("move") or {}).get("passed") or ()}
    current = {task.step for task in folder.tasks if task.is_open}
    following = _following(steps, current) if folder.state.is_open else set()
    found = []
    for key, step in steps.items():
        mine = [task for task in tasks[key] if task.state != Task.State.CANCELED] or tasks[key][-1:]
        if step.beside and not mine:
            continue
        is_done = any(task.state == Task.State.DONE for task in mine) or key in passed or folder.state.status == key
        if key in current:
            state = "current"
        elif is_done and not (mine and _comes_again(record, mine[-1], current)):
            state = "done"
        elif key in following:
            state = "next"
        else:
            state = "ahead" if folder.state.is_open else "skipped"
        latest: dict[str, Task] = {task.item: task for task in mine}
        found.append(
            ChartStep(
                key,
                words.say(step.title),
                state,
                step.beside,
                words.listed(step.clause),
                [_place(record, words, task, dues) for task in latest.values()],
                rounds=max((sum(1 for task in mine if task.item == item) for item in latest), default=0),
                anchor=anchors.get(key, ""),
            )
        )
    return found


def _comes_again(record: Record, last: Task, current: Iterable[str]) -> bool:
    """Done, but in an earlier round, or refused; and the case is on its way there again."""
    procedure, step = record.folder.procedure, record.folder.procedure.steps[last.step]
    outcome = step.all_outcomes().get(last.outcome)
    if last.round >= record.case.round and not (outcome and outcome.refuses):
        return False
    return record.folder.state.is_open and any(
        key != last.step and key in procedure.steps and reaches(procedure, key, last.step) for key in current
    )


def _following(steps: Mapping[str, Step], current: Iterable[str]) -> set[str]:
    """Where the open steps lead when nobody refuses."""
    return {
        branch.target
        for key in current
        if key in steps
        for outcome in steps[key].all_outcomes().values()
        if not outcome.refuses
        for branch in outcome.next
    }


def _place(record: Record, words: Words, task: Task, dues: Mapping[int, Due]) -> Place:
    if task.is_open:
        people_ = [words.person(pk) for pk in record.assigned.get(task.pk, ())]
        person = words.listed(people_)
    else:
        person = words.actor(task.done_by_id, task.acting) if task.done_by_id or task.acting else ""
    return Place(
        title=words.row(task.step, task.item) if task.item else "",
        state="current" if task.is_open else task.state,
        person=person,
        at=task.opened_at if task.is_open else task.closed_at,
        due=dues.get(task.pk),
        outcome=words.outcome(task.step, task.outcome),
    )


# --- time limits ------------------------------------------------------------------------------------------------------


@dataclass
class Limit:
    """A time limit of the case and how it is counted."""

    title: str
    due: Due | None
    lines: list[str]
    people: str = ""
    state: str = ""
    """For clocks: running, paused, met, late."""
    words: str = ""
    is_provisional: bool = False
    is_with_task: bool = False
    """An open task has this clock as its limit, so it is explained there."""


def limits(record: Record, words: Words, dues: Mapping[int, Due]) -> list[Limit]:
    """The limits of the open tasks, the nearest first."""
    folder, found = record.folder, []
    coming = {task.pk: to_come for task in folder.tasks if task.is_open and (to_come := folder.coming(task))}
    open_tasks = [task for task in folder.tasks if task.is_open and (task.pk in dues or task.pk in coming)]
    for task in sorted(open_tasks, key=lambda task: dues[task.pk].at if task.pk in dues else coming[task.pk][0][1]):
        counted = folder.limit(task)
        lines = [line.text for line in counted.explained(words.language)] if counted else []
        if counted and counted.capped and not counted.named:
            lines = [
                _("The limit is the moment that the record names: {moment}.").format(
                    moment=words.moment(counted.instant.at)
                )
            ]
        people_ = [words.person(pk) for pk in record.assigned.get(task.pk, ())]
        step = folder.procedure.steps[task.step]
        lines += [
            _("{rung} (next: {moment})").format(
                rung=rung_words(folder.running, step, rung, words.language), moment=words.moment(moment)
            )
            for rung, moment in coming.get(task.pk, ())
        ]
        found.append(
            Limit(
                words.step(task.step, task.item),
                dues.get(task.pk),
                lines,
                words.listed(people_),
                is_provisional=task.due_is_provisional,
            )
        )
    return found


def clocks(record: Record, words: Words) -> list[Limit]:
    """The procedure's clocks that have begun."""
    folder, found = record.folder, []
    steps = folder.procedure.steps
    due_by = {limit.clock for task in folder.tasks if task.is_open and (limit := steps[task.step].due)}
    for key, clock in folder.procedure.clocks.items():
        title, until = words.say(clock.title), folder.state.data.get(clock.until)
        counted = folder.clock_limit(key)
        lines = [line.text for line in counted.explained(words.language)] if counted else []
        if until is not None:
            late = folder.state.data.get(clock.late) if clock.late else None
            state = "late" if late else "met"
            text = _("over by {minutes} minutes").format(minutes=int(late)) if late else _("kept")
            found.append(Limit(title, None, lines, state=state, words=text))
        elif counted:
            task = Task(opened_at=counted.start or folder.case.opened_at, due_at=counted.instant.at)
            task.due_is_provisional = counted.instant.provisional
            due = remaining_of(task, counted.calendar, folder.work.now)
            state = "running" if folder.state.is_open else "stopped"
            found.append(
                Limit(
                    title,
                    due if folder.state.is_open else None,
                    lines,
                    state=state,
                    words="" if folder.state.is_open else _("not reached"),
                    is_with_task=key in due_by,
                )
            )
        elif pauses := (*folder.pauses().get("", ()), *folder.pauses().get(key, ())):
            since = next((pause.start for pause in pauses if pause.end is None), pauses[-1].start)
            text = _("stands still since {moment}").format(moment=words.moment(since))
            found.append(Limit(title, None, [], state="paused", words=text))
    return found


def dues_of(record: Record) -> dict[int, Due]:
    folder = record.folder
    return {
        task.pk: due
        for task in folder.tasks
        if task.is_open and (due := remaining_of(task, folder.reading(task).calendar, folder.work.now))
    }


def unseen(record: Record) -> list[Assignment]:
    """What is new to the reader: his tasks, and what was asked of him."""
    return [one for one in record.mine if one.seen_at is None]
