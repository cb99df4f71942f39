"""Every kind of rows, in the order in which a company brings them in: prices are prices of customers."""

from __future__ import annotations

from . import Kind
from .customers import CONTACTS, CUSTOMERS
from .orders import DELIVERIES, ORDERS
from .payments import PAYMENTS
from .products import PRICES, PRODUCTS

KINDS: dict[str, Kind] = {
    kind.key: kind for kind in (CUSTOMERS, CONTACTS, PRODUCTS, PRICES, ORDERS, DELIVERIES, PAYMENTS)
}
