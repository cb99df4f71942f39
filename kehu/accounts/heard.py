"""What allauth tells of its own doings, written into the member's log. The only signals in Kehu: a library's, not our own."""

from __future__ import annotations

from typing import Any

from kehu.core import clock

from . import log
from .models import Session

SECOND_FACTOR = "second_factor"
"""In a session: its owner has shown more than a password."""


def listen() -> None:
    from allauth.account import signals as account
    from allauth.mfa import signals as mfa
    from allauth.socialaccount import signals as social

    account.password_changed.connect(_password_changed)
    account.password_set.connect(_password_changed)
    mfa.authenticator_added.connect(_added)
    mfa.authenticator_removed.connect(_removed)
    mfa.authenticator_reset.connect(_renewed)
    mfa.authenticator_used.connect(_used)
    mfa.authentication_failed.connect(_failed)
    social.social_account_added.connect(_linked)
    social.social_account_removed.connect(_unlinked)


def _password_changed(request: Any, user: Any, **_facts: Any) -> None:
    """Whoever is signed in elsewhere with the old password is out at once."""
    count, _per_model = Session.objects.filter(user=user).exclude(session_key=request.session.session_key).delete()
    log.record(user, "password.changed", now=clock.now(), sessions_ended=count)


def _added(user: Any, authenticator: Any, **_facts: Any) -> None:
    log.record(user, "second_factor.added", now=clock.now(), kind=authenticator.type)


def _removed(user: Any, authenticator: Any, **_facts: Any) -> None:
    log.record(user, "second_factor.removed", now=clock.now(), kind=authenticator.type)


def _renewed(user: Any, authenticator: Any, **_facts: Any) -> None:
    log.record(user, "second_factor.renewed", now=clock.now(), kind=authenticator.type)


def _used(request: Any, user: Any, authenticator: Any, **_facts: Any) -> None:
    request.session[SECOND_FACTOR] = True
    if authenticator.type == "recovery_codes":
        log.record(user, "second_factor.recovery_code_used", now=clock.now())


def _failed(request: Any, user: Any, **_facts: Any) -> None:
    from .adapters import note_failure

    note_failure(request, user)


def _linked(request: Any, sociallogin: Any, **_facts: Any) -> None:
    log.record(sociallogin.user, "identity.linked", now=clock.now(), provider=sociallogin.account.provider)


def _unlinked(request: Any, socialaccount: Any, **_facts: Any) -> None:
    log.record(socialaccount.user, "identity.unlinked", now=clock.now(), provider=socialaccount.provider)
