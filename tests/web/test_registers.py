"""Registers, statistics and procedures as pages: what HTTP adds to what tests/reports shows."""

from __future__ import annotations

import re
from io import BytesIO
from urllib.parse import unquote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook

from kehu.core.models import Organization
from kehu.procedures import actions as procedures
from tests.cast import FRIDAY, sign_in
from tests.reports import years

REGISTER = "/registers/customer-complaint/"


@pytest.fixture
def client(mfg: Organization) -> Client:
    years.told(mfg)
    return sign_in(Client(), mfg, "sales_deputy_manager")


def page(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, address
    return response.content.decode()


def test_a_register_page_takes_few_statements(client: Client) -> None:
    page(client, REGISTER)
    with CaptureQueriesContext(connection) as queries:
        page(client, f"{REGISTER}?kind=quality&q=BR&sort=-received_at")
    assert len(queries) <= 9, [query["sql"] for query in queries]


def test_every_line_leads_to_its_case(client: Client) -> None:
    text = page(client, f"{REGISTER}?kind=quality")
    assert text.count('class="row-link"') == 3
    assert reverse("case", args=["CP-202403-003"]) in text
    assert "CP-202403-002" not in text


def test_a_figure_leads_to_as_many_lines_as_it_says(client: Client) -> None:
    text = page(client, "/statistics/customer-complaint/?year=2024")
    links = re.findall(r'<a href="(/registers/customer-complaint/\?behind=[^"]*)">(\d+)</a>', text)
    assert len(links) > 20
    for address, shown in links:
        if "sheet%3Afailed" in address or "actions_on_time" in address:
            continue  # counts rounds and actions, not cases
        found = page(client, address.replace("&amp;", "&"))
        assert found.count('class="row-link"') == int(shown), address


def heads(text: str) -> int:
    return text.count('<th scope="col"')


def test_one_chooses_the_columns_and_the_excel_file_has_the_same(client: Client) -> None:
    everything = heads(page(client, REGISTER))
    for asked in ("columns=channel&columns=product", "columns=channel,product"):
        text = page(client, f"{REGISTER}?{asked}&kind=quality")
        assert heads(text) == 3, asked
        assert text.count('class="row-link"') == 3
        excel = re.search(r'href="([^"]*register.xlsx[^"]*)"', text)
        assert excel
        assert "columns=channel%2Cproduct" in excel[1]
        book = load_workbook(BytesIO(b"".join(client.get(excel[1].replace("&amp;", "&")).streaming_content)))
        assert book.worksheets[0].max_column == 3
    assert (
        heads(page(client, f"{REGISTER}?columns="))
        == heads(page(client, f"{REGISTER}?columns=nonsense&columns=nowhere"))
        == everything
    )


def test_a_saved_view_keeps_the_columns_and_filters_stay_within_it(client: Client) -> None:
    words = "columns=channel&columns=product&status=open"
    kept = client.post(reverse("views"), {"page": REGISTER, "name": "短", "words": words}, follow=True)
    text = kept.content.decode()
    assert heads(text) == 3
    view = kept.context["view_chosen"]
    assert f'name="saved" value="{view.pk}"' in text
    assert 'name="columns" value="channel,product"' in text  # a filter changed keeps the columns


def test_the_excel_file_has_the_filtered_rows_and_its_name(client: Client) -> None:
    response = client.get(f"{REGISTER}register.xlsx?kind=quality")
    assert response.status_code == 200
    assert "MFG-R9" in unquote(response.headers["Content-Disposition"])
    assert b"".join(response.streaming_content)[:2] == b"PK"  # type: ignore[arg-type]


def test_the_seven_sections_are_listed_and_what_is_off_says_so(client: Client) -> None:
    # MFG-4
    text = page(client, "/procedures/")
    for title in ("客户开发与建档", "订单报价与建档", "客户抱怨管理", "应收账款月结", "客供品管理", "相关文件与表单"):
        assert title in text
    assert text.count("chapter-number") == 7
    assert text.count("is-off") == 0
    assert reverse("procedure", args=["customer-complaint"]) in text


def test_a_section_of_which_nothing_is_switched_on_is_not_configured(client: Client, mfg: Organization) -> None:
    # MFG-4
    procedures.switch(organization=mfg, procedure="receivables-month-end", on=False, by="vice_gm", now=FRIDAY)
    text = page(client, "/procedures/")
    assert text.count("is-off") == 1
    assert "未启用" in text.partition("应收账款月结")[2].partition("</h2>")[2][:60]


def test_the_procedure_shows_its_head_its_owner_and_who_assists(client: Client) -> None:
    # MFG-3
    text = page(client, "/procedures/customer-complaint/")
    for words in ("MFG-CM-04", "A/0", "2024-01-01", "业务部", "品质部", "总经理"):
        assert words in text
    assisting = re.findall(r'id="step-([a-z-]+)">\s*<h3>(?:(?!</h3>).)*tag-assist', text, re.DOTALL)
    assert assisting == [
        "rule-responsibility", "countermeasure-meeting", "propose-countermeasure", "approve-countermeasure", "rule-late-action",
        "rule-failed-round",
    ]  # fmt: skip


def test_a_clause_leads_to_as_many_cases_as_it_says(client: Client) -> None:
    text = page(client, "/procedures/customer-complaint/")
    links = re.findall(r'class="evidence" href="([^"]+)">.*?</svg>\D*(\d+)', text)
    assert ("/registers/customer-complaint/?clause=S4-2.2", "2") in links
    for address, shown in links:
        if shown != "0":
            assert page(client, address).count('class="row-link"') == int(shown), address


def test_the_procedure_page_takes_few_statements(client: Client) -> None:
    page(client, "/procedures/customer-complaint/")
    with CaptureQueriesContext(connection) as queries:
        page(client, "/procedures/customer-complaint/")
    assert len(queries) <= 9


@pytest.mark.parametrize(
    "address",
    [REGISTER, "/registers/", "/procedures/", "/procedures/customer-complaint/", "/procedures/customer-form-reply/",
     "/procedures/corrective-preventive-report/", "/statistics/customer-complaint/", "/statistics/corrective-preventive-report/"],
)  # fmt: skip
def test_nothing_stands_inline(client: Client, address: str) -> None:
    for language in ("zh-hans", "en"):
        client.cookies["kehu_language"] = language
        text = page(client, address)
        assert not re.search(r"\sstyle=", text)
        assert not re.search(r"\son[a-z]+=\"", text)
        assert all("src=" in tag or "application/json" in tag for tag in re.findall(r"<script[^>]*>", text))


def test_a_stranger_sees_none_of_it(client: Client, stranger: Organization) -> None:
    other = sign_in(Client(), stranger, "general_manager")
    assert "CP-202403-003" not in other.get(REGISTER).content.decode()
    assert client.get("/registers/no-such-thing/").status_code == 404
