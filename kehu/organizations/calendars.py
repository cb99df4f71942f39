"""Working time: when a limit ends, how much of it is used, and why.

A limit is a *budget* ("2 working hours"), a *start*, and the *suspensions* in which the clock stood still. What follows
from them is never stored as truth but counted here, so that a changed calendar can be counted again.

    factory = Calendar.from_json({"timezone": "Asia/Shanghai", "week": {"fri": ["08:00-12:00", "13:00-17:00"], ...}})
    due(factory, Budget.parse("2 working hours"), friday_at_16)             # Instant(monday_at_9, provisional=False)
    why(factory, Budget.parse("2 working hours"), friday_at_16)             # the same, day by day, in words

The rules, where the everyday words leave room:

- Working time runs inside periods only, and a budget that ends with a period ends there: 10:00 + 2 working hours is
  12:00, not 13:00. What begins outside working time begins to count with the next period.
- The start day is not counted: `n working days` end at closing time of the n-th working day after it, `n days` at
  closing time of the n-th calendar day after it, holiday or not. Weeks are seven days. A month ends on the same day of
  its month, or on that month's last. Day 0 is the start day. No limit ends before it starts.
- Time inside suspensions does not count. A limit in days moves on by the working time (for working days) or the clock
  time (for other days) that its suspensions took from it, and stands still again in the suspensions it then meets.
- Lengths are those of absolute time, also in the night in which the clocks change.

Moments go in and come out with a time zone; they come out in UTC. There is no clock and no database here.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import groupby, islice, pairwise
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Kind = Literal["holiday", "make_up", "half_day", "special"]
Unit = Literal["minutes", "working minutes", "hours", "working hours", "days", "working days", "weeks", "months"]

_ZERO = timedelta()
_ONE_DAY = timedelta(days=1)
_PATIENCE = timedelta(days=5 * 366)


class NoWorkingTime(ValueError):
    """The calendar has no working time where some is looked for."""


# --- the calendar -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, order=True)
class Period:
    """Minutes of a day, the end not included; 24:00 is 1440."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end <= 1440:
            raise ValueError(
                f"A period ends after it starts and within its day, so {self} is none. "
                "Work past midnight is two periods: 22:00-24:00, and 00:00-06:00 on the next day."
            )

    @classmethod
    def parse(cls, text: str) -> Period:
        found = re.fullmatch(r"(\d\d?):([0-5]\d)\s*[-–]\s*(\d\d?):([0-5]\d)", text.strip())
        if not found:
            raise ValueError(f'"{text}" is not a period of the day. Write for example 08:00-12:00.')
        from_hour, from_minute, to_hour, to_minute = map(int, found.groups())
        return cls(from_hour * 60 + from_minute, to_hour * 60 + to_minute)

    def __str__(self) -> str:
        return f"{_clock_face(self.start)}-{_clock_face(self.end)}"


@dataclass(frozen=True)
class SpecialDay:
    """A day that is not worked as its weekday is.

    A make-up day (调休) without periods of its own is worked like the first working day of the week.
    """

    day: date
    kind: Kind
    periods: tuple[Period, ...] = ()
    name: str | Mapping[str, str] = ""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f'"{self.kind}" is no kind of special day; there are {", ".join(get_args(Kind))}.')
        if self.kind == "holiday" and self.periods:
            raise ValueError(f"{self.day} is a holiday, so it has no working periods. A short day is a half_day.")
        if self.kind == "half_day" and not self.periods:
            raise ValueError(f"{self.day} is a half_day; say which periods are worked, for example 08:00-12:00.")
        _check_order(self.periods, str(self.day))

    def text(self, language: str) -> str:
        if isinstance(self.name, str):
            return self.name
        return self.name.get(language) or self.name.get(_language(language)) or next(iter(self.name.values()), "")

    def to_json(self) -> dict[str, Any]:
        name = self.name if isinstance(self.name, str) else dict(self.name)
        return {"kind": self.kind, "name": name, "periods": [str(period) for period in self.periods]}

    @classmethod
    def from_json(cls, day: date | str, data: Mapping[str, Any]) -> SpecialDay:
        return cls(_date(day), data["kind"], _periods(data.get("periods")), data.get("name") or "")


@dataclass(frozen=True)
class Calendar:
    """The working time of a company, a department or a customer.

    `week` is seven days of periods, Monday first. Public holidays are confirmed up to and including `known_until`; what
    is counted beyond it is provisional. None: known for ever, for a calendar that no government changes.
    """

    timezone: str
    week: tuple[tuple[Period, ...], ...]
    special_days: Mapping[date, SpecialDay] = field(default_factory=dict)
    known_until: date | None = None

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f'"{self.timezone}" is no time zone. Write for example Asia/Shanghai.') from None
        if len(self.week) != 7:
            raise ValueError(f"A week has seven days, Monday first; this one has {len(self.week)}.")
        for name, periods in zip(WEEKDAYS, self.week, strict=True):
            _check_order(periods, name)
        for day, special in self.special_days.items():
            if special.day != day:
                raise ValueError(f"The special day {special.day} is filed under {day}.")
        if not any(self.week) and not any(special.periods for special in self.special_days.values()):
            raise NoWorkingTime("This calendar has no working time: give at least one day of the week a period.")

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def periods_of(self, day: date) -> tuple[Period, ...]:
        special = self.special_days.get(day)
        if special is None:
            return self.week[day.weekday()]
        if special.kind == "make_up" and not special.periods:
            return next(filter(None, self.week), ())
        return special.periods

    def is_working_day(self, day: date) -> bool:
        return bool(self.periods_of(day))

    def is_known(self, day: date) -> bool:
        return self.known_until is None or day <= self.known_until

    def working_days(self, first: date, last: date | None = None) -> Iterator[date]:
        """The working days from `first` on, both ends included; without a `last` there is always a next one, or
        NoWorkingTime."""
        day = worked = first
        while last is None or day <= last:
            if self.is_working_day(day):
                worked = day
                yield day
            elif last is None and day - worked > _PATIENCE:
                raise NoWorkingTime(
                    f"This calendar has no working time in the five years after {worked}. Add working days to it."
                )
            day += _ONE_DAY

    def closing_time(self, day: date) -> datetime:
        """The end of the day's last period; on a day without periods, the usual closing time."""
        return self.moment(day, max(period.end for period in self.periods_of(day) or self._all_periods()))

    def moment(self, day: date, minute: int) -> datetime:
        """The minute of the local day, in UTC. A wall time that the clocks skip is the moment of the skip; of two
        with the same wall time it is the first."""
        zone = self.zone
        wall = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(minutes=minute)
        before, after = _offset(wall), _offset(wall.replace(fold=1))
        instant = wall.replace(tzinfo=UTC) - before
        if after > before:
            earliest = instant - (after - before)
            seconds = range(int((after - before).total_seconds()))
            instant = earliest + timedelta(
                seconds=bisect_left(
                    seconds, True, key=lambda s: _offset((earliest + timedelta(seconds=s)).astimezone(zone)) == after
                )
            )
        return instant

    def local_day(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()

    def spans(self, begin: datetime, end: datetime | None = None) -> Iterator[Span]:
        """The working time from `begin` to `end`, period by period."""
        last = end and self.local_day(end) + _ONE_DAY  # where clocks go back over midnight, a day can begin twice
        for day in self.working_days(self.local_day(begin), last):
            for period in self.periods_of(day):
                start, stop = self.moment(day, period.start), self.moment(day, period.end)
                if end is not None and start >= end:
                    return
                start, stop = max(start, begin), stop if end is None else min(stop, end)
                if start < stop:
                    yield Span(day, start, stop)

    def round_the_clock(self) -> Calendar:
        """The calendar by which clock time counts: the same zone, every day open from midnight to midnight."""
        return Calendar(self.timezone, ((Period(0, 1440),),) * 7)

    def with_special_days(self, days: Iterable[SpecialDay], known_until: date | None = None) -> Calendar:
        """This calendar with confirmed days put in, over what it said of the same dates."""
        special_days = {**self.special_days, **{special.day: special for special in days}}
        return replace(self, special_days=special_days, known_until=known_until or self.known_until)

    def to_json(self) -> dict[str, Any]:
        return {
            "timezone": self.timezone,
            "week": {name: [str(period) for period in self.week[n]] for n, name in enumerate(WEEKDAYS) if self.week[n]},
            "special_days": {str(day): self.special_days[day].to_json() for day in sorted(self.special_days)},
            "known_until": self.known_until and str(self.known_until),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Calendar:
        """From what `to_json` gives, or from a pack's `calendar:` with its time zone put in."""
        week = data["week"]
        if unknown := set(week) - set(WEEKDAYS):
            raise ValueError(f"The days of a week are {', '.join(WEEKDAYS)}; {', '.join(sorted(unknown))} is none.")
        special_days = [SpecialDay.from_json(day, special) for day, special in (data.get("special_days") or {}).items()]
        known_until = data.get("known_until")
        return cls(
            timezone=data["timezone"],
            week=tuple(_periods(week.get(name)) for name in WEEKDAYS),
            special_days={special.day: special for special in special_days},
            known_until=_date(known_until) if known_until else None,
        )

    def _all_periods(self) -> Iterator[Period]:
        """Those of the week, or, of a calendar that only lists days, those of its days."""
        days = self.week if any(self.week) else [special.periods for special in self.special_days.values()]
        return (period for periods in days for period in periods)


@dataclass(frozen=True)
class Span:
    """A stretch of counted time within one local day."""

    day: date
    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.start


# --- what a limit is made of ------------------------------------------------------------------------------------------

_TIME_UNITS: Mapping[str, int] = {"minutes": 1, "working minutes": 1, "hours": 60, "working hours": 60}
_FORMS = (
    'Write for example "30 minutes", "2 hours", "2 working hours", "1.5 working hours", "15 days", "1 working day", '
    '"2 weeks", "3 months", "by 17:00 on day 3" or "by 17:00 on working day 3".'
)
_AMOUNT = re.compile(r"(\d{1,4}(?:\.\d{1,2})?) ((?:working )?(?:minute|hour|day)|week|month)s?")
_BY = re.compile(r"by (\d\d?):(\d\d) on (working )?day (\d{1,4})")


@dataclass(frozen=True)
class Budget:
    """How long something may take. With `by`: until that time on the `amount`-th day.

    "1 working day" and "8 working hours" are different budgets; what could mean either is refused.
    """

    amount: int | Decimal
    unit: Unit
    by: time | None = None

    def __post_init__(self) -> None:
        if self.unit not in get_args(Unit):
            raise ValueError(f'"{self.unit}" is no unit of time; there are {", ".join(get_args(Unit))}.')
        if not 0 <= self.amount <= 9999:
            raise ValueError(f"A time limit is from 0 to 9999 {self.unit}, not {self.amount}.")
        if self.amount == int(self.amount):
            object.__setattr__(self, "amount", int(self.amount))
        elif self.unit not in ("hours", "working hours"):
            raise ValueError(f"{self.amount} {self.unit} is not a time limit: only hours may have a decimal part.")
        elif self.amount * 60 != int(self.amount * 60):
            raise ValueError(f"{self.amount} {self.unit} is not a time limit: it is not a whole number of minutes.")
        if self.by and self.unit not in ("days", "working days"):
            raise ValueError(f'"by {self.by:%H:%M}" is said of a day or a working day, not of {self.unit}.')

    @classmethod
    def parse(cls, text: str) -> Budget:
        words = " ".join(text.split()) if isinstance(text, str) else ""
        try:
            if found := _AMOUNT.fullmatch(words):
                amount, unit = found.groups()
                return cls(Decimal(amount), f"{unit}s")  # type: ignore[arg-type]  # the pattern knows the units
            if found := _BY.fullmatch(words):
                hour, minute, working, amount = found.groups()
                return cls(int(amount), "working days" if working else "days", time(int(hour), int(minute)))
        except ValueError as error:
            raise ValueError(f'"{text}" is not a time limit: {error} {_FORMS}') from None
        raise ValueError(f'"{text}" is not a time limit. {_FORMS}')

    def __str__(self) -> str:
        if self.by:
            return f"by {self.by:%H:%M} on {self.unit.removesuffix('s')} {self.amount}"
        return f"{self.amount:f} {self.unit}" if self.amount != 1 else f"1 {self.unit.removesuffix('s')}"

    def text(self, language: str) -> str:
        if _language(language) == "en":
            return str(self)
        if not self.by:
            return f"{self.amount:f} {_UNITS_ZH[self.unit]}"
        day = f"第 {self.amount} {'个工作日' if self.is_working else '日'}" if self.amount else "当日"
        return f"{day} {self.by:%H:%M} 前"

    @property
    def is_working(self) -> bool:
        return self.unit.startswith("working")

    @property
    def is_time(self) -> bool:
        """Hours and minutes, which are spent; days are counted."""
        return self.unit in _TIME_UNITS

    @property
    def duration(self) -> timedelta:
        if not self.is_time:
            raise ValueError(f'"{self}" has no length of its own: it is counted in days.')
        return timedelta(minutes=int(self.amount * _TIME_UNITS[self.unit]))


@dataclass(frozen=True)
class Suspension:
    """The clock stood still from `start` to `end`, or still stands (None)."""

    start: datetime
    end: datetime | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        _utc(self.start)
        if self.end is not None and _utc(self.end) < _utc(self.start):
            raise ValueError(f"A suspension cannot end ({self.end}) before it starts ({self.start}).")


@dataclass(frozen=True)
class Instant:
    """A moment in UTC. Provisional: it may move when holidays beyond `known_until` are confirmed. Paused: it moves on
    with every minute, because the clock stands still."""

    at: datetime
    provisional: bool = False
    paused: bool = False


# --- counting ---------------------------------------------------------------------------------------------------------


def due(
    calendar: Calendar,
    budget: Budget,
    start: datetime,
    suspensions: Iterable[Suspension] = (),
    now: datetime | None = None,
) -> Instant | None:
    """When the budget is used up.

    While the clock stands still nobody can say: None. With `now`, the answer is what it would be if the clock went on
    now, marked `paused`. A suspension that began after the due moment changes nothing.
    """
    return _with_open_pause(
        suspensions, now, lambda pauses: _reach(calendar, budget, _utc(start), pauses), started=_utc(start)
    )


def instant_at(
    calendar: Calendar,
    budget: Budget,
    start: datetime,
    share: int | Decimal | Fraction,
    suspensions: Iterable[Suspension] = (),
    now: datetime | None = None,
) -> Instant | None:
    """When `share` per cent of the budget is used up: 75 for a reminder, 100 is `due`, 150 is long after. None and
    `now` as in `due`."""
    if share < 0:
        raise ValueError(f"{share} % of a time limit lies before its start.")
    return _with_open_pause(
        suspensions,
        now,
        lambda pauses: _reach_share(calendar, budget, _utc(start), Fraction(share) / 100, pauses),
        started=_utc(start),
    )


def add_working_time(calendar: Calendar, start: datetime, amount: timedelta) -> Instant:
    if amount < _ZERO:
        raise ValueError(f"Working time is added forwards; {amount} points back.")
    reached = _advance(calendar, _utc(start), amount, ())
    assert reached is not None  # without a pause the time always comes, or NoWorkingTime does
    return reached


def working_time_between(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    """Negative if the end lies before the start."""
    start, end = _utc(start), _utc(end)
    return _elapsed(calendar, start, end, ()) - _elapsed(calendar, end, start, ())


def time_used(
    calendar: Calendar, budget: Budget, start: datetime, end: datetime, suspensions: Iterable[Suspension] = ()
) -> timedelta:
    """The time that counts from start to end: working time for working units, clock time for others."""
    return _elapsed(_counting(calendar, budget), _utc(start), _utc(end), _merged(suspensions))


def remaining(
    calendar: Calendar, budget: Budget, start: datetime, now: datetime, suspensions: Iterable[Suspension] = ()
) -> timedelta:
    """What is left of the budget: working time for working units, clock time for others; negative when overdue. It
    stands still while the clock does."""
    return _total(calendar, budget, _utc(start)) - time_used(calendar, budget, start, now, suspensions)


def lateness(
    calendar: Calendar, budget: Budget, start: datetime, end: datetime, suspensions: Iterable[Suspension] = ()
) -> timedelta:
    """How much more than the budget was used up at `end`; zero if nothing."""
    return max(_ZERO, -remaining(calendar, budget, start, end, suspensions))


@dataclass(frozen=True)
class _Pause:
    """Suspensions that touch, as one."""

    start: datetime
    end: datetime | None
    reasons: tuple[str, ...]


def _merged(suspensions: Iterable[Suspension]) -> tuple[_Pause, ...]:
    def by_start(suspension: Suspension) -> tuple[datetime, str]:
        return _utc(suspension.start), suspension.reason

    merged: list[_Pause] = []
    for suspension in sorted(suspensions, key=by_start):
        start, end = _utc(suspension.start), suspension.end and _utc(suspension.end)
        if start == end:
            continue
        reasons = (suspension.reason,) if suspension.reason else ()
        last = merged[-1] if merged else None
        if last and (last.end is None or start <= last.end):
            end = max(last.end, end) if last.end and end else None
            reasons = tuple(dict.fromkeys(last.reasons + reasons))
            merged[-1] = _Pause(last.start, end, reasons)
        else:
            merged.append(_Pause(start, end, reasons))
    return tuple(merged)


def _with_open_pause(
    suspensions: Iterable[Suspension],
    now: datetime | None,
    reach: Callable[[tuple[_Pause, ...]], Instant | None],
    started: datetime,
) -> Instant | None:
    pauses = _merged(suspensions)
    reached = reach(pauses)
    if reached or now is None:
        return reached
    open_pause = pauses[-1]
    until = max(open_pause.start, started, _utc(now))
    reached = reach((*pauses[:-1], replace(open_pause, end=until)))
    return reached and replace(reached, paused=True)


def _counting(calendar: Calendar, budget: Budget) -> Calendar:
    return calendar if budget.is_working else calendar.round_the_clock()


def _reach(calendar: Calendar, budget: Budget, start: datetime, pauses: tuple[_Pause, ...]) -> Instant | None:
    counting = _counting(calendar, budget)
    if budget.is_time:
        return _advance(counting, start, budget.duration, pauses)
    target = _target(calendar, budget, start)
    reached = _advance(counting, target.at, _taken(counting, start, target.at, pauses), pauses)
    return reached and replace(reached, provisional=reached.provisional or target.provisional)


def _reach_share(
    calendar: Calendar, budget: Budget, start: datetime, share: Fraction, pauses: tuple[_Pause, ...]
) -> Instant | None:
    counting, total = _counting(calendar, budget), _total(calendar, budget, start)
    if share < 1:
        reached = _advance(counting, start, _part(total, share), pauses)
    else:
        reached = _reach(calendar, budget, start, pauses)
        beyond = reached and _advance(counting, reached.at, _part(total, share - 1), pauses)
        reached = reached and beyond and replace(beyond, provisional=reached.provisional or beyond.provisional)
    if reached and not budget.is_time and _target(calendar, budget, start).provisional:
        return replace(reached, provisional=True)
    return reached


def _target(calendar: Calendar, budget: Budget, start: datetime) -> Instant:
    """The moment a budget in days names, suspensions apart. It is known as well as the calendar days it asks."""
    first, amount = calendar.local_day(start), int(budget.amount)
    if budget.unit == "working days":
        day = next(islice(calendar.working_days(first + _ONE_DAY), amount - 1, None)) if amount else first
    elif budget.unit == "months":
        day = _months_after(first, amount)
    else:
        day = first + timedelta(days=amount * (7 if budget.unit == "weeks" else 1))
    at = calendar.moment(day, budget.by.hour * 60 + budget.by.minute) if budget.by else calendar.closing_time(day)
    asks_calendar = not budget.by or (budget.is_working and amount > 0)
    return Instant(max(at, start), provisional=asks_calendar and not calendar.is_known(day))


def _total(calendar: Calendar, budget: Budget, start: datetime) -> timedelta:
    if budget.is_time:
        return budget.duration
    return _elapsed(_counting(calendar, budget), start, _target(calendar, budget, start).at, ())


def _advance(
    counting: Calendar, start: datetime, amount: timedelta, pauses: tuple[_Pause, ...]
) -> Instant | None:
    """The earliest moment at which `amount` has run, or None if the clock stands still before."""
    if not amount:
        return Instant(start)
    for span in _running(counting, start, None, pauses):
        if amount <= span.length:
            return Instant(span.start + amount, provisional=not counting.is_known(span.day))
        amount -= span.length
    return None


def _elapsed(counting: Calendar, start: datetime, end: datetime, pauses: tuple[_Pause, ...]) -> timedelta:
    return sum((span.length for span in _running(counting, start, end, pauses)), _ZERO)


def _taken(counting: Calendar, start: datetime, end: datetime, pauses: tuple[_Pause, ...]) -> timedelta:
    """The time that pauses take from start to end."""
    if not pauses:
        return _ZERO
    return _elapsed(counting, start, end, ()) - _elapsed(counting, start, end, pauses)


def _running(
    counting: Calendar, start: datetime, end: datetime | None, pauses: tuple[_Pause, ...]
) -> Iterator[Span]:
    for begin, stop in _stretches(start, end, pauses):
        yield from counting.spans(begin, stop)


def _stretches(
    start: datetime, end: datetime | None, pauses: tuple[_Pause, ...]
) -> Iterator[tuple[datetime, datetime | None]]:
    """What the pauses leave of the time from start to end, or to no end."""
    for pause in pauses:
        if end is not None and pause.start >= end:
            break
        if start < pause.start:
            yield start, pause.start
        if pause.end is None:
            return
        start = max(start, pause.end)
    if end is None or start < end:
        yield start, end
