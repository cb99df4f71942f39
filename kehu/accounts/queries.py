"""Whose sessions there are, and what a browser calls itself, in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext as _

from kehu.core import clock
from kehu.core.models import User
from kehu.core.scope import every_organization, scope
from kehu.organizations.models import Member
from kehu.organizations.queries import local_now

from .models import REST, Letter, Session
from .sessions import is_over


@dataclass(frozen=True)
class Shown:
    """A session as its owner sees it. `pk` is no secret: not the key that the cookie carries."""

    pk: str
    device: str
    address: str
    signed_in_at: datetime | None
    seen_at: datetime
    is_this: bool


def sessions_of(user: User, now: datetime, this: str = "") -> list[Shown]:
    """His open sessions, this one first, then the last seen."""
    open_ = [one for one in Session.objects.filter(user=user, expire_date__gt=now) if not is_over(one, now)]
    open_.sort(key=lambda one: (one.session_key != this, -one.seen_at.timestamp()))
    return [
        Shown(
            handle(one.session_key),
            device(one.agent),
            one.address,
            one.signed_in_at,
            one.seen_at,
            one.session_key == this,
        )
        for one in open_
    ]


def handle(session_key: str) -> str:
    """Names a session in an address without giving away its key."""
    from django.utils.crypto import salted_hmac

    return salted_hmac("kehu.accounts.session", session_key, algorithm="sha256").hexdigest()[:20]


_BROWSERS = (
    (r"DingTalk", "钉钉 DingTalk"),
    (r"wxwork", "企业微信 WeCom"),
    (r"MicroMessenger", "微信 WeChat"),
    (r"Lark|Feishu", "飞书 Feishu"),
    (r"Edg(?:e|A|iOS)?/", "Edge"),
    (r"OPR/|Opera", "Opera"),
    (r"Firefox/|FxiOS", "Firefox"),
    (r"Chrome/|CriOS", "Chrome"),
    (r"Safari/", "Safari"),
)
_SYSTEMS = (
    (r"iPhone", "iPhone"),
    (r"iPad", "iPad"),
    (r"HarmonyOS|OpenHarmony", "HarmonyOS"),
    (r"Android", "Android"),
    (r"Windows", "Windows"),
    (r"Mac OS X|Macintosh", "macOS"),
    (r"Linux|X11", "Linux"),
)


def device(agent: str) -> str:
    """ "Chrome on Windows"."""
    browser = next((name for pattern, name in _BROWSERS if re.search(pattern, agent)), "")
    system = next((name for pattern, name in _SYSTEMS if re.search(pattern, agent)), "")
    if browser and system:
        return _("{browser} on {system}").format(browser=browser, system=system)
    return browser or system or _("A program without a name")


def memberships(user: User) -> list[Member]:
    """Where he is a member today."""
    with every_organization():
        return [
            member
            for member in Member.everywhere.select_related("organization").filter(user=user).order_by("pk")
            if member.left_on is None or member.left_on > local_now(member.organization, _now(member)).date()
        ]


def _now(member: Member) -> datetime:
    return clock.now(member.organization)


def is_member(user: User) -> bool:
    return bool(memberships(user))


def users_by_email(email: str) -> list[User]:
    """The users who are known by this address: it stands with their membership (or with them) and its owner has had time to hear
    of a change, or it stood there until a short time ago."""
    email = email.strip()
    if not email:
        return []
    with every_organization():
        former = Letter.everywhere.filter(kind=Letter.Kind.ADDRESS_CHANGED, address__iexact=email)
        known = (
            Q(email__iexact=email) | Q(memberships__email__iexact=email) | Q(memberships__in=former.values("member"))
        )
        found = User.objects.filter(known, is_active=True).distinct().order_by("pk")[:5]
        return [user for user in found if known_address(user, email)]


def known_address(user: User, email: str) -> str:
    """The address as it is kept, if he is known by it; else nothing."""
    of_his = [trusted_address(member, _now(member)) for member in memberships(user)]
    rests = any(until for _address, until in of_his)
    addresses = [address for address, _until in of_his] + ([user.email] if of_his and not rests else [])
    return next((address for address in addresses if address and address.casefold() == email.strip().casefold()), "")


def trusted_address(member: Member, now: datetime) -> tuple[str, datetime | None]:
    """Where letters with a link go. Until the moment given it is not the member's present address but the one before all changes
    of the last days; empty where there was none."""
    with scope(member.organization_id):
        changes = Letter.objects.filter(member=member, kind=Letter.Kind.ADDRESS_CHANGED, at__gt=now - REST)
        found = list(changes.order_by("at", "pk"))
    return (found[0].address, found[-1].at + REST) if found else (member.email, None)


def has_signed_in(user: User) -> bool:
    """Whether there is an access to protect: he has chosen a password, or came in by another way."""
    return bool(user.last_login) or user.has_usable_password()
