"""Signing in, as rows: sessions, failed tries, letters with a link, and the head of each member's log."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from kehu.core.scope import OrganizationRow


class Session(AbstractBaseSession):
    """A browser in which somebody is signed in (or about to be: then without a user). It belongs to a user, not to an
    organization. The page's own session statement reads it, so that its list and its end cost a page nothing."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    address = models.CharField(max_length=45, blank=True)
    agent = models.CharField(max_length=300, blank=True)
    signed_in_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField()
    """Kept to a few minutes (see sessions.py)."""

    class Meta:
        indexes = [models.Index(fields=["user", "-seen_at"], name="session_of_user")]

    @classmethod
    def get_session_store_class(cls):
        from .sessions import SessionStore

        return SessionStore


class FailedSignIn(models.Model):
    """A wrong password or code. Written alike for names that exist and names that do not, so that the time an answer takes says
    nothing; what was typed is not kept. A worker turns them into one event per member and minute (log.py)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    address = models.CharField(max_length=45, blank=True)
    at = models.DateTimeField()

    def __str__(self):
        return f"{self.user_id} {self.address}"


class MemberLog(OrganizationRow):
    """The head of a member's own stream of events, `member:KEY`. Each member has his own chain, so that a morning's sign-ins do not
    queue for the organization's row."""

    member = models.OneToOneField("organizations.Member", on_delete=models.PROTECT, related_name="+")
    sequence = models.PositiveIntegerField(default=0)
    head = models.CharField(max_length=64, blank=True)

    def __str__(self):
        return f"member:{self.member_id}"


REST = timedelta(days=3)
"""So long after a change of address letters with a link still go to the former one: over a weekend, somebody reads the warning."""


class Letter(OrganizationRow):
    """A mail about somebody's access. Its link is made when the mail is sent, so that no secret waits in the database.

    `address_changed` goes to the former address. For `REST` after it, no letter with a link goes anywhere else."""

    class Kind(models.TextChoices):
        INVITATION = "invitation", "invitation"
        RESET = "reset", "reset"
        ADDRESS_CHANGED = "address_changed", "address changed"

    member = models.ForeignKey("organizations.Member", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind)
    address = models.EmailField(blank=True)
    """Where it goes. Of `address_changed`: the former address; empty where there was none, then nothing is sent."""
    at = models.DateTimeField()
    next_attempt_at = models.DateTimeField(null=True)
    """Null: it was sent, or given up."""
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["organization", "next_attempt_at"], name="letter_waiting"),
            models.Index(
                fields=["member", "at"], condition=models.Q(kind="address_changed"), name="letter_address_changed"
            ),
        ]

    def __str__(self):
        return f"{self.kind} {self.member_id}"
