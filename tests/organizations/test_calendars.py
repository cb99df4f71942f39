"""Working time, told in examples first and then held against a slow count of every single minute."""

from __future__ import annotations

import dataclasses
import time as stopwatch
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kehu.organizations.calendars import (
    WEEKDAYS,
    Budget,
    Calendar,
    Instant,
    NoWorkingTime,
    Period,
    SpecialDay,
    Suspension,
    Unit,
    add_working_time,
    due,
    instant_at,
    lateness,
    recurring,
    remaining,
    so_long_before,
    time_used,
    why,
    why_before,
    working_time_between,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = ["08:00-12:00", "13:00-17:00"]
NATIONAL_DAY = {"zh": "国庆节", "en": "National Day"}
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

FACTORY = Calendar.from_json(
    {
        "timezone": "Asia/Shanghai",
        "week": {name: DAY for name in WEEKDAYS[:5]},
        "special_days": {
            "2024-09-29": {"kind": "make_up", "name": NATIONAL_DAY},
            **{f"2024-10-0{n}": {"kind": "holiday", "name": NATIONAL_DAY} for n in range(1, 8)},
            "2024-12-24": {"kind": "half_day", "periods": ["08:00-11:00"]},
        },
        "known_until": "2024-12-31",
    }
)


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def local(moment: datetime | None) -> str:
    assert moment is not None
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


def pause(start: str, end: str | None, reason: str = "") -> Suspension:
    return Suspension(at(start), at(end) if end else None, reason)


def due_of(budget: str, start: str, *suspensions: Suspension) -> str:
    instant = due(FACTORY, Budget.parse(budget), at(start), suspensions)
    assert instant is not None
    assert not instant.provisional
    return local(instant.at)


# --- examples ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "budget", "end"),
    [
        ("2024-03-15 10:00", "2 working hours", "2024-03-15 12:00"),  # a budget that ends with a period ends there
        ("2024-03-15 11:00", "2 working hours", "2024-03-15 14:00"),  # not over lunch
        ("2024-03-15 16:00", "2 working hours", "2024-03-18 09:00"),  # not over the weekend
        ("2024-03-15 15:00", "4 working hours", "2024-03-18 10:00"),
        ("2024-03-15 16:00", "1 working hour", "2024-03-15 17:00"),
        ("2024-03-16 10:00", "1 working hour", "2024-03-18 09:00"),  # outside working time: from the next period
        ("2024-03-15 12:30", "30 working minutes", "2024-03-15 13:30"),
        ("2024-03-15 16:00", "1.5 working hours", "2024-03-18 08:30"),
        ("2024-03-15 16:00", "2 hours", "2024-03-15 18:00"),
        ("2024-03-15 23:45", "30 minutes", "2024-03-16 00:15"),
        ("2024-03-16 10:00", "0 hours", "2024-03-16 10:00"),
        ("2024-03-16 10:00", "0 working hours", "2024-03-16 10:00"),
        ("2024-03-15 16:00", "1 working day", "2024-03-18 17:00"),  # the start day is not counted
        ("2024-03-15 08:00", "8 working hours", "2024-03-15 17:00"),  # and a working day is not eight hours
        ("2024-03-16 10:00", "1 working day", "2024-03-18 17:00"),
        ("2024-03-15 16:00", "0 working days", "2024-03-15 17:00"),
        ("2024-03-15 18:00", "0 days", "2024-03-15 18:00"),  # no limit ends before it starts
        ("2024-09-27 16:00", "1 working day", "2024-09-29 17:00"),  # make-up Sunday
        ("2024-09-27 16:00", "3 working days", "2024-10-08 17:00"),  # National Day
        ("2024-09-30 16:00", "2 working hours", "2024-10-08 09:00"),
        ("2024-09-30 16:00", "3 days", "2024-10-03 17:00"),  # calendar days never shift
        ("2024-12-23 10:00", "1 day", "2024-12-24 11:00"),  # a half day closes early
        ("2024-12-24 10:00", "2 working hours", "2024-12-25 09:00"),
        ("2024-03-15 16:00", "2 weeks", "2024-03-29 17:00"),
        ("2024-01-31 09:00", "1 month", "2024-02-29 17:00"),
        ("2023-11-30 09:00", "3 months", "2024-02-29 17:00"),
        ("2024-03-15 16:00", "by 12:00 on day 1", "2024-03-16 12:00"),
        ("2024-03-15 16:00", "by 12:00 on working day 1", "2024-03-18 12:00"),
        ("2024-03-15 10:00", "by 17:00 on day 0", "2024-03-15 17:00"),
        ("2024-03-15 10:00", "by 18:30 on working day 0", "2024-03-15 18:30"),
    ],
)
def test_a_limit_ends_where_a_person_would_say(start: str, budget: str, end: str) -> None:
    assert due_of(budget, start) == end


@pytest.mark.parametrize(
    ("start", "budget", "suspensions", "end"),
    [
        ("2024-03-15 08:00", "2 working hours", [("2024-03-15 09:00", "2024-03-15 11:00")], "2024-03-15 12:00"),
        ("2024-03-15 08:00", "5 working hours", [("2024-03-15 11:30", "2024-03-15 13:30")], "2024-03-15 15:00"),
        # over a weekend only the working part counts: an hour on Friday, two on Monday
        ("2024-03-15 15:00", "2 working hours", [("2024-03-15 16:00", "2024-03-18 10:00")], "2024-03-18 11:00"),
        ("2024-03-15 15:00", "2 hours", [("2024-03-15 16:00", "2024-03-18 10:00")], "2024-03-18 11:00"),
        ("2024-03-13 09:00", "2 working days", [("2024-03-14 08:00", "2024-03-14 10:30")], "2024-03-18 10:30"),
        ("2024-03-13 09:00", "2 days", [("2024-03-14 08:00", "2024-03-14 10:30")], "2024-03-15 19:30"),
        # moved into Monday, where the clock stands still again
        (
            "2024-03-13 09:00",
            "2 working days",
            [("2024-03-14 08:00", "2024-03-14 10:00"), ("2024-03-18 09:00", "2024-03-18 12:00")],
            "2024-03-18 14:00",
        ),
        ("2024-03-13 09:00", "1 working day", [("2024-03-14 18:00", "2024-03-20 10:00")], "2024-03-14 17:00"),
    ],
)
def test_time_in_suspensions_does_not_count(
    start: str, budget: str, suspensions: list[tuple[str, str]], end: str
) -> None:
    assert due_of(budget, start, *(pause(*suspension) for suspension in suspensions)) == end


def test_overlapping_suspensions_count_once() -> None:
    apart = [pause("2024-03-15 08:30", "2024-03-15 10:00")]
    overlapping = [pause("2024-03-15 09:00", "2024-03-15 10:00"), pause("2024-03-15 08:30", "2024-03-15 09:30")]
    assert due_of("2 working hours", "2024-03-15 08:00", *overlapping) == "2024-03-15 11:30"
    assert due_of("2 working hours", "2024-03-15 08:00", *apart) == "2024-03-15 11:30"


def test_while_the_clock_stands_still_nobody_can_say() -> None:
    budget, start = Budget.parse("2 working hours"), at("2024-03-15 09:00")
    still = [pause("2024-03-15 10:00", None, "等待样品")]
    assert due(FACTORY, budget, start, still) is None
    assert due(FACTORY, budget, start, still, now=at("2024-03-15 11:00")) == Instant(
        at("2024-03-15 12:00").astimezone(UTC), paused=True
    )
    assert remaining(FACTORY, budget, start, at("2024-03-25 11:00"), still) == HOUR
    assert lateness(FACTORY, budget, start, at("2024-03-25 11:00"), still) == timedelta()
    last = why(FACTORY, budget, start, still)[-1]
    assert last.kind == "paused"
    assert last.text == "2024-03-15 周五 10:00 起：暂停（等待样品），计时停止；恢复后还剩 1 小时工作时间。"


def test_a_suspension_after_the_due_moment_changes_nothing() -> None:
    late = [pause("2024-03-15 11:00", None)]
    assert due_of("2 working hours", "2024-03-15 09:00", *late) == "2024-03-15 11:00"


def test_lateness_is_told_in_the_time_of_the_budget() -> None:
    start, end = at("2024-03-15 16:00"), at("2024-03-18 14:00")
    assert lateness(FACTORY, Budget.parse("2 working hours"), start, end) == 4 * HOUR
    assert lateness(FACTORY, Budget.parse("2 hours"), start, end) == 68 * HOUR
    assert lateness(FACTORY, Budget.parse("1 working day"), start, end) == timedelta()
    assert remaining(FACTORY, Budget.parse("1 working day"), start, end) == 3 * HOUR
    assert remaining(FACTORY, Budget.parse("2 working hours"), start, end) == -4 * HOUR
    assert time_used(FACTORY, Budget.parse("1 working day"), start, end) == 6 * HOUR


def test_a_reminder_comes_when_its_share_of_the_time_is_used() -> None:
    start = at("2024-03-15 14:00")
    reminder = instant_at(FACTORY, Budget.parse("4 working hours"), start, 75)
    assert local(reminder and reminder.at) == "2024-03-15 17:00"
    later = instant_at(FACTORY, Budget.parse("4 working hours"), start, Decimal("87.5"))
    assert local(later and later.at) == "2024-03-18 08:30"
    third = instant_at(FACTORY, Budget.parse("3 hours"), start, Fraction(100, 3))
    assert local(third and third.at) == "2024-03-15 15:00"
    with pytest.raises(ValueError, match="before its start"):
        instant_at(FACTORY, Budget.parse("3 hours"), start, -1)


def test_beyond_the_confirmed_days_a_limit_is_provisional() -> None:
    def is_provisional(budget: str, start: str) -> bool:
        instant = due(FACTORY, Budget.parse(budget), at(start))
        assert instant is not None
        return instant.provisional

    assert not is_provisional("1 working day", "2024-12-30 10:00")
    assert not is_provisional("8 working hours", "2024-12-31 08:00")
    assert is_provisional("2 working days", "2024-12-30 10:00")
    assert is_provisional("8 working hours", "2024-12-31 09:00")
    assert is_provisional("7 days", "2024-12-30 10:00")  # where it ends, closing time may change
    assert not is_provisional("by 17:00 on day 7", "2024-12-30 10:00")
    assert not is_provisional("100 hours", "2024-12-30 10:00")
    assert not is_provisional("0 working hours", "2025-03-01 10:00")
    assert not is_provisional("by 17:00 on working day 0", "2025-03-01 10:00")
    moved = due(
        FACTORY, Budget.parse("7 days"), at("2024-12-30 10:00"), [pause("2024-12-30 10:00", "2024-12-30 11:00")]
    )
    assert moved == Instant(at("2025-01-06 18:00").astimezone(UTC), provisional=True)


def test_a_period_until_midnight_belongs_to_its_own_day() -> None:
    late = dataclasses.replace(FACTORY, week=((Period.parse("20:00-24:00"),),) * 7, special_days={})
    start = at("2024-12-31 20:00")
    assert due(late, Budget.parse("4 working hours"), start) == Instant(at("2025-01-01 00:00").astimezone(UTC))
    assert due(late, Budget.parse("241 working minutes"), start) == Instant(
        at("2025-01-01 20:01").astimezone(UTC), provisional=True
    )


def test_why_is_read_day_by_day() -> None:
    suspensions = [pause("2024-09-29 09:00", "2024-09-29 11:30", "等待样品")]
    lines = why(FACTORY, Budget.parse("3 working days"), at("2024-09-27 16:00"), suspensions)
    assert [line.text for line in lines] == [
        "2024-09-27 周五 16:00 起算，限期：3 个工作日；起算当日不计。",
        "2024-09-28 周六：休息，不计。",
        "2024-09-29 周日（国庆节 调休上班）：第 1 个工作日。",
        "2024-09-29 周日 09:00 至 11:30：暂停（等待样品），其间 2 小时 30 分钟工作时间不计。",
        "2024-09-30 周一：第 2 个工作日。",
        "2024-10-01 周二 至 2024-10-07 周一：国庆节，放假，不计。",
        "2024-10-08 周二：第 3 个工作日。",
        "若无暂停，2024-10-08 周二 17:00 到期。",
        "2024-10-09 周三：08:00–10:30，补足暂停的 2 小时 30 分钟。",
        "2024-10-09 周三 10:30 到期。",
    ]


def test_why_says_what_is_not_known_yet() -> None:
    lines = why(FACTORY, Budget.parse("4 working hours"), at("2024-12-31 15:00"), language="en")
    assert [line.text for line in lines] == [
        "Counted from Tue 2024-12-31 15:00; the limit is 4 working hours.",
        "Tue 2024-12-31: 15:00–17:00, 2 hours counted.",
        "The holidays of 2025 are not confirmed yet (only until Tue 2024-12-31); from here on ordinary weeks are "
        "counted, and the result is provisional.",
        "Wed 2025-01-01: 08:00–10:00, 2 hours counted.",
        "Due Wed 2025-01-01 10:00 (provisional).",
    ]
    chinese = why(FACTORY, Budget.parse("4 working hours"), at("2024-12-31 15:00"), language="zh-hans")
    assert "2025 年的放假安排尚未确认" in chinese[2].text
    assert "暂定" in chinese[-1].text


def test_a_message_waits_for_the_next_opening() -> None:
    assert local(FACTORY.next_opening(at("2024-03-15 23:00"))) == "2024-03-18 08:00"
    assert local(FACTORY.next_opening(at("2024-03-15 12:00"))) == "2024-03-15 13:00"
    assert local(FACTORY.next_opening(at("2024-03-15 08:00"))) == "2024-03-15 08:00"


def test_a_day_without_periods_has_the_usual_closing_time() -> None:
    assert local(FACTORY.closing_time(date(2024, 10, 1))) == "2024-10-01 17:00"
    assert local(FACTORY.closing_time(date(2024, 12, 24))) == "2024-12-24 11:00"


def test_confirmed_days_go_into_a_calendar() -> None:
    more = FACTORY.with_special_days([SpecialDay(date(2025, 1, 1), "holiday", name="元旦")], date(2025, 12, 28))
    assert not more.is_working_day(date(2025, 1, 1))
    assert not more.is_working_day(date(2024, 10, 1))
    assert more.is_known(date(2025, 12, 28))
    assert not more.is_known(date(2025, 12, 29))


def test_lengths_are_absolute_in_the_nights_in_which_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    night = Calendar("Europe/Berlin", ((Period.parse("00:00-06:00"),),) * 7)
    assert working_time_between(night, at("2024-03-31 00:00", berlin), at("2024-03-31 12:00", berlin)) == 5 * HOUR
    assert working_time_between(night, at("2024-10-27 00:00", berlin), at("2024-10-27 12:00", berlin)) == 7 * HOUR
    gap = Calendar("Europe/Berlin", (tuple(map(Period.parse, ("01:00-02:30", "02:30-04:00"))),) * 7)
    midnight = at("2024-03-31 00:00", berlin)
    assert working_time_between(gap, midnight, midnight + 12 * HOUR) == 2 * HOUR
    # In Newfoundland the clocks once went from 00:01 back to 23:01 of the day before.
    newfoundland = Calendar("America/St_Johns", ((Period(0, 1440),),) * 7)
    midnight = at("2010-11-07 00:00", newfoundland.zone).astimezone(UTC)
    assert working_time_between(newfoundland, midnight - HOUR, midnight + HOUR / 2) == 1.5 * HOUR
    assert gap.moment(date(2024, 3, 31), 150) == at("2024-03-31 03:00", berlin)  # 02:30 does not exist


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["PT2H", "2h", "1.5 working days", "0.001 hours", "2", "", "-1 hours", "two hours", "2 Hours", "1 working week",
     "by 25:00 on day 1", "by 17:00 on day", "17:00", "1.5 minutes", "10000 hours", "1d", "P1D", "8 business hours"],
)  # fmt: skip
def test_what_is_ambiguous_is_no_time_limit(text: str) -> None:
    with pytest.raises(ValueError, match="not a time limit.*Write for example"):
        Budget.parse(text)


@pytest.mark.parametrize(
    ("text", "zh"),
    [
        ("2 working hours", "2 个工作小时"),
        ("1 working day", "1 个工作日"),
        ("15 days", "15 个自然日"),
        ("0 hours", "0 小时"),
        ("1.5 hours", "1.5 小时"),
        ("30 minutes", "30 分钟"),
        ("2 weeks", "2 周"),
        ("3 months", "3 个月"),
        ("by 17:00 on day 3", "第 3 日 17:00 前"),
        ("by 17:00 on working day 3", "第 3 个工作日 17:00 前"),
        ("by 17:00 on day 0", "当日 17:00 前"),
    ],
)
def test_a_time_limit_is_said_in_both_languages(text: str, zh: str) -> None:
    budget = Budget.parse(text)
    assert str(budget) == text
    assert budget.text("en") == text
    assert budget.text("zh-hans") == zh


def test_a_calendar_without_working_time_is_refused() -> None:
    with pytest.raises(NoWorkingTime, match="at least one day"):
        Calendar("Asia/Shanghai", ((),) * 7)


def test_a_calendar_that_only_lists_days_runs_out_with_a_sentence() -> None:
    fair = SpecialDay(date(2024, 5, 4), "special", (Period.parse("09:00-18:00"),), "展会")
    listed = Calendar("Asia/Shanghai", ((),) * 7, {fair.day: fair})
    assert local(add_working_time(listed, at("2024-05-01 09:00"), 9 * HOUR).at) == "2024-05-04 18:00"
    with pytest.raises(NoWorkingTime, match="five years after 2024-05-04"):
        add_working_time(listed, at("2024-05-01 09:00"), 10 * HOUR)
    assert working_time_between(listed, at("2024-05-05 00:00"), at("2034-05-05 00:00")) == timedelta()


@pytest.mark.parametrize("text", ["22:00-06:00", "08:00-08:00", "08:00-24:01", "8-12", "08:00-12:60", "morning"])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="period"):
        Period.parse(text)


def test_periods_in_disorder_are_refused() -> None:
    morning, noon = Period.parse("08:00-12:00"), Period.parse("11:00-13:00")
    for periods in ((morning, noon), (Period.parse("13:00-17:00"), morning)):
        with pytest.raises(ValueError, match="mon are out of order or overlap"):
            Calendar("Asia/Shanghai", (periods, *((),) * 6))
    with pytest.raises(ValueError, match="holiday"):
        SpecialDay(date(2024, 10, 1), "holiday", (morning,))
    with pytest.raises(ValueError, match="half_day"):
        SpecialDay(date(2024, 10, 1), "half_day")


def test_a_moment_without_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        due(FACTORY, Budget.parse("1 hour"), datetime(2024, 3, 15, 9))
    with pytest.raises(ValueError, match="no time zone"):
        Suspension(datetime(2024, 3, 15, 9))


# --- against every single minute --------------------------------------------------------------------------------------


def is_open(calendar: Calendar, budget: Budget, moment: datetime) -> bool:
    if not budget.is_working:
        return True
    wall = moment.astimezone(ZoneInfo(calendar.timezone))
    minute = wall.hour * 60 + wall.minute
    return any(period.start <= minute < period.end for period in calendar.periods_of(wall.date()))


def stands_still(suspensions: list[Suspension], moment: datetime) -> bool:
    return any(s.start <= moment and (s.end is None or moment < s.end) for s in suspensions)


def minutes(start: datetime, end: datetime) -> list[datetime]:
    return [start + n * MINUTE for n in range((end - start) // MINUTE)]


def walk(calendar: Calendar, budget: Budget, start: datetime, amount: int, suspensions: list[Suspension]) -> datetime:
    moment = start
    while amount:
        if is_open(calendar, budget, moment) and not stands_still(suspensions, moment):
            amount -= 1
        moment += MINUTE
    return moment


def named_day(calendar: Calendar, budget: Budget, start: datetime) -> date:
    day, amount = start.astimezone(ZoneInfo(calendar.timezone)).date(), int(budget.amount)
    if budget.unit == "months":
        year, month = day.year + (day.month - 1 + amount) // 12, (day.month - 1 + amount) % 12 + 1
        for number in (day.day, 30, 29, 28):
            try:
                return date(year, month, number)
            except ValueError:
                continue
    amount *= 7 if budget.unit == "weeks" else 1
    while amount:
        day += timedelta(days=1)
        if budget.unit != "working days" or calendar.periods_of(day):
            amount -= 1
    return day


def oracle(calendar: Calendar, budget: Budget, start: datetime, suspensions: list[Suspension]) -> Instant:
    """The same question, answered one minute and one day at a time."""
    zone = ZoneInfo(calendar.timezone)
    unknown = calendar.known_until or date.max

    if budget.is_time:
        end = walk(calendar, budget, start, int(budget.duration / MINUTE), suspensions)
        beyond = end > start and (end - MINUTE).astimezone(zone).date() > unknown
        return Instant(end, provisional=budget.is_working and beyond)

    day = named_day(calendar, budget, start)
    periods = calendar.periods_of(day) or [p for day_of_week in calendar.week for p in day_of_week]
    minute = max(p.end for p in periods)
    if budget.by:
        minute = budget.by.hour * 60 + budget.by.minute
    midnight = datetime.combine(day + timedelta(days=minute // 1440), time(), zone)
    target = max(start, midnight.replace(hour=minute % 1440 // 60, minute=minute % 60).astimezone(UTC))

    end, before = target, None
    while end != before:  # moving on may meet another suspension
        taken = sum(is_open(calendar, budget, m) and stands_still(suspensions, m) for m in minutes(start, end))
        before, end = end, walk(calendar, budget, target, taken, [])
    asked = budget.by is None or (budget.is_working and budget.amount > 0)
    moved = end > target and budget.is_working and (end - MINUTE).astimezone(zone).date() > unknown
    paused = budget.is_working and any(stands_still(suspensions, m) for m in minutes(start, target))
    return Instant(end, provisional=((asked or paused) and day > unknown) or moved)


ORIGINS = [date(2024, 2, 25), date(2024, 3, 28), date(2024, 10, 24), date(2024, 12, 27), date(2026, 12, 24)]
# Not between one and four in the morning: where the clocks change, a wall time can come twice or never.
BOUNDARIES = st.one_of(st.just(0), st.integers(16, 96)).map(lambda quarter: quarter * 15)
LARGEST = {"minutes": 400, "working minutes": 700, "hours": 50, "working hours": 16, "days": 7, "working days": 5,
           "weeks": 1, "months": 1}  # fmt: skip


@st.composite
def periods(draw: st.DrawFn, at_least: int = 0) -> tuple[Period, ...]:
    bounds = sorted(draw(st.sets(BOUNDARIES, min_size=2 * at_least, max_size=6)))
    return tuple(Period(a, b) for a, b in zip(bounds[::2], bounds[1::2], strict=False))


@st.composite
def calendars(draw: st.DrawFn, origin: date) -> Calendar:
    working = st.just((Period(480, 720), Period(780, 1020))) | periods(at_least=1)
    week = [draw(working), draw(working), *(draw(working | st.just(())) for _ in range(5))]
    special_days = {}
    for offset in draw(st.sets(st.integers(0, 14), max_size=4)):
        day = origin + timedelta(days=offset)
        kind = draw(st.sampled_from(["holiday", "make_up", "half_day", "special"]))
        own = () if kind == "holiday" else draw(periods(at_least=1 if kind == "half_day" else 0))
        special_days[day] = SpecialDay(day, kind, own, "国庆节")
    return Calendar(
        timezone=draw(st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York"])),
        week=tuple(draw(st.permutations(week))),
        special_days=special_days,
        known_until=draw(st.none() | st.integers(-1, 12).map(lambda offset: origin + timedelta(days=offset))),
    )


@st.composite
def budgets(draw: st.DrawFn) -> Budget:
    unit = draw(st.sampled_from(get_args(Unit)))
    amount: int | Decimal = draw(st.integers(0, LARGEST[unit]))
    if unit.endswith("hours") and draw(st.booleans()):
        amount += Decimal("0.5")
    by = None
    if unit.endswith("days") and draw(st.booleans()):
        by = time(draw(st.integers(4, 23)), draw(st.sampled_from([0, 30, 59])))
    return Budget(amount, unit, by)


@st.composite
def limits(draw: st.DrawFn) -> tuple[Calendar, Budget, datetime, list[Suspension]]:
    origin = draw(st.sampled_from(ORIGINS))
    moment = datetime.combine(origin, time(), UTC)
    start = moment + draw(st.integers(0, 4 * 1440)) * MINUTE
    suspensions = []
    for _ in range(draw(st.integers(0, 3))):
        begin = moment + draw(st.integers(0, 8 * 1440)) * MINUTE
        suspensions.append(Suspension(begin, begin + draw(st.integers(0, 2000)) * MINUTE, draw(st.sampled_from("ab"))))
    return draw(calendars(origin)), draw(budgets()), start, suspensions


quickly = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
Limit = tuple[Calendar, Budget, datetime, list[Suspension]]


@quickly
@given(limits())
def test_the_due_moment_is_the_one_a_count_of_minutes_finds(limit: Limit) -> None:
    assert due(*limit) == oracle(*limit)


@quickly
@given(limits(), st.integers(0, 8 * 1440))
def test_the_time_used_is_the_number_of_minutes_that_count(limit: Limit, length: int) -> None:
    calendar, budget, start, suspensions = limit
    end = start + length * MINUTE
    counted = sum(is_open(calendar, budget, m) and not stands_still(suspensions, m) for m in minutes(start, end))
    assert time_used(calendar, budget, start, end, suspensions) == counted * MINUTE
    working = sum(is_open(calendar, Budget(0, "working hours"), m) for m in minutes(start, end))
    assert working_time_between(calendar, start, end) == working * MINUTE
    assert working_time_between(calendar, end, start) == -working * MINUTE


@quickly
@given(limits(), st.data())
def test_pauses_commute(limit: Limit, data: st.DataObject) -> None:
    calendar, budget, start, suspensions = limit
    pieces = list(suspensions)
    for whole in suspensions:
        assert whole.end
        cut = whole.start + (whole.end - whole.start) / 2
        pieces += [Suspension(whole.start, cut), Suspension(cut, whole.end)]
    shuffled = data.draw(st.permutations(pieces))
    assert due(calendar, budget, start, shuffled) == due(*limit)
    assert [line.text for line in why(calendar, budget, start, data.draw(st.permutations(suspensions)))] == [
        line.text for line in why(*limit)
    ]


@quickly
@given(limits(), st.integers(1, 5))
def test_a_larger_budget_never_ends_earlier(limit: Limit, more: int) -> None:
    calendar, budget, start, suspensions = limit
    larger = dataclasses.replace(budget, amount=budget.amount + more)
    assert due(*limit).at <= due(calendar, larger, start, suspensions).at  # type: ignore[union-attr]


def test_a_pause_on_an_unknown_day_makes_a_limit_uncertain() -> None:
    """Until five o'clock today: known whatever day it is. What a pause before then takes is not: perhaps nobody works."""
    calendar = dataclasses.replace(FACTORY, known_until=date(2024, 3, 14))
    budget, start = Budget(0, "working days", time(17)), at("2024-03-15 10:00")
    pause = Suspension(at("2024-03-15 11:00"), at("2024-03-15 12:00"))

    assert due(calendar, budget, start) == Instant(at("2024-03-15 17:00"))
    assert due(calendar, budget, start, [pause]).provisional  # type: ignore[union-attr]


@quickly
@given(limits())
def test_a_certain_limit_does_not_depend_on_unknown_days(limit: Limit) -> None:
    """Close or open every unknown day: a limit that is not provisional stays where it is."""
    calendar, budget, start, suspensions = limit
    instant = due(*limit)
    assert instant is not None
    if calendar.known_until is None:
        assert not instant.provisional
        return
    unknown = [calendar.known_until + timedelta(days=n) for n in range(1, 40)]
    always, never = (
        calendar.with_special_days(SpecialDay(day, "special", worked) for day in unknown)
        for worked in ((Period(5, 10), Period(15, 1435)), ())
    )
    moved = {due(always, budget, start, suspensions), due(never, budget, start, suspensions)} != {instant}
    assert not moved or instant.provisional


@quickly
@given(limits(), st.sampled_from(["zh-hans", "en"]))
def test_why_recomputes_to_the_same_moment(limit: Limit, language: str) -> None:
    calendar, budget, start, suspensions = limit
    lines = why(*limit, language=language)
    instant = due(*limit)
    assert instant is not None
    assert (lines[0].kind, lines[0].start) == ("start", start)
    assert (lines[-1].kind, lines[-1].end) == ("due", instant.at)
    assert [line.start for line in lines[1:-1]] == sorted(line.start for line in lines[1:-1])
    zero = timedelta() if budget.is_time else 0
    assert sum((line.counted for line in lines), zero) == (budget.duration if budget.is_time else budget.amount)
    assert any(line.kind == "provisional" for line in lines) == instant.provisional
    skipped = [line.start for line in lines if line.kind == "skipped"]
    assert not any(is_open(calendar, budget, moment) for moment in skipped)
    assert all(line.text and line.counted for line in lines if line.kind == "counted")
    assert all(line.start < line.end for line in lines if line.kind in ("counted", "carried"))
    if budget.is_time:
        for line in lines:
            if line.kind == "counted":
                assert line.counted == time_used(calendar, budget, line.start, line.end, suspensions)


@quickly
@given(limits(), st.lists(st.integers(0, 200), min_size=2, max_size=2))
def test_shares_of_the_time_lie_between_start_and_due(limit: Limit, shares: list[int]) -> None:
    calendar, budget, start, suspensions = limit
    instants = [instant_at(calendar, budget, start, share, suspensions) for share in sorted(shares)]
    earlier, later = instants
    assert earlier
    assert later
    assert start <= earlier.at <= later.at
    assert instant_at(calendar, budget, start, 100, suspensions) == due(*limit)
    nothing = instant_at(calendar, budget, start, 0, suspensions)
    assert nothing
    assert nothing.at == start
    # What is used at that moment is that share of what is used at the due moment, to the microsecond.
    whole = remaining(calendar, budget, start, start)
    used = time_used(calendar, budget, start, earlier.at, suspensions)
    assert abs(used - whole * min(shares) / 100) <= timedelta.resolution


@quickly
@given(limits(), st.integers(-1000, 1000))
def test_at_the_due_moment_nothing_is_left_and_nothing_late(limit: Limit, later: int) -> None:
    calendar, budget, start, suspensions = limit
    instant = due(*limit)
    assert instant is not None
    assert remaining(calendar, budget, start, instant.at, suspensions) == timedelta()
    assert lateness(calendar, budget, start, instant.at, suspensions) == timedelta()
    now = instant.at + later * MINUTE
    left = remaining(calendar, budget, start, now, suspensions)
    assert (left <= timedelta()) if later >= 0 else (left >= timedelta())
    assert lateness(calendar, budget, start, now, suspensions) == max(timedelta(), -left)


@quickly
@given(limits(), st.integers(0, 6 * 1440), st.integers(0, 3000))
def test_an_open_suspension_is_one_that_ends_now(limit: Limit, offset: int, length: int) -> None:
    calendar, budget, start, suspensions = limit
    begin = start + offset * MINUTE
    now = begin + length * MINUTE
    still = [*suspensions, Suspension(begin, None)]
    ended = [*suspensions, Suspension(begin, now)]
    # Suspensions planned for later would be swallowed by the open one.
    assume(all(s.end and s.end <= now for s in suspensions))
    known, guessed, closed = (
        due(calendar, budget, start, still),
        due(calendar, budget, start, still, now),
        due(calendar, budget, start, ended),
    )
    assert guessed
    assert closed
    if known:
        assert known == guessed == closed
    else:
        assert guessed == dataclasses.replace(closed, paused=True)
        assert why(calendar, budget, start, still)[-1].kind == "paused"


@quickly
@given(limits(), st.integers(0, 5000))
def test_added_working_time_is_found_again(limit: Limit, amount: int) -> None:
    calendar, _, start, _ = limit
    end = add_working_time(calendar, start, amount * MINUTE).at
    assert working_time_between(calendar, start, end) == amount * MINUTE


@given(budgets())
def test_a_budget_reads_back_as_it_was_written(budget: Budget) -> None:
    assert Budget.parse(str(budget)) == budget
    assert str(Budget.parse(str(budget))) == str(budget)


@given(st.sampled_from(ORIGINS).flatmap(calendars))
def test_a_calendar_reads_back_as_it_was_written(calendar: Calendar) -> None:
    assert Calendar.from_json(calendar.to_json()) == calendar


def test_counting_is_quick() -> None:
    start, budget = at("2024-03-15 16:00"), Budget.parse("15 working days")
    began = stopwatch.perf_counter()
    for _ in range(200):
        due(FACTORY, budget, start)
    assert (stopwatch.perf_counter() - began) / 200 < 0.002


@quickly
@given(limits(), st.integers(0, 900))
def test_counting_working_days_is_walking_them(limit: Limit, length: int) -> None:
    calendar, _budget, start, _suspensions = limit
    first = start.date() - timedelta(days=length % 40)
    last = first + timedelta(days=length - 2)
    assert calendar.count_working_days(first, last) == sum(1 for _ in calendar.working_days(first, last))


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_whole_days_that_are_remembered_add_up_to_what_is_walked(data: st.DataObject) -> None:
    zone = data.draw(
        st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo", "Africa/Casablanca", "Asia/Beirut"])
    )
    period = st.tuples(st.integers(0, 1438), st.integers(1, 1440)).filter(lambda both: both[0] < both[1])
    week = tuple(
        (Period(*one),) if one else () for one in data.draw(st.lists(st.none() | period, min_size=7, max_size=7))
    )
    assume(any(week))
    calendar = Calendar(zone, week)
    begin = data.draw(st.datetimes(datetime(2010, 1, 1), datetime(2022, 1, 1))).replace(tzinfo=UTC)
    end = begin + timedelta(minutes=data.draw(st.integers(0, 120 * 1440)))
    walked = sum((span.length for span in calendar.spans(begin, end)), timedelta())
    for _again in range(2):
        assert calendar.working_time(begin, end) == walked


# --- again and again, and so long before --------------------------------------------------------------------------------


def test_what_recurs_ends_at_the_closing_time_of_each_nth_working_day() -> None:
    """From a Monday on, every second working day; the holidays of 1-7 October 2024 are stepped over."""
    start, budget = at("2024-09-23 10:00"), Budget.parse("2 working days")
    found = [start]
    for _ in range(5):
        again = recurring(FACTORY, budget, start, found[-1])
        assert again
        found.append(again.at)
    assert [local(moment) for moment in found[1:]] == [
        "2024-09-25 17:00",
        "2024-09-27 17:00",
        "2024-09-30 17:00",
        "2024-10-09 17:00",
        "2024-10-11 17:00",
    ]


def test_however_late_it_is_asked_the_next_one_is_found() -> None:
    start, budget = at("2024-03-15 10:00"), Budget.parse("2 working hours")
    first = recurring(FACTORY, budget, start, start)
    late = recurring(FACTORY, budget, start, at("2024-06-17 09:30"))
    assert first
    assert late
    assert (local(first.at), local(late.at)) == ("2024-03-15 12:00", "2024-06-17 10:00")


def test_nothing_recurs_of_nothing_and_while_the_clock_stands_still() -> None:
    start = at("2024-03-15 10:00")
    assert recurring(FACTORY, Budget.parse("0 days"), start, start) is None
    assert recurring(FACTORY, Budget.parse("2 days"), start, start, [Suspension(start)]) is None


def test_a_pause_moves_what_recurs_behind_it() -> None:
    start, pause = at("2024-03-18 10:00"), Suspension(at("2024-03-19 08:00"), at("2024-03-20 08:00"))
    again = recurring(FACTORY, Budget.parse("2 working days"), start, start, [pause])
    assert again
    assert local(again.at) == "2024-03-21 17:00"


@pytest.mark.parametrize(
    ("budget", "moment", "expected"),
    [
        ("1 working day", "2024-03-18 10:00", "2024-03-15 17:00"),
        ("1 working day", "2024-10-08 10:00", "2024-09-30 17:00"),
        ("3 working days", "2024-10-08 10:00", "2024-09-27 17:00"),
        ("2 days", "2024-03-18 10:00", "2024-03-16 17:00"),
        ("1 week", "2024-03-18 10:00", "2024-03-11 17:00"),
        ("1 month", "2024-03-31 10:00", "2024-02-29 17:00"),
        ("by 12:00 on working day 1", "2024-03-18 10:00", "2024-03-15 12:00"),
        ("4 hours", "2024-03-18 10:00", "2024-03-18 06:00"),
        ("4 working hours", "2024-03-18 10:00", "2024-03-15 15:00"),
        ("0 working days", "2024-03-18 10:00", "2024-03-18 10:00"),
        ("0 hours", "2024-03-18 10:00", "2024-03-18 10:00"),
    ],
)
def test_so_long_before_a_moment(budget: str, moment: str, expected: str) -> None:
    assert local(so_long_before(FACTORY, Budget.parse(budget), at(moment)).at) == expected


def test_why_it_ends_before_a_moment_is_told_from_that_moment_back() -> None:
    lines = why_before(FACTORY, Budget.parse("2 working days"), at("2024-10-08 10:00"), "en")
    assert [line.text for line in lines] == [
        "The record names Tue 2024-10-08 10:00; the limit lies 2 working days before it.",
        "Tue 2024-10-01 to Mon 2024-10-07: National Day, holiday, not counted.",
        "Mon 2024-09-30: working day 1.",
        "Sun 2024-09-29 (National Day make-up workday): working day 2.",
        "Due Sun 2024-09-29 17:00.",
    ]
