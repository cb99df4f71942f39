"""What may be done with customer property: one action, one transaction, one event."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.core import events
from kehu.core.refusals import AgainstTheRule, BadData, Conflict, Finding
from kehu.ledgers.customers.models import Customer

from .models import EFFECTS, GOES_OUT, Entry, Item


class NumberTaken(Conflict):
    code = "custody.number_taken"
    message = gettext_lazy("Customer property {number} is registered already.")


class MoreThanHeld(AgainstTheRule):
    code = "custody.more_than_held"
    message = gettext_lazy("{item}: only {held} {unit} are held, so {quantity} cannot be taken out.")


class MoreThanIssued(AgainstTheRule):
    code = "custody.more_than_issued"
    message = gettext_lazy("{item}: only {issued} {unit} are issued, so {quantity} cannot come back.")


class NotTakenBack(AgainstTheRule):
    code = "custody.not_taken_back"
    message = gettext_lazy(
        "{item}: this entry of {quantity} {unit} cannot be taken back, because it was taken back before, or what it brought has been issued or has left since."
    )


@transaction.atomic
def receive(
    *,
    customer: Customer,
    number: str,
    kind: str,
    name: str,
    quantity: Decimal,
    unit: str,
    department: str,
    by: str,
    now: datetime,
    spec: str = "",
    location: str = "",
    calibration_due: date | None = None,
    holder: str = "",
    state: str = "",
    note: str = "",
    cause: str = "",
) -> Item:
    """A lot that a customer entrusted to us is registered. `number` is issued by whoever took it in; `holder` took it from him."""
    try:
        with transaction.atomic():
            item = Item.objects.create(
                organization=customer.organization,
                number=number,
                customer=customer,
                kind=kind,
                name=name,
                spec=spec,
                unit=unit,
                department=department,
                location=location,
                calibration_due=calibration_due,
            )
    except IntegrityError:
        item = _withdrawn(customer, number)
        item.kind, item.name, item.spec, item.unit = kind, name, spec, unit
        item.department, item.location, item.calibration_due = department, location, calibration_due
        item.save()
    _enter(item, "received", quantity, state=state, holder=holder, note=note, cause=cause, by=by, now=now)
    return item


@transaction.atomic
def post(
    *,
    item: Item,
    kind: str,
    quantity: Decimal,
    by: str,
    now: datetime,
    state: str = "",
    holder: str = "",
    note: str = "",
    cause: str = "",
) -> Entry:
    """What happened to an item: it was issued, taken back, used up, returned, lost, damaged, scrapped or checked. Refused, with the
    figures, where more would go than there is."""
    item = _locked(item)
    if kind != "checked" and quantity <= 0:
        raise BadData([Finding("quantity", _("The quantity must be above zero."))])
    if kind in GOES_OUT:
        must_hold(item, quantity)
    balance = item.balance()
    if kind in ("taken_back", "used_up") and quantity > balance.issued:
        raise MoreThanIssued(item=item.number, issued=_plain(balance.issued), quantity=_plain(quantity), unit=item.unit)
    return _enter(item, kind, quantity, state=state, holder=holder, note=note, cause=cause, by=by, now=now)


@transaction.atomic
def take_back(*, entry: Entry, by: str, now: datetime, note: str = "", cause: str = "") -> Entry:
    """What was entered wrongly is entered once more with a minus; the entry itself stays."""
    item = _locked(entry.item)
    balance, back = item.balance(), -entry.quantity
    issued = {"issued": back, "taken_back": -back, "used_up": -back}.get(entry.kind, Decimal(0))
    is_gone = Entry.objects.filter(corrects=entry).exists()
    if is_gone or balance.held - entry.change < 0 or balance.issued + issued < 0:
        raise NotTakenBack(item=item.number, quantity=_plain(entry.quantity), unit=item.unit)
    told = {"state": entry.state, "holder": entry.holder, "note": note, "cause": cause}
    return _enter(item, entry.kind, back, corrects=entry, by=by, now=now, **told)


def _withdrawn(customer: Customer, number: str) -> Item:
    """The lot of this number, if its receipt was taken back; then it may be received again."""
    item = Item.objects.select_for_update().get(number=number)
    if item.customer_id != customer.pk or item.entries.filter(corrects=None, corrected_by=None).exists():
        raise NumberTaken(number=number)
    return item


def must_hold(item: Item, quantity: Decimal) -> None:
    """So many lie in our store, or it is refused with the figures."""
    held = item.held()
    if quantity > held:
        raise MoreThanHeld(item=item.number, held=_plain(held), quantity=_plain(quantity), unit=item.unit)


@transaction.atomic
def move(
    *, item: Item, by: str, now: datetime, location: str = "", department: str = "", note: str = "", cause: str = ""
) -> Entry:
    """It lies elsewhere, or is in another department's custody."""
    item = _locked(item)
    before = {"location": item.location, "department": item.department}
    item.location, item.department = location or item.location, department or item.department
    item.save(update_fields=["location", "department"])
    after = {"location": item.location, "department": item.department}
    changes = {name: [before[name], after[name]] for name in before if before[name] != after[name]}
    return _enter(item, "moved", item.held(), note=note, cause=cause, by=by, now=now, changes=changes)


@transaction.atomic
def calibrate(
    *, item: Item, next_due: date | None, by: str, now: datetime, state: str = "", note: str = "", cause: str = ""
) -> Entry:
    """It was calibrated or maintained, and is due again on a day."""
    item = _locked(item)
    before, item.calibration_due = item.calibration_due, next_due
    item.save(update_fields=["calibration_due"])
    due = [day.isoformat() if day else None for day in (before, next_due)]
    return _enter(item, "calibrated", item.held(), state=state, note=note, cause=cause, by=by, now=now, due=due)


@transaction.atomic
def follow_merger(*, customer: Customer, into: Customer) -> int:
    """Two customers were one: what the first entrusted to us is the second's. The numbers on the labels stay."""
    return Item.objects.filter(customer=customer).update(customer=into)


def _locked(item: Item) -> Item:
    return Item.objects.select_for_update().get(pk=item.pk)


def _enter(
    item: Item,
    kind: str,
    quantity: Decimal,
    *,
    by: str,
    now: datetime,
    state: str = "",
    holder: str = "",
    note: str = "",
    cause: str = "",
    corrects: Entry | None = None,
    **told: object,
) -> Entry:
    told |= {"quantity": str(quantity), "state": state, "holder": holder, "note": note, "cause": cause}
    facts = {key: value for key, value in told.items() if value not in ("", None)}
    events.record(item.organization, f"custody.{kind}", by=by, at=now, item=item.number, **facts)
    return Entry.objects.create(
        organization=item.organization,
        item=item,
        kind=kind,
        quantity=quantity,
        change=EFFECTS[kind] * quantity,
        state=state,
        holder=holder,
        note=note,
        cause=cause,
        corrects=corrects,
        by=by,
        at=now,
    )


def _plain(quantity: Decimal) -> str:
    """10.0000 as 10."""
    return format(quantity.normalize() + 0, "f")
