"""Texts that a program has cut into runs: a placeholder may begin in one and end in another."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from .package import Element
from .placeholders import PLACEHOLDER

SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_DRAWN = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
"""Texts of shapes keep their spaces anyway, and may not say so."""
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff\ud800-\udfff]")


def replace_in(nodes: Sequence[Element], text_of: Callable[[str], str | None]) -> bool:
    """Every placeholder in the text that the nodes make together becomes what `text_of` says of its words, in the run where it
    begins; where it says nothing, it stays. Whether anything changed."""
    text = "".join(node.text or "" for node in nodes)
    changed = False
    for match in reversed(list(PLACEHOLDER.finditer(text))):
        written = text_of(match[1])
        if written is None:
            continue
        _put(nodes, match.start(), match.end(), clean(written))
        changed = True
    return changed


def _put(nodes: Sequence[Element], start: int, end: int, written: str) -> None:
    place = 0
    for node in nodes:
        text = node.text or ""
        first, last = max(start - place, 0), min(end - place, len(text))
        if start < place + len(text) and end > place:
            here = written if place <= start else ""
            node.text = text[:first] + here + text[last:]
            if not node.tag.startswith(_DRAWN):
                node.set(SPACE, "preserve")
        place += len(text)


def clean(text: str) -> str:
    """Without what no XML can hold."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    "))
