"""Cases as programs list them: in stretches that neither repeat nor leave out a row while others are added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from kehu.core.models import Organization
from kehu.ledgers.customers.queries import named
from kehu.organizations.queries import Person, directory, local_now

from .models import Case, Task
from .queries import readable_to, standing


@dataclass(frozen=True)
class Wanted:
    """Which cases a program asks for. Empty means any."""

    procedure: str = ""
    status: str = ""
    """`open`, `closed` or `voided`."""
    customer: str = ""
    search: str = ""
    opened_since: datetime | None = None
    changed_since: datetime | None = None
    """Changes the order: what changed first comes first."""


@dataclass(frozen=True)
class Found:
    cases: list[Case]
    tasks: Mapping[int, list[Task]]
    """Case -> its open tasks."""
    holders: Mapping[int, list[Person]]
    """Task -> who has it."""


def cases_wanted(
    organization: Organization, person: Person, now: datetime, wanted: Wanted, after: list[Any] | None, limit: int
) -> Found:
    """A stretch of the cases this person may read by position or takes part in: three statements. The newest first, after the case
    with that pk; with `changed_since` in the order of their last change, after that moment and pk."""
    people = directory(organization, local_now(organization, now).date())
    cases = Case.objects.filter(readable_to(person, organization, people))
    cases = cases.select_related("revision", "customer").defer("data", "revision__definition")
    if wanted.procedure:
        cases = cases.filter(procedure__key=wanted.procedure)
    if wanted.status:
        is_closed = ~Q(status__in=["open", "voided"])
        cases = cases.filter(is_closed if wanted.status == "closed" else Q(status=wanted.status))
    if wanted.customer:
        cases = cases.filter(customer__code=wanted.customer)
    if wanted.search:
        cases = cases.filter(Q(number__icontains=wanted.search) | named(wanted.search, "customer__"))
    if wanted.opened_since:
        cases = cases.filter(opened_at__gte=wanted.opened_since)
    if wanted.changed_since:
        cases = cases.filter(changed_at__gte=wanted.changed_since)
        if after:
            cases = cases.filter(Q(changed_at__gt=after[0]) | Q(changed_at=after[0], pk__gt=after[1]))
        cases = cases.order_by("changed_at", "pk")
    else:
        cases = cases.filter(pk__lt=after[0]) if after else cases
        cases = cases.order_by("-pk")
    found = list(cases[:limit])
    return Found(found, *standing(found, people))
