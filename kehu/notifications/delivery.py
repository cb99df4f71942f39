"""What leaves: every waiting message becomes a notice in its reader's pages and, where he has an address, a mail.

The notice comes exactly once, in the transaction that claims the message. A mail cannot promise that: a worker may die between
sending and saying so. Then the next attempt says that it may be the second, under the same Message-ID.
"""

from __future__ import annotations

import smtplib
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from kehu.cases.models import Case, Task
from kehu.core.models import Message, Organization
from kehu.core.scope import scope
from kehu.organizations.models import Member
from kehu.procedures import revisions

from .models import Notice
from .wording import worded

BACKOFF = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=24),
)
"""How long after each failed attempt the next one comes; after the last the message is dead."""

_SENDING = "sending"
"""In `error` while a mail is on its way: found again, it was not heard of how it ended."""


def deliver(now: datetime, *, organization: Organization | None = None, limit: int = 500) -> int:
    """Delivers what waits, oldest first; gives how many."""
    delivered = 0
    while delivered < limit and _deliver_next(now, organization):
        delivered += 1
    return delivered


def _deliver_next(now: datetime, organization: Organization | None) -> bool:
    with transaction.atomic():
        message = _waiting(now, organization).first()
        if message is None:
            return False
        with scope(message.organization):
            mail = _claimed(message, now)
    if mail:
        _send(message, mail)
    return True


def _waiting(now: datetime, organization: Organization | None) -> QuerySet[Message]:
    waiting = (
        Message.everywhere.filter(state=Message.State.WAITING, next_attempt_at__lte=now)
        .select_related("organization")
        .order_by("next_attempt_at", "pk")
    )
    if organization:
        waiting = waiting.filter(organization=organization)
    if connection.features.has_select_for_update_skip_locked:
        waiting = waiting.select_for_update(skip_locked=True, of=("self",))
    return waiting


def _claimed(message: Message, now: datetime) -> EmailMessage | None:
    """The notice, and the mail that is still to be sent. Until that is heard of, the message waits for its next attempt."""
    member = Member.objects.filter(key=message.recipient).first()
    if member is None:
        message.state, message.error = Message.State.DEAD, "there is no such member"
        message.save(update_fields=["state", "error"])
        return None
    case = (
        Case.objects.filter(number=message.case_number)
        .select_related("customer", "revision")
        .defer("data", "revision__definition")
        .first()
    )
    notice, _created = Notice.objects.get_or_create(
        message=message,
        defaults={
            "organization": message.organization,
            "member": member,
            "kind": message.kind,
            "case_number": message.case_number,
            "step": message.step,
            "facts": _with_limit(message, case),
            "at": message.created_at,
        },
    )
    if not member.email:
        message.state = Message.State.SENT
        message.save(update_fields=["state"])
        return None
    mail = _mail(notice, member, case, message, now)
    message.next_attempt_at = now + BACKOFF[min(message.attempts, len(BACKOFF) - 1)]
    message.attempts += 1
    message.error = _SENDING
    message.save(update_fields=["next_attempt_at", "attempts", "error"])
    return mail


def _with_limit(message: Message, case: Case | None) -> dict[str, object]:
    """A new task's message says until when, though its limit was counted only after it was written."""
    facts = dict(message.facts)
    if case and message.kind in ("task_opened", "handed_over") and "due_at" not in facts:
        task = Task.objects.filter(case=case, step=message.step, item=message.item).order_by("-pk").first()
        if task and task.due_at:
            facts["due_at"] = task.due_at.isoformat()
    return facts


def _mail(notice: Notice, member: Member, case: Case | None, message: Message, now: datetime) -> EmailMessage:
    with translation.override(member.language):
        said = worded(notice, case, message.organization)
        lines = [said.sentence, ""]
        if said.clause and case:
            number = revisions.running(case.revision).procedure.number
            lines += [_("Clause: {clause} of {procedure}").format(clause=said.clause, procedure=number), ""]
        if notice.case_number:
            lines += [settings.URL + reverse("case", args=[notice.case_number]), ""]
        if message.error == _SENDING:
            lines += [_("This message may have reached you before."), ""]
        name = message.organization.title["zh" if member.language.startswith("zh") else "en"]
        lines += ["-- ", f"{name} · Kehu"]
        subject = f"[{notice.case_number}] {said.title}" if notice.case_number else said.title
        return EmailMessage(
            subject=" ".join(subject.split()),
            body="\n".join(lines),
            to=[member.email],
            headers={
                "Message-ID": f"<kehu-{message.organization.key}-{message.pk}@{_host()}>",
                "Auto-Submitted": "auto-generated",
            },
        )


def _host() -> str:
    return settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip(" >") or "localhost"


def _send(message: Message, mail: EmailMessage) -> None:
    mine = Message.everywhere.filter(pk=message.pk, state=Message.State.WAITING, attempts=message.attempts)
    try:
        mail.send()
    except (OSError, smtplib.SMTPException) as error:
        is_last = message.attempts > len(BACKOFF)
        mine.update(error=str(error)[:500] or type(error).__name__, state=Message.State.DEAD if is_last else "waiting")
    else:
        mine.update(state=Message.State.SENT, error="")
