"""Cases as reports read them: by the words of the revision in force, and each value in words for people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.cases.models import Case, Task
from kehu.core import money
from kehu.core.models import Organization
from kehu.core.refusals import Refusal
from kehu.core.rows import Kept
from kehu.engine.definitions import FieldDefinition, Form
from kehu.engine.expressions import ExpressionError, as_date, as_datetime, parse
from kehu.engine.records import decoded_value, value_of
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.customers.queries import facts_of
from kehu.organizations.models import Member
from kehu.organizations.queries import Directory, directory
from kehu.procedures import revisions
from kehu.procedures.models import Procedure
from kehu.procedures.packs import Running


class NoProcedure(Refusal):
    code = "report.no_procedure"
    kind = "order"
    status = 404
    message = gettext_lazy("There is no procedure “{key}” in force.")


class NoPeriod(Refusal):
    code = "report.no_period"
    kind = "data"
    status = 422
    message = gettext_lazy(
        "“{text}” is no period. Write a month (2024-03), a quarter (2024Q1), a half-year (2024H1) or a year (2024)."
    )


@dataclass
class Reader:
    """One procedure's cases, read for one person: his language, the organization's zone and people."""

    organization: Organization
    key: str
    now: datetime
    language: str
    procedure: Procedure = field(init=False)
    running: Running = field(init=False)

    def __post_init__(self) -> None:
        found = revisions.in_force(self.organization).get(self.key)
        if found is None or found.current is None:
            raise NoProcedure(key=self.key)
        self.procedure, self.running = found, revisions.running(found.current)

    @property
    def form(self) -> Form:
        return self.running.procedure.form

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.organization.timezone)

    @cached_property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    @cached_property
    def people(self) -> Directory:
        return directory(self.organization, self.today)

    @cached_property
    def fields(self) -> dict[str, FieldDefinition]:
        """The fields at the top of the record; a table with all its columns."""
        return {
            key: self._whole(key, definition)
            for _section_key, section, key, definition in self.form.fields()
            if not section.per
        }

    def _whole(self, key: str, definition: FieldDefinition) -> FieldDefinition:
        """Gathered rows have the columns of both tables. Said here once: looking for them cell by cell took a third of a year's count."""
        if definition.type != "rows":
            return definition
        table = self.form.table(key) or definition
        if not definition.gather:
            return table
        outer, _dot, inner = definition.gather.partition(".")
        outside = self.form.table(outer)
        nested = outside.columns.get(inner) if outside else None
        columns = {**(outside.columns if outside else {}), **(nested.columns if nested else {}), **table.columns}
        return table.model_copy(update={"columns": columns})

    @cached_property
    def fixed(self) -> dict[str, Any]:
        settings = self.running.pack.settings_values
        return {"now": self.now, "today": self.today, "zone": self.zone, "settings": settings}

    def facts(self, case: Case, titles: str = "") -> CaseFacts:
        return CaseFacts(self, case, titles)

    # -- words

    def customer_name(self, customer: Customer | None) -> str:
        if customer is None:
            return ""
        return customer.name if self.language.startswith("zh") else customer.name_en or customer.name

    def person_name(self, key: str) -> str:
        """Also of somebody who has left."""
        found = self.people.people.get(key)
        name = found.name if found else self._everybody.get(key)
        return name["zh" if self.language.startswith("zh") else "en"] if name else key

    @cached_property
    def _everybody(self) -> dict[str, dict[str, str]]:
        return dict(Member.objects.values_list("key", "name"))

    def department_name(self, key: str) -> str:
        unit = self.people.units.get(key)
        return unit.title["zh" if self.language.startswith("zh") else "en"] if unit else key

    def status_words(self, case: Case, tasks: Iterable[str]) -> str:
        """Where it stands: the titles of its open steps, or of the end it came to."""
        steps = self.running.procedure.steps
        if not case.is_open:
            if case.status == "voided":
                return _("Voided")
            return steps[case.status].title.in_(self.language) if case.status in steps else case.status
        return self.joint.join(self.step_title(case, step) for step in dict.fromkeys(tasks))

    def step_title(self, case: Case, step: str) -> str:
        """By the revision in force; a step it no longer has, by the case's own."""
        found = self.running.procedure.steps.get(step) or revisions.running(case.revision).procedure.steps.get(step)
        return found.title.in_(self.language) if found else step

    @property
    def joint(self) -> str:
        return "、" if self.language.startswith("zh") else ", "

    def words(self, definition: FieldDefinition | None, value: Any, kind: str | None = None) -> str:
        """A value as people read it."""
        if value is None or value == "" or value == []:
            return ""
        kind = kind or (definition.type if definition else None)
        if kind == "rows":
            assert isinstance(value, list)
            columns = definition.columns if definition else {}
            key = (definition.key if definition else None) or next(iter(columns), "")
            return self.joint.join(self.words(columns.get(key), row.get(key)) for row in value)
        if kind in ("file", "files"):
            return str(len(value)) if isinstance(value, list) else "1"
        if isinstance(value, list):
            return self.joint.join(filter(None, (self.words(definition, one, kind) for one in value)))
        match kind:
            case "choice" | "choices" if definition and value in definition.choices:
                return definition.choices[value].title.in_(self.language)
            case "department":
                return self.department_name(str(value))
            case "user" | "people":
                return self.person_name(str(value))
        match value:
            case bool():
                return _("Yes") if value else _("No")
            case datetime():
                return f"{value.astimezone(self.zone):%Y-%m-%d %H:%M}"
            case date():
                return value.isoformat()
            case Decimal() | int() if kind == "money":
                return money.shown(value, min(definition.decimals, 2) if definition else 2)
            case Decimal() | int():
                return money.shown(value)
        return str(value)


class CaseFacts(Mapping[str, Any]):
    """What expressions of registers, statistics and indicators see of a case; a field is read when it is asked for."""

    def __init__(self, reader: Reader, case: Case, titles: str = ""):
        self._reader, self._case, self._read = reader, case, dict(reader.fixed)
        customer = case.customer
        self._read |= {
            "number": case.number,
            "status": case.status,
            "round": case.round,
            "opened_at": case.opened_at,
            "closed_at": case.closed_at,
            "starter": None,
            "step_titles": titles,
            "customer": {**facts_of(customer, reader.people), "name": reader.customer_name(customer)}
            if customer
            else None,
        }

    def __getitem__(self, name: str) -> Any:
        if name not in self._read:
            self._read[name] = self._field(name)
        return self._read[name]

    def _field(self, name: str) -> Any:
        definition = self._reader.fields.get(name)
        stored = self._case.data.get(name)
        if definition is None and name not in self._case.data:
            raise KeyError(name)
        try:
            return decoded_value(definition, stored, self._reader.form)
        except (ValueError, TypeError, InvalidOperation):  # of another type in the revision it was filled under
            return None

    def __contains__(self, name: object) -> bool:
        return name in self._read or name in self._reader.fields or name in self._case.data

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._read, *self._reader.fields, *self._case.data)))

    def __len__(self) -> int:
        return sum(1 for _name in self)


class With(Mapping[str, Any]):
    """The same facts, and `row`."""

    def __init__(self, facts: Mapping[str, Any], **more: Any):
        self._facts, self._more = facts, more

    def __getitem__(self, name: str) -> Any:
        return self._more[name] if name in self._more else self._facts[name]

    def __contains__(self, name: object) -> bool:
        return name in self._more or name in self._facts

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._more, *self._facts)))

    def __len__(self) -> int:
        return sum(1 for _name in self)


def read(expression: str, facts: Mapping[str, Any], kind: str | None = None) -> Any:
    """What the expression gives; days and moments come back as such where `kind` says so."""
    value = value_of(expression, facts)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        if kind == "date":
            return as_date(value)
        if kind == "datetime":
            return as_datetime(value, zone=facts["zone"])
    return value


def read_or_none(expression: str, facts: Mapping[str, Any], kind: str | None = None) -> Any:
    """For what is shown: a cell that cannot be read is empty."""
    try:
        return read(expression, facts, kind)
    except ExpressionError:
        return None


def names_in(expression: str) -> frozenset[str]:
    return parse(expression).names


@dataclass(frozen=True)
class Period:
    """Days from `since` until (not including) `until`, in the organization's calendar."""

    since: date
    until: date

    @classmethod
    def month(cls, day: date) -> Period:
        first = day.replace(day=1)
        return cls(first, next_month(first))

    @classmethod
    def year(cls, year: int) -> Period:
        return cls(date(year, 1, 1), date(year + 1, 1, 1))

    @classmethod
    def named(cls, text: str) -> Period:
        """2024, 2024-03, 2024Q1, 2024H1."""
        match = re.fullmatch(r"(\d{4})(?:-(\d\d)|Q([1-4])|H([12]))?", text)
        if match is None or match[2] not in (None, *(f"{month:02}" for month in range(1, 13))):
            raise NoPeriod(text=text)
        year = int(match[1])
        if match[2]:
            return cls.month(date(year, int(match[2]), 1))
        length, number = (3, int(match[3])) if match[3] else (6, int(match[4])) if match[4] else (12, 1)
        last = cls.month(date(year, length * number, 1))
        return cls(date(year, length * (number - 1) + 1, 1), last.until)

    def contains(self, day: date | None) -> bool:
        return day is not None and self.since <= day < self.until

    def moments(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        def midnight(day: date) -> datetime:
            return datetime(day.year, day.month, day.day, tzinfo=zone)

        return midnight(self.since), midnight(self.until)

    @property
    def last(self) -> date:
        return self.until - timedelta(days=1)

    @property
    def is_month(self) -> bool:
        return self.since.day == 1 and self.until == next_month(self.since)

    @property
    def is_year(self) -> bool:
        return self == Period.year(self.since.year)

    def __str__(self) -> str:
        if self.is_month:
            return f"{self.since:%Y-%m}"
        if self.is_year:
            return f"{self.since:%Y}"
        return f"{self.since} – {self.last}"

    def before(self) -> Period:
        if self.is_month:
            return Period.month(self.since - timedelta(days=1))
        if self.is_year:
            return Period.year(self.since.year - 1)
        return Period(self.since - (self.until - self.since), self.since)

    def after(self) -> Period:
        if self.is_month:
            return Period.month(self.until)
        if self.is_year:
            return Period.year(self.until.year)
        return Period(self.until, self.until + (self.until - self.since))


def next_month(first: date) -> date:
    return (first.replace(day=1) + timedelta(days=32)).replace(day=1)


def last_months(period: Period, count: int = 12) -> list[Period]:
    """The months that end with the period's last."""
    months = [Period.month(period.last)]
    while len(months) < count:
        months.insert(0, months[0].before())
    return months


def open_steps(cases: Iterable[Case]) -> dict[int, list[Task]]:
    """The open tasks of these cases, in one statement; none where no case is open."""
    found: dict[int, list[Task]] = {}
    open_cases = [case.pk for case in cases if case.is_open]
    for task in _OPEN_TASKS(open_cases) if open_cases else ():
        found.setdefault(task.case_id, []).append(task)
    return found


_OPEN_TASKS = Kept(
    Task,
    lambda tasks, cases: (
        tasks.filter(case__among=cases, state=Task.State.OPEN)
        .order_by("opened_at", "id")
        .only("case_id", "step", "item", "due_at", "kind")
    ),
    list,
)
