"""Figures of the whole installation, asked of the database: the same whichever process answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db.models import Count, Min

from kehu.cases.models import Deadline, Task
from kehu.core.models import Message
from kehu.core.scope import every_organization
from kehu.notifications.health import queues

from . import heartbeats
from .models import Backup

WHAT_THEY_SAY = {
    "kehu_open_tasks": "tasks that are open",
    "kehu_overdue_tasks": "open tasks past their due time",
    "kehu_deadline_lag_seconds": "how long the oldest instant that has come waits to be fired",
    "kehu_outbox_waiting": "messages that wait to be handed out to people and channels",
    "kehu_outbox_dead": "messages that could not be handed out",
    "kehu_outbox_oldest_seconds": "how long the oldest waiting message has been due",
    "kehu_deliveries_waiting": "deliveries that wait for their channel",
    "kehu_deliveries_dead": "deliveries given up",
    "kehu_deliveries_oldest_seconds": "how long the oldest waiting delivery has been due",
    "kehu_workers": "workers heard of in the last two minutes",
    "kehu_backup_age_seconds": "time since the last backup; -1 where there is none",
}


Gauge = float | Mapping[str, float]
"""A figure, or one for each kind of channel."""


def gauges(now: datetime) -> Mapping[str, Gauge]:
    with every_organization():
        open_tasks = Task.everywhere.filter(state=Task.State.OPEN, kind="task", case__status="open")
        lag = Deadline.everywhere.filter(active=True, at__lte=now).aggregate(oldest=Min("at"))["oldest"]
        outbox = dict(
            Message.everywhere.filter(state__in=("waiting", "dead")).values_list("state").annotate(Count("pk"))
        )
        due = Message.everywhere.filter(state="waiting", next_attempt_at__lte=now).aggregate(
            oldest=Min("next_attempt_at")
        )
        channels = queues(now)
        found = {
            "kehu_open_tasks": open_tasks.count(),
            "kehu_overdue_tasks": open_tasks.filter(due_at__lt=now).count(),
        }
    backup = Backup.objects.order_by("-at").values_list("at", flat=True).first()
    return found | {
        "kehu_deadline_lag_seconds": _seconds(lag, now),
        "kehu_outbox_waiting": outbox.get("waiting", 0),
        "kehu_outbox_dead": outbox.get("dead", 0),
        "kehu_outbox_oldest_seconds": _seconds(due["oldest"], now),
        "kehu_deliveries_waiting": {kind: queue.waiting for kind, queue in channels.items()},
        "kehu_deliveries_dead": {kind: queue.dead for kind, queue in channels.items()},
        "kehu_deliveries_oldest_seconds": {kind: _seconds(queue.oldest, now) for kind, queue in channels.items()},
        "kehu_workers": heartbeats.at_work(now),
        "kehu_backup_age_seconds": _seconds(backup, now) if backup else -1,
    }


def _seconds(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
