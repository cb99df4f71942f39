"""What stands in a template between {{ and }}: a name, and how it is written. Names, not code: a template comes from outside, and
nothing in it is ever carried out.

    {{ content }}   {{ 抱怨内容 }}   {{ customer.name }}   {{ departments.department }}   {{ actions.1.what }}   {{ amount | 大写 }}

A name is a key, or a title where only one thing here is called so. What is typed with a Chinese keyboard, ｛｛ 抱怨内容 ｝｝, counts too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from kehu.engine.definitions import FieldDefinition
from kehu.paper.signers import Words

PLACEHOLDER = re.compile(r"[{｛]{2}\s*([^{}｛｝]{1,200}?)\s*[}｝]{2}")

FILTERS = {
    "大写": "in_words",
    "in_words": "in_words",
    "日期": "date",
    "date": "date",
    "年月日": "long_date",
    "long_date": "long_date",
    "勾选": "ticks",
    "ticks": "ticks",
    "中文": "zh",
    "zh": "zh",
    "英文": "en",
    "en": "en",
}
"""How a value is written, by every spelling."""
_ENDINGS = {"_in_words": "in_words", "大写": "in_words"}


@dataclass(frozen=True)
class Name:
    """Something a placeholder may name. Of a table `inside` are its columns; otherwise parts of a value, as a customer's code."""

    key: str
    title: Words
    definition: FieldDefinition | None = None
    inside: Names = field(default_factory=lambda: Names(()))

    @property
    def is_table(self) -> bool:
        return self.definition is not None and self.definition.type == "rows"


class Names:
    """Names beside one another."""

    def __init__(self, names: Iterable[Name]):
        self.by_key = {name.key: name for name in names}
        called: dict[str, list[Name]] = {}
        for name in self.by_key.values():
            for title in {plain(title) for title in name.title.values()}:
                called.setdefault(title, []).append(name)
        self._by_word: dict[str, Name] = {}
        for title, all_so_called in called.items():
            # A field goes before a fact; two fields called the same are named by their keys.
            fields = [name for name in all_so_called if name.definition] or all_so_called
            if len(fields) == 1:
                self._by_word[title] = fields[0]
        self._by_word |= {plain(key): name for key, name in self.by_key.items()}

    def __iter__(self) -> Iterator[Name]:
        return iter(self.by_key.values())

    def get(self, word: str) -> Name | None:
        return self._by_word.get(plain(word))


def plain(word: str) -> str:
    """Spaces and upper case make no other name."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", word)).strip().casefold()


@dataclass(frozen=True)
class Found:
    """A placeholder understood. `path` are keys, and numbers of rows; the row at hand of `table` is meant where it has one."""

    path: tuple[str | int, ...]
    name: Name
    filters: tuple[str, ...] = ()
    table: tuple[str | int, ...] | None = None


def find(text: str, names: Names, aliases: Mapping[str, tuple[str | int, ...]] | None = None) -> Found | None:
    """What the words between the braces mean; nothing where they mean nothing here. `aliases`: the row of a loop -> its table."""
    words, *filters = re.split(r"[|｜]", text)
    known = [FILTERS.get(plain(one)) for one in filters]
    if None in known:
        return None
    given = tuple(one for one in known if one)
    if found := _walk(words, names, aliases or {}):
        return Found(found.path, found.name, given, found.table)
    for ending, filter_ in _ENDINGS.items():
        if words.strip().endswith(ending) and (
            found := _walk(words.strip().removesuffix(ending), names, aliases or {})
        ):
            return Found(found.path, found.name, (*given, filter_), found.table)
    return None


def _walk(words: str, names: Names, aliases: Mapping[str, tuple[str | int, ...]]) -> Found | None:
    if whole := names.get(words):  # a title may have a full stop in it
        return Found((whole.key,), whole)
    path: list[str | int] = []
    table: tuple[str | int, ...] | None = None
    name: Name | None = None
    pieces = [piece.strip() for piece in re.split(r"[.．]", words)]
    if pieces[0] in aliases:
        table = aliases[pieces.pop(0)]
        path += table
        name = at(names, table)
        if name is None:
            return None
        names = name.inside
    for piece in pieces:
        if name is not None and name.is_table and piece.isdecimal() and table != tuple(path) and 0 < int(piece) < 1000:
            path.append(int(piece))
            continue
        if name is not None and name.is_table and not isinstance(path[-1], int):
            table = tuple(path)
        name = names.get(piece)
        if name is None:
            return None
        path.append(name.key)
        names = name.inside
    return Found(tuple(path), name, (), table) if name else None


def at(names: Names, path: Iterable[str | int]) -> Name | None:
    """The name at the end of a path of keys."""
    name: Name | None = None
    for piece in path:
        if isinstance(piece, int):
            continue
        name = names.by_key.get(piece)
        if name is None:
            return None
        names = name.inside
    return name


def nearest(text: str, names: Names) -> str:
    """What was meant, if something is spelled nearly so."""
    word = plain(re.split(r"[|｜]", text)[0])
    similar = get_close_matches(word, {plain(one): one for one in _spellings(names)}, n=1, cutoff=0.6)
    return next((one for one in _spellings(names) if similar and plain(one) == similar[0]), "")


def _spellings(names: Names, before: tuple[str, ...] = (), depth: int = 0) -> Iterator[str]:
    for name in names:
        for word in dict.fromkeys((name.key, *name.title.values())):
            yield ".".join((*before, word))
        if depth < 2:
            for word in dict.fromkeys((name.key, name.title["zh"])):
                yield from _spellings(name.inside, (*before, word), depth + 1)


@dataclass(frozen=True)
class Shown:
    """A value as a template shows it: its text; and as it is, for a cell that counts with it."""

    text: str = ""
    value: Any = None
    decimals: int = 0

    def __bool__(self) -> bool:
        return self.value not in (None, "", False, [], {}) or (self.value is None and bool(self.text))
