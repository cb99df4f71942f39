"""The dashboard: whose it is, what it counts, what it leaves out."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from kehu.core.models import Organization
from kehu.organizations.actions import changed
from kehu.organizations.queries import directory
from kehu.reports.dashboards import dashboard_of, led_by, tasks_of
from tests.cast import FRIDAY, Telling, at, sign_in, to_departments


def page(client: Client, organization: Organization, person: str, path: str = "/dashboard/", **headers: str) -> Any:
    sign_in(client, organization, person)
    client.cookies["kehu_language"] = "en"
    return client.get(path, headers=headers)


def test_each_sees_the_dashboard_of_his_position_and_the_first_of_several(mfg: Organization) -> None:
    people = directory(mfg, FRIDAY.date()).people

    def title(person: str) -> str | None:
        found = dashboard_of(mfg, people[person])
        return found.title.en if found else None

    assert title("vice_gm") == title("general_manager") == "Company dashboard"
    assert title("sales_head") == title("sales_deputy_manager") == "Sales dashboard"
    assert title("sales_rep") == "My dashboard"
    assert title("delivery_staff") is None


def test_who_has_none_is_not_offered_one_and_finds_none(mfg: Organization, client: Client) -> None:
    assert page(client, mfg, "delivery_staff").status_code == 404
    assert 'href="/dashboard/"' not in client.get("/").content.decode()
    assert 'href="/dashboard/"' in page(client, mfg, "sales_rep").content.decode()


def test_a_leader_s_team_are_those_below_him_in_his_line(mfg: Organization) -> None:
    known = directory(mfg, FRIDAY.date())
    team = {one.key for one in led_by(known.people["qa_head"], known)}
    assert team == {"iqc_inspector", "qc_staff", "qa_property_keeper"}
    assert "sales_head" not in {one.key for one in led_by(known.people["sales_head"], known)}
    assert {"qa_head", "sales_deputy_manager", "finance"} <= {one.key for one in led_by(known.people["vice_gm"], known)}


def test_tasks_are_counted_by_how_urgent_they_are(mfg: Organization) -> None:
    deep = to_departments(Telling(mfg).start(), "quality")  # the head of quality has until Monday 10:00
    people = directory(mfg, FRIDAY.date()).people

    def counts(person: str, whose: str, now: Any) -> tuple[int, int, int]:
        found = tasks_of(mfg, people[person], whose, now)
        return found.overdue, found.today, found.later

    assert counts("qa_head", "mine", FRIDAY + timedelta(hours=1)) == (0, 0, 1)
    assert counts("qa_head", "mine", at("2024-03-18 08:30")) == (0, 1, 0)
    late = tasks_of(mfg, people["quality_manager"], "team", at("2024-03-18 11:00"))
    assert (late.overdue, late.today, late.later) == (1, 0, 0)
    [one] = late.latest
    assert (one.number, one.step and one.step.en, [who.key for who in one.holders]) == (
        deep.number, "Propose the countermeasure", ["qa_head"],
    )  # fmt: skip
    assert counts("quality_manager", "mine", at("2024-03-18 11:00")) == (0, 0, 0)


def test_what_is_mine_leads_to_its_part_of_the_inbox(mfg: Organization, client: Client) -> None:
    Telling(mfg).start()
    text = page(client, mfg, "sales_deputy_manager").content.decode()
    mine, _heading, team = text.partition("Tasks of those I lead")
    assert re.findall(r'<a href="/#(\w+)"><strong>1</strong>', mine) == ["overdue"]
    assert "/#" not in team, "there is no list of theirs"
    assert 'id="overdue"' in client.get("/").content.decode()


def test_a_task_that_two_of_the_team_have_counts_once(mfg: Organization) -> None:
    from kehu.cases.models import Assignment, Task
    from kehu.organizations.models import Member

    to_departments(Telling(mfg).start(), "quality")
    task = Task.objects.get(step="propose-countermeasure", state="open")
    Assignment.objects.create(organization=mfg, task=task, member=Member.objects.get(key="qc_staff"))
    people = directory(mfg, FRIDAY.date()).people
    assert tasks_of(mfg, people["quality_manager"], "team", at("2024-03-18 11:00")).overdue == 1


def test_figures_come_with_links_to_the_cases_behind_them(mfg: Organization, client: Client) -> None:
    Telling(mfg).start()
    text = page(client, mfg, "sales_head").content.decode()
    assert 'hx-get="/dashboard/figures/customer-complaint/"' in text
    assert "where open cases stand" in text
    assert "/registers/customer-complaint/?status=open&amp;step=accept-complaint" in text

    parts = page(client, mfg, "sales_head", "/dashboard/figures/customer-complaint/", **{"HX-Request": "true"})
    text = parts.content.decode()
    assert parts.status_code == 200
    assert text.count('hx-swap-oob="true"') == 4
    assert "Sheets issued within 2 hours" in text
    plain = page(client, mfg, "sales_head", "/dashboard/figures/customer-complaint/")
    assert (plain.status_code, plain.headers["Location"]) == (302, "/statistics/customer-complaint/")


def test_what_somebody_may_not_read_is_left_out(mfg: Organization, client: Client) -> None:
    mfg.pack = {**mfg.pack, "dashboards": [{"title": {"zh": "看板", "en": "D"}, "for": ["finance"], "tiles": [
        {"tasks": "mine"}, {"cases": "customer-complaint"}, {"indicator": "customer-complaint.sheets_in_2h"},
    ]}]}  # fmt: skip
    mfg.save()
    changed(mfg)
    Telling(mfg).start()
    text = page(client, mfg, "finance").content.decode()
    assert "My tasks" in text
    assert "Customer complaints" not in text
    assert page(client, mfg, "finance", "/dashboard/figures/customer-complaint/").status_code == 404


def test_it_costs_as_many_statements_with_more_cases(mfg: Organization, client: Client) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as asked:
            page(client, mfg, "sales_head")
        return len(asked)

    Telling(mfg).start()
    cost()
    few = cost()
    for _ in range(4):
        Telling(mfg).start()
    assert cost() == few
