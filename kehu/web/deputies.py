"""My absence and my deputies: entered by oneself; who is asked to stand in accepts or declines here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from kehu.core.refusals import BadData, Finding, Refusal
from kehu.organizations import absences, deputies
from kehu.organizations.models import Absence, DeputyRule
from kehu.organizations.queries import Directory, directory
from kehu.procedures.revisions import procedures_of

KINDS = {
    "leave": gettext_lazy("On leave"),
    "travel": gettext_lazy("On business"),
    "other": gettext_lazy("Away otherwise"),
}


@dataclass
class Typed:
    """What a form said, and what was wrong with it."""

    values: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    message: str = ""


@require_http_methods(["GET", "POST"])
def own(request: HttpRequest) -> HttpResponse:
    """My absences, who stands in for me, for whom I am asked to stand in."""
    person = request.person  # type: ignore[attr-defined]
    typed = Typed({"kind": "leave"})
    if request.method == "POST":
        typed = enter(request, person.key)
        if not typed.message:
            return redirect("deputies")
    return render(request, "web/settings/deputies.html", _words(request, typed), status=422 if typed.message else 200)


@require_POST
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Accept, decline or revoke the rule of that number."""
    person = request.person  # type: ignore[attr-defined]
    common = {"organization": request.organization, "number": pk, "by": person.key, "now": request.now}  # type: ignore[attr-defined]
    match request.POST.get("answer"):
        case "accept":
            deputies.accept(**common)
            messages.success(request, _("You stand in now whenever this rule counts."))
        case "decline":
            deputies.decline(**common, reason=request.POST.get("reason", "")[:200])
            messages.success(request, _("Declined. Whoever asked you has been told."))
        case _other:
            rule = deputies.revoke(**common)
            messages.success(request, _("This deputy rule counts no more."))
            if person.id not in (rule.principal_id, rule.deputy_id):
                return redirect("member", rule.principal.key)
    return redirect("deputies")


@require_POST
def back(request: HttpRequest, pk: int) -> HttpResponse:
    """Back today, or not going after all."""
    organization, person, now = request.organization, request.person, request.now  # type: ignore[attr-defined]
    absence = absences.end(organization=organization, absence=pk, by=person.key, now=now)
    if absence.member_id != person.id:
        messages.success(request, _("The absence is over. Deputies named for these days stand in no more."))
        return redirect("member", absence.member.key)
    messages.success(request, _("Welcome back. Deputies named for these days stand in no more."))
    return redirect("deputies")


def enter(request: HttpRequest, member: str) -> Typed:
    """An absence, as the form says; the same form for oneself and for others. The message is empty when it was done."""
    post = request.POST
    typed = Typed({key: post.get(key, "").strip()[:200] for key in (*_FIELDS, "note")})
    typed.values["procedures"] = post.getlist("procedures")
    try:
        absences.enter(
            organization=request.organization,  # type: ignore[attr-defined]
            member=member,
            by=request.person.key,  # type: ignore[attr-defined]
            now=request.now,  # type: ignore[attr-defined]
            **_given(post),
        )
    except BadData as refusal:
        typed.errors = {finding.path: str(finding) for finding in refusal.findings}
        typed.message = str(refusal)
    except Refusal as refusal:
        typed.message = str(refusal)
    else:
        said = _("Entered. {name} was asked to stand in.") if typed.values["deputy"] else _("Entered.")
        messages.success(request, said.format(name=_name(people_of(request), typed.values["deputy"])))
    return typed


_FIELDS = ("kind", "first_day", "last_day", "deputy", "limit")


def _given(post: QueryDict) -> dict[str, Any]:
    findings = []
    days: dict[str, date | None] = {}
    for name in ("first_day", "last_day"):
        try:
            days[name] = parse_date(post.get(name, "").strip())
        except ValueError:
            days[name] = None
        if days[name] is None:
            findings.append(Finding(name, _("Choose a day.")))
    limit = None
    if text := post.get("limit", "").strip().replace(",", ""):
        try:
            limit = Decimal(text).quantize(Decimal("0.01"))
        except InvalidOperation:
            findings.append(Finding("limit", _("Write an amount, for example 5000.")))
    if findings:
        raise BadData(findings)
    return {
        **days,
        "kind": post.get("kind", ""),
        "note": post.get("note", "").strip()[:200],
        "deputy": post.get("deputy", "").strip(),
        "procedures": post.getlist("procedures"),
        "limit": limit,
    }


def people_of(request: Any) -> Directory:
    return directory(request.organization, timezone.localtime(request.now).date())


def form_words(request: Any, typed: Typed, member: str) -> dict[str, Any]:
    """What the form for an absence of that member shows."""
    today = timezone.localtime(request.now).date()
    return {
        "typed": typed,
        "kinds": KINDS.items(),
        "choices": [other for other in people_of(request).people.values() if other.key != member],
        "procedures": [
            (key, running.procedure.number, running.procedure.title)
            for key, running in procedures_of(request.organization).items()
        ],
        "today": today,
        "today_text": today.isoformat(),
        "titles": {key: running.procedure.title for key, running in procedures_of(request.organization).items()},
    }


def absences_of(member: int, today: date) -> list[tuple[Absence, Any]]:
    """Present and coming, with their kinds in words."""
    rows = Absence.objects.filter(member_id=member, canceled_at=None, valid_until__gt=today)
    return [(absence, KINDS[absence.kind]) for absence in rows.order_by("valid_from")]


def rules_of(member: int, today: date) -> list[DeputyRule]:
    """The rules from and to him that count or may come to count."""
    rows = DeputyRule.objects.select_related("principal", "deputy").filter(
        Q(principal_id=member) | Q(deputy_id=member), revoked_at=None, declined_at=None
    )
    return list(rows.exclude(valid_until__lte=today))


def _words(request: Any, typed: Typed) -> dict[str, Any]:
    person, today = request.person, timezone.localtime(request.now).date()
    rules = rules_of(person.id, today)
    return form_words(request, typed, person.key) | {
        "absences": absences_of(person.id, today),
        "mine": [rule for rule in rules if rule.principal_id == person.id],
        "asked": [rule for rule in rules if rule.deputy_id == person.id and not rule.accepted_at],
        "accepted": [rule for rule in rules if rule.deputy_id == person.id and rule.accepted_at],
        "standing": {one.principal for one in person.stands_in},
    }


def _name(people: Directory, key: str) -> str:
    return people.people[key].called(get_language() or "zh") if key in people.people else key
