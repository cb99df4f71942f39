"""Who: departments, positions, members and their appointments; and when: working calendars."""

from datetime import timedelta

from django.conf import settings
from django.db import models

from kehu.core.scope import OrganizationRow


class Department(OrganizationRow):
    key = models.SlugField(max_length=60)
    title = models.JSONField()
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "key"], name="department_key")]

    def __str__(self):
        return self.key


class Position(OrganizationRow):
    """岗位: a place in the company with a rank. `counts_everywhere`: its rank counts for every department."""

    key = models.SlugField(max_length=60)
    title = models.JSONField()
    department = models.ForeignKey(Department, on_delete=models.PROTECT, related_name="+")
    rank = models.PositiveSmallIntegerField()
    counts_everywhere = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "key"], name="position_key")]

    def __str__(self):
        return self.key


class Member(OrganizationRow):
    """A person of the organization. `key` names him in packs, records and events, and never changes."""

    key = models.SlugField(max_length=60)
    name = models.JSONField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="memberships")
    email = models.EmailField(blank=True)
    language = models.CharField(max_length=10, default="zh-hans")
    left_on = models.DateField(null=True, blank=True)
    """The first day on which he is a member no more; may lie ahead."""
    successor = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    """Who has what was his since he left; without one it goes by his positions."""
    handed_on_at = models.DateTimeField(null=True, blank=True)
    """When everything that was his had been handed on after he left."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "key"], name="member_key")]
        indexes = [models.Index(fields=["organization", "left_on"], name="member_left")]

    def __str__(self):
        return self.key

    @property
    def last_day(self):
        return self.left_on - timedelta(days=1) if self.left_on else None


class Appointment(OrganizationRow):
    """任职: a member holds a position from a day until (not including) a day."""

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="appointments")
    position = models.ForeignKey(Position, on_delete=models.PROTECT, related_name="appointments")
    valid_from = models.DateField(null=True, blank=True)
    valid_until = models.DateField(null=True, blank=True)

    def __str__(self):
        return f"{self.member_id} {self.position_id}"

    @property
    def last_day(self):
        return self.valid_until - timedelta(days=1) if self.valid_until else None


class Absence(OrganizationRow):
    """不在岗: a member is away (on leave, on business) from a day until (not including) a day. Days are whole: who is away for
    half a day is either away that day or not."""

    class Kind(models.TextChoices):
        LEAVE = "leave", "leave"
        TRAVEL = "travel", "travel"
        OTHER = "other", "other"

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="absences")
    valid_from = models.DateField()
    valid_until = models.DateField()
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.LEAVE)
    note = models.CharField(max_length=200, blank=True)
    entered_by = models.CharField(max_length=80, blank=True)
    entered_at = models.DateTimeField()
    canceled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(valid_until__gt=models.F("valid_from")), name="absence_has_days")
        ]
        indexes = [models.Index(fields=["organization", "valid_until"], name="absence_current")]

    def __str__(self):
        return f"{self.member_id} {self.valid_from}–{self.valid_until}"

    @property
    def last_day(self):
        return self.valid_until - timedelta(days=1)


class DeputyRule(OrganizationRow):
    """委托代理: while the principal is absent, his deputy may do what he may, within the rule's days, procedures and amount.

    It counts once the deputy has accepted it. `number` is how records name it: "for Lu under deputy rule 12".
    """

    number = models.PositiveIntegerField()
    principal = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="deputy_rules")
    deputy = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="mandates")
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True)
    """The first day on which it counts no more; without one it stands until it is revoked."""
    procedures = models.JSONField(default=list)
    """Keys of the procedures it is for; none: all."""
    limit = models.DecimalField(max_digits=18, decimal_places=2, null=True, blank=True)
    """The highest amount of a case (procedure key `amount:`) that the deputy may decide; none: any."""
    note = models.CharField(max_length=200, blank=True)
    entered_by = models.CharField(max_length=80, blank=True)
    entered_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    declined_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "number"], name="deputy_rule_number"),
            models.CheckConstraint(condition=~models.Q(principal=models.F("deputy")), name="deputy_is_another"),
            models.CheckConstraint(
                condition=models.Q(valid_until=None) | models.Q(valid_until__gt=models.F("valid_from")),
                name="deputy_rule_has_days",
            ),
        ]
        indexes = [models.Index(fields=["organization", "principal"], name="deputy_rule_principal")]
        ordering = ["number"]

    def __str__(self):
        return f"{self.number}: {self.principal_id} → {self.deputy_id}"

    @property
    def last_day(self):
        return self.valid_until - timedelta(days=1) if self.valid_until else None

    @property
    def state(self):
        """`revoked`, `declined`, `asked` or `accepted`."""
        if self.revoked_at:
            return "revoked"
        if self.declined_at:
            return "declined"
        return "accepted" if self.accepted_at else "asked"


class WorkingWeek(OrganizationRow):
    """The week pattern of the organization (no department, no customer), of a department, or agreed with a customer."""

    department = models.ForeignKey(Department, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    customer_code = models.CharField(max_length=40, blank=True)
    week = models.JSONField()
    """Seven lists of periods, Monday first: [["08:00-12:00", "13:00-17:00"], …]."""
    known_until = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "department", "customer_code"], name="working_week_once", nulls_distinct=False
            )
        ]

    def __str__(self):
        return self.customer_code or str(self.department_id or "company")


class SpecialDay(OrganizationRow):
    """A day that differs from the week pattern: holiday, make-up workday (调休), half day."""

    week = models.ForeignKey(WorkingWeek, on_delete=models.CASCADE, related_name="special_days")
    day = models.DateField()
    kind = models.CharField(max_length=20)
    name = models.JSONField(default=dict)
    periods = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["week", "day"], name="special_day_once")]

    def __str__(self):
        return f"{self.day} {self.kind}"


class CalendarProposal(OrganizationRow):
    """A year's holidays as a library believes them. Nothing counts until a person confirms it."""

    year = models.PositiveSmallIntegerField()
    source = models.CharField(max_length=80)
    days = models.JSONField()
    complete = models.BooleanField()
    known_until = models.DateField(null=True)
    remarks = models.JSONField(default=list)
    proposed_at = models.DateTimeField()
    confirmed_by = models.CharField(max_length=80, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)

    def __str__(self):
        return f"{self.year} {self.source}"


class AccessToken(OrganizationRow):
    """A member's key for programs: who holds it may do through the API what the member may, as far as its scopes go.

    Only a digest is kept. Whoever loses the secret makes another."""

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="tokens")
    name = models.CharField(max_length=80)
    scopes = models.JSONField(default=list)
    digest = models.CharField(max_length=64, unique=True)
    """SHA-256 of the secret, which is random and long: nothing to be gained by salting it."""
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=80, blank=True)
    expires_at = models.DateTimeField()
    last_used_on = models.DateField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["organization", "member", "-created_at"], name="token_by_member")]

    def __str__(self):
        return self.name

    def is_good(self, now):
        return self.revoked_at is None and now < self.expires_at


class SavedView(OrganizationRow):
    """A list as somebody wants to see it again: which filters, which order. Others may use a shared one; only its owner changes it."""

    class Shared(models.TextChoices):
        NOBODY = "", "nobody"
        DEPARTMENT = "department", "department"
        EVERYBODY = "everybody", "everybody"

    owner = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="views")
    page = models.CharField(max_length=120)
    """The address of the list, without what is asked of it."""
    name = models.CharField(max_length=60)
    words = models.TextField()
    """What is asked of it, as in the address after the question mark."""
    shared = models.CharField(max_length=10, choices=Shared, default=Shared.NOBODY, blank=True)
    department = models.CharField(max_length=60, blank=True)
    """With whose members it is shared."""
    position = models.PositiveSmallIntegerField(default=0)
    """Its place among its owner's views of this list."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "owner", "page", "name"], name="view_name")]
        indexes = [models.Index(fields=["organization", "page"], name="view_by_page")]

    def __str__(self):
        return self.name


class DefaultView(OrganizationRow):
    """The view with which a list opens for somebody."""

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="+")
    page = models.CharField(max_length=120)
    view = models.ForeignKey(SavedView, on_delete=models.CASCADE, related_name="defaults")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "member", "page"], name="default_view_once")]

    def __str__(self):
        return f"{self.member_id} {self.page}"
