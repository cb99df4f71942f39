"""Signing in and out, and the language one reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from allauth.account import forms
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.decorators import rate_limit
from allauth.socialaccount.adapter import get_adapter as identities
from django.conf import settings
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from kehu.accounts.adapters import open_session
from kehu.accounts.queries import memberships
from kehu.core import clock
from kehu.core.models import Organization, User
from kehu.core.scope import every_organization
from kehu.organizations.actions import choose_language, choose_shortcuts
from kehu.organizations.models import Member
from kehu.organizations.queries import Person, directory

ORGANIZATION = "organization"
"""In a session: the id of the company that a member of several has chosen."""


@sensitive_post_parameters("password")
@never_cache
@rate_limit(action="login")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    following = following_of(request)
    if request.method == "GET":
        if request.user.is_authenticated and getattr(request, "person", None):
            return redirect(following)
        return _page(request)
    if request.POST.get("person"):
        return _as_demo_person(request, following)
    given = {"login": request.POST.get("username", ""), "password": request.POST.get("password", "")}
    form = forms.LoginForm(data=given, request=request)
    if form.is_valid():
        try:
            return form.login(request, redirect_url=following)
        except ImmediateHttpResponse as answer:
            return answer.response
    status = 429 if form.has_error("__all__", "too_many_login_attempts") else 422
    return _page(request, " ".join(form.non_field_errors()) or _("Enter name and password."), given["login"], status)


def _as_demo_person(request: HttpRequest, following: str) -> HttpResponse:
    """Only where the demo is switched on, and only people of a demo organization: one click, no password."""
    member = None
    if settings.DEMO:
        with every_organization():
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
    login(request, member.user, backend=settings.AUTHENTICATION_BACKENDS[0])
    open_session(request, strong=True)
    return redirect(following)


def _page(request: HttpRequest, message: str = "", username: str = "", status: int = 200) -> HttpResponse:
    words = {
        "message": message,
        "username": username,
        "next": following_of(request),
        "casts": list(_casts()),
        "providers": identities().list_providers(request),
    }
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
    with every_organization():
        demos = list(Organization.objects.filter(is_demo=True).order_by("pk"))
    for organization in demos:
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
def organization(request: HttpRequest) -> HttpResponse:
    """A member of several companies goes over to another of them."""
    user: Any = request.user
    chosen = request.POST.get("organization")
    found = [member for member in memberships(user) if member.organization.key == chosen]
    if found:
        request.session[ORGANIZATION] = found[0].organization_id
    return redirect("inbox")


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


@require_POST
def shortcuts(request: HttpRequest) -> HttpResponse:
    if isinstance(request.user, User):
        choose_shortcuts(user=request.user, is_on=request.POST.get("is_on") == "1")
    return redirect(following_of(request))


def following_of(request: HttpRequest) -> str:
    """Where to go on: only within this site."""
    address = request.POST.get("next") or request.GET.get("next") or "/"
    hosts = {request.get_host()}
    return address if url_has_allowed_host_and_scheme(address, hosts, require_https=request.is_secure()) else "/"
