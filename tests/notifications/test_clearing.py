"""What was told long ago is cleared away; what waits, was given up or is unread stays, and every event does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kehu.core import clearing as batches
from kehu.core.models import Event, Message, Organization
from kehu.core.scope import scope
from kehu.notifications import outbox
from kehu.notifications.channels import mail_of
from kehu.notifications.clearing import clear_told
from kehu.notifications.models import Delivery, Notice
from tests.cast import FRIDAY, Telling

KEEP = timedelta(days=365)
LATER = FRIDAY + KEEP + timedelta(minutes=1)


@pytest.fixture
def told(mfg: Organization) -> Organization:
    """A complaint whose messages became notices."""
    Telling(mfg).start()
    outbox.hand_out(FRIDAY, organization=mfg)
    return mfg


def count(model: Any) -> int:
    return int(model.objects.count())


def test_nothing_goes_before_its_time_nor_unread(told: Organization) -> None:
    before = count(Message), count(Notice)
    assert before[1]
    Notice.objects.update(read_at=FRIDAY)
    assert clear_told(told, FRIDAY + KEEP, keep=KEEP) == 0

    Notice.objects.update(read_at=None)
    clear_told(told, LATER, keep=KEEP)

    assert count(Notice) == before[1]
    assert count(Message) >= before[1], "an unread notice keeps its message"


def test_what_was_read_goes_with_its_message_and_events_stay(told: Organization, stranger: Organization) -> None:
    events = count(Event)
    Notice.objects.update(read_at=FRIDAY)
    with scope(stranger):
        other = Message.objects.create(
            kind="told", recipient="x", created_at=FRIDAY, next_attempt_at=FRIDAY, state="sent"
        )

    assert clear_told(told, LATER, keep=KEEP) > 0

    assert count(Notice) == 0
    assert not Message.objects.filter(state="sent").exists()
    assert count(Event) == events
    with scope(stranger):
        assert Message.objects.filter(pk=other.pk).exists()


@pytest.mark.parametrize(("state", "stays"), [("sent", 0), ("dropped", 0), ("waiting", 1), ("sending", 1), ("dead", 1)])
def test_only_deliveries_that_are_finished_go(mfg: Organization, state: str, stays: int) -> None:
    Delivery.objects.create(channel=mail_of(mfg), key="1", kind="told", at=FRIDAY, next_attempt_at=FRIDAY, state=state)
    clear_told(mfg, LATER, keep=KEEP)

    assert count(Delivery) == stays


def test_messages_that_wait_or_were_given_up_stay(mfg: Organization) -> None:
    Message.objects.all().delete()
    for state in ("waiting", "dead", "sent"):
        Message.objects.create(kind="told", recipient="x", created_at=FRIDAY, next_attempt_at=FRIDAY, state=state)

    assert clear_told(mfg, LATER, keep=KEEP) == 1
    assert sorted(Message.objects.values_list("state", flat=True)) == ["dead", "waiting"]


def test_so_many_at_a_time(mfg: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH", 2)
    monkeypatch.setattr(batches, "BATCHES", 2)
    Message.objects.all().delete()
    for _ in range(5):
        Message.objects.create(kind="told", recipient="x", created_at=FRIDAY, next_attempt_at=FRIDAY, state="sent")

    assert [clear_told(mfg, LATER, keep=KEEP) for _turn in range(3)] == [4, 1, 0]
