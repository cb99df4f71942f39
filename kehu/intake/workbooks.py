"""Workbooks that go back: the rows that were refused, each with its reason; and an empty one to be filled."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any, BinaryIO

import xlsxwriter
from django.utils import translation
from django.utils.translation import gettext as _

from kehu.core.batches import Outcome

from . import queries, staging
from .kinds import Kind
from .models import Import, ImportRow
from .sheets import Cell, letters

_OPTIONS = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
"""What somebody typed stays a text: a workbook of ours never computes what came from outside."""


def _own_titles() -> tuple[str, str]:
    return _("Row in the sheet"), _("Why it was refused")


def write_refused(sheet: Import, target: BinaryIO) -> int:
    """The refused rows as they stood, columns and order unchanged, and behind them which row it was and why. Corrected, it can be
    brought in as it is."""
    book = xlsxwriter.Workbook(target, {"constant_memory": True, **_OPTIONS})
    page = book.add_worksheet(_("Refused rows"))
    head = book.add_format({"bold": True, "bg_color": "#E8EDF3", "bottom": 1})
    why = book.add_format({"text_wrap": True, "valign": "top", "font_color": "#B3261E"})
    day, moment = (book.add_format({"num_format": code}) for code in ("yyyy-mm-dd", "yyyy-mm-dd hh:mm"))
    width = max([len(sheet.titles), *(at + 1 for at in sheet.mapping.values())])
    page.set_column(0, max(0, width - 1), 16)
    page.set_column(width, width, 12)
    page.set_column(width + 1, width + 1, 80)
    page.freeze_panes(1, 0)
    for at in range(width):
        page.write_string(0, at, sheet.titles[at] if at < len(sheet.titles) else letters(at), head)
    for at, title in enumerate(_own_titles(), width):
        page.write_string(0, at, title, head)
    count = 0
    lines = ImportRow.objects.filter(batch=sheet, outcome=Outcome.REFUSED).order_by("row").iterator(chunk_size=1000)
    line = next(lines, None)
    assert sheet.staged
    for number, cells in staging.rows(sheet.staged, behind=sheet.header_row):
        if line is None:
            break
        if number != line.row:
            continue
        count += 1
        for at, cell in enumerate(cells[:width]):
            _write(page, count, at, cell, day, moment)
        page.write_number(count, width, number)
        page.write_string(count, width + 1, "\n".join(queries.reasons_of(sheet, line)), why)
        line = next(lines, None)
    book.close()
    return count


@cache
def own_titles() -> frozenset[str]:
    """The titles that we put behind the others ourselves, in every language."""
    found: set[str] = set()
    for language in ("zh-hans", "en"):
        with translation.override(language):
            found.update(_own_titles())
    return frozenset(found)


def write_template(kind: Kind, target: BinaryIO) -> None:
    """An empty sheet with our titles, and one that explains them."""
    book = xlsxwriter.Workbook(target, _OPTIONS)
    head = book.add_format({"bold": True, "bg_color": "#E8EDF3", "bottom": 1})
    text = book.add_format({"num_format": "@"})
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    page = book.add_worksheet(str(kind.title)[:31])
    for at, column in enumerate(kind.columns):
        page.set_column(at, at, 18, text)  # so Excel keeps zeros and long numbers as they are typed
        page.write_string(0, at, str(column.title), head)
    page.freeze_panes(1, 0)
    notes = book.add_worksheet(_("How to fill it in"))
    notes.set_column(0, 0, 24)
    notes.set_column(1, 2, 14)
    notes.set_column(3, 3, 28)
    notes.set_column(4, 4, 70)
    notes.write_string(0, 0, str(kind.note))
    for at, title in enumerate((_("Column"), _("Needed"), "", _("Example"), _("Other titles that are understood"))):
        notes.write_string(2, at, title, head)
    for row, column in enumerate(kind.columns, 3):
        notes.write_string(row, 0, str(column.title))
        notes.write_string(row, 1, _("yes") if column.is_needed or (column.key,) in kind.needs else "")
        notes.write_string(row, 3, column.example)
        notes.write_string(row, 4, "、".join(column.titles), wrap)
    book.close()


def _write(page: Any, row: int, at: int, cell: Cell, day: Any, moment: Any) -> None:
    match cell:
        case None | {"formula": str()}:
            pass
        case bool():
            page.write_boolean(row, at, cell)
        case int() | float() if abs(cell) < 10**15:
            page.write_number(row, at, cell)
        case {"day": str(said)}:
            found = datetime.fromisoformat(said)
            page.write_datetime(row, at, found, moment if "T" in said else day)
        case {"error": str(said)}:
            page.write_string(row, at, said)
        case _:
            page.write_string(row, at, str(cell)[:32767])
