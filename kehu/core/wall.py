"""The second wall between organizations: PostgreSQL's row-level security.

The first is the managers' (core/scope.py); this one also stands before raw SQL and before a query that forgot its scope. Every table
whose rows name an organization, and the table of organizations itself, has one policy: a row is seen, written or made only by a
connection whose setting `kehu.organization` is the row's organization, or `every`. Not set means no row. The connection itself says
the setting before a statement needs it (core/postgresql/base.py), so that no caller can forget to.

`raise_wall` runs after each `migrate` and finds the tables by their models: a new table has nothing else to do. It binds a table's
owner, too, but by PostgreSQL's rule neither superusers nor roles with BYPASSRLS; `gaps` tells. SQLite knows no such thing: there the
first wall stands alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import cache

from django.apps import apps
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from .scope import EVERY, OrganizationRow

SETTING = "kehu.organization"
_LOCK = 0x6B656875  # "kehu": of several processes that start together one raises the wall

# The inner selects make PostgreSQL ask for the setting once a query instead of once a row. After a rollback of the first
# setting in a session it is '' and not null; both mean no row.
_POLICY = (
    f"({{column}} = (SELECT nullif(nullif(current_setting('{SETTING}', true), ''), '{EVERY}')::bigint)"
    f" OR (SELECT current_setting('{SETTING}', true) = '{EVERY}'))"
)
_NAME = f"organization_{hashlib.sha256(_POLICY.encode()).hexdigest()[:8]}"
"""Carries what the policy says: another wording is another name, and replaces the former."""


def columns() -> dict[str, str]:
    """table -> the column that names a row's organization"""
    rows = (model for model in apps.get_models() if issubclass(model, OrganizationRow))
    return {
        apps.get_model("core", "Organization")._meta.db_table: "id",
        **{model._meta.db_table: "organization_id" for model in rows},
    }


@cache
def _walled() -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(columns()))))


def concerns(sql: str) -> bool:
    """Whether a statement names a table behind the wall."""
    return _walled().search(sql) is not None


def raise_wall(connection: BaseDatabaseWrapper) -> None:
    """Every table behind the wall gets its policy; one that has it already is left alone, and not even locked."""
    if connection.vendor != "postgresql" or not (missing := dict(_unwalled(connection))):
        return
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        quoted = connection.ops.quote_name
        for table in dict(_unwalled(connection)):
            cursor.execute("SELECT polname FROM pg_policy WHERE polrelid = %s::regclass", [quoted(table)])
            for (former,) in cursor.fetchall():
                cursor.execute(f"DROP POLICY {quoted(former)} ON {quoted(table)}")
            policy = _POLICY.format(column=quoted(missing[table]))
            cursor.execute(f"CREATE POLICY {quoted(_NAME)} ON {quoted(table)} USING {policy} WITH CHECK {policy}")
            cursor.execute(f"ALTER TABLE {quoted(table)} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")


def stands(connection: BaseDatabaseWrapper) -> bool:
    """Whether every table behind the wall has its policy; where there is no wall there is nothing to miss."""
    return connection.vendor != "postgresql" or not any(_unwalled(connection))


def gaps(connection: BaseDatabaseWrapper) -> list[str]:
    """What is wrong with the wall, in sentences for whoever runs Kehu; nothing where it stands."""
    if connection.vendor != "postgresql":
        return []
    found = [
        f"Table {table} has no row-level security. `kehu serve` puts it there at its start."
        for table, _column in _unwalled(connection)
    ]
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolname, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        role, passes = cursor.fetchone()
    if passes:
        found.append(
            f"The database user {role} passes every row-level security. "
            "Let Kehu connect as a user that is neither superuser nor BYPASSRLS."
        )
    return found


def _unwalled(connection: BaseDatabaseWrapper) -> Iterator[tuple[str, str]]:
    """The tables there are whose policy is missing or is another."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AND "
            "  ARRAY(SELECT polname::text FROM pg_policy WHERE polrelid = c.oid) = ARRAY[%s] "
            "FROM pg_class c WHERE c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid)",
            [_NAME],
        )
        stands = dict(cursor.fetchall())
    for table, column in columns().items():
        if stands.get(table) is False:
            yield table, column
