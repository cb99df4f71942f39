"""Questions about orders and deliveries. Nothing here writes."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count, DecimalField, Exists, F, Max, OuterRef, QuerySet, Sum

from kehu.core import money
from kehu.ledgers.customers.models import Customer

from .models import Delivery, Order

_LOOK_UP = re.compile(r"order\[(?P<number>[^\]]+)\](?:\.(?P<name>[a-z_]+))?")


@dataclass(frozen=True)
class Figures:
    """What a customer ordered in a period, in the company's own currency."""

    count: int = 0
    amount: Decimal = Decimal(0)
    last_on: date | None = None


def figures(customers: Collection[int], first: date, last: date) -> dict[int, Figures]:
    """Customer -> what he ordered from the first to the last day, both included; without orders he is not named. One statement."""
    found = (
        Order.objects.filter(customer__in=customers, ordered_on__gte=first, ordered_on__lte=last)
        .order_by()
        .values("customer")
        .annotate(
            count=Count("pk"),
            worth=Sum(F("amount") * F("rate"), output_field=DecimalField(max_digits=24, decimal_places=8)),
            last_on=Max("ordered_on"),
        )
    )
    return {row["customer"]: Figures(row["count"], money.amount(row["worth"]), row["last_on"]) for row in found}


def delivered_between(first: date, until: date) -> QuerySet[Customer]:
    """The customers to whom something was delivered, or who gave something back, in that period (its end not included)."""
    moved = Delivery.objects.filter(customer=OuterRef("pk"), delivered_on__gte=first, delivered_on__lt=until)
    return Customer.objects.filter(Exists(moved)).order_by("code")


def look_up(path: str, customer: Customer | None, today: date) -> Any:
    """`order[PO-1].amount` of the case's customer."""
    match = _LOOK_UP.fullmatch(path)
    if match is None:
        raise LookupError(f'"{path}" is no look-up; there is order[NUMBER].amount')
    found = Order.objects.filter(number=match["number"], **({"customer": customer} if customer else {})).first()
    if found is None:
        return None
    facts = {
        "number": found.number,
        "amount": found.amount,
        "currency": found.currency,
        "ordered_on": found.ordered_on,
        "customer": found.customer.code,
    }
    name = match["name"] or "amount"
    if name not in facts:
        raise LookupError(f'an order has no "{name}"; there are {", ".join(facts)}')
    return facts[name]
