"""What may be done with receivables: statements are posted, payments entered, and the one settled with the other."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from kehu.core import events, money
from kehu.core.refusals import AgainstTheRule, Conflict
from kehu.ledgers.customers.actions import NotMergeable
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.orders.models import DeliveryLine
from kehu.ledgers.products.models import Price
from kehu.organizations.queries import local_now

from . import months, queries
from .drafts import Draft
from .models import Payment, Settlement, Statement, StatementLine


class NothingToPost(AgainstTheRule):
    code = "statement.nothing_to_post"
    message = _("There is nothing to charge: no delivery, no return, no correction in this month.")


class NoPrice(AgainstTheRule):
    code = "statement.no_price"
    message = _("{product} of {reference} has no price valid on {day}. Post the price, then build the statement again.")


class SettledAlready(Conflict):
    code = "statement.settled_already"
    message = _("Payments have settled {number} already. Put the difference on the next statement, as a correction.")


class PaidAlready(AgainstTheRule):
    code = "statement.paid_already"
    message = _(
        "{number} is charged, and {paid} of it is settled by payments that were entered elsewhere, so it stays. Have those taken back where they were entered, then withdraw it."
    )


class PostedMeanwhile(Conflict):
    code = "statement.posted_meanwhile"
    message = _("Somebody has posted this statement meanwhile. Look at it before you post another.")


class NotAPayment(AgainstTheRule):
    code = "payment.not_positive"
    message = _("A payment of {amount} cannot be entered: it must be more than zero.")


class ReceivedLater(AgainstTheRule):
    code = "payment.received_later"
    message = _("A payment received on {day} can be entered from that day on, not before.")


class OtherCurrency(AgainstTheRule):
    code = "payment.other_currency"
    message = _("The payment is in {currency}, the statement {number} in {other}. Enter what arrived in {other}.")


class OtherCustomer(AgainstTheRule):
    code = "payment.other_customer"
    message = _("The payment is from {customer}, the statement {number} is for {other}.")


class MoreThanOpen(AgainstTheRule):
    code = "settlement.more_than_open"
    message = _("Of {number} {open} is open, so {amount} cannot be settled.")


class MoreThanPaid(AgainstTheRule):
    code = "settlement.more_than_paid"
    message = _("Of the payment {left} is left, so {amount} cannot be settled with it.")


@transaction.atomic
def post_statement(
    *, customer: Customer, draft: Draft, number: str, due_on: date, by: str, now: datetime, source: str = ""
) -> Statement:
    """The draft as it stands is charged to the customer. What was posted for the same month before is no longer in force."""
    if draft.unpriced:
        first = draft.unpriced[0]
        raise NoPrice(product=first.product_code, reference=first.reference, day=first.day)
    if not draft.lines:
        raise NothingToPost()
    former = queries.statement_of(customer, draft.month, draft.currency)
    if former and open_amount_of(former) != former.amount:
        raise SettledAlready(number=former.number)
    statement = _enter(
        customer,
        now,
        number=number,
        month=draft.month,
        currency=draft.currency,
        net_amount=draft.net_amount,
        vat_amount=draft.vat_amount,
        amount=draft.amount,
        due_on=due_on,
        source=source,
        posted_early=local_now(customer.organization, now).date() < months.after(draft.month),
    )
    StatementLine.objects.bulk_create(
        StatementLine(
            organization=customer.organization,
            statement=statement,
            position=position,
            kind=line.kind,
            delivery_line_id=line.delivery_line,
            delivered_on=line.delivered_on,
            reference=line.reference,
            product_id=line.product,
            quantity=line.quantity,
            unit_price=line.unit_price,
            tax_included=line.tax_included,
            vat_rate=line.vat_rate,
            net_amount=line.net_amount,
            vat_amount=line.vat_amount,
            note=line.note,
        )
        for position, line in enumerate(draft.lines, 1)
    )
    _tell(statement, by, now, lines=len(draft.lines))
    return statement


@transaction.atomic
def withdraw_statement(*, statement: Statement, by: str, now: datetime, note: str = "") -> Statement | None:
    """The customer is charged nothing for the month: the next revision says so, what was posted stays readable, and the deliveries may be
    charged anew. Nothing where a later revision has taken its place already."""
    found = queries.with_open_amounts().filter(pk=statement.pk).first()
    if found is None:
        return None
    if paid := money.amount(statement.amount - found.open_amount):  # type: ignore[attr-defined]
        raise PaidAlready(number=statement.number, paid=paid)
    facts = {name: getattr(statement, name) for name in ("number", "month", "currency", "due_on", "source")}
    nothing = dict.fromkeys(("net_amount", "vat_amount", "amount"), Decimal("0.00"))
    back = _enter(statement.customer, now, withdrawn=True, **facts, **nothing)
    _tell(back, by, now, lines=0, withdrawn=True, note=note[:200])
    return back


def _enter(customer: Customer, now: datetime, **facts: Any) -> Statement:
    """The next revision of the month's statement, or its first."""
    posted = Statement.objects.filter(customer=customer, month=facts["month"], currency=facts["currency"])
    last = posted.order_by("-revision").values_list("revision", flat=True).first()
    statement = Statement(
        organization=customer.organization, customer=customer, revision=(last or 0) + 1, posted_at=now, **facts
    )
    try:
        with transaction.atomic():
            statement.save(force_insert=True)
    except IntegrityError:
        raise PostedMeanwhile() from None
    return statement


def _tell(statement: Statement, by: str, now: datetime, **facts: Any) -> None:
    events.record(
        statement.organization,
        "statement.posted",
        by=by,
        at=now,
        number=statement.number,
        revision=statement.revision,
        customer=statement.customer.code,
        month=f"{statement.month:%Y-%m}",
        currency=statement.currency,
        net_amount=str(statement.net_amount),
        vat_amount=str(statement.vat_amount),
        amount=str(statement.amount),
        due_on=statement.due_on.isoformat(),
        source=statement.source,
        **facts,
    )


@transaction.atomic
def post_payment(
    *,
    customer: Customer,
    received_on: date,
    amount: Decimal,
    currency: str,
    by: str,
    now: datetime,
    kind: str = Payment.Kind.RECEIVED,
    note: str = "",
    source: str = "",
) -> Payment:
    """Money came in, or an allowance was given."""
    if amount <= 0:
        raise NotAPayment(amount=amount)
    if received_on > local_now(customer.organization, now).date():
        raise ReceivedLater(day=received_on)
    payment = Payment.objects.create(
        organization=customer.organization,
        customer=customer,
        kind=kind,
        received_on=received_on,
        amount=money.amount(amount),
        currency=currency,
        note=note,
        source=source,
        entered_at=now,
    )
    events.record(
        customer.organization,
        "payment.entered",
        by=by,
        at=now,
        customer=customer.code,
        kind=str(kind),
        received_on=received_on.isoformat(),
        amount=str(payment.amount),
        currency=currency,
        source=source,
    )
    return payment


@transaction.atomic
def take_back(*, payment: Payment, by: str, now: datetime, note: str = "") -> Payment:
    """What was entered wrongly is entered once more with a minus, and what it settled is open again; the payment itself stays."""
    back = Payment.objects.create(
        organization=payment.organization,
        customer=payment.customer,
        kind=payment.kind,
        received_on=payment.received_on,
        amount=-payment.amount,
        currency=payment.currency,
        note=note[:200],
        source=payment.source,
        corrects=payment,
        entered_at=now,
    )
    facts = {"kind": payment.kind, "currency": payment.currency, "source": payment.source, "corrects": payment.pk}
    received_on = payment.received_on.isoformat()
    events.record(
        payment.organization, "payment.entered", by=by, at=now, customer=payment.customer.code,
        received_on=received_on, amount=str(back.amount), **facts,
    )  # fmt: skip
    for part in payment.settlements.select_related("statement__customer"):
        Settlement.objects.create(
            organization=part.organization, payment=back, statement=part.statement, amount=-part.amount, settled_at=now
        )
        told = {"customer": part.statement.customer.code, "number": part.statement.number, "amount": str(-part.amount)}
        events.record(part.organization, "statement.settled", by=by, at=now, **told)
    return back


@transaction.atomic
def settle(*, payment: Payment, statement: Statement, amount: Decimal, by: str, now: datetime) -> Settlement:
    """So much of the payment settles so much of the statement."""
    Payment.objects.select_for_update().get(pk=payment.pk)
    Statement.objects.select_for_update().get(pk=statement.pk)
    if payment.customer_id != statement.customer_id:
        other = statement.customer.code
        raise OtherCustomer(customer=payment.customer.code, number=statement.number, other=other)
    if payment.currency != statement.currency:
        raise OtherCurrency(currency=payment.currency, number=statement.number, other=statement.currency)
    if amount > (left := queries.unsettled(payment)):
        raise MoreThanPaid(left=left, amount=amount)
    if amount > (open_amount := open_amount_of(statement)):
        raise MoreThanOpen(number=statement.number, open=open_amount, amount=amount)
    settlement = Settlement.objects.create(
        organization=statement.organization, payment=payment, statement=statement, amount=amount, settled_at=now
    )
    facts = {"customer": statement.customer.code, "number": statement.number, "amount": str(amount)}
    events.record(statement.organization, "statement.settled", by=by, at=now, **facts)
    return settlement


def settle_all(*, payment: Payment, statements: Iterable[Statement], by: str, now: datetime) -> list[Settlement]:
    """The payment settles these, each as far as it reaches; what is left of it stays the customer's."""
    made = []
    for statement in statements:
        amount = min(queries.unsettled(payment), open_amount_of(statement))
        if amount > 0:
            made.append(settle(payment=payment, statement=statement, amount=amount, by=by, now=now))
    return made


def open_amount_of(statement: Statement) -> Decimal:
    """What of it is not settled; nothing where a later revision is in force."""
    found = queries.with_open_amounts().filter(pk=statement.pk).first()
    return Decimal(0) if found is None else money.amount(found.open_amount)  # type: ignore[attr-defined]


def follow_merger(*, customer: Customer, into: Customer) -> None:
    """Two customers were one: what is charged and paid is the second's. Not where both were charged for a month, and not while goods
    that have two prices are still to be charged. Before orders and prices follow."""
    same_month = Statement.objects.filter(customer=into, month=OuterRef("month"), currency=OuterRef("currency"))
    if twice := Statement.objects.filter(Exists(same_month), customer=customer).first():
        why = _("both have a statement for {month}.").format(month=f"{twice.month:%Y-%m}")
        raise NotMergeable(number=customer.code, into=into.code, why=why)
    priced = Price.objects.filter(product=OuterRef("product"))
    uncharged = DeliveryLine.objects.filter(
        Exists(priced.filter(customer=customer)),
        Exists(priced.filter(customer=into)),
        delivery__customer=customer,
        unit_price=None,
        statement_lines=None,
    )
    if line := uncharged.select_related("delivery", "product").first():
        why = _("{delivery} is not charged yet, and both have a price of {product}.").format(
            delivery=line.delivery, product=line.product
        )
        raise NotMergeable(number=customer.code, into=into.code, why=why)
    Statement.objects.filter(customer=customer).update(customer=into)
    Payment.objects.filter(customer=customer).update(customer=into)
