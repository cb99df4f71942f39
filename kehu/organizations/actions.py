"""Setting up an organization: its departments, positions, people and calendars."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Literal

from django.db import transaction
from django.db.models import Q

from kehu.core import events
from kehu.core.models import Organization, User, fresh_version
from kehu.core.refusals import AgainstTheRule, BadData
from kehu.core.scope import every_organization, scope
from kehu.engine.definitions import CalendarDefinition, Pack

from . import addresses
from .calendars import Calendar, Period
from .models import Appointment, CalendarProposal, Department, Member, Position, SpecialDay, WorkingWeek

_WEEK: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = (
    "mon",
    "tue",
    "wed",
    "thu",
    "fri",
    "sat",
    "sun",
)


@transaction.atomic
def set_up(*, pack: Pack, tables: Mapping[str, Any], by: str, now: datetime) -> Organization:
    """The organization a pack describes, made or brought up to date. Positions that left the pack stay with their holders."""
    with every_organization():
        organization, _ = Organization.objects.update_or_create(
            key=pack.key,
            defaults={
                "title": pack.title.model_dump(),
                "timezone": pack.timezone,
                "pack": pack.model_dump(mode="json", by_alias=True, exclude={"calendar", "department_calendars"}),
                "tables": dict(tables),
            },
        )
    with scope(organization):
        departments = _departments(organization, pack)
        for key, position in pack.positions.items():
            Position.objects.update_or_create(
                organization=organization,
                key=key,
                defaults={
                    "title": position.title.model_dump(),
                    "department": departments[position.department],
                    "rank": pack.ranks[position.rank],
                    "counts_everywhere": position.everywhere,
                },
            )
        _calendar(organization, None, pack.calendar)
        for key, calendar in pack.department_calendars.items():
            _calendar(organization, departments[key], calendar)
        changed(organization)
        events.record(organization, "organization.set_up", by=by, at=now, pack=pack.key)
    return organization


def _departments(organization: Organization, pack: Pack) -> dict[str, Department]:
    found = {
        key: Department.objects.update_or_create(
            organization=organization, key=key, defaults={"title": department.title.model_dump()}
        )[0]
        for key, department in pack.departments.items()
    }
    for key, department in pack.departments.items():
        if department.parent:
            found[key].parent = found[department.parent]
            found[key].save(update_fields=["parent"])
    return found


def _calendar(organization: Organization, department: Department | None, definition: CalendarDefinition) -> None:
    """The week as the pack says; days and years that people confirmed since stay confirmed."""
    week, _ = WorkingWeek.objects.get_or_create(
        organization=organization,
        department=department,
        customer_code="",
        defaults={"week": [], "known_until": definition.known_until},
    )
    week.week = [list(definition.week.get(day) or ()) for day in _WEEK]
    if week.known_until and (definition.known_until is None or definition.known_until > week.known_until):
        week.known_until = definition.known_until
    week.save(update_fields=["week", "known_until"])
    known = set(SpecialDay.objects.filter(week=week).values_list("day", flat=True))
    SpecialDay.objects.bulk_create(
        SpecialDay(
            organization=organization,
            week=week,
            day=day,
            kind=special.kind,
            name=special.name.model_dump() if special.name else {},
            periods=list(special.periods) or _ordinary_periods(week, special.kind),
        )
        for day, special in definition.special_days.items()
        if day not in known
    )


def _ordinary_periods(week: WorkingWeek, kind: str) -> list[str]:
    """A make-up day is worked as the week's first working day."""
    return next((periods for periods in week.week if periods), []) if kind == "make_up" else []


def changed(organization: Organization) -> None:
    """Whoever keeps a copy of the directory will read it again."""
    organization.version = fresh_version()
    with scope(organization):
        organization.save(update_fields=["version"])


@transaction.atomic
def take_on(
    *,
    organization: Organization,
    key: str,
    name: Mapping[str, str],
    positions: Iterable[str],
    by: str,
    now: datetime,
    email: str = "",
    language: str = "zh-hans",
    with_user: bool = True,
    valid_from: date | None = None,
) -> Member:
    """A person joins and is appointed, from a day on or as ever; in a demo he gets a user of the same name, without a password."""
    if findings := list(addresses.findings(email)):
        raise BadData(findings)
    with scope(organization):
        user = None
        if with_user:
            user = User.objects.create_user(f"{organization.key}.{key}", email=email, language=language)
        member = Member.objects.create(
            organization=organization, key=key, name=dict(name), user=user, email=email, language=language
        )
        known = {position.key: position for position in Position.objects.all()}
        Appointment.objects.bulk_create(
            Appointment(organization=organization, member=member, position=known[position], valid_from=valid_from)
            for position in positions
        )
        changed(organization)
        events.record(organization, "member.taken_on", by=by, at=now, member=key, positions=list(positions))
    return member


class NothingToConfirm(AgainstTheRule):
    code = "calendar.confirmed_already"


@transaction.atomic
def propose_holidays(
    *, organization: Organization, year: int, country: str, by: str, now: datetime
) -> CalendarProposal:
    """What a library says of a year, kept as a proposal; nothing counts before somebody confirms it."""
    from . import holidays  # its libraries take a fifth of a second to load, and are asked once a year

    week = _company_week(organization)
    ordinary: list[str] = next((periods for periods in week.week if periods), [])
    proposal = holidays.propose(year, country, make_up=tuple(Period.parse(text) for text in ordinary))
    return CalendarProposal.objects.create(
        organization=organization,
        year=year,
        source=proposal.source,
        days=[{"day": day.day.isoformat(), **day.to_json()} for day in proposal.days],
        complete=proposal.complete,
        known_until=proposal.known_until,
        remarks=list(proposal.remarks),
        proposed_at=now,
    )


@transaction.atomic
def confirm_holidays(*, proposal: CalendarProposal, by: str, now: datetime) -> None:
    """A person says the year is so: its days count, and the calendar is known until its end. So do the weeks of departments and
    those agreed with customers, but for calendars that no government changes (`known_until` None).

    Days that were entered by hand stay as they are. Whoever keeps deadlines must count the provisional ones again.
    """
    organization = proposal.organization
    if proposal.confirmed_at:
        raise NothingToConfirm()
    week = WorkingWeek.objects.select_for_update().get(pk=_company_week(organization).pk)
    known = set(SpecialDay.objects.filter(week=week).values_list("day", flat=True))
    SpecialDay.objects.bulk_create(
        SpecialDay(
            organization=organization,
            week=week,
            day=day,
            kind=line["kind"],
            name=_named(line["name"]),
            periods=line["periods"],
        )
        for line in proposal.days
        if (day := date.fromisoformat(line["day"])) not in known
    )
    end = proposal.known_until
    if end and week.known_until is not None and week.known_until < end:
        week.known_until = end
        week.save(update_fields=["known_until"])
    others = WorkingWeek.objects.select_for_update(of=("self",)).filter(known_until__isnull=False).exclude(pk=week.pk)
    for other in others.order_by("pk"):
        _follow(other, week, {date.fromisoformat(line["day"]) for line in proposal.days})
    proposal.confirmed_by, proposal.confirmed_at = by, now
    proposal.save(update_fields=["confirmed_by", "confirmed_at"])
    changed(organization)
    events.record(
        organization,
        "calendar.confirmed",
        by=by,
        at=now,
        year=proposal.year,
        source=proposal.source,
        days=len(proposal.days),
    )


def _follow(week: WorkingWeek, company: WorkingWeek, confirmed: set[date]) -> None:
    """Another week takes what the company's special days say of the confirmed ones, and of all after the day until which it was
    known: it may have missed a year. A make-up day that the company works as usual, it works as it does itself."""
    assert week.known_until
    known = set(SpecialDay.objects.filter(week=week).values_list("day", flat=True))
    usual = _ordinary_periods(company, "make_up")
    SpecialDay.objects.bulk_create(
        SpecialDay(
            organization=week.organization,
            week=week,
            day=one.day,
            kind=one.kind,
            name=one.name,
            periods=_ordinary_periods(week, one.kind)
            if one.kind == "make_up" and one.periods == usual
            else one.periods,
        )
        for one in SpecialDay.objects.filter(Q(day__in=confirmed) | Q(day__gt=week.known_until), week=company)
        if one.day not in known
    )
    if company.known_until and week.known_until < company.known_until:
        week.known_until = company.known_until
        week.save(update_fields=["known_until"])


def _named(name: Any) -> dict[str, str]:
    return dict(name) if isinstance(name, Mapping) else {"zh": str(name), "en": str(name)}


def _company_week(organization: Organization) -> WorkingWeek:
    return WorkingWeek.objects.get(organization=organization, department=None, customer_code="")


def agree_calendar(*, organization: Organization, customer_code: str, calendar: Calendar) -> WorkingWeek:
    """Working time agreed with a customer."""
    week = WorkingWeek.objects.create(
        organization=organization,
        customer_code=customer_code,
        week=[[str(period) for period in periods] for periods in calendar.week],
        known_until=calendar.known_until,
    )
    changed(organization)
    return week


def choose_shortcuts(*, user: User, is_on: bool) -> None:
    """Whether single keys act on his pages. A preference: no event."""
    User.objects.filter(pk=user.pk).update(has_shortcuts=is_on)


@transaction.atomic
def choose_language(*, user: User, language: str) -> None:
    """What he reads, and what is written to him. A preference, not a fact of the company: no event."""
    User.objects.filter(pk=user.pk).update(language=language)
    with every_organization():
        Member.everywhere.filter(user=user).update(language=language)
