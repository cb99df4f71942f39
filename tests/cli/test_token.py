"""`kehu token`: keys for programs, made, listed and revoked in a terminal, under the rules of the settings page."""

from __future__ import annotations

import pytest
from django.test import Client

from kehu.cli.main import main
from kehu.core.models import Event, Organization
from kehu.organizations.models import AccessToken, Member

Captured = pytest.CaptureFixture[str]


def create(*more: str, member: str = "sales_rep", scopes: str = "cases:read") -> int:
    return main(["token", "create", "--member", member, "--scopes", scopes, *more])


def test_a_secret_is_printed_once_alone_and_opens_what_its_scopes_say(mfg: Organization, capsys: Captured) -> None:
    assert create("--name", "reports", "--expires", "30d") == 0
    told = capsys.readouterr()
    secret = told.out.strip()
    assert "shown once" in told.err
    assert secret not in told.err
    token = AccessToken.objects.get()
    assert (token.member.key, token.name, token.scopes) == ("sales_rep", "reports", ["cases:read"])
    assert secret not in str(vars(token))

    bearer = {"headers": {"Authorization": f"Bearer {secret}"}}
    assert Client().get("/api/v1/cases", **bearer).status_code == 200
    assert Client().get("/api/v1/customers", **bearer).status_code == 403


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"member": "nobody_here"}, "nobody_here"),
        ({"scopes": "everything"}, "everything"),
        ({"scopes": ""}, "at least one thing"),
    ],
)
def test_what_is_refused_is_said_in_a_sentence(
    mfg: Organization, capsys: Captured, words: dict[str, str], said: str
) -> None:
    assert create(**words) == 1
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""
    assert not AccessToken.objects.exists()


@pytest.mark.parametrize("days", ["soon", "-1", "0d", "367d", "9999d", "1.5"])
def test_a_token_lasts_a_number_of_days_and_a_year_at_most(mfg: Organization, capsys: Captured, days: str) -> None:
    assert create(f"--expires={days}") == 1
    assert capsys.readouterr().err.strip()
    assert not AccessToken.objects.exists()


def test_a_leaver_gets_no_token(mfg: Organization, capsys: Captured) -> None:
    from kehu.organizations.actions import changed

    Member.objects.filter(key="sales_rep").update(left_on="2024-01-01")
    changed(mfg)
    assert create() == 1
    assert capsys.readouterr().out == ""


def test_tokens_are_listed_without_their_secrets_and_revoked_by_number(mfg: Organization, capsys: Captured) -> None:
    create("--name", "one")
    secret = capsys.readouterr().out.strip()
    assert main(["token", "list"]) == 0
    listed = capsys.readouterr().out
    token = AccessToken.objects.get()
    for words in (
        str(token.pk),
        "sales_rep",
        "good",
        "never used",
        "cases:read",
        "one",
        f"{token.expires_at:%Y-%m-%d}",
    ):
        assert words in listed
    assert secret not in listed

    assert main(["token", "revoke", str(token.pk)]) == 0
    assert "Revoked: one (sales_rep)." in capsys.readouterr().out
    assert Client().get("/api/v1/cases", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    assert Event.objects.filter(name="token.revoked").count() == 1
    main(["token", "list"])
    assert "revoked" in capsys.readouterr().out


def test_a_token_that_is_not_there_is_named(mfg: Organization, capsys: Captured) -> None:
    assert main(["token", "revoke", "999"]) == 1
    assert "There is no token 999." in capsys.readouterr().err


def test_a_stranger_s_token_is_not_there(mfg: Organization, stranger: Organization, capsys: Captured) -> None:
    assert create() == 1
    assert "mfg | other" in capsys.readouterr().err
    assert create("--organization", "mfg") == 0
    token = AccessToken.objects.get()
    capsys.readouterr()
    assert main(["token", "list", "--organization", "other"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["token", "revoke", str(token.pk), "--organization", "other"]) == 1
    token.refresh_from_db()
    assert token.revoked_at is None
