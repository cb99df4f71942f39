"""What somebody has looked at: the unread marks of an inbox."""

from __future__ import annotations

from datetime import datetime

from kehu.organizations.queries import Person

from .models import Assignment, Case


def mark_seen(*, case: Case, by: Person, now: datetime) -> int:
    """His open tasks of this case are no longer new to him."""
    return Assignment.objects.filter(task__case=case, member_id=by.id, is_open=True, seen_at=None).update(seen_at=now)
