"""看板: what a position sees at a glance. Figures that take counting come after the page, one request a procedure."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from kehu.engine.definitions import Dashboard, Tile
from kehu.organizations.queries import local_now
from kehu.procedures.revisions import procedures_of
from kehu.reports import dashboards
from kehu.reports.records import Period

from .ledgers import ageing_tile
from .statistics import Links, figure_card, table_card


@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    found, tiles = _tiles(request)
    language = get_language() or "zh-hans"
    words = {
        "dashboard": found,
        "tiles": [_shown(request, place, tile, language) for place, tile in tiles],
        "figures": dict.fromkeys(tile.procedure for _place, tile in tiles if tile.indicator or tile.statistic),
    }
    return render(request, "dashboard/dashboard.html", words)


@require_safe
def figures(request: HttpRequest, key: str) -> HttpResponse:
    """The tiles of one procedure that had to be counted; without JavaScript its page of statistics."""
    _found, tiles = _tiles(request)
    mine = [(place, tile) for place, tile in tiles if tile.procedure == key and (tile.indicator or tile.statistic)]
    if not mine:
        raise Http404
    if "HX-Request" not in request.headers:
        return redirect("statistics_of", key=key)
    language = get_language() or "zh-hans"
    counted = dashboards.counted(request.organization, key, mine, request.now, language)  # type: ignore[attr-defined]
    year = Period.year(local_now(request.organization, request.now).year)  # type: ignore[attr-defined]
    month, whole = Links(key, counted.period), Links(key, year)
    words = {
        "tiles": [
            {
                "place": place,
                "chart": f"tile-chart-{place}",
                "procedure": _title(request, key, language),
                "address": reverse("statistics_of", args=[key]),
                "figure": figure_card(counted.figures[place], month) if place in counted.figures else None,
                "table": table_card(counted.tables[place], whole) if place in counted.tables else None,
            }
            for place, tile in mine
        ],
        "period": counted.period,
        "year": year,
        "refusal": counted.refusal,
    }
    return render(request, "dashboard/_figures.html", words)


def _tiles(request: Any) -> tuple[Dashboard, list[tuple[int, Tile]]]:
    found = dashboards.dashboard_of(request.organization, request.person)
    if found is None:
        raise Http404
    return found, dashboards.tiles_for(request.organization, request.person, found, request.now)


def _shown(request: Any, place: int, tile: Tile, language: str) -> dict[str, Any]:
    words: dict[str, Any] = {"place": place, "tile": tile}
    if tile.tasks:
        words["is_mine"] = tile.tasks == "mine"
        words["tasks"] = dashboards.tasks_of(request.organization, request.person, tile.tasks, request.now)
    elif tile.cases:
        words["standing"] = dashboards.standing_of(request.organization, tile.cases, request.now, language)
        words["procedure"] = _title(request, tile.cases, language)
        register = procedures_of(request.organization)[tile.cases].procedure.register_
        words["address"] = reverse("register", args=[tile.cases]) if register else ""
    elif tile.ledger:
        words |= {"ageing": ageing_tile(request), "chart": f"tile-chart-{place}"}
    else:
        words |= {"procedure": _title(request, tile.procedure, language), "waits": tile.procedure}
        words["title"] = _title_of(request, tile, language)
    return words


def _title(request: Any, key: str, language: str) -> str:
    return procedures_of(request.organization)[key].procedure.title.in_(language)


def _title_of(request: Any, tile: Tile, language: str) -> str:
    procedure = procedures_of(request.organization)[tile.procedure].procedure
    key = (tile.indicator or tile.statistic or "").partition(".")[2]
    one = (procedure.indicators if tile.indicator else procedure.statistics).get(key)
    return one.title.in_(language) if one else ""
