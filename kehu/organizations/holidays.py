"""Proposals for the special days of a year, from libraries that other people keep.

No feed is trusted silently: what comes out of here is shown to a person, who confirms or corrects it before it becomes
part of a calendar (`Calendar.with_special_days(proposal.days, proposal.known_until)`).

China's holidays and make-up workdays are decided by the State Council each November for the next year; `chinesecalendar`
knows them once they are published, and for a year it does not know nothing is proposed. Guessing would be wrong by days:
in 2024 the eight make-up Saturdays and Sundays shifted most limits of fifteen working days.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version

import chinese_calendar
import holidays

from .calendars import Period, SpecialDay

_CHINA = "CN"
# New Year's holiday sometimes begins, or is made up for, in the last days of the year before (2018-12-29 was a make-up
# Saturday), and is published with the year that it opens.
_BEFORE_NEW_YEAR = (12, 28)


@dataclass(frozen=True)
class Proposal:
    """What `source` says of a year. `known_until` is the last day for which it can be confirmed as it stands; None if
    nothing can. `remarks` are sentences for the person who confirms, in English and Chinese."""

    source: str
    year: int
    days: list[SpecialDay]
    complete: bool
    remarks: list[dict[str, str]]
    known_until: date | None


def propose(year: int, country: str = _CHINA, region: str | None = None, make_up: tuple[Period, ...] = ()) -> Proposal:
    """The special days of a year. `make_up`: the periods of an ordinary working day, for make-up workdays; without
    them a make-up day is worked like the first working day of the calendar's week."""
    if country == _CHINA:
        return _propose_china(year, make_up)
    return _propose_country(year, country, region, make_up)


def _propose_china(year: int, make_up: tuple[Period, ...]) -> Proposal:
    source = f"chinesecalendar {version('chinesecalendar')}"
    if not _is_published(year):
        remark = {
            "zh": f"{source} 没有 {year} 年的放假安排。请在国务院办公厅公布后更新，或手工录入；此前涉及 {year} 年的期限均为暂定。",
            "en": f"{source} does not know the holidays of {year}. Update it once the State Council has published them, "
            f"or enter them by hand; until then limits that reach into {year} are provisional.",
        }
        return Proposal(source, year, [], complete=False, remarks=[remark], known_until=None)

    closed = [
        SpecialDay(day, "holiday", name=_chinese_name(name))
        for day, name in chinese_calendar.holidays.items()
        if day.year == year
    ]
    opened = [
        SpecialDay(day, "make_up", make_up, _chinese_name(name))
        for day, name in chinese_calendar.workdays.items()
        if day.year == year
    ]
    remarks, known_until = [], date(year, 12, 31)
    if not _is_published(year + 1):
        known_until = date(year, *_BEFORE_NEW_YEAR)
        remarks.append(
            {
                "zh": f"{year + 1} 年元旦的安排尚未收录，{known_until} 以后的几天仍可能调整。",
                "en": f"The New Year holiday of {year + 1} is not known yet; it may still change the days "
                f"after {known_until}.",
            }
        )
    days = sorted(closed + opened, key=lambda special: special.day)
    return Proposal(source, year, days, complete=True, remarks=remarks, known_until=known_until)


def _is_published(year: int) -> bool:
    try:
        chinese_calendar.is_workday(date(year, 1, 1))
    except NotImplementedError:
        return False
    return True


def _chinese_name(english: str) -> dict[str, str]:
    return {"zh": chinese_calendar.Holiday(english).chinese, "en": english}


def _propose_country(year: int, country: str, region: str | None, make_up: tuple[Period, ...]) -> Proposal:
    source = f"holidays {version('holidays')}, {country}{f'-{region}' if region else ''}"
    try:
        english = holidays.country_holidays(country, subdiv=region, years=year, language="en_US")
    except NotImplementedError as error:
        raise ValueError(f"{source} does not know this country or region: {error}.") from None
    if not english:
        remark = {
            "zh": f"{source} 没有 {year} 年的节假日，请手工录入。",
            "en": f"{source} has no holidays for {year}. Enter them by hand.",
        }
        return Proposal(source, year, [], complete=False, remarks=[remark], known_until=None)

    chinese: Mapping[date, str] = {}
    if "zh_CN" in english.supported_languages:
        chinese = holidays.country_holidays(country, subdiv=region, years=year, language="zh_CN")
    closed = [
        SpecialDay(day, "holiday", name={"en": name} | ({"zh": chinese[day]} if day in chinese else {}))
        for day, name in english.items()
    ]
    opened = [SpecialDay(day, "make_up", make_up) for day in english.weekend_workdays if day.year == year]
    days = sorted(closed + opened, key=lambda special: special.day)
    estimated = [special for special in closed if "estimated" in special.text("en")]
    return Proposal(
        source,
        year,
        days,
        complete=not estimated,
        remarks=[*_remarks(estimated, opened)],
        known_until=None if estimated else date(year, 12, 31),
    )


def _remarks(estimated: list[SpecialDay], opened: list[SpecialDay]) -> Iterator[dict[str, str]]:
    if not opened:
        yield {
            "zh": "只含公众假日，不含补班日和半天；请与官方公布核对。",
            "en": "Public holidays only, no make-up workdays and no half days; compare with the official publication.",
        }
    if estimated:
        named = ", ".join(f"{special.day} {special.text('en')}" for special in estimated)
        yield {
            "zh": f"下列日期系推算，尚未公布：{named}",
            "en": f"These days are computed, not announced: {named}",
        }
