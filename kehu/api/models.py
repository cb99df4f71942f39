"""What the API remembers of its own: the answers to writes, so that a repeated one is not done twice."""

from django.db import models

from kehu.core.scope import OrganizationRow
from kehu.organizations.models import AccessToken


class KeptAnswer(OrganizationRow):
    """The answer to a write with an `Idempotency-Key`, written in the write's own transaction: both are there, or neither."""

    token = models.ForeignKey(AccessToken, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    asked = models.CharField(max_length=64)
    """A digest of method, address and body."""
    status = models.PositiveSmallIntegerField(default=0)
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="kept_answer_once")]
        indexes = [models.Index(fields=["organization", "at"], name="kept_answer_by_age")]

    def __str__(self):
        return self.key
