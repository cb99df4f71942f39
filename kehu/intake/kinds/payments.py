"""Payments that came in."""

from __future__ import annotations

from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from kehu.intake import cells
from kehu.ledgers.receivables.batches import Payments

from . import Column, Kind
from .shared import CURRENCY, CUSTOMER, CUSTOMER_NAME, NOTE

PAYMENTS = Kind(
    key="payments",
    title=_("Payments"),
    note=_(
        "A payment a row. Known again by customer, day, amount, currency and note; the bank’s own number in the note tells two alike apart."
    ),  # fmt: skip
    icon="cash",
    right="ledgers",
    columns=(
        CUSTOMER,
        Column(
            "customer_name",
            CUSTOMER_NAME.title,
            (*CUSTOMER_NAME.titles, "付款单位", "付款人", "对方户名", "付款方", "payer"),
            CUSTOMER_NAME.read,
            CUSTOMER_NAME.example,
        ),  # fmt: skip
        Column(
            "received_on",
            _("Received on"),
            (
                "收款日期",
                "到账日期",
                "回款日期",
                "付款日期",
                "交易日期",
                "入账日期",
                "日期",
                "received on",
                "payment date",
                "date",
            ),
            cells.day,
            "2024-04-10",
            is_needed=True,
        ),  # fmt: skip
        Column(
            "amount",
            _("Amount"),
            ("收款金额", "到账金额", "回款金额", "金额", "付款金额", "贷方金额", "收入金额", "amount", "received"),
            cells.number(whole=15, decimals=2, least=Decimal("0.01")),
            "12500.00",
            is_needed=True,
        ),  # fmt: skip
        CURRENCY,
        Column(
            "note",
            NOTE.title,
            ("流水号", "交易流水号", "凭证号", "收款单号", *NOTE.titles),
            NOTE.read,
            "2024041000012345",
        ),
    ),
    batch=Payments,
    needs=(("customer", "customer_name"), ("received_on",), ("amount",)),
)
