"""Many rows of a ledger at once, as a sheet brings them: judged together, entered together, taken back together.

A ledger offers a `Batch` for each kind of row (`customers/batches.py`, …). Whoever has rows asks it in portions, each in a transaction
of its own; it answers with a few statements a portion, however many rows that is.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import models
from django.utils.translation import gettext

from . import events
from .models import Organization


class Outcome(models.TextChoices):
    """What becomes of a row."""

    NEW = "new", "new"
    CHANGED = "changed", "changed"
    SAME = "same", "same"
    REFUSED = "refused", "refused"


@dataclass(frozen=True)
class Reason:
    """A sentence about a row, kept untranslated: it is read later, by others, in their language."""

    says: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    column: str = ""
    row: int = 0
    """Of several rows that are one entry, the one it is about; 0: all of them."""

    def as_json(self) -> dict[str, Any]:
        return {"says": self.says, "facts": dict(self.facts), "column": self.column}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Reason:
        return cls(kept["says"], kept.get("facts", {}), kept.get("column", ""))

    def __str__(self) -> str:
        return gettext(self.says).format(**self.facts)


@dataclass(frozen=True)
class Entry:
    """What a row says, or the rows of one order together."""

    rows: tuple[int, ...]
    """Their numbers, as people see them."""
    values: Mapping[str, Any]
    """By column; what a row does not say is not there."""
    lines: Sequence[Mapping[str, Any]] = ()
    """Of an order: what each of its rows says for itself; none where no row does."""


@dataclass
class Verdict:
    outcome: Outcome
    reasons: list[Reason] = field(default_factory=list)
    """Why it is refused; otherwise what should be known about it all the same."""
    row: Any = None
    """What the batch found for it, for its own use."""
    known: int | None = None
    """The key of the ledger's row it is known as."""
    changes: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    """What would change: before and after."""

    @classmethod
    def refused(cls, *reasons: Reason) -> Verdict:
        return cls(Outcome.REFUSED, list(reasons))


@dataclass(frozen=True)
class Applied:
    """What was done for an entry, so that it can be taken back."""

    key: int
    """Of the ledger's row."""
    outcome: Outcome
    facts: Mapping[str, Any]
    """As JSON: of a new row its seal, of a changed one what it said before and after."""


class Batch(ABC):
    """The rows of one kind, for one organization and one piece of work; it may remember what it has looked up."""

    def __init__(self, organization: Organization, options: Mapping[str, Any] | None = None):
        self.organization = organization
        self.options = options or {}

    @abstractmethod
    def keys(self, entry: Entry) -> Iterable[tuple[str, Hashable]]:
        """By which an entry is known again, each with the column it stands in: no two entries of a sheet have the same."""

    @abstractmethod
    def compare(self, entries: Sequence[Entry]) -> list[Verdict]:
        """What would become of each. Reads only, except that it locks the rows it finds where a transaction is open."""

    @abstractmethod
    def apply(
        self, judged: Sequence[tuple[Entry, Verdict]], *, by: str, now: datetime, cause: str = ""
    ) -> list[Applied]:
        """Enters and changes what was just compared, in the same transaction; none is refused or the same."""

    @abstractmethod
    def take_back(self, applied: Sequence[Applied], *, by: str, now: datetime, cause: str = "") -> dict[int, Reason]:
        """Undoes it, row by row, except what somebody has changed or used since: key -> why it stays."""


def seal(*values: Any) -> str:
    """A short digest of what a row says, by which it is seen whether anybody changed it since."""
    return hashlib.blake2b("\0".join(map(as_text, values)).encode(), digest_size=8).hexdigest()


def as_text(value: Any) -> str:
    """A value as it is kept beside a row: 12.50 and 12.5 are the same."""
    match value:
        case None:
            return ""
        case Decimal():
            return f"{value.normalize():f}"
        case date():
            return value.isoformat()
        case models.Model():
            return str(value.pk)
    return str(value)


NAMED = 100
"""How many of many an event names; of the others it tells how many they were."""


def record(
    organization: Organization, name: str, which: Sequence[str], *, by: str, now: datetime, cause: str = ""
) -> None:
    """One event for many rows, where there are any."""
    if which:
        facts = {"count": len(which), "which": list(which[:NAMED]), "cause": cause}
        events.record(organization, name, by=by, at=now, **facts)
