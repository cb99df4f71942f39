"""Ledgers: the list of those one may read stands with the registers; here one of them, of all customers or of one."""

from __future__ import annotations

import re
import tempfile
from datetime import date
from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from kehu.cases.models import Case
from kehu.core.refusals import Refusal
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.customers.queries import by_code
from kehu.organizations.queries import local_now
from kehu.reports import exports
from kehu.reports.ledgers import Ageing, LedgerView, Page, Wish, ageing, band_titles, readable_ledgers
from kehu.reports.registers import Column

from .imports import kinds_of


@require_safe
def ledger(request: HttpRequest, key: str, code: str = "") -> HttpResponse:
    customer = _customer(code)
    view, wish = _view(request, key), _wish(request, customer)
    page = view.page(wish)
    words = {
        "view": view,
        "wish": wish,
        "customer": customer,
        "tabs": tabs_of(request, customer, key) if customer else [],
        "columns": _columns(view, customer),
        "rows": _rows(view, page, customer),
        "page": page,
        "address": _address(key, customer),
        "may_import": key in [kind.key for kind in kinds_of(request)],
        "excel": f"{_address(key, customer, 'excel')}?{_words(wish)}",
        "following": f"?{_words(wish, after=page.after)}" if page.after else "",
        "ageing": ageing_card(ageing(view.today, customer)) if key == "statements" else None,
    }
    return render(request, "ledgers/ledger.html", words)


@require_safe
def ledger_excel(request: HttpRequest, key: str, code: str = "") -> FileResponse:
    view, wish = _view(request, key), _wish(request, _customer(code))
    target = tempfile.TemporaryFile()  # noqa: SIM115 -- the response closes it when it has been sent
    exports.write_ledger(view, wish, target)
    target.seek(0)
    name = exports.ledger_file_name(view)
    return FileResponse(target, as_attachment=True, filename=name, content_type=exports.SHEET)


def shelves(request: Any) -> list[dict[str, str]]:
    """The ledgers this person may read, for the list of registers."""
    language = get_language() or "zh-hans"
    found = []
    for key in readable_ledgers(request.organization, request.person, request.now):
        view = LedgerView(request.organization, request.person, key, request.now, language)
        found.append({"title": view.title, "number": view.number, "address": reverse("ledger", args=[key])})
    return found


def tabs_of(request: Any, customer: Customer, here: str = "") -> list[dict[str, Any]]:
    """The parts of a customer's page: what everybody sees, his folder, and the ledgers this person may read."""
    language = get_language() or "zh-hans"
    tabs = [
        {"title": _("Overview"), "address": reverse("customer", args=[customer.code]), "is_here": not here},
        {
            "title": _("Folder"),
            "address": reverse("customer_folder", args=[customer.code]),
            "is_here": here == "folder",
        },
    ]
    for key in readable_ledgers(request.organization, request.person, request.now):
        if key == "customers":  # what it says of him stands on his page
            continue
        view = LedgerView(request.organization, request.person, key, request.now, language)
        address = reverse("customer_ledger", args=[customer.code, key])
        tabs.append({"title": view.title, "address": address, "is_here": here == key})
    return tabs


def ageing_card(found: list[Ageing]) -> dict[str, Any]:
    """Amounts by age, as bars of the currency that is owed most, and all as a table."""
    titles = band_titles()
    most = max(found, key=lambda one: one.total, default=None)
    return {
        "currencies": [one.currency for one in found],
        "bands": list(zip(titles, zip(*(one.bands for one in found), strict=True), strict=True)) if found else [],
        "totals": [one.total for one in found],
        "chart": {
            "kind": "bars",
            "names": titles,
            "values": [float(band) for band in most.bands],
            "series": most.currency,
        }
        if most and most.total
        else None,
    }


def _view(request: Any, key: str) -> LedgerView:
    return LedgerView(request.organization, request.person, key, request.now, get_language() or "zh-hans")


def _customer(code: str) -> Customer | None:
    customer = by_code(code) if code else None
    if code and customer is None:
        raise Http404
    return customer


def _wish(request: HttpRequest, customer: Customer | None) -> Wish:
    asked = request.GET
    return Wish(
        text=asked.get("q", "").strip()[:80],
        state=asked.get("state", "")[:20],
        customer=customer,
        first=_day(asked.get("from", "")),
        last=_day(asked.get("until", "")),
        after=asked.get("after", "")[:200],
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _words(wish: Wish, **more: str) -> str:
    words = {"q": wish.text, "state": wish.state, "from": _iso(wish.first), "until": _iso(wish.last), **more}
    return urlencode({name: value for name, value in words.items() if value})


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""


def _address(key: str, customer: Customer | None, what: str = "") -> str:
    ending = f"_{what}" if what else ""
    if customer:
        return reverse(f"customer_ledger{ending}", args=[customer.code, key])
    return reverse(f"ledger{ending}", args=[key])


def _columns(view: LedgerView, customer: Customer | None) -> list[Column]:
    """On a customer's own page each row need not say whose it is."""
    return [column for column in view.columns if not (customer and column.key == "customer")]


_BROUGHT = re.compile(r"import (\d+)")
"""What an entry names as its source when a sheet brought it."""


def _rows(view: LedgerView, page: Page, customer: Customer | None) -> list[list[tuple[Any, str, str]]]:
    """(column, text, address) of each cell: customers and the cases that entries come from lead on."""
    kinds = {name: kind for name, (_title, kind) in view.kind.columns.items()}
    places = {column.key: at for at, column in enumerate(view.columns)}
    sources = [at for name, at in places.items() if kinds[name] == "case"]
    named = {line.cells[at].text.partition("/")[0] for line in page.lines for at in sources}
    known = set(Case.objects.filter(number__in=named - {""}).values_list("number", flat=True))
    rows = []
    for line in page.lines:
        row = []
        for column, cell in zip(view.columns, line.cells, strict=True):
            if customer and column.key == "customer":
                continue
            address = ""
            if kinds[column.key] == "customer":
                address = reverse("customer", args=[cell.value])
            elif kinds[column.key] == "case" and (number := cell.text.partition("/")[0]) in known:
                address = reverse("case", args=[number])
            text = cell.text
            if kinds[column.key] == "case" and (brought := _BROUGHT.fullmatch(text)):
                text = _("Import {number}").format(number=brought[1])
            row.append((column, text, address))
        rows.append(row)
    return rows


def ageing_tile(request: Any) -> dict[str, Any] | None:
    """For a dashboard; nothing where this person may not read what customers owe."""
    try:
        view = _view(request, "statements")
    except Refusal:
        return None
    today = local_now(request.organization, request.now).date()
    return {"title": view.title, "address": reverse("ledger", args=["statements"]), **ageing_card(ageing(today))}
