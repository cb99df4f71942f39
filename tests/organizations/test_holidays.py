"""What the libraries propose, and what they do not know."""

from __future__ import annotations

from datetime import date

import pytest

from kehu.organizations.calendars import Calendar, Period
from kehu.organizations.holidays import propose

ORDINARY = (Period.parse("08:00-12:00"), Period.parse("13:00-17:00"))


def test_china_has_holidays_and_make_up_workdays() -> None:
    proposal = propose(2024, make_up=ORDINARY)
    days = {special.day: special for special in proposal.days}
    assert proposal.complete
    assert proposal.known_until == date(2024, 12, 31)
    assert proposal.source.startswith("chinesecalendar 1.")
    assert all(days[date(2024, 10, n)].kind == "holiday" for n in range(1, 8))
    assert days[date(2024, 9, 29)].kind == "make_up"
    assert days[date(2024, 9, 29)].periods == ORDINARY
    assert days[date(2024, 9, 29)].name == {"zh": "国庆节", "en": "National Day"}
    assert all(special.day.year == 2024 for special in proposal.days)


def test_a_confirmed_proposal_makes_a_calendar() -> None:
    week = (ORDINARY,) * 5 + ((), ())
    proposal = propose(2024)
    calendar = Calendar("Asia/Shanghai", week).with_special_days(proposal.days, proposal.known_until)
    assert calendar.periods_of(date(2024, 9, 29)) == ORDINARY
    assert not calendar.is_working_day(date(2024, 10, 1))
    assert calendar.is_working_day(date(2024, 10, 8))
    assert sum(calendar.is_working_day(date.fromordinal(n)) for n in range(738886, 738886 + 366)) == 251


def last_published_year() -> int:
    return next(year for year in range(2024, 2100) if not propose(year + 1).complete)


def test_nothing_is_guessed_for_a_year_that_is_not_published() -> None:
    proposal = propose(last_published_year() + 1)
    assert (proposal.days, proposal.complete, proposal.known_until) == ([], False, None)
    assert "provisional" in proposal.remarks[0]["en"]
    assert "暂定" in proposal.remarks[0]["zh"]


def test_the_next_new_year_may_change_the_last_days_of_a_year() -> None:
    year = last_published_year()
    proposal = propose(year)
    assert proposal.complete
    assert proposal.known_until == date(year, 12, 28)
    assert "New Year" in proposal.remarks[0]["en"]


def test_another_country_has_holidays_to_be_compared() -> None:
    proposal = propose(2026, "DE", "BY")
    days = {special.day: special for special in proposal.days}
    assert days[date(2026, 1, 6)].text("en") == "Epiphany"
    assert {special.kind for special in proposal.days} == {"holiday"}
    assert proposal.complete
    assert proposal.known_until == date(2026, 12, 31)
    assert "no make-up workdays" in proposal.remarks[0]["en"]
    assert date(2026, 1, 6) not in {special.day for special in propose(2026, "DE").days}


def test_hong_kong_is_named_in_chinese_too() -> None:
    days = {special.day: special for special in propose(2026, "HK").days}
    assert days[date(2026, 2, 17)].text("zh") == "农历年初一"
    assert days[date(2026, 2, 17)].text("en")


def test_make_up_workdays_are_taken_where_the_library_knows_them() -> None:
    days = {special.day: special for special in propose(2024, "TW", make_up=ORDINARY).days}
    assert days[date(2024, 2, 17)].kind == "make_up"
    assert days[date(2024, 2, 17)].periods == ORDINARY


def test_estimated_days_are_not_taken_for_certain() -> None:
    proposal = propose(2030, "MY")
    assert not proposal.complete
    assert proposal.known_until is None
    assert "computed, not announced" in proposal.remarks[-1]["en"]


def test_an_unknown_country_is_refused() -> None:
    for country, region in (("XX", None), ("DE", "ZZ")):
        with pytest.raises(ValueError, match="does not know this country or region"):
            propose(2026, country, region)
    assert not propose(2500, "DE").complete
