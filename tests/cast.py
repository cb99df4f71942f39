"""One company and its people, the same in every test: the factory of packs/mfg, with one holder for every position.

Hengyue's sales receiver and rep, their deputy manager, the heads and managers of quality and engineering, the vice GM who rules; and
of another company (`stranger`) a general manager who must see nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from kehu.cases import actions
from kehu.cases.examples import stage
from kehu.cases.models import Case
from kehu.core.models import Organization, User
from kehu.core.scope import scope
from kehu.organizations.models import Member
from kehu.procedures.packs import LoadedPack, load

ROOT = Path(__file__).parents[1]
SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text: str) -> datetime:
    """A moment in the factory's time zone: at("2024-03-15 14:00")."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


FRIDAY = at("2024-03-15 14:00")


@lru_cache
def mfg_pack() -> LoadedPack:
    return load(ROOT / "packs" / "mfg")


@pytest.fixture
def mfg(db: Any) -> Iterator[Organization]:
    """The factory, with every query of the test scoped to it."""
    organization = stage(mfg_pack(), at("2024-03-01 08:00"))
    with scope(organization):
        yield organization


@pytest.fixture
def stranger(db: Any) -> Organization:
    """Another company of the same kind, with a general manager of its own."""
    return stage(mfg_pack().named("other"), at("2024-03-01 08:00"))


def sign_in(client: Client, organization: Organization, key: str) -> Client:
    """The member signs in; he gets a user the first time."""
    member = Member.everywhere.get(organization=organization, key=key)
    if member.user is None:
        member.user = User.objects.create_user(f"{organization.key}.{key}", language=member.language)
        member.save(update_fields=["user"])
    client.force_login(member.user)
    return client


class Telling:
    """A story told in code: `complaint.do("accept-complaint", by="sales_deputy_manager", …)`."""

    def __init__(self, organization: Organization, now: datetime = FRIDAY):
        self.organization, self.now = organization, now
        self.case: Case | None = None

    @property
    def number(self) -> str:
        assert self.case
        return str(self.case.number)

    def start(
        self,
        procedure: str = "customer-complaint",
        by: str = "sales_receiver",
        customer: str | None = "C0001",
        **values: Any,
    ) -> Telling:
        filled = {
            "received_at": self.now,
            "channel": "email",
            "product": "BR-120",
            "kind": "quality",
            "content": "毛刺超差",
        } | values
        self.case = actions.open_case(
            organization=self.organization, procedure=procedure, by=by, now=self.now, customer=customer, values=filled
        )
        return self

    def do(
        self, step: str, by: str, item: str = "", outcome: str | None = None, reason: str = "", **values: Any
    ) -> Telling:
        self.case = actions.complete(
            organization=self.organization,
            number=self.number,
            step=step,
            by=by,
            now=self.now,
            item=item,
            outcome=outcome,
            reason=reason,
            values=values,
        )
        return self

    def open_steps(self) -> list[str]:
        assert self.case
        return sorted(str(task) for task in self.case.tasks.filter(state="open"))


@pytest.fixture
def complaint(mfg: Organization) -> Telling:
    """A complaint by e-mail, received on a Friday afternoon."""
    return Telling(mfg).start()


def to_departments(telling: Telling, *departments: str) -> Telling:
    """The complaint as far as the departments' countermeasures."""
    telling.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    telling.do(
        "fill-sheet",
        by="sales_rep",
        outcome="clear",
        customer_form_required=False,
        departments=[{"department": department} for department in departments],
    )
    telling.do("approve-sheet", by="sales_deputy_manager", outcome="approve", tracker="complaint_tracker")
    notices = [{"department": department, "notified_at": telling.now} for department in departments]
    return telling.do("notify-departments", by="complaint_tracker", notices=notices)
