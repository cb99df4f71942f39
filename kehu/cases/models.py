"""Procedures being carried out. Open tasks *are* the state of a case; there is no other."""

import mimetypes

from django.db import models

from kehu.core.downloads import PICTURES
from kehu.core.finding import Word
from kehu.core.models import StoredFile
from kehu.core.scope import OrganizationRow
from kehu.ledgers.customers.models import Customer
from kehu.organizations.models import Member
from kehu.procedures.models import Procedure, Revision


class Case(OrganizationRow):
    procedure = models.ForeignKey(Procedure, on_delete=models.PROTECT, related_name="cases")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="+")
    number = models.CharField(max_length=60)
    customer = models.ForeignKey(Customer, null=True, blank=True, on_delete=models.PROTECT, related_name="cases")
    opener = models.ForeignKey(Member, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    parent_step = models.CharField(max_length=80, blank=True)
    status = models.CharField(max_length=60, default="open")
    """`open`, the key of the end it came to, or `voided`."""
    round = models.PositiveSmallIntegerField(default=1)
    version = models.PositiveIntegerField(default=1)
    """Grows with every change; whoever acts says which one he saw."""
    data = models.JSONField(default=dict)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)
    """The nearest instant at which one of its open tasks is due."""
    paused_at = models.DateTimeField(null=True, blank=True)
    """Since when all its clocks stand still."""
    pauses = models.PositiveSmallIntegerField(default=0)
    """How often it was paused: none, and nothing need be looked up."""
    events = models.PositiveIntegerField(default=0)
    chain_head = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "number"], name="case_number")]
        indexes = [
            models.Index(fields=["organization", "procedure", "-number"], name="case_by_procedure"),
            models.Index(fields=["organization", "customer", "-opened_at"], name="case_by_customer"),
            models.Index(fields=["organization", "opener", "-opened_at"], name="case_by_opener"),
            models.Index(fields=["organization", "procedure", "status", "-number"], name="case_by_status"),
            models.Index(
                fields=["organization", "procedure", "due_at"], condition=models.Q(status="open"), name="case_by_due"
            ),
            models.Index(fields=["organization", "changed_at", "id"], name="case_by_change"),
        ]

    def __str__(self):
        return self.number

    @property
    def is_open(self):
        return self.status == "open"


class Task(OrganizationRow):
    """One step of a case for one position or person, or a place where branches or the clock are waited for."""

    class State(models.TextChoices):
        OPEN = "open", "open"
        DONE = "done", "done"
        SENT_BACK = "sent_back", "sent back"
        CANCELED = "canceled", "canceled"
        HALTED = "halted", "halted"  # open when the case was voided
        ARRIVED = "arrived", "arrived"  # a branch that waits at a join

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="tasks")
    step = models.CharField(max_length=80)
    item = models.CharField(max_length=80, blank=True)
    round = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    kind = models.CharField(max_length=10, default="task")
    department = models.CharField(max_length=60, blank=True)
    """Of whoever got it: its time limit is counted with that department's calendar."""
    returns = models.JSONField(default=list)
    signers = models.JSONField(default=list)
    """Who was asked to sign beside who has it: who, order (before, after), agreed."""
    held = models.CharField(max_length=60, blank=True)
    """The outcome it was completed with, while somebody who signs after has not agreed yet."""
    nudged_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    due_is_provisional = models.BooleanField(default=False)
    late_at = models.DateTimeField(null=True, blank=True)
    """When the worker found it overdue."""
    closed_version = models.PositiveIntegerField(null=True, blank=True)
    """The case's version that closed it: whoever saw an older one has not seen what was filled here."""
    outcome = models.CharField(max_length=60, blank=True)
    reason = models.TextField(blank=True)
    filled = models.JSONField(default=dict)
    """What was filled when it was completed: older rounds and versions stay readable here."""
    draft = models.JSONField(default=dict)
    done_by = models.ForeignKey(Member, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    acting = models.JSONField(default=dict)
    """Where a deputy did it: for whom, by which rules, from when until when these hold (`StandIn.facts`). Where somebody outside did it
    by a link: who he says he is, and by which link (`Guest.facts`)."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "step", "item"],
                condition=models.Q(state__in=["open", "arrived"]),
                name="task_once_open",
            )
        ]
        indexes = [
            models.Index(fields=["organization", "state", "due_at"], name="task_by_due"),
            models.Index(fields=["organization", "done_by", "-closed_at"], name="task_by_doer"),
            models.Index(fields=["organization", "id"], condition=~models.Q(draft={}), name="task_with_draft"),
            models.Index(
                fields=["organization", "step", "case"], condition=models.Q(state="open"), name="task_open_at_step"
            ),
        ]

    def __str__(self):
        return f"{self.step}[{self.item}]" if self.item else self.step

    @property
    def is_open(self):
        return self.state == self.State.OPEN


class Assignment(OrganizationRow):
    """Somebody in whose inbox a task is: to do it (who else may follows from the step's role), to sign it, or to say what he thinks."""

    class Part(models.TextChoices):
        DO = "do", "do"
        SIGN = "sign", "sign"
        ADVISE = "advise", "advise"

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="assignments")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="assignments")
    part = models.CharField(max_length=10, choices=Part, default=Part.DO)
    is_open = models.BooleanField(default=True)
    seen_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    """The task's, kept here as well: an inbox is read in this order, and its first page must not need all the tasks in it."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["task", "member", "part"], name="assignment_once")]
        indexes = [
            models.Index(
                fields=["organization", "member", "due_at", "id"],
                condition=models.Q(is_open=True),
                name="assignment_inbox_by_due",
            )
        ]

    def __str__(self):
        return f"{self.task_id} → {self.member_id}"


class Reading(OrganizationRow):
    """What a member saw of a case when he last looked at it, and whether he follows it."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="readings")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")
    version = models.PositiveIntegerField()
    at = models.DateTimeField()
    follows = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "member"], name="reading_once")]
        indexes = [
            models.Index(
                fields=["organization", "member"], condition=models.Q(follows=True), name="reading_of_follower"
            )
        ]

    def __str__(self):
        return f"{self.member_id} saw {self.case_id} v{self.version}"


class Deadline(OrganizationRow):
    """One instant of a case: a reminder, a due time, a rung of a task's or a clock's ladder, a watched row, the end of a wait."""

    class Kind(models.TextChoices):
        RUNG = "rung", "rung"
        WATCH = "watch", "watch"
        WAIT = "wait", "wait"
        CLOCK = "clock", "clock"

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="deadlines")
    task = models.ForeignKey(Task, null=True, on_delete=models.CASCADE, related_name="deadlines")
    """Empty for the ladder of a clock, which belongs to the case; `row` then names the clock."""
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.RUNG)
    rung = models.PositiveSmallIntegerField(default=0)
    row = models.CharField(max_length=120, blank=True)
    at = models.DateTimeField()
    is_due = models.BooleanField(default=False)
    provisional = models.BooleanField(default=False)
    fired_at = models.DateTimeField(null=True, blank=True)
    active = models.BooleanField(default=True)
    error = models.TextField(blank=True)
    """Why it could not be fired."""

    class Meta:
        indexes = [
            models.Index(
                fields=["organization", "at", "id"], condition=models.Q(active=True), name="deadline_by_moment"
            )
        ]
        ordering = ["at", "id"]

    def __str__(self):
        return f"{self.case_id} {self.kind} {self.rung} {self.at:%F %T}"


class Suspension(OrganizationRow):
    """A time in which a clock of the case stood still; without a clock's key, all of them, because the case was paused."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="suspensions")
    clock = models.CharField(max_length=60, blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=200, blank=True)

    def __str__(self):
        return f"{self.clock} {self.started_at:%F %T}"


class Recount(OrganizationRow):
    """The calendar changed, and the open cases with provisional limits are counted again, batch by batch (`recounting.py`)."""

    asked_at = models.DateTimeField()
    total = models.PositiveIntegerField()
    done = models.PositiveIntegerField(default=0)
    last_case = models.BigIntegerField(default=0)
    """The cases up to this key are counted."""
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["organization"], condition=models.Q(finished_at__isnull=True), name="recount_unfinished"
            )
        ]

    def __str__(self):
        return f"{self.done}/{self.total}"


class ScheduleMark(OrganizationRow):
    """Up to when a schedule has been seen to: whom its occurrences until then concern is written down (`schedules.py`)."""

    procedure = models.ForeignKey(Procedure, on_delete=models.PROTECT, related_name="+")
    schedule = models.CharField(max_length=60)
    words = models.TextField()
    """When it is, as the procedure says it; where that is changed, it begins anew."""
    done_until = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["procedure", "schedule"], name="schedule_mark_once")]

    def __str__(self):
        return f"{self.schedule} until {self.done_until:%F %T}"


class Scheduled(OrganizationRow):
    """A case that the calendar asks for: once for each schedule, occurrence and subject."""

    procedure = models.ForeignKey(Procedure, on_delete=models.PROTECT, related_name="+")
    schedule = models.CharField(max_length=60)
    slot = models.CharField(max_length=40)
    """Which occurrence, whatever its time of day: `2024-12 20`."""
    at = models.DateTimeField()
    subject = models.CharField(max_length=80, blank=True)
    """A customer's code or a member's key; empty for a case that is about nobody in particular."""
    case = models.OneToOneField(Case, null=True, blank=True, on_delete=models.PROTECT, related_name="scheduled")
    error = models.TextField(blank=True)
    """Why it could not be opened."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["procedure", "schedule", "slot", "subject"], name="scheduled_once")
        ]
        indexes = [
            models.Index(
                fields=["organization", "at", "id"],
                condition=models.Q(case__isnull=True, error=""),
                name="scheduled_waiting",
            )
        ]

    def __str__(self):
        return f"{self.schedule} {self.slot} {self.subject}"


class Invitation(OrganizationRow):
    """A link for somebody outside: to complete one task (`answer`), or to read how a case stands (`status`).

    The link itself is not here: it is signed with the server's key whenever it is needed (`links.py`), so that a copy of the
    database gives nobody a link. When its task ends otherwise, it is over.
    """

    class Kind(models.TextChoices):
        ANSWER = "answer", "answer"
        STATUS = "status", "status"

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="invitations")
    task = models.ForeignKey(Task, null=True, blank=True, on_delete=models.PROTECT, related_name="invitations")
    kind = models.CharField(max_length=10, choices=Kind)
    key = models.CharField(max_length=24)
    """Names it in the link; worthless without the signature behind it."""
    name = models.CharField(max_length=80)
    """Who is invited."""
    address = models.EmailField(blank=True)
    language = models.CharField(max_length=10)
    made_by = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    """When the mail with the link left; empty where it was copied, or the mail still waits."""
    opened_at = models.DateTimeField(null=True, blank=True)
    browser = models.CharField(max_length=64, blank=True)
    """A digest of what the browser that opened it first keeps in its cookie; the link is that browser's from then on."""
    opens = models.PositiveIntegerField(default=0)
    refusals = models.PositiveIntegerField(default=0)
    refused_at = models.DateTimeField(null=True, blank=True)
    refused_for = models.CharField(max_length=20, blank=True)
    """When it was last refused, and why: the next refusal for the same reason is an event only an hour later."""
    used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "key"], name="invitation_key")]

    def __str__(self):
        return f"{self.kind} {self.case_id} {self.name}"

    def state(self, now):
        """revoked, used, over (its task has ended otherwise), expired, opened, sent or made."""
        if self.revoked_at:
            return "revoked"
        if self.used_at:
            return "used"
        if self.task and (not self.task.is_open or self.task.held):
            return "over"
        if now >= self.expires_at:
            return "expired"
        return "opened" if self.opened_at else "sent" if self.sent_at else "made"

    def is_open(self, now):
        return self.state(now) in ("opened", "sent", "made")


class Attachment(OrganizationRow):
    """A file of a case, or waiting for the case that its uploader is about to open."""

    case = models.ForeignKey(Case, null=True, blank=True, on_delete=models.PROTECT, related_name="attachments")
    stored = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    field = models.CharField(max_length=80, blank=True)
    by = models.ForeignKey(Member, null=True, on_delete=models.PROTECT, related_name="+")
    invitation = models.ForeignKey(
        Invitation, null=True, blank=True, on_delete=models.PROTECT, related_name="attachments"
    )
    """Of what a customer sent by a link: that link; `by` is then nobody."""
    at = models.DateTimeField()

    def __str__(self):
        return self.name

    @property
    def is_picture(self) -> bool:
        """Small enough, and of a kind, to be shown beside its name."""
        return mimetypes.guess_type(self.name)[0] in PICTURES and self.stored.size <= 5 * 2**20


class FormTemplate(OrganizationRow):
    """A customer's own form, or one of the company's, as Word or Excel file with placeholders. It is filled from cases of that
    procedure; of all of them, or where a customer is named of his."""

    procedure = models.ForeignKey(Procedure, on_delete=models.PROTECT, related_name="+")
    customer = models.ForeignKey(Customer, null=True, blank=True, on_delete=models.PROTECT, related_name="templates")
    title = models.CharField(max_length=120)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "procedure", "customer", "title"],
                condition=models.Q(withdrawn_at=None),
                name="template_title",
            ),
            models.UniqueConstraint(
                fields=["organization", "procedure", "title"],
                condition=models.Q(withdrawn_at=None, customer=None),
                name="company_template_title",
            ),
        ]
        ordering = ["title", "pk"]

    def __str__(self):
        return self.title

    def current(self):
        return self.revisions.select_related("stored").order_by("-number").first()


class TemplateRevision(OrganizationRow):
    """The file of a template from that moment on. It never changes; a new file is a new revision."""

    template = models.ForeignKey(FormTemplate, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveSmallIntegerField()
    stored = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    language = models.CharField(max_length=2)
    """The language its values are written in: zh or en."""
    by = models.ForeignKey(Member, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="template_revision")]
        ordering = ["template", "number"]

    def __str__(self):
        return f"{self.template} {self.number}"


class CaseWord(Word):
    """A word that finds a case."""

    target = "case"
    pk = models.CompositePrimaryKey("organization_id", "word", "case_id")
    organization = models.ForeignKey("core.Organization", on_delete=models.PROTECT, related_name="+", db_index=False)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="+", db_index=False)

    def __str__(self):
        return f"{self.word} → {self.case_id}"
