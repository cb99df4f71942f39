"""Reading files: what people's workbooks and text files really hold, and what a stranger's file may try."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import zipfile
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from kehu.intake.sheets import Unreadable, xlsx
from kehu.intake.sheets.__main__ import opened
from tests.intake.telling import as_csv, as_xlsx

HERE = Path(__file__).parent


def read(content: bytes, **wish: str) -> tuple[list[Any], dict[str, Any]]:
    """Rows, and what was told of the file."""
    sheet = opened(io.BytesIO(content), **wish)
    return list(sheet.rows), {**sheet.about, "remarks": sheet.remarks.as_facts()}


def saved(book: openpyxl.Workbook) -> bytes:
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def rewritten(content: bytes, part: str, change: Any) -> bytes:
    """A workbook with one of its parts changed."""
    source, target = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as book:
        for name in source.namelist():
            data = source.read(name)
            book.writestr(name, change(data) if name == part else data)
    return target.getvalue()


def test_cells_come_as_people_see_them() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["text", 12, 12.5, date(2024, 3, 5), datetime(2024, 3, 5, 14, 30), time(8, 5), True, None, "  "])
    sheet["J1"], sheet["J1"].number_format = 0.13, "0%"
    sheet["K1"], sheet["K1"].number_format = 12, "00000"
    sheet["L1"], sheet["L1"].number_format = 45356, 'yyyy"年"m"月"d"日"'
    sheet["M1"], sheet["M1"].number_format = 1234.5, "#,##0.00;[Red]-#,##0.00"
    sheet["N1"] = "two\nlines"

    ((number, cells),), _about = read(saved(book))

    assert number == 1
    assert cells[:9] == [
        "text",
        12,
        12.5,
        {"day": "2024-03-05"},
        {"day": "2024-03-05T14:30:00"},
        "08:05",
        True,
        None,
        "  ",
    ]
    assert cells[9:] == ["13%", "00012", {"day": "2024-03-05"}, 1234.5, "two\nlines"]


def test_errors_and_formulas_without_a_value_are_not_lost() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet["A1"], sheet["B1"], sheet["C1"] = "=1+1", "#N/A", "#DIV/0!"
    sheet["B1"].data_type = sheet["C1"].data_type = "e"

    rows, _about = read(saved(book))

    assert rows == [(1, [{"formula": ""}, {"error": "#N/A"}, {"error": "#DIV/0!"}])]


def test_a_formula_s_stored_value_is_taken() -> None:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target)
    book.add_worksheet().write_formula(0, 0, "=1+1", None, 2)
    book.close()

    rows, about = read(target.getvalue())

    assert rows == [(1, [2])]
    assert "the value that the workbook keeps" in about["remarks"][0]["says"]


def test_what_stands_in_merged_cells_counts_for_each_of_their_rows() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (["客户", "产品"], ["讯捷", "BR-1"], [None, "BR-2"], [None, None], ["锐科", "BR-3"]):
        sheet.append(row)
    sheet.merge_cells("A2:A4")

    rows, about = read(saved(book))

    assert [cells for _number, cells in rows] == [
        ["客户", "产品"],
        ["讯捷", "BR-1"],
        ["讯捷", "BR-2"],
        ["锐科", "BR-3"],
    ]
    assert about["remarks"][0]["places"] == ["A2:A4"]


def test_hidden_rows_are_read_and_told() -> None:
    book = openpyxl.Workbook()
    book.active.append(["a"])
    book.active.append(["b"])
    book.active.row_dimensions[2].hidden = True

    rows, about = read(saved(book))

    assert len(rows) == 2
    assert about["remarks"][0]["places"] == ["2"]


def test_the_first_sheet_that_people_see_and_that_has_rows_is_read_unless_another_is_named() -> None:
    book = openpyxl.Workbook()
    book.active.title = "empty"
    hidden = book.create_sheet("hidden")
    hidden.append(["secret"])
    hidden.sheet_state = "hidden"
    book.create_sheet("客户").append(["here"])
    content = saved(book)

    rows, about = read(content)
    assert (rows, about["sheet"]) == ([(1, ["here"])], "客户")
    assert [one["name"] for one in about["sheets"]] == ["empty", "hidden", "客户"]
    assert read(content, sheet="hidden")[0] == [(1, ["secret"])]


def test_rows_are_the_same_however_the_file_is_cut_into_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    content = as_xlsx([[f"row {number}", number, "文字 & <signs>"] for number in range(500)])
    whole = read(content)[0]
    for size in (997, 1501, 4096):
        monkeypatch.setattr(xlsx, "_PORTION", size)
        assert read(content)[0] == whole


def test_prefixed_names_and_missing_references_are_read() -> None:
    content = as_xlsx([["a", 1], ["b", 2]])

    def prefixed(data: bytes) -> bytes:
        data = re.sub(rb'<c r="[A-Z]+\d+"', b"<c", re.sub(rb'<row r="\d+"', b"<row", data))
        data = re.sub(rb"<(/?)(worksheet|sheetData|row|c|v|is|t)\b", rb"<\1x:\2", data)
        return data.replace(b' xmlns="', b' xmlns:x="')

    assert read(rewritten(content, "xl/worksheets/sheet1.xml", prefixed))[0] == [(1, ["a", 1]), (2, ["b", 2])]


def test_escaped_signs_and_rich_texts_are_read() -> None:
    def rich(data: bytes) -> bytes:
        said = "<si><r><t>讯捷</t></r><r><t xml:space='preserve'> 通信</t></r><rPh sb='0' eb='1'><t>xun</t></rPh></si>"
        return data.replace(b"<si><t>a</t></si>", said.encode()).replace(b"<t>b</t>", b"<t>x_x000D_y</t>")

    assert read(rewritten(as_xlsx([["a", "b"]]), "xl/sharedStrings.xml", rich))[0] == [(1, ["讯捷 通信", "x\ry"])]


def test_days_of_the_other_calendar_of_workbooks() -> None:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"date_1904": True, "default_date_format": "yyyy-mm-dd"})
    book.add_worksheet().write_datetime(0, 0, datetime(2024, 3, 5))
    book.close()

    assert read(target.getvalue())[0] == [(1, [{"day": "2024-03-05"}])]


def test_an_old_workbook_is_read() -> None:
    """Made by another program: a title, a date, cells merged over three rows, true."""
    rows, about = read((HERE / "sheets" / "old.xls").read_bytes())

    assert rows == [(1, ["客户名称", "日期"]), (2, ["东莞", {"day": "2024-03-05"}]), (3, ["合并"]), (4, ["合并", True])]
    assert about["form"] == "xls"
    assert "An .xls workbook does not tell" in about["remarks"][0]["says"]


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("gb18030", "gb18030"),
        ("gbk", "gb18030"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16"),
        ("utf-16-be", "utf-16"),
    ],
)
def test_encodings_are_told_from_the_text(encoding: str, said: str) -> None:
    text = [["客户编号", "客户名称"], ["C0001", "深圳市讯捷通信设备有限公司"]]

    rows, about = read(as_csv(text, encoding))

    assert [cells for _number, cells in rows] == text
    assert about["encoding"] == said


def test_an_encoding_that_was_chosen_is_taken_and_what_it_cannot_read_is_told() -> None:
    rows, about = read("客户,A\n讯捷,B\n".encode("gb18030"), encoding="utf-8")

    assert "\ufffd" in rows[0][1][0]
    assert "characters that are not of the file" in about["remarks"][0]["says"]
    assert read("客戶,A\n".encode("big5"), encoding="big5")[0] == [(1, ["客戶", "A"])]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_told_from_the_text(delimiter: str) -> None:
    text = "\n".join(
        delimiter.join(row) for row in (["code", "name", "a"], ["C1", "x, y" if delimiter != "," else "x", "b"])
    )

    rows, about = read(text.encode())

    assert [len(cells) for _number, cells in rows] == [3, 3]
    assert about["delimiter"] == delimiter


def test_what_programs_put_around_numbers_goes() -> None:
    rows, _about = read(b'"=""007""",\'0755,00123\t,"a ""quoted"" word"\n')

    assert rows == [(1, ["007", "0755", "00123", 'a "quoted" word'])]


def test_rows_of_text_keep_the_numbers_that_excel_would_give_them() -> None:
    rows, _about = read(b'a,"two\nlines"\n\nb,c\n')

    assert rows == [(1, ["a", "two\nlines"]), (3, ["b", "c"])]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"PK\x03\x04 and nothing behind it", "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "password"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and nothing behind it", "damaged"),
        (b"<html><table><tr><td>1</td></tr></table></html>", "web page"),
        (b'<?xml version="1.0"?><Workbook/>', "web page"),
    ],
)
def test_what_is_no_sheet_says_so(content: bytes, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        read(content)


def test_a_doctype_never_reaches_a_parser() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
    content = as_xlsx([["a"]])

    with pytest.raises(Unreadable, match="damaged"):
        read(rewritten(content, "xl/workbook.xml", lambda data: bomb + data.partition(b"?>")[2]))
    evil = rewritten(
        content,
        "xl/worksheets/sheet1.xml",
        lambda data: bomb + data.partition(b"?>")[2].replace(b"<v>0</v>", b"<v>&b;</v>"),
    )
    with pytest.raises(Unreadable, match="damaged"):
        read(evil)


def test_a_cell_in_the_last_row_and_column_costs_nothing() -> None:
    def far(data: bytes) -> bytes:
        return data.replace(b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>')

    rows, about = read(rewritten(as_xlsx([["a"]]), "xl/worksheets/sheet1.xml", far))

    assert rows == [(1, ["a"])]
    assert about["remarks"][0]["places"] == ["XFD1048576"]


def test_every_part_of_a_workbook_may_be_cut_off() -> None:
    content = as_xlsx([[f"row {number}", number] for number in range(50)])
    for end in range(0, len(content), 211):
        with pytest.raises(Unreadable):
            read(b"PK" + content[2:end])
    for part in ("xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml", "xl/workbook.xml"):
        for keep in (0, 40, 300):
            with pytest.raises(Unreadable):
                read(rewritten(content, part, lambda data, keep=keep: data[:keep]))


def test_the_reader_dies_alone_of_a_file_that_takes_too_much() -> None:
    words = "from kehu.intake.sheets import __main__ as reader; reader.MEMORY = 60 * 2**20; reader.main()"
    content = as_xlsx([[f"{number} {'x' * 2000}"] for number in range(20_000)])

    done = subprocess.run([sys.executable, "-c", words], input=content, capture_output=True, timeout=60)

    assert b'"remarks"' not in done.stdout
