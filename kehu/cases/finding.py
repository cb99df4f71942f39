"""Cases and customers by a few words: two Chinese characters, pinyin initials, a part of a number, a telephone number.

A case is found by its own words or through its customer; only those are shown that the person may read, or takes part in. Eight
statements, however many cases there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from kehu.core import finding
from kehu.core.models import Organization
from kehu.core.words import Asked, asked
from kehu.ledgers.customers import words as customers
from kehu.ledgers.customers.models import Customer, CustomerWord
from kehu.organizations.queries import Person, directory, local_now
from kehu.procedures import revisions

from .models import Assignment, Case, CaseWord
from .permissions import readable
from .queries import Row, rows_of

MOST = 50
"""So many of a kind are shown; who looks for another says more."""
_CUSTOMERS, _OF_EACH = 20, 20
"""Cases are looked for with so many of the customers found, and with each among the newest of his."""


@dataclass(frozen=True)
class Found:
    """What a search found. `is_understood`: it said enough to look for."""

    cases: list[Row] = field(default_factory=list)
    customers: list[Customer] = field(default_factory=list)
    more_cases: bool = False
    more_customers: bool = False
    is_understood: bool = True

    @property
    def is_nothing(self) -> bool:
        return not (self.cases or self.customers)


def found(organization: Organization, person: Person, now: datetime, text: str, most: int = MOST) -> Found:
    """The newest cases first, customers in the order of their codes."""
    words = asked(text)
    if not words:
        return Found(is_understood=False)
    of_cases, of_customers = finding.rarest_first((CaseWord, words), (CustomerWord, words))
    known = list(customers.found_by(of_customers, most + 1))
    keys = finding.together(*_questions(organization, person, now, of_cases, known[:_CUSTOMERS], most + 1))
    newest = sorted(keys, reverse=True)
    return Found(
        cases=rows_of(organization, person, now, newest[:most]),
        customers=known[:most],
        more_cases=len(newest) > most,
        more_customers=len(known) > most,
    )


def _questions(
    organization: Organization,
    person: Person,
    now: datetime,
    words: Sequence[Asked],
    known: Sequence[Customer],
    limit: int,
) -> Iterator[QuerySet[Any]]:
    """Cases with the words that everybody of this person's place may read; those he takes part in; those of the customers found."""
    people = directory(organization, local_now(organization, now).date())
    known_to_him = readable(person, organization, people)
    reads_all = known_to_him >= revisions.procedures_of(organization).keys()
    open_to_him = Q() if reads_all else Q(procedure__key__in=known_to_him)
    yield _newest(finding.candidates(Case.objects.filter(open_to_him), CaseWord, words), limit)
    assigned = Assignment.objects.filter(member_id=person.id)
    mine = [
        Case.objects.filter(pk__in=assigned.order_by("-pk")[: finding.LOOKED_THROUGH].values("task__case")),
        Case.objects.filter(pk__in=_latest(Case.objects.filter(opener_id=person.id), finding.LOOKED_THROUGH)),
    ]
    if reads_all and len(words) == 1:  # the newest that say it are all there is to show
        mine = []
    for rows in mine:
        yield _newest(finding.with_all(rows, CaseWord, words), limit)
        if known:
            yield _newest(rows.filter(customer__in=[customer.pk for customer in known]), limit)
    if known:
        theirs = Case.objects.filter(pk__in=finding.of_each(_newest_of, [customer.pk for customer in known]))
        takes_part = Exists(assigned.filter(task__case=OuterRef("pk")))
        readable_ones = theirs if reads_all else theirs.filter(open_to_him | Q(opener_id=person.id) | Q(takes_part))
        yield _newest(readable_ones, limit)


def _newest_of(customer: int) -> QuerySet[Any]:
    return _latest(Case.objects.filter(customer=customer), _OF_EACH)


def _newest(cases: QuerySet[Case], most: int) -> QuerySet[Any]:
    """Of few that were found."""
    return _keys(cases.order_by(finding.among_few("pk").desc()))[:most]


def _latest(cases: QuerySet[Case], most: int) -> QuerySet[Any]:
    return _keys(cases.order_by("-opened_at"))[:most]


def _keys(cases: QuerySet[Case]) -> QuerySet[Any]:
    return cases.values("pk")
