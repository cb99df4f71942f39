"""A Kehu of its own to break: processes, database, files, all in a scratch folder."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
POSTGRES = os.environ.get("KEHU_TEST_POSTGRES") or "postgresql://root@127.0.0.1:5432/kehu"
PATIENCE = 120
"""Seconds within which a Kehu that is not being broken must have recovered."""


class NotRecovered(Exception):
    """What should have come back by itself did not."""


@dataclass
class Installation:
    """`serve` and `worker` start processes, `kill` ends one as a power cut would; `ready` waits until pages are served."""

    database_url: str
    var: Path
    more: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=lambda: free_port())
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        own = {
            "KEHU_DATABASE_URL": self.database_url,
            "KEHU_VAR": str(self.var),
            "KEHU_FONTS": os.environ.get("KEHU_FONTS") or str(ROOT / "var" / "fonts"),
            "KEHU_URL": self.url,
            "KEHU_DEMO": "1",
            "PYTHONPATH": str(ROOT),
        }
        return {**os.environ, **own, **self.more}

    def run(self, *words: str) -> str:
        """`kehu WORDS`, to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "kehu.cli.main", *words],
            env=self.environment, cwd=ROOT, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise NotRecovered(
                f"kehu {' '.join(words)} ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}"
            )
        return done.stdout

    def python(self, script: str, *words: str) -> str:
        """A script beside this file, run inside the installation's Django."""
        done = subprocess.run(
            [sys.executable, str(Path(__file__).parent / script), *words],
            env={**self.environment, "DJANGO_SETTINGS_MODULE": "kehu.config.settings"},
            cwd=ROOT, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise NotRecovered(f"{script} ended with {done.returncode}: {(done.stdout + done.stderr)[-3000:]}")
        return done.stdout

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        with (self.var / f"{words[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "kehu.cli.main", *words],
                env=self.environment, cwd=ROOT, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def serve(self, *words: str) -> subprocess.Popen[bytes]:
        return self.start("serve", "--port", str(self.port), *words)

    def worker(self) -> subprocess.Popen[bytes]:
        return self.start("worker")

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """kill -9, with whatever it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.processes.remove(process)

    def stop(self) -> None:
        for process in list(self.processes):
            self.kill(process)

    def ready(self) -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                with urllib.request.urlopen(f"{self.url}/sign-in/", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except (OSError, urllib.error.URLError):
                time.sleep(0.1)
        log = (self.var / "serve.log").read_text(errors="replace")[-1500:]
        raise NotRecovered(f"no page within {PATIENCE} seconds; the log ends with: {log}")

    def settle(self) -> None:
        """Waits until the workers have nothing left that is due."""
        until = time.monotonic() + PATIENCE
        left: dict[str, int] = {}
        while time.monotonic() < until:
            left = json.loads(self.python("audit.py", "--left"))
            if not any(left.values()):
                return
            time.sleep(0.5)
        raise NotRecovered(f"after {PATIENCE} seconds the workers still had to do: {left}")


def made(kind: str, name: str, more: dict[str, str] | None = None, var: Path | None = None) -> Installation:
    """A fresh installation with the demo company. `kind`: sqlite or postgres."""
    var = var or Path(tempfile.mkdtemp(prefix=f"kehu-{name}-"))
    url = f"sqlite:///{var}/kehu.sqlite3"
    if kind == "postgres":
        url = fresh_database(f"kehu_fault_{name}")
    installation = Installation(url, var, more or {})
    installation.run("demo")
    return installation


def fresh_database(name: str, server: str = POSTGRES) -> str:
    import psycopg

    with psycopg.connect(server, dbname="postgres", autocommit=True) as connection:
        connection.execute(f'drop database if exists "{name}" with (force)')
        connection.execute(f'create database "{name}"')
    return server.rpartition("/")[0] + f"/{name}"


def removed(installation: Installation) -> None:
    import psycopg

    installation.stop()
    if installation.database_url.startswith("postgresql") and "kehu_fault_" in installation.database_url:
        name = installation.database_url.rpartition("/")[2]
        try:
            with psycopg.connect(installation.database_url, dbname="postgres", autocommit=True) as connection:
                connection.execute(f'drop database if exists "{name}" with (force)')
        except psycopg.OperationalError:
            pass  # its server was the scenario's own and is gone
    shutil.rmtree(installation.var, ignore_errors=True)


def free_port() -> int:
    """Below the ports that the machine gives to whoever connects: clients that knock while nobody listens there would sooner or
    later be given that very port, connect to themselves, and keep the server from coming back."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
