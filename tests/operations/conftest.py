"""A company with something of every kind: cases that are open, sent back and voided, files, a seal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile

from kehu.cases import actions, attachments, pauses
from kehu.core.models import Organization
from kehu.core.scope import scope
from kehu.operations import seals
from tests.cast import FRIDAY, Telling, to_departments


@pytest.fixture(autouse=True)
def kept_apart(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"


def live(organization: Organization) -> Telling:
    """Three complaints: one with the departments and with a file, one sent back and paused for an hour, one voided; all of it sealed."""
    with scope(organization):
        complaint = to_departments(Telling(organization).start(), "quality", "engineering")
        upload = ContentFile("毛刺超差 0.3 mm".encode(), name="report.txt")
        attachments.attach(
            organization=organization, number=complaint.number, uploads=[upload], by="sales_rep", now=FRIDAY
        )
        returned, voided = Telling(organization).start(), Telling(organization).start()
        common = {"organization": organization, "by": "sales_deputy_manager", "now": FRIDAY}
        actions.send_back(
            **common, number=returned.number, step="accept-complaint", to="receive-complaint", reason="which product?"
        )
        pauses.pause(**common, number=returned.number, reason="the customer is on holiday")
        pauses.resume(**(common | {"now": FRIDAY + timedelta(hours=1)}), number=returned.number)
        actions.void(**common, number=voided.number, reason="opened twice")
        seals.seal_day(organization, FRIDAY + timedelta(days=1))
        return complaint


@pytest.fixture
def lively(mfg: Organization) -> Telling:
    return live(mfg)
