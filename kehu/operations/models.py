"""What keeps an installation trustworthy: the daily seals, its backups, its running processes."""

from django.db import models

from kehu.core.fields import OrderedJSONField
from kehu.core.scope import OrganizationRow


class Seal(OrganizationRow):
    """The heads of an organization's event streams at the end of a day. Each seal covers the one before it, so that the last
    digest, noted elsewhere, vouches for everything sealed until then.

    Only streams that have grown since the seal before are named: a day costs what happened on it. A day with very many has
    several seals, one after the other.
    """

    sequence = models.PositiveIntegerField()
    day = models.DateField()
    """The last day that had ended when it was sealed, in the organization's time zone."""
    at = models.DateTimeField()
    heads = OrderedJSONField()
    """[[stream, sequence, digest], …] in the order of the streams."""
    last_event = models.BigIntegerField(default=0)
    """The newest event that was looked at."""
    previous = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "sequence"], name="seal_once")]
        ordering = ["organization", "sequence"]

    def __str__(self):
        return f"{self.day} #{self.sequence}"


class Backup(models.Model):
    """A backup that was written whole. It is the installation's, not an organization's."""

    at = models.DateTimeField()
    file = models.CharField(max_length=500)
    size = models.PositiveBigIntegerField()
    digest = models.CharField(max_length=64)

    def __str__(self):
        return f"{self.at:%F %T} {self.file}"


class Heartbeat(models.Model):
    """A process that is, or was, at work, and when it last said so. The installation's, not an organization's."""

    process = models.CharField(max_length=120, unique=True)
    """Host and process number."""
    kind = models.CharField(max_length=20)
    """web or worker."""
    version = models.CharField(max_length=40)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    def __str__(self):
        return f"{self.kind} {self.process}"
