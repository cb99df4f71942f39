"""Inviting a member, changing his address, choosing a password, ending sessions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from allauth.mfa.models import Authenticator
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from kehu.core import events
from kehu.core.models import Organization, User
from kehu.core.refusals import AgainstTheRule, BadData, Finding
from kehu.core.scope import scope
from kehu.organizations import members
from kehu.organizations.models import Member
from kehu.organizations.permissions import must_have_as_much
from kehu.organizations.queries import local_now

from . import links, log
from .models import Letter, Session
from .queries import handle, has_signed_in, is_member, known_address, memberships, trusted_address, users_by_email


class LinkNoLongerGood(AgainstTheRule):
    code = "password.link_no_longer_good"
    message = _("This link is no longer good: it was used already, or it is too old. Ask for a new one.")


class HasPassword(AgainstTheRule):
    code = "member.has_password"
    message = _("{name} has a password already. Who forgot it asks for a new one on the sign-in page.")


class HasLeft(AgainstTheRule):
    code = "member.has_left"
    message = _("{name} is no member any more and cannot be invited.")


class NoAddress(AgainstTheRule):
    code = "member.no_address"
    message = _("{name} has no mail address. Enter one first, or copy the link and hand it over yourself.")


class SignsInAlready(AgainstTheRule):
    code = "member.signs_in_already"
    message = _(
        "{name} signs in already, though without a password. Send the link by mail: it is for that mailbox alone."
    )


class AddressRests(AgainstTheRule):
    code = "member.address_rests"
    message = _(
        "The mail address of {name} was entered only now, where there was none before. A link can be sent there from {until} on."
    )


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
) -> datetime | None:
    """What a member is called, where his mail goes, what he reads. Who signs in already is told of another address at the former one,
    and letters with a link go on to that until the moment given (docs/decisions/0015)."""
    with scope(organization):
        former = Member.objects.filter(key=member).values_list("email", flat=True).first()
        found = members.change(
            organization=organization, member=member, name=name, email=email, language=language, by=by, now=now
        )
        user = found.user
        if found.email == former:
            return None
        must_have_as_much(organization, by, found.key, now)
        if user is None or not has_signed_in(user):
            return None
        if by and len(memberships(user)) > 1:
            raise MemberElsewhere(name=member)
        Letter.objects.create(
            member=found,
            kind=Letter.Kind.ADDRESS_CHANGED,
            address=former or "",
            at=now,
            next_attempt_at=now if former else None,
        )
        log.record(user, "address.changed", now=now, by=by, former=former or "", address=email)
        return trusted_address(found, now)[1]


@transaction.atomic
def invite(*, member: Member, by: str, now: datetime, by_mail: bool) -> str:
    """A link with which a new member chooses his first password. A newer one replaces it. With `by_mail` it is sent, and not given
    back: only his mailbox gets to know it."""
    with scope(member.organization_id):
        member = Member.objects.select_for_update(of=("self",)).select_related("organization").get(pk=member.pk)
        must_have_as_much(member.organization, by, member.key, now)
        user = member.user or _new_user(member)
        if user.has_usable_password():
            raise HasPassword(name=member.key)
        if not user.is_active or not is_member(user):
            raise HasLeft(name=member.key)
        if by_mail and not member.email:
            raise NoAddress(name=member.key)
        if user.last_login and not by_mail:
            raise SignsInAlready(name=member.key)
        user.set_unusable_password()  # another one: links made before are void
        user.save(update_fields=["password"])
        if by_mail:
            address, rests_until = trusted_address(member, now)
            if rests_until and not address:
                until = local_now(member.organization, rests_until)
                raise AddressRests(name=member.key, until=f"{until:%Y-%m-%d %H:%M}")
            _write(member, Letter.Kind.INVITATION, address, now)
        events.record(member.organization, "member.invited", by=by, at=now, member=member.key, by_mail=by_mail)
    return "" if by_mail else links.link(user, "invitation")


def _new_user(member: Member) -> User:
    user = User.objects.create_user(
        f"{member.organization.key}.{member.key}", email=member.email, language=member.language, is_active=True
    )
    Member.objects.filter(pk=member.pk).update(user=user)
    return user


@transaction.atomic
def ask_for_password(*, email: str, now: datetime) -> None:
    """Somebody forgot his password. Whether anybody has this address is not told."""
    for user in users_by_email(email):
        kind = Letter.Kind.RESET if user.has_usable_password() else Letter.Kind.INVITATION
        _write(memberships(user)[0], kind, known_address(user, email), now)
        log.record(user, "password.asked", now=now, by="")


def _write(member: Member, kind: str, address: str, now: datetime) -> None:
    with scope(member.organization_id):
        Letter.objects.create(member=member, kind=kind, address=address, at=now, next_attempt_at=now)


@transaction.atomic
def choose_password(*, token: str, password: str, now: datetime) -> User:
    """The password behind a link. All his sessions end: who knew the old password is out."""
    found = links.opened(token)
    if found is None:
        raise LinkNoLongerGood()
    user, kind = found
    user = User.objects.select_for_update().get(pk=user.pk)
    if links.opened(token) is None or not is_member(user):
        raise LinkNoLongerGood()
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise BadData([Finding("password", message) for message in error.messages]) from None
    user.set_password(password)
    user.save(update_fields=["password"])
    Session.objects.filter(user=user).delete()
    log.record(user, "password.chosen", now=now, after=kind)
    return user


@transaction.atomic
def end_session(*, user: User, named: str, now: datetime) -> bool:
    """One of his own sessions, by its handle. False: it was over already."""
    for session in Session.objects.filter(user=user):
        if handle(session.session_key) == named:
            session.delete()
            log.record(user, "session.ended", now=now, count=1, address=session.address)
            return True
    return False


@transaction.atomic
def end_sessions(*, user: User, now: datetime, by: str | None = None, but: str = "") -> int:
    """All his sessions, or all but one; gives how many. `by`: the key of the administrator who ends them."""
    count, _per_model = Session.objects.filter(user=user).exclude(session_key=but).delete()
    if count:
        log.record(user, "session.ended", now=now, by=by, count=count)
    return count


class MemberElsewhere(AgainstTheRule):
    code = "member.elsewhere"
    message = _(
        "{name} is a member of another company, too; what he signs in with is not this company’s alone to change."
    )


@transaction.atomic
def reset_second_factor(*, user: User, now: datetime, by: str) -> int:
    """Who has lost his phone and his codes signs in by password alone, and sets up a new factor. His sessions end. Gives how many
    factors there were; `by`: the key of the administrator."""
    if len(found := memberships(user)) > 1:
        raise MemberElsewhere(name=found[0].key)
    for member in found:
        must_have_as_much(member.organization, by, member.key, now)
    count: int = Authenticator.objects.filter(user=user).delete()[0]
    if count:
        log.record(user, "second_factor.reset", now=now, by=by, count=count)
        end_sessions(user=user, now=now, by=by)
    return count
