"""How one wants to be told: everybody for himself, and for all who have not chosen, whoever looks after the channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from kehu.core.refusals import BadData, Finding
from kehu.engine.definitions import MailPace, NoticeGroup
from kehu.notifications import actions
from kehu.notifications.kinds import EXPLAINED, FOR_EVERYBODY, GROUPS, TITLES
from kehu.notifications.preferences import Preferences, Wishes
from kehu.organizations.actions import choose_language
from kehu.organizations.permissions import may_administer, must_administer

PACES: dict[MailPace, str | Promise] = {
    "at_once": gettext_lazy("At once"),
    "daily": gettext_lazy("In the daily summary"),
    "never": gettext_lazy("No mail"),
}


@dataclass(frozen=True)
class Row:
    """A group of notices, and how its mails go."""

    group: NoticeGroup
    title: str | Promise
    note: str | Promise
    pace: str
    is_urgent: bool


@require_http_methods(["GET", "POST"])
def notifications(request: HttpRequest) -> HttpResponse:
    organization, person = request.organization, request.person  # type: ignore[attr-defined]
    preferences = Preferences(organization, [person.id])
    groups = GROUPS if may_administer(person, "channels", organization) else FOR_EVERYBODY
    words = {"has_own": preferences.has_own(person.id), "person": person, "languages": settings.LANGUAGES}
    if request.method == "GET":
        return _page(request, "notifications", groups, _typed(preferences.of(person.id)), preferences, words)
    if request.POST.get("act") == "follow":
        actions.follow_company(by=person)
        messages.success(request, _("You are told as the company says."))
        return redirect("notifications")
    try:
        actions.choose(organization=organization, by=person, wishes=_read(request.POST, groups))
    except BadData as refusal:
        words["refusal"] = refusal
        return _page(request, "notifications", groups, request.POST.dict(), preferences, words, status=422)
    response = redirect("notifications")
    language = request.POST.get("language", "")
    if language in dict(settings.LANGUAGES) and language != getattr(request.user, "language", ""):
        choose_language(user=request.user, language=language)  # type: ignore[arg-type]
        response.delete_cookie("kehu_language")
    messages.success(request, _("Saved."))
    return response


@require_http_methods(["GET", "POST"])
def notifications_default(request: HttpRequest) -> HttpResponse:
    organization, person = request.organization, request.person  # type: ignore[attr-defined]
    must_administer(person, "channels", organization)
    preferences = Preferences(organization)
    if request.method == "GET":
        return _page(request, "channels/default", GROUPS, _typed(preferences.company), preferences, {})
    try:
        actions.choose_for_company(
            organization=organization,
            wishes=_read(request.POST, GROUPS),
            by=person.key,
            now=request.now,  # type: ignore[attr-defined]
        )
    except BadData as refusal:
        words = {"refusal": refusal}
        return _page(request, "channels/default", GROUPS, request.POST.dict(), preferences, words, status=422)
    messages.success(request, _("Saved. It counts for everybody who has not chosen himself."))
    return redirect("notifications_default")


def _page(
    request: HttpRequest,
    template: str,
    groups: tuple[NoticeGroup, ...],
    typed: Mapping[str, Any],
    preferences: Preferences,
    words: dict[str, Any],
    status: int = 200,
) -> HttpResponse:
    rows = [
        Row(group, TITLES[group], EXPLAINED[group], typed.get(f"mail-{group}", ""), preferences.is_urgent(group))
        for group in groups
    ]
    words = {"rows": rows, "paces": PACES.items(), "typed": typed, **words}
    return render(request, f"web/settings/{template}.html", words, status=status)


def _typed(wishes: Wishes) -> dict[str, str]:
    """As the form's fields say it."""

    def clock(value: time | None) -> str:
        return f"{value:%H:%M}" if value else ""

    return {
        **{f"mail-{group}": wishes.pace(group) for group in GROUPS},
        "quiet_from": clock(wishes.quiet_from),
        "quiet_until": clock(wishes.quiet_until),
        "quiet_days_off": "1" if wishes.quiet_days_off else "",
        "daily_at": clock(wishes.daily_at),
    }


def _read(typed: QueryDict, groups: tuple[NoticeGroup, ...]) -> Wishes:
    findings: list[Finding] = []

    def clock(name: str) -> time | None:
        text = typed.get(name, "").strip()
        try:
            return time.fromisoformat(text).replace(tzinfo=None) if text else None
        except ValueError:
            findings.append(Finding(name, _("“{value}” is no time of the day; write it as 07:30.").format(value=text)))
            return None

    mail: dict[NoticeGroup, MailPace] = {}
    for group in groups:
        pace = typed.get(f"mail-{group}")
        if pace in PACES:
            mail[group] = pace
    wishes = Wishes(
        mail, clock("quiet_from"), clock("quiet_until"), bool(typed.get("quiet_days_off")), clock("daily_at") or time(8)
    )
    if findings:
        raise BadData(findings)
    return wishes
