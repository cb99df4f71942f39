"""Questions about receivables. Nothing here writes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import DecimalField, Exists, F, Max, OuterRef, QuerySet, Sum, Value
from django.db.models.functions import Coalesce

from kehu.ledgers.customers.models import Customer
from kehu.ledgers.customers.queries import by_code

from . import months
from .models import Payment, Settlement, Statement

BANDS = (30, 60, 90)
"""The ages of what is overdue, in days: up to 30, up to 60, up to 90, and older."""
_MONEY: DecimalField[Decimal, Decimal] = DecimalField(max_digits=17, decimal_places=2)
_NONE = Value(Decimal(0), output_field=_MONEY)


def in_force() -> QuerySet[Statement]:
    """The last revision of each that is not withdrawn."""
    later = Statement.objects.filter(
        customer=OuterRef("customer"),
        month=OuterRef("month"),
        currency=OuterRef("currency"),
        revision__gt=OuterRef("revision"),
    )
    return Statement.objects.filter(~Exists(later), withdrawn=False)


def with_open_amounts() -> QuerySet[Statement]:
    """Statements in force, with what of them is not settled (`open_amount`)."""
    settled = Settlement.objects.filter(statement=OuterRef("pk")).order_by().values("statement")
    return in_force().annotate(
        open_amount=F("amount")
        - Coalesce(settled.annotate(sum=Sum("amount")).values("sum"), _NONE, output_field=_MONEY)
    )


def still_open() -> QuerySet[Statement]:
    return with_open_amounts().exclude(open_amount=0)  # type: ignore[misc]


def statement_of(customer: Customer, month: date, currency: str) -> Statement | None:
    return with_open_amounts().filter(customer=customer, month=month, currency=currency).first()


def numbered(number: str) -> Statement | None:
    return with_open_amounts().filter(number=number).order_by("-revision", "-pk").first()


def balance(customer: Customer, currency: str | None = None) -> Decimal:
    """What the customer owes: all he was charged, less all he paid. Below zero he has paid too much."""
    return balances([customer.pk], currency).get(customer.pk, Decimal(0))


def balances(customers: Collection[int], currency: str | None = None) -> dict[int, Decimal]:
    """The same of many; who was never charged and never paid is not named. Two statements."""
    wanted = {"customer__in": customers, **({"currency": currency} if currency else {})}
    found: dict[int, Decimal] = defaultdict(Decimal)
    for sign, rows in ((1, in_force()), (-1, Payment.objects.all())):
        sums = rows.filter(**wanted).order_by().values("customer").annotate(sum=Sum("amount"))
        for customer, amount in sums.values_list("customer", "sum"):
            found[customer] += sign * _cents(amount)
    return dict(found)


def open_of(customers: Collection[int], month: date, currency: str) -> dict[int, Decimal]:
    """What is open of each one's statement for a month; who has none is not named. One statement."""
    rows = with_open_amounts().filter(customer__in=customers, month=month, currency=currency)
    return {one.customer_id: _cents(one.open_amount) for one in rows}  # type: ignore[attr-defined]


def charged_by(customers: Collection[int], month: date, currency: str) -> dict[int, Statement]:
    """Each one's statement in force for a month; who has none is not named. One statement."""
    rows = in_force().filter(customer__in=customers, month=month, currency=currency)
    return {one.customer_id: one for one in rows}


def unsettled(payment: Payment) -> Decimal:
    """What of a payment settles nothing yet."""
    settled = payment.settlements.aggregate(sum=Coalesce(Sum("amount"), _NONE, output_field=_MONEY))["sum"]
    return _cents(payment.amount - settled)


def _cents(value: Decimal) -> Decimal:
    """SQLite adds decimals as floats."""
    return value.quantize(Decimal("0.01"))


@dataclass(frozen=True)
class Overdue:
    statement: Statement
    open_amount: Decimal
    days: int
    stage: int
    """How many of the company's dunning days have passed."""


def overdue(today: date, dunning: Sequence[int] = ()) -> list[Overdue]:
    """What should have been paid by now, the oldest first."""
    late = still_open().filter(due_on__lt=today).select_related("customer").order_by("due_on", "number")
    found = []
    for statement in late:
        days = (today - statement.due_on).days
        open_amount = _cents(statement.open_amount)  # type: ignore[attr-defined]
        found.append(Overdue(statement, open_amount, days, stage(days, dunning)))
    return found


def stage(days: int, dunning: Sequence[int]) -> int:
    """With dunning on day 1, 7 and 30, eight days overdue is stage 2."""
    return sum(days >= one for one in dunning)


def ageing(today: date) -> dict[tuple[int, str], list[Decimal]]:
    """(customer, currency) -> what is not due yet, and what is overdue up to 30, 60, 90 days, and longer."""
    found: dict[tuple[int, str], list[Decimal]] = {}
    for statement in still_open():
        bands = found.setdefault((statement.customer_id, statement.currency), [Decimal(0)] * (len(BANDS) + 2))
        days = (today - statement.due_on).days
        band = 0 if days <= 0 else 1 + sum(days > limit for limit in BANDS)
        bands[band] += _cents(statement.open_amount)  # type: ignore[attr-defined]
    return found


_STATEMENT = re.compile(r"statement\[(?P<which>[^\]]+)\](?:\.(?P<name>[a-z_]+))?")
_BALANCE = re.compile(r"balance(?:\[(?P<customer>[^\]]+)\])?(?:\.(?P<currency>[A-Z]{3}))?")


def look_up(path: str, customer: Customer | None, today: date) -> Any:
    """`balance` of the case's customer, `balance[C0001]`; `statement[2024-04].amount` of his month, or by its number."""
    if match := _BALANCE.fullmatch(path):
        owner = by_code(match["customer"]) if match["customer"] else customer
        return balance(owner, match["currency"]) if owner else None
    match = _STATEMENT.fullmatch(path)
    if match is None:
        raise LookupError(f'"{path}" is no look-up; there are balance, balance[CUSTOMER], statement[2024-04].amount')
    found = _statement(match["which"], customer)
    if found is None:
        return None
    facts = {
        "number": found.number,
        "revision": found.revision,
        "currency": found.currency,
        "net_amount": found.net_amount,
        "vat_amount": found.vat_amount,
        "amount": found.amount,
        "open_amount": _cents(found.open_amount),  # type: ignore[attr-defined]
        "due_on": found.due_on,
        "paid_on": _paid_on(found),
        "lines": found.lines.count(),
    }
    name = match["name"] or "amount"
    if name not in facts:
        raise LookupError(f'a statement has no "{name}"; there are {", ".join(facts)}')
    return facts[name]


def _paid_on(statement: Statement) -> date | None:
    """The day of the last payment that settles any of it."""
    found = statement.settlements.filter(payment__corrects=None, payment__corrected_by=None)
    return found.aggregate(day=Max("payment__received_on"))["day"]


def _statement(which: str, customer: Customer | None) -> Statement | None:
    try:
        month = months.month_of(which)
    except ValueError:
        return numbered(which)
    return with_open_amounts().filter(month=month, **({"customer": customer} if customer else {})).first()
