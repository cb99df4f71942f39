"""What stories say of ledgers: `given:` puts facts into them, `expect: {ledger: …}` asks them. A ledger adds its line to each table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from kehu.core.models import Organization
from kehu.ledgers.custody import queries as custody
from kehu.ledgers.customers import queries as customers
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.orders import queries as orders
from kehu.ledgers.products import queries as products
from kehu.ledgers.receivables import queries as receivables
from kehu.procedures import actions as procedures

from .posting import Given
from .posting.custody import given as property_given
from .posting.customers import given as customers_given
from .posting.orders import deliveries_given, orders_given
from .posting.products import given as prices_given


def _switch(organization: Organization, lines: Any, names: Mapping[str, str], now: datetime) -> None:
    """`switched_on: [procedure]`, or `{procedure: false}` for one that is switched off."""
    for procedure, on in (lines if isinstance(lines, Mapping) else dict.fromkeys(lines, True)).items():
        procedures.switch(organization=organization, procedure=procedure, on=on, by="", now=now)


GIVEN: dict[str, Given] = {
    "customers": customers_given,
    "property": property_given,
    "prices": prices_given,
    "orders": orders_given,
    "deliveries": deliveries_given,
    "switched_on": _switch,
}
"""Word -> what puts its lines into a ledger. In this order, whatever the story's: prices are prices of customers."""

LookUp = Callable[[str, Customer | None, date], Any]
LOOK_UPS: dict[str, LookUp] = {
    "customer": customers.look_up,
    "property": custody.look_up,
    "price": products.look_up,
    "order": orders.look_up,
    "statement": receivables.look_up,
    "balance": receivables.look_up,
}
"""What a look-up begins with -> its answer, for the case's customer and the day of the story. A LookupError says what is wrong with it."""


def put(organization: Organization, given: Mapping[str, Any], names: Mapping[str, str], now: datetime) -> None:
    if unknown := [key for key in given if key not in GIVEN]:
        raise LookupError(f'`given:` knows {", ".join(GIVEN)}; not "{unknown[0]}"')
    for key, enter in GIVEN.items():
        if key in given:
            enter(organization, given[key], names, now)


def look_up(path: str, customer: Customer | None, today: date) -> Any:
    match = re.match(r"[a-z_]+", path)
    if match is None or match[0] not in LOOK_UPS:
        raise LookupError(f'"{path}" is no look-up; they begin with {", ".join(LOOK_UPS)}')
    return LOOK_UPS[match[0]](path, customer, today)
