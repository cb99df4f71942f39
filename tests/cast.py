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

import psycopg
import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.models import Model
from django.test import Client

from kehu.cases import actions
from kehu.cases.examples import stage
from kehu.cases.models import Case
from kehu.core.models import Organization, User, fresh_version
from kehu.core.scope import every_organization, scope
from kehu.organizations.models import Member
from kehu.procedures.packs import LoadedPack, load

ROOT = Path(__file__).parents[1]
SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text: str) -> datetime:
    """A moment in the factory's time zone: at("2024-03-15 14:00")."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


FOUNDED = at("2024-03-01 08:00")
FRIDAY = at("2024-03-15 14:00")


@lru_cache
def mfg_pack() -> LoadedPack:
    return load(ROOT / "packs" / "mfg")


def witnesses() -> list[str]:
    """Positions to walk everything with: one of each rank in the department that owns the complaints, in one that takes part in the
    case, and in any other. What somebody may follows from rank and department."""
    pack = mfg_pack().pack
    assert pack
    found: dict[tuple[str, str], str] = {}
    for key, position in sorted(pack.positions.items()):
        place = position.department if position.department in ("sales", "quality") else "any other"
        found.setdefault((place, position.rank), key)
    return sorted({*found.values(), "qa_head", "finance"})


@lru_cache
def _companies(since: datetime) -> dict[str, list[list[Model]]]:
    """Every row of both companies, by kind of row. They are set up once a process; a test puts the rows back, which takes a
    fraction of the time."""
    found: dict[str, list[list[Model]]] = {}
    with transaction.atomic(), every_organization():
        for key in ("mfg", "other"):
            organization = stage(mfg_pack().named(key), since)
            kinds = [model for model in apps.get_models() if "organization" in {f.name for f in model._meta.fields}]
            rows = [list(model._base_manager.filter(organization=organization)) for model in kinds]
            found[key] = [[Organization.objects.get(pk=organization.pk)], *filter(None, rows)]
            _leave_room([Organization, *kinds])
        transaction.set_rollback(True)
    return found


def _leave_room(models: list[type[Model]]) -> None:
    """Rows made from now on have keys far above: what a test writes before the other company comes is not in its way."""
    with connection.cursor() as cursor:
        for model in models:
            table = model._meta.db_table
            if connection.vendor == "sqlite":
                cursor.execute("UPDATE sqlite_sequence SET seq = seq + 1000000 WHERE name = %s", [table])
            elif model._meta.auto_field:
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 1000000 + (SELECT count(*) FROM {table}))"
                )


@lru_cache
def _written(key: str, since: datetime) -> list[tuple[str, Any]]:
    """The statements that write the company's rows, with what they are given. Sent again as they are, they cost a fifth of
    what Django takes to make them; on PostgreSQL, as one text, a tenth."""
    kinds, found = _companies(since)[key], []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found.append((sql, params))
        return execute(sql, params, many, context)

    with transaction.atomic(), every_organization(), connection.execute_wrapper(note):
        for kind in kinds:
            type(kind[0])._base_manager.bulk_create(kind)
        transaction.set_rollback(True)
    inserts = [(sql, params) for sql, params in found if sql.startswith("INSERT")]
    if connection.vendor == "sqlite":
        return inserts
    writer = psycopg.ClientCursor(connection.connection)
    return [(";".join(writer.mogrify(sql, params) for sql, params in inserts), None)]


def company(key: str, since: datetime = FOUNDED) -> Organization:
    statements, organization = _written(key, since), _companies(since)[key][0][0]
    with transaction.atomic(), every_organization(), connection.cursor() as cursor:
        for sql, params in statements:
            cursor.execute(sql, params)
        Organization.objects.filter(pk=organization.pk).update(version=fresh_version())
        return Organization.objects.get(pk=organization.pk)


@pytest.fixture
def mfg(db: Any) -> Iterator[Organization]:
    """The factory, with every query of the test scoped to it."""
    organization = company("mfg")
    with scope(organization):
        yield organization


@pytest.fixture
def stranger(db: Any) -> Organization:
    """Another company of the same kind, with a general manager of its own."""
    return company("other")


def sign_in(client: Client, organization: Organization, key: str) -> Client:
    """The member signs in; he gets a user the first time."""
    with scope(organization):
        member = Member.objects.select_related("user").get(key=key)
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
        if procedure == "customer-complaint":
            goods = {"product": "BR-120", "kind": "quality", "content": "毛刺超差"}
            values = {"received_at": self.now, "channel": "email", **goods} | values
        self.case = actions.open_case(
            organization=self.organization, procedure=procedure, by=by, now=self.now, customer=customer, values=values
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
