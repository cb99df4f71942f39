"""One person's page, for whoever has the right `people` (his absences: `absences`): what is known of him, his positions, absences and
deputies, his access, his leaving; and what may be changed of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from kehu.accounts import actions as accounts
from kehu.accounts.queries import sessions_of
from kehu.cases.models import Assignment
from kehu.core import clock
from kehu.core.models import User
from kehu.core.refusals import AgainstTheRule, BadData, Finding, Refusal
from kehu.ledgers.customers.models import Customer
from kehu.organizations import members
from kehu.organizations.models import AccessToken, Appointment, Member
from kehu.organizations.permissions import must_administer

from .deputies import Typed, absences_of, enter, form_words, people_of, rules_of
from .people import may, must_see


@never_cache
@require_safe
def member(request: HttpRequest, key: str) -> HttpResponse:
    must_see(request)
    return _page(request, _member(key))


@never_cache
@require_POST
def act(request: HttpRequest, key: str, act: str) -> HttpResponse:
    """One of `ACTS`. What was refused is said at the form it came from, with what was typed."""
    must_see(request)
    found = _member(key)
    if act == "absences":
        typed = enter(request, key)
        return _page(request, found, absence=typed) if typed.message else redirect("member", key)
    must_administer(request.person, "people", request.organization)  # type: ignore[attr-defined]
    try:
        answer = ACTS[act](request, found)
    except Refusal as refusal:
        typed = Typed(request.POST.dict(), message=str(refusal))
        if isinstance(refusal, BadData):
            typed.errors = {finding.path: str(finding) for finding in refusal.findings}
        return _page(request, _member(key), status=refusal.status, wrong=act, typed=typed)
    return answer or redirect("member", key)


def _page(
    request: Any,
    found: Member,
    *,
    absence: Typed | None = None,
    typed: Typed | None = None,
    wrong: str = "",
    link: str = "",
    status: int = 200,
) -> HttpResponse:
    """`wrong`: the act that was refused, `typed` what was typed there; `link`: an invitation, shown once."""
    today = timezone.localtime(request.now).date()
    directory = people_of(request)
    held = Appointment.objects.filter(member=found).select_related("position").order_by("valid_from", "pk")
    name = request.POST if wrong == "facts" else None
    words = form_words(request, absence or Typed({"kind": "leave"}), found.key) | {
        "member": found,
        "person": directory.people.get(found.key),
        "back_on": directory.absent.get(found.key),
        "facts": {
            "name": name.get("name", "") if name else found.name["zh"],
            "name_en": name.get("name_en", "") if name else found.name["en"],
            "email": name.get("email", "") if name else found.email,
            "language": name.get("language", "") if name else found.language,
        },
        "appointments": [(one, is_over(one, today)) for one in held],
        "posts": directory.posts.values(),
        "absences": absences_of(found.pk, today),
        "rules": rules_of(found.pk, today),
        "burden": _burden(found),
        "user": found.user,
        "has_password": bool(found.user and found.user.has_usable_password()),
        "sessions": sessions_of(found.user, clock.now()) if found.user else [],
        "may_change": may(request, "people"),
        "may_enter": may(request, "absences"),
        "wrong": wrong,
        "given": typed,
        "link": link,
    }
    return render(request, "web/people/member.html", words, status=422 if absence else status)


def _burden(found: Member) -> dict[str, Any]:
    """What somebody else would have to do if he left: his open tasks (the first twenty by name), his customers, his tokens."""
    tasks = Assignment.objects.filter(member=found, is_open=True).order_by("due_at", "pk")
    shown = list(tasks.values_list("task__case__number", "task__step")[:20])
    return {
        "tasks": tasks.count() if len(shown) == 20 else len(shown),
        "numbers": list(dict.fromkeys(number for number, _step in shown)),
        "customers": Customer.objects.filter(owner=found).count(),
        "tokens": AccessToken.objects.filter(member=found, revoked_at=None).count(),
    }


# --- what may be changed ----------------------------------------------------------------------------------------------


def _facts(request: Any, found: Member) -> None:
    given = {name: request.POST.get(name, "").strip() for name in ("name", "name_en", "email", "language")}
    name = {"zh": given["name"], "en": given["name_en"] or given["name"]}
    until = accounts.change(
        member=found.key, name=name, email=given["email"], language=given["language"], **_common(request)
    )
    if until is None:
        messages.success(request, _("Kept."))
        return
    words = _("Kept. The former address is told; until {until} a forgotten password is renewed from there only.")
    messages.success(request, words.format(until=f"{timezone.localtime(until):%Y-%m-%d %H:%M}"))


def _appointment(request: Any, found: Member) -> None:
    position = request.POST.get("position", "")
    members.appoint(member=found.key, position=position, valid_from=_day(request, "valid_from"), **_common(request))
    messages.success(request, _("Appointed."))


def _appointment_end(request: Any, found: Member) -> None:
    number = request.POST.get("appointment", "")
    pk = int(number) if number.isdecimal() and len(number) < 10 else 0
    if not Appointment.objects.filter(pk=pk, member=found).exists():
        raise members.NoSuchAppointment()
    members.end_appointment(appointment=pk, last_day=_day(request, "last_day"), **_common(request))
    messages.success(
        request, _("The appointment ends on that day. Open decisions go to whoever holds the position then.")
    )


def _leaving(request: Any, found: Member) -> None:
    successor = request.POST.get("successor", "")
    members.leave(member=found.key, last_day=_day(request, "last_day"), successor=successor, **_common(request))
    messages.success(request, _("Entered. After that day everything is handed on and access ends."))


def _staying(request: Any, found: Member) -> None:
    members.stay(member=found.key, **_common(request))
    messages.success(request, _("The leaving is called off."))


def _invitation(request: Any, found: Member) -> HttpResponse | None:
    """By mail; or as a link on this page alone, so that it lies in no session and no log."""
    by_mail = request.POST.get("way") != "link"
    link = accounts.invite(member=found, by=request.person.key, now=clock.now(), by_mail=by_mail)
    if by_mail:
        messages.success(request, _("The invitation is on its way to {address}.").format(address=found.email))
        return None
    return _page(request, _member(found.key), link=link)


def _sessions(request: Any, found: Member) -> None:
    count = accounts.end_sessions(user=_user(found), now=clock.now(), by=request.person.key)
    messages.success(request, _("Signed out everywhere. Sessions ended: {count}").format(count=count))


def _second_factor(request: Any, found: Member) -> None:
    count = accounts.reset_second_factor(user=_user(found), now=clock.now(), by=request.person.key)
    said = _("The second factor is removed; a new one can be set up after signing in.")
    messages.success(request, said if count else _("There was no second factor; nothing changed."))


ACTS: dict[str, Callable[[Any, Member], HttpResponse | None]] = {
    "facts": _facts,
    "absences": lambda _request, _found: None,  # has a form of its own, with a right of its own
    "appointments": _appointment,
    "appointment-end": _appointment_end,
    "leaving": _leaving,
    "staying": _staying,
    "invitation": _invitation,
    "sessions": _sessions,
    "second-factor": _second_factor,
}
"""By the last word of their addresses."""


class NeverInvited(AgainstTheRule):
    code = "member.never_invited"

    def __str__(self) -> str:
        return _("{name} was never invited and cannot sign in.").format(**self.facts)


def _user(found: Member) -> User:
    if found.user is None:
        raise NeverInvited(name=found.key)
    return found.user


def _member(key: str) -> Member:
    found = Member.objects.select_related("successor", "user").filter(key=key).first()
    if found is None:
        raise Http404
    return found


def is_over(one: Appointment, day: date) -> bool:
    return one.valid_until is not None and one.valid_until <= day


def _common(request: Any) -> dict[str, Any]:
    return {"organization": request.organization, "by": request.person.key, "now": request.now}


def _day(request: HttpRequest, name: str) -> date:
    try:
        found = parse_date(request.POST.get(name, "").strip())
    except ValueError:
        found = None
    if found is None:
        raise BadData([Finding(name, _("Choose a day."))])
    return found
