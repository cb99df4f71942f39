"""An .xlsx workbook, read in one pass and in the memory of a few hundred rows.

The libraries we tried either take ten times as long or keep to themselves what must be told: that a cell holds an error, a formula
without a value, a number shown with leading zeros, a hidden row. One of them is ended by the operating system when a small file
claims a cell in the last row and the last column (docs/decisions/0019).

Long parts are parsed a portion of rows at a time. What stands before the first row, where a DOCTYPE with its entities would be, no
XML parser ever sees.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET  # noqa: S405  # nosec B405
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cached_property
from typing import IO

from . import MOST_COLUMNS, Cell, Remarks, Row, Sheet, Unreadable, _

_PORTION = 512 * 1024
_MOST_BEFORE = 8 * 2**20
"""So much may stand before the first row, or be one row."""
_MOST_SMALL = 32 * 2**20
"""Of a part that is read whole."""
_MOST_TEXT = 150 * 2**20
"""Of the texts that cells share, without what Python adds."""
_MOST_UNPACKED = 3 * 2**30

_DAYS = frozenset([*range(14, 18), 22, *range(27, 32), 36, *range(50, 55), 57, 58])
_TIMES = frozenset([*range(18, 22), *range(32, 36), *range(45, 48), 55, 56])
_PERCENT = frozenset([9, 10])
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h|m|s)[^\]]*\]', re.IGNORECASE)
_MERGED = re.compile(rb"<(?:[\w.-]+:)?mergeCell\b[^>]*?\bref=[\"']([A-Z]+)(\d+):([A-Z]+)(\d+)[\"']")


def read(file: IO[bytes], wanted: str | None = None) -> Sheet:
    try:
        book = _Book(file)
        sheet = book.sheet(wanted)
        remarks = Remarks()
        about = {
            "form": "xlsx",
            "sheets": [{"name": one.name, "is_hidden": one.is_hidden} for one in book.sheets],
            "sheet": sheet.name,
        }
        return Sheet(_guarded(book.rows(sheet, remarks)), remarks, about)
    except _BROKEN as error:
        raise _unreadable() from error


_BROKEN = (zipfile.BadZipFile, ET.ParseError, KeyError, ValueError, IndexError, EOFError, NotImplementedError, OSError)


def _unreadable() -> Unreadable:
    return Unreadable(
        _("The workbook is damaged. Open it in Excel or WPS, save it anew as .xlsx, and choose it again.")
    )


def _guarded(rows: Iterator[Row]) -> Iterator[Row]:
    try:
        yield from rows
    except _BROKEN as error:
        raise _unreadable() from error


class _Sheet:
    def __init__(self, name: str, path: str, is_hidden: bool):
        self.name, self.path, self.is_hidden = name, path, is_hidden


class _Book:
    def __init__(self, file: IO[bytes]):
        self.zip = zipfile.ZipFile(file)
        self.parts = {name.replace("\\", "/").lower(): name for name in self.zip.namelist()}
        if sum(part.file_size for part in self.zip.infolist()) > _MOST_UNPACKED:
            raise Unreadable(
                _("Unpacked, the workbook is larger than can be read. Split it, or save the sheet as CSV.")
            )
        if any(part.flag_bits & 1 for part in self.zip.infolist()):
            raise Unreadable(_("The workbook is locked with a password. Save it without one, and choose it again."))
        self.path = self._of_type("officeDocument", "_rels/.rels", "") or "xl/workbook.xml"
        root = self._small(self.path)
        ns = root.tag[: root.tag.find("}") + 1]
        folder, _slash, name = self.path.rpartition("/")
        self.relations = self._relations(f"{folder}/_rels/{name}.rels", folder)
        self.is_1904 = any(one.get("date1904") in ("1", "true") for one in root.iter(f"{ns}workbookPr"))
        self.sheets = [
            _Sheet(one.get("name", ""), target, one.get("state", "visible") != "visible")
            for one in root.iter(f"{ns}sheet")
            for key, value in one.attrib.items()
            if key.endswith("}id")
            for kind, target in [self.relations.get(value, ("", ""))]
            if kind == "worksheet"
        ]

    def sheet(self, wanted: str | None) -> _Sheet:
        """The one asked for; else the first that people see and that has rows."""
        named = [one for one in self.sheets if one.name == wanted]
        seen = [one for one in self.sheets if not one.is_hidden] or self.sheets
        found = named or [one for one in seen if self._has_rows(one)] or seen
        if not found:
            raise Unreadable(_("The workbook has no sheet with rows."))
        return found[0]

    def rows(self, sheet: _Sheet, remarks: Remarks) -> Iterator[Row]:
        merged = Merged(self._merged(sheet, remarks))
        read, number = _Cells(self, remarks).read, 0
        places: dict[str, int] = {}
        for element in self._portions(sheet.path, b"sheetData", b"row"):
            number = int(element.get("r") or number + 1)
            cells: list[Cell] = []
            for at, one in enumerate(element):
                reference = one.get("r") or ""
                name = reference.rstrip("0123456789")
                column = places.get(name) if name else at
                if column is None:
                    column = places[name] = _column(name)
                value = read(one, reference)
                if value is None:
                    continue
                if column >= MOST_COLUMNS:
                    remarks.note(_("Columns behind IV are not read"), reference)
                    continue
                if column > len(cells):
                    cells += [None] * (column - len(cells))
                if column == len(cells):
                    cells.append(value)
                else:
                    cells[column] = value
            if number <= merged.last:
                merged.fill(number, cells)
            if cells:
                if element.get("hidden") in ("1", "true"):
                    remarks.note(
                        _("Rows that are hidden in the workbook, by a filter or by hand, are read too"), str(number)
                    )
                yield number, cells

    # --- what the cells refer to ---------------------------------------------------------------------------------------

    @cached_property
    def strings(self) -> list[str]:
        path = next((target for kind, target in self.relations.values() if kind == "sharedStrings"), "")
        if path.lower() not in self.parts:
            return []
        found, size = [], 0
        for element in self._portions(path, b"sst", b"si"):
            text = _text_of(element)
            size += len(text)
            if size > _MOST_TEXT:
                raise Unreadable(
                    _("The workbook holds more text than can be read at once. Split it, or save the sheet as CSV.")
                )
            found.append(text)
        return found

    @cached_property
    def styles(self) -> list[str | int | None]:
        """How each style shows a number: day · time · percent, so many digits with leading zeros, or plainly."""
        path = next((target for kind, target in self.relations.values() if kind == "styles"), "")
        if path.lower() not in self.parts:
            return []
        root = self._small(path)
        ns = root.tag[: root.tag.find("}") + 1]
        codes = {int(one.get("numFmtId", 0)): one.get("formatCode", "") for one in root.iter(f"{ns}numFmt")}
        formats = root.find(f"{ns}cellXfs")
        return [_shown(int(one.get("numFmtId") or 0), codes) for one in (formats if formats is not None else ())]

    def _merged(self, sheet: _Sheet, remarks: Remarks) -> list[tuple[int, int, int]]:
        """Cells merged over several rows: first and last row, column. They are listed behind the rows, so the sheet is gone through."""
        found = []
        with self._open(sheet.path) as part:
            rest = b""
            while data := part.read(_PORTION):
                rest = rest[-200:] + data
                if (end := rest.find(b"sheetData>")) >= 0 and b"/" in rest[max(0, end - 20) : end]:
                    rest = rest[end:]
                    break
            while rest:
                for left, top, right, bottom in _MERGED.findall(rest):
                    place = f"{left.decode()}{int(top)}:{right.decode()}{int(bottom)}"
                    remarks.note(
                        _(
                            "What stands in merged cells counts for each of their rows, and for the first of their columns"
                        ),
                        place,
                    )
                    if top != bottom:
                        found.append((int(top), int(bottom), _column(left.decode())))
                data = part.read(_PORTION)
                cut = rest.rfind(b"<")
                rest = (rest[cut:] if data and cut >= 0 and b">" not in rest[cut:] else b"") + data
        return found

    # --- the parts of the file -----------------------------------------------------------------------------------------

    def _open(self, path: str) -> IO[bytes]:
        return self.zip.open(self.parts[path.lower()])

    def _small(self, path: str) -> ET.Element:
        with self._open(path) as part:
            data = part.read(_MOST_SMALL + 1)
        if len(data) > _MOST_SMALL or b"<!DOCTYPE" in data:
            raise _unreadable()
        return ET.fromstring(data)  # noqa: S314  # nosec B314

    def _relations(self, path: str, folder: str) -> dict[str, tuple[str, str]]:
        """key -> the last word of its type, and the part it leads to"""
        if path.lower() not in self.parts:
            return {}
        found = {}
        for one in self._small(path):
            target = one.get("Target", "")
            whole = target.lstrip("/") if target.startswith("/") else f"{folder}/{target}".lstrip("/")
            found[one.get("Id", "")] = (one.get("Type", "").rpartition("/")[2], _straight(whole))
        return found

    def _of_type(self, kind: str, path: str, folder: str) -> str:
        return next((target for one, target in self._relations(path, folder).values() if one == kind), "")

    def _has_rows(self, sheet: _Sheet) -> bool:
        return next(self._portions(sheet.path, b"sheetData", b"row"), None) is not None

    def _portions(self, path: str, container: bytes, element: bytes) -> Iterator[ET.Element]:
        """The elements of a long list; only a portion of them is in memory."""
        with self._open(path) as part:
            opening = re.compile(rb"<((?:[\w.-]+:)?)" + container + rb"(?:\s[^>]*?)?(/?)>")
            data = b""
            while not (start := opening.search(data)):
                more = part.read(_PORTION)
                if not more or len(data) > _MOST_BEFORE:
                    raise _unreadable()
                data += more
            if start[2]:
                return
            root = re.search(rb"<(?:[\w.-]+:)?(?:worksheet|sst)(\s[^>]*?)?>", data)
            names = (
                b" ".join(re.findall(rb"xmlns(?::[\w.-]+)?=(?:\"[^\"]*\"|'[^']*')", root[1] or b"")) if root else b""
            )
            if not names:
                raise _unreadable()
            end, last = b"</" + start[1] + element + b">", b"</" + start[1] + container
            data = data[start.end() :]
            while True:
                over = data.find(last)
                cut = over if over >= 0 else data.rfind(end) + len(end)
                if cut >= len(end) or over >= 0:
                    yield from ET.fromstring(b"<list " + names + b">" + data[:cut] + b"</list>")  # noqa: S314  # nosec B314
                    data = data[cut:]
                if over >= 0:
                    return
                more = part.read(_PORTION)
                if not more or len(data) > _MOST_BEFORE:
                    raise _unreadable()
                data += more


def _straight(path: str) -> str:
    """Without `..`: xl/worksheets/../x.xml is xl/x.xml."""
    found: list[str] = []
    for step in path.replace("\\", "/").split("/"):
        if step == "..":
            del found[-1:]
        elif step not in ("", "."):
            found.append(step)
    return "/".join(found)


class _Cells:
    """Reads a sheet's cells, one after another: a million of them are usual, so it is done without detours."""

    def __init__(self, book: _Book, remarks: Remarks):
        self.strings, self.styles, self.is_1904, self.remarks = book.strings, book.styles, book.is_1904, remarks

    def read(self, one: ET.Element, place: str) -> Cell:
        text, is_formula = None, False
        for child in one:
            sign = child.tag[-2:]
            if sign == "}v":
                text = child.text
            elif sign == "is":
                text = _text_of(child)
            elif sign == "}f":
                is_formula = True
        if is_formula:
            if not text:
                return {"formula": ""}
            self.remarks.note(_("Of formulas, the value that the workbook keeps is taken"), place)
        if not text:
            return None
        get = one.get
        kind = get("t")
        if kind == "s":
            return self.strings[int(text)] or None
        if kind is None or kind == "n":
            style = get("s")
            return _number(
                text, self.styles[int(style)] if style and int(style) < len(self.styles) else None, self.is_1904
            )
        if kind == "inlineStr":
            return text
        if kind == "str":
            return _plain(text)
        if kind == "b":
            return text == "1"
        if kind == "e":
            return {"error": text}
        return {"day": text[:19]}


def _number(text: str, shown: str | int | None, is_1904: bool) -> Cell:
    value: int | float = int(text) if text.lstrip("-").isdigit() else float(text)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if shown is None:
        return value
    if shown == "percent":
        return f"{float(value) * 100:.12g}%"
    if isinstance(shown, int):
        return str(value).zfill(shown) if isinstance(value, int) and value >= 0 else value
    return moment(float(value), shown, is_1904) or value


def moment(serial: float, shown: str, is_1904: bool = False) -> Cell:
    """What a number means that is shown as a day or a time; nothing where it is none."""
    if 0 <= serial < 1 and (shown == "time" or serial):
        seconds = round(serial * 86400)
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}" + (f":{seconds % 60:02}" if seconds % 60 else "")
    if shown == "time" or not 1 <= serial < 2958466:
        return None
    start = datetime(1904, 1, 1) if is_1904 else datetime(1899, 12, 30)
    found = start + timedelta(seconds=round(serial * 86400))
    has_time = (found.hour, found.minute, found.second) != (0, 0, 0)
    return {"day": found.isoformat() if has_time else found.date().isoformat()}


def _shown(number: int, codes: dict[int, str]) -> str | int | None:
    if number not in codes:
        return "day" if number in _DAYS else "time" if number in _TIMES else "percent" if number in _PERCENT else None
    code = _LITERAL.sub("", codes[number].split(";")[0]).lower()
    if re.fullmatch("0{2,}", code):
        return len(code)
    if "%" in code:
        return "percent"
    if "general" in code or not re.search("[ymdhs]", code):
        return None
    return "day" if re.search("[yd]", code) or not re.search("[hs]", code) else "time"


def _text_of(element: ET.Element) -> str:
    """Its runs, without the reading aids that Japanese workbooks carry."""
    if len(element) == 1 and element[0].tag[-2:] == "}t":
        return _plain(element[0].text or "")
    parts = []
    for child in element:
        name = child.tag.rpartition("}")[2]
        if name == "t":
            parts.append(child.text or "")
        elif name == "r":
            parts += [one.text or "" for one in child if one.tag.rpartition("}")[2] == "t"]
    return _plain("".join(parts))


def _plain(text: str) -> str:
    return _ESCAPED.sub(_unescaped, text) if "_x" in text else text


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))


def _column(name: str) -> int:
    found = 0
    for sign in name.upper():
        found = found * 26 + ord(sign) - 64
    return found - 1


class Merged:
    """Cells merged over several rows, as the rows go by: what stands in the first counts in the others that have something of their
    own to say."""

    def __init__(self, found: list[tuple[int, int, int]]):
        self.last = max((bottom for _top, bottom, _column in found), default=0)
        self.coming = sorted(found, reverse=True)
        self.open: dict[int, tuple[int, Cell]] = {}
        """column -> until which row, and what"""

    def fill(self, number: int, cells: list[Cell]) -> None:
        is_said = bool(cells)
        for column, (bottom, value) in list(self.open.items()):
            if number > bottom:
                del self.open[column]
            elif is_said and value is not None:
                cells += [None] * (column + 1 - len(cells))
                if cells[column] is None:
                    cells[column] = value
        while self.coming and self.coming[-1][0] <= number:
            top, bottom, column = self.coming.pop()
            if top == number and column < MOST_COLUMNS:
                self.open[column] = bottom, cells[column] if column < len(cells) else None
