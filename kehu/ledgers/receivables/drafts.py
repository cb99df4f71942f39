"""Statements as they would be now: built of deliveries, returns and prices, for many customers at once. Nothing here writes.

Each line is valued by itself: quantity times the price valid on the day of the delivery, rounded, with its VAT; a statement is the sum of
its lines, so what is printed adds up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import DateField, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import TruncMonth

from kehu.core import money
from kehu.ledgers.orders.models import DeliveryLine
from kehu.ledgers.products import queries as products

from . import months
from .models import StatementLine
from .queries import in_force

RateOn = Callable[[date], Decimal]
"""The VAT of a day, in per cent."""


class Line(NamedTuple):
    kind: str
    delivery_line: int | None
    delivered_on: date | None
    reference: str
    product: int | None
    product_code: str
    quantity: Decimal | None
    unit_price: Decimal | None
    tax_included: bool
    vat_rate: Decimal
    net_amount: Decimal
    vat_amount: Decimal
    note: str = ""


class Unpriced(NamedTuple):
    """A delivery that cannot be valued: no price was valid on its day."""

    reference: str
    product_code: str
    day: date


@dataclass
class Draft:
    """One customer's month in one currency."""

    customer: int
    month: date
    currency: str
    lines: list[Line] = field(default_factory=list)
    unpriced: list[Unpriced] = field(default_factory=list)

    @property
    def net_amount(self) -> Decimal:
        return sum((line.net_amount for line in self.lines), Decimal(0))

    @property
    def vat_amount(self) -> Decimal:
        return sum((line.vat_amount for line in self.lines), Decimal(0))

    @property
    def amount(self) -> Decimal:
        return self.net_amount + self.vat_amount


def valued(quantity: Decimal, unit_price: Decimal, tax_included: bool, rate: Decimal) -> tuple[Decimal, Decimal]:
    """Net amount and VAT of a line. Where the price contains the VAT, both together are exactly quantity times price."""
    total = money.amount(quantity * unit_price)
    if not tax_included:
        return total, money.amount(total * rate / 100)
    net = money.amount(money.without_vat(total, rate))
    return net, total - net


def correction(net_amount: Decimal, rate: Decimal, note: str) -> Line:
    """An allowance (minus) or a later charge (plus), without its VAT."""
    net = money.amount(net_amount)
    kind = StatementLine.Kind.CORRECTION.value
    return Line(kind, None, None, "", None, "", None, None, False, rate, net, money.amount(net * rate / 100), note)


def drafts(customers: Collection[int], month: date, rate_on: RateOn, currency: str) -> dict[int, dict[str, Draft]]:
    """Customer -> currency -> his month; who has nothing to be charged is not named. Four database queries, however many customers; one
    more where a month was charged before it was over.

    `currency` is that of prices given without one. What was entered after its own month's statement was posted is charged now. What comes
    back has the price and the VAT of the day it was sold.
    """
    found: dict[int, dict[str, Draft]] = defaultdict(dict)
    prices = products.posted_for(customers, months.after(month))
    for row in _rows(customers, month):
        (line_id, customer, reference, delivered_on, kind, product, code, quantity, own, own_currency, priced_on) = row
        day = priced_on or delivered_on
        price = None if own is not None else products.valid(prices.get((customer, product), ()), day)
        in_currency = (own_currency or currency) if own is not None else (price.currency if price else currency)
        draft = found[customer].get(in_currency)
        if draft is None:
            draft = found[customer][in_currency] = Draft(customer, month, in_currency)
        if price is None and own is None:
            draft.unpriced.append(Unpriced(reference, code, day))
            continue
        unit_price = own if price is None else price.unit_price
        tax_included = price is not None and price.tax_included
        rate = price.vat_rate if price is not None and price.vat_rate is not None else rate_on(day)
        net, vat = valued(quantity, unit_price, tax_included, rate)
        draft.lines.append(
            Line(
                kind,
                line_id,
                delivered_on,
                reference,
                product,
                code,
                quantity,
                unit_price,
                tax_included,
                rate,
                net,
                vat,
            )
        )
    return dict(found)


_COLUMNS = (
    *("pk", "delivery__customer", "delivery__number", "delivery__delivered_on", "delivery__kind"),
    *("product", "product__code", "quantity", "unit_price", "currency", "priced_on"),
)


def _rows(customers: Collection[int], month: date) -> Iterator[tuple[Any, ...]]:
    """What was entered late first: in the order of the days it is oldest."""
    lines = DeliveryLine.objects.filter(
        delivery__customer__in=customers, delivery__delivered_on__lt=months.after(month)
    )
    elsewhere = in_force().exclude(month=month)
    is_charged = Exists(StatementLine.objects.filter(delivery_line=OuterRef("pk"), statement__in=elsewhere))
    missed = _missed(customers, month)
    yield from _in_order(_late(lines, month).exclude(is_charged))
    if missed:
        yield from _in_order(lines.filter(missed, delivery__entered_late=False).exclude(is_charged))
    yield from _in_order(
        lines.filter(delivery__delivered_on__gte=month, delivery__entered_late=False).exclude(is_charged)
    )


def _in_order(lines: QuerySet[DeliveryLine]) -> Iterator[tuple[Any, ...]]:
    ordered = lines.order_by("delivery__customer", "delivery__delivered_on", "delivery__number", "pk")
    return iter(ordered.values_list(*_COLUMNS))


def _late(lines: QuerySet[DeliveryLine], month: date) -> QuerySet[DeliveryLine]:
    """Entered when its month was over: this month's, and older ones whose statement is out already."""
    lines = lines.alias(its_month=TruncMonth("delivery__delivered_on", output_field=DateField()))
    is_out = Exists(in_force().filter(customer=OuterRef("delivery__customer"), month=OuterRef("its_month")))
    return lines.filter(Q(delivery__delivered_on__gte=month) | is_out, delivery__entered_late=True)


def _missed(customers: Collection[int], month: date) -> Q:
    """Entered in an earlier month after its statement was posted, which was before the month was over."""
    found = Q()
    early = in_force().filter(customer__in=customers, month__lt=month, posted_early=True)
    for customer, its_month, posted_at in early.values_list("customer", "month", "posted_at"):
        found |= Q(
            delivery__customer=customer,
            delivery__delivered_on__gte=its_month,
            delivery__delivered_on__lt=months.after(its_month),
            delivery__entered_at__gt=posted_at,
        )
    return found
