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
from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import accumulate, groupby, islice, pairwise
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .wording import UNITS_ZH, WORDS, Language, language_of, length_text

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Kind = Literal["holiday", "make_up", "half_day", "special"]
Unit = Literal["minutes", "working minutes", "hours", "working hours", "days", "working days", "weeks", "months"]

_ZERO = timedelta()
_ONE_DAY = timedelta(days=1)
_MOST = 9999
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
        return self.name.get(language) or self.name.get(language_of(language)) or next(iter(self.name.values()), "")

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

    def working_days_back(self, last: date) -> Iterator[date]:
        """The working days from `last` back, the last included; there is always an earlier one, or NoWorkingTime."""
        day = worked = last
        while True:
            if self.is_working_day(day):
                worked = day
                yield day
            elif worked - day > _PATIENCE:
                raise NoWorkingTime(
                    f"This calendar has no working time in the five years before {worked}. Add working days to it."
                )
            day -= _ONE_DAY

    def count_working_days(self, first: date, last: date) -> int:
        """How many `working_days(first, last)` are, without walking them: lists count months ahead for every line."""
        if last < first:
            return 0
        weeks, rest = divmod((last - first).days + 1, 7)
        count = weeks * sum(1 for periods in self.week if periods)
        count += sum(1 for ahead in range(rest) if self.week[(first.weekday() + ahead) % 7])
        days, sums = self._exceptions
        return count + sums[bisect_right(days, last)] - sums[bisect_left(days, first)]

    @cached_property
    def _exceptions(self) -> tuple[list[date], list[int]]:
        """The special days in their order, and before each how many working days more than their weekdays promise there were."""
        days = sorted(self.special_days)
        more = (self.is_working_day(day) - bool(self.week[day.weekday()]) for day in days)
        return days, [0, *accumulate(more)]

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
            for whole in self._spans_of(day):
                if end is not None and whole.start >= end:
                    return
                start, stop = max(whole.start, begin), whole.end if end is None else min(whole.end, end)
                if start < stop:
                    yield Span(day, start, stop)

    def _spans_of(self, day: date) -> list[Span]:
        """Remembered: lists ask for months of every line."""
        found = self._spans.get(day)
        if found is None:
            periods = self.periods_of(day)
            found = [Span(day, self.moment(day, one.start), self.moment(day, one.end)) for one in periods]
            self._spans[day] = found
        return found

    def working_time(self, begin: datetime, end: datetime) -> timedelta:
        """How long `spans(begin, end)` are together. Of whole days the sums are remembered."""
        first, last = self.local_day(begin) + 2 * _ONE_DAY, self.local_day(end) - 2 * _ONE_DAY
        if last < first:
            return sum((span.length for span in self.spans(begin, end)), _ZERO)
        total = self.working_time(begin, self.moment(first, 0)) + self.working_time(
            self.moment(last + _ONE_DAY, 0), end
        )
        lengths = self._lengths
        for ahead in range((last - first).days + 1):
            day = first + timedelta(days=ahead)
            length = lengths.get(day)
            if length is None:
                length = lengths[day] = sum((span.length for span in self._spans_of(day)), _ZERO)
            total += length
        return total

    @cached_property
    def _spans(self) -> dict[date, list[Span]]:
        """The days asked for so far, and when is worked on each."""
        return {}

    @cached_property
    def _lengths(self) -> dict[date, timedelta]:
        """The days asked for so far, and how long is worked on each."""
        return {}

    def next_opening(self, moment: datetime) -> datetime:
        """The moment itself within working time, else the start of the next period: when a message may go out."""
        return next(self.spans(_utc(moment))).start

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
        if not 0 <= self.amount <= _MOST:
            raise ValueError(f"A time limit is from 0 to {_MOST} {self.unit}, not {self.amount}.")
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
        return f"{self.amount} {self.unit}" if self.amount != 1 else f"1 {self.unit.removesuffix('s')}"

    def text(self, language: str) -> str:
        if language_of(language) == "en":
            return str(self)
        if not self.by:
            return f"{self.amount} {UNITS_ZH[self.unit]}"
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
    now, marked `paused`. A suspension that begins after the due moment changes nothing.
    """
    return instant_at(calendar, budget, start, 100, suspensions, now)


def instant_at(
    calendar: Calendar,
    budget: Budget,
    start: datetime,
    share: int | Decimal | Fraction,
    suspensions: Iterable[Suspension] = (),
    now: datetime | None = None,
) -> Instant | None:
    """When `share` per cent of the budget is used up: 75 for a reminder, 100 is `due`, 150 is half as long again. None
    and `now` as in `due`."""
    if share < 0:
        raise ValueError(f"{share} % of a time limit lies before its start.")
    start, part, pauses = _utc(start), Fraction(share) / 100, _merged(suspensions)
    reached = _reach(calendar, budget, start, part, pauses)
    if reached or now is None:
        return reached
    *closed, still_open = pauses
    resumed = replace(still_open, end=max(still_open.start, start, _utc(now)))
    reached = _reach(calendar, budget, start, part, (*closed, resumed))
    return reached and replace(reached, paused=True)


def recurring(
    calendar: Calendar, budget: Budget, start: datetime, after: datetime, suspensions: Iterable[Suspension] = ()
) -> Instant | None:
    """Of the moments at which the budget is used up once, twice, three times ..., the first one later than `after`. None while
    the clock stands still, and for a budget of nothing."""
    start, after, pauses = _utc(start), _utc(after), _merged(suspensions)
    most = _MOST if budget.is_time else _MOST // max(int(budget.amount), 1)
    if not budget.amount:
        return None

    def times(n: int) -> Instant | None:
        if budget.is_time:
            return _advance(_counting(calendar, budget), Instant(start), budget.duration * n, pauses)
        return _end(calendar, replace(budget, amount=budget.amount * n), start, pauses)

    def is_past(n: int) -> bool:
        reached = times(n)
        return reached is not None and reached.at <= after

    high = 1
    while high < most and is_past(high):
        high = min(high * 2, most)
    found = times(bisect_left(range(high), True, lo=1, key=lambda n: not is_past(n)))
    return found if found and found.at > after else None


def so_long_before(calendar: Calendar, budget: Budget, moment: datetime) -> Instant:
    """Hours and minutes before a moment exactly; days before its day, at closing time. Nothing before it is the moment itself."""
    moment = _utc(moment)
    if not budget.amount and not budget.by:
        return Instant(moment)
    last = calendar.local_day(moment)
    if not budget.is_time:
        day = day_before(calendar, budget, last)
        at = calendar.moment(day, budget.by.hour * 60 + budget.by.minute) if budget.by else calendar.closing_time(day)
        return Instant(at, provisional=not calendar.is_known(last if budget.is_working else day))
    if not budget.is_working:
        return Instant(moment - budget.duration)
    left = budget.duration
    for day in calendar.working_days_back(last):
        for period in reversed(calendar.periods_of(day)):
            start, stop = calendar.moment(day, period.start), min(calendar.moment(day, period.end), moment)
            if start < stop and left <= stop - start:
                return Instant(stop - left, provisional=not calendar.is_known(last))
            left -= max(stop - start, _ZERO)
    raise AssertionError("there is always an earlier working day, or NoWorkingTime")


def day_before(calendar: Calendar, budget: Budget, day: date) -> date:
    """The day that lies a budget in days before this one."""
    amount = int(budget.amount)
    if budget.unit == "working days":
        return next(islice(calendar.working_days_back(day - _ONE_DAY), amount - 1, None)) if amount else day
    if budget.unit == "months":
        return _months_after(day, -amount)
    return day - timedelta(days=amount * (7 if budget.unit == "weeks" else 1))


def add_working_time(
    calendar: Calendar, start: datetime, amount: timedelta, suspensions: Iterable[Suspension] = ()
) -> Instant:
    if amount < _ZERO:
        raise ValueError(f"Working time is added forwards; {amount} points back.")
    reached = _advance(calendar, Instant(_utc(start)), amount, _merged(suspensions))
    assert reached is not None  # where no pause lasts on, the time comes, or NoWorkingTime
    return reached


def working_time_between(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    """Negative if the end lies before the start."""
    start, end = _utc(start), _utc(end)
    return _elapsed(calendar, start, end) - _elapsed(calendar, end, start)


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
        start = _utc(suspension.start)
        end = None if suspension.end is None else _utc(suspension.end)
        if start == end:
            continue
        reasons: tuple[str, ...] = (suspension.reason,) if suspension.reason else ()
        last = merged[-1] if merged else None
        if last and (last.end is None or start <= last.end):
            end = max(last.end, end) if last.end and end else None
            reasons = tuple(dict.fromkeys(last.reasons + reasons))
            merged[-1] = _Pause(last.start, end, reasons)
        else:
            merged.append(_Pause(start, end, reasons))
    return tuple(merged)


def _counting(calendar: Calendar, budget: Budget) -> Calendar:
    return calendar if budget.is_working else calendar.round_the_clock()


def _reach(
    calendar: Calendar, budget: Budget, start: datetime, part: Fraction, pauses: tuple[_Pause, ...]
) -> Instant | None:
    counting = _counting(calendar, budget)
    since: Instant | None
    if part < 1:
        since = Instant(start, provisional=not budget.is_time and _target(calendar, budget, start).provisional)
        ahead = part
    else:
        since, ahead = _end(calendar, budget, start, pauses), part - 1
    if not (since and ahead):
        return since
    return _advance(counting, since, _times(_total(calendar, budget, start), ahead), pauses)


def _end(calendar: Calendar, budget: Budget, start: datetime, pauses: tuple[_Pause, ...]) -> Instant | None:
    counting = _counting(calendar, budget)
    if budget.is_time:
        return _advance(counting, Instant(start), budget.duration, pauses)
    target = _target(calendar, budget, start)
    taken = _taken(counting, start, target.at, pauses)
    if budget.is_working and _is_paused_between(start, target.at, pauses):  # what a pause takes, the calendar says
        known = calendar.is_known(calendar.local_day(target.at))
        target = replace(target, provisional=target.provisional or not known)
    return _advance(counting, target, taken, pauses)


def _is_paused_between(start: datetime, end: datetime, pauses: tuple[_Pause, ...]) -> bool:
    return any(pause.start < end and (pause.end is None or pause.end > start) for pause in pauses)


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
    return _elapsed(_counting(calendar, budget), start, _target(calendar, budget, start).at)


def _advance(counting: Calendar, since: Instant, amount: timedelta, pauses: tuple[_Pause, ...]) -> Instant | None:
    """The earliest moment at which `amount` has run, or None if the clock stops for good before."""
    if not amount:
        return since
    for span in _spend(counting, since.at, amount, pauses):
        amount -= span.length
        if not amount:
            return Instant(span.end, since.provisional or not counting.is_known(span.day))
    return None


def _spend(counting: Calendar, start: datetime, amount: timedelta, pauses: tuple[_Pause, ...]) -> Iterator[Span]:
    """The spans in which `amount` runs, or as much of it as runs before the clock stops for good."""
    if not amount:
        return
    for span in _running(counting, start, None, pauses):
        if amount <= span.length:
            yield replace(span, end=span.start + amount)
            return
        amount -= span.length
        yield span


def _elapsed(counting: Calendar, start: datetime, end: datetime, pauses: tuple[_Pause, ...] = ()) -> timedelta:
    stretches = _stretches(start, end, pauses)
    return sum((counting.working_time(begin, stop) for begin, stop in stretches if stop is not None), _ZERO)


def _taken(counting: Calendar, start: datetime, end: datetime, pauses: tuple[_Pause, ...]) -> timedelta:
    """The time that pauses take from start to end."""
    if not pauses:
        return _ZERO
    return _elapsed(counting, start, end) - _elapsed(counting, start, end, pauses)


def _running(counting: Calendar, start: datetime, end: datetime | None, pauses: tuple[_Pause, ...]) -> Iterator[Span]:
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


# --- why --------------------------------------------------------------------------------------------------------------

LineKind = Literal["start", "counted", "skipped", "paused", "target", "carried", "provisional", "due"]


@dataclass(frozen=True)
class Line:
    """One step of the counting. What the lines count adds up to the budget: time for hours and minutes, a number of
    the budget's own unit for days, weeks and months."""

    day: date
    kind: LineKind
    text: str
    counted: timedelta | int
    start: datetime
    end: datetime


def why(
    calendar: Calendar,
    budget: Budget,
    start: datetime,
    suspensions: Iterable[Suspension] = (),
    language: str = "zh",
) -> list[Line]:
    """How the due moment comes about, in the order of time. The last line is the due moment, or the suspension in
    which the clock stands still."""
    return _Explanation(calendar, budget, _utc(start), _merged(suspensions), language_of(language)).lines()


def why_before(calendar: Calendar, budget: Budget, moment: datetime, language: str = "zh") -> list[Line]:
    """How a limit comes about that lies before a moment, from that moment back. The last line is the due moment."""
    due = so_long_before(calendar, budget, moment)
    return _Explanation(calendar, budget, due.at, (), language_of(language)).lines_before(_utc(moment), due)


@dataclass(frozen=True)
class _Explanation:
    calendar: Calendar
    budget: Budget
    start: datetime
    pauses: tuple[_Pause, ...]
    language: Language

    def lines(self) -> list[Line]:
        due = _end(self.calendar, self.budget, self.start, self.pauses)
        provisional = [self._provisional()] if due and due.provisional else []
        steps = sorted([*provisional, *self._counted(), *self._paused(due)], key=lambda line: line.start)
        return [self._started(), *steps, self._due(due) if due else self._stopped()]

    def lines_before(self, moment: datetime, due: Instant) -> list[Line]:
        named = self._line("start", moment, moment, {"when": self._when(moment), "budget": self._text}, "before")
        steps = list(self._counted_back(moment)) if self.budget.amount else []
        if due.provisional:
            steps.append(self._provisional())
        return [named, *sorted(steps, key=lambda line: line.start, reverse=True), self._due(due)]

    def _counted_back(self, moment: datetime) -> Iterator[Line]:
        if self.budget.is_time:
            yield from self._time("counted", self.start, self.budget.duration)
            return
        first, last = self.calendar.local_day(self.start), self.calendar.local_day(moment) - _ONE_DAY
        if self.budget.unit != "working days":
            words = {"days": self._dates(first, last), "amount": self._text}
            yield self._line("counted", self.start, moment, words, "days", counted=int(self.budget.amount))
            return
        for n, day in enumerate(islice(self.calendar.working_days_back(last), int(self.budget.amount)), start=1):
            start, end = self.calendar.moment(day, 0), self.calendar.closing_time(day)
            yield self._line("counted", start, end, {"day": self._worked(day), "n": str(n)}, "working_day", counted=1)
        yield from self._skipped(first + n * _ONE_DAY for n in range((last - first).days + 1))

    @property
    def _text(self) -> str:
        return replace(self.budget, by=None).text(self.language)

    def _started(self) -> Line:
        template = "start" if self.budget.is_time or not self.budget.amount else "start_day"
        words = {"when": self._when(self.start), "budget": self.budget.text(self.language)}
        return self._line("start", self.start, self.start, words, template)

    def _counted(self) -> Iterator[Line]:
        if self.budget.is_time:
            yield from self._time("counted", self.start, self.budget.duration)
            return
        target = _target(self.calendar, self.budget, self.start).at
        if self.budget.unit == "working days":
            yield from self._working_days(target)
        elif self.budget.amount:
            yield self._other_days(target)
        if taken := _taken(self._counting, self.start, target, self.pauses):
            yield self._line("target", target, target, {"when": self._when(target)})
            yield from self._time("carried", target, taken)

    def _time(self, kind: LineKind, start: datetime, amount: timedelta) -> Iterator[Line]:
        spent = list(_spend(self._counting, start, amount, self.pauses))
        for day, group in groupby(spent, key=lambda span: span.day):
            spans = list(group)
            length = sum((span.length for span in spans), _ZERO)
            periods = WORDS["joint"][self.language].join(map(self._period, spans))
            words = {"day": self._worked(day), "periods": periods, "amount": length_text(length, self.language)}
            counted = length if kind == "counted" else None
            yield self._line(kind, spans[0].start, spans[-1].end, words, counted=counted)
        if spent:
            stretches = _stretches(start, spent[-1].end, self.pauses)
            yield from self._skipped(day for begin, end in stretches if end for day in self._days(begin, end))

    def _working_days(self, target: datetime) -> Iterator[Line]:
        first = last = self.calendar.local_day(self.start) + _ONE_DAY
        for n, last in enumerate(islice(self.calendar.working_days(first), int(self.budget.amount)), start=1):
            start, end = self.calendar.moment(last, 0), min(self.calendar.closing_time(last), target)
            words = {"day": self._worked(last), "n": str(n)}
            yield self._line("counted", start, end, words, "working_day", counted=1)
        yield from self._skipped(first + n * _ONE_DAY for n in range((last - first).days))

    def _other_days(self, target: datetime) -> Line:
        first, last = self.calendar.local_day(self.start) + _ONE_DAY, self.calendar.local_day(target)
        amount = replace(self.budget, by=None).text(self.language)
        words = {"days": self._dates(first, last), "amount": amount}
        return self._line("counted", self.start, target, words, "days", counted=int(self.budget.amount))

    def _skipped(self, days: Iterable[date]) -> Iterator[Line]:
        """One line for each run of days that are closed for the same reason."""

        def run(place: tuple[int, date]) -> tuple[int, str]:
            n, day = place
            return day.toordinal() - n, self._name(day)

        closed = [day for day in dict.fromkeys(days) if not self._counting.is_working_day(day)]
        for (_, name), group in groupby(enumerate(closed), key=run):
            same = [day for _, day in group]
            start, end = self.calendar.moment(same[0], 0), self.calendar.moment(same[-1], 1440)
            words = {"days": self._dates(same[0], same[-1]), "name": name}
            yield self._line("skipped", max(start, self.start), end, words, "holiday" if name else "rest")

    def _paused(self, due: Instant | None) -> Iterator[Line]:
        for pause in self.pauses:
            start = max(pause.start, self.start)
            if pause.end is None or pause.end <= start or (due and start >= due.at):
                continue
            words = {
                "begin": self._when(start),
                "until": self._when(pause.end, after=start),
                "reason": self._reason(pause),
                "amount": self._amount(_elapsed(self._counting, start, pause.end)),
            }
            yield self._line("paused", start, pause.end, words)

    def _stopped(self) -> Line:
        pause = self.pauses[-1]
        start = max(pause.start, self.start)
        left = _total(self.calendar, self.budget, self.start) - _elapsed(self._counting, self.start, start, self.pauses)
        words = {"begin": self._when(start), "reason": self._reason(pause), "amount": self._amount(left)}
        return self._line("paused", start, start, words, "stopped")

    def _provisional(self) -> Line:
        known_until = self.calendar.known_until or date.max
        unknown = known_until + _ONE_DAY
        start = max(self.start, self.calendar.moment(unknown, 0))
        return self._line("provisional", start, start, {"year": str(unknown.year), "until": self._date(known_until)})

    def _due(self, due: Instant) -> Line:
        template = "due_provisional" if due.provisional else "due"
        return self._line("due", due.at, due.at, {"when": self._when(due.at)}, template)

    def _line(
        self,
        kind: LineKind,
        start: datetime,
        end: datetime,
        words: Mapping[str, str],
        template: str = "",
        counted: timedelta | int | None = None,
    ) -> Line:
        text = WORDS[template or kind][self.language].format(**words)
        if counted is None:
            counted = _ZERO if self.budget.is_time else 0
        return Line(self.calendar.local_day(start), kind, text, counted, start, end)

    @property
    def _counting(self) -> Calendar:
        return _counting(self.calendar, self.budget)

    def _days(self, begin: datetime, end: datetime) -> Iterator[date]:
        day, last = self.calendar.local_day(begin), self.calendar.local_day(end - timedelta.resolution)
        while day <= last:
            yield day
            day += _ONE_DAY

    def _date(self, day: date) -> str:
        if self.language == "zh":
            return f"{day} 周{'一二三四五六日'[day.weekday()]}"
        return f"{WEEKDAYS[day.weekday()].title()} {day}"

    def _dates(self, first: date, last: date) -> str:
        if first == last:
            return self._date(first)
        return WORDS["dates"][self.language].format(first=self._date(first), last=self._date(last))

    def _amount(self, length: timedelta) -> str:
        text = length_text(length, self.language)
        return WORDS["working_time"][self.language].format(length=text) if self.budget.is_working else text

    def _when(self, moment: datetime, after: datetime | None = None) -> str:
        """Day and time; after another moment of the same day the time is enough."""
        local = moment.astimezone(self.calendar.zone)
        if after and local.date() == self.calendar.local_day(after):
            return _wall_time(local)
        return f"{self._date(local.date())} {_wall_time(local)}"

    def _period(self, span: Span) -> str:
        start, end = (moment.astimezone(self.calendar.zone) for moment in (span.start, span.end))
        return f"{_wall_time(start)}–{_wall_time(end) if end.date() == span.day else '24:00'}"

    def _name(self, day: date) -> str:
        special = self._counting.special_days.get(day)
        return special.text(self.language) if special else ""

    def _worked(self, day: date) -> str:
        """The day, and what is special about working on it."""
        special = self._counting.special_days.get(day)
        if not special:
            return self._date(day)
        remarks = filter(None, [self._name(day), WORDS[special.kind][self.language]])
        return WORDS["remark"][self.language].format(day=self._date(day), remark=" ".join(remarks))

    def _reason(self, pause: _Pause) -> str:
        reasons = "; ".join(pause.reasons)
        return reasons and WORDS["reason"][self.language].format(reason=reasons)


# --- small things -----------------------------------------------------------------------------------------------------


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone, so it is not one moment. Give it one.")
    return moment.astimezone(UTC)


def _offset(moment: datetime) -> timedelta:
    return moment.utcoffset() or _ZERO


def _months_after(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    month += 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def _times(length: timedelta, factor: Fraction) -> timedelta:
    """Exact, down to the microsecond; timedelta itself would go through floating point."""
    return timedelta(microseconds=int(length // timedelta.resolution * factor))


def _check_order(periods: tuple[Period, ...], of: str) -> None:
    for earlier, later in pairwise(periods):
        if later.start < earlier.end:
            raise ValueError(f"The periods of {of} are out of order or overlap: {earlier}, {later}.")


def _periods(texts: Iterable[str] | None) -> tuple[Period, ...]:
    return tuple(map(Period.parse, texts or ()))


def _date(day: date | str) -> date:
    return day if isinstance(day, date) else date.fromisoformat(day)


def _clock_face(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _wall_time(local: datetime) -> str:
    return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
