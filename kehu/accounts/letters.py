"""Mails with a link: sent by a worker, so that asking for one takes as long for a stranger's address as for a member's."""

from __future__ import annotations

import smtplib
from datetime import datetime, timedelta

from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from kehu.core.models import Organization
from kehu.core.scope import scope

from . import links
from .models import Letter
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
    if user is None or not user.is_active or not member.email or not is_member(user):
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
            link=links.link(user, "invitation" if letter.kind == Letter.Kind.INVITATION else "reset"),
        )
        return EmailMessage(
            subject=" ".join(subject.split()),
            body=f"{body}\n\n-- \n{company} · Kehu",
            to=[member.email],
            headers={"Auto-Submitted": "auto-generated"},
        )
