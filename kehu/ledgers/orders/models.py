"""Orders (订单) and what was delivered on them (交货), with what came back (退货)."""

from django.db import models
from django.db.models import Q

from kehu.core.scope import OrganizationRow
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.products.models import Product


class Order(OrganizationRow):
    number = models.CharField(max_length=60)
    """The customer's or ours; one customer has each number once."""
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="orders")
    ordered_on = models.DateField()
    currency = models.CharField(max_length=3)
    rate = models.DecimalField(max_digits=14, decimal_places=6, default=1)
    """What one unit of its currency was worth in the company's own on that day."""
    amount = models.DecimalField(max_digits=17, decimal_places=2)
    source = models.CharField(max_length=60, blank=True)
    entered_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "customer", "number"], name="order_number")]
        indexes = [models.Index(fields=["organization", "customer", "ordered_on"], name="order_by_day")]

    def __str__(self):
        return self.number


class OrderLine(OrganizationRow):
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    quantity = models.DecimalField(max_digits=15, decimal_places=3)
    unit_price = models.DecimalField(max_digits=15, decimal_places=4)

    def __str__(self):
        return f"{self.order_id}: {self.quantity} × {self.product_id}"


class Delivery(OrganizationRow):
    """Goods that went out, or came back."""

    class Kind(models.TextChoices):
        DELIVERED = "delivered", "delivered"
        RETURNED = "returned", "returned"

    number = models.CharField(max_length=60)
    kind = models.CharField(max_length=10, choices=Kind)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="deliveries")
    delivered_on = models.DateField()
    order_number = models.CharField(max_length=60, blank=True)
    entered_at = models.DateTimeField()
    entered_late = models.BooleanField(default=False)
    """When the month of the delivery was over: its statement may have been built without it."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "number"], name="delivery_number")]
        indexes = [
            models.Index(fields=["organization", "delivered_on", "customer"], name="delivery_by_day"),
            models.Index(fields=["organization", "customer", "delivered_on"], name="delivery_of_customer"),
            models.Index(fields=["organization", "customer"], condition=Q(entered_late=True), name="delivery_late"),
        ]

    def __str__(self):
        return self.number


class DeliveryLine(OrganizationRow):
    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    quantity = models.DecimalField(max_digits=15, decimal_places=3)
    """Out is plus, back is minus."""
    unit_price = models.DecimalField(max_digits=15, decimal_places=4, null=True, blank=True)
    """Its own, where it was not delivered at the customer's price."""
    currency = models.CharField(max_length=3, blank=True)
    """Of its own price."""
    priced_on = models.DateField(null=True, blank=True)
    """The day whose price counts, where it is another: what comes back was sold on the day it was delivered."""

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(quantity=0), name="delivery_line_quantity"),
            models.CheckConstraint(
                condition=Q(unit_price__isnull=True) | ~Q(currency=""), name="delivery_line_currency"
            ),
        ]

    def __str__(self):
        return f"{self.delivery_id}: {self.quantity} × {self.product_id}"
