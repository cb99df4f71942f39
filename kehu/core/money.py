"""Money: amounts have two decimals, unit prices four, both rounded half up, as invoices are."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

_AMOUNT, _UNIT_PRICE = Decimal("0.01"), Decimal("0.0001")


def amount(value: Decimal) -> Decimal:
    return value.quantize(_AMOUNT, ROUND_HALF_UP)


def unit_price(value: Decimal) -> Decimal:
    return value.quantize(_UNIT_PRICE, ROUND_HALF_UP)


def without_vat(gross: Decimal, rate: Decimal) -> Decimal:
    """The amount without its VAT; `rate` in per cent. Not rounded yet: an amount and a unit price are rounded differently."""
    return gross * 100 / (100 + rate)


def shown(value: Decimal | int, decimals: int = 0) -> str:
    """1234.5 as 1,234.50 (of two decimals): grouped, with so many decimals at least and no idle zeros beyond."""
    whole, _, rest = f"{Decimal(value):,f}".partition(".")
    rest = rest.rstrip("0").ljust(decimals, "0")
    return f"{whole}.{rest}" if rest else whole
