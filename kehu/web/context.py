"""What every staff page shows around itself: where one can go, what may be started, what is unread, the demo's clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from kehu.cases.permissions import may_open
from kehu.cases.work import Work
from kehu.notifications.queries import unread_count
from kehu.organizations.permissions import may_administer
from kehu.organizations.queries import directory, local_now
from kehu.procedures.revisions import procedures_of
from kehu.reports.dashboards import dashboard_of

CALENDAR_WARNING_DAYS = 60
"""Limits of some weeks already reach beyond the calendar then, and the next year is published in November."""


@dataclass(frozen=True)
class Place:
    """A line of the navigation."""

    title: str
    icon: str
    address: str
    is_here: bool
    count: str = ""
    is_alert: bool = False
    is_tab: bool = False
    """Among the few at the bottom of the phone."""


@dataclass(frozen=True)
class Start:
    """A procedure that this person may start."""

    key: str
    number: str
    title: Any
    address: str


def navigation(request: HttpRequest) -> dict[str, Any]:
    """`nav` in every template. Counted only where it is shown: two statements, none before somebody has signed in."""
    return {"nav": SimpleLazyObject(lambda: _navigation(request))}


def _navigation(request: HttpRequest) -> dict[str, Any]:
    person = getattr(request, "person", None)
    if person is None:
        return {}
    unread = unread_count(person)
    return {
        "places": _places(request, unread),
        "startable": startable(request),
        "unread": unread,
        "max_file": settings.MAX_FILE_SIZE // 2**20,
        "calendar_ends": calendar_ends(request),
        "clock": request.organization.is_demo and settings.DEMO,  # type: ignore[attr-defined]
    }


def calendar_ends(request: Any) -> date | None:
    """The day until which the holidays are confirmed, when it is near and this person may confirm more. No statement."""
    today = local_now(request.organization, request.now).date()
    known = directory(request.organization, today).calendar().known_until
    if known is None or known > today + timedelta(days=CALENDAR_WARNING_DAYS):
        return None
    return known if may_administer(request.person, "calendar", request.organization) else None


def _places(request: HttpRequest, unread: str) -> list[Place]:
    rows = [
        ("inbox", _("Inbox"), "inbox", "", True),
        ("registers", _("Registers"), "table", "", True),
        ("customers", _("Customers"), "building", "", True),
        ("procedures", _("Procedures"), "book", "", False),
        ("statistics", _("Statistics"), "chart-bar", "", False),
        ("notices", _("Notices"), "bell", unread, True),
        ("settings", _("Settings"), "settings", "", False),
    ]
    if dashboard_of(request.organization, request.person):  # type: ignore[attr-defined]
        rows.insert(1, ("dashboard", _("Dashboard"), "layout-dashboard", "", False))
    places = []
    for name, title, icon, count, is_tab in rows:
        address = _address(name)
        is_here = request.path == address or (address != "/" and request.path.startswith(address))
        places.append(Place(title, icon, address, is_here, count, is_alert=name == "notices", is_tab=is_tab))
    return places


def startable(request: HttpRequest) -> list[Start]:
    """The procedures in force whose first step is open to this person. No statement: both directories are kept."""
    work = Work(request.organization, request.person, request.now)  # type: ignore[attr-defined]
    return [
        Start(key, running.procedure.number, running.procedure.title, _address("new_case", key))
        for key, running in procedures_of(request.organization).items()  # type: ignore[attr-defined]
        if may_open(work, running)
    ]


@lru_cache(maxsize=1024)
def _address(name: str, *words: str) -> str:
    """Asked of Django once: every page names a score of them."""
    return reverse(name, args=words)
