"""What may be done with customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.core import events
from kehu.core.models import Organization
from kehu.core.refusals import AgainstTheRule, BadData, Conflict, Finding, OutOfOrder
from kehu.core.wording import listed
from kehu.organizations.models import Member
from kehu.organizations.queries import local_now

from . import words
from .models import Classing, Contact, Customer
from .pinyin import initials
from .twins import tidied

CHANGEABLE = (
    *("name", "name_en", "short_name", "status", "owner", "address", "main_products", "source", "referrer"),
    *("tax_number", "currency", "payment_term", "payment_days", "wants_invoice"),
)
"""What is written by hand. The class is not: a procedure decides it."""


class CodeTaken(Conflict):
    code = "customer.code_taken"
    message = gettext_lazy("There is a customer {number} already.")


class TaxNumberTaken(Conflict):
    code = "customer.tax_number_taken"
    message = gettext_lazy(
        "{number} {name} has this tax number, so it is the same company. Use that customer, or correct the number."
    )


class NoSuchCustomer(OutOfOrder):
    code = "customer.not_found"
    status = 404
    message = gettext_lazy("There is no customer {number}.")


class NotMergeable(AgainstTheRule):
    code = "customer.not_mergeable"
    message = gettext_lazy("{number} cannot be merged into {into}: {why}")


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
    facts["tax_number"] = tidied(facts.get("tax_number", ""))
    _must_be_nobody_s(facts["tax_number"])
    try:
        with transaction.atomic():
            customer = Customer.objects.create(
                organization=organization,
                code=code,
                name=name,
                owner=owner,
                initials=initials(facts.get("short_name") or name),
                is_key=is_key_class(organization, facts.get("grade", "")),
                filed_on=facts.pop("filed_on", None) or local_now(organization, now).date(),
                **facts,
            )
    except IntegrityError:
        raise CodeTaken(number=code) from None
    words.enter_new(customer, _meet(customer, [contact] if contact else contacts))
    events.record(organization, "customer.entered", by=by, at=now, customer=code)
    return customer


def is_key_class(organization: Organization, grade: str) -> bool:
    known = organization.pack.get("customer_classes") or {}
    return bool((known.get(grade) or {}).get("key"))


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
        if name == "tax_number" and (value := tidied(value)) != before:
            _must_be_nobody_s(value, but=customer)
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


def _must_be_nobody_s(tax_number: str, but: Customer | None = None) -> None:
    """One company has one tax number. Who was merged into another does not count."""
    if tax_number:
        others = Customer.objects.filter(tax_number=tax_number, merged_into=None)
        if other := (others.exclude(pk=but.pk) if but else others).first():
            raise TaxNumberTaken(number=other.code, name=other.short_name or other.name)


def _meet(customer: Customer, contacts: Sequence[Mapping[str, str]]) -> list[Contact]:
    return Contact.objects.bulk_create(
        Contact(organization_id=customer.organization_id, customer=customer, **contact) for contact in contacts
    )


def _as_told(value: Any) -> Any:
    match value:
        case Member():
            return value.key
        case Customer():
            return value.code
        case date():
            return value.isoformat()
    return value


@transaction.atomic
def class_customer(*, customer: Customer, grade: str, valid_from: date, cause: str, by: str, now: datetime) -> None:
    """The customer is classed. Only a procedure decides that: `cause` is the number of its case."""
    assert cause, "a class is decided by a case"
    customer = Customer.objects.select_for_update().get(pk=customer.pk)
    organization = customer.organization
    known = organization.pack.get("customer_classes") or {}
    if known and grade not in known:
        raise BadData([Finding("class", _("There is no class “{grade}”; there are {known}.").format(grade=grade, known=listed(known)))])  # fmt: skip
    if valid_from > local_now(organization, now).date():
        raise BadData([Finding("valid_from", _("A class is valid from today or earlier; {day} is still to come.").format(day=valid_from))])  # fmt: skip
    last = customer.classings.last()
    if last and valid_from < last.valid_from:
        message = _("{number} has had class {grade} since {day}; an earlier day cannot be chosen any more.")
        raise BadData([Finding("valid_from", message.format(number=customer.code, grade=last.grade, day=last.valid_from))])  # fmt: skip
    before = customer.grade
    customer.grade, customer.is_key = grade, is_key_class(organization, grade)
    customer.save(update_fields=["grade", "is_key"])
    Classing.objects.create(
        organization=organization,
        customer=customer,
        before=before,
        grade=grade,
        valid_from=valid_from,
        cause=cause,
        by=by,
        at=now,
    )
    facts = {"customer": customer.code, "before": before, "grade": grade, "valid_from": valid_from.isoformat()}
    events.record(organization, "customer.classed", by=by, at=now, cause=cause, **facts)


@transaction.atomic
def change_status(*, customer: Customer, status: str, reason: str, by: str, now: datetime) -> None:
    """He becomes active, goes dormant, is a customer no longer. The caller holds the customer's lock."""
    before, customer.status = customer.status, status
    if before == status:
        return
    customer.save(update_fields=["status"])
    facts = {"customer": customer.code, "before": before, "status": status, "reason": reason}
    events.record(customer.organization, "customer.status_changed", by=by, at=now, **facts)


@transaction.atomic
def merge(*, customer: Customer, into: Customer, reason: str, by: str, now: datetime) -> None:
    """Two lines of the directory are one customer: the first is closed and points to the second, who has its contacts too. The
    second keeps what is written of him; what only the first has is taken over. The class is not: a procedure decides it."""
    one, other = _locked(customer, into)
    if why := _against_merging(one, other):
        raise NotMergeable(number=one.code, into=other.code, why=why)
    taken = {
        name: value
        for name in CHANGEABLE
        if name not in ("status", "owner")
        and (value := getattr(one, name))
        and not getattr(other, name)
        and value != other
    }
    for name, value in taken.items():
        setattr(other, name, value)
    known = set(other.contacts.values_list("name", "phone"))
    moved = [contact for contact in one.contacts.all() if (contact.name, contact.phone) not in known]
    Contact.objects.filter(pk__in=[contact.pk for contact in moved]).update(customer=other)
    Customer.objects.filter(merged_into=one).update(merged_into=other)
    Customer.objects.filter(referrer=one).exclude(pk=other.pk).update(referrer=other)
    one.status, one.merged_into = Customer.Status.CLOSED, other
    one.save()
    other.initials = initials(other.short_name or other.name)
    other.save()
    words.enter_new(other, moved)
    facts = {
        "customer": one.code,
        "into": other.code,
        "reason": reason,
        "taken": {name: _as_told(value) for name, value in taken.items()},
        "contacts": [contact.name for contact in moved],
    }
    events.record(one.organization, "customer.merged", by=by, at=now, **facts)


def _locked(*customers: Customer) -> list[Customer]:
    """In the order asked for, but locked in one order, so that two who merge the same only wait."""
    keys = [customer.pk for customer in customers]
    found = {one.pk: one for one in Customer.objects.select_for_update().filter(pk__in=keys).order_by("pk")}
    return [found[key] for key in keys]


def _against_merging(one: Customer, into: Customer) -> str:
    """Why these two cannot be one customer; nothing where they can."""
    if one.pk == into.pk:
        return _("it is the same customer.")
    if one.merged_into_id:
        return _("{number} was merged already.").format(number=one.code)
    if into.merged_into_id or into.status == Customer.Status.CLOSED:
        return _("{number} is closed; merge the other way round.").format(number=into.code)
    if one.tax_number and into.tax_number and one.tax_number != into.tax_number:
        return _("they have two tax numbers, so they are two companies.")
    return ""
