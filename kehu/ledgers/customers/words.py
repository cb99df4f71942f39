"""The words a customer is found by: his code and names, their pinyin initials, his contacts and their telephone numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import QuerySet, prefetch_related_objects

from kehu.core import finding
from kehu.core.models import Organization
from kehu.core.words import Asked, asked, ends_of, number_words, words_of

from .models import Contact, Customer, CustomerWord
from .twins import plain

NOUN = "customers"
MOST = 50


def enter(customers: Sequence[Customer]) -> None:
    """Read with their contacts (one statement for all), written in one."""
    prefetch_related_objects(customers, "contacts")
    finding.enter(CustomerWord, ((customer, _words(customer, customer.contacts.all())) for customer in customers))


def enter_new(customer: Customer, contacts: Iterable[Contact]) -> None:
    finding.enter(CustomerWord, [(customer, _words(customer, contacts))])


def forget(customers: Iterable[tuple[Customer, Iterable[Contact]]]) -> None:
    """Of customers who are taken away: what they were found by, with the contacts they had."""
    finding.forget(CustomerWord, ((customer, _words(customer, contacts)) for customer, contacts in customers))


def _words(customer: Customer, contacts: Iterable[Contact]) -> set[str]:
    found = ends_of(customer.initials) | words_of(customer.tax_number)
    for text in (customer.code, customer.name, customer.short_name, customer.name_en):
        found |= words_of(text) | words_of(plain(text))
    for contact in contacts:
        found |= words_of(contact.name) | number_words(contact.phone)
    return found


def found_by(words: Sequence[Asked], most: int = MOST) -> QuerySet[Customer]:
    """The customers with all these words, the rarest of which is the first; in the order of their codes."""
    found = finding.candidates(Customer.objects.all(), CustomerWord, words)
    return found.order_by(finding.among_few("code"))[:most]


def having(words: Sequence[Asked]) -> QuerySet[Customer]:
    """All customers with all these words."""
    return finding.with_all(Customer.objects.all(), CustomerWord, words)


def suggested(text: str, most: int = 20) -> list[Customer]:
    """A few open customers for what was typed so far, or just a few: one statement."""
    words = asked(text)
    found = Customer.objects.exclude(status=Customer.Status.CLOSED)
    if not words:
        return list(found.order_by("code")[:most])
    return list(finding.candidates(found, CustomerWord, words).order_by(finding.among_few("code"))[:most])


def near(text: str, most: int) -> list[Customer]:
    """A few open customers who share at least the rarest word with what was written that anybody has."""
    (words,) = finding.rarest_first((CustomerWord, asked(plain(text)) or asked(text)))
    for word in words:
        found = finding.candidates(Customer.objects.exclude(status=Customer.Status.CLOSED), CustomerWord, [word])
        if there := list(found.order_by("code")[:most]):
            return there
    return []


def index(organization: Organization, now: datetime) -> int:
    """Customers that were there before their words get them, a portion at a time."""
    return finding.index(organization, NOUN, Customer, enter, now)
