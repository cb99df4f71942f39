"""One worker's sweep in a process of its own: how long it takes to fire what is due, and how much memory that needs.

`python -m bench.sweep ORGANIZATION MOMENT` prints {"fired": …, "seconds": …, "peak_mb": …, "grown_mb": …}.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from datetime import datetime
from pathlib import Path

from kehu.cli import setting_up


def main() -> None:
    setting_up.django()
    from kehu.cases.escalation import fire_due
    from kehu.core.models import Organization
    from kehu.core.scope import every_organization

    with every_organization():
        organization = Organization.objects.get(key=sys.argv[1])
    moment = datetime.fromisoformat(sys.argv[2])
    first = fire_due(moment, organization=organization, limit=100)  # directory and definitions are read
    before, start, fired = _memory(), time.perf_counter(), 0
    while now_fired := fire_due(moment, organization=organization):
        fired += now_fired
    seconds = time.perf_counter() - start
    found = {"fired": first + fired, "seconds": seconds, "peak_mb": _memory(), "grown_mb": _memory() - before}
    json.dump(found, sys.stdout)


def _memory() -> float:
    """The most this process has held, in MB. Linux's `ru_maxrss` would count who started it, too."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
