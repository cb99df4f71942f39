"""Ledgers as people read them: the customer directory, prices, orders, deliveries, statements of account, customers' property. Only read.

A company's pack says who may read which (`ledgers:`). However many rows there are, a page is read from an index, from where the page
before it ended, and takes the same few statements; nobody counts beyond a thousand.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Case, DecimalField, Exists, F, OuterRef, Q, QuerySet, Sum, When
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from kehu.cases.refusals import MayNotRead
from kehu.core import money
from kehu.core.models import Organization
from kehu.core.refusals import Refusal
from kehu.engine.definitions import FieldDefinition, LedgerDefinition, LedgerKey, Text
from kehu.ledgers.custody import queries as custody
from kehu.ledgers.custody.models import LEAVING, Balance, Entry, Item, state_of
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.customers.queries import name_of, named
from kehu.ledgers.orders.models import Delivery, Order
from kehu.ledgers.products.models import Price
from kehu.ledgers.receivables import queries as receivables
from kehu.ledgers.receivables.models import Payment, Statement
from kehu.organizations.queries import Person, directory, local_now

from .registers import MOST, PAGE, Cell, Choice, Column

Row = Mapping[str, Any]


class NoLedger(Refusal):
    code = "ledger.not_found"
    kind = "order"
    status = 404
    message = gettext_lazy("There is no ledger “{key}”.")


@dataclass(frozen=True)
class Wish:
    """What somebody wants to see of a ledger. `state` is one of its STATES; `after` is where the page before it ended."""

    text: str = ""
    state: str = ""
    customer: Customer | None = None
    first: date | None = None
    last: date | None = None
    """Both days included."""
    after: str = ""

    @property
    def is_narrowed(self) -> bool:
        return bool(self.text or self.state or self.first or self.last)


@dataclass(frozen=True)
class Kind:
    """One ledger: its rows, in the order of an index, and what it says of each."""

    title: Any
    columns: Mapping[str, tuple[Any, str]]
    """Key -> title and type; `money` has two decimals, `price` four."""
    rows: Callable[[Wish, date], QuerySet[Any]]
    order: tuple[str, ...]
    """Unique together; all one way, `-` for the latest first."""
    says: Callable[[Sequence[Any], date], Iterable[Row]]
    states: Mapping[str, Any] = field(default_factory=dict)
    day: str = ""
    """The column that a period is about."""
    words: Mapping[str, Any] = field(default_factory=dict)
    """What the values of its column `kind`, `status` or `state` are called."""
    sums: str = ""
    """The column that is added up, by currency."""


# --- the ledgers ------------------------------------------------------------------------------------------------------


def _of(wish: Wish, *places: str, customer: str = "customer") -> Q:
    """Of that customer, and where something at one of these places is as it was searched for."""
    found = Q(**{customer: wish.customer}) if wish.customer else Q()
    if wish.text:
        words = Q()
        for place in places:
            words |= Q(**{f"{place}__icontains": wish.text})
        if not wish.customer:
            words |= Q(**{f"{customer}__in": Customer.objects.filter(named(wish.text)).order_by().values("pk")})
        found &= words
    return found


def _between(wish: Wish, column: str) -> Q:
    found = Q(**{f"{column}__gte": wish.first}) if wish.first else Q()
    return found & Q(**{f"{column}__lte": wish.last}) if wish.last else found


def _customers(wish: Wish, today: date) -> QuerySet[Customer]:
    found = Customer.objects.filter(pk=wish.customer.pk) if wish.customer else Customer.objects.all()
    if wish.text:
        found = found.filter(named(wish.text) | Q(tax_number__icontains=wish.text))
    found = found.filter(_between(wish, "filed_on"))
    if wish.state:
        found = found.filter(status=wish.state)
    return found.select_related("owner").prefetch_related("contacts", "classings")


def _customer_rows(rows: Sequence[Customer], today: date) -> Iterator[Row]:
    for one in rows:
        contacts, classings = list(one.contacts.all()), list(one.classings.all())
        yield {
            "customer": one, "short_name": one.short_name, "class": one.grade,
            "class_since": classings[-1].valid_from if classings else one.filed_on, "is_key": one.is_key,
            "status": one.status, "address": one.address, "contacts": "\n".join(contact.name for contact in contacts),
            "phone": "\n".join(contact.phone for contact in contacts if contact.phone),
            "main_products": one.main_products, "payment_term": one.payment_term, "currency": one.currency,
            "wants_invoice": one.wants_invoice, "owner": one.owner.key if one.owner else "", "filed_on": one.filed_on,
            "classes": "\n".join(f"{was.before or '–'} → {was.grade} {was.valid_from} {was.cause}" for was in classings),
        }  # fmt: skip


def _prices(wish: Wish, today: date) -> QuerySet[Price]:
    rows = Price.objects.filter(_of(wish, "product__code", "product__name", "source"), _between(wish, "valid_from"))
    if wish.state == "all":
        return rows.select_related("customer", "product")
    later = Price.objects.filter(customer=OuterRef("customer"), product=OuterRef("product"), valid_from__lte=today)
    later = later.filter(
        Q(valid_from__gt=OuterRef("valid_from")) | Q(valid_from=OuterRef("valid_from"), pk__gt=OuterRef("pk"))
    )
    ended = Q(valid_until__isnull=False, valid_until__lte=today)
    return rows.filter(~ended, ~Exists(later), valid_from__lte=today).select_related("customer", "product")


def _price_rows(rows: Sequence[Price], today: date) -> Iterator[Row]:
    for one in rows:
        yield {
            "customer": one.customer, "product": one.product.code, "name": one.product.name, "unit_price": one.unit_price,
            "currency": one.currency, "tax_included": one.tax_included, "valid_from": one.valid_from,
            "valid_until": one.valid_until, "source": one.source,
        }  # fmt: skip


def _orders(wish: Wish, today: date) -> QuerySet[Order]:
    found = Order.objects.filter(_of(wish, "number"), _between(wish, "ordered_on"))
    return found.select_related("customer").prefetch_related("lines__product")


def _order_rows(rows: Sequence[Order], today: date) -> Iterator[Row]:
    for one in rows:
        lines = [f"{line.product.code} × {money.shown(line.quantity)}" for line in one.lines.all()]
        yield {
            "ordered_on": one.ordered_on, "number": one.number, "customer": one.customer, "lines": "\n".join(lines),
            "amount": one.amount, "currency": one.currency,
        }  # fmt: skip


def _deliveries(wish: Wish, today: date) -> QuerySet[Delivery]:
    found = Delivery.objects.filter(_of(wish, "number", "order_number"), _between(wish, "delivered_on"))
    if wish.state:
        found = found.filter(kind=wish.state)
    return found.select_related("customer").prefetch_related("lines__product")


def _delivery_rows(rows: Sequence[Delivery], today: date) -> Iterator[Row]:
    for one in rows:
        lines = [f"{line.product.code} × {money.shown(line.quantity)}" for line in one.lines.all()]
        yield {
            "delivered_on": one.delivered_on, "number": one.number, "kind": one.kind,
            "customer": one.customer, "lines": "\n".join(lines), "order_number": one.order_number,
        }  # fmt: skip


def _statements(wish: Wish, today: date) -> QuerySet[Statement]:
    found: QuerySet[Any] = receivables.with_open_amounts().filter(_of(wish, "number"), _between(wish, "due_on"))
    match wish.state:
        case "open":
            found = found.exclude(open_amount=0)
        case "overdue":
            found = found.exclude(open_amount=0).filter(due_on__lt=today)
        case "settled":
            found = found.filter(open_amount=0)
    return found.select_related("customer")


def _statement_rows(rows: Sequence[Any], today: date) -> Iterator[Row]:
    for one in rows:
        open_amount = money.amount(Decimal(one.open_amount))
        days = (today - one.due_on).days if open_amount > 0 else 0
        yield {
            "due_on": one.due_on, "number": str(one.number), "month": f"{one.month:%Y-%m}", "customer": one.customer,
            "amount": one.amount, "open_amount": open_amount, "currency": one.currency,
            "days": days if days > 0 else None,
        }  # fmt: skip


def _payments(wish: Wish, today: date) -> QuerySet[Payment]:
    found = Payment.objects.filter(_of(wish, "note", "source"), _between(wish, "received_on"))
    return found.select_related("customer")


def _payment_rows(rows: Sequence[Payment], today: date) -> Iterator[Row]:
    for one in rows:
        yield {
            "received_on": one.received_on, "customer": one.customer, "kind": one.kind,
            "amount": one.amount, "currency": one.currency, "note": one.note, "source": one.source,
        }  # fmt: skip


def _property(wish: Wish, today: date) -> QuerySet[Item]:
    found = Item.objects.filter(_of(wish, "number", "name", "location"))
    if wish.state == "calibration":
        found = found.filter(calibration_due__lt=today)
    return found.select_related("customer")


def _property_rows(rows: Sequence[Item], today: date) -> Iterator[Row]:
    known = custody.with_balances(Item.objects.filter(pk__in=[one.pk for one in rows]))
    balances = {one.pk: one for one in known}
    entries: dict[int, list[Entry]] = {}
    told_of = Entry.objects.filter(item__in=rows, kind__in=["received", *LEAVING], corrects=None, corrected_by=None)
    for entry in told_of.order_by("pk"):
        entries.setdefault(entry.item_id, []).append(entry)
    for one in rows:
        balance, told = balances[one.pk], entries.get(one.pk, [])
        yield {
            "number": one.number, "customer": one.customer, "name": one.name, "spec": one.spec,
            "received_at": told[0].at if told else None,
            "state": state_of(Balance(balance.quantity_held, balance.quantity_issued), told[-1].kind if told else ""),
            "held": balance.quantity_held, "issued": balance.quantity_issued, "unit": one.unit,
            "department": one.department, "location": one.location, "calibration_due": one.calibration_due,
        }  # fmt: skip


CUSTOMER_STATES = {
    "prospect": gettext_lazy("Prospect"),
    "active": gettext_lazy("Active"),
    "dormant": gettext_lazy("Dormant"),
    "closed": gettext_lazy("No longer a customer"),
}
PROPERTY_STATES = {
    "stored": gettext_lazy("Stored"),
    "issued": pgettext_lazy("property", "Issued"),
    "returned": pgettext_lazy("property", "Returned"),
    "lost": pgettext_lazy("property", "Lost"),
    "scrapped": pgettext_lazy("property", "Scrapped"),
    "used_up": pgettext_lazy("property", "Used up"),
    "withdrawn": pgettext_lazy("property", "Entered by mistake"),
}
DELIVERY_KINDS = {"delivered": gettext_lazy("Delivery"), "returned": gettext_lazy("Return")}
PAYMENT_KINDS = {"received": gettext_lazy("Payment"), "allowance": gettext_lazy("Allowance")}
_CUSTOMER = (gettext_lazy("Customer"), "customer")
_CURRENCY = (gettext_lazy("Currency"), "text")

LEDGERS: dict[LedgerKey, Kind] = {
    "customers": Kind(
        gettext_lazy("Customer directory"),
        {
            "customer": _CUSTOMER,
            "short_name": (gettext_lazy("Short name"), "text"),
            "class": (gettext_lazy("Class"), "text"),
            "class_since": (gettext_lazy("Class since"), "date"),
            "is_key": (gettext_lazy("Key customer"), "boolean"),
            "status": (gettext_lazy("Status"), "text"),
            "address": (gettext_lazy("Address"), "text"),
            "contacts": (gettext_lazy("Contacts"), "longtext"),
            "phone": (gettext_lazy("Telephone"), "longtext"),
            "main_products": (gettext_lazy("Main products"), "text"),
            "payment_term": (gettext_lazy("Payment term"), "text"),
            "currency": _CURRENCY,
            "wants_invoice": (gettext_lazy("Wants invoices"), "boolean"),
            "owner": (gettext_lazy("Looked after by"), "user"),
            "filed_on": (gettext_lazy("Filed on"), "date"),
            "classes": (gettext_lazy("Classes so far"), "longtext"),
        },
        _customers, ("code", "pk"), _customer_rows,
        states={"": gettext_lazy("All"), **CUSTOMER_STATES}, words=CUSTOMER_STATES, day="filed_on",
    ),
    "prices": Kind(
        gettext_lazy("Price list"),
        {
            "customer": _CUSTOMER,
            "product": (gettext_lazy("Product"), "text"),
            "name": (gettext_lazy("Name"), "text"),
            "unit_price": (gettext_lazy("Unit price"), "price"),
            "currency": _CURRENCY,
            "tax_included": (gettext_lazy("Tax included"), "boolean"),
            "valid_from": (gettext_lazy("Valid from"), "date"),
            "valid_until": (gettext_lazy("Agreed until"), "date"),
            "source": (gettext_lazy("Source"), "case"),
        },
        _prices, ("customer", "product", "pk"), _price_rows,
        states={"": gettext_lazy("Valid today"), "all": gettext_lazy("With former and coming prices")}, day="valid_from",
    ),
    "orders": Kind(
        pgettext_lazy("customers' orders", "Orders"),
        {
            "ordered_on": (gettext_lazy("Ordered on"), "date"),
            "number": (gettext_lazy("Number"), "text"),
            "customer": _CUSTOMER,
            "lines": (gettext_lazy("Lines"), "longtext"),
            "amount": (gettext_lazy("Amount"), "money"),
            "currency": _CURRENCY,
        },
        _orders, ("-ordered_on", "-pk"), _order_rows, day="ordered_on", sums="amount",
    ),
    "deliveries": Kind(
        gettext_lazy("Deliveries and returns"),
        {
            "delivered_on": (gettext_lazy("Day"), "date"),
            "number": (gettext_lazy("Number"), "text"),
            "kind": (gettext_lazy("Kind"), "text"),
            "customer": _CUSTOMER,
            "lines": (gettext_lazy("Lines"), "longtext"),
            "order_number": (pgettext_lazy("customers' orders", "Order"), "text"),
        },
        _deliveries, ("-delivered_on", "-pk"), _delivery_rows,
        states={"": gettext_lazy("All"), **DELIVERY_KINDS}, words=DELIVERY_KINDS, day="delivered_on",
    ),
    "statements": Kind(
        gettext_lazy("Receivables"),
        {
            "due_on": (gettext_lazy("Due on"), "date"),
            "number": (gettext_lazy("Statement"), "case"),
            "month": (gettext_lazy("Month"), "text"),
            "customer": _CUSTOMER,
            "amount": (gettext_lazy("Amount"), "money"),
            "open_amount": (gettext_lazy("Not settled"), "money"),
            "currency": _CURRENCY,
            "days": (gettext_lazy("Days overdue"), "number"),
        },
        _statements, ("due_on", "pk"), _statement_rows,
        states={
            "": gettext_lazy("All"), "open": gettext_lazy("Not settled"), "overdue": gettext_lazy("Overdue"),
            "settled": gettext_lazy("Settled"),
        },
        day="due_on", sums="open_amount",
    ),
    "payments": Kind(
        gettext_lazy("Payments"),
        {
            "received_on": (gettext_lazy("Day"), "date"),
            "customer": _CUSTOMER,
            "kind": (gettext_lazy("Kind"), "text"),
            "amount": (gettext_lazy("Amount"), "money"),
            "currency": _CURRENCY,
            "note": (gettext_lazy("Note"), "text"),
            "source": (gettext_lazy("Source"), "case"),
        },
        _payments, ("-received_on", "-pk"), _payment_rows, words=PAYMENT_KINDS, day="received_on", sums="amount",
    ),
    "property": Kind(
        gettext_lazy("Customers' property"),
        {
            "number": (gettext_lazy("Number"), "case"),
            "customer": _CUSTOMER,
            "name": (gettext_lazy("Name"), "text"),
            "spec": (gettext_lazy("Specification"), "text"),
            "received_at": (gettext_lazy("Received at"), "datetime"),
            "state": (gettext_lazy("State"), "text"),
            "held": (gettext_lazy("In our store"), "number"),
            "issued": (pgettext_lazy("property", "Issued"), "number"),
            "unit": (gettext_lazy("Unit"), "text"),
            "department": (gettext_lazy("In custody of"), "department"),
            "location": (gettext_lazy("Place"), "text"),
            "calibration_due": (gettext_lazy("Calibration due"), "date"),
        },
        _property, ("number", "pk"), _property_rows,
        states={"": gettext_lazy("All"), "calibration": gettext_lazy("Calibration overdue")}, words=PROPERTY_STATES,
    ),
}  # fmt: skip


# --- who may read them ------------------------------------------------------------------------------------------------


def readable_ledgers(organization: Organization, person: Person, now: datetime) -> dict[LedgerKey, LedgerDefinition]:
    """Those that the company has, for whom the pack names: members of these departments and of those below, and `sees_all`."""
    pack = organization.pack
    people = directory(organization, local_now(organization, now).date())
    line = {unit for department in person.departments for unit in people.line_of(department)}
    sees_all = pack.get("sees_all")
    everything = bool(sees_all) and person.rank >= pack["ranks"][sees_all]
    found: dict[LedgerKey, LedgerDefinition] = {}
    for key, facts in (pack.get("ledgers") or {}).items():
        if key in LEDGERS and (everything or line & set(facts.get("readers", ()))):
            found[key] = LedgerDefinition.model_validate(facts)
    return found


# --- one of them ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Page:
    lines: list[Line]
    count: int
    is_capped: bool
    after: str
    """Where the next page begins; empty where there is none."""
    totals: tuple[tuple[str, Decimal], ...]


class LedgerView:
    """A ledger as somebody reads it: in his language, on a day."""

    def __init__(self, organization: Organization, person: Person, key: str, now: datetime, language: str):
        mine = readable_ledgers(organization, person, now)
        if key not in LEDGERS or key not in (organization.pack.get("ledgers") or {}):
            raise NoLedger(key=key)
        said = LedgerDefinition.model_validate(organization.pack["ledgers"][key])
        self.kind: Kind = LEDGERS[key]
        self.key, self.organization, self.language = key, organization, language
        self.title = said.title.in_(language) if said.title else str(self.kind.title)
        if key not in mine:
            departments = [organization.pack["departments"][one]["title"] for one in said.readers]
            names = [Text.model_validate(one).in_(language) for one in departments]
            raise MayNotRead(
                procedure=self.title, departments=("、" if language.startswith("zh") else ", ").join(names)
            )
        self.number, self.now = said.number, now
        self.zone = ZoneInfo(organization.timezone)
        self.today = now.astimezone(self.zone).date()

    @cached_property
    def columns(self) -> list[Column]:
        return [
            Column(key, str(title), key, _TYPES.get(kind, kind), _definition(str(title), kind), sortable=False)
            for key, (title, kind) in self.kind.columns.items()
        ]

    @property
    def states(self) -> list[Choice]:
        return [Choice(key, str(title)) for key, title in self.kind.states.items()]

    def page(self, wish: Wish) -> Page:
        rows = self._rows(wish)
        found = list(self._after(rows, wish.after)[: PAGE + 1])
        count = rows.order_by()[: MOST + 1].count()
        has_next, found = len(found) > PAGE, found[:PAGE]
        return Page(
            lines=self._lines(found),
            count=min(count, MOST),
            is_capped=count > MOST,
            after=self._place(found[-1]) if has_next else "",
            totals=self._totals(rows) if self.kind.sums and count <= MOST else (),
        )

    def every(self, wish: Wish) -> Iterator[Line]:
        """All of them, a few hundred at a time."""
        rows = self._rows(wish).order_by(*self.kind.order).iterator(chunk_size=500)
        while found := list(islice(rows, 500)):
            yield from self._lines(found)

    def _rows(self, wish: Wish) -> QuerySet[Any]:
        return self.kind.rows(wish, self.today)

    def _after(self, rows: QuerySet[Any], place: str) -> QuerySet[Any]:
        rows = rows.order_by(*self.kind.order)
        try:
            values = json.loads(place) if place else []
        except ValueError:
            values = []
        if len(values) != len(self.kind.order):
            return rows
        beyond, same = Q(), Q()
        for name, value in zip(self.kind.order, values, strict=True):
            column, word = name.removeprefix("-"), "lt" if name.startswith("-") else "gt"
            beyond |= same & Q(**{f"{column}__{word}": value})
            same &= Q(**{column: value})
        return rows.filter(beyond)

    def _place(self, row: Any) -> str:
        names = [name.removeprefix("-") for name in self.kind.order]
        values = [getattr(row, f"{name}_id", None) or getattr(row, name) for name in names]
        return json.dumps([value.isoformat() if isinstance(value, date) else value for value in values])

    def _lines(self, rows: Sequence[Any]) -> list[Line]:
        return [
            Line(tuple(self._cell(column, row[column.key]) for column in self.columns))
            for row in self.kind.says(rows, self.today)
        ]

    def _cell(self, column: Column, value: Any) -> Cell:
        if isinstance(value, Customer):
            return Cell(value.code, f"{value.code} {name_of(value, self.language)}", "customer")
        if column.kind == "department":
            units = directory(self.organization, self.today).units
            title = units[value].title["zh" if self.language.startswith("zh") else "en"] if value in units else value
            return Cell(value, str(title), column.kind)
        if column.kind == "user":
            found = directory(self.organization, self.today).people.get(value)
            return Cell(value, found.called(self.language) if found else value, column.kind)
        return Cell(value, self._text(column, value), column.kind)

    def _text(self, column: Column, value: Any) -> str:
        if column.key in ("kind", "status", "state") and value in self.kind.words:
            return str(self.kind.words[value])
        match value:
            case None:
                return ""
            case bool():
                return _("Yes") if value else _("No")
            case Decimal() if column.key in self.kind.columns and self.kind.columns[column.key][1] == "money":
                return f"{value:,.2f}"
            case Decimal() | int():
                return money.shown(value)
            case datetime():
                return f"{value.astimezone(self.zone):%Y-%m-%d %H:%M}"
            case date():
                return value.isoformat()
        return str(value)

    def _totals(self, rows: QuerySet[Any]) -> tuple[tuple[str, Decimal], ...]:
        sums = rows.order_by().values("currency").annotate(total=Sum(self.kind.sums)).order_by("currency")
        return tuple((row["currency"], money.amount(Decimal(row["total"] or 0))) for row in sums)


_TYPES = {"price": "money", "case": "text", "customer": "text"}
_DECIMALS = {"money": 2, "price": 4, "number": 3}


def _definition(title: str, kind: str) -> FieldDefinition:
    words = Text(zh=title, en=title)
    return FieldDefinition(type=_TYPES.get(kind, kind), title=words, decimals=_DECIMALS.get(kind, 0))  # type: ignore[arg-type]


# --- ageing -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ageing:
    """What is open in one currency: not due yet, overdue up to 30, 60, 90 days, and longer."""

    currency: str
    bands: tuple[Decimal, ...]

    @property
    def total(self) -> Decimal:
        return sum(self.bands, Decimal(0))

    @property
    def overdue(self) -> Decimal:
        return self.total - self.bands[0]


def band_titles() -> list[str]:
    first, second, third = receivables.BANDS
    return [
        _("Not due yet"),
        _("up to {days} days").format(days=first),
        _("{from_} to {days} days").format(from_=first + 1, days=second),
        _("{from_} to {days} days").format(from_=second + 1, days=third),
        _("over {days} days").format(days=third),
    ]


def ageing(today: date, customer: Customer | None = None) -> list[Ageing]:
    """One statement, however many statements of account there are."""
    found = receivables.still_open()
    if customer:
        found = found.filter(customer=customer)
    edges = [0, *receivables.BANDS]
    bands = [Q(due_on__gte=today)]
    bands += [
        Q(due_on__lt=_before(today, low), due_on__gte=_before(today, high))
        for low, high in zip(edges, receivables.BANDS, strict=False)
    ]
    bands.append(Q(due_on__lt=_before(today, receivables.BANDS[-1])))
    sums = {
        f"band{number}": Sum(Case(When(band, then=F("open_amount")), default=Decimal(0), output_field=_AMOUNT))
        for number, band in enumerate(bands)
    }
    rows: QuerySet[Any, Any] = found.order_by().values("currency").annotate(**sums).order_by("currency")
    return [Ageing(row["currency"], tuple(money.amount(Decimal(row[key] or 0)) for key in sums)) for row in rows]


_AMOUNT: DecimalField[Decimal, Decimal] = DecimalField(max_digits=20, decimal_places=2)


def _before(today: date, days: int) -> date:
    return date.fromordinal(today.toordinal() - days)
