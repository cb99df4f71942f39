"""What every page may rely on: for which organization it speaks, who asks, and what time it is.

`request.organization`, `request.person` (the member with his positions, or None), `request.now`. All rows a page touches are scoped
to that organization. A refusal that a page does not handle itself becomes a page with its sentence and status.
"""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from kehu.accounts.adapters import signed_in_with_second_factor
from kehu.core import clock
from kehu.core.refusals import Refusal
from kehu.core.scope import scope
from kehu.organizations.queries import directory, membership

from . import unsent
from .failures import only_forms
from .session import ORGANIZATION

Answer = Callable[[HttpRequest], HttpResponse]

_OPEN = ("/sign-in/", "/static/", "/language/", "/healthz", "/readyz", "/metrics")

_TO_THE_SECOND_FACTOR = ("/settings/security/", "/sign-out/")
"""Where somebody may go who must set up his second factor first."""

_OTHER_DOORS = ("/api/", "/invitation/")
"""Programs come by token, people outside by a link: these doors say themselves for which organization they speak."""


class Membership:
    """Who is asking. A page outside the sign-in is only for members."""

    def __init__(self, get_response: Answer):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.organization = request.person = None  # type: ignore[attr-defined]
        if "\0" in request.path:
            raise Http404  # PostgreSQL knows no such text, so nothing is called so
        if request.path.startswith(_OTHER_DOORS):
            return self.get_response(request)
        if "%00" in request.META.get("QUERY_STRING", ""):
            request.GET = _without_nul(request.GET)  # type: ignore[assignment]
        member = None
        if request.user.is_authenticated:
            member = membership(request.user, first=request.session.get(ORGANIZATION))
        if member is None:
            if request.path.startswith(_OPEN):
                return self.get_response(request)
            if request.method == "POST":
                unsent.keep(request)
            return redirect(f"/sign-in/?{urlencode({'next': request.get_full_path()})}")
        organization = member.organization
        request.organization = organization  # type: ignore[attr-defined]
        request.now = clock.now(organization)  # type: ignore[attr-defined]
        zone = ZoneInfo(organization.timezone)
        request.person = directory(organization, request.now.astimezone(zone).date()).people.get(member.key)  # type: ignore[attr-defined]
        if request.person is None and not request.path.startswith(_OPEN):  # type: ignore[attr-defined]
            logout(request)
            return render(
                request,
                "web/refused.html",
                {"message": translation.gettext("You are no member of this organization any more.")},
                status=403,
            )
        if (
            settings.REQUIRE_MFA
            and not signed_in_with_second_factor(request)
            and not request.path.startswith((*_OPEN, *_TO_THE_SECOND_FACTOR))
        ):
            return redirect("security")
        with scope(organization), timezone.override(zone):
            answer = unsent.offered(request) or self.get_response(request)
            if answer.status_code == 405 and request.method == "GET" and not answer.streaming and not answer.content:
                return only_forms(request)
            return answer

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, Refusal):
            return render(
                request, "web/refused.html", {"message": str(exception), "refusal": exception}, status=exception.status
            )
        return None


def _without_nul(query: QueryDict) -> QueryDict:
    """As forms read what was typed: a sign that nobody types, and that PostgreSQL refuses, is not there."""
    found = query.copy()
    for name, values in query.lists():
        found.setlist(name, [value.replace("\0", "") for value in values])
    return found


class BodyLimit:
    """Refuses what is larger than any form before a byte of it is read; within that, files are measured one by one."""

    def __init__(self, get_response: Answer):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdigit() and int(length) <= settings.MAX_REQUEST_SIZE:
            return self.get_response(request)
        limit = settings.MAX_REQUEST_SIZE // 2**20
        message = _(
            "Together this is more than {limit} MB, which is too much at once. Send the files one after another."
        )
        answer = render(request, "web/refused.html", {"message": message.format(limit=limit)}, status=413)
        answer.headers["Connection"] = "close"
        return answer


class MemberLanguage:
    """The member's own language, unless he chose another for this session."""

    def __init__(self, get_response: Answer):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = request.COOKIES.get("kehu_language")
        language = chosen if chosen in ("zh-hans", "en") else None
        if language is None and request.user.is_authenticated:
            language = request.user.language
        with translation.override(language or "zh-hans"):
            request.LANGUAGE_CODE = translation.get_language()
            return self.get_response(request)
