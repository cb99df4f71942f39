"""The mail: one connection for a whole batch, and what each of the server's answers means."""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kehu.core.models import LINK, Organization

from .failures import Broken, Lost, NotNow, Refused, Unopened
from .guests import letter_to_guest, note_sent
from .models import Channel, Delivery
from .wording import Cases, procedure_number, worded


@contextmanager
def opened(
    channel: Channel, organization: Organization, cases: Cases, now: datetime
) -> Iterator[Callable[[Sequence[Delivery]], None]]:
    """Gives what sends a letter: one delivery, or those of one summary."""
    connection = get_connection()
    try:
        connection.open()
    except (OSError, smtplib.SMTPException) as error:
        raise Unopened(_reason(error)) from error

    def send(letter: Sequence[Delivery]) -> None:
        mail = _of_link(letter[0], organization, now) or _mail(letter, organization, cases)
        try:
            connection.send_messages([mail])
        except smtplib.SMTPRecipientsRefused as error:
            code, refusal = next(iter(error.recipients.values()))
            raise (Refused if code >= 500 else NotNow)(_answer(code, refusal)) from error
        except smtplib.SMTPDataError as error:
            said = _answer(error.smtp_code, error.smtp_error)
            raise (Refused if error.smtp_code >= 500 else NotNow)(said) from error
        except smtplib.SMTPSenderRefused as error:
            raise Broken(_reason(error)) from error
        except (OSError, smtplib.SMTPException) as error:
            raise Lost(_reason(error)) from error
        except ValueError as error:
            raise Refused(str(error)) from error
        note_sent(letter[0], now)

    try:
        yield send
    finally:
        with suppress(OSError, smtplib.SMTPException):
            connection.close()


def test(channel: Channel, organization: Organization, to: str) -> None:
    """A mail that says it is a test. Raises the failures of sending."""
    mail = EmailMessage(
        subject=_("Kehu: a test"),
        body=_("This mail was sent to try whether mail from Kehu arrives. It does."),
        to=[to],
        headers={"Auto-Submitted": "auto-generated"},
    )
    try:
        get_connection().send_messages([mail])
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise Broken(_reason(error)) from error


def message_id(organization: Organization, delivery: Delivery) -> str:
    """The same for every attempt, so that a mailbox knows a repeat."""
    return f"<kehu-{organization.key}-{delivery.pk}@{_host()}>"


def _mail(letter: Sequence[Delivery], organization: Organization, cases: Cases) -> EmailMessage:
    first = letter[0]
    assert first.member
    language = first.member.language
    with translation.override(language):
        subject, lines = (
            _single(first, organization, cases) if not first.is_daily else _summary(letter, organization, cases)
        )
        if any(delivery.is_repeat for delivery in letter):
            lines += [_("This message may have reached you before."), ""]
        name = organization.title["zh" if language.startswith("zh") else "en"]
        lines += ["-- ", f"{name} · Kehu"]
        lines += [_("What you are sent and when: {address}").format(address=settings.URL + reverse("notifications"))]
    return EmailMessage(
        subject=" ".join(subject.split()),
        body="\n".join(lines),
        to=[first.member.email],
        headers={
            "Message-ID": message_id(organization, first),
            "Auto-Submitted": "auto-generated",
        },
    )


def _of_link(delivery: Delivery, organization: Organization, now: datetime) -> EmailMessage | None:
    """To somebody outside, with his link; None where it is a letter for a member."""
    if delivery.kind != LINK:
        return None
    mail = letter_to_guest(delivery, organization, now)
    mail.extra_headers["Message-ID"] = message_id(organization, delivery)
    return mail


def _single(delivery: Delivery, organization: Organization, cases: Cases) -> tuple[str, list[str]]:
    case = cases.get(delivery.case_number)
    said = worded(delivery, case, organization)
    lines = [said.sentence, ""]
    if said.clause and case:
        lines += [_("Clause: {clause} of {procedure}").format(clause=said.clause, procedure=procedure_number(case)), ""]
    lines += [said.address, ""]
    return (f"[{delivery.case_number}] {said.title}" if delivery.case_number else said.title), lines


def _summary(letter: Sequence[Delivery], organization: Organization, cases: Cases) -> tuple[str, list[str]]:
    lines: list[str] = []
    for delivery in letter:
        said = worded(delivery, cases.get(delivery.case_number), organization)
        clause = _("Clause {clause}").format(clause=said.clause) if said.clause else ""
        lines += [f"· {said.sentence}", *(f"  {line}" for line in (clause, said.address) if line), ""]
    count = len(letter)
    subject = ngettext("Your summary: {count} notice", "Your summary: {count} notices", count).format(count=count)
    return subject, lines


def _host() -> str:
    return settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip(" >") or "localhost"


def _answer(code: int, said: bytes | str) -> str:
    return f"{code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"[:500]


def _reason(error: BaseException) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _answer(error.smtp_code, error.smtp_error)
    return str(error)[:500] or type(error).__name__
