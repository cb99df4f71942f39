"""Absences (请假, 出差): who is away on which days, entered by himself or for him. A deputy may be named in the same breath."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.core import events
from kehu.core.models import Message, Organization
from kehu.core.refusals import AgainstTheRule, BadData, Finding
from kehu.core.scope import scope

from .actions import changed
from .deputies import called, must_speak_for, name_deputy
from .models import Absence, DeputyRule, Member
from .queries import directory, local_now


class AbsentAlready(AgainstTheRule):
    code = "absence.overlaps"
    message = gettext_lazy(
        "{person} is away from {first} to {last} already. End that absence first, or enter the days that are not in it."
    )


class NoSuchAbsence(AgainstTheRule):
    code = "absence.not_there"
    status = 404
    message = gettext_lazy(
        "This absence is not there any more, or it is over. Reload the page to see how things stand."
    )


@transaction.atomic
def enter(
    *,
    organization: Organization,
    member: str,
    first_day: date,
    last_day: date,
    by: str,
    now: datetime,
    kind: str = Absence.Kind.LEAVE,
    note: str = "",
    deputy: str = "",
    procedures: Collection[str] = (),
    limit: Decimal | None = None,
) -> Absence:
    """Somebody is away from the first day to the last (both included), and asks `deputy` to stand in on these days."""
    with scope(organization):
        must_speak_for(organization, member, by, now)
        who = Member.objects.select_for_update().filter(key=member).first()
        findings = []
        today = local_now(organization, now).date()
        if who is None or (who.left_on and who.left_on <= today):
            findings.append(Finding("member", _("There is nobody called “{value}” here.").format(value=member)))
        if kind not in Absence.Kind.values:
            findings.append(Finding("kind", _("Choose one of: {kinds}.").format(kinds=", ".join(Absence.Kind.values))))
        if last_day < first_day:
            findings.append(Finding("last_day", _("The last day comes before the first.")))
        elif last_day < today:
            findings.append(Finding("last_day", _("These days are over; an absence is entered for today or later.")))
        elif (last_day - first_day).days > 366:
            findings.append(Finding("last_day", _("An absence is entered for a year at most.")))
        if findings or who is None:
            raise BadData(findings)
        ends = last_day + timedelta(days=1)
        other = Absence.objects.filter(
            member=who, canceled_at=None, valid_from__lt=ends, valid_until__gt=first_day
        ).first()
        if other:
            last = other.valid_until - timedelta(days=1)
            raise AbsentAlready(person=called(who), first=other.valid_from, last=last)
        if deputy:
            name_deputy(
                organization=organization,
                principal=member,
                deputy=deputy,
                valid_from=first_day,
                last_day=last_day,
                procedures=procedures,
                limit=limit,
                by=by,
                now=now,
            )
        absence = Absence.objects.create(
            organization=organization,
            member=who,
            valid_from=first_day,
            valid_until=ends,
            kind=kind,
            note=note,
            entered_by=by,
            entered_at=now,
        )
        changed(organization)
        events.record(
            organization,
            "absence.entered",
            by=by,
            at=now,
            member=member,
            first_day=first_day.isoformat(),
            last_day=last_day.isoformat(),
            kind=kind,
        )
        if not deputy:
            _warn_superiors(organization, who, first_day, last_day, now)
    return absence


@transaction.atomic
def end(*, organization: Organization, absence: int, by: str, now: datetime) -> Absence:
    """Somebody is back today, or stays after all: his deputies' power ends with it, and so do the rules made for just these days."""
    with scope(organization):
        found = Absence.objects.select_for_update(of=("self",)).select_related("member").filter(pk=absence).first()
        today = local_now(organization, now).date()
        if found is None or found.canceled_at or found.valid_until <= today:
            raise NoSuchAbsence()
        must_speak_for(organization, found.member.key, by, now)
        rules = DeputyRule.objects.filter(
            principal=found.member, valid_from=found.valid_from, valid_until=found.valid_until, revoked_at=None
        )
        ended = list(rules.order_by("number").values_list("number", flat=True))
        if found.valid_from >= today:
            rules.update(revoked_at=now, revoked_by=by)
            found.canceled_at = now
        else:
            rules.update(valid_until=today)
            found.valid_until = today
        found.save(update_fields=["canceled_at", "valid_until"])
        changed(organization)
        facts = {"member": found.member.key, "first_day": found.valid_from.isoformat(), "back_on": today.isoformat()}
        events.record(organization, "absence.ended", by=by, at=now, rules=ended, **facts)
    return found


def _warn_superiors(organization: Organization, who: Member, first: date, last: date, now: datetime) -> None:
    """Whose work will come to somebody without a deputy between hears of it beforehand, unless a deputy is there already."""
    people = directory(organization, local_now(organization, now).date())
    person = people.people.get(who.key)
    if person is None or not person.posts or people.deputies_of(person):
        return
    Message.objects.bulk_create(
        Message(
            organization=organization,
            kind="absent_alone",
            recipient=superior.key,
            facts={"name": who.name, "from": first.isoformat(), "until": last.isoformat()},
            created_at=now,
            next_attempt_at=now,
        )
        for superior in people.next_up(person.posts[0].department, person.rank)
    )
