"""Wiring table 2: what happens by itself, and how often. Every job takes the organization and its time, and may run in any
number of workers at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings

from kehu.accounts import letters, log, sessions
from kehu.api import writing
from kehu.cases import attachments, escalation, handing_on, recounting, schedules
from kehu.cases import words as case_words
from kehu.core import clock
from kehu.core.models import Organization
from kehu.intake import work as sheets
from kehu.ledgers.customers import words as customer_words
from kehu.notifications import clearing, outbox, sending
from kehu.operations import seals

Job = Callable[[Organization, datetime], int]


def fire_deadlines(organization: Organization, now: datetime) -> int:
    return escalation.fire_due(now, organization=organization)


def hand_out_messages(organization: Organization, now: datetime) -> int:
    return outbox.hand_out(now, organization=organization)


def send_messages(organization: Organization, now: datetime) -> int:
    return sending.send_side_by_side(now, organization=organization)


def seal_events(organization: Organization, now: datetime) -> int:
    return seals.seal_day(organization, now)


def forget_sessions(organization: Organization, now: datetime) -> int:
    """By the real clock: a demo's, moved forward, would sign everybody out."""
    return sessions.forget_expired(clock.now())


def clear_unused_files(organization: Organization, now: datetime) -> int:
    return attachments.clear_unused(organization, now, lost_before=clock.now() - timedelta(days=1))


def open_scheduled_cases(organization: Organization, now: datetime) -> int:
    return schedules.open_due(organization, now)


def forget_kept_answers(organization: Organization, now: datetime) -> int:
    return writing.forget(organization, now)


def clear_told(organization: Organization, now: datetime) -> int:
    return clearing.clear_told(organization, now, keep=timedelta(days=settings.KEEP_DAYS))


def hand_on(organization: Organization, now: datetime) -> int:
    return handing_on.hand_on(organization, now)


RECURRING: dict[Job, timedelta] = {
    fire_deadlines: timedelta(seconds=1),
    hand_out_messages: timedelta(seconds=1),
    seal_events: timedelta(minutes=5),
    log.gather_failures: timedelta(minutes=1),
    forget_sessions: timedelta(hours=1),
    forget_kept_answers: timedelta(hours=1),
    hand_on: timedelta(seconds=20),
    recounting.recount: timedelta(seconds=2),
    open_scheduled_cases: timedelta(seconds=10),
}
"""What needs only the database."""

SENDING: dict[Job, timedelta] = {
    send_messages: timedelta(seconds=1),
    letters.send_letters: timedelta(seconds=2),
    clear_unused_files: timedelta(hours=6),
    clear_told: timedelta(hours=1),
    customer_words.index: timedelta(seconds=5),
    case_words.index: timedelta(seconds=5),
    case_words.index_marks: timedelta(seconds=5),
}
"""What may wait: for other servers (mail, chat, webhooks, files that lie elsewhere), for whoever searches, or for a while."""

SHEETS: dict[Job, timedelta] = {sheets.work: timedelta(seconds=1)}
"""What takes as long as it takes: a sheet of a hundred thousand rows."""

LANES: dict[str, dict[Job, timedelta]] = {"deadlines": RECURRING, "messages": SENDING, "sheets": SHEETS}
"""Side by side in a worker, so that no deadline waits for a slow server; `kehu worker --only` runs one of them."""
