"""Statistics and indicators: a procedure's cases of a period, counted as its `statistics:` and `indicators:` say.

Every figure keeps the cases behind it, so that whoever clicks on it sees exactly what was counted. Voided cases are not counted.
A period's cases come in one statement; what is counted is decided by plain functions of what was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import F, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.cases.models import Case, Task
from kehu.core.models import Organization
from kehu.core.refusals import Refusal
from kehu.engine.definitions import FieldDefinition, Indicator, Statistic
from kehu.engine.expressions import ExpressionError
from kehu.procedures import revisions

from .records import CaseFacts, Period, Reader, With, last_months, names_in, read
from .registers import RegisterView, bounds

MOST = 10_000
"""So many cases are counted while somebody waits: some seconds, some hundred megabytes."""

NOTHING = "-"
"""Where a case has no value to count by."""


class TooManyEver(Refusal):
    code = "statistics.too_many_ever"
    kind = "rule"
    status = 422
    message = gettext_lazy(
        "There are more than {most} such cases, too many to count at once. Whoever wrote the procedure can name a period."
    )


class TooMany(Refusal):
    code = "statistics.too_many"
    kind = "rule"
    status = 422
    message = gettext_lazy(
        "From {since} to {until}, the months that the figures and their trend are counted from, there are more than {most} cases: "
        "too many to count while you wait. The register narrows them, and its Excel file holds them all."
    )


@dataclass(frozen=True)
class Counted:
    """A value, and the cases that have it."""

    value: str
    title: str
    cases: tuple[int, ...]

    @property
    def count(self) -> int:
        return len(self.cases)


@dataclass(frozen=True)
class Table:
    key: str
    title: str
    lines: tuple[Counted, ...]
    is_time: bool = False
    """Its values are an order in time, not a ranking."""

    @property
    def total(self) -> int:
        return sum(line.count for line in self.lines)

    @property
    def most(self) -> int:
        return max((line.count for line in self.lines), default=0)

    def shares(self) -> list[tuple[Counted, Decimal, Decimal]]:
        """Each line with its share and what it and those before it make together, in percent."""
        found, sum_ = [], 0
        for line in self.lines:
            sum_ += line.count
            found.append((line, percent(line.count, self.total) or Decimal(0), percent(sum_, self.total) or Decimal(0)))
        return found


@dataclass(frozen=True)
class Part:
    """One side of an indicator: how much each case adds to it."""

    amounts: Mapping[int, Decimal]

    @property
    def total(self) -> Decimal:
        return sum(self.amounts.values(), Decimal(0))

    @property
    def cases(self) -> tuple[int, ...]:
        return tuple(self.amounts)

    @property
    def is_by_case(self) -> bool:
        """Each case counts once, so the figure is a number of cases."""
        return all(amount == 1 for amount in self.amounts.values())


@dataclass(frozen=True)
class Figure:
    """An indicator over a period."""

    key: str
    title: str
    unit: str
    target: Decimal | None
    counts: Part
    of: Part
    trend: tuple[tuple[str, Decimal | None], ...] = ()
    at: str = ""

    @property
    def value(self) -> Decimal | None:
        return measured(self.unit, self.counts.total, self.of.total)

    @property
    def is_met(self) -> bool | None:
        if self.target is None or self.value is None:
            return None
        return self.value >= self.target

    @property
    def missed(self) -> tuple[int, ...]:
        """The cases that keep it below 100 %."""
        if self.unit != "percent":
            return ()
        return tuple(pk for pk, amount in self.of.amounts.items() if self.counts.amounts.get(pk, Decimal(0)) < amount)


@dataclass(frozen=True)
class Sheet:
    """One department's year."""

    department: str
    title: str
    cases: tuple[int, ...]
    late: tuple[int, ...]
    failed: Mapping[int, int]
    """Case -> rounds after which the customer was still not satisfied."""

    @property
    def failed_rounds(self) -> int:
        return sum(self.failed.values())

    @property
    def failed_cases(self) -> tuple[int, ...]:
        return tuple(self.failed)

    @property
    def late_share(self) -> Decimal | None:
        return percent(len(self.late), len(self.cases))


@dataclass
class Statistics:
    period: Period
    counted_by: str
    cases: tuple[int, ...]
    tables: list[Table]
    figures: list[Figure]
    trend: tuple[tuple[str, int], ...]
    sheets: list[Sheet] = field(default_factory=list)
    unread: dict[str, list[str]] = field(default_factory=dict)
    """Numbers of cases that a definition could not be read for, by its title: said, not hidden."""

    def behind(self, figure: str, value: str = "") -> tuple[int, ...] | None:
        """The cases behind a figure; None if there is no such figure."""
        kind, _sep, key = figure.partition(":")
        if kind == "all":
            return self.cases
        if kind == "by":
            for table in self.tables:
                if table.key == key:
                    return next((line.cases for line in table.lines if line.value == value), ())
        if kind in ("counts", "of", "missed"):
            for found in self.figures:
                if found.key == key:
                    sides = {"counts": found.counts.cases, "of": found.of.cases, "missed": found.missed}
                    return sides[kind]
        if kind == "sheet":
            for sheet in self.sheets:
                if sheet.department == value:
                    return {"cases": sheet.cases, "late": sheet.late, "failed": sheet.failed_cases}.get(key)
        return None

    def title_of(self, figure: str, value: str = "") -> str:
        """The figure in words: “By kind: Quality”."""
        kind, _sep, key = figure.partition(":")
        for table in self.tables:
            if kind == "by" and table.key == key:
                title = next((line.title for line in table.lines if line.value == value), value)
                return f"{table.title}: {title}"
        for found in self.figures:
            if found.key == key:
                sides = {"counts": _("fulfilled"), "of": _("all counted"), "missed": _("missed")}
                return f"{found.title}: {sides.get(kind, '')}"
        for sheet in self.sheets:
            if kind == "sheet" and sheet.department == value:
                words = {"cases": _("Cases"), "late": _("Late answers"), "failed": _("Failed rounds")}
                return f"{sheet.title}: {words.get(key, '')}"
        return _("All cases")


# --- counting, without a database -------------------------------------------------------------------------------------


def percent(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    """One decimal; of nothing there is no share."""
    return round(Decimal(part) * 100 / Decimal(whole), 1) if whole else None


def measured(unit: str, counts: Decimal, of: Decimal) -> Decimal | None:
    """What an indicator shows: a number, a share in percent, or an average with one decimal."""
    match unit:
        case "count":
            return counts
        case "mean":
            return round(counts / of, 1) if of else None
    return percent(counts, of)


def group(pairs: Iterable[tuple[int, Iterable[Any]]]) -> dict[Any, list[int]]:
    """Cases by value; a case counts once for each of its values, and the values stand in the order they came.

    >>> group([(1, ["a"]), (2, ["a", "b", "a"])])
    {'a': [1, 2], 'b': [2]}
    """
    found: dict[Any, list[int]] = {}
    for case, values in pairs:
        for value in dict.fromkeys(values):
            found.setdefault(value, []).append(case)
    return found


def amount(value: Any) -> Decimal:
    """What an indicator's expression adds: true is 1, a number itself."""
    if value is None or isinstance(value, bool):
        return Decimal(bool(value))
    return Decimal(value)


# --- reading ----------------------------------------------------------------------------------------------------------


def procedures(organization: Organization) -> list[tuple[str, Any]]:
    """Key and document of the procedures that count something."""
    found = []
    for key, procedure in revisions.in_force(organization).items():
        assert procedure.current
        document = revisions.running(procedure.current).procedure
        if document.statistics or document.indicators:
            found.append((key, document))
    return found


def statistics(organization: Organization, key: str, period: Period, now: datetime, language: str) -> Statistics:
    return Count(organization, key, period, now, language, months=last_months(period)).done()


class Count:
    """One count of one procedure: of a period, with the `months` of its trend; of the cases `where` the database says so; or of both.
    `standing` is what some records say by now, though it is not written yet."""

    def __init__(
        self,
        organization: Organization,
        key: str,
        period: Period | None,
        now: datetime,
        language: str,
        *,
        months: Sequence[Period] = (),
        where: Mapping[str, Any] | None = None,
        standing: Mapping[int, Mapping[str, Any]] | None = None,
    ):
        self.reader = Reader(organization, key, now, language)
        self.document = self.reader.running.procedure
        self.period, self.months, self.where, self.standing = period, months, where or {}, standing or {}
        self.window = period
        if period and months:
            self.window = Period(min(period.since, months[0].since), max(period.until, months[-1].until))
        self.everyone: list[tuple[int, CaseFacts]] = []
        if self.document.register_:
            view = RegisterView(organization, key, now, language)
            self.at, self.at_title = view.counted_by, view.counted_by_title
        else:
            self.at, self.at_title = "opened_at", _("Opened at")
        self.numbers: dict[int, str] = {}
        self.unread: dict[str, list[str]] = {}

    def done(self) -> Statistics:
        in_period: list[tuple[int, CaseFacts]] = []
        months = dict.fromkeys(map(str, self.months), 0)
        for case in self._cases():
            case.data = self.standing.get(case.pk, case.data)
            facts = self.reader.facts(case)
            self.numbers[case.pk] = case.number
            self.everyone.append((case.pk, facts))
            day = self._day(self.at, facts) or self._day("opened_at", facts)
            if _within(self.period, day):
                in_period.append((case.pk, facts))
            if day and (month := f"{day:%Y-%m}") in months:
                months[month] += 1
        tables = [self._table(name, statistic, in_period) for name, statistic in self.document.statistics.items()]
        return Statistics(
            period=self.period or Period(date.min, date.max),
            counted_by=self.at_title,
            cases=tuple(pk for pk, _facts in in_period),
            tables=tables,
            figures=[
                self._figure(name, indicator, self.everyone) for name, indicator in self.document.indicators.items()
            ],
            trend=tuple(months.items()),
            sheets=self._sheets(tables, in_period),
            unread=self.unread,
        )

    def _cases(self) -> list[Case]:
        """Every case of the window, by whichever date something is counted by."""
        places = {self.at, "opened_at", *(i.at for i in self.document.indicators.values() if i.at)}
        wanted = Q()
        for place in places if self.window else ():
            if place in ("opened_at", "closed_at"):
                start, end = bounds(self.window, "datetime", self.reader, as_text=False)  # type: ignore[arg-type]
                wanted |= Q(**{f"{place}__gte": start, f"{place}__lt": end})
            elif definition := self.reader.fields.get(place):
                start, end = bounds(self.window, definition.type, self.reader, as_text=True)  # type: ignore[arg-type]
                wanted |= Q(**{f"data__{place}__gte": start, f"data__{place}__lt": end})
        found = Case.objects.filter(wanted, procedure=self.reader.procedure, **self.where).exclude(status="voided")
        cases = list(found.select_related("customer").order_by("number")[: MOST + 1])
        if len(cases) > MOST and not self.window:
            raise TooManyEver(most=MOST)
        if len(cases) > MOST and self.window:
            raise TooMany(since=self.window.since, until=self.window.until - timedelta(days=1), most=MOST)
        return cases

    def _day(self, place: str, facts: CaseFacts) -> date | None:
        value = facts.get(place)
        if isinstance(value, datetime):
            return value.astimezone(self.reader.zone).date()
        return value if isinstance(value, date) else None

    # -- tables

    def _table(self, key: str, statistic: Statistic, cases: list[tuple[int, CaseFacts]]) -> Table:
        title = statistic.title.in_(self.reader.language)
        groups = group((pk, self._values(title, statistic, facts)) for pk, facts in cases)
        lines = [Counted(_text(value), self._words(statistic, value), tuple(found)) for value, found in groups.items()]
        is_time = all(_is_time(line.value) for line in lines) and bool(lines)
        if statistic.values:
            order = list(statistic.values)
            lines.sort(key=lambda line: order.index(line.value) if line.value in order else len(order))
        elif is_time:
            lines.sort(key=lambda line: line.value)
        else:
            lines.sort(key=lambda line: (-line.count, line.value == NOTHING, line.title))
        return Table(key, title, tuple(lines), is_time)

    def _values(self, title: str, statistic: Statistic, facts: CaseFacts) -> list[Any]:
        try:
            if statistic.rows is None:
                value = read(statistic.by, facts)
                values = value if isinstance(value, list) else [value]
                return [NOTHING if value in (None, "") else value for value in values] or [NOTHING]
            rows = facts.get(statistic.rows) or []
            found = [read(statistic.by, With(facts, row=row)) for row in rows]
            return [value for value in found if value not in (None, "")]
        except ExpressionError:
            self._cannot_read(title, facts)
            return []

    def _cannot_read(self, title: str, facts: CaseFacts) -> None:
        numbers = self.unread.setdefault(title, [])
        if facts["number"] not in numbers:
            numbers.append(facts["number"])

    def _words(self, statistic: Statistic, value: Any) -> str:
        if value == NOTHING:
            return _("Not stated")
        if title := statistic.values.get(_text(value)):
            return title.in_(self.reader.language)
        for definition in self._fields_read(statistic):
            if definition.type in ("choice", "choices", "department", "user"):
                words = self.reader.words(definition, value)
                if words != str(value):
                    return words
        return self.reader.words(None, value)

    def _fields_read(self, statistic: Statistic) -> Iterator[FieldDefinition]:
        table = self.reader.fields.get(statistic.rows or "")
        for name in sorted(names_in(statistic.by)):
            head, _sep, column = name.partition(".")
            if head in ("row", "item") and table and column in table.columns:
                yield table.columns[column]
            elif head in self.reader.fields:
                yield self.reader.fields[head]

    # -- indicators

    def _figure(self, key: str, indicator: Indicator, cases: list[tuple[int, CaseFacts]]) -> Figure:
        title = indicator.title.in_(self.reader.language)
        place = indicator.at or self.at
        counts: dict[int, Decimal] = {}
        of: dict[int, Decimal] = {}
        months: dict[str, list[Decimal]] = {str(month): [Decimal(0), Decimal(0)] for month in self.months}
        for pk, facts in cases:
            day = self._day(place, facts)
            if not _within(self.window, day):
                continue
            try:
                whole, part = amount(read(indicator.of, facts)), amount(read(indicator.counts, facts))
            except ExpressionError:
                self._cannot_read(title, facts)
                continue
            if month := months.get(f"{day:%Y-%m}" if day else ""):
                month[0] += part
                month[1] += whole
            if _within(self.period, day):
                if whole:
                    of[pk] = whole
                if part:
                    counts[pk] = part
        trend = tuple((month, measured(indicator.unit, part, whole)) for month, (part, whole) in months.items())
        target = Decimal(str(indicator.target)) if indicator.target is not None else None
        definition = self.reader.fields.get(place)
        at = definition.title.in_(self.reader.language) if definition else self.at_title
        return Figure(key, title, indicator.unit, target, Part(counts), Part(of), trend, at)

    # -- departments

    def _sheets(self, tables: list[Table], cases: list[tuple[int, CaseFacts]]) -> list[Sheet]:
        """Per responsible department: its cases, those it answered late, and the rounds that failed."""
        found = self._by_department()
        if found is None:
            return []
        key, rows = found
        table = next(table for table in tables if table.key == key)
        rounds = {pk: facts["round"] for pk, facts in cases}
        late = self._late(rows)
        return [
            Sheet(
                department=line.value,
                title=line.title,
                cases=line.cases,
                late=tuple(pk for pk in line.cases if pk in late.get(line.value, ())),
                failed={pk: rounds[pk] - 1 for pk in line.cases if rounds[pk] > 1},
            )
            for line in table.lines
            if line.value != NOTHING
        ]

    def _by_department(self) -> tuple[str, str] | None:
        for key, statistic in self.document.statistics.items():
            if statistic.rows and any(field.type == "department" for field in self._fields_read(statistic)):
                return key, statistic.rows
        return None

    def _late(self, rows: str) -> dict[str, set[int]]:
        """Department -> cases in which a step of its row was done after its time, or is still open after it."""
        steps = [key for key, step in self.document.steps.items() if step.each and step.each.rows == rows]
        over = Q(state=Task.State.DONE, closed_at__gt=F("due_at")) | Q(
            state=Task.State.OPEN, due_at__lt=self.reader.now
        )
        tasks = Task.objects.filter(over, case__procedure=self.reader.procedure, step__in=steps)
        if self.window:
            start, _end = bounds(self.window, "datetime", self.reader, as_text=False)
            tasks = tasks.filter(opened_at__gte=start)
        found: dict[str, set[int]] = {}
        for item, case in tasks.values_list("item", "case_id").distinct():
            found.setdefault(item, set()).add(case)
        return found


def _within(period: Period | None, day: date | None) -> bool:
    """Without a period everything is."""
    return period is None or period.contains(day)


def _text(value: Any) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _is_time(text: str) -> bool:
    """2024, 2024-03 and 2024-03-15."""
    return text == NOTHING or (text[:4].isdigit() and len(text) in (7, 10) and text[4] == "-")
