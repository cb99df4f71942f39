"""What time it is. Only doors ask; everything below is told. A demo's clock can be moved forward."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from .models import Organization


def now(organization: Organization | None = None) -> datetime:
    moment = timezone.now()
    if organization and organization.is_demo and organization.clock_offset:
        moment += organization.clock_offset
    return moment.replace(microsecond=0)


def move_forward(organization: Organization, by: timedelta) -> datetime:
    """Only a demo's clock moves, and only forward."""
    if not organization.is_demo:
        raise ValueError("only a demo organization's clock can be moved")
    if by <= timedelta():
        raise ValueError("the clock moves forward only")
    organization.clock_offset = (organization.clock_offset or timedelta()) + by
    organization.save(update_fields=["clock_offset"])
    return now(organization)
