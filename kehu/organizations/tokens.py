"""Access tokens: issued once, shown once, good until they expire or are revoked."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.core import events
from kehu.core.models import Organization
from kehu.core.refusals import BadData, Finding
from kehu.core.scope import every_organization, scope

from .models import AccessToken, Member

PREFIX = "kehu_"
"""By which scanners of code and logs recognize a secret that should not be there."""
LONGEST = timedelta(days=366)

SCOPES = {
    "cases:read": gettext_lazy("Read cases, procedures, inbox, notices and people"),
    "cases:write": gettext_lazy("Start cases, and do what the member may do with them"),
    "customers:read": gettext_lazy("Read customers"),
    "customers:write": gettext_lazy("Enter and change customers"),
    "ledgers:read": gettext_lazy("Read ledgers: prices, orders, deliveries, receivables, customers' property"),
    "ledgers:write": gettext_lazy("Enter orders, deliveries, payments and products"),
    "registers:read": gettext_lazy("Read registers"),
    "indicators:read": gettext_lazy("Read indicators and statistics"),
}
"""What a token may be used for. Never more than its member may do."""


@transaction.atomic
def issue(
    *,
    organization: Organization,
    member: str,
    name: str,
    scopes: Collection[str],
    expires_at: datetime,
    by: str,
    now: datetime,
) -> tuple[AccessToken, str]:
    """A new token and its secret, which is nowhere else and cannot be shown again."""
    with scope(organization):
        holder = Member.objects.filter(key=member).first()
        findings = list(_findings(holder, member, name, scopes, expires_at, now))
        if findings:
            raise BadData(findings)
        assert holder
        secret = PREFIX + secrets.token_urlsafe(32)
        token = AccessToken.objects.create(
            organization=organization,
            member=holder,
            name=name.strip(),
            scopes=[one for one in SCOPES if one in scopes],
            digest=digest_of(secret),
            created_at=now,
            created_by=by,
            expires_at=expires_at,
        )
        events.record(
            organization,
            "token.issued",
            by=by,
            at=now,
            member=member,
            token=token.pk,
            title=token.name,
            scopes=token.scopes,
            expires_at=expires_at.isoformat(),
        )
    return token, secret


def _findings(
    holder: Member | None, member: str, name: str, scopes: Collection[str], expires_at: datetime, now: datetime
) -> list[Finding]:
    found = []
    if holder is None or (holder.left_on and holder.left_on <= now.date()):
        found.append(Finding("member", _("There is nobody called “{value}” here.").format(value=member)))
    if not name.strip() or len(name.strip()) > 80 or not name.isprintable():
        found.append(Finding("name", _("Give the token a name of at most 80 characters: what it is for.")))
    if not scopes:
        found.append(Finding("scopes", _("Choose at least one thing the token may be used for.")))
    if unknown := sorted(set(scopes) - SCOPES.keys()):
        sentence = _("There is no scope “{unknown}”. There are: {known}.")
        found.append(Finding("scopes", sentence.format(unknown=", ".join(unknown), known=", ".join(SCOPES))))
    if not now < expires_at <= now + LONGEST:
        found.append(Finding("expires_at", _("Say until when the token is good: at most a year from now.")))
    return found


@transaction.atomic
def revoke(*, organization: Organization, token: int, by: str, now: datetime) -> AccessToken:
    """From now on it opens nothing. A second time changes nothing."""
    with scope(organization):
        found = AccessToken.objects.select_for_update(of=("self",)).select_related("member").get(pk=token)
        if found.revoked_at is None:
            found.revoked_at = now
            found.save(update_fields=["revoked_at"])
            events.record(
                organization, "token.revoked", by=by, at=now, member=found.member.key, token=found.pk, title=found.name
            )
    return found


_found_in: dict[str, int] = {}
"""Where each token was found last: only where to look first, and asked again every time."""


def holder_of(secret: str) -> AccessToken | None:
    """The token of that secret with its member and organization, good or not, whichever organization it is of."""
    if not secret.startswith(PREFIX):
        return None
    digest = digest_of(secret)
    if digest in _found_in:
        with scope(_found_in[digest]):
            if found := _by_digest(digest):
                return found
    with every_organization():
        found = _by_digest(digest)
    if found:
        _found_in[digest] = found.organization_id
    return found


def _by_digest(digest: str) -> AccessToken | None:
    return AccessToken.everywhere.select_related("member__user", "organization").filter(digest=digest).first()


def used(token: AccessToken, today: date) -> None:
    """Noted once a day: enough to see which tokens nobody needs any more."""
    if token.last_used_on is None or token.last_used_on < today:
        AccessToken.objects.filter(pk=token.pk).update(last_used_on=today)
        token.last_used_on = today


def tokens_of(member_id: int | None = None) -> QuerySet[AccessToken]:
    """The tokens of a member, or of everybody; the newest first."""
    found = AccessToken.objects.select_related("member").order_by("-created_at", "-pk")
    return found if member_id is None else found.filter(member_id=member_id)


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
