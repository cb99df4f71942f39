"""Access tokens on a page: everybody's own; and for those who have the right, everybody's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from kehu.core.refusals import BadData, Finding
from kehu.organizations import tokens
from kehu.organizations.models import AccessToken
from kehu.organizations.permissions import may_administer, must_administer
from kehu.organizations.tokens import SCOPES

DAYS = (30, 90, 180, 365)


@never_cache
@require_http_methods(["GET", "POST"])
def own(request: Any) -> HttpResponse:
    """My tokens. A new one is shown in the answer itself and nowhere else, so that it lies in no session and no log."""
    if request.method == "GET":
        return _page(request)
    given = {"name": request.POST.get("name", ""), "scopes": request.POST.getlist("scopes")}
    days = request.POST.get("days", "")
    try:
        if days not in map(str, DAYS):
            raise BadData([Finding("expires_at", _("Choose how long the token is good."))])
        _token, secret = tokens.issue(
            organization=request.organization,
            member=request.person.key,
            **given,
            expires_at=request.now + timedelta(days=int(days)),
            by=request.person.key,
            now=request.now,
        )
    except BadData as refusal:
        found = {finding.path: str(finding) for finding in refusal.findings}
        return _page(request, given=given | {"days": days}, findings=found, status=refusal.status)
    return _page(request, secret=secret)


@require_safe
def all_tokens(request: Any) -> HttpResponse:
    must_administer(request.person, "tokens", request.organization)
    return render(request, "web/settings/tokens_all.html", {"lines": _lines(request, None)})


@require_POST
def revocation(request: Any, pk: int) -> HttpResponse:
    """My own; everybody's for those who have the right. Others learn not even that it is there."""
    found = AccessToken.objects.filter(pk=pk).first()
    may_all = may_administer(request.person, "tokens", request.organization)
    if found is None or not (may_all or found.member_id == request.person.id):
        raise Http404
    tokens.revoke(organization=request.organization, token=pk, by=request.person.key, now=request.now)
    sentence = _("“{name}” is revoked. Programs that use it are refused from now on.")
    messages.success(request, sentence.format(name=found.name))
    return redirect("all_tokens" if may_all and request.POST.get("all") else "tokens")


def _page(
    request: HttpRequest,
    *,
    secret: str = "",
    given: dict[str, Any] | None = None,
    findings: dict[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    given = given or {"name": "", "scopes": [], "days": "90"}
    person = request.person  # type: ignore[attr-defined]
    words = {
        "lines": _lines(request, person.id),
        "secret": secret,
        "given": given,
        "findings": findings or {},
        "scopes": [(key, title, key in given["scopes"]) for key, title in SCOPES.items()],
        "days": [(days, str(days) == given["days"]) for days in DAYS],
    }
    return render(request, "web/settings/tokens.html", words, status=status)


def _lines(request: Any, member: int | None) -> list[tuple[AccessToken, bool]]:
    return [(token, token.is_good(request.now)) for token in tokens.tokens_of(member)[:200]]
