"""What reached people: the notices in their pages."""

from django.db import models

from kehu.core.scope import OrganizationRow
from kehu.organizations.models import Member


class Notice(OrganizationRow):
    """A line in a member's notices, delivered from the outbox; unread until he opens it."""

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="notices")
    message = models.OneToOneField("core.Message", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=30)
    case_number = models.CharField(max_length=60, blank=True)
    step = models.CharField(max_length=80, blank=True)
    facts = models.JSONField(default=dict)
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["organization", "member", "-at"], name="notice_by_member")]

    def __str__(self):
        return f"{self.kind} {self.case_number}"
