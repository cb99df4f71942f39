"""Inviting a member, choosing a password, ending sessions."""

from __future__ import annotations

from datetime import datetime

from allauth.mfa.models import Authenticator
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from kehu.core import events
from kehu.core.models import User
from kehu.core.refusals import AgainstTheRule, BadData, Finding
from kehu.core.scope import scope
from kehu.organizations.models import Member

from . import links, log
from .models import Letter, Session
from .queries import handle, is_member, memberships, users_by_email


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


@transaction.atomic
def invite(*, member: Member, by: str, now: datetime, by_mail: bool) -> str:
    """A link with which a new member chooses his first password. A newer one replaces it. With `by_mail` it is sent, and not given
    back: only his mailbox gets to know it."""
    with scope(member.organization_id):
        member = Member.objects.select_for_update(of=("self",)).select_related("organization").get(pk=member.pk)
        user = member.user or _new_user(member)
        if user.has_usable_password():
            raise HasPassword(name=member.key)
        if not user.is_active or not is_member(user):
            raise HasLeft(name=member.key)
        if by_mail and not member.email:
            raise NoAddress(name=member.key)
        user.set_unusable_password()  # another one: links made before are void
        user.save(update_fields=["password"])
        if by_mail:
            _write(member, Letter.Kind.INVITATION, now)
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
        member = memberships(user)[0]
        _write(member, Letter.Kind.RESET if user.has_usable_password() else Letter.Kind.INVITATION, now)
        log.record(user, "password.asked", now=now, by="")


def _write(member: Member, kind: str, now: datetime) -> None:
    with scope(member.organization_id):
        Letter.objects.create(member=member, kind=kind, at=now, next_attempt_at=now)


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
    count: int = Authenticator.objects.filter(user=user).delete()[0]
    if count:
        log.record(user, "second_factor.reset", now=now, by=by, count=count)
        end_sessions(user=user, now=now, by=by)
    return count
