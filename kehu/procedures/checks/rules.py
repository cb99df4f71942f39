"""The rules: what expressions may read, what is set, offered and demanded, time limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kehu.engine.definitions import FieldDefinition, Form, Schedule, Step, TableLimit, Text
from kehu.organizations.recurrence import Recurrence

from ..names import CUSTOMER, PERIOD, Scope, columns_of, impossible_texts, impossible_value, unknown_names
from ..shapes import place_words
from ..sources import Place, Source, listed
from .who import role_named, table_asked
from .written import Check, Problems, Written, budget_read, no_column, refused_by


def _expressions_known(one: Written) -> Problems:
    """Every expression reads names that exist, and compares choices with choices."""
    for source, place, text, scope in _expressions(one):
        where = place_words(place)
        for message, remedy in (*unknown_names(text, scope), *impossible_texts(text, scope, one.pack.departments)):
            yield source.problem(place, f"{where}: {message}", remedy)


_Expression = tuple[Source, Place, str, Scope]


def _expressions(one: Written) -> Iterator[_Expression]:
    yield from _form_expressions(one)
    for key, step in one.steps.items():
        yield from _step_expressions(one, key, step)
    for place, step, opening in one.openings():
        scope = one.scope(step)
        if opening.each:
            scope = scope.with_row(columns_of(one.form, opening.each), "item")
        yield from _written_at(
            one.text, place, {"when": opening.when, "customer": opening.customer, "number": opening.number}, scope
        )
        yield from _written_at(one.text, (*place, "with"), opening.with_, scope)
    for place, step, sets in one.sets():
        yield from _set_expressions(one, place, sets, one.scope(step))
    for place, key, branch in one.branches():
        yield from _written_at(one.text, place, {"when": branch.when}, one.scope(one.steps[key]))
    yield from _head_expressions(one)


def _form_expressions(one: Written) -> Iterator[_Expression]:
    for key, section in one.form.sections.items():
        scope = _section_scope(one, section.per)
        for index, check in enumerate(section.checks):
            yield one.form_text, ("sections", key, "checks", index, "that"), check.that, scope
    for place, found, scope in fields_with_scope(one):
        expressions = {
            word: getattr(found, word) for word in ("required", "visible", "default", "computed", "currency")
        }
        yield from _written_at(one.form_text, place, expressions, scope)
        for index, check in enumerate(found.checks):
            yield one.form_text, (*place, "checks", index, "that"), check.that, scope


def _section_scope(one: Written, per: str | None) -> Scope:
    return one.scope().with_row(columns_of(one.form, per), "item", "row", bare=True) if per else one.scope()


def fields_with_scope(one: Written) -> Iterator[tuple[Place, FieldDefinition, Scope]]:
    for section_key, section, key, found in one.form.fields():
        place, scope = ("sections", section_key, "fields", key), _section_scope(one, section.per)
        yield place, found, scope
        columns = found.columns if section.per else columns_of(one.form, key) or found.columns
        row = scope.with_row(columns, "row", bare=True)
        for name, column in found.columns.items():
            yield (*place, "columns", name), column, row


def _step_expressions(one: Written, key: str, step: Step) -> Iterator[_Expression]:
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
    for index, ask in enumerate(step.asks):
        yield from _written_at(one.text, (*place, "asks", index, "with"), ask.with_, scope)
    for name, outcome in step.outcomes.items():
        outcome_place = (*place, "outcomes", name)
        yield from _written_at(one.text, outcome_place, {"when": outcome.when, "suggested": outcome.suggested}, scope)
        for index, check in enumerate(outcome.checks):
            yield one.text, (*outcome_place, "checks", index, "that"), check.that, scope


def _set_expressions(one: Written, place: Place, sets: Mapping[str, Any], scope: Scope) -> Iterator[_Expression]:
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


def _head_expressions(one: Written) -> Iterator[_Expression]:
    procedure, scope, register = one.procedure, one.scope(), one.register_scope
    for key, schedule in procedure.schedules.items():
        place: Place = ("schedules", key)
        yield from _written_at(one.text, place, {"where": schedule.where}, _schedule_scope(one, schedule, True))
        yield from _written_at(one.text, (*place, "with"), schedule.with_, _schedule_scope(one, schedule))
    if procedure.amount:
        yield one.text, ("amount",), procedure.amount, scope
    for key, clock in procedure.clocks.items():
        yield one.text, ("clocks", key, "from"), clock.from_, scope
    if procedure.register_:
        table = procedure.register_.rows
        line = register.with_row(columns_of(one.form, table), "row") if table else register
        for key, column in procedure.register_.columns.items():
            if column and column.value:
                yield one.text, ("register", "columns", key, "value"), column.value, line
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


def _sets_known(one: Written) -> Problems:
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
                            yield from no_column(one.text, cell, column, target, columns)
                            for message, remedy in impossible_value(
                                column, text, (columns or {}).get(column), departments
                            ):
                                yield one.found(cell, f"{place_words(cell)}: {message}", remedy)


def _defaults(one: Written) -> Problems:
    for place, found, _ in fields_with_scope(one):
        if found.default is not None:
            for message, remedy in impossible_value(str(place[-1]), found.default, found, one.pack.departments):
                yield one.found_in_form((*place, "default"), f"{place_words(place)}, default: {message}", remedy)


def _needs(one: Written) -> Problems:
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


def _sections_of_outcomes(one: Written) -> Problems:
    for key, step in one.steps.items():
        for name, outcome in step.outcomes.items():
            place: Place = ("steps", key, "outcomes", name, "fills")
            for index, section in enumerate(outcome.fills or ()):
                if section not in step.fills:
                    message = f'{place_words(place)} names section "{section}", which the step does not fill.'
                    yield one.found((*place, index), message, listed("Sections here", step.fills, section))


def _time_limits(one: Written) -> Problems:
    place: Place
    for key, step in one.steps.items():
        if step.due:
            place = ("steps", key, "due")
            yield from limit_read(one, (*place, "within"), step.due.within, one.scope(step))
            yield from budget_read(one.text, (*place, "else"), step.due.otherwise, one.pack)
            yield from limit_read(one, (*place, "before"), step.due.before, one.scope(step))
            if step.due.clock and step.due.clock not in one.procedure.clocks:
                message = f'step "{key}" goes by clock "{step.due.clock}", which does not exist.'
                yield one.found((*place, "clock"), message, listed("Clocks here", one.procedure.clocks, step.due.clock))
    for key, clock in one.procedure.clocks.items():
        place = ("clocks", key)
        yield from limit_read(one, (*place, "within"), clock.within, one.scope())
        for word, name in (("until", clock.until), ("late", clock.late)):
            if name and name not in one.fields:
                message = f'clock "{key}", {word}: "{name}" is no field.'
                yield one.found((*place, word), message, listed("Fields here", one.fields, name))
        for index, name in enumerate(clock.paused_by):
            if name not in one.steps:
                message = f'clock "{key}" is paused by step "{name}", which does not exist.'
                yield one.found((*place, "paused_by", index), message, listed("Steps here", one.steps, name))


def _schedules(one: Written) -> Problems:
    """When, for whom and by whom the calendar opens cases, and what it fills."""
    for key, schedule in one.procedure.schedules.items():
        place: Place = ("schedules", key)
        for index, text in enumerate(schedule.when):
            yield from refused_by(one.text, (*place, "when", index), Recurrence.parse, text)
        if one.procedure.customer == "required" and schedule.each != "customer":
            message = f'schedule "{key}" opens cases without a customer, and every case of this procedure needs one.'
            yield one.found((*place, "each"), message, "Write `each: customer`, or `customer: optional` in the head.")
        if schedule.by:
            yield from role_named(one, (*place, "by"), schedule.by, _schedule_scope(one, schedule))
        for name, text in schedule.with_.items():
            at = (*place, "with", name)
            if name not in one.fields:
                message = f'schedule "{key}" fills "{name}", which is no field.'
                yield one.found(at, message, listed("Fields here", one.fields, name))
            for message, remedy in impossible_value(name, text, one.fields.get(name), one.pack.departments):
                yield one.found(at, f"{place_words(at)}: {message}", remedy)


def _schedule_scope(one: Written, schedule: Schedule, chooses: bool = False) -> Scope:
    """What a schedule's expressions read: there is no case yet. What `chooses` customers sees each of them."""
    facts = {"today"} | ({"customer"} if chooses or schedule.each == "customer" else set())
    owner = {"owner": FieldDefinition(type="user", title=Text(zh="业务员", en="Owner"))} if schedule.each else {}
    period = dict.fromkeys(PERIOD, FieldDefinition(type="text", title=Text(zh="期间", en="Period")))
    offered = None if one.customer_facts is None else CUSTOMER | frozenset(one.customer_facts)
    form = Form(title=one.form.title, sections={})
    return Scope(form, frozenset(facts), {"period": period}, tuple(one.pack.settings), offered, owner)


def limit_read(one: Written, place: Place, limit: TableLimit | str | None, scope: Scope) -> Problems:
    if isinstance(limit, TableLimit):
        yield from table_asked(one, place, limit, scope)
    else:
        yield from budget_read(one.text, place, limit, one.pack)


CHECKS: tuple[Check, ...] = (
    _expressions_known,
    _sets_known,
    _defaults,
    _needs,
    _sections_of_outcomes,
    _time_limits,
    _schedules,
)
