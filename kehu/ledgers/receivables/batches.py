"""Payments, many at once; and prices, of which here is known whether they were charged."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from django.utils.translation import gettext_noop as _

from kehu.core import money, rows
from kehu.core.batches import Applied, Batch, Entry, Outcome, Reason, Verdict, as_text, record
from kehu.core.references import in_use
from kehu.ledgers.customers.known import KnownCustomers
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.products.batches import Prices
from kehu.ledgers.products.models import Price

from .models import Payment, StatementLine


class Payments(Batch):
    """Known by customer, day, amount, currency and note: a bank's own number in the note tells two alike apart."""

    def keys(self, entry: Entry) -> Iterable[tuple[str, Hashable]]:
        said = entry.values
        customer = said.get("customer") or said.get("customer_name")
        yield (
            "note",
            (customer, said.get("received_on"), as_text(said.get("amount")), self._currency(entry), said.get("note")),
        )

    def compare(self, entries: Sequence[Entry]) -> list[Verdict]:
        said = [(entry.values.get("customer", ""), entry.values.get("customer_name", "")) for entry in entries]
        self._customers.look_up(said)
        found = [self._customers.one(*one, "customer" if one[0] else "customer_name") for one in said]
        days = {entry.values["received_on"] for entry in entries}
        customers = {one.pk for one in found if isinstance(one, Customer)}
        there = {
            _key(one): one
            for one in Payment.objects.filter(customer__in=customers, received_on__in=days).order_by("-pk")
        }
        verdicts = []
        for entry, one in zip(entries, found, strict=True):
            if isinstance(one, Reason):
                verdicts.append(Verdict.refused(one))
                continue
            if entry.values["received_on"] > self.options.get("today", entry.values["received_on"]):
                says = _("A payment received on {day} can be entered from that day on, not before.")
                verdicts.append(Verdict.refused(Reason(says, {"day": str(entry.values["received_on"])}, "received_on")))
                continue
            before = there.get(_key(self._payment(entry, one, None)))
            verdicts.append(Verdict(Outcome.SAME, row=before) if before else Verdict(Outcome.NEW, row=one))
        return verdicts

    def apply(
        self, judged: Sequence[tuple[Entry, Verdict]], *, by: str, now: datetime, cause: str = ""
    ) -> list[Applied]:
        made = [self._payment(entry, verdict.row, now, cause) for entry, verdict in judged]
        rows.insert(made)
        names = [f"{one.customer.code} {one.amount} {one.currency}" for one in made]
        record(self.organization, "payments.entered", names, by=by, now=now, cause=cause)
        return [Applied(one.pk, Outcome.NEW, {}) for one in made]

    def take_back(self, applied: Sequence[Applied], *, by: str, now: datetime, cause: str = "") -> dict[int, Reason]:
        found = Payment.objects.select_related("customer").in_bulk([one.key for one in applied])
        used = in_use(Payment, found)
        gone = [one for key, one in found.items() if key not in used]
        Payment.objects.filter(pk__in=[one.pk for one in gone])._raw_delete(Payment.objects.db)
        names = [f"{one.customer.code} {one.amount} {one.currency}" for one in gone]
        record(self.organization, "payments.taken_back", names, by=by, now=now, cause=cause)
        says = _("The payment of {amount} by {code} has settled a statement meanwhile and stays.")
        return {key: Reason(says, {"amount": str(found[key].amount), "code": found[key].customer.code}) for key in used}

    def _payment(self, entry: Entry, customer: Customer, now: datetime | None, cause: str = "") -> Payment:
        said: Any = entry.values
        return Payment(
            organization=self.organization,
            customer=customer,
            received_on=said["received_on"],
            amount=money.amount(said["amount"]),
            currency=self._currency(entry),
            note=said.get("note", ""),
            source=said.get("source", cause),
            entered_at=now,  # type: ignore[misc]  # none where it is only compared
        )

    def _currency(self, entry: Entry) -> str:
        return str(entry.values.get("currency") or self.options.get("currency", "CNY"))

    @cached_property
    def _customers(self) -> KnownCustomers:
        return KnownCustomers()


class ChargedPrices(Prices):
    """Prices as they come in; one that stands on a statement is not taken back."""

    def charged(self, prices: Iterable[Price]) -> set[int]:
        there = {price.pk: price for price in prices}
        lines = StatementLine.objects.filter(
            product__in={price.product_id for price in there.values()},
            statement__customer__in={price.customer_id for price in there.values()},
        )
        posted: dict[Any, Any] = {}
        for customer, product, at in lines.values_list("statement__customer", "product", "statement__posted_at"):
            posted[customer, product] = max(at, posted.get((customer, product), at))
        return {
            key
            for key, price in there.items()
            if (charged_at := posted.get((price.customer_id, price.product_id))) and charged_at >= price.entered_at
        }


def _key(payment: Payment) -> Hashable:
    return payment.customer_id, payment.received_on, as_text(payment.amount), payment.currency, payment.note
