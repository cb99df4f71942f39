"""A register as an Excel file: every row that was asked for, typed cells, and a sheet that says what it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import BinaryIO
from zoneinfo import ZoneInfo

import xlsxwriter
from django.utils.translation import gettext as _

from .ledgers import LedgerView, Wish
from .registers import Asked, Cell, Column, RegisterView
from .statistics import Statistics

SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_WIDTHS = {"datetime": 17, "date": 12, "number": 11, "money": 13, "boolean": 9, "choice": 14, "longtext": 40}
_DIGITS = 15
"""Excel keeps no more; a longer number is written as text, so that nothing is rounded."""


def file_name(view: RegisterView) -> str:
    """MFG-R9 客户抱怨台账 2024-03-15.xlsx"""
    return _named(view.register.number, view.title, view.reader.today)


def ledger_file_name(view: LedgerView) -> str:
    return _named(view.number, view.title, view.today)


def _named(number: str, title: str, day: date) -> str:
    words = " ".join(filter(None, (number, title, f"{day:%Y-%m-%d}")))
    return re.sub(r'[\\/:*?"<>|]', "-", words) + ".xlsx"


def write_register(view: RegisterView, asked: Asked, by: str, target: BinaryIO, behind: str = "") -> int:
    """The register as asked for, into `target`; gives how many rows. Row by row: memory stays flat however many there are."""
    book = _book(target)
    sheet = book.add_worksheet(_sheet_name(view.register.number or view.title))
    writing = _Writing(view.columns, view.reader.zone, book, sheet)
    writing.head()
    count = 0
    for count, line in enumerate(view.every(asked), start=1):  # noqa: B007
        writing.row(count, line.cells)
    sheet.autofilter(0, 0, max(count, 1), len(view.columns) - 1)
    sheet.freeze_panes(1, 1)
    _definition(view, book, asked, by, count, behind)
    book.close()
    return count


def write_ledger(view: LedgerView, wish: Wish, target: BinaryIO) -> int:
    """A ledger as asked for, in the same way."""
    book = _book(target)
    sheet = book.add_worksheet(_sheet_name(view.number or view.title))
    writing = _Writing(view.columns, view.zone, book, sheet)
    writing.head()
    count = 0
    for count, line in enumerate(view.every(wish), start=1):  # noqa: B007
        writing.row(count, line.cells)
    sheet.autofilter(0, 0, max(count, 1), len(view.columns) - 1)
    sheet.freeze_panes(1, 1)
    book.close()
    return count


def _book(target: BinaryIO) -> xlsxwriter.Workbook:
    return xlsxwriter.Workbook(target, {"constant_memory": True, "remove_timezone": True, "strings_to_formulas": False,
                                        "strings_to_urls": False, "strings_to_numbers": False})  # fmt: skip


class _Writing:
    """The formats of one book, and a row in them."""

    def __init__(
        self,
        columns: Sequence[Column],
        zone: ZoneInfo,
        book: xlsxwriter.Workbook,
        sheet: xlsxwriter.worksheet.Worksheet,
    ):
        self.columns, self.zone, self.sheet = columns, zone, sheet
        top = {"valign": "top"}
        self.title = book.add_format(
            {"bold": True, "bg_color": "#E8EDF3", "bottom": 1, "text_wrap": True, "valign": "vcenter"}
        )
        self.moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm", **top})
        self.day = book.add_format({"num_format": "yyyy-mm-dd", **top})
        self.text = book.add_format({"text_wrap": True, **top})
        self.numbers = {
            decimals: book.add_format({"num_format": "#,##0" + ("." + "0" * decimals if decimals else ""), **top})
            for decimals in {column.definition.decimals if column.definition else 0 for column in columns} | {0}
        }

    def head(self) -> None:
        for at, column in enumerate(self.columns):
            self.sheet.set_column(at, at, _width(column))
        for at, column in enumerate(self.columns):
            self.sheet.write_string(0, at, column.title, self.title)

    def row(self, number: int, cells: Iterable[Cell]) -> None:
        for at, (column, cell) in enumerate(zip(self.columns, cells, strict=True)):
            self._cell(number, at, column, cell)

    def _cell(self, number: int, at: int, column: Column, cell: Cell) -> None:
        match cell.value:
            case datetime():
                local = cell.value.astimezone(self.zone).replace(tzinfo=None)
                self.sheet.write_datetime(number, at, local, self.moment)
            case date():
                self.sheet.write_datetime(number, at, datetime(*cell.value.timetuple()[:3]), self.day)
            case bool() | None:
                if cell.text:
                    self.sheet.write_string(number, at, cell.text, self.text)
            case int() | Decimal() if len(Decimal(cell.value).as_tuple().digits) <= _DIGITS:
                decimals = column.definition.decimals if column.definition else 0
                self.sheet.write_number(number, at, float(cell.value), self.numbers[decimals])
            case _:
                self.sheet.write_string(number, at, cell.text, self.text)


def _width(column: Column) -> float:
    title = sum(2 if ord(letter) > 0x2E80 else 1 for letter in column.title) + 3
    return min(max(_WIDTHS.get(column.kind or "", 16), title), 44)


def _sheet_name(words: str) -> str:
    return re.sub(r"[\[\]:*?/\\]", "-", words)[:31]


def _definition(
    view: RegisterView, book: xlsxwriter.Workbook, asked: Asked, by: str, count: int, behind: str = ""
) -> None:
    """What this file is: it must still be understood when nobody remembers how it was made."""
    sheet = book.add_worksheet(_sheet_name(_("Definition")))
    bold = book.add_format({"bold": True, "valign": "top"})
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 1, 70)
    procedure = view.reader.running.procedure
    said = view.said(asked)
    lines = [
        (_("Register"), view.title),
        (_("Register number"), view.register.number),
        (_("Procedure"), f"{procedure.number} {procedure.title.in_(view.language)}"),
        (_("Revision"), procedure.revision),
        (_("Company"), view.reader.running.pack.title.in_(view.language)),
        (_("Made at"), f"{view.now.astimezone(view.reader.zone):%Y-%m-%d %H:%M}"),
        (_("Made by"), by),
        (_("Rows"), str(count)),
        (_("Filters"), "\n".join(f"{title}: {words}" for title, words in said) or _("None: all cases.")),
        *([(_("Behind the figure"), behind)] if behind else []),
        (_("Sorted by"), asked.sort),
        ("", ""),
        (_("Column"), _("Where it comes from")),
    ]
    lines += [(column.title, _source(view, column)) for column in view.columns]
    for at, (title, words) in enumerate(lines):
        sheet.write_string(at, 0, title, bold)
        sheet.write_string(at, 1, words, wrap)


def _source(view: RegisterView, column: Column) -> str:
    if column.definition:
        section = next(section for _key, section, name, _field in view.reader.form.fields() if name == column.value)
        return _("Form {number}, “{section}”").format(
            number=view.reader.form.number, section=section.title.in_(view.language)
        )
    return _("Worked out: {expression}").format(expression=column.value)


def write_statistics(found: Statistics, title: str, by: str, made_at: str, target: BinaryIO) -> None:
    """A period's statistics as a book: indicators, departments, then a sheet for each table."""
    book = xlsxwriter.Workbook(target, {"strings_to_formulas": False, "strings_to_urls": False})
    bold = book.add_format({"bold": True, "bg_color": "#E8EDF3", "bottom": 1})

    def sheet(name: str, heads: list[str], rows: Iterable[Iterable[object]]) -> None:
        page = book.add_worksheet(_sheet_name(name))
        page.set_column(0, 0, 34)
        page.set_column(1, len(heads), 14)
        page.write_row(0, 0, heads, bold)
        for at, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                if isinstance(value, int | Decimal):
                    page.write_number(at, column, float(value))
                elif value is not None:
                    page.write_string(at, column, str(value))
        page.freeze_panes(1, 0)

    sheet(
        _("Indicators"),
        [_("Indicator"), _("Fulfilled"), _("Counted"), _("Value"), _("Target")],
        ([f.title, f.counts.total, f.of.total, f.value, f.target] for f in found.figures),
    )
    if found.sheets:
        sheet(
            _("Departments"),
            [_("Department"), _("Cases"), _("Late answers"), _("Failed rounds")],
            ([s.title, len(s.cases), len(s.late), s.failed_rounds] for s in found.sheets),
        )
    for table in found.tables:
        sheet(
            table.title,
            [table.title, _("Cases"), _("Share (%)"), _("Cumulative (%)")],
            ([line.title, line.count, share, sum_] for line, share, sum_ in table.shares()),
        )
    facts = [
        (_("Procedure"), title),
        (_("Period"), str(found.period)),
        (_("Counted by"), found.counted_by),
        (_("Cases"), str(len(found.cases))),
        (_("Made at"), made_at),
        (_("Made by"), by),
    ]
    sheet(_("Definition"), [_("Statistics"), ""], facts)
    book.close()
