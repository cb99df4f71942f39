"""The first letters of a Chinese name, as people type them: 东莞长安 → dgca."""

from __future__ import annotations


def initials(text: str) -> str:
    """Letters and digits stay, everything else goes: 讯捷 (SZ) → xjsz."""
    from pypinyin import Style, lazy_pinyin  # its dictionary takes a quarter of a second to load

    letters = "".join(lazy_pinyin(text, style=Style.FIRST_LETTER)).lower()
    return "".join(sign for sign in letters if sign.isalnum())[:60]
