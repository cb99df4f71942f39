"""The case's record: what the form holds. Flat, one JSON document; a table field is a list of rows.

What a step fills, what `sets:` writes and what is computed all enter here, and nothing leaves: a value is replaced only by
the step that fills it again, and then the task that filled it before still has it.
"""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from types import NoneType
from typing import TYPE_CHECKING, Any

from .definitions import Each, FieldDefinition, Form, Procedure, RowChange, Step
from .expressions import as_date, as_datetime, as_decimal, evaluate_condition, parse

if TYPE_CHECKING:
    from .advance import Token

Data = dict[str, Any]
"""Typed values: numbers are Decimal, days date, moments aware datetime, users and departments keys."""
Row = dict[str, Any]


def value_of(text: str, context: Mapping[str, Any]) -> Any:
    """What an expression gives in a case; `context["zone"]` is the organization's. A bare name gives the very value it holds."""
    expression = parse(text)
    if expression.path:
        value: Any = context
        for part in expression.path:
            value = value.get(part) if isinstance(value, Mapping) else None
        return value
    return expression.evaluate(context, zone=context.get("zone", UTC))


_SAID = {"true": True, "false": False}
"""What most fields say of being seen and required."""


def holds(text: str, context: Mapping[str, Any]) -> bool:
    """Whether a condition holds; an empty one does not."""
    if text in _SAID:
        return _SAID[text]
    return evaluate_condition(parse(text), context, zone=context.get("zone", UTC))


def key_column(form: Form, table: str) -> str | None:
    field = form.field(table)
    if field is None:
        return None
    return field.key or next(iter(field.columns), None)


def rows_of(form: Form, data: Mapping[str, Any], table: str) -> dict[str, Row]:
    """The rows of a table field by what tells them apart."""
    field, rows = form.field(table), data.get(table) or []
    return {name: row for name, row in zip(row_names(field, rows), rows, strict=True) if name} if field else {}


def row_names(field: FieldDefinition, rows: Iterable[Row]) -> Iterator[str]:
    """What tells each row apart: its key, nothing while that is empty. Where a key may stand in several rows the second of `quality`
    is called `quality-2`."""
    column = field.key or next(iter(field.columns), "")
    seen: Counter[str] = Counter()
    for row in rows:
        key = "" if row.get(column) is None else str(row[column])
        seen[key] += 1
        yield f"{key}-{seen[key]}" if field.repeats and key and seen[key] > 1 else key


def key_and_place(field: FieldDefinition, name: str) -> tuple[str, int]:
    """A row's name taken apart: `quality-2` is the second row of `quality`."""
    key, _, place = name.rpartition("-")
    return (key, int(place)) if field.repeats and key and place.isdecimal() else (name, 1)


def row_keys(form: Form, data: Mapping[str, Any], each: Each, facts: Mapping[str, Any]) -> list[str]:
    """The rows that `each` counts, in their order."""
    rows = rows_of(form, data, each.rows)
    if each.where is None:
        return list(rows)
    return [key for key, row in rows.items() if holds(each.where, {**data, **facts, "item": row, "row": row})]


def filled(form: Form, data: Mapping[str, Any], item: str, values: Mapping[str, Any], step: Step) -> Data:
    """The record with what a step filled. In sections `per` rows, an `each` step fills the row it stands for."""
    after = dict(data)
    for section_key in step.fills:
        section = form.sections[section_key]
        mine = {key: values[key] for key in section.fields if key in values}
        if section.per and step.each and step.each.rows == section.per:
            after[section.per] = _with_row(form, after, section.per, item, mine)
        else:
            for key, value in mine.items():
                typed_in = _within_fixed if section.fields[key].fixed else merged_rows
                after[key] = typed_in(form, after.get(key), value, key)
    return after


def _with_row(form: Form, data: Mapping[str, Any], table: str, item: str, values: Mapping[str, Any]) -> list[Row]:
    field, rows = form.field(table), data.get(table) or []
    assert field
    named = zip(row_names(field, rows), rows, strict=True)
    return [{**row, **values} if name == item else row for name, row in named]


def merged_rows(form: Form, before: Any, value: Any, key: str) -> Any:
    """Rows typed in again keep the columns that other steps filled."""
    field = form.field(key)
    if field is None or field.type != "rows" or not field.key or not isinstance(value, list):
        return value
    known = dict(zip(row_names(field, before or []), before or [], strict=True))
    return [{**known.get(name, {}), **row} for name, row in zip(row_names(field, value), value, strict=True)]


def _within_fixed(form: Form, before: Any, value: Any, key: str) -> Any:
    """Rows that the system made: cells are typed in, none is added, and none is left out."""
    field = form.field(key)
    assert field
    typed_in = dict(zip(row_names(field, value or []), value or [], strict=True))
    return [
        {**row, **typed_in.get(name, {})}
        for name, row in zip(row_names(field, before or []), before or [], strict=True)
    ]


def emptied_for_round(form: Form, data: Mapping[str, Any]) -> Data:
    after = dict(data)
    for section in form.sections.values():
        if not section.each_round:
            continue
        if section.per:
            after[section.per] = [
                {key: value for key, value in row.items() if key not in section.fields}
                for row in after.get(section.per) or []
            ]
        else:
            for key in section.fields:
                after.pop(key, None)
                if key in data:
                    after[key] = None
    return after


def with_sets(
    procedure: Procedure, data: Data, sets: Mapping[str, Any], token: Token | None, context: Mapping[str, Any]
) -> Data:
    """The record after `sets:`; every expression sees the record as it was before."""
    after = dict(data)
    for target, value in sets.items():
        if isinstance(value, str):
            field_key, _, column = target.partition(".")
            if field_key == "item" and token and token.item:
                each = procedure.steps[token.step].each
                assert each
                table = procedure.form.table(each.rows)
                cell = typed(
                    table.columns.get(column) if table else None, value_of(value, context), context.get("zone", UTC)
                )
                after[each.rows] = _with_row(procedure.form, after, each.rows, token.item, {column: cell})
            else:
                after[target] = typed(procedure.form.field(target), value_of(value, context), context.get("zone", UTC))
        else:
            after[target] = _changed_rows(procedure.form.table(target), after.get(target) or [], value, context)
    return after


def _changed_rows(
    table: FieldDefinition | None, rows: list[Row], changes: tuple[RowChange, ...], context: Mapping[str, Any]
) -> list[Row]:
    columns = table.columns if table else {}
    for change in changes:
        if change.set:
            rows = [
                {**row, **_cells(columns, change.set, {**context, "row": row})}
                if change.where is None or holds(change.where, {**context, "row": row})
                else row
                for row in rows
            ]
        if change.add and not (change.unless and holds(change.unless, context)):
            rows = [*rows, _cells(columns, change.add, context)]
    return rows


def _cells(columns: Mapping[str, FieldDefinition], texts: Mapping[str, str], context: Mapping[str, Any]) -> Row:
    return {
        key: typed(columns.get(key), value_of(text, context), context.get("zone", UTC)) for key, text in texts.items()
    }


def compute(form: Form, data: Mapping[str, Any], facts: Mapping[str, Any]) -> Data:
    """The record with its computed and gathered fields brought up to date, each after what it is computed from."""
    after, zone = dict(data), facts.get("zone", UTC)
    context = ChainMap(after, facts)  # type: ignore[arg-type]  # only read
    for key, field in form.calculated:
        if field.gather:
            after[key] = gathered(after, field.gather)
        elif field.computed:
            after[key] = typed(field, value_of(field.computed, context), zone)
        elif after.get(key) is not None:
            after[key] = [_computed_row(field, row, context, zone) for row in after[key]]
    return after


def gathered(data: Mapping[str, Any], path: str) -> list[Row]:
    """Rows within rows as one list: `departments.actions` gives every action with its department's columns beside it."""
    table, _, inner = path.partition(".")
    return [
        {**{key: value for key, value in outer.items() if not isinstance(value, list | dict)}, **row}
        for outer in data.get(table) or []
        for row in outer.get(inner) or []
    ]


def _computed_row(field: FieldDefinition, row: Row, context: ChainMap[str, Any], zone: Any) -> Row:
    after = dict(row)
    within = context.new_child(after).new_child({"row": after})
    for key, column in field.columns.items():
        if column.computed:
            after[key] = typed(column, value_of(column.computed, within), zone)
    return after


def typed(field: FieldDefinition | None, value: Any, zone: Any = UTC) -> Any:
    """What an expression gave, as a value of the field's type; ZEN gives days and moments as numbers."""
    if field is None or value is None:
        return value
    match field.type:
        case "number" | "money" if not isinstance(value, str):
            return as_decimal(value, field.decimals)
        case "people" if isinstance(value, str):
            return [value]
        case "date" if isinstance(value, datetime):
            return value.astimezone(zone).date()
        case "date" if not isinstance(value, date):
            return as_date(value)
        case "datetime" if not isinstance(value, datetime):
            return as_datetime(value, zone=zone)
        case "rows" if isinstance(value, list):
            return _typed_rows(field, value, zone)
    return value


_TYPED = frozenset({"number", "money", "people", "date", "datetime", "rows"})
"""The types whose values an expression may give in another form."""


def _typed_rows(field: FieldDefinition, rows: Iterable[Row], zone: Any) -> list[Row]:
    columns = [(key, column) for key, column in field.columns.items() if column.type in _TYPED]
    after = [dict(row) for row in rows]
    for row in after:
        for key, column in columns:
            if row.get(key) is not None:
                row[key] = typed(column, row[key], zone)
    return after


# --- as JSON ----------------------------------------------------------------------------------------------------------


class Encoded(dict[str, Any]):
    """What is encoded already."""


_AS_THEY_ARE = frozenset({str, bool, int, NoneType, Encoded})


def encoded(value: Any) -> Any:
    """A typed value as it is stored: decimals and moments as text, so that nothing is rounded."""
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is Decimal:
        return format(value, "f")
    if kind is date:
        return value.isoformat()
    if kind is dict:
        return {key: encoded(inner) for key, inner in value.items()}
    if kind is list or kind is tuple:
        return [encoded(inner) for inner in value]
    match value:  # and what is another kind of one of these
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case Mapping():
            return {key: encoded(inner) for key, inner in value.items()}
        case list() | tuple():
            return [encoded(inner) for inner in value]
    return value


def decoded(form: Form, stored: Mapping[str, Any]) -> Data:
    """The stored record as typed values."""
    fields = form.stored
    return {key: decoded_value(fields.get(key), value, form) for key, value in stored.items()}


def decoded_value(field: FieldDefinition | None, value: Any, form: Form | None = None) -> Any:
    if field is None or value is None:
        return value
    match field.type:
        case "number" | "money":
            return Decimal(str(value))
        case "date":
            return date.fromisoformat(value)
        case "datetime":
            return datetime.fromisoformat(value)
        case "rows":
            return [
                {key: decoded_value(_column(field, key, form), cell, form) for key, cell in row.items()}
                for row in value
            ]
    return value


def _column(field: FieldDefinition, key: str, form: Form | None) -> FieldDefinition | None:
    if key in field.columns or not (field.gather and form):
        return field.columns.get(key)
    outer, _, inner = field.gather.partition(".")
    table = form.table(outer)
    if table is None:
        return None
    nested = table.columns.get(inner)
    return (nested.columns.get(key) if nested else None) or table.columns.get(key)
