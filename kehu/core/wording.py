"""How texts stand together in a sentence."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import get_language


def listed(texts: Iterable[str], language: str | None = None) -> str:
    """One after the other, as the language joins them; without one, as the reader's does."""
    reading = language or get_language() or "zh-hans"
    return ("、" if reading.startswith("zh") else ", ").join(texts)
