"""The hash chain: every event's digest covers the event and the digest before it, so that no line can be changed unseen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Protocol


class Link(Protocol):
    stream: str
    sequence: int
    name: str
    at: datetime
    by: str
    facts: Any
    previous: str
    digest: str


def digest(link: Link) -> str:
    return hashlib.sha256(f"{link.previous}\n{line(link)}".encode()).hexdigest()


def line(link: Link) -> str:
    """What the digest covers besides the digest before it."""
    return json.dumps(
        [
            link.stream,
            link.sequence,
            link.name,
            link.at.astimezone(UTC).isoformat(timespec="microseconds"),
            link.by,
            link.facts,
        ],
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
    )


def first_broken(links: Iterable[Link], head: str) -> Link | None:
    """The first link of one stream that does not fit; the last one where the chain ends before or after `head`."""
    previous, last, expected = "", None, 1
    for link in links:
        if link.sequence != expected or link.previous != previous or digest(link) != link.digest:
            return link
        previous, last, expected = link.digest, link, expected + 1
    return last if previous != head else None
