"""`kehu worker`: fires deadlines and delivers messages. Any number may run beside one another."""

from __future__ import annotations

import argparse
import logging
import threading
import time
from collections.abc import Sequence

from . import setting_up

log = logging.getLogger("kehu.worker")


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kehu worker", description="Fire deadlines and deliver messages, until stopped."
    )
    parser.add_argument("--once", action="store_true", help="do what is due now, and stop")
    given = parser.parse_args(arguments)
    setting_up.django()
    if not setting_up.has_tables():
        print("The database has no tables of this version yet. `kehu serve` makes them at its start; start it first.")
        return 1
    stop = threading.Event()
    if given.once:
        stop.set()
    try:
        work_until(stop)
    except KeyboardInterrupt:
        log.info("stopped")
    return 0


def work_until(stop: threading.Event) -> None:
    """Every recurring job at its pace. A job that fails is logged and tried again at its next turn; the others go on."""
    from kehu.config.recurring import RECURRING

    following = dict.fromkeys(RECURRING, 0.0)
    while True:
        for job, pace in RECURRING.items():
            if time.monotonic() >= following[job]:
                _run_everywhere(job)
                following[job] = time.monotonic() + pace.total_seconds()
        if stop.wait(timeout=max(0.1, min(following.values()) - time.monotonic())):
            return


def _run_everywhere(job) -> None:
    from django.db import close_old_connections

    from kehu.core import clock
    from kehu.core.models import Organization

    try:
        close_old_connections()
        for organization in Organization.objects.all():
            job(organization, clock.now(organization))
    except Exception:
        log.exception("%s failed and will be tried again", job.__name__)
