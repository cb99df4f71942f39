"""Mails with a link: sent by a worker, so that asking for one takes as long for a stranger's address as for a member's."""

from __future__ import annotations

import smtplib
from datetime import datetime, timedelta

from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from kehu.core.models import Organization, User
from kehu.core.scope import scope
from kehu.organizations.queries import local_now

from . import links
from .models import REST, Letter
from .queries import is_member

ATTEMPTS = 6
BETWEEN = timedelta(minutes=5)


def send_letters(organization: Organization, now: datetime) -> int:
    """Gives how many were sent. Claimed before it is sent: two workers never send the same letter at the same time."""
    sent = 0
    with scope(organization):
        while letter := _claimed(organization, now):
            sent += _send(letter)
    return sent


def _claimed(organization: Organization, now: datetime) -> Letter | None:
    with transaction.atomic():
        waiting = (
            Letter.objects.filter(organization=organization, next_attempt_at__lte=now)
            .select_related("member__user", "organization")
            .order_by("next_attempt_at", "pk")
        )
        if connection.features.has_select_for_update_skip_locked:
            waiting = waiting.select_for_update(skip_locked=True, of=("self",))
        letter = waiting.first()
        if letter:
            letter.attempts += 1
            letter.next_attempt_at = now + BETWEEN if letter.attempts < ATTEMPTS else None
            letter.save(update_fields=["attempts", "next_attempt_at"])
        return letter


def _send(letter: Letter) -> bool:
    mail = _mail(letter)
    try:
        if mail:
            mail.send()
    except (OSError, smtplib.SMTPException, ValueError) as error:  # ValueError: a head that no letter can have
        Letter.objects.filter(pk=letter.pk).update(error=str(error)[:500] or type(error).__name__)
        return False
    Letter.objects.filter(pk=letter.pk).update(next_attempt_at=None, error="")
    return mail is not None


def _mail(letter: Letter) -> EmailMessage | None:
    """None: he has left meanwhile, or has no address any more."""
    member, user = letter.member, letter.member.user
    address = letter.address or member.email
    if user is None or not user.is_active or not address or not is_member(user):
        return None
    if letter.kind == Letter.Kind.INVITATION and user.has_usable_password():
        return None
    with translation.override(member.language):
        language = "zh" if member.language.startswith("zh") else "en"
        company = letter.organization.title[language]
        if letter.kind == Letter.Kind.INVITATION:
            subject = _("Your access to Kehu at {company}").format(company=company)
            text = _(
                "{name},\n\n{company} works with Kehu, and you are a member now. Your user name is {username}.\n\n"
                "Choose your password here; the link is good once, for seven days:\n\n{link}"
            )
        elif letter.kind == Letter.Kind.ADDRESS_CHANGED:
            subject = _("Your mail address in Kehu was changed")
            text = _(
                "{name},\n\nat {company} your mail address for Kehu was changed; it is no longer this one. Your user name is "
                "{username}.\n\nUntil {until} a forgotten password can still be renewed from this mailbox only. If you know "
                "nothing of the change, tell your company’s general manager before then, and sign in and choose another password."
            )
        else:
            subject = _("A new password for Kehu")
            text = _(
                "{name},\n\nsomebody asked for a new password for your access at {company}. Your user name is {username}.\n\n"
                "Choose it here; the link is good once, for one hour:\n\n{link}\n\n"
                "If it was not you, do nothing: your present password stays as it is."
            )
        body = text.format(
            name=member.name[language],
            company=company,
            username=user.username,
            until=f"{local_now(letter.organization, letter.at + REST):%Y-%m-%d %H:%M}",
            link=_link(letter, user),
        )
        return EmailMessage(
            subject=" ".join(subject.split()),
            body=f"{body}\n\n-- \n{company} · Kehu",
            to=[address],
            headers={"Auto-Submitted": "auto-generated"},
        )


def _link(letter: Letter, user: User) -> str:
    match letter.kind:
        case Letter.Kind.INVITATION:
            return links.link(user, "invitation")
        case Letter.Kind.RESET:
            return links.link(user, "reset")
    return ""
