"""Whose sessions there are, and what a browser calls itself, in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext as _

from kehu.core import clock
from kehu.core.models import User
from kehu.core.scope import every_organization
from kehu.organizations.models import Member
from kehu.organizations.queries import local_now

from .models import Session
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
    """The users whom a letter to this address reaches: by their membership's address, or by their own."""
    email = email.strip()
    if not email:
        return []
    with every_organization():
        found = User.objects.filter(Q(email__iexact=email) | Q(memberships__email__iexact=email), is_active=True)
        return [user for user in found.distinct().order_by("pk")[:5] if is_member(user)]
