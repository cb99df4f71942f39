"""Keeping the working calendars: single days, weeks of departments and those agreed with customers, a year from a sheet.

Every change is an event with its author; whoever keeps deadlines counts the provisional ones again afterwards.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import IO, Any, cast, get_args
from zipfile import BadZipFile

from django.db import transaction
from django.utils.translation import gettext as _

from kehu.core import events
from kehu.core.models import Organization
from kehu.core.refusals import BadData, Finding

from .actions import changed
from .calendars import WEEKDAYS, Kind, Period
from .calendars import SpecialDay as Day
from .models import CalendarProposal, Department, SpecialDay, WorkingWeek


@transaction.atomic
def set_day(
    *, week: WorkingWeek, day: date, kind: str, name: Mapping[str, str], periods: Sequence[str], by: str, now: datetime
) -> None:
    """One day is worked otherwise than its weekday; without a kind, as its weekday again."""
    if kind:
        try:
            Day(day, cast(Kind, kind), tuple(Period.parse(text) for text in periods))
        except ValueError as error:
            raise BadData([Finding("periods", str(error))]) from None
    week = WorkingWeek.objects.select_for_update(of=("self",)).get(pk=week.pk)
    before = SpecialDay.objects.filter(week=week, day=day).first()
    was = {"kind": before.kind, "name": before.name, "periods": before.periods} if before else None
    if kind:
        values = {"kind": kind, "name": dict(name), "periods": list(periods)}
        SpecialDay.objects.update_or_create(organization=week.organization, week=week, day=day, defaults=values)
    elif before:
        before.delete()
    changed(week.organization)
    becomes = {"kind": kind, "name": dict(name), "periods": list(periods)} if kind else None
    facts = {"calendar": _called(week), "day": day.isoformat(), "was": was, "is": becomes}
    events.record(week.organization, "calendar.day_set", by=by, at=now, **facts)


@transaction.atomic
def set_week(
    *,
    organization: Organization,
    department: Department | None,
    customer_code: str,
    periods: Sequence[str],
    by: str,
    now: datetime,
) -> WorkingWeek:
    """The week of a department, or one agreed with a customer: seven lines of periods, Monday first. A new one begins with the
    company's special days, and is known as far."""
    company = WorkingWeek.objects.get(department=None, customer_code="")
    week, findings = [], []
    for number, line in enumerate(periods):
        try:
            parsed = [Period.parse(text) for text in _parts(line)]
            Day(now.date(), "special", tuple(parsed))  # refuses periods that overlap
            week.append([str(period) for period in parsed])
        except ValueError as error:
            findings.append(Finding(WEEKDAYS[number], str(error)))
    if not findings and not any(week):
        findings.append(Finding("mon", _("Give at least one day of the week a period.")))
    if findings:
        raise BadData(findings)
    kept, made = WorkingWeek.objects.get_or_create(
        organization=organization,
        department=department,
        customer_code=customer_code,
        defaults={"week": week, "known_until": company.known_until},
    )
    was = None if made else kept.week
    if made:
        SpecialDay.objects.bulk_create(
            SpecialDay(
                organization=organization, week=kept, day=one.day, kind=one.kind, name=one.name, periods=one.periods
            )
            for one in SpecialDay.objects.filter(week=company)
        )
    else:
        kept.week = week
        kept.save(update_fields=["week"])
    changed(organization)
    events.record(organization, "calendar.week_set", by=by, at=now, calendar=_called(kept), was=was, becomes=week)
    return kept


def _called(week: WorkingWeek) -> str:
    return week.customer_code or (week.department.key if week.department else "")


def _parts(line: str) -> list[str]:
    return [part.strip() for part in line.replace("，", ",").replace("、", ",").split(",") if part.strip()]


# --- a year from a sheet -------------------------------------------------------------------------------------------------

COLUMNS = ("date", "kind", "name", "name_en", "periods")
MOST_ROWS = 400
_KINDS = {
    "放假": "holiday",
    "假日": "holiday",
    "调休": "make_up",
    "上班": "make_up",
    "半天": "half_day",
    "特别": "special",
}


@dataclass(frozen=True)
class Sheet:
    """What a sheet says, and what is wrong with it, row by row."""

    days: list[Day]
    problems: list[str]


def read_sheet(name: str, content: IO[Any], year: int) -> Sheet:
    """A year's special days from .xlsx or .csv: date, kind, name, name_en, periods. Nothing is kept."""
    try:
        rows = list(_rows(name, content))
    except (BadZipFile, UnicodeDecodeError, KeyError, ValueError, csv.Error, OSError):
        return Sheet([], [_("This file cannot be read. Save it as .xlsx, or as .csv in UTF-8.")])
    if not rows or [str(cell or "").strip().lower() for cell in rows[0][:2]] != ["date", "kind"]:
        return Sheet([], [_("The first row must name the columns: {columns}.").format(columns=", ".join(COLUMNS))])
    days: dict[date, Day] = {}
    problems = []
    for number, row in enumerate(rows[1 : MOST_ROWS + 1], 2):
        cells = [str(cell).strip() if cell is not None else "" for cell in [*row, "", "", "", "", ""][:5]]
        if not any(cells):
            continue
        try:
            day = date.fromisoformat(cells[0][:10].replace("/", "-"))
            kind = _KINDS.get(cells[1], cells[1])
            special = Day(
                day,
                cast(Kind, kind),
                tuple(Period.parse(text) for text in _parts(cells[4])),
                {"zh": cells[2], "en": cells[3] or cells[2]},
            )
        except ValueError as error:
            problems.append(_("Row {number}: {reason}").format(number=number, reason=error))
            continue
        if day.year != year:
            problems.append(_("Row {number}: {day} is not in {year}.").format(number=number, day=day, year=year))
        elif day in days:
            problems.append(_("Row {number}: {day} was named before.").format(number=number, day=day))
        else:
            days[day] = special
    if len(rows) > MOST_ROWS + 1:
        problems.append(_("The sheet has more than {most} rows.").format(most=MOST_ROWS))
    if not days and not problems:
        problems.append(_("The sheet names no day."))
    return Sheet([days[day] for day in sorted(days)], problems)


def _rows(name: str, content: IO[Any]) -> Iterator[Sequence[Any]]:
    if name.lower().endswith(".xlsx"):
        from openpyxl import load_workbook

        book = load_workbook(content, read_only=True, data_only=True)
        yield from book.worksheets[0].iter_rows(max_row=MOST_ROWS + 2, max_col=5, values_only=True)
    else:
        yield from csv.reader(io.StringIO(content.read(200_000).decode("utf-8-sig")))


@transaction.atomic
def propose_sheet(
    *, organization: Organization, year: int, source: str, days: Iterable[Day], now: datetime
) -> CalendarProposal:
    """A sheet's days, kept as a proposal like a library's: nothing counts before somebody confirms it."""
    return CalendarProposal.objects.create(
        organization=organization,
        year=year,
        source=source[:80],
        days=[{"day": day.day.isoformat(), **day.to_json()} for day in days],
        complete=True,
        known_until=date(year, 12, 31),
        remarks=[],
        proposed_at=now,
    )


KINDS: tuple[str, ...] = get_args(Kind)
