"""The log: nothing changes without an event, and an event never changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from . import chain
from .models import Event, Organization
from .scope import scope


def link(
    *,
    organization_id: int,
    stream: str,
    sequence: int,
    previous: str,
    name: str,
    at: datetime,
    by: str,
    facts: dict[str, Any],
) -> Event:
    """An event that continues its stream; the caller stores it and keeps its digest as the stream's new head."""
    event = Event(
        organization_id=organization_id,
        stream=stream,
        sequence=sequence,
        name=name,
        at=at,
        by=by,
        facts=facts,
        previous=previous,
    )
    event.digest = chain.digest(event)
    return event


def record(organization: Organization, name: str, *, by: str, at: datetime, **facts: Any) -> Event:
    """An event of the organization itself: its settings, people, calendar, published procedures. Takes its row's lock."""
    with scope(organization):
        locked = Organization.objects.select_for_update().get(pk=organization.pk)
        last = Event.objects.filter(stream="organization").order_by("-sequence").values_list("sequence").first()
        event = link(
            organization_id=locked.pk,
            stream="organization",
            sequence=(last[0] if last else 0) + 1,
            previous=locked.chain_head,
            name=name,
            at=at,
            by=by,
            facts=facts,
        )
        event.save(force_insert=True)
        Organization.objects.filter(pk=locked.pk).update(chain_head=event.digest)
        organization.chain_head = event.digest
    return event
