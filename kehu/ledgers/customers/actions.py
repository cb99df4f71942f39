"""What may be done with customers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from kehu.core import events
from kehu.core.models import Organization
from kehu.organizations.models import Member

from .models import Contact, Customer
from .pinyin import initials


@transaction.atomic
def enter(
    *,
    organization: Organization,
    code: str,
    name: str,
    by: str,
    now: datetime,
    owner: Member | None = None,
    contact: dict[str, str] | None = None,
    **facts: Any,
) -> Customer:
    """A line in the customer directory, with its first contact."""
    customer = Customer.objects.create(
        organization=organization,
        code=code,
        name=name,
        owner=owner,
        initials=initials(facts.get("short_name") or name),
        **facts,
    )
    if contact:
        Contact.objects.create(organization=organization, customer=customer, **contact)
    events.record(organization, "customer.entered", by=by, at=now, customer=code)
    return customer


@transaction.atomic
def class_customer(*, customer: Customer, grade: str, cause: str, by: str, now: datetime) -> None:
    """The customer is classed; `cause` names the case that decided it."""
    before = customer.grade
    customer.grade = grade
    customer.save(update_fields=["grade"])
    events.record(
        customer.organization,
        "customer.classed",
        by=by,
        at=now,
        customer=customer.code,
        before=before,
        grade=grade,
        cause=cause,
    )
