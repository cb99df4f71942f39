"""What has changed since one last looked at a case, and the cases one follows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from kehu.cases.queries import inbox_of
from kehu.core import clock
from kehu.organizations import absences, deputies
from kehu.organizations.models import DeputyRule, Member
from kehu.organizations.queries import Person, directory
from tests.cast import FRIDAY, Telling, sign_in


@pytest.fixture(autouse=True)
def _friday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda organization=None: FRIDAY)


def person(mfg, key: str) -> Person:  # type: ignore[no-untyped-def]
    return directory(mfg, FRIDAY.date()).people[key]


def says_it_changed(client: Client, told: Telling) -> bool:
    """Whether the case's page, opened now, says that others did something since he last looked."""
    answer = client.get(f"/cases/{told.number}/")
    said = answer.context["changed_since"]
    assert not said or said in answer.content.decode()
    return bool(said)


def marked(mfg, key: str, view: str) -> list[bool]:  # type: ignore[no-untyped-def]
    return [row.is_unread for row in inbox_of(mfg, person(mfg, key), view, FRIDAY).rows]  # type: ignore[arg-type]


def test_what_others_did_since_one_last_looked_is_marked_until_one_looks(client: Client, mfg, complaint: Telling):  # type: ignore[no-untyped-def]
    starter = sign_in(client, mfg, "sales_receiver")
    assert not says_it_changed(starter, complaint)
    assert marked(mfg, "sales_receiver", "started") == marked(mfg, "sales_receiver", "done") == [False]

    complaint.now += timedelta(minutes=10)
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    assert marked(mfg, "sales_receiver", "started") == marked(mfg, "sales_receiver", "done") == [True]
    assert says_it_changed(starter, complaint)
    assert not says_it_changed(starter, complaint)
    assert marked(mfg, "sales_receiver", "started") == marked(mfg, "sales_receiver", "done") == [False]


def test_ones_own_act_is_nothing_new(client: Client, mfg, complaint: Telling):  # type: ignore[no-untyped-def]
    deputy = sign_in(client, mfg, "sales_deputy_manager")
    says_it_changed(deputy, complaint)
    complaint.now += timedelta(minutes=10)
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    assert not says_it_changed(deputy, complaint)


def test_a_followed_case_is_listed_until_one_follows_it_no_more(client: Client, mfg, complaint: Telling):  # type: ignore[no-untyped-def]
    Telling(mfg).start()
    reader = sign_in(client, mfg, "vice_gm")
    address = reverse("case_following", args=[complaint.number])
    assert reader.post(address, {"follows": "1"}).headers["Location"] == f"/cases/{complaint.number}/"
    page = reader.get("/?view=followed").content.decode()
    assert complaint.number in page
    assert page.count('class="choose"') == 1
    says_it_changed(reader, complaint)  # having looked at it, he still follows it
    assert marked(mfg, "vice_gm", "followed") == [False]

    reader.post(address, {"follows": "0"})
    assert marked(mfg, "vice_gm", "followed") == []


@pytest.mark.parametrize(("key", "status"), [("warehouse_keeper", 403), ("general_manager", 404)])
def test_nobody_follows_what_is_not_his_to_read(client: Client, mfg, stranger, complaint: Telling, key, status):  # type: ignore[no-untyped-def]
    outsider = sign_in(client, mfg if status == 403 else stranger, key)
    assert outsider.post(reverse("case_following", args=[complaint.number]), {"follows": "1"}).status_code == status


def test_a_deputy_follows_what_he_reads_while_he_stands_in(client: Client, mfg, complaint: Telling):  # type: ignore[no-untyped-def]
    absences.enter(
        organization=mfg, member="vice_gm", first_day=FRIDAY.date(), last_day=FRIDAY.date(), kind="leave",
        deputy="warehouse_keeper", procedures=["customer-complaint"], by="vice_gm", now=FRIDAY,
    )  # fmt: skip
    other = sign_in(client, mfg, "warehouse_keeper")
    address = reverse("case_following", args=[complaint.number])
    assert other.post(address, {"follows": "1"}).status_code == 403
    deputies.accept(organization=mfg, number=DeputyRule.objects.get().number, by="warehouse_keeper", now=FRIDAY)

    assert other.post(address, {"follows": "1"}).status_code == 302
    assert marked(mfg, "warehouse_keeper", "followed") == [False]
    monday = FRIDAY + timedelta(days=3)
    later = directory(mfg, monday.date()).people["warehouse_keeper"]
    assert inbox_of(mfg, later, "followed", monday).rows == []  # type: ignore[arg-type]


def test_who_may_no_longer_read_a_case_finds_it_no_more(client: Client, mfg, complaint: Telling):  # type: ignore[no-untyped-def]
    reader = sign_in(client, mfg, "vice_gm")
    reader.post(reverse("case_following", args=[complaint.number]), {"follows": "1"})
    assert marked(mfg, "vice_gm", "followed") == [False]

    nobody = Person(Member.objects.get(key="vice_gm").pk, "vice_gm", {"zh": "", "en": ""}, "", "zh-hans", ())
    assert inbox_of(mfg, nobody, "followed", FRIDAY).rows == []
