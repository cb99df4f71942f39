"""One of the worker's jobs in a process of its own, again and again until nothing is left to do: how long it takes, and how much memory.

`python -m bench.job NAME ORGANIZATION MOMENT` (NAME: a job of kehu/config/recurring.py) prints {"done": …, "seconds": …, "peak_mb": …}.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from kehu.cli import setting_up


def finished(
    name: str, organization: str, moment: datetime, watch: Callable[[], None] = lambda: None
) -> dict[str, float]:
    """What the job said at its end; `watch` is called every second until then."""
    command = [sys.executable, "-m", "bench.job", name, organization, moment.isoformat()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            try:
                process.wait(1)
            except subprocess.TimeoutExpired:
                watch()
        assert process.stdout
        found: dict[str, float] = json.load(process.stdout)
    return found


def main() -> None:
    setting_up.django()
    from kehu.config import recurring
    from kehu.core.models import Organization
    from kehu.core.scope import every_organization

    job: recurring.Job = getattr(recurring, sys.argv[1])
    with every_organization():
        organization = Organization.objects.get(key=sys.argv[2])
    moment, done, start = datetime.fromisoformat(sys.argv[3]), 0, time.perf_counter()
    while now_done := job(organization, moment):
        done += now_done
    json.dump({"done": done, "seconds": time.perf_counter() - start, "peak_mb": memory()}, sys.stdout)


def memory() -> float:
    """The most this process has held, in MB. Linux's `ru_maxrss` would count who started it, too."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
