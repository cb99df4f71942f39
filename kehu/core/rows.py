"""Rows that every step reads and writes, with the SQL kept.

Django builds a statement anew each time it is asked, which takes five to ten times as long as asking it (measured: docs/decisions/0013).
Here the statement is built once, by Django from an ordinary queryset or model, and asked again with other values. For the few
statements of the hot path; everywhere else a queryset is the plainer thing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, cached_property
from types import NoneType
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models.query import get_related_populators
from psycopg.types.json import Jsonb

from .scope import OrganizationRow, no_organization, scoped_to

M = TypeVar("M", bound=models.Model)


class Kept(Generic[M]):
    """A question that is asked often of the organization's rows: `Kept(Task, lambda tasks, case: tasks.filter(case=case), int)`.

    The function gets all rows of the model and a placeholder for each value, of the type given, which it must use as the plain right
    side of a filter; one of type `list` as that of `__among`. The organization is added here, where the model's rows belong to one;
    of another model within, `QuerySet(Other)` is all rows. A question that ends in `values_list` gives tuples.
    """

    def __init__(
        self, model: type[M], question: Callable[..., models.QuerySet[M]], *types: type, limit: int | None = None
    ):
        self._model, self._question, self._types, self._limit = model, question, types, limit

    def __call__(self, *values: Any) -> list[M]:
        return self._built.ask((*values, scoped_to()) if self._is_scoped else values)

    def first(self, *values: Any) -> M | None:
        found = self(*values)
        return found[0] if found else None

    @property
    def _is_scoped(self) -> bool:
        return issubclass(self._model, OrganizationRow)

    @cached_property
    def _built(self) -> _Built:
        *values, organization = (_placeholder(place, kind) for place, kind in enumerate((*self._types, int)))
        every: models.QuerySet[M] = models.QuerySet(self._model)
        with no_organization():
            rows = self._question(every, *values)
        rows = rows.filter(organization_id=organization) if self._is_scoped else rows
        return _Built(rows[: self._limit], (*self._types, int))


def _placeholder(place: int, kind: type) -> Any:
    return -(2**40) - place if kind is int else f"\x01{place}"


@models.ForeignObject.register_lookup
@models.Field.register_lookup
class Among(models.Lookup):
    """`__in` with the values in one parameter, however many they are: a question that holds it reads the same each time."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, parameters = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s)", (*parameters, self.rhs)

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, parameters = self.process_lhs(compiler, connection)
        sql = f"{column} IN (SELECT value FROM json_each(%s))"  # nosec B608  the column as the compiler writes it
        return sql, (*parameters, self.rhs)


def _given(value: Any) -> Any:
    """Several values as the database takes them in one parameter."""
    return json.dumps(value) if isinstance(value, list) and connection.vendor == "sqlite" else value


class _Built:
    """What Django's compiler made of a question: its text, where its values go, and how its rows are read."""

    def __init__(self, question: models.QuerySet[Any], types: Sequence[type]):
        self.compiler = compiler = question.query.get_compiler(connection=connection)
        self.sql, parameters = compiler.as_sql(with_col_aliases=False)
        places = {_placeholder(place, kind): place for place, kind in enumerate(types)}
        self.parameters = [(places.get(value) if isinstance(value, int | str) else None, value) for value in parameters]
        self.model: Any = None  # of tuples
        self.converters = compiler.get_converters([selected[0] for selected in compiler.select])
        for converters, expression in self.converters.values():
            if isinstance(expression.output_field, models.JSONField):
                converters[:] = [_unless_empty(converter) for converter in converters]
        if question.query.values_select:
            return
        information = compiler.klass_info
        self.model, columns = information["model"], information["select_fields"]
        self.start, self.end = columns[0], columns[-1] + 1
        self.names = [field[0].target.attname for field in compiler.select[self.start : self.end]]
        self.annotations = list(compiler.annotation_col_map.items())
        self.related = get_related_populators(information, compiler.select, DEFAULT_DB_ALIAS)  # type: ignore[call-arg]

    def ask(self, values: Sequence[Any]) -> list[Any]:
        given = [value if place is None else _given(values[place]) for place, value in self.parameters]
        with connection.cursor() as cursor:
            cursor.execute(self.sql, given)
            rows: Iterable[Any] = cursor.fetchall()
        if self.converters:
            rows = self.compiler.apply_converters(rows, self.converters)
        return [self._instance(row) if self.model else tuple(row) for row in rows]

    def _instance(self, row: Sequence[Any]) -> Any:
        found = self.model.from_db(DEFAULT_DB_ALIAS, self.names, row[self.start : self.end])
        for populator in self.related:
            populator.populate(row, found)
        for name, place in self.annotations:
            setattr(found, name, row[place])
        return found


def _unless_empty(converter: Callable[..., Any]) -> Callable[..., Any]:
    """Most JSON of a task is empty, and need not be read to know that."""

    def converted(value: Any, expression: Any, connection: Any) -> Any:
        if value == "{}":
            return {}
        return [] if value == "[]" else converter(value, expression, connection)

    return converted


def count_anew(tables: Iterable[type[models.Model]]) -> None:
    """PostgreSQL looks how much lies in these tables now. It does so by itself a minute later, and until then asks of a table that is being
    filled as of an empty one, by reading all of it (measured: two thirds of the time in which 50,000 customers came in)."""
    if connection.vendor == "postgresql":
        names = ", ".join(connection.ops.quote_name(table._meta.db_table) for table in tables)
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {names}")


@contextmanager
def together() -> Iterator[None]:
    """What is written without waiting for an answer is one statement on PostgreSQL, carried out at the end, or before the first that
    answers with keys. So what is written inside must not depend on one another, nor two of them change the same row."""
    if connection.vendor != "postgresql":
        yield
        return
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        token = _waiting.set([])
        try:
            yield
            send()
        finally:
            _waiting.reset(token)


_waiting: ContextVar[list[tuple[str, Sequence[Any]]] | None] = ContextVar("waiting", default=None)
"""Statements inside `together` with their values."""


def _leave(text: str, values: Sequence[Any]) -> None:
    """Carried out now, or together with others."""
    waiting = _waiting.get()
    if waiting is None:
        with connection.cursor() as cursor:
            cursor.execute(text, values)
    else:
        waiting.append((text, values))


def send() -> None:
    """What waits in `together` is carried out: what comes next reads it."""
    if not (waiting := _waiting.get()):
        return
    *others, last = (text for text, _values in waiting)
    named = ", ".join(f"also_{number} AS ({text})" for number, text in enumerate(others))
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {named} {last}" if named else last, [one for _text, values in waiting for one in values])
    waiting.clear()


def insert(rows: Sequence[models.Model], *, unless_there: bool = False, with_keys: bool = True) -> None:
    """New rows of one model, in one statement; they get their keys. `unless_there`: a row that breaks a constraint is left out."""
    if not rows:
        return
    insertion = _insertion(type(rows[0]))
    values = [[_stored(field, row) for field in insertion.fields] for row in rows]
    keys = insertion.carry_out(values, unless_there=unless_there, with_keys=with_keys)
    for row, key in zip(rows, keys, strict=False):
        row.pk = key
    for row in rows:
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


def insert_lines(
    model: type[models.Model],
    lines: Sequence[Mapping[str, Any]],
    *,
    unless_there: bool = False,
    with_keys: bool = True,
) -> list[int]:
    """New rows from what they say otherwise than the model's defaults, by column; gives their keys. For many at once: a hundred
    thousand instances take as long to make as the database takes to keep them."""
    if not lines:
        return []
    insertion, defaults = _insertion(model), _defaults(model)
    values = [
        [
            _prepared(field, said[field.attname]) if field.attname in said else default
            for field, default in zip(insertion.fields, defaults, strict=True)
        ]
        for said in lines
    ]
    return insertion.carry_out(values, unless_there=unless_there, with_keys=with_keys)


def update(rows: Sequence[models.Model], columns: tuple[str, ...]) -> None:
    """These columns of the rows of one model, as they stand: one statement, carried out for each."""
    if not rows:
        return
    text, fields = _change(type(rows[0]), columns)
    _change_each(text, [[*(_stored(field, row) for field in fields), row.pk] for row in rows])


def switch_off(model: type[models.Model], flag: str, which: Sequence[dict[str, Any]]) -> None:
    """`flag` becomes false in the rows that are on and agree with one of `which`, columns and values: one statement, carried out for
    each."""
    if not which:
        return
    _change_each(_switching(model, flag, tuple(which[0])), [[scoped_to(), *one.values()] for one in which])


def _change_each(text: str, values: Sequence[Sequence[Any]]) -> None:
    if len(values) == 1:
        _leave(text, values[0])
        return
    with connection.cursor() as cursor:
        cursor.executemany(text, values)


@cache
def _switching(model: type[models.Model], flag: str, columns: tuple[str, ...]) -> str:
    quoted = connection.ops.quote_name
    meta: Any = model._meta
    off = quoted(flag)
    agrees = " AND ".join(f"{quoted(meta.get_field(name).column)} = %s" for name in ("organization", *columns))
    return f"UPDATE {quoted(meta.db_table)} SET {off} = false WHERE {agrees} AND {off}"  # noqa: S608  # nosec B608


class _Insertion:
    """How rows of a model are inserted. PostgreSQL gets them as one value, so that it reads the same text whether they are one or a
    thousand, and plans it once; SQLite gets them value by value."""

    def __init__(self, model: type[models.Model]):
        meta: Any = model._meta
        quoted = connection.ops.quote_name
        self.fields = [field for field in meta.concrete_fields if not field.primary_key]
        self.columns = [field.column for field in self.fields]
        names = ", ".join(map(quoted, self.columns))
        # Without the length: what is too long is refused by its column, where a cast would cut it.
        types = ", ".join(
            f"{quoted(field.column)} {field.db_type(connection).partition('(')[0]}" for field in self.fields
        )
        self.head = f"INSERT INTO {quoted(meta.db_table)} ({names})"
        self.given = f"SELECT {names} FROM jsonb_to_recordset(%s::jsonb) AS given({types})"  # nosec B608  names and types from the model
        self.line = f"({', '.join(['%s'] * len(self.fields))})"
        self.returning = (
            f"RETURNING {quoted(meta.pk.column)}" if meta.pk.column else ""
        )  # a key of several columns is known

    def carry_out(self, rows: Sequence[Sequence[Any]], *, unless_there: bool, with_keys: bool) -> list[int]:
        end = "ON CONFLICT DO NOTHING" if unless_there else self.returning if with_keys else ""
        if connection.vendor == "postgresql":
            lines = [dict(zip(self.columns, row, strict=True)) for row in rows]
            text, value = f"{self.head} {self.given} {end}", json.dumps(lines, ensure_ascii=False, default=_as_json)
            if not end.startswith("RETURNING"):
                _leave(text, [value])
                return []
            send()
            return self._ask(text, [value], end)
        found: list[int] = []
        most = MOST_VALUES // len(self.fields)
        for start in range(0, len(rows), most):
            some = rows[start : start + most]
            values = [value for row in some for value in row]
            found += self._ask(f"{self.head} VALUES {', '.join([self.line] * len(some))} {end}", values, end)
        return found

    def _ask(self, text: str, values: Sequence[Any], end: str) -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute(text, values)
            return [key for (key,) in cursor.fetchall()] if end.startswith("RETURNING") else []


_insertion = cache(_Insertion)


def _as_json(value: Any) -> Any:
    return value.obj if isinstance(value, Jsonb) else str(value)


@cache
def _defaults(model: type[models.Model]) -> list[Any]:
    return [field.get_db_prep_save(field.get_default(), connection) for field in _insertion(model).fields]


@cache
def _change(model: type[models.Model], columns: tuple[str, ...]) -> tuple[str, list[Any]]:
    meta: Any = model._meta
    quoted = connection.ops.quote_name
    fields = [meta.get_field(name) for name in columns]
    changes = ", ".join(f"{quoted(field.column)} = %s" for field in fields)
    return f"UPDATE {quoted(meta.db_table)} SET {changes} WHERE {quoted(meta.pk.column)} = %s", fields  # noqa: S608  # nosec B608


def _stored(field: Any, row: models.Model) -> Any:
    return _prepared(field, getattr(row, field.attname))


def _prepared(field: Any, value: Any) -> Any:
    if type(value) in _AS_THEY_ARE and not isinstance(field, models.JSONField):
        return value
    return field.get_db_prep_save(value, connection)


MOST_VALUES = 30_000
"""In one statement of SQLite's."""
_AS_THEY_ARE = {str, int, bool, NoneType}
"""What a field of ours hands to the database as it stands."""
