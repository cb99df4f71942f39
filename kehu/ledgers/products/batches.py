"""Products and prices, many at once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from django.utils.translation import gettext_noop as _

from kehu.core import money, rows
from kehu.core.batches import Applied, Batch, Entry, Outcome, Reason, Verdict, record, seal
from kehu.core.references import in_use
from kehu.ledgers.customers.known import KnownCustomers
from kehu.ledgers.customers.models import Customer

from . import actions
from .known import KnownProducts
from .models import Price, Product
from .queries import coded, squeezed

_FACTS = ("name", "name_en", "specification", "unit")


class Products(Batch):
    """Known by code."""

    def keys(self, entry: Entry) -> Iterable[tuple[str, Hashable]]:
        yield "code", squeezed(entry.values.get("code") or "") or None

    def compare(self, entries: Sequence[Entry]) -> list[Verdict]:
        known = coded(entry.values["code"] for entry in entries)
        return [self._judged(entry, known.get(entry.values["code"])) for entry in entries]

    def _judged(self, entry: Entry, product: Product | None) -> Verdict:
        said = {name: entry.values[name] for name in _FACTS if name in entry.values}
        if product is None:
            return Verdict(Outcome.NEW)
        changes = {
            name: (getattr(product, name), value) for name, value in said.items() if getattr(product, name) != value
        }
        return Verdict(Outcome.CHANGED if changes else Outcome.SAME, row=product, known=product.pk, changes=changes)

    def apply(
        self, judged: Sequence[tuple[Entry, Verdict]], *, by: str, now: datetime, cause: str = ""
    ) -> list[Applied]:
        made = []
        for entry, verdict in judged:
            said = {name: entry.values[name] for name in _FACTS if name in entry.values}
            if verdict.outcome == Outcome.NEW:
                code = entry.values["code"]
                made.append(Product(organization=self.organization, code=code, **{"name": code, **said}))
                verdict.row = made[-1]
            for name in verdict.changes:
                setattr(verdict.row, name, said[name])
        changed = [verdict.row for _entry, verdict in judged if verdict.outcome == Outcome.CHANGED]
        rows.insert(made)
        rows.update(changed, _FACTS)
        record(self.organization, "products.entered", [one.code for one in made], by=by, now=now, cause=cause)
        record(self.organization, "products.changed", [one.code for one in changed], by=by, now=now, cause=cause)
        return [
            Applied(
                verdict.row.pk,
                verdict.outcome,
                {name: list(pair) for name, pair in verdict.changes.items()} or {"seal": _seal_of(verdict.row)},
            )
            for _entry, verdict in judged
        ]

    def take_back(self, applied: Sequence[Applied], *, by: str, now: datetime, cause: str = "") -> dict[int, Reason]:
        found = Product.objects.in_bulk([one.key for one in applied])
        used = in_use(Product, found)
        kept: dict[int, Reason] = {}
        gone, former = [], []
        for one in applied:
            product = found.get(one.key)
            if product is None:
                continue
            if one.outcome == Outcome.NEW and product.pk in used:
                kept[one.key] = Reason(_("{code} is in use meanwhile and stays."), {"code": product.code})
            elif one.outcome == Outcome.NEW:
                if _seal_of(product) == one.facts["seal"]:
                    gone.append(product)
                else:
                    kept[one.key] = Reason(_("{code} was changed since and stays."), {"code": product.code})
            else:
                for name, (before, after) in one.facts.items():
                    if getattr(product, name) == after:
                        setattr(product, name, before)
                    else:
                        what = f"{product.code} ({name})"
                        kept[one.key] = Reason(_("{what} was changed since and stays as it is."), {"what": what})
                former.append(product)
        rows.update(former, _FACTS)
        Product.objects.filter(pk__in=[one.pk for one in gone])._raw_delete(Product.objects.db)
        record(self.organization, "products.taken_back", [one.code for one in gone], by=by, now=now, cause=cause)
        return kept


class Prices(Batch):
    """Known by customer, product and first day. A price is posted and stays; another one for the same day corrects it."""

    def keys(self, entry: Entry) -> Iterable[tuple[str, Hashable]]:
        said = entry.values
        yield (
            "product",
            (
                said.get("customer") or said.get("customer_name"),
                squeezed(said.get("product") or ""),
                said.get("valid_from"),
            ),
        )

    def compare(self, entries: Sequence[Entry]) -> list[Verdict]:
        said = [(entry.values.get("customer", ""), entry.values.get("customer_name", "")) for entry in entries]
        self._customers.look_up(said)
        self._products.look_up(entry.values.get("product", "") for entry in entries)
        found = [self._customers.one(*one, "customer" if one[0] else "customer_name") for one in said]
        posted = self._posted(entries, found)
        return [self._judged(entry, one, posted) for entry, one in zip(entries, found, strict=True)]

    def _posted(self, entries: Sequence[Entry], found: Sequence[Customer | Reason]) -> dict[tuple[Any, ...], Price]:
        wanted = {
            "customer__in": {one.pk for one in found if isinstance(one, Customer)},
            "product__in": {self._products.key(entry.values.get("product", "")) for entry in entries} - {None},
            "valid_from__in": {entry.values["valid_from"] for entry in entries},
        }
        latest = Price.objects.filter(**wanted).order_by("pk")
        return {(one.customer_id, one.product_id, one.valid_from): one for one in latest}

    def _judged(self, entry: Entry, customer: Customer | Reason, posted: dict[tuple[Any, ...], Price]) -> Verdict:
        said = entry.values
        reasons = [
            one for one in (customer, self._products.why_not(said.get("product", ""))) if isinstance(one, Reason)
        ]
        until = said.get("valid_until")
        if until and until <= said["valid_from"]:
            reasons.append(Reason(_("The price would end before it begins."), {}, "valid_until"))
        if reasons or isinstance(customer, Reason):
            return Verdict.refused(*reasons)
        verdict = Verdict(Outcome.NEW, row=customer)
        before = posted.get((customer.pk, self._products.key(said["product"]), said["valid_from"]))
        if before:
            facts = self._facts(entry)
            verdict.changes = {
                name: (getattr(before, name), facts[name]) for name in facts if getattr(before, name) != facts[name]
            }
            verdict.outcome = Outcome.CHANGED if verdict.changes else Outcome.SAME
        return verdict

    def _facts(self, entry: Entry) -> dict[str, Any]:
        said = entry.values
        return {
            "unit_price": money.unit_price(said["unit_price"]),
            "currency": said.get("currency") or self.options.get("currency", "CNY"),
            "tax_included": said.get("tax_included", False),
            "vat_rate": said.get("vat_rate"),
            "valid_until": said.get("valid_until"),
        }

    def apply(
        self, judged: Sequence[tuple[Entry, Verdict]], *, by: str, now: datetime, cause: str = ""
    ) -> list[Applied]:
        codes = [entry.values["product"] for entry, _verdict in judged]
        products = actions.enter_all(organization=self.organization, codes=codes, by=by, now=now)
        made = [
            Price(
                organization=self.organization,
                customer=verdict.row,
                product=products[entry.values["product"]],
                valid_from=entry.values["valid_from"],
                source=entry.values.get("source", cause),
                entered_at=now,
                **self._facts(entry),
            )
            for entry, verdict in judged
        ]
        rows.insert(made)
        names = [f"{one.customer.code} {one.product.code}" for one in made]
        record(self.organization, "prices.posted", names, by=by, now=now, cause=cause)
        return [Applied(price.pk, verdict.outcome, {}) for price, (_entry, verdict) in zip(made, judged, strict=True)]

    def take_back(self, applied: Sequence[Applied], *, by: str, now: datetime, cause: str = "") -> dict[int, Reason]:
        found = Price.objects.select_related("customer", "product").in_bulk([one.key for one in applied])
        used = in_use(Price, found) | self.charged(found.values())
        gone = [one for key, one in found.items() if key not in used]
        Price.objects.filter(pk__in=[one.pk for one in gone])._raw_delete(Price.objects.db)
        names = [f"{one.customer.code} {one.product.code}" for one in gone]
        record(self.organization, "prices.taken_back", names, by=by, now=now, cause=cause)
        return {
            key: Reason(_("{code} is in use meanwhile and stays."), {"code": found[key].product.code}) for key in used
        }

    def charged(self, prices: Iterable[Price]) -> set[int]:
        """Which of them somebody has charged a customer with; receivables know (`receivables/batches.py`)."""
        return set()

    @cached_property
    def _customers(self) -> KnownCustomers:
        return KnownCustomers()

    @cached_property
    def _products(self) -> KnownProducts:
        return KnownProducts(new=bool(self.options.get("products")))


def _seal_of(product: Product) -> str:
    return seal(*(getattr(product, name) for name in ("code", *_FACTS)))
