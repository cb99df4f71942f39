"""Cases and customer property."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.core.models import Organization
from kehu.core.refusals import BadData, Finding
from kehu.ledgers.custody import actions, queries
from kehu.ledgers.custody.models import Entry, Item
from kehu.ledgers.customers.queries import by_code

from . import Answer, Lines, Stays
from .reading import Unfit, customer_of, day_said, number_said, text_said

if TYPE_CHECKING:
    from ..folder import Folder

STAYS = {
    "place": Stays(gettext_lazy("where the customer's property lies"), ("move_property",)),
    "calibration": Stays(gettext_lazy("when the customer's property is due for calibration"), ("calibrate_property",)),
    "check": Stays(gettext_lazy("what was found of the customer's property"), ("check_property", "post_property")),
}
KINDS = ("issued", "taken_back", "used_up", "returned", "lost", "damaged", "scrapped", "checked")


def receive_property(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`receive_property` with `kind`, `name`, `quantity`, `unit`, `department` and, where known, `spec`, `location`, `calibration_due`,
    `holder` (who took it from the customer), `state`: a lot of the case's customer is registered, under the case's number or
    `number`."""
    customer = customer_of(folder)
    given = {key: value for key, value in arguments.items() if value not in (None, "")}
    needed = {name: text_said(given, name) for name in ("kind", "name", "unit", "department")}
    texts = ("spec", "location", "holder", "state", "note")
    item = actions.receive(
        customer=customer,
        number=str(given.get("number") or folder.case.number),
        quantity=number_said(given, "quantity"),
        calibration_due=given.get("calibration_due"),
        cause=folder.case.number,
        by=folder.work.by_key,
        now=folder.work.now,
        **needed,
        **{name: str(given[name]) for name in texts if name in given},
    )
    folder.entered.extend(("property", entry.pk) for entry in item.entries.order_by("-pk")[:1])
    return None


def post_property(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`post_property` with `number`, `entry` (issued, taken_back, used_up, returned, lost, damaged, scrapped, checked) and `quantity`,
    `state`, `holder`, `note`: what happened to an item. A quantity of nothing enters nothing."""
    quantity = number_said(arguments, "quantity") if arguments.get("quantity") else Decimal(0)
    kind = text_said(arguments, "entry")
    if kind not in KINDS:
        raise Unfit(
            _("`{name}` must be one of {known}, and is “{value}”.").format(
                name="entry", known=", ".join(KINDS), value=kind
            )
        )
    if quantity > 0 or kind == "checked":
        entry = actions.post(item=_item(folder, arguments), kind=kind, quantity=quantity, **_told(folder, arguments))
        if kind == "checked":
            folder.entered.append(("check", entry.pk))
        else:
            folder.entered.append(("property", entry.pk))
    return None


def take_back(key: int, note: str, folder: Folder) -> None:
    entry = Entry.objects.select_related("item").get(pk=key)
    actions.take_back(entry=entry, note=note, cause=folder.case.number, by=folder.work.by_key, now=folder.work.now)


def move_property(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`move_property` with `number` and `location` or `department`: it lies elsewhere, or somebody else keeps it."""
    entry = actions.move(
        item=_item(folder, arguments),
        location=str(arguments.get("location") or ""),
        department=str(arguments.get("department") or ""),
        **_told(folder, arguments, but=("state", "holder")),
    )
    folder.entered.append(("place", entry.pk))
    return None


def calibrate_property(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`calibrate_property` with `number`, `next_due`, `state`: it was calibrated or maintained, and is due again then."""
    due = day_said(arguments.get("next_due"))
    told = _told(folder, arguments, but=("holder",))
    entry = actions.calibrate(item=_item(folder, arguments), next_due=due, **told)
    folder.entered.append(("calibration", entry.pk))
    return None


def check_property(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`check_property` with `rows` of `number`, `found`, `state`: what lies in the store was counted and looked at."""
    for row in arguments.get("rows") or []:
        post_property(folder, {**row, "entry": "checked", "quantity": row.get("found")}, context)
    return None


def property_facts(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`property_facts` with `number`: what the ledger says of an item today: `name kind spec unit held issued state custody location
    calibration_due customer`, and of its last entry `last_entry condition holder note`. Nothing while no number is given; refused where
    the item is unknown, or another customer's, or where less is held than `wanted`."""
    if not arguments.get("number"):
        return None
    item = _item(folder, arguments)
    actions.must_hold(item, number_said(arguments, "wanted") if arguments.get("wanted") else Decimal(0))
    return None, queries.facts_of(item)


def property_of(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`property_of` with `department` (one or a list): what lies in its store. Answers `rows` (`number name spec kind customer customer_name
    booked unit location`) and `count`."""
    departments = arguments.get("department") or []
    rows = [
        {
            "number": item.number,
            "name": item.name,
            "spec": item.spec,
            "kind": item.kind,
            "customer": item.customer.code,
            "customer_name": item.customer.short_name or item.customer.name,
            "booked": balance.held,
            "unit": item.unit,
            "location": item.location,
        }
        for item, balance in queries.kept_by([departments] if isinstance(departments, str) else departments)
    ]
    return None, {"rows": rows, "count": len(rows)}


def _item(folder: Folder, arguments: Mapping[str, Any]) -> Item:
    number = str(arguments.get("number") or "").strip()
    found = queries.by_number(number)
    if found is None:
        raise BadData([Finding("property_no", _("No customer property is registered under {number}.").format(number=number))])  # fmt: skip
    if folder.case.customer and found.customer_id != folder.case.customer.pk:
        message = _("{number} belongs to customer {customer}.").format(number=number, customer=found.customer)
        raise BadData([Finding("property_no", message)])
    return found


def _told(folder: Folder, arguments: Mapping[str, Any], but: tuple[str, ...] = ()) -> dict[str, Any]:
    words = {key: str(arguments.get(key) or "") for key in ("state", "holder", "note") if key not in but}
    return {**words, "cause": folder.case.number, "by": folder.work.by_key, "now": folder.work.now}


def given(organization: Organization, lines: Lines, names: Mapping[str, str], now: datetime) -> None:
    """`given: property`: `- {number, customer, kind, name, qty, unit, department, location, calibration_due}`."""
    for line in lines:
        customer = by_code(str(line["customer"]))
        if customer is None:
            raise LookupError(f'there is no customer "{line["customer"]}" for the property {line["number"]}')
        due = line.get("calibration_due")
        actions.receive(
            customer=customer,
            number=str(line["number"]),
            kind=str(line.get("kind", "other")),
            name=str(line.get("name", line["number"])),
            spec=str(line.get("spec", "")),
            quantity=Decimal(str(line["qty"])),
            unit=str(line.get("unit", "")),
            department=str(line["department"]),
            location=str(line.get("location", "")),
            calibration_due=date.fromisoformat(str(due)) if due else None,
            by="",
            now=now,
        )
