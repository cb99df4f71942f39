"""The customer directory: read, entered, changed. The class of a customer is not changed here: a procedure decides it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import HttpResponse
from django.utils.translation import gettext as _
from ninja import Path, Query, Router, Schema
from pydantic import Field

from kehu.cases.merging import merge_customers
from kehu.core.refusals import BadData, Finding
from kehu.ledgers.customers import actions
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.customers.queries import named
from kehu.organizations.models import Member
from kehu.organizations.permissions import must_administer

from . import door
from .paging import Cursor, Limit, Next, cursor_of, place_of
from .reading import shown, tagged
from .shapes import ROOT
from .writing import ChangedSince, Done, once

router = Router(tags=["customers"])
Code = Annotated[str, Path(max_length=40)]
Status = Literal["prospect", "active", "dormant", "closed"]


class ContactOf(Schema):
    model_config = {"extra": "forbid"}

    name: str = Field(min_length=1, max_length=80)
    title: str = Field("", max_length=80)
    phone: str = Field("", max_length=40)
    email: str = Field("", max_length=254, pattern=r"^([^@\s]+@[^@\s]+)?$")


class CustomerLine(Schema):
    code: str
    name: str
    name_en: str
    short_name: str
    class_: str = Field(serialization_alias="class", description="As a procedure decided it.")
    is_key: bool
    status: str
    owner: str | None = Field(description="The member who looks after him.")
    address: str
    main_products: str
    tax_number: str
    currency: str
    payment_term: str
    payment_days: int | None = Field(description="Days after the month's end.")
    wants_invoice: bool
    source: str
    referrer: str | None = Field(description="The code of the customer who brought him.")
    merged_into: str | None = Field(description="The code of the customer whom he turned out to be.")
    url: str


class FullCustomer(CustomerLine):
    contacts: list[ContactOf]


class CustomerPage(Schema):
    customers: list[CustomerLine]
    next: Next


class _Written(Schema):
    model_config = {"extra": "forbid"}

    name_en: str = Field("", max_length=200)
    short_name: str = Field("", max_length=60)
    status: Status = "active"
    owner: str | None = Field(None, max_length=60, description="A member's key.")
    address: str = Field("", max_length=200)
    main_products: str = Field("", max_length=200)
    tax_number: str = Field("", max_length=40)
    currency: str = Field("", pattern=r"^([A-Z]{3})?$")
    payment_term: str = Field("", max_length=60)
    payment_days: int | None = Field(None, ge=0, le=999)
    wants_invoice: bool = False
    source: str = Field("", max_length=60)
    contacts: list[ContactOf] = Field([], max_length=100)


class NewCustomer(_Written):
    code: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")
    name: str = Field(min_length=1, max_length=200, pattern=r"\S")


class Changes(_Written):
    """Only what is sent is changed; `contacts` replace those there are."""

    name: str = Field("", min_length=1, max_length=200, pattern=r"\S")


@router.get("/customers", response=CustomerPage, auth=door.needs("customers:read"), summary="List customers")
def list_customers(
    request: Any,
    limit: Limit,
    cursor: Cursor,
    q: Annotated[str, Query("", max_length=80, description="Code, name, or pinyin initials.")],
    grade: Annotated[str, Query("", max_length=20, alias="class")],
    status: Annotated[Literal["", "prospect", "active", "dormant", "closed"], Query("")],
    owner: Annotated[str, Query("", max_length=60, description="A member's key.")],
) -> HttpResponse:
    """By code."""
    place = place_of(cursor, str)
    found = Customer.objects.select_related("owner", "referrer", "merged_into")
    asked = {"grade": grade, "status": status, "owner__key": owner}
    found = found.filter(**{name: value for name, value in asked.items() if value})
    if q.strip():
        found = found.filter(named(q))
    if place:
        found = found.filter(code__gt=place[0])
    customers = list(found.order_by("code")[: limit + 1])
    page = customers[:limit]
    after = cursor_of(page[-1].code) if len(customers) > limit else None
    return shown(request, CustomerPage(customers=[CustomerLine(**_line(one)) for one in page], next=after))


@router.get("/customers/{code}", response=FullCustomer, auth=door.needs("customers:read"), summary="Read a customer")
def read_customer(request: Any, code: Code) -> HttpResponse:
    return shown(request, _full(_found(code)))


@router.post("/customers", response={201: FullCustomer}, auth=door.needs("customers:write"), summary="Enter a customer")
def enter_customer(request: Any, new: NewCustomer) -> HttpResponse:
    """For those whom the pack gives the right `customers`."""
    must_administer(request.person, "customers", request.organization)

    def act() -> Done:
        facts = _facts(new, new.model_dump(exclude={"contacts"}))
        customer = actions.enter(
            organization=request.organization,
            by=request.person.key,
            now=request.now,
            contacts=[one.model_dump() for one in new.contacts],
            **facts,
        )
        found = _full(customer)
        return Done(found, 201, headers={"Location": found.url})

    return once(request, act)


@router.patch(
    "/customers/{code}", response=FullCustomer, auth=door.needs("customers:write"), summary="Change a customer"
)
def change_customer(request: Any, code: Code, changes: Changes) -> HttpResponse:
    """With `If-Match` only if he is still as you read him."""
    must_administer(request.person, "customers", request.organization)

    def act() -> Done:
        customer = _found(code, lock=True)
        _must_be(request, customer)
        sent = changes.model_dump(exclude_unset=True, exclude={"contacts"})
        contacts = [one.model_dump() for one in changes.contacts] if "contacts" in changes.model_fields_set else None
        actions.change(
            customer=customer,
            changes=_facts(changes, sent),
            contacts=contacts,
            by=request.person.key,
            now=request.now,
        )
        return Done(_full(customer))

    return once(request, act)


class Merger(Schema):
    model_config = {"extra": "forbid"}

    into: str = Field(min_length=1, max_length=40, description="The code of the customer whom he turned out to be.")
    reason: str = Field(min_length=1, max_length=400, pattern=r"\S")


@router.post(
    "/customers/{code}/merger",
    response=FullCustomer,
    auth=door.needs("customers:write"),
    summary="Merge two customers that are one",
)
def merge(request: Any, code: Code, merger: Merger) -> HttpResponse:
    """He is closed and points to the other, who has his open cases, contacts, orders, prices and receivables. Answers the other."""
    must_administer(request.person, "customers", request.organization)

    def act() -> Done:
        common = {"organization": request.organization, "by": request.person.key, "now": request.now}
        merge_customers(customer=_found(code).code, into=_found(merger.into).code, reason=merger.reason, **common)
        return Done(_full(_found(merger.into)))

    return once(request, act)


def _must_be(request: Any, customer: Customer) -> None:
    asked = request.headers.get("If-Match", "*").strip()
    if asked != "*" and tagged(None, _full(customer).model_dump_json(by_alias=True)) not in asked:
        raise ChangedSince()


def _found(code: str, *, lock: bool = False) -> Customer:
    customers = Customer.objects.select_related("owner", "referrer", "merged_into")
    found = (customers.select_for_update(of=("self",)) if lock else customers).filter(code=code).first()
    if found is None:
        raise actions.NoSuchCustomer(number=code)
    return found


def _facts(given: _Written, facts: dict[str, Any]) -> dict[str, Any]:
    """With the owner as a member."""
    if "owner" in facts:
        facts["owner"] = None
    if given.owner and "owner" in facts:
        facts["owner"] = Member.objects.filter(key=given.owner, left_on=None).first()
        if facts["owner"] is None:
            raise BadData([Finding("owner", _("There is nobody called “{value}” here.").format(value=given.owner))])
    return facts


def _line(customer: Customer) -> dict[str, Any]:
    return {
        "code": customer.code,
        "name": customer.name,
        "name_en": customer.name_en,
        "short_name": customer.short_name,
        "class_": customer.grade,
        "is_key": customer.is_key,
        "status": customer.status,
        "owner": customer.owner.key if customer.owner else None,
        "address": customer.address,
        "main_products": customer.main_products,
        "tax_number": customer.tax_number,
        "currency": customer.currency,
        "payment_term": customer.payment_term,
        "payment_days": customer.payment_days,
        "wants_invoice": customer.wants_invoice,
        "source": customer.source,
        "referrer": customer.referrer.code if customer.referrer else None,
        "merged_into": customer.merged_into.code if customer.merged_into else None,
        "url": f"{ROOT}/customers/{customer.code}",
    }


def _full(customer: Customer) -> FullCustomer:
    contacts = customer.contacts.order_by("pk").values("name", "title", "phone", "email")
    return FullCustomer(**_line(customer), contacts=[ContactOf.model_construct(**one) for one in contacts])
