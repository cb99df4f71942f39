"""What cases say of a customer, for his page: the fields that a procedure's `customer_page:` names, with their date, the latest first."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kehu.cases.models import Case
from kehu.core.models import Organization
from kehu.core.rows import Kept
from kehu.ledgers.customers.models import Customer
from kehu.procedures import revisions

from .records import Reader

SHOWN = 5
_LATEST = 20
"""So many of a procedure's latest cases are looked through: the last ones may not have come so far."""


@dataclass(frozen=True)
class Said:
    number: str
    title: str
    at: Any
    day: str
    values: dict[str, Any]
    fields: list[tuple[str, str]]
    """Title and text."""


_CASES = Kept(
    Case,
    lambda cases, customer, procedure: (
        cases.filter(customer=customer, procedure=procedure)
        .exclude(status="voided")
        .select_related("customer__owner", "revision")
        .order_by("-pk")
    ),
    int,
    int,
    limit=_LATEST,
)


def said_of(
    organization: Organization, customer: Customer, procedures: Collection[str], now: datetime, language: str
) -> list[Said]:
    """Of these procedures."""
    found = [one for key in procedures for one in _said_in(organization, key, customer, now, language)]
    return sorted(found, key=lambda one: (one.day, one.number), reverse=True)[:SHOWN]


def _said_in(organization: Organization, key: str, customer: Customer, now: datetime, language: str) -> Iterator[Said]:
    running = revisions.procedures_of(organization).get(key)
    page = running.procedure.customer_page if running else None
    if running is None or page is None:
        return
    reader = Reader(organization, key, now, language)
    for case in _CASES(customer.pk, reader.procedure.pk):
        facts = reader.facts(case)
        fields = {name: reader.fields.get(name) for name in page.fields}
        values = {name: facts.get(name) for name in page.fields}
        said = [(field, values[name]) for name, field in fields.items() if field and values[name] not in (None, "", [])]
        if said and (at := facts.get(page.at)):
            yield Said(
                case.number,
                running.procedure.form.title.in_(language),
                at,
                reader.words(reader.fields.get(page.at), at),
                values,
                [(field.title.in_(language), reader.words(field, value)) for field, value in said],
            )
