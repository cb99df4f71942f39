"""Settings: one place for what everybody sets for himself, and for what the company entrusts to a few.

A section is one line of `SECTIONS`; its page extends `web/settings/base.html` and begins with `must_administer` where it has a right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from kehu.engine.definitions import Right
from kehu.organizations.permissions import may_administer


@dataclass(frozen=True)
class Section:
    """A page of the settings. Without a right it is everybody's, about himself."""

    name: str
    """Of its address in config/urls.py."""
    title: str | Promise
    icon: str
    note: str | Promise
    right: Right | None = None
    or_rights: tuple[Right, ...] = ()
    """Other rights that let in."""


SECTIONS: tuple[Section, ...] = (
    Section(
        "deputies",
        _("My absence and deputies"),
        "user",
        _("When you are away, who stands in for you, and for whom you stand in"),
    ),
    Section(
        "security",
        _("Sign-in and security"),
        "shield-check",
        _("Password, second factor, passkeys, and where you are signed in"),
    ),
    Section(
        "people",
        _("People"),
        "users",
        _("Who is here and away; taking on, appointing, leaving, access"),
        "people",
        ("absences",),
    ),
    Section(
        "positions", _("Positions"), "building", _("Who holds which position, since when; what is vacant"), "people"
    ),
    Section(
        "form_templates",
        _("Form templates"),
        "file-text",
        _("Customers’ own forms in Word and Excel, filled from cases"),
        "customers",
    ),
    Section(
        "working_calendar",
        _("Working calendar"),
        "calendar",
        _("Holidays, make-up workdays, weeks of departments and customers"),
        "calendar",
    ),
    Section(
        "imports",
        _("Import"),
        "upload",
        _("Sheets of customers, prices, orders, payments: brought in, taken back"),
        "customers",
        ("ledgers",),
    ),
    Section("notifications", _("Notifications"), "bell", _("What you are told by mail, when, and when not.")),
    Section(
        "channels", _("Channels"), "send", _("Mail, chat groups and webhooks: how they are, who gets what."), "channels"
    ),
    Section("tokens", _("Access tokens"), "lock", _("Keys for programs that use the API in your name")),
    Section(
        "all_tokens",
        _("Everybody’s access tokens"),
        "lock",
        _("Who gave which program a key, and when it was used"),
        right="tokens",
    ),
)


@dataclass(frozen=True)
class Line:
    section: Section
    address: str
    is_here: bool


def sections(request: Any) -> tuple[list[Line], list[Line]]:
    """What this person finds here: his own settings, and the company's."""
    own: list[Line] = []
    company: list[Line] = []
    for section in SECTIONS:
        rights = [right for right in (section.right, *section.or_rights) if right]
        if rights and not any(may_administer(request.person, right, request.organization) for right in rights):
            continue
        address = reverse(section.name)
        line = Line(section, address, request.path.startswith(address))
        (company if section.right else own).append(line)
    return own, company


@require_safe
def settings(request: HttpRequest) -> HttpResponse:
    return render(request, "web/settings/settings.html")
