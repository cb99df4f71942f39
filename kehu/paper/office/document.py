"""A Word file filled: its paragraphs are written where they stand, everything else stays as it came.

A table's row that names the columns of a table is there once for every row of it, as in a workbook. Beyond that the tags that
docxtpl has for rows and paragraphs are understood, and no others:

    {%tr for row in departments %}  {%tr endfor %}      {%p for row in actions %}  {%p endfor %}
    {%p if demand %}  {%p else %}  {%p endif %}         {%tr if channel == 'phone' %}  {%tr endif %}
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import chain, repeat

from .package import Element, Package
from .placeholders import PLACEHOLDER, Found, Names, find
from .runs import SPACE, replace_in
from .values import Path, Row, Source
from .workbook import MOST, TooManyRows, period

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_W14 = "{http://schemas.microsoft.com/office/word/2010/wordml}"
_NAMES_OF_PARAGRAPHS = (f"{_W14}paraId", f"{_W14}textId")
"""By which a program knows a paragraph again: a copy has none."""
_PARTS = ("header", "footer", "footnotes", "endnotes")
_ENDING_IN_PARAGRAPHS = frozenset(f"{_W}{name}" for name in ("tc", "hdr", "ftr", "txbxContent"))
"""A program takes the file for damaged where these end otherwise."""
_TAG = re.compile(r"\{%-?\s*(?:(tr|p)\s+)?(.*?)\s*-?%\}")
_FOR = re.compile(r"for\s+(\w+)\s+in\s+(.+)")
_IF = re.compile(r"if\s+(not\s+)?(.+?)(?:\s*(==|!=)\s*['\"‘’“”](.*)['\"‘’“”])?")
_KINDS = {f"{_W}tr": "tr", f"{_W}p": "p"}


class NotUnderstood(Exception):
    """A tag that means nothing here, stands alone, or is not where it may be."""

    def __init__(self, tag: str):
        super().__init__(tag)
        self.tag = tag


@dataclass(frozen=True)
class Scope:
    """What a part of the document stands for: by table, which of its rows; and what loops call them."""

    rows: Mapping[Path, Row] = field(default_factory=dict)
    aliases: Mapping[str, Path] = field(default_factory=dict)

    def with_row(self, table: Path, row: Row, alias: str = "") -> Scope:
        return Scope({**self.rows, table: row}, {**self.aliases, alias: table} if alias else self.aliases)

    def row(self, found: Found) -> Row | None:
        return self.rows.get(found.table) if found.table else None


class Document:
    def __init__(self, package: Package):
        self.package = package
        self._parts = [
            package.main,
            *(part for kind in _PARTS for _id, _kind, part in package.links(package.main, kind)),
        ]
        self._copied = 0

    def texts(self) -> Iterator[tuple[str, str]]:
        """Every text that may hold placeholders, and where it is; a loop's rows by the name of their table."""
        for part in self._parts:
            where = "" if part == self.package.main else part.rpartition("/")[2].partition(".")[0]
            for paragraph in self.package.xml(part).iter(f"{_W}p"):
                if text := _text(paragraph):
                    yield where, text

    def fill(self, source: Source) -> None:
        self._source = source
        for part in self._parts:
            self._fill(self.package.xml(part), Scope())
            self.package.changed(part)

    # -- from the outside inwards

    def _fill(self, parent: Element, scope: Scope) -> None:
        children = list(parent)
        expanded = list(self._expanded(children, scope))
        if [child for child, _scope in expanded] != children:
            for child in children:
                parent.remove(child)
            parent.extend([child for child, _scope in expanded])
        for child, inner in expanded:
            if child.tag == f"{_W}p":
                self._write(child, inner)
            if len(child) and _may_hold(child):
                self._fill(child, inner)
                if child.tag == f"{_W}tbl" and child.find(f"{_W}tr") is None:
                    parent.remove(child)
        if parent.tag in _ENDING_IN_PARAGRAPHS and (len(parent) == 0 or parent[-1].tag != f"{_W}p"):
            parent.append(parent.makeelement(f"{_W}p"))

    def _expanded(self, children: list[Element], scope: Scope) -> Iterator[tuple[Element, Scope]]:
        """The children as there will be, each with what it stands for."""
        at = 0
        while at < len(children):
            if tag := _tag_of(children[at]):
                end = _end_of(children, at)
                yield from self._carried_out(tag, children[at + 1 : end], scope)
                at = end + 1
            elif table := self._table_of(children[at], scope):
                end = next(
                    (n for n in range(at, len(children)) if self._table_of(children[n], scope) != table), len(children)
                )
                yield from self._repeated(children[at:end], table, scope)
                at = end
            else:
                yield children[at], scope
                at += 1

    def _copies(self, elements: Sequence[Element]) -> list[Element]:
        self._copied += len(elements)
        if self._copied > MOST:
            raise TooManyRows
        made = deepcopy(list(elements))
        for one in made:
            for inner in one.iter():
                for name in _NAMES_OF_PARAGRAPHS:
                    inner.attrib.pop(name, None)
        return made

    # -- rows of a table

    def _table_of(self, child: Element, scope: Scope) -> Path | None:
        """The table that a row stands for: one that its cells name, and that no loop around it is at."""
        if child.tag != f"{_W}tr":
            return None
        found = [one for one in self._named(child, scope) if one.table and scope.row(one) is None]
        return max((one.table or () for one in found), key=len, default=None) or None

    def _named(self, row: Element, scope: Scope) -> Iterator[Found]:
        for words in PLACEHOLDER.findall(_own_text(row)):
            if found := find(words, self._source.names, scope.aliases):
                yield found

    def _repeated(self, rows: list[Element], table: Path, scope: Scope) -> Iterator[tuple[Element, Scope]]:
        height = period([[(one.path, one.filters) for one in self._named(row, scope)] for row in rows])
        slots = [rows[at : at + height] for at in range(0, len(rows), height)]
        items = self._source.rows(table)
        pattern = self._copies(slots[-1]) if len(items) > len(slots) else []
        slots += [self._copies(pattern) for _more in items[len(slots) :]]
        for slot, item in zip(slots, chain(items, repeat({})), strict=False):
            for row in slot:
                yield row, scope.with_row(table, item)

    # -- tags

    def _carried_out(self, tag: str, body: list[Element], scope: Scope) -> Iterator[tuple[Element, Scope]]:
        if loop := _FOR.fullmatch(tag):
            found = find(loop[2], self._source.names, scope.aliases)
            if found is None or not found.name.is_table:
                raise NotUnderstood(tag)
            row = scope.row(found) if found.table else None
            for item in self._source.rows(found.path, row):
                yield from self._expanded(self._copies(body), scope.with_row(found.path, item, loop[1]))
        elif condition := _IF.fullmatch(tag):
            middle = _middle_of(body)
            holds = self._holds(condition, tag, scope)
            yield from self._expanded(body[:middle] if holds else body[middle + 1 :], scope)
        else:
            raise NotUnderstood(tag)

    def _holds(self, condition: re.Match[str], tag: str, scope: Scope) -> bool:
        negated, words, sign, wanted = condition.groups()
        found = find(words, self._source.names, scope.aliases)
        if found is None:
            raise NotUnderstood(tag)
        shown = self._source.shown(found, scope.row(found))
        is_so = bool(shown) if sign is None else (wanted in (shown.text, str(shown.value))) is (sign == "==")
        return is_so is not bool(negated)

    # -- a paragraph

    def _write(self, paragraph: Element, scope: Scope) -> None:
        nodes = _text_nodes(paragraph)
        if stray := _TAG.search(_text(paragraph)):
            raise NotUnderstood(stray[0])
        if replace_in(nodes, lambda words: self._text_of(words, scope)):
            for node in nodes:
                _break_lines(node)

    def _text_of(self, words: str, scope: Scope) -> str | None:
        found = find(words, self._source.names, scope.aliases)
        return self._source.shown(found, scope.row(found)).text if found else None


def loops_in(texts: Iterator[str], names: Names) -> dict[str, Path]:
    """What the loops call the rows of their tables; `NotUnderstood` for a tag that means nothing here."""
    aliases: dict[str, Path] = {}
    for text in texts:
        for tag in _TAG.finditer(text):
            words = tag[2]
            if loop := _FOR.fullmatch(words):
                found = find(loop[2], names, aliases)
                if found is None or not found.name.is_table:
                    raise NotUnderstood(tag[0])
                aliases[loop[1]] = found.path
            elif condition := _IF.fullmatch(words):
                if find(condition[2], names, aliases) is None:
                    raise NotUnderstood(tag[0])
            elif words not in ("endfor", "endif", "else"):
                raise NotUnderstood(tag[0])
            if not tag[1]:
                raise NotUnderstood(tag[0])
    return aliases


def _tag_of(child: Element) -> str:
    """The tag that a row or paragraph holds for itself."""
    kind = _KINDS.get(child.tag)
    if kind is None or not _may_hold(child):
        return ""
    tag = next((one for one in _TAG.finditer(_own_text(child)) if one[1] == kind), None)
    return tag[2] if tag else ""


def _end_of(children: list[Element], at: int) -> int:
    """Where the loop or condition that begins there ends."""
    depth, kind = 0, children[at].tag
    for number in range(at, len(children)):
        word = _tag_of(children[number]).partition(" ")[0] if children[number].tag == kind else ""
        depth += (word in ("for", "if")) - (word in ("endfor", "endif"))
        if depth == 0:
            return number
    raise NotUnderstood(f"{{%{_KINDS[kind]} {_tag_of(children[at])} %}}")


def _middle_of(body: list[Element]) -> int:
    """Where the condition's `else` is; behind the end where it has none."""
    depth = 0
    for number, child in enumerate(body):
        word = _tag_of(child).partition(" ")[0]
        depth += (word in ("for", "if")) - (word in ("endfor", "endif"))
        if depth == 0 and word == "else":
            return number
    return len(body)


def _may_hold(element: Element) -> bool:
    return any(mark in text for text in element.itertext() for mark in "{｛")


def _text_nodes(paragraph: Element) -> list[Element]:
    """Its own texts; a text box in it has paragraphs of its own."""
    return [node for node in paragraph.iter(f"{_W}t") if next(node.iterancestors(f"{_W}p")) is paragraph]


def _own_text(element: Element) -> str:
    """Of a paragraph, or of a row; what stands in rows inside it is theirs."""
    if element.tag == f"{_W}p":
        return _text(element)
    mine = (one for one in element.iter(f"{_W}p") if next(one.iterancestors(f"{_W}tr")) is element)
    return "\n".join(map(_text, mine))


def _text(paragraph: Element) -> str:
    return "".join(node.text or "" for node in _text_nodes(paragraph))


def _break_lines(node: Element) -> None:
    """A line break in a text is an element beside it."""
    first, *others = (node.text or "").split("\n")
    node.text = first
    for line in others:
        broken = node.makeelement(f"{_W}br")
        more = node.makeelement(f"{_W}t", {SPACE: "preserve"})
        more.text = line
        node.addnext(broken)
        broken.addnext(more)
        node = more
