"""An accountant who trusts nobody: adds up the ledgers' raw rows with his own arithmetic, and says what does not agree.

He borrows no function of Kehu, so that he is wrong in other places than we are. `python -m tests.accountant` looks at the database that
the settings name (`KEHU_VAR`, `KEHU_DATABASE_URL`), and ends with 1 where something is lost or there twice.
"""

from __future__ import annotations

import os
import sys
from calendar import monthrange
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

import django

STORE = {"received": 1, "taken_back": 1, "issued": -1, "returned": -1, "lost": -1, "scrapped": -1}
"""What an entry of customer property does to what lies in our store; of any other kind, nothing."""


class Figures(NamedTuple):
    """What one customer comes to in one currency."""

    goods: Fraction
    allowances: Fraction
    vat: Fraction
    charged: Fraction
    received: Fraction
    settled: Fraction
    owed: Fraction


def cents(value: Fraction) -> Fraction:
    """Rounded to two decimals, half up: away from zero, as on an invoice."""
    whole = abs(value) * 100 + Fraction(1, 2)
    return Fraction(whole.numerator // whole.denominator * (-1 if value < 0 else 1), 100)


def valued(quantity: Fraction, price: Fraction, with_vat: bool, rate: Fraction) -> tuple[Fraction, Fraction]:
    total = cents(quantity * price)
    net = cents(total / (1 + rate / 100)) if with_vat else total
    return net, total - net if with_vat else cents(net * rate / 100)


@dataclass
class Books:
    """The rows of the organization that is spoken for."""

    home: str
    vat: list[Mapping[str, Any]]
    """The company's own table of rates, as its pack writes it; nothing where it has none."""

    @classmethod
    def of(cls, organization: Any) -> Books:
        settings = organization.pack.get("settings") or {}
        table = organization.tables.get("vat") or {}
        return cls((settings.get("currency") or {}).get("value") or "CNY", list(table.get("rows") or []))

    def problems(self) -> list[str]:
        checks = (self._lines, self._sums, self._once, self._nothing_left, self._payments, self._told, self._property)
        return [problem for check in checks for problem in check()]

    def figures(self) -> dict[tuple[str, str], Figures]:
        """(customer's code, currency) -> what he comes to; one who was never charged and never paid is not named."""
        found: dict[tuple[int, str], list[Fraction]] = defaultdict(lambda: [Fraction(0)] * 5)
        for statement in self.in_force.values():
            sums = found[statement["customer_id"], statement["currency"]]
            for line in self.lines_of[statement["id"]]:
                sums[line["kind"] == "correction"] += Fraction(line["net_amount"])
                sums[2] += Fraction(line["vat_amount"])
        for payment in self.payments.values():
            sums = found[payment["customer_id"], payment["currency"]]
            sums[3] += Fraction(payment["amount"])
            sums[4] += sum(Fraction(one["amount"]) for one in self.settlements_of["payment_id"][payment["id"]])
        return {
            (self.codes[customer], currency): Figures(
                goods, allowances, vat, goods + allowances + vat, received, settled, goods + allowances + vat - received
            )
            for (customer, currency), (goods, allowances, vat, received, settled) in found.items()
        }

    # --- a line says what the delivery, the price list and the rates say -------------------------------------------------------

    def _lines(self) -> Iterator[str]:
        for statement in self.statements.values():
            for line in self.lines_of[statement["id"]]:
                where = f"{statement['number']}/{statement['revision']} line {line['position']}"
                if line["kind"] == "correction":
                    if line["vat_rate"] not in self.said_rates[statement["number"], line["note"]]:
                        yield from self._differ(where, line, vat_rate=self.rate_on(_last_day(statement["month"])))
                    yield from self._differ(where, line, vat_amount=cents(Fraction(line["net_amount"]) * _f(line["vat_rate"]) / 100))  # fmt: skip
                else:
                    yield from self._line(where, statement, line)

    def _line(self, where: str, statement: Mapping[str, Any], line: Mapping[str, Any]) -> Iterator[str]:
        goods = self.goods.get(line["delivery_line_id"])
        if goods is None:
            yield f"{where}: is charged for no delivery"
            return
        facts = {name: goods[name] for name in ("delivered_on", "kind", "quantity")}
        yield from self._differ(where, line, product_id=goods["product_id"], reference=goods["number"], **facts)
        if goods["customer_id"] != statement["customer_id"]:
            yield f"{where}: was delivered to another customer"
        prices = list(self._prices(goods, statement["posted_at"]))
        if not any(self._is(line, statement, price, _priced_on(goods)) for price in prices):
            said = ", ".join(f"{price['unit_price']} {price['currency']}" for price in prices) or "none"
            yield f"{where}: {line['unit_price']} {statement['currency']} is not the price of its day ({said})"
        net, vat = valued(_f(line["quantity"]), _f(line["unit_price"]), line["tax_included"], _f(line["vat_rate"]))
        yield from self._differ(where, line, net_amount=net, vat_amount=vat)

    def _prices(self, goods: Mapping[str, Any], posted_at: Any) -> Iterator[Mapping[str, Any]]:
        """What it may have cost: its own price, or the one in force when the statement was posted. Of what was entered at that very
        moment nobody can say whether it was before."""
        if goods["unit_price"] is not None:
            yield {"tax_included": False, "vat_rate": None, "unit_price": goods["unit_price"], "currency": goods["currency"] or self.home}  # fmt: skip
            return
        day, customers = _priced_on(goods), self.same_customer[goods["customer_id"]]
        posted = [
            price for customer in customers for price in self.prices[customer, goods["product_id"]]
            if price["valid_from"] <= day and price["entered_at"] <= posted_at
        ]  # fmt: skip
        posted.sort(key=lambda price: (price["valid_from"], price["id"]))
        for price in reversed(posted):
            if price["valid_until"] is None or price["valid_until"] > day:
                yield price
            if price["entered_at"] < posted_at and len(customers) == 1:
                return

    def _is(self, line: Mapping[str, Any], statement: Mapping[str, Any], price: Mapping[str, Any], day: date) -> bool:
        rate = self.rate_on(day) if price["vat_rate"] is None else price["vat_rate"]
        return (
            (line["unit_price"], line["tax_included"]) == (price["unit_price"], price["tax_included"])
            and statement["currency"] == price["currency"]
            and (rate is None or line["vat_rate"] == rate)
        )

    def rate_on(self, day: date) -> Decimal | None:
        number = int(f"{day:%Y%m%d}")
        for row in self.vat:
            low, _, high = str(row["on"]).partition("..")
            if (not low or int(low) <= number) and (not high or number < int(high)):
                return Decimal(str(row["vat_rate"]))
        return None

    def _differ(self, where: str, row: Mapping[str, Any], **expected: Any) -> Iterator[str]:
        for name, value in expected.items():
            if value is not None and row[name] != value:
                said = float(value) if isinstance(value, Fraction) else value
                yield f"{where}: {name} is {row[name]}, should be {said}"

    # --- a statement is its deliveries less returns and allowances, with VAT ---------------------------------------------------

    def _sums(self) -> Iterator[str]:
        for statement in self.statements.values():
            lines, where = self.lines_of[statement["id"]], f"{statement['number']}/{statement['revision']}"
            net = sum((Fraction(line["net_amount"]) for line in lines), Fraction(0))
            vat = sum((Fraction(line["vat_amount"]) for line in lines), Fraction(0))
            yield from self._differ(where, statement, net_amount=net, vat_amount=vat, amount=net + vat)
            if statement["withdrawn"] and (lines or statement["revision"] == 1):
                yield f"{where}: withdraws what was never charged, or charges something itself"
            if [line["position"] for line in lines] != list(range(1, len(lines) + 1)):
                yield f"{where}: its lines are not numbered one by one"

    def _once(self) -> Iterator[str]:
        charged = Counter(
            line["delivery_line_id"] for pk in self.in_force for line in self.lines_of[pk] if line["delivery_line_id"]
        )
        for pk, times in charged.items():
            if times > 1:
                yield f"{self.goods[pk]['number']}: is charged {times} times"

    def _nothing_left(self) -> Iterator[str]:
        """What was entered before a statement of its month, or of a later one once its own was out, stands on one in force."""
        charged = {line["delivery_line_id"] for pk in self.in_force for line in self.lines_of[pk]}
        posted: dict[tuple[int, str], list[tuple[date, Any]]] = defaultdict(list)
        for one in self.in_force.values():
            if not one["withdrawn"]:
                posted[one["customer_id"], one["currency"]].append((one["month"], one["posted_at"]))
        for pk, goods in self.goods.items():
            if pk in charged:
                continue
            month, customer = goods["delivered_on"].replace(day=1), goods["customer_id"]
            free = max([goods["entered_at"], *self.withdrawn_from[pk]])
            for currency in {price["currency"] for price in self._prices(goods, goods["entered_at"])}:
                for later, at in posted[customer, currency]:
                    if free < at and (later == month or (later > month and self._was_out(customer, month, at))):
                        yield f"{goods['number']}: stands on no statement, though that of {later:%Y-%m} was posted after it was entered"  # fmt: skip

    def _was_out(self, customer: int, month: date, at: Any) -> bool:
        """A statement of the month had been posted by then, and was not withdrawn again."""
        last = {
            one["currency"]: one["withdrawn"] for one in sorted(self.statements.values(), key=lambda one: one["revision"])
            if (one["customer_id"], one["month"]) == (customer, month) and one["posted_at"] < at
        }  # fmt: skip
        return not all(last.values())

    # --- what was paid is settled once, and what is owed is what was charged less what was paid ------------------------------------

    def _payments(self) -> Iterator[str]:
        for payment in self.payments.values():
            settled = sum(Fraction(one["amount"]) for one in self.settlements_of["payment_id"][payment["id"]])
            wrong = payment["corrects_id"]
            if wrong:
                undone = sum(Fraction(one["amount"]) for one in self.settlements_of["payment_id"][wrong])
                if (settled, payment["amount"]) != (-undone, -self.payments[wrong]["amount"]):
                    yield f"payment {payment['id']}: does not take back payment {wrong}"
            elif settled > payment["amount"]:
                yield f"payment {payment['id']}: {float(settled)} of {payment['amount']} are settled"
        for statement in self.statements.values():
            parts = self.settlements_of["statement_id"][statement["id"]]
            where, settled = (
                f"{statement['number']}/{statement['revision']}",
                sum(Fraction(one["amount"]) for one in parts),
            )
            if settled > max(statement["amount"], 0):
                yield f"{where}: {float(settled)} of {statement['amount']} are settled"
            if statement["id"] not in self.in_force:
                yield from self._of_the_past(where, statement, parts)
            for part in parts:
                payment = self.payments[part["payment_id"]]
                yield from self._differ(f"payment {payment['id']}", payment, customer_id=statement["customer_id"], currency=statement["currency"])  # fmt: skip
        yield from self._owed()

    def _of_the_past(
        self, where: str, statement: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]
    ) -> Iterator[str]:
        """Nothing settles a statement that another took the place of. Of one that was withdrawn, every payment was taken back before."""
        follows = min(
            (
                one for one in self.statements.values()
                if all(one[name] == statement[name] for name in ("customer_id", "month", "currency"))
                and one["revision"] > statement["revision"]
            ),
            key=lambda one: one["revision"],
        )  # fmt: skip
        left: dict[int, Fraction] = defaultdict(Fraction)
        for part in parts:
            left[self.payments[part["payment_id"]]["corrects_id"] or part["payment_id"]] += Fraction(part["amount"])
        if (parts and not follows["withdrawn"]) or any(left.values()):
            yield f"{where}: is settled, and no longer in force"
        if any(one["settled_at"] > follows["posted_at"] for one in parts):
            yield f"{where}: was settled when it was no longer in force"

    def _owed(self) -> Iterator[str]:
        for (code, currency), sums in self.figures().items():
            customer = next(pk for pk, found in self.codes.items() if found == code)
            still_open = sum(
                Fraction(one["amount"]) - sum(Fraction(part["amount"]) for part in self.settlements_of["statement_id"][pk])
                for pk, one in self.in_force.items()
                if (one["customer_id"], one["currency"]) == (customer, currency)
            )  # fmt: skip
            if sums.owed != still_open - (sums.received - sums.settled):
                yield f"{code} {currency}: owes {float(sums.owed)}, but {float(still_open)} are open and {float(sums.received - sums.settled)} not used"  # fmt: skip

    def _told(self) -> Iterator[str]:
        """The log tells of every row what the row says."""
        for name, rows, facts in (
            ("statement.posted", self.statements.values(), ("number", "revision", "amount", "currency")),
            ("payment.entered", [one for one in self.payments.values() if one["id"] not in self.imported], ("amount", "currency", "source")),
        ):  # fmt: skip
            there = Counter(tuple(str(row[fact]) for fact in facts) for row in rows)
            told = Counter(tuple(str(event[fact]) for fact in facts) for event in self.events[name])
            for row in (there - told) + (told - there):
                yield f"{name} of {' '.join(row)}: {there[row]} rows, {told[row]} events"

    # --- property held is what moved ------------------------------------------------------------------------------------------

    def _property(self) -> Iterator[str]:
        told: dict[str, list[tuple[str, Fraction]]] = defaultdict(list)
        for name, events in self.events.items():
            if name.startswith("custody."):
                for event in events:
                    told[event["item"]].append((name.removeprefix("custody."), Fraction(event["quantity"])))
        for item in self.items:
            where, held, issued = f"property {item['number']}", Fraction(0), Fraction(0)
            entries = self.entries[item["id"]]
            for entry in entries:
                change = STORE.get(entry["kind"], 0) * _f(entry["quantity"])
                yield from self._differ(f"{where} {entry['kind']}", entry, change=change)
                held += change
                issued += {"issued": 1, "taken_back": -1, "used_up": -1}.get(entry["kind"], 0) * _f(entry["quantity"])
                if held < 0 or issued < 0:
                    yield f"{where}: after {entry['kind']} {entry['quantity']} the store holds {float(held)}, issued are {float(issued)}"  # fmt: skip
                if entry["kind"] in ("moved", "calibrated") and entry["quantity"] != held:
                    yield f"{where}: {entry['kind']} says {entry['quantity']}, {float(held)} are held"
            receipts = sum(1 if entry["quantity"] >= 0 else -1 for entry in entries if entry["kind"] == "received")
            if receipts not in (0, 1) or entries[0]["kind"] != "received" or (receipts == 0 and held):
                yield f"{where}: was not received once, first of all"
            if Counter((entry["kind"], _f(entry["quantity"])) for entry in entries) != Counter(told[item["number"]]):
                yield f"{where}: its entries are not those the log tells of"

    # --- raw rows -----------------------------------------------------------------------------------------------------------

    @cached_property
    def statements(self) -> dict[int, dict[str, Any]]:
        return _rows("receivables", "Statement")

    @cached_property
    def in_force(self) -> dict[int, dict[str, Any]]:
        last: dict[Any, dict[str, Any]] = {}
        for one in sorted(self.statements.values(), key=lambda one: one["revision"]):
            last[one["customer_id"], one["month"], one["currency"]] = one
        return {one["id"]: one for one in last.values()}

    @cached_property
    def withdrawn_from(self) -> Mapping[int, list[Any]]:
        """When goods that stood on a statement were to be charged anew, because it was withdrawn."""
        found: dict[int, list[Any]] = defaultdict(list)
        for back in self.statements.values():
            if back["withdrawn"]:
                same = ("customer_id", "month", "currency")
                for one in self.statements.values():
                    if all(one[name] == back[name] for name in same) and one["revision"] < back["revision"]:
                        for line in self.lines_of[one["id"]]:
                            found[line["delivery_line_id"]].append(back["posted_at"])
        return found

    @cached_property
    def lines_of(self) -> Mapping[int, list[dict[str, Any]]]:
        return _by("statement_id", _rows("receivables", "StatementLine", "statement_id", "position"))

    @cached_property
    def payments(self) -> dict[int, dict[str, Any]]:
        return _rows("receivables", "Payment")

    @cached_property
    def imported(self) -> set[int]:
        """Payments that came in a sheet, of which one event tells together."""
        told = Counter(
            (event["amount"], event["currency"], event["source"]) for event in self.events["payment.entered"]
        )
        found = set()
        for pk, payment in self.payments.items():
            key = str(payment["amount"]), payment["currency"], payment["source"]
            if told[key] <= 0 and any(payment["source"] == str(one.get("cause")) for one in self.events["payments.entered"]):  # fmt: skip
                found.add(pk)
            told[key] -= 1
        return found

    @cached_property
    def settlements_of(self) -> dict[str, Mapping[int, list[dict[str, Any]]]]:
        rows = _rows("receivables", "Settlement")
        return {side: _by(side, rows) for side in ("payment_id", "statement_id")}

    @cached_property
    def said_rates(self) -> Mapping[tuple[str, str], set[Decimal]]:
        """(statement's number, reason) -> the rates that its case says of such a correction."""
        found: dict[tuple[str, str], set[Decimal]] = defaultdict(set)
        for case in _rows("cases", "Case").values():
            for row in case["data"].get("corrections") or []:
                if row.get("vat_rate") is not None:
                    found[case["number"], row["reason"]].add(Decimal(str(row["vat_rate"])))
        return found

    @cached_property
    def goods(self) -> dict[int, dict[str, Any]]:
        deliveries = _rows("orders", "Delivery")
        return {pk: {**deliveries[line["delivery_id"]], **line} for pk, line in _rows("orders", "DeliveryLine").items()}

    @cached_property
    def prices(self) -> Mapping[tuple[int, int], list[dict[str, Any]]]:
        found = defaultdict(list)
        for price in _rows("products", "Price").values():
            found[price["customer_id"], price["product_id"]].append(price)
        return found

    @cached_property
    def codes(self) -> dict[int, str]:
        return {pk: one["code"] for pk, one in _rows("customers", "Customer").items()}

    @cached_property
    def same_customer(self) -> dict[int, list[int]]:
        """Each with those who turned out to be him."""
        found = {pk: [pk] for pk in self.codes}
        for pk, one in _rows("customers", "Customer").items():
            if one["merged_into_id"]:
                found[one["merged_into_id"]].append(pk)
        return found

    @cached_property
    def items(self) -> list[dict[str, Any]]:
        return list(_rows("custody", "Item").values())

    @cached_property
    def entries(self) -> Mapping[int, list[dict[str, Any]]]:
        return _by("item_id", _rows("custody", "Entry"))

    @cached_property
    def events(self) -> Mapping[str, list[dict[str, Any]]]:
        found = defaultdict(list)
        for event in _rows("core", "Event").values():
            found[event["name"]].append(event["facts"])
        return found


def _rows(app: str, model: str, *order: str) -> dict[int, dict[str, Any]]:
    rows: Any = django.apps.apps.get_model(app, model).objects.order_by(*order or ("pk",))
    return {row["id"]: row for row in rows.values()}


def _by(name: str, rows: Mapping[int, dict[str, Any]]) -> Mapping[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows.values():
        found[row[name]].append(row)
    return found


def _f(value: Decimal) -> Fraction:
    return Fraction(value)


def _priced_on(goods: Mapping[str, Any]) -> date:
    """The day whose price and VAT count: of what comes back, the day it was sold."""
    return goods["priced_on"] or goods["delivered_on"]


def _last_day(month: date) -> date:
    return month.replace(day=monthrange(month.year, month.month)[1])


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kehu.config.settings")
    django.setup()
    from kehu.core.models import Organization
    from kehu.core.scope import every_organization, scope

    found = 0
    with every_organization():
        organizations = list(Organization.objects.all())
    for organization in organizations:
        with scope(organization):
            books = Books.of(organization)
            problems, lines = books.problems(), sum(map(len, books.lines_of.values()))
            print(f"{organization.key}: {len(books.statements)} statements of {lines} lines, {len(books.payments)} payments, {len(books.items)} lots of customer property")  # fmt: skip
            for (code, currency), sums in sorted(books.figures().items()):
                said = "  ".join(f"{name} {float(value):,.2f}" for name, value in sums._asdict().items())
                print(f"  {code} {currency}  {said}")
        for problem in problems:
            print(f"  ✗ {problem}")
        found += len(problems)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
