"""Which characters a font has. typst sets a character the font lacks as an empty square and says nothing; we say which it was."""

from __future__ import annotations

import re
import struct
import unicodedata
from functools import lru_cache
from pathlib import Path

_JOINING = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]")
"""Joiners, directions and variants: they say how their neighbours look and have no glyph themselves."""
_UNBROKEN = re.compile(r"[!-~]{30,}")
_BREAK = "\u200b"


def printable(text: str, fonts: tuple[Path, ...]) -> str:
    """The text with every character that a font lacks as its code point in brackets, and long words made breakable."""
    text = _JOINING.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    "))
    known = _characters(fonts)
    if not known.issuperset(text):
        text = "".join(_shown(character, known) for character in text)
    return _UNBROKEN.sub(lambda found: _BREAK.join(_pieces(found[0], 10)), text)


def _shown(character: str, known: frozenset[str]) -> str:
    if character in known:
        return character
    if unicodedata.category(character) == "Cc":
        return ""
    if unicodedata.category(character) == "Zs":
        return " "
    composed = unicodedata.normalize("NFKC", character)
    return composed if known.issuperset(composed) else f"[U+{ord(character):04X}]"


def _pieces(word: str, length: int) -> list[str]:
    return [word[start : start + length] for start in range(0, len(word), length)]


@lru_cache(maxsize=4)
def _characters(fonts: tuple[Path, ...]) -> frozenset[str]:
    """What all of them have."""
    tables = [set(_code_points(font.read_bytes())) for font in fonts]
    return frozenset(map(chr, set.intersection(*tables))) | {"\n", " "}


def _code_points(font: bytes) -> set[int]:
    """The font's `cmap` table, subtables of format 12 (all of Unicode) and 4 (its first plane)."""
    found: set[int] = set()
    start = _table(font, b"cmap")
    (count,) = struct.unpack_from(">H", font, start + 2)
    for number in range(count):
        _, _, offset = struct.unpack_from(">HHI", font, start + 4 + 8 * number)
        (kind,) = struct.unpack_from(">H", font, start + offset)
        if kind == 12:
            (groups,) = struct.unpack_from(">I", font, start + offset + 12)
            for first, last, _ in struct.iter_unpack(">III", font[start + offset + 16 :][: 12 * groups]):
                found.update(range(first, last + 1))
        elif kind == 4:
            (double,) = struct.unpack_from(">H", font, start + offset + 6)
            ends = struct.unpack_from(f">{double // 2}H", font, start + offset + 14)
            starts = struct.unpack_from(f">{double // 2}H", font, start + offset + 16 + double)
            for first, last in zip(starts, ends, strict=True):
                found.update(range(first, last + 1) if first != 0xFFFF else ())
    return found


def _table(font: bytes, wanted: bytes) -> int:
    (count,) = struct.unpack_from(">H", font, 4)
    for number in range(count):
        tag, _, offset, _ = struct.unpack_from(">4sIII", font, 12 + 16 * number)
        if tag == wanted:
            return int(offset)
    raise ValueError(f"the font has no table {wanted.decode()}")
