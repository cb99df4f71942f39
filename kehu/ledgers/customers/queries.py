"""Questions about customers. Nothing here writes, except that a story may start from an empty directory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from kehu.core.models import Organization
from kehu.core.rows import Kept

from .models import Contact, Customer

_LOOK_UP = re.compile(r"customer(?:\[(?P<code>[^\]]+)\])?\.(?P<name>[a-z_]+)")


def by_code(code: str) -> Customer | None:
    return _CUSTOMER.first(code)


_CUSTOMER = Kept(Customer, lambda customers, code: customers.select_related("owner").filter(code=code), str)


def look_up(path: str, customer: Customer | None) -> Any:
    """A dotted look-up: `customer.class` of the case's customer, `customer[C0001].class` of any."""
    match = _LOOK_UP.fullmatch(path)
    if match is None:
        raise LookupError(
            f'"{path}" is no look-up; there are customer.class, customer.owner, customer.status, customer.name'
        )
    found = by_code(match["code"]) if match["code"] else customer
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


SORTS = {"code": "code", "name": "name", "class": "grade", "status": "status", "owner": "owner__key"}
PAGE, MOST = 50, 1000


@dataclass(frozen=True)
class Wish:
    """What somebody wants to see of the directory: words, filters, order, and which page."""

    search: str = ""
    grade: str = ""
    status: str = ""
    owner: str = ""
    sort: str = "code"
    """A key of SORTS; with "-" before it, the other way round."""
    page: int = 1


@dataclass(frozen=True)
class Listing:
    customers: list[Customer]
    total: int
    """At most MOST: beyond, nobody counts."""
    is_capped: bool
    page: int
    has_next: bool


def listed(wish: Wish) -> Listing:
    """One page of the directory: two statements."""
    found = Customer.objects.select_related("owner")
    if wish.search:
        found = found.filter(named(wish.search) | Q(owner__key=wish.search))
    if wish.grade:
        found = found.filter(grade=wish.grade)
    if wish.status:
        found = found.filter(status=wish.status)
    if wish.owner:
        found = found.filter(owner__key=wish.owner)
    total = found.order_by()[: MOST + 1].count()
    page = max(1, wish.page) if total > MOST else min(max(1, wish.page), max(1, -(-total // PAGE)))
    rows = list(_sorted(found, wish.sort)[(page - 1) * PAGE : page * PAGE + 1])
    return Listing(rows[:PAGE], min(total, MOST), total > MOST, page, len(rows) > PAGE)


def _sorted(found: QuerySet[Customer], sort: str) -> QuerySet[Customer]:
    field = SORTS.get(sort.removeprefix("-"), "code")
    return found.order_by(f"-{field}" if sort.startswith("-") else field, "code")


def named(words: str, prefix: str = "") -> Q:
    """Customers found by code, name, short name or its pinyin initials; `prefix` leads to them from another row."""
    words = words.strip()
    return (
        Q(**{f"{prefix}code__istartswith": words})
        | Q(**{f"{prefix}name__icontains": words})
        | Q(**{f"{prefix}name_en__icontains": words})
        | Q(**{f"{prefix}short_name__icontains": words})
        | Q(**{f"{prefix}initials__icontains": words.lower()})
    )


def name_of(customer: Customer, language: str | None) -> str:
    """In English his English name, where he has one."""
    return customer.name if _is_chinese(language) else customer.name_en or customer.name


def short_name(customer: Customer, language: str | None) -> str:
    return (customer.short_name or customer.name) if _is_chinese(language) else customer.name_en or customer.short_name


def _is_chinese(language: str | None) -> bool:
    return (language or "zh").startswith("zh")


def grades() -> list[str]:
    """The classes that occur."""
    return list(Customer.objects.exclude(grade="").values_list("grade", flat=True).order_by("grade").distinct())


def owners() -> list[str]:
    """The keys of everybody who looks after a customer."""
    keys = Customer.objects.exclude(owner=None).values_list("owner__key", flat=True).order_by("owner__key").distinct()
    return [key for key in keys if key]


def forget_all(organization: Organization) -> None:
    """Only for stories, which play in an organization of their own and are rolled back."""
    Contact.objects.filter(organization=organization).delete()
    Customer.objects.filter(organization=organization).delete()
