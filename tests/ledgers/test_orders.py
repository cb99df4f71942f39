"""Orders, deliveries and what comes back."""

from datetime import date
from decimal import Decimal

import pytest

from kehu.core.models import Event, Organization
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.orders import actions, queries
from kehu.ledgers.orders.actions import Line, NewDelivery, NewOrder
from kehu.ledgers.orders.models import Delivery, Order
from kehu.ledgers.products.models import Product
from tests.cast import FRIDAY


@pytest.fixture
def xunjie(mfg: Organization) -> Customer:
    return Customer.objects.get(code="C0001")


def order(customer: Customer, number: str, day: date, amount: str, rate: str = "1", currency: str = "CNY") -> Order:
    new = NewOrder(number, customer, day, currency, [Line("BR-120", Decimal(1), Decimal(amount))], rate=Decimal(rate))
    return actions.enter_orders(organization=customer.organization, orders=[new], by="sales_rep", now=FRIDAY)[0]


def deliver(customer: Customer, quantity: str, kind: str = "delivered", number: str = "DN-1") -> Delivery:
    new = NewDelivery(number, customer, date(2024, 3, 14), [Line("BR-120", Decimal(quantity))], kind)
    return actions.enter_deliveries(organization=customer.organization, deliveries=[new], by="sales_rep", now=FRIDAY)[0]


def test_figures_count_the_orders_of_a_period_and_their_amount(xunjie: Customer) -> None:
    other = Customer.objects.get(code="C0002")
    order(xunjie, "PO-1", date(2024, 1, 1), "100.50")
    order(xunjie, "PO-2", date(2024, 12, 20), "99.50")
    order(xunjie, "PO-0", date(2023, 12, 31), "1000")
    order(xunjie, "PO-3", date(2024, 12, 21), "1000")

    found = queries.figures([xunjie.pk, other.pk], date(2024, 1, 1), date(2024, 12, 20))
    assert found == {xunjie.pk: queries.Figures(2, Decimal("200.00"), date(2024, 12, 20))}


def test_figures_are_in_the_company_s_own_currency(xunjie: Customer) -> None:
    order(xunjie, "PO-1", date(2024, 1, 1), "100", rate="7.1", currency="USD")

    assert queries.figures([xunjie.pk], date(2024, 1, 1), date(2024, 1, 1))[xunjie.pk].amount == Decimal("710.00")


def test_an_order_number_is_there_once_a_customer(xunjie: Customer) -> None:
    order(xunjie, "PO-1", date(2024, 1, 1), "100")
    order(Customer.objects.get(code="C0002"), "PO-1", date(2024, 1, 1), "100")

    with pytest.raises(actions.NumberTaken):
        order(xunjie, "PO-1", date(2024, 1, 2), "100")


@pytest.mark.parametrize(("quantity", "kind"), [("-1", "delivered"), ("0", "delivered"), ("1", "returned")])
def test_what_goes_out_is_plus_and_what_comes_back_is_minus(xunjie: Customer, quantity: str, kind: str) -> None:
    with pytest.raises(actions.WrongSign, match="DN-1"):
        deliver(xunjie, quantity, kind)

    assert not Delivery.objects.exists()


def test_a_product_is_entered_with_its_first_delivery_and_once(xunjie: Customer) -> None:
    deliver(xunjie, "10")
    deliver(xunjie, "-1", "returned", number="RN-1")

    assert Product.objects.filter(code="BR-120").count() == 1


def test_many_deliveries_leave_one_event(xunjie: Customer) -> None:
    new = [NewDelivery(f"DN-{n}", xunjie, date(2024, 3, 14), [Line("BR-120", Decimal(n))]) for n in range(1, 4)]
    actions.enter_deliveries(organization=xunjie.organization, deliveries=new, by="sales_rep", now=FRIDAY)

    event = Event.objects.get(name="deliveries.entered")
    assert event.facts == {"count": 3, "numbers": ["DN-1", "DN-2", "DN-3"]}


def test_who_was_delivered_to_in_a_month(xunjie: Customer) -> None:
    deliver(xunjie, "10")

    assert list(queries.delivered_between(date(2024, 3, 1), date(2024, 4, 1))) == [xunjie]
    assert list(queries.delivered_between(date(2024, 3, 15), date(2024, 4, 1))) == []
