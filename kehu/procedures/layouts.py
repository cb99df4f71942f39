"""What a pack's own paper layout (`print.typ`, `forms/<number>.typ`) may not do: bring in what nobody can see by reading it.

A page is set without the network and reads only what Kehu gives it. So `import` and `include` name their file in quotes; a name that is
computed, a package, or a text that is run as a program (`eval`) is a mistake. This reads typst only as far as that takes: it tells
comments, raw text and strings from code, and in doubt takes a word for code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SKIPPED = re.compile(
    r"""(?P<raw>`+)(?s:.*?)(?P=raw)      # raw text
      | /\*(?s:.*?)\*/                   # a comment
      | (?<!:)//[^\n]*                   # a comment to the end of the line; not the // of an address
      | \\.                              # an escaped sign
    """,
    re.VERBOSE,
)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_WORD = re.compile(r"(?<![\w-])(import|include|eval)(?![\w-])")
_HASH = re.compile(r"(?<!\\)(?:\\\\)*#")
_FILE = re.compile(r'\s*"([^"\\]*)"')
_OPENING, _CLOSING = "{([", {"}": "{", ")": "(", "]": "["}


@dataclass(frozen=True)
class Misuse:
    """A line of a layout, and why it will not do."""

    line: int
    message: str
    remedy: str


def misuses(text: str) -> Iterator[Misuse]:
    open_: list[tuple[str, int]] = []
    place = 0
    while place < len(text):
        sign = text[place]
        is_code = _is_code(text, place, open_)
        skipped = _STRING.match(text, place) if sign == '"' and is_code else _SKIPPED.match(text, place)
        if skipped:
            place = skipped.end()
            continue
        if sign in _OPENING:
            open_.append((sign, place))
        elif open_ and open_[-1][0] == _CLOSING.get(sign):
            open_.pop()
        elif is_code and (word := _WORD.match(text, place)):
            if found := _misuse(word[1], text, word.end()):
                yield Misuse(text.count("\n", 0, place) + 1, *found)
            place = word.end()
            continue
        place += 1


def _is_code(text: str, place: int, open_: list[tuple[str, int]]) -> bool:
    """Within braces or parentheses, or behind a # in the same line of the same text."""
    sign, since = open_[-1] if open_ else ("", -1)
    begins = max(text.rfind("\n", 0, place), since) + 1
    return sign in ("{", "(") or bool(_HASH.search(text, begins, place))


def _misuse(word: str, text: str, after: int) -> tuple[str, str] | None:
    if word == "eval":
        return "the layout runs a text as a program (`eval`).", "Write what it is to do where it stands."
    named = _FILE.match(text, after)
    if named is None:
        return f"the layout computes what it takes in (`{word}`).", f'Name the file in quotes: `#{word} "look.typ"`.'
    if named[1].startswith("@"):
        return (
            f"the layout imports {named[1]}: a page is set without the network.",
            "Copy what you need into it.",
        )
    return None
