"""Customers that may be the same one: found by name, telephone number or tax number, so that nobody is entered twice unawares. A
warning, never a refusal: two companies may share a name, or a switchboard."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from django.db.models import Q

from kehu.core import finding
from kehu.core.words import Asked, asked

from .models import Contact, Customer, CustomerWord

Because = Literal["name", "phone", "tax_number"]
MOST = 10
_CHINESE_FORMS = re.compile("股份有限公司|有限责任公司|有限公司|分公司|总公司|公司")
_LATIN_FORMS = re.compile(r"\b(?:company|co|corporation|corp|incorporated|inc|limited|ltd|llc|plc|gmbh)\b")
_SIGNS = re.compile(r"[\W_]+")
_PREFIX = re.compile(r"^(?:00)?86(?=\d{10,})")


@dataclass(frozen=True)
class Twin:
    customer: Customer
    because: tuple[Because, ...]


@lru_cache(maxsize=4096)  # a sheet asks of every name four times
def plain(name: str) -> str:
    """A company's name without what people write differently: legal form, width, case, punctuation, spaces."""
    text = _LATIN_FORMS.sub(" ", unicodedata.normalize("NFKC", name).casefold())
    return _CHINESE_FORMS.sub("", _SIGNS.sub("", text))


def digits(phone: str) -> str:
    """A telephone number as it is dialed from within the country: +86 0755-555 0101 is 07555550101."""
    return _PREFIX.sub("", re.sub(r"\D", "", unicodedata.normalize("NFKC", phone)))


def tidied(tax_number: str) -> str:
    return unicodedata.normalize("NFKC", tax_number).replace(" ", "").upper()


def similar(
    *, names: Iterable[str] = (), phones: Iterable[str] = (), tax_number: str = "", but: Customer | None = None
) -> list[Twin]:
    """Who in the directory may be this one, with what speaks for it; those closed are told too, for they may come back."""
    plain_names = {one for one in map(plain, names) if len(one) > 1}
    numbers = {one for one in map(digits, phones) if len(one) > 6}
    tax_number = tidied(tax_number)
    candidates = {one.pk: one for one in _candidates(plain_names, numbers, tax_number)}
    contacts: dict[int, set[str]] = {}
    for customer_id, phone in Contact.objects.filter(customer__in=candidates).values_list("customer_id", "phone"):
        contacts.setdefault(customer_id, set()).add(digits(phone))
    found = [
        Twin(one, because)
        for one in sorted(candidates.values(), key=lambda one: one.code)
        if but is None or one.pk != but.pk
        if (because := _because(one, contacts.get(one.pk, set()), plain_names, numbers, tax_number))
    ]
    return found[:MOST]


def _because(
    customer: Customer, phones: Collection[str], names: Collection[str], numbers: Collection[str], tax_number: str
) -> tuple[Because, ...]:
    own = {plain(name) for name in (customer.name, customer.name_en, customer.short_name) if name}
    same: dict[Because, bool] = {
        "name": bool(own & set(names)),
        "phone": bool(set(phones) & set(numbers)),
        "tax_number": bool(tax_number) and customer.tax_number == tax_number,
    }
    return tuple(what for what, is_so in same.items() if is_so)


def _candidates(names: Collection[str], numbers: Collection[str], tax_number: str) -> Iterable[Customer]:
    """By the words they are found by, which are all in an index: however many customers there are, these questions cost the same."""
    for name in sorted(names):
        if words := asked(name):
            (rarest,) = finding.rarest_first((CustomerWord, words))
            yield from finding.candidates(Customer.objects.all(), CustomerWord, rarest)[:50]
    for number in sorted(numbers):
        yield from finding.candidates(Customer.objects.all(), CustomerWord, [Asked(number, begins=False)])[:50]
    if tax_number:
        yield from Customer.objects.filter(~Q(tax_number=""), tax_number=tax_number)[:50]
