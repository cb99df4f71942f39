"""待办 · 我发起的 · 已办 · 抄送."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from kehu.cases.queries import counts_of, inbox_of, remaining_of
from kehu.cases.verbs import perform
from kehu.core import clock
from kehu.core.models import Organization
from kehu.core.scope import scope
from kehu.notifications.delivery import deliver
from kehu.notifications.queries import notices_of, unread_copies
from kehu.organizations.calendars import Calendar, Period
from kehu.organizations.queries import Person, directory
from tests.cast import FRIDAY, Telling, at, sign_in

STATEMENTS = 9


@pytest.fixture(autouse=True)
def _friday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda organization=None: FRIDAY)


def person(organization: Organization, key: str) -> Person:
    return directory(organization, FRIDAY.date()).people[key]


def test_a_task_waits_for_whoever_has_it_and_for_nobody_else(complaint: Telling, mfg: Organization) -> None:
    [row] = inbox_of(mfg, person(mfg, "sales_deputy_manager"), "todo", FRIDAY).rows
    assert row.number == complaint.number
    assert row.steps[0].zh == "受理判定"
    assert row.customer == "讯捷通信"
    assert row.is_unread
    assert not inbox_of(mfg, person(mfg, "sales_rep"), "todo", FRIDAY).rows


def test_rows_are_grouped_by_urgency(mfg: Organization) -> None:
    deputy = person(mfg, "sales_deputy_manager")
    for moment in ("2024-03-14 09:00", "2024-03-15 13:30", "2024-03-15 16:50"):
        Telling(mfg, at(moment)).start()
    groups = [(group, len(rows)) for group, rows in inbox_of(mfg, deputy, "todo", FRIDAY).groups]
    assert groups == [("overdue", 1), ("today", 1), ("later", 1)]


def test_what_is_done_moves_from_to_do_to_done(complaint: Telling, mfg: Organization) -> None:
    deputy = person(mfg, "sales_deputy_manager")
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    assert not inbox_of(mfg, deputy, "todo", FRIDAY).rows
    [row] = inbox_of(mfg, deputy, "done", FRIDAY).rows
    assert row.outcome is not None
    assert counts_of(deputy) == {"todo": "0", "drafts": "0", "started": "0", "done": "1"}


def test_what_is_kept_for_later_is_among_the_drafts_until_it_is_done(complaint: Telling, mfg: Organization) -> None:
    deputy = person(mfg, "sales_deputy_manager")
    assert not inbox_of(mfg, deputy, "drafts", FRIDAY).rows
    given: Any = {"values": {"help_needed": True}}
    more: Any = {"number": complaint.number, "step": "accept-complaint", "item": "", "organization": mfg}
    perform("save_draft", given=given, by="sales_deputy_manager", now=FRIDAY, **more)
    [row] = inbox_of(mfg, deputy, "drafts", FRIDAY).rows
    assert row.number == complaint.number
    assert counts_of(deputy)["drafts"] == "1"
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    assert not inbox_of(mfg, deputy, "drafts", FRIDAY).rows


def test_the_copies_tab_says_how_many_are_unread(client: Client, mfg: Organization) -> None:
    telling = Telling(mfg).start()
    perform("copy", number=telling.number, organization=mfg, by="sales_receiver", now=FRIDAY,
            given={"to": ["vice_gm"], "reason": ""})  # fmt: skip
    deliver(FRIDAY, organization=mfg)
    reader = person(mfg, "vice_gm")
    assert unread_copies(reader) == "1"
    sign_in(client, mfg, "vice_gm")
    assert {key: count for key, _title, count, _address in client.get("/").context["views"]}["copies"] == "1"
    [line] = notices_of(mfg, reader, copies_only=True).lines
    client.get(f"/notices/{line.notice.pk}/")
    assert unread_copies(reader) == ""
    assert unread_copies(person(mfg, "qa_head")) == ""


def test_who_started_a_case_sees_where_it_stands(complaint: Telling, mfg: Organization) -> None:
    [row] = inbox_of(mfg, person(mfg, "sales_receiver"), "started", FRIDAY).rows
    assert [step.zh for step in row.steps] == ["受理判定"]
    assert [holder.key for holder in row.holders] == ["sales_deputy_manager"]


@pytest.mark.parametrize("words", ["CP-202403-001", "讯捷", "xjtx", "C0001", "受理"])
def test_the_search_finds_by_number_customer_and_step(complaint: Telling, mfg: Organization, words: str) -> None:
    deputy = person(mfg, "sales_deputy_manager")
    assert len(inbox_of(mfg, deputy, "todo", FRIDAY, search=words).rows) == 1
    assert not inbox_of(mfg, deputy, "todo", FRIDAY, search=f"{words}?").rows


def test_pages_follow_one_another_without_gap_or_repetition(mfg: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kehu.cases.queries.PAGE", 3)
    for minute in range(8):
        Telling(mfg, FRIDAY - timedelta(minutes=minute // 2)).start()
    for view, key in (("todo", "sales_deputy_manager"), ("started", "sales_receiver"), ("done", "sales_receiver")):
        seen: list[str] = []
        after = ""
        while True:
            page = inbox_of(mfg, person(mfg, key), view, FRIDAY, after=after)  # type: ignore[arg-type]
            seen += [row.number for row in page.rows]
            if not (after := page.after):
                break
        assert len(seen) == len(set(seen)) == 8, view


def test_a_cursor_somebody_made_up_is_the_beginning(complaint: Telling, mfg: Organization) -> None:
    deputy = person(mfg, "sales_deputy_manager")
    inbox_of(mfg, deputy, "todo", FRIDAY, after="nonsense")
    inbox_of(mfg, deputy, "done", FRIDAY, after="2024-99-99~x")


@pytest.mark.parametrize("view", ["todo", "drafts", "started", "done", "followed", "copies"])
def test_a_page_costs_a_fixed_number_of_statements(client: Client, mfg: Organization, view: str) -> None:
    for minute in range(12):
        telling = Telling(mfg, FRIDAY - timedelta(minutes=minute)).start(by="sales_deputy_manager")
        if minute % 2:
            telling.do("accept-complaint", by="vice_gm", outcome="help", help_needed=True)
    deliver(FRIDAY, organization=mfg)
    sign_in(client, mfg, "sales_deputy_manager")
    client.get("/")
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(f"/?view={view}").status_code == 200
    assert len(captured) <= STATEMENTS, "\n".join(query["sql"][:160] for query in captured)


def test_the_preview_is_for_those_who_may_read_the_case(client: Client, complaint: Telling, mfg: Organization) -> None:
    sign_in(client, mfg, "sales_deputy_manager")
    page = client.get(f"/inbox/{complaint.number}/").content.decode()
    assert "毛刺超差" in page
    sign_in(client, mfg, "warehouse_keeper")
    answer = client.get(f"/inbox/{complaint.number}/")
    assert answer.status_code == 403
    assert "毛刺超差" not in answer.content.decode()


def test_another_company_sees_nothing(
    client: Client, complaint: Telling, mfg: Organization, stranger: Organization
) -> None:
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    sign_in(client, stranger, "general_manager")
    for page in ("/", "/?view=started", "/?view=done", "/?view=copies", "/notices/"):
        assert complaint.number not in client.get(page).content.decode(), page
    assert client.get(f"/inbox/{complaint.number}/").status_code == 404
    with scope(stranger):
        assert not inbox_of(stranger, person(stranger, "sales_deputy_manager"), "todo", FRIDAY).rows


def test_an_empty_inbox_says_what_to_do_next(client: Client, mfg: Organization) -> None:
    sign_in(client, mfg, "sales_receiver")
    page = client.get("/").content.decode()
    assert "empty-state" in page
    assert "/procedures/customer-complaint/cases/new/" in page


# --- how long a task still has ------------------------------------------------------------------------------------------

WEEK = Calendar("Asia/Shanghai", ((Period(480, 720), Period(780, 1020)),) * 5 + ((), ()))


class Due:
    """A task's time limit alone."""

    due_is_provisional = False

    def __init__(self, opened: str, due: str):
        self.opened_at, self.due_at = at(opened), at(due)


@pytest.mark.parametrize(
    ("opened", "due", "now", "words", "colour"),
    [
        ("2024-03-15 14:00", "2024-03-15 16:00", "2024-03-15 14:20", "1 h 40 min left", "green"),
        ("2024-03-15 14:00", "2024-03-15 16:00", "2024-03-15 15:30", "30 min left", "amber"),
        ("2024-03-15 14:00", "2024-03-15 16:00", "2024-03-15 16:00", "overdue", "red"),
        ("2024-03-15 16:00", "2024-03-18 09:00", "2024-03-15 16:30", "1 h 30 min left", "green"),  # over a weekend
        ("2024-03-15 14:00", "2024-03-15 16:00", "2024-03-18 09:00", "2 h overdue", "red"),
        ("2024-03-11 08:00", "2024-03-22 17:00", "2024-03-15 14:00", "5 working days left", "green"),
        ("2024-03-11 08:00", "2024-03-12 17:00", "2024-03-15 14:00", "3 working days overdue", "red"),
        ("2024-03-15 14:00", "2024-03-15 17:00", "2024-03-16 10:00", "overdue", "red"),  # nothing was missed to work in
        ("2024-03-15 18:00", "2024-03-15 20:00", "2024-03-15 18:30", "1 h 30 min left", "green"),  # no working time
    ],
)
def test_what_is_left_is_said_in_working_time(
    opened: str, due: str, now: str, words: str, colour: str, settings: Any
) -> None:
    from django.utils import translation

    with translation.override("en"):
        found = remaining_of(Due(opened, due), WEEK, at(now))  # type: ignore[arg-type]
        assert found
        assert (found.words, found.colour) == (words, colour)


def test_who_has_done_a_task_is_led_to_his_next_one(client: Client, mfg: Organization) -> None:
    client.cookies["kehu_language"] = "en"
    sign_in(client, mfg, "sales_deputy_manager")

    def said_when_accepted(handler: str) -> tuple[str, str]:
        number = Telling(mfg, FRIDAY).start().number
        form = {"outcome": "alone", "help_needed": "false", "handler": handler}
        answer = client.post(f"/cases/{number}/tasks/accept-complaint/completion/", form, follow=True)
        page = answer.content.decode()
        return number, page[page.index("<span>“Accept the complaint”") :].partition("</span>")[0].strip()

    _number, nothing_left = said_when_accepted("sales_rep")
    assert nothing_left == "<span>“Accept the complaint” is done: Sales handles it alone."
    mine, in_this_case = said_when_accepted("sales_deputy_manager")
    assert f'<a href="/cases/{mine}/#task-handle-alone">You have another task in this case.</a>' in in_this_case
    _number, elsewhere = said_when_accepted("sales_rep")
    next_in_inbox = f"Next in your inbox: {mine} · Handle within sales"
    assert f'<a href="/cases/{mine}/#task-handle-alone">{next_in_inbox}</a>' in elsewhere
