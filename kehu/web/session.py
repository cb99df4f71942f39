"""Signing in and out, and the language one reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from kehu.core import clock
from kehu.core.models import Organization, User
from kehu.organizations.actions import choose_language
from kehu.organizations.models import Member
from kehu.organizations.queries import Person, directory

TRIES = 5
"""Wrong passwords a minute, for one name from one address."""


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    following = following_of(request)
    if request.method == "GET":
        if request.user.is_authenticated and getattr(request, "person", None):
            return redirect(following)
        return _page(request)
    if request.POST.get("person"):
        return _as_demo_person(request, following)
    username = request.POST.get("username", "").strip()
    key = f"sign-in:{username.lower()}:{request.META.get('REMOTE_ADDR', '')}"
    if cache.get(key, 0) >= TRIES:
        return _page(request, _("Too many wrong tries. Wait a minute, then try again."), username, status=429)
    user = authenticate(request, username=username, password=request.POST.get("password", ""))
    if user is None:
        cache.add(key, 0, timeout=60)
        cache.incr(key)
        message = _("Name and password do not match. Check both; after five wrong tries you have to wait a minute.")
        return _page(request, message, username, status=422)
    login(request, user)
    return redirect(following)


def _as_demo_person(request: HttpRequest, following: str) -> HttpResponse:
    """Only where the demo is switched on, and only people of a demo organization: one click, no password."""
    member = None
    if settings.DEMO:
        member = (
            Member.everywhere.select_related("user")
            .filter(
                organization__is_demo=True,
                organization__key=request.POST.get("organization"),
                key=request.POST["person"],
                user__is_active=True,
            )
            .first()
        )
    if member is None or member.user is None:
        return _page(request, _("This person cannot be signed in here. Choose another."), status=422)
    login(request, member.user, backend="django.contrib.auth.backends.ModelBackend")
    return redirect(following)


def _page(request: HttpRequest, message: str = "", username: str = "", status: int = 200) -> HttpResponse:
    words = {"message": message, "username": username, "next": following_of(request), "casts": list(_casts())}
    return render(request, "web/sign_in.html", words, status=status)


@dataclass(frozen=True)
class Cast:
    """A demo organization's people, by department."""

    organization: Organization
    now: datetime
    groups: list[tuple[Any, list[Person]]]


def _casts() -> list[Cast]:
    if not settings.DEMO:
        return []
    found = []
    for organization in Organization.objects.filter(is_demo=True).order_by("pk"):
        now = clock.now(organization)
        people = directory(organization, now.astimezone(ZoneInfo(organization.timezone)).date())
        groups = [
            (unit.title, sorted(members, key=lambda person: (-person.rank, person.key)))
            for unit in people.units.values()
            if (members := [person for person in people.people.values() if unit.key in person.departments[:1]])
        ]
        found.append(Cast(organization, now, groups))
    return found


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("sign_in")


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """The language of this browser; a member's messages speak the one he last chose, too."""
    chosen = request.POST.get("language", "")
    response = redirect(following_of(request))
    if chosen in dict(settings.LANGUAGES):
        response.set_cookie(
            "kehu_language", chosen, max_age=365 * 86400, samesite="Lax", secure=settings.HTTPS, httponly=True
        )
        if isinstance(request.user, User):
            choose_language(user=request.user, language=chosen)
    return response


def following_of(request: HttpRequest) -> str:
    """Where to go on: only within this site."""
    address = request.POST.get("next") or request.GET.get("next") or "/"
    hosts = {request.get_host()}
    return address if url_has_allowed_host_and_scheme(address, hosts, require_https=request.is_secure()) else "/"
