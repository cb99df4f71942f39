"""What may be done with a channel: added, changed, switched on and off, removed, tried out. Each is an event; secrets never are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.core import events, sealed
from kehu.core.models import Organization
from kehu.core.refusals import AgainstTheRule, BadData, Finding, Refusal
from kehu.core.scope import scope

from . import chat, mail, outside, webhook
from .failures import Broken
from .kinds import FOR_EVERYBODY
from .models import Channel, Delivery

OVERLAP = timedelta(days=3)
"""So long the former secret of a webhook signs beside the new one."""


class NotWorking(AgainstTheRule):
    """The trial failed; what the other side said is kept with the channel."""

    code = "channel.not_working"
    message = gettext_lazy("The test was not accepted. What came back: {error}")


class MailStays(AgainstTheRule):
    code = "channel.mail_stays"
    message = gettext_lazy("The mail cannot be removed; switch it off instead.")


@dataclass(frozen=True)
class Wanted:
    """What somebody wants of a channel. An empty address or secret means: as it was."""

    title: str
    address: str = ""
    secret: str = ""
    language: str = "zh-hans"
    takes: Sequence[str] = ()
    departments: Sequence[str] = ()
    procedures: Sequence[str] = ()


def mail_of(organization: Organization) -> Channel:
    """The organization's mail; every organization has it."""
    return Channel.objects.get_or_create(
        organization=organization, key="mail", defaults={"kind": Channel.Kind.MAIL, "title": "Mail"}
    )[0]


@transaction.atomic
def add_chat(*, organization: Organization, wanted: Wanted, by: str, now: datetime) -> Channel:
    _check(wanted, Channel.Kind.CHAT, is_new=True)
    return _add(organization, Channel.Kind.CHAT, wanted, wanted.secret, by, now)


@transaction.atomic
def add_webhook(*, organization: Organization, wanted: Wanted, by: str, now: datetime) -> tuple[Channel, str]:
    """The subscription, and its secret: shown once, never again."""
    _check(wanted, Channel.Kind.WEBHOOK, is_new=True)
    secret = webhook.new_secret()
    return _add(organization, Channel.Kind.WEBHOOK, wanted, secret, by, now), secret


@transaction.atomic
def change(*, channel: Channel, wanted: Wanted, by: str, now: datetime) -> None:
    _check(wanted, channel.kind, is_new=False)
    _fill(channel, wanted)
    if wanted.address:
        channel.address = sealed.seal(wanted.address.strip())
        channel.failures, channel.failing_since, channel.paused_until, channel.told_at = 0, None, None, None
    if wanted.secret and channel.kind == Channel.Kind.CHAT:
        channel.secret = sealed.seal(wanted.secret.strip())
    channel.save()
    _record("channel.changed", channel, by, now, has_new_address=bool(wanted.address))


@transaction.atomic
def renew_secret(*, channel: Channel, by: str, now: datetime) -> str:
    """Another secret for a webhook, from the next delivery on; shown once. For `OVERLAP` the one before it signs beside it, so that
    the receiver has time to take the new one in. Of several renewals only the last has an overlap."""
    secret = webhook.new_secret()
    channel.former_secret, channel.former_until = channel.secret, now + OVERLAP
    channel.secret = sealed.seal(secret)
    channel.save(update_fields=["secret", "former_secret", "former_until"])
    _record("channel.secret_renewed", channel, by, now, former_until=channel.former_until.isoformat())
    return secret


@transaction.atomic
def forget_former_secret(*, channel: Channel, by: str, now: datetime) -> None:
    """The overlap ends now: the receiver has the new secret, or somebody else has the old one."""
    if not channel.overlaps(now):
        return
    channel.former_secret, channel.former_until = "", None
    channel.save(update_fields=["former_secret", "former_until"])
    _record("channel.former_secret_ended", channel, by, now)


@transaction.atomic
def switch(*, channel: Channel, is_on: bool, by: str, now: datetime) -> None:
    """Off: nothing goes in any more, and what waits stays. On: it begins as if it had never failed."""
    channel.is_on = is_on
    if is_on:
        channel.failures, channel.failing_since, channel.paused_until, channel.told_at = 0, None, None, None
    channel.save(update_fields=["is_on", "failures", "failing_since", "paused_until", "told_at"])
    _record("channel.switched_on" if is_on else "channel.switched_off", channel, by, now)


@transaction.atomic
def remove(*, channel: Channel, by: str, now: datetime) -> None:
    """Its secrets are forgotten, what waits is dropped; what it sent stays in the records."""
    if channel.kind == Channel.Kind.MAIL:
        raise MailStays()
    channel.is_on, channel.removed_at, channel.address, channel.secret = False, now, "", ""
    channel.former_secret, channel.former_until = "", None
    channel.save(update_fields=["is_on", "removed_at", "address", "secret", "former_secret", "former_until"])
    Delivery.objects.filter(channel=channel, state__in=[*Delivery.UNFINISHED, Delivery.State.DEAD]).update(
        state=Delivery.State.DROPPED, error="the channel was removed"
    )
    _record("channel.removed", channel, by, now)


def try_out(*, channel: Channel, organization: Organization, to: str = "", now: datetime) -> None:
    """A test goes out now; `to` is a mail's address. How it went is kept as the channel's health. Raises `NotWorking`."""
    try:
        match channel.kind:
            case Channel.Kind.MAIL:
                mail.test(channel, organization, to)
            case Channel.Kind.CHAT:
                chat.test(channel, organization)
            case _:
                webhook.test(channel, organization, now)
    except Broken as error:
        Channel.objects.filter(pk=channel.pk).update(failed_at=now, error=str(error)[:2000])
        raise NotWorking(error=str(error)) from error
    Channel.objects.filter(pk=channel.pk).update(
        sent_at=now, failures=0, failing_since=None, paused_until=None, told_at=None
    )


def _add(
    organization: Organization, kind: Channel.Kind, wanted: Wanted, secret: str, by: str, now: datetime
) -> Channel:
    with scope(organization):
        # Under the organization's lock, which the event takes anyway, so that two get two names.
        Organization.objects.select_for_update().get(pk=organization.pk)
        number = Channel.objects.filter(kind=kind).count() + 1
        channel = Channel(organization=organization, key=f"{kind}-{number}", kind=kind)
        _fill(channel, wanted)
        channel.address, channel.secret = sealed.seal(wanted.address.strip()), sealed.seal(secret.strip())
        channel.save(force_insert=True)
        _record("channel.added", channel, by, now)
    return channel


def _fill(channel: Channel, wanted: Wanted) -> None:
    channel.title, channel.language = wanted.title.strip(), wanted.language
    channel.takes, channel.departments = list(wanted.takes), list(wanted.departments)
    channel.procedures = list(wanted.procedures)


def _check(wanted: Wanted, kind: str, *, is_new: bool) -> None:
    """Everything that is wrong, together."""
    findings = []
    if not 0 < len(wanted.title.strip()) <= 80:
        findings.append(Finding("title", _("Give it a name of up to 80 letters, as people here will call it.")))
    if wanted.address.strip():
        try:
            chat.check(wanted.address.strip()) if kind == Channel.Kind.CHAT else outside.checked(wanted.address)
        except Refusal as refusal:
            findings.append(Finding("address", str(refusal)))
    elif is_new:
        findings.append(Finding("address", _("An address is needed.")))
    if not wanted.takes and kind != Channel.Kind.MAIL:
        findings.append(Finding("takes", _("Choose at least one thing that goes there.")))
    if kind == Channel.Kind.CHAT and not set(wanted.takes) <= set(FOR_EVERYBODY):
        findings.append(Finding("takes", _("Choose at least one thing that goes there.")))
    if findings:
        raise BadData(findings)


def _record(name: str, channel: Channel, by: str, now: datetime, **facts: object) -> None:
    organization = channel.organization
    events.record(
        organization,
        name,
        by=by,
        at=now,
        channel=channel.key,
        title=channel.title,
        takes=channel.takes,
        departments=channel.departments,
        procedures=channel.procedures,
        **facts,
    )
    takes = Channel.objects.filter(kind=Channel.Kind.WEBHOOK, is_on=True, removed_at=None).values_list(
        "takes", flat=True
    )
    organization.publishes = sorted({name for names in takes for name in names})
    Organization.objects.filter(pk=organization.pk).update(publishes=organization.publishes)
