"""An .xls workbook, by python-calamine. It keeps formulas and errors to itself, which is said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import IO, Any

from . import MOST_COLUMNS, Cell, Remarks, Row, Sheet, Unreadable, _, letters
from .xlsx import Merged


def read(file: IO[bytes], wanted: str | None = None) -> Sheet:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

    try:
        book = CalamineWorkbook.from_filelike(file)
        seen = [one for one in book.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet]
        names = [one.name for one in seen if one.visible == SheetVisibleEnum.Visible] or [one.name for one in seen]
        tables = {}
        for name in [wanted] if wanted in [one.name for one in seen] else names:
            tables[name] = book.get_sheet_by_name(str(name))
            if tables[name].height:
                break
    except PasswordError as error:
        raise Unreadable(
            _("The workbook is locked with a password. Save it without one, and choose it again.")
        ) from error
    except (CalamineError, OSError, ValueError) as error:
        raise Unreadable(
            _("The workbook is damaged. Open it in Excel or WPS, save it anew as .xlsx, and choose it again.")
        ) from error
    if not tables:
        raise Unreadable(_("The workbook has no sheet with rows."))
    name, table = next(((name, table) for name, table in tables.items() if table.height), next(iter(tables.items())))
    remarks = Remarks()
    remarks.note(
        _("An .xls workbook does not tell which cells are formulas or errors; save it as .xlsx where that matters"),
        str(name),
    )
    sheets = [{"name": one.name, "is_hidden": one.visible != SheetVisibleEnum.Visible} for one in seen]
    return Sheet(_rows(table, remarks), remarks, {"form": "xls", "sheets": sheets, "sheet": name})


def _rows(table: Any, remarks: Remarks) -> Iterator[Row]:
    found = []
    for (top, left), (bottom, right) in table.merged_cell_ranges or ():
        place = f"{letters(left)}{top + 1}:{letters(right)}{bottom + 1}"
        remarks.note(
            _("What stands in merged cells counts for each of their rows, and for the first of their columns"), place
        )
        if top != bottom:
            found.append((top + 1, bottom + 1, left))
    merged = Merged(found)
    for number, row in enumerate(table.to_python(skip_empty_area=False), 1):
        cells = [_cell(value) for value in row[:MOST_COLUMNS]]
        while cells and cells[-1] is None:
            cells.pop()
        if number <= merged.last:
            merged.fill(number, cells)
        if any(cell is not None for cell in cells):
            yield number, cells


def _cell(value: Any) -> Cell:
    match value:
        case "":
            return None
        case bool() | int() | str():
            return value
        case float():
            return int(value) if value.is_integer() and abs(value) < 2**53 else value
        case datetime():
            return {"day": value.replace(microsecond=0).isoformat()}
        case date():
            return {"day": value.isoformat()}
        case time():
            return f"{value:%H:%M}"
        case timedelta():
            return value / timedelta(days=1)
    return str(value)
