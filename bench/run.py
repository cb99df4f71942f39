"""Measures Kehu on PostgreSQL and prints what it found. See bench/README.md."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from bench import database, job

CLIENTS = 4


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a hundredth of the size, under a minute")
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    parser.add_argument("--cases", type=int, help="how many cases [1000000; quick: 10000]")
    parser.add_argument("--keep", action="store_true", help="leave the database, for looking at it or for --again")
    parser.add_argument("--again", metavar="NAME", help="measure on a database that --keep left, and leave it")
    given = parser.parse_args()
    cases = given.cases or (10_000 if given.quick else 1_000_000)
    with database.own("bench", keep=given.keep, again=given.again) as name:
        found = _measured(name, None if given.again else cases, seconds=2.5 if given.quick else 20.0)
    for key, value in found.items():
        print(f"{key:24}{value:>12,}")
    if given.json:
        Path(given.json).write_text(json.dumps(found, indent=2) + "\n")
    return 0


def _measured(name: str, cases: int | None, seconds: float) -> dict[str, float]:
    organization, now, swept, people = _filled(cases) if cases else _filled_before(name)
    if cases:
        _note(name, {"swept": swept.isoformat(), "pages": people})
    found: dict[str, float] = {}
    with _serving([sys.executable, "-m", "bench.floor", "{port}"]) as (floor, _started):
        took = _played(floor, {"kind": "pages", "people": [""], "pages": [["", "/"]]}, seconds / 2)
        found["floor_view_per_s"] = took["rate"]
    from bench import floor as floors

    found["floor_sql_writes_per_s"] = round(
        floors.sql_writes(database.address(name), _places(organization), seconds / 2), 1
    )
    found["statements_per_step_max"] = _statements(organization, now)
    serve = [
        sys.executable,
        "-m",
        "kehu.cli.main",
        "serve",
        "--demo",
        "--no-worker",
        "--workers",
        "2",
        "--port",
        "{port}",
    ]
    with _serving(serve) as (server, started):
        found["cold_start_s"] = round(started, 2)
        from bench.life import PEOPLE, life

        jobs = {"organization": organization.key, "people": PEOPLE, "kind": "writes", "acts": life(now)}
        writes = _played(server, jobs, seconds)
        found["writes_per_s"], found["write_p95_ms"] = writes["rate"], writes["p95"]
        for key, pages in people.items():
            jobs = {
                "organization": organization.key,
                "people": ["lu"],
                "kind": "pages",
                "pages": [["lu", page] for page in pages],
                "parts": key.startswith("quick_search"),
            }
            found[f"{key}_p95_ms"] = _played(server, jobs, seconds / 2)["p95"]
    sweep = job.finished("fire_deadlines", organization.key, swept)
    found["sweep_s"], found["sweep_peak_mb"] = round(sweep["seconds"], 2), round(sweep["peak_mb"], 1)
    print(f"sweep: {sweep['done']} instants", file=sys.stderr)
    order = (
        "writes_per_s", "write_p95_ms", "statements_per_step_max", *(f"{key}_p95_ms" for key in people),
        "sweep_s", "sweep_peak_mb", "cold_start_s", "floor_view_per_s", "floor_sql_writes_per_s",
    )  # fmt: skip
    return {key: found[key] for key in order}


# --- the database -----------------------------------------------------------------------------------------------------


def _note(name: str, facts: dict[str, Any]) -> None:
    """What a later run must know of the database, kept with it."""
    database.on_server(f"COMMENT ON DATABASE {name} IS '{json.dumps(facts)}'")


def _filled_before(name: str) -> tuple[Any, datetime, datetime, dict[str, list[str]]]:
    """The same of a database that was kept."""
    organization = database.company()
    from kehu.core import clock

    said = database.on_server(
        f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{name}'"
    ).fetchone()  # noqa: S608
    if not (said and said[0]):
        raise SystemExit(f"{name} is no database that --keep left.")
    facts = json.loads(said[0])
    now = clock.now(organization).astimezone(ZoneInfo(organization.timezone))
    return organization, now, datetime.fromisoformat(facts["swept"]), facts["pages"]


def _filled(cases: int) -> tuple[Any, datetime, datetime, dict[str, list[str]]]:
    """The demo company with so many cases, as many tasks waiting, of which a hundredth is due at the moment given; pages to ask for."""
    start = time.perf_counter()
    organization = database.company()
    from bench import seed
    from kehu.core import clock

    now = clock.now(organization).astimezone(ZoneInfo(organization.timezone))
    workday = now.replace(hour=9, minute=0) - timedelta(days=1)
    while workday.weekday() > 3:
        workday -= timedelta(days=1)
    lives, weights = seed.lives(organization, workday)
    ahead, received = seed.waiting(organization, workday), seed.just_received(organization, workday)
    with seed.bare():
        seed.customers(organization, cases // 5)
        copies = seed.Copies(organization)
        copies.write(lives, weights, cases)
        copies.write([ahead], [1], cases, weeks=(0, 3))
        copies.write([received], [1], max(cases // 200, 1), weeks=(0, 0))
        copies.finish()
    if broken := seed.broken(organization):
        raise RuntimeError(f"chains that do not hold: {broken}")
    print(f"seeded in {time.perf_counter() - start:.0f} s", file=sys.stderr)
    pages = {
        "inbox": ["/"],
        "register": [
            "/registers/customer-complaint/",
            "/registers/customer-complaint/?status=open",
            "/registers/customer-complaint/?kind=quality",
        ],
        "case_page": [f"/cases/{number}/" for number in seed.long_histories(organization, workday)],
        **_customer_pages(cases // 5),
    }
    return organization, now, workday + timedelta(hours=8), pages


def _customer_pages(count: int) -> dict[str, list[str]]:
    """The directory in its orders and filters, customers' own pages, and the quick search four ways."""
    from bench import seed

    few = random.Random(5).sample(range(count), 8)
    asked = {
        "word": ["德锐", "博恒", "深圳", "电子", "有限", "毛刺"],
        "initials": ["drdz", "bhtx", "hyjx", "zt"],
        "number": [*(f"K{one:06}" for one in few[:3]), "CP-2025", "00012"],
        "phone": [*(seed.phone(one) for one in few[:3]), seed.phone(few[3])[-4:], "138"],
    }
    return {
        "customers": [
            "/customers/",
            f"/customers/?after=K{count // 2:06}",
            "/customers/?class=A",
            "/customers/?sort=-name",
            "/customers/?status=active&class=B",
            "/customers/?q=%E5%BE%B7%E9%94%90",
        ],
        "customer_page": [f"/customers/K{one:06}/" for one in few],
        **{f"quick_search_{how}": [f"/search/?q={quote(text)}" for text in texts] for how, texts in asked.items()},
        "search_page": [f"/search/?q={quote(text)}" for texts in asked.values() for text in texts],
    }


def _places(organization: Any) -> list[dict[str, Any]]:
    """For each client a case with the rows that a step is copied from: the oldest, which no page is measured on, for they grow."""
    from kehu.cases.models import Assignment, Deadline, Task
    from kehu.core.models import Event, Message
    from kehu.core.scope import scope

    with scope(organization):
        tasks = list(Task.objects.filter(state="open", assignments__is_open=True).order_by("pk")[:CLIENTS])
        event, message = Event.objects.latest("pk").pk, Message.objects.latest("pk").pk
        return [
            {
                "task": task.pk,
                "case": task.case_id,
                "assignments": list(Assignment.objects.filter(task=task).values_list("pk", flat=True)),
                "instants": list(Deadline.objects.filter(task=task).values_list("pk", flat=True)),
                "event": event,
                "message": message,
            }
            for task in tasks
        ]


def _statements(organization: Any, now: datetime) -> int:
    """Of all that a browser's write makes the server ask the database, from the session to the answer, the most for one write."""
    from django.conf import settings
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from bench.life import PEOPLE, life

    settings.ALLOWED_HOSTS = ["*"]
    logging.getLogger("kehu.request").setLevel(logging.WARNING)
    browsers = {person: Client() for person in PEOPLE}
    for person, browser in browsers.items():
        browser.post("/sign-in/", {"organization": organization.key, "person": person})
    most = 0
    for turn in range(2):  # the first one reads what is kept
        number = ""
        for act in life(now):
            path = f"/cases/{number}/{act.place}" if number else "/procedures/customer-complaint/cases/new/"
            with CaptureQueriesContext(connection) as captured:
                answer = browsers[act.by].post(path, act.form, content_type="application/x-www-form-urlencoded")
            if answer.status_code != 302:
                raise RuntimeError(f"{path}: {answer.status_code}")
            number = number or answer.headers["Location"].split("/")[2]
            asked = [query for query in captured.captured_queries if not query["sql"].startswith(("BEGIN", "COMMIT"))]
            most = max(most, len(asked)) if turn else 0
    return most


# --- servers and clients ----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _serving(command: list[str]) -> Iterator[tuple[str, float]]:
    """The server's address, and how many seconds passed until it answered."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "KEHU_URL": f"http://127.0.0.1:{port}"}
    start = time.perf_counter()
    log = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with the server, below
    process = subprocess.Popen(
        [part.format(port=port) for part in command], env=environment, stdout=subprocess.DEVNULL, stderr=log
    )
    try:
        while not _answers(port):
            if process.poll() is not None or time.perf_counter() - start > 120:
                raise RuntimeError(f"{' '.join(command)} did not start")
            time.sleep(0.02)
        yield f"127.0.0.1:{port}", time.perf_counter() - start
    except Exception:
        log.seek(0)
        print("the server said:", log.read().decode(errors="replace")[-4000:], file=sys.stderr)
        raise
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
        log.close()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as asked:
            asked.sendall(f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
            return asked.recv(12).startswith(b"HTTP/1.1")
    except OSError:
        return False


def _played(server: str, jobs: dict[str, Any], seconds: float) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.client", server, str(seconds), str(CLIENTS)],
        input=json.dumps(jobs), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr)
    found = json.loads(done.stdout)
    if found["failures"]:
        print("refused:", *found["failures"], sep="\n  ", file=sys.stderr)
    took = sorted(found["took"])
    p95 = statistics.quantiles(took, n=20)[-1] if len(took) > 1 else took[0]
    return {"rate": round(len(took) / found["seconds"], 1), "p95": round(p95 * 1000, 1)}


if __name__ == "__main__":
    sys.exit(main())
