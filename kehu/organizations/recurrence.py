"""Days that come again by the calendar: 1 June, the 1st of each month, its first working day.

    Recurrence.parse("20 December 08:00").after(factory, now)        # Occurrence(at=2024-12-20 08:00, slot="2024-12 20", ...)

A day that a month does not have is its last. Functions of a calendar; there is no clock here.
"""

from __future__ import annotations

import re
from calendar import month_name, monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from .calendars import Calendar
from .wording import language_of

_MONTHS = {month_name[n].lower(): n for n in range(1, 13)}
_WORDS = re.compile(
    r"(?:(?P<day>\d\d?) (?P<month>[A-Za-z]+)|(?P<working>working )?day (?P<number>\d\d?)|last (?P<last>working )?day)"
    r" (?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d)"
)
_FORMS = (
    "Write for example 20 December 08:00, day 1 08:00 (of each month), working day 1 08:00, last working day 16:00."
)


@dataclass(frozen=True, order=True)
class Occurrence:
    """One of the moments. `slot` names it for good: it stays the same when its time of day or the calendar is changed."""

    at: datetime
    slot: str
    provisional: bool = False
    """The working day may be another once the holidays are confirmed."""


@dataclass(frozen=True)
class Recurrence:
    day: int
    """Of the month; 0 is the last."""
    minute: int
    month: int | None = None
    """None: of each month."""
    working: bool = False

    @classmethod
    def parse(cls, text: str) -> Recurrence:
        found = _WORDS.fullmatch(" ".join(text.split()))
        if not found:
            raise ValueError(f'"{text}" is no day that comes again. {_FORMS}')
        minute = int(found["hour"]) * 60 + int(found["minute"])
        if not found["day"]:
            day, working = int(found["number"] or 0), bool(found["working"] or found["last"])
            if found["number"] and not 1 <= day <= 31:
                raise ValueError(f'"{text}" is no day that comes again: no month has a day {day}. {_FORMS}')
            return cls(day, minute, working=working)
        month = _MONTHS.get(found["month"].lower())
        if month is None or not 1 <= int(found["day"]) <= monthrange(2024, month)[1]:
            raise ValueError(f'"{text}" is no day that comes again: no year has such a day. {_FORMS}')
        return cls(int(found["day"]), minute, month)

    def text(self, language: str) -> str:
        time = f"{self.minute // 60:02}:{self.minute % 60:02}"
        if language_of(language) == "zh":
            if self.month:
                return f"每年 {self.month} 月 {self.day} 日 {time}"
            if self.working:
                return f"每月{f'第 {self.day} 个' if self.day else '最后一个'}工作日 {time}"
            return f"每月{f' {self.day} 日' if self.day else '最后一天'} {time}"
        if self.month:
            return f"{self.day} {month_name[self.month]} {time}"
        what = "working day" if self.working else "day"
        return f"{what} {self.day} of each month, {time}" if self.day else f"last {what} of each month, {time}"

    def occurrences(self, calendar: Calendar, after: datetime) -> Iterator[Occurrence]:
        """Those later than `after`, one after the other, for ever."""
        first = calendar.local_day(after).replace(day=1)
        while True:
            if self.month in (None, first.month):
                found = self._in_month(calendar, first)
                if found.at > after:
                    yield found
            first = (first + timedelta(days=32)).replace(day=1)

    def _in_month(self, calendar: Calendar, first: date) -> Occurrence:
        last = first.replace(day=monthrange(first.year, first.month)[1])
        days = list(calendar.working_days(first, last)) if self.working else []
        if days:
            day = days[min(self.day, len(days)) - 1]
        else:
            day = first.replace(day=min(self.day, last.day)) if self.day else last
        kind = "working day " if self.working else ""
        at = calendar.moment(day, self.minute)
        return Occurrence(at, f"{first:%Y-%m} {kind}{self.day or 'last'}", self.working and not calendar.is_known(day))


def following(recurrences: Iterable[Recurrence], calendar: Calendar, after: datetime) -> Occurrence:
    """The next of them all."""
    return min(next(one.occurrences(calendar, after)) for one in recurrences)
