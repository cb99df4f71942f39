"""Where sessions are kept (SESSION_ENGINE): Django's own store in the database, in rows that also say whose they are.

A session ends by its row: signed out, ended from another browser, idle too long, or too old. Asked in the statement that loads it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db.models import Q
from django.utils import timezone

from kehu.core.clearing import clear
from kehu.core.rows import Kept

from .models import Session

SEEN_EVERY = timedelta(minutes=5)
"""`seen_at` is written at most so often: a page normally writes nothing."""

SIGNED_IN_AT = "signed_in_at"
ADDRESS = "address"
AGENT = "agent"
_USER = "_auth_user_id"


def is_over(session: Session, now: datetime) -> bool:
    if session.user_id is None:
        return False
    if session.seen_at < now - timedelta(hours=settings.SESSION_IDLE_HOURS):
        return True
    return session.signed_in_at is not None and session.signed_in_at < now - timedelta(
        seconds=settings.SESSION_COOKIE_AGE
    )


class SessionStore(DatabaseStore):
    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        session: Session = super().create_model_instance(data)  # type: ignore[assignment]
        now = timezone.now()
        session.user_id = data.get(_USER)
        session.address = data.get(ADDRESS, "")[:45]
        session.agent = data.get(AGENT, "")[:300]
        session.signed_in_at = datetime.fromisoformat(data[SIGNED_IN_AT]) if SIGNED_IN_AT in data else now
        session.seen_at = now
        return session

    def _get_session_from_db(self) -> Session | None:
        session, now = _SESSION.first(self.session_key or ""), timezone.now()
        if session is None or session.expire_date <= now or is_over(session, now):
            if session:
                session.delete()
            self._session_key = None
            return None
        if session.user_id and session.seen_at < now - SEEN_EVERY:
            Session.objects.filter(pk=session.pk).update(seen_at=now)
        return session


_SESSION = Kept(Session, lambda sessions, key: sessions.filter(session_key=key), str)


def forget_expired(now: datetime) -> int:
    """Rows of sessions that are over; gives how many."""
    idle = now - timedelta(hours=settings.SESSION_IDLE_HOURS)
    return clear(Session.objects.filter(Q(expire_date__lt=now) | Q(seen_at__lt=idle, user__isnull=False)))
