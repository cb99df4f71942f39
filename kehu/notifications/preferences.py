"""How somebody wants to be told: what by mail, at what pace, and when not. What stands in his pages is not asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cached_property
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.db.models import Q

from kehu.core.models import Organization
from kehu.engine.definitions import MailPace, NoticeGroup, Notifications
from kehu.organizations.calendars import Calendar

from .kinds import GROUPS
from .models import Preference


@dataclass(frozen=True)
class Wishes:
    """One person's, or the company's."""

    mail: Mapping[NoticeGroup, MailPace]
    quiet_from: time | None
    quiet_until: time | None
    quiet_days_off: bool
    daily_at: time

    def pace(self, group: NoticeGroup) -> MailPace:
        return self.mail.get(group, "at_once")


class Preferences:
    """Those of an organization's members, read together: one statement."""

    def __init__(self, organization: Organization, members: Collection[int] = ()):
        self.pack = Notifications.model_validate(organization.pack.get("notifications") or {})
        self._rows = {
            row.member_id: wishes_of(row)
            for row in Preference.objects.filter(Q(member=None) | Q(member__in=list(members)))
        }

    @cached_property
    def company(self) -> Wishes:
        return self._rows.get(None) or from_pack(self.pack)

    def of(self, member_id: int) -> Wishes:
        return self._rows.get(member_id) or self.company

    def has_own(self, member_id: int) -> bool:
        return member_id in self._rows

    def is_urgent(self, group: NoticeGroup) -> bool:
        return group in self.pack.urgent


def from_pack(pack: Notifications) -> Wishes:
    quiet = pack.quiet
    return Wishes(
        mail=dict(pack.mail),
        quiet_from=time.fromisoformat(quiet.from_) if quiet else None,
        quiet_until=time.fromisoformat(quiet.until) if quiet else None,
        quiet_days_off=bool(quiet and quiet.days_off),
        daily_at=time.fromisoformat(pack.daily_at),
    )


def wishes_of(row: Preference) -> Wishes:
    mail = {group: cast(MailPace, row.mail[group]) for group in GROUPS if group in row.mail}
    return Wishes(mail, row.quiet_from, row.quiet_until, row.quiet_days_off, row.daily_at)


def end_of_quiet(wishes: Wishes, moment: datetime, calendar: Calendar) -> datetime:
    """When he may be disturbed: `moment` itself, or the first one after it outside his quiet hours and days."""
    zone = ZoneInfo(calendar.timezone)
    local = moment.astimezone(zone)
    for _ in range(2 * _LONGEST_REST):
        if wishes.quiet_days_off and not calendar.is_working_day(local.date()):
            local = datetime.combine(local.date() + timedelta(days=1), time(), zone)
        elif _is_quiet(wishes, local.time()):
            assert wishes.quiet_until is not None
            day = local.date() + timedelta(days=1 if local.time() >= wishes.quiet_until else 0)
            local = datetime.combine(day, wishes.quiet_until, zone)
        else:
            break
    return max(local, moment)


_LONGEST_REST = 31
"""Days. A company without any working day in its calendar must not keep its messages for ever."""


def _is_quiet(wishes: Wishes, clock: time) -> bool:
    begin, end = wishes.quiet_from, wishes.quiet_until
    if begin is None or end is None or begin == end:
        return False
    return begin <= clock < end if begin < end else clock >= begin or clock < end


def next_summary(wishes: Wishes, moment: datetime, calendar: Calendar) -> datetime:
    """When the next daily summary is due, strictly later than `moment`; not on quiet days."""
    zone = ZoneInfo(calendar.timezone)
    local = moment.astimezone(zone)
    for days in range(_LONGEST_REST):
        day = local.date() + timedelta(days=days)
        due = datetime.combine(day, wishes.daily_at, zone)
        if due > moment and not (wishes.quiet_days_off and not calendar.is_working_day(day)):
            return due
    return moment + timedelta(days=1)


def as_columns(wishes: Wishes) -> dict[str, Any]:
    """As a `Preference` keeps them."""
    return {**vars(wishes), "mail": dict(wishes.mail)}
