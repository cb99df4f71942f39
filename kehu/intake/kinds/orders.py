"""Orders and deliveries: rows under one another with the same number are one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from kehu.intake import cells
from kehu.ledgers.orders.batches import Deliveries, Orders
from kehu.ledgers.orders.models import Delivery

from . import Column, Kind
from .shared import CURRENCY, CUSTOMER, CUSTOMER_NAME, NEW_PRODUCTS, PRODUCT, QUANTITY, SOURCE, UNIT_PRICE

_KINDS = {
    Delivery.Kind.DELIVERED.value: ("交货", "送货", "发货", "出货", "出库", "销售", "销售出库", "正常"),
    Delivery.Kind.RETURNED.value: ("退货", "退回", "销售退货", "退库", "退"),
}
_ORDER_NUMBERS = ("订单号", "订单编号", "销售订单号", "客户订单号", "采购单号", "订单号码", "PO号", "PO", "order no", "order number", "po number", "po no", "order")  # fmt: skip

ORDERS = Kind(
    key="orders",
    title=_("Orders"),
    note=_(
        "A product of an order a row; rows under one another with the same number are one order. Known again by customer and number."
    ),  # fmt: skip
    icon="file-text",
    right="ledgers",
    columns=(
        Column(
            "number",
            _("Order number"),
            (*_ORDER_NUMBERS, "单号", "编号", "number"),
            cells.code(60),
            "PO-20240305",
            is_needed=True,
        ),  # fmt: skip
        CUSTOMER,
        CUSTOMER_NAME,
        Column(
            "ordered_on",
            _("Ordered on"),
            ("订单日期", "下单日期", "订货日期", "接单日期", "签订日期", "日期", "order date", "ordered on", "date"),
            cells.day,
            "2024-03-05",
            is_needed=True,
        ),  # fmt: skip
        CURRENCY,
        Column(
            "rate",
            _("Exchange rate"),
            ("汇率", "exchange rate", "rate"),
            cells.number(whole=8, decimals=6, least=Decimal("0.000001")),
            "7.1",
        ),  # fmt: skip
        Column(
            "amount",
            _("Amount of the order"),
            ("订单金额", "订单总额", "总金额", "合同金额", "order amount", "order total", "total"),
            cells.number(whole=15, decimals=2, least=Decimal(0)),
            "12500.00",
        ),  # fmt: skip
        PRODUCT,
        QUANTITY,
        UNIT_PRICE,
        Column(
            "line_amount",
            _("Amount of the row"),
            ("金额", "小计", "行金额", "价税合计", "line amount", "amount", "subtotal"),
            cells.number(whole=15, decimals=2, least=Decimal(0)),
            "12500.00",
            of_line=True,
        ),  # fmt: skip
        SOURCE,
    ),
    batch=Orders,
    needs=(("number",), ("customer", "customer_name"), ("ordered_on",), ("product", "amount")),
    options=(NEW_PRODUCTS,),
    grouped_by=("number", "customer", "customer_name"),
)

DELIVERIES = Kind(
    key="deliveries",
    title=_("Deliveries and returns"),
    note=_(
        "A product of a delivery a row; rows under one another with the same number are one delivery. Known again by the number."
    ),  # fmt: skip
    icon="truck",
    right="ledgers",
    columns=(
        Column(
            "number",
            _("Delivery number"),
            (
                "送货单号",
                "交货单号",
                "出货单号",
                "发货单号",
                "出库单号",
                "退货单号",
                "单号",
                "单据编号",
                "编号",
                "delivery no",
                "delivery number",
                "delivery note",
                "number",
            ),
            cells.code(60),
            "DN-20240305",
            is_needed=True,
        ),  # fmt: skip
        Column(
            "kind",
            _("Delivery or return"),
            ("类型", "单据类型", "业务类型", "出入类型", "type", "kind"),
            cells.choice(_KINDS),
            "送货",
        ),  # fmt: skip
        CUSTOMER,
        CUSTOMER_NAME,
        Column(
            "delivered_on",
            _("Delivered on"),
            (
                "送货日期",
                "交货日期",
                "出货日期",
                "发货日期",
                "出库日期",
                "退货日期",
                "日期",
                "单据日期",
                "delivery date",
                "delivered on",
                "date",
            ),
            cells.day,
            "2024-03-15",
            is_needed=True,
        ),  # fmt: skip
        Column("order_number", _("Order number"), _ORDER_NUMBERS, cells.code(60), "PO-20240305"),
        CURRENCY,
        replace(PRODUCT, is_needed=True),
        replace(QUANTITY, is_needed=True),
        UNIT_PRICE,
    ),
    batch=Deliveries,
    needs=(("number",), ("customer", "customer_name"), ("delivered_on",), ("product",), ("quantity",)),
    options=(NEW_PRODUCTS,),
    grouped_by=("number", "customer", "customer_name"),
)
