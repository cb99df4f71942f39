"""The pages of sheets that come in: who may, and what they show in each state."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from kehu.core.models import Event, Organization
from kehu.core.scope import scope
from kehu.intake import actions, work
from kehu.intake.kinds.table import KINDS
from kehu.intake.models import Import
from kehu.ledgers.customers.models import Customer
from tests.cast import FRIDAY, sign_in, witnesses
from tests.intake.telling import Sheet, as_csv, as_xlsx

TITLES = ["客户编号", "客户名称", "地址", "邮箱"]
ROWS = [
    TITLES,
    ["K1", "新公司甲", "东莞", ""],
    ["C0001", "", "深圳市南山区", ""],
    ["K2", "新公司乙", "", "not mail"],
    ["C0002", "", "", ""],
]
READING = ("import", "import_file", "import_refused")
ACTING = (
    *("import_reading", "import_columns", "import_columns_again", "import_run", "import_pause"),
    *("import_resumption", "import_cancellation", "import_undo"),
)


@pytest.fixture
def lu(client: Client, mfg: Organization) -> Client:
    """The deputy sales manager, in English."""
    client.cookies["kehu_language"] = "en"
    return sign_in(client, mfg, "sales_deputy_manager")


def text(answer: Any) -> str:
    return str(answer.content.decode())


def address(name: str, one: Import) -> str:
    return reverse(name, args=[one.pk])


def test_a_sheet_comes_in_page_by_page_and_goes_again(lu: Client, mfg: Organization) -> None:
    assert "Bring in a sheet" in text(lu.get(reverse("imports")))
    upload = SimpleUploadedFile("register.xlsx", as_xlsx([["客户一览表"], *ROWS]))
    answer = lu.post(reverse("imports"), {"kind": "customers", "file": upload})
    one = Import.objects.get()
    assert answer.headers["Location"] == address("import", one)
    page = text(lu.get(address("import", one)))
    assert "The file is being read" in page
    assert 'http-equiv="refresh"' in page

    work.work(mfg, FRIDAY)
    page = text(lu.get(address("import", one)))
    assert "Which column is what?" in page
    assert '<option value="email" selected>' in page
    lu.post(
        address("import_columns", one),
        {"column-0": "code", "column-1": "name", "column-2": "address", "column-3": "email"},
    )
    work.work(mfg, FRIDAY)
    page = text(lu.get(address("import", one)))
    assert "Bring in 2 rows" in page
    assert "Mail (D): “not mail” is no mail address." in page
    assert "深圳市南山区" in page

    lu.post(address("import_run", one))
    assert "The rows are coming in" in text(lu.get(address("import", one)))
    work.work(mfg, FRIDAY)
    assert "It is in" in text(lu.get(address("import", one)))
    assert Customer.objects.get(code="K1").address == "东莞"
    book = openpyxl.load_workbook(io.BytesIO(b"".join(lu.get(address("import_refused", one)).streaming_content)))  # type: ignore[attr-defined]
    found = list(book.active.iter_rows(values_only=True))
    assert found[0] == (*TITLES, "Row in the sheet", "Why it was refused")
    assert found[1] == (
        "K2",
        "新公司乙",
        None,
        "not mail",
        5,
        "Mail (D): “not mail” is no mail address. Write it as name@example.com.",
    )

    lu.post(address("import_undo", one))
    work.work(mfg, FRIDAY)
    page = text(lu.get(address("import", one)))
    assert "It was taken back" in page
    assert "Everything is as before." in page
    assert Customer.objects.get(code="C0001").address == "深圳"
    assert "was taken back" in text(lu.get(reverse("imports")))


def test_a_corrected_workbook_comes_in_as_it_went_back(lu: Client, mfg: Organization) -> None:
    sheet = Sheet(mfg, "customers", ROWS).checked({"code": 0, "name": 1, "email": 3}).done()
    content = b"".join(lu.get(address("import_refused", sheet.one)).streaming_content)  # type: ignore[attr-defined]
    book = openpyxl.load_workbook(io.BytesIO(content))
    book.active["D2"] = "yi@example.com"
    target = io.BytesIO()
    book.save(target)

    again = Sheet(mfg, "customers", target.getvalue(), "corrected.xlsx")

    assert again.one.mapping == {"code": 0, "name": 1, "email": 3}
    assert again.checked().done().counts == {"new": 1}
    assert Customer.objects.get(code="K2").contacts.get().email == "yi@example.com"


def test_what_cannot_be_brought_in_says_why_and_keeps_what_was_chosen(lu: Client, mfg: Organization) -> None:
    answer = lu.post(reverse("imports"), {"kind": "contacts"})
    assert answer.status_code == 422
    assert "choose a file or paste them" in text(answer)
    assert 'value="contacts" checked' in text(answer)
    answer = lu.post(reverse("imports"), {"kind": "contacts", "file": SimpleUploadedFile("a.pdf", b"%PDF-1.7")})
    assert answer.status_code == 422
    assert "“a.pdf” is no sheet" in text(answer)
    answer = lu.post(reverse("imports"), {"kind": "contacts", "file": SimpleUploadedFile("a.csv", b"")})
    assert answer.status_code == 422
    assert "nothing in “a.csv”" in text(answer)
    assert not Import.objects.exists()


def test_rows_are_pasted_as_they_are_copied_out_of_a_workbook(lu: Client, mfg: Organization) -> None:
    rows = "\n".join("\t".join(row) for row in ROWS)

    lu.post(reverse("imports"), {"kind": "customers", "rows": rows})
    work.work(mfg, FRIDAY)

    one = Import.objects.get()
    assert one.name == "Pasted rows.csv"
    assert one.mapping == {"code": 0, "name": 1, "address": 2, "email": 3}


def test_what_came_in_leads_to_its_ledger_and_the_ledger_to_the_next_sheet(lu: Client, mfg: Organization) -> None:
    sheet = Sheet(mfg, "products", [["产品编号", "名称"], ["HY-9", "镜座"]]).checked().done()
    assert "Show:" not in text(lu.get(address("import", sheet.one)))  # products are no ledger that anybody reads
    prices = [["客户", "产品", "单价", "生效日期"], ["讯捷通信", "HY-9", "5", "2024-03-01"]]
    sheet = Sheet(mfg, "prices", prices).checked().done()

    assert f'href="{reverse("ledger", args=["prices"])}"' in text(lu.get(address("import", sheet.one)))
    ledger = text(lu.get(reverse("ledger", args=["prices"])))
    assert f"{reverse('imports')}?kind=prices" in ledger
    assert f"Import {sheet.one.pk}" in ledger


def test_columns_that_cannot_be_so_are_told_and_kept(lu: Client, mfg: Organization) -> None:
    one = Sheet(mfg, "customers", ROWS).one

    answer = lu.post(address("import_columns", one), {"column-2": "address", "column-1": "address"})

    assert answer.status_code == 422
    assert "Chosen for more than one column: Address" in text(answer)
    assert text(answer).count('<option value="address" selected>') == 2
    answer = lu.post(address("import_columns", one), {"column-2": "address"})
    assert "Choose the columns for: Code or Name" in text(answer)
    assert Import.objects.get().state == "mapping"


def test_reading_it_differently(lu: Client, mfg: Organization) -> None:
    one = Sheet(mfg, "customers", as_csv([["说明"], *ROWS], "gb18030")).one

    lu.post(address("import_reading", one), {"encoding": "utf-8", "header_row": "1"})
    work.work(mfg, FRIDAY)

    page = text(lu.get(address("import", one)))
    assert "characters that are not of the file" in page
    assert Import.objects.get().about["encoding"] == "utf-8"


def test_progress_is_a_part_of_the_page_until_it_is_over(lu: Client, mfg: Organization) -> None:
    sheet = Sheet(mfg, "customers", ROWS).checked().started()
    part = lu.get(address("import", sheet.one), headers={"HX-Request": "true"})
    assert "HX-Refresh" not in part.headers
    assert 'id="progress"' in text(part)

    lu.post(address("import_pause", sheet.one))
    assert "stands still" in text(lu.get(address("import", sheet.one)))
    lu.post(address("import_resumption", sheet.one))
    sheet.work()
    assert lu.get(address("import", sheet.one), headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"


def test_who_comes_too_late_is_told(lu: Client, mfg: Organization) -> None:
    sheet = Sheet(mfg, "customers", ROWS).checked().done()

    answer = lu.post(address("import_run", sheet.one), follow=True)

    assert "The import has gone on meanwhile: is in." in text(answer)


def test_an_empty_sheet_is_filled_in_and_understood(lu: Client, mfg: Organization) -> None:
    for kind in KINDS.values():
        if kind.right == "payments":
            continue
        content = b"".join(lu.get(reverse("import_template", args=[kind.key])).streaming_content)  # type: ignore[attr-defined]
        book = openpyxl.load_workbook(io.BytesIO(content))
        book.worksheets[0].append([column.example for column in kind.columns])
        target = io.BytesIO()
        book.save(target)
        sheet = Sheet(mfg, kind.key, target.getvalue(), "filled.xlsx")
        assert sheet.one.mapping == {column.key: at for at, column in enumerate(kind.columns)}, kind.key
        sheet.checked()
        assert not any("is no " in why for why in sheet.refused().values()), sheet.refused()
    assert lu.get(reverse("import_template", args=["nonsense"])).status_code == 404


@pytest.mark.parametrize("position", witnesses())
def test_only_whose_it_is_reads_and_acts(mfg: Organization, position: str) -> None:
    from kehu.organizations.permissions import may_administer
    from kehu.organizations.queries import directory

    client = sign_in(Client(), mfg, position)
    person = directory(mfg, FRIDAY.date()).people[position]
    mine = {kind.key for kind in KINDS.values() if may_administer(person, kind.right, mfg)}
    assert client.get(reverse("imports")).status_code == (200 if mine else 403)
    for kind in ("customers", "payments"):
        one = (
            Sheet(
                mfg,
                kind,
                ROWS if kind == "customers" else [["客户", "到账日期", "金额"], ["C0001", "2024-03-05", "坏"]],
            )
            .checked()
            .one
        )
        before = (one.state, Event.objects.count())
        for name in READING:
            assert client.get(address(name, one)).status_code == (200 if kind in mine else 403), name
        assert client.get(reverse("import_template", args=[kind])).status_code == (200 if kind in mine else 403)
        upload = SimpleUploadedFile("a.csv", b"a,b\n1,2\n")
        if kind in mine:
            continue
        assert client.post(reverse("imports"), {"kind": kind, "file": upload}).status_code == 403
        for name in ACTING:
            assert client.post(address(name, one)).status_code == 403, name
        one.refresh_from_db()
        assert (one.state, Event.objects.count()) == before


def test_another_company_s_people_find_nothing(mfg: Organization, stranger: Organization) -> None:
    one = Sheet(mfg, "customers", ROWS).checked().one
    client = sign_in(Client(), stranger, "general_manager")

    for name in (*READING, *ACTING):
        ask = client.get if name in READING else client.post
        assert ask(address(name, one)).status_code == 404, name
    assert "register.csv" not in text(client.get(reverse("imports")))
    with scope(mfg):
        assert Import.objects.get().state == "checked"


def test_the_customers_page_leads_there_for_whoever_may(lu: Client, mfg: Organization) -> None:
    assert reverse("imports") in text(lu.get(reverse("customers")))
    assert reverse("imports") in text(lu.get(reverse("settings")))
    clerk = sign_in(Client(), mfg, "quotation_clerk")
    assert reverse("imports") not in text(clerk.get(reverse("customers")))
    assert reverse("imports") not in text(clerk.get(reverse("settings")))


def test_a_file_in_use_is_not_cleared_away(mfg: Organization) -> None:
    from kehu.cases import attachments
    from kehu.core import clock

    sheet = Sheet(mfg, "customers", ROWS).checked()

    attachments.clear_unused(mfg, FRIDAY, lost_before=clock.now())

    actions.start(sheet=sheet.one, by="", now=FRIDAY)
    assert sheet.work().counts == {"new": 1, "changed": 1, "refused": 1, "same": 1}
