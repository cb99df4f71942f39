"""The people of the organization: what is known of each, the positions he holds, and his leaving."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.core import events
from kehu.core.models import Organization, User
from kehu.core.refusals import AgainstTheRule, BadData, Finding
from kehu.core.scope import every_organization, scope

from . import actions, addresses, tokens
from .actions import changed
from .deputies import called
from .models import AccessToken, Appointment, DeputyRule, Member, Position
from .permissions import must_administer, must_be_able_to_give
from .queries import directory, local_now


class NoSuchMember(AgainstTheRule):
    code = "member.not_there"
    status = 404
    message = gettext_lazy("There is nobody called “{value}” here.")


class LeftAlready(AgainstTheRule):
    code = "member.left"
    message = gettext_lazy("{person} left on {day}; what was theirs has been handed on.")


class HoldsItAlready(AgainstTheRule):
    code = "appointment.held"
    message = gettext_lazy("{person} holds this position on these days already.")


class NoSuchAppointment(AgainstTheRule):
    code = "appointment.not_there"
    status = 404
    message = gettext_lazy(
        "This appointment is not there any more, or it is over. Reload the page to see how things stand."
    )


@transaction.atomic
def take_on(
    *,
    organization: Organization,
    key: str,
    name: Mapping[str, str],
    positions: Collection[str],
    email: str,
    language: str,
    by: str,
    now: datetime,
) -> Member:
    """Somebody joins today. He signs in once he was invited and has chosen a password."""
    with scope(organization):
        _must(organization, by, now)
        findings = [*_findings(name, email, language), *_key_findings(organization, key)]
        known = set(Position.objects.values_list("key", flat=True))
        for position in positions:
            if position not in known:
                sentence = _("There is no position “{value}”.")
                findings.append(Finding("positions", sentence.format(value=position)))
        if findings:
            raise BadData(findings)
        must_be_able_to_give(organization, by, positions, now)
        return actions.take_on(
            organization=organization,
            key=key,
            name=name,
            positions=positions,
            email=email,
            language=language,
            valid_from=local_now(organization, now).date(),
            by=by,
            now=now,
        )


def _key_findings(organization: Organization, key: str) -> Iterator[Finding]:
    if not re.fullmatch(r"[a-z][a-z0-9_-]{1,39}", key):
        sentence = _("Write 2 to 40 small letters, digits, - or _, beginning with a letter, for example wang_min.")
        yield Finding("key", sentence)
    elif Member.objects.filter(key=key).exists():
        yield Finding("key", _("Somebody has this short name already, or had it. Choose another.").format(value=key))
    elif User.objects.filter(username=f"{organization.key}.{key}").exists():
        yield Finding("key", _("Somebody signs in under this name already. Choose another."))


def _findings(name: Mapping[str, str], email: str, language: str) -> Iterator[Finding]:
    for path, text in (("name", name["zh"]), ("name_en", name["en"])):
        if not text.strip() or len(text) > 80 or not text.isprintable():
            yield Finding(path, _("Write a name of at most 80 characters."))
    if language not in dict(settings.LANGUAGES):
        yield Finding("language", _("Choose one of the languages."))
    yield from addresses.findings(email)


@transaction.atomic
def change(
    *,
    organization: Organization,
    member: str,
    name: Mapping[str, str],
    email: str,
    language: str,
    by: str,
    now: datetime,
) -> Member:
    """What he is called, where his mail goes, what he reads. His key stays."""
    with scope(organization):
        found = _taken(organization, member, by, now)
        if findings := list(_findings(name, email, language)):
            raise BadData(findings)
        before = {"name": found.name, "email": found.email, "language": found.language}
        after = {"name": dict(name), "email": email, "language": language}
        differences = {key: [before[key], value] for key, value in after.items() if before[key] != value}
        if differences:
            found.name, found.email, found.language = dict(name), email, language
            found.save(update_fields=["name", "email", "language"])
            if found.user_id:
                User.objects.filter(pk=found.user_id).update(email=email, language=language)
            changed(organization)
            events.record(organization, "member.changed", by=by, at=now, member=member, changes=differences)
    return found


@transaction.atomic
def appoint(
    *, organization: Organization, member: str, position: str, valid_from: date, by: str, now: datetime
) -> Appointment:
    """He holds a position from a day on."""
    with scope(organization):
        found = _taken(organization, member, by, now)
        if found.left_on and found.left_on <= valid_from:
            raise LeftAlready(person=called(found), day=found.left_on)
        place = Position.objects.filter(key=position).first()
        if place is None:
            raise BadData([Finding("position", _("There is no position “{value}”.").format(value=position))])
        must_be_able_to_give(organization, by, [position], now)
        holds = Appointment.objects.filter(
            Q(valid_until=None) | Q(valid_until__gt=valid_from), member=found, position=place
        )
        if holds.exists():
            raise HoldsItAlready(person=called(found))
        appointment = Appointment.objects.create(
            organization=organization, member=found, position=place, valid_from=valid_from, valid_until=found.left_on
        )
        changed(organization)
        facts = {"member": member, "position": position, "valid_from": valid_from.isoformat()}
        events.record(organization, "member.appointed", by=by, at=now, **facts)
    return appointment


@transaction.atomic
def end_appointment(
    *, organization: Organization, appointment: int, last_day: date, by: str, now: datetime
) -> Appointment:
    """He holds the position until that day (included) and no longer. His open tasks go to its next holder, or up."""
    with scope(organization):
        found = (
            Appointment.objects.select_for_update(of=("self",))
            .select_related("member", "position")
            .filter(pk=appointment)
            .first()
        )
        today = local_now(organization, now).date()
        if found is None or (found.valid_until and found.valid_until <= today):
            raise NoSuchAppointment()
        _must(organization, by, now)
        ends = last_day + timedelta(days=1)
        if found.valid_from and ends <= found.valid_from:
            raise BadData([Finding("last_day", _("The last day comes before the first."))])
        found.valid_until = ends
        found.save(update_fields=["valid_until"])
        changed(organization)
        facts = {"member": found.member.key, "position": found.position.key, "last_day": last_day.isoformat()}
        events.record(organization, "appointment.ended", by=by, at=now, **facts)
    return found


@transaction.atomic
def leave(
    *, organization: Organization, member: str, last_day: date, by: str, now: datetime, successor: str = ""
) -> Member:
    """He leaves the company after that day; planned ahead or today. From the day after he can sign in no more, and the recurring
    job `hand_on` gives everything that was his to the successor or, where there is none, by his positions."""
    with scope(organization):
        found = _taken(organization, member, by, now)
        if found.handed_on_at:
            raise LeftAlready(person=called(found), day=found.left_on)
        people = directory(organization, local_now(organization, now).date()).people
        if successor and (successor not in people or successor == member):
            raise BadData([Finding("successor", _("Choose somebody else who is here as the successor."))])
        _stay(found)
        found.left_on = last_day + timedelta(days=1)
        found.successor_id = people[successor].id if successor else None
        found.save(update_fields=["left_on", "successor"])
        Appointment.objects.filter(Q(valid_until=None) | Q(valid_until__gt=found.left_on), member=found).update(
            valid_until=found.left_on
        )
        DeputyRule.objects.filter(
            Q(principal=found) | Q(deputy=found), revoked_at=None, valid_from__gte=found.left_on
        ).update(revoked_at=now, revoked_by=by)
        DeputyRule.objects.filter(
            Q(valid_until=None) | Q(valid_until__gt=found.left_on),
            Q(principal=found) | Q(deputy=found),
            revoked_at=None,
        ).update(valid_until=found.left_on)
        changed(organization)
        facts = {"member": member, "last_day": last_day.isoformat(), "successor": successor}
        events.record(
            organization, "member.leaves", by=by, at=now, **{key: value for key, value in facts.items() if value}
        )
    return found


@transaction.atomic
def stay(*, organization: Organization, member: str, by: str, now: datetime) -> Member:
    """A leaving that was planned is called off: his positions are his again. Ended deputy rules are named anew by hand."""
    with scope(organization):
        found = _taken(organization, member, by, now)
        if found.left_on is None or found.handed_on_at or found.left_on <= local_now(organization, now).date():
            raise LeftAlready(person=called(found), day=found.left_on or "–")
        _stay(found)
        found.left_on = found.successor = None
        found.save(update_fields=["left_on", "successor"])
        changed(organization)
        events.record(organization, "member.stays", by=by, at=now, member=member)
    return found


def _stay(member: Member) -> None:
    """The positions that a planned leaving would end go on."""
    if member.left_on:
        Appointment.objects.filter(member=member, valid_until=member.left_on).update(valid_until=None)


@transaction.atomic
def close_access(*, member: Member, by: str, now: datetime, **facts: object) -> None:
    """He has left and all that was his is handed on: he signs in no more, and what he is signed in with ends."""
    organization = member.organization
    Member.objects.filter(pk=member.pk).update(handed_on_at=now)
    if member.user_id and not _is_elsewhere(member, local_now(organization, now).date()):
        user = User.objects.get(pk=member.user_id)
        user.is_active = False
        user.set_unusable_password()  # every session is bound to the password's hash
        user.save(update_fields=["is_active", "password"])
    for token in AccessToken.objects.filter(member=member, revoked_at=None).order_by("pk"):
        tokens.revoke(organization=organization, token=token.pk, by=by, now=now)
    events.record(organization, "member.left", by=by, at=now, member=member.key, **facts)


def _is_elsewhere(member: Member, today: date) -> bool:
    """Whether his user is a member of another organization, too."""
    here = Q(left_on=None) | Q(left_on__gt=today)
    with every_organization():
        return Member.everywhere.filter(here, user=member.user_id).exclude(pk=member.pk).exists()


def _taken(organization: Organization, member: str, by: str, now: datetime) -> Member:
    """The member, locked; for whoever may."""
    _must(organization, by, now)
    found = Member.objects.select_for_update(of=("self",)).filter(key=member).first()
    if found is None:
        raise NoSuchMember(value=member)
    return found


def _must(organization: Organization, by: str, now: datetime) -> None:
    """Whoever has the right `people`, and the command line."""
    if by:
        people = directory(organization, local_now(organization, now).date()).people
        must_administer(people.get(by), "people", organization)
