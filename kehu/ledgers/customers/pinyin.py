"""The first letters of a Chinese name, as people type them: 东莞长安 → dgca."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import pairwise


def initials(text: str) -> str:
    """Letters and digits stay, everything else goes: 讯捷 (SZ) → xjsz."""
    letters, apart = _tables()
    if any(text.startswith(apart.get(one + other, ()), at) for at, (one, other) in enumerate(pairwise(text))):
        from pypinyin import Style, lazy_pinyin

        found = "".join(lazy_pinyin(text, style=Style.FIRST_LETTER))
    else:
        found = "".join([letters.get(sign, sign) for sign in text])
    return "".join([sign for sign in found.lower() if sign.isalnum()])[:60]


@lru_cache(maxsize=1)
def _tables() -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """The usual first letter of every character, and the words in which one is read otherwise (重庆 is cq, though 重 alone is z), by
    how they begin. Taking words apart costs ten times as much as looking letters up, and few names have such a word. The dictionary
    takes a quarter of a second to load."""
    from pypinyin.constants import PHRASES_DICT, PINYIN_DICT

    letters = {chr(code): _letter(readings) for code, readings in PINYIN_DICT.items()}
    apart: dict[str, tuple[str, ...]] = {}
    for word, readings in PHRASES_DICT.items():
        if any(letters.get(sign) != _letter(one[0]) for sign, one in zip(word, readings, strict=False) if one):
            apart[word[:2]] = (*apart.get(word[:2], ()), word)
    return letters, apart


def _letter(reading: str) -> str:
    return unicodedata.normalize("NFD", reading[0])[0]
