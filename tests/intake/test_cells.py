"""Cells as people write them: read, or refused with a sentence that says what would be right."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from kehu.intake import cells
from kehu.intake.cells import Wrong

MARCH_5 = date(2024, 3, 5)
AMOUNT = cells.number(whole=12, decimals=2)


@pytest.mark.parametrize(
    "cell",
    [
        {"day": "2024-03-05"},
        {"day": "2024-03-05T14:30:00"},
        "2024-03-05",
        "2024-3-5",
        "2024/3/5",
        "2024.03.05",
        "2024年3月5日",
        "2024年03月05号",
        "２０２４年３月５日",
        " 2024-03-05 14:30:00 ",
        "2024-03-05T14:30",
        "20240305",
        20240305,
        45356,
        45356.6,
        "45356",
        "5 Mar 2024",
        "05-March-2024",
        "Mar 5, 2024",
        "March 5th 2024",
    ],
)
def test_a_day_is_read_however_it_is_written(cell: Any) -> None:
    assert cells.day(cell) == MARCH_5


@pytest.mark.parametrize(("cell", "day"), [("13/05/2024", date(2024, 5, 13)), ("05/13/2024", date(2024, 5, 13)), ("05/05/2024", date(2024, 5, 5))])  # fmt: skip
def test_a_day_of_which_only_one_reading_is_possible_is_read(cell: str, day: date) -> None:
    assert cells.day(cell) == day


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("03/04/2024", "can mean two days"),
        ("2024-02-30", "is no day"),
        ("2024-13-01", "is no day"),
        ("2024年3月", "is no day"),
        ("next week", "is no day"),
        (12.5, "is no day"),
        (20241301, "is no day"),
        (True, "is no day"),
        ("0024-03-05", "lies in the year 24"),
        ({"error": "#N/A"}, "shows the error #N/A"),
        ({"formula": ""}, "formula whose value"),
    ],
)
def test_a_day_that_cannot_be_read_is_refused(cell: Any, says: str) -> None:
    with pytest.raises(Wrong, match=says):
        cells.day(cell)


@pytest.mark.parametrize("cell", [None, "", "  ", "-", "—", "/", "无", "N/A", "\u200b"])
def test_nothing_is_nothing(cell: Any) -> None:
    for reader in (
        cells.text(20),
        cells.code(20),
        cells.phone,
        cells.email,
        AMOUNT,
        cells.percent,
        cells.day,
        cells.yes_or_no,
    ):
        assert reader(cell) is None


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (1234, "1234"),
        (1234.5, "1234.5"),
        (0.1 + 0.2, "0.3"),
        (1234.4999999999998, "1234.5"),
        ("1,234.50", "1234.50"),
        ("１２３４．５", "1234.5"),
        ("￥1,200.00", "1200.00"),
        ("¥ 1200", "1200"),
        ("1200元", "1200"),
        ("USD 12.5", "12.5"),
        ("(1,200)", "-1200"),
        ("-1200", "-1200"),
        ("1.2万", "12000.0"),
        (".5", "0.5"),
    ],
)
def test_a_number_is_read_however_it_is_written(cell: Any, value: str) -> None:
    assert AMOUNT(cell) == Decimal(value)


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("12,5", "is no number"),
        ("1.234,5", "is no number"),
        ("12 pcs", "is no number"),
        ("一百", "is no number"),
        ("1200-1500", "is no number"),
        ({"day": "2024-03-05"}, "is no number"),
        (True, "is no number"),
        (12.345, "more than 2 decimals"),
        ("1e15", "is no number"),
        (1e15, "larger than can be kept"),
        ({"error": "#DIV/0!"}, "#DIV/0!"),
    ],
)
def test_a_number_that_cannot_be_read_is_refused(cell: Any, says: str) -> None:
    with pytest.raises(Wrong, match=says):
        AMOUNT(cell)


def test_a_number_below_the_least_is_refused() -> None:
    with pytest.raises(Wrong, match="less than 0.01"):
        cells.number(whole=5, decimals=2, least=Decimal("0.01"))("-3")


@pytest.mark.parametrize(
    ("cell", "value"), [("13%", "13"), (13, "13"), (0.13, "13"), ("0.13", "13"), ("６％", "6"), (0, "0")]
)
def test_a_rate_is_read_however_it_is_written(cell: Any, value: str) -> None:
    assert cells.percent(cell) == Decimal(value)


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("00123", "00123"),
        (1001, "1001"),
        (1001.0, "1001"),
        (" C 0001 ", "C0001"),
        ("Ｃ０００１", "C0001"),
        (13800138000, "13800138000"),
    ],
)
def test_a_code_keeps_its_zeros_and_loses_its_spaces(cell: Any, code: str) -> None:
    assert cells.code(40)(cell) == code


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        (1234567890123456789, "more than fifteen digits"),
        (1.2345678901234568e17, "more than fifteen digits"),
        ("9.144E+17", "lost its last digits"),
        ({"day": "2024-03-05"}, "made the date 2024-03-05 of it"),
        ("x" * 41, "has 41 characters; there is room for 40"),
        ("bad\ufffd", "could not be read"),
    ],
)
def test_a_code_that_has_lost_something_is_refused(cell: Any, says: str) -> None:
    with pytest.raises(Wrong, match=says):
        cells.code(40)(cell)


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        (13800138000.0, "13800138000"),
        ("0755-555-0101", "0755-555-0101"),
        ("（0755）5550101", "(0755)5550101"),
        ("+86 138 0013 8000 / 0755-5550101", "+86 138 0013 8000 / 0755-5550101"),
    ],
)
def test_a_telephone_number_is_read(cell: Any, number: str) -> None:
    assert cells.phone(cell) == number


@pytest.mark.parametrize(("cell", "says"), [("1.38E+10", "lost its last digits"), ("见名片", "is no telephone number"), (12, "is no telephone number")])  # fmt: skip
def test_what_is_no_telephone_number_is_refused(cell: Any, says: str) -> None:
    with pytest.raises(Wrong, match=says):
        cells.phone(cell)


def test_a_text_keeps_its_signs_and_loses_what_nobody_sees() -> None:
    assert cells.text(40)("  深圳（市）\u200b 讯捷\n通信　") == "深圳（市） 讯捷 通信"
    with pytest.raises(Wrong, match="has 5 characters; there is room for 4"):
        cells.text(4)("讯捷通信甲")


def test_mail_and_choices_are_read_or_refused() -> None:
    assert cells.email(" he @example.com") == "he@example.com"
    with pytest.raises(Wrong, match="no mail address"):
        cells.email("he at example")
    choose = cells.choice({"active": ("正常", "合作中"), "closed": ("关闭",)})
    assert [choose(word) for word in ("正常", "合作中", "ACTIVE", " 关 闭 ")] == [
        "active",
        "active",
        "active",
        "closed",
    ]
    with pytest.raises(Wrong, match=r"Known are: 正常 \(active\)、关闭 \(closed\)"):
        choose("冻结")


@pytest.mark.parametrize(("cell", "value"), [("是", True), ("含税", True), (True, True), ("Y", True), ("1", True), (1, True), ("否", False), ("no", False), ("√", True)])  # fmt: skip
def test_yes_and_no_are_read(cell: Any, value: bool) -> None:
    assert cells.yes_or_no(cell) is value
    with pytest.raises(Wrong, match="Known are"):
        cells.yes_or_no("maybe")
