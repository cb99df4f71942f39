"""Deliveries somebody must decide on, or wants again: retried, dropped with a reason, replayed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from kehu.core import events
from kehu.core.models import Organization
from kehu.core.refusals import BadData, Finding
from kehu.core.scope import scope

from .models import Channel, Delivery


@transaction.atomic
def retry(*, organization: Organization, only: Collection[int] | None = None, by: str, now: datetime) -> int:
    """Dead deliveries wait again: those named, or all of them. Gives how many."""
    with scope(organization):
        dead = Delivery.objects.filter(state=Delivery.State.DEAD, channel__removed_at=None)
        if only is not None:
            dead = dead.filter(pk__in=list(only))
        count = dead.update(state=Delivery.State.WAITING, attempts=0, next_attempt_at=now)
        if count:
            events.record(organization, "deliveries.retried", by=by, at=now, count=count, only=_listed(only))
    return count


@transaction.atomic
def drop(
    *, organization: Organization, only: Collection[int] | None = None, reason: str, by: str, now: datetime
) -> int:
    """Dead deliveries are given up, for a reason that stays with them. Gives how many."""
    if not reason.strip():
        raise BadData([Finding("reason", _("Say why it need not arrive any more."))])
    with scope(organization):
        dead = Delivery.objects.filter(state=Delivery.State.DEAD)
        if only is not None:
            dead = dead.filter(pk__in=list(only))
        count = dead.update(state=Delivery.State.DROPPED)
        if count:
            events.record(
                organization,
                "deliveries.dropped",
                by=by,
                at=now,
                count=count,
                reason=reason.strip(),
                only=_listed(only),
            )
    return count


@transaction.atomic
def replay(
    *,
    channel: Channel,
    only: Collection[int] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    by: str,
    now: datetime,
) -> int:
    """A webhook's deliveries go out again under their old ids: those named, or those of events in a time. Gives how many."""
    organization = channel.organization
    with scope(organization):
        found = Delivery.objects.filter(channel=channel).exclude(state__in=Delivery.UNFINISHED)
        if only is not None:
            found = found.filter(pk__in=list(only))
        if since:
            found = found.filter(at__gte=since)
        if until:
            found = found.filter(at__lt=until)
        count = found.update(state=Delivery.State.WAITING, attempts=0, next_attempt_at=now, error="")
        if count:
            events.record(
                organization,
                "webhook.replayed",
                by=by,
                at=now,
                channel=channel.key,
                count=count,
                since=since.isoformat() if since else None,
                until=until.isoformat() if until else None,
                only=_listed(only),
            )
    return count


def _listed(only: Collection[int] | None) -> list[int] | None:
    return None if only is None else sorted(only)[:100]
