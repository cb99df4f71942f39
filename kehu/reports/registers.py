"""A register (台账): a procedure's cases with the columns, filters and order that its `register:` demands. Always live, only read.

What can be asked of the database is: fields of the record by JSON key, the case's own columns, its open tasks. A filter over an
expression (the departments still responsible) narrows in the database by the fields it reads, and is then decided case by case. However
many cases there are, a page takes the same number of statements; and where there are a million, none walks through all of them: what
is filtered by is looked for where words and marks say (cases/words.py), counting stops at a thousand, and more than these are read in
the order of an index.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import chain, islice
from typing import Any, Literal

from django.db import connection
from django.db.models import BooleanField, CharField, Exists, F, FloatField, OuterRef, Q, QuerySet, Sum, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce, NullIf
from django.utils.translation import gettext as _

from kehu.cases import words
from kehu.cases.models import Case, CaseWord, Task
from kehu.core import finding
from kehu.core.models import Organization
from kehu.core.words import Asked as AskedWord
from kehu.core.words import asked as words_asked
from kehu.engine.definitions import FieldDefinition, Register
from kehu.engine.expressions import parse
from kehu.ledgers.customers import words as customer_words
from kehu.organizations.queries import Person
from kehu.procedures import revisions
from kehu.procedures.models import Procedure

from .records import NoProcedure, Period, Reader, With, names_in, open_steps, read_or_none

PAGE = 50
_LATEST = 5000
"""Of a text that more cases say, a page looks through so many; what leaves the program (a sheet, the API) through all."""
FEW = 5_000
"""So many cases are looked for by their keys; what more have is met by going through all of them."""
MOST = 1000
"""Counting stops here: "1000+" is answer enough, and a million rows are not walked for it."""

OWN = {"number": "number", "status": "status", "opened_at": "opened_at", "closed_at": "closed_at", "round": "round",
       "customer.name": "customer__name", "customer.code": "customer__code"}  # fmt: skip
"""What expressions call the case's own columns."""

_INDEXED = ("status", "customer.name", "customer.code")
"""Columns by whose order a page is read from an index, however many cases there are; and by `number`."""

_TEXTS = ("text", "longtext")
_PLAIN = (*_TEXTS, "number", "money", "boolean", "date", "datetime", "choice", "user", "department", "customer")
Kind = Literal["choice", "boolean", "user", "department", "customer", "text", "period"]


@dataclass(frozen=True)
class Column:
    key: str
    title: str
    value: str
    """The expression it shows; a field's own name for a field."""
    kind: str | None
    definition: FieldDefinition | None
    sortable: bool

    @property
    def is_number(self) -> bool:
        return self.kind in ("number", "money")

    @property
    def is_summed(self) -> bool:
        """Amounts and quantities; a sum of rounds says nothing, and one of unit prices (money to more than the cent) neither."""
        is_price = self.kind == "money" and self.definition is not None and self.definition.decimals > 2
        return self.is_number and self.sortable and self.value != "round" and not is_price

    @cached_property
    def is_name(self) -> bool:
        """It shows a value as it is; most columns do."""
        return parse(self.value).path == (self.value,)


@dataclass(frozen=True)
class Choice:
    value: str
    title: str


@dataclass(frozen=True)
class Filter:
    """`field` or `value` (an expression) says what it is about."""

    key: str
    title: str
    kind: Kind
    value: str
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True)
class Asked:
    """What a reader wants to see."""

    text: str = ""
    status: str = ""
    step: str = ""
    overdue: bool = False
    clause: str = ""
    period: tuple[date | None, date | None] = (None, None)
    """Of the date the register counts by; the second day is included."""
    values: Mapping[str, str] = field(default_factory=dict)
    periods: Mapping[str, tuple[date | None, date | None]] = field(default_factory=dict)
    sort: str = ""
    among: frozenset[int] | None = None
    """Only these cases: those behind a figure."""

    @property
    def is_narrowed(self) -> bool:
        return bool(self.text or self.status or self.step or self.overdue or self.clause or any(self.period)
                    or self.values or self.periods or self.among is not None)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    value: Any
    text: str
    kind: str | None


@dataclass(frozen=True)
class Line:
    number: str
    cells: list[Cell]
    is_open: bool
    is_overdue: bool
    pk: int = 0


@dataclass(frozen=True)
class Page:
    lines: list[Line]
    count: int
    is_capped: bool
    number: int
    """Which page it is, where that is known: of more than MOST cases one only knows what is before and behind."""
    has_next: bool
    totals: list[str]
    """A word for each column: the sum where it has numbers, otherwise nothing."""
    before: str = ""
    """Of more than MOST cases: the number before which the page before ends, and that behind which the next begins."""
    after: str = ""
    is_unsorted: bool = False
    """They are too many to be put in the order that was asked for."""

    @property
    def first(self) -> int:
        return (self.number - 1) * PAGE + 1 if self.lines and self.number else 0

    @property
    def last(self) -> int:
        return (self.number - 1) * PAGE + len(self.lines) if self.number else 0

    @property
    def has_totals(self) -> bool:
        return any(self.totals)


@dataclass(frozen=True)
class Shelf:
    """One register among the others."""

    key: str
    number: str
    title: str
    procedure: Procedure
    open: int
    overdue: int
    all: int


def listed(organization: Organization, now: datetime, language: str, *, most: int | None = None) -> list[Shelf]:
    """Every register of the procedures in force, with how many cases are in it, or that there are more than so many."""
    found = []
    for key, procedure in revisions.in_force(organization).items():
        assert procedure.current
        register = revisions.running(procedure.current).procedure.register_
        if register:
            found.append(Shelf(key, register.number, register.title.in_(language), procedure, 0, 0, 0))
    open_ = Q(status="open")
    asked = [
        Case.objects.filter(condition, procedure=shelf.procedure).values("pk")[: most + 1 if most else None]
        for shelf in found
        for condition in (open_, open_ & Q(due_at__lt=now), Q())
    ]
    counts = iter(finding.counted(asked))
    return [replace(shelf, open=next(counts), overdue=next(counts), all=next(counts)) for shelf in found]


class RegisterView:
    """The register of one procedure as one person reads it."""

    def __init__(self, organization: Organization, key: str, now: datetime, language: str, only: Collection[str] = ()):
        """`only`: the columns he chose, beside the first, which names the case; those the register does not have are left out."""
        self.only = only
        self.reader = Reader(organization, key, now, language)
        register = self.reader.running.procedure.register_
        if register is None:
            raise NoProcedure(key=key)
        self.register: Register = register
        self.key, self.now, self.language = key, now, language

    @property
    def title(self) -> str:
        return self.register.title.in_(self.language)

    # -- what it shows

    @cached_property
    def all_columns(self) -> list[Column]:
        return [self._column(key) for key in self.register.columns]

    @cached_property
    def columns(self) -> list[Column]:
        first, *others = self.all_columns
        chosen = [column for column in others if column.key in self.only]
        return [first, *(chosen or others)]

    def _column(self, key: str) -> Column:
        said = self.register.columns.get(key)
        value = said.value if said and said.value else key
        definition = self._field(value)
        kind = (said.type if said else None) or (definition.type if definition else None)
        if said and said.title:
            title = said.title.in_(self.language)
        else:
            title = definition.title.in_(self.language) if definition else _own_titles().get(value, key)
        if kind is None and value in ("opened_at", "closed_at"):
            kind = "datetime"
        return Column(key, title, value, kind, definition, self._place(value) is not None)

    def _field(self, value: str) -> FieldDefinition | None:
        """The field of that name, or of a register of rows the row's column."""
        root, _, column = value.partition(".")
        table = self.reader.fields.get(self.register.rows or "") if root == "row" else None
        return table.columns.get(column) if table else self.reader.fields.get(value)

    def _place(self, value: str) -> Any:
        """Where the database finds it: a column, or a text in the record; None for what must be worked out."""
        if value == "customer.name" and not self.language.startswith("zh"):
            return Coalesce(NullIf("customer__name_en", Value("")), "customer__name")
        if value in OWN:
            return F(OWN[value])
        definition = self.reader.fields.get(value)
        if definition is None or definition.type not in _PLAIN:
            return None
        # On SQLite a JSON null reads as the text `null`.
        place = NullIf(KT(f"data__{value}"), Value("null"), output_field=CharField())
        return Cast(place, FloatField()) if definition.type in ("number", "money") else place

    @cached_property
    def counted_by(self) -> str:
        """The moment a case belongs to a period by: the first moment among the columns that its first step fills (when the
        complaint was received), otherwise when it was opened."""
        procedure = self.reader.running.procedure
        filled = {
            key
            for section in procedure.steps[procedure.first_step].fills
            for key in procedure.form.sections[section].fields
        }
        return next((c.value for c in self.all_columns if c.kind == "datetime" and c.value in filled), "opened_at")

    @property
    def counted_by_title(self) -> str:
        definition = self.reader.fields.get(self.counted_by)
        return definition.title.in_(self.language) if definition else _own_titles()[self.counted_by]

    # -- what may be asked

    @cached_property
    def filters(self) -> list[Filter]:
        return [
            found for key in self.register.filters if (found := self._filter(key)) and found.value != self.counted_by
        ]

    def _filter(self, key: str) -> Filter | None:
        column = self._column(key) if key in self.register.columns else None
        value = column.value if column else key
        definition = self._field(value)
        if column:
            title = column.title
        else:
            title = definition.title.in_(self.language) if definition else _own_titles().get(key, key)
        kind = (column.kind if column else None) or (definition.type if definition else None)
        if key == "customer" or value.startswith("customer."):
            return Filter(key, title, "customer", "customer")
        match kind:
            case "choice" | "choices" if definition:
                choices = tuple(Choice(k, c.title.in_(self.language)) for k, c in definition.choices.items())
                return Filter(key, title, "choice", value, choices)
            case "boolean":
                return Filter(key, title, "boolean", value, (Choice("true", _("Yes")), Choice("false", _("No"))))
            case "department":
                units = self.reader.people.units
                return Filter(key, title, "department", value,
                              tuple(Choice(unit, self.reader.department_name(unit)) for unit in units))  # fmt: skip
            case "user":
                people: Iterable[Person] = self.reader.people.people.values()
                if definition and definition.of:
                    people = [person for person in people if definition.of in person.departments]
                return Filter(key, title, "user", value,
                              tuple(Choice(person.key, person.called(self.language)) for person in people))  # fmt: skip
            case "date" | "datetime":
                return Filter(key, title, "period", value)
            case "files" | "file" | "rows":
                return None
        return Filter(key, title, "text", value)

    @cached_property
    def steps(self) -> list[Choice]:
        """The steps a case can stand at."""
        steps = self.reader.running.procedure.steps
        return [Choice(key, step.title.in_(self.language)) for key, step in steps.items() if step.is_open_ended]

    @cached_property
    def understood(self) -> frozenset[str]:
        """What an address may say to `asked`."""
        periods = [one.key for one in self.filters if one.kind == "period"]
        values = [one.key for one in self.filters if one.kind != "period"]
        ends = [f"{key}_{end}" for key in ("period", *periods) for end in ("from", "until")]
        return frozenset(("q", "status", "step", "overdue", "clause", "sort", *ends, *values))

    def asked(self, words: Mapping[str, str], among: Collection[int] | None = None) -> Asked:
        """What an address or a form says. What it does not understand it leaves out."""

        def period(key: str) -> tuple[date | None, date | None]:
            return _day(words.get(f"{key}_from", "")), _day(words.get(f"{key}_until", ""))

        periods = {one.key: period(one.key) for one in self.filters if one.kind == "period" and any(period(one.key))}
        values = {
            one.key: text for one in self.filters if one.kind != "period" and (text := words.get(one.key, "").strip())
        }
        sort = words.get("sort", "")
        sortable = {column.key for column in self.all_columns if column.sortable}
        return Asked(
            text=words.get("q", "").strip(),
            status=words.get("status", "") if words.get("status") in ("open", "closed", "voided") else "",
            step=words.get("step", ""),
            overdue=words.get("overdue") == "1",
            clause=words.get("clause", ""),
            period=period("period"),
            values=values,
            periods=periods,
            sort=sort if sort.removeprefix("-") in sortable else self.register.sort,
            among=frozenset(among) if among is not None else None,
        )

    def said(self, asked: Asked) -> list[tuple[str, str]]:
        """What was asked, in words: for the sheet and the chips."""
        found: list[tuple[str, str]] = []
        if asked.text:
            found.append((_("Search"), asked.text))
        if asked.status:
            found.append(
                (
                    _("State"),
                    {"open": _("Open cases"), "closed": _("Closed cases"), "voided": _("Voided cases")}[asked.status],
                )
            )
        if asked.overdue:
            found.append((_("Deadline"), _("Overdue")))
        if asked.step:
            found.append((_("Stands at"), next((c.title for c in self.steps if c.value == asked.step), asked.step)))
        if asked.clause:
            found.append((_("Evidence of clause"), asked.clause))
        if any(asked.period):
            found.append((self.counted_by_title, _period_words(asked.period)))
        for one in self.filters:
            if text := asked.values.get(one.key):
                found.append((one.title, next((c.title for c in one.choices if c.value == text), text)))
            elif both := asked.periods.get(one.key):
                found.append((one.title, _period_words(both)))
        return found

    # -- asking

    def page(self, asked: Asked, number: int = 1, *, before: str = "", after: str = "") -> Page:
        """A page of what is asked for: by its number, or before or after the case of that number."""
        number = max(number, 1)
        start = (number - 1) * PAGE
        among, few = self._found(asked, newest=True)
        found = among.order_by(*self._order(asked.sort, few=few))
        decided = self._decided(asked)
        if decided:  # worked out case by case: the count and the page come from one walk
            matching = list(islice(self._matching(found, decided), max(MOST, start + PAGE) + 1))
            count, shown = len(matching), matching[start : start + PAGE]
            totals = self._totals(matching) if count <= MOST else [""] * len(self.columns)
            has_next = len(shown) == PAGE and count > start + PAGE
            return Page(self._lines(shown, decided), min(count, MOST), count > MOST, number, has_next, totals)
        count = found.order_by()[: MOST + 1].count()
        if count <= MOST:
            shown = list(found[start : start + PAGE])
            return Page(self._lines(shown), count, False, number, count > start + PAGE, self._summed(found))
        return self._among_many(asked, found, few, number, before, after)

    def _among_many(self, asked: Asked, found: QuerySet[Case], few: bool, number: int, before: str, after: str) -> Page:
        """A page of more cases than are counted, in an order that an index has."""
        key, totals = asked.sort.removeprefix("-"), [""] * len(self.columns)
        value = self._column(key).value if key in self.register.columns else key
        start = (number - 1) * PAGE
        if value in _INDEXED and start < MOST:
            shown = list(found[start : start + PAGE + 1])
            has_next = len(shown) > PAGE and start + PAGE < MOST
            return Page(self._lines(shown[:PAGE]), MOST, True, number, has_next, totals)
        falling = asked.sort.startswith("-") if value == "number" else True
        forward = not before
        place = _first_of(F("number"), few=few)
        found = found.order_by(place.desc() if falling == forward else place.asc())
        edge = before or after
        if edge:
            found = found.filter(**{"number__lt" if falling == forward else "number__gt": edge})
            start = 0
        elif start > MOST:
            start = number = 0
        shown = list(found[start : start + PAGE + 1])
        is_more, shown = len(shown) > PAGE, shown[:PAGE][:: 1 if forward else -1]
        first, last = (shown[0].number, shown[-1].number) if shown else ("", "")
        has_before, has_next = (bool(after or start), is_more) if forward else (is_more, True)
        return Page(
            self._lines(shown),
            MOST,
            True,
            0 if edge else max(number, 1),
            has_next,
            totals,
            before=first if has_before else "",
            after=last if has_next else "",
            is_unsorted=value != "number" and asked.sort != self.register.sort,
        )

    def every(self, asked: Asked) -> Iterator[Line]:
        """All that match, in order: for the sheet. Read in portions, so that memory stays flat."""
        decided = self._decided(asked)
        matching = self._matching(self.cases(asked), decided)
        while portion := list(islice(matching, 500)):
            yield from self._lines(portion, decided)

    def stretch(self, asked: Asked, before: int | None, limit: int) -> list[Line]:
        """The lines of so many of the newest cases that match, those made before the case with that pk: cases that are opened meanwhile
        move nothing."""
        found, few = self._found(asked)
        found = found.order_by(_first_of(F("pk"), few=few).desc())
        if before is not None:
            found = found.filter(pk__lt=before)
        decided = self._decided(asked)
        return self._lines(islice(self._matching(found, decided), limit) if decided else found[:limit], decided)

    def cases(self, asked: Asked) -> QuerySet[Case]:
        """All that match, in order."""
        found, few = self._found(asked)
        return found.order_by(*self._order(asked.sort, few=few))

    def _found(self, asked: Asked, *, newest: bool = False) -> tuple[QuerySet[Case], bool]:
        """All that match, and whether they are few and found without going through the others."""
        found = (
            Case.objects.filter(procedure=self.reader.procedure)
            .select_related("customer", "revision")
            .defer("revision__definition")
        )
        if asked.among is not None:
            found = found.filter(pk__in=asked.among)
        if asked.status == "closed":
            found = found.exclude(status__in=["open", "voided"])
        elif asked.status:
            found = found.filter(status=asked.status)
        found = found.filter(self._about_tasks(asked))
        if any(asked.period):
            found = _within(found, self._place(self.counted_by), "datetime", asked.period, self.reader)
        found, few = self._looked_for(found, asked, newest=newest)
        for one in self.filters:
            if one.key in asked.periods:
                definition = self.reader.fields.get(one.value)
                kind = definition.type if definition else "datetime"
                place = self._place(one.value)
                if place is not None:
                    found = _within(found, place, kind, asked.periods[one.key], self.reader)
        return found, few

    def _about_tasks(self, asked: Asked) -> Q:
        condition = Q()
        mine = Task.objects.filter(case=OuterRef("pk"))
        if asked.step:
            open_there = mine.filter(state=Task.State.OPEN, step=asked.step)
            condition &= Q(Exists(open_there.filter(due_at__lt=self.now) if asked.overdue else open_there))
        elif asked.overdue:
            condition &= Q(status="open", due_at__lt=self.now)
        if asked.clause:
            steps = [k for k, step in self.reader.running.procedure.steps.items() if asked.clause in step.clause]
            condition &= Q(Exists(mine.filter(state=Task.State.DONE, step__in=steps)))
        return condition

    def _looked_for(self, found: QuerySet[Case], asked: Asked, *, newest: bool) -> tuple[QuerySet[Case], bool]:
        """Narrowed to where words, marks and open tasks say that they are, where that is few cases; and whether it is. What many cases
        have is met soon enough by going through them. `newest`: of a text that very many say, the newest are enough."""
        marks, texts = self._marks(asked), words_asked(asked.text)
        customer = next((words_asked(asked.values[one.key]) for one in self.filters
                         if one.kind == "customer" and one.key in asked.values), [])  # fmt: skip
        known: set[str] = set()
        noun = words.marks_noun(self.reader.running)
        if marks or asked.text or customer:
            known = finding.indexed(words.NOUN, customer_words.NOUN, noun)
        places: list[tuple[str, QuerySet[Any]]] = []
        if asked.step:
            places.append(("step", Task.objects.filter(state=Task.State.OPEN, step=asked.step).values("case")))
        if noun in known:
            places += [(key, CaseWord.objects.filter(word__in=alike).values("case")) for key, alike in marks.items()]
        else:
            marks = {}
        if customer and customer_words.NOUN in known:
            places.append(("customer", _of_customers(customer)))
        counts = finding.counted([place[: FEW + 1] for _key, place in places]) if places else []
        few = [place for (_key, place), count in zip(places, counts, strict=True) if count <= FEW]
        often = {key for (key, _place), count in zip(places, counts, strict=True) if count > FEW}
        if texts and {words.NOUN, customer_words.NOUN} <= known:
            few.append(_said(texts, _LATEST if newest else None))
        elif asked.text:
            found = found.filter(self._mentions(asked.text))
        for place in few:
            found = found.filter(pk__in=place)
        for one in self.filters:
            if one.key in asked.values and not (one.key in marks and self._is_decided(one)):
                condition = self._condition(one, asked.values[one.key])
                found = found.filter(_met_often(condition) if one.key in often & marks.keys() else condition)
            elif one.key in asked.values:  # decided case by case; so many marks tell PostgreSQL that it meets them soon
                found = found.filter(pk__in=CaseWord.objects.filter(word__in=marks[one.key]).values("case"))
        return found, bool(few)

    def _marks(self, asked: Asked) -> dict[str, list[str]]:
        """For each filter by key the marks of which a case that matches has one."""
        fields, key, found = words.marked(self.reader.running), self.key, dict[str, list[str]]()
        for one in self.filters:
            text = asked.values.get(one.key, "")
            if not text or one.kind == "text":
                continue
            if one.value in fields and one.kind != "boolean":
                found[one.key] = [words.mark(key, one.value, text)]
            elif one.value not in self.reader.fields and one.kind in ("choice", "department", "user"):
                reads = {name.partition(".")[0] for name in names_in(one.value)}
                if reads and reads <= fields.keys():  # whoever can match has the word somewhere in what it reads
                    found[one.key] = [words.mark(key, name, text) for name in sorted(reads)]
        days = [(one.key, one.value, asked.periods[one.key]) for one in self.filters if one.key in asked.periods]
        for at, name, (first, last) in [*days, ("period", self.counted_by, asked.period)]:
            if name in fields and first and last and first <= last <= first + timedelta(days=800):
                start, end = bounds(
                    Period(first, last + timedelta(days=1)), fields[name].type, self.reader, as_text=True
                )
                found[at] = [words.mark(key, name, month) for month in _months(start[:7], end[:7])]
        return found

    def _mentions(self, text: str) -> Q:
        condition = Q(number__icontains=text)
        for name in ("code", "name", "name_en", "short_name"):
            condition |= Q(**{f"customer__{name}__icontains": text})
        for key, definition in self.reader.fields.items():
            if definition.type in _TEXTS:
                condition |= Q(**{f"data__{key}__icontains": text})
        return condition

    def _condition(self, one: Filter, text: str) -> Q:
        if one.kind == "customer":
            named = Q()
            for name in ("name", "name_en", "short_name"):
                named |= Q(**{f"customer__{name}__icontains": text})
            return named | Q(customer__code__iexact=text)
        if one.value in OWN:
            return Q(**{f"{OWN[one.value]}__icontains" if one.kind == "text" else OWN[one.value]: text})
        if one.value in self.reader.fields:
            return self._field_condition(one, text)
        # An expression: whoever can match has the word somewhere in what it reads.
        if one.kind not in ("choice", "department", "user"):
            return Q()
        reads = {name.partition(".")[0] for name in names_in(one.value)}
        narrowed = Q()
        for name in reads & self.reader.fields.keys():
            narrowed |= Q(**{f"data__{name}__icontains": text})
        return narrowed

    def _field_condition(self, one: Filter, text: str) -> Q:
        path = f"data__{one.value}"
        if one.kind == "boolean":
            yes = Q(**{path: True})
            no = Q(**{path: False}) | Q(**{path: None}) | Q(**{f"{path}__isnull": True})
            return yes if text == "true" else no
        if one.kind == "text":
            return Q(**{f"{path}__icontains": text})
        definition = self.reader.fields[one.value]
        return Q(**{f"{path}__icontains": f'"{text}"'} if definition.type == "choices" else {path: text})

    def _order(self, sort: str, *, few: bool = False) -> list[Any]:
        key, falling = sort.removeprefix("-"), sort.startswith("-")
        place = self._place(self._column(key).value if key in self.register.columns else key)
        number = _first_of(F("number"), few=few)
        by_number = number.desc() if falling else number.asc()
        if place is None:
            return [_first_of(F("pk"), few=few).desc()]
        if place == F("number"):
            return [by_number]
        place = _first_of(place, few=few)
        return [place.desc(nulls_last=True) if falling else place.asc(nulls_last=True), by_number]

    # -- deciding case by case

    def _decided(self, asked: Asked) -> list[tuple[Filter, str]]:
        """The filters that the database cannot decide alone."""
        return [
            (one, asked.values[one.key]) for one in self.filters if one.key in asked.values and self._is_decided(one)
        ]

    def _is_decided(self, one: Filter) -> bool:
        return one.kind != "customer" and one.value not in OWN and one.value not in self.reader.fields

    def _matching(self, found: QuerySet[Case], decided: list[tuple[Filter, str]]) -> Iterator[Case]:
        # The first ones by a limit: PostgreSQL plans a cursor for whoever reads it to its end.
        first = list(found[: 2 * MOST])
        others = found[2 * MOST :].iterator(chunk_size=500) if len(first) == 2 * MOST else ()
        for case in chain(first, others):
            if any(self._matches(facts, decided) for facts in self._facts(case)):
                yield case

    def _facts(self, case: Case, titles: str = "") -> list[Mapping[str, Any]]:
        """What the lines of a case are read from: the case, or each of its rows; a case that has none yet has one empty line."""
        facts = self.reader.facts(case, titles)
        return [With(facts, row=row) for row in facts[self.register.rows] or [{}]] if self.register.rows else [facts]

    def _matches(self, facts: Mapping[str, Any], decided: list[tuple[Filter, str]]) -> bool:
        return all(self._fits(facts, one, text) for one, text in decided)

    def _fits(self, facts: Mapping[str, Any], one: Filter, text: str) -> bool:
        value = read_or_none(one.value, facts)
        values = value if isinstance(value, list) else [value]
        if one.kind == "boolean":
            return bool(value) == (text == "true")
        if one.kind == "text":
            return any(text.lower() in str(each).lower() for each in values if each is not None)
        return text in values

    # -- lines

    def _lines(self, cases: Iterable[Case], decided: list[tuple[Filter, str]] | None = None) -> list[Line]:
        cases = list(cases)
        tasks = open_steps(cases)
        return [line for case in cases for line in self._lines_of(case, tasks.get(case.pk, []), decided or [])]

    def _lines_of(self, case: Case, tasks: list[Task], decided: list[tuple[Filter, str]]) -> Iterator[Line]:
        titles = self.reader.status_words(case, [task.step for task in tasks])
        for facts in self._facts(case, titles):
            if self._matches(facts, decided):
                yield self._line(case, tasks, facts)

    def _line(self, case: Case, tasks: list[Task], facts: Mapping[str, Any]) -> Line:
        cells = []
        for column in self.columns:
            value = facts.get(column.value) if column.is_name else read_or_none(column.value, facts, column.kind)
            cells.append(Cell(value, self.reader.words(column.definition, value, column.kind), column.kind))
        overdue = any(task.due_at and task.due_at < self.now for task in tasks)
        return Line(case.number, cells, case.is_open, overdue, case.pk)

    def _summed(self, found: QuerySet[Case]) -> list[str]:
        sums = {f"total_{column.key}": Sum(self._place(column.value)) for column in self.columns if column.is_summed}
        values = found.order_by().aggregate(**sums) if sums else {}
        return [
            self._total(column, values[f"total_{column.key}"]) if f"total_{column.key}" in values else ""
            for column in self.columns
        ]

    def _totals(self, cases: list[Case]) -> list[str]:
        found = []
        for column in self.columns:
            if not column.is_summed:
                found.append("")
                continue
            values = [read_or_none(column.value, self.reader.facts(case)) for case in cases]
            found.append(self._total(column, sum(Decimal(value) for value in values if value is not None)))
        return found

    def _total(self, column: Column, value: Any) -> str:
        if value is None:
            return ""
        decimals = column.definition.decimals if column.definition else 0
        return self.reader.words(column.definition, round(Decimal(str(value)), decimals), column.kind)


def _own_titles() -> dict[str, str]:
    return {
        "number": _("Number"),
        "status": _("State"),
        "opened_at": _("Opened at"),
        "closed_at": _("Closed at"),
        "round": _("Round"),
        "customer.name": _("Customer"),
        "customer.code": _("Customer code"),
        "customer": _("Customer"),
        "step_titles": _("Stands at"),
    }


def _within(
    found: QuerySet[Case], place: Any, kind: str, days: tuple[date | None, date | None], reader: Reader
) -> QuerySet[Case]:
    """Days in the organization's zone, the last one included. Moments are stored as UTC texts of one form, so they compare as texts."""
    first, last = days
    period = Period(first or date(1900, 1, 1), (last or date(9998, 12, 31)) + timedelta(days=1))
    own = isinstance(place, F)
    start, end = bounds(period, kind, reader, as_text=not own)
    return found.alias(_at=place).filter(_at__gte=start, _at__lt=end) if not own else found.filter(
        **{f"{place.name}__gte": start, f"{place.name}__lt": end}
    )  # fmt: skip


def bounds(period: Period, kind: str, reader: Reader, *, as_text: bool) -> tuple[Any, Any]:
    if kind == "date":
        return period.since.isoformat(), period.until.isoformat()
    start, end = (moment.astimezone(UTC) for moment in period.moments(reader.zone))
    return (start.isoformat(), end.isoformat()) if as_text else (start, end)


def _said(asked_words: list[AskedWord], most: int | None) -> QuerySet[Any]:
    """The keys of the cases with these words, or whose customer has them: so many of either, the newest."""
    of_cases, of_customers = words.having(asked_words), _of_customers(asked_words)
    if most and connection.features.supports_slicing_ordering_in_compound:
        of_cases, of_customers = of_cases.order_by("-word", "-case")[:most], of_customers[:most]
    return of_cases.union(of_customers, all=True)


def _of_customers(asked_words: list[AskedWord]) -> QuerySet[Any]:
    """The keys of the cases of customers with these words."""
    return Case.objects.filter(customer__in=customer_words.having(asked_words).values("pk")).values("pk")


def _met_often(condition: Q) -> Any:
    """What many cases say. PostgreSQL does not know what stands in records and takes any of it for rare, so it would fetch all that say
    it and sort them; of an expression like this it expects every second case to meet it, and goes through them in their order."""
    return Coalesce(condition, Value(False), output_field=BooleanField())


def _first_of(place: Any, *, few: bool) -> Any:
    """To sort by; few cases found elsewhere are sorted for themselves."""
    return finding.among_few(place) if few and isinstance(place, F) else place


def _months(first: str, last: str) -> Iterator[str]:
    """2023-12, 2024-01, … as far as the last."""
    year, month = map(int, first.split("-"))
    while (text := f"{year}-{month:02}") <= last:
        yield text
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _period_words(days: tuple[date | None, date | None]) -> str:
    first, last = days
    return f"{first or '…'} – {last or '…'}"
