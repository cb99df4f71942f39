"""How far a long piece of work has come: one line that changes on a terminal, one line a subject elsewhere."""

from __future__ import annotations

import sys
import time


class Shown:
    """A `Progress`, told on standard error so that what a command answers stays clean."""

    def __init__(self) -> None:
        self._what, self._said = "", 0.0

    def __call__(self, what: str, count: int) -> None:
        now = time.monotonic()
        if sys.stderr.isatty():
            if what != self._what or now - self._said > 0.2:
                print(f"\r\033[K{what}  {count:,}", end="", file=sys.stderr, flush=True)
                self._said = now
        elif now - self._said > 10:
            print(f"{what}  {count:,}", file=sys.stderr, flush=True)
            self._said = now
        self._what = what

    def done(self) -> None:
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)
