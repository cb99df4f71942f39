"""The kinds of rows that a sheet can bring, and what their columns are called.

A kind is a module with its columns, entered in `table.py`. A column has a title in our own words and those that registers (台账) of the
trade write above it; compared without case, width, spaces and punctuation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

from kehu.core.batches import Batch
from kehu.engine.definitions import Right
from kehu.intake.cells import Reader


@dataclass(frozen=True)
class Column:
    key: str
    title: str | Promise
    titles: tuple[str, ...]
    """What others write above it, the most usual first."""
    read: Reader
    example: str
    is_needed: bool = False
    """In every row."""
    of_line: bool = False
    """Of a row of its own, where several rows are one order."""


@dataclass(frozen=True)
class Option:
    """Something to be decided once for the whole sheet."""

    key: str
    title: str | Promise


@dataclass(frozen=True)
class Kind:
    key: str
    title: str | Promise
    note: str | Promise
    """What a row is and how it is known again."""
    icon: str
    right: Right
    columns: tuple[Column, ...]
    batch: type[Batch]
    needs: tuple[tuple[str, ...], ...]
    """Of each of these groups of columns one must be there."""
    options: tuple[Option, ...] = ()
    grouped_by: tuple[str, ...] = ()
    """Rows under one another that say the same here are one; none: every row is its own."""

    def column(self, key: str) -> Column | None:
        return next((one for one in self.columns if one.key == key), None)

    def missing(self, mapping: Mapping[str, Any]) -> list[tuple[Column, ...]]:
        """The groups of which no column was chosen."""
        groups = [group for group in self.needs if not any(key in mapping for key in group)]
        return [tuple(one for key in group if (one := self.column(key))) for group in groups]
