"""Budget, start and suspensions made into instants: reminders, the due time, each rung of the ladder.

Functions of their arguments; `actions` stores what they give and the worker fires it (`escalation`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from kehu.engine.definitions import Clock, Due, Limit, Pack, Procedure, Rung, Step, TableLimit, Wait, Watch
from kehu.engine.expressions import as_datetime
from kehu.engine.records import holds, value_of
from kehu.engine.tables import Table
from kehu.organizations.calendars import (
    Budget,
    Calendar,
    Instant,
    Line,
    Suspension,
    add_working_time,
    day_before,
    due,
    instant_at,
    lateness,
    recurring,
    remaining,
    so_long_before,
    why,
    why_before,
)


@dataclass(frozen=True)
class Counted:
    """A time limit at work: what is counted, from when, with what calendar, and when it is over."""

    calendar: Calendar
    instant: Instant
    budget: Budget | None = None
    start: datetime | None = None
    suspensions: tuple[Suspension, ...] = ()
    capped: bool = False
    """The moment comes from a field (a customer's limit), not from counting."""
    named: datetime | None = None
    """The moment that the field holds, where the limit lies a budget before it."""

    def share(self, percent: int) -> datetime:
        """The moment at which so much of the time is used up."""
        if self.budget and self.start and not self.capped:
            found = instant_at(self.calendar, self.budget, self.start, percent, self.suspensions)
            return found.at if found else self.instant.at
        start = self.start or self.instant.at
        return start + (self.instant.at - start) * percent / 100

    def remaining(self, now: datetime) -> timedelta:
        """Working time left where the limit counts working time, clock time otherwise; negative when overdue."""
        if self.budget and self.start and not self.capped:
            return remaining(self.calendar, self.budget, self.start, now, self.suspensions)
        return self.instant.at - now

    def explained(self, language: str) -> list[Line]:
        if self.budget and self.named:
            return why_before(self.calendar, self.budget, self.named, language)
        if self.budget and self.start:
            return why(self.calendar, self.budget, self.start, self.suspensions, language)
        return []


Place = tuple[str, int, str, datetime]
"""What tells one instant of a task from another: its kind, rung, row and moment."""


@dataclass(frozen=True)
class Planned:
    """One instant to store."""

    kind: str
    at: datetime
    rung: int = 0
    row: str = ""
    is_due: bool = False
    provisional: bool = False

    @property
    def place(self) -> Place:
        return self.kind, self.rung, self.row, self.at


@dataclass(frozen=True)
class Reading:
    """What a time limit is read against: the task's record, its opening, its calendar, the pauses of its clocks, the tables."""

    context: Mapping[str, Any]
    opened_at: datetime
    calendar: Calendar
    suspensions: Mapping[str, tuple[Suspension, ...]]
    tables: Mapping[str, Table]

    def moment(self, expression: str | None) -> datetime | None:
        """A day is over at closing time. Where an expression is more than a name its value is a number, and midnight means a day."""
        value = value_of(expression, self.context) if expression else None
        if isinstance(value, int | Decimal):
            value = as_datetime(value, zone=self.context.get("zone", UTC))
            value = value.date() if value.time() == time.min else value
        return as_moment(value, self.calendar)

    def budget(self, words: Limit) -> Budget:
        """The limit in words, from the pack's settings, or as a decision table answers."""
        if isinstance(words, TableLimit):
            words = str(self.tables[words.table].asked(words.inputs, self.context)[words.output])
        if words.startswith("settings."):
            words = str(value_of(words, self.context))
        return Budget.parse(words)

    def pauses(self, clock: str = "") -> tuple[Suspension, ...]:
        """When a clock stood still: with the whole case (""), or by itself."""
        whole = self.suspensions.get("", ())
        return (*whole, *self.suspensions.get(clock, ())) if clock else whole

    def counted(self, words: Limit, start: datetime, clock: str = "") -> Counted | None:
        pauses = self.pauses(clock)
        budget = self.budget(words)
        instant = due(self.calendar, budget, start, pauses)
        return Counted(self.calendar, instant, budget, start, pauses) if instant else None


def as_moment(value: Any, calendar: Calendar) -> datetime | None:
    if isinstance(value, datetime):
        return value
    return calendar.closing_time(value) if isinstance(value, date) else None


def limit(step: Step, procedure: Procedure, reading: Reading) -> Counted | None:
    """Until when a task of this step must be done; None where it has no limit, or while its clock stands still."""
    if step.due is None:
        return None
    if step.due.clock:
        return clock_limit(step.due.clock, procedure.clocks[step.due.clock], reading)
    return _capped(step.due, _own_limit(step.due, reading), reading)


def clock_limit(key: str, clock: Clock, reading: Reading) -> Counted | None:
    start = reading.moment(clock.from_)
    return reading.counted(clock.within, start, key) if start else None


def _own_limit(due: Due, reading: Reading) -> Counted | None:
    if due.at:
        if moment := reading.moment(due.at):
            if due.before is None:
                return Counted(reading.calendar, Instant(moment), start=reading.opened_at, capped=True)
            budget = reading.budget(due.before)
            instant = so_long_before(reading.calendar, budget, moment)
            return Counted(reading.calendar, instant, budget, reading.opened_at, capped=True, named=moment)
        return reading.counted(due.otherwise, reading.opened_at) if due.otherwise else None
    assert due.within
    return reading.counted(due.within, reading.moment(due.from_) or reading.opened_at)


def _capped(due: Due, found: Counted | None, reading: Reading) -> Counted | None:
    latest = reading.moment(due.latest)
    if latest and (found is None or latest < found.instant.at):
        return Counted(reading.calendar, Instant(latest), start=found.start if found else None, capped=True)
    return found


def instants(
    step: Step, pack: Pack, found: Counted | None, reading: Reading, since: Mapping[int, datetime] | None = None
) -> list[Planned]:
    """Every instant of a task: the rungs of its ladder, its watched rows, the end of its wait. `since`: when rungs that repeat
    came last."""
    planned = list(rungs(pack.ladder(step), found, reading, since=since)) if step.kind == "task" else []
    for number, watch in enumerate(step.watch):
        planned += _watched(number, watch, reading)
    if step.wait:
        planned += _waited(step.wait, reading)
    return planned


def rungs(
    ladder: Iterable[Rung],
    found: Counted | None,
    reading: Reading,
    kind: str = "rung",
    row: str = "",
    since: Mapping[int, datetime] | None = None,
) -> Iterator[Planned]:
    """The instants of a ladder. What is counted from the end is not planned where there is none; of a rung that repeats there is
    one, the next."""
    start = (found.start if found and row else None) or reading.opened_at
    pauses = reading.pauses(row)
    before = found.instant if found else None
    for number, rung in enumerate(ladder):
        if rung.when and not holds(rung.when, reading.context):
            continue
        if rung.every:
            if again := next_of(rung, reading, start, (since or {}).get(number, start), row):
                yield Planned(kind, again.at, number, row, provisional=again.provisional)
            continue
        if rung.at_time:
            at = due(reading.calendar, reading.budget(rung.at_time), start, pauses)
        elif rung.after and before:
            suspensions = found.suspensions if found else pauses
            at = due(reading.calendar, reading.budget(rung.after), before.at, suspensions) or before
            at = replace(at, provisional=at.provisional or before.provisional)
        else:
            at = _counted_from_end(rung, found, reading) if found else None
        if at is None:
            continue
        before = at
        yield Planned(kind, at.at, number, row, is_due=rung.at == "due", provisional=at.provisional)


def next_of(rung: Rung, reading: Reading, start: datetime, after: datetime, clock: str = "") -> Instant | None:
    """When a rung that repeats comes next."""
    assert rung.every
    return recurring(reading.calendar, reading.budget(rung.every), start, after, reading.pauses(clock))


def _counted_from_end(rung: Rung, found: Counted, reading: Reading) -> Instant | None:
    """The end, a part of the way to it, or so long before it; None where that lies before the beginning."""
    if rung.before:
        at = _so_long_before(found, reading.budget(rung.before))
        return Instant(at, found.instant.provisional) if at > (found.start or at) else None
    return found.instant if rung.percent is None else replace(found.instant, at=found.share(rung.percent))


def _so_long_before(found: Counted, budget: Budget) -> datetime:
    """Whole days stand at the same time of day, unless one is said; working hours are taken from the working time before."""
    if budget.by:
        return so_long_before(found.calendar, budget, found.instant.at).at
    if not budget.is_time:
        last = found.calendar.local_day(found.instant.at)
        return found.instant.at - (last - day_before(found.calendar, budget, last))
    if not budget.is_working or not found.start:
        return found.instant.at - budget.duration
    if found.capped:
        return so_long_before(found.calendar, budget, found.instant.at).at
    left = found.remaining(found.start) - budget.duration
    return (
        found.start
        if left <= timedelta()
        else add_working_time(found.calendar, found.start, left, found.suspensions).at
    )


def _watched(number: int, watch: Watch, reading: Reading) -> Iterator[Planned]:
    for index, row in enumerate(reading.context.get(watch.rows) or []):
        if moment := as_moment(row.get(watch.at), reading.calendar):
            yield Planned("watch", moment, number, row=str(index))


def _waited(wait: Wait, reading: Reading) -> Iterator[Planned]:
    if wait.until:
        moment = reading.moment(wait.until)
    elif wait.for_:
        reached = due(
            reading.calendar,
            reading.budget(wait.for_),
            reading.moment(wait.from_) or reading.opened_at,
            reading.pauses(),
        )
        moment = reached.at if reached else None
    else:
        moment = None
    if moment:
        yield Planned("wait", moment)


def late_minutes(key: str, clock: Clock, reading: Reading, until: datetime) -> Decimal:
    """How many minutes of its own time the clock ran over its limit."""
    start = reading.moment(clock.from_)
    if start is None:
        return Decimal(0)
    over = lateness(reading.calendar, reading.budget(clock.within), start, until, reading.pauses(key))
    return Decimal(int(over.total_seconds() // 60))
