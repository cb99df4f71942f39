"""Messages become notices and mails; people read them."""

from __future__ import annotations

import smtplib
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from kehu.core import clock
from kehu.core.models import Message, Organization
from kehu.notifications.delivery import BACKOFF, deliver
from kehu.notifications.models import Notice
from kehu.organizations.models import Member
from tests.cast import FRIDAY, Telling, sign_in


@pytest.fixture(autouse=True)
def _friday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda organization=None: FRIDAY)


@pytest.fixture
def deputy(mfg: Organization) -> Member:
    member = Member.objects.get(key="sales_deputy_manager")
    member.email = "deputy@example.com"
    member.save()
    return member


def test_a_message_becomes_one_notice_and_one_mail(deputy: Member, complaint: Telling, mfg: Organization) -> None:
    assert deliver(FRIDAY, organization=mfg) == 1
    assert deliver(FRIDAY, organization=mfg) == 0
    [notice] = deputy.notices.all()
    assert (notice.kind, notice.case_number) == ("task_opened", complaint.number)
    [sent] = mail.outbox
    assert sent.to == ["deputy@example.com"]
    assert sent.subject.startswith(f"[{complaint.number}] ")
    assert f"/cases/{complaint.number}/" in sent.body
    assert "03-15 15:00" in sent.body
    assert "S4-1.1" in sent.body


def test_a_mail_speaks_its_readers_language(deputy: Member, complaint: Telling, mfg: Organization) -> None:
    Member.objects.filter(pk=deputy.pk).update(language="en")
    deliver(FRIDAY, organization=mfg)
    assert "Accept the complaint" in mail.outbox[0].subject
    assert "1 hour of working time left" in mail.outbox[0].body


def test_without_an_address_there_is_only_the_notice(complaint: Telling, mfg: Organization) -> None:
    deliver(FRIDAY, organization=mfg)
    assert Notice.objects.count() == 1
    assert not mail.outbox
    assert Message.objects.get().state == Message.State.SENT


def test_a_failing_mail_server_is_tried_again_ever_later_and_given_up(
    deputy: Member, complaint: Telling, mfg: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: Any, **_facts: Any) -> None:
        raise smtplib.SMTPServerDisconnected("no server")

    monkeypatch.setattr(EmailMessage, "send", refuse)
    now, waits = FRIDAY, []
    while deliver(now, organization=mfg):
        message = Message.objects.get()
        if message.state == Message.State.DEAD:
            break
        waits.append(message.next_attempt_at - now)
        assert deliver(now, organization=mfg) == 0
        now = message.next_attempt_at
    assert waits == list(BACKOFF)
    assert Message.objects.get().error == "no server"
    assert Notice.objects.count() == 1


def test_a_mail_whose_fate_is_unknown_says_that_it_may_be_the_second(
    deputy: Member, complaint: Telling, mfg: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """The worker's end, between sending and saying so."""

    really_send = EmailMessage.send

    def send_and_die(self: EmailMessage, *args: Any, **facts: Any) -> int:
        really_send(self, *args, **facts)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(EmailMessage, "send", send_and_die)
        with pytest.raises(Killed):
            deliver(FRIDAY, organization=mfg)
    deliver(FRIDAY + timedelta(minutes=2), organization=mfg)
    first, second = mail.outbox
    assert first.extra_headers["Message-ID"] == second.extra_headers["Message-ID"]
    assert len(second.body) > len(first.body)
    assert Notice.objects.count() == 1
    assert Message.objects.get().state == Message.State.SENT


def test_a_message_to_nobody_is_put_aside(complaint: Telling, mfg: Organization) -> None:
    Message.objects.update(recipient="somebody_else")
    deliver(FRIDAY, organization=mfg)
    assert Message.objects.get().state == Message.State.DEAD


def test_notices_are_read_one_by_one_all_and_unread_again(
    client: Client, complaint: Telling, mfg: Organization
) -> None:
    Telling(mfg).start()
    deliver(FRIDAY, organization=mfg)
    sign_in(client, mfg, "sales_deputy_manager")
    notice = Notice.objects.order_by("pk").last()
    assert notice
    answer = client.get(f"/notices/{notice.pk}/")
    assert answer["Location"] == f"/cases/{notice.case_number}/"
    assert Notice.objects.filter(read_at=None).count() == 1
    client.post("/notices/reading/", {"notice": notice.pk, "unread": "1"})
    assert Notice.objects.filter(read_at=None).count() == 2
    client.post("/notices/reading/")
    assert Notice.objects.filter(read_at=None).count() == 0


def test_nobody_reads_anothers_notices(client: Client, complaint: Telling, mfg: Organization) -> None:
    deliver(FRIDAY, organization=mfg)
    notice = Notice.objects.get()
    sign_in(client, mfg, "sales_rep")
    assert client.get(f"/notices/{notice.pk}/")["Location"] == "/notices/"
    client.post("/notices/reading/", {"notice": notice.pk})
    client.post("/notices/reading/")
    assert Notice.objects.get().read_at is None


def test_the_list_costs_a_fixed_number_of_statements(client: Client, mfg: Organization) -> None:
    for _ in range(8):
        Telling(mfg).start()
    deliver(FRIDAY, organization=mfg)
    sign_in(client, mfg, "sales_deputy_manager")
    client.get("/notices/")
    with CaptureQueriesContext(connection) as captured:
        page = client.get("/notices/").content.decode()
    assert page.count("notice-line") == 8
    assert len(captured) <= 12
