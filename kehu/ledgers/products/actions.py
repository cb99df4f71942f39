"""What may be done with products and prices."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from kehu.core import events, money
from kehu.core.models import Organization
from kehu.core.refusals import AgainstTheRule
from kehu.ledgers.customers.models import Customer

from .models import Price, Product
from .queries import coded, squeezed


class NegativePrice(AgainstTheRule):
    code = "price.negative"
    message = _("A price of {unit_price} cannot be posted: a price is zero or more. A return has a negative quantity.")


class EndsBeforeItBegins(AgainstTheRule):
    code = "price.ends_before_it_begins"
    message = _("The price is valid from {valid_from} and would end on {valid_until}. Choose a later end, or none.")


@transaction.atomic
def enter(
    *,
    organization: Organization,
    code: str,
    by: str,
    now: datetime,
    name: str = "",
    name_en: str = "",
    specification: str = "",
    unit: str = "",
) -> Product:
    """A product, entered once; who enters it again gets the one there is."""
    product, is_new = Product.objects.get_or_create(
        organization=organization,
        code=code.strip(),
        defaults={"name": name or code, "name_en": name_en, "specification": specification, "unit": unit},
    )
    if is_new:
        events.record(organization, "product.entered", by=by, at=now, product=product.code)
    return product


def enter_all(*, organization: Organization, codes: Iterable[str], by: str, now: datetime) -> dict[str, Product]:
    """The products of these codes, those that were missing entered: four statements at most."""
    wanted = {code.strip() for code in codes}
    found = coded(wanted)
    missing = {squeezed(code): code for code in sorted(wanted - found.keys(), reverse=True)}
    if missing:
        new = Product.objects.bulk_create(
            Product(organization=organization, code=code, name=code) for code in sorted(missing.values())
        )
        events.record(organization, "products.entered", by=by, at=now, products=sorted(missing.values()))
        made = {squeezed(product.code): product for product in new}
        found = {code: found.get(code) or made[squeezed(code)] for code in wanted}
    return found


@transaction.atomic
def post_price(
    *,
    customer: Customer,
    product: str,
    unit_price: Decimal,
    currency: str,
    valid_from: date,
    by: str,
    now: datetime,
    valid_until: date | None = None,
    tax_included: bool = False,
    vat_rate: Decimal | None = None,
    source: str = "",
) -> Price:
    """What the customer pays from that day on. It ends the price before; for the same day it corrects it."""
    if unit_price < 0:
        raise NegativePrice(unit_price=unit_price)
    if valid_until is not None and valid_until <= valid_from:
        raise EndsBeforeItBegins(valid_from=valid_from, valid_until=valid_until)
    organization = customer.organization
    price = Price.objects.create(
        organization=organization,
        customer=customer,
        product=enter(organization=organization, code=product, by=by, now=now),
        unit_price=money.unit_price(unit_price),
        currency=currency,
        tax_included=tax_included,
        vat_rate=vat_rate,
        valid_from=valid_from,
        valid_until=valid_until,
        source=source,
        entered_at=now,
    )
    events.record(
        organization,
        "price.posted",
        by=by,
        at=now,
        customer=customer.code,
        product=price.product.code,
        unit_price=str(price.unit_price),
        currency=currency,
        tax_included=tax_included,
        vat_rate=None if vat_rate is None else str(vat_rate),
        valid_from=valid_from.isoformat(),
        valid_until=valid_until.isoformat() if valid_until else None,
        source=source,
    )
    return price


def follow_merger(*, customer: Customer, into: Customer) -> None:
    """Two customers were one: prices of products that only the first had are the second's; of the others the second's hold."""
    known = Price.objects.filter(customer=into).values("product")
    Price.objects.filter(customer=customer).exclude(product__in=known).update(customer=into)
