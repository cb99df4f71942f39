"""What stories give ledgers, in the words of whoever writes them; and what operations make of it."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from kehu.cases import posting
from kehu.cases.actions import begin
from kehu.cases.given import look_up, put
from kehu.cases.refusals import RuleUndecided
from kehu.cases.steps import OPERATIONS, STAYS, TAKE_BACK, WITHDRAW
from kehu.core.models import Organization
from kehu.core.scope import scope
from kehu.engine.definitions import Rung
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.orders.models import Delivery, DeliveryLine, Order
from kehu.ledgers.products.models import Price
from tests.cast import FRIDAY, Telling


def give(organization: Organization, **given: Any) -> None:
    put(organization, given, {}, FRIDAY)


@pytest.mark.parametrize(
    "line",
    [
        {"customer": "C0001", "product": "BR-120", "unit_price": 11, "valid_from": date(2024, 5, 1)},
        {"customer": "C0001", "product": "BR-120", "price": "11.00", "effective_from": "2024-05-01"},
        {"customer": "C0001", "item": "BR-120", "amount": Decimal(11), "date": "2024-05-01", "currency": "CNY"},
    ],
)
def test_a_price_is_read_whatever_its_columns_are_called(mfg: Organization, line: dict[str, Any]) -> None:
    give(mfg, prices=[line])

    price = Price.objects.get()
    assert (price.unit_price, price.valid_from, price.currency) == (11, date(2024, 5, 1), "CNY")


@pytest.mark.parametrize(
    "line",
    [
        {"qty": -1},
        {"quantity": 1, "returned": True},
        {"quantity": 1, "kind": "return"},
        {"qty": "1", "type": "退货"},
    ],
)
def test_a_return_is_read_whatever_says_so(mfg: Organization, line: dict[str, Any]) -> None:
    give(mfg, deliveries=[{"customer": "C0001", "product": "BR-120", "date": "2024-03-14", **line}])

    assert (Delivery.objects.get().kind, DeliveryLine.objects.get().quantity) == ("returned", -1)


def test_orders_are_given_with_lines_or_with_their_amount(mfg: Organization) -> None:
    lines = [{"product": "BR-120", "qty": 2, "price": 10}, {"product": "BR-121", "qty": 1, "price": "5.50"}]
    give(
        mfg,
        orders=[
            {"customer": "C0001", "ordered_on": "2024-03-01", "amount": 100},
            {"customer": "C0001", "date": "2024-03-02", "lines": lines},
            {"customer": "C0001", "product": "BR-120", "quantity": 3, "unit_price": 10, "order_no": "XJ-1"},
        ],
    )

    assert [order.amount for order in Order.objects.order_by("pk")] == [100, Decimal("25.50"), 30]
    assert look_up("order[XJ-1].amount", Customer.objects.get(code="C0001"), date(2024, 3, 15)) == 30


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"prices": [{"customer": "C9999", "product": "BR-120", "price": 1}]}, 'there is no customer "C9999"'),
        ({"prices": [{"customer": "C0001", "price": 1}]}, "names its `product:`"),
        ({"prices": [{"customer": "C0001", "product": "BR-120"}]}, "a price is `unit_price:`"),
        ({"prices": [{"customer": "C0001", "product": "BR-120", "price": "ten"}]}, "is no number"),
        ({"deliveries": [{"customer": "C0001", "product": "BR-120", "date": "soon"}]}, "is no day"),
        ({"weather": []}, "`given:` knows customers"),
    ],
)
def test_what_a_story_gives_wrongly_is_said_back(mfg: Organization, given: dict[str, Any], said: str) -> None:
    with pytest.raises(LookupError) as error:
        put(mfg, given, {}, FRIDAY)

    assert said in str(error.value)


def test_what_no_ledger_answers_is_said_back(mfg: Organization) -> None:
    with pytest.raises(LookupError, match="is no look-up; they begin with customer"):
        look_up("weather[today]", None, date(2024, 3, 15))


def test_a_rung_that_repeats_shares_nothing() -> None:
    with pytest.raises(ValidationError, match="a rung that repeats"):
        Rung.model_validate({"every": "2 days", "tell": "assignee", "shares": "sales_head"})


@pytest.mark.parametrize(
    ("operation", "arguments", "says"),
    [
        ("post_price", {"product": "BR-120", "unit_price": None}, "unit_price"),
        ("post_price", {"product": "BR-120", "unit_price": "about 12"}, "about 12"),
        ("post_price", {"product": None, "unit_price": 12}, "product"),
        ("post_payment", {"month": "2024-04", "amount": None}, "amount"),
        ("post_statement", {"month": None}, "month"),
        ("receive_property", {"kind": "mould", "name": "折弯模", "unit": "套", "department": "quality"}, "quantity"),
        ("post_property", {"number": "KG-1", "entry": "stolen"}, "stolen"),
        ("change_customer", {}, "status"),
    ],
)
def test_what_a_pack_gives_an_operation_wrongly_is_refused_by_name(
    complaint: Any, operation: str, arguments: dict[str, Any], says: str
) -> None:
    folder = begin(complaint.organization, "sales_handler", FRIDAY).take(complaint.number)
    with pytest.raises(RuleUndecided, match=f"{operation}: .*{says}"):
        folder.operate(operation, arguments, {})


def test_whatever_a_case_enters_is_either_taken_back_or_said_to_stay():
    written = "".join(path.read_text() for path in Path(posting.__path__[0]).glob("*.py"))
    entered = set(re.findall(r'entered\.(?:append|extend)\(\(+"(\w+)"', written))
    assert entered == {*TAKE_BACK, *WITHDRAW, *STAYS}
    assert {name for one in STAYS.values() for name in one.by} <= OPERATIONS.keys()


@pytest.mark.parametrize(
    ("operation", "arguments", "ledger"),
    [
        ("class_customer", {"class": "B"}, "class"),
        ("change_customer", {"status": "dormant"}, "status"),
        ("post_price", {"product": "BR-120", "unit_price": 11}, "price"),
    ],
)
def test_what_is_said_of_a_customer_is_kept_as_said_by_the_case(
    mfg: Organization, complaint: Telling, operation: str, arguments: dict[str, Any], ledger: str
) -> None:
    with scope(mfg):
        folder = begin(mfg, "sales_rep", FRIDAY).take(complaint.number)
        OPERATIONS[operation](folder, arguments, {})
        assert [name for name, _key in folder.entered] == [ledger]
