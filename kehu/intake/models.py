"""A sheet that comes in: its file, what its columns are, how far it is, and which rows it made."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from kehu.core.batches import Outcome
from kehu.core.models import StoredFile
from kehu.core.scope import OrganizationRow


class Import(OrganizationRow):
    """One sheet, from its upload to its end. What works on it goes on from `position`, whoever did the part before."""

    class State(models.TextChoices):
        READING = "reading", "reading"
        MAPPING = "mapping", "mapping"
        CHECKING = "checking", "checking"
        CHECKED = "checked", "checked"
        RUNNING = "running", "running"
        DONE = "done", "done"
        UNDOING = "undoing", "undoing"
        UNDONE = "undone", "undone"
        CANCELED = "canceled", "canceled"
        FAILED = "failed", "failed"

    WORKING = (State.READING, State.CHECKING, State.RUNNING, State.UNDOING)
    """A worker has something to do."""
    PAUSABLE = (State.CHECKING, State.RUNNING, State.UNDOING)
    OVER = (State.DONE, State.UNDONE, State.CANCELED)

    kind = models.CharField(max_length=20)
    name = models.CharField(max_length=140)
    """Of the file."""
    stored = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")
    staged = models.ForeignKey(StoredFile, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    """Its rows, as they were read: a line of JSON each, packed."""
    state = models.CharField(max_length=10, choices=State, default=State.READING)
    paused_at = models.DateTimeField(null=True, blank=True)
    about = models.JSONField(default=dict)
    """What the file is and what was noticed: sheets, sheet, encoding, delimiter, remarks, the first rows."""
    header_row = models.PositiveIntegerField(default=0)
    titles = models.JSONField(default=list)
    mapping = models.JSONField(default=dict)
    options = models.JSONField(default=dict)
    total = models.PositiveIntegerField(default=0)
    """Rows behind the header; while it is taken back, rows to be taken back."""
    position = models.PositiveIntegerField(default=0)
    """So many of them are done."""
    counts = models.JSONField(default=dict)
    """Outcome -> rows, of what is being done or was done last."""
    checked = models.JSONField(default=dict)
    """What the check found: counts, first rows of each outcome, remarks."""
    why = models.JSONField(default=dict)
    """Why it failed, as a sentence to be translated."""
    failures = models.PositiveSmallIntegerField(default=0)
    """One after another."""
    by = models.CharField(max_length=80, blank=True)
    """Who brought it; a member's key."""
    asked_by = models.CharField(max_length=80, blank=True)
    """Who set going what is being done."""
    uploaded_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    pace = models.JSONField(default=dict)
    """Since when and from which row the worker at it has been working, by the machine's own clock: how long the rest will take."""
    held_by = models.CharField(max_length=32, blank=True)
    held_until = models.DateTimeField(null=True, blank=True)
    """Nobody else works on it before; by the machine's own clock. Who died lets go by it."""

    class Meta:
        indexes = [
            models.Index(fields=["organization", "-uploaded_at"], name="import_latest"),
            models.Index(
                fields=["organization", "state"],
                condition=Q(state__in=["reading", "checking", "running", "undoing"]),
                name="import_working",
            ),
        ]

    def __str__(self):
        return f"{self.kind} {self.name}"

    @property
    def is_working(self):
        return self.state in self.WORKING and self.paused_at is None


class ImportRow(OrganizationRow):
    """What became of a row where that must be known: refused and why, entered or changed and what it was before."""

    batch = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="rows", db_index=False)
    row = models.PositiveIntegerField()
    """Its number in the sheet."""
    rows = models.PositiveIntegerField(default=1)
    """How many rows of the sheet are this one."""
    outcome = models.CharField(max_length=10, choices=Outcome)
    key = models.BigIntegerField(null=True, blank=True)
    """Of the ledger's row."""
    facts = models.JSONField(default=dict)
    """Of a refused row the reasons; of another what is needed to take it back."""
    stays = models.JSONField(null=True, blank=True)
    """Why it could not be taken back. What could be is no longer here."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "batch", "outcome", "row"], name="import_row_once")
        ]

    def __str__(self):
        return f"{self.batch_id}:{self.row} {self.outcome}"


class RememberedMapping(OrganizationRow):
    """What the company said the columns of such a sheet are."""

    kind = models.CharField(max_length=20)
    header = models.CharField(max_length=32)
    """Digest of its titles."""
    titles = models.JSONField()
    mapping = models.JSONField()
    used_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "kind", "header"], name="mapping_once")]

    def __str__(self):
        return f"{self.kind} {self.header[:8]}"
