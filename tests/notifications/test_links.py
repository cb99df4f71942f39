"""The mail with a link: to an address that is no member's, once, and not when the link is over meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail as outgoing

from kehu.cases.links import link_of
from kehu.cases.models import Invitation
from kehu.core.models import Message, Organization
from kehu.notifications.delivery import deliver
from kehu.notifications.models import Delivery, Notice
from kehu.organizations.models import Member
from tests.cast import FRIDAY, Telling
from tests.portal.scenes import answered_complaint, invite, share


@pytest.fixture
def told(mfg: Organization, settings: Any) -> Telling:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    telling = answered_complaint(mfg)
    deliver(FRIDAY, organization=mfg)
    outgoing.outbox.clear()
    return telling


def mailed(told: Telling, **more: Any) -> Invitation:
    invitation = invite(told, address="he@xunjie.example", send=True, **more)
    deliver(FRIDAY, organization=told.organization)
    invitation.refresh_from_db()
    return invitation


@pytest.mark.parametrize(("language", "words"), [("zh-hans", "请打开以下页面"), ("en", "Please open this page")])
def test_the_link_goes_to_the_customer_in_his_language_and_nowhere_else(
    told: Telling, language: str, words: str
) -> None:
    Member.objects.filter(key="complaint_tracker").update(email="guo@example.com")
    invitation = mailed(told, language=language)
    (letter,) = outgoing.outbox

    assert letter.to == ["he@xunjie.example"]
    assert letter.reply_to == ["guo@example.com"]
    assert words in letter.body
    assert link_of(invitation) in letter.body
    assert "毛刺" not in letter.body + letter.subject
    assert letter.extra_headers["Message-ID"].startswith("<kehu-mfg-")
    assert invitation.state(FRIDAY) == "sent"
    assert not Notice.objects.filter(kind="link").exists()


def test_no_link_waits_in_the_database(told: Telling) -> None:
    invitation = invite(told, address="he@xunjie.example", send=True)
    link = link_of(invitation).rpartition(".")[2]
    message = Message.objects.get(kind="link")

    assert link not in str(vars(message))
    deliver(FRIDAY, organization=told.organization)
    assert link not in str(vars(Delivery.objects.get(kind="link")))


def test_a_link_that_is_over_before_it_is_sent_is_not_sent(told: Telling) -> None:
    invite(told, address="he@xunjie.example", send=True)
    told.do("confirm-customer", by="complaint_tracker", outcome="ok", customer_opinion="met", effect_reached=True)
    deliver(FRIDAY, organization=told.organization)

    assert not any("he@xunjie.example" in letter.to for letter in outgoing.outbox)
    assert Delivery.objects.get(kind="link").state == Delivery.State.DROPPED


def test_a_refused_address_is_told_to_whoever_made_the_link(told: Telling, monkeypatch: pytest.MonkeyPatch) -> None:
    import smtplib

    class Connection:
        def open(self) -> None: ...

        def close(self) -> None: ...

        def send_messages(self, mails: list[Any]) -> None:
            raise smtplib.SMTPRecipientsRefused({mails[0].to[0]: (550, b"no such user")})

    monkeypatch.setattr("kehu.notifications.mail.get_connection", Connection)
    invitation = mailed(told)
    deliver(FRIDAY, organization=told.organization)

    assert invitation.sent_at is None
    said = Message.objects.get(kind="link_undelivered")
    assert (said.recipient, "550" in said.facts["error"]) == ("complaint_tracker", True)
    assert Notice.objects.filter(kind="link_undelivered", member__key="complaint_tracker").exists()


def test_a_link_that_is_copied_is_not_mailed(told: Telling) -> None:
    share(told)
    deliver(FRIDAY, organization=told.organization)
    assert outgoing.outbox == []
