"""What was told long ago is cleared away: read notices, messages handed out, deliveries sent. The events tell it for good. So are
secrets that sign no more."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef

from kehu.core.clearing import clear
from kehu.core.models import Message, Organization
from kehu.core.scope import scope

from .models import Channel, Delivery, Notice

FINISHED = (Delivery.State.SENT, Delivery.State.DROPPED)


def clear_told(organization: Organization, now: datetime, *, keep: timedelta) -> int:
    """Rows older than `keep`; gives how many. What waits, was given up or is unread stays however old, and so does a message
    whose notice is still there."""
    before = now - keep
    with scope(organization):
        Channel.objects.filter(former_until__lte=now).update(former_secret="", former_until=None)  # nosec B106
        return (
            clear(Delivery.objects.filter(state__in=FINISHED, at__lt=before, next_attempt_at__lt=before))
            + clear(Notice.objects.filter(at__lt=before, read_at__lt=before))
            + clear(
                Message.objects.filter(state=Message.State.SENT, next_attempt_at__lt=before).exclude(
                    Exists(Notice.objects.filter(message=OuterRef("pk")))
                )
            )
        )
