"""A table as text: by commas, tabs or semicolons, in UTF-8, GB18030 or UTF-16, which are told from the text itself."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from typing import IO

from . import MOST_COLUMNS, Remarks, Row, Sheet, Unreadable, _

ENCODINGS = ("utf-8", "gb18030", "utf-16", "big5")
_PIECE = 256 * 1024
_MOST_IN_A_CELL = 2**20
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_AS_TEXT = re.compile(r'="([^"]*)"')


def read(file: IO[bytes], encoding: str | None = None) -> Sheet:
    csv.field_size_limit(_MOST_IN_A_CELL)
    encoding = encoding if encoding in ENCODINGS else None
    found = _with_mark(file, encoding) if encoding else encoding_of(file)
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=found, errors="replace", newline="")
    beginning = text.read(_PIECE)
    if not beginning.strip():
        raise Unreadable(_("The file is empty."))
    delimiter, skipped = delimiter_of(beginning)
    text.seek(0)
    remarks = Remarks()
    about = {
        "form": "csv",
        "encoding": found.removesuffix("-sig").removesuffix("-le").removesuffix("-be"),
        "delimiter": delimiter,
    }
    return Sheet(_rows(text, delimiter, skipped, remarks), remarks, about)


def encoding_of(file: IO[bytes]) -> str:
    """What its mark says; otherwise UTF-8 where every byte fits it, and GB18030 where one does not."""
    file.seek(0)
    beginning = file.read(_PIECE)
    for mark, encoding in _BOMS.items():
        if beginning.startswith(mark):
            return encoding
    nulls = beginning[:2000]
    if nulls.count(0) > len(nulls) // 8:
        return "utf-16-le" if nulls[1::2].count(0) > nulls[::2].count(0) else "utf-16-be"
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while piece := file.read(_PIECE):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"


def _with_mark(file: IO[bytes], encoding: str) -> str:
    file.seek(0)
    beginning = file.read(4)
    if encoding == "utf-8":
        return "utf-8-sig"
    if encoding == "utf-16" and not beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16-le"
    return encoding


def delimiter_of(beginning: str) -> tuple[str, int]:
    """What separates the cells, and how many lines before the table say so themselves (`sep=;`)."""
    if said := re.match(r"sep=(.)\r?\n", beginning):
        return said[1], 1
    best, most = ",", 0.0
    for delimiter in ",\t;|":
        rows = csv.reader(io.StringIO(beginning.rpartition("\n")[0] or beginning, newline=""), delimiter=delimiter)
        try:
            widths = Counter(len(row) for row, _number in zip(rows, range(100), strict=False) if len(row) > 1)
        except csv.Error:
            continue
        width, count = max(widths.items(), key=lambda one: one[0] * one[1], default=(0, 0))
        if width * count > most:
            best, most = delimiter, width * count
    return best, 0


def _rows(text: io.TextIOWrapper, delimiter: str, skipped: int, remarks: Remarks) -> Iterator[Row]:
    reader = csv.reader((line.replace("\0", "") for line in text), delimiter=delimiter)
    number = 0
    try:
        for number, row in enumerate(reader, 1):
            if number <= skipped:
                continue
            cells = [_cell(value) for value in row[:MOST_COLUMNS]]
            while cells and cells[-1] is None:
                cells.pop()
            if cells:
                if any(cell and "\ufffd" in cell for cell in cells):
                    remarks.note(
                        _(
                            "Rows with characters that are not of the file’s encoding; choose another encoding if they are many"
                        ),
                        str(number),
                    )
                yield number, cells
    except csv.Error as error:
        raise Unreadable(
            _("Row {row} cannot be read: {why}. Look for a quotation mark that is not closed."),
            row=number + 1,
            why=str(error),
        ) from error


def _cell(value: str) -> str | None:
    """Without what programs put around a number so that Excel leaves it alone: ="007", a tab behind it, an apostrophe before it."""
    if value.startswith("=") and (said := _AS_TEXT.fullmatch(value.strip())):
        value = said[1]
    value = value.strip("\t\ufeff ")
    if value.startswith("'") and value[1:2].isdigit():
        value = value[1:]
    return value or None
