"""My absence and deputies, as pages: entered, accepted, acted under, ended."""

from __future__ import annotations

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from kehu.cases.queries import next_tasks
from kehu.core import clock
from kehu.organizations import absences, deputies
from kehu.organizations.models import Absence, DeputyRule
from kehu.organizations.queries import directory
from tests.cast import Telling, sign_in


def test_an_absence_with_a_deputy_goes_from_asking_to_coming_back(client: Client, mfg) -> None:  # type: ignore[no-untyped-def]
    today = timezone.localtime(timezone.now()).date().isoformat()
    sign_in(client, mfg, "sales_deputy_manager")
    form = {"first_day": today, "last_day": today, "kind": "travel", "deputy": "sales_head", "limit": "5,000"}
    assert client.post("/settings/deputies/", form).status_code == 302
    rule = DeputyRule.objects.get()
    assert (rule.state, str(rule.limit)) == ("asked", "5000.00")

    sign_in(client, mfg, "sales_head")
    assert 'value="accept"' in client.get("/settings/deputies/").content.decode()
    client.post(f"/settings/deputies/rules/{rule.number}/answer/", {"answer": "accept"})
    assert DeputyRule.objects.get().state == "accepted"

    sign_in(client, mfg, "sales_deputy_manager")
    client.post(f"/settings/deputies/absences/{Absence.objects.get().pk}/end/")
    assert Absence.objects.get().canceled_at


def test_what_was_typed_stays_beside_what_was_wrong(client: Client, mfg) -> None:  # type: ignore[no-untyped-def]
    sign_in(client, mfg, "sales_deputy_manager")
    answer = client.post(
        "/settings/deputies/", {"first_day": "2099-01-02", "last_day": "soon", "note": "海南", "limit": "x"}
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "海南" in page
    assert page.count('class="error"') == 2
    assert not Absence.objects.exists()


def test_nobody_answers_or_ends_for_another(client: Client, mfg) -> None:  # type: ignore[no-untyped-def]
    today = timezone.localtime(timezone.now()).date().isoformat()
    sign_in(client, mfg, "sales_deputy_manager")
    client.post("/settings/deputies/", {"first_day": today, "last_day": today, "kind": "leave", "deputy": "sales_head"})
    sign_in(client, mfg, "qa_head")
    assert client.post("/settings/deputies/rules/1/answer/", {"answer": "accept"}).status_code == 403
    assert client.post(f"/settings/deputies/absences/{Absence.objects.get().pk}/end/").status_code == 403
    assert client.post("/settings/deputies/rules/99/answer/", {"answer": "revoke"}).status_code == 404


def test_the_next_task_that_a_deputy_is_led_to_may_be_one_of_whom_he_stands_in_for(client: Client, mfg) -> None:  # type: ignore[no-untyped-def]
    now = clock.now(mfg)
    day = timezone.localtime(now).date()
    complaint = Telling(mfg, now).start()
    person = directory(mfg, day).people["qa_head"]
    assert next_tasks(person) == []
    absences.enter(
        organization=mfg, member="sales_deputy_manager", first_day=day, last_day=day, deputy="qa_head",
        by="sales_deputy_manager", now=now,
    )  # fmt: skip
    deputies.accept(organization=mfg, number=1, by="qa_head", now=now)
    mfg.refresh_from_db()

    person = directory(mfg, day).people["qa_head"]
    with CaptureQueriesContext(connection) as captured:
        found = next_tasks(person)
    assert [(one.number, one.step) for one in found] == [(complaint.number, "accept-complaint")]
    assert len(captured) == 1
