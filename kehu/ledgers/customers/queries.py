"""Questions about customers. Nothing here writes, except that a story may start from an empty directory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from kehu.core import finding
from kehu.core.models import Organization
from kehu.core.rows import Kept
from kehu.core.scope import scoped_to
from kehu.core.words import asked
from kehu.organizations.models import Member
from kehu.organizations.queries import Directory

from .models import Classing, Contact, Customer, CustomerWord
from .words import NOUN

_LOOK_UP = re.compile(r"customer(?:\[(?P<code>[^\]]+)\])?\.(?P<name>[a-z_]+)(?:@(?P<day>\d{4}-\d\d-\d\d))?")


def by_code(code: str) -> Customer | None:
    """The customer of that code; of one that was merged, whom he was merged into."""
    found = _CUSTOMER.first(code)
    return found.merged_into if found and found.merged_into_id else found


_CUSTOMER = Kept(
    Customer, lambda customers, code: customers.select_related("owner", "merged_into__owner").filter(code=code), str
)


FACTS = {
    **{
        name: name
        for name in (
            *("code", "name", "short_name", "is_key", "status", "address", "main_products", "source", "tax_number"),
            *("currency", "payment_term", "payment_days", "wants_invoice", "filed_on"),
        )
    },
    "class": "grade",
    "owner": "owner__key",
}
"""What rules and look-ups may ask of a customer -> the column that says it."""


def facts_of(customer: Customer, people: Directory | None = None) -> dict[str, Any]:
    """All of them. Who has the directory at hand need not read who looks after him."""
    owner = people.keys.get(customer.owner_id or 0) if people else customer.owner and customer.owner.key
    return {name: owner if name == "owner" else getattr(customer, column) for name, column in FACTS.items()}


def look_up(path: str, customer: Customer | None, today: date) -> Any:
    """A dotted look-up: `customer.class` of the case's customer, `customer[C0001].class` of any, `….class@2024-12-20` as of a day."""
    match = _LOOK_UP.fullmatch(path)
    if match is None:
        raise LookupError(
            f'"{path}" is no look-up such as customer.class, customer[C0001].owner, customer.class@2024-12-20'
        )
    found = by_code(match["code"]) if match["code"] else customer
    if found is None:
        return None
    name = match["name"]
    if match["day"]:
        if name != "class":
            raise LookupError(f"only a customer's class is kept by day; {name} is what it is now")
        return class_on(found, date.fromisoformat(match["day"])) or None
    if name == "referrer":
        return found.referrer.code if found.referrer else None
    facts = facts_of(found)
    if name not in facts:
        raise LookupError(f'a customer has no "{name}"; there are {", ".join(facts)}, referrer')
    return facts[name]


def class_on(customer: Customer, day: date) -> str:
    """His class as it was on a day."""
    last = customer.classings.filter(valid_from__lte=day).last()
    if last:
        return last.grade
    following = customer.classings.filter(valid_from__gt=day).first()
    return following.before if following else customer.grade


def keys_of(customer: Customer) -> list[int]:
    """His own and those of the customers merged into him: what is entered for these is read as his."""
    return [customer.pk, *(pk for (pk,) in _ABSORBED(customer.pk))]


_ABSORBED: Kept[Any] = Kept(
    Customer, lambda customers, whole: customers.filter(merged_into=whole).values_list("pk"), int
)


def whole(code: str) -> Customer | None:
    """The customer of that code as his page shows him, also one that was merged."""
    return _WHOLE.first(code)


_WHOLE = Kept(
    Customer,
    lambda customers, code: customers.select_related("owner", "referrer", "merged_into").filter(code=code),
    str,
)


def contacts_of(customer: Customer) -> list[Contact]:
    return _CONTACTS(customer.pk)


_CONTACTS = Kept(Contact, lambda contacts, customer: contacts.filter(customer=customer).order_by("pk"), int)


def classings_of(customer: Customer) -> list[Classing]:
    """The latest first."""
    return _CLASSINGS(customer.pk)


_CLASSINGS = Kept(
    Classing, lambda classings, customer: classings.filter(customer=customer).order_by("-valid_from", "-pk"), int
)


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
    before: str = ""
    after: str = ""
    """The code of the customer before or after whom the page is; for lists of more than MOST."""


@dataclass(frozen=True)
class Listing:
    customers: list[Customer]
    total: int
    """At most MOST: beyond, nobody counts."""
    is_capped: bool
    page: int
    """Which it is, where that is known."""
    has_next: bool
    before: str = ""
    after: str = ""
    """The codes at which the pages before and behind this one begin."""


def listed(wish: Wish) -> Listing:
    """One page of the directory: four statements at most, five where it is searched."""
    found = Customer.objects.select_related("owner")
    if wish.search:
        found = found.filter(_searched(wish.search))
    if wish.grade:
        found = found.filter(grade=wish.grade)
    if wish.status:
        found = found.filter(status=wish.status)
    if wish.owner:
        found = found.filter(owner__key=wish.owner)
    total = found.order_by()[: MOST + 1].count()
    if total > MOST and wish.sort.removeprefix("-") == "code":
        return _among_many(found, wish)
    page = min(max(1, wish.page), max(1, -(-min(total, MOST) // PAGE)))
    rows = list(_sorted(found, wish.sort, few=bool(wish.search))[(page - 1) * PAGE : page * PAGE + 1])
    has_next = len(rows) > PAGE and page * PAGE < MOST
    return Listing(rows[:PAGE], min(total, MOST), total > MOST, page, has_next)


def _among_many(found: QuerySet[Customer], wish: Wish) -> Listing:
    """A page of very many, before or after a code: an index begins there, and nobody counts what is before."""
    falling, forward = wish.sort.startswith("-"), not wish.before
    edge = wish.before or wish.after
    if edge:
        found = found.filter(**{"code__lt" if falling == forward else "code__gt": edge})
    by = finding.among_few("code") if wish.search else F("code")
    rows = list(found.order_by(by.desc() if falling == forward else by.asc())[: PAGE + 1])
    is_more, rows = len(rows) > PAGE, rows[:PAGE][:: 1 if forward else -1]
    has_before, has_next = (bool(wish.after), is_more) if forward else (is_more, True)
    first, last = (rows[0].code, rows[-1].code) if rows else ("", "")
    place = (first if has_before else "", last if has_next else "")
    return Listing(rows, MOST, True, 0 if edge else 1, has_next, *place)


def _searched(text: str) -> Q:
    """By words, once all customers have theirs; otherwise by looking through them all."""
    words = asked(text)
    if not words or not finding.indexed(NOUN):
        return named(text) | Q(owner__key=text)
    (rarest,) = finding.rarest_first((CustomerWord, words))
    by_words = finding.candidates(Customer.objects.order_by(), CustomerWord, rarest).values("pk")
    owner = Member.objects.filter(key=text).first()
    if owner is None:  # asked first: joined to the members PostgreSQL would look through all customers for nobody's
        return Q(pk__in=by_words)
    return Q(pk__in=by_words.union(Customer.objects.filter(owner=owner).order_by().values("pk"), all=True))


def _sorted(found: QuerySet[Customer], sort: str, *, few: bool) -> QuerySet[Customer]:
    field = SORTS.get(sort.removeprefix("-"), "code")
    place = finding.among_few(field) if few else F(field)
    return found.order_by(place.desc() if sort.startswith("-") else place.asc(), "code")


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
    """The classes that occur: an index is asked for the next one, and the next, instead of every customer."""
    table = Customer._meta.db_table
    next_one = f"SELECT min(grade) FROM {table} WHERE organization_id = %s AND grade > classes.grade"  # noqa: S608  # nosec B608
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE classes(grade) AS (SELECT min(grade) FROM {table} WHERE organization_id = %s AND grade > '' "  # noqa: S608  # nosec B608
            f"UNION ALL SELECT ({next_one}) FROM classes WHERE grade IS NOT NULL) "
            "SELECT grade FROM classes WHERE grade IS NOT NULL",
            [scoped_to(), scoped_to()],
        )
        return [grade for (grade,) in cursor.fetchall()]


def owners() -> list[str]:
    """The keys of everybody who looks after a customer."""
    looked_after = Customer.objects.filter(owner=OuterRef("pk"))
    return list(Member.objects.filter(Exists(looked_after)).order_by("key").values_list("key", flat=True))


def forget_all(organization: Organization) -> None:
    """Only for stories, which play in an organization of their own and are rolled back."""
    Classing.objects.filter(organization=organization).delete()
    Contact.objects.filter(organization=organization).delete()
    Customer.objects.filter(organization=organization).delete()
