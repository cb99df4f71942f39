"""What somebody has looked at: the unread marks of an inbox."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from .models import Assignment


def mark_seen(assignments: Iterable[Assignment], *, now: datetime) -> int:
    """These tasks are no longer new to those who have them; no statement where none was."""
    keys = [assignment.pk for assignment in assignments if assignment.seen_at is None]
    return Assignment.objects.filter(pk__in=keys).update(seen_at=now) if keys else 0
