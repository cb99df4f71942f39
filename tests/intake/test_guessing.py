"""Which row is the header, and which column is what."""

from __future__ import annotations

from typing import Any

import pytest

from kehu.intake.guessing import header_of, mapping_of
from kehu.intake.kinds.table import KINDS
from kehu.intake.sheets import Row


def rows(*lines: list[Any]) -> list[Row]:
    return list(enumerate(lines, 1))


def test_titles_above_the_header_are_passed_over() -> None:
    sheet = rows(
        ["东莞恒越精密五金制品有限公司"],
        ["客户档案一览表", None, None, "制表：方慧敏"],
        [None, "2024年3月"],
        ["序号", "客户编号", "客户名称", "联系人", "联系电话"],
        [1, "C0001", "深圳市讯捷通信设备有限公司", "何经理", "0755-555-0101"],
    )

    assert header_of(KINDS["customers"], sheet, {}) == 4


def test_without_known_titles_the_first_row_of_words_is_the_header() -> None:
    assert header_of(KINDS["customers"], rows(["2024"], ["aa", "bb"], ["cc", "dd"]), {}) == 2


@pytest.mark.parametrize(
    ("kind", "titles", "mapping"),
    [
        ("customers", ["客户编号", "客户名称", "客户简称", "等级", "业务员", "税号"], "code name short_name class owner tax_number"),
        ("customers", ["*编码", "名称（必填）", "简称(选填)", "级 别"], "code name short_name class"),
        ("customers", ["Customer Code", "Customer Name", "Phone", "E-Mail"], "code name phone email"),
        ("customers", ["编号", "客户", "联系人", "职务", "手机"], "code name contact contact_title phone"),
        ("contacts", ["客户", "姓名", "职位", "手机号码", "邮箱"], "customer name title phone email"),
        ("contacts", ["客户编号", "客户名称", "联系人", "电话"], "customer customer_name name phone"),
        ("products", ["料号", "品名", "规格型号", "单位"], "code name specification unit"),
        ("prices", ["客户", "料号", "含税单价", "币种", "税率", "生效日期", "有效期至"], "customer product unit_price currency vat_rate valid_from valid_until"),
        ("orders", ["订单号", "客户名称", "订单日期", "产品编码", "数量", "单价", "金额"], "number customer_name ordered_on product quantity unit_price line_amount"),
        ("deliveries", ["送货单号", "送货日期", "客户编码", "订单号", "料号", "数量"], "number delivered_on customer order_number product quantity"),
        ("payments", ["客户名称", "到账日期", "到账金额", "币别", "摘要"], "customer_name received_on amount currency note"),
    ],
)  # fmt: skip
def test_columns_are_known_by_the_words_of_the_trade(kind: str, titles: list[str], mapping: str) -> None:
    found = mapping_of(KINDS[kind], titles, {})

    assert found == {key: at for at, key in enumerate(mapping.split())}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_our_own_titles_are_known(kind: str, language: str) -> None:
    from django.utils import translation

    with translation.override(language):
        titles = [str(column.title) for column in KINDS[kind].columns]

    assert mapping_of(KINDS[kind], titles, {}) == {column.key: at for at, column in enumerate(KINDS[kind].columns)}


def test_no_column_is_guessed_twice_and_strangers_are_left_alone() -> None:
    found = mapping_of(KINDS["customers"], ["名称", "客户名称", "手机", "电话", "星座", ""], {})

    assert found == {"name": 1, "phone": 3}


def test_what_the_company_said_before_counts_most() -> None:
    remembered = {"往来户": "name", "编号": "", "名称": "short_name"}

    found = mapping_of(KINDS["customers"], ["编号", "往来户", "名称", "电话"], remembered)

    assert found == {"name": 1, "short_name": 2, "phone": 3}
