"""The demo's clock: moved forward by hand, so that reminders and escalations can be seen to come."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from kehu.cases import schedules
from kehu.core import clock
from kehu.core.models import Organization
from kehu.notifications import delivery
from kehu.organizations.queries import directory, local_now

from .session import following_of

STEPS = {"1h": timedelta(hours=1), "4h": timedelta(hours=4), "1d": timedelta(days=1)}


@require_POST
def move(request: HttpRequest) -> HttpResponse:
    organization: Organization = request.organization  # type: ignore[attr-defined]
    now: datetime = request.now  # type: ignore[attr-defined]
    if not (settings.DEMO and organization.is_demo):
        raise Http404
    by = request.POST.get("by", "")
    today = local_now(organization, now).date()
    mornings = {
        "morning": today + timedelta(days=1),
        "month": (today.replace(day=1) + timedelta(days=32)).replace(day=1),
    }
    later = _opening(organization, mornings[by]) if by in mornings else now + STEPS.get(by, timedelta(hours=1))
    # First what happens on the way, each at its own time; a clock moved before would let the worker fire it all at once.
    fired = schedules.run_until(now, later, organization)
    moment = clock.move_forward(organization, later - now)
    delivery.deliver(moment, organization=organization)
    if fired:
        said = ngettext(
            "The clock has moved; {count} time limit spoke up.",
            "The clock has moved; {count} time limits spoke up.",
            fired,
        )
        messages.info(request, said.format(count=fired))
    else:
        messages.info(request, _("The clock has moved; no time limit had come."))
    return redirect(following_of(request))


def _opening(organization: Organization, day: date) -> datetime:
    """When the company opens on that day, or on its next working day."""
    calendar = directory(organization, day).calendar()
    opens = next(calendar.working_days(day))
    return calendar.moment(opens, calendar.periods_of(opens)[0].start)
