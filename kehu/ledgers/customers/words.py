"""The words a customer is found by: his code and names, their pinyin initials, his contacts and their telephone numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import QuerySet, prefetch_related_objects

from kehu.core import finding
from kehu.core.models import Organization
from kehu.core.words import Asked, asked, ends_of, number_words, words_of

from .models import Contact, Customer, CustomerWord

NOUN = "customers"
MOST = 50


def enter(customers: Sequence[Customer]) -> None:
    """Read with their contacts (one statement for all), written in one."""
    prefetch_related_objects(customers, "contacts")
    finding.enter(CustomerWord, ((customer, _words(customer, customer.contacts.all())) for customer in customers))


def enter_new(customer: Customer, contacts: Iterable[Contact]) -> None:
    finding.enter(CustomerWord, [(customer, _words(customer, contacts))])


def _words(customer: Customer, contacts: Iterable[Contact]) -> set[str]:
    found = ends_of(customer.initials)
    for text in (customer.code, customer.name, customer.short_name, customer.name_en):
        found |= words_of(text)
    for contact in contacts:
        found |= words_of(contact.name) | number_words(contact.phone)
    return found


def found_by(words: Sequence[Asked], most: int = MOST) -> QuerySet[Customer]:
    """The customers with all these words, the rarest of which is the first; in the order of their codes."""
    return finding.candidates(Customer.objects.all(), CustomerWord, words).order_by("code")[:most]


def having(words: Sequence[Asked]) -> QuerySet[Customer]:
    """All customers with all these words."""
    return finding.with_all(Customer.objects.all(), CustomerWord, words)


def suggested(text: str, most: int = 20) -> list[Customer]:
    """A few open customers for what was typed so far, or just a few: one statement."""
    words = asked(text)
    found = finding.candidates(Customer.objects.all(), CustomerWord, words) if words else Customer.objects.all()
    return list(found.exclude(status=Customer.Status.CLOSED).order_by("code")[:most])


def index(organization: Organization, now: datetime) -> int:
    """Customers that were there before their words get them, a portion at a time."""
    return finding.index(organization, NOUN, Customer, enter)
