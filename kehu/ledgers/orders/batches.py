"""Orders and deliveries, many at once. What was posted stays as it was posted: a sheet adds, or says the same again."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db import models
from django.utils.translation import gettext_noop as _

from kehu.core import money
from kehu.core.batches import Applied, Batch, Entry, Outcome, Reason, Verdict, as_text, record
from kehu.core.references import in_use
from kehu.ledgers.customers.known import KnownCustomers
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.products.known import KnownProducts
from kehu.ledgers.products.queries import squeezed

from . import actions
from .models import Delivery, DeliveryLine, Order, OrderLine

_OTHERWISE = _("{number} was entered before and says something else: {what}. What was entered stays; correct it there.")


class _Posted(Batch):
    """What orders and deliveries have in common."""

    model: type[models.Model]
    line_model: type[models.Model]
    line_of: str
    event: str

    def compare(self, entries: Sequence[Entry]) -> list[Verdict]:
        said = [(entry.values.get("customer", ""), entry.values.get("customer_name", "")) for entry in entries]
        self._customers.look_up(said)
        self._products.look_up(line.get("product", "") for entry in entries for line in entry.lines)
        known = self._known({entry.values["number"] for entry in entries})
        return [
            self._judged(entry, self._customers.one(*one, "customer" if one[0] else "customer_name"), known)
            for entry, one in zip(entries, said, strict=True)
        ]

    def _known(self, numbers: Collection[str]) -> Mapping[Hashable, tuple[Any, list[Any]]]:
        there: Iterable[Any] = self.model._default_manager.filter(number__in=numbers)
        found: dict[int, tuple[Any, list[Any]]] = {one.pk: (one, []) for one in there}
        lines: Any = self.line_model._default_manager.filter(**{f"{self.line_of}__in": found}).select_related("product")
        for line in lines.order_by("pk"):
            found[getattr(line, f"{self.line_of}_id")][1].append(line)
        return {self._key(one.number, one.customer_id): (one, many) for one, many in found.values()}

    def _judged(self, entry: Entry, customer: Customer | Reason, known: Mapping[Hashable, Any]) -> Verdict:
        reasons = [customer] if isinstance(customer, Reason) else []
        for row, line in zip(entry.rows, entry.lines, strict=False):
            of_line = [self._products.why_not(line.get("product", "")), *self._against(line)]
            reasons += [replace(reason, row=row) for reason in of_line if reason]
        reasons += self._against_all(entry)
        if reasons or isinstance(customer, Reason):
            return Verdict.refused(*reasons)
        before, lines = known.get(self._key(entry.values["number"], customer.pk), (None, []))
        if before is None:
            return Verdict(Outcome.NEW, row=customer)
        if differing := self._differing(entry, customer, before, lines):
            facts = {"number": entry.values["number"], "what": ", ".join(differing)}
            return Verdict.refused(Reason(_OTHERWISE, facts, "number"))
        return Verdict(Outcome.SAME, row=before)

    def _key(self, number: str, customer: int) -> Hashable:
        raise NotImplementedError

    def _against(self, line: Mapping[str, Any]) -> list[Reason]:
        return []

    def _against_all(self, entry: Entry) -> list[Reason]:
        return []

    def _differing(self, entry: Entry, customer: Customer, before: Any, lines: Sequence[Any]) -> list[str]:
        raise NotImplementedError

    def take_back(self, applied: Sequence[Applied], *, by: str, now: datetime, cause: str = "") -> dict[int, Reason]:
        found: dict[int, Any] = self.model._default_manager.in_bulk([one.key for one in applied])
        used = in_use(self.model, found, but=(self.line_model,))
        lines: Any = self.line_model._default_manager.filter(**{f"{self.line_of}__in": found})
        owners = dict(lines.values_list("pk", f"{self.line_of}_id"))
        used |= {owners[key] for key in in_use(self.line_model, owners)}
        gone = [one for key, one in found.items() if key not in used]
        keys = [one.pk for one in gone]
        gone_lines: Any = self.line_model._default_manager.filter(**{f"{self.line_of}__in": keys})
        gone_lines._raw_delete(gone_lines.db)
        gone_rows: Any = self.model._default_manager.filter(pk__in=keys)
        gone_rows._raw_delete(gone_rows.db)
        record(self.organization, f"{self.event}.taken_back", [one.number for one in gone], by=by, now=now, cause=cause)
        return {key: Reason(_("{code} is in use meanwhile and stays."), {"code": found[key].number}) for key in used}

    @cached_property
    def _customers(self) -> KnownCustomers:
        return KnownCustomers()

    @cached_property
    def _products(self) -> KnownProducts:
        return KnownProducts(new=bool(self.options.get("products")))

    def _currency(self, said: Mapping[str, Any]) -> str:
        return str(said.get("currency") or self.options.get("currency", "CNY"))


class Orders(_Posted):
    """Known by customer and number."""

    model, line_model, line_of, event = Order, OrderLine, "order", "orders"

    def keys(self, entry: Entry) -> Iterable[tuple[str, Hashable]]:
        said = entry.values
        yield "number", (said.get("customer") or said.get("customer_name"), said.get("number"))

    def _key(self, number: str, customer: int) -> Hashable:
        return number, customer

    def _against(self, line: Mapping[str, Any]) -> list[Reason]:
        quantity, price, amount = line.get("quantity"), _price(line), line.get("line_amount")
        if quantity is None:
            return [Reason(_("The quantity is missing."), {}, "quantity")]
        if quantity <= 0:
            return [Reason(_("An ordered quantity is more than zero."), {}, "quantity")]
        if price is not None and amount is not None and abs(money.amount(quantity * price) - amount) > 1:
            says = _("{quantity} × {price} is {product}, not {amount}.")
            facts = {"quantity": as_text(quantity), "price": as_text(price), "product": as_text(money.amount(quantity * price)), "amount": as_text(amount)}  # fmt: skip
            return [Reason(says, facts, "line_amount")]
        return []

    def _against_all(self, entry: Entry) -> list[Reason]:
        if entry.lines or "amount" in entry.values:
            return []
        return [Reason(_("An order has lines with products, or at least an amount."), {}, "amount")]

    def _differing(self, entry: Entry, customer: Customer, before: Order, lines: Sequence[OrderLine]) -> list[str]:
        new = self._new(entry, customer)
        amount = money.amount(actions.sum_of(new.lines)) if new.amount is None else new.amount
        facts = [
            (as_text(before.ordered_on), as_text(new.ordered_on)),
            (before.currency, new.currency),
            (as_text(before.amount), as_text(amount)),
        ]
        if new.lines:
            mine = [
                (squeezed(one.product), as_text(one.quantity), as_text(one.unit_price or Decimal(0)))
                for one in new.lines
            ]
            theirs = [(squeezed(one.product.code), as_text(one.quantity), as_text(one.unit_price)) for one in lines]
            facts += [(_line(one), _line(other)) for one, other in _side_by_side(theirs, mine)]
        return [f"{one} ≠ {other}" for one, other in facts if one != other]

    def apply(
        self, judged: Sequence[tuple[Entry, Verdict]], *, by: str, now: datetime, cause: str = ""
    ) -> list[Applied]:
        new = [self._new(entry, verdict.row) for entry, verdict in judged]
        made = actions.enter_orders(organization=self.organization, orders=new, by=by, now=now)
        return [Applied(one.pk, Outcome.NEW, {}) for one in made]

    def _new(self, entry: Entry, customer: Customer) -> actions.NewOrder:
        said = entry.values
        return actions.NewOrder(
            number=said["number"],
            customer=customer,
            ordered_on=said["ordered_on"],
            currency=self._currency(said),
            lines=[actions.Line(line["product"], line["quantity"], _price(line)) for line in entry.lines],
            amount=said.get("amount"),
            rate=said.get("rate", Decimal(1)),
            source=said.get("source", ""),
        )


class Deliveries(_Posted):
    """Known by number. What comes back says so, or its quantities are below zero."""

    model, line_model, line_of, event = Delivery, DeliveryLine, "delivery", "deliveries"

    def keys(self, entry: Entry) -> Iterable[tuple[str, Hashable]]:
        yield "number", entry.values.get("number")

    def _key(self, number: str, customer: int) -> Hashable:
        return number

    def _against(self, line: Mapping[str, Any]) -> list[Reason]:
        if not line.get("quantity"):
            return [Reason(_("The quantity is missing, or zero."), {}, "quantity")]
        return []

    def _against_all(self, entry: Entry) -> list[Reason]:
        signs = {line["quantity"] > 0 for line in entry.lines if line.get("quantity")}
        if len(signs) > 1:
            says = _("One delivery either goes out or comes back: its quantities are all above zero, or all below.")
            return [Reason(says, {}, "quantity")]
        return []

    def _differing(
        self, entry: Entry, customer: Customer, before: Delivery, lines: Sequence[DeliveryLine]
    ) -> list[str]:
        new = self._new(entry, customer)
        mine = [(squeezed(one.product), as_text(one.quantity), as_text(one.unit_price)) for one in new.lines]
        theirs = [(squeezed(one.product.code), as_text(one.quantity), as_text(one.unit_price)) for one in lines]
        facts = [
            (before.customer.code, customer.code),
            (as_text(before.delivered_on), as_text(new.delivered_on)),
            *((_line(one), _line(other)) for one, other in _side_by_side(theirs, mine)),
        ]
        return [f"{one} ≠ {other}" for one, other in facts if one != other]

    def apply(
        self, judged: Sequence[tuple[Entry, Verdict]], *, by: str, now: datetime, cause: str = ""
    ) -> list[Applied]:
        new = [self._new(entry, verdict.row) for entry, verdict in judged]
        made = actions.enter_deliveries(organization=self.organization, deliveries=new, by=by, now=now)
        return [Applied(one.pk, Outcome.NEW, {}) for one in made]

    def _new(self, entry: Entry, customer: Customer) -> actions.NewDelivery:
        said = entry.values
        comes_back = said.get("kind") == Delivery.Kind.RETURNED or all(line["quantity"] < 0 for line in entry.lines)
        sign = -1 if comes_back else 1
        return actions.NewDelivery(
            number=said["number"],
            customer=customer,
            delivered_on=said["delivered_on"],
            kind=Delivery.Kind.RETURNED if comes_back else Delivery.Kind.DELIVERED,
            lines=[
                actions.Line(
                    line["product"],
                    abs(line["quantity"]) * sign,
                    line.get("unit_price"),
                    self._currency(said) if line.get("unit_price") is not None else "",
                )
                for line in entry.lines
            ],
            order_number=said.get("order_number", ""),
        )


def _price(line: Mapping[str, Any]) -> Decimal | None:
    """Of one piece; worked out where only the line's amount is said."""
    price, amount, quantity = line.get("unit_price"), line.get("line_amount"), line.get("quantity")
    if price is None and amount is not None and quantity:
        return money.unit_price(amount / quantity)
    return price


def _side_by_side(some: Sequence[Any], others: Sequence[Any]) -> Iterable[tuple[Any, Any]]:
    longest = max(len(some), len(others))
    return zip([*some, *[()] * (longest - len(some))], [*others, *[()] * (longest - len(others))], strict=True)


def _line(parts: Sequence[str]) -> str:
    return " ".join(parts) or "–"
