"""Indicators and statistics of a period."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema
from pydantic import Field

from kehu.core.refusals import BadData, Finding
from kehu.organizations.queries import local_now
from kehu.reports.reading import must_read, readable_by
from kehu.reports.records import Period
from kehu.reports.statistics import procedures, statistics

from . import door
from .reading import shown
from .shapes import ROOT, Day, Key, Named, language, say

router = Router(tags=["indicators"])


class Counting(Named):
    url: str


class CountingProcedures(Schema):
    procedures: list[Counting]


class Indicator(Schema):
    key: str
    title: str
    unit: str
    value: Decimal | None = Field(description="In its unit; null where nothing was counted.")
    target: Decimal | None
    is_met: bool | None
    counts: Decimal
    of: Decimal


class Share(Schema):
    value: str
    title: str
    count: int
    percent: Decimal


class Count(Schema):
    key: str
    title: str
    lines: list[Share]


class Month(Schema):
    month: str
    cases: int


class Indicators(Schema):
    """Every figure of a period. Both days are included."""

    procedure: Named
    since: str
    until: str
    counted_by: str
    cases: int
    indicators: list[Indicator]
    statistics: list[Count]
    trend: list[Month]
    unread: dict[str, list[str]] = Field(
        description="Numbers of cases that a figure could not be read for, by its title."
    )


@router.get(
    "/indicators", response=CountingProcedures, auth=door.needs("indicators:read"), summary="List what is counted"
)
def list_indicators(request: Any) -> HttpResponse:
    """The procedures that have indicators or statistics, and that you may read."""
    mine = readable_by(request.organization, request.person, request.now)
    found = [
        Counting(key=key, title=say(document.title), url=f"{ROOT}/indicators/{key}")
        for key, document in procedures(request.organization)
        if key in mine
    ]
    return shown(request, CountingProcedures(procedures=found))


@router.get("/indicators/{key}", response=Indicators, auth=door.needs("indicators:read"), summary="Read indicators")
def read_indicators(
    request: Any,
    key: Key,
    since: Annotated[Day | None, Query(None, description="The first day; the first of this year if nothing is said.")],
    until: Annotated[Day | None, Query(None, description="The last day; today if nothing is said.")],
) -> HttpResponse:
    must_read(request.organization, request.person, key, request.now, language())
    today = local_now(request.organization, request.now).date()
    last = until or today
    first = since or last.replace(month=1, day=1)
    if first > last:
        raise BadData([Finding("since", _("The first day comes after the last one."))])
    period = Period(first, last.fromordinal(last.toordinal() + 1))
    found = statistics(request.organization, key, period, request.now, language())
    title = next((document.title for each, document in procedures(request.organization) if each == key), None)
    return shown(
        request,
        Indicators(
            procedure=Named(key=key, title=say(title) if title else key),
            since=first.isoformat(),
            until=last.isoformat(),
            counted_by=found.counted_by,
            cases=len(found.cases),
            indicators=[
                Indicator(
                    key=one.key,
                    title=one.title,
                    unit=one.unit,
                    value=one.value,
                    target=one.target,
                    is_met=one.is_met,
                    counts=one.counts.total,
                    of=one.of.total,
                )
                for one in found.figures
            ],
            statistics=[
                Count(
                    key=table.key,
                    title=table.title,
                    lines=[
                        Share(value=line.value, title=line.title, count=line.count, percent=share)
                        for line, share, _sum in table.shares()
                    ],
                )
                for table in found.tables
            ],
            trend=[Month(month=month, cases=count) for month, count in found.trend],
            unread=found.unread,
        ),
    )
