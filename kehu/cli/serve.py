"""`kehu serve`: pages, in one process or several, each with a worker beside them unless told otherwise."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from . import setting_up
from .balancing import Balanced, Loads

loads: Loads | None = None
"""Of the processes, where there are several: shared, for they are forked."""

LETTING_GO_S = 3


def threads(processes: int) -> int:
    """Answers that a process makes at the same time. Two: one computes while the other waits for the database, and each further one only
    takes the interpreter from them (measured: four make a tenth to a fifth less of the same work). But four in all, at least: whose line
    is slow holds one while his file comes in, where no proxy takes it in for him."""
    return max(2, 4 // processes)


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="kehu serve", description="Serve the pages, with a worker beside them.")
    parser.add_argument("--demo", action="store_true", help="offer the demo company, made first where it is missing")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="so many processes for the pages [1]")
    parser.add_argument("--no-migrate", action="store_true", help="leave the tables to `kehu upgrade`")
    parser.add_argument("--no-worker", action="store_true", help="pages only; workers run as `kehu worker`")
    parser.add_argument("--host", default=os.environ.get("KEHU_HOST", "127.0.0.1"))
    parser.add_argument("--port", type=int, default=int(os.environ.get("KEHU_PORT", "8000")))
    given = parser.parse_args(arguments)
    if given.demo:
        os.environ["KEHU_DEMO"] = "1"
    if given.no_worker:
        os.environ["KEHU_WORKER"] = "0"
    os.environ["KEHU_PORT"] = str(given.port)
    os.environ.setdefault("KEHU_URL", f"http://{given.host}:{given.port}")
    if given.workers < 1:
        parser.error("--workers must be at least 1")
    if not _is_free(given.host, given.port):
        print(f"{given.host}:{given.port} is in use by another program. Choose another port: KEHU_PORT=8001 make run")
        return 1
    setting_up.figures(fresh=True)
    setting_up.django()
    if not _prepare(given):
        return 1
    _load()
    global loads
    loads = Loads(given.workers) if given.workers > 1 else None
    print(f"Kehu: http://{given.host}:{given.port}/  (Ctrl+C stops it)", flush=True)
    from granian.constants import Interfaces
    from granian.server import Server

    Server(
        "kehu.cli.serve:application",
        address=given.host,
        port=given.port,
        interface=Interfaces.WSGI,
        workers=given.workers,
        workers_kill_timeout=30,
        respawn_failed_workers=True,
        blocking_threads=threads(given.workers),
        websockets=False,
        factory=True,
        log_access=False,
    ).serve()
    return 0


def _prepare(given: argparse.Namespace) -> bool:
    """Database, files and demo as the pages need them; False after having said what is missing."""
    try:
        if not given.no_migrate:
            setting_up.tables()
        elif not setting_up.has_tables():
            print("The database is not of this version. Run `kehu upgrade`, or leave out --no-migrate.")
            return False
    except setting_up.NotUpgraded as reason:
        print(reason, file=sys.stderr)
        return False
    setting_up.static_files()
    if given.demo:
        from .demo import make_demo

        with setting_up.alone():
            make_demo()
    return True


def _load() -> None:
    """All that pages and worker need, once, before the processes part: they share it, and each is there at once."""
    from django.db import connections

    import kehu.config.recurring
    import kehu.config.urls
    import kehu.config.wsgi  # noqa: F401

    from . import worker  # noqa: F401

    connections.close_all()  # every process opens its own
    # What is loaded by now stays for good: the collector need not look at it again, nor copy its pages. What a page makes is nearly all
    # gone with the page; looked for each time 700 new things are there, as Python would, it takes a tenth of the page's time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def _is_free(host: str, port: int) -> bool:
    """Asked for some seconds: of a server that was killed, a process may still be ending."""
    import socket

    end = time.monotonic() + LETTING_GO_S
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind((host, port))
                return True
        if time.monotonic() > end:
            return False
        time.sleep(0.1)


def application() -> Any:
    """The pages, and the worker as a thread beside them. Every job is one transaction after another, so the process may
    end at any moment."""
    setting_up.figures()
    setting_up.django()
    from kehu.config.wsgi import application as pages

    if os.environ.get("KEHU_WORKER", "1") != "0":
        from .worker import work_until

        threading.Thread(target=work_until, args=(threading.Event(),), name="worker", daemon=True).start()
    if loads and (place := loads.place()) is not None:
        return Balanced(pages, loads, place)
    return pages
