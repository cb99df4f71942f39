"""A month as statements count it: by its first day."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any


def month_of(value: Any) -> date:
    """The month of a day, or as people write it: 2024-04, 2024/4, 202404. ValueError for anything else."""
    if isinstance(value, datetime):
        value = value.date()
    if isinstance(value, date):
        return value.replace(day=1)
    found = re.fullmatch(r"(\d{4})\s*[-/.年]?\s*(\d{1,2})(?:月|[-/.]\d{1,2})?", str(value).strip())
    if found is None:
        raise ValueError(f"{value!r} is no month such as 2024-04")
    return date(int(found[1]), int(found[2]), 1)


def after(month: date) -> date:
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def before(month: date) -> date:
    return (month.replace(day=1) - timedelta(days=1)).replace(day=1)


def due_on(month: date, days: int) -> date:
    """So many days after the month's end: 30 days after April are the 30th of May."""
    return after(month) + timedelta(days=days - 1)
