#!/usr/bin/env python3
"""Breaks a Kehu in every way we know, under load, and tells what came of it.

    .venv/bin/python bench/faults/run.py [NAME …] [--database sqlite|postgres|both] [--quick]

Each scenario has an installation of its own in a scratch folder. Exit code 1 if anything was lost, half-done or done twice.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from installation import NotRecovered  # noqa: E402
from scenarios import SCENARIOS, Result  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SCENARIOS))
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    parser.add_argument("--verbose", action="store_true", help="show one page of each refusal")
    given = parser.parse_args()
    if unknown := set(given.names) - set(SCENARIOS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(SCENARIOS)}")
    failed = 0
    for kind in ("sqlite", "postgres") if given.database == "both" else (given.database,):
        for name in given.names or SCENARIOS:
            began = time.monotonic()
            try:
                result = SCENARIOS[name](kind, given.quick)
            except (NotRecovered, OSError) as error:
                result = Result(problems=[str(error)])
            failed += bool(result.problems)
            state = "FAILED" if result.problems else "held"
            print(f"{state:7}{name} on {kind}, {time.monotonic() - began:.0f} s: {result.done}", flush=True)
            for status, page in result.refusals.items() if given.verbose else ():
                print(f"       {status}: {' '.join(page.split())[:600]}", flush=True)
            for problem in result.problems[:20]:
                print(f"       {problem}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
