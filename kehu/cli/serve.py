"""`kehu serve`: pages and a worker in one process."""

from __future__ import annotations

import argparse
import os
import threading
from collections.abc import Sequence
from typing import Any

from . import setting_up


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="kehu serve", description="Serve the pages, with a worker beside them.")
    parser.add_argument("--demo", action="store_true", help="offer the demo company, made first where it is missing")
    parser.add_argument("--no-worker", action="store_true", help="pages only; workers run as `kehu worker`")
    parser.add_argument("--host", default=os.environ.get("KEHU_HOST", "127.0.0.1"))
    parser.add_argument("--port", type=int, default=int(os.environ.get("KEHU_PORT", "8000")))
    given = parser.parse_args(arguments)
    if given.demo:
        os.environ["KEHU_DEMO"] = "1"
    if given.no_worker:
        os.environ["KEHU_WORKER"] = "0"
    os.environ.setdefault("KEHU_URL", f"http://{given.host}:{given.port}")
    setting_up.django()
    setting_up.tables()
    setting_up.static_files()
    if given.demo:
        from .demo import make_demo

        make_demo()
    if not _is_free(given.host, given.port):
        print(f"{given.host}:{given.port} is in use by another program. Choose another port: KEHU_PORT=8001 make run")
        return 1
    print(f"Kehu: http://{given.host}:{given.port}/  (Ctrl+C stops it)", flush=True)
    from granian.constants import Interfaces
    from granian.server import Server

    Server(
        "kehu.cli.serve:application",
        address=given.host,
        port=given.port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=4,
        websockets=False,
        factory=True,
        log_access=False,
    ).serve()
    return 0


def _is_free(host: str, port: int) -> bool:
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def application() -> Any:
    """The pages, and the worker as a thread beside them. Every job is one transaction after another, so the process may
    end at any moment."""
    setting_up.django()
    from kehu.config.wsgi import application as pages

    if os.environ.get("KEHU_WORKER", "1") != "0":
        from .worker import work_until

        threading.Thread(target=work_until, args=(threading.Event(),), name="worker", daemon=True).start()
    return pages
