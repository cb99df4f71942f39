"""Who comes in by a token, and who does not."""

from datetime import timedelta

import pytest
from django.test import Client

from kehu.api.door import TRIES
from kehu.core import clock
from kehu.organizations import tokens
from kehu.organizations.actions import changed
from kehu.organizations.models import AccessToken, Member
from tests.cast import sign_in


def test_a_token_opens_the_door_for_its_member(program, complaint):
    answer = program("sales_deputy_manager").get("/inbox")

    assert answer.status_code == 200
    assert [line["number"] for line in answer.json()["lines"]] == [complaint.number]


def test_without_a_token_nothing_opens(client: Client, complaint):
    answer = client.get("/api/v1/cases", headers={"Accept-Language": "en"})

    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["code"] == "token.missing"


def test_a_browser_s_session_is_no_token(client: Client, mfg):
    assert sign_in(client, mfg, "general_manager").get("/api/v1/cases").status_code == 401


@pytest.mark.parametrize("secret", ["kehu_wrong", "wrong", "", "kehu_" + "a" * 5000, "kehu_ü"])
def test_a_wrong_token_is_refused(client: Client, mfg, secret):
    answer = client.get("/api/v1/cases", headers={"Authorization": f"Bearer {secret}"})

    assert (answer.status_code, answer.json()["kind"]) == (401, "position")


def test_an_expired_token_is_refused(program, mfg):
    mine = program("sales_rep")
    AccessToken.objects.update(expires_at=clock.now(mfg) - timedelta(seconds=1))

    assert mine.get("/cases").json()["code"] == "token.expired"


def test_a_revoked_token_is_refused(program, mfg):
    mine = program("sales_rep")
    tokens.revoke(organization=mfg, token=mine.token.pk, by="sales_rep", now=clock.now(mfg))

    assert mine.get("/cases").status_code == 401


def test_a_leaver_s_token_stops(program, mfg):
    mine = program("sales_rep")
    Member.objects.filter(key="sales_rep").update(left_on="2024-01-01")
    changed(mfg)

    assert (mine.get("/cases").status_code, mine.get("/cases").json()["code"]) == (401, "token.leaver")


def test_a_token_does_no_more_than_its_scopes(program, complaint):
    reader = program("sales_deputy_manager", ["cases:read"])

    assert reader.get(f"/cases/{complaint.number}").status_code == 200
    for refused in (
        reader.post(f"/cases/{complaint.number}/tasks/accept-complaint/completion", {"outcome": "help"}),
        reader.get("/customers"),
        reader.get("/registers"),
        reader.get("/indicators"),
        reader.post("/customers", {"code": "C9", "name": "x"}),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "token.scope_missing")


def test_whoever_tries_token_after_token_is_told_to_wait_and_others_are_not(client: Client, program):
    for _ in range(TRIES):
        assert client.get("/api/v1/cases", headers={"Authorization": "Bearer kehu_x"}).status_code == 401
    answer = client.get("/api/v1/cases", headers={"Authorization": "Bearer kehu_x"})

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    assert program("sales_rep").get("/cases").status_code == 200


def test_the_day_of_its_use_is_noted(program, mfg):
    mine = program("sales_rep")
    mine.get("/cases")

    assert AccessToken.objects.get(pk=mine.token.pk).last_used_on is not None
