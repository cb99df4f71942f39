"""The customer directory: classes with their history, who may be entered twice, and two that are one."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps

from kehu.cases import merging
from kehu.cases import queries as cases
from kehu.cases.actions import void
from kehu.cases.models import Case
from kehu.core.models import Event, Organization
from kehu.core.refusals import BadData
from kehu.ledgers.custody import actions as custody
from kehu.ledgers.customers import actions, queries, twins
from kehu.ledgers.customers.models import Contact, Customer
from kehu.ledgers.orders import actions as orders
from kehu.ledgers.orders.actions import Line, NewDelivery, NewOrder
from kehu.ledgers.orders.models import Order
from kehu.ledgers.products import actions as products
from kehu.operations.verification import verify
from kehu.procedures.names import CUSTOMER
from tests.cast import FRIDAY, Telling, at

MONDAY = at("2024-03-04 09:00")
HEAD = {"by": "sales_head", "now": MONDAY}


def customer(code: str) -> Customer:
    return Customer.objects.select_related("organization").get(code=code)


def entered(mfg: Organization, code: str, name: str, **facts: Any) -> Customer:
    return actions.enter(organization=mfg, code=code, name=name, by="sales_rep", now=MONDAY, **facts)


# --- classes


def test_a_class_is_valid_from_a_day_and_the_former_stays_readable(mfg: Organization) -> None:
    actions.class_customer(customer=customer("C0001"), grade="B", valid_from=date(2024, 3, 4), cause="CR-1", **HEAD)
    december = {**HEAD, "now": at("2024-12-31 16:00")}
    actions.class_customer(
        customer=customer("C0001"), grade="C", valid_from=date(2024, 12, 31), cause="CR-2", **december
    )

    one = customer("C0001")
    assert (one.grade, one.is_key) == ("C", False)
    days = [date(2024, 1, 1), date(2024, 3, 4), date(2024, 12, 30), date(2024, 12, 31)]
    assert [queries.class_on(one, day) for day in days] == ["A", "B", "B", "C"]
    assert queries.look_up("customer[C0001].class@2024-03-03", None, date(2025, 1, 1)) == "A"
    assert [(row.before, row.grade, row.cause) for row in one.classings.all()] == [
        ("A", "B", "CR-1"),
        ("B", "C", "CR-2"),
    ]
    assert Event.objects.get(name="customer.classed", facts__grade="B").facts["valid_from"] == "2024-03-04"


def test_a_class_follows_its_company_s_list_and_does_not_go_back_in_time(mfg: Organization) -> None:
    with pytest.raises(BadData, match="有 A、B、C、D"):
        actions.class_customer(customer=customer("C0001"), grade="Z", valid_from=date(2024, 3, 4), cause="CR-1", **HEAD)
    actions.class_customer(customer=customer("C0004"), grade="A", valid_from=date(2024, 3, 4), cause="CR-1", **HEAD)
    assert customer("C0004").is_key
    with pytest.raises(BadData, match="2024-03-05 还没到"):
        actions.class_customer(customer=customer("C0004"), grade="C", valid_from=date(2024, 3, 5), cause="CR-2", **HEAD)
    with pytest.raises(BadData, match="2024-03-04 起为 A 类"):
        actions.class_customer(customer=customer("C0004"), grade="C", valid_from=date(2024, 3, 1), cause="CR-2", **HEAD)


def test_nobody_writes_a_class_by_hand(mfg: Organization) -> None:
    with pytest.raises(BadData):
        actions.change(customer=customer("C0001"), changes={"grade": "D"}, **HEAD)


# --- who may be there already


@pytest.mark.parametrize(
    ("asked", "because"),
    [
        ({"names": ["深圳市讯捷通信设备（股份）有限公司"]}, ["name"]),
        ({"names": ["XUNJIE  communications Co., Ltd."]}, ["name"]),
        ({"names": ["讯捷·通信"]}, ["name"]),
        ({"phones": ["+86 0755 555-0101"]}, ["phone"]),
        ({"names": ["ＸｕｎＪｉｅ　Communications"], "phones": ["07555550101"]}, ["name", "phone"]),
        ({"tax_number": " 9144 0300ma5abcd12x"}, ["tax_number"]),
        ({"names": ["讯"]}, None),
        ({"names": ["讯捷物流有限公司"], "phones": ["0101"]}, None),
    ],
)
def test_a_customer_is_known_again_however_he_is_written(
    mfg: Organization, asked: dict[str, Any], because: list[str] | None
) -> None:
    actions.change(customer=customer("C0001"), changes={"tax_number": "91440300MA5ABCD12X"}, **HEAD)

    found = twins.similar(**asked)
    assert [(one.customer.code, list(one.because)) for one in found] == ([("C0001", because)] if because else [])
    assert twins.similar(**asked, but=customer("C0001")) == []


def test_punctuation_hides_nobody(mfg: Organization) -> None:
    entered(mfg, "C0900", "讯捷（深圳）精密 有限公司")

    assert [one.customer.code for one in twins.similar(names=["讯捷深圳精密公司"])] == ["C0900"]


# --- two that are one


@pytest.fixture
def double(mfg: Organization) -> Customer:
    """Entered a second time, with a complaint that is open, one that is over, and property of his here."""
    found = entered(mfg, "C0900", "讯捷通信", contact={"name": "何小姐", "phone": "0755-555-0199"}, currency="CNY")
    Telling(mfg).start(customer="C0900")
    over = Telling(mfg).start(customer="C0900")
    void(organization=mfg, number=over.number, reason="重复登记", by="sales_head", now=over.now)
    custody.receive(customer=found, number="KG-C0900-0001", kind="jig", name="治具", quantity=Decimal(1), unit="套", department="engineering", **HEAD)  # fmt: skip
    return found


def merged(mfg: Organization, one: str, into: str) -> Customer:
    return merging.merge_customers(
        organization=mfg,
        customer=one,
        into=into,
        reason="同一家",
        by="sales_deputy_manager",
        now=MONDAY + timedelta(days=20),
    )


def test_a_merged_customer_points_to_the_other_who_has_what_was_his(mfg: Organization, double: Customer) -> None:
    open_ = Case.objects.filter(customer=double, status="open").first()
    assert open_
    merged(mfg, "C0900", "C0001")

    lost, kept = customer("C0900"), customer("C0001")
    assert (lost.status, lost.merged_into, kept.currency, kept.grade) == ("closed", kept, "CNY", "A")
    assert {contact.name for contact in Contact.objects.filter(customer=kept)} == {"何经理", "何小姐"}
    assert kept.property.get().number == "KG-C0900-0001"
    assert Case.objects.get(pk=open_.pk).customer == kept
    assert queries.by_code("C0900") == kept
    assert not Case.objects.filter(customer=lost, status="open").exists()
    assert Event.objects.get(name="customer.merged").facts["into"] == "C0001"
    assert Event.objects.get(stream=f"case:{open_.pk}", name="case.customer_set").facts["customer"] == "C0001"
    assert len(cases.latest_cases(kept)) == 2  # what is over is read through
    assert [str(problem) for problem in verify().problems] == []


def test_cases_are_opened_for_whoever_he_was_merged_into(mfg: Organization, double: Customer) -> None:
    merged(mfg, "C0900", "C0001")

    telling = Telling(mfg, MONDAY + timedelta(days=30)).start(customer="C0900")
    assert Case.objects.get(number=telling.number).customer == customer("C0001")


@pytest.mark.parametrize(
    ("one", "into", "why"),
    [
        ("C0001", "C0001", "同一个客户"),
        ("C0900", "C0002", "已经并入"),
        ("C0003", "C0900", "反过来合并"),
        ("C0003", "C0004", "税号不同"),
    ],
)
def test_what_cannot_be_one_customer_is_not_merged(
    mfg: Organization, double: Customer, one: str, into: str, why: str
) -> None:
    merged(mfg, "C0900", "C0001")
    for code, number in (("C0003", "91441900MA001"), ("C0004", "91440600MA002")):
        actions.change(customer=customer(code), changes={"tax_number": number}, **HEAD)

    with pytest.raises(actions.NotMergeable, match=why):
        merged(mfg, one, into)


def ordered(one: Customer, number: str) -> None:
    orders.enter_orders(organization=one.organization, orders=[NewOrder(number, one, FRIDAY.date(), "CNY", [])], **HEAD)


def test_what_was_ordered_follows_unless_it_would_be_there_twice(mfg: Organization, double: Customer) -> None:
    ordered(double, "PO-1")
    ordered(customer("C0001"), "PO-1")
    with pytest.raises(actions.NotMergeable, match="同一订单号 PO-1"):
        merged(mfg, "C0900", "C0001")
    assert customer("C0900").status == "active"  # nothing has moved

    merged(mfg, "C0900", "C0002")
    assert Order.objects.get(customer=customer("C0002")).number == "PO-1"


def test_goods_with_two_prices_are_charged_before_a_merger(mfg: Organization, double: Customer) -> None:
    for one in (double, customer("C0001")):
        products.post_price(customer=one, product="BR-120", unit_price=Decimal(11), currency="CNY", valid_from=date(2024, 1, 1), **HEAD)  # fmt: skip
    goods = [NewDelivery("DN-1", double, FRIDAY.date(), [Line("BR-120", Decimal(10))])]
    orders.enter_deliveries(organization=mfg, deliveries=goods, **HEAD)

    with pytest.raises(actions.NotMergeable, match="DN-1 尚未对账"):
        merged(mfg, "C0900", "C0001")


def test_whoever_was_merged_before_points_to_the_last(mfg: Organization, double: Customer) -> None:
    merged(mfg, "C0900", "C0004")
    merged(mfg, "C0004", "C0001")

    assert queries.by_code("C0900") == customer("C0001")


def test_every_table_of_customers_says_what_a_merger_does_with_it() -> None:
    """A new ledger says whether its rows go along or are read through."""
    own = {"customers.Customer", "customers.Contact", "customers.CustomerWord"}
    tables = {
        model._meta.label
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if field.is_relation and not field.auto_created and field.related_model is Customer
    }

    assert tables - own == set(merging.FOLLOWED) | merging.READ_THROUGH


def test_rules_may_ask_what_the_directory_knows(mfg: Organization) -> None:
    assert set(queries.facts_of(customer("C0001"))) == CUSTOMER
