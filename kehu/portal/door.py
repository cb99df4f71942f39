"""Who comes by a link, and whether he may come in.

A link that nobody made is answered alike whatever it says, without a question to the database; of one that was made, its organization's
scope is entered, and everything else is asked there. Pressing Open binds a link to the browser by a signed cookie that goes nowhere but
to this link; any other browser is refused, counted and noted in the case's history. Nothing of a case is said before that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from prometheus_client import Counter

from kehu.accounts.adapters import address_of
from kehu.cases.guests import Visit
from kehu.cases.invitations import note_refusal, refusal_for, why_refused
from kehu.cases.links import invitation_at, is_bound_to
from kehu.cases.models import Invitation
from kehu.core import clock
from kehu.core.models import Organization
from kehu.core.refusals import Refusal
from kehu.core.scope import scope

log = logging.getLogger("kehu.portal")
COMINGS = Counter("kehu_links_total", "links of people outside: refused, guessed, opened, answered", ["what"])

BROWSER, LANGUAGE = "kehu_link", "kehu_link_language"
LANGUAGES = ("zh-hans", "en")
GUESSES, USES, WITHIN = 30, 120, 300
"""So many links that nobody made may be tried from one address, and so often each page of a link be used, in so many seconds."""

POLICY = "; ".join(
    [
        "default-src 'none'",
        "img-src 'self'",
        "style-src 'self'",
        "script-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)


@dataclass(frozen=True)
class Coming:
    """Somebody at a link that is ours and not over."""

    invitation: Invitation
    organization: Organization
    token: str
    browser: str
    """What his browser keeps; empty where it has opened nothing yet."""
    visit: Visit
    language: str
    now: datetime

    @property
    def is_inside(self) -> bool:
        return is_bound_to(self.invitation, self.browser)

    @property
    def short(self) -> str:
        return "zh" if self.language.startswith("zh") else "en"

    @property
    def company(self) -> str:
        return str(self.organization.title[self.short])

    @property
    def asker(self) -> str:
        """Who has invited him."""
        return str(self.invitation.made_by.name[self.short])

    def address(self, name: str = "invitation", *more: Any) -> str:
        return reverse(name, args=[self.token, *more])

    @property
    def common(self) -> dict[str, Any]:
        """What every act by a link is told."""
        return {
            "organization": self.organization,
            "invitation": self.invitation.pk,
            "browser": self.browser,
            "language": self.language,
            "now": self.now,
        }


Page = Callable[..., HttpResponseBase]


def by_link(page: Page) -> Page:
    """The page is called with who comes; whoever may not come in gets a page that says why, and nothing else."""

    @wraps(page)
    def answered(request: HttpRequest, token: str, **names: Any) -> HttpResponseBase:
        visit = Visit(address_of(request), request.headers.get("User-Agent", ""))
        invitation = invitation_at(token)
        if invitation is None:
            return _kept_apart(_nobody_made(request, visit))
        organization = invitation.organization
        now = clock.now(organization)
        browser = request.get_signed_cookie(BROWSER, default="", salt=_salt(invitation)) or ""
        language = _language(request, invitation)
        coming = Coming(invitation, organization, token, browser, visit, language, now)
        with scope(organization), timezone.override(ZoneInfo(organization.timezone)), translation.override(language):
            if request.method == "POST" and _is_too_much(f"link:{invitation.pk}:{page.__name__}", USES):
                answer: HttpResponseBase = said(request, _too_many(), 429, language)
            elif why := why_refused(invitation, browser, now):
                answer = refused(request, coming, why)
            else:
                try:
                    answer = page(request, coming, **names)
                except Refusal as refusal:
                    answer = said(request, str(refusal), refusal.status, language, coming=coming)
        return _kept_apart(answer)

    return answered


def refused(request: HttpRequest, coming: Coming, why: str) -> HttpResponse:
    """Nothing of the case; its history says that somebody tried."""
    log.info("a link was refused", extra={"facts": {"why": why, "link": coming.invitation.pk}})
    COMINGS.labels("refused").inc()
    note_refusal(
        organization=coming.organization,
        invitation=coming.invitation.pk,
        why=why,
        visit=coming.visit,
        now=coming.now,
    )
    refusal = refusal_for(why, coming.invitation, coming.language)
    return said(request, str(refusal), refusal.status, coming.language, company=coming.company)


def _nobody_made(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Guessed, mistyped, cut off on its way, or of an invitation that is no more: the same answer."""
    log.info("a link that nobody made was tried")
    COMINGS.labels("guessed").inc()
    language = _language(request, None)
    with translation.override(language):
        if _is_too_much(f"guess:{visit.address}", GUESSES):
            return said(request, _too_many(), 429, language)
        message = _("There is no such link. Open it from the message again, or ask whoever sent it for a new one.")
        return said(request, message, 404, language)


def _too_many() -> str:
    return _("That was too often in a short time. Please wait five minutes.")


def _is_too_much(key: str, most: int) -> bool:
    """Counted in the cache, which lies in the database, so that every process counts the same."""
    key = f"portal:{key}"
    cache.add(key, 0, timeout=WITHIN)
    try:
        return cache.incr(key) > most
    except ValueError:  # it has just run out
        return False


def said(
    request: HttpRequest, message: str, status: int, language: str, *, company: str = "", coming: Coming | None = None
) -> HttpResponse:
    """A page with one sentence."""
    words = {"message": message, "company": coming.company if coming else company, "language": language}
    words["back"] = coming.address() if coming else ""
    return HttpResponse(render_to_string("portal/said.html", words), status=status)


def shown(
    request: HttpRequest, coming: Coming, template: str, words: dict[str, Any], status: int = 200
) -> HttpResponse:
    """A page of the portal: without the staff's context, which is nobody else's."""
    common = {
        "csrf_token": get_token(request),
        "company": coming.company,
        "asker": coming.asker,
        "coming": coming,
        "language": coming.language,
        "languages": [
            (key, title, key == coming.language) for key, title in zip(LANGUAGES, ("中文", "English"), strict=True)
        ],
    }
    return HttpResponse(render_to_string(f"portal/{template}", {**common, **words}), status=status)


def bind(response: HttpResponse, coming: Coming, browser: str) -> None:
    """The browser keeps it for this link alone, as long as the link is good."""
    invitation = coming.invitation
    response.set_signed_cookie(
        BROWSER,
        browser,
        salt=_salt(invitation),
        max_age=max(0, int((invitation.expires_at - coming.now).total_seconds())),
        path=coming.address(),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",  # Strict would not send it when the link is pressed in a mail
    )


def keep_language(response: HttpResponseBase, request: HttpRequest, coming: Coming) -> None:
    if request.GET.get("language") in LANGUAGES and isinstance(response, HttpResponse):
        response.set_cookie(LANGUAGE, coming.language, path=coming.address(), httponly=True, samesite="Lax")


def _salt(invitation: Invitation) -> str:
    return f"kehu.portal.{invitation.key}"


def _language(request: HttpRequest, invitation: Invitation | None) -> str:
    """As he chose here; else the invitation's; at a link that nobody made, the browser's."""
    for wish in (request.GET.get("language"), request.COOKIES.get(LANGUAGE)):
        if wish in LANGUAGES:
            return wish
    if invitation:
        return invitation.language
    return "en" if request.headers.get("Accept-Language", "").lower().startswith("en") else "zh-hans"


def _kept_apart(response: HttpResponseBase) -> HttpResponseBase:
    """No search engine, no cache, no other site. `no-referrer` would have a browser send its forms without saying from where, and they
    would be refused; `same-origin`, which every answer carries, tells other sites as little."""
    response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    response.headers["Cache-Control"] = "private, no-store"
    response.headers.setdefault("Content-Security-Policy", POLICY)
    return response
