"""Signing in, as rows: sessions, failed tries, letters with a link, and the head of each member's log."""

from __future__ import annotations

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


class Letter(OrganizationRow):
    """A mail with a link that sets a password. The link is made when the mail is sent, so that no secret waits in the database."""

    class Kind(models.TextChoices):
        INVITATION = "invitation", "invitation"
        RESET = "reset", "reset"

    member = models.ForeignKey("organizations.Member", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind)
    at = models.DateTimeField()
    next_attempt_at = models.DateTimeField(null=True)
    """Null: it was sent, or given up."""
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["organization", "next_attempt_at"], name="letter_waiting")]

    def __str__(self):
        return f"{self.kind} {self.member_id}"
