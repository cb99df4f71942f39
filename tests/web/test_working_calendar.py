"""The working calendar's pages: seen and changed by who has the right, proposed and confirmed, never silently wrong."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from kehu.core import clock
from kehu.core.models import Event, Organization
from kehu.organizations import working_days
from kehu.organizations.models import CalendarProposal, SpecialDay, WorkingWeek
from kehu.organizations.queries import directory
from tests.cast import at, sign_in

HEAD = "date,kind,name,name_en,periods\n"


@pytest.fixture
def officer(client: Client, mfg: Organization, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(clock, "now", lambda organization=None: at("2026-11-22 10:00"))
    return sign_in(client, mfg, "vice_gm")


def company() -> WorkingWeek:
    return WorkingWeek.objects.get(department=None, customer_code="")


def last_event() -> Event:
    event = Event.objects.filter(stream="organization").order_by("-sequence").first()
    assert event
    return event


@pytest.mark.parametrize(
    "place",
    ["/settings/calendar/", "/settings/calendar/day/", "/settings/calendar/weeks/", "/settings/calendar/proposals/"],
)
def test_who_has_no_right_neither_sees_nor_changes_it(client: Client, mfg: Organization, place: str) -> None:
    sign_in(client, mfg, "sales_rep")
    before = SpecialDay.objects.count()
    answer = client.post(place, {"day": "2026-03-03", "kind": "holiday"}) if place.count("/") > 3 else client.get(place)
    assert answer.status_code == 403
    assert SpecialDay.objects.count() == before


def test_the_year_shows_holidays_make_up_days_and_what_is_not_confirmed(officer: Client) -> None:
    page = officer.get("/settings/calendar/?year=2024").content.decode()
    assert page.count('class="month"') == 12
    assert "day-holiday" in page
    assert "2024-02-18 · 调休上班" in page
    assert 'day-unknown"' in officer.get("/settings/calendar/?year=2031").content.decode()
    for odd in ("year=x", "year=99999999", "year=0", "week=-1", "day=2026-13-40", "week=999"):
        assert officer.get(f"/settings/calendar/?{odd}").status_code == 200


def test_a_day_is_set_and_taken_back_and_both_are_recorded(officer: Client, mfg: Organization) -> None:
    given = {
        "day": "2026-06-05",
        "kind": "half_day",
        "name": "厂庆",
        "name_en": "Anniversary",
        "periods": "08:00-12:00",
    }
    assert officer.post("/settings/calendar/day/", given).status_code == 302
    mfg.refresh_from_db()
    calendar = directory(mfg, date(2026, 11, 22)).calendar()
    assert [str(period) for period in calendar.periods_of(date(2026, 6, 5))] == ["08:00-12:00"]
    event = last_event()
    assert (event.name, event.by, event.facts["was"]) == ("calendar.day_set", "vice_gm", None)
    officer.post("/settings/calendar/day/", {"day": "2026-06-05", "kind": ""})
    mfg.refresh_from_db()
    assert len(directory(mfg, date(2026, 11, 22)).calendar().periods_of(date(2026, 6, 5))) == 2
    assert last_event().facts["was"]["kind"] == "half_day"


@pytest.mark.parametrize(
    ("kind", "periods"),
    [("half_day", ""), ("holiday", "08:00-12:00"), ("special", "12:00-08:00"), ("half_day", "noon"), ("party", "")],
)
def test_a_wrong_day_is_refused_and_what_was_typed_stays(officer: Client, kind: str, periods: str) -> None:
    given = {"day": "2026-06-05", "kind": kind, "name": "厂庆日", "periods": periods}
    answer = officer.post("/settings/calendar/day/", given)
    assert answer.status_code == 422
    assert "厂庆日" in answer.content.decode()
    assert not SpecialDay.objects.filter(day="2026-06-05").exists()


def test_a_year_from_the_library_counts_when_it_is_confirmed(officer: Client, mfg: Organization) -> None:
    SpecialDay.objects.filter(day__year=2026).delete()
    WorkingWeek.objects.filter(pk=company().pk).update(known_until=date(2025, 12, 31))
    answer = officer.post("/settings/calendar/proposals/", {"year": "2026"})
    place = answer.headers["Location"]
    assert "2026-02-17" in officer.get(place).content.decode()
    assert not SpecialDay.objects.filter(day__year=2026).exists()
    assert officer.post(place).status_code == 302
    assert SpecialDay.objects.filter(day="2026-02-17", kind="holiday").exists()
    assert company().known_until == date(2026, 12, 28)
    assert (last_event().name, last_event().by) == ("calendar.confirmed", "vice_gm")
    assert officer.post(place).status_code == 422


def test_a_year_nobody_knows_cannot_be_confirmed(officer: Client) -> None:
    place = officer.post("/settings/calendar/proposals/", {"year": "2190"}).headers["Location"]
    assert "2190" in officer.get(place).content.decode()
    assert officer.post(place).status_code == 404


def sheet(text: str | bytes, name: str = "2027.csv") -> Any:
    return SimpleUploadedFile(name, text.encode() if isinstance(text, str) else text)


def test_a_sheet_is_shown_first_and_counts_when_it_is_confirmed(officer: Client) -> None:
    rows = (
        HEAD
        + "2027-01-01,holiday,元旦,New Year,\n2027/01/03,调休,元旦,New Year,\n2027-02-05,半天,除夕,Eve,08:00-12:00\n"
    )
    answer = officer.post("/settings/calendar/proposals/", {"year": "2027", "sheet": sheet(rows)})
    place = answer.headers["Location"]
    assert "元旦" in officer.get(place).content.decode()
    assert not SpecialDay.objects.filter(day__year=2027).exists()
    officer.post(place)
    kinds = SpecialDay.objects.filter(day__year=2027).order_by("day").values_list("kind", flat=True)
    assert list(kinds) == ["holiday", "make_up", "half_day"]
    assert company().known_until == date(2027, 12, 31)


def test_an_excel_sheet_is_read_as_well(officer: Client) -> None:
    from openpyxl import Workbook

    book, kept = Workbook(), io.BytesIO()
    book.active.append(["date", "kind", "name", "name_en", "periods"])  # type: ignore[union-attr]
    book.active.append([date(2027, 1, 1), "holiday", "元旦", None, None])  # type: ignore[union-attr]
    book.save(kept)
    answer = officer.post("/settings/calendar/proposals/", {"year": "2027", "sheet": sheet(kept.getvalue(), "y.xlsx")})
    assert answer.status_code == 302
    assert CalendarProposal.objects.latest("pk").days[0]["name"] == {"zh": "元旦", "en": "元旦"}


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (HEAD + "2027-01-01,holiday,,,\n2027-13-01,holiday,,,\n", "a.csv", "3"),
        (HEAD + "2026-01-01,holiday,,,\n", "a.csv", "2026-01-01"),
        (HEAD + "2027-01-01,holiday,,,\n2027-01-01,make_up,,,\n", "a.csv", "2027-01-01"),
        (HEAD + "2027-01-01,half_day,,,\n", "a.csv", "2"),
        (HEAD, "a.csv", ""),
        ("when,what\n", "a.csv", "date, kind, name"),
        (b"\xff\xfe\x00", "a.csv", "UTF-8"),
        (b"PK no zip", "a.xlsx", "UTF-8"),
        ("", "a.csv", "date"),
    ],
)
def test_a_wrong_sheet_is_refused_row_by_row_and_nothing_is_kept(
    officer: Client, content: Any, name: str, says: str
) -> None:
    answer = officer.post("/settings/calendar/proposals/", {"year": "2027", "sheet": sheet(content, name)})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert says in answer.content.decode()
    assert not CalendarProposal.objects.exists()


def test_a_department_and_a_customer_get_a_week_of_their_own(officer: Client, mfg: Organization) -> None:
    week = {"mon": "09:00-12:00", "tue": "09:00-12:00，13:00-18:00"}
    assert officer.post("/settings/calendar/weeks/", week | {"department": "quality"}).status_code == 302
    assert officer.post("/settings/calendar/weeks/", week | {"customer": "C0001"}).status_code == 302
    mfg.refresh_from_db()
    kept = directory(mfg, date(2026, 11, 22))
    for calendar in (kept.calendar("quality"), kept.calendar(customer="C0001")):
        assert [len(periods) for periods in calendar.week] == [1, 2, 0, 0, 0, 0, 0]
        assert calendar.known_until == company().known_until
        assert calendar.special_days.keys() == kept.calendar().special_days.keys()
    assert last_event().facts["calendar"] == "C0001"


@pytest.mark.parametrize(
    "given",
    [{"mon": "late"}, {"mon": "08:00-12:00, 11:00-13:00"}, {}, {"mon": "08:00-12:00", "customer": "NOBODY"}],
)
def test_a_wrong_week_is_refused(officer: Client, given: dict[str, str]) -> None:
    before = company().week
    assert officer.post("/settings/calendar/weeks/", given).status_code == 422
    assert company().week == before


def test_who_may_confirm_is_warned_before_the_calendar_ends(officer: Client, mfg: Organization, client: Client) -> None:
    WorkingWeek.objects.filter(pk=company().pk).update(known_until=date(2026, 12, 28))
    working_days.changed(mfg)
    assert "2026-12-28" in officer.get("/").content.decode()
    assert "2026-12-28" not in sign_in(Client(), mfg, "sales_rep").get("/").content.decode()
    WorkingWeek.objects.filter(pk=company().pk).update(known_until=date(2027, 12, 28))
    working_days.changed(mfg)
    assert "inbox-note" not in officer.get("/").content.decode()


def test_the_command_asks_for_the_right_too(mfg: Organization, capsys: pytest.CaptureFixture[str]) -> None:
    from kehu.cli.calendar import run

    assert run(["2025", "--confirm", "--by", "sales_rep"]) == 1
    assert "may not confirm" in capsys.readouterr().err
    assert not CalendarProposal.objects.exists()
