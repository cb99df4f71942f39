"""Columns that several kinds have."""

from __future__ import annotations

from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from kehu.intake import cells

from . import Column, Option

CUSTOMER_CODES = ("客户编号", "客户编码", "客户代码", "客户代号", "客户号", "客编", "编号", "编码", "代码", "customer code", "customer no", "customer number", "customer id", "code", "account")  # fmt: skip
CUSTOMER_NAMES = ("客户名称", "客户全称", "客户名", "单位名称", "公司名称", "企业名称", "往来单位", "购货单位", "名称", "customer name", "company name", "name", "account name")  # fmt: skip

CUSTOMER = Column("customer", _("Customer (code)"), (*CUSTOMER_CODES, "客户", "customer"), cells.code(200, with_spaces=True), "C0001")  # fmt: skip
CUSTOMER_NAME = Column(
    "customer_name", _("Customer (name)"), CUSTOMER_NAMES, cells.text(200), "深圳市讯捷通信设备有限公司"
)
CURRENCY = Column(
    "currency",
    _("Currency"),
    ("币种", "币别", "货币", "currency"),
    cells.choice(
        {
            "CNY": ("人民币", "RMB", "元", "¥"),
            "USD": ("美元", "美金", "US$", "$"),
            "HKD": ("港币", "港元", "HK$"),
            "EUR": ("欧元", "€"),
            "JPY": ("日元", "日币"),
            "TWD": ("台币", "新台币"),
            "GBP": ("英镑", "£"),
        }
    ),
    "CNY",
)
PRODUCT = Column(
    "product",
    _("Product (code)"),
    (
        "产品编号",
        "产品编码",
        "产品代码",
        "料号",
        "物料编码",
        "物料编号",
        "物料号",
        "存货编码",
        "货号",
        "品号",
        "零件号",
        "图号",
        "产品",
        "product code",
        "product",
        "item code",
        "item no",
        "item",
        "part number",
        "part no",
        "sku",
        "material",
    ),  # fmt: skip
    cells.code(60, with_spaces=True),
    "BR-120",
    of_line=True,
)
QUANTITY = Column(
    "quantity",
    _("Quantity"),
    (
        "数量",
        "订购数量",
        "订单数量",
        "交货数量",
        "送货数量",
        "发货数量",
        "出货数量",
        "实发数量",
        "退货数量",
        "quantity",
        "qty",
    ),
    cells.number(whole=12, decimals=3),
    "1000",
    of_line=True,
)
UNIT_PRICE = Column(
    "unit_price",
    _("Unit price"),
    ("单价", "价格", "含税单价", "未税单价", "不含税单价", "销售单价", "报价", "unit price", "price"),
    cells.number(whole=11, decimals=4, least=Decimal(0)),
    "12.50",
    of_line=True,
)
SOURCE = Column(
    "source",
    _("Comes from"),
    ("来源单号", "报价单号", "依据", "source", "quotation no"),
    cells.text(60),
    "QT-202403-001",
)
NOTE = Column(
    "note",
    _("Note"),
    ("备注", "摘要", "说明", "用途", "附言", "note", "remark", "remarks", "memo"),
    cells.text(200),
    "",
)

NEW_PRODUCTS = Option("products", _("Enter products that are not known yet, with their code"))
