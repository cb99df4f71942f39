"""What leaves: the outbox handed out, and everything sent that is due."""

from __future__ import annotations

from datetime import datetime

from kehu.core.models import Organization

from .outbox import hand_out
from .sending import send_waiting


def deliver(now: datetime, *, organization: Organization) -> int:
    """Both, one after the other; gives how many messages were handed out. A worker does them side by side."""
    handed = hand_out(now, organization=organization)
    send_waiting(now, organization=organization)
    return handed
