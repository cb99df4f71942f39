"""How the channels are: whether they work, what waits, what is dead. For their page, and for whoever watches the server."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, Q

from kehu.core import sealed
from kehu.core.models import Organization

from .channels import mail_of
from .models import Channel, Delivery
from .outside import NotAllowed, checked


@dataclass(frozen=True)
class Health:
    """A channel, and what stands before it."""

    channel: Channel
    waiting: int = 0
    dead: int = 0
    oldest: datetime | None = None
    """Since when the oldest has been due."""

    @property
    def state(self) -> str:
        """off · failing · works · untried"""
        channel = self.channel
        if not channel.is_on:
            return "off"
        if channel.failed_at and (channel.sent_at is None or channel.sent_at < channel.failed_at):
            return "failing"
        return "works" if channel.sent_at else "untried"

    @property
    def place(self) -> str:
        """The host or service it leads to, without any secret; `?` where the address cannot be opened."""
        try:
            address = sealed.opened(self.channel.address)
        except sealed.CannotOpen:
            return "?"
        if address.startswith("env:"):
            return address
        try:
            return checked(address).hostname or ""
        except NotAllowed:
            return address.partition("://")[0]


def health_of(organization: Organization, now: datetime) -> list[Health]:
    """All channels, the mail first: two statements."""
    mail_of(organization)
    return _health(Channel.objects.filter(removed_at=None).order_by("pk"), now)


def health_of_one(channel: Channel, now: datetime) -> Health:
    return _health([channel], now)[0]


@dataclass(frozen=True)
class Queue:
    """What stands before all channels of a kind, in every organization of the scope."""

    waiting: int
    dead: int
    oldest: datetime | None
    """Since when the oldest that waits has been due."""


def queues(now: datetime) -> dict[str, Queue]:
    """By kind of channel, every kind: one statement. What waits for a channel that is switched off is not late."""
    is_due = Q(channel__is_on=True, next_attempt_at__lte=now)
    rows = (
        Delivery.everywhere.filter(state__in=[*Delivery.UNFINISHED, Delivery.State.DEAD], channel__removed_at=None)
        .values("channel__kind")
        .annotate(
            waiting=Count("pk", filter=Q(state__in=Delivery.UNFINISHED)),
            dead=Count("pk", filter=Q(state=Delivery.State.DEAD)),
            oldest=Min("next_attempt_at", filter=Q(state__in=Delivery.UNFINISHED) & is_due),
        )
        .order_by()
    )
    found = {row["channel__kind"]: Queue(row["waiting"], row["dead"], row["oldest"]) for row in rows}
    return {kind: found.get(kind, Queue(0, 0, None)) for kind in Channel.Kind.values}


def dead_count() -> int:
    return Delivery.objects.filter(state=Delivery.State.DEAD).count()


def _health(channels: Iterable[Channel], now: datetime) -> list[Health]:
    states = [*Delivery.UNFINISHED, Delivery.State.DEAD]
    rows = (
        Delivery.objects.filter(state__in=states)
        .values("channel", "state")
        .annotate(count=Count("pk"), oldest=Min("next_attempt_at"))
        .order_by()
    )
    found = list(rows)
    healths = []
    for channel in channels:
        mine = [row for row in found if row["channel"] == channel.pk]
        unfinished = [row for row in mine if row["state"] in Delivery.UNFINISHED]
        due = [row["oldest"] for row in unfinished if row["oldest"] <= now]
        healths.append(
            Health(
                channel,
                waiting=sum(row["count"] for row in unfinished),
                dead=sum(row["count"] for row in mine if row["state"] == Delivery.State.DEAD),
                oldest=min(due, default=None),
            )
        )
    return healths
