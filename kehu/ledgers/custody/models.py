"""Customer property in our keeping (客供品; ISO 9001, 8.5.3).

An Item is one lot that a customer entrusted to us. What happens to it is told by its entries: they are added, never changed; what we
still hold, and what of it somebody works with, are sums over them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from django.db import models
from django.db.models import Q, Sum

from kehu.core.scope import OrganizationRow
from kehu.ledgers.customers.models import Customer

EFFECTS = {
    "received": 1,
    "issued": -1,
    "taken_back": 1,
    "used_up": 0,
    "returned": -1,
    "lost": -1,
    "damaged": 0,
    "scrapped": -1,
    "moved": 0,
    "checked": 0,
    "calibrated": 0,
}
"""What each kind of entry does to what lies in our store. What is damaged lies there until the customer has decided."""

GOES_OUT = frozenset({"issued", "returned", "lost", "scrapped", "damaged"})
"""Of these there can be no more than is held; of what is taken back or used up no more than is issued."""


LEAVING = ("returned", "lost", "scrapped", "used_up")
"""The kinds of entry after which something is ours to keep no longer."""


class Balance(NamedTuple):
    held: Decimal
    issued: Decimal


def state_of(balance: Balance, left: str) -> str:
    """Where something is: stored, issued, or how it left us, as its last entry of these kinds says; withdrawn, where its receipt was
    taken back."""
    if balance.held > 0:
        return "stored"
    return "issued" if balance.issued > 0 else left if left in LEAVING else "withdrawn"


class Item(OrganizationRow):
    number = models.CharField(max_length=60)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="property")
    kind = models.CharField(max_length=40)
    """As the company sorts it: material, mould, measuring equipment …"""
    name = models.CharField(max_length=200)
    spec = models.CharField(max_length=200, blank=True)
    unit = models.CharField(max_length=20)
    department = models.CharField(max_length=60)
    """In whose custody it is."""
    location = models.CharField(max_length=120, blank=True)
    calibration_due = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "number"], name="custody_item_number")]
        indexes = [
            models.Index(fields=["organization", "customer", "number"], name="custody_item_by_customer"),
            models.Index(fields=["organization", "department", "number"], name="custody_item_by_department"),
        ]
        ordering = ["number"]

    def __str__(self):
        return self.number

    def balance(self) -> Balance:
        """What lies in our store, and what is issued to somebody."""
        sums = dict(self.entries.values_list("kind").annotate(Sum("change")))
        used = self.entries.filter(kind="used_up").aggregate(total=Sum("quantity"))["total"] or Decimal(0)
        out = sums.get("issued", Decimal(0)) + sums.get("taken_back", Decimal(0))
        return Balance(sum(sums.values(), Decimal(0)), -out - used)

    def held(self) -> Decimal:
        return self.balance().held

    def state(self) -> str:
        last = self.entries.filter(kind__in=LEAVING, corrects=None, corrected_by=None).last()
        return state_of(self.balance(), str(last.kind) if last else "")


class Entry(OrganizationRow):
    class Kind(models.TextChoices):
        RECEIVED = "received", "received"
        ISSUED = "issued", "issued"
        TAKEN_BACK = "taken_back", "taken back"
        USED_UP = "used_up", "used up"
        RETURNED = "returned", "returned"
        LOST = "lost", "lost"
        DAMAGED = "damaged", "damaged"
        SCRAPPED = "scrapped", "scrapped"
        MOVED = "moved", "moved"
        CHECKED = "checked", "checked"
        CALIBRATED = "calibrated", "calibrated"

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=20, choices=Kind)
    quantity = models.DecimalField(max_digits=15, decimal_places=4)
    """How many it is about; of a check, how many were found."""
    change = models.DecimalField(max_digits=15, decimal_places=4)
    """What lies in our store is so many more, or fewer."""
    state = models.CharField(max_length=200, blank=True)
    """In what state it was."""
    corrects = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="corrected_by"
    )
    """The entry that this one takes back, being the same with a minus (红字冲销)."""
    holder = models.CharField(max_length=80, blank=True)
    """Who got it, or brought it back; of a receipt, who took it from the customer."""
    note = models.TextField(blank=True)
    cause = models.CharField(max_length=60, blank=True)
    """The number of the case that entered it."""
    by = models.CharField(max_length=80, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="custody_entry_quantity", condition=Q(quantity__gte=0) | Q(corrects__isnull=False)
            ),
            models.CheckConstraint(
                name="custody_entry_change",
                condition=Q(kind__in=["received", "taken_back"], change=models.F("quantity"))
                | Q(kind__in=["issued", "returned", "lost", "scrapped"], change=-models.F("quantity"))
                | Q(kind__in=["used_up", "damaged", "moved", "checked", "calibrated"], change=0),
            ),
        ]
        indexes = [models.Index(fields=["organization", "item", "id"], name="custody_entry_by_item")]
        ordering = ["pk"]

    def __str__(self):
        return f"{self.item_id} {self.kind} {self.quantity}"
