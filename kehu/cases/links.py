"""Links for people outside: made of an invitation's row and the server's key whenever one is needed, and kept nowhere.

A link names the organization, so that the database is asked for nobody else's rows, and the invitation by a random key; the signature
behind both is what cannot be guessed. Whoever has a copy of the database but not KEHU_SECRET_KEY cannot make one.
"""

from __future__ import annotations

import re
import secrets

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from kehu.core.models import Organization
from kehu.core.scope import scope
from kehu.engine.definitions import Procedure

from .models import Invitation

_SALT = "kehu.cases.links"
_NAMED = re.compile(r"([1-9]\d{0,17})-([A-Za-z0-9_-]{16})")


def new_key() -> str:
    return secrets.token_urlsafe(12)


def link_of(invitation: Invitation) -> str:
    return settings.URL + reverse("invitation", args=[token_of(invitation)])


def token_of(invitation: Invitation) -> str:
    return _signer().sign(f"{invitation.organization_id}-{invitation.key}")


def invitation_at(token: str) -> Invitation | None:
    """What the link leads to; None where nobody has made it, or it is no more."""
    try:
        named = _NAMED.fullmatch(_signer().unsign(token))
    except signing.BadSignature:
        return None
    if named is None:
        return None
    with scope(int(named[1])):
        if not Organization.objects.exists():
            return None
        found = Invitation.objects.select_related("organization", "case", "task", "made_by").defer("case__data")
        return found.filter(key=named[2]).first()


def number_on(invitation: Invitation, procedure: Procedure) -> str:
    """Under which number the customer knows it: that of the form he reads, where it has one of its own; else the case's."""
    step = procedure.steps.get(invitation.task.step) if invitation.task else None
    form = step.invites.form if step and step.invites else None
    serial = procedure.form.part(form).serial if form else None
    return str((serial and invitation.case.data.get(serial)) or invitation.case.number)


def new_browser() -> str:
    """What a browser keeps, in a cookie, of the link that it has opened."""
    return secrets.token_urlsafe(24)


def digest_of(browser: str) -> str:
    return salted_hmac(f"{_SALT}.browser", browser, algorithm="sha256").hexdigest() if browser else ""


def is_bound_to(invitation: Invitation, browser: str) -> bool:
    return bool(invitation.browser) and constant_time_compare(invitation.browser, digest_of(browser))


def _signer() -> signing.Signer:
    return signing.Signer(salt=_SALT, sep=".")
