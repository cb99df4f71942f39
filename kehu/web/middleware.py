"""What every page may rely on: for which organization it speaks, who asks, and what time it is.

`request.organization`, `request.person` (the member with his positions, or None), `request.now`. All rows a page touches are scoped
to that organization. A refusal that a page does not handle itself becomes a page with its sentence and status.
"""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.http import urlencode

from kehu.core import clock
from kehu.core.refusals import Refusal
from kehu.core.scope import scope
from kehu.organizations.models import Member
from kehu.organizations.queries import directory

Answer = Callable[[HttpRequest], HttpResponse]

_OPEN = ("/sign-in/", "/static/", "/language/", "/healthz")


class Membership:
    """Who is asking. A page outside the sign-in is only for members."""

    def __init__(self, get_response: Answer):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.organization = request.person = None  # type: ignore[attr-defined]
        member = None
        if request.user.is_authenticated:
            member = Member.everywhere.select_related("organization").filter(user=request.user).order_by("pk").first()
        if member is None:
            if request.path.startswith(_OPEN):
                return self.get_response(request)
            return redirect(f"/sign-in/?{urlencode({'next': request.get_full_path()})}")
        organization = member.organization
        request.organization = organization  # type: ignore[attr-defined]
        request.now = clock.now(organization)  # type: ignore[attr-defined]
        zone = ZoneInfo(organization.timezone)
        request.person = directory(organization, request.now.astimezone(zone).date()).people.get(member.key)  # type: ignore[attr-defined]
        if request.person is None and not request.path.startswith(_OPEN):  # type: ignore[attr-defined]
            return render(
                request,
                "web/refused.html",
                {"message": translation.gettext("You are no member of this organization any more.")},
                status=403,
            )
        with scope(organization), timezone.override(zone):
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, Refusal):
            return render(
                request, "web/refused.html", {"message": str(exception), "refusal": exception}, status=exception.status
            )
        return None


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
