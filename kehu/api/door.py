"""Who asks, for which organization, in which language and at what time: as `web/middleware.py` says it for pages.

Only a token opens the API; a browser's session does not, so no other site can make a browser use it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext_lazy
from django.utils.translation.trans_real import parse_accept_lang_header
from ninja.operation import Operation
from ninja.security import HttpBearer

from kehu.core import clock
from kehu.core.models import Organization
from kehu.core.refusals import NotYours, Refusal
from kehu.core.scope import scope
from kehu.organizations import tokens
from kehu.organizations.models import AccessToken
from kehu.organizations.queries import Person, directory

from .problems import ROOT, NotAcceptable, Unreadable, as_problem, not_known, problem

TRIES = 30
"""Wrong tokens a minute from one address, until it is told to wait. Good ones are never held up: many may share an address."""
_REALM = 'Bearer realm="kehu"'


class NotSignedIn(NotYours):
    code = "token.missing"
    status = 401
    message = gettext_lazy("Send an access token: Authorization: Bearer kehu_… (Settings, Access tokens).")


class NoSuchToken(NotYours):
    code = "token.unknown"
    status = 401
    message = gettext_lazy(
        "This access token is not known here, or it was revoked. Make another (Settings, Access tokens)."
    )


class TokenExpired(NotYours):
    code = "token.expired"
    status = 401
    message = gettext_lazy("This access token expired on {day}. Make another (Settings, Access tokens).")


class TokenOfLeaver(NotYours):
    code = "token.leaver"
    status = 401
    message = gettext_lazy("Whoever this access token belongs to is no member of this organization any more.")


class ScopeMissing(NotYours):
    code = "token.scope_missing"
    message = gettext_lazy("This access token may not do that: it lacks the scope {scope}. It has: {scopes}.")


class TooManyTries(Refusal):
    code = "token.too_many_tries"
    kind = "rule"
    status = 429
    message = gettext_lazy("Too many wrong access tokens from this address. Wait a minute, then try again.")


class Asking(HttpRequest):
    """A request to the API, once a token has opened the door."""

    token: AccessToken
    organization: Organization
    person: Person
    now: datetime
    closed: Refusal | None


class Door:
    """The innermost middleware: everything below speaks for the token's member."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponse:
        if not request.path.startswith(ROOT):
            return self.get_response(request)
        request.token, request.closed = None, NotSignedIn(headers={"WWW-Authenticate": _REALM})
        with ExitStack() as inside:
            try:
                _come_in(request)
            except Refusal as refusal:
                request.closed = refusal
            language = _language(request)
            inside.enter_context(translation.override(language))
            if request.token:
                inside.enter_context(scope(request.organization))
                inside.enter_context(timezone.override(ZoneInfo(request.organization.timezone)))
            response = as_problem(request, _nul(request) or self.get_response(request))
        response.headers["Content-Language"] = "en" if language == "en" else "zh-Hans"
        response.headers.setdefault("Cache-Control", "private, no-cache")
        patch_vary_headers(response, ["Authorization", "Accept-Language"])
        return response


def _come_in(request: Any) -> None:
    """The token's member, if it is good; otherwise a refusal, which those endpoints say that need a token."""
    how, _space, secret = request.headers.get("Authorization", "").partition(" ")
    if how.lower() != "bearer":
        return
    token = tokens.holder_of(secret.strip())
    if token is None or token.revoked_at:
        raise _wrong(request, NoSuchToken)
    now = clock.now(token.organization)
    today = now.astimezone(ZoneInfo(token.organization.timezone)).date()
    if not token.is_good(now):
        raise _wrong(request, TokenExpired, day=token.expires_at.date())
    person = directory(token.organization, today).people.get(token.member.key)
    if person is None or (token.member.user and not token.member.user.is_active):
        raise _wrong(request, TokenOfLeaver)
    with scope(token.organization):
        tokens.used(token, today)
    request.token, request.closed = token, None
    request.organization, request.person, request.now = token.organization, person, now


def _wrong(request: HttpRequest, refusal: type[Refusal], **facts: Any) -> Refusal:
    key = f"api-token:{request.META.get('REMOTE_ADDR', '')}"
    cache.add(key, 0, timeout=60)
    if cache.incr(key) > TRIES:
        return TooManyTries(headers={"Retry-After": "60"})
    return refusal(headers={"WWW-Authenticate": f'{_REALM}, error="invalid_token"'}, **facts)


def _language(request: Any) -> str:
    """As asked for; otherwise the member's own."""
    for wish, _quality in parse_accept_lang_header(request.headers.get("Accept-Language", "")[:200]):
        if wish == "en" or wish.startswith("en-"):
            return "en"
        if wish == "zh" or wish.startswith("zh-"):
            return "zh-hans"
    return request.person.language if request.token else "zh-hans"


def _nul(request: HttpRequest) -> HttpResponse | None:
    """No database takes a NUL character in a text, and nobody means one."""
    if "\0" in request.path or any("\0" in part for item in request.GET.lists() for part in (item[0], *item[1])):
        return problem(request, Unreadable(why="NUL"))
    return None


class AccessTokenAuth(HttpBearer):
    """What an endpoint asks for: a good token with that scope, from a client that takes what it gives."""

    def __init__(self, needed: str, gives: str = "application/json"):
        super().__init__()
        self.needed, self.gives = needed, gives
        self.questions: set[str] | None = None
        """The names an address may be asked by; None for any."""

    def __call__(self, request: Any) -> AccessToken:
        if request.closed:
            raise request.closed
        token: AccessToken = request.token
        if self.needed not in token.scopes:
            raise ScopeMissing(scope=self.needed, scopes=", ".join(token.scopes))
        if not request.accepts(self.gives):
            raise NotAcceptable(media=self.gives)
        if self.questions is not None and (unknown := sorted(set(request.GET) - self.questions)):
            raise not_known(unknown)
        return token

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        raise NotImplementedError("the door has looked at the token already")


def needs(scope: str, gives: str = "application/json") -> AccessTokenAuth:
    return AccessTokenAuth(scope, gives)


def learn(operation: Operation) -> None:
    """What the endpoint may be asked."""
    asked = {
        name
        for model in operation.models
        if model.__ninja_param_source__ == "query"
        for name in getattr(model, "__ninja_flatten_map__", {})
    }
    for auth in operation.auth_callbacks:
        if isinstance(auth, AccessTokenAuth) and not operation.path.endswith(_FILTERED):
            auth.questions = asked | ({"download"} if operation.path.endswith("{id}") else set())


_FILTERED = ("/rows", "/rows.ndjson")
"""A register has filters of its own, and says itself what it does not know."""
