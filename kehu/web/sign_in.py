"""The ways in beside name and password: a forgotten password, an invitation, the second factor, a passkey, an identity provider."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.core import ratelimit
from allauth.decorators import rate_limit
from allauth.mfa.base.views import AuthenticateView
from allauth.mfa.webauthn.views import LoginWebAuthnView
from allauth.socialaccount.adapter import get_adapter as identities
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.dingtalk.views import oauth2_callback as from_dingtalk
from allauth.socialaccount.providers.feishu.views import oauth2_callback as from_feishu
from allauth.socialaccount.providers.openid_connect.views import callback as from_oidc
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from kehu.accounts import links
from kehu.accounts.actions import LinkNoLongerGood, ask_for_password, choose_password
from kehu.core import clock
from kehu.core.refusals import BadData

from .session import following_of

# --- a password by mail -------------------------------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "POST"])
def forgotten(request: HttpRequest) -> HttpResponse:
    """The answer is the same, and takes the same time, whether anybody has this address or not."""
    email = request.POST.get("email", "").strip()
    if request.method == "POST" and email:
        if ratelimit.consume(request, action="reset_password", key=email.lower()):
            ask_for_password(email=email, now=clock.now())
        return render(request, "web/sign_in/sent.html", {"email": email})
    return render(request, "web/sign_in/forgotten.html", status=422 if request.method == "POST" else 200)


@never_cache
@sensitive_post_parameters("password", "again")
@rate_limit(action="reset_password_from_key")
@require_http_methods(["GET", "POST"])
def password_link(request: HttpRequest, token: str) -> HttpResponse:
    """Choosing a password by a link. To look at the page does not use the link up: mail programs do that unasked."""
    found = links.opened(token)
    if found is None:
        return render(request, "web/sign_in/refused.html", {"message": str(LinkNoLongerGood())}, status=410)
    user, kind = found
    problems: list[str] = []
    if request.method == "POST":
        password = request.POST.get("password", "")
        if password != request.POST.get("again", ""):
            problems = [_("The two passwords are not the same. Type both again.")]
        else:
            try:
                chosen = choose_password(token=token, password=password, now=clock.now())
            except LinkNoLongerGood as refusal:
                return render(request, "web/sign_in/refused.html", {"message": str(refusal)}, status=410)
            except BadData as refusal:
                problems = [str(finding) for finding in refusal.findings]
            else:
                request.session.flush()
                record_authentication(request, chosen, method="password")
                return perform_login(request, Login(user=chosen, redirect_url="/"))
    words = {"problems": problems, "username": user.username, "kind": kind}
    return render(request, "web/sign_in/password.html", words, status=422 if problems else 200)


# --- the second factor and passkeys -------------------------------------------------------------------------------------


class SecondFactor(AuthenticateView):
    template_name = "web/sign_in/second_factor.html"

    def form_invalid(self, form: Any) -> HttpResponse:
        answer = super().form_invalid(form)
        answer.status_code = 422
        return answer


class Passkey(LoginWebAuthnView):
    """GET gives the browser a challenge, POST takes its answer."""

    def form_invalid(self, form: Any) -> HttpResponse:
        messages.error(self.request, _("This passkey is not known here, or it was refused. Sign in another way."))
        return redirect("sign_in")


@require_safe
def closed(request: HttpRequest) -> HttpResponse:
    message = _(
        "This access is closed: you are no member any more. If that is wrong, ask your company's administrator."
    )
    return render(request, "web/sign_in/refused.html", {"message": message}, status=403)


# --- identity providers -------------------------------------------------------------------------------------------------


@never_cache
@require_safe
def with_provider(request: HttpRequest, provider: str) -> HttpResponse:
    """On to the provider. By GET: a form's target may not leave this site (Content-Security-Policy)."""
    try:
        chosen = identities().get_provider(request, provider)
    except SocialApp.DoesNotExist:
        raise Http404 from None
    return chosen.redirect(request, process="login", next_url=following_of(request))


@never_cache
@require_safe
def provider_answer(request: HttpRequest, provider_id: str) -> HttpResponse:
    """The provider sends the browser back."""
    try:
        match provider_id:
            case "dingtalk":
                return from_dingtalk(request)
            case "feishu":
                return from_feishu(request)
        return from_oidc(request, provider_id)
    except SocialApp.DoesNotExist:
        raise Http404 from None


@require_safe
def provider_cancelled(request: HttpRequest) -> HttpResponse:
    return redirect("sign_in")
