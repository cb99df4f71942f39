"""Who: departments, positions, members and their appointments; and when: working calendars."""

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

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "key"], name="member_key")]

    def __str__(self):
        return self.key


class Appointment(OrganizationRow):
    """任职: a member holds a position from a day until (not including) a day."""

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="appointments")
    position = models.ForeignKey(Position, on_delete=models.PROTECT, related_name="appointments")
    valid_from = models.DateField(null=True, blank=True)
    valid_until = models.DateField(null=True, blank=True)

    def __str__(self):
        return f"{self.member_id} {self.position_id}"


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
