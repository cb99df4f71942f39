"""Which workers are at work: each says so in a row, every few seconds."""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta

import kehu

from .models import Heartbeat

PACE = timedelta(seconds=15)
SILENT_AFTER = timedelta(minutes=2)
"""Who has not been heard of for so long is not at work any more."""
_FORGOTTEN_AFTER = timedelta(days=1)


def beat(kind: str, *, now: datetime) -> None:
    process = f"{socket.gethostname()[:80]}:{os.getpid()}"
    Heartbeat.objects.update_or_create(
        process=process,
        defaults={"kind": kind, "version": kehu.__version__, "seen_at": now},
        create_defaults={"kind": kind, "version": kehu.__version__, "seen_at": now, "started_at": now},
    )
    Heartbeat.objects.filter(seen_at__lt=now - _FORGOTTEN_AFTER).delete()


def leave() -> None:
    """A worker that stops says so, and is not missed."""
    Heartbeat.objects.filter(process=f"{socket.gethostname()[:80]}:{os.getpid()}").delete()


def at_work(now: datetime, kind: str = "worker") -> int:
    return Heartbeat.objects.filter(kind=kind, seen_at__gte=now - SILENT_AFTER).count()
