"""Customer property: what is held is the sum of what happened, and nothing that happened is ever changed."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from kehu.core.models import Event, Organization
from kehu.ledgers.custody import actions, queries
from kehu.ledgers.custody.models import Entry, Item
from kehu.ledgers.customers.models import Customer
from tests.cast import at

MONDAY = at("2024-03-04 09:00")
KEEPER = {"by": "eng_property_keeper", "now": MONDAY}


@pytest.fixture
def jigs(mfg: Organization) -> Item:
    """Ten jigs of customer C0001, in engineering's store."""
    return actions.receive(
        customer=Customer.objects.get(code="C0001"),
        number="KG-C0001-0001",
        kind="jig",
        name="折弯治具",
        quantity=Decimal(10),
        unit="套",
        department="engineering",
        location="客供品储放区 E-03",
        **KEEPER,
    )


def post(item: Item, kind: str, quantity: int, days: int = 0) -> Entry:
    later = {**KEEPER, "now": MONDAY + timedelta(days=days)}
    return actions.post(item=item, kind=kind, quantity=Decimal(quantity), **later)


def test_what_is_issued_is_not_held_until_it_is_taken_back(jigs: Item) -> None:
    post(jigs, "issued", 4)
    assert jigs.balance() == (6, 4)
    assert jigs.state() == "stored"

    post(jigs, "issued", 6)
    assert (jigs.balance(), jigs.state()) == ((0, 10), "issued")

    post(jigs, "taken_back", 9)
    post(jigs, "used_up", 1)
    assert (jigs.balance(), jigs.state()) == ((9, 0), "stored")


def test_no_more_goes_out_than_is_held_and_the_figures_are_said(jigs: Item) -> None:
    for kind in ("issued", "returned", "lost", "scrapped", "damaged"):
        with pytest.raises(actions.MoreThanHeld, match="在库只有 10 套，不能出库 12"):
            post(jigs, kind, 12)

    assert jigs.held() == 10
    assert Entry.objects.count() == 1  # the receipt; a refusal leaves no trace
    assert Event.objects.filter(name__startswith="custody.").count() == 1


def test_no_more_comes_back_than_was_issued(jigs: Item) -> None:
    post(jigs, "issued", 4)
    with pytest.raises(actions.MoreThanIssued, match="未还的只有 4 套，不能归还 5"):
        post(jigs, "taken_back", 5)
    with pytest.raises(actions.MoreThanIssued):
        post(jigs, "used_up", 5)


def test_what_is_damaged_lies_here_until_the_customer_has_decided(jigs: Item) -> None:
    post(jigs, "damaged", 3)
    assert jigs.held() == 10

    post(jigs, "returned", 10)
    assert (jigs.held(), jigs.state()) == (0, "returned")


def test_the_database_refuses_an_entry_that_says_one_thing_and_does_another(jigs: Item) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Entry.objects.create(item=jigs, kind="issued", quantity=1, change=1, at=MONDAY)


def test_a_number_is_registered_once(jigs: Item) -> None:
    with pytest.raises(actions.NumberTaken):
        actions.receive(customer=jigs.customer, number=jigs.number, kind="jig", name="x", quantity=Decimal(1), unit="套", department="engineering", **KEEPER)  # fmt: skip


def test_the_register_can_be_read_as_of_any_day(jigs: Item) -> None:
    post(jigs, "returned", 10, days=2)

    assert queries.held_on(MONDAY + timedelta(days=1)) == [jigs]
    assert queries.held_on(MONDAY + timedelta(days=3)) == []
    assert queries.kept_by(["engineering"]) == []


def test_a_move_and_a_calibration_say_what_was_before(jigs: Item) -> None:
    actions.move(item=jigs, location="客供品储放区 E-07", **KEEPER)
    actions.calibrate(item=jigs, next_due=date(2025, 3, 4), **KEEPER)

    jigs.refresh_from_db()
    assert (jigs.location, jigs.calibration_due, jigs.held()) == ("客供品储放区 E-07", date(2025, 3, 4), 10)
    moved, calibrated = Event.objects.filter(name__in=["custody.moved", "custody.calibrated"]).order_by("pk")
    assert moved.facts["changes"] == {"location": ["客供品储放区 E-03", "客供品储放区 E-07"]}
    assert calibrated.facts["due"] == [None, "2025-03-04"]


def test_an_item_is_looked_up_by_its_number(jigs: Item) -> None:
    post(jigs, "issued", 4)

    def asked(name: str) -> object:
        return queries.look_up(f"property[KG-C0001-0001].{name}", None, MONDAY.date())

    assert [asked(name) for name in ("held", "issued", "state", "custody", "location")] == [
        Decimal(6), Decimal(4), "stored", "engineering", "客供品储放区 E-03",
    ]  # fmt: skip
    last = [asked(name) for name in ("last_entry", "condition", "holder", "note")]
    assert last == ["issued", "", "", ""]
    assert queries.look_up("property[KG-C0009-0001].held", None, MONDAY.date()) is None
    with pytest.raises(LookupError, match='no "weight"'):
        asked("weight")


def test_a_wrong_entry_is_taken_back_by_the_same_with_a_minus(jigs: Item) -> None:
    wrong = post(jigs, "issued", 4)
    back = actions.take_back(entry=wrong, note="点错", cause="KG-1", **KEEPER)

    assert (jigs.balance(), jigs.state()) == ((10, 0), "stored")
    assert (back.kind, back.quantity, back.change, back.corrects) == ("issued", -4, 4, wrong)
    with pytest.raises(actions.NotTakenBack):
        actions.take_back(entry=wrong, **KEEPER)


def test_what_has_gone_on_since_is_not_taken_back(jigs: Item) -> None:
    receipt, issued = jigs.entries.get(), post(jigs, "issued", 4)
    post(jigs, "used_up", 1)
    for entry in (receipt, issued):
        with pytest.raises(actions.NotTakenBack, match="不能冲回"):
            actions.take_back(entry=entry, **KEEPER)


def test_what_was_received_by_mistake_may_be_received_again_under_its_number(jigs: Item) -> None:
    actions.take_back(entry=jigs.entries.get(), **KEEPER)
    assert (jigs.held(), jigs.state()) == (0, "withdrawn")

    facts = {"number": jigs.number, "kind": "mould", "name": "折弯模", "quantity": Decimal(8), "unit": "套", "department": "quality"}  # fmt: skip
    with pytest.raises(actions.NumberTaken):
        actions.receive(customer=Customer.objects.get(code="C0002"), **facts, **KEEPER)
    again = actions.receive(customer=jigs.customer, **facts, **KEEPER)
    assert (again.pk, again.held(), again.department, again.state()) == (jigs.pk, 8, "quality", "stored")


def test_what_left_and_was_taken_back_lies_here_again(jigs: Item) -> None:
    actions.take_back(entry=post(jigs, "returned", 10), **KEEPER)
    assert (jigs.held(), jigs.state()) == (10, "stored")
