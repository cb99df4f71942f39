"""Cases and prices."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy

from kehu.core import money
from kehu.core.models import Organization
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.products import actions, queries

from . import Answer, Lines, Stays
from .reading import (
    currency_in,
    customer_in,
    customer_of,
    day_in,
    day_said,
    first,
    home_currency,
    number_in,
    number_said,
    product_in,
    text_said,
    today_of,
)

if TYPE_CHECKING:
    from ..folder import Folder


STAYS = {"price": Stays(gettext_lazy("the price"), ("post_price",))}


def find_price(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`find_price` with `product`, and `on` where it is another day than today: what the case's customer pays. Answers
    `current_price`, `current_price_date`, `price_currency`, `price_tax_included`, `price_source`; all empty where there is none."""
    customer, product = folder.case.customer, str(arguments.get("product") or "")
    day = day_said(arguments.get("on")) or folder.work.local.date()
    found = queries.price_on(customer, product, day) if customer and product else None
    return None, {
        "current_price": found.unit_price if found else None,
        "current_price_date": found.valid_from if found else None,
        "price_currency": found.currency if found else None,
        "price_tax_included": found.tax_included if found else None,
        "price_source": found.source if found else None,
    }


def post_price(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`post_price` with `product` and `unit_price`; also `valid_from` (today), `valid_until`, `currency`, `tax_included`, `vat_rate`
    and `source` (the case's number): what the case's customer pays from that day on. What the case has posted already is not posted
    again."""
    customer, rate = customer_of(folder), arguments.get("vat_rate")
    product = text_said(arguments, "product")
    facts: dict[str, Any] = {
        "unit_price": money.unit_price(number_said(arguments, "unit_price")),
        "currency": str(arguments.get("currency") or home_currency(folder.work.organization.pack)),
        "valid_from": day_said(arguments.get("valid_from")) or folder.work.local.date(),
        "valid_until": day_said(arguments.get("valid_until")),
        "tax_included": bool(arguments.get("tax_included")),
        "vat_rate": None if rate is None else number_said(arguments, "vat_rate"),
        "source": str(arguments.get("source") or folder.case.number),
    }
    posted = queries.posted_by(facts["source"], customer, product)
    if not posted or any(
        getattr(posted, name) != value for name, value in facts.items()
    ):  # else the step is done again
        price = actions.post_price(
            customer=customer, product=product, by=folder.work.by_key, now=folder.work.now, **facts
        )
        folder.entered.append(("price", price.pk))
    return None


def given(organization: Organization, lines: Lines, names: Mapping[str, str], now: datetime) -> None:
    """`given: prices`: what customers pay, from last year on unless a line says since when."""
    known: dict[str, Customer] = {}
    for line in lines:
        price = number_in(line, "unit_price", "price", "amount")
        if price is None:
            raise LookupError(f"a price is `unit_price:` or `price:`; this line has {', '.join(line)}")
        actions.post_price(
            customer=customer_in(line, known),
            product=product_in(line),
            unit_price=price,
            currency=currency_in(line, organization),
            valid_from=day_in(line, "valid_from", "effective_from", "effective", "since", "from", "date")
            or date(today_of(organization, now).year - 1, 1, 1),
            valid_until=day_in(line, "valid_until", "valid_to", "until"),
            tax_included=bool(first(line, "tax_included", "tax_incl", "with_vat")),
            vat_rate=number_in(line, "vat_rate", "rate"),
            source=str(first(line, "source", "quotation_no", "number") or ""),
            by="",
            now=now,
        )
