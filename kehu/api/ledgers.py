"""Ledgers: read as their registers are; orders, deliveries, payments and products entered by the program that keeps them.

What is entered stays as it was entered: a correction is another entry (a return, an allowance). All of a request is entered, or nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal

from django.http import HttpResponse
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema
from pydantic import Field

from kehu.core.refusals import BadData, Finding
from kehu.engine.definitions import LedgerKey
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.orders import actions as orders
from kehu.ledgers.products import actions as products
from kehu.ledgers.receivables import actions as receivables
from kehu.organizations.permissions import must_administer
from kehu.reports.ledgers import LedgerView, Wish

from . import door
from .paging import Cursor, Next, cursor_of, place_of
from .reading import shown
from .shapes import Day, language
from .writing import Done, once

router = Router(tags=["ledgers"])
MOST = 1000
Code = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^\S(.*\S)?$")]
Number = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^\S(.*\S)?$", description="As the other program calls it; once per ledger.")]  # fmt: skip
CustomerCode = Annotated[str, Field(min_length=1, max_length=40)]
Currency = Annotated[str, Field("CNY", pattern=r"^[A-Z]{3}$", description="ISO 4217.")]
Quantity = Annotated[Decimal, Field(max_digits=15, decimal_places=3, gt=0)]
UnitPrice = Annotated[Decimal, Field(max_digits=15, decimal_places=4, ge=0)]
Money = Annotated[Decimal, Field(max_digits=17, decimal_places=2, gt=0)]


class _Sent(Schema):
    model_config = {"extra": "forbid"}


class OrderLine(_Sent):
    product: Code
    quantity: Quantity
    unit_price: UnitPrice = Decimal(0)


class NewOrder(_Sent):
    number: Number
    customer: CustomerCode
    ordered_on: Day
    currency: Currency
    rate: Decimal = Field(Decimal(1), gt=0, max_digits=14, decimal_places=6, description="What one unit of the currency was worth in the company's own.")  # fmt: skip
    lines: list[OrderLine] = Field(min_length=1, max_length=500)


class DeliveryLine(_Sent):
    product: Code
    quantity: Quantity
    unit_price: UnitPrice | None = Field(None, description="Only where it was not delivered at the customer's price.")
    priced_on: Day | None = Field(None, description="The day whose price counts, where it is another: of what comes back, the day it went out.")  # fmt: skip


class NewDelivery(_Sent):
    number: Number
    kind: Literal["delivered", "returned"] = "delivered"
    customer: CustomerCode
    delivered_on: Day
    order_number: str = Field("", max_length=60)
    currency: Currency
    lines: list[DeliveryLine] = Field(min_length=1, max_length=500)


class NewPayment(_Sent):
    customer: CustomerCode
    kind: Literal["received", "allowance"] = "received"
    received_on: Day
    amount: Money
    currency: Currency
    note: str = Field("", max_length=200)
    source: str = Field("", max_length=60, description="The number under which the other program keeps it.")


class NewProduct(_Sent):
    code: Code
    name: str = Field(min_length=1, max_length=200, pattern=r"\S")
    name_en: str = Field("", max_length=200)
    specification: str = Field("", max_length=200)
    unit: str = Field("", max_length=20)


class NewOrders(_Sent):
    orders: list[NewOrder] = Field(min_length=1, max_length=MOST)


class NewDeliveries(_Sent):
    deliveries: list[NewDelivery] = Field(min_length=1, max_length=MOST)


class NewPayments(_Sent):
    payments: list[NewPayment] = Field(min_length=1, max_length=MOST)


class NewProducts(_Sent):
    products: list[NewProduct] = Field(min_length=1, max_length=MOST)


class Entered(Schema):
    entered: int


class LedgerColumn(Schema):
    key: str
    title: str
    type: str | None


class LedgerPage(Schema):
    columns: list[LedgerColumn]
    rows: list[dict[str, Any]] = Field(description="By the columns' keys; amounts, quantities and prices as text.")
    count: int = Field(description="At most 1000.")
    next: Next


@router.get("/ledgers/{key}", response=LedgerPage, auth=door.needs("ledgers:read"), summary="Read a ledger")
def read_ledger(
    request: Any,
    key: LedgerKey,
    cursor: Cursor,
    customer: Annotated[str, Query("", max_length=40, description="A customer's code.")],
    state: Annotated[
        str, Query("", max_length=20, description="As the page offers it, such as `overdue` of statements.")
    ],  # fmt: skip
    since: Annotated[Day | None, Query(None)],
    until: Annotated[Day | None, Query(None, description="Included.")],
    q: Annotated[str, Query("", max_length=80)],
) -> HttpResponse:
    """Fifty rows at a time, in the ledger's order; for those whom the pack names as its readers."""
    view = LedgerView(request.organization, request.person, key, request.now, language())
    place = place_of(cursor, str)
    whose = _customers([("customer", customer)])[customer] if customer else None
    if state and state not in view.kind.states:
        names = ", ".join(filter(None, view.kind.states)) or "–"
        raise BadData([Finding("state", _("There is no such state; there are {states}.").format(states=names))])
    wish = Wish(text=q.strip(), state=state, customer=whose, first=since, last=until, after=place[0] if place else "")
    page = view.page(wish)
    rows = [
        {column.key: cell.value for column, cell in zip(view.columns, line.cells, strict=True)} for line in page.lines
    ]
    columns = [LedgerColumn(key=one.key, title=one.title, type=one.kind) for one in view.columns]
    after = cursor_of(page.after) if page.after else None
    return shown(request, LedgerPage(columns=columns, rows=rows, count=page.count, next=after))


@router.post("/orders", response={201: Entered}, auth=door.needs("ledgers:write"), summary="Enter orders")
def enter_orders(request: Any, new: NewOrders) -> HttpResponse:
    """For those whom the pack gives the right `ledgers`."""
    must_administer(request.person, "ledgers", request.organization)
    known = _customers((f"orders.{at}.customer", one.customer) for at, one in enumerate(new.orders))

    def act() -> Done:
        entered = orders.enter_orders(
            organization=request.organization,
            orders=[
                orders.NewOrder(
                    number=one.number,
                    customer=known[one.customer],
                    ordered_on=one.ordered_on,
                    currency=one.currency,
                    rate=one.rate,
                    lines=[orders.Line(line.product, line.quantity, line.unit_price) for line in one.lines],
                )
                for one in new.orders
            ],
            by=request.person.key,
            now=request.now,
        )
        return _entered(entered)

    return once(request, act)


@router.post(
    "/deliveries", response={201: Entered}, auth=door.needs("ledgers:write"), summary="Enter deliveries and returns"
)
def enter_deliveries(request: Any, new: NewDeliveries) -> HttpResponse:
    """Quantities are positive; `kind` says whether goods went out or came back."""
    must_administer(request.person, "ledgers", request.organization)
    known = _customers((f"deliveries.{at}.customer", one.customer) for at, one in enumerate(new.deliveries))

    def act() -> Done:
        entered = orders.enter_deliveries(
            organization=request.organization,
            deliveries=[
                orders.NewDelivery(
                    number=one.number,
                    customer=known[one.customer],
                    delivered_on=one.delivered_on,
                    kind=one.kind,
                    order_number=one.order_number,
                    lines=[_line(one, line) for line in one.lines],
                )
                for one in new.deliveries
            ],
            by=request.person.key,
            now=request.now,
        )
        return _entered(entered)

    return once(request, act)


@router.post(
    "/payments", response={201: Entered}, auth=door.needs("ledgers:write"), summary="Enter payments and allowances"
)
def enter_payments(request: Any, new: NewPayments) -> HttpResponse:
    """They settle nothing by themselves: the receivables procedure says what is settled."""
    must_administer(request.person, "ledgers", request.organization)
    known = _customers((f"payments.{at}.customer", one.customer) for at, one in enumerate(new.payments))

    def act() -> Done:
        facts = [one.model_dump() | {"customer": known[one.customer]} for one in new.payments]
        return _entered([receivables.post_payment(by=request.person.key, now=request.now, **one) for one in facts])

    return once(request, act)


@router.post("/products", response={201: Entered}, auth=door.needs("ledgers:write"), summary="Enter products")
def enter_products(request: Any, new: NewProducts) -> HttpResponse:
    """One that is there already stays as it is."""
    must_administer(request.person, "ledgers", request.organization)

    def act() -> Done:
        common = {"organization": request.organization, "by": request.person.key, "now": request.now}
        return _entered([products.enter(**common, **one.model_dump()) for one in new.products])

    return once(request, act)


def _line(delivery: NewDelivery, line: DeliveryLine) -> orders.Line:
    quantity = line.quantity if delivery.kind == "delivered" else -line.quantity
    currency = delivery.currency if line.unit_price is not None else ""
    return orders.Line(line.product, quantity, line.unit_price, currency, line.priced_on)


def _customers(named: Iterable[tuple[str, str]]) -> dict[str, Customer]:
    """The customers of these codes; who was merged is whom he was merged into. Every unknown one is told, with its place."""
    places = list(named)
    rows = Customer.objects.select_related("merged_into").filter(code__in={code for _place, code in places})
    found = {one.code: one.merged_into or one for one in rows}
    if missing := [(place, code) for place, code in places if code not in found]:
        raise BadData(
            [Finding(place, _("There is no customer “{value}”.").format(value=code)) for place, code in missing]
        )
    return found


def _entered(rows: Sequence[Any]) -> Done:
    return Done(Entered(entered=len(rows)), 201)
