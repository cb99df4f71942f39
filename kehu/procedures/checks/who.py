"""Who does it: positions, ranks and departments that roles name, decision tables that answer with them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from kehu.engine.definitions import Pack, Rung, Step, TableAnswer, TableLimit, TableRole
from kehu.engine.roles import Role, RoleError, parse_role
from kehu.engine.tables import Row, Table

from ..names import Scope, columns_of, unknown_names
from ..shapes import place_words, problems_at
from ..sources import Place, Source, did_you_mean, listed
from .written import Check, Problems, Written, budget_read, in_two, undeclared, without_lines


def _roles(one: Written) -> Problems:
    """Positions, ranks, departments, fields and steps that roles name."""
    for word in ("void", "reopen", "pause"):
        yield from role_named(one, (word,), getattr(one.procedure, word), one.scope())
    yield from undeclared(one.text, ("owner",), one.procedure.owner, "department", one.pack.departments)
    for key, step in one.steps.items():
        place: Place = ("steps", key)
        scope = one.scope(step)
        for party_place, party in _parties(place, step):
            if isinstance(party, TableRole):
                yield from table_asked(one, party_place, party, scope)
                continue
            yield from role_named(one, party_place, party, scope)
            if parse_role(party).kind == "assignee":
                message = f'step "{key}": the role `assignee` is whoever has the task, so it cannot say who gets it.'
                yield one.found(party_place, message, "`assignee` stands in ladders; name a position here.")
        told: list[tuple[Place, tuple[str, ...]]] = [((*place, "tells"), step.tells)]
        told += [((*place, "outcomes", name, "tells"), outcome.tells) for name, outcome in step.outcomes.items()]
        for told_place, texts in told:
            for index, text in enumerate(texts):
                yield from role_named(one, (*told_place, index), text, scope)
        for index, watch in enumerate(step.watch):
            row = scope.with_row(columns_of(one.form, watch.rows), "row")
            for line, text in enumerate(watch.tell):
                yield from role_named(one, (*place, "watch", index, "tell", line), text, row)
    for opening_place, step, opening in one.openings():
        yield from role_named(one, (*opening_place, "by"), opening.by, one.scope(step))


def _parties(place: Place, step: Step) -> Iterator[tuple[Place, TableRole | str]]:
    """Who does a step, each where it is written."""
    if isinstance(step.role, TableRole):
        yield (*place, "role"), step.role
    else:
        yield from (((*place, "role", index), text) for index, text in enumerate(step.role))
    yield from (((*place, "signatures", index), party) for index, party in enumerate(step.signatures))


def _bulk(one: Written) -> Problems:
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


def escalation(one: Written) -> Problems:
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
                yield from role_named(one, line_place, line, scope, ladders=True)
                continue
            problems = list(problems_at(Rung, line, one.text, line_place))
            yield from problems
            if not problems:
                yield from _rung(one, line_place, Rung.model_validate(line), step, scope)


def _rung(one: Written, place: Place, rung: Rung, step: Step | None, scope: Scope) -> Problems:
    yield from rung_times(one.text, place, rung, one.pack)
    for word, roles in (("tell", rung.tell), ("shares", rung.shares)):
        for number, text in enumerate(roles):
            yield from role_named(one, (*place, word, number), text, scope)
    for message, remedy in unknown_names(rung.when, scope) if rung.when else ():
        yield one.found((*place, "when"), f"{place_words((*place, 'when'))}: {message}", remedy)
    outcomes = step.all_outcomes() if step else {}
    if rung.takes and rung.takes not in outcomes:
        message = f'{place_words(place)} takes outcome "{rung.takes}", which does not exist.'
        yield one.found((*place, "takes"), message, listed("Outcomes here", outcomes, rung.takes))


def rung_times(source: Source, place: Place, rung: Rung, pack: Pack) -> Problems:
    yield from budget_read(source, (*place, "after"), rung.after, pack)
    yield from budget_read(source, (*place, "before"), rung.before, pack)
    yield from budget_read(source, (*place, "every"), rung.every, pack)
    yield from budget_read(source, (*place, "at"), rung.at_time, pack)
    if rung.every and any(character.isdigit() for character in rung.every) and not re.search("[1-9]", rung.every):
        message = f"{place_words(place)} repeats every {rung.every}, which is no time at all."
        yield source.problem((*place, "every"), message, "Write for example 2 working days.")


def role_named(one: Written, place: Place, text: str, scope: Scope, ladders: bool = False) -> Problems:
    where = place_words(without_lines(place))
    try:
        role = parse_role(text)
    except RoleError as error:
        message, remedy = in_two(error)
        hint = did_you_mean(text, one.pack.ladders) if ladders else ""
        yield one.found(place, f"{where}: {message}", hint or remedy)
        return
    for message, remedy in _role_remedies(role, one, scope):
        if ladders and role.kind == "position":
            remedy = f"{remedy}\nLadders: {', '.join(one.pack.ladders)}."
        yield one.found(place, f"{where} names {message}", remedy)


def _role_remedies(role: Role, one: Written, scope: Scope) -> Iterator[tuple[str, str]]:
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
            users = [*_fields_of(scope, "user", "people"), "customer.owner"]
            if found is None:
                yield (
                    f'field "{role.path}", which does not exist.',
                    listed("Fields that hold a person", users, role.path),
                )
            elif found.type not in ("user", "people"):
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


def _is_department(path: str, one: Written, scope: Scope) -> bool:
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


def role_of_company(source: Source, place: Place, text: str, pack: Pack, everybody: list[Written]) -> Problems:
    """A role in a ladder of the company: it holds for every procedure, so any of them may have the field or step."""
    role, where = parse_role(text), place_words(place[:-2])
    undeclared = list(_company_remedies(role, pack))
    for message, remedy in undeclared:
        yield source.problem(place, f"{where} names {message}", remedy)
    scopes = [scope for one in everybody for scope in _all_scopes(one)]
    if role.path and scopes and not undeclared and all(any(_role_remedies(role, one, scope)) for one, scope in scopes):
        message = f'{where} names "{role.path}", which no procedure has.'
        yield source.problem(place, message, "Name a field or step of a procedure that uses this ladder.")


def _all_scopes(one: Written) -> Iterator[tuple[Written, Scope]]:
    yield one, one.scope()
    for step in one.steps.values():
        if step.each:
            yield one, one.scope(step)


def table_asked(one: Written, place: Place, asked: TableAnswer, scope: Scope) -> Problems:
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


def _table_input(one: Written, place: Place, value: Any, choices: Collection[Any] | None) -> Problems:
    if choices and value not in choices:
        message = f'{place_words(place)}: "{value}" is none of the table\'s choices.'
        yield one.found(place, message, listed("Its choices", map(str, choices), value))


def _table_answers(one: Written, asked: TableAnswer, scope: Scope) -> Problems:
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
                yield from budget_read(source, place, text, one.pack)
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


def _answered_role(text: str, one: Written, scope: Scope | None) -> Iterator[tuple[str, str]]:
    """`scope` is None where the row answers other steps than the one that asks: then only the company is looked at."""
    try:
        role = parse_role(text)
    except RoleError as error:
        message, remedy = in_two(error)
        yield f": {message}", remedy
        return
    found = _role_remedies(role, one, scope) if scope else _company_remedies(role, one.pack)
    for message, remedy in found:
        yield f" names {message}", remedy


CHECKS: tuple[Check, ...] = (
    _roles,
    _bulk,
    escalation,
)
