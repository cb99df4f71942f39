"""Statements of account: what is charged, what is paid, and that nothing gets lost between."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.utils import translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kehu.core.models import Event, Organization
from kehu.core.scope import scope
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.orders import actions as orders
from kehu.ledgers.orders.actions import Line, NewDelivery
from kehu.ledgers.products import actions as products
from kehu.ledgers.receivables import actions, drafts, months, queries
from kehu.ledgers.receivables.drafts import Draft
from kehu.ledgers.receivables.models import Payment, Statement, StatementLine
from tests.cast import at

APRIL, MAY = date(2024, 4, 1), date(2024, 5, 1)
LATE_APRIL, EARLY_MAY, EARLY_JUNE = at("2024-04-30 16:00"), at("2024-05-02 09:00"), at("2024-06-03 09:00")


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


@pytest.fixture
def xunjie(mfg: Organization) -> Customer:
    return Customer.objects.get(code="C0001")


def price(customer: Customer, unit_price: str, valid_from: date = date(2024, 1, 1), **more: Any) -> None:
    facts = {"product": "BR-120", "currency": "CNY", **more}
    products.post_price(
        customer=customer, unit_price=Decimal(unit_price), valid_from=valid_from, by="", now=LATE_APRIL, **facts
    )


def deliver(customer: Customer, number: str, day: date, quantity: str, *, now: Any = LATE_APRIL, **more: Any) -> None:
    kind = "delivered" if Decimal(quantity) > 0 else "returned"
    line = Line("BR-120", Decimal(quantity), **more)
    new = NewDelivery(number, customer, day, [line], kind)
    orders.enter_deliveries(organization=customer.organization, deliveries=[new], by="", now=now)


def draft(customer: Customer, month: date = APRIL, currency: str = "CNY") -> Draft:
    found = drafts.drafts([customer.pk], month, lambda day: Decimal(13), "CNY").get(customer.pk, {})
    return found.get(currency) or Draft(customer.pk, month, currency)


def posted(customer: Customer, month: date = APRIL, *, now: Any = EARLY_MAY, **more: Any) -> Statement:
    made = more.pop("draft", None) or draft(customer, month)
    number = f"ST-{month:%Y%m}-{customer.code}"
    return actions.post_statement(
        customer=customer, draft=made, number=number, due_on=months.due_on(month, 30), by="sales_head", now=now
    )


def paid(customer: Customer, amount: str, statement: Statement | None = None, currency: str = "CNY") -> None:
    payment = actions.post_payment(
        customer=customer,
        received_on=date(2024, 5, 20),
        amount=Decimal(amount),
        currency=currency,
        by="finance",
        now=EARLY_JUNE,
    )
    if statement:
        actions.settle(payment=payment, statement=statement, amount=payment.amount, by="finance", now=EARLY_JUNE)


# --- what is charged ---------------------------------------------------------------------------------------------------------


def test_deliveries_less_returns_with_vat_are_charged(xunjie: Customer) -> None:
    price(xunjie, "11")
    deliver(xunjie, "DN-1", date(2024, 4, 3), "10")
    deliver(xunjie, "DN-2", date(2024, 4, 9), "10")
    deliver(xunjie, "RN-1", date(2024, 4, 12), "-1")
    deliver(xunjie, "DN-3", MAY, "10")

    made = draft(xunjie)
    assert (made.net_amount, made.vat_amount, made.amount) == (Decimal("209.00"), Decimal("27.17"), Decimal("236.17"))


def test_each_line_has_the_price_valid_on_its_day(xunjie: Customer) -> None:
    price(xunjie, "10")
    price(xunjie, "11", MAY)
    deliver(xunjie, "DN-1", date(2024, 4, 30), "1")
    deliver(xunjie, "DN-2", MAY, "1")

    assert [line.unit_price for line in draft(xunjie).lines] == [10]
    assert [line.unit_price for line in draft(xunjie, MAY).lines] == [11]


def test_what_comes_back_is_credited_at_the_price_of_the_day_it_was_sold(xunjie: Customer) -> None:
    price(xunjie, "10")
    price(xunjie, "11", MAY)
    deliver(xunjie, "RN-1", date(2024, 5, 8), "-1", priced_on=date(2024, 4, 3))

    assert draft(xunjie, MAY).net_amount == -10


def test_a_delivery_s_own_price_comes_before_the_price_list(xunjie: Customer) -> None:
    price(xunjie, "10")
    deliver(xunjie, "DN-1", date(2024, 4, 3), "2", unit_price=Decimal("8.5"), currency="CNY")

    assert draft(xunjie).net_amount == 17


def test_a_price_with_vat_is_charged_as_it_stands(xunjie: Customer) -> None:
    price(xunjie, "113", tax_included=True, vat_rate=Decimal(13))
    deliver(xunjie, "DN-1", date(2024, 4, 3), "1")

    made = draft(xunjie)
    assert (made.net_amount, made.vat_amount, made.amount) == (100, 13, 113)


def test_each_currency_has_a_statement_of_its_own(xunjie: Customer) -> None:
    price(xunjie, "10")
    deliver(xunjie, "DN-1", date(2024, 4, 3), "1")
    deliver(xunjie, "DN-2", date(2024, 4, 4), "1", unit_price=Decimal(2), currency="USD")

    assert (draft(xunjie).net_amount, draft(xunjie, currency="USD").net_amount) == (10, 2)


def test_without_a_price_nothing_is_posted_and_the_delivery_is_named(xunjie: Customer) -> None:
    deliver(xunjie, "DN-1", date(2024, 4, 3), "1")

    assert draft(xunjie).unpriced == [("DN-1", "BR-120", date(2024, 4, 3))]
    with pytest.raises(actions.NoPrice, match="BR-120 of DN-1 has no price valid on 2024-04-03"):
        posted(xunjie)


def test_an_empty_month_is_not_charged(xunjie: Customer) -> None:
    with pytest.raises(actions.NothingToPost):
        posted(xunjie)


def test_what_is_entered_late_comes_on_the_next_statement_and_once(xunjie: Customer) -> None:
    price(xunjie, "10")
    deliver(xunjie, "DN-1", date(2024, 4, 3), "1")
    posted(xunjie)
    deliver(xunjie, "DN-2", date(2024, 4, 29), "1", now=at("2024-05-10 09:00"))
    deliver(xunjie, "DN-3", date(2024, 5, 6), "1", now=at("2024-05-10 09:00"))

    assert [line.reference for line in draft(xunjie, MAY).lines] == ["DN-2", "DN-3"]
    posted(xunjie, MAY, now=EARLY_JUNE)
    assert [line.reference for line in draft(xunjie, date(2024, 6, 1)).lines] == []
    assert [line.reference for line in draft(xunjie).lines] == [
        "DN-1"
    ]  # were April built again, it would not take DN-2 twice


def test_what_is_entered_late_before_its_month_was_charged_stays_in_its_month(xunjie: Customer) -> None:
    price(xunjie, "10")
    deliver(xunjie, "DN-1", date(2024, 4, 29), "1", now=EARLY_MAY)

    assert [line.reference for line in draft(xunjie).lines] == ["DN-1"]
    assert draft(xunjie, MAY).lines == []


def test_what_is_delivered_after_its_month_was_charged_early_comes_on_the_next_statement_and_once(
    xunjie: Customer,
) -> None:
    price(xunjie, "10")
    deliver(xunjie, "DN-1", date(2024, 4, 3), "1", now=at("2024-04-10 09:00"))
    posted(xunjie, now=at("2024-04-20 09:00"))
    deliver(xunjie, "DN-2", date(2024, 4, 25), "1", now=at("2024-04-25 09:00"))

    assert [line.reference for line in draft(xunjie, MAY).lines] == ["DN-2"]
    assert [line.reference for line in draft(xunjie).lines] == ["DN-1", "DN-2"]  # were April built again
    posted(xunjie, MAY, now=EARLY_JUNE)
    assert [line.reference for line in draft(xunjie).lines] == ["DN-1"]


def test_what_comes_back_is_credited_with_the_vat_of_the_day_it_was_sold(xunjie: Customer) -> None:
    price(xunjie, "10")
    deliver(xunjie, "RN-1", date(2024, 5, 8), "-1", priced_on=date(2024, 4, 3))
    rates = {True: Decimal(16), False: Decimal(13)}

    found = drafts.drafts([xunjie.pk], MAY, lambda day: rates[day < MAY], "CNY")[xunjie.pk]["CNY"]
    assert [(line.vat_rate, line.vat_amount) for line in found.lines] == [(16, Decimal("-1.60"))]


def test_building_takes_four_statements_for_any_number_of_customers(
    mfg: Organization, django_assert_num_queries: Any
) -> None:
    customers = list(Customer.objects.all())
    for customer in customers:
        price(customer, "10")
        deliver(customer, f"DN-{customer.code}", date(2024, 4, 3), "1")

    with django_assert_num_queries(4):
        found = drafts.drafts([customer.pk for customer in customers], APRIL, lambda day: Decimal(13), "CNY")
    assert len(found) == len(customers) > 3


# --- what is posted ----------------------------------------------------------------------------------------------------------


def test_a_corrected_statement_is_the_next_revision_and_alone_in_force(xunjie: Customer) -> None:
    price(xunjie, "10")
    deliver(xunjie, "DN-1", date(2024, 4, 3), "10")
    posted(xunjie)
    again = draft(xunjie)
    again.lines.append(drafts.correction(Decimal(-10), Decimal(13), "一件短少"))
    second = posted(xunjie, draft=again)

    assert second.revision == 2
    assert queries.balance(xunjie) == second.amount == Decimal("101.70")
    assert Statement.objects.count() == 2  # the first stays readable
    assert StatementLine.objects.get(statement=second, kind="correction").note == "一件短少"


def test_what_is_paid_in_part_is_no_longer_revised(xunjie: Customer) -> None:
    price(xunjie, "10")
    deliver(xunjie, "DN-1", date(2024, 4, 3), "10")
    paid(xunjie, "1", posted(xunjie))

    with pytest.raises(actions.SettledAlready):
        posted(xunjie)


def test_a_posted_statement_leaves_an_event(xunjie: Customer) -> None:
    price(xunjie, "10")
    deliver(xunjie, "DN-1", date(2024, 4, 3), "10")
    posted(xunjie)

    facts = Event.objects.get(name="statement.posted").facts
    assert (facts["number"], facts["amount"], facts["month"]) == ("ST-202404-C0001", "113.00", "2024-04")


def test_thirty_days_after_april_are_the_thirtieth_of_may() -> None:
    assert months.due_on(APRIL, 30) == date(2024, 5, 30)
    assert months.due_on(APRIL, 0) == date(2024, 4, 30)


@pytest.mark.parametrize("written", ["2024-04", "2024/4", "202404", "2024年4月", "2024-04-17", date(2024, 4, 17)])
def test_a_month_is_read_as_people_write_it(written: Any) -> None:
    assert months.month_of(written) == APRIL


@pytest.mark.parametrize("written", ["April", "2024-13", "24-04", ""])
def test_what_is_no_month_is_said(written: str) -> None:
    with pytest.raises(ValueError):
        months.month_of(written)


# --- what is paid ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def owing(xunjie: Customer) -> Statement:
    """He owes 113.00 for April."""
    price(xunjie, "10")
    deliver(xunjie, "DN-1", date(2024, 4, 3), "10")
    return posted(xunjie)


def test_a_payment_settles_what_it_reaches(owing: Statement) -> None:
    paid(owing.customer, "100", owing)

    assert actions.open_amount_of(owing) == queries.balance(owing.customer) == 13


def test_no_more_is_settled_than_is_open(owing: Statement) -> None:
    with pytest.raises(actions.MoreThanOpen, match=r"113\.00 is open, so 120\.00"):
        paid(owing.customer, "120", owing)


def test_no_more_is_settled_than_was_paid(owing: Statement) -> None:
    payment = actions.post_payment(
        customer=owing.customer, received_on=MAY, amount=Decimal(5), currency="CNY", by="finance", now=EARLY_JUNE
    )
    with pytest.raises(actions.MoreThanPaid):
        actions.settle(payment=payment, statement=owing, amount=Decimal(6), by="finance", now=EARLY_JUNE)


def test_a_payment_in_another_currency_settles_nothing(owing: Statement) -> None:
    with pytest.raises(actions.OtherCurrency, match="The payment is in USD"):
        paid(owing.customer, "10", owing, currency="USD")


def test_a_payment_of_another_customer_settles_nothing(owing: Statement) -> None:
    with pytest.raises(actions.OtherCustomer):
        paid(Customer.objects.get(code="C0002"), "10", owing)


def test_a_payment_taken_back_leaves_all_open_again_and_itself_readable(owing: Statement) -> None:
    paid(owing.customer, "100", owing)
    payment = Payment.objects.get()
    back = actions.take_back(payment=payment, by="finance", now=EARLY_JUNE, note="金额有误")

    assert actions.open_amount_of(owing) == queries.balance(owing.customer) == 113
    assert (back.amount, back.corrects, queries.unsettled(back), queries.unsettled(payment)) == (-100, payment, 0, 0)
    assert Event.objects.filter(name="payment.entered").count() == 2
    assert posted(owing.customer).revision == 2  # nothing has settled it any more


def test_a_statement_withdrawn_is_owed_no_more_and_its_goods_are_charged_anew(owing: Statement) -> None:
    back = actions.withdraw_statement(statement=owing, by="sales", now=EARLY_JUNE, note="客户编号选错")

    assert back is not None
    assert (back.amount, back.withdrawn, queries.balance(owing.customer)) == (0, True, 0)
    assert Statement.objects.filter(pk=owing.pk, amount=113).exists()
    assert (
        actions.withdraw_statement(statement=owing, by="sales", now=EARLY_JUNE) is None
    )  # nothing is left to withdraw
    again = posted(owing.customer)
    assert (again.revision, again.amount, queries.balance(owing.customer)) == (3, 113, 113)


def test_a_statement_that_others_have_paid_stays(owing: Statement) -> None:
    paid(owing.customer, "100", owing)
    with pytest.raises(actions.PaidAlready, match="100"):
        actions.withdraw_statement(statement=owing, by="sales", now=EARLY_JUNE)
    assert actions.open_amount_of(owing) == 13


@pytest.mark.parametrize("amount", ["0", "-5"])
def test_a_payment_is_more_than_nothing(owing: Statement, amount: str) -> None:
    with pytest.raises(actions.NotAPayment):
        paid(owing.customer, amount)


def test_what_is_overdue_is_told_with_its_days_and_its_stage(owing: Statement) -> None:
    def on(day: date) -> list[tuple[int, int]]:
        return [(one.days, one.stage) for one in queries.overdue(day, (1, 7, 30))]

    assert on(date(2024, 5, 30)) == []
    assert on(date(2024, 5, 31)) == [(1, 1)]
    assert on(date(2024, 6, 7)) == [(8, 2)]
    assert on(date(2024, 6, 29)) == [(30, 3)]
    paid(owing.customer, "113", owing)
    assert on(date(2024, 6, 29)) == []


def test_ageing_puts_what_is_open_in_bands(owing: Statement) -> None:
    key = (owing.customer_id, "CNY")

    def bands(day: date) -> list[int]:
        return [int(amount) for amount in queries.ageing(day)[key]]

    assert bands(date(2024, 5, 30)) == [113, 0, 0, 0, 0]
    assert bands(date(2024, 6, 29)) == [0, 113, 0, 0, 0]
    assert bands(date(2024, 6, 30)) == [0, 0, 113, 0, 0]
    assert bands(date(2024, 8, 29)) == [0, 0, 0, 0, 113]


# --- that nothing gets lost --------------------------------------------------------------------------------------------------

QUANTITIES = st.decimals("0.001", 999, places=3)
PRICES = st.decimals("0.0001", 999, places=4)
MOVES = st.lists(
    st.tuples(st.integers(1, 30), QUANTITIES, PRICES, st.booleans(), st.sampled_from([0, 9, 13])),
    min_size=1,
    max_size=6,
)


@given(MOVES, st.decimals(-50, 50, places=2), st.lists(st.decimals("0.01", 500, places=2), max_size=4))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_gets_lost_between_delivery_and_payment(
    mfg: Organization, moves: list[Any], allowance: Decimal, payments: list[Decimal]
) -> None:
    """A statement is deliveries less returns and allowances, with VAT; payments and balance are the statements."""
    with transaction.atomic(), scope(mfg):
        customer = Customer.objects.get(code="C0001")
        expected = Decimal(0)
        for number, (day, quantity, unit_price, is_return, rate) in enumerate(moves):
            signed, product = -quantity if is_return else quantity, f"P-{number}"
            price(customer, str(unit_price), product=product, vat_rate=Decimal(rate))
            line = Line(product, signed)
            new = NewDelivery(
                f"DN-{number}", customer, date(2024, 4, day), [line], "returned" if is_return else "delivered"
            )
            orders.enter_deliveries(organization=mfg, deliveries=[new], by="", now=LATE_APRIL)
            net = (signed * unit_price).quantize(Decimal("0.01"), "ROUND_HALF_UP")
            expected += net + (net * rate / 100).quantize(Decimal("0.01"), "ROUND_HALF_UP")
        made = draft(customer)
        made.lines.append(drafts.correction(-allowance, Decimal(0), "折让"))
        statement = posted(customer, draft=made)

        lines = StatementLine.objects.filter(statement=statement)
        assert statement.amount == statement.net_amount + statement.vat_amount == expected - allowance
        assert sum(line.net_amount + line.vat_amount for line in lines) == statement.amount
        for amount in payments:
            payment = actions.post_payment(
                customer=customer, received_on=MAY, amount=amount, currency="CNY", by="", now=EARLY_JUNE
            )
            actions.settle_all(payment=payment, statements=[statement], by="", now=EARLY_JUNE)
        assert sum(payments) + queries.balance(customer) == statement.amount
        settled = sum(one.amount for one in statement.settlements.all())
        assert settled == max(Decimal(0), min(sum(payments, Decimal(0)), statement.amount))
        assert actions.open_amount_of(statement) == statement.amount - settled
        transaction.set_rollback(True)


@given(QUANTITIES, PRICES, st.integers(0, 25))
def test_a_price_with_vat_times_quantity_is_what_is_asked_for(
    quantity: Decimal, unit_price: Decimal, rate: int
) -> None:
    net, vat = drafts.valued(quantity, unit_price, True, Decimal(rate))

    assert net + vat == (quantity * unit_price).quantize(Decimal("0.01"), "ROUND_HALF_UP")
    assert abs(vat - net * rate / 100) <= Decimal("0.02")
