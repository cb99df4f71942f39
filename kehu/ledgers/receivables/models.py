"""Receivables (应收账款): statements of account, what was paid, and what of it settled which statement.

A statement is built of deliveries, returns, allowances and corrections of one customer, month and currency. A posted one stays; a
corrected one is its next revision, and the last revision is in force, unless it says that all is withdrawn. What a customer owes is
asked, never stored.
"""

from django.db import models
from django.db.models import Q

from kehu.core.scope import OrganizationRow
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.orders.models import DeliveryLine
from kehu.ledgers.products.models import Product


class Statement(OrganizationRow):
    """对账单: what one customer is charged for one month."""

    number = models.CharField(max_length=60)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="statements")
    month = models.DateField()
    """Its first day."""
    currency = models.CharField(max_length=3)
    revision = models.PositiveSmallIntegerField(default=1)
    net_amount = models.DecimalField(max_digits=17, decimal_places=2)
    vat_amount = models.DecimalField(max_digits=17, decimal_places=2)
    amount = models.DecimalField(max_digits=17, decimal_places=2)
    due_on = models.DateField()
    source = models.CharField(max_length=60, blank=True)
    posted_at = models.DateTimeField()
    withdrawn = models.BooleanField(default=False)
    """Nothing is charged any more: this revision has no lines, and says so of those before it."""
    posted_early = models.BooleanField(default=False)
    """Before its month was over: what is delivered in it after that comes on the next one."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "customer", "month", "currency", "revision"], name="statement_once"
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "due_on"], name="statement_due"),
            models.Index(fields=["organization", "number", "revision"], name="statement_number"),
            models.Index(fields=["organization", "customer"], condition=Q(posted_early=True), name="statement_early"),
        ]

    def __str__(self):
        return f"{self.number}/{self.revision}"


class StatementLine(OrganizationRow):
    class Kind(models.TextChoices):
        DELIVERED = "delivered", "delivered"
        RETURNED = "returned", "returned"
        CORRECTION = "correction", "correction"

    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=Kind)
    delivery_line = models.ForeignKey(
        DeliveryLine, null=True, blank=True, on_delete=models.PROTECT, related_name="statement_lines"
    )
    delivered_on = models.DateField(null=True, blank=True)
    reference = models.CharField(max_length=60, blank=True)
    product = models.ForeignKey(Product, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    quantity = models.DecimalField(max_digits=15, decimal_places=3, null=True, blank=True)
    unit_price = models.DecimalField(max_digits=15, decimal_places=4, null=True, blank=True)
    tax_included = models.BooleanField(default=False)
    vat_rate = models.DecimalField(max_digits=5, decimal_places=2)
    net_amount = models.DecimalField(max_digits=17, decimal_places=2)
    vat_amount = models.DecimalField(max_digits=17, decimal_places=2)
    note = models.CharField(max_length=200, blank=True)

    def __str__(self):
        return f"{self.statement_id} line {self.position}"


class Payment(OrganizationRow):
    """Money that came in, or that is no longer asked for."""

    class Kind(models.TextChoices):
        RECEIVED = "received", "received"
        ALLOWANCE = "allowance", "allowance"

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="payments")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.RECEIVED)
    received_on = models.DateField()
    amount = models.DecimalField(max_digits=17, decimal_places=2)
    currency = models.CharField(max_length=3)
    note = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=60, blank=True)
    corrects = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="corrected_by"
    )
    """The payment that this one takes back, being the same with a minus (红字冲销)."""
    entered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0) | Q(corrects__isnull=False), name="payment_positive")
        ]
        indexes = [models.Index(fields=["organization", "customer", "received_on"], name="payment_of_customer")]

    def __str__(self):
        return f"{self.amount} {self.currency} on {self.received_on}"


class Settlement(OrganizationRow):
    """核销: so much of a payment settles so much of a statement; with a minus, where the payment is taken back."""

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="settlements")
    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="settlements")
    amount = models.DecimalField(max_digits=17, decimal_places=2)
    settled_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(amount=0), name="settlement_of_something")]

    def __str__(self):
        return f"{self.amount} of {self.statement_id}"
