"""`kehu worker`: fires deadlines and delivers messages. Any number may run beside one another."""

from __future__ import annotations

import argparse
import logging
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from . import setting_up

if TYPE_CHECKING:
    from kehu.config.recurring import Job

log = logging.getLogger("kehu.worker")


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kehu worker", description="Fire deadlines and deliver messages, until stopped."
    )
    parser.add_argument("--once", action="store_true", help="do what is due now, and stop")
    parser.add_argument(
        "--only",
        choices=["deadlines", "messages", "sheets"],
        help="fire deadlines and hand out notices; or send mail, chat, webhooks; or read and bring in sheets",
    )
    given = parser.parse_args(arguments)
    setting_up.django()
    if not setting_up.has_tables():
        print("The database has no tables of this version yet. `kehu upgrade` makes them.")
        return 1
    stop = threading.Event()
    if given.once:
        stop.set()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stop.set())  # what is being done is done to its end
    work_until(stop, only=given.only)
    if not given.once:
        log.info("stopped")
    return 0


def work_until(stop: threading.Event, *, only: str | None = None) -> None:
    """Every lane's recurring jobs at their pace, the lanes side by side; asked to stop already, one after another and once."""
    from kehu.config.recurring import LANES

    first, *others = [jobs for name, jobs in LANES.items() if only in (None, name)]
    if stop.is_set():
        _work(stop, first, beats=True)
        for jobs in others:
            _work(stop, jobs)
        return
    threads = [threading.Thread(target=_work, args=(stop, jobs), daemon=True) for jobs in others]
    for thread in threads:
        thread.start()
    _work(stop, first, beats=True)
    for thread in threads:
        thread.join()


def _work(stop: threading.Event, jobs: Mapping[Job, timedelta], *, beats: bool = False) -> None:
    """A job that fails is logged and tried again at its next turn; the others go on."""
    from kehu.core import clock
    from kehu.operations import heartbeats

    following = dict.fromkeys(jobs, 0.0)
    beat_at = 0.0
    while True:
        if beats and time.monotonic() >= beat_at:
            _tell(lambda: heartbeats.beat("worker", now=clock.now()))
            beat_at = time.monotonic() + heartbeats.PACE.total_seconds()
        for job, pace in jobs.items():
            if time.monotonic() >= following[job]:
                _run_everywhere(job)
                following[job] = time.monotonic() + pace.total_seconds()
        if stop.wait(timeout=max(0.1, min(following.values()) - time.monotonic())):
            if beats:
                _tell(heartbeats.leave)
            return


def _tell(say: Callable[[], None]) -> None:
    """What nobody hears is said again at the next turn."""
    try:
        say()
    except Exception:
        log.exception("the database could not be told that this worker is at work")


def _run_everywhere(job: Job) -> None:
    from django.db import close_old_connections

    from kehu.core import clock
    from kehu.core.models import Organization
    from kehu.core.scope import every_organization

    try:
        close_old_connections()
        with every_organization():
            organizations = list(Organization.objects.all())
        for organization in organizations:
            job(organization, clock.now(organization))
    except Exception:
        log.exception("%s failed and will be tried again", job.__name__)
