"""The Excel file says the same as the page, in cells that can be calculated with."""

from __future__ import annotations

import io
from datetime import datetime

from openpyxl import Workbook, load_workbook

from kehu.core.models import Organization
from kehu.reports.exports import file_name, write_register, write_statistics
from kehu.reports.records import Period
from kehu.reports.registers import RegisterView
from kehu.reports.statistics import statistics
from tests.cast import Telling, at
from tests.reports import years

NOW = at("2024-03-29 16:00")


def exported(organization: Organization, **words: str) -> tuple[Workbook, int]:
    view = RegisterView(organization, "customer-complaint", NOW, "zh-hans")
    target = io.BytesIO()
    count = write_register(view, view.asked(words), "陆文涛", target)
    return load_workbook(target), count


def test_cells_have_the_types_of_their_fields(mfg: Organization) -> None:
    years.told(mfg)
    book, count = exported(mfg)
    sheet = book.worksheets[0]
    heads = [cell.value for cell in sheet[1]]
    assert (count, sheet.max_row, heads[:3]) == (6, 7, ["编号", "接收时间", "抱怨方式"])
    late = next(row for row in sheet.iter_rows(min_row=2) if row[0].value == "CP-202403-002")
    cells = dict(zip(heads, late, strict=True))
    assert cells["接收时间"].value == datetime(2024, 3, 5, 9, 0)
    assert cells["接收时间"].number_format == "yyyy-mm-dd hh:mm"
    assert (cells["发单逾时（分钟）"].value, cells["发单逾时（分钟）"].data_type) == (180, "n")
    assert (cells["抱怨类别"].value, cells["抱怨类别"].data_type) == ("交期", "s")
    assert cells["结案时间"].value is None


def test_the_head_stays_and_filters(mfg: Organization) -> None:
    years.told(mfg)
    sheet = exported(mfg)[0].worksheets[0]
    assert sheet.title == "MFG-R9"
    assert sheet.freeze_panes == "B2"
    assert sheet.auto_filter.ref == "A1:S7"


def test_all_filtered_rows_and_what_the_filter_was(mfg: Organization) -> None:
    years.told(mfg)
    book, count = exported(mfg, kind="quality", responsible="quality")
    said = {row[0].value: row[1].value for row in book.worksheets[1].iter_rows()}
    assert count == 3
    assert "客户抱怨台账" in said.values()
    assert "MFG-R9" in said.values()
    assert "陆文涛" in said.values()
    assert "2024-03-29 16:00" in said.values()
    assert any("抱怨类别: 品质" in str(value) and "责任部门: 品质部" in str(value) for value in said.values())


def test_what_a_customer_writes_is_never_a_formula(mfg: Organization) -> None:
    Telling(mfg).start(product='=HYPERLINK("http://example.com","x")')
    cell = exported(mfg)[0].worksheets[0]["E2"]
    assert (cell.value, cell.data_type) == ('=HYPERLINK("http://example.com","x")', "s")


def test_an_empty_register_is_a_book_too(mfg: Organization) -> None:
    book, count = exported(mfg)
    assert (count, book.worksheets[0].max_row) == (0, 1)


def test_its_name_says_what_and_when(mfg: Organization) -> None:
    view = RegisterView(mfg, "customer-complaint", NOW, "zh-hans")
    assert file_name(view) == "MFG-R9 客户抱怨台账 2024-03-29.xlsx"


def test_the_statistics_as_a_book(mfg: Organization) -> None:
    years.told(mfg)
    target = io.BytesIO()
    found = statistics(mfg, "customer-complaint", Period.year(2024), NOW, "zh-hans")
    write_statistics(found, "MFG-CM-04", "陆文涛", "2024-03-29 16:00", target)
    book = load_workbook(target)
    kinds = next(sheet for sheet in book.worksheets if sheet.title == "按类别")
    assert [cell.value for cell in kinds[2]] == ["品质", 3, 50, 50]
