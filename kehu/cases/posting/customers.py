"""Cases and the customer directory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.core import numbering
from kehu.core.models import Organization
from kehu.core.refusals import BadData, Finding
from kehu.ledgers.customers import actions, queries, twins
from kehu.ledgers.customers.models import Customer
from kehu.organizations.models import Member

from . import Answer, Lines, Stays
from .reading import customer_of, text_said

if TYPE_CHECKING:
    from ..folder import Folder

STAYS = {
    "customer": Stays(gettext_lazy("the customer in the directory"), ("change_customer",)),
    "class": Stays(gettext_lazy("the customer's class"), ("class_customer", "class_customers")),
    "status": Stays(gettext_lazy("the customer's status"), ("change_customer",)),
}
_FACTS = ("name_en", "short_name", "address", "main_products", "source", "tax_number", "currency", "payment_term")


def enter_customer(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`enter_customer` with `name` and what else is known of him: he is in the directory now, and the case is his. Without `code`
    he gets the next number of the series `customer`; with `class` he is classed too. Answers `code`."""
    given = {key: value for key, value in arguments.items() if value not in (None, "")}
    if folder.case.customer:  # the step is done again, after the case was reopened
        return None, {"code": folder.case.customer.code}
    contact = {key: str(given[name]) for key, name in _CONTACT.items() if name in given}
    referrer = _customer(given["referrer"], "referrer") if "referrer" in given else None
    facts: dict[str, Any] = {name: str(given[name])[: _length(name)] for name in _FACTS if name in given}
    customer = actions.enter(
        organization=folder.work.organization,
        code=str(given.get("code") or _next_code(folder)),
        name=str(given.get("name", "")),
        owner=_member(given.get("owner") or folder.work.by_key),
        contact={"name": "", **contact} if contact else None,
        referrer=referrer,
        status=given.get("status", Customer.Status.ACTIVE),
        payment_days=given.get("payment_days"),
        wants_invoice=bool(given.get("wants_invoice")),
        by=folder.work.by_key,
        now=folder.work.now,
        **facts,
    )
    folder.belong_to(customer)
    folder.entered.append(("customer", customer.pk))
    if "class" in given:
        class_customer(folder, arguments, context)
    return None, {"code": customer.code}


_CONTACT = {"name": "contact", "title": "contact_title", "phone": "phone", "email": "email"}


def _length(name: str) -> int | None:
    """As much as the directory keeps: a survey may say more of what a customer makes."""
    found: int | None = Customer._meta.get_field(name).max_length  # type: ignore[union-attr]
    return found


def _next_code(folder: Folder) -> str:
    """A number that no customer has: some came into the directory with codes of their own."""

    def taken(codes: list[str]) -> set[str]:
        return set(Customer.objects.filter(code__in=codes).values_list("code", flat=True))

    return numbering.next_free(folder.work.organization, folder.numbered("customer"), taken)


def class_customer(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`class_customer` with `class`: the case's customer has that class, from today or from `valid_from`."""
    customer = customer_of(folder)
    _class(folder, customer, arguments)
    folder.know_customer(queries.by_code(customer.code))
    return None


def class_customers(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`class_customers` with `rows` of `customer` and `class`: those whose class is another than now get it. Answers `changed`,
    how many."""
    changed = 0
    for row in arguments.get("rows") or []:
        customer = _customer(row["customer"], "rows")
        if row.get("class") and row["class"] != customer.grade:
            _class(folder, customer, {**arguments, **row})
            changed += 1
    return None, {"changed": changed}


def _class(folder: Folder, customer: Customer, arguments: Mapping[str, Any]) -> None:
    actions.class_customer(
        customer=customer,
        grade=text_said(arguments, "class"),
        valid_from=arguments.get("valid_from") or folder.work.local.date(),
        cause=folder.case.number,
        by=folder.work.by_key,
        now=folder.work.now,
    )
    folder.entered.append(("class", customer.pk))


def similar_customers(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`similar_customers` with `name`, `phone`, `tax_number` as far as they are known: who of the directory may be this one already.
    Answers `rows` (`customer`, `name`, `because`) and `count`."""
    found = twins.similar(
        names=[str(arguments.get("name") or "")],
        phones=[str(arguments.get("phone") or "")],
        tax_number=str(arguments.get("tax_number") or ""),
        but=folder.case.customer,
    )
    rows = [{"customer": one.customer.code, "name": one.customer.name, "because": list(one.because)} for one in found]
    return None, {"rows": rows, "count": len(rows)}


def change_customer(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`change_customer` with `status` and `because`: the case's customer becomes active, goes dormant, is closed."""
    customer = Customer.objects.select_for_update().get(pk=customer_of(folder).pk)
    actions.change_status(
        customer=customer,
        status=text_said(arguments, "status"),
        reason=str(arguments.get("because") or folder.case.number),
        by=folder.work.by_key,
        now=folder.work.now,
    )
    folder.know_customer(customer)
    folder.entered.append(("status", customer.pk))
    return None


def _customer(code: Any, path: str) -> Customer:
    found = queries.by_code(str(code))
    if found is None:
        raise BadData([Finding(path, _("There is no customer “{value}”.").format(value=code))])
    return found


def _member(key: Any) -> Member | None:
    return Member.objects.filter(key=str(key), left_on=None).first() if key else None


def given(organization: Organization, lines: Lines, names: Mapping[str, str], now: datetime) -> None:
    """`given: customers`: these and no others."""
    queries.forget_all(organization)
    enter(organization, lines, names, now)


def enter(organization: Organization, lines: Lines, names: Mapping[str, str], now: datetime) -> None:
    members = {member.key: member for member in Member.objects.all()}
    for line in lines:
        owner = names.get(line.get("owner", ""), line.get("owner", ""))
        name = line["name"]
        actions.enter(
            organization=organization,
            code=line["code"],
            name=name["zh"] if isinstance(name, Mapping) else name,
            name_en=name.get("en", "") if isinstance(name, Mapping) else "",
            short_name=_zh(line.get("short_name", "")),
            grade=line.get("class", ""),
            status=line.get("status", "active"),
            owner=members.get(owner),
            address=_zh(line.get("address", "")),
            main_products=_zh(line.get("main_products", "")),
            tax_number=str(line.get("tax_number", "")),
            currency=str(line.get("currency", "")),
            payment_term=_zh(line.get("payment_term", "")),
            payment_days=line.get("payment_days", _days_in(line.get("payment_term"))),
            wants_invoice=bool(line.get("wants_invoice")),
            contact={"name": _zh(line["contact"]), "phone": str(line.get("phone", ""))}
            if line.get("contact")
            else None,
            by="",
            now=now,
        )


def _days_in(term: Any) -> int | None:
    """月结60天, "30 days after month end": the days are the number in it."""
    found = re.search(r"\d+", _zh(term or ""))
    return int(found[0]) if found else None


def _zh(value: Any) -> str:
    return str(value.get("zh", "")) if isinstance(value, Mapping) else str(value)
