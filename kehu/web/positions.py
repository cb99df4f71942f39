"""Positions by department: who holds each, since when, what is vacant; today or on another day (`?on=2026-03-01`)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from kehu.organizations.models import Appointment, Department, Position
from kehu.organizations.permissions import must_administer

from .person import is_over


@require_safe
def positions(request: HttpRequest) -> HttpResponse:
    must_administer(request.person, "people", request.organization)  # type: ignore[attr-defined]
    today = timezone.localtime(request.now).date()  # type: ignore[attr-defined]
    text, problem, day = request.GET.get("on", "").strip(), "", today
    if text:
        try:
            chosen = parse_date(text)
        except ValueError:
            chosen = None
        day, problem = (chosen, "") if chosen else (today, _("Write a day like 2026-03-01. Shown is today."))
    held: dict[int, list[Appointment]] = {}
    for one in Appointment.objects.select_related("member").order_by("valid_from", "pk"):
        if (one.valid_from is None or one.valid_from <= day) and not is_over(one, day):
            held.setdefault(one.position_id, []).append(one)
    places = list(Position.objects.order_by("-rank", "pk"))
    units = [
        (unit, [(place, held.get(place.pk, [])) for place in places if place.department_id == unit.pk])
        for unit in Department.objects.select_related("parent").order_by("pk")
    ]
    words = {
        "units": [(unit, found) for unit, found in units if found],
        "day": day,
        "today": today,
        "vacant": sum(1 for place in places if place.pk not in held),
        "total": len(places),
        "problem": problem,
    }
    return render(request, "web/people/positions.html", words)
