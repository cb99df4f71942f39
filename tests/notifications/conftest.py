"""Who is told in these tests, and the servers that take it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kehu.core import clock
from kehu.core.models import Organization
from kehu.notifications import sending
from kehu.organizations.models import Member
from tests.cast import FRIDAY

from .servers import CallServer, MailServer, call_server, mail_server


@pytest.fixture(autouse=True)
def _friday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda organization=None: FRIDAY)
    monkeypatch.setattr(sending, "BUDGET", float("inf"))  # no test depends on how busy the computer is


@pytest.fixture
def deputy(mfg: Organization) -> Member:
    """Accepts complaints; has a mailbox."""
    member = Member.objects.get(key="sales_deputy_manager")
    member.email = "deputy@example.com"
    member.save()
    return member


@pytest.fixture
def smtp(settings: Any) -> Iterator[MailServer]:
    with mail_server() as server:
        use(settings, server.port)
        yield server


def use(settings: Any, port: int) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, 5


@pytest.fixture
def outside(settings: Any) -> Iterator[CallServer]:
    """Somebody's server, in this network."""
    settings.PRIVATE_ADDRESSES = True
    with call_server() as server:
        yield server
