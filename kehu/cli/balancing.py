"""Evens out the processes that serve the pages.

A browser, or a proxy, keeps its connection, and connections fall to processes by chance: of four, now and then all lie with one
process while the other has nothing to do. So who has clearly more in hand than another lets a connection go with its answer; the
browser comes again by a new one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from multiprocessing import Array
from typing import Any

CLEARLY = 2
"""So many requests more than another process has. One more is nothing: they come and go."""


class Loads:
    """How many requests each process has in hand. Made before the processes part, who share it."""

    def __init__(self, processes: int):
        self.owners = Array("i", processes)
        self.in_hand = Array("i", processes, lock=False)

    def place(self) -> int:
        """A place for this process: one that nobody has, or whose owner has died."""
        with self.owners.get_lock():
            place = next(one for one in range(len(self.in_hand)) if not _lives(self.owners[one]))
            self.owners[place], self.in_hand[place] = os.getpid(), 0
        return place


class Balanced:
    """The pages of one process among several."""

    def __init__(self, pages: Callable[..., Iterable[bytes]], loads: Loads):
        self.pages, self.loads, self.place, self.lock = pages, loads, loads.place(), threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        is_old = environ.get("SERVER_PROTOCOL", "").startswith("HTTP/1")  # later ones know no such header

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            in_hand = self.loads.in_hand
            if is_old and in_hand[self.place] >= min(in_hand) + CLEARLY:
                headers = [*headers, ("Connection", "close")]
            return start_response(status, headers, *rest)

        self._count(1)
        try:
            return self.pages(environ, start)
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        with self.lock:
            self.loads.in_hand[self.place] += more


def _lives(process: int) -> bool:
    """Whether there is such a process. 0 stands for nobody."""
    with suppress(ProcessLookupError):
        os.kill(process, 0)
        return process != 0
    return False
