"""The door to allauth: what it may do here, and what it says. It brings the forms, the second factor, passkeys and the identity
providers; who is a member, what is logged and how it looks is ours (docs/decisions/0009-sign-in-by-allauth.md)."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.core import clock
from kehu.core.models import User

from . import log, sessions
from .heard import SECOND_FACTOR
from .models import FailedSignIn
from .queries import is_member, users_by_email

TOO_MANY = gettext_lazy("Too many wrong tries. Wait five minutes, then try again.")
WRONG_CODE = gettext_lazy("This code is not right, or it was used already. Wait for the next one and enter that.")


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": gettext_lazy(
            "Name and password do not match. Check both; after five wrong tries you have to wait five minutes."
        ),
        "too_many_login_attempts": TOO_MANY,
        "rate_limited": TOO_MANY,
        "incorrect_password": gettext_lazy("This is not your password. Check it and type it again."),
        "enter_current_password": gettext_lazy("This is not your present password. Check it and type it again."),
        "incorrect_code": WRONG_CODE,
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Members are taken on by the company; nobody makes himself one."""
        return False

    def is_safe_url(self, url: str | None) -> bool:
        """Only within this site, at the host that was asked for."""
        request = self.request
        return url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        user = User.objects.filter(username__iexact=credentials.get("username", "")).first()
        note_failure(request, user)

    def pre_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> Any:
        if not is_member(user):
            raise ImmediateHttpResponse(redirect("account_inactive"))
        return super().pre_login(request, user, **kwargs)

    def login(self, request: HttpRequest, user: Any) -> None:
        shown = [record["method"] for record in get_authentication_records(request, user)]
        super().login(request, user)
        open_session(request, strong="mfa" in shown or "socialaccount" in shown)
        log.record(
            user,
            "sign_in.done",
            now=clock.now(),
            how=shown or ["password"],
            address=request.session[sessions.ADDRESS],
            agent=request.session[sessions.AGENT],
        )

    def add_message(self, request: HttpRequest, level: int, *args: Any, **kwargs: Any) -> None:
        """Its own news are said by our pages; only what it was given as a sentence is shown."""
        if kwargs.get("message"):
            super().add_message(request, level, *args, **kwargs)

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """allauth would send while the page waits. The member's log says the same."""


def open_session(request: HttpRequest, *, strong: bool) -> None:
    """Who signed in where, and whether with more than a password."""
    request.session[sessions.SIGNED_IN_AT] = timezone.now().isoformat()
    request.session[sessions.ADDRESS] = address_of(request)
    request.session[sessions.AGENT] = request.headers.get("User-Agent", "")[:300]
    request.session[SECOND_FACTOR] = strong


def address_of(request: HttpRequest) -> str:
    from allauth.core.internal.httpkit import get_client_ip

    return (get_client_ip(request) or "")[:45]


def note_failure(request: HttpRequest, user: Any) -> None:
    FailedSignIn.objects.create(user=user, address=address_of(request), at=timezone.now())


class IdentityAdapter(DefaultSocialAccountAdapter):
    """Identity providers. An identity is let in when it is linked to a member, or when the provider vouches for a mail address that
    exactly one member has. Otherwise it is refused; nobody becomes a member this way."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        message = _(
            "No member here has this identity. Nobody is taken on by signing in: ask your company's administrator to enter "
            "your mail address, or sign in with your password and link the identity under “Sign-in and security”."
        )
        raise ImmediateHttpResponse(render(request, "web/sign_in/refused.html", {"message": message}, status=403))

    def authenticate_by_email(self, sociallogin: Any) -> tuple[Any, str] | None:
        for address in sociallogin.email_addresses:
            if address.verified is True and len(found := users_by_email(address.email)) == 1:
                return found[0], address.email
        return None

    def on_authentication_error(self, request: HttpRequest, provider: Any, **_facts: Any) -> None:
        message = _("{provider} did not confirm who you are. Try again, or sign in another way.")
        words = {"message": message.format(provider=provider.name)}
        raise ImmediateHttpResponse(render(request, "web/sign_in/refused.html", words, status=403))

    def get_connect_redirect_url(self, request: HttpRequest, socialaccount: Any) -> str:
        from django.urls import reverse

        return reverse("security")


class SecondFactorAdapter(DefaultMFAAdapter):
    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": WRONG_CODE,
        "cannot_delete_authenticator": gettext_lazy(
            "Your company demands a second factor. Set up another one first, then remove this."
        ),
    }

    def can_delete_authenticator(self, authenticator: Any) -> bool:
        if not settings.REQUIRE_MFA:
            return True
        others = type(authenticator).objects.filter(user_id=authenticator.user_id).exclude(pk=authenticator.pk)
        return bool(others.exclude(type="recovery_codes").exists())

    def encrypt(self, text: str) -> str:
        """Secrets of the second factor are of no use to who sees the database alone."""
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return _cipher().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:  # KEHU_SECRET_KEY was changed: no code is right, the factor is set up anew
            return Fernet.generate_key().hex().translate(_TO_BASE32)[:32]


_TO_BASE32 = str.maketrans("0189abcdef", "ABCDEFGHIJ")


def _cipher() -> Fernet:
    return Fernet(
        base64.urlsafe_b64encode(hashlib.sha256(b"kehu second factor" + settings.SECRET_KEY.encode()).digest())
    )


def signed_in_with_second_factor(request: HttpRequest) -> bool:
    return bool(request.session.get(SECOND_FACTOR))
