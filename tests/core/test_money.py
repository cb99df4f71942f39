"""Amounts and unit prices, rounded and shown."""

from decimal import Decimal

import pytest

from kehu.core import money


@pytest.mark.parametrize(
    ("value", "amount"), [("0.005", "0.01"), ("-0.005", "-0.01"), ("2.345", "2.35"), ("2", "2.00")]
)
def test_amounts_are_rounded_half_up(value: str, amount: str) -> None:
    assert str(money.amount(Decimal(value))) == amount


def test_vat_is_taken_out() -> None:
    assert money.without_vat(Decimal(113), Decimal(13)) == 100


@pytest.mark.parametrize(
    ("value", "decimals", "shown"),
    [
        ("1234.5", 2, "1,234.50"),
        ("1234.5000", 0, "1,234.5"),
        ("1000.000", 0, "1,000"),
        ("12.3456", 2, "12.3456"),
        ("-0.10", 2, "-0.10"),
        ("0", 2, "0.00"),
        ("1E+3", 0, "1,000"),
    ],
)
def test_numbers_are_shown_grouped_and_without_idle_zeros(value: str, decimals: int, shown: str) -> None:
    assert money.shown(Decimal(value), decimals) == shown
