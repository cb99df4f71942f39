"""Products (产品) and what each customer pays for them: the price list (价目表), a customer's own.

A price is posted and stays as it was posted. A later one ends it; a wrong one is corrected by posting the right one for the same day.
"""

from django.db import models
from django.db.models import F, Q

from kehu.core.scope import OrganizationRow
from kehu.ledgers.customers.models import Customer


class Product(OrganizationRow):
    code = models.CharField(max_length=60)
    name = models.CharField(max_length=200)
    name_en = models.CharField(max_length=200, blank=True)
    specification = models.CharField(max_length=200, blank=True)
    unit = models.CharField(max_length=20, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "code"], name="product_code")]
        ordering = ["code"]

    def __str__(self):
        return self.code


class Price(OrganizationRow):
    """What a customer pays for one unit of a product, from a day on."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="prices")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="prices")
    unit_price = models.DecimalField(max_digits=15, decimal_places=4)
    currency = models.CharField(max_length=3)
    tax_included = models.BooleanField(default=False)
    vat_rate = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    """In per cent; empty: the rate of the day of the delivery."""
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True)
    """The end that was agreed, not included. Whatever it says, the next price ends this one."""
    source = models.CharField(max_length=60, blank=True)
    """The number of the quotation or price change it comes from."""
    entered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="price_not_negative"),
            models.CheckConstraint(condition=Q(valid_until__gt=F("valid_from")), name="price_period"),
        ]
        indexes = [
            models.Index(fields=["organization", "customer", "product", "valid_from", "id"], name="price_valid"),
            models.Index(fields=["organization", "product", "customer"], name="price_by_product"),
        ]

    def __str__(self):
        return f"{self.product_id}: {self.unit_price} {self.currency} from {self.valid_from}"
