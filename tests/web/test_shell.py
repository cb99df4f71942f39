"""What surrounds every page: signing in, language, the demo's clock, and what may never appear."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kehu.core import clock
from kehu.core.models import Organization, User
from kehu.organizations.models import Member
from tests.cast import FRIDAY, Telling, at, sign_in

PAGES = ("/", "/?view=started", "/?view=done", "/?view=copies", "/notices/", "/customers/", "/customers/C0001/")


@pytest.fixture
def friday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda organization=None: FRIDAY)


@pytest.fixture
def demo(mfg: Organization, settings: Any) -> Organization:
    settings.DEMO = True
    mfg.is_demo = True
    mfg.save()
    return mfg


# --- signing in -------------------------------------------------------------------------------------------------------


def test_nobody_sees_a_page_without_signing_in(client: Client, mfg: Organization) -> None:
    for page in PAGES:
        answer = client.get(page)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/sign-in/?next=")


def test_a_member_signs_in_with_his_password_and_goes_on_where_he_wanted(client: Client, mfg: Organization) -> None:
    sign_in(client, mfg, "sales_rep")
    client.logout()
    user = User.objects.get(username="mfg.sales_rep")
    user.set_password("correct horse battery")
    user.save()
    given = {"username": "mfg.sales_rep", "password": "correct horse battery", "next": "/customers/"}
    answer = client.post("/sign-in/", given)
    assert answer["Location"] == "/customers/"
    assert client.get("/customers/").status_code == 200


def test_who_asks_is_known_by_two_statements(client: Client, mfg: Organization) -> None:
    sign_in(client, mfg, "sales_rep")
    client.get("/settings/")
    with CaptureQueriesContext(connection) as captured:
        client.get("/settings/")
    tables = ("accounts_session", "core_user", "organizations_member")
    asked = [query["sql"] for query in captured if any(f'FROM "{table}"' in query["sql"] for table in tables)]
    assert len(asked) == 2, asked


def test_signing_in_never_leads_to_another_site(client: Client, mfg: Organization) -> None:
    sign_in(client, mfg, "sales_rep")
    assert client.get("/sign-in/?next=https://elsewhere.example/")["Location"] == "/"
    assert client.get("/sign-in/?next=//elsewhere.example/")["Location"] == "/"


def test_after_five_wrong_passwords_one_has_to_wait(client: Client, mfg: Organization) -> None:
    given = {"username": "mfg.sales_rep", "password": "wrong"}
    assert [client.post("/sign-in/", given).status_code for _ in range(6)] == [422] * 5 + [429]
    assert client.post("/sign-in/", {**given, "username": "somebody.else"}).status_code == 422


def test_demo_people_sign_in_with_one_click(client: Client, demo: Organization) -> None:
    sign_in(client, demo, "sales_rep")
    client.logout()
    page = client.get("/sign-in/").content.decode()
    assert 'value="sales_rep"' in page
    client.post("/sign-in/", {"person": "sales_rep", "organization": "mfg"})
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(("is_demo", "is_on"), [(True, False), (False, True)])
def test_no_one_click_outside_a_demo(
    client: Client, mfg: Organization, settings: Any, is_demo: bool, is_on: bool
) -> None:
    sign_in(client, mfg, "sales_rep")
    client.logout()
    settings.DEMO, mfg.is_demo = is_on, is_demo
    mfg.save()
    assert 'value="sales_rep"' not in client.get("/sign-in/").content.decode()
    assert client.post("/sign-in/", {"person": "sales_rep", "organization": "mfg"}).status_code == 422
    assert client.get("/").status_code == 302


def test_signing_out_needs_a_form(client: Client, mfg: Organization) -> None:
    sign_in(client, mfg, "sales_rep")
    assert client.get("/sign-out/").status_code == 405
    client.post("/sign-out/")
    assert client.get("/").status_code == 302


# --- language ---------------------------------------------------------------------------------------------------------


def test_the_chosen_language_stays_and_messages_follow_it(client: Client, mfg: Organization) -> None:
    sign_in(client, mfg, "sales_rep")
    assert 'lang="zh-Hans"' in client.get("/").content.decode()
    answer = client.post("/language/", {"language": "en", "next": "/customers/"})
    assert answer["Location"] == "/customers/"
    assert 'lang="en"' in client.get("/").content.decode()
    assert Member.objects.get(key="sales_rep").language == "en"


def test_a_language_we_do_not_speak_changes_nothing(client: Client, mfg: Organization) -> None:
    sign_in(client, mfg, "sales_rep")
    client.post("/language/", {"language": "tlh"})
    assert 'lang="zh-Hans"' in client.get("/").content.decode()


# --- the demo's clock -------------------------------------------------------------------------------------------------


def test_the_demo_clock_fires_what_comes_on_the_way(client: Client, demo: Organization) -> None:
    now = clock.now(demo)
    Telling(demo, now).start()
    sign_in(client, demo, "sales_deputy_manager")
    client.post("/clock/", {"by": "morning"})
    client.post("/clock/", {"by": "1d"})
    demo.refresh_from_db()
    assert demo.clock_offset
    kinds = set(Member.objects.get(key="sales_deputy_manager").notices.values_list("kind", flat=True))
    assert kinds >= {"task_opened", "reminder", "overdue"}


def test_the_demo_clock_goes_to_the_next_month_s_first_working_morning(
    client: Client, demo: Organization, friday: None
) -> None:
    sign_in(client, demo, "sales_rep")

    client.post("/clock/", {"by": "month"})

    demo.refresh_from_db()
    assert FRIDAY + demo.clock_offset == at("2024-04-01 08:00")


def test_only_a_demo_has_a_clock_to_move(client: Client, mfg: Organization) -> None:
    sign_in(client, mfg, "sales_rep")
    assert client.post("/clock/", {"by": "1h"}).status_code == 404
    assert "clock-strip" not in client.get("/").content.decode()


# --- what may never appear --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_pages_hold_to_the_content_policy(
    client: Client, complaint: Telling, demo: Organization, language: str
) -> None:
    sign_in(client, demo, "sales_receiver")
    client.cookies["kehu_language"] = language
    pages = [*PAGES, f"/inbox/{complaint.number}/", "/nothing-here/"]
    for page in pages:
        answer = client.get(page)
        text = answer.content.decode()
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=|hx-on|javascript:", text), page
        assert not re.findall(r"<script(?![^>]*\bsrc=)", text), page
        assert "'unsafe" not in answer["Content-Security-Policy"]


def test_every_icon_named_on_a_page_is_in_the_sprite(client: Client, complaint: Telling, mfg: Organization) -> None:
    from pathlib import Path

    names = set(Path("tools/icons.txt").read_text().split())
    sign_in(client, mfg, "sales_receiver")
    for page in PAGES:
        used = set(re.findall(r"icons\.svg#tabler-([a-z0-9-]+)", client.get(page).content.decode()))
        assert used <= names, page


# --- when a page cannot be shown --------------------------------------------------------------------------------------


def test_an_unknown_address_says_what_to_do(client: Client, mfg: Organization) -> None:
    sign_in(client, mfg, "sales_rep")
    answer = client.get("/nothing-here/")
    assert answer.status_code == 404
    assert "Traceback" not in answer.content.decode()
    assert 'href="/"' in answer.content.decode()


def test_a_broken_page_says_so_without_its_inside(
    client: Client, mfg: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kehu.cases import queries

    def broken(*_args: Any, **_facts: Any) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(queries, "inbox_of", broken)
    client.raise_request_exception = False
    sign_in(client, mfg, "sales_rep")
    answer = client.get("/")
    assert answer.status_code == 500
    assert "secret inside" not in answer.content.decode()
    assert reverse("inbox") in answer.content.decode()


def test_a_database_that_is_away_is_said_and_what_was_typed_can_be_sent_again(
    client: Client, mfg: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kehu.cases import actions

    def away(**_facts: Any) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(actions, "open_case", away)
    client.raise_request_exception = False
    sign_in(client, mfg, "sales_receiver")
    answer = client.post("/procedures/customer-complaint/cases/new/", {"content": "毛刺 <b>30%</b>", "password": "x"})
    page = answer.content.decode()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "10"
    assert 'action="/procedures/customer-complaint/cases/new/"' in page
    assert 'name="content" value="毛刺 &lt;b&gt;30%&lt;/b&gt;"' in page
    assert "closed the connection" not in page
    assert 'name="password"' not in page


NEW = "/procedures/customer-complaint/cases/new/"


def test_what_is_sent_after_the_session_ended_is_kept_and_sent_again(client: Client, mfg: Organization) -> None:
    answer = client.post(NEW, {"content": "毛刺 <b>30%</b>", "password": "x", "csrfmiddlewaretoken": "old"})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/sign-in/?next={quote(NEW, safe='')}")

    sign_in(client, mfg, "sales_receiver")
    page = client.get(NEW).content.decode()
    assert f'action="{NEW}"' in page
    assert 'name="content" value="毛刺 &lt;b&gt;30%&lt;/b&gt;"' in page
    assert 'name="password"' not in page
    assert page.count('name="csrfmiddlewaretoken"') == 1
    assert 'value="old"' not in page

    assert 'value="毛刺' not in client.get(NEW).content.decode(), "offered once"


@pytest.mark.parametrize("elsewhere", ["/", f"{NEW}?customer=C0001"])
def test_whoever_goes_elsewhere_after_signing_in_is_not_offered_it(
    client: Client, mfg: Organization, elsewhere: str
) -> None:
    client.post(NEW, {"content": "毛刺"})
    sign_in(client, mfg, "sales_receiver")
    assert "毛刺" not in client.get(elsewhere).content.decode()
    assert "毛刺" not in client.get(NEW).content.decode()


def test_another_site_s_form_is_not_kept(mfg: Organization) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post(NEW, {"content": "毛刺"}).status_code == 302
    sign_in(client, mfg, "sales_receiver")
    assert "毛刺" not in client.get(NEW).content.decode()


def test_more_than_anybody_types_is_not_kept(client: Client, mfg: Organization) -> None:
    assert client.post(NEW, {"content": "毛" * 100_000}).status_code == 302
    sign_in(client, mfg, "sales_receiver")
    assert "毛毛" not in client.get(NEW).content.decode()


@pytest.mark.parametrize(
    ("address", "nearest"), [("/cases/CP-1/tasks/accept/completion/", "/cases/CP-1/"), ("/sign-out/", "/")]
)
def test_a_form_s_address_opened_like_a_page_leads_to_the_page_above(
    client: Client, mfg: Organization, address: str, nearest: str
) -> None:
    sign_in(client, mfg, "sales_rep")
    answer = client.get(address)
    assert answer.status_code == 405
    assert f'href="{nearest}"' in answer.content.decode()


def test_a_forged_form_is_refused(mfg: Organization) -> None:
    client = Client(enforce_csrf_checks=True)
    sign_in(client, mfg, "sales_rep")
    answer = client.post("/sign-out/")
    assert answer.status_code == 403
    assert client.get("/").status_code == 200


def test_single_keys_are_turned_off_and_on_again_by_whoever_they_disturb(client: Client, mfg: Organization) -> None:
    sign_in(client, mfg, "sales_rep")
    assert 'data-shortcuts="off"' not in client.get("/").content.decode()
    answer = client.post(reverse("shortcuts"), {"is_on": "0", "next": "/customers/"})
    assert answer["Location"] == "/customers/"
    assert 'data-shortcuts="off"' in client.get("/").content.decode()
    client.post(reverse("shortcuts"), {"is_on": "1", "next": "https://elsewhere.example/"})
    assert 'data-shortcuts="off"' not in client.get("/").content.decode()
