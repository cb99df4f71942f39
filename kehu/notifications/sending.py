"""What is sent: each channel's waiting deliveries, in their order, by one worker at a time.

A worker claims a channel and a batch in one short transaction and then sends outside any. What is claimed stands as `sending`; a
worker that dies leaves it so, and whoever finds it after his time is over sends it again, saying that it may be the second. A
channel that does not work is left alone for a while and costs nobody else anything: its messages wait, and go out by themselves.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, close_old_connections, connection, models, transaction
from django.db.models import F, Q

from kehu.core.models import LINK, Message, Organization
from kehu.core.scope import scope
from kehu.organizations.permissions import may_administer
from kehu.organizations.queries import directory, local_now

from . import chat, mail, webhook
from .channels import switch
from .failures import Broken, Lost, Needless, NotNow, Refused
from .guests import tell_of_link
from .models import Channel, Delivery
from .queries import cases_of
from .wording import Cases

log = logging.getLogger("kehu.messages")

BATCH = 50
SUMMARY = 200
"""Lines of a daily summary; what is more comes in a second one."""
LEASE = timedelta(minutes=5)
"""Longer than a batch may take: its budget, and one exchange that hangs until it is given up."""
BUDGET = 30
"""Seconds after which a batch stops and leaves the rest to the next, so that a slow channel does not hold its worker."""
BACKOFF = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=24),
)
"""How long after each failed attempt a message's next one comes; after the last it is dead."""
PAUSES = (timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=5))
"""How long a channel that fails is left alone; the last one over and over."""
_THREADS = 8
TOLD_AFTER = timedelta(hours=1)
OFF_AFTER = timedelta(days=5)
"""A webhook or robot that has failed so long is switched off; the mail never is."""

Send = Callable[[Sequence[Delivery]], None]
Opened = Callable[[Channel, Organization, Cases, datetime], AbstractContextManager[Send]]
_OPENED: dict[str, Opened] = {
    Channel.Kind.MAIL: mail.opened,
    Channel.Kind.CHAT: chat.opened,
    Channel.Kind.WEBHOOK: webhook.opened,
}


def send_waiting(now: datetime, *, organization: Organization) -> int:
    """Everything that is due, channel after channel; gives how many deliveries were sent."""
    return sum(_send_by(channel, now, organization) for channel in due_channels(now, organization))


def send_side_by_side(now: datetime, *, organization: Organization) -> int:
    """The same with a thread for each channel, so that none waits for another."""
    found = due_channels(now, organization)
    if len(found) < 2:
        return sum(_send_by(channel, now, organization) for channel in found)

    def send(channel: int) -> int:
        try:
            return _send_by(channel, now, organization)
        finally:
            connection.close()

    with ThreadPoolExecutor(min(_THREADS, len(found)), thread_name_prefix="sending") as pool:
        return sum(pool.map(send, found))


def due_channels(now: datetime, organization: Organization) -> list[int]:
    """The channels that have something to send and may: one statement, on an index of what is unfinished."""
    with scope(organization):
        due = Delivery.objects.filter(
            channel=models.OuterRef("pk"), state__in=Delivery.UNFINISHED, next_attempt_at__lte=now
        )
        channels = Channel.objects.filter(models.Exists(due), _free(now))
        return list(channels.order_by("pk").values_list("pk", flat=True))


def _free(now: datetime) -> Q:
    return (
        Q(is_on=True, removed_at=None)
        & (Q(busy_until=None) | Q(busy_until__lte=now))
        & (Q(paused_until=None) | Q(paused_until__lte=now))
    )


def _send_by(channel: int, now: datetime, organization: Organization) -> int:
    """Batch after batch, until nothing is due, the channel fails or the time is used up."""
    sent, until = 0, time.monotonic() + BUDGET
    with scope(organization):
        try:
            while time.monotonic() < until and (batch := _claim(channel, now, organization)):
                sent += batch.send(until)
                if batch.is_broken:
                    break
        except Exception:
            # The others go on; what was claimed is found again when its time is over.
            log.exception("channel %s of %s could not be sent", channel, organization)
            close_old_connections()
    return sent


def _claim(channel_id: int, now: datetime, organization: Organization) -> _Batch | None:
    """The channel and its next deliveries, for this worker alone."""
    with transaction.atomic():
        channels = Channel.objects.filter(_free(now), pk=channel_id)
        if connection.features.has_select_for_update_skip_locked:
            channels = channels.select_for_update(skip_locked=True, of=("self",))
        channel = channels.first()
        if channel is None:
            return None
        unfinished = Delivery.objects.filter(channel=channel, state__in=Delivery.UNFINISHED)
        due = unfinished.filter(next_attempt_at__lte=now).select_related("member").order_by("pk")
        # In order per person: who waits for another attempt gets nothing later before it.
        waiting = unfinished.filter(next_attempt_at__gt=now, attempts__gt=0, member__isnull=False)
        chosen = list(due.exclude(member__in=waiting.values("member"))[:BATCH])
        daily = {delivery.member_id for delivery in chosen if delivery.is_daily}
        if daily:
            chosen = [delivery for delivery in chosen if not delivery.is_daily]
            chosen += due.filter(is_daily=True, member__in=daily)[:SUMMARY]
        if not chosen:
            return None
        Delivery.objects.filter(pk__in=[delivery.pk for delivery in chosen]).update(
            is_repeat=models.Case(models.When(state=Delivery.State.SENDING, then=True), default=F("is_repeat")),
            state=Delivery.State.SENDING,
            attempts=F("attempts") + 1,
            next_attempt_at=now + LEASE,
        )
        Channel.objects.filter(pk=channel.pk).update(busy_until=now + LEASE)
    for delivery in chosen:
        delivery.is_repeat |= delivery.state == Delivery.State.SENDING
        delivery.attempts += 1
    return _Batch(channel, organization, now, chosen)


@dataclass
class _Batch:
    """What one worker has claimed of a channel."""

    channel: Channel
    organization: Organization
    now: datetime
    deliveries: list[Delivery]
    is_broken: bool = False

    def send(self, until: float) -> int:
        letters = _letters(self.deliveries)
        cases = cases_of(delivery.case_number for delivery in self.deliveries)
        sent, held, failure = 0, set[int](), ""
        done: list[int] = []
        try:
            with _OPENED[self.channel.kind](self.channel, self.organization, cases, self.now) as send:
                for letter in letters:
                    person = letter[0].member_id
                    if time.monotonic() >= until:
                        break
                    if person in held:
                        continue
                    done += [delivery.pk for delivery in letter]
                    try:
                        send(letter)
                    except Refused as error:
                        self._finish(letter, state=Delivery.State.DEAD, error=str(error))
                    except Needless as error:
                        self._finish(letter, state=Delivery.State.DROPPED, error=str(error))
                    except NotNow as error:
                        self._later(letter, str(error))
                        held.add(person or 0)
                    except Broken as error:
                        self._later(letter, str(error), is_repeat=isinstance(error, Lost) or letter[0].is_repeat)
                        raise
                    except DatabaseError:
                        raise
                    except Exception as error:
                        # One that cannot even be worded must not stand in the way of the others.
                        log.exception("delivery %s could not be sent", letter[0].pk)
                        self._finish(letter, state=Delivery.State.DEAD, error=f"{type(error).__name__}: {error}"[:500])
                    else:
                        self._finish(letter, state=Delivery.State.SENT, error="", sent_at=self.now)
                        sent += len(letter)
        except Broken as error:
            self.is_broken, failure = True, str(error)
        self._give_back([delivery for delivery in self.deliveries if delivery.pk not in done])
        self._keep_health(bool(sent), failure)
        return sent

    def _claimed(self, letter: Sequence[Delivery]) -> models.QuerySet[Delivery]:
        """While the claim holds: whoever was taken for dead changes nothing any more."""
        claims = Q()
        for delivery in letter:
            claims |= Q(pk=delivery.pk, attempts=delivery.attempts)
        return Delivery.objects.filter(claims, state=Delivery.State.SENDING)

    def _finish(self, letter: Sequence[Delivery], **columns: object) -> None:
        finished = self._claimed(letter).update(**columns)
        if finished and columns.get("state") == Delivery.State.DEAD and letter[0].kind == LINK:
            tell_of_link(letter[0], str(columns.get("error", "")), self.organization, self.now)

    def _later(self, letter: Sequence[Delivery], error: str, **columns: object) -> None:
        attempts = max(delivery.attempts for delivery in letter)
        if attempts > len(BACKOFF):
            self._finish(letter, state=Delivery.State.DEAD, error=error)
        else:
            due = self.now + BACKOFF[attempts - 1]
            self._finish(letter, state=Delivery.State.WAITING, error=error, next_attempt_at=due, **columns)

    def _give_back(self, untried: Sequence[Delivery]) -> None:
        """As they were: nobody tried them."""
        if untried:
            self._claimed(untried).update(
                state=Delivery.State.WAITING, attempts=F("attempts") - 1, next_attempt_at=self.now
            )

    @transaction.atomic
    def _keep_health(self, has_sent: bool, failure: str) -> None:
        channel, now = self.channel, self.now
        health: dict[str, object] = {"busy_until": None}
        if has_sent:
            health |= {"sent_at": now, "failures": 0, "failing_since": None, "told_at": None, "paused_until": None}
        if failure:
            failures = 1 if has_sent else channel.failures + 1
            since = now if has_sent or channel.failing_since is None else channel.failing_since
            health |= {
                "failed_at": now,
                "error": failure[:2000],
                "failures": min(failures, 30_000),
                "failing_since": since,
                "paused_until": now + PAUSES[min(failures, len(PAUSES)) - 1],
            }
            if channel.kind != Channel.Kind.MAIL and now - since >= OFF_AFTER:
                switch(channel=channel, is_on=False, by="", now=now)
                tell_of(channel, "channel_off", failure, self.organization, now)
            elif now - since >= TOLD_AFTER and (has_sent or channel.told_at is None):
                health["told_at"] = now
                tell_of(channel, "channel_failing", failure, self.organization, now)
        Channel.objects.filter(pk=channel.pk).update(**health)


def tell_of(channel: Channel, kind: str, error: str, organization: Organization, now: datetime) -> None:
    """A notice to everybody who looks after the channels."""
    people = directory(organization, local_now(organization, now).date()).people.values()
    facts = {"channel": channel.title, "error": error[:300]}
    Message.objects.bulk_create(
        Message(
            organization=organization, kind=kind, recipient=person.key, facts=facts, created_at=now, next_attempt_at=now
        )
        for person in people
        if may_administer(person, "channels", organization)
    )


def _letters(deliveries: Sequence[Delivery]) -> list[list[Delivery]]:
    """Each delivery for itself; those of a person's daily summary together."""
    letters: dict[tuple[str, int], list[Delivery]] = {}
    for delivery in deliveries:
        place = ("daily", delivery.member_id or 0) if delivery.is_daily else ("one", delivery.pk)
        letters.setdefault(place, []).append(delivery)
    return list(letters.values())
