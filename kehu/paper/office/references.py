"""Where cells are, in words like `A1`, `$B$2:B9` and formulas; and how they are called once rows were put in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from openpyxl.formula.tokenizer import Token, Tokenizer, TokenizerError
from openpyxl.utils import column_index_from_string, get_column_letter

_CELL = re.compile(r"(\$?)([A-Z]{1,3})(\$?)(\d+)")
_RANGE = re.compile(rf"{_CELL.pattern}(?::{_CELL.pattern})?")
_ROWS = re.compile(r"(\$?)(\d+):(\$?)(\d+)")
_SHEET = re.compile(r"(?s)((?:'(?:[^']|'')+'|[^'!]+)!)?(.+)")


@dataclass(frozen=True)
class Area:
    """A block of cells, with the columns and rows it begins and ends with."""

    left: int
    top: int
    right: int
    bottom: int

    def __str__(self) -> str:
        first = f"{get_column_letter(self.left)}{self.top}"
        last = f"{get_column_letter(self.right)}{self.bottom}"
        return first if first == last else f"{first}:{last}"

    def holds(self, column: int, row: int) -> bool:
        return self.left <= column <= self.right and self.top <= row <= self.bottom


def area(text: str) -> Area | None:
    found = _RANGE.fullmatch(text)
    if not found:
        return None
    _, left, _, top, _, right, _, bottom = found.groups()
    return Area(column_index_from_string(left), int(top), column_index_from_string(right or left), int(bottom or top))


def place(reference: str) -> tuple[int, int]:
    """Column and row of one cell."""
    found = _CELL.fullmatch(reference)
    assert found, reference
    return column_index_from_string(found[2]), int(found[4])


@dataclass(frozen=True)
class Insertion:
    """Rows put into a sheet behind `last`: the rows from `first` to `last` again, so often that there are `count` more."""

    sheet: str
    first: int
    last: int
    count: int

    def row(self, row: int) -> int:
        return row + self.count if row > self.last else row

    def span(self, top: int, bottom: int) -> tuple[int, int]:
        """A range that ends with the repeated rows goes on over all of them."""
        return self.row(top), bottom + self.count if bottom >= self.last or top >= self.first else bottom

    def _is_inside(self, *rows: int) -> bool:
        return all(self.first <= row <= self.last for row in rows)

    # -- lists of ranges: what a format, a check or a link is for

    def ranges(self, text: str) -> str:
        return " ".join(self._range(one) for one in text.split())

    def _range(self, text: str) -> str:
        if found := area(text):
            top, bottom = self.span(found.top, found.bottom)
            return str(Area(found.left, top, found.right, bottom))
        if rows := _ROWS.fullmatch(text):
            top, bottom = self.span(int(rows[2]), int(rows[4]))
            return f"{rows[1]}{top}:{rows[3]}{bottom}"
        return text

    def cell(self, text: str) -> str:
        column, row = place(text)
        return f"{get_column_letter(column)}{self.row(row)}"

    # -- formulas

    def formula(self, text: str, *, is_home: bool, copy: int | None = None) -> str:
        """`is_home`: names without a sheet are of the sheet with the new rows. `copy`: it stands in the repeated rows, in the
        copy so many rows further down; what it says of these rows it says of its own."""
        try:
            tokens = Tokenizer(f"={text}").items
        except TokenizerError:
            return text
        return "".join(self._token(token, is_home, copy) for token in tokens)

    def _token(self, token: Token, is_home: bool, copy: int | None) -> str:
        value = str(token.value)
        if token.type != Token.OPERAND or token.subtype != Token.RANGE:
            return value
        found = _SHEET.fullmatch(value)
        if not found:
            return value
        sheet, reference = found[1] or "", found[2]
        is_ours = self._is_called(sheet) if sheet else is_home
        return f"{sheet}{self._reference(reference, copy)}" if is_ours else value

    def _is_called(self, prefix: str) -> bool:
        name = prefix[:-1]
        if name.startswith("'"):
            name = name[1:-1].replace("''", "'")
        return name.casefold() == self.sheet.casefold()

    def _reference(self, text: str, copy: int | None) -> str:
        if found := _RANGE.fullmatch(text):
            return "".join(self._cells(list(found.groups()), copy))
        if found := _ROWS.fullmatch(text):
            top, bottom = self._rows(int(found[2]), int(found[4]), copy, is_range=True)
            return f"{found[1]}{top}:{found[3]}{bottom}"
        return text

    def _cells(self, groups: list[str | None], copy: int | None) -> Iterator[str]:
        fixed, left, fixed_row, top, fixed_right, right, fixed_bottom, bottom = groups
        first, last = self._rows(int(top or 0), int(bottom or top or 0), copy, is_range=bottom is not None)
        yield f"{fixed}{left}{fixed_row}{first}"
        if bottom is not None:
            yield f":{fixed_right}{right}{fixed_bottom}{last}"

    def _rows(self, top: int, bottom: int, copy: int | None, *, is_range: bool) -> tuple[int, int]:
        if copy is not None and self._is_inside(top, bottom):
            return top + copy, bottom + copy
        if not is_range:
            return self.row(top), self.row(bottom)
        return self.span(top, bottom)
