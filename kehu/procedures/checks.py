"""What definitions of the right shape still get wrong: a step nobody reaches, a field nobody fills, a position nobody declared.

Every check is a function from a written procedure (or the company) to problems; `check_pack` gathers them. The headings
below are the questions: the company, who, the way through the steps, the form, the rules, the document, other procedures.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from kehu.engine.definitions import (
    Branch,
    FieldDefinition,
    Form,
    Opening,
    Pack,
    Procedure,
    Rung,
    Step,
    TableAnswer,
    TableLimit,
    TableRole,
    read_ladder,
)
from kehu.engine.roles import Role, RoleError, parse_role
from kehu.engine.tables import Row, Table
from kehu.organizations.calendars import Budget, Calendar, Period, SpecialDay

from .names import REGISTER_FACTS, Scope, columns_of, impossible_texts, impossible_value, top_fields, unknown_names
from .packs import LoadedPack
from .shapes import place_words, problems_at
from .sources import Place, Problem, Source, did_you_mean, listed

VOIDED = "voided"
ENDED = "ended"
ELAPSED = "elapsed"

Problems = Iterator[Problem]


def check_pack(loaded: LoadedPack, operations: Collection[str] | None = None) -> list[Problem]:
    """All that is wrong, in the order of files and lines. `operations` are what an auto step may do, where known."""
    found = [*loaded.problems, *_examples_readable(loaded)]
    if loaded.pack:
        written = {key: _Written(loaded, loaded.pack, key, procedure) for key, procedure in loaded.procedures.items()}
        # What only all procedures together can say is not asked while one of them cannot be read.
        everybody = list(written.values()) if written.keys() == loaded.folders.keys() else []
        found.extend(_company(loaded, loaded.pack, everybody))
        for one in written.values():
            for check in _CHECKS:
                found.extend(check(one))
            found.extend(_fields_filled(one, everybody))
            found.extend(_between_procedures(one, written))
            if operations is not None:
                found.extend(_operations(one, operations))
    return sorted(set(found))


@dataclass(frozen=True)
class _Written:
    """A procedure with its files and its company: what a check needs to see, and where it says what it found."""

    loaded: LoadedPack
    pack: Pack
    key: str
    procedure: Procedure

    @property
    def form(self) -> Form:
        return self.procedure.form

    @property
    def steps(self) -> dict[str, Step]:
        return self.procedure.steps

    @property
    def folder(self) -> Path:
        return self.loaded.folders[self.key]

    @property
    def text(self) -> Source:
        return self.loaded.source(self.folder / "procedure.yaml")

    @property
    def form_text(self) -> Source:
        return self.loaded.source(self.folder / "form.yaml")

    @cached_property
    def fields(self) -> dict[str, FieldDefinition]:
        return top_fields(self.form)

    @cached_property
    def ends(self) -> list[str]:
        return [key for key, step in self.steps.items() if step.kind == "end"]

    def found(self, path: Place, message: str, remedy: str = "") -> Problem:
        return self.text.problem(path, message, remedy)

    def found_in_form(self, path: Place, message: str, remedy: str = "") -> Problem:
        return self.form_text.problem(path, message, remedy)

    def scope(self, step: Step | None = None) -> Scope:
        """What expressions of a step may read."""
        scope = Scope(self.form, settings=tuple(self.pack.settings))
        return scope.with_row(columns_of(self.form, step.each.rows), "item") if step and step.each else scope

    @cached_property
    def register_scope(self) -> Scope:
        """What expressions over cases, closed ones too, may read."""
        return replace(self.scope(), facts=REGISTER_FACTS)

    def branches(self) -> Iterator[tuple[Place, str, Branch]]:
        for key, step in self.steps.items():
            for index, branch in enumerate(step.next):
                yield ("steps", key, "next", index), key, branch
            for name, outcome in step.outcomes.items():
                for index, branch in enumerate(outcome.next):
                    yield ("steps", key, "outcomes", name, "next", index), key, branch

    def openings(self) -> Iterator[tuple[Place, Step, Opening]]:
        for key, step in self.steps.items():
            for index, opening in enumerate(step.opens):
                yield ("steps", key, "opens", index), step, opening
            for name, outcome in step.outcomes.items():
                for index, opening in enumerate(outcome.opens):
                    yield ("steps", key, "outcomes", name, "opens", index), step, opening

    def sets(self) -> Iterator[tuple[Place, Step, Mapping[str, Any]]]:
        for key, step in self.steps.items():
            yield ("steps", key, "sets"), step, step.sets
            yield ("steps", key, "on_open"), step, step.on_open
            for name, outcome in step.outcomes.items():
                yield ("steps", key, "outcomes", name, "sets"), step, outcome.sets

    def ladders(self) -> Iterator[tuple[Place, Step | None, Any]]:
        """Where a step or a clock says who hears of it when it is late."""
        for key, step in self.steps.items():
            yield ("steps", key, "escalate"), step, step.escalate
        for key, clock in self.procedure.clocks.items():
            if clock.escalate is not None:
                yield ("clocks", key, "escalate"), None, clock.escalate

    def rungs(self, place: Place, words: Any) -> Iterator[tuple[Place, Rung]]:
        """The rungs said here, or those of the ladder named here."""
        try:
            rungs = read_ladder(words, self.pack.ladders, self.pack.default_ladder)
        except (KeyError, ValueError, TypeError):
            return  # said by _escalation
        own = isinstance(words, list) and not all(isinstance(line, str) for line in words)
        for index, rung in enumerate(rungs):
            yield ((*place, index) if own else place), rung

    def opened_beside(self) -> Iterator[tuple[Place, str | None, str]]:
        """(place, step, target): steps that the clock opens while a step, or a clock, is late."""
        for place, step, words in self.ladders():
            for line, rung in self.rungs(place, words):
                if rung.opens:
                    yield (*line, "opens"), str(place[1]) if step else None, rung.opens
        for key, step in self.steps.items():
            for index, watch in enumerate(step.watch):
                if watch.opens:
                    yield ("steps", key, "watch", index, "opens"), key, watch.opens


# --- the company ------------------------------------------------------------------------------------------------------


def _company(loaded: LoadedPack, pack: Pack, everybody: list[_Written]) -> Problems:
    source = loaded.source(loaded.folder / "pack.yaml")
    yield from _departments_and_positions(source, pack, everybody)
    yield from _ladders(source, pack, everybody)
    yield from _numbering(source, pack)
    yield from _calendars(loaded, source, pack)
    yield from _administration(source, pack)
    if pack.nudge_every:
        yield from _refused(source, ("nudge_every",), Budget.parse, pack.nudge_every)
    yield from _demo(loaded, pack)


def _departments_and_positions(source: Source, pack: Pack, everybody: list[_Written]) -> Problems:
    for key, department in pack.departments.items():
        place = ("departments", key, "parent")
        yield from _undeclared(source, place, department.parent, "department", pack.departments)
        if _is_own_ancestor(key, pack):
            yield source.problem(
                place, f'department "{key}" stands above itself.', "Let the topmost one have no parent."
            )
    for key, position in pack.positions.items():
        yield from _undeclared(
            source, ("positions", key, "department"), position.department, "department", pack.departments
        )
        yield from _undeclared(source, ("positions", key, "rank"), position.rank, "rank", pack.ranks)
    for key, relative in pack.relative_positions.items():
        if key in pack.positions:
            message = f'"{key}" is a position and a relative position.'
            yield source.problem(("relative_positions", key), message, "Give one of them another key.")
        yield from _undeclared(source, ("relative_positions", key, "rank"), relative.rank, "rank", pack.ranks)
        for index, path in enumerate(relative.of):
            if (
                everybody
                and not any(_names_department(path, one) for one in everybody)
                and path not in pack.departments
            ):
                message = f'relative position "{key}" looks in "{path}", which no form has.'
                remedy = "Name a department, a department field, or item.COLUMN."
                yield source.problem(("relative_positions", key, "of", index), message, remedy)
    for key in pack.department_calendars:
        yield from _undeclared(source, ("department_calendars", key), key, "department", pack.departments)


def _is_own_ancestor(key: str, pack: Pack) -> bool:
    seen, above = set(), pack.departments[key].parent
    while above in pack.departments and above not in seen:
        if above == key:
            return True
        seen.add(above)
        above = pack.departments[above].parent
    return False


def _names_department(path: str, one: _Written) -> bool:
    root, _, column = path.partition(".")
    if not column:
        return root in one.fields
    tables = (columns_of(one.form, key) or {} for key, found in one.fields.items() if found.type == "rows")
    return root in ("item", "row") and any(column in columns for columns in tables)


def _undeclared(source: Source, place: Place, key: str | None, what: str, declared: Collection[str]) -> Problems:
    if key is not None and key not in declared:
        remedy = listed(f"{what.capitalize()}s declared", declared, key)
        yield source.problem(place, f'{place_words(place[:-1])} names {what} "{key}", which nobody declared.', remedy)


def _ladders(source: Source, pack: Pack, everybody: list[_Written]) -> Problems:
    if pack.default_ladder not in pack.ladders:
        message = f'the default ladder "{pack.default_ladder}" does not exist.'
        yield source.problem(("default_ladder",), message, listed("Ladders here", pack.ladders, pack.default_ladder))
    for key, rungs in pack.ladders.items():
        for index, rung in enumerate(rungs):
            place = ("ladders", key, index)
            yield from _rung_times(source, place, rung, pack)
            for line, text in enumerate(rung.tell):
                yield from _role_of_company(source, (*place, "tell", line), text, pack, everybody)


def _numbering(source: Source, pack: Pack) -> Problems:
    for key, pattern in pack.numbering.items():
        groups = re.findall(r"\{N+\}", pattern)
        if len(groups) != 1:
            count = f"{len(groups)} groups" if groups else "no group"
            message = f'numbering "{key}": "{pattern}" has {count} of N for the counter.'
            yield source.problem(("numbering", key), message, 'Write one, as in "CP-{YYYY}{MM}-{NNN}".')


def _calendars(loaded: LoadedPack, source: Source, pack: Pack) -> Problems:
    try:
        Calendar.from_json({"timezone": pack.timezone, "week": {}})
    except ValueError as error:
        if "time zone" in str(error):
            yield source.problem(("timezone",), *_in_two(error))
    days = loaded.source(loaded.folder / "calendar.yaml")
    for place, calendar in [
        (("calendar",), pack.calendar),
        *((("department_calendars", key), calendar) for key, calendar in pack.department_calendars.items()),
    ]:
        for name, texts in calendar.week.items():
            for index, text in enumerate(texts):
                yield from _refused(source, (*place, "week", name, index), Period.parse, text)
        for day, special in calendar.special_days.items():
            own = isinstance(source.value, dict) and str(day) in map(str, _special_days(source.value, place))
            where = (source, (*place, "special_days", str(day))) if own else (days, (str(day),))
            facts = {"kind": special.kind, "periods": list(special.periods)}
            yield from _refused(*where, partial(SpecialDay.from_json, data=facts), str(day))


def _special_days(value: Any, place: Place) -> Mapping[Any, Any]:
    for step in (*place, "special_days"):
        value = value.get(step) or {}
    return value if isinstance(value, dict) else {}


def _administration(source: Source, pack: Pack) -> Problems:
    for right, words in pack.administration.items():
        for index, text in enumerate(words):
            place, role = ("administration", right, index), parse_role(text)
            if role.kind != "position" or role.name in pack.relative_positions:
                message = f'administration, {right} is given to "{text}", which only a case could say who it is.'
                yield source.problem(place, message, "Name a position (`personnel`, `vice_gm+`).")
            elif role.name not in pack.positions:
                message = f'administration, {right} names position "{role.name}", which nobody declared.'
                remedy = did_you_mean(role.name, pack.positions) or "Declare it under `positions:`."
                yield source.problem(place, message, remedy)


def _demo(loaded: LoadedPack, pack: Pack) -> Problems:
    source = loaded.source(loaded.folder / "demo.yaml")
    people = loaded.demo.get("people")
    people = people if isinstance(people, dict) else {}
    for key, person in people.items():
        positions = person.get("positions") if isinstance(person, dict) else None
        for index, position in enumerate(positions if isinstance(positions, list) else []):
            if str(position) not in pack.positions:
                message = f'person "{key}" holds position "{position}", which nobody declared.'
                place = ("people", str(key), "positions", index)
                yield source.problem(
                    place, message, did_you_mean(position, pack.positions) or "Positions stand in pack.yaml."
                )
    customers = loaded.demo.get("customers")
    for index, customer in enumerate(customers if isinstance(customers, list) else []):
        owner = customer.get("owner") if isinstance(customer, dict) else None
        if owner and str(owner) not in people and str(owner) not in pack.positions:
            message = f'customer "{customer.get("code")}" is owned by "{owner}", who is nobody here.'
            yield source.problem(("customers", index, "owner"), message, listed("People here", map(str, people), owner))


# --- who --------------------------------------------------------------------------------------------------------------


def _roles(one: _Written) -> Problems:
    """Positions, ranks, departments, fields and steps that roles name."""
    for word in ("void", "reopen", "pause"):
        yield from _role(one, (word,), getattr(one.procedure, word), one.scope())
    yield from _undeclared(one.text, ("owner",), one.procedure.owner, "department", one.pack.departments)
    for key, step in one.steps.items():
        place: Place = ("steps", key)
        scope = one.scope(step)
        if isinstance(step.role, TableRole):
            yield from _table_asked(one, (*place, "role"), step.role, scope)
        else:
            for index, text in enumerate(step.role):
                yield from _role(one, (*place, "role", index), text, scope)
                if parse_role(text).kind == "assignee":
                    message = (
                        f'step "{key}": the role `assignee` is whoever has the task, so it cannot say who gets it.'
                    )
                    yield one.found(
                        (*place, "role", index), message, "`assignee` stands in ladders; name a position here."
                    )
        told: list[tuple[Place, tuple[str, ...]]] = [((*place, "tells"), step.tells)]
        told += [((*place, "outcomes", name, "tells"), outcome.tells) for name, outcome in step.outcomes.items()]
        for told_place, texts in told:
            for index, text in enumerate(texts):
                yield from _role(one, (*told_place, index), text, scope)
        for index, watch in enumerate(step.watch):
            row = scope.with_row(columns_of(one.form, watch.rows), "row")
            for line, text in enumerate(watch.tell):
                yield from _role(one, (*place, "watch", index, "tell", line), text, row)
    for opening_place, step, opening in one.openings():
        yield from _role(one, (*opening_place, "by"), opening.by, one.scope(step))


def _bulk(one: _Written) -> Problems:
    """Many are approved with one press only where nobody has to choose or to fill anything."""
    for key, step in one.steps.items():
        if not step.bulk:
            continue
        place: Place = ("steps", key, "bulk")
        if step.kind != "task" or step.role == ("system",):
            message = f'step "{key}": `bulk` is for a step that people do.'
            yield one.text.problem(place, message, "Delete it.")
            continue
        if step.bulk_outcome is None:
            message = f'step "{key}": `bulk` needs exactly one outcome that neither refuses nor needs anything.'
            yield one.text.problem(place, message, "Mark the others with `refuses: true`, or delete `bulk`.")
        required = [
            name
            for section in step.fills
            if section in one.form.sections
            for name, field in one.form.sections[section].fields.items()
            if field.required == "true" and field.is_typed_in
        ]
        if needed := [*required, *step.needs]:
            message = f'step "{key}": `bulk` approves without filling anything, but "{needed[0]}" must be filled.'
            yield one.text.problem(place, message, "Let another step fill it, or delete `bulk`.")


def _escalation(one: _Written) -> Problems:
    """What follows `escalate:` is a ladder, roles or rungs; the form alone does not tell which."""
    for place, step, words in one.ladders():
        scope = one.scope(step)
        if words is None or words == "none" or (isinstance(words, str) and words in one.pack.ladders):
            continue
        lines = words if isinstance(words, list) else [words]
        are_roles = all(isinstance(line, str) for line in lines)
        for index, line in enumerate(lines):
            line_place = (*place, index) if isinstance(words, list) else place
            if are_roles:
                yield from _role(one, line_place, line, scope, ladders=True)
                continue
            problems = list(problems_at(Rung, line, one.text, line_place))
            yield from problems
            if not problems:
                yield from _rung(one, line_place, Rung.model_validate(line), step, scope)


def _rung(one: _Written, place: Place, rung: Rung, step: Step | None, scope: Scope) -> Problems:
    yield from _rung_times(one.text, place, rung, one.pack)
    for number, text in enumerate(rung.tell):
        yield from _role(one, (*place, "tell", number), text, scope)
    outcomes = step.all_outcomes() if step else {}
    if rung.takes and rung.takes not in outcomes:
        message = f'{place_words(place)} takes outcome "{rung.takes}", which does not exist.'
        yield one.found((*place, "takes"), message, listed("Outcomes here", outcomes, rung.takes))


def _rung_times(source: Source, place: Place, rung: Rung, pack: Pack) -> Problems:
    yield from _budget(source, (*place, "after"), rung.after, pack)
    yield from _budget(source, (*place, "before"), rung.before, pack)


def _role(one: _Written, place: Place, text: str, scope: Scope, ladders: bool = False) -> Problems:
    where = place_words(_without_lines(place))
    try:
        role = parse_role(text)
    except RoleError as error:
        message, remedy = _in_two(error)
        hint = did_you_mean(text, one.pack.ladders) if ladders else ""
        yield one.found(place, f"{where}: {message}", hint or remedy)
        return
    for message, remedy in _role_remedies(role, one, scope):
        if ladders and role.kind == "position":
            remedy = f"{remedy}\nLadders: {', '.join(one.pack.ladders)}."
        yield one.found(place, f"{where} names {message}", remedy)


def _role_remedies(role: Role, one: _Written, scope: Scope) -> Iterator[tuple[str, str]]:
    match role.kind:
        case "position":
            yield from _position_remedies(role.name, one.pack)
        case "rank":
            yield from _rank_remedies(role.name, one.pack)
            if not _is_department(role.path, one, scope):
                known = [
                    "owner",
                    "assignee",
                    "starter",
                    *_fields_of(scope, "department", "user"),
                    *one.pack.departments,
                ]
                yield (
                    f'"{role.path}", which is neither a department nor a field that holds one.',
                    listed("Here are", known, role.path),
                )
        case "doer" if role.path not in one.steps:
            yield f'step "{role.path}", which does not exist.', listed("Steps here", one.steps, role.path)
        case "person" if role.path != "customer.owner":
            found = scope.field_of(role.path)
            users = [*_fields_of(scope, "user"), "customer.owner"]
            if found is None:
                yield (
                    f'field "{role.path}", which does not exist.',
                    listed("Fields that hold a person", users, role.path),
                )
            elif found.type != "user":
                message = f'field "{role.path}" as a person, but it is of type {found.type}.'
                yield message, listed("Fields that hold a person", users, role.path)


def _position_remedies(name: str, pack: Pack) -> Iterator[tuple[str, str]]:
    known = [*pack.positions, *pack.relative_positions]
    if name not in known:
        hint = did_you_mean(name, known) or (
            f"Write `{name} of DEPARTMENT`, since {name} is a rank." if name in pack.ranks else ""
        )
        yield f'position "{name}", which nobody declared.', hint or "Declare it under `positions:` in pack.yaml."


def _rank_remedies(name: str, pack: Pack) -> Iterator[tuple[str, str]]:
    if name not in pack.ranks:
        yield f'rank "{name}", which nobody declared.', listed("Ranks declared", pack.ranks, name)


def _company_remedies(role: Role, pack: Pack) -> Iterator[tuple[str, str]]:
    if role.kind == "position":
        yield from _position_remedies(role.name, pack)
    elif role.kind == "rank":
        yield from _rank_remedies(role.name, pack)


def _is_department(path: str, one: _Written, scope: Scope) -> bool:
    if path in ("owner", "assignee", "starter", "customer.owner") or path in one.pack.departments:
        return True
    found = scope.field_of(path)
    if found is None and "." in path:  # `departments.department`: those of all rows
        table, _, column = path.partition(".")
        found = (columns_of(one.form, table) or {}).get(column)
    return found is not None and found.type in ("department", "user")


def _fields_of(scope: Scope, *types: str) -> list[str]:
    rows = [
        f"{row}.{key}"
        for row, columns in scope.rows.items()
        for key, found in (columns or {}).items()
        if found.type in types
    ]
    return [*(key for key, found in scope.fields.items() if found.type in types), *rows]


def _role_of_company(source: Source, place: Place, text: str, pack: Pack, everybody: list[_Written]) -> Problems:
    """A role in a ladder of the company: it holds for every procedure, so any of them may have the field or step."""
    role, where = parse_role(text), place_words(place[:-2])
    undeclared = list(_company_remedies(role, pack))
    for message, remedy in undeclared:
        yield source.problem(place, f"{where} names {message}", remedy)
    scopes = [scope for one in everybody for scope in _all_scopes(one)]
    if role.path and scopes and not undeclared and all(any(_role_remedies(role, one, scope)) for one, scope in scopes):
        message = f'{where} names "{role.path}", which no procedure has.'
        yield source.problem(place, message, "Name a field or step of a procedure that uses this ladder.")


def _all_scopes(one: _Written) -> Iterator[tuple[_Written, Scope]]:
    yield one, one.scope()
    for step in one.steps.values():
        if step.each:
            yield one, one.scope(step)


def _table_asked(one: _Written, place: Place, asked: TableAnswer, scope: Scope) -> Problems:
    """A decision table exists, can be asked from here, and answers with what is wanted of it."""
    where = place_words(place)
    table = one.loaded.tables.get(asked.table)
    if table is None:
        remedy = listed("Tables here", one.loaded.tables, asked.table)
        yield one.found((*place, "table"), f'{where} asks table "{asked.table}", which does not exist.', remedy)
        return
    if asked.output not in table.outputs:
        message = f'{where} wants "{asked.output}" of table "{asked.table}", which does not give it.'
        yield one.found((*place, "output"), message, listed("It gives", table.outputs, asked.output))
    inputs = {found.key: found for found in table.inputs}
    for name in asked.inputs:
        if name not in inputs:
            message = f'{where} gives table "{asked.table}" the input "{name}", which it does not ask for.'
            yield one.found((*place, name), message, listed("It asks for", inputs, name))
    for name, found in inputs.items():
        choices = getattr(found, "choices", None)
        if name in asked.inputs:
            yield from _table_input(one, (*place, name), asked.inputs[name], choices)
        elif name not in scope.fields and name not in scope.facts and name not in (scope.rows.get("item") or {}):
            message = f'{where} asks table "{asked.table}" without its input "{name}", and no field is called so.'
            yield one.found((*place, "table"), message, f"Add `{name}: …` beside `table:`, or a field of that name.")
    yield from _table_answers(one, asked, scope)


def _table_input(one: _Written, place: Place, value: Any, choices: Collection[Any] | None) -> Problems:
    if choices and value not in choices:
        message = f'{place_words(place)}: "{value}" is none of the table\'s choices.'
        yield one.found(place, message, listed("Its choices", map(str, choices), value))


def _table_answers(one: _Written, asked: TableAnswer, scope: Scope) -> Problems:
    table, source = one.loaded.tables[asked.table], one.loaded.source(one.loaded.table_files[asked.table])
    for number, row in enumerate(table.rows):
        answer = row.outputs.get(asked.output)
        place: Place = (asked.table, "rows", number, asked.output)
        where = f'table "{asked.table}", row {number + 1}'
        for text in answer if isinstance(answer, list) else [answer]:
            if not isinstance(text, str):
                meant = "a time limit" if isinstance(asked, TableLimit) else "a role"
                message = f'{where}: "{asked.output}" says {text!r} where {meant} is meant.'
                yield source.problem(place, message, "Write it.")
            elif isinstance(asked, TableLimit):
                yield from _budget(source, place, text, one.pack)
            else:
                for message, remedy in _answered_role(text, one, scope if _may_answer(table, row, asked) else None):
                    yield source.problem(place, f"{where}{message}", remedy)


def _may_answer(table: Table, row: Row, asked: TableAnswer) -> bool:
    """Whether the inputs written where it is asked leave this row possible."""
    for asks in table.inputs:
        if asks.key in asked.inputs and asks.key in row.conditions:
            try:
                if asks.admit(asked.inputs[asks.key]) not in row.conditions[asks.key]:
                    return False
            except ValueError:
                return False  # said by _table_input
    return True


def _answered_role(text: str, one: _Written, scope: Scope | None) -> Iterator[tuple[str, str]]:
    """`scope` is None where the row answers other steps than the one that asks: then only the company is looked at."""
    try:
        role = parse_role(text)
    except RoleError as error:
        message, remedy = _in_two(error)
        yield f": {message}", remedy
        return
    found = _role_remedies(role, one, scope) if scope else _company_remedies(role, one.pack)
    for message, remedy in found:
        yield f" names {message}", remedy


# --- the way through the steps ----------------------------------------------------------------------------------------


def _targets_exist(one: _Written) -> Problems:
    for place, _, branch in one.branches():
        if branch.target not in one.steps:
            at = "else" if branch.otherwise else "to"
            message = f'{place_words(place[:-2])} leads to step "{branch.target}", which does not exist.'
            yield one.found((*place, at), message, listed("Steps here", one.steps, branch.target))
    for key, step in one.steps.items():
        for index, name in enumerate(step.approves):
            if name not in one.steps:
                message = f'step "{key}" approves step "{name}", which does not exist.'
                yield one.found(("steps", key, "approves", index), message, listed("Steps here", one.steps, name))
    for place, _, name in one.opened_beside():
        where = place_words(place[:2])
        if name not in one.steps:
            message = f'{where} lets the clock open step "{name}", which does not exist.'
            yield one.found(place, message, listed("Steps here", one.steps, name))
        elif not one.steps[name].beside:
            message = f'{where} lets the clock open step "{name}", which is not `beside`.'
            yield one.found(place, message, f'Add `beside: true` to "{name}": it runs next to the flow.')


def _all_reached(one: _Written) -> Problems:
    first = one.procedure.first_step
    links = {key: list(step.targets()) for key, step in one.steps.items()}
    for _, key, name in one.opened_beside():
        links[key or first].append(name)
    reached = _reached(first, links)
    for key in one.steps:
        if key not in reached:
            remedy = "Let an outcome lead to it (`next:`), a ladder open it (`opens:`), or delete it."
            yield one.found(("steps", key), f'nothing reaches step "{key}".', remedy)


def _ends_reached(one: _Written) -> Problems:
    if not one.ends:
        remedy = "Add one, as in\n  closed:\n    title: {zh: 已结案, en: Closed}\n    end: true"
        yield one.found(("steps",), "no step is an end, so a case could never end.", remedy)
        return
    links = {key: list(step.targets()) for key, step in one.steps.items()}
    stuck = []
    for key, step in one.steps.items():
        yield from _dead_ends(one, key, step)
        reached = _reached(key, links)
        # What leads nowhere, or to a missing step, is said there.
        is_whole = all(name in links and (links[name] or name in one.ends) for name in reached)
        if not step.beside and is_whole and not reached & set(one.ends):
            stuck.append(key)
    if stuck:
        steps = ", ".join(f'"{key}"' for key in stuck)
        message = f"from step{'s' if stuck[1:] else ''} {steps} no end is reached: a case could never end."
        yield one.found(("steps", stuck[0]), message, f"Let an outcome lead on. Ends here: {', '.join(one.ends)}.")


def _dead_ends(one: _Written, key: str, step: Step) -> Problems:
    if step.beside or step.end:
        return
    remedy = f"Write `next: STEP`, or `beside: true` where it runs next to the flow. Ends here: {', '.join(one.ends)}."
    if not step.outcomes and not step.next:
        yield one.found(("steps", key, "next"), f'step "{key}" leads nowhere.', remedy)
    for name, outcome in step.outcomes.items():
        if not outcome.next:
            place = ("steps", key, "outcomes", name)
            yield one.found(place, f"{place_words(place)} leads nowhere.", remedy)


def _joins(one: _Written) -> Problems:
    ways: dict[str, list[Step]] = {key: [] for key in one.steps}
    for step in one.steps.values():
        for target in set(step.targets()):
            ways.get(target, []).append(step)
    for key, step in one.steps.items():
        many = any(way.each for way in ways[key])
        if step.join is None or many:
            continue
        place = ("steps", key, "join")
        if len(ways[key]) == 1:
            yield one.found(place, f'step "{key}" joins branches, but only one way leads to it.', "Delete `join:`.")
        elif isinstance(step.join, int) and step.join > len(ways[key]):
            message = f'step "{key}" waits for {step.join} branches, but {len(ways[key])} lead to it.'
            yield one.found(place, message, f"Write `join: all`, or a number up to {len(ways[key])}.")


def _waits(one: _Written) -> Problems:
    for key, step in one.steps.items():
        if not step.wait:
            continue
        yield from _limit(one, ("steps", key, "wait", "for"), step.wait.for_, one.scope(step))
        if step.wait.for_ and step.outcomes and ELAPSED not in step.outcomes:
            message = f'step "{key}" waits for a time, but has no outcome `{ELAPSED}` for when it is over.'
            yield one.found(("steps", key, "outcomes"), message, f"Name the outcome `{ELAPSED}`.")


def _reached(origin: str, links: Mapping[str, Iterable[str]]) -> set[str]:
    seen, front = {origin}, [origin]
    while front:
        for target in links.get(front.pop(), ()):
            if target not in seen:
                seen.add(target)
                front.append(target)
    return seen


# --- the form ---------------------------------------------------------------------------------------------------------


def _field_keys(one: _Written) -> Problems:
    """The record is flat: a key is one field."""
    first: dict[str, str] = {}
    for section, _, key, _field in one.form.fields():
        if key in first:
            message = f'field "{key}" of section "{section}" stands in section "{first[key]}" already.'
            remedy = "Field keys are unique in a form: rename one."
            yield one.found_in_form(("sections", section, "fields", key), message, remedy)
        first.setdefault(key, section)


def _sections_filled(one: _Written) -> Problems:
    for key, step in one.steps.items():
        for index, section in enumerate(step.fills):
            place = ("steps", key, "fills", index)
            if section not in one.form.sections:
                message = f'step "{key}" fills section "{section}", which the form does not have.'
                yield one.found(place, message, listed("Sections here", one.form.sections, section))
                continue
            per = one.form.sections[section].per
            if per and not (step.each and step.each.rows == per):
                message = f'step "{key}" fills section "{section}", which every row of "{per}" has for itself.'
                yield one.found(place, message, f"Add `each: {per}` to the step, or take `per:` from the section.")


def _fields_filled(one: _Written, everybody: list[_Written]) -> Problems:
    if not everybody:
        return
    filled = {section for step in one.steps.values() for section in step.fills}
    given = set(_given(one)) | {key for other in everybody for key in _given_from_outside(other, one.key)}
    for key, section in one.form.sections.items():
        nobody = [name for name, found in section.fields.items() if found.is_typed_in and name not in given]
        if key not in filled and nobody:
            message = f'section "{key}" is filled by no step, so nobody can fill {_quoted(nobody)}.'
            yield one.found_in_form(("sections", key), message, f"Add `fills: [{key}]` to a step.")
        for name, found in section.fields.items():
            if found.system and not found.computed and not found.gather and name not in given:
                message = f'field "{name}" is set by the system, but no step sets it.'
                yield one.found_in_form(
                    ("sections", key, "fields", name), message, f"Add `sets: {{{name}: …}}` to a step."
                )


def _given(one: _Written) -> Iterator[str]:
    """Fields and columns that steps set, or that clocks and ended cases bring."""
    for _, _, sets in one.sets():
        for target, value in sets.items():
            yield target.partition(".")[2] or target
            for change in value if isinstance(value, tuple) else ():
                yield from (*change.set, *change.add)
    for clock in one.procedure.clocks.values():
        yield from filter(None, (clock.until, clock.late))
    for _, _, opening in one.openings():
        for end in opening.when_it_ends.values():
            yield from end.with_


def _given_from_outside(other: _Written, key: str) -> Iterator[str]:
    for _, _, opening in other.openings():
        if opening.procedure == key:
            yield from opening.with_


def _tables_of_the_form(one: _Written) -> Problems:
    """Table fields that sections, steps and gathered lists go by."""
    told_apart: set[str] = set()
    place: Place
    for key, section in one.form.sections.items():
        if section.per:
            yield from _no_table(one, one.form_text, ("sections", key, "per"), f'section "{key}"', section.per)
            told_apart.add(section.per)
    for key, step in one.steps.items():
        if step.each:
            yield from _no_table(one, one.text, ("steps", key, "each", "rows"), f'step "{key}"', step.each.rows)
            told_apart.add(step.each.rows)
        for index, watch in enumerate(step.watch):
            place = ("steps", key, "watch", index)
            yield from _no_table(one, one.text, (*place, "rows"), f'step "{key}" (watch)', watch.rows)
            yield from _no_column(one.text, (*place, "at"), watch.at, watch.rows, columns_of(one.form, watch.rows))
    for key, statistic in one.procedure.statistics.items():
        if statistic.rows:
            yield from _no_table(one, one.text, ("statistics", key, "rows"), f'statistic "{key}"', statistic.rows)
    for section_key, _, key, found in one.form.fields():
        place = ("sections", section_key, "fields", key)
        if key in told_apart and found.type == "rows" and not found.key:
            message = f'table "{key}" has tasks or sections for each row, but no column that tells rows apart.'
            remedy = f"Add `key: COLUMN`. Columns here: {', '.join(found.columns)}."
            yield one.found_in_form(place, message, remedy)
        if found.gather:
            yield from _gathered(one, (*place, "gather"), found.gather)


def _no_table(one: _Written, source: Source, place: Place, who: str, table: str) -> Problems:
    found = one.form.field(table)
    if found is None or found.type != "rows":
        what = "which does not exist" if found is None else f"which is a field of type {found.type}"
        tables = [key for key, found in one.fields.items() if found.type == "rows"]
        yield source.problem(
            place, f'{who} goes by the rows of "{table}", {what}.', listed("Table fields here", tables, table)
        )


def _no_column(source: Source, place: Place, column: str, table: str, columns: Mapping[str, Any] | None) -> Problems:
    if columns is not None and column not in columns:
        message = f'{place_words(place)}: table "{table}" has no column "{column}".'
        yield source.problem(place, message, listed("Columns here", columns, column))


def _gathered(one: _Written, place: Place, path: str) -> Problems:
    outer, _, inner = path.partition(".")
    columns = columns_of(one.form, outer)
    if columns is None:
        yield from _no_table(one, one.form_text, place, f"{place_words(place[:-1])} (gather)", outer)
    elif inner not in columns or columns[inner].type != "rows":
        tables = [key for key, found in columns.items() if found.type == "rows"]
        message = f'{place_words(place[:-1])} gathers "{path}", but "{inner}" is no table within "{outer}".'
        yield one.found_in_form(place, message, listed("Tables within it", tables, inner))


def _departments_of_people(one: _Written) -> Problems:
    for place, found, _ in _fields_with_scope(one):
        if found.of:
            yield from _undeclared(one.form_text, (*place, "of"), found.of, "department", one.pack.departments)


# --- the rules --------------------------------------------------------------------------------------------------------


def _expressions_known(one: _Written) -> Problems:
    """Every expression reads names that exist, and compares choices with choices."""
    for source, place, text, scope in _expressions(one):
        where = place_words(place)
        for message, remedy in (*unknown_names(text, scope), *impossible_texts(text, scope, one.pack.departments)):
            yield source.problem(place, f"{where}: {message}", remedy)


_Expression = tuple[Source, Place, str, Scope]


def _expressions(one: _Written) -> Iterator[_Expression]:
    yield from _form_expressions(one)
    for key, step in one.steps.items():
        yield from _step_expressions(one, key, step)
    for place, step, opening in one.openings():
        scope = one.scope(step)
        yield from _written_at(one.text, place, {"when": opening.when}, scope)
        yield from _written_at(one.text, (*place, "with"), opening.with_, scope)
    for place, step, sets in one.sets():
        yield from _set_expressions(one, place, sets, one.scope(step))
    for place, key, branch in one.branches():
        yield from _written_at(one.text, place, {"when": branch.when}, one.scope(one.steps[key]))
    yield from _head_expressions(one)


def _form_expressions(one: _Written) -> Iterator[_Expression]:
    for key, section in one.form.sections.items():
        scope = _section_scope(one, section.per)
        for index, check in enumerate(section.checks):
            yield one.form_text, ("sections", key, "checks", index, "that"), check.that, scope
    for place, found, scope in _fields_with_scope(one):
        expressions = {word: getattr(found, word) for word in ("required", "visible", "default", "computed")}
        yield from _written_at(one.form_text, place, expressions, scope)
        for index, check in enumerate(found.checks):
            yield one.form_text, (*place, "checks", index, "that"), check.that, scope


def _section_scope(one: _Written, per: str | None) -> Scope:
    return one.scope().with_row(columns_of(one.form, per), "item", "row", bare=True) if per else one.scope()


def _fields_with_scope(one: _Written) -> Iterator[tuple[Place, FieldDefinition, Scope]]:
    for section_key, section, key, found in one.form.fields():
        place, scope = ("sections", section_key, "fields", key), _section_scope(one, section.per)
        yield place, found, scope
        columns = found.columns if section.per else columns_of(one.form, key) or found.columns
        row = scope.with_row(columns, "row", bare=True)
        for name, column in found.columns.items():
            yield (*place, "columns", name), column, row


def _step_expressions(one: _Written, key: str, step: Step) -> Iterator[_Expression]:
    place, scope = ("steps", key), one.scope(step)
    if step.each:
        rows = scope.with_row(columns_of(one.form, step.each.rows), "row")
        yield from _written_at(one.text, (*place, "each"), {"where": step.each.where}, rows)
    if step.due:
        due = {"from": step.due.from_, "at": step.due.at, "latest": step.due.latest}
        yield from _written_at(one.text, (*place, "due"), due, scope)
    if step.wait:
        yield from _written_at(one.text, (*place, "wait"), {"until": step.wait.until, "from": step.wait.from_}, scope)
    for index, watch in enumerate(step.watch):
        row = scope.with_row(columns_of(one.form, watch.rows), "row")
        yield from _written_at(one.text, (*place, "watch", index), {"done": watch.done}, row)
    for index, check in enumerate(step.checks):
        yield one.text, (*place, "checks", index, "that"), check.that, scope
    yield from _written_at(one.text, (*place, "with"), step.with_, scope)
    for name, outcome in step.outcomes.items():
        outcome_place = (*place, "outcomes", name)
        yield from _written_at(one.text, outcome_place, {"when": outcome.when}, scope)
        for index, check in enumerate(outcome.checks):
            yield one.text, (*outcome_place, "checks", index, "that"), check.that, scope


def _set_expressions(one: _Written, place: Place, sets: Mapping[str, Any], scope: Scope) -> Iterator[_Expression]:
    for target, value in sets.items():
        if isinstance(value, str):
            yield one.text, (*place, target), value, scope
            continue
        row = scope.with_row(columns_of(one.form, target), "row")
        for index, change in enumerate(value):
            line = (*place, target, index)
            yield from _written_at(one.text, line, {"where": change.where}, row)
            yield from _written_at(one.text, (*line, "set"), change.set, row)
            yield from _written_at(one.text, line, {"unless": change.unless}, scope)
            yield from _written_at(one.text, (*line, "add"), change.add, scope)


def _head_expressions(one: _Written) -> Iterator[_Expression]:
    procedure, scope, register = one.procedure, one.scope(), one.register_scope
    if procedure.amount:
        yield one.text, ("amount",), procedure.amount, scope
    for key, clock in procedure.clocks.items():
        yield one.text, ("clocks", key, "from"), clock.from_, scope
    for key, column in (procedure.register_.columns if procedure.register_ else {}).items():
        if column and column.value:
            yield one.text, ("register", "columns", key, "value"), column.value, register
    for key, indicator in procedure.indicators.items():
        yield from _written_at(
            one.text, ("indicators", key), {"counts": indicator.counts, "of": indicator.of}, register
        )
    for key, statistic in procedure.statistics.items():
        rows = (
            register.with_row(columns_of(one.form, statistic.rows), "row", "item", bare=True)
            if statistic.rows
            else register
        )
        yield one.text, ("statistics", key, "by"), statistic.by, rows


def _written_at(source: Source, place: Place, texts: Mapping[str, str | None], scope: Scope) -> Iterator[_Expression]:
    for key, text in texts.items():
        if text is not None:
            yield source, (*place, key), text, scope


def _sets_known(one: _Written) -> Problems:
    """What steps set exists, and is given a value it can have."""
    departments = one.pack.departments
    for place, step, sets in one.sets():
        scope = one.scope(step)
        for target, value in sets.items():
            where, at = place_words(place[:-1]), (*place, target)
            found = scope.field_of(target)
            if found is None:
                known = [*one.fields, *(f"item.{key}" for key in scope.rows.get("item") or {})]
                yield one.found(
                    at, f'{where} sets "{target}", which is no field.', listed("Fields here", known, target)
                )
            elif isinstance(value, str):
                for message, remedy in impossible_value(target, value, found, departments):
                    yield one.found(at, f"{where}: {message}", remedy)
            elif found.type != "rows":
                message = f'{where} changes rows of "{target}", which is a field of type {found.type}.'
                yield one.found(at, message, "Write one expression.")
            else:
                columns = columns_of(one.form, target)
                for index, change in enumerate(value):
                    for word, cells in (("set", change.set), ("add", change.add)):
                        for column, text in cells.items():
                            cell = (*at, index, word, column)
                            yield from _no_column(one.text, cell, column, target, columns)
                            for message, remedy in impossible_value(
                                column, text, (columns or {}).get(column), departments
                            ):
                                yield one.found(cell, f"{place_words(cell)}: {message}", remedy)


def _defaults(one: _Written) -> Problems:
    for place, found, _ in _fields_with_scope(one):
        if found.default is not None:
            for message, remedy in impossible_value(str(place[-1]), found.default, found, one.pack.departments):
                yield one.found_in_form((*place, "default"), f"{place_words(place)}, default: {message}", remedy)


def _needs(one: _Written) -> Problems:
    for key, step in one.steps.items():
        columns = one.scope(step).rows.get("item") or {}
        places: list[tuple[Place, tuple[str, ...]]] = [(("steps", key, "needs"), step.needs)]
        places += [
            (("steps", key, "outcomes", name, "needs"), outcome.needs) for name, outcome in step.outcomes.items()
        ]
        for place, names in places:
            for index, name in enumerate(names):
                if name != "reason" and name not in one.fields and name not in columns:
                    message = f'{place_words(place[:-1])} needs "{name}", which is no field.'
                    remedy = listed("Fields here", ["reason", *columns, *one.fields], name)
                    yield one.found((*place, index), message, remedy)


def _time_limits(one: _Written) -> Problems:
    place: Place
    for key, step in one.steps.items():
        if step.due:
            place = ("steps", key, "due")
            yield from _limit(one, (*place, "within"), step.due.within, one.scope(step))
            yield from _budget(one.text, (*place, "else"), step.due.otherwise, one.pack)
            if step.due.clock and step.due.clock not in one.procedure.clocks:
                message = f'step "{key}" goes by clock "{step.due.clock}", which does not exist.'
                yield one.found((*place, "clock"), message, listed("Clocks here", one.procedure.clocks, step.due.clock))
    for key, clock in one.procedure.clocks.items():
        place = ("clocks", key)
        yield from _limit(one, (*place, "within"), clock.within, one.scope())
        for word, name in (("until", clock.until), ("late", clock.late)):
            if name and name not in one.fields:
                message = f'clock "{key}", {word}: "{name}" is no field.'
                yield one.found((*place, word), message, listed("Fields here", one.fields, name))
        for index, name in enumerate(clock.paused_by):
            if name not in one.steps:
                message = f'clock "{key}" is paused by step "{name}", which does not exist.'
                yield one.found((*place, "paused_by", index), message, listed("Steps here", one.steps, name))


def _limit(one: _Written, place: Place, limit: TableLimit | str | None, scope: Scope) -> Problems:
    if isinstance(limit, TableLimit):
        yield from _table_asked(one, place, limit, scope)
    else:
        yield from _budget(one.text, place, limit, one.pack)


def _budget(source: Source, place: Place, text: str | None, pack: Pack) -> Problems:
    """A time limit, or the setting that holds one."""
    if text is None:
        return
    word, dot, key = text.partition(".")
    if not (dot and word == "settings"):
        yield from _refused(source, place, Budget.parse, text)
    elif key not in pack.settings:
        message = f'{place_words(_without_lines(place))}: the pack has no setting "{key}".'
        yield source.problem(place, message, listed("Settings in pack.yaml", pack.settings, key))
    else:
        yield from _refused(source, place, Budget.parse, str(pack.settings[key].value))


def _refused(source: Source, place: Place, read: Callable[[str], object], text: str) -> Problems:
    try:
        read(text)
    except ValueError as error:
        message, remedy = _in_two(error)
        yield source.problem(place, f"{place_words(_without_lines(place))}: {message}", remedy)


# --- the document -----------------------------------------------------------------------------------------------------


def _clauses(one: _Written) -> Problems:
    clauses, carried_out = one.procedure.clauses, set()
    for key, step in one.steps.items():
        carried_out |= set(step.clause)
        for index, number in enumerate(step.clause):
            if number not in clauses:
                message = f'step "{key}" names clause "{number}", which does not exist.'
                yield one.found(("steps", key, "clause", index), message, listed("Clauses here", clauses, number))
        if step.kind == "task" and step.role != ("system",) and not step.clause:
            message = f'step "{key}" names no clause, so nobody can say who asked for it.'
            yield one.found(("steps", key), message, listed("Add `clause: […]`. Clauses here", clauses))
        if isinstance(step.role, TableRole) and step.role.table in one.loaded.tables:
            carried_out |= set(one.loaded.tables[step.role.table].clauses)
    for number, clause in clauses.items():
        if number not in carried_out and not clause.manual:
            yield one.found(
                ("clauses", number), f'clause "{number}" is carried out by no step.', _MISSING_STEP.format(number)
            )


_MISSING_STEP = """\
Add under `steps:`
  <key>:
    title: {{zh: …, en: …}}
    clause: ["{}"]
    role: <position>
    due: <time>
    next: <step>
or mark the clause `manual: {{zh: …, en: …}}` with the reason why people see to it."""


def _document(one: _Written) -> Problems:
    procedure, numberings = one.procedure, one.pack.numbering
    if procedure.numbering and procedure.numbering not in numberings:
        message = f'the procedure is numbered by "{procedure.numbering}", which pack.yaml does not have.'
        yield one.found(("numbering",), message, listed("Numberings there", numberings, procedure.numbering))
    for index, key in enumerate(procedure.related):
        if key not in one.loaded.folders:
            message = f'the related procedure "{key}" does not exist.'
            yield one.found(("related", index), message, listed("Procedures here", one.loaded.folders, key))


def _register(one: _Written) -> Problems:
    register = one.procedure.register_
    known = {*one.fields, *REGISTER_FACTS}
    for key, indicator in one.procedure.indicators.items():
        if indicator.at and indicator.at not in known:
            message = f'indicator "{key}", at: "{indicator.at}" is no field.'
            yield one.found(("indicators", key, "at"), message, listed("Fields here", sorted(known), indicator.at))
    if register is None:
        return
    for key, column in register.columns.items():
        if (column is None or column.value is None) and key not in known:
            message = f'the register has a column "{key}", which is neither a field nor says its `value:`.'
            yield one.found(("register", "columns", key), message, listed("Fields here", sorted(known), key))
        if column and column.value and not column.title:
            message = f'the register\'s column "{key}" has a value but no title.'
            yield one.found(("register", "columns", key), message, "Add `title: {zh: …, en: …}`.")
    for index, key in enumerate(register.readers):
        if key not in one.pack.departments:
            message = f'the register is read by "{key}", which is no department.'
            yield one.found(("register", "readers", index), message, listed("Departments", one.pack.departments, key))
    known |= set(register.columns)
    for index, key in enumerate(register.filters):
        if key not in known:
            message = f'the register filters by "{key}", which is neither column nor field.'
            yield one.found(("register", "filters", index), message, listed("Columns and fields", sorted(known), key))
    if (key := register.sort.lstrip("-")) not in known:
        message = f'the register sorts by "{key}", which is neither column nor field.'
        yield one.found(("register", "sort"), message, listed("Columns and fields", sorted(known), key))


# --- other procedures -------------------------------------------------------------------------------------------------


def _between_procedures(one: _Written, written: Mapping[str, _Written]) -> Problems:
    for place, _, opening in one.openings():
        if opening.procedure not in one.loaded.folders:
            message = f'{place_words(place[:-1])} "{opening.procedure}", a procedure that does not exist.'
            remedy = listed("Procedures here", one.loaded.folders, opening.procedure)
            yield one.found((*place, "procedure"), message, remedy)
        elif opening.procedure in written:
            yield from _opening(one, place, opening, written[opening.procedure])
    for key, step in one.steps.items():
        if step.wait and step.wait.case:
            yield from _case_waited_for(one, key, step, step.wait.case, written)


def _opening(one: _Written, place: Place, opening: Opening, other: _Written) -> Problems:
    for key, text in opening.with_.items():
        at = (*place, "with", key)
        if key not in other.fields and key != "customer":
            message = f'{place_words(place[:-1])} "{other.key}" with field "{key}", which that form does not have.'
            yield one.found(at, message, listed("Fields there", other.fields, key))
        for message, remedy in impossible_value(key, text, other.fields.get(key), one.pack.departments):
            yield one.found(at, f"{place_words(at)}: {message}", remedy)
    for end, then in opening.when_it_ends.items():
        at = (*place, "when_it_ends", end)
        if end not in other.ends and end != VOIDED:
            message = f'{place_words(place[:-1])}: procedure "{other.key}" has no end "{end}".'
            yield one.found(at, message, listed("Ends there", [*other.ends, VOIDED], end))
        step = one.steps.get(then.complete)
        if step is None:
            message = f'{place_words(at)} completes step "{then.complete}", which does not exist.'
            yield one.found((*at, "complete"), message, listed("Steps here", one.steps, then.complete))
        elif then.outcome and then.outcome not in step.all_outcomes():
            message = f'{place_words(at)}: step "{then.complete}" has no outcome "{then.outcome}".'
            yield one.found((*at, "outcome"), message, listed("Its outcomes", step.all_outcomes(), then.outcome))
        for key, text in then.with_.items():
            if key not in one.fields:
                message = f'{place_words(at)} fills "{key}", which is no field here.'
                yield one.found((*at, "with", key), message, listed("Fields here", one.fields, key))
            scope = other.register_scope
            for message, remedy in (*unknown_names(text, scope), *impossible_texts(text, scope, one.pack.departments)):
                yield one.found(
                    (*at, "with", key), f'{place_words((*at, "with", key))} (over "{other.key}"): {message}', remedy
                )


def _case_waited_for(one: _Written, key: str, step: Step, case: str, written: Mapping[str, _Written]) -> Problems:
    if case not in one.loaded.folders:
        message = f'step "{key}" waits for procedure "{case}", which does not exist.'
        yield one.found(("steps", key, "wait", "case"), message, listed("Procedures here", one.loaded.folders, case))
    elif case in written:
        known = [*written[case].ends, ENDED, VOIDED]
        for name in step.outcomes:
            if name not in known:
                message = f'step "{key}" waits for "{case}", which never ends with "{name}".'
                yield one.found(("steps", key, "outcomes", name), message, listed("Its ends", known, name))


def _operations(one: _Written, operations: Collection[str]) -> Problems:
    for key, step in one.steps.items():
        if step.does and step.does not in operations:
            message = f'step "{key}" does "{step.does}", which is no operation.'
            yield one.found(("steps", key, "does"), message, listed("Operations", sorted(operations), step.does))


def _examples_readable(loaded: LoadedPack) -> Problems:
    for file in loaded.examples.values():
        yield from Source.read(file).problems


# --- words ------------------------------------------------------------------------------------------------------------


def _in_two(error: Exception) -> tuple[str, str]:
    """The sentence, and what follows it as the remedy."""
    message, stop, remedy = str(error).partition(". ")
    return message + stop.strip(), remedy


def _without_lines(place: Place) -> Place:
    return tuple(step for step in place if not isinstance(step, int))


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


_CHECKS: tuple[Callable[[_Written], Problems], ...] = (
    _roles,
    _bulk,
    _escalation,
    _targets_exist,
    _all_reached,
    _ends_reached,
    _joins,
    _waits,
    _field_keys,
    _sections_filled,
    _tables_of_the_form,
    _departments_of_people,
    _expressions_known,
    _sets_known,
    _defaults,
    _needs,
    _time_limits,
    _clauses,
    _document,
    _register,
)
