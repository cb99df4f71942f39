"""Rows in a form no database owns: the same row gives the same line on SQLite and on PostgreSQL.

The tables are those the database at hand has, which may be older than this version's models: what an upgrade copies, and what
an old backup holds, is read with the models of its own time.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import UUID

from django.apps.registry import Apps
from django.db import connection, models, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.models import Value

from kehu.core.fields import OrderedJSONField

Migrations = dict[str, list[str]]
"""The last applied migrations of every app."""
Model = type[models.Model]

_NOT_KEPT = frozenset({"contenttypes", "auth", "sessions"})
_NOT_KEPT_TABLES = frozenset(
    {"operations.backup", "operations.heartbeat", "accounts.session", "accounts.failedsignin"}
    # made again from the rows by themselves: core/finding.py
    | {"core.indexing", "cases.caseword", "customers.customerword"}
)
_BATCH = 500


class NewerDatabase(Exception):
    """The database, or the backup, was made by a newer version of Kehu."""


class Tables:
    """All tables that are kept, as they stood after `migrations`."""

    def __init__(self, migrations: Migrations):
        self.migrations = migrations

    @cached_property
    def apps(self) -> Apps:
        nodes = [(app, name) for app, names in self.migrations.items() for name in names]
        state = MigrationLoader(connection).project_state(nodes)
        return state.apps

    def __iter__(self) -> Iterator[Model]:
        """Every table with rows of ours, in the order of their names; sign-in sessions are left out: they are secrets."""
        found = {model._meta.label_lower: model for model in self.apps.get_models(include_auto_created=True)}
        for label in sorted(found):
            model = found[label]
            if model._meta.app_label in _NOT_KEPT or label in _NOT_KEPT_TABLES:
                continue
            if model._meta.managed and not model._meta.proxy:
                yield model

    def named(self, label: str) -> Model:
        return self.apps.get_model(label)


def applied() -> Migrations:
    """The migrations the database stands at; refuses one that a newer version has changed."""
    loader = MigrationLoader(connection)
    known = set(loader.graph.nodes)
    here = set(loader.applied_migrations)
    newer = [key for key in sorted(here - known - set(loader.replacements)) if key[0] in loader.migrated_apps]
    if newer:
        raise NewerDatabase(", ".join(f"{app}.{name}" for app, name in newer))
    here &= known
    found: Migrations = {}
    for app, name in sorted(here):
        children = {child.key for child in loader.graph.node_map[app, name].children}
        if not any(child in here and child[0] == app for child in children):
            found.setdefault(app, []).append(name)
    return found


def migrate_to(migrations: Migrations) -> None:
    """The empty tables as a backup's version had them."""
    executor = MigrationExecutor(connection)
    targets = [(app, name) for app, names in migrations.items() for name in names]
    if unknown := [f"{app}.{name}" for app, name in targets if (app, name) not in executor.loader.graph.nodes]:
        raise NewerDatabase(", ".join(unknown))
    executor.migrate(targets)


@contextmanager
def snapshot() -> Iterator[None]:
    """Everything read inside is of one moment, while others go on writing. Inside a transaction it is that one."""
    connection.ensure_connection()
    if connection.in_atomic_block:
        yield
        return
    if connection.vendor == "sqlite":
        mode, connection.transaction_mode = connection.transaction_mode, "DEFERRED"  # type: ignore[attr-defined]
        try:
            with transaction.atomic():
                yield
        finally:
            connection.transaction_mode = mode  # type: ignore[attr-defined]
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


# --- a row as a line --------------------------------------------------------------------------------------------------


def lines(model: Model) -> Iterator[str]:
    """Every row as a line of JSON, in the order of the primary keys."""
    fields = model._meta.concrete_fields
    names = [field.attname for field in fields]
    ordered = {number for number, field in enumerate(fields) if isinstance(field, OrderedJSONField)}
    rows = model._base_manager.order_by("pk").values_list(*names).iterator(chunk_size=2000)
    for row in rows:
        kept = {
            name: _as_text(value) if number in ordered else value
            for number, (name, value) in enumerate(zip(names, row, strict=True))
        }
        yield json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain)


def _as_text(value: Any) -> str | None:
    """JSON whose order means something stays as it was written."""
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    match value:
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value // timedelta(microseconds=1)
        case Decimal() | UUID():
            return str(value)
        case bytes() | memoryview():
            return base64.b64encode(bytes(value)).decode()
    raise TypeError(f"a {type(value).__name__} cannot be kept")


def read_line(model: Model, line: str) -> models.Model:
    """The row of a line, ready to be stored."""
    kept = json.loads(line)
    return model(**{field.attname: _value(field, kept[field.attname]) for field in model._meta.concrete_fields})


def _value(field: Any, value: Any) -> Any:
    if value is None:
        # NULL and JSON's null are two things; a column that may not be NULL holds the other.
        return Value(None, models.JSONField()) if isinstance(field, models.JSONField) and not field.null else None
    if isinstance(field, OrderedJSONField):
        return json.loads(value)
    if isinstance(field, models.JSONField):
        return value
    if isinstance(field, models.DurationField):
        return timedelta(microseconds=value)
    if isinstance(field, models.BinaryField):
        return base64.b64decode(value)
    return field.to_python(value) if not field.is_relation else field.target_field.to_python(value)


def fill(model: Model, rows: Iterable[str]) -> Iterator[int]:
    """Stores the rows as they are; gives after every batch how many there were."""
    fields = model._meta.concrete_fields
    size = min(_BATCH, max(1, connection.ops.bulk_batch_size(fields, [None] * _BATCH)))
    batch: list[models.Model] = []
    for line in rows:
        batch.append(read_line(model, line))
        if len(batch) >= size:
            yield _store(model, fields, batch)
            batch = []
    if batch:
        yield _store(model, fields, batch)


def _store(model: Model, fields: Any, batch: list[models.Model]) -> int:
    # raw: the moments that some fields set by themselves on saving stay as they were kept
    model._base_manager.all()._insert(batch, fields=fields, using=connection.alias, raw=True)  # type: ignore[attr-defined]
    return len(batch)


def set_counters_behind_rows(tables: Iterable[Model]) -> None:
    """The next row of every table gets a number of its own (PostgreSQL counts apart from the rows; SQLite by them)."""
    from django.core.management.color import no_style

    statements = connection.ops.sequence_reset_sql(no_style(), list(tables))
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
