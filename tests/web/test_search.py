"""The quick search: what finds a case or a customer, and that nobody finds what is not his."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kehu.cases import words as case_words
from kehu.cases.models import Case, CaseWord
from kehu.core.models import Indexing
from kehu.ledgers.customers import actions as customers
from kehu.ledgers.customers import words as customer_words
from kehu.ledgers.customers.models import Customer, CustomerWord
from tests.cast import FRIDAY, Telling, sign_in, to_departments


def page(client: Client, text: str, **headers: str) -> str:
    return client.get(reverse("search"), {"q": text}, headers=headers).content.decode()  # type: ignore[arg-type]


@pytest.fixture
def xunjie(mfg) -> Customer:  # type: ignore[no-untyped-def]
    return customers.enter(
        organization=mfg,
        code="C7001",
        name="深圳市锐德仪表有限公司",
        short_name="锐德仪表",
        name_en="Ruide Instruments Ltd",
        contact={"name": "欧阳倩", "phone": "0755-5557 0188"},
        by="sales_head",
        now=FRIDAY,
    )


@pytest.mark.parametrize(
    "text",
    [
        "锐德",
        "仪表有限",
        "rdyb",
        "yb",
        "RD",
        "C7001",
        "7001",
        "ruide",
        "0188",
        "0755 5557",
        "07555557",
        "欧阳",
        "锐德 instr",
    ],
)
def test_a_customer_is_found_by_what_people_remember(client: Client, xunjie: Customer, text: str) -> None:
    sign_in(client, xunjie.organization, "finance")

    assert "C7001" in page(client, text)


@pytest.mark.parametrize(
    "text", ["锐仪", "德锐", "rdx", "0189", "锐德 东莞", "锐", "", "'; --", "%%", "__", "\x00锐德锐"]
)
def test_what_no_customer_has_finds_none(client: Client, xunjie: Customer, text: str) -> None:
    sign_in(client, xunjie.organization, "finance")

    assert "C7001" not in page(client, text)


@pytest.mark.parametrize("text", ["CP-202403-001", "cp-2024", "202403", "001", "BR-120", "br120", "120", "毛刺 BR"])
def test_a_case_is_found_by_its_number_and_what_its_register_shows(client: Client, mfg, text: str) -> None:  # type: ignore[no-untyped-def]
    told = Telling(mfg).start(product="BR-120 毛刺件")
    sign_in(client, mfg, "sales_deputy_manager")

    assert f"/cases/{told.number}/" in page(client, text)


def test_a_case_is_found_through_its_customer(client: Client, xunjie: Customer) -> None:
    told = Telling(xunjie.organization).start(customer="C7001")
    sign_in(client, xunjie.organization, "sales_deputy_manager")

    assert f"/cases/{told.number}/" in page(client, "rdyb")


def test_what_a_later_step_changes_finds_the_case_too(client: Client, mfg) -> None:  # type: ignore[no-untyped-def]
    told = Telling(mfg).start(product="旧支架")
    from kehu.cases import actions

    actions.send_back(
        organization=mfg, number=told.number, step="accept-complaint", to="receive-complaint", reason="再看",
        by="sales_deputy_manager", now=FRIDAY,
    )  # fmt: skip
    told.do("receive-complaint", "sales_receiver", product="新端子")
    sign_in(client, mfg, "sales_deputy_manager")

    assert f"/cases/{told.number}/" in page(client, "端子")


@pytest.mark.parametrize("text", ["CP-202403", "毛刺超差", "C0001", "BR-120"])
def test_who_has_nothing_to_do_with_a_case_does_not_find_it(client: Client, complaint: Telling, text: str) -> None:
    sign_in(client, complaint.organization, "finance")

    assert complaint.number not in page(client, text).replace(f"“{text}”", "")
    assert complaint.number not in page(client, text, HX_Request="true")


def test_who_takes_part_finds_it_though_he_may_not_read_the_register(client: Client, mfg) -> None:  # type: ignore[no-untyped-def]
    told = to_departments(Telling(mfg).start(), "engineering")
    sign_in(client, mfg, "eng_head")

    for text in ("BR-120", "CP-202403", "C0001"):
        assert f"/cases/{told.number}/" in page(client, text), text


def test_another_company_finds_nothing(client: Client, complaint: Telling, stranger) -> None:  # type: ignore[no-untyped-def]
    sign_in(client, stranger, "general_manager")

    for text in ("CP-202403", "BR-120"):
        assert f"/cases/{complaint.number}/" not in page(client, text)


def test_a_search_costs_few_statements(client: Client, mfg) -> None:  # type: ignore[no-untyped-def]
    for _ in range(5):
        Telling(mfg).start()
    for who in ("sales_deputy_manager", "eng_head"):
        sign_in(client, mfg, who)
        page(client, "BR-120")
        with CaptureQueriesContext(connection) as captured:
            page(client, "BR-120 CP-2024")
        asked = [query["sql"] for query in captured.captured_queries]
        assert len(asked) <= 9, "\n".join(sql[:140] for sql in asked)


def test_the_few_that_words_find_are_not_met_by_going_through_all(client: Client, mfg) -> None:  # type: ignore[no-untyped-def]
    """By an index of what they are sorted by: among a million that took seconds."""
    Telling(mfg).start()
    sign_in(client, mfg, "sales_deputy_manager")
    with CaptureQueriesContext(connection) as captured:
        page(client, "CP-2024")
        client.get("/customers/", {"q": "cp"})
        client.get("/suggestions/customers/", {"customer": "cp"})
    asked = [query["sql"] for query in captured.captured_queries if '"word" >= ' in query["sql"]]
    ends = [sql.rpartition("ORDER BY")[2] for sql in asked]
    assert [end for end in ends if 'COALESCE("' not in end and '"word" DESC' not in end] == []
    assert sum('COALESCE("' in end for end in ends) == 3


def test_rows_without_words_get_them_and_only_once(mfg) -> None:  # type: ignore[no-untyped-def]
    told = Telling(mfg).start()
    before = set(CaseWord.objects.values_list("word", flat=True)), CustomerWord.objects.count()
    CaseWord.objects.all().delete()
    CustomerWord.objects.all().delete()
    Indexing.objects.all().delete()

    counts = case_words.index(mfg, FRIDAY), customer_words.index(mfg, FRIDAY)

    assert counts == (Case.objects.count(), Customer.objects.count())
    assert (set(CaseWord.objects.values_list("word", flat=True)), CustomerWord.objects.count()) == before
    assert (case_words.index(mfg, FRIDAY), customer_words.index(mfg, FRIDAY)) == (0, 0)
    assert CaseWord.objects.filter(case__number=told.number, word="br120").exists()


def test_indexing_goes_on_where_it_was_stopped(mfg, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("kehu.core.finding.PORTION", 2)
    monkeypatch.setattr("kehu.core.finding.PORTIONS", 1)
    for _ in range(5):
        Telling(mfg).start()
    CaseWord.objects.all().delete()

    assert [case_words.index(mfg, FRIDAY) for _ in range(4)] == [2, 2, 1, 0]
    assert CaseWord.objects.filter(word="br120").count() == 5


def test_a_customer_renamed_is_found_by_either_name(client: Client, xunjie: Customer) -> None:
    customers.change(customer=xunjie, changes={"name": "深圳市宏蓝电源有限公司"}, by="sales_head", now=FRIDAY)
    sign_in(client, xunjie.organization, "finance")

    assert "C7001" in page(client, "宏蓝")
    assert "C7001" in page(client, "锐德")


def test_a_new_case_suggests_customers_as_they_are_typed(client: Client, xunjie: Customer) -> None:
    sign_in(client, xunjie.organization, "finance")

    def typed(text: str) -> str:
        return client.get(reverse("customer_suggestions"), {"customer": text}).content.decode()

    assert "C7001 深圳市锐德仪表有限公司" in typed("锐德")
    assert "C7001" in typed("C7001 深圳")
    assert "option" not in typed("无此客户")
    Customer.objects.filter(pk=xunjie.pk).update(status=Customer.Status.CLOSED)
    assert "C7001" not in typed("锐德")
