"""What is due is sent: in order, once, whatever happens to servers and workers."""

from __future__ import annotations

import socket
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kehu.core.models import Message, Organization
from kehu.notifications import mail, sending
from kehu.notifications.delivery import deliver
from kehu.notifications.models import Channel, Delivery, Notice
from kehu.notifications.outbox import hand_out
from kehu.notifications.sending import BACKOFF, LEASE, PAUSES, send_waiting
from kehu.organizations.models import Member
from tests.cast import FRIDAY, Telling

from .conftest import use
from .servers import MailServer, mail_server


def tell(organization: Organization, count: int = 1, recipient: str = "sales_deputy_manager") -> None:
    """So many messages, said now and numbered."""
    Message.objects.bulk_create(
        Message(
            organization=organization,
            kind="told",
            recipient=recipient,
            step=f"{number:05}",
            created_at=FRIDAY,
            next_attempt_at=FRIDAY,
            facts={},
        )
        for number in range(count)
    )


@pytest.fixture(autouse=True)
def _at_once(mfg: Organization) -> None:
    mfg.pack = {**mfg.pack, "notifications": {}}
    mfg.save()


def numbers(server: MailServer) -> list[int]:
    return [int(subject[-5:]) for _, subject in server.read()]


def test_a_batch_goes_over_one_connection_in_order(deputy: Member, mfg: Organization, smtp: MailServer) -> None:
    Member.objects.filter(pk=deputy.pk).update(language="en")
    tell(mfg, 40)

    deliver(FRIDAY, organization=mfg)

    assert numbers(smtp) == list(range(40))
    assert smtp.connections == 1


def test_after_an_hour_without_a_mail_server_everything_arrives_in_order_by_itself(
    deputy: Member, mfg: Organization, settings: Any
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    use(settings, port)
    tell(mfg, 120)
    now = FRIDAY
    while now < FRIDAY + timedelta(hours=1):
        deliver(now, organization=mfg)
        now += timedelta(seconds=30)

    channel = Channel.objects.get()
    assert (channel.failing_since, channel.sent_at) == (FRIDAY, None)
    assert set(Delivery.objects.values_list("state", "attempts")) == {("waiting", 0)}

    with mail_server(port) as server:
        for _ in range(11):
            deliver(now, organization=mfg)
            now += timedelta(seconds=30)
        assert numbers(server) == list(range(120))
        assert server.connections == 3
    channel.refresh_from_db()
    assert (channel.failures, channel.failing_since) == (0, None)


def test_a_dead_server_is_asked_seldom(deputy: Member, mfg: Organization, settings: Any, monkeypatch: Any) -> None:
    asked = []

    def open_(*_words: Any) -> None:
        asked.append(True)
        raise OSError("no route to host")

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.open", open_)
    tell(mfg, 100)
    for second in range(0, 3600, 30):
        deliver(FRIDAY + timedelta(seconds=second), organization=mfg)

    assert len(asked) == 4 + (3600 - 30 - 60 - 120) // 300
    assert Channel.objects.get().error == "no route to host"


def test_who_looks_after_the_channels_is_told_once_that_mail_fails(
    deputy: Member, mfg: Organization, settings: Any, monkeypatch: Any
) -> None:
    def open_(*_words: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.open", open_)
    tell(mfg)
    for minute in range(0, 180, 10):
        deliver(FRIDAY + timedelta(minutes=minute), organization=mfg)

    said = Notice.objects.filter(kind="channel_failing")
    assert sorted(said.values_list("member__key", flat=True)) == ["general_manager", "vice_gm"]
    assert said[0].facts["error"] == "no route to host"


def test_a_refused_mailbox_is_given_up_and_holds_up_nobody(deputy: Member, mfg: Organization, smtp: MailServer) -> None:
    Member.objects.filter(key="vice_gm").update(email="gone@example.com")
    smtp.refuses["gone@example.com"] = "550 no such user"
    tell(mfg, 1, "vice_gm")
    tell(mfg, 2)

    deliver(FRIDAY, organization=mfg)

    dead = Delivery.objects.get(state=Delivery.State.DEAD)
    assert (dead.member.key, dead.error) == ("vice_gm", "550 no such user")  # type: ignore[union-attr]
    assert len(smtp.received) == 2
    assert Channel.objects.get().failures == 0


def test_a_full_mailbox_is_tried_ever_later_keeps_its_order_and_is_given_up(
    deputy: Member, mfg: Organization, smtp: MailServer
) -> None:
    smtp.refuses["deputy@example.com"] = "452 mailbox full"
    tell(mfg, 2)
    deliver(FRIDAY, organization=mfg)
    first, second = Delivery.objects.order_by("pk")
    assert (first.attempts, second.attempts) == (1, 0)

    now, waits = FRIDAY, []
    while first.state != Delivery.State.DEAD:
        waits.append(first.next_attempt_at - now)
        now = first.next_attempt_at
        send_waiting(now - timedelta(seconds=1), organization=mfg)
        assert Delivery.objects.filter(attempts=0).count() == 1
        send_waiting(now, organization=mfg)
        first.refresh_from_db()
    assert waits == list(BACKOFF)
    smtp.refuses.clear()
    send_waiting(now + timedelta(days=2), organization=mfg)
    assert numbers(smtp) == [1]


class Killed(BaseException):
    """The worker's end."""


def test_a_mail_whose_fate_is_unknown_says_that_it_may_be_the_second(
    deputy: Member, mfg: Organization, smtp: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    Member.objects.filter(pk=deputy.pk).update(language="en")
    tell(mfg, 2)

    def die(*_words: Any, **_more: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(sending._Batch, "_finish", die)
        with pytest.raises(Killed):
            deliver(FRIDAY, organization=mfg)
    assert len(smtp.received) == 1
    assert send_waiting(FRIDAY + LEASE - timedelta(seconds=1), organization=mfg) == 0

    send_waiting(FRIDAY + LEASE, organization=mfg)

    first, again, second = smtp.received
    assert first["Message-ID"] == again["Message-ID"] != second["Message-ID"]
    assert "may have reached you before" in again.get_content()
    assert "may have reached you before" not in first.get_content()
    assert Notice.objects.count() == 2


def test_a_server_that_hangs_up_after_taking_a_mail_gets_it_again_marked(
    deputy: Member, mfg: Organization, smtp: MailServer
) -> None:
    Member.objects.filter(pk=deputy.pk).update(language="en")
    smtp.hangs_up_on = 2
    tell(mfg, 3)

    deliver(FRIDAY, organization=mfg)
    now = FRIDAY + BACKOFF[0]
    send_waiting(now, organization=mfg)

    assert numbers(smtp) == [0, 1, 1, 2]
    marked = ["may have reached you before" in mail.get_content() for mail in smtp.received]
    assert marked == [False, False, True, False]


def test_two_workers_do_not_send_the_same(deputy: Member, mfg: Organization, smtp: MailServer) -> None:
    tell(mfg, 3)
    hand_out(FRIDAY, organization=mfg)
    one = sending._claim(Channel.objects.get().pk, FRIDAY, mfg)
    assert one is not None

    assert send_waiting(FRIDAY, organization=mfg) == 0
    assert one.send(float("inf")) == 3
    assert len(smtp.received) == 3


def test_a_worker_taken_for_dead_changes_nothing_any_more(deputy: Member, mfg: Organization, smtp: MailServer) -> None:
    tell(mfg, 2)
    hand_out(FRIDAY, organization=mfg)
    slow = sending._claim(Channel.objects.get().pk, FRIDAY, mfg)
    assert slow is not None
    other = sending._claim(Channel.objects.get().pk, FRIDAY + LEASE, mfg)
    assert other is not None

    slow._give_back(slow.deliveries)
    slow._later(slow.deliveries, "too late")

    assert set(Delivery.objects.values_list("state", "error")) == {("sending", "")}


def test_one_failing_channel_delays_no_other(
    deputy: Member, mfg: Organization, smtp: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Channel.objects.create(organization=mfg, key="chat-1", kind="chat", title="x", takes=["copies"])
    tell(mfg, 5)

    deliver(FRIDAY, organization=mfg)
    deliver(FRIDAY + timedelta(hours=1), organization=mfg)

    assert len(smtp.received) == 5
    broken.refresh_from_db()
    assert broken.failures == 2
    assert broken.paused_until == FRIDAY + timedelta(hours=1) + PAUSES[1]


def test_a_sweep_costs_few_statements_a_message(deputy: Member, mfg: Organization, smtp: MailServer) -> None:
    tell(mfg, 300)
    with CaptureQueriesContext(connection) as handing:
        hand_out(FRIDAY, organization=mfg)
    with CaptureQueriesContext(connection) as sent:
        send_waiting(FRIDAY, organization=mfg)

    assert len(smtp.received) == 300
    assert len(handing) <= 300 * 0.15
    assert len(sent) <= 300 * 1.4


def test_one_message_that_cannot_be_handed_out_stands_in_nobodys_way(
    deputy: Member, mfg: Organization, smtp: MailServer
) -> None:
    tell(mfg, 3)
    spoiled = Message.objects.order_by("pk")[1]
    Message.objects.filter(pk=spoiled.pk).update(facts=[1])
    Channel.objects.create(organization=mfg, key="chat-1", kind="chat", title="x", takes=["copies"])

    deliver(FRIDAY, organization=mfg)

    assert list(Message.objects.order_by("pk").values_list("state", flat=True)) == ["sent", "dead", "sent"]
    assert len(smtp.received) == 2


def test_one_mail_that_cannot_be_worded_stands_in_nobodys_way(
    deputy: Member, mfg: Organization, smtp: MailServer
) -> None:
    tell(mfg, 3)
    hand_out(FRIDAY, organization=mfg)
    Delivery.objects.filter(key=Message.objects.order_by("pk")[1].pk).update(facts={"due_at": "soon"})

    send_waiting(FRIDAY, organization=mfg)

    assert list(Delivery.objects.order_by("pk").values_list("state", flat=True)) == ["sent", "dead", "sent"]
    assert numbers(smtp) == [0, 2]


def test_a_case_s_mail_arrives_whole(deputy: Member, complaint: Telling, mfg: Organization, smtp: MailServer) -> None:
    Member.objects.filter(pk=deputy.pk).update(language="en")
    deliver(FRIDAY, organization=mfg)
    [mail_] = smtp.received
    assert mail_["Subject"] == f"[{complaint.number}] New task: Accept the complaint"
    assert "1 hour of working time left" in mail_.get_content()
    assert mail_["Auto-Submitted"] == "auto-generated"
    assert mail._host() in mail_["Message-ID"]
