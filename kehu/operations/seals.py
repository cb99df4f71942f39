"""Sealing: once a day the heads of all event streams that have grown are kept in one row, chained to the day before.

A chain of events shows an altered line; it does not show that its end, or the whole of it, is gone. The seals do: they say how far
every stream had come.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from kehu.core.models import Event, Organization
from kehu.core.scope import scope

from .models import Seal

HEADS = 5000
"""At most so many streams in one seal: a day on which a company's whole past is imported stays readable."""

Head = list[Any]


def digest(seal: Seal) -> str:
    line = json.dumps(
        [
            seal.sequence,
            seal.day.isoformat(),
            seal.at.astimezone(UTC).isoformat(timespec="microseconds"),
            seal.heads,
            seal.last_event,
        ],
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return hashlib.sha256(f"{seal.previous}\n{line}".encode()).hexdigest()


def seal_day(organization: Organization, now: datetime) -> int:
    """Seals what has happened, once for every day that has ended; what was missed while no worker ran is in the next seal.
    Gives how many seals were made."""
    day = now.astimezone(ZoneInfo(organization.timezone)).date() - timedelta(days=1)
    with scope(organization):
        if Seal.objects.filter(day__gte=day).exists():
            return 0
        with transaction.atomic():
            Organization.objects.select_for_update().get(pk=organization.pk)  # of two workers one seals
            last = Seal.objects.order_by("-sequence").defer("heads").first()
            if last and last.day >= day:
                return 0
            newest = Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
            made = 0
            for heads in _grown(newest):
                last = _sealed(organization, last, day, now, heads, newest)
                made += 1
            if not made:
                _sealed(organization, last, day, now, [], newest)
            return made or 1


def _sealed(
    organization: Organization, last: Seal | None, day: Any, now: datetime, heads: list[Head], newest: int
) -> Seal:
    seal = Seal(
        organization=organization,
        sequence=last.sequence + 1 if last else 1,
        day=day,
        at=now,
        heads=heads,
        last_event=newest,
        previous=last.digest if last else "",
    )
    seal.digest = digest(seal)
    seal.save(force_insert=True)
    return seal


def _grown(newest: int) -> Iterator[list[Head]]:
    """The heads of the streams that have grown since the seals of the last day but one: an event that was still being written
    when the last seal was made has an older number than others in it, and is found a day later."""
    days = Seal.objects.order_by("-day").values_list("day", flat=True).distinct()[:2]
    earlier = Seal.objects.filter(day=days[1]).values_list("last_event", flat=True).first() if len(days) > 1 else 0
    known = {
        stream: sequence
        for seal in (Seal.objects.filter(day=days[0]) if days else ())
        for stream, sequence, _ in seal.heads
    }
    links = (
        Event.objects.filter(pk__gt=earlier, pk__lte=newest)
        .order_by("stream", "sequence")
        .values_list("stream", "sequence", "digest")
        .iterator(chunk_size=2000)
    )
    heads: list[Head] = []
    for stream, grown in groupby(links, key=lambda link: link[0]):
        *_, head = grown
        if known.get(stream) == head[1]:
            continue
        heads.append(list(head))
        if len(heads) == HEADS:
            yield heads
            heads = []
    if heads:
        yield heads
