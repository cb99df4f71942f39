"""How cases post to ledgers, and what stories put into them: a module a ledger. Entered in `../steps.py` and `../given.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils.functional import Promise

from kehu.core.models import Organization

if TYPE_CHECKING:
    from ..folder import Folder


Answer = tuple[str | None, dict[str, Any]] | None
"""An outcome and values: they complete the step that asked, or are put into the record."""

Operation = Callable[["Folder", Mapping[str, Any], Mapping[str, Any]], Answer]
"""Of the case at work, the operation's arguments, and what it is read against."""

Lines = list[Mapping[str, Any]]
Given = Callable[[Organization, Lines, Mapping[str, str], datetime], None]
"""Puts a story's lines into a ledger; the mapping tells for which position a person of the demo stands."""


@dataclass(frozen=True)
class Stays:
    """What a case said in a ledger (`folder.entered`) and what stays in force when it is voided."""

    what: Promise
    by: tuple[str, ...]
    """The operations that say it anew."""
