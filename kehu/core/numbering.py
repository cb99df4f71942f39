"""Numbers without gaps: `CP-{YYYY}{MM}-{NNN}` counts from 1 again whenever the part before the N changes.

`ST-{YYYY}{MM}-{customer}` needs no counter as long as there is one; a second gets `-2` behind it.
"""

from __future__ import annotations

import re
from datetime import date

from django.db import connection

from .models import Counter, Organization

SERIAL = re.compile(r"\{(N+)\}")


def next_number(organization: Organization, pattern: str, *, day: date, customer: str = "", starter: str = "") -> str:
    """The next number of a series; must run in the transaction that uses it, so that a rollback gives it back."""
    series = _series(pattern, day, customer=customer, starter=starter)
    return _number(pattern, series, _advance(organization, series.replace("\0", "#")))


def next_numbers(organization: Organization, pattern: str, count: int, *, day: date) -> list[str]:
    """So many at once, for what comes in by the thousand."""
    if not count:
        return []
    series = _series(pattern, day)
    last = _advance(organization, series.replace("\0", "#"), count)
    return [_number(pattern, series, value) for value in range(last - count + 1, last + 1)]


def _series(pattern: str, day: date, **names: str) -> str:
    """The pattern with everything in it but the serial."""
    calendar = {"YYYY": f"{day:%Y}", "YY": f"{day:%y}", "MM": f"{day:%m}", "DD": f"{day:%d}"}
    halves = {"Q": str((day.month + 2) // 3), "H": str((day.month + 5) // 6)}
    series = SERIAL.sub("\0", pattern)
    for name, part in {**calendar, **halves, **names}.items():
        series = series.replace(f"{{{name}}}", part)
    return series


def _number(pattern: str, series: str, value: int) -> str:
    if serial := SERIAL.search(pattern):
        return series.replace("\0", str(value).zfill(len(serial.group(1))))
    return series if value == 1 else f"{series}-{value}"


def _advance(organization: Organization, series: str, by: int = 1) -> int:
    """One statement takes the row's lock and the next value; both databases know UPSERT with RETURNING."""
    table = Counter._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (organization_id, series, value) VALUES (%s, %s, %s) "  # noqa: S608  # nosec B608
            f"ON CONFLICT (organization_id, series) DO UPDATE SET value = {table}.value + %s RETURNING value",
            [organization.pk, series, by, by],
        )
        return int(cursor.fetchone()[0])
