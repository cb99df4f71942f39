"""Mail to people outside: the letter with a link. The link is made when the letter is, so that none waits in the database."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django.core.mail import EmailMessage
from django.utils import translation
from django.utils.translation import gettext as _

from kehu.cases.links import link_of, number_on
from kehu.cases.models import Invitation
from kehu.core.models import GUEST, LINK, Message, Organization
from kehu.procedures import revisions

from .failures import Needless
from .models import Delivery


def letter_to_guest(delivery: Delivery, organization: Organization, now: datetime) -> EmailMessage:
    """Raises `Needless` where the link is over already."""
    invitation = _invitation_of(delivery)
    if invitation is None or not invitation.address or not invitation.is_open(now):
        raise Needless("the link is over")
    language = "zh" if invitation.language.startswith("zh") else "en"
    company, asker = organization.title[language], invitation.made_by.name[language]
    procedure = revisions.running(invitation.case.revision).procedure
    with translation.override(invitation.language):
        title = ""
        if invitation.task:
            step = procedure.steps[invitation.task.step]
            invites = step.invites
            subject = _("{title} {number} · {company}")
            title = ((invites and invites.title) or step.title).in_(language)
            asked = invites.text.in_(language) if invites else ""
        else:
            subject = _("{company}: how your matter {number} stands")
            asked = procedure.status_page.text.in_(language) if procedure.status_page else ""
        until = invitation.expires_at.astimezone(ZoneInfo(organization.timezone))
        text = _(
            "{name},\n\n{asked}\n\nPlease open this page:\n\n{link}\n\nIt can be opened in one browser only, until {until}. "
            "Please do not pass it on.\n\n{asker}\n{company}"
        )
        body = text.format(
            name=invitation.name,
            asked=asked,
            link=link_of(invitation),
            until=f"{until:%Y-%m-%d %H:%M}",
            asker=asker,
            company=company,
        )
    return EmailMessage(
        subject=" ".join(subject.format(company=company, title=title, number=number_on(invitation, procedure)).split()),
        body=body,
        to=[invitation.address],
        reply_to=[invitation.made_by.email] if invitation.made_by.email else None,
        headers={"Auto-Submitted": "auto-generated"},
    )


def note_sent(delivery: Delivery, now: datetime) -> None:
    if delivery.kind == LINK and (invitation := _invitation_of(delivery)):
        Invitation.objects.filter(pk=invitation.pk).update(sent_at=now)


def tell_of_link(delivery: Delivery, error: str, organization: Organization, now: datetime) -> None:
    """Whoever made the link hears that it did not arrive."""
    invitation = _invitation_of(delivery)
    if invitation:
        Message.objects.create(
            organization=organization,
            kind="link_undelivered",
            recipient=invitation.made_by.key,
            case_number=delivery.case_number,
            step=delivery.step,
            item=delivery.item,
            facts={"guest": invitation.name, "error": error[:300]},
            created_at=now,
            next_attempt_at=now,
        )


def _invitation_of(delivery: Delivery) -> Invitation | None:
    key = str(delivery.facts.get("to", "")).removeprefix(GUEST)
    found = Invitation.objects.select_related("case__revision", "task", "made_by")
    return found.filter(pk=int(key)).first() if key.isdecimal() else None
