"""The outbox handed out: every waiting message becomes a notice in its reader's pages, and a delivery for each channel it goes by.

A batch is one transaction with a fixed number of statements, so a message is handed out exactly once, whoever dies when. Nothing
is sent here; that takes its time elsewhere (`sending.py`).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet

from kehu.cases.models import Task
from kehu.core.models import LINK, Message, Organization
from kehu.core.scope import scope
from kehu.organizations.models import Member
from kehu.organizations.queries import directory, local_now

from .channels import mail_of
from .kinds import group_of
from .models import Channel, Delivery, Notice
from .preferences import Preferences, end_of_quiet, next_summary

log = logging.getLogger("kehu.messages")

BATCH = 200


def hand_out(now: datetime, *, organization: Organization, limit: int = 10_000) -> int:
    """What waits, oldest first; gives how many messages."""
    handed = 0
    with scope(organization):
        while handed < limit and (count := _next_batch(now, organization, BATCH)):
            handed += count
    return handed


def _next_batch(now: datetime, organization: Organization, size: int) -> int:
    messages: list[Message] = []
    try:
        with transaction.atomic():
            messages = list(_waiting(now, organization)[:size])
            if messages:
                _Batch(organization, now, messages).write()
    except DatabaseError:
        raise
    except Exception as error:
        if not messages:
            raise
        if len(messages) > 1:
            # One message that cannot be handed out must not stand in the way of the others: each for itself.
            return sum(_next_batch(now, organization, 1) for _ in messages)
        log.exception("message %s could not be handed out", messages[0].pk)
        Message.objects.filter(pk=messages[0].pk).update(
            state=Message.State.DEAD, error=f"{type(error).__name__}: {error}"[:2000]
        )
    return len(messages)


def _waiting(now: datetime, organization: Organization) -> QuerySet[Message]:
    waiting = Message.objects.filter(state=Message.State.WAITING, next_attempt_at__lte=now).order_by(
        "next_attempt_at", "pk"
    )
    if connection.features.has_select_for_update_skip_locked:
        waiting = waiting.select_for_update(skip_locked=True)
    return waiting


class _Batch:
    """Messages, and what is read of their readers and tasks, once for all of them."""

    def __init__(self, organization: Organization, now: datetime, messages: Sequence[Message]):
        self.organization, self.now, self.messages = organization, now, messages
        self.today = local_now(organization, now).date()
        self.people = directory(organization, self.today)
        self.calendar = self.people.calendar()
        recipients = {message.recipient for message in messages}
        self.members = {member.key: member for member in Member.objects.filter(key__in=recipients)}
        self.preferences = Preferences(organization, [member.pk for member in self.members.values()])
        channels = list(Channel.objects.filter(removed_at=None).order_by("pk"))
        self.mail = next((one for one in channels if one.kind == Channel.Kind.MAIL), None) or mail_of(organization)
        self.chats = [one for one in channels if one.kind == Channel.Kind.CHAT and one.is_on]
        self.webhooks = [one for one in channels if one.kind == Channel.Kind.WEBHOOK and one.is_on]
        self.tasks = self._tasks()

    def _tasks(self) -> dict[tuple[str, str, str], Any]:
        """The latest task at each place that a message speaks of."""
        places = [(message.case_number, message.step) for message in self.messages if message.step]
        if not places:
            return {}
        rows = (
            Task.objects.filter(
                case__number__in={number for number, _ in places}, step__in={step for _, step in places}
            )
            .order_by("pk")
            .values("case__number", "step", "item", "due_at", "department")
        )
        return {(row["case__number"], row["step"], row["item"]): row for row in rows}

    def write(self) -> None:
        for message in self.messages:
            self._add_limit(message)
        Notice.objects.bulk_create(self._notices(), ignore_conflicts=True)
        Delivery.objects.bulk_create(
            [*self._mails(), *self._chat_posts(), *self._calls()], batch_size=500, ignore_conflicts=True
        )
        Message.objects.filter(pk__in=[message.pk for message in self.messages]).update(state=Message.State.SENT)

    def _add_limit(self, message: Message) -> None:
        """A new task's message says until when, though its limit was counted only after it was written."""
        if message.kind in ("task_opened", "handed_over") and "due_at" not in message.facts:
            task = self.tasks.get((message.case_number, message.step, message.item))
            if task and task["due_at"]:
                message.facts = {**message.facts, "due_at": task["due_at"].isoformat()}

    def _notices(self) -> list[Notice]:
        return [
            Notice(
                organization=self.organization,
                member=member,
                message=message,
                kind=message.kind,
                case_number=message.case_number,
                step=message.step,
                facts=message.facts,
                at=message.created_at,
            )
            for message in self.messages
            if (member := self.members.get(message.recipient))
        ]

    def _delivery(self, channel: Channel, message: Message, key: str, **more: Any) -> Delivery:
        return Delivery(
            organization=self.organization,
            channel=channel,
            key=key,
            kind=message.kind,
            case_number=message.case_number,
            step=message.step,
            item=message.item,
            at=message.created_at,
            **{"facts": message.facts, "next_attempt_at": self.now, **more},
        )

    def _mails(self) -> Iterator[Delivery]:
        for message in self.messages:
            member = self.members.get(message.recipient)
            if message.kind == LINK:
                yield self._delivery(
                    self.mail, message, str(message.pk), facts={**message.facts, "to": message.recipient}
                )
                continue
            if message.recipient and member is None:
                yield self._delivery(
                    self.mail, message, str(message.pk), state=Delivery.State.DEAD, error="there is no such member"
                )
            if member is None or not member.email or not self.mail.is_on or member.key not in self.people.people:
                continue
            wishes, group = self.preferences.of(member.pk), group_of(message.kind)
            match wishes.pace(group):
                case "daily":
                    due, is_daily = next_summary(wishes, self.now, self.calendar), True
                case "at_once":
                    due, is_daily = self.now, False
                    if not self.preferences.is_urgent(group):
                        due = end_of_quiet(wishes, self.now, self.calendar)
                case _:
                    continue
            yield self._delivery(
                self.mail, message, str(message.pk), member=member, next_attempt_at=due, is_daily=is_daily
            )

    def _chat_posts(self) -> Iterator[Delivery]:
        """A group hears once of what several of its people were told."""
        posts: dict[tuple[int, str], Delivery] = {}
        for message in self.messages:
            group = group_of(message.kind)
            for channel in self.chats if message.recipient and message.kind != LINK else ():
                if group not in channel.takes or not self._concerns(channel, message):
                    continue
                place = (message.kind, message.case_number, message.step, message.item, message.created_at.isoformat())
                key = hashlib.sha256("\0".join(place).encode()).hexdigest()
                post = posts.get((channel.pk, key))
                if post is None:
                    due = self.now
                    if not self.preferences.is_urgent(group):
                        due = end_of_quiet(self.preferences.company, self.now, self.calendar)
                    facts = {**message.facts, "told": []}
                    post = self._delivery(channel, message, key, facts=facts, next_attempt_at=due)
                    posts[channel.pk, key] = post
                post.facts["told"].append(message.recipient)
        yield from posts.values()

    def _concerns(self, channel: Channel, message: Message) -> bool:
        if channel.procedures and message.facts.get("procedure") not in channel.procedures:
            return False
        if not channel.departments:
            return True
        task = self.tasks.get((message.case_number, message.step, message.item))
        person = self.people.people.get(message.recipient)
        units = [task["department"]] if task and task["department"] else person.departments if person else ()
        return any(above in channel.departments for unit in units for above in self.people.line_of(unit))

    def _calls(self) -> Iterator[Delivery]:
        for message in self.messages:
            for channel in self.webhooks if not message.recipient else ():
                if {message.kind, "*"}.intersection(channel.takes) and (
                    not channel.procedures or message.facts.get("procedure") in channel.procedures
                ):
                    yield self._delivery(channel, message, str(message.pk))
