"""Customers and their contacts, many at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cache, cached_property
from typing import Any

from django.db import connection
from django.db.models import Model
from django.utils.translation import gettext_noop as _

from kehu.core import finding, numbering, rows
from kehu.core.batches import Applied, Batch, Entry, Outcome, Reason, Verdict, record, seal
from kehu.core.references import in_use
from kehu.organizations.models import Member
from kehu.organizations.queries import local_now

from . import words
from .actions import is_key_class
from .known import KnownCustomers, named
from .models import Contact, Customer, CustomerWord
from .pinyin import initials
from .twins import plain, similar, tidied

_FACTS = (
    *("name", "name_en", "short_name", "status", "owner", "address", "main_products", "source"),
    *("tax_number", "currency", "payment_term", "payment_days", "wants_invoice"),
)
"""What a sheet may say of a customer who is there already. Not the class: a procedure decides it."""
_SEALED = (
    *("code", "grade", "filed_on", "owner_id", "referrer_id", "merged_into_id"),
    *(name for name in _FACTS if name != "owner"),
)
"""By which it is seen whether anybody changed a customer since."""
_CONTACT = {"contact": "name", "contact_title": "title", "phone": "phone", "email": "email"}
_SEARCHED = frozenset(["name", "name_en", "short_name", "tax_number", "contact"])
_SAME_AS = _(
    "Perhaps he is there already, as {code} {name}. Write that code, or tick that such customers are entered all the same."
)
_CHANGED_SINCE = _("{what} was changed since and stays as it is.")


class Customers(Batch):
    """Known by code; without one by tax number or name. What a cell does not say stays as it is."""

    def keys(self, entry: Entry) -> Iterable[tuple[str, Hashable]]:
        said = entry.values
        if code := said.get("code"):
            yield "code", code
        if tax_number := said.get("tax_number"):
            yield "tax_number", tidied(tax_number)
        is_double_allowed = self.options.get("doubles") and code
        if (name := plain(said.get("name", ""))) and not is_double_allowed:
            yield "name", name

    def compare(self, entries: Sequence[Entry]) -> list[Verdict]:
        found = self._found(entries)
        contacts = _contacts_of([one.pk for one in found if isinstance(one, Customer)])
        return [
            Verdict.refused(one)
            if isinstance(one, Reason)
            else self._as_new(entry)
            if one is None
            else self._as_known(entry, one, contacts.get(one.pk, []))
            for entry, one in zip(entries, found, strict=True)
        ]

    def _found(self, entries: Sequence[Entry]) -> list[Customer | Reason | None]:
        said = [entry.values for entry in entries]
        by_code = {one.code: one for one in _rows("code", {line["code"] for line in said if "code" in line})}
        open_lines = [line for line in said if line.get("code") not in by_code]
        tax_numbers = {tidied(line["tax_number"]) for line in open_lines if "tax_number" in line}
        by_tax = {one.tax_number: one for one in _rows("tax_number", tax_numbers)}
        by_name = self._named({line["name"] for line in open_lines if "code" not in line and "name" in line})
        return [self._one(line, by_code, by_tax, by_name) for line in said]

    def _named(self, names: set[str]) -> dict[str, list[Customer]]:
        found = named(names)
        locked = {one.pk: one for one in _rows("pk", [one.pk for many in found.values() for one in many])}
        return {name: [locked[one.pk] for one in many] for name, many in found.items()}

    def _one(
        self,
        line: Mapping[str, Any],
        by_code: Mapping[str, Customer],
        by_tax: Mapping[str, Customer],
        by_name: Mapping[str, Sequence[Customer]],
    ) -> Customer | Reason | None:
        code, taxed = line.get("code", ""), by_tax.get(tidied(line.get("tax_number", "")))
        if code in by_code:
            return by_code[code]
        if code and taxed:
            says = _("{code} {name} has the same tax number. Write that code.")
            return Reason(says, {"code": taxed.code, "name": taxed.name}, "tax_number")
        if code or taxed:
            return taxed
        found = by_name.get(line.get("name", ""), ())
        if len(found) > 1:
            says = _("“{word}” is the name of several customers: {codes}. Write the code.")
            return Reason(says, {"word": line["name"], "codes": ", ".join(one.code for one in found[:5])}, "code")
        if found or self._pattern:
            return found[0] if found else None
        return Reason(
            _(
                "The code is missing, and nobody is known by this name. Write one, or let codes be given where the columns are chosen."
            ),
            {},
            "code",
        )

    def _as_new(self, entry: Entry) -> Verdict:
        said, reasons = entry.values, []
        if not said.get("name"):
            says = _("There is no customer {code} yet; to enter one, the name is needed.")
            reasons.append(Reason(says, {"code": said.get("code", "")}, "name"))
        elif not self.options.get("doubles") and plain(said["name"]) in self._names:
            twin = next((one.customer for one in similar(names=[said["name"]]) if "name" in one.because), None)
            if twin:
                reasons.append(Reason(_SAME_AS, {"code": twin.code, "name": twin.name}, "name"))
        reasons += [found for found in (self._owner(said), self._class(said)) if isinstance(found, Reason)]
        return Verdict.refused(*reasons) if reasons else Verdict(Outcome.NEW)

    def _as_known(self, entry: Entry, customer: Customer, contacts: Sequence[Contact]) -> Verdict:
        said = entry.values
        if customer.merged_into_id:
            says = _("{code} was merged into {into}. Write that code.")
            into = Customer.objects.get(pk=customer.merged_into_id).code
            return Verdict.refused(Reason(says, {"code": customer.code, "into": into}, "code"))
        if isinstance(owner := self._owner(said), Reason):
            return Verdict.refused(owner)
        verdict = Verdict(Outcome.SAME, row=customer, known=customer.pk)
        for name in _FACTS:
            if name in said:
                after = owner if name == "owner" else tidied(said[name]) if name == "tax_number" else said[name]
                if (before := getattr(customer, name)) != after:
                    verdict.changes[name] = before, after
        if contact := _contact_in(said):
            met = next((one for one in contacts if one.name == contact["name"]), None)
            before = _as_facts(met) if met else {}
            after = {**dict.fromkeys(_CONTACT.values(), ""), **before, **contact}
            if after != before:
                verdict.changes["contact"] = before, after
        if (grade := said.get("class")) and grade != customer.grade:
            says = _("The class stays {grade}: only a procedure changes the class of a customer.")
            verdict.reasons.append(Reason(says, {"grade": customer.grade or "–"}, "class"))
        verdict.outcome = Outcome.CHANGED if verdict.changes else Outcome.SAME
        return verdict

    def _owner(self, said: Mapping[str, Any]) -> Member | Reason | None:
        if not (word := said.get("owner")):
            return None
        found = self._members.get(word.casefold(), [])
        if len(found) == 1:
            return found[0]
        if found:
            keys = ", ".join(member.key for member in found)
            return Reason(
                _("Several members are called {name}: {keys}. Write the key."), {"name": word, "keys": keys}, "owner"
            )
        return Reason(
            _("There is no member {name}. Write the name or the key as on the page of people."), {"name": word}, "owner"
        )

    def _class(self, said: Mapping[str, Any]) -> str | Reason:
        known = self.organization.pack.get("customer_classes") or {}
        if (grade := said.get("class", "")) and known and grade not in known:
            says = _("There is no class “{grade}”; there are {known}.")
            return Reason(says, {"grade": grade, "known": ", ".join(known)}, "class")
        return grade

    def apply(
        self, judged: Sequence[tuple[Entry, Verdict]], *, by: str, now: datetime, cause: str = ""
    ) -> list[Applied]:
        new = [entry for entry, verdict in judged if verdict.outcome == Outcome.NEW]
        entered = dict(zip((entry.rows for entry in new), self._enter(new, now), strict=True))
        changed = [(verdict.row, verdict.changes) for _entry, verdict in judged if verdict.outcome == Outcome.CHANGED]
        facts = self._change(changed)
        codes = [entry.values.get("code") or entry.values["name"] for entry in new]
        record(self.organization, "customers.entered", codes, by=by, now=now, cause=cause)
        codes = [customer.code for customer, _changes in changed]
        record(self.organization, "customers.changed", codes, by=by, now=now, cause=cause)
        return [
            entered[entry.rows]
            if verdict.outcome == Outcome.NEW
            else Applied(verdict.row.pk, Outcome.CHANGED, facts[verdict.row.pk])
            for entry, verdict in judged
        ]

    def _enter(self, entries: Sequence[Entry], now: datetime) -> list[Applied]:
        today = local_now(self.organization, now).date()
        codes = iter(self._codes(sum("code" not in one.values for one in entries), today))
        customers = [self._line(entry.values, codes, today) for entry in entries]
        keys = rows.insert_lines(Customer, customers)
        contacts = [_contact_in(entry.values) for entry in entries]
        own = {"organization_id": self.organization.pk}
        rows.insert_lines(
            Contact, [{**own, "customer_id": key, **one} for key, one in zip(keys, contacts, strict=True) if one]
        )
        if keys:
            finding.came_without(self.organization, words.NOUN, behind=min(keys) - 1, now=now)
        return [
            Applied(key, Outcome.NEW, {"seal": _seal(line, [one] if one else [])})
            for key, line, one in zip(keys, customers, contacts, strict=True)
        ]

    def _line(self, said: Mapping[str, Any], codes: Iterator[str], today: date) -> dict[str, Any]:
        owner, grade = self._owner(said), said.get("class", "")
        return {
            **{name: said[name] for name in _FACTS if name in said and name not in ("owner", "tax_number")},
            "organization_id": self.organization.pk,
            "code": said.get("code") or next(codes),
            "owner_id": owner.pk if isinstance(owner, Member) else None,
            "tax_number": tidied(said.get("tax_number", "")),
            "grade": grade,
            "is_key": is_key_class(self.organization, grade),
            "initials": initials(said.get("short_name") or said["name"]),
            "filed_on": said.get("filed_on") or today,
        }

    def _codes(self, count: int, today: date) -> list[str]:
        """Free ones, by the company's numbering."""
        found: list[str] = []
        while len(found) < count:
            wanted = numbering.Wanted(self._pattern, today)
            given = numbering.next_numbers(self.organization, [wanted] * (count - len(found)))
            taken = set(Customer.objects.filter(code__in=given).values_list("code", flat=True))
            found += [code for code in given if code not in taken]
        return found

    def _change(self, changed: Sequence[tuple[Customer, Mapping[str, tuple[Any, Any]]]]) -> dict[int, dict[str, Any]]:
        new_contacts, old_contacts, names, searched = [], [], set(), []
        facts: dict[int, dict[str, Any]] = {}
        for customer, changes in changed:
            facts[customer.pk] = {
                name: [_plainly(before), _plainly(after)] for name, (before, after) in changes.items()
            }
            for name, (_before, after) in changes.items():
                if name != "contact":
                    setattr(customer, name, after)
                    names.add(name)
                elif key := after.get("pk"):
                    old_contacts.append(Contact(**{"pk": key, **after}))
                else:
                    new_contacts.append(Contact(organization=self.organization, customer=customer, **after))
            if changes.keys() & _SEARCHED:
                customer.initials = initials(customer.short_name or customer.name)
                searched.append(customer)
        rows.update([customer for customer, _changes in changed], (*sorted(names), "initials"))
        rows.insert(new_contacts)
        rows.update(old_contacts, tuple(_CONTACT.values()))
        for contact in new_contacts:
            facts[contact.customer_id]["contact"][1]["pk"] = contact.pk
        if searched:
            words.enter(searched)
        return facts

    def take_back(self, applied: Sequence[Applied], *, by: str, now: datetime, cause: str = "") -> dict[int, Reason]:
        kept, gone = self._remove([one for one in applied if one.outcome == Outcome.NEW])
        stays, former = self._restore([one for one in applied if one.outcome == Outcome.CHANGED])
        record(self.organization, "customers.taken_back", gone + former, by=by, now=now, cause=cause)
        return kept | stays

    def _remove(self, entered: Sequence[Applied]) -> tuple[dict[int, Reason], list[str]]:
        """What stays and why, and the codes of those who went."""
        seals = {one.key: one.facts["seal"] for one in entered}
        found = {one.pk: one for one in _rows("pk", seals)}
        contacts = _contacts_of(found)
        used = in_use(Customer, found, but=(Contact, CustomerWord))
        kept: dict[int, Reason] = {}
        for key, customer in found.items():
            if key in used:
                kept[key] = Reason(_("{code} is in use meanwhile and stays."), {"code": customer.code})
            elif _seal(customer, contacts.get(key, [])) != seals[key]:
                kept[key] = Reason(_("{code} was changed since and stays."), {"code": customer.code})
        gone = [one for key, one in found.items() if key not in kept]
        keys = [one.pk for one in gone]
        words.forget((one, contacts.get(one.pk, [])) for one in gone)
        Contact.objects.filter(customer__in=keys)._raw_delete(Contact.objects.db)
        Customer.objects.filter(pk__in=keys)._raw_delete(Customer.objects.db)
        return kept, [one.code for one in gone]

    def _restore(self, changed: Sequence[Applied]) -> tuple[dict[int, Reason], list[str]]:
        facts = {one.key: one.facts for one in changed}
        found = {one.pk: one for one in _rows("pk", facts)}
        contacts = {one.pk: one for many in _contacts_of(found).values() for one in many}
        kept: dict[int, Reason] = {}
        names, gone, former = set(), [], []
        for key, customer in found.items():
            stays = []
            for name, (before, after) in facts[key].items():
                if name == "contact":
                    contact = contacts.get(after.get("pk", 0))
                    if contact is None or _as_facts(contact) != after:
                        stays.append("contact")
                    elif before:
                        former.append(Contact(**{"pk": contact.pk, **before}))
                    else:
                        gone.append(contact.pk)
                elif _plainly(getattr(customer, name)) == after:
                    setattr(customer, name, self._member(before) if name == "owner" else before)
                    names.add(name)
                else:
                    stays.append(name)
            customer.initials = initials(customer.short_name or customer.name)
            if stays:
                kept[key] = Reason(_CHANGED_SINCE, {"what": f"{customer.code} ({', '.join(stays)})"})
        rows.update(list(found.values()), (*sorted(names), "initials"))
        rows.update(former, tuple(_CONTACT.values()))
        Contact.objects.filter(pk__in=gone)._raw_delete(Contact.objects.db)
        words.enter(list(found.values()))
        return kept, [one.code for one in found.values()]

    # --- what is looked up once ----------------------------------------------------------------------------------------

    @cached_property
    def _pattern(self) -> str:
        """The company's numbering of customers, where its pack has one and it is wanted."""
        numbering_ = self.organization.pack.get("numbering") or {}
        return str(numbering_.get("customer", "")) if self.options.get("codes") else ""

    @cached_property
    def _members(self) -> dict[str, list[Member]]:
        found: dict[str, list[Member]] = defaultdict(list)
        for member in Member.objects.order_by("key"):
            for word in {member.key, *member.name.values()}:
                found[str(word).casefold()].append(member)
        return found

    def _member(self, key: str | None) -> Member | None:
        return next((one for one in self._members.get((key or "").casefold(), []) if one.key == key), None)

    @cached_property
    def _names(self) -> set[str]:
        """Every name in the directory, without what people write differently."""
        every = Customer.objects.order_by().values_list("name", flat=True)
        return {plain(name) for name in every.iterator(chunk_size=2000)}


class Contacts(Batch):
    """People at customers, known by the customer and their name."""

    def keys(self, entry: Entry) -> Iterable[tuple[str, Hashable]]:
        said = entry.values
        yield "name", (said.get("customer") or said.get("customer_name"), said.get("name"))

    def compare(self, entries: Sequence[Entry]) -> list[Verdict]:
        said = [(entry.values.get("customer", ""), entry.values.get("customer_name", "")) for entry in entries]
        self._known.look_up(said)
        found = [self._known.one(*one, "customer" if one[0] else "customer_name") for one in said]
        contacts = _contacts_of([one.pk for one in found if isinstance(one, Customer)])
        return [
            Verdict.refused(one) if isinstance(one, Reason) else self._judged(entry, one, contacts.get(one.pk, []))
            for entry, one in zip(entries, found, strict=True)
        ]

    def _judged(self, entry: Entry, customer: Customer, contacts: Sequence[Contact]) -> Verdict:
        said = {name: entry.values[name] for name in _CONTACT.values() if name in entry.values}
        met = next((one for one in contacts if one.name == said.get("name")), None)
        if met is None:
            return Verdict(Outcome.NEW, row=customer)
        changes = {name: (getattr(met, name), value) for name, value in said.items() if getattr(met, name) != value}
        met.customer = customer
        return Verdict(Outcome.CHANGED if changes else Outcome.SAME, row=met, known=met.pk, changes=changes)

    def apply(
        self, judged: Sequence[tuple[Entry, Verdict]], *, by: str, now: datetime, cause: str = ""
    ) -> list[Applied]:
        made, applied, touched = [], [], {}
        for entry, verdict in judged:
            if verdict.outcome == Outcome.NEW:
                said = {name: entry.values[name] for name in _CONTACT.values() if name in entry.values}
                made.append(Contact(organization=self.organization, customer=verdict.row, **said))
            for name, (_before, after) in verdict.changes.items():
                setattr(verdict.row, name, after)
        changed = [verdict.row for _entry, verdict in judged if verdict.outcome == Outcome.CHANGED]
        rows.update(changed, tuple(_CONTACT.values()))
        rows.insert(made)
        fresh = iter(made)
        for _entry, verdict in judged:
            contact = next(fresh) if verdict.outcome == Outcome.NEW else verdict.row
            facts: dict[str, Any] = {name: list(pair) for name, pair in verdict.changes.items()}
            facts = facts or {"seal": _seal_of(contact)}
            applied.append(Applied(contact.pk, verdict.outcome, facts))
            touched[contact.customer_id] = contact.customer
        words.enter(list(touched.values()))
        names = [contact.name for contact in [*made, *changed]]
        record(self.organization, "contacts.entered", names, by=by, now=now, cause=cause)
        return applied

    def take_back(self, applied: Sequence[Applied], *, by: str, now: datetime, cause: str = "") -> dict[int, Reason]:
        found = {
            one.pk: one
            for one in Contact.objects.select_related("customer").filter(pk__in=[one.key for one in applied])
        }
        kept: dict[int, Reason] = {}
        gone, former = [], []
        used = in_use(Contact, found)
        for one in applied:
            contact = found.get(one.key)
            if contact is None:
                continue
            if one.outcome == Outcome.NEW:
                is_same = _seal_of(contact) == one.facts["seal"] and contact.pk not in used
                gone += [contact.pk] if is_same else []
            else:
                is_same = all(getattr(contact, name) == after for name, (_before, after) in one.facts.items())
                for name, (before, after) in one.facts.items():
                    if getattr(contact, name) == after:
                        setattr(contact, name, before)
                former.append(contact)
            if not is_same:
                kept[one.key] = Reason(_CHANGED_SINCE, {"what": f"{contact.customer.code} {contact.name}"})
        rows.update(former, tuple(_CONTACT.values()))
        Contact.objects.filter(pk__in=gone)._raw_delete(Contact.objects.db)
        names = [found[one.key].name for one in applied if one.key in found and one.key not in kept]
        record(self.organization, "contacts.taken_back", names, by=by, now=now, cause=cause)
        return kept

    @cached_property
    def _known(self) -> KnownCustomers:
        return KnownCustomers()


def _rows(name: str, values: Collection[Any]) -> list[Customer]:
    """Those that say one of these there, by the index that begins with it and in its order; locked where something is about to be done
    with them."""
    if not values:
        return []
    found = Customer.objects.filter(**{f"{name}__in": values}).select_related("owner").order_by(name)
    if name == "tax_number":
        found = found.exclude(tax_number="")  # so the index, which knows only those who have one, can be taken
    return list(found.select_for_update(of=("self",)) if connection.in_atomic_block else found)


def _contacts_of(customers: Iterable[int]) -> dict[int, list[Contact]]:
    found: dict[int, list[Contact]] = defaultdict(list)
    for contact in Contact.objects.filter(customer__in=list(customers)).order_by("customer", "pk"):
        found[contact.customer_id].append(contact)
    return found


def _contact_in(said: Mapping[str, Any]) -> dict[str, str]:
    """The contact that a customer's row names; without a name the number and the address are nobody's, so the customer's own."""
    found = {name: said[column] for column, name in _CONTACT.items() if column in said}
    return {"name": said.get("short_name") or said.get("name") or said["code"], **found} if found else {}


def _as_facts(contact: Contact) -> dict[str, Any]:
    return {"pk": contact.pk, **{name: getattr(contact, name) for name in _CONTACT.values()}}


def _seal(customer: Customer | Mapping[str, Any], contacts: Iterable[Contact | Mapping[str, Any]]) -> str:
    return seal(*_values(customer, Customer, _SEALED), *(_seal_of(contact) for contact in contacts))


def _seal_of(contact: Contact | Mapping[str, Any]) -> str:
    return seal(*_values(contact, Contact, tuple(_CONTACT.values())))


def _values(row: Model | Mapping[str, Any], model: type[Model], names: Sequence[str]) -> Iterator[Any]:
    """Of a row, or of a line that is about to be one."""
    for name in names:
        if isinstance(row, Model):
            yield getattr(row, name)
        else:
            yield row[name] if name in row else _default(model, name)


@cache
def _default(model: type[Model], name: str) -> Any:
    return next(field for field in model._meta.concrete_fields if field.attname == name).get_default()


def _plainly(value: Any) -> Any:
    """As JSON: an owner by his key."""
    return value.key if isinstance(value, Member) else value
