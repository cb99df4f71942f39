"""An Excel file filled: its cells are written where they stand, everything else stays as it came.

The sheet's own XML is changed and no library writes the file anew, because none keeps all that a customer's form is made of: text
boxes, ticks, drawings, charts, rules and print settings of newer programs (docs/decisions/0016).

A row whose cells name the columns of a table is there once for every row of that table; what is below it moves down. Rows one below
the other are one block; where all of them name the same, they are room that is prepared for as many rows.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from itertools import chain, repeat
from math import ceil
from typing import Any

from openpyxl.formula.translate import Translator
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format
from openpyxl.utils import get_column_letter
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, to_excel

from .package import Element, Package
from .placeholders import PLACEHOLDER, Found, Shown, find
from .references import Area, Insertion, area, place
from .runs import replace_in
from .values import Path, Row, Source

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_ROOT_OF_LINKS = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_LONGEST = 32_767
"""Letters that a cell may hold; with more the file counts as damaged."""
_TALLEST = 409
MOST = 20_000
"""Rows that may be put in."""
_GENERAL, _AS_TEXT = "General", "@"
_BEGINS_FORMULAS = "=+-@"
"""A text that begins so is marked as a text, so that it stays one when somebody goes into the cell and leaves it again."""


class TooManyRows(Exception):
    """A template that names tables in so many rows that filling it would not end."""


@dataclass
class Block:
    """Rows for a table; in each slot one row of it has its place."""

    table: Path
    slots: list[list[int]]


class Workbook:
    def __init__(self, package: Package):
        self.package = package
        self.root = package.xml(package.main)
        links = {found: target for found, _kind, target in package.links(package.main)}
        self.sheets = [
            Sheet(self, one.get("name", ""), links[one.get(f"{_ROOT_OF_LINKS}id")])
            for one in self.root.iter(f"{_MAIN}sheet")
            if "worksheets/" in links.get(one.get(f"{_ROOT_OF_LINKS}id"), "")
        ]

    @cached_property
    def strings(self) -> list[Element]:
        for _id, _kind, part in self.package.links(self.package.main, "sharedStrings"):
            return list(self.package.xml(part).iter(f"{_MAIN}si"))
        return []

    @cached_property
    def asking(self) -> frozenset[str]:
        """The numbers of the strings that hold placeholders: of the cells of a large sheet few have one."""
        return frozenset(str(number) for number, one in enumerate(self.strings) if PLACEHOLDER.search(_said_in(one)))

    @cached_property
    def styles(self) -> Styles:
        part = next(target for _id, _kind, target in self.package.links(self.package.main, "styles"))
        return Styles(self.package, part)

    @cached_property
    def epoch(self) -> datetime:
        properties = self.root.find(f"{_MAIN}workbookPr")
        is_mac = properties is not None and properties.get("date1904") in ("1", "true")
        return CALENDAR_MAC_1904 if is_mac else CALENDAR_WINDOWS_1900

    def texts(self) -> Iterator[tuple[str, str]]:
        """Every text that may hold placeholders, and where it is."""
        for sheet in self.sheets:
            yield from sheet.texts()

    def fill(self, source: Source) -> None:
        for sheet in self.sheets:
            sheet.fill(source)
        self._count_anew()

    def _count_anew(self) -> None:
        """What formulas came to is forgotten, so that no program shows a sum of the empty form."""
        has_formulas = False
        for sheet in self.sheets:
            for formula in sheet.root.iter(f"{_MAIN}f"):
                cell = formula.getparent()
                if cell.tag == f"{_MAIN}c":
                    has_formulas = True
                    for result in cell.findall(f"{_MAIN}v"):
                        cell.remove(result)
                        cell.attrib.pop("t", None)
                    self.package.changed(sheet.part)
        if has_formulas:
            rule = self.root.find(f"{_MAIN}calcPr")
            if rule is None:
                rule = self.root.makeelement(f"{_MAIN}calcPr")
                _insert_before(self.root, rule, _AFTER_CALCULATION)
            rule.set("fullCalcOnLoad", "1")
            self.package.changed(self.package.main)


_AFTER_CALCULATION = (
    "oleSize", "customWorkbookViews", "pivotCaches", "smartTagPr", "smartTagTypes", "webPublishing", "fileRecoveryPr",
    "webPublishObjects", "extLst",
)  # fmt: skip


def _insert_before(parent: Element, new: Element, names: Sequence[str]) -> None:
    """The schema wants its elements in an order of their own."""
    follower = next((child for child in parent if child.tag in {f"{_MAIN}{name}" for name in names}), None)
    if follower is None:
        parent.append(new)
    else:
        follower.addprevious(new)


class Sheet:
    def __init__(self, book: Workbook, name: str, part: str):
        self.book, self.name, self.part = book, name, part
        self.package = book.package
        self.root = self.package.xml(part)
        self.data = self.root.find(f"{_MAIN}sheetData")
        self._rows: dict[int, Element] = {int(row.get("r", 0)): row for row in self.data}
        self._scopes: dict[Element, tuple[Path, Row]] = {}
        """The rows that were filled from a table: which one, and which of its rows."""

    # -- what stands in it

    def texts(self) -> Iterator[tuple[str, str]]:
        for cell in self._cells():
            yield f"{self.name}!{cell.get('r')}", self._text(cell)
        for element in self._page_texts():
            yield self.name, element.text or ""
        for _part, paragraph in self._paragraphs():
            yield self.name, "".join(node.text or "" for node in paragraph)

    def _cells(self) -> Iterator[Element]:
        """Cells with placeholders; a formula is the form's own."""
        for row in self.data:
            for cell in row:
                if self._asks(cell) and cell.find(f"{_MAIN}f") is None:
                    yield cell

    def _asks(self, cell: Element) -> bool:
        match cell.get("t"):
            case "s":
                return cell.findtext(f"{_MAIN}v") in self.book.asking
            case "inlineStr":
                return PLACEHOLDER.search(self._text(cell)) is not None
        return False

    def _text(self, cell: Element) -> str:
        return _said_in(self._words(cell))

    def _words(self, cell: Element) -> Element | None:
        """What a cell of text says, with its runs."""
        if cell.get("t") == "inlineStr":
            return cell.find(f"{_MAIN}is")
        if cell.get("t") != "s":
            return None
        number = cell.findtext(f"{_MAIN}v") or ""
        return self.book.strings[int(number)] if number.isdecimal() and int(number) < len(self.book.strings) else None

    def _page_texts(self) -> list[Element]:
        """Headers and footers."""
        return [
            element
            for part in self.root.findall(f"{_MAIN}headerFooter")
            for element in part
            if PLACEHOLDER.search(element.text or "")
        ]

    def _paragraphs(self) -> Iterator[tuple[str, list[Element]]]:
        """The paragraphs of text boxes and shapes."""
        for _id, _kind, part in self.package.links(self.part, "drawing"):
            for paragraph in self.package.xml(part).iter("{*}p"):
                nodes = list(paragraph.iter("{*}t"))
                if PLACEHOLDER.search("".join(node.text or "" for node in nodes)):
                    yield part, nodes

    # -- filled

    def fill(self, source: Source) -> None:
        for block in reversed(self._blocks(source)):
            self._repeat(block, source.rows(block.table))
        for cell in list(self._cells()):
            self._write(cell, source)
        for element in self._page_texts():
            written = PLACEHOLDER.sub(lambda found: _said(found, source).replace("&", "&&"), element.text)
            element.text = written[:255]
            self.package.changed(self.part)
        for part, nodes in self._paragraphs():
            if replace_in(nodes, lambda words: _text_of(words, source, None)):
                self.package.changed(part)

    def _blocks(self, source: Source) -> list[Block]:
        named: dict[int, list[tuple[Element, Found]]] = defaultdict(list)
        for cell in self._cells():
            for words in PLACEHOLDER.findall(self._text(cell)):
                found = find(words, source.names)
                if found and found.table:
                    named[int(cell.getparent().get("r"))].append((cell, found))
        blocks: list[Block] = []
        taken = 0
        for row in sorted(named):
            if row <= taken:
                continue
            table = max((found.table or () for _cell, found in named[row]), key=len)
            rows = self._run_of(row, table, named)
            said = [[(found.path, found.filters) for _cell, found in named.get(one, ())] for one in rows]
            blocks.append(
                Block(
                    table, [rows[at : at + height] for height in [period(said)] for at in range(0, len(rows), height)]
                )
            )
            taken = rows[-1]
        return blocks

    def _run_of(self, row: int, table: Path, named: dict[int, list[tuple[Element, Found]]]) -> list[int]:
        """The rows of a block: those one below the other that name that table, with all that their merged cells cover."""
        last = row
        while True:
            below = last + 1
            if any(found.table == table for _cell, found in named.get(below, ())):
                last = below
            cells = [place(cell.get("r")) for one in range(row, last + 1) for cell, _found in named.get(one, ())]
            covered = max(
                (merged.bottom for merged in self.merged if any(merged.holds(*one) for one in cells)), default=0
            )
            last = max(last, covered)
            if last < below:
                return list(range(row, last + 1))

    @property
    def merged(self) -> list[Area]:
        found = (area(one.get("ref", "")) for one in self.root.iter(f"{_MAIN}mergeCell"))
        return [one for one in found if one]

    # -- rows put in

    def _repeat(self, block: Block, items: list[Row]) -> None:
        extra = max(len(items) - len(block.slots), 0)
        last = block.slots[-1]
        if extra:
            self._put_in(last, extra)
        slots = [*block.slots, *([row + number * len(last) for row in last] for number in range(1, extra + 1))]
        for slot, item in zip(slots, chain(items, repeat({})), strict=False):
            for row in slot:
                if row in self._rows:
                    self._scopes[self._rows[row]] = (block.table, item)

    def _put_in(self, rows: list[int], times: int) -> None:
        """The rows again so often, with formats, heights, merged cells and checks."""
        first, last, height = rows[0], rows[-1], len(rows)
        if last + times * height > MOST:
            raise TooManyRows
        insertion = Insertion(self.name, first, last, times * height)
        self._unshare()
        copies = [
            (number * height, deepcopy(self._rows[row]))
            for number in range(1, times + 1)
            for row in rows
            if row in self._rows
        ]
        merged = [one for one in self.merged if first <= one.top and one.bottom <= last]
        self._move(insertion, set(rows))
        for by, copy in copies:
            self._place(copy, int(copy.get("r")) + by)
            for formula in copy.iter(f"{_MAIN}f"):
                formula.text = insertion.formula(formula.text or "", is_home=True, copy=by)
                if formula.get("ref"):
                    formula.set("ref", _moved_by(formula.get("ref"), by))
            self._rows[int(copy.get("r"))] = copy
        self._in_order()
        self._merge([_lower(one, number * height) for number in range(1, times + 1) for one in merged], merged)
        self.package.drop(next(self._chain(), ""), self.package.main)

    def _chain(self) -> Iterator[str]:
        """In which order cells are counted: by their old places; a program that misses it makes it anew."""
        return (part for _id, _kind, part in self.package.links(self.package.main, "calcChain"))

    @staticmethod
    def _place(row: Element, number: int) -> None:
        row.set("r", str(number))
        for cell in row:
            column, _row = place(cell.get("r"))
            cell.set("r", f"{get_column_letter(column)}{number}")

    def _in_order(self) -> None:
        for number in sorted(self._rows):
            self.data.append(self._rows[number])  # an element that is there already moves
        self.package.changed(self.part)

    def _merge(self, new: list[Area], before: list[Area]) -> None:
        """The copies' merged cells; and the first one's stay as they were, though they end with the repeated rows."""
        element = self.root.find(f"{_MAIN}mergeCells")
        if element is None:
            return
        for one in new:
            merged = element.makeelement(f"{_MAIN}mergeCell")
            merged.set("ref", str(one))
            element.append(merged)
        element.set("count", str(len(element)))

    def _unshare(self) -> None:
        """Formulas that several cells share are written out in each: they will not stay where they are to one another."""
        masters: dict[str, tuple[str, str]] = {}
        for formula in self.data.iter(f"{_MAIN}f"):
            if formula.get("t") != "shared":
                continue
            cell, number = formula.getparent().get("r"), formula.get("si", "")
            if formula.text:
                masters[number] = (cell, formula.text)
            elif number in masters:
                origin, text = masters[number]
                formula.text = Translator(f"={text}", origin=origin).translate_formula(cell)[1:]
            for name in ("t", "si", "ref"):
                formula.attrib.pop(name, None)

    def _move(self, insertion: Insertion, repeated: set[int]) -> None:
        """Everything that names a place in this sheet names where that is now."""
        for number in sorted(self._rows, reverse=True):
            row = self._rows[number]
            for formula in row.iter(f"{_MAIN}f"):
                formula.text = insertion.formula(
                    formula.text or "", is_home=True, copy=0 if number in repeated else None
                )
                if formula.get("ref") and number > insertion.last:
                    formula.set("ref", _moved_by(formula.get("ref"), insertion.count))
            if number > insertion.last:
                self._rows[number + insertion.count] = self._rows.pop(number)
                self._place(row, number + insertion.count)
        merged = {str(one) for one in self.merged if insertion.first <= one.top and one.bottom <= insertion.last}
        for child in self.root:
            if child is not self.data:
                _move_places(child, insertion, merged)
        for _id, kind, part in list(self.package.links(self.part)):
            self._move_in(part, kind, insertion)
        for sheet in self.book.sheets:
            if sheet is not self:
                for formula in sheet.root.iter(f"{_MAIN}f", f"{_MAIN}formula", f"{_MAIN}formula1", f"{_MAIN}formula2"):
                    formula.text = insertion.formula(formula.text or "", is_home=False)
                self.package.changed(sheet.part)
        for name in self.book.root.iter(f"{_MAIN}definedName"):
            name.text = insertion.formula(name.text or "", is_home=False)
        self.package.changed(self.package.main)
        for part in self.package.parts("xl/charts/"):
            if part.endswith(".xml") and "/_rels/" not in part:
                for formula in self.package.xml(part).iter("{*}f"):
                    formula.text = insertion.formula(formula.text or "", is_home=False)
                    self.package.changed(part)

    def _move_in(self, part: str, kind: str, insertion: Insertion) -> None:
        if kind in ("drawing", "vmlDrawing", "comments", "threadedComment", "table"):
            root = self.package.xml(part)
            _move_places(root, insertion, set())
            self.package.changed(part)

    # -- a cell written

    def _write(self, cell: Element, source: Source) -> None:
        words: Element = self._words(cell)
        scope = self._scopes.get(cell.getparent())
        only = PLACEHOLDER.fullmatch(self._text(cell).strip())
        found = find(only[1], source.names) if only else None
        if found and self._write_value(cell, source.shown(found, _row(found, scope))):
            self.package.changed(self.part)
            return
        new = deepcopy(words)
        new.tag = f"{_MAIN}is"
        for phonetic in new.xpath("*[local-name()='rPh' or local-name()='phoneticPr']"):
            new.remove(phonetic)
        nodes = _text_nodes(new)
        if not replace_in(nodes, lambda one: _text_of(one, source, scope)):
            return
        for node in nodes:
            node.text = re.sub(r"_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", (node.text or "")[:_LONGEST])
        text = "".join(node.text for node in nodes)
        self._empty(cell)
        self.package.changed(self.part)
        if not text:
            return
        cell.set("t", "inlineStr")
        cell.append(new)
        if "\n" in text or text[0] in _BEGINS_FORMULAS:
            self._restyle(cell, wrap="\n" in text, quote=text[0] in _BEGINS_FORMULAS)
        self._make_room(cell, text)

    def _write_value(self, cell: Element, shown: Shown) -> bool:
        """A number is written as one, in the cell's own format or else with its decimals; a day where the cell shows days."""
        code = self.book.styles.format_of(self._style(cell))
        value: Any = shown.value
        if isinstance(value, Decimal) and code != _AS_TEXT and shown.text:
            if code == _GENERAL:
                self._restyle(cell, code="#,##0" + ("." + "0" * shown.decimals if shown.decimals else ""))
        elif isinstance(value, date) and is_date_format(code):
            moment = datetime.fromisoformat(shown.text)  # as the organization's clock shows it
            value = to_excel(moment if isinstance(value, datetime) else moment.date(), self.book.epoch)
        else:
            return False
        self._empty(cell)
        number = cell.makeelement(f"{_MAIN}v")
        number.text = f"{value:f}" if isinstance(value, Decimal) else repr(value)
        cell.append(number)
        return True

    @staticmethod
    def _empty(cell: Element) -> None:
        for child in list(cell):
            cell.remove(child)
        cell.attrib.pop("t", None)

    @staticmethod
    def _style(cell: Element) -> int:
        return int(cell.get("s") or 0)

    def _restyle(self, cell: Element, **more: Any) -> None:
        cell.set("s", str(self.book.styles.like(self._style(cell), **more)))

    # -- room for what was written

    def _make_room(self, cell: Element, text: str) -> None:
        """A text of several lines in cells too low for it makes their last row higher; nothing becomes lower."""
        column, row = place(cell.get("r"))
        span = next((one for one in self.merged if one.holds(column, row)), Area(column, row, column, row))
        if not self.book.styles.wraps(self._style(cell)):
            return
        width = sum(self._width(one) for one in range(span.left, span.right + 1))
        size = self.book.styles.size(self._style(cell))
        letters = max(width * 11 / size, 1)
        lines = sum(max(1, ceil(_letters(line) / letters)) for line in text.split("\n"))
        missing = lines * size * 1.35 + 2 - sum(self._height(one) for one in range(span.top, span.bottom + 1))
        if lines > 1 and missing > 0:
            self._heighten(span.bottom, missing)

    def _heighten(self, number: int, by: float) -> None:
        row = self._rows.get(number)
        if row is not None:
            row.set("ht", f"{min(self._height(number) + by, _TALLEST):g}")
            row.set("customHeight", "1")

    def _height(self, number: int) -> float:
        row = self._rows.get(number)
        return float((row.get("ht") if row is not None else None) or self._default("defaultRowHeight", 15))

    def _width(self, number: int) -> float:
        for column in self.root.iter(f"{_MAIN}col"):
            if int(column.get("min")) <= number <= int(column.get("max")) and column.get("width"):
                return float(column.get("width"))
        return self._default("defaultColWidth", 8.43)

    def _default(self, name: str, otherwise: float) -> float:
        found = self.root.find(f"{_MAIN}sheetFormatPr")
        return float((found.get(name) if found is not None else None) or otherwise)


class Styles:
    """The formats of cells. New ones are put behind those there are."""

    def __init__(self, package: Package, part: str):
        self.package, self.part = package, part
        self.root = package.xml(part)
        self.formats = self.root.find(f"{_MAIN}cellXfs")
        self._made: dict[tuple[Any, ...], int] = {}

    def format_of(self, style: int) -> str:
        number = int(self._xf(style).get("numFmtId") or 0)
        for one in self.root.iter(f"{_MAIN}numFmt"):
            if int(one.get("numFmtId")) == number:
                return str(one.get("formatCode"))
        return str(BUILTIN_FORMATS.get(number, _GENERAL))

    def wraps(self, style: int) -> bool:
        alignment = self._xf(style).find(f"{_MAIN}alignment")
        return alignment is not None and alignment.get("wrapText") in ("1", "true")

    def size(self, style: int) -> float:
        fonts = self.root.find(f"{_MAIN}fonts")
        number = int(self._xf(style).get("fontId") or 0)
        size = fonts[number].find(f"{_MAIN}sz") if fonts is not None and number < len(fonts) else None
        return float(size.get("val")) if size is not None else 11

    def _xf(self, style: int) -> Element:
        return self.formats[style] if style < len(self.formats) else self.formats[0]

    def like(self, style: int, *, code: str = "", wrap: bool = False, quote: bool = False) -> int:
        """That format with another way to write numbers, with lines that break, or as a text whatever it looks like."""
        key = (style, code, wrap, quote)
        if key not in self._made:
            new = deepcopy(self._xf(style))
            if code:
                new.set("numFmtId", str(self._number(code)))
                new.set("applyNumberFormat", "1")
            if quote:
                new.set("quotePrefix", "1")
            if wrap:
                alignment = new.find(f"{_MAIN}alignment")
                if alignment is None:
                    alignment = new.makeelement(f"{_MAIN}alignment")
                    new.insert(0, alignment)
                alignment.set("wrapText", "1")
                new.set("applyAlignment", "1")
            self.formats.append(new)
            self.formats.set("count", str(len(self.formats)))
            self._made[key] = len(self.formats) - 1
            self.package.changed(self.part)
        return self._made[key]

    def _number(self, code: str) -> int:
        for number, known in BUILTIN_FORMATS.items():
            if known == code:
                return int(number)
        there = {int(one.get("numFmtId")): one.get("formatCode") for one in self.root.iter(f"{_MAIN}numFmt")}
        for number, known in there.items():
            if known == code:
                return number
        parent = self.root.find(f"{_MAIN}numFmts")
        if parent is None:
            parent = self.root.makeelement(f"{_MAIN}numFmts")
            self.root.insert(0, parent)
        one = parent.makeelement(f"{_MAIN}numFmt")
        one.set("numFmtId", str(max([163, *there]) + 1))
        one.set("formatCode", code)
        parent.append(one)
        parent.set("count", str(len(parent)))
        return int(one.get("numFmtId"))


# --- small things -----------------------------------------------------------------------------------------------------


def _text_nodes(words: Element | None) -> list[Element]:
    """The texts of a string or of its runs; what says how it is spoken is left out."""
    if words is None:
        return []
    return [node for child in words for node in _texts_in(child)]


def _said_in(words: Element | None) -> str:
    return "".join(node.text or "" for node in _text_nodes(words))


def _texts_in(child: Element) -> list[Element]:
    if child.tag == f"{_MAIN}t":
        return [child]
    return list(child.findall(f"{_MAIN}t")) if child.tag == f"{_MAIN}r" else []


def _row(found: Found, scope: tuple[Path, Row] | None) -> Row | None:
    return scope[1] if scope and found.table == scope[0][: len(found.table or ())] else None


def _text_of(words: str, source: Source, scope: tuple[Path, Row] | None) -> str | None:
    found = find(words, source.names)
    return source.shown(found, _row(found, scope)).text if found else None


def _said(found: re.Match[str], source: Source) -> str:
    said = _text_of(found[1], source, None)
    return found[0] if said is None else said


def period(said: Sequence[Any]) -> int:
    """After how many rows they say the same again: where that is fewer than there are, they are room for several."""
    return next(
        height
        for height in range(1, len(said) + 1)
        if len(said) % height == 0 and all(said[at] == said[at - height] for at in range(height, len(said)))
    )


def _letters(text: str) -> int:
    return sum(2 if letter > "⺀" else 1 for letter in text)


def _lower(one: Area, by: int) -> Area:
    return Area(one.left, one.top + by, one.right, one.bottom + by)


def _moved_by(ranges: str, by: int) -> str:
    found = [area(one) for one in ranges.split()]
    return " ".join(str(_lower(one, by)) for one in found if one)


def _move_places(element: Element, insertion: Insertion, kept: set[str]) -> None:
    """Every attribute and text that names places of the sheet. `kept` are merged cells inside the repeated rows: they stay."""
    for one in element.iter():
        if not isinstance(one.tag, str):
            continue
        name = one.tag.rpartition("}")[2]
        _move_attributes(one, name, insertion, kept)
        if not one.text or not one.text.strip():
            continue
        if name in ("formula", "formula1", "formula2", "f", "calculatedColumnFormula"):
            one.text = insertion.formula(one.text, is_home=True)
        elif name == "sqref":
            one.text = insertion.ranges(one.text)
        elif name == "row" and one.getparent().tag.rpartition("}")[2] in ("from", "to"):
            one.text = str(insertion.row(int(one.text) + 1) - 1)  # drawings count from 0
        elif name == "Row":
            one.text = str(insertion.row(int(one.text) + 1) - 1)
        elif name == "Anchor":
            one.text = _moved_anchor(one.text, insertion)


def _move_attributes(one: Element, name: str, insertion: Insertion, kept: set[str]) -> None:
    if name == "mergeCell" and one.get("ref") in kept:
        return
    for attribute in ("ref", "sqref"):
        if (value := one.get(attribute)) is not None:
            is_cell = name in ("comment", "threadedComment")
            one.set(attribute, insertion.cell(value) if is_cell else insertion.ranges(value))
    if name == "brk" and one.getparent().tag.endswith("rowBreaks"):
        one.set("id", str(insertion.row(int(one.get("id", 0)))))


def _moved_anchor(text: str, insertion: Insertion) -> str:
    """Column, offset, row, offset, and the same of the other corner."""
    numbers = [one.strip() for one in text.split(",")]
    for at in (2, 6):
        if len(numbers) == 8 and numbers[at].isdecimal():
            numbers[at] = str(insertion.row(int(numbers[at]) + 1) - 1)
    return ", ".join(numbers)
