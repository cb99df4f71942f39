"""Two lines of the directory are one customer: what follows in cases and ledgers.

The ledger closes the one and points it to the other. Here its open cases go to the other, and every ledger's rows. What is over stays as
it was recorded, under the customer it was recorded for, and is read through (`customers.queries.keys_of`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from kehu.core.models import Organization
from kehu.core.scope import scope
from kehu.ledgers.custody import actions as custody
from kehu.ledgers.customers import actions as customers
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.orders import actions as orders
from kehu.ledgers.products import actions as products
from kehu.ledgers.receivables import actions as receivables

from . import form_templates
from .actions import action, begin
from .models import Case

FOLLOWED: dict[str, Callable[..., object]] = {
    "receivables.Statement": receivables.follow_merger,
    "receivables.Payment": receivables.follow_merger,
    "orders.Order": orders.follow_merger,
    "orders.Delivery": orders.follow_merger,
    "products.Price": products.follow_merger,
    "custody.Item": custody.follow_merger,
    "cases.FormTemplate": form_templates.follow_merger,
}
"""Tables whose rows go to the other customer -> the action that takes them there (`customer`, `into`), or says why it cannot be; in
this order."""

READ_THROUGH = frozenset({"customers.Classing", "cases.Case"})
"""Tables whose rows stay: what was decided of him before, and the cases that are over."""


@action
def merge_customers(
    *, organization: Organization, customer: str, into: str, reason: str, by: str, now: datetime
) -> Customer:
    """`customer` turned out to be `into`. Nothing moves where the ledger refuses. The open cases keep their tasks and limits, and who
    has them."""
    with scope(organization):
        work = begin(organization, by, now)
        one, other = (_found(code) for code in (customer, into))
        customers.merge(customer=one, into=other, reason=reason, by=by, now=now)
        other = Customer.objects.select_related("owner").get(pk=other.pk)
        for follow in dict.fromkeys(FOLLOWED.values()):
            follow(customer=one, into=other)
        open_ = Case.objects.select_for_update(of=("self",)).filter(customer=one, status="open").order_by("pk")
        work.take_all([case.pk for case in open_])
        for folder in work.folders.values():
            folder.belong_to(other, reason)
        work.write()
        return other


def _found(code: str) -> Customer:
    """By his own code, also where he was merged before: then the ledger says so."""
    found = Customer.objects.filter(code=code).first()
    if found is None:
        raise customers.NoSuchCustomer(number=code)
    return found
