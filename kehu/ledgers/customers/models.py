"""Customers (客户): who they are, how they are classed, who looks after them."""

from django.db import models

from kehu.core.finding import Word
from kehu.core.scope import OrganizationRow
from kehu.organizations.models import Member


class Customer(OrganizationRow):
    class Status(models.TextChoices):
        PROSPECT = "prospect", "prospect"
        ACTIVE = "active", "active"
        DORMANT = "dormant", "dormant"
        CLOSED = "closed", "closed"

    code = models.CharField(max_length=40)
    name = models.CharField(max_length=200)
    name_en = models.CharField(max_length=200, blank=True)
    short_name = models.CharField(max_length=60, blank=True)
    initials = models.CharField(max_length=60, blank=True)
    """The pinyin initials of its short name, as people type them: 讯捷通信 is found by xjtx."""
    grade = models.CharField(max_length=20, blank=True)
    is_key = models.BooleanField(default=False)
    status = models.CharField(max_length=20, choices=Status, default=Status.ACTIVE)
    owner = models.ForeignKey(Member, null=True, blank=True, on_delete=models.PROTECT, related_name="customers")
    address = models.CharField(max_length=200, blank=True)
    main_products = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=60, blank=True)
    """How we came to know him, in the company's own words (visit, referral …)."""
    referrer = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="referred")
    """The customer who brought him."""
    tax_number = models.CharField(max_length=40, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    payment_term = models.CharField(max_length=60, blank=True)
    payment_days = models.PositiveSmallIntegerField(null=True, blank=True)
    """The payment term as it is counted: so many days after the month's end."""
    wants_invoice = models.BooleanField(default=False)
    filed_on = models.DateField(null=True, blank=True)
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="absorbed")
    """Whoever he turned out to be: what is entered for this one from then on is that one's."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "code"], name="customer_code")]
        indexes = [
            models.Index(fields=["organization", "name", "code"], name="customer_by_name"),
            models.Index(fields=["organization", "grade", "code"], name="customer_by_grade"),
            models.Index(fields=["organization", "owner", "code"], name="customer_by_owner"),
            models.Index(
                fields=["organization", "tax_number"], condition=~models.Q(tax_number=""), name="customer_by_tax_number"
            ),
            models.Index(
                fields=["organization", "short_name"], condition=~models.Q(short_name=""), name="customer_by_short_name"
            ),
        ]
        ordering = ["code"]

    def __str__(self):
        return f"{self.code} {self.short_name or self.name}"


class Classing(OrganizationRow):
    """From that day on the customer has the class; what he had before stays readable. Added by procedures, never changed."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="classings")
    before = models.CharField(max_length=20, blank=True)
    grade = models.CharField(max_length=20)
    valid_from = models.DateField()
    cause = models.CharField(max_length=60)
    """The number of the case that decided it."""
    by = models.CharField(max_length=80)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["organization", "customer", "valid_from"], name="classing_by_day")]
        ordering = ["valid_from", "pk"]

    def __str__(self):
        return f"{self.customer_id} {self.grade} {self.valid_from}"


class Contact(OrganizationRow):
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="contacts")
    name = models.CharField(max_length=80)
    title = models.CharField(max_length=80, blank=True)
    phone = models.CharField(max_length=40, blank=True)
    email = models.EmailField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["organization", "customer"], name="contact_of_customer")]

    def __str__(self):
        return self.name


class CustomerWord(Word):
    """A word that finds a customer."""

    target = "customer"
    pk = models.CompositePrimaryKey("organization_id", "word", "customer_id")
    organization = models.ForeignKey("core.Organization", on_delete=models.PROTECT, related_name="+", db_index=False)
    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    """The database does not watch over it: without an index from customers to words it would read all words for each customer who goes,
    and a word of nobody finds nobody."""

    def __str__(self):
        return f"{self.word} → {self.customer_id}"
