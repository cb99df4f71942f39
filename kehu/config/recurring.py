"""Wiring table 2: what happens by itself, and how often. Every job takes the organization and its time, and may run in any
number of workers at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from kehu.cases import escalation
from kehu.core.models import Organization
from kehu.notifications import delivery

Job = Callable[[Organization, datetime], int]


def fire_deadlines(organization: Organization, now: datetime) -> int:
    return escalation.fire_due(now, organization=organization)


def deliver_messages(organization: Organization, now: datetime) -> int:
    return delivery.deliver(now, organization=organization)


RECURRING: dict[Job, timedelta] = {
    fire_deadlines: timedelta(seconds=1),
    deliver_messages: timedelta(seconds=1),
}
