"""Saved views of lists: which there are, how a list opens, and what is done with them. A list takes part by `opened_with` and the
template `web/views/_menu.html`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import Resolver404, resolve
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from kehu.core.refusals import BadData, Conflict
from kehu.organizations import saved_views
from kehu.organizations.models import SavedView
from kehu.organizations.queries import Directory, directory, local_now

LISTS = frozenset({"inbox", "register", "customers"})
"""The addresses whose views are kept, by name."""
_PLACES = frozenset({"saved", "page", "before", "after", "csrfmiddlewaretoken"})
"""Where one is in a list is no part of how it looks."""


def opened_with(request: Any) -> tuple[dict[str, Any], HttpResponse | None]:
    """What `_menu.html` shows of this list's views; and, where the list is opened plainly by somebody whose it opens with a view,
    the way there."""
    offered = saved_views.offered(request.person, _people(request), request.path)
    default = next((view for view in offered if view.is_default), None)  # type: ignore[attr-defined]
    if default and not request.GET:
        return {}, redirect(address_of(default))
    chosen = request.GET.get("saved", "")
    words = {
        "kept_views": [(view, address_of(view), view.owner_id == request.person.id) for view in offered],
        "view_chosen": next((view for view in offered if str(view.pk) == chosen), None),
        "view_words": urlencode(_look(request.GET.urlencode())),
    }
    return words, None


def address_of(view: SavedView) -> str:
    return f"{view.page}?{view.words}{'&' if view.words else ''}saved={view.pk}"


@require_POST
def views(request: Any) -> HttpResponse:
    """The list as it is asked for gets a name."""
    page, words = request.POST.get("page", ""), request.POST.get("words", "")
    if not _is_list(page):
        return redirect("inbox")
    asked = _look(words)
    try:
        view = saved_views.save(
            organization=request.organization,
            page=page,
            name=request.POST.get("name", ""),
            words=urlencode(asked),
            shared=request.POST.get("shared", ""),
            is_default=request.POST.get("is_default") == "1",
            by=request.person,
            now=request.now,
        )
    except (BadData, Conflict) as refusal:
        messages.error(request, str(refusal))
        return redirect(f"{page}?{urlencode([*asked, ('saved', 'none')])}")
    messages.success(request, _("The view “{name}” is kept.").format(name=view.name))
    return redirect(address_of(view))


def _look(words: str) -> list[tuple[str, str]]:
    """What an address asks of a list, without where one is in it."""
    return [(key, value) for key, value in parse_qsl(words[:10_000]) if key not in _PLACES]


@require_POST
def name(request: Any, pk: int) -> HttpResponse:
    given = request.POST.get("name", "")
    return _changed(request, pk, lambda: saved_views.rename(view=pk, name=given, by=request.person, now=request.now))


@require_POST
def words(request: Any, pk: int) -> HttpResponse:
    """The view as the list looks now."""
    asked = urlencode(_look(request.POST.get("words", "")))
    return _changed(request, pk, lambda: saved_views.rewrite(view=pk, words=asked, by=request.person, now=request.now))


def _changed(request: Any, pk: int, change: Callable[[], SavedView]) -> HttpResponse:
    try:
        view = change()
    except (BadData, Conflict) as refusal:
        messages.error(request, str(refusal))
        return redirect(address_of(saved_views.seen_by(request.person, _people(request)).get(pk=pk)))
    messages.success(request, _("The view “{name}” is kept.").format(name=view.name))
    return redirect(address_of(view))


@require_POST
def copy(request: Any, pk: int) -> HttpResponse:
    view = saved_views.copy(view=pk, by=request.person, people=_people(request), now=request.now)
    messages.success(request, _("The copy “{name}” is yours.").format(name=view.name))
    return redirect(address_of(view))


@require_POST
def place(request: Any, pk: int) -> HttpResponse:
    return redirect(address_of(saved_views.move(view=pk, by=request.person, is_down=request.POST.get("to") == "down")))


@require_POST
def removal(request: Any, pk: int) -> HttpResponse:
    view = saved_views.remove(view=pk, by=request.person, now=request.now)
    messages.success(request, _("The view “{name}” is deleted.").format(name=view.name))
    return redirect(f"{view.page}?saved=none")


@require_POST
def sharing(request: Any, pk: int) -> HttpResponse:
    view = saved_views.share(view=pk, shared=request.POST.get("shared", ""), by=request.person, now=request.now)
    return redirect(address_of(view))


@require_POST
def default(request: Any, pk: int) -> HttpResponse:
    is_default = request.POST.get("is_default") == "1"
    view = saved_views.open_with(view=pk, by=request.person, people=_people(request), is_default=is_default)
    return redirect(address_of(view))


def _is_list(path: str) -> bool:
    if len(path) > 120:
        return False
    try:
        return resolve(path).url_name in LISTS
    except Resolver404:
        return False


def _people(request: HttpRequest) -> Directory:
    return directory(request.organization, local_now(request.organization, request.now).date())  # type: ignore[attr-defined]
