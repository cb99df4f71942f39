"""Cases and orders: what customers ordered in a year, for the review of their classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kehu.core.models import Organization
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.orders import actions, queries
from kehu.ledgers.orders.models import Delivery

from . import Answer, Lines
from .reading import currency_in, customer_in, day_in, day_said, first, number_in, product_in, today_of

if TYPE_CHECKING:
    from ..folder import Folder


def orders_of_customer(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`orders_of_customer`: what the case's customer ordered this year up to today, or from `first` to `last`. Answers
    `orders_count`, `orders_amount` (in the company's own currency) and `last_order_date`."""
    customer = folder.case.customer
    found = queries.figures([customer.pk], *_period(folder, arguments)) if customer else {}
    return None, _as_facts(found.get(customer.pk if customer else 0, queries.Figures()))


def delivered_last_month(customers: Sequence[int], day: date) -> Mapping[int, bool]:
    """For schedules: to whom something was delivered, or who gave something back, in the month before that day's."""
    until = day.replace(day=1)
    moved = queries.delivered_between((until - timedelta(days=1)).replace(day=1), until)
    found = set(moved.filter(pk__in=customers).values_list("pk", flat=True))
    return {pk: pk in found for pk in customers}


def orders_by_customer(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`orders_by_customer` with `owner` (the starter): the same for each of his active customers. Answers `rows` with `customer`,
    `name`, `present_class`, `orders_count`, `orders_amount`, `last_order_date`."""
    owner = str(arguments.get("owner") or folder.starter)
    customers = list(Customer.objects.filter(owner__key=owner, status=Customer.Status.ACTIVE).order_by("code"))
    found = queries.figures([customer.pk for customer in customers], *_period(folder, arguments))
    rows = [
        {
            "customer": customer.code,
            "name": customer.short_name or customer.name,
            "present_class": customer.grade or None,
            **_as_facts(found.get(customer.pk, queries.Figures())),
        }
        for customer in customers
    ]
    return None, {"rows": rows, "count": len(rows)}


def customers_delivered(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`customers_delivered` with `first` and `last`: to whom something was delivered, or who gave something back. Answers `rows` with
    `customer`."""
    first_day, last = _period(folder, arguments)
    found = queries.delivered_between(first_day, date.fromordinal(last.toordinal() + 1))
    return None, {"rows": [{"customer": code} for code in found.values_list("code", flat=True)]}


def _period(folder: Folder, arguments: Mapping[str, Any]) -> tuple[date, date]:
    last = day_said(arguments.get("last")) or folder.work.local.date()
    return day_said(arguments.get("first")) or last.replace(month=1, day=1), last


def _as_facts(figures: queries.Figures) -> dict[str, Any]:
    return {"orders_count": figures.count, "orders_amount": figures.amount, "last_order_date": figures.last_on}


_DAY = ("date", "day", "ordered_on", "order_date", "delivered_on", "delivery_date", "returned_on")
_QUANTITY = ("quantity", "qty", "pcs")
_PRICE = ("unit_price", "price")


def orders_given(organization: Organization, lines: Lines, names: Mapping[str, str], now: datetime) -> None:
    """`given: orders`: an order a line."""
    known: dict[str, Customer] = {}
    orders = []
    for number, line in enumerate(lines, 1):
        ordered = [_line(one) for one in (line.get("lines") or ([line] if first(line, "product", "item") else []))]
        orders.append(
            actions.NewOrder(
                number=str(first(line, "number", "order_no", "no") or f"PO-{number:04}"),
                customer=customer_in(line, known),
                ordered_on=day_in(line, *_DAY) or today_of(organization, now),
                currency=currency_in(line, organization),
                lines=ordered,
                amount=number_in(line, "amount", "total"),
                rate=number_in(line, "rate") or Decimal(1),
            )
        )
    actions.enter_orders(organization=organization, orders=orders, by="", now=now)


def deliveries_given(organization: Organization, lines: Lines, names: Mapping[str, str], now: datetime) -> None:
    """`given: deliveries`: a delivery or a return a line; a return says so, or its quantity is below zero."""
    known: dict[str, Customer] = {}
    deliveries = []
    for number, line in enumerate(lines, 1):
        moved = [_line(one, currency_in(line, organization)) for one in (line.get("lines") or [line])]
        is_return = _is_return(line) or all(one.quantity < 0 for one in moved)
        deliveries.append(
            actions.NewDelivery(
                number=str(first(line, "number", "delivery_no", "no") or f"DN-{number:04}"),
                customer=customer_in(line, known),
                delivered_on=day_in(line, *_DAY) or today_of(organization, now),
                kind=Delivery.Kind.RETURNED if is_return else Delivery.Kind.DELIVERED,
                lines=[_signed(one, -1 if is_return else 1) for one in moved],
                order_number=str(first(line, "order", "order_no") or ""),
            )
        )
    actions.enter_deliveries(organization=organization, deliveries=deliveries, by="", now=now)


def _is_return(line: Mapping[str, Any]) -> bool:
    said = first(line, "kind", "type", "returned", "return", "is_return")
    return said is True or str(said).lower() in ("return", "returned", "returns", "退货")


def _line(line: Mapping[str, Any], currency: str = "") -> actions.Line:
    quantity, price = number_in(line, *_QUANTITY), number_in(line, *_PRICE)
    return actions.Line(
        product=product_in(line),
        quantity=Decimal(1) if quantity is None else quantity,
        unit_price=price,
        currency=currency if price is not None else "",
        priced_on=day_in(line, "priced_on"),
    )


def _signed(line: actions.Line, sign: int) -> actions.Line:
    return actions.Line(line.product, abs(line.quantity) * sign, line.unit_price, line.currency, line.priced_on)
