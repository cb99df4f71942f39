"""Ledgers through the API: what another program keeps comes in whole or not at all, once."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from kehu.core.models import Event
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.orders.models import Delivery, DeliveryLine, Order
from kehu.ledgers.products.models import Product
from kehu.ledgers.receivables.models import Payment

from .conftest import Program

Programs = Callable[..., Program]
ORDER = {"number": "PO-7", "customer": "C0001", "ordered_on": "2024-03-01",
         "lines": [{"product": "HY-1", "quantity": "2", "unit_price": "10.5"}, {"product": "HY-2", "quantity": 1}]}  # fmt: skip
DELIVERY = {"number": "DN-7", "customer": "C0001", "delivered_on": "2024-03-02", "lines": [{"product": "HY-1", "quantity": 2}]}  # fmt: skip


def test_orders_come_in_with_their_lines_and_products(program: Programs) -> None:
    finance = program("finance")
    answer = finance.post("/orders", {"orders": [ORDER, {**ORDER, "number": "PO-8", "currency": "USD", "rate": "7.1"}]})

    assert (answer.status_code, answer.json()) == (201, {"entered": 2})
    assert list(Order.objects.order_by("number").values_list("number", "amount", "currency", "rate")) == [
        ("PO-7", Decimal("21.00"), "CNY", 1), ("PO-8", Decimal("21.00"), "USD", Decimal("7.1")),
    ]  # fmt: skip
    assert set(Product.objects.values_list("code", flat=True)) == {"HY-1", "HY-2"}
    rows = finance.get("/ledgers/orders?customer=C0001").json()
    assert [(row["number"], row["amount"], row["customer"]) for row in rows["rows"]] == [
        ("PO-8", "21.00", "C0001"), ("PO-7", "21.00", "C0001"),
    ]  # fmt: skip


def test_one_that_is_there_already_keeps_all_of_them_out(program: Programs) -> None:
    finance = program("finance")
    finance.post("/orders", {"orders": [ORDER]})
    again = finance.post("/orders", {"orders": [{**ORDER, "number": "PO-9"}, ORDER]})

    assert (again.status_code, again.json()["code"]) == (409, "orders.number_taken")
    assert Order.objects.count() == 1


def test_a_request_sent_twice_enters_once(program: Programs) -> None:
    finance = program("finance")
    first = finance.post("/payments", PAYMENT, Idempotency_Key="k1")
    second = finance.post("/payments", PAYMENT, Idempotency_Key="k1")

    assert first.status_code == second.status_code == 201
    assert Payment.objects.count() == 1


PAYMENT = {"payments": [{"customer": "C0001", "received_on": "2024-03-03", "amount": "100.25", "source": "BANK-1"}]}


def test_every_unknown_customer_is_named_with_its_place(program: Programs) -> None:
    wrong = [{**DELIVERY, "customer": "C0404"}, DELIVERY, {**DELIVERY, "customer": "X", "number": "DN-9"}]
    answer = program("finance").post("/deliveries", {"deliveries": wrong})

    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["findings"]] == ["deliveries.0.customer", "deliveries.2.customer"]
    assert Delivery.objects.count() == 0


def test_a_return_is_told_by_its_kind_and_counts_against(program: Programs) -> None:
    finance = program("finance")
    back = {**DELIVERY, "number": "RN-1", "kind": "returned",
            "lines": [{"product": "HY-1", "quantity": 1, "unit_price": 9, "priced_on": "2024-03-02"}]}  # fmt: skip
    assert finance.post("/deliveries", {"deliveries": [DELIVERY, back]}).status_code == 201

    assert sorted(DeliveryLine.objects.values_list("quantity", flat=True)) == [-1, 2]
    rows = finance.get("/ledgers/deliveries?state=returned").json()["rows"]
    assert [(row["number"], row["kind"]) for row in rows] == [("RN-1", "returned")]


def test_what_is_entered_for_a_merged_customer_is_his_successor_s(program: Programs) -> None:
    first, second = Customer.objects.get(code="C0001"), Customer.objects.get(code="C0002")
    Customer.objects.filter(pk=first.pk).update(merged_into=second)
    program("finance").post("/orders", {"orders": [ORDER]})

    assert Order.objects.get().customer == second


def test_products_are_entered_once(program: Programs) -> None:
    finance = program("finance")
    for name in ("Bracket", "Another name"):
        finance.post("/products", {"products": [{"code": "HY-1", "name": name, "unit": "pcs"}]})

    assert Product.objects.get().name == "Bracket"


@pytest.mark.parametrize("body", [
    {"orders": []}, {"orders": [{**ORDER, "lines": []}]}, {"orders": [{**ORDER, "ordered_on": "2024-02-31"}]},
    {"orders": [{**ORDER, "lines": [{"product": "A", "quantity": "-1"}]}]}, {"orders": [{**ORDER, "price": 1}]},
    {"orders": [{**ORDER, "lines": [{"product": "A", "quantity": "1.23456"}]}]}, {"orders": [{**ORDER, "currency": "RMB1"}]},
])  # fmt: skip
def test_what_is_no_order_is_refused_with_its_place(program: Programs, body: object) -> None:
    answer = program("finance").post("/orders", body)

    assert answer.status_code == 422
    assert answer.json()["findings"][0]["field"].startswith("orders")
    assert not Event.objects.filter(name="orders.entered").exists()


def test_who_has_no_right_enters_nothing_and_reads_nothing(program: Programs) -> None:
    assert program("sales_rep").post("/orders", {"orders": [ORDER]}).status_code == 403
    assert program("qa_head").get("/ledgers/prices").status_code == 403
    assert program("finance", scopes=["ledgers:read"]).post("/orders", {"orders": [ORDER]}).status_code == 403
    assert program("finance", scopes=["cases:read"]).get("/ledgers/orders").status_code == 403
    assert program("finance").get("/ledgers/gold").status_code in (404, 422)


def test_a_state_or_a_customer_that_does_not_exist_is_refused(program: Programs) -> None:
    finance = program("finance")
    assert finance.get("/ledgers/statements?state=lost").json()["findings"][0]["field"] == "state"
    assert finance.get("/ledgers/statements?customer=C0404").json()["findings"][0]["field"] == "customer"
    assert finance.get("/ledgers/statements?cursor=zzz").json()["findings"][0]["field"] == "cursor"


def test_pages_follow_by_their_cursor(program: Programs) -> None:
    finance = program("finance")
    numbers = [f"PO-{number:03}" for number in range(120)]
    finance.post("/orders", {"orders": [{**ORDER, "number": number} for number in numbers]})
    found, cursor = [], ""
    for _ in range(3):
        page = finance.get(f"/ledgers/orders?cursor={cursor}").json()
        found += [row["number"] for row in page["rows"]]
        cursor = page["next"]
    assert (sorted(found), cursor) == (numbers, None)
