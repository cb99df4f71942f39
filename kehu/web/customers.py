"""The customer directory, and everything we know of one customer on one page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from kehu.cases import queries as cases
from kehu.cases.folder import Folder
from kehu.cases.form_templates import of_customer as forms_of
from kehu.cases.history import Record
from kehu.cases.models import Case
from kehu.cases.permissions import may_see, readable
from kehu.cases.wording import Entry, Words, entry_of
from kehu.cases.work import Work
from kehu.ledgers.customers import queries
from kehu.ledgers.customers.models import Customer
from kehu.organizations.permissions import may_administer
from kehu.organizations.queries import Directory, directory
from kehu.procedures.revisions import procedures_of, running
from kehu.reports.findings import said_of

from .context import Start, startable
from .ledgers import tabs_of
from .saved_views import opened_with

STATUSES = {
    "prospect": gettext_lazy("Prospect"),
    "active": gettext_lazy("Active"),
    "dormant": gettext_lazy("Dormant"),
    "closed": gettext_lazy("No longer a customer"),
}


def _beginnings(request: HttpRequest) -> list[Start]:
    """The procedures by which this person may bring a new customer into the directory."""
    known = procedures_of(request.organization)  # type: ignore[attr-defined]
    enters = {
        key
        for key, found in known.items()
        if any(step.does == "enter_customer" for step in found.procedure.steps.values())
    }
    return [start for start in startable(request) if start.key in enters]


@require_safe
def customers(request: HttpRequest) -> HttpResponse:
    views, elsewhere = opened_with(request)
    if elsewhere:
        return elsewhere
    wish = queries.Wish(
        search=request.GET.get("q", "").strip()[:80],
        grade=request.GET.get("class", "")[:20],
        status=request.GET.get("status", "")[:20],
        owner=request.GET.get("owner", "")[:60],
        sort=request.GET.get("sort", "code")[:20],
        page=int(text) if (text := request.GET.get("page", "")).isdecimal() and len(text) < 7 else 1,
        before=request.GET.get("before", "")[:40],
        after=request.GET.get("after", "")[:40],
    )
    listing = queries.listed(wish)
    people = _people(request)
    words = {
        "beginnings": _beginnings(request),
        **views,
        "wish": wish,
        "listing": listing,
        "rows": [(customer, STATUSES.get(customer.status, customer.status)) for customer in listing.customers],
        "columns": [(_column(wish, key, title)) for key, title in _columns().items()],
        "grades": queries.grades(),
        "statuses": STATUSES.items(),
        "owners": [people[key] for key in queries.owners() if key in people],
        "before": _before(wish, listing),
        "following": _following(wish, listing) if listing.has_next else "",
        "may_import": may_administer(request.person, "customers", request.organization),  # type: ignore[attr-defined]
        "is_filtered": bool(wish.search or wish.grade or wish.status or wish.owner),
    }
    return render(request, "web/customers/customers.html", words)


@require_safe
def customer(request: HttpRequest, code: str) -> HttpResponse:
    organization, person, now = request.organization, request.person, request.now  # type: ignore[attr-defined]
    found = queries.whole(code)
    if found is None:
        raise Http404
    rows = cases.cases_of(organization, person, found, now)
    words = {
        "customer": found,
        "tabs": tabs_of(request, found),
        "may_change": may_administer(person, "customers", organization),
        "classings": queries.classings_of(found),
        "status": STATUSES.get(found.status, found.status),
        "contacts": queries.contacts_of(found),
        "open_rows": [row for row in rows if row.closed_at is None],
        "closed_rows": [row for row in rows if row.closed_at is not None],
        "figures": cases.figures_of(found, known := readable(person, organization, _directory(request)), now),
        "said": said_of(organization, found, known, now, get_language() or "zh-hans"),
        "forms": forms_of(found),
        "may_keep_forms": may_administer(person, "customers", organization),
        "happenings": list(_happenings(request, found)),
    }
    return render(request, "web/customers/customer.html", words)


@require_safe
def folder(request: HttpRequest, code: str) -> HttpResponse:
    """资料夹: all that is filed of him, by its parts."""
    organization, person, now = request.organization, request.person, request.now  # type: ignore[attr-defined]
    found = Customer.objects.filter(code=code).first()
    if found is None:
        raise Http404
    words = {
        "customer": found,
        "tabs": tabs_of(request, found, "folder"),
        "parts": cases.filed(organization, person, found, now),
    }
    return render(request, "web/customers/folder.html", words)


def _happenings(request: HttpRequest, customer: Customer) -> Iterator[tuple[Case, Entry]]:
    """The customer's timeline: the latest events of the cases that this person may read, in the words of the case page."""
    person = request.person  # type: ignore[attr-defined]
    work = Work(request.organization, person, request.now)  # type: ignore[attr-defined]
    latest = cases.latest_cases(customer)
    taken_part = cases.taken_part(person, latest)
    words: dict[int, Words] = {}
    for case in latest:
        folder = Folder(work, case, running(case.revision), [])
        if case.pk in taken_part or may_see(person, folder):
            words[case.pk] = Words(Record(folder, person, [], []))
    for case, event in cases.latest_events(case for case in latest if case.pk in words):
        yield case, entry_of(words[case.pk], event)


def _people(request: HttpRequest) -> Any:
    return _directory(request).people


def _directory(request: HttpRequest) -> Directory:
    today = timezone.localtime(request.now).date()  # type: ignore[attr-defined]
    return directory(request.organization, today)  # type: ignore[attr-defined]


def _columns() -> dict[str, str]:
    return {
        "code": _("Code"),
        "name": _("Customer"),
        "class": _("Class"),
        "status": _("Status"),
        "owner": _("Looked after by"),
    }


def _column(wish: queries.Wish, key: str, title: str) -> tuple[str, str, str]:
    """Title, address that sorts by it (the other way round when it is sorted already), and how it is sorted now."""
    is_up, is_down = wish.sort == key, wish.sort == f"-{key}"
    return title, _address(wish, sort=f"-{key}" if is_up else key), "up" if is_up else "down" if is_down else ""


def _before(wish: queries.Wish, listing: queries.Listing) -> str:
    if listing.before:
        return _address(wish, before=listing.before)
    return _address(wish, page=str(listing.page - 1)) if listing.page > 1 else ""


def _following(wish: queries.Wish, listing: queries.Listing) -> str:
    return _address(wish, after=listing.after) if listing.after else _address(wish, page=str(listing.page + 1))


def _address(wish: queries.Wish, **changed: str) -> str:
    words = {
        "q": wish.search,
        "class": wish.grade,
        "status": wish.status,
        "owner": wish.owner,
        "sort": wish.sort,
    } | changed
    return f"{reverse('customers')}?{urlencode({key: value for key, value in words.items() if value})}"
