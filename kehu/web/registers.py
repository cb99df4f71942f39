"""Registers (台账): the list of them, one with its filters, and the same as an Excel file."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.http import FileResponse, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from kehu.procedures.chart import text_width
from kehu.reports import exports, reading
from kehu.reports.records import Period
from kehu.reports.registers import MOST, Asked, Column, Filter, Page, RegisterView, listed
from kehu.reports.statistics import statistics

from . import ledgers
from .saved_views import opened_with


def readable_by(request: Any) -> set[str]:
    """The procedures whose registers and figures this person may read."""
    return reading.readable_by(request.organization, request.person, request.now)


def must_read(request: Any, key: str) -> None:
    reading.must_read(request.organization, request.person, key, request.now, get_language() or "zh-hans")


@require_GET
def registers(request: Any) -> HttpResponse:
    readable = readable_by(request)
    shelves = [
        shelf
        for shelf in listed(request.organization, request.now, get_language() or "zh-hans", most=MOST)
        if shelf.key in readable
    ]
    return render(request, "registers/list.html", {"shelves": shelves, "ledgers": ledgers.shelves(request)})


@require_GET
def register(request: Any, key: str) -> HttpResponse:
    must_read(request, key)
    saved, elsewhere = opened_with(request)
    if elsewhere:
        return elsewhere
    view, asked, behind = _asked(request, key)
    place = {key: request.GET.get(key, "")[:60] for key in ("before", "after")}
    page = view.page(asked, _number(request.GET.get("page")), **place)
    address = _Address(request, view.understood)
    widths = [_width(page, at) for at in range(len(view.columns))]
    return render(
        request,
        "registers/register.html",
        {
            **saved,
            "view": view,
            "page": page,
            "widths": widths,
            "asked": asked,
            "behind": behind,
            "heads": [_head(column, asked, address, width) for column, width in zip(view.columns, widths, strict=True)],
            "controls": [_control(one, asked) for one in view.filters],
            "more_are_used": bool(asked.values or asked.periods or asked.step or asked.clause),
            "said": view.said(asked),
            "choosable": [(column, column in view.columns) for column in view.all_columns[1:]],
            "are_chosen": len(view.columns) < len(view.all_columns),
            "all_columns": address.with_(columns=None, page=None),
            "looks": {key: value for key, value in address.words.items() if key not in ("columns", "page")},
            "kept": address.kept("behind", "value", "since", "until", "clause", "sort", "columns", "saved"),
            "excel": address.with_(**_NOWHERE),
            "everything": address.only("sort", "columns"),
            "before": _before(page, address),
            "after": address.with_(**_NOWHERE | _following(page)) if page.has_next else "",
        },
    )


@require_GET
def register_excel(request: Any, key: str) -> FileResponse:
    view, asked, behind = _asked(request, key)
    target = tempfile.TemporaryFile()  # noqa: SIM115 -- the response closes it when it has been sent
    by = request.person.called(view.language)
    exports.write_register(view, asked, by, target, behind)
    target.seek(0)
    return FileResponse(target, as_attachment=True, filename=exports.file_name(view), content_type=exports.SHEET)


def _asked(request: Any, key: str) -> tuple[RegisterView, Asked, str]:
    """The register, what is asked of it, and in words the figure it shows the cases of."""
    language = get_language() or "zh-hans"
    must_read(request, key)
    view = RegisterView(request.organization, key, request.now, language, columns_of(request.GET))
    words = request.GET.dict()
    figure = words.get("behind", "")
    period = period_of(words.get("since"), words.get("until"))
    if not figure or period is None:
        return view, view.asked(words), ""
    found = statistics(request.organization, key, period, request.now, language)
    value = words.get("value", "")
    among = found.behind(figure, value)
    if among is None:
        return view, view.asked(words), ""
    return view, view.asked(words, among), f"{found.title_of(figure, value)} ({period})"


def period_of(since: str | None, until: str | None) -> Period | None:
    """Both days as in addresses, the last one included."""
    try:
        first, last = date.fromisoformat(since or ""), date.fromisoformat(until or "")
    except ValueError:
        return None
    return Period(first, date.fromordinal(last.toordinal() + 1)) if first <= last else None


def columns_of(words: QueryDict) -> list[str]:
    """The columns an address chooses: `columns=a,b`, or as the form with its boxes says it, `columns=a&columns=b`."""
    return [key for text in words.getlist("columns") for key in text.split(",") if key]


_NOWHERE: dict[str, Any] = {"page": None, "before": None, "after": None}
"""An address without a place in the list."""


def _before(page: Page, address: _Address) -> str:
    if page.before:
        return address.with_(**_NOWHERE | {"before": page.before})
    return address.with_(**_NOWHERE | {"page": page.number - 1}) if page.number > 1 else ""


def _following(page: Page) -> dict[str, Any]:
    return {"after": page.after} if page.after else {"page": page.number + 1}


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 7 else 1


_OURS = ("columns", "saved", "behind", "value", "since", "until", "page", "before", "after")
"""What an address says to the page itself: how the list looks, and behind which number of the statistics it stands."""


class _Address:
    """Variations of the page's own address; what it does not understand is left out."""

    def __init__(self, request: HttpRequest, understood: Collection[str]):
        words = {**request.GET.dict(), "columns": ",".join(columns_of(request.GET))}
        self.words = {key: value for key, value in words.items() if value and (key in understood or key in _OURS)}

    def with_(self, **changes: Any) -> str:
        words = {**self.words, **changes}
        return "?" + urlencode({key: value for key, value in words.items() if value is not None})

    def only(self, *keys: str) -> str:
        return "?" + urlencode(self.kept(*keys))

    def kept(self, *keys: str) -> dict[str, str]:
        return {key: self.words[key] for key in keys if key in self.words}


def _head(column: Column, asked: Asked, address: _Address, width: str) -> dict[str, Any]:
    """A column's head; a click sorts by it, another one the other way round."""
    here = asked.sort.removeprefix("-") == column.key
    falling = here and asked.sort.startswith("-")
    return {
        "title": column.title,
        "width": width,
        "is_number": column.is_number,
        "address": address.with_(sort=column.key if falling or not here else f"-{column.key}", **_NOWHERE)
        if column.sortable
        else "",
        "order": ("descending" if falling else "ascending") if here else "",
    }


def _width(page: Page, at: int) -> str:
    """How wide a column wants to be, by the longest text on the page."""
    longest = max((text_width(line.cells[at].text, 1) for line in page.lines), default=0)
    return "narrow" if longest <= 7 else "medium" if longest <= 13 else "wide" if longest <= 40 else "widest"


def _control(one: Filter, asked: Asked) -> dict[str, Any]:
    first, last = asked.periods.get(one.key, (None, None))
    return {
        "filter": one,
        "value": asked.values.get(one.key, ""),
        "first": first.isoformat() if first else "",
        "last": last.isoformat() if last else "",
        "is_used": one.key in asked.values or one.key in asked.periods,
    }
