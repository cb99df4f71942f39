"""Ledgers as registers: who may read them, what they show, page by page, added up, as Excel."""

from __future__ import annotations

import io
import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from kehu.cases.given import put
from kehu.cases.refusals import MayNotRead
from kehu.core.models import Organization
from kehu.ledgers.custody import actions as custody
from kehu.ledgers.custody.models import Item
from kehu.ledgers.customers import actions as customers
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.products.models import Price, Product
from kehu.ledgers.receivables.models import Payment, Settlement, Statement
from kehu.organizations.queries import directory
from kehu.reports.ledgers import Ageing, LedgerView, Wish, ageing
from kehu.reports.registers import PAGE
from tests.cast import FRIDAY, at, sign_in

TODAY = FRIDAY.date()


def view(organization: Organization, key: str, person: str = "sales_head", now: Any = FRIDAY) -> LedgerView:
    return LedgerView(organization, directory(organization, TODAY).people[person], key, now, "en")


def shown(found: LedgerView, wish: Wish | None = None) -> list[dict[str, str]]:
    keys = [column.key for column in found.columns]
    return [
        dict(zip(keys, (cell.text for cell in line.cells), strict=True)) for line in found.page(wish or Wish()).lines
    ]


@pytest.fixture
def prices(mfg: Organization) -> Organization:
    put(mfg, {"prices": [
        {"customer": "C0001", "product": "HY-1", "unit_price": 10, "valid_from": "2024-01-01"},
        {"customer": "C0001", "product": "HY-1", "unit_price": 11.5, "valid_from": "2024-03-01"},
        {"customer": "C0001", "product": "HY-1", "unit_price": 12, "valid_from": "2024-05-01"},
        {"customer": "C0002", "product": "HY-2", "unit_price": "0.0375", "valid_from": "2024-01-01", "valid_until": "2024-02-01"},
        {"customer": "C0002", "product": "HY-3", "unit_price": 7, "valid_from": "2024-01-01"},
    ]}, {}, FRIDAY)  # fmt: skip
    return mfg


def owed(customer: str, amount: str, due_on: date, number: str, currency: str = "CNY") -> Statement:
    """Each of another month."""
    owner = Customer.objects.get(code=customer)
    return Statement.objects.create(
        organization=owner.organization, number=number, customer=owner, month=date(2000 + Statement.objects.count(), 1, 1),
        currency=currency, net_amount=Decimal(amount), vat_amount=0, amount=Decimal(amount), due_on=due_on, posted_at=FRIDAY,
    )  # fmt: skip


def test_the_price_list_shows_what_is_valid_today_and_all_of_it_on_request(prices: Organization) -> None:
    today = shown(view(prices, "prices"))
    assert [(row["product"], row["unit_price"]) for row in today] == [("HY-1", "11.5"), ("HY-3", "7")]
    assert [row["unit_price"] for row in shown(view(prices, "prices"), Wish(state="all"))] == ["10", "11.5", "12", "0.0375", "7"]  # fmt: skip
    may = view(prices, "prices", now=at("2024-05-02 09:00"))
    assert shown(may, Wish(text="HY-1"))[0]["unit_price"] == "12"


def test_a_price_corrected_for_the_same_day_is_shown_as_corrected(prices: Organization) -> None:
    put(prices, {"prices": [{"customer": "C0001", "product": "HY-1", "unit_price": 11.4, "valid_from": "2024-03-01"}]}, {}, FRIDAY)  # fmt: skip
    assert [row["unit_price"] for row in shown(view(prices, "prices"), Wish(text="HY-1"))] == ["11.4"]


def test_the_list_is_narrowed_by_words_of_product_and_customer(prices: Organization) -> None:
    assert [row["product"] for row in shown(view(prices, "prices"), Wish(text="锐科"))] == ["HY-3"]
    assert shown(view(prices, "prices"), Wish(text="nothing like it")) == []
    mine = Wish(customer=Customer.objects.get(code="C0001"))
    assert [row["product"] for row in shown(view(prices, "prices"), mine)] == ["HY-1"]


def test_who_is_not_named_may_not_read_it(prices: Organization) -> None:
    with pytest.raises(MayNotRead, match="Sales, Finance"):
        view(prices, "prices", "qa_head")
    assert view(prices, "prices", "finance")
    assert view(prices, "prices", "quality_manager")  # the rank that sees all


def test_pages_follow_one_another_and_no_row_is_lost(mfg: Organization) -> None:
    customer = Customer.objects.get(code="C0001")
    for number in range(PAGE * 2 + 7):
        product = Product.objects.create(organization=mfg, code=f"P{number:03}", name="x")
        Price.objects.create(
            organization=mfg, customer=customer, product=product, unit_price=number, currency="CNY",
            valid_from=TODAY, entered_at=FRIDAY,
        )  # fmt: skip
    found, after, pages = [], "", 0
    while True:
        page = view(mfg, "prices").page(Wish(after=after))
        found += [line.cells[1].text for line in page.lines]
        pages, after = pages + 1, page.after
        if not after:
            break
    assert pages == 3
    assert found == [f"P{number:03}" for number in range(PAGE * 2 + 7)]
    assert view(mfg, "prices").page(Wish(after="nonsense")).lines[0].cells[1].text == "P000"


def test_statements_show_what_is_open_and_how_long_it_is_overdue(mfg: Organization) -> None:
    paid = owed("C0001", "100", date(2024, 3, 1), "ST-1")
    owed("C0001", "250.50", date(2024, 3, 1), "ST-2")
    owed("C0002", "80", date(2024, 4, 1), "ST-3")
    payment = Payment.objects.create(
        organization=mfg, customer=paid.customer, received_on=TODAY, amount=100, currency="CNY", entered_at=FRIDAY
    )
    Settlement.objects.create(organization=mfg, payment=payment, statement=paid, amount=100, settled_at=FRIDAY)

    def numbers(state: str) -> list[tuple[str, str, str]]:
        rows = shown(view(mfg, "statements"), Wish(state=state))
        return [(row["number"], row["open_amount"], row["days"]) for row in rows]

    assert numbers("open") == [("ST-2", "250.50", "14"), ("ST-3", "80.00", "")]
    assert numbers("overdue") == [("ST-2", "250.50", "14")]
    assert numbers("settled") == [("ST-1", "0.00", "")]
    assert view(mfg, "statements").page(Wish(state="open")).totals == (("CNY", Decimal("330.50")),)


def test_ageing_puts_each_amount_into_its_band_by_currency(mfg: Organization) -> None:
    for days, amount in ((-1, "1"), (0, "2"), (1, "4"), (30, "8"), (31, "16"), (60, "32"), (61, "64"), (90, "128"), (91, "256")):  # fmt: skip
        owed("C0001", amount, TODAY - timedelta(days=days), f"ST-{days}")
    owed("C0002", "5", TODAY - timedelta(days=10), "USD-1", "USD")

    assert ageing(TODAY) == [
        Ageing("CNY", tuple(map(Decimal, ("3", "12", "48", "192", "256")))),
        Ageing("USD", tuple(map(Decimal, ("0", "5", "0", "0", "0")))),
    ]
    [mine] = ageing(TODAY, Customer.objects.get(code="C0002"))
    assert (mine.currency, mine.total, mine.overdue) == ("USD", 5, 5)


def test_ages_stand_below_one_another_and_currencies_beside(mfg: Organization, client: Client) -> None:
    owed("C0001", "1250.5", date(2001, 1, 31), "ST-1")
    owed("C0002", "5", date(2100, 1, 31), "ST-2", "USD")
    sign_in(client, mfg, "finance")
    client.cookies["kehu_language"] = "en"

    text = client.get("/ledgers/statements/").content.decode()
    table = text[text.index('<table class="list-table compact-table ageing">') :].partition("</table>")[0]
    rows = [re.sub(r"<[^>]+>", " ", row).split() for row in re.findall(r"<tr>(.*?)</tr>", table)]
    assert [(row[0], row[-2:]) for row in rows] == [
        ("Age", ["CNY", "USD"]),
        ("Not", ["0.00", "5.00"]),
        ("up", ["0.00", "0.00"]),
        ("31", ["0.00", "0.00"]),
        ("61", ["0.00", "0.00"]),
        ("over", ["1,250.50", "0.00"]),
        ("Together", ["1,250.50", "5.00"]),
    ]


def test_its_excel_file_holds_every_row_with_typed_cells(prices: Organization, client: Client) -> None:
    sign_in(client, prices, "sales_head")
    answer = client.get("/ledgers/prices/excel/?state=all")
    book = load_workbook(io.BytesIO(b"".join(answer.streaming_content)))  # type: ignore[attr-defined]
    rows = list(book.worksheets[0].values)
    assert len(rows) == 6
    assert rows[4][3] == 0.0375
    assert "MFG-R4" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize("key", ["customers", "prices", "orders", "deliveries", "statements", "payments", "property"])
def test_every_ledger_has_its_page_for_all_and_for_one_customer(mfg: Organization, client: Client, key: str) -> None:
    put(mfg, {
        "prices": [{"customer": "C0001", "product": "HY-1", "unit_price": 10}],
        "orders": [{"number": "PO-7", "customer": "C0001", "product": "HY-1", "quantity": 3, "unit_price": 10}],
        "deliveries": [{"number": "DN-7", "customer": "C0001", "product": "HY-1", "quantity": 3}],
    }, {}, FRIDAY)  # fmt: skip
    owed("C0001", "30", TODAY, "ST-7")
    sign_in(client, mfg, "general_manager")
    client.cookies["kehu_language"] = "en"
    for address in (f"/ledgers/{key}/", f"/customers/C0001/{key}/"):
        answer = client.get(address)
        assert answer.status_code == 200, address
    assert client.get(f"/customers/C0404/{key}/").status_code == 404
    sign_in(client, mfg, "delivery_staff" if key in ("prices", "statements", "payments") else "personnel")
    assert client.get(f"/ledgers/{key}/").status_code == 403
    assert client.get(f"/ledgers/{key}/excel/").status_code == 403
    assert client.get(f"/customers/C0001/{key}/").status_code == 403


def test_there_is_no_ledger_of_another_name(mfg: Organization, client: Client) -> None:
    sign_in(client, mfg, "general_manager")
    assert client.get("/ledgers/gold/").status_code == 404


def test_a_page_costs_as_many_statements_with_more_rows(mfg: Organization) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as asked:
            for key in ("customers", "orders", "deliveries", "statements", "property"):
                view(mfg, key).page(Wish())
        return len(asked)

    def fill(start: int, end: int) -> None:
        put(mfg, {
            "orders": [{"number": f"PO-{n}", "customer": "C0001", "product": "A", "quantity": n, "unit_price": 1} for n in range(start, end)],
            "deliveries": [{"number": f"DN-{n}", "customer": "C0002", "product": "A", "quantity": n} for n in range(start, end)],
        }, {}, FRIDAY)  # fmt: skip

    fill(1, 3)
    cost()
    few = cost()
    fill(3, 30)
    assert cost() == few


def test_the_directory_says_since_when_a_class_holds_and_what_was_before(mfg: Organization) -> None:
    customer = Customer.objects.get(code="C0001")
    classed = {"grade": "B", "valid_from": TODAY, "cause": "CR-2024-001", "by": "sales_head", "now": FRIDAY}
    customers.class_customer(customer=customer, **classed)

    [line] = shown(view(mfg, "customers"), Wish(text="C0001"))
    assert (line["class"], line["class_since"], line["is_key"]) == ("B", "2024-03-15", "否")
    assert line["classes"] == "A → B 2024-03-15 CR-2024-001"
    assert (line["status"], line["contacts"], line["phone"]) == ("合作中", "何经理", "0755-555-0101")


def test_property_says_where_it_is(mfg: Organization) -> None:
    lot = {"number": "KG-C0001-0001", "customer": "C0001", "kind": "mould", "name": "治具", "qty": 2, "unit": "套", "department": "engineering"}  # fmt: skip
    put(mfg, {"property": [lot, {**lot, "number": "KG-C0001-0002"}]}, {}, FRIDAY)
    for number, kind in (("KG-C0001-0001", "issued"), ("KG-C0001-0002", "scrapped")):
        item = Item.objects.get(number=number)
        custody.post(item=item, kind=kind, quantity=Decimal(2), by="eng_property_keeper", now=FRIDAY)

    lines = shown(view(mfg, "property"))
    assert [(line["number"], line["state"], line["held"], line["issued"], line["department"]) for line in lines] == [
        ("KG-C0001-0001", "领出未还", "0", "2", "Engineering"),
        ("KG-C0001-0002", "已报废", "0", "0", "Engineering"),
    ]
    assert lines[0]["received_at"] == "2024-03-15 14:00"
