"""Contacts, products, prices, orders, deliveries, payments: each in, the same again, wrong, and taken back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from kehu.core.models import Organization
from kehu.ledgers.customers.models import Contact, Customer
from kehu.ledgers.orders.models import Delivery, DeliveryLine, Order, OrderLine
from kehu.ledgers.products import queries as prices
from kehu.ledgers.products.actions import enter_all
from kehu.ledgers.products.models import Price, Product
from kehu.ledgers.receivables import actions as receivables
from kehu.ledgers.receivables import drafts
from kehu.ledgers.receivables.models import Payment
from tests.cast import FRIDAY
from tests.intake.telling import Sheet

XUNJIE = "深圳市讯捷通信设备有限公司"


@pytest.fixture
def products(mfg: Organization) -> None:
    Sheet(mfg, "products", [["料号", "品名"], ["BR-120", "支架"], ["CV-8", "盖板"]]).checked().done()


def test_contacts_join_their_customers_by_code_or_name(mfg: Organization) -> None:
    rows = [
        ["客户", "姓名", "职位", "手机"],
        ["C0001", "赵工", "品质", 13800138000],
        [XUNJIE, "钱工", "", ""],
        ["讯捷通信", "何经理", "采购经理", ""],
        ["东莞锐科", "孙工", "", ""],
    ]

    sheet = Sheet(mfg, "contacts", rows).checked()

    assert sheet.counts == {"new": 2, "changed": 1, "refused": 1}
    assert "There is no customer “东莞锐科”. Perhaps one of these is meant: C0002" in sheet.refused()[5]
    sheet.done()
    of_it = Contact.objects.filter(customer__code="C0001").order_by("pk").values_list("name", "title", "phone")
    assert list(of_it) == [("何经理", "采购经理", "0755-555-0101"), ("赵工", "品质", "13800138000"), ("钱工", "", "")]
    assert Sheet(mfg, "contacts", rows[:4]).checked().counts == {"same": 3}
    sheet.undone()
    assert list(of_it.all()) == [("何经理", "", "0755-555-0101")]


def test_a_code_and_a_name_that_do_not_belong_together_are_refused(mfg: Organization) -> None:
    sheet = Sheet(
        mfg, "contacts", [["客户编号", "客户名称", "联系人"], ["C0002", XUNJIE, "赵工"], ["C0001", "讯捷通信", "钱工"]]
    ).checked()

    assert "C0002 is 东莞市锐科智能装备有限公司, not 深圳市讯捷" in sheet.refused()[2]
    assert sheet.counts == {"new": 1, "refused": 1}


def test_products_come_in_and_are_changed(mfg: Organization) -> None:
    rows = [
        ["料号", "品名", "规格型号", "单位"],
        ["BR-120", "支架", "120×40", "PCS"],
        ["00120", "盖板", "", ""],
        ["BR-120", "支架", "", ""],
    ]
    sheet = Sheet(mfg, "products", rows).checked().done()

    assert sheet.counts == {"new": 2, "refused": 1}
    assert Product.objects.get(code="00120").name == "盖板"
    second = Sheet(mfg, "products", [rows[0], ["BR-120", "新支架", "", ""], ["00120", "盖板", "", ""]]).checked().done()
    assert second.counts == {"changed": 1, "same": 1}
    second.undone()
    assert Product.objects.get(code="BR-120").name == "支架"
    sheet.undone()
    assert not Product.objects.filter(code__in=("BR-120", "00120")).exists()


def test_a_product_code_is_known_with_its_spaces_and_without(mfg: Organization) -> None:
    enter_all(organization=mfg, codes=["BR 120", "CV8"], by="", now=FRIDAY)
    title = ["客户", "料号", "单价", "生效日期"]
    rows = [
        title,
        *([customer, code, "1", "2024-03-01"] for customer in ("C0001", "C0002") for code in ("BR 120", "CV 8")),
    ]
    rows += [["C0003", "BR120", "1", "2024-03-01"], ["C0003", "BR　120", "1", "2024-03-01"]]

    sheet = Sheet(mfg, "prices", rows).checked().done()

    assert sheet.counts == {"new": 5, "refused": 1}  # who writes it in two ways means one product
    assert set(Price.objects.values_list("product__code", flat=True)) == {"BR 120", "CV8"}
    again = (
        Sheet(mfg, "products", [["料号", "单位"], ["BR120", "PCS"], ["CV　8", "PCS"], ["NEW 1", "PCS"]])
        .checked()
        .done()
    )
    assert again.counts == {"changed": 2, "new": 1}
    assert set(Product.objects.filter(unit="PCS").values_list("code", flat=True)) == {"BR 120", "CV8", "NEW 1"}


def test_a_price_is_posted_corrected_and_taken_back(mfg: Organization, products: None) -> None:
    title = ["客户", "料号", "含税单价", "币种", "是否含税", "税率", "生效日期", "有效期至"]
    rows = [title, ["C0001", "BR-120", "￥12.5000", "人民币", "是", "13%", "2024年3月1日", "2024-12-31"]]
    first = Sheet(mfg, "prices", rows).checked().done()
    assert first.counts == {"new": 1}
    xunjie = Customer.objects.get(code="C0001")

    def price(day: date = date(2024, 12, 31)) -> Any:
        found = prices.price_on(xunjie, "BR-120", day)
        return found and (found.unit_price, found.tax_included, found.vat_rate)

    assert price() == (Decimal("12.5"), True, Decimal(13))
    assert price(date(2025, 1, 1)) is None
    assert Sheet(mfg, "prices", rows).checked().counts == {"same": 1}
    rows[1][2] = "13"
    corrected = Sheet(mfg, "prices", rows).checked()
    assert corrected.one.checked["rows"]["changed"][0]["changes"] == {"unit_price": ["12.5", "13"]}
    corrected.done()
    assert price()[0] == Decimal(13)  # type: ignore[index]
    corrected.undone()
    assert price()[0] == Decimal("12.5")  # type: ignore[index]
    first.undone()
    assert not Price.objects.filter(customer=xunjie).exists()


def test_prices_of_nobody_and_nothing_are_refused(mfg: Organization, products: None) -> None:
    title = ["客户", "料号", "单价", "生效日期", "截止日期"]
    rows = [
        title,
        ["C9999", "BR-120", "1", "2024-03-01", ""],
        ["C0001", "NEW-1", "1", "2024-03-01", ""],
        ["C0001", "BR-120", "-1", "2024-03-01", ""],
        ["C0001", "BR-120", "1", "", ""],
        ["C0001", "BR-120", "1", "2024-03-01", "2024-02-01"],
        ["", "BR-120", "1", "2024-03-01", ""],
    ]
    said = Sheet(mfg, "prices", rows).checked().refused()

    for row, expected in enumerate(["no customer “C9999”", "no product NEW-1", "less than 0", "valid_from: This is missing.", "end before it begins", "customer_name: The customer is missing"], 2):  # fmt: skip
        assert expected in said[row]
    known = Sheet(mfg, "prices", [title, rows[2]]).checked(products=True).done()
    assert known.counts == {"new": 1}
    assert Product.objects.filter(code="NEW-1").exists()


def test_rows_of_one_number_are_one_order(mfg: Organization, products: None) -> None:
    rows = [
        ["订单号", "客户", "订单日期", "产品编码", "数量", "单价", "金额"],
        ["PO-1", "C0001", "2024/3/5", "BR-120", "1,000", "12.5", "12500"],
        ["PO-1", "C0001", "2024/3/5", "CV-8", 200, "", "300"],
        ["", "", "", "BR-120", 10, 1, ""],
        ["PO-1", "C0002", 45356, "BR-120", 5, 2, ""],
        ["PO-2", "C0001", "2024/3/6", "BR-120", 5, 2, "11.50"],
        ["PO-2", "C0001", "2024/3/7", "BR-120", 5, 2, ""],
        ["PO-1", "C0001", "2024/3/5", "BR-120", 5, 2, ""],
        ["PO-3", "C0001", "2024/3/5", "BR-120", 0, 2, ""],
    ]
    sheet = Sheet(mfg, "orders", rows).checked()

    assert sheet.counts == {"new": 4, "refused": 4}
    said = sheet.refused()
    assert "Row 7 of the same number is refused" in said[6]
    assert "differs from row 6" in said[7]
    assert "Row 2 has the same already" in said[8]
    assert "more than zero" in said[9]
    sheet.done()
    order = Order.objects.get(number="PO-1", customer__code="C0001")
    assert (order.amount, order.currency, order.ordered_on) == (Decimal("12810.00"), "CNY", date(2024, 3, 5))
    lines = order.lines.order_by("pk").values_list("product__code", "quantity", "unit_price")
    assert list(lines) == [("BR-120", 1000, Decimal("12.5")), ("CV-8", 200, Decimal("1.5")), ("BR-120", 10, 1)]
    again = Sheet(mfg, "orders", rows[:5]).checked()
    assert again.counts == {"same": 4}
    rows[1][4] = "900"
    rows[1][6] = ""
    other = Sheet(mfg, "orders", rows[:4]).checked()
    assert "PO-1 was entered before and says something else: 12810 ≠ 11560" in other.refused()[2]
    sheet.undone()
    assert not Order.objects.exists()
    assert not OrderLine.objects.exists()


def test_orders_without_lines_have_an_amount(mfg: Organization) -> None:
    rows = [
        ["订单号", "客户", "订单日期", "订单金额", "币种"],
        ["PO-1", "C0001", "2024-03-05", "1.2万", "USD"],
        ["PO-2", "C0001", "2024-03-05", "", ""],
    ]
    sheet = Sheet(mfg, "orders", rows).checked().done()

    assert Order.objects.get().amount == Decimal(12000)
    assert Order.objects.get().currency == "USD"
    assert "at least an amount" in sheet.refused()[3]


def test_deliveries_go_out_and_come_back(mfg: Organization, products: None) -> None:
    rows = [
        ["送货单号", "类型", "客户", "送货日期", "订单号", "料号", "数量"],
        ["DN-1", "送货", "C0001", "2024-03-05", "PO-1", "BR-120", 100],
        ["DN-1", "送货", "C0001", "2024-03-05", "PO-1", "CV-8", 50],
        ["RT-1", "退货", "C0001", "2024-03-06", "", "BR-120", 10],
        ["RT-2", "", "C0001", "2024-03-06", "", "BR-120", -5],
        ["DN-2", "", "C0001", "2024-03-06", "", "BR-120", -5],
        ["DN-2", "", "C0001", "2024-03-06", "", "BR-120", 5],
        ["DN-3", "借用", "C0001", "2024-03-06", "", "BR-120", 5],
    ]
    sheet = Sheet(mfg, "deliveries", rows).checked().done()

    assert sheet.counts == {"new": 4, "refused": 3}
    found = DeliveryLine.objects.order_by("pk").values_list("delivery__number", "delivery__kind", "quantity")
    assert list(found) == [
        ("DN-1", "delivered", 100),
        ("DN-1", "delivered", 50),
        ("RT-1", "returned", -10),
        ("RT-2", "returned", -5),
    ]
    assert "either goes out or comes back" in sheet.refused()[6]
    assert "“借用” is not known here" in sheet.refused()[8]
    assert Sheet(mfg, "deliveries", rows[:5]).checked().counts == {"same": 4}


def test_a_delivery_on_a_statement_cannot_be_taken_back(mfg: Organization, products: None) -> None:
    priced = [["客户", "料号", "单价", "生效日期"], ["C0001", "BR-120", "1", "2024-01-01"]]
    prices_sheet = Sheet(mfg, "prices", priced).checked().done()
    rows = [
        ["送货单号", "客户", "送货日期", "料号", "数量"],
        ["DN-1", "C0001", "2024-02-05", "BR-120", 100],
        ["DN-2", "C0002", "2024-02-05", "BR-120", 1],
    ]
    sheet = Sheet(mfg, "deliveries", rows).checked().done()
    xunjie = Customer.objects.get(code="C0001")
    draft = drafts.drafts([xunjie.pk], date(2024, 2, 1), lambda day: Decimal(13), "CNY")[xunjie.pk]["CNY"]
    receivables.post_statement(
        customer=xunjie, draft=draft, number="ST-1", due_on=date(2024, 3, 31), by="lu", now=FRIDAY
    )

    sheet.undone()

    assert list(Delivery.objects.values_list("number", flat=True)) == ["DN-1"]
    assert sheet.counts == {"stays": 1}
    prices_sheet.undone()
    assert Price.objects.filter(customer=xunjie).count() == 1  # it was charged


def test_payments_come_in_once(mfg: Organization) -> None:
    rows = [
        ["付款单位", "到账日期", "到账金额", "币别", "交易流水号"],
        [XUNJIE, "2024-03-05", "12,500.00", "人民币", "0001"],
        [XUNJIE, "2024-03-05", "12,500.00", "人民币", "0002"],
        [XUNJIE, "2024-03-05", "12,500.00", "人民币", "0002"],
        [XUNJIE, "2024-03-05", "-1", "", ""],
        ["没有的公司", "2024-03-05", "1", "", ""],
    ]
    sheet = Sheet(mfg, "payments", rows).checked().done()

    assert sheet.counts == {"new": 2, "refused": 3}
    assert [(one.amount, one.note) for one in Payment.objects.order_by("pk")] == [
        (Decimal("12500.00"), "0001"),
        (Decimal("12500.00"), "0002"),
    ]
    assert Sheet(mfg, "payments", rows[:3]).checked().counts == {"same": 2}
    sheet.undone()
    assert not Payment.objects.exists()


def test_a_name_with_spaces_may_stand_where_the_code_is_asked_for(mfg: Organization) -> None:
    xunjie = Customer.objects.get(code="C0001")
    xunjie.short_name = "Xunjie South China"
    xunjie.save()

    sheet = Sheet(mfg, "contacts", [["客户", "姓名"], ["Xunjie South China", "甲"], ["C 0001", "乙"]]).checked().done()

    assert sheet.counts == {"new": 2}
    assert {one.customer_id for one in Contact.objects.filter(name__in=["甲", "乙"])} == {xunjie.pk}
