"""Statistics of a period: indicators, counts with charts, and each responsible department's year. Every figure leads to its cases."""

from __future__ import annotations

import io
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from kehu.organizations.queries import local_now
from kehu.reports import exports
from kehu.reports.records import Period
from kehu.reports.statistics import Figure, Statistics, Table, procedures
from kehu.reports.statistics import statistics as counted

from .registers import must_read, period_of, readable_by


@require_GET
def statistics(request: Any, key: str = "") -> HttpResponse:
    counting = dict(procedures(request.organization))
    if key in counting:
        must_read(request, key)
    readable = readable_by(request)
    known = {each: document for each, document in counting.items() if each in readable}
    if not known:
        return render(request, "statistics/none.html")
    if key not in known:
        return redirect("statistics_of", key=next(iter(known)))
    language = get_language() or "zh-hans"
    today = local_now(request.organization, request.now).date()
    period = _period(request, today)
    found = counted(request.organization, key, period, request.now, language)
    document = known[key]
    if request.GET.get("format") == "xlsx":
        return _book(request, found, f"{document.number} {document.title.in_(language)}", language)
    links = Links(key, period)
    return render(
        request,
        "statistics/statistics.html",
        {
            "document": document,
            "key": key,
            "procedures": [
                {"title": each.title.in_(language), "key": each_key, "is_here": each_key == key}
                for each_key, each in known.items()
            ],
            "period": period,
            "asked": _asked(request, period),
            "before": _query(period.before()),
            "after": _query(period.after()) if period.until <= today else "",
            "this_month": _query(Period.month(today)),
            "this_year": _query(Period.year(today.year)),
            "last_year": _query(Period.year(today.year - 1)),
            "found": found,
            "all": links.to("all:"),
            "figures": [figure_card(figure, links) for figure in found.figures],
            "tables": [table_card(table, links) for table in found.tables if table.lines],
            "sheets": [
                {
                    "sheet": sheet,
                    "cases": links.to("sheet:cases", sheet.department),
                    "late": links.to("sheet:late", sheet.department),
                    "failed": links.to("sheet:failed", sheet.department),
                }
                for sheet in found.sheets
            ],
            "trend": {
                "kind": "bars",
                "names": [month for month, _count in found.trend],
                "values": [count for _month, count in found.trend],
                "series": _("Cases"),
            },
            "months": [
                {"month": month, "count": count, "address": links.to("all:", period=_month(month))}
                for month, count in found.trend
            ],
            "has_register": document.register_ is not None,
        },
    )


def _period(request: Any, today: date) -> Period:
    """A month, a year, or from one day to another; this month where the address says nothing readable."""
    words = request.GET
    if found := period_of(words.get("since"), words.get("until")):
        return found
    if (year := words.get("year", "")).isdecimal() and 1900 <= int(year) <= 9990:
        return Period.year(int(year))
    try:
        return Period.month(date.fromisoformat(f"{words.get('month', '')}-01"))
    except ValueError:
        return Period.month(today)


def _asked(request: Any, period: Period) -> dict[str, str]:
    return {"since": period.since.isoformat(), "until": period.last.isoformat(), "month": f"{period.since:%Y-%m}"}


def _month(text: str) -> Period:
    return Period.month(date.fromisoformat(f"{text}-01"))


def _query(period: Period) -> str:
    if period.is_month:
        return "?" + urlencode({"month": f"{period.since:%Y-%m}"})
    if period.is_year:
        return "?" + urlencode({"year": period.since.year})
    return "?" + urlencode({"since": period.since, "until": period.last})


class Links:
    """From a figure to the register, showing the cases it counted."""

    def __init__(self, key: str, period: Period):
        self.key, self.period = key, period

    def to(self, figure: str, value: str = "", period: Period | None = None) -> str:
        period = period or self.period
        words = {"behind": figure, "value": value, "since": period.since, "until": period.last}
        return f"{reverse('register', args=[self.key])}?{urlencode({k: v for k, v in words.items() if v})}"


def figure_card(figure: Figure, links: Links) -> dict[str, Any]:
    return {
        "figure": figure,
        "counts": links.to(f"counts:{figure.key}"),
        "of": links.to(f"of:{figure.key}"),
        "missed": links.to(f"missed:{figure.key}"),
        "chart": {
            "kind": "line",
            "names": [month for month, _value in figure.trend],
            "values": [None if value is None else float(value) for _month, value in figure.trend],
            "target": float(figure.target) if figure.target is not None else None,
            "target_name": _("Target"),
            "series": figure.title,
            "unit": "%" if figure.unit == "percent" else "",
        },
    }


def table_card(table: Table, links: Links) -> dict[str, Any]:
    shares = table.shares()
    shown = shares[:12]
    return {
        "table": table,
        "lines": [
            {"line": line, "share": share, "sum": sum_, "address": links.to(f"by:{table.key}", line.value)}
            for line, share, sum_ in shares
        ],
        "chart": {
            "kind": "bars" if table.is_time else "pareto",
            "names": [line.title for line, _share, _sum in shown],
            "values": [line.count for line, _share, _sum in shown],
            "sums": [float(sum_) for _line, _share, sum_ in shown],
            "series": _("Cases"),
            "sum_name": _("Cumulative share"),
        },
    }


def _book(request: Any, found: Statistics, title: str, language: str) -> HttpResponse:
    target = io.BytesIO()
    made_at = f"{local_now(request.organization, request.now):%Y-%m-%d %H:%M}"
    exports.write_statistics(found, title, request.person.called(language), made_at, target)
    response = HttpResponse(target.getvalue(), content_type=exports.SHEET)
    response.headers["Content-Disposition"] = (
        f'attachment; filename="statistics-{found.period.since}-{found.period.last}.xlsx"'
    )
    return response
