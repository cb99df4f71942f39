"""Clearing away rows that nobody needs any more: a few at a time, so that nobody waits behind it. Events never."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

BATCH = 1000
BATCHES = 20
"""In one call; the next turn of the job goes on."""


def clear(rows: QuerySet[Any]) -> int:
    """Deletes these rows, the oldest first, each batch in a transaction of its own; gives how many. Several workers share them."""
    total = 0
    for _turn in range(BATCHES):
        with transaction.atomic():
            chosen = rows.order_by("pk").values_list("pk", flat=True)
            if connection.features.has_select_for_update_skip_locked:
                chosen = chosen.select_for_update(skip_locked=True, of=("self",))
            keys = list(chosen[:BATCH])
            rows.model._base_manager.filter(pk__in=keys).delete()
        total += len(keys)
        if len(keys) < BATCH:
            break
    return total
