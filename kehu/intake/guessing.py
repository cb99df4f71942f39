"""Which row is the header, and which column is what: by the words that registers of the trade use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from django.utils import translation

from kehu.intake.cells import Wrong, fold, plain
from kehu.intake.kinds import Kind
from kehu.intake.kinds.table import KINDS
from kehu.intake.sheets import Cell, Row

LOOKED_AT = 30
"""Of the first rows, in search of the header: above it stand titles, dates, who made the register."""
_ASIDE = re.compile(r"[（(【\[][^）)】\]]*[）)】\]]|必填|选填|required|optional", re.IGNORECASE)

Mapping_ = dict[str, int]
"""Column of ours -> column of the sheet, the first being 0."""


def header_of(kind: Kind, rows: Sequence[Row], remembered: Mapping[str, str]) -> int:
    """The number of the row that has most of the known titles; without any, of the first that looks like titles."""
    best, most = 0, 0
    for number, cells in rows[:LOOKED_AT]:
        hits = len(mapping_of(kind, titles_of(cells), remembered))
        if hits > most:
            best, most = number, hits
    if best:
        return best
    for number, cells in rows[:LOOKED_AT]:
        if sum(isinstance(cell, str) for cell in cells) > 1:
            return number
    return rows[0][0] if rows else 1


def titles_of(cells: Sequence[Cell]) -> list[str]:
    return [_title(cell) for cell in cells]


def mapping_of(kind: Kind, titles: Sequence[str], remembered: Mapping[str, str]) -> Mapping_:
    """The best match first; no column twice. What the company chose for a title before counts most (`remembered`: title -> column,
    or nothing where it was left out)."""
    known = _words_of(kind.key)
    found: list[tuple[int, int, int, str]] = []
    places = {column.key: place for place, column in enumerate(kind.columns)}
    for at, title in enumerate(titles):
        if title in remembered:
            if remembered[title] in places:
                found.append((-1, places[remembered[title]], at, remembered[title]))
            continue
        for word in dict.fromkeys((fold(title), fold(_ASIDE.sub("", title)))):
            found += [(rank, places[key], at, key) for key, rank in known.get(word, ())]
    mapping: Mapping_ = {}
    for _rank, _place, at, key in sorted(found):
        if key not in mapping and at not in mapping.values():
            mapping[key] = at
    return dict(sorted(mapping.items(), key=lambda one: places[one[0]]))


@lru_cache
def _words_of(kind: str) -> dict[str, list[tuple[str, int]]]:
    """folded title -> the columns that may be meant, each with how usual that is"""
    words: dict[str, list[tuple[str, int]]] = {}
    for column in KINDS[kind].columns:
        own = []
        for language in ("zh-hans", "en"):
            with translation.override(language):
                own.append(str(column.title))
        for rank, word in enumerate(dict.fromkeys(map(fold, (*column.titles, *own)))):
            if word:
                words.setdefault(word, []).append((column.key, rank))
    return words


def _title(cell: Cell) -> str:
    try:
        return plain(cell)[:80]
    except Wrong:
        return ""
