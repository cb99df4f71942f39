"""The words by which a row is found, and the words a search asks for.

A run of Chinese (or of any letters beside a–z) is found by every two neighbouring characters: 讯捷通信 by 讯捷, 捷通, 通信. A run of
letters and digits is found by its beginning and by the beginning of each of its parts, without what joins them: CP-202403-001 by
cp202403001, 202403001 and 001; a search for 2024 or for cp-2024 begins one of them. Two characters are the least.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

LENGTH = 24
"""Of a word, in characters; what is longer is found by its beginning."""
MOST_ASKED = 12
"""A search of more words than these is narrowed by the first."""

_RUNS = re.compile(r"(?P<code>[a-z0-9]+(?:[-_/.][a-z0-9]+)*)|(?P<text>[^\W_a-z0-9]+)")
_PARTS = re.compile(r"(?<![a-z0-9])[a-z0-9]|(?<=[a-z])[0-9]|(?<=[0-9])[a-z]")
_JOINTS = re.compile(r"[-_/.]")


@dataclass(frozen=True)
class Asked:
    """One word of a search; `begins`: a word that begins like this is enough."""

    word: str
    begins: bool


def words_of(text: str) -> set[str]:
    """The words that find this text."""
    found: set[str] = set()
    for code, run in _runs(text):
        if code:
            found |= {_joined(code[start.start() :]) for start in _PARTS.finditer(code)}
        else:
            found |= {run[at : at + 2] for at in range(len(run) - 1)}
    return {word for word in found if len(word) > 1}


def ends_of(text: str) -> set[str]:
    """A code found by any of its ends as well, as pinyin initials are: xjtx by xj, but also by tx."""
    return {text[at : at + LENGTH] for at in range(len(text) - 1)}


def number_words(text: str) -> set[str]:
    """A telephone number, however it was written: found by its beginning, its parts, and its last four digits."""
    digits = re.sub(r"\D+", "-", text).strip("-")
    return words_of(digits) | ({_joined(digits)[-4:]} if len(digits) > 3 else set())


def asked(text: str) -> list[Asked]:
    """What a search asks for: all of these. Nothing where it says too little to look for."""
    found: list[Asked] = []
    for code, run in _runs(text):
        if code:
            found.append(Asked(_joined(code), begins=True))
        elif len(run) == 1:
            found.append(Asked(run, begins=True))
        else:
            found += [Asked(run[at : at + 2], begins=False) for at in range(len(run) - 1)]
    if sum(len(one.word) for one in found) < 2:
        return []
    return list(dict.fromkeys(found))[:MOST_ASKED]


def _runs(text: str) -> Iterator[tuple[str, str]]:
    for run in _RUNS.finditer(unicodedata.normalize("NFKC", text).casefold()):
        yield run["code"] or "", run["text"] or ""


def _joined(code: str) -> str:
    return _JOINTS.sub("", code)[:LENGTH]
