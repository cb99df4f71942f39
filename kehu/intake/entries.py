"""Rows of a sheet as entries of a ledger: each cell read as its column asks, rows of one order put together."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_noop as _

from kehu.core.batches import Batch, Entry, Reason
from kehu.intake.cells import Wrong, fold
from kehu.intake.guessing import Mapping_, titles_of
from kehu.intake.kinds import Kind
from kehu.intake.sheets import Cell, Row

_TOTALS = frozenset(["合计", "总计", "小计", "共计", "合计金额", "本页合计", "本月合计", "累计", "total", "totals", "grandtotal", "subtotal", "sum"])  # fmt: skip
_LIKE_TOTALS = re.compile("计|total|sum", re.IGNORECASE)
MOST_LINES = 2000
"""Rows of one order: all of them are in memory, and go in together."""


@dataclass
class Read:
    """An entry, and why some of its rows cannot be read."""

    entry: Entry
    reasons: dict[int, list[Reason]]
    until: int
    """So many rows of the sheet have been read with it."""


@dataclass
class _Open:
    """The rows of one entry so far."""

    key: Hashable
    rows: list[int] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    reasons: dict[int, list[Reason]] = field(default_factory=dict)


class Reading:
    def __init__(self, kind: Kind, mapping: Mapping_, titles: Sequence[str]):
        self.kind, self.titles = kind, list(titles)
        columns = [(column, mapping[column.key]) for column in kind.columns if column.key in mapping]
        self.columns = columns
        self.needed = [column.key for column, _at in columns if column.is_needed]
        self.of_line = (
            frozenset(column.key for column in kind.columns if column.of_line) if kind.grouped_by else frozenset()
        )

    def read(self, rows: Iterable[Row]) -> Iterator[Read]:
        """Entry by entry; an entry is given when the first row that is not its own has been seen."""
        one: _Open | None = None
        count = 0
        for count, (number, cells) in enumerate(rows, 1):
            values, reasons = self._row(cells)
            key = tuple(values.get(name) for name in self.kind.grouped_by)
            goes_on = one is not None and bool(key) and len(one.rows) < MOST_LINES
            if goes_on and one and not any(part is not None for part in key) and values.keys() & self.of_line:
                key = one.key  # type: ignore[assignment]  # its number stands in the row above
            if one and not (goes_on and key == one.key):
                yield self._closed(one, count - 1)
                one = None
            one = one or _Open(key)
            self._add(one, number, values, reasons)
        if one:
            yield self._closed(one, count)

    def _row(self, cells: Sequence[Cell]) -> tuple[dict[str, Any], list[Reason]]:
        values: dict[str, Any] = {}
        reasons: list[Reason] = []
        width = len(cells)
        for column, at in self.columns:
            cell = cells[at] if at < width else None
            if cell is None:
                continue
            try:
                value = column.read(cell)
            except Wrong as wrong:
                reasons.append(wrong.reason(column.key))
            else:
                if value is not None:
                    values[column.key] = value
        if (aside := self._aside(cells)) is not None:
            return {}, [aside]
        return values, reasons

    def _aside(self, cells: Sequence[Cell]) -> Reason | None:
        """Of a row that is none: totals, or the header once more."""
        first = next((cell for cell in cells if cell is not None), None)
        if not isinstance(first, str) or len(first) > 80:
            return None
        if _LIKE_TOTALS.search(first) and fold(first) in _TOTALS:
            return Reason(_("This is a line of totals; it is left out."))
        if first.strip() in self.titles and titles_of(cells) == self.titles[: len(cells)]:
            return Reason(_("This is the header once more; it is left out."))
        return None

    def _add(self, one: _Open, number: int, values: dict[str, Any], reasons: list[Reason]) -> None:
        line = {name: value for name, value in values.items() if name in self.of_line}
        for name, value in values.items():
            if name in line:
                continue
            if one.values.setdefault(name, value) != value:
                says = _("It differs from row {row} of the same number.")
                reasons.append(Reason(says, {"row": one.rows[0] if one.rows else number}, name))
        wrong = {reason.column for reason in reasons}
        said = one.values | line
        if "" not in wrong:
            missing = [name for name in self.needed if name not in said and name not in wrong]
            reasons += [Reason(_("This is missing."), {}, name) for name in missing]
        one.rows.append(number)
        one.lines.append(line)
        if reasons:
            one.reasons[number] = reasons

    def _closed(self, one: _Open, until: int) -> Read:
        if self.of_line and one.reasons:
            bad = min(one.reasons)
            for number in one.rows:
                one.reasons.setdefault(number, [Reason(_("Row {row} of the same number is refused."), {"row": bad})])
        lines = one.lines if any(one.lines) else []
        return Read(Entry(tuple(one.rows), one.values, lines), one.reasons, until)


class Seen:
    """By which keys entries of the sheet were met, and in which row first. A key is kept as its hash: of a hundred thousand rows that
    is twenty megabytes."""

    def __init__(self, batch: Batch, kind: Kind):
        self._batch, self._is_grouped = batch, bool(kind.grouped_by)
        self._rows: dict[int, int] = {}

    def meet(self, entry: Entry) -> Reason | None:
        """Why it is refused, where another row was there before with the same key."""
        found = None
        for column, key in self._batch.keys(entry):
            there = self._rows.setdefault(hash((column, key)), entry.rows[0])
            if there != entry.rows[0] and found is None:
                says = _("Row {row} has the same already. Leave one of them out, or correct it.")
                if self._is_grouped:
                    says = _("Row {row} has the same already. Rows of one number stand under one another.")
                found = Reason(says, {"row": there}, column)
        return found
