"""What may be done with customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.core import events
from kehu.core.models import Organization
from kehu.core.refusals import BadData, Conflict, Finding, OutOfOrder
from kehu.organizations.models import Member

from . import words
from .models import Contact, Customer
from .pinyin import initials

CHANGEABLE = ("name", "name_en", "short_name", "status", "owner", "address", "main_products")
"""What is written by hand. The class is not: a procedure decides it."""


class CodeTaken(Conflict):
    code = "customer.code_taken"
    message = gettext_lazy("There is a customer {number} already.")


class NoSuchCustomer(OutOfOrder):
    code = "customer.not_found"
    status = 404
    message = gettext_lazy("There is no customer {number}.")


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
    contacts: Sequence[Mapping[str, str]] = (),
    **facts: Any,
) -> Customer:
    """A line in the customer directory, with its contacts."""
    try:
        with transaction.atomic():
            customer = Customer.objects.create(
                organization=organization,
                code=code,
                name=name,
                owner=owner,
                initials=initials(facts.get("short_name") or name),
                **facts,
            )
    except IntegrityError:
        raise CodeTaken(number=code) from None
    words.enter_new(customer, _meet(customer, [contact] if contact else contacts))
    events.record(organization, "customer.entered", by=by, at=now, customer=code)
    return customer


@transaction.atomic
def transfer(*, organization: Organization, member: Member, to: Member | None, by: str, now: datetime) -> int:
    """All of a member's customers are somebody else's from now on. Gives how many."""
    found = Customer.objects.filter(owner=member)
    codes = list(found.order_by("code").values_list("code", flat=True))
    if codes:
        found.update(owner=to)
        facts = {"from": member.key, "to": to.key if to else "", "customers": codes}
        events.record(organization, "customers.transferred", by=by, at=now, **facts)
    return len(codes)


@transaction.atomic
def change(
    *,
    customer: Customer,
    changes: Mapping[str, Any],
    by: str,
    now: datetime,
    contacts: Sequence[Mapping[str, str]] | None = None,
) -> Customer:
    """What is written by hand is written anew; `contacts` replace those there are. The caller holds the customer's lock."""
    if unknown := sorted(changes.keys() - set(CHANGEABLE)):
        raise BadData([Finding(name, _("“{name}” cannot be changed here.").format(name=name)) for name in unknown])
    told: dict[str, Any] = {}
    met: list[Contact] = []
    for name, value in changes.items():
        before = getattr(customer, name)
        if before != value:
            told[name] = [_as_told(before), _as_told(value)]
            setattr(customer, name, value)
    if contacts is not None:
        before = list(customer.contacts.order_by("pk").values("name", "title", "phone", "email"))
        after = [{"name": "", "title": "", "phone": "", "email": "", **one} for one in contacts]
        if before != after:
            told["contacts"] = [before, after]
            customer.contacts.all().delete()
            met = _meet(customer, contacts)
    if told:
        customer.initials = initials(customer.short_name or customer.name)
        customer.save()
        words.enter_new(customer, met)
        events.record(customer.organization, "customer.changed", by=by, at=now, customer=customer.code, changes=told)
    return customer


def _meet(customer: Customer, contacts: Sequence[Mapping[str, str]]) -> list[Contact]:
    return Contact.objects.bulk_create(
        Contact(organization_id=customer.organization_id, customer=customer, **contact) for contact in contacts
    )


def _as_told(value: Any) -> Any:
    return value.key if isinstance(value, Member) else value


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
