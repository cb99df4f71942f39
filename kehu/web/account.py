"""Sign-in and security: one's own password, second factor, passkeys, linked identities and sessions."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter as accounts
from allauth.account.internal.flows.login import record_authentication
from allauth.account.internal.flows.reauthentication import (
    is_reauthentication_required,
    raise_if_reauthentication_required,
)
from allauth.account.views import PasswordChangeView, PasswordSetView, ReauthenticateView
from allauth.mfa.base.views import ReauthenticateView as ReauthenticateByCodeView
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import (
    DownloadRecoveryCodesView,
    GenerateRecoveryCodesView,
    ViewRecoveryCodesView,
)
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn.views import AddWebAuthnView, ReauthenticateWebAuthnView, RemoveWebAuthnView
from allauth.socialaccount.adapter import get_adapter as identities
from allauth.socialaccount.internal.flows.connect import disconnect, validate_disconnect
from allauth.socialaccount.models import SocialAccount, SocialApp
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from kehu.accounts.actions import end_session, end_sessions
from kehu.accounts.adapters import signed_in_with_second_factor
from kehu.accounts.heard import SECOND_FACTOR
from kehu.accounts.queries import memberships, sessions_of
from kehu.core import clock


@never_cache
@require_safe
def security(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    kept: dict[str, list[Any]] = {}
    for one in Authenticator.objects.filter(user=user).order_by("pk"):
        kept.setdefault(one.type, []).append(one)
    codes = kept.get(Authenticator.Type.RECOVERY_CODES)
    linked = list(SocialAccount.objects.filter(user=user).order_by("pk"))
    providers = identities().list_providers(request)
    names = {provider.sub_id: provider.name for provider in providers}
    words = {
        "app": next(iter(kept.get(Authenticator.Type.TOTP, [])), None),
        "passkeys": kept.get(Authenticator.Type.WEBAUTHN, []),
        "codes_left": len(codes[0].wrap().get_unused_codes()) if codes else None,
        "linked": [(one, names.get(one.provider, one.provider)) for one in linked],
        "providers": [one for one in providers if one.sub_id not in {account.provider for account in linked}],
        "sessions": sessions_of(user, clock.now(), request.session.session_key or ""),
        "companies": memberships(user),
        "is_demanded": settings.REQUIRE_MFA and not signed_in_with_second_factor(request),
        "username": user.username,
    }
    return render(request, "web/account/security.html", words)


# --- who it is, once more ------------------------------------------------------------------------------------------------


class _Refused422:
    """A form that was not accepted is no success."""

    def form_invalid(self, form: Any) -> HttpResponse:
        answer: HttpResponse = super().form_invalid(form)  # type: ignore[misc]
        if answer.status_code == 200:
            answer.status_code = 422
        return answer


class Again(_Refused422, ReauthenticateView):
    template_name = "web/account/again.html"


class AgainByCode(_Refused422, ReauthenticateByCodeView):
    template_name = "web/account/again_code.html"


class AgainByPasskey(ReauthenticateWebAuthnView):
    template_name = "web/account/again_passkey.html"

    def form_invalid(self, form: Any) -> HttpResponse:
        messages.error(self.request, _("This passkey is not yours, or it was refused. Try again."))
        return redirect("security")


# --- the password --------------------------------------------------------------------------------------------------------


class Password(_Refused422, PasswordChangeView):
    template_name = "web/account/password.html"
    success_url = reverse_lazy("security")

    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        messages.success(self.request, _("Your password is changed. You are signed out everywhere else."))
        return answer

    def get_default_success_url(self) -> str:
        return reverse("security")


class FirstPassword(_Refused422, PasswordSetView):
    """For who came by an identity provider and never had one."""

    template_name = "web/account/password.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.user.is_authenticated and not request.user.has_usable_password():
            raise_if_reauthentication_required(request, app="allauth.mfa")
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        messages.success(self.request, _("Your password is set."))
        return answer

    def get_default_success_url(self) -> str:
        return reverse("security")


# --- the second factor ---------------------------------------------------------------------------------------------------


def _shown(request: HttpRequest) -> None:
    """Who sets up a factor has shown it in that moment, and is not asked for it again at once."""
    request.session[SECOND_FACTOR] = True
    user: Any = request.user
    record_authentication(request, user, "mfa", reauthenticated=True)


@method_decorator(never_cache, name="dispatch")
class App(_Refused422, ActivateTOTPView):
    template_name = "web/account/app.html"

    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        _shown(self.request)
        messages.success(self.request, _("The app is set up. From now on you are asked for its code when you sign in."))
        return answer


class AppRemoval(_Refused422, DeactivateTOTPView):
    template_name = "web/account/app_removal.html"

    def form_valid(self, form: Any) -> HttpResponse:
        messages.success(self.request, _("The app is removed. You are no longer asked for its code."))
        return super().form_valid(form)


@method_decorator(never_cache, name="dispatch")
class Codes(ViewRecoveryCodesView):
    template_name = "web/account/codes.html"


class CodesRenewal(_Refused422, GenerateRecoveryCodesView):
    template_name = "web/account/codes_renewal.html"


class CodesFile(DownloadRecoveryCodesView):
    template_name = "web/account/codes.txt"


class NewPasskey(_Refused422, AddWebAuthnView):
    template_name = "web/account/passkey.html"

    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        _shown(self.request)
        messages.success(self.request, _("The passkey is added."))
        return answer


class PasskeyRemoval(RemoveWebAuthnView):
    template_name = "web/account/passkey_removal.html"
    success_url = reverse_lazy("security")

    def form_valid(self, form: Any) -> HttpResponse:
        from allauth.mfa.adapter import get_adapter

        adapter = get_adapter()
        if not adapter.can_delete_authenticator(self.get_object()):
            messages.error(self.request, str(adapter.error_messages["cannot_delete_authenticator"]))
            return redirect("security")
        messages.success(self.request, _("The passkey is removed."))
        return super().form_valid(form)


# --- identity providers --------------------------------------------------------------------------------------------------


@require_POST
def link(request: HttpRequest, provider: str) -> HttpResponse:
    """On to the provider, to link what it says to this member. Asked for by htmx: a form's target may not leave this site."""
    if is_reauthentication_required(request, app="allauth.socialaccount"):
        first = accounts().get_reauthentication_methods(request.user)[0]["url"]
        return HttpResponse(status=204, headers={"HX-Redirect": f"{first}?next={reverse('security')}"})
    try:
        chosen = identities().get_provider(request, provider)
    except SocialApp.DoesNotExist:
        raise Http404 from None
    there = chosen.redirect(request, process="connect", next_url=reverse("security"))
    return HttpResponse(status=204, headers={"HX-Redirect": there["Location"]})


@require_POST
def unlink(request: HttpRequest, pk: int) -> HttpResponse:
    account = get_object_or_404(SocialAccount, pk=pk, user=request.user)
    try:
        validate_disconnect(request, account)
    except ValidationError:
        messages.error(request, _("Without a password this would lock you out. Choose a password first."))
        return redirect("security")
    disconnect(request, account)
    messages.success(request, _("The identity is no longer linked."))
    return redirect("security")


# --- sessions ------------------------------------------------------------------------------------------------------------


@require_POST
def end_one(request: HttpRequest, named: str) -> HttpResponse:
    user: Any = request.user
    if end_session(user=user, named=named, now=clock.now()):
        messages.success(request, _("This session is ended."))
    return redirect("security")


@require_POST
def end_others(request: HttpRequest) -> HttpResponse:
    """Out everywhere: but here, or here as well."""
    user: Any = request.user
    if request.POST.get("also") == "here":
        end_sessions(user=user, now=clock.now())
        request.session.flush()
        return redirect("sign_in")
    count = end_sessions(user=user, now=clock.now(), but=request.session.session_key or "")
    messages.success(request, _("You are signed out everywhere else. Sessions ended: {count}").format(count=count))
    return redirect("security")
