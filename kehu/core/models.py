"""What every noun uses: the organization, the user, and the facts that all actions leave: events, messages, numbers, files."""

import secrets
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

from .fields import OrderedJSONField
from .scope import OrganizationRow, WideManager


def fresh_version() -> int:
    """Random rather than counted: a version that was rolled back never comes again with other contents."""
    return secrets.randbits(62)


class Organization(models.Model):
    """One company or site. Every other row but users belongs to exactly one. Outside any scope nobody asks for one, either."""

    key = models.SlugField(max_length=40, unique=True)
    title = models.JSONField()
    timezone = models.CharField(max_length=40, default="Asia/Shanghai")
    pack = OrderedJSONField(default=dict)
    """The company's part of its pack (ranks, ladders, numbering), as published last."""
    tables = OrderedJSONField(default=dict)
    version = models.BigIntegerField(default=fresh_version)
    """Another one after every change of people, calendars or procedures: whoever keeps a copy can see that it is old."""
    is_demo = models.BooleanField(default=False)
    clock_offset = models.DurationField(null=True, blank=True)
    """Demo only: how far its clock was moved forward."""
    chain_head = models.CharField(max_length=64, blank=True)
    publishes = models.JSONField(default=list)
    """Names of the events that somebody outside subscribed to (`*`: all). Here, on the row that every step has at hand, so that
    a company without subscriptions pays nothing for them."""

    objects = WideManager("pk")

    def __str__(self):
        return self.key


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(username=username, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """Somebody who signs in. What he may do follows from his membership, never from here."""

    username = models.CharField(max_length=80, unique=True)
    email = models.EmailField(blank=True)
    language = models.CharField(max_length=10, default="zh-hans")
    has_shortcuts = models.BooleanField(default=True)
    """Whether single keys act on pages; who speaks to the computer, or lets it read aloud, turns them off (WCAG 2.1.4)."""
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "username"
    objects = UserManager()

    def __str__(self):
        return self.username


class Event(OrganizationRow):
    """One line of the append-only log. `stream` is what it is about (`case:17`, `organization`); a stream's events are chained:
    each `digest` covers the event and the digest before it."""

    stream = models.CharField(max_length=60)
    sequence = models.PositiveIntegerField()
    name = models.CharField(max_length=60)
    at = models.DateTimeField()
    by = models.CharField(max_length=80, blank=True)
    """The member's key, or empty for the system."""
    facts = models.JSONField(default=dict)
    previous = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "stream", "sequence"], name="event_once")]
        ordering = ["organization", "stream", "sequence"]

    def __str__(self):
        return f"{self.stream}#{self.sequence} {self.name}"


LINK, GUEST = "link", "invitation:"
"""The kind of a message with a link for somebody outside, and what its recipient begins with: the invitation's id follows."""


class Message(OrganizationRow):
    """The outbox: something that must leave, written in the step's own transaction and handed out by a worker."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        SENT = "sent", "sent"
        DEAD = "dead", "dead"

    kind = models.CharField(max_length=60)
    """What it says: task_opened, reminder, overdue, escalated …; or an event's name, for those outside who subscribed to it."""
    recipient = models.CharField(max_length=80)
    """The member's key; `invitation:17` for who is invited by a link; empty for whoever outside subscribed."""
    case_number = models.CharField(max_length=60, blank=True)
    step = models.CharField(max_length=80, blank=True)
    item = models.CharField(max_length=80, blank=True)
    facts = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    error = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["state", "next_attempt_at"], name="message_waiting")]

    def __str__(self):
        return f"{self.kind} → {self.recipient}"


class Counter(OrganizationRow):
    """The last number given in a series and period. Taken under a row lock in the step's transaction, so nothing is skipped."""

    series = models.CharField(max_length=80)
    value = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "series"], name="counter_series")]

    def __str__(self):
        return f"{self.series} {self.value}"


class StoredFile(OrganizationRow):
    """A file's content by its digest; the same content is kept once."""

    digest = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()
    content_type = models.CharField(max_length=100)
    path = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "digest"], name="file_once")]

    def __str__(self):
        return self.digest[:12]


class Indexing(OrganizationRow):
    """How far the rows of a noun have the words they are found by (core/finding.py): rows that were there before them get theirs
    from the newest to the oldest. Not in backups, as the words are not."""

    noun = models.CharField(max_length=40)
    below = models.BigIntegerField(null=True, blank=True)
    """Rows with a lower key are still without; empty before the first portion, 0 behind the last."""
    behind = models.BigIntegerField(null=True, blank=True)
    """Rows with a higher key came many at once and may be without, too; these get theirs from the oldest to the newest."""
    not_before = models.DateTimeField(null=True, blank=True)
    """Until then more of them may come."""
    is_done = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "noun"], name="indexing_once")]

    def __str__(self):
        return f"{self.noun} {'done' if self.is_done else self.below}"
