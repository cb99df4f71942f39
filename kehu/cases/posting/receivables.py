"""Cases and receivables: a month's statement is built, posted, paid."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.core.refusals import BadData, Conflict, Finding
from kehu.ledgers.receivables import actions, drafts, months, queries
from kehu.ledgers.receivables.drafts import Draft
from kehu.ledgers.receivables.models import Payment, Statement

from . import Answer
from .reading import customer_of, day_said, home_currency, number_said, text_said

if TYPE_CHECKING:
    from ..folder import Folder


class DraftChanged(Conflict):
    code = "statement.changed_meanwhile"
    message = gettext_lazy(
        "The statement would be {amount} now, {shown} was approved: something was entered meanwhile. Return it to be built again."
    )


class ChargedAlready(Conflict):
    code = "statement.charged_already"
    message = gettext_lazy(
        "{number} has charged the customer for this month already. Put the difference there, as a correction, or on the next statement."
    )


def build_statement(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`build_statement` with `month`: what the case's customer is charged for it. Also `currency` (where he has several),
    `corrections` (rows with `amount`, `reason` and maybe `vat_rate`), `vat` (the decision table that gives the `vat_rate` of a day) and `days` (the payment
    term where none is agreed with him). Answers `lines`, `net_amount`, `vat_amount`, `amount`, `currency`, `due_on`,
    `balance_before`, `unpriced`, `other_currencies` and `charged_by` (texts; the last names another case's statement)."""
    month = _month(arguments)
    if month is None or folder.case.customer is None:
        return None, {}
    draft, others = _draft(folder, arguments, month)
    lines = [
        {
            "line": position,
            "kind": line.kind,
            "delivered_on": line.delivered_on,
            "reference": line.reference,
            "product": line.product_code or line.note,
            "quantity": line.quantity,
            "unit_price": line.unit_price,
            "tax_included": line.tax_included,
            "vat_rate": line.vat_rate,
            "net_amount": line.net_amount,
            "vat_amount": line.vat_amount,
            "amount": line.net_amount + line.vat_amount,
        }
        for position, line in enumerate(draft.lines, 1)
    ]
    unpriced = "; ".join(f"{one.reference} {one.product_code} {one.day}" for one in draft.unpriced)
    return None, {
        "lines": lines,
        "net_amount": draft.net_amount,
        "vat_amount": draft.vat_amount,
        "amount": draft.amount,
        "currency": draft.currency if draft.lines or draft.unpriced or arguments.get("currency") else None,
        "due_on": _due_on(folder, arguments, month),
        "balance_before": _balance_before(folder, draft),
        "unpriced": unpriced,
        "other_currencies": ", ".join(others),
        "charged_by": _charged_by(folder, draft),
    }


def post_statement(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`post_statement` with what `build_statement` was asked, and `amount` as it was approved: the customer is charged. `number` is the
    case's, unless it says another."""
    text_said(arguments, "month")
    customer, month = customer_of(folder), _month(arguments)
    assert month
    draft, _others = _draft(folder, arguments, month)
    shown = arguments.get("amount")
    if shown is not None and number_said(arguments, "amount") != draft.amount:
        raise DraftChanged(amount=draft.amount, shown=shown)
    if (other := _charged_by(folder, draft)) and draft.lines:
        raise ChargedAlready(number=other)
    statement = actions.post_statement(
        customer=customer,
        draft=draft,
        number=str(arguments.get("number") or folder.case.number),
        due_on=_due_on(folder, arguments, month),
        source=folder.case.number,
        by=folder.work.by_key,
        now=folder.work.now,
    )
    folder.entered.append(("statement", statement.pk))
    return None


def post_payment(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`post_payment` with `amount`, `received_on` (today), `month` and `currency` of the statement; `allowance: true` where it is given up
    instead of paid. It settles that statement first, then the customer's older ones; what is left stays his."""
    customer, month = customer_of(folder), _month(arguments)
    currency = _currency(folder, arguments)
    payment = actions.post_payment(
        customer=customer,
        received_on=day_said(arguments.get("received_on")) or folder.work.local.date(),
        amount=number_said(arguments, "amount"),
        currency=currency,
        kind="allowance" if arguments.get("allowance") else "received",
        note=str(arguments.get("note") or ""),
        source=folder.case.number,
        by=folder.work.by_key,
        now=folder.work.now,
    )
    folder.entered.append(("payment", payment.pk))
    his = queries.still_open().filter(customer=customer, currency=currency).order_by("due_on", "pk")
    mine: list[Statement] = [statement for statement in his if statement.month == month]
    others = [statement for statement in his if statement.month != month]
    actions.settle_all(payment=payment, statements=[*mine, *others], by=folder.work.by_key, now=folder.work.now)
    return None


def take_back(key: int, note: str, folder: Folder) -> None:
    payment = Payment.objects.select_related("customer").get(pk=key)
    actions.take_back(payment=payment, note=note, by=folder.work.by_key, now=folder.work.now)


def withdraw(key: int, note: str, folder: Folder) -> None:
    statement = Statement.objects.select_related("customer").get(pk=key)
    actions.withdraw_statement(statement=statement, note=note, by=folder.work.by_key, now=folder.work.now)


def statement_balance(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`statement_balance` with `month` and `currency`: what is open of the customer's statement. Answers `open_amount`, `due_on`,
    `days_overdue` and `balance` (all he owes in that currency)."""
    customer, month, currency = folder.case.customer, _month(arguments), _currency(folder, arguments)
    if customer is None:
        return None, {}
    found = queries.statement_of(customer, month, currency) if month else None
    days = (folder.work.local.date() - found.due_on).days if found else 0
    return None, {
        "open_amount": actions.open_amount_of(found) if found else Decimal(0),
        "due_on": found.due_on if found else None,
        "days_overdue": max(days, 0),
        "balance": queries.balance(customer, currency),
    }


def _draft(folder: Folder, arguments: Mapping[str, Any], month: date) -> tuple[Draft, list[str]]:
    """The customer's month in the currency asked for; and in which others he has something to be charged."""
    customer = folder.case.customer
    assert customer
    home = home_currency(folder.work.organization.pack)
    table = str(arguments.get("vat") or "")

    @cache
    def rate_on(day: date) -> Decimal:
        return Decimal(str(folder.running.tables[table].decide({"on": day})["vat_rate"])) if table else Decimal(0)

    ahead = folder.work.together(customer)
    found = folder.work.once(("drafts", month), lambda: drafts.drafts(ahead, month, rate_on, home)).get(customer.pk, {})
    usual = [currency for currency in (customer.currency, *found) if currency in found]
    wanted = str(arguments.get("currency") or "") or next(iter(usual), customer.currency or home)
    draft = found.get(wanted) or Draft(customer.pk, month, wanted)
    rate = rate_on(months.after(month) - timedelta(days=1))
    for row in arguments.get("corrections") or []:
        if row.get("amount") is not None:
            own = number_said(row, "vat_rate") if row.get("vat_rate") is not None else rate
            draft.lines.append(drafts.correction(number_said(row, "amount"), own, str(row.get("reason") or "")))
    return draft, [currency for currency in found if currency != wanted]


def _charged_by(folder: Folder, draft: Draft) -> str:
    """The statement by which another case has charged the customer for this month: a second one would push it out, corrections and all."""
    work = folder.work
    ahead = work.together(folder.case.customer)  # type: ignore[arg-type]
    asked = ("charged by", draft.month, draft.currency)
    found = work.once(asked, lambda: queries.charged_by(ahead, draft.month, draft.currency)).get(draft.customer)
    return found.number if found and found.source != folder.case.number else ""


def _month(arguments: Mapping[str, Any]) -> date | None:
    if arguments.get("month") in (None, ""):
        return None
    try:
        return months.month_of(arguments["month"])
    except ValueError:
        told = _("“{value}” is no month. Enter one such as 2024-04.").format(value=arguments["month"])
        raise BadData([Finding("month", told)]) from None


def _currency(folder: Folder, arguments: Mapping[str, Any]) -> str:
    his = folder.case.customer.currency if folder.case.customer else ""
    return str(arguments.get("currency") or his or home_currency(folder.work.organization.pack))


def _due_on(folder: Folder, arguments: Mapping[str, Any], month: date) -> date:
    """By his own payment term, otherwise by the one the operation is given."""
    assert folder.case.customer
    days = folder.case.customer.payment_days
    return months.due_on(
        month, int(number_said(arguments, "days") if arguments.get("days") else 0) if days is None else days
    )


def _balance_before(folder: Folder, draft: Draft) -> Decimal:
    """What he owes besides this month."""
    customer, work = folder.case.customer, folder.work
    assert customer
    ahead, currency = work.together(customer), draft.currency
    owed = work.once(("balances", currency), lambda: queries.balances(ahead, currency))
    posted = work.once(("open", draft.month, currency), lambda: queries.open_of(ahead, draft.month, currency))
    return owed.get(customer.pk, Decimal(0)) - posted.get(customer.pk, Decimal(0))
