"""`kehu doctor`: what is unsafe or wrong here, and what to do about it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from . import setting_up


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kehu doctor", description="Name what is unsafe or wrong in this installation, each with its remedy."
    )
    parser.add_argument("--json", action="store_true", help="answer as JSON")
    given = parser.parse_args(arguments)
    setting_up.django()
    from kehu.core import clock
    from kehu.operations.doctor import complaints

    found = complaints(clock.now())
    errors = sum(one.level == "error" for one in found)
    if given.json:
        print(json.dumps({"ok": not errors, "complaints": [vars(one) for one in found]}, ensure_ascii=False, indent=1))
    else:
        for one in found:
            print(f"{one.level:<8}{one.subject}: {one.what}\n        → {one.remedy}")
        counts = (_counted(errors, "error"), _counted(len(found) - errors, "warning"))
        print(", ".join(filter(None, counts)) or "Nothing to complain about.")
    return 1 if errors else 0


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count > 1 else ''}" if count else ""
