"""Evens out the processes that serve the pages.

A browser, or a proxy, keeps its connection, and connections fall to processes by chance: of four, now and then all lie with one
process while the other has nothing to do. So who has clearly more in hand than another lets a connection go with its answer; the
browser comes again by a new one.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from multiprocessing.sharedctypes import RawArray
from typing import Any

CLEARLY = 2
"""So many requests more than another process has. One more is nothing: they come and go."""


class Loads:
    """How many requests each process has in hand. Made before the processes part, who share it."""

    def __init__(self, processes: int):
        self.in_hand = RawArray("i", processes)
        self.taken = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as anybody serves)

    def place(self) -> int | None:
        """A place for this process alone, free again when it has died; None where there is none, as beside a process about to end."""
        import fcntl  # not on Windows, where no process is forked either

        for place in range(len(self.in_hand)):
            with suppress(OSError):
                fcntl.lockf(self.taken, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
                self.in_hand[place] = 0
                return place
        return None


class Balanced:
    """The pages of one process among several."""

    def __init__(self, pages: Callable[..., Iterable[bytes]], loads: Loads, place: int):
        self.pages, self.in_hand, self.place, self.lock = pages, loads.in_hand, place, threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        # Later protocols know no such header. Who sent a form comes back at once for the page, over the same connection.
        may_go = environ["SERVER_PROTOCOL"].startswith("HTTP/1") and environ["REQUEST_METHOD"] == "GET"

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            if may_go and self.in_hand[self.place] >= min(self.in_hand) + CLEARLY:
                headers = [*headers, ("Connection", "close")]
            return start_response(status, headers, *rest)

        self._count(1)
        try:
            return self.pages(environ, start)
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        with self.lock:
            self.in_hand[self.place] += more
