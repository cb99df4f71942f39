"""The company's written procedures: the document, and its revisions, one of which is in force."""

from django.db import models

from kehu.core.fields import OrderedJSONField
from kehu.core.scope import OrganizationRow


class Procedure(OrganizationRow):
    key = models.SlugField(max_length=80)
    number = models.CharField(max_length=60)
    title = models.JSONField()
    current = models.ForeignKey("Revision", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    """The revision in force: new cases open under it. Open ones keep theirs."""
    switched = models.BooleanField(null=True, blank=True)
    """Whether the company has switched it on or off; null: as the procedure itself says."""
    switched_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "key"], name="procedure_key")]

    def __str__(self):
        return self.key


class Revision(OrganizationRow):
    """A published text of a procedure. It never changes; a case keeps the one it opened under."""

    procedure = models.ForeignKey(Procedure, on_delete=models.PROTECT, related_name="revisions")
    label = models.CharField(max_length=20)
    definition = OrderedJSONField()
    """Company, procedure with form, and decision tables as they stood: everything the engine needs."""
    digest = models.CharField(max_length=64)
    published_at = models.DateTimeField()
    published_by = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["procedure", "digest"], name="revision_once")]

    def __str__(self):
        return f"{self.procedure_id} {self.label}"
