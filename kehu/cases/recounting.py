"""Deadlines counted with days nobody had confirmed are counted again, now that somebody has.

Whoever changes a calendar asks for it; a worker does it batch by batch, each in a transaction of its own, so that no page waits and a
crash costs one batch. How far it is stands in the row, for whoever asked.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet

from kehu.core.models import Organization
from kehu.core.scope import scope

from .models import Case, Recount, Task
from .work import Work

log = logging.getLogger("kehu.deadlines")
BATCH = 100


@transaction.atomic
def ask(*, organization: Organization, now: datetime) -> int:
    """From now on every open case with a provisional limit is counted again; gives how many there are. What was asked for before
    and is not finished is part of it."""
    with scope(organization):
        Recount.objects.filter(finished_at=None).update(finished_at=now)
        total = _provisional().count()
        if total:
            Recount.objects.create(organization=organization, asked_at=now, total=total)
    return total


def recount(organization: Organization, now: datetime, *, told: Callable[[int], object] = lambda count: None) -> int:
    """Everything that was asked for; gives how many cases were counted. `told` hears of each batch how many there are by then."""
    counted = 0
    with scope(organization):
        while done := _next_batch(organization, now):
            counted += done
            told(counted)
    return counted


def unfinished() -> Recount | None:
    """How far the organization's recount is, while there is one."""
    return Recount.objects.filter(finished_at=None).order_by("-pk").first()


def _provisional() -> QuerySet[Case]:
    waiting = Task.objects.filter(due_is_provisional=True, state=Task.State.OPEN)
    return Case.objects.filter(pk__in=waiting.values("case"))


@transaction.atomic
def _next_batch(organization: Organization, now: datetime) -> int:
    asked = Recount.objects.filter(finished_at=None).order_by("-pk")
    if connection.features.has_select_for_update_skip_locked:
        asked = asked.select_for_update(skip_locked=True, of=("self",))
    row = asked.first()
    if row is None:
        return 0
    following = _provisional().filter(pk__gt=row.last_case).order_by("pk")
    keys = list(following.select_for_update(of=("self",)).values_list("pk", flat=True)[:BATCH])
    _count(organization, keys, now)
    row.done += len(keys)
    row.last_case = keys[-1] if keys else row.last_case
    row.finished_at = now if len(keys) < BATCH else None
    row.save(update_fields=["done", "last_case", "finished_at"])
    return len(keys)


def _count(organization: Organization, keys: list[int], now: datetime) -> None:
    """Together; where one of them cannot be counted (a mistake in its pack), each by itself and that one not."""
    if not keys:
        return
    try:
        with transaction.atomic():
            work = Work(organization, None, now)
            work.take_all(keys)
            for key in keys:
                work.folders[key].recount()
            work.write()
    except DatabaseError:
        raise
    except Exception:
        if len(keys) > 1:
            for key in keys:
                _count(organization, [key], now)
        else:
            log.exception("case %s could not be counted again", keys[0])
