"""Products, and what customers pay for them."""

from __future__ import annotations

from datetime import date, timedelta

from django.utils.translation import gettext_lazy as _

from kehu.intake import cells
from kehu.intake.cells import Cell
from kehu.ledgers.products.batches import Products
from kehu.ledgers.receivables.batches import ChargedPrices

from . import Column, Kind
from .shared import CURRENCY, CUSTOMER, CUSTOMER_NAME, NEW_PRODUCTS, PRODUCT, SOURCE, UNIT_PRICE


def _end(cell: Cell) -> date | None:
    """People write the last day; kept is the day after."""
    found = cells.day(cell)
    return found + timedelta(days=1) if found else None


PRODUCTS = Kind(
    key="products",
    title=_("Products"),
    note=_("A product a row. Known again by the code."),
    icon="package",
    right="ledgers",
    columns=(
        Column(
            "code",
            _("Code"),
            (*PRODUCT.titles, "编号", "编码", "代码", "型号", "code"),
            cells.code(60, with_spaces=True),
            "BR-120",
            is_needed=True,
        ),  # fmt: skip
        Column(
            "name",
            _("Name"),
            ("产品名称", "品名", "名称", "物料名称", "存货名称", "货品名称", "name", "product name", "description"),
            cells.text(200),
            "支架",
        ),  # fmt: skip
        Column("name_en", _("English name"), ("英文名称", "英文品名", "english name"), cells.text(200), "Bracket"),
        Column(
            "specification",
            _("Specification"),
            ("规格", "规格型号", "型号规格", "规格描述", "specification", "spec"),
            cells.text(200),
            "120 × 40 × 2",
        ),  # fmt: skip
        Column("unit", _("Unit"), ("单位", "计量单位", "unit", "uom"), cells.text(20), "PCS"),
    ),
    batch=Products,
    needs=(("code",),),
)

PRICES = Kind(
    key="prices",
    title=_("Prices"),
    note=_(
        "What a customer pays for a product, a row. Known again by customer, product and first day; another price for the same day corrects it."
    ),  # fmt: skip
    icon="tag",
    right="ledgers",
    columns=(
        CUSTOMER,
        CUSTOMER_NAME,
        Column("product", PRODUCT.title, PRODUCT.titles, PRODUCT.read, PRODUCT.example, is_needed=True),
        Column("unit_price", UNIT_PRICE.title, UNIT_PRICE.titles, UNIT_PRICE.read, UNIT_PRICE.example, is_needed=True),
        CURRENCY,
        Column(
            "tax_included", _("Tax included"), ("含税", "是否含税", "tax included", "incl tax"), cells.yes_or_no, "否"
        ),
        Column(
            "vat_rate",
            _("VAT rate"),
            ("税率", "增值税率", "税率%", "vat rate", "tax rate", "vat"),
            cells.percent,
            "13%",
        ),
        Column(
            "valid_from",
            _("Valid from"),
            (
                "生效日期",
                "执行日期",
                "开始日期",
                "起始日期",
                "价格生效日",
                "报价日期",
                "日期",
                "valid from",
                "effective date",
                "effective from",
                "from",
            ),
            cells.day,
            "2024-03-01",
            is_needed=True,
        ),  # fmt: skip
        Column(
            "valid_until",
            _("Last day"),
            ("失效日期", "截止日期", "结束日期", "有效期至", "到期日", "valid until", "valid to", "last day", "until"),
            _end,
            "2024-12-31",
        ),  # fmt: skip
        SOURCE,
    ),
    batch=ChargedPrices,
    needs=(("customer", "customer_name"), ("product",), ("unit_price",), ("valid_from",)),
    options=(NEW_PRODUCTS,),
)
