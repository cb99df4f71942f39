"""Links that let a member choose a password: an invitation, or one that was asked for because the old one is forgotten.

A link is signed, carries no more than whose it is, and is good once: it names the password that it replaces, by a digest.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from kehu.core.models import User

Kind = Literal["invitation", "reset"]
LASTS: dict[Kind, timedelta] = {"invitation": timedelta(days=7), "reset": timedelta(hours=1)}
_SALT = "kehu.accounts.links"


def link(user: User, kind: Kind) -> str:
    token = signing.dumps([user.pk, kind, _replaced(user)], salt=_SALT, compress=True)
    return settings.URL + reverse("password_link", args=[token])


def opened(token: str) -> tuple[User, Kind] | None:
    """Whose the link is; None when it is forged, too old, used, or overtaken by a newer password."""
    try:
        pk, kind, replaced = signing.loads(token, salt=_SALT, max_age=max(LASTS.values()))
        signing.loads(token, salt=_SALT, max_age=LASTS[kind])
    except (signing.BadSignature, ValueError, KeyError, TypeError):
        return None
    user = User.objects.filter(pk=pk, is_active=True).first()
    if user is None or not constant_time_compare(replaced, _replaced(user)):
        return None
    return user, kind


def _replaced(user: User) -> str:
    return salted_hmac(_SALT, user.password, algorithm="sha256").hexdigest()[:32]
