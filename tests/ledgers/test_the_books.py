"""Nothing gets lost: two months of random trade, told to Kehu as people would, and an accountant who adds up what is left.

The rate of VAT fell on 2019-04-01, between the two months.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, ClassVar

import pytest
from django.db import transaction
from django.db.models import F, Model
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from kehu.cases import actions as cases
from kehu.cases.models import Case, Task
from kehu.core.models import Event, Organization
from kehu.core.refusals import Refusal
from kehu.ledgers.custody import actions as custody
from kehu.ledgers.custody.models import Entry, Item
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.orders import actions as orders
from kehu.ledgers.orders.actions import Line, NewDelivery
from kehu.ledgers.orders.models import DeliveryLine
from kehu.ledgers.products import actions as products
from kehu.ledgers.products.models import Price
from kehu.ledgers.receivables import actions as receivables
from kehu.ledgers.receivables.models import Payment, Settlement, Statement, StatementLine
from tests.accountant import Books, Figures, cents, valued
from tests.cast import Telling, at

PRODUCTS: dict[str, dict[str, Any]] = {"P-1": {}, "P-2": {"tax_included": True}, "P-3": {"vat_rate": Decimal(9)}}
DAYS = st.dates(date(2019, 3, 1), date(2019, 5, 10))
QUANTITIES = st.decimals("0.001", 99, places=3)
PRICES = st.decimals("0.0001", 999, places=4)
AMOUNTS = st.decimals("-50", 50, places=2).filter(bool)


def open_month(organization: Organization, now: Any, month: str, allowances: list[Decimal]) -> Telling:
    telling, rows = Telling(organization, now), [{"amount": amount, "reason": "折让"} for amount in allowances]
    telling.case = cases.open_case(
        organization=organization, procedure="receivables-month-end", by="sales_rep", now=now, customer="C0001",
        values={"month": month, "corrections": rows},
    )  # fmt: skip
    return telling


class Trade(RuleBasedStateMachine):
    """What people do with one customer's account, in any order. Beside it the machine keeps its own list of what was agreed and paid."""

    organization: ClassVar[Organization]
    charged: ClassVar[int] = 0

    @initialize()
    def begin(self) -> None:
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.now, self.count = at("2019-03-01 08:00"), 0
        self.customer = Customer.objects.get(code="C0001")
        self.paid: list[Decimal] = []
        for product, more in PRODUCTS.items():
            self.price(product, Decimal("11.3"), date(2019, 1, 1), **more)
        self.goods_move(next(iter(PRODUCTS)), Decimal(3), date(2019, 2, 11), False, None, None)
        self.a_month_is_charged("2019-02", [])

    def teardown(self) -> None:
        if hasattr(self, "transaction"):
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)

    def attempt(self, act: Any, *args: Any, **more: Any) -> bool:
        try:
            with transaction.atomic():
                act(*args, **more)
        except Refusal:
            return False
        return True

    # --- deliveries, returns, prices

    def price(self, product: str, unit_price: Decimal, valid_from: date, **more: Any) -> None:
        products.post_price(
            customer=self.customer, product=product, unit_price=unit_price, currency="CNY", valid_from=valid_from,
            by="", now=self.now, **more,
        )  # fmt: skip

    @rule(days=st.integers(1, 20))
    def time_passes(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule(product=st.sampled_from(list(PRODUCTS)), unit_price=PRICES, day=DAYS)
    def a_price_changes(self, product: str, unit_price: Decimal, day: date) -> None:
        self.now += timedelta(minutes=1)
        self.price(product, unit_price, day, **PRODUCTS[product])

    @rule(product=st.sampled_from(list(PRODUCTS)), quantity=QUANTITIES, day=DAYS, returned=st.booleans(), own=st.none() | PRICES, sold=st.none() | DAYS)  # fmt: skip
    def goods_move(self, product: str, quantity: Decimal, day: date, returned: bool, own: Decimal | None, sold: date | None) -> None:  # fmt: skip
        self.now += timedelta(minutes=1)
        self.count += 1
        more: dict[str, Any] = {"unit_price": own, "currency": "CNY"} if own else {}
        if returned:
            more["priced_on"] = sold
        line = Line(product, -quantity if returned else quantity, **more)
        new = NewDelivery(f"DN-{self.count}", self.customer, day, [line], "returned" if returned else "delivered")
        orders.enter_deliveries(organization=self.organization, deliveries=[new], by="", now=self.now)

    # --- statements, differences, payments: as cases

    def told(self, month: str) -> Telling | None:
        telling = Telling(self.organization, self.now)
        telling.case = self.open_cases.get(month)
        return telling if telling.case else None

    @property
    def open_cases(self) -> dict[str, Any]:
        found = Case.objects.filter(procedure__key="receivables-month-end", status="open").order_by("pk")
        return {case.data["month"]: case for case in found}

    @rule(month=st.sampled_from(["2019-03", "2019-04"]), allowances=st.lists(AMOUNTS, max_size=2))
    def a_month_is_charged(self, month: str, allowances: list[Decimal]) -> None:
        self.now += timedelta(minutes=1)
        self.attempt(open_month, self.organization, self.now, month, allowances)
        self.step_on(month)  # built
        self.step_on(month)  # approved

    @rule(month=st.sampled_from(["2019-03", "2019-04"]), difference=st.none() | AMOUNTS)
    def step_on(self, month: str, difference: Decimal | None = None) -> None:
        """What waits in the month's case is done; a difference makes it a disputed one."""
        self.now += timedelta(minutes=1)
        telling = self.told(month)
        if telling is None:
            return
        steps: dict[str, tuple[str, dict[str, Any]]] = {
            "build-statement": ("sales_rep", {}),
            "approve-statement": ("sales_head", {"outcome": "approve"}),
            "send-statement": ("sales_rep", {"channel": "email"}),
            "confirm-statement": ("sales_rep", {"differences": [{"line": "1", "ours": "9", "theirs": "8"}]}),
            "resolve-dispute": (
                "sales_rep",
                {"answers": [{"line": "1", "decision": "accepted", "correction": str(difference)}]},
            ),
        }
        [step] = Task.objects.filter(case=telling.case, state="open").values_list("step", flat=True)
        if step in steps and (difference or step != "confirm-statement"):
            by, values = steps[step]
            self.attempt(telling.do, step, by, **values)

    @rule(month=st.sampled_from(["2019-03", "2019-04"]))
    def a_case_is_voided(self, month: str) -> None:
        self.now += timedelta(minutes=1)
        telling = self.told(month)
        if telling and self.attempt(cases.void, organization=self.organization, number=telling.case.number, reason="so", by="sales_head", now=self.now):  # fmt: skip
            books = Books.of(self.organization)
            assert not [
                one for one in books.in_force.values() if one["source"] == telling.case.number and one["amount"]
            ]

    @rule(amount=st.decimals("0.01", 3000, places=2))
    def money_comes(self, amount: Decimal) -> None:
        self.now += timedelta(minutes=1)
        payment = receivables.post_payment(
            customer=self.customer, received_on=self.now.date(), amount=amount, currency="CNY", by="finance", now=self.now
        )  # fmt: skip
        due = Statement.objects.filter(customer=self.customer).order_by("month", "revision")
        receivables.settle_all(payment=payment, statements=due, by="finance", now=self.now)
        self.paid.append(amount)

    @rule()
    def money_was_entered_by_mistake(self) -> None:
        payment = Payment.objects.filter(corrects=None, corrected_by=None).last()
        if payment:
            receivables.take_back(payment=payment, by="finance", now=self.now)
            self.paid.remove(payment.amount)

    # --- customer property

    @rule(quantity=QUANTITIES)
    def property_comes(self, quantity: Decimal) -> None:
        self.count += 1
        custody.receive(
            customer=self.customer, number=f"KG-{self.count}", kind="mould", name="模具", quantity=quantity, unit="套",
            department="engineering", by="", now=self.now,
        )  # fmt: skip

    @rule(kind=st.sampled_from(["issued", "issued", "taken_back", "used_up", "returned", "lost", "damaged", "scrapped", "checked"]), quantity=QUANTITIES)  # fmt: skip
    def property_moves(self, kind: str, quantity: Decimal) -> None:
        item = Item.objects.last()
        if item and self.attempt(custody.post, item=item, kind=kind, quantity=quantity, by="", now=self.now):
            self.attempt(custody.move, item=item, location=kind, by="", now=self.now)

    @rule()
    def a_move_was_a_mistake(self) -> None:
        entry = Entry.objects.filter(corrects=None, corrected_by=None).exclude(kind="moved").last()
        if entry:
            self.attempt(custody.take_back, entry=entry, by="", now=self.now)

    # --- what must be so

    @invariant()
    def the_accountant_finds_nothing(self) -> None:
        books = Books.of(self.organization)
        assert books.problems() == []
        Trade.charged += len(books.statements)
        sums = books.figures().get(("C0001", "CNY"))
        if sums is None:
            return
        assert sums.received == sum(self.paid)
        assert sums.owed == sums.charged - sums.received
        approved = [case for case in self.open_cases.values() if case.data.get("state") in ("approved", "sent")]
        for case in approved:
            if not case.data["lines"]:
                continue
            stated = [one for one in books.in_force.values() if one["source"] == case.number]
            lines = [line for one in stated for line in books.lines_of[one["id"]] if line["kind"] == "correction"]
            allowed = [Decimal(row["amount"]) for row in case.data.get("corrections") or []]
            assert sorted(allowed) == sorted(line["net_amount"] for line in lines)
            assert [one["amount"] for one in stated] == [Decimal(case.data["amount"])]


def test_whatever_is_traded_the_accountant_finds_nothing(mfg: Organization) -> None:
    Trade.organization = mfg
    chosen = settings(max_examples=5, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Trade, settings=chosen)
    assert Trade.charged


# --- and that he would find it -----------------------------------------------------------------------------------------------


def settled_month(organization: Organization) -> None:
    """A delivery, a return and an allowance, charged and paid; and a lot of customer property of which something is issued."""
    now, customer = at("2019-04-02 09:00"), Customer.objects.get(code="C0001")
    products.post_price(customer=customer, product="P-1", unit_price=Decimal("1.005"), currency="CNY", valid_from=date(2019, 1, 1), by="", now=at("2019-03-01 08:00"))  # fmt: skip
    new = [
        NewDelivery("DN-1", customer, date(2019, 3, 5), [Line("P-1", Decimal(1))]),
        NewDelivery("RN-1", customer, date(2019, 3, 9), [Line("P-1", Decimal(-1))], "returned"),
        NewDelivery("DN-2", customer, date(2019, 3, 31), [Line("P-1", Decimal(100))]),
    ]
    orders.enter_deliveries(organization=organization, deliveries=new, by="", now=at("2019-03-31 18:00"))
    trade = open_month(organization, now, "2019-03", [Decimal("-0.50")])
    trade.do("approve-statement", by="sales_head", outcome="approve")
    payment = receivables.post_payment(customer=customer, received_on=now.date(), amount=Decimal(50), currency="CNY", by="finance", now=now)  # fmt: skip
    receivables.settle_all(payment=payment, statements=Statement.objects.all(), by="finance", now=now)
    item = custody.receive(customer=customer, number="KG-1", kind="mould", name="模具", quantity=Decimal(10), unit="套", department="engineering", by="", now=now)  # fmt: skip
    custody.post(item=item, kind="issued", quantity=Decimal(4), by="", now=now)


def test_a_month_in_the_accountant_s_words(mfg: Organization) -> None:
    settled_month(mfg)

    books = Books.of(mfg)
    assert books.problems() == []
    net, vat = (
        Decimal("100.50") - Decimal("0.50"),
        Decimal("16.00"),
    )  # 16 per cent, until the end of March; a cent of 1.005 is rounded up
    charged = net + vat
    assert books.figures() == {
        ("C0001", "CNY"): Figures(Decimal("100.50"), Decimal("-0.50"), vat, charged, 50, 50, charged - 50)
    }


def test_a_statement_that_was_withdrawn_is_settled_by_nothing(mfg: Organization) -> None:
    settled_month(mfg)
    statement, payment = Statement.objects.get(), Payment.objects.get()
    receivables.take_back(payment=payment, by="finance", now=at("2019-04-03 09:00"))
    receivables.withdraw_statement(statement=statement, by="", now=at("2019-04-03 09:00"))
    assert Books.of(mfg).problems() == []

    back = Settlement.objects.filter(amount__lt=0)
    back.update(settled_at=at("2019-04-04 09:00"))
    late = f"{statement.number}/{statement.revision}: was settled when it was no longer in force"
    assert Books.of(mfg).problems() == [late]
    back.update(amount=F("amount") + 1)
    assert f"{statement.number}/{statement.revision}: is settled, and no longer in force" in Books.of(mfg).problems()


def test_half_a_cent_is_rounded_away_from_zero() -> None:
    assert [cents(Fraction(value)) for value in ("1.005", "-1.005", "1.0049")] == [
        Fraction("1.01"),
        Fraction("-1.01"),
        1,
    ]
    assert valued(Fraction("-1"), Fraction("1.13"), True, Fraction(13)) == (-1, Fraction("-0.13"))


BROKEN: list[tuple[type[Model], dict[str, Any], dict[str, Any], str]] = [
    (StatementLine, {"kind": "delivered"}, {"net_amount": F("net_amount") + Decimal("0.01")}, "net_amount is"),
    (StatementLine, {"kind": "delivered"}, {"vat_rate": 13}, "is not the price of its day"),
    (StatementLine, {"kind": "correction"}, {"net_amount": Decimal("-5")}, "vat_amount is"),
    (StatementLine, {"kind": "returned"}, {"delivery_line": None}, "is charged for no delivery"),
    (StatementLine, {"position": 1}, {"quantity": 2}, "quantity is 2"),
    (Statement, {}, {"amount": F("amount") + 1}, "amount is"),
    (DeliveryLine, {"quantity": 100}, {"quantity": 101}, "quantity is 100"),
    (Price, {}, {"unit_price": Decimal("1.01")}, "is not the price of its day"),
    (Payment, {}, {"amount": 49}, "50.0 of 49.00 are settled"),
    (Payment, {}, {"currency": "USD"}, "currency is USD, should be CNY"),
    (Settlement, {}, {"amount": 500}, "are settled"),
    (Entry, {"kind": "issued"}, {"quantity": 11, "change": -11}, "the store holds -1.0"),
    (Entry, {"kind": "issued"}, {"quantity": 5, "change": -5}, "are not those the log tells of"),
    (Event, {"name": "payment.entered"}, {"name": "payment.lost"}, "1 rows, 0 events"),
]


@pytest.mark.parametrize(
    ("model", "which", "change", "said"), BROKEN, ids=lambda value: getattr(value, "__name__", None)
)
def test_the_accountant_finds_what_is_wrong(mfg: Organization, model: Any, which: Any, change: Any, said: str) -> None:
    settled_month(mfg)
    assert model.objects.filter(**which).update(**change) > 0

    assert said in "\n".join(Books.of(mfg).problems())


def test_the_accountant_finds_what_is_missing_and_what_is_there_twice(mfg: Organization) -> None:
    settled_month(mfg)
    line = StatementLine.objects.get(position=2)
    line.pk, line.position = None, 5
    line.save(force_insert=True)
    assert "DN-2: is charged 2 times" not in (found := "\n".join(Books.of(mfg).problems()))
    assert "is charged 2 times" in found

    StatementLine.objects.filter(delivery_line=line.delivery_line).delete()
    assert "stands on no statement, though that of 2019-03 was posted" in "\n".join(Books.of(mfg).problems())
