"""The company's channels: how they are, who gets what, trying them out; what could not be delivered; webhooks and their replay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from kehu.core.refusals import BadData, Finding, Refusal
from kehu.notifications import channels as actions
from kehu.notifications import undelivered as dead_letters
from kehu.notifications.channels import Wanted
from kehu.notifications.chat import APPRISE
from kehu.notifications.health import dead_count, health_of, health_of_one
from kehu.notifications.kinds import EXPLAINED, FOR_EVERYBODY, TITLES
from kehu.notifications.models import Channel, Delivery
from kehu.notifications.queries import cases_of
from kehu.notifications.wording import worded
from kehu.organizations.permissions import must_administer
from kehu.procedures.revisions import procedures_of

Page = Callable[..., HttpResponse]
LATEST = 30
UNDELIVERED = 100
EVENTS = (
    *("case.opened", "case.closed", "case.voided", "case.reopened"),
    *("task.completed", "task.sent_back", "task.handed_over"),
    *("task.reminder", "task.repeated", "task.overdue", "task.escalated", "clock.overdue", "clock.escalated"),
)
"""Offered as boxes; others may be typed, and `*` is all."""


def for_those_who_may(page: Page) -> Page:
    """Only who looks after the channels."""

    @wraps(page)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        must_administer(request.person, "channels", request.organization)  # type: ignore[attr-defined]
        return page(request, *args, **kwargs)

    return guarded


@require_safe
@for_those_who_may
def channels(request: HttpRequest) -> HttpResponse:
    found = health_of(request.organization, request.now)  # type: ignore[attr-defined]
    words = {
        "mail": [one for one in found if one.channel.kind == Channel.Kind.MAIL],
        "chats": [one for one in found if one.channel.kind == Channel.Kind.CHAT],
        "webhooks": [one for one in found if one.channel.kind == Channel.Kind.WEBHOOK],
        "server": _mail_server(),
        "dead": dead_count(),
    }
    return render(request, "web/settings/channels/channels.html", words)


@require_http_methods(["GET", "POST"])
@for_those_who_may
def new_chat(request: HttpRequest) -> HttpResponse:
    return _new(request, Channel.Kind.CHAT)


@require_http_methods(["GET", "POST"])
@for_those_who_may
def new_webhook(request: HttpRequest) -> HttpResponse:
    return _new(request, Channel.Kind.WEBHOOK)


def _new(request: HttpRequest, kind: Channel.Kind) -> HttpResponse:
    organization, now = request.organization, request.now  # type: ignore[attr-defined]
    if request.method == "GET":
        return _form(request, "new", kind, Wanted("", takes=["escalations"] if kind == Channel.Kind.CHAT else []))
    wanted, by = _read(request.POST, kind), request.person.key  # type: ignore[attr-defined]
    try:
        if kind == Channel.Kind.CHAT:
            channel, secret = actions.add_chat(organization=organization, wanted=wanted, by=by, now=now), ""
        else:
            channel, secret = actions.add_webhook(organization=organization, wanted=wanted, by=by, now=now)
    except BadData as refusal:
        return _form(request, "new", kind, wanted, {"refusal": refusal}, status=422)
    if secret:
        return _shown_once(request, channel, secret)
    messages.success(request, _("Added. Send a test to see whether it arrives."))
    return redirect("channel", channel.key)


@require_http_methods(["GET", "POST"])
@for_those_who_may
def channel(request: HttpRequest, key: str) -> HttpResponse:
    found = _channel(key)
    if request.method == "GET":
        wanted = Wanted(found.title, "", "", found.language, found.takes, found.departments, found.procedures)
        return _form(request, "channel", found.kind, wanted, _about(request, found))
    wanted = _read(request.POST, found.kind)
    try:
        actions.change(channel=found, wanted=wanted, by=request.person.key, now=request.now)  # type: ignore[attr-defined]
    except BadData as refusal:
        words = _about(request, _channel(key))
        return _form(request, "channel", found.kind, wanted, {**words, "refusal": refusal}, status=422)
    messages.success(request, _("Saved."))
    return redirect("channel", key)


@require_POST
@for_those_who_may
def trial(request: HttpRequest, key: str) -> HttpResponse:
    found, person = _channel(key), request.person  # type: ignore[attr-defined]
    if found.kind == Channel.Kind.MAIL and not person.email:
        messages.error(request, _("You have no mail address here, so there is nobody to send a test to."))
        return redirect("channel", key)
    try:
        actions.try_out(channel=found, organization=request.organization, to=person.email, now=request.now)  # type: ignore[attr-defined]
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        place = person.email if found.kind == Channel.Kind.MAIL else found.title
        messages.success(request, _("The test was accepted. Look whether it arrived: {place}").format(place=place))
    return redirect("channel", key)


@require_POST
@for_those_who_may
def state(request: HttpRequest, key: str) -> HttpResponse:
    """On or off."""
    actions.switch(
        channel=_channel(key),
        is_on=request.POST.get("is_on") == "1",
        by=request.person.key,  # type: ignore[attr-defined]
        now=request.now,  # type: ignore[attr-defined]
    )
    return redirect("channel", key)


@require_POST
@for_those_who_may
def removal(request: HttpRequest, key: str) -> HttpResponse:
    found = _channel(key)
    actions.remove(channel=found, by=request.person.key, now=request.now)  # type: ignore[attr-defined]
    messages.success(request, _("“{title}” was removed.").format(title=found.title))
    return redirect("channels")


@require_POST
@for_those_who_may
def secret(request: HttpRequest, key: str) -> HttpResponse:
    """Another one for a webhook; or the former one signs no more."""
    found = _channel(key, Channel.Kind.WEBHOOK)
    if request.POST.get("act") == "forget":
        actions.forget_former_secret(channel=found, by=request.person.key, now=request.now)  # type: ignore[attr-defined]
        messages.success(request, _("The former secret signs no more."))
        return redirect("channel", key)
    fresh = actions.renew_secret(channel=found, by=request.person.key, now=request.now)  # type: ignore[attr-defined]
    return _shown_once(request, found, fresh)


@require_POST
@for_those_who_may
def replay(request: HttpRequest, key: str) -> HttpResponse:
    """One delivery again, or those of events in a time."""
    found = _channel(key, Channel.Kind.WEBHOOK)
    try:
        only, since, until = _range(request)
    except BadData as refusal:
        messages.error(request, str(refusal))
        return redirect("channel", key)
    count = dead_letters.replay(
        channel=found,
        only=only,
        since=since,
        until=until,
        by=request.person.key,  # type: ignore[attr-defined]
        now=request.now,  # type: ignore[attr-defined]
    )
    said = ngettext("{count} delivery goes out again.", "{count} deliveries go out again.", count)
    messages.success(request, said.format(count=count) if count else _("There was none in this time."))
    return redirect("channel", key)


@require_http_methods(["GET", "POST"])
@for_those_who_may
def undelivered(request: HttpRequest) -> HttpResponse:
    """What was given up: again, or dropped with a reason; one, some or all."""
    if request.method == "GET":
        return _undelivered(request)
    keys = [int(key) for key in request.POST.getlist("delivery") if key.isdigit()]
    only = None if request.POST.get("all") else keys
    common: dict[str, Any] = {
        "organization": request.organization,  # type: ignore[attr-defined]
        "only": only,
        "by": request.person.key,  # type: ignore[attr-defined]
        "now": request.now,  # type: ignore[attr-defined]
    }
    if only == []:
        return _undelivered(request, _("Choose at least one, or “all of them”."), status=422)
    try:
        if request.POST.get("act") == "drop":
            count = dead_letters.drop(**common, reason=request.POST.get("reason", "")[:500])
            said = ngettext("{count} message was dropped.", "{count} messages were dropped.", count)
        else:
            count = dead_letters.retry(**common)
            said = ngettext("{count} message goes out again.", "{count} messages go out again.", count)
    except BadData as refusal:
        return _undelivered(request, str(refusal), set(keys), status=422)
    messages.success(request, said.format(count=count))
    return redirect("undelivered")


def _undelivered(
    request: HttpRequest, message: str = "", chosen: set[int] | None = None, status: int = 200
) -> HttpResponse:
    organization = request.organization  # type: ignore[attr-defined]
    dead = Delivery.objects.filter(state=Delivery.State.DEAD).select_related("channel", "member").order_by("-pk")
    rows = _lines(organization, list(dead[:UNDELIVERED]))
    words = {
        "rows": rows,
        "count": dead_count() if len(rows) == UNDELIVERED else len(rows),
        "message": message,
        "chosen": chosen or set(),
        "reason": request.POST.get("reason", ""),
    }
    return render(request, "web/settings/channels/undelivered.html", words, status=status)


def _lines(organization: Any, deliveries: list[Delivery]) -> list[tuple[Delivery, str]]:
    """Each with what it says; an event's name is left as it is."""
    cases = cases_of(delivery.case_number for delivery in deliveries)
    return [
        (
            delivery,
            delivery.kind
            if delivery.channel.kind == Channel.Kind.WEBHOOK
            else worded(delivery, cases.get(delivery.case_number), organization).title,
        )
        for delivery in deliveries
    ]


def _channel(key: str, kind: Channel.Kind | None = None) -> Channel:
    found = Channel.objects.select_related("organization").filter(key=key, removed_at=None).first()
    if found is None or (kind and found.kind != kind):
        raise Http404
    return found


def _about(request: HttpRequest, found: Channel) -> dict[str, Any]:
    latest = Delivery.objects.filter(channel=found).select_related("channel", "member").order_by("-pk")[:LATEST]
    return {
        "channel": found,
        "overlaps": found.overlaps(request.now),  # type: ignore[attr-defined]
        "health": health_of_one(found, request.now),  # type: ignore[attr-defined]
        "latest": _lines(request.organization, list(latest)),  # type: ignore[attr-defined]
        "server": _mail_server(),
    }


def _shown_once(request: HttpRequest, found: Channel, secret: str) -> HttpResponse:
    return render(request, "web/settings/channels/secret.html", {"channel": found, "secret": secret})


def _form(
    request: HttpRequest,
    page: str,
    kind: str,
    wanted: Wanted,
    words: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    organization = request.organization  # type: ignore[attr-defined]
    refusal = (words or {}).get("refusal")
    words = {
        "kind": kind,
        "wanted": wanted,
        "groups": [(group, TITLES[group], EXPLAINED[group]) for group in FOR_EVERYBODY],
        "events": EVENTS,
        "other_events": " ".join(name for name in wanted.takes if name not in EVENTS),
        "departments": [(key, unit["title"]) for key, unit in organization.pack.get("departments", {}).items()],
        "procedures": [(key, running.procedure) for key, running in procedures_of(organization).items()],
        "languages": settings.LANGUAGES,
        "schemes": ", ".join(f"{scheme}://" for scheme in APPRISE),
        "errors": {finding.path: str(finding) for finding in refusal.findings} if refusal else {},
        **(words or {}),
    }
    return render(request, f"web/settings/channels/{page}.html", words, status=status)


def _read(typed: QueryDict, kind: str) -> Wanted:
    takes = typed.getlist("takes")
    if kind == Channel.Kind.WEBHOOK:
        takes = list(dict.fromkeys([*takes, *typed.get("other_events", "").replace(",", " ").split()]))[:60]
    language = typed.get("language", "")
    return Wanted(
        title=typed.get("title", ""),
        address=typed.get("address", "").strip()[:2000],
        secret=typed.get("secret", "").strip()[:500],
        language=language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE,
        takes=[name[:60] for name in takes],
        departments=[key[:60] for key in typed.getlist("departments")],
        procedures=[key[:60] for key in typed.getlist("procedures")],
    )


def _range(request: HttpRequest) -> tuple[list[int] | None, datetime | None, datetime | None]:
    typed = request.POST
    if typed.get("delivery", "").isdigit():
        return [int(typed["delivery"])], None, None
    zone = ZoneInfo(request.organization.timezone)  # type: ignore[attr-defined]
    moments = []
    for name in ("since", "until"):
        try:
            moments.append(datetime.fromisoformat(typed.get(name, "")).replace(tzinfo=zone))
        except ValueError:
            raise BadData([Finding(name, _("Say from when and until when, as 2026-03-15 14:00."))]) from None
    return None, moments[0], moments[1]


def _mail_server() -> str:
    """Where mail goes, without name and password; empty where it becomes files."""
    host = getattr(settings, "EMAIL_HOST", "")
    if not settings.EMAIL_BACKEND.endswith("smtp.EmailBackend"):
        return ""
    return f"{urlsplit('//' + host).hostname or host}:{settings.EMAIL_PORT}"
