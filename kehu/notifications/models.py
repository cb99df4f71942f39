"""What reached people, what is on its way to them, and by which ways."""

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


class Channel(OrganizationRow):
    """A way messages go out: the mail, a chat group's robot, another program's address. Its health is kept with it."""

    class Kind(models.TextChoices):
        MAIL = "mail", "mail"
        CHAT = "chat", "chat"
        WEBHOOK = "webhook", "webhook"

    key = models.SlugField(max_length=60)
    kind = models.CharField(max_length=10, choices=Kind)
    title = models.CharField(max_length=80)
    address = models.TextField(blank=True)
    """Sealed (`core/sealed.py`). Empty for the mail, which is the server's."""
    secret = models.TextField(blank=True)
    """What signs: of a webhook, or of a robot that asks for a signature. Sealed."""
    former_secret = models.TextField(blank=True)
    """Of a webhook: the secret before this one, which signs beside it until `former_until`. Sealed."""
    former_until = models.DateTimeField(null=True, blank=True)
    language = models.CharField(max_length=10, default="zh-hans")
    takes = models.JSONField(default=list)
    """What goes there: groups of notices (chat), or names of events, `*` for all (webhook)."""
    departments = models.JSONField(default=list)
    """Chat: only of tasks these departments have; empty: of all."""
    procedures = models.JSONField(default=list)
    """Only of cases of these procedures; empty: of all."""
    is_on = models.BooleanField(default=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    busy_until = models.DateTimeField(null=True, blank=True)
    """One worker at a time sends here, so that things arrive in their order. After this moment he is taken for dead."""
    paused_until = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveSmallIntegerField(default=0)
    """Since it last worked, one after another."""
    failing_since = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)
    """When those who look after it were told that it fails."""
    sent_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "key"], name="channel_key")]

    def __str__(self):
        return self.key

    def overlaps(self, now):
        """Whether two secrets sign."""
        return bool(self.former_secret and self.former_until and now < self.former_until)


class Delivery(OrganizationRow):
    """One message by one channel: to a member's mailbox, a group, a program."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        SENDING = "sending", "sending"
        """Claimed. Found so again, nobody heard how it ended, and the next attempt says that it may be the second."""
        SENT = "sent", "sent"
        DEAD = "dead", "dead"
        DROPPED = "dropped", "dropped"

    UNFINISHED = ("waiting", "sending")

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="deliveries")
    key = models.CharField(max_length=250)
    """What it is about: a message's key, or a digest of what several messages say alike. A channel gets each once."""
    member = models.ForeignKey(Member, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=60)
    case_number = models.CharField(max_length=60, blank=True)
    step = models.CharField(max_length=80, blank=True)
    item = models.CharField(max_length=80, blank=True)
    facts = models.JSONField(default=dict)
    at = models.DateTimeField()
    is_daily = models.BooleanField(default=False)
    """Goes with the others of its kind in one summary."""
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    is_repeat = models.BooleanField(default=False)
    """An earlier attempt may have arrived."""
    error = models.TextField(blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "channel", "key"], name="delivery_once")]
        indexes = [
            models.Index(
                fields=["organization", "channel", "next_attempt_at"],
                name="delivery_unfinished",
                condition=models.Q(state__in=["waiting", "sending"]),
            ),
            models.Index(fields=["organization", "channel"], name="delivery_dead", condition=models.Q(state="dead")),
        ]

    def __str__(self):
        return f"{self.key} {self.state}"


class Preference(OrganizationRow):
    """How a member wants to be told; without a member, how the company tells who has not chosen. Otherwise the pack says."""

    member = models.OneToOneField(Member, null=True, on_delete=models.CASCADE, related_name="preference")
    mail = models.JSONField(default=dict)
    """Group of notices -> at_once, daily, never."""
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    quiet_days_off = models.BooleanField(default=False)
    daily_at = models.TimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization"], condition=models.Q(member=None), name="preference_of_company"
            )
        ]

    def __str__(self):
        return f"{self.member_id or 'company'}"
