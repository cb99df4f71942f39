"""How long a month-end takes: `python -m bench.month_end [CUSTOMERS] [--keep]`, with fifty deliveries each.

Deliveries and two prices a product are entered for one month; on the first of the next the calendar opens a case for each customer, in
the worker, with all the lines of his statement. How far it is, is read as the page of schedules reads it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bench import database, job

DELIVERIES, PRODUCTS = 50, 10


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.month_end", description=__doc__)
    parser.add_argument("customers", nargs="?", type=int, default=10_000)
    parser.add_argument("--keep", action="store_true", help="leave the database, for looking at it")
    given = parser.parse_args()
    with database.own("month_end", keep=given.keep):
        json.dump(_measured(given.customers), sys.stdout, indent=1)
    print()
    return 0


def _measured(count: int) -> dict[str, float]:
    organization = database.company()
    from django.db import connection

    from kehu.cases import schedules
    from kehu.cases.models import Case
    from kehu.core import clock
    from kehu.core.scope import scope

    today = clock.now(organization).astimezone(ZoneInfo(organization.timezone))
    month = today.date().replace(day=1)
    following = (month + timedelta(days=32)).replace(day=1)
    start = time.perf_counter()
    with scope(organization):
        fill(organization, count, month, following)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    print(f"filled in {time.perf_counter() - start:.0f} s", file=sys.stderr)
    moment = datetime(following.year, following.month, following.day, 8, tzinfo=today.tzinfo)

    def watch() -> None:
        start = time.perf_counter()
        found = schedules.under_way(organization)
        took = time.perf_counter() - start
        for one in found:
            print(f"{one.opened} of {one.total} opened (asked in {took * 1000:.0f} ms)", file=sys.stderr)

    found = job.finished("open_scheduled_cases", organization.key, moment, watch)
    with scope(organization):
        rows = sum(len(lines) for lines in Case.objects.values_list("data__lines", flat=True).iterator() if lines)
    return {
        "cases": found["done"],
        "lines": rows,
        "seconds": round(found["seconds"], 1),
        "peak_mb": round(found["peak_mb"]),
    }


def fill(organization: Any, count: int, month: date, following: date) -> None:
    """So many customers, each with an owner; every delivery has one line, every product of a customer two prices in the month."""
    from django.db import connection

    from kehu.ledgers.customers.models import Customer
    from kehu.ledgers.products.models import Product

    owners = list(Customer.objects.exclude(owner=None).values_list("owner_id", flat=True).distinct())
    Customer.objects.bulk_create(
        (
            Customer(
                organization=organization,
                code=f"X{n:06}",
                name=f"惠州市第{n}五金制品有限公司",
                owner_id=owners[n % len(owners)],
            )
            for n in range(count)
        ),
        batch_size=2000,
    )
    Product.objects.bulk_create(
        Product(organization=organization, code=f"P-{n:02}", name=f"支架 {n:02}") for n in range(PRODUCTS)
    )
    values = {"organization": organization.pk, "month": month, "last": (following - month).days - 1}
    with connection.cursor() as cursor:
        for statement in _STATEMENTS:
            cursor.execute(statement, values | {"deliveries": DELIVERIES, "products": PRODUCTS})


_STATEMENTS = (
    """INSERT INTO products_price (organization_id, customer_id, product_id, unit_price, currency, tax_included, valid_from, source, entered_at)
       SELECT %(organization)s, customer.id, product.id, 10 + later, 'CNY', false, %(month)s::date + later * 15, '', now()
       FROM customers_customer customer, products_product product, generate_series(0, 1) later
       WHERE customer.code LIKE 'X%%' AND product.code LIKE 'P-%%'""",
    """INSERT INTO orders_delivery (organization_id, number, kind, customer_id, delivered_on, order_number, entered_at, entered_late)
       SELECT %(organization)s, customer.code || '-' || n, 'delivered', customer.id, %(month)s::date + n %% %(last)s, '', now(), false
       FROM customers_customer customer, generate_series(1, %(deliveries)s) n WHERE customer.code LIKE 'X%%'""",
    """INSERT INTO orders_deliveryline (organization_id, delivery_id, product_id, quantity, currency)
       SELECT %(organization)s, delivery.id, product.id, 1 + delivery.id %% 7, ''
       FROM orders_delivery delivery JOIN products_product product
           ON product.code = 'P-' || lpad((delivery.id %% %(products)s)::text, 2, '0')""",
)


if __name__ == "__main__":
    sys.exit(main())
