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

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "code"], name="customer_code")]
        indexes = [
            models.Index(fields=["organization", "name", "code"], name="customer_by_name"),
            models.Index(fields=["organization", "grade", "code"], name="customer_by_grade"),
            models.Index(fields=["organization", "owner", "code"], name="customer_by_owner"),
        ]
        ordering = ["code"]

    def __str__(self):
        return f"{self.code} {self.short_name or self.name}"


class Contact(OrganizationRow):
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="contacts")
    name = models.CharField(max_length=80)
    title = models.CharField(max_length=80, blank=True)
    phone = models.CharField(max_length=40, blank=True)
    email = models.EmailField(blank=True)

    def __str__(self):
        return self.name


class CustomerWord(Word):
    """A word that finds a customer."""

    target = "customer"
    pk = models.CompositePrimaryKey("organization_id", "word", "customer_id")
    organization = models.ForeignKey("core.Organization", on_delete=models.PROTECT, related_name="+", db_index=False)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+", db_index=False)

    def __str__(self):
        return f"{self.word} → {self.customer_id}"
