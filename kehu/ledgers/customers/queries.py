"""Questions about customers. Nothing here writes, except that a story may start from an empty directory."""

from __future__ import annotations

import re
from typing import Any

from kehu.core.models import Organization

from .models import Contact, Customer

_LOOK_UP = re.compile(r"customer(?:\[(?P<code>[^\]]+)\])?\.(?P<name>[a-z_]+)")


def look_up(path: str, customer: Customer | None) -> Any:
    """A dotted look-up: `customer.class` of the case's customer, `customer[C0001].class` of any."""
    match = _LOOK_UP.fullmatch(path)
    if match is None:
        raise LookupError(f'"{path}" is no look-up; there are customer.class, customer.owner, customer.status, customer.name')
    found = Customer.objects.select_related("owner").filter(code=match["code"]).first() if match["code"] else customer
    if found is None:
        return None
    facts = {
        "class": found.grade,
        "owner": found.owner.key if found.owner else None,
        "status": found.status,
        "name": found.name,
        "code": found.code,
    }
    if match["name"] not in facts:
        raise LookupError(f'a customer has no "{match["name"]}"; there are {", ".join(facts)}')
    return facts[match["name"]]


def forget_all(organization: Organization) -> None:
    """Only for stories, which play in an organization of their own and are rolled back."""
    Contact.objects.filter(organization=organization).delete()
    Customer.objects.filter(organization=organization).delete()
