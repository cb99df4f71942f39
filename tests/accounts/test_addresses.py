"""A mail address is the way to a password: who may change it, what the former address hears, where links go meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from kehu.accounts import actions
from kehu.accounts.letters import send_letters
from kehu.accounts.models import REST, Letter
from kehu.accounts.queries import users_by_email
from kehu.cli.main import main
from kehu.core.models import Event, Organization, User
from kehu.core.refusals import Refusal
from kehu.organizations import members
from kehu.organizations.models import Member
from kehu.organizations.permissions import HasMoreRights, MoreThanYours
from tests.cast import sign_in

OLD, NEW = "rep@factory.example", "other@elsewhere.example"


@pytest.fixture
def now() -> datetime:
    return timezone.now().replace(microsecond=0)


def with_password(organization: Organization, key: str, email: str = OLD) -> User:
    sign_in(Client(), organization, key)
    user = User.objects.get(username=f"{organization.key}.{key}")
    user.set_password("correct horse battery")
    user.email = email
    user.save()
    Member.objects.filter(key=key).update(email=email, language="en")
    return user


def move(organization: Organization, key: str, email: str, now: datetime, by: str = "personnel") -> datetime | None:
    member = Member.objects.get(key=key)
    return actions.change(
        organization=organization, member=key, name=member.name, email=email, language="en", by=by, now=now
    )


def sent(organization: Organization, now: datetime) -> list[tuple[str, str]]:
    mail.outbox.clear()
    send_letters(organization, now)
    return [(letter.to[0], letter.subject) for letter in mail.outbox]


def test_the_former_address_is_warned_and_keeps_the_way_to_the_password(mfg: Organization, now: datetime) -> None:
    user = with_password(mfg, "sales_rep")
    until = move(mfg, "sales_rep", NEW, now)

    assert until == now + REST
    assert sent(mfg, now) == [(OLD, "Your mail address in Kehu was changed")]
    assert "mfg.sales_rep" in mail.outbox[0].body
    assert "/sign-in/password/" not in mail.outbox[0].body
    actions.ask_for_password(email=NEW, now=now)
    assert sent(mfg, now) == []
    actions.ask_for_password(email=OLD.upper(), now=now)
    assert sent(mfg, now) == [(OLD, "A new password for Kehu")]
    assert users_by_email(NEW) == []  # an identity provider that vouches for the new address opens nothing either
    assert users_by_email(OLD) == [user]
    log = Event.objects.get(stream="member:sales_rep", name="address.changed")
    assert (log.by, log.facts) == ("personnel", {"former": OLD, "address": NEW})


def test_after_the_rest_only_the_new_address_counts(mfg: Organization, now: datetime) -> None:
    user = with_password(mfg, "sales_rep")
    move(mfg, "sales_rep", NEW, now - REST - timedelta(seconds=1))
    Letter.objects.update(next_attempt_at=None)
    actions.ask_for_password(email=OLD, now=now)
    actions.ask_for_password(email=NEW, now=now)

    assert sent(mfg, now) == [(NEW, "A new password for Kehu")]
    assert users_by_email(NEW) == [user]


def test_two_changes_in_a_row_do_not_shorten_the_way(mfg: Organization, now: datetime) -> None:
    with_password(mfg, "sales_rep")
    move(mfg, "sales_rep", "between@elsewhere.example", now - timedelta(days=2))
    until = move(mfg, "sales_rep", NEW, now)

    assert until == now + REST
    actions.ask_for_password(email="between@elsewhere.example", now=now)
    actions.ask_for_password(email=OLD, now=now)
    assert [to for to, subject in sent(mfg, now) if "password" in subject] == [OLD]


def test_who_had_no_address_gets_no_link_before_the_rest_is_over(mfg: Organization, now: datetime) -> None:
    with_password(mfg, "sales_rep", email="")
    move(mfg, "sales_rep", NEW, now)
    actions.ask_for_password(email=NEW, now=now)
    assert sent(mfg, now) == []


def test_who_never_signed_in_may_be_corrected_and_invited_at_once(mfg: Organization, now: datetime) -> None:
    Member.objects.filter(key="sales_rep").update(email=OLD)
    assert move(mfg, "sales_rep", NEW, now) is None
    actions.invite(member=Member.objects.get(key="sales_rep"), by="personnel", now=now, by_mail=True)
    assert [to for to, _subject in sent(mfg, now)] == [NEW]


def test_who_signs_in_without_a_password_gets_a_link_only_into_his_own_mailbox(
    mfg: Organization, now: datetime
) -> None:
    user = with_password(mfg, "sales_rep")
    user.set_unusable_password()
    user.save()
    assert user.last_login
    member = Member.objects.get(key="sales_rep")
    with pytest.raises(actions.SignsInAlready):
        actions.invite(member=member, by="personnel", now=now, by_mail=False)
    move(mfg, "sales_rep", NEW, now)
    actions.invite(member=member, by="personnel", now=now, by_mail=True)
    assert {to for to, _subject in sent(mfg, now)} == {OLD}


@pytest.mark.parametrize("other", ["vice_gm", "general_manager"])
def test_nobody_gets_at_the_access_of_who_has_more_rights(mfg: Organization, now: datetime, other: str) -> None:
    user = with_password(mfg, other)
    before = Event.objects.count()
    member = Member.objects.get(key=other)
    for act in (
        lambda: move(mfg, other, NEW, now),
        lambda: actions.reset_second_factor(user=user, now=now, by="personnel"),
        lambda: actions.invite(member=member, by="personnel", now=now, by_mail=False),
    ):
        with pytest.raises(HasMoreRights):
            act()
    assert Member.objects.get(key=other).email == OLD
    assert (Event.objects.count(), Letter.objects.count()) == (before, 0)
    members.change(organization=mfg, member=other, name=member.name, email=OLD, language="en", by="personnel", now=now)
    move(mfg, other, NEW, now, by="general_manager")
    assert Member.objects.get(key=other).email == NEW


@pytest.mark.parametrize("position", ["vice_gm", "general_manager"])
def test_nobody_gives_rights_that_he_does_not_have(mfg: Organization, now: datetime, position: str) -> None:
    for member in ("personnel", "sales_rep"):
        with pytest.raises(MoreThanYours):
            members.appoint(
                organization=mfg, member=member, position=position, valid_from=now.date(), by="personnel", now=now
            )
    facts = {"name": {"zh": "王", "en": "Wang"}, "email": "", "language": "en"}
    with pytest.raises(MoreThanYours):
        members.take_on(organization=mfg, key="wang", positions=[position], by="personnel", now=now, **facts)  # type: ignore[arg-type]
    members.appoint(
        organization=mfg, member="sales_rep", position=position, valid_from=now.date(), by="general_manager", now=now
    )


def test_the_page_says_what_happens_and_why_not(mfg: Organization, client: Client) -> None:
    with_password(mfg, "sales_rep")
    sign_in(client, mfg, "personnel")
    client.cookies["kehu_language"] = "en"
    given = {"name": "方慧敏", "name_en": "Fang Huimin", "email": NEW, "language": "en"}
    page = client.post("/settings/people/sales_rep/facts/", given, follow=True).content.decode()
    assert "The former address is told" in page

    refused = client.post("/settings/people/general_manager/facts/", given | {"email": "x@elsewhere.example"})
    assert refused.status_code == 403
    assert "has rights here that you do not have" in refused.content.decode()
    assert "x@elsewhere.example" in refused.content.decode()


def test_the_terminal_changes_an_address(mfg: Organization, capsys: pytest.CaptureFixture[str]) -> None:
    with_password(mfg, "general_manager")
    assert main(["member", "mfg", "general_manager", "--email", NEW]) == 0
    assert "former address only" in capsys.readouterr().out
    assert Event.objects.get(name="address.changed").by == ""
    assert main(["member", "mfg", "general_manager", "--email", "nonsense"]) == 1
    assert "not a mail address" in capsys.readouterr().err


def test_a_letter_that_waits_goes_where_it_was_to_go(mfg: Organization, now: datetime) -> None:
    with_password(mfg, "sales_rep")
    actions.ask_for_password(email=OLD, now=now)
    move(mfg, "sales_rep", NEW, now)
    assert {to for to, _subject in sent(mfg, now)} == {OLD}


def test_what_is_refused_says_what_to_do_next(mfg: Organization, now: datetime) -> None:
    with_password(mfg, "general_manager")
    with pytest.raises(Refusal, match="kehu member"):
        move(mfg, "general_manager", NEW, now)
