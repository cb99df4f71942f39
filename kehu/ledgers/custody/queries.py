"""Questions about customer property. Nothing here writes."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet, Sum

from kehu.ledgers.customers.models import Customer

from .models import Balance, Item

_LOOK_UP = re.compile(r"property\[(?P<number>[^\]]+)\]\.(?P<name>[a-z_]+)")


def by_number(number: str) -> Item | None:
    return Item.objects.select_related("customer").filter(number=number).first()


def with_balances(items: QuerySet[Item], until: datetime | None = None) -> QuerySet[Any]:
    """With `quantity_held` and `quantity_issued`, now or at a moment."""
    then = Q(entries__at__lte=until) if until else Q()
    nothing = Decimal(0)
    out = Sum("entries__change", filter=then & Q(entries__kind__in=["issued", "taken_back"]), default=nothing)
    used = Sum("entries__quantity", filter=then & Q(entries__kind="used_up"), default=nothing)
    held = Sum("entries__change", filter=then, default=nothing) if until else Sum("entries__change", default=nothing)
    return items.annotate(quantity_held=held, quantity_issued=-out - used)


def kept_by(departments: Collection[str]) -> list[tuple[Item, Balance]]:
    """What lies in the store of these departments, by place and number."""
    items = with_balances(Item.objects.select_related("customer").filter(department__in=departments))
    found = items.filter(quantity_held__gt=0).order_by("location", "number")
    return [(item, Balance(item.quantity_held, item.quantity_issued)) for item in found]


def held_on(moment: datetime, *, customer: Customer | None = None) -> list[Item]:
    """Items of which something was in our keeping at that moment."""
    items = Item.objects.filter(customer=customer) if customer else Item.objects.all()
    return list(with_balances(items, moment).filter(quantity_held__gt=0).order_by("number"))


def facts_of(item: Item) -> dict[str, Any]:
    """What rules and look-ups may ask of an item."""
    balance, last = item.balance(), item.entries.last()
    return {
        "number": item.number,
        "customer": item.customer.code,
        "kind": item.kind,
        "name": item.name,
        "spec": item.spec,
        "unit": item.unit,
        "held": balance.held,
        "issued": balance.issued,
        "state": item.state(),
        "custody": item.department,
        "location": item.location,
        "calibration_due": item.calibration_due,
        "last_entry": last.kind if last else "",
        "condition": last.state if last else "",
        "holder": last.holder if last else "",
        "note": last.note if last else "",
    }


def look_up(path: str, customer: Customer | None, today: date) -> Any:
    """`property[KG-C0001-0001].held`; nothing where it is not registered."""
    match = _LOOK_UP.fullmatch(path)
    if match is None:
        raise LookupError(f'"{path}" is no look-up such as property[KG-C0001-0001].held')
    item = by_number(match["number"])
    if item is None:
        return None
    facts = facts_of(item)
    if match["name"] not in facts:
        raise LookupError(f'customer property has no "{match["name"]}"; there are {", ".join(facts)}')
    return facts[match["name"]]
