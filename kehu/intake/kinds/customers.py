"""Customers, and people at customers."""

from __future__ import annotations

from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from kehu.intake import cells
from kehu.intake.cells import Cell
from kehu.ledgers.customers.batches import Contacts, Customers
from kehu.ledgers.customers.models import Customer

from . import Column, Kind, Option
from .shared import CURRENCY, CUSTOMER, CUSTOMER_CODES, CUSTOMER_NAME, CUSTOMER_NAMES

_STATUSES = {
    Customer.Status.ACTIVE.value: (
        "正常",
        "合作中",
        "合作",
        "活跃",
        "有效",
        "在用",
        "成交",
        "成交客户",
        "启用",
        "正式",
    ),
    Customer.Status.PROSPECT.value: ("潜在", "潜在客户", "意向", "意向客户", "开发中", "跟进中", "待开发", "新客户"),
    Customer.Status.DORMANT.value: ("休眠", "暂停", "停滞", "沉睡", "未合作", "暂停合作", "停用"),
    Customer.Status.CLOSED.value: ("关闭", "终止", "流失", "注销", "作废", "终止合作", "已终止", "无效", "倒闭"),
}
_PHONES = ("电话", "联系电话", "手机", "手机号", "手机号码", "联系方式", "电话号码", "固定电话", "座机", "phone", "tel", "telephone", "mobile")  # fmt: skip
_EMAILS = ("邮箱", "电子邮箱", "电子邮件", "邮件", "email", "e-mail", "mail")
_JOBS = ("职务", "职位", "联系人职务", "岗位", "称谓", "title", "job title", "position")


def _days(cell: Cell) -> int | None:
    found = cells.number(whole=4, decimals=0, least=Decimal(0))(cell)
    return None if found is None else int(found)


CUSTOMERS = Kind(
    key="customers",
    title=_("Customers"),
    note=_("A customer a row. Known again by the code; without a code by tax number or name."),
    icon="building",
    right="customers",
    columns=(
        Column("code", _("Code"), CUSTOMER_CODES, cells.code(40), "C0001"),
        Column("name", _("Name"), (*CUSTOMER_NAMES, "客户", "customer"), cells.text(200), "深圳市讯捷通信设备有限公司"),
        Column(
            "short_name",
            _("Short name"),
            ("客户简称", "简称", "short name", "abbreviation"),
            cells.text(60),
            "讯捷通信",
        ),
        Column(
            "name_en",
            _("English name"),
            ("英文名称", "客户英文名称", "英文名", "english name", "name en"),
            cells.text(200),
            "Xunjie Communications",
        ),  # fmt: skip
        Column(
            "class",
            _("Class"),
            ("客户等级", "等级", "级别", "客户级别", "客户分类", "分类", "客户类别", "类别", "class", "grade", "level"),
            cells.code(20),
            "A",
        ),  # fmt: skip
        Column("status", _("Status"), ("状态", "客户状态", "合作状态", "status"), cells.choice(_STATUSES), "正常"),
        Column(
            "owner",
            _("Looked after by"),
            (
                "业务员",
                "负责人",
                "销售员",
                "客户经理",
                "跟单",
                "跟进人",
                "归属人",
                "owner",
                "sales rep",
                "account manager",
                "salesperson",
            ),
            cells.text(80),
            "方慧敏",
        ),  # fmt: skip
        Column(
            "address",
            _("Address"),
            ("地址", "公司地址", "客户地址", "详细地址", "联系地址", "送货地址", "address"),
            cells.text(200),
            "深圳市宝安区",
        ),  # fmt: skip
        Column(
            "main_products",
            _("Main products"),
            ("主要产品", "主营产品", "经营范围", "主营", "产品", "main products", "products"),
            cells.text(200),
            "连接器",
        ),  # fmt: skip
        Column(
            "tax_number",
            _("Tax number"),
            (
                "税号",
                "统一社会信用代码",
                "纳税人识别号",
                "信用代码",
                "社会信用代码",
                "营业执照号",
                "tax number",
                "tax no",
                "vat number",
                "tax id",
            ),
            cells.code(40),
            "91440300MA5XXXXX1A",
        ),  # fmt: skip
        Column(
            "source",
            _("How we met"),
            ("客户来源", "来源", "获客渠道", "渠道", "source", "lead source"),
            cells.text(60),
            "展会",
        ),  # fmt: skip
        CURRENCY,
        Column(
            "payment_term",
            _("Payment term"),
            ("付款条件", "结算方式", "付款方式", "账期说明", "payment term", "payment terms", "terms"),
            cells.text(60),
            "月结30天",
        ),  # fmt: skip
        Column(
            "payment_days",
            _("Days after month end"),
            ("账期", "账期天数", "月结天数", "信用期", "payment days", "credit days"),
            _days,
            "30",
        ),  # fmt: skip
        Column(
            "wants_invoice",
            _("Wants an invoice"),
            ("开票", "是否开票", "需要开票", "invoice", "wants invoice"),
            cells.yes_or_no,
            "是",
        ),  # fmt: skip
        Column(
            "filed_on",
            _("Filed on"),
            ("建档日期", "建档时间", "登记日期", "创建日期", "开户日期", "filed on", "created on", "created"),
            cells.day,
            "2024-03-05",
        ),  # fmt: skip
        Column(
            "contact",
            _("Contact"),
            (
                "联系人",
                "联络人",
                "主要联系人",
                "联系人姓名",
                "对接人",
                "采购员",
                "contact",
                "contact person",
                "contact name",
            ),
            cells.text(80),
            "何经理",
        ),  # fmt: skip
        Column("contact_title", _("Contact’s position"), _JOBS, cells.text(80), "采购经理"),
        Column("phone", _("Telephone"), _PHONES, cells.phone, "0755-555-0101"),
        Column("email", _("Mail"), _EMAILS, cells.email, "he@example.com"),
    ),
    batch=Customers,
    needs=(("code", "name"),),
    options=(
        Option("codes", _("Give customers without a code the next one of the company’s numbering")),
        Option("doubles", _("Also enter customers of whose name there is one already, under another code")),
    ),
)

CONTACTS = Kind(
    key="contacts",
    title=_("Contacts"),
    note=_("A person at a customer a row. Known again by the customer and the person’s name."),
    icon="users",
    right="customers",
    columns=(
        CUSTOMER,
        CUSTOMER_NAME,
        Column(
            "name",
            _("Person"),
            (
                "联系人",
                "联络人",
                "姓名",
                "联系人姓名",
                "名字",
                "contact",
                "contact person",
                "contact name",
                "person",
                "name",
            ),
            cells.text(80),
            "何经理",
            is_needed=True,
        ),  # fmt: skip
        Column("title", _("Position"), _JOBS, cells.text(80), "采购经理"),
        Column("phone", _("Telephone"), _PHONES, cells.phone, "0755-555-0101"),
        Column("email", _("Mail"), _EMAILS, cells.email, "he@example.com"),
    ),
    batch=Contacts,
    needs=(("customer", "customer_name"), ("name",)),
)
