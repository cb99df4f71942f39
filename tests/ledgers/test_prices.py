"""The price list: what a customer pays on a day."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kehu.core.models import Event, Organization
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.products import actions, queries
from kehu.ledgers.products.models import Price
from tests.cast import FRIDAY

MAY = date(2024, 5, 1)


@pytest.fixture
def xunjie(mfg: Organization) -> Customer:
    return Customer.objects.get(code="C0001")


def post(customer: Customer, price: str, valid_from: date, **more: Any) -> Price:
    facts = {"product": "BR-120", "currency": "CNY", "source": "QT-202403-001", **more}
    return actions.post_price(
        customer=customer, unit_price=Decimal(price), valid_from=valid_from, by="sales_rep", now=FRIDAY, **facts
    )


def paid_on(customer: Customer, day: date) -> Decimal | None:
    found = queries.price_on(customer, "BR-120", day)
    return found.unit_price if found else None


def test_a_later_price_ends_the_earlier_one_on_its_first_day(xunjie: Customer) -> None:
    post(xunjie, "10", date(2024, 1, 1))
    post(xunjie, "11", MAY)

    assert paid_on(xunjie, date(2023, 12, 31)) is None
    assert paid_on(xunjie, date(2024, 4, 30)) == 10
    assert paid_on(xunjie, MAY) == 11


def test_a_price_for_the_same_day_corrects_the_one_before(xunjie: Customer) -> None:
    wrong = post(xunjie, "1.1", MAY)
    post(xunjie, "11", MAY)

    assert paid_on(xunjie, MAY) == 11
    assert Price.objects.get(pk=wrong.pk).unit_price == Decimal("1.1")  # what was posted stays readable


def test_a_price_with_an_end_is_not_valid_on_it(xunjie: Customer) -> None:
    post(xunjie, "9.5", date(2024, 3, 1), valid_until=date(2024, 4, 1))

    assert paid_on(xunjie, date(2024, 3, 31)) == Decimal("9.5")
    assert paid_on(xunjie, date(2024, 4, 1)) is None


def test_a_price_is_one_customer_s(xunjie: Customer) -> None:
    post(xunjie, "10", MAY)

    assert paid_on(Customer.objects.get(code="C0002"), MAY) is None


def test_a_price_is_rounded_half_up_to_four_decimals(xunjie: Customer) -> None:
    assert post(xunjie, "10.00005", MAY).unit_price == Decimal("10.0001")


def test_a_posted_price_leaves_an_event(xunjie: Customer) -> None:
    post(xunjie, "10", MAY)

    event = Event.objects.filter(name="price.posted").get()
    assert (event.facts["unit_price"], event.facts["product"], event.facts["source"]) == (
        "10.0000",
        "BR-120",
        "QT-202403-001",
    )


@pytest.mark.parametrize(
    ("price", "more", "refusal"),
    [("-1", {}, actions.NegativePrice), ("1", {"valid_until": MAY}, actions.EndsBeforeItBegins)],
)
def test_what_cannot_be_a_price_is_refused(
    xunjie: Customer, price: str, more: dict[str, Any], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        post(xunjie, price, MAY, **more)

    assert not Price.objects.exists()


def test_the_price_list_says_when_each_price_ended(xunjie: Customer) -> None:
    post(xunjie, "10", date(2024, 1, 1))
    post(xunjie, "11", MAY, valid_until=date(2024, 7, 1))
    post(xunjie, "5", MAY, product="BR-121")

    found = queries.price_list().order_by("product__code", "valid_from")
    assert [(price.product.code, price.valid_from, queries.ended_on(price)) for price in found] == [
        ("BR-120", date(2024, 1, 1), MAY),
        ("BR-120", MAY, date(2024, 7, 1)),
        ("BR-121", MAY, None),
    ]


@given(
    st.lists(st.tuples(st.integers(0, 30), st.one_of(st.none(), st.integers(1, 20))), max_size=8), st.integers(-2, 60)
)
def test_the_valid_price_is_the_latest_that_has_begun_if_it_lasts(
    posted: list[tuple[int, int | None]], day: int
) -> None:
    prices = [
        Price(
            pk=number,
            unit_price=number,
            valid_from=MAY + timedelta(days=first),
            valid_until=MAY + timedelta(days=first + length) if length else None,
        )
        for number, (first, length) in enumerate(posted)
    ]
    today = MAY + timedelta(days=day)
    begun = [price for price in prices if price.valid_from <= today]
    latest = max(begun, key=lambda price: (price.valid_from, price.pk), default=None)
    expected = latest if latest and (latest.valid_until is None or today < latest.valid_until) else None

    assert queries.valid(sorted(prices, key=lambda price: (price.valid_from, price.pk)), today) is expected


def test_stories_look_prices_up(xunjie: Customer) -> None:
    post(xunjie, "10", date(2024, 1, 1))
    post(xunjie, "11", MAY, tax_included=True)

    def look(path: str) -> Any:
        return queries.look_up(path, xunjie, MAY)

    assert look("price[BR-120]") == 11
    assert look("price[BR-120]@2024-04-30") == 10
    assert look("price[C0001/BR-120].tax_included") is True
    assert look("price[C0002/BR-120]") is None
    assert look("price[nothing]") is None
    with pytest.raises(LookupError, match="no look-up"):
        look("price")
    with pytest.raises(LookupError, match='has no "color"'):
        look("price[BR-120].color")
