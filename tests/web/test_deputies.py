"""My absence and deputies, as pages: entered, accepted, acted under, ended."""

from __future__ import annotations

from django.test import Client
from django.utils import timezone

from kehu.organizations.models import Absence, DeputyRule
from tests.cast import sign_in


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
