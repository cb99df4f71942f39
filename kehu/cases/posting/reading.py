"""How a story's lines are read, whose writer calls things as his trade does; and what operations are given."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from kehu.core.models import Organization
from kehu.engine.expressions import as_date
from kehu.ledgers.customers.models import Customer
from kehu.organizations.queries import local_now

if TYPE_CHECKING:
    from ..folder import Folder


def first(line: Mapping[str, Any], *names: str) -> Any:
    """What stands under the first of these names that the line has."""
    return next((line[name] for name in names if line.get(name) not in (None, "")), None)


def customer_in(line: Mapping[str, Any], known: dict[str, Customer]) -> Customer:
    code = str(first(line, "customer", "customer_code") or "")
    if not known:
        known.update({customer.code: customer for customer in Customer.objects.all()})
    if code not in known:
        raise LookupError(f'there is no customer "{code}"; there are {", ".join(known)}')
    return known[code]


def product_in(line: Mapping[str, Any]) -> str:
    product = first(line, "product", "product_code", "item", "part")
    if product is None:
        raise LookupError(f"a line names its `product:`; this one has {', '.join(line)}")
    return str(product)


def number_in(line: Mapping[str, Any], *names: str) -> Decimal | None:
    value = first(line, *names)
    if value is None:
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise LookupError(f"`{names[0]}: {value}` is no number") from None


def day_in(line: Mapping[str, Any], *names: str) -> date | None:
    value = first(line, *names)
    if value is None or type(value) is date:
        return value
    if isinstance(value, datetime):
        return value.date()
    try:
        return date.fromisoformat(str(value).strip()[:10])
    except ValueError:
        raise LookupError(f"`{names[0]}: {value}` is no day such as 2024-04-30") from None


class Unfit(Exception):
    """What a step gives an operation is not what the operation takes: a mistake of the pack, named for whoever wrote it."""


def text_said(arguments: Mapping[str, Any], name: str) -> str:
    """A word that an operation cannot do without."""
    value = arguments.get(name)
    if value in (None, ""):
        raise Unfit(_("`{name}` is empty here, and is needed.").format(name=name))
    return str(value)


def number_said(arguments: Mapping[str, Any], name: str) -> Decimal:
    """A number that an operation cannot do without."""
    value = text_said(arguments, name)
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        raise Unfit(_("`{name}` must be a number, and is “{value}”.").format(name=name, value=value))
    return number


def customer_of(folder: Folder) -> Customer:
    if folder.case.customer is None:
        raise Unfit(_("the case has no customer here, and one is needed."))
    return folder.case.customer


def day_said(value: Any) -> date | None:
    """A day among an operation's arguments: of a field, or computed, which gives a number."""
    if value is None or type(value) is date:
        return value
    return value.date() if isinstance(value, datetime) else as_date(value)


def today_of(organization: Organization, now: datetime) -> date:
    return local_now(organization, now).date()


def currency_in(line: Mapping[str, Any], organization: Organization) -> str:
    return str(first(line, "currency") or home_currency(organization.pack))


def home_currency(pack: Mapping[str, Any]) -> str:
    """What amounts are in where nothing else is said: the pack's setting `currency`."""
    setting = (pack.get("settings") or {}).get("currency") or {}
    return str(setting.get("value") or "CNY")
