"""What may be done with orders and deliveries. They come in numbers, from a sheet or another program: many in one act, one event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from kehu.core import events, money
from kehu.core.models import Organization
from kehu.core.refusals import AgainstTheRule, Conflict
from kehu.ledgers.customers.actions import NotMergeable
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.products import actions as products
from kehu.organizations.queries import local_now

from .models import Delivery, DeliveryLine, Order, OrderLine

_NAMED = 100
"""How many numbers an event names; of more it tells how many they were."""


class NumberTaken(Conflict):
    code = "orders.number_taken"
    message = _("One of these numbers was entered before. Nothing was entered: leave out what is there already.")


class WrongSign(AgainstTheRule):
    code = "deliveries.wrong_sign"
    message = _(
        "{number}: what is delivered has a positive quantity, what comes back a negative one, and no quantity is zero."
    )


@dataclass(frozen=True)
class Line:
    product: str
    quantity: Decimal
    unit_price: Decimal | None = None
    currency: str = ""
    priced_on: date | None = None


@dataclass(frozen=True)
class NewOrder:
    number: str
    customer: Customer
    ordered_on: date
    currency: str
    lines: Sequence[Line] = ()
    amount: Decimal | None = None
    """Where it is not the sum of the lines."""
    rate: Decimal = Decimal(1)
    source: str = ""


@dataclass(frozen=True)
class NewDelivery:
    number: str
    customer: Customer
    delivered_on: date
    lines: Sequence[Line]
    kind: str = Delivery.Kind.DELIVERED
    order_number: str = ""


@transaction.atomic
def enter_orders(*, organization: Organization, orders: Sequence[NewOrder], by: str, now: datetime) -> list[Order]:
    known = _products(organization, [line for order in orders for line in order.lines], by, now)
    try:
        with transaction.atomic():
            entered = Order.objects.bulk_create(
                Order(
                    organization=organization,
                    number=order.number,
                    customer=order.customer,
                    ordered_on=order.ordered_on,
                    currency=order.currency,
                    rate=order.rate,
                    amount=money.amount(sum_of(order.lines) if order.amount is None else order.amount),
                    source=order.source,
                    entered_at=now,
                )
                for order in orders
            )
    except IntegrityError:
        raise NumberTaken() from None
    OrderLine.objects.bulk_create(
        OrderLine(
            organization=organization,
            order=row,
            product=known[line.product.strip()],
            quantity=line.quantity,
            unit_price=line.unit_price or Decimal(0),
        )
        for row, order in zip(entered, orders, strict=True)
        for line in order.lines
    )
    _record(organization, "orders.entered", [order.number for order in orders], by, now)
    return entered


@transaction.atomic
def enter_deliveries(
    *, organization: Organization, deliveries: Sequence[NewDelivery], by: str, now: datetime
) -> list[Delivery]:
    for delivery in deliveries:
        sign = -1 if delivery.kind == Delivery.Kind.RETURNED else 1
        if any(line.quantity * sign <= 0 for line in delivery.lines):
            raise WrongSign(number=delivery.number)
    known = _products(organization, [line for delivery in deliveries for line in delivery.lines], by, now)
    this_month = local_now(organization, now).date().replace(day=1)
    try:
        with transaction.atomic():
            entered = Delivery.objects.bulk_create(
                Delivery(
                    organization=organization,
                    number=delivery.number,
                    kind=delivery.kind,
                    customer=delivery.customer,
                    delivered_on=delivery.delivered_on,
                    order_number=delivery.order_number,
                    entered_at=now,
                    entered_late=delivery.delivered_on < this_month,
                )
                for delivery in deliveries
            )
    except IntegrityError:
        raise NumberTaken() from None
    DeliveryLine.objects.bulk_create(
        DeliveryLine(
            organization=organization,
            delivery=row,
            product=known[line.product.strip()],
            quantity=line.quantity,
            unit_price=line.unit_price,
            currency=line.currency,
            priced_on=line.priced_on,
        )
        for row, delivery in zip(entered, deliveries, strict=True)
        for line in delivery.lines
    )
    _record(organization, "deliveries.entered", [delivery.number for delivery in deliveries], by, now)
    return entered


def _products(organization: Organization, lines: Sequence[Line], by: str, now: datetime) -> dict[str, products.Product]:
    return products.enter_all(organization=organization, codes=(line.product for line in lines), by=by, now=now)


def sum_of(lines: Sequence[Line]) -> Decimal:
    return sum((money.amount(line.quantity * (line.unit_price or 0)) for line in lines), Decimal(0))


def _record(organization: Organization, name: str, numbers: Sequence[str], by: str, now: datetime) -> None:
    events.record(organization, name, by=by, at=now, count=len(numbers), numbers=list(numbers[:_NAMED]))


def follow_merger(*, customer: Customer, into: Customer) -> None:
    """Two customers were one: orders and deliveries are the second's, unless both have an order of the same number."""
    numbers = Order.objects.filter(customer=into).values("number")
    if twice := Order.objects.filter(customer=customer, number__in=numbers).first():
        raise NotMergeable(
            number=customer.code, into=into.code, why=_("both have an order {order}.").format(order=twice)
        )
    Order.objects.filter(customer=customer).update(customer=into)
    Delivery.objects.filter(customer=customer).update(customer=into)
