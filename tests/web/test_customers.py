"""The customer directory and a customer's page."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from kehu.core import clock
from kehu.core.models import Indexing, Organization
from kehu.ledgers.customers import queries
from kehu.ledgers.customers import words as customer_words
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.customers.pinyin import initials
from kehu.ledgers.customers.queries import Wish, listed
from tests.cast import FRIDAY, Telling, sign_in


@pytest.fixture(autouse=True)
def _friday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda organization=None: FRIDAY)


@pytest.mark.parametrize(
    ("name", "letters"), [("东莞长安", "dgca"), ("讯捷 (SZ)", "xjsz"), ("ABC 五金", "abcwj"), ("", "")]
)
def test_initials_are_what_people_type(name: str, letters: str) -> None:
    assert initials(name) == letters


@pytest.mark.parametrize("words", ["c0001", "讯捷通信设备", "Xunjie", "讯捷通信", "xjtx", " XJTX "])
def test_a_customer_is_found_by_code_name_and_initials(mfg: Organization, words: str) -> None:
    assert "C0001" in [customer.code for customer in listed(Wish(search=words)).customers]


def test_filters_and_order_work_together(mfg: Organization) -> None:
    found = listed(Wish(grade="A", status="active", sort="-code")).customers
    codes = [customer.code for customer in found]
    assert codes == sorted(codes, reverse=True)
    assert {customer.grade for customer in found} == {"A"}
    last = listed(Wish(sort="; drop table", page=99))
    assert last.customers
    assert not last.has_next


def test_the_directory_costs_a_fixed_number_of_statements(client: Client, mfg: Organization) -> None:
    sign_in(client, mfg, "sales_rep")
    client.get("/customers/")
    with CaptureQueriesContext(connection) as captured:
        page = client.get("/customers/?q=c00").content.decode()
    assert "C0001" in page
    assert len(captured) <= 12


def test_the_customers_page_shows_cases_figures_and_what_happened(
    client: Client, complaint: Telling, mfg: Organization
) -> None:
    sign_in(client, mfg, "sales_rep")
    page = client.get("/customers/C0001/").content.decode()
    assert complaint.number in page
    assert "受理判定" in page
    assert "happenings" in page


def test_what_happened_in_a_case_is_only_told_to_those_who_may_read_it(
    client: Client, complaint: Telling, mfg: Organization
) -> None:
    sign_in(client, mfg, "warehouse_keeper")
    page = client.get("/customers/C0001/").content.decode()
    assert page.partition('class="happenings"')[2].count(complaint.number) == 0


def test_another_companys_customer_is_not_there(client: Client, mfg: Organization, stranger: Organization) -> None:
    Customer.objects.filter(code="C0001").update(code="OURS")
    sign_in(client, stranger, "general_manager")
    assert client.get("/customers/OURS/").status_code == 404
    assert "OURS" not in client.get("/customers/").content.decode()


def test_many_customers_are_read_by_code_forwards_and_back(mfg: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    every = list(Customer.objects.order_by("code").values_list("code", flat=True))
    monkeypatch.setattr(queries, "MOST", 5)
    monkeypatch.setattr(queries, "PAGE", 4)
    seen, after = [], ""
    while True:
        page = listed(Wish(after=after))
        seen += [customer.code for customer in page.customers]
        assert page.is_capped
        if not page.after:
            break
        after = page.after
    assert seen == every
    back = listed(Wish(before=page.before))
    assert [customer.code for customer in back.customers] == every[
        every.index(page.before) - 4 : every.index(page.before)
    ]
    assert [customer.code for customer in listed(Wish(sort="-code", after=every[9])).customers] == every[8:4:-1]


def test_classes_and_owners_are_those_that_occur(mfg: Organization) -> None:
    assert queries.grades() == sorted({one.grade for one in Customer.objects.all()} - {""})
    assert queries.owners() == sorted({one.owner.key for one in Customer.objects.select_related("owner") if one.owner})


@pytest.mark.parametrize("words", ["讯捷", "xjtx", "C0001", "zzzz"])
def test_customers_are_found_by_words_as_by_looking_through_them(mfg: Organization, words: str) -> None:
    before = [customer.code for customer in listed(Wish(search=words)).customers]
    customer_words.index(mfg, FRIDAY)
    assert Indexing.objects.filter(noun=customer_words.NOUN, is_done=True).exists()
    assert [customer.code for customer in listed(Wish(search=words)).customers] == before


def test_who_may_file_a_customer_begins_on_the_customers_page(client: Client, mfg: Organization) -> None:
    sign_in(client, mfg, "sales_rep")
    assert "新客户" in client.get("/customers/").content.decode()
    sign_in(client, mfg, "qa_head")
    assert "新客户" not in client.get("/customers/").content.decode()
