"""What a reader does with his notices."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from kehu.organizations.queries import Person

from .models import Notice


def mark_read(*, by: Person, now: datetime, only: Iterable[int] | None = None) -> int:
    """His notices are read: all of them, or those with these keys."""
    unread = Notice.objects.filter(member_id=by.id, read_at=None)
    return (unread if only is None else unread.filter(pk__in=list(only))).update(read_at=now)


def mark_unread(*, by: Person, key: int) -> int:
    return Notice.objects.filter(member_id=by.id, pk=key).update(read_at=None)
