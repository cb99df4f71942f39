"""How long a month's statements take to build: `python -m bench.statements [CUSTOMERS]`, with fifty deliveries each.

It works in the database of `KEHU_DATABASE_URL` inside one transaction and leaves nothing behind.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

from kehu.cli import setting_up

DELIVERIES, PRODUCTS, BATCH = 50, 10, 500
MONTH = date(2024, 4, 1)


def main() -> None:
    setting_up.django()
    from django.db import transaction

    from kehu.cases.examples import stage
    from kehu.core import clock
    from kehu.core.scope import every_organization, scope
    from kehu.procedures.packs import load

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with transaction.atomic():
        with every_organization():
            organization = stage(load(Path("packs/mfg")).named("bench_statements"), clock.now())
        with scope(organization):
            json.dump(_measured(organization, count), sys.stdout, indent=1)
        transaction.set_rollback(True)


def _measured(organization: object, count: int) -> dict[str, float]:
    from django.db import connection

    from kehu.core import clock
    from kehu.ledgers.customers.models import Customer
    from kehu.ledgers.orders.models import Delivery, DeliveryLine
    from kehu.ledgers.products.models import Price, Product
    from kehu.ledgers.receivables import drafts

    now = clock.now()
    mine = {"organization": organization}
    customers = Customer.objects.bulk_create(Customer(**mine, code=f"X{n:06}", name=f"客户{n}") for n in range(count))
    products = Product.objects.bulk_create(Product(**mine, code=f"P-{n}", name=f"P-{n}") for n in range(PRODUCTS))

    def prices() -> Iterator[Price]:
        """Every customer has two prices of each product, the second from the middle of the month."""
        for customer in customers:
            for product in products:
                for day, amount in ((date(2024, 1, 1), 10), (date(2024, 4, 16), 11)):
                    facts = {"unit_price": amount, "currency": "CNY", "valid_from": day, "entered_at": now}
                    yield Price(**mine, customer=customer, product=product, **facts)

    Price.objects.bulk_create(prices(), batch_size=2000)
    deliveries = Delivery.objects.bulk_create(
        (
            Delivery(
                **mine,
                number=f"{customer.code}-{n}",
                kind="delivered",
                customer=customer,
                delivered_on=date(2024, 4, n % 30 + 1),
                entered_at=now,
            )
            for customer in customers
            for n in range(DELIVERIES)
        ),
        batch_size=2000,
    )
    DeliveryLine.objects.bulk_create(
        (
            DeliveryLine(**mine, delivery=delivery, product=products[n % PRODUCTS], quantity=n % 7 + 1)
            for n, delivery in enumerate(deliveries)
        ),
        batch_size=2000,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    start, built, lines = time.perf_counter(), 0, 0
    for first in range(0, count, BATCH):
        keys = [customer.pk for customer in customers[first : first + BATCH]]
        for found in drafts.drafts(keys, MONTH, lambda day: Decimal(13), "CNY").values():
            built += len(found)
            lines += sum(len(draft.lines) for draft in found.values())
    seconds = time.perf_counter() - start
    return {"statements": built, "lines": lines, "seconds": round(seconds, 2)}


if __name__ == "__main__":
    main()
