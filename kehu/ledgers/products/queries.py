"""Questions about prices. Nothing here writes."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import F, QuerySet, Window
from django.db.models.functions import Lead

from kehu.ledgers.customers.models import Customer
from kehu.ledgers.customers.queries import by_code

from .models import Price, Product

_LOOK_UP = re.compile(
    r"price\[(?:(?P<customer>[^\]/]+)/)?(?P<product>[^\]]+)\](?:@(?P<day>\d{4}-\d\d-\d\d))?(?:\.(?P<name>[a-z_]+))?"
)

Prices = Mapping[tuple[int, int], Sequence[Price]]
"""(customer, product) -> all that were posted, in the order in which they count."""


def squeezed(code: str) -> str:
    """A code as it is known: who writes a space in it and who leaves it out means the same product."""
    return "".join(code.split())


def coded(codes: Iterable[str]) -> dict[str, Product]:
    """The products of these codes, by the code as it is asked for: two statements at most. What is written exactly so comes first."""
    wanted = set(codes)
    found = {one.code: one for one in Product.objects.filter(code__in=wanted | {squeezed(code) for code in wanted})}
    left = {code for code in wanted if code not in found}
    if left and (spaced := Product.objects.filter(code__contains=" ")):
        found = {**{squeezed(one.code): one for one in spaced}, **found}
    return {code: product for code in wanted if (product := found.get(code) or found.get(squeezed(code)))}


def price_on(customer: Customer, product: str, day: date) -> Price | None:
    """What the customer pays for the product on that day."""
    posted = Price.objects.filter(customer=customer, product__code=product.strip(), valid_from__lte=day)
    latest = posted.select_related("product").order_by("-valid_from", "-id").first()
    return latest if latest and _lasts(latest, day) else None


def posted_by(source: str, customer: Customer, product: str) -> Price | None:
    """The last price of the product that came from there."""
    return Price.objects.filter(customer=customer, product__code=product.strip(), source=source).order_by("id").last()


def valid(posted: Sequence[Price], day: date) -> Price | None:
    """The same of the prices at hand, which are in their order."""
    place = bisect_right(posted, day, key=lambda price: price.valid_from)
    return posted[place - 1] if place and _lasts(posted[place - 1], day) else None


def _lasts(price: Price, day: date) -> bool:
    return price.valid_until is None or day < price.valid_until


def posted_for(customers: Collection[int], before: date) -> Prices:
    """All prices of these customers that begin before a day: one statement."""
    found: dict[tuple[int, int], list[Price]] = defaultdict(list)
    rows = Price.objects.filter(customer__in=customers, valid_from__lt=before)
    for price in rows.order_by("customer", "product", "valid_from", "id"):
        found[price.customer_id, price.product_id].append(price)
    return found


def price_list() -> QuerySet[Price]:
    """All prices, each with the day on which the next one begins (`next_from`)."""
    following = Window(
        Lead("valid_from"), partition_by=[F("customer"), F("product")], order_by=[F("valid_from").asc(), F("id").asc()]
    )
    return Price.objects.annotate(next_from=following).select_related("customer", "product")


def ended_on(price: Price) -> date | None:
    """Of a price in the list: the day on which it ended or will end, by agreement or by the next one; not included. One that was
    corrected ends on the day on which it begins."""
    ends: list[date] = [day for day in (price.valid_until, price.next_from) if day]  # type: ignore[attr-defined]
    return min(ends, default=None)


def look_up(path: str, customer: Customer | None, today: date) -> Any:
    """`price[BR-120]` of the case's customer today, `price[BR-120]@2024-04-30` on that day, `price[C0001/BR-120]` of any customer;
    `.currency` and the like ask for more than the unit price."""
    match = _LOOK_UP.fullmatch(path)
    if match is None:
        raise LookupError(
            f'"{path}" is no look-up; there are price[PRODUCT], price[PRODUCT]@2024-04-30, price[CUSTOMER/PRODUCT]'
        )
    owner = by_code(match["customer"]) if match["customer"] else customer
    if owner is None:
        return None
    found = price_on(owner, match["product"], date.fromisoformat(match["day"]) if match["day"] else today)
    if found is None:
        return None
    facts: dict[str, Decimal | str | bool | date | None] = {
        "unit_price": found.unit_price,
        "currency": found.currency,
        "tax_included": found.tax_included,
        "vat_rate": found.vat_rate,
        "valid_from": found.valid_from,
        "valid_until": found.valid_until,
        "source": found.source,
    }
    name = match["name"] or "unit_price"
    if name not in facts:
        raise LookupError(f'a price has no "{name}"; there are {", ".join(facts)}')
    return facts[name]
