"""Numbers without gaps: `CP-{YYYY}{MM}-{NNN}` counts from 1 again whenever the part before the N changes."""

from __future__ import annotations

import re
from datetime import datetime

from django.db import connection

from .models import Counter, Organization

_SERIAL = re.compile(r"\{(N+)\}")


def next_number(organization: Organization, pattern: str, *, local: datetime, **parts: str) -> str:
    """The next number of a series; must run in the transaction that uses it, so that a rollback gives it back."""
    serial = _SERIAL.search(pattern)
    if serial is None:
        raise ValueError(f'numbering pattern "{pattern}" has no serial such as {{NNN}}')
    names = {"YYYY": f"{local:%Y}", "YY": f"{local:%y}", "MM": f"{local:%m}", "DD": f"{local:%d}", **parts}
    series = _SERIAL.sub("\0", pattern)
    for name, part in names.items():
        series = series.replace(f"{{{name}}}", part)
    value = _advance(organization, series.replace("\0", "#"))
    return series.replace("\0", str(value).zfill(len(serial.group(1))))


def _advance(organization: Organization, series: str) -> int:
    """One statement takes the row's lock and the next value; both databases know UPSERT with RETURNING."""
    table = Counter._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (organization_id, series, value) VALUES (%s, %s, 1) "  # noqa: S608  # nosec B608
            f"ON CONFLICT (organization_id, series) DO UPDATE SET value = {table}.value + 1 RETURNING value",
            [organization.pk, series],
        )
        return int(cursor.fetchone()[0])
