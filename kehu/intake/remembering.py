"""What the company said columns are: the next sheet with the same titles needs nothing said, and one with some of them less."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from kehu.core.models import Organization

from .guessing import Mapping_
from .models import RememberedMapping

LATEST = 50


def remember(organization: Organization, kind: str, titles_: Sequence[str], mapping_: Mapping_, now: datetime) -> None:
    RememberedMapping.objects.update_or_create(
        organization=organization,
        kind=kind,
        header=_digest(titles_),
        defaults={"titles": list(titles_), "mapping": mapping_, "used_at": now},
    )


def mapping(kind: str, titles_: Sequence[str]) -> Mapping_ | None:
    """What was said of the very same titles."""
    found = RememberedMapping.objects.filter(kind=kind, header=_digest(titles_)).first()
    return dict(found.mapping) if found else None


def titles(kind: str) -> dict[str, str]:
    """title -> column, or nothing where it was left out; the latest word counts."""
    known: dict[str, str] = {}
    latest = RememberedMapping.objects.filter(kind=kind).order_by("-used_at")[:LATEST]
    for one in reversed(latest):
        columns = {at: key for key, at in one.mapping.items()}
        known |= {title: columns.get(at, "") for at, title in enumerate(one.titles) if title}
    return known


def _digest(titles_: Sequence[str]) -> str:
    return hashlib.blake2b("\0".join(titles_).encode(), digest_size=16).hexdigest()
