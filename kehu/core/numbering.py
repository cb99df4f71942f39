"""Numbers without gaps: `CP-{YYYY}{MM}-{NNN}` counts from 1 again whenever the part before the N changes.

`ST-{YYYY}{MM}-{customer}` needs no counter as long as there is one; a second gets `-2` behind it.
"""

from __future__ import annotations

import re
from collections import Counter as Counts
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from django.db import connection

from .models import Counter, Organization

SERIAL = re.compile(r"\{(N+)\}")


class Wanted(NamedTuple):
    """A number of a series, and what its pattern may speak of."""

    pattern: str
    day: date
    customer: str = ""
    starter: str = ""

    @property
    def series(self) -> str:
        """The pattern with everything in it but the serial."""
        day = self.day
        calendar = {"YYYY": f"{day:%Y}", "YY": f"{day:%y}", "MM": f"{day:%m}", "DD": f"{day:%d}"}
        halves = {"Q": str((day.month + 2) // 3), "H": str((day.month + 5) // 6)}
        series = SERIAL.sub("\0", self.pattern)
        for name, part in {**calendar, **halves, "customer": self.customer, "starter": self.starter}.items():
            series = series.replace(f"{{{name}}}", part)
        return series


def next_numbers(organization: Organization, wanted: Sequence[Wanted]) -> list[str]:
    """The next number of each one's series: one statement. Must run in the transaction that uses them, so that a rollback gives them
    back."""
    series = [one.series for one in wanted]
    values = _advance(organization, Counts(series)) if wanted else {}
    return [_number(one.pattern, name, next(values[name])) for one, name in zip(wanted, series, strict=True)]


def next_free(organization: Organization, wanted: Wanted, taken: Callable[[list[str]], Collection[str]]) -> str:
    """The next number that is not taken: some came from elsewhere, thousands perhaps. Those are passed over together, and none that is
    free is left out."""
    series = wanted.series
    first = value = next(_advance(organization, {series: 1})[series])
    size = 1
    while True:
        numbers = [_number(wanted.pattern, series, value + step) for step in range(size)]
        there = taken(numbers)
        for step, number in enumerate(numbers):
            if number not in there:
                if passed := value + step - first:
                    _advance(organization, {series: passed})
                return number
        value, size = value + size, min(size * 10, 10_000)


def _number(pattern: str, series: str, value: int) -> str:
    if serial := SERIAL.search(pattern):
        return series.replace("\0", str(value).zfill(len(serial.group(1))))
    return series if value == 1 else f"{series}-{value}"


def _advance(organization: Organization, wanted: Mapping[str, int]) -> dict[str, Iterator[int]]:
    """The next values of each series, so many as are wanted. The rows' locks are taken in one order, so that two who number the same
    only wait; both databases know UPSERT with RETURNING."""
    table = Counter._meta.db_table
    rows = [(name.replace("\0", "#"), count) for name, count in sorted(wanted.items())]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (organization_id, series, value) VALUES {', '.join(['(%s, %s, %s)'] * len(rows))} "  # noqa: S608  # nosec B608
            f"ON CONFLICT (organization_id, series) DO UPDATE SET value = {table}.value + excluded.value RETURNING series, value",
            [value for row in rows for value in (organization.pk, *row)],
        )
        last = dict(cursor.fetchall())
    return {
        name: iter(range((end := last[name.replace("\0", "#")]) - count + 1, end + 1)) for name, count in wanted.items()
    }
