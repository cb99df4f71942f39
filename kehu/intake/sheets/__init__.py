"""What a sheet says, whoever wrote it: .xlsx, .xls or text with commas, row by row and in little memory. Knows neither Django nor what
the rows mean.

Read by a process of its own (`__main__.py`, asked by `staging.py`): what a stranger's file does to its reader, it does to no one else.

A cell is None, a text, a number, true or false, or a dictionary of one item that says what is special about it:
`{"day": "2024-03-05"}` or `{"day": "2024-03-05T14:30:00"}`, `{"error": "#N/A"}`, `{"formula": ""}` where a formula has no stored value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Cell = Any
Row = tuple[int, list[Cell]]
"""Its number as people see it, and its cells."""

MOST_COLUMNS = 256
FIRST = 200
"""So many places a remark names; who shows it takes the first few."""


def _(text: str) -> str:
    """Marks a sentence for translation; whoever shows it translates it."""
    return text


class Unreadable(Exception):
    """Why a file cannot be read: a sentence to be translated, and what it names."""

    def __init__(self, says: str, **facts: Any):
        super().__init__(says)
        self.says, self.facts = says, facts


@dataclass
class Remarks:
    """What was noticed while reading, counted, with the first places."""

    counts: dict[str, int] = field(default_factory=dict)
    places: dict[str, list[str]] = field(default_factory=dict)

    def note(self, says: str, place: str) -> None:
        self.counts[says] = self.counts.get(says, 0) + 1
        first = self.places.setdefault(says, [])
        if len(first) < FIRST:
            first.append(place)

    def as_facts(self) -> list[dict[str, Any]]:
        return [{"says": says, "count": count, "places": self.places[says]} for says, count in self.counts.items()]


@dataclass
class Sheet:
    """A table and where it comes from."""

    rows: Iterator[Row]
    remarks: Remarks
    about: dict[str, Any]
    """form · sheets · sheet · encoding · delimiter, as far as there are."""


def letters(column: int) -> str:
    """A column's name: 0 is A, 26 is AA."""
    name = ""
    while column >= 0:
        column, rest = divmod(column, 26)
        name = chr(65 + rest) + name
        column -= 1
    return name
