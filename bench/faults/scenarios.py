"""What may go wrong in a cellar, one function each: break it under load, let it come back by itself, ask what is left.

A scenario gets the database's kind and whether to be quick; it gives what it did in one line, and every problem found.
"""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from threading import Thread

from installation import Installation, fresh_database, made, removed
from load import Load, Person
from servers import Cluster, Mailbox, Proxy

REPEATED = ("This message may have reached you before.", "您之前可能已收到过本通知。")


@dataclass
class Result:
    done: str = ""
    problems: list[str] = field(default_factory=list)
    refusals: dict[int, str] = field(default_factory=dict)


Scenario = Callable[[str, bool], Result]


@contextmanager
def installed(kind: str, name: str, **more: str) -> Iterator[Installation]:
    installation = made(kind, name, more)
    try:
        yield installation
    finally:
        removed(installation)


def audited(installation: Installation, load: Load, *, may_fail: bool = True) -> list[str]:
    """What is lost, half-done, twice; and what people were shown that they should not see."""
    installation.python("move_clock.py", "0.1")  # what a dead worker had claimed is anybody's after five minutes
    installation.settle()
    kept = installation.var / "acknowledged.json"
    kept.write_text(json.dumps(load.acknowledged))
    found: list[str] = json.loads(installation.python("audit.py", str(kept)))
    installation.run("verify")
    found += [f"a page showed our insides: {text}" for text in load.shown_insides[:3]]
    if found or not may_fail:
        found += errors_of(installation)
    if not may_fail:
        found += [f"{count} answers {status}" for status, count in load.answers.items() if status not in ("302", "409")]
    if not load.acknowledged:
        found.append("no write was acknowledged at all, so nothing was shown")
    return found


def errors_of(installation: Installation) -> list[str]:
    """The last line of every stack trace in the logs, with how often it came."""
    traces = Counter(
        lines[0]
        for log in installation.var.glob("*.log")
        for trace in log.read_text(errors="replace").split("Traceback (most recent call last)")[1:]
        if (lines := [line for line in trace.splitlines()[1:] if line and not line.startswith(" ")])
    )
    return [f"{count}× in the logs: {line[:300]}" for line, count in traces.most_common(5)]


def said(load: Load) -> str:
    answers = ", ".join(f"{count}× {status}" for status, count in sorted(load.answers.items()))
    return f"{len(load.acknowledged)} acknowledged writes ({answers})"


# --- processes --------------------------------------------------------------------------------------------------------


def kill(kind: str, quick: bool) -> Result:
    """kill -9 of server and worker in turn, under four clients, while the clock runs through time limits and mails leave."""
    times, chance, box = (6 if quick else 100), random.Random(20261122), Mailbox()
    box.open()
    with installed(kind, "kill", KEHU_SMTP_URL=f"smtp://127.0.0.1:{box.port}") as kehu:
        server, worker = kehu.serve("--no-worker"), kehu.worker()
        kehu.ready()
        with Load(kehu.port) as load:
            for turn in range(times):
                load.waits_for(chance.randrange(1, 12))
                if turn % 5 == 4:
                    kehu.python("move_clock.py", "20")
                    time.sleep(chance.uniform(0.1, 1.5))
                if turn % 2:
                    kehu.kill(worker)
                    worker = kehu.worker()
                else:
                    kehu.kill(server)
                    server = kehu.serve("--no-worker")
                    kehu.ready()
        problems = audited(kehu, load) + wrong_mail(kehu, box, killed=times // 2)
        box.close()
        again = len(box.mails) - len({mail["Message-ID"] for mail in box.mails})
        done = f"killed {times} times; {len(box.mails)} mails arrived, {again} of them again; {said(load)}"
        return Result(done, problems, load.refusals)


def two_workers(kind: str, quick: bool) -> Result:
    """Three workers on one queue: every instant and every message once."""
    with installed(kind, "workers") as kehu:
        kehu.serve("--no-worker")
        kehu.ready()
        with Load(kehu.port) as load:
            load.waits_for(40 if quick else 400)
        kehu.python("move_clock.py", "400")
        for _ in range(3):
            kehu.worker()
        return Result(said(load), audited(kehu, load), load.refusals)


def sqlite_writers(kind: str, quick: bool) -> Result:
    """Eight people writing at once on SQLite, with two workers beside: nobody is told that a database is locked."""
    if kind != "sqlite":
        return Result("only SQLite has one writer at a time")
    with installed(kind, "writers") as kehu:
        kehu.serve()
        kehu.worker()
        kehu.ready()
        with Load(kehu.port, clients=8) as load:
            load.waits_for(80 if quick else 1500)
            kehu.python("move_clock.py", "30")
            load.waits_for(80 if quick else 1500)
        return Result(said(load), audited(kehu, load, may_fail=False), load.refusals)


# --- the database -----------------------------------------------------------------------------------------------------


@contextmanager
def on_own_cluster(name: str, *, through: bool = False) -> Iterator[tuple[Installation, Cluster, Proxy | None]]:
    with Cluster() as cluster:
        proxy = Proxy(cluster.port) if through else None
        port = proxy.port if proxy else cluster.port
        fresh_database("kehu", server=cluster.url)
        var = Path(tempfile.mkdtemp(prefix=f"kehu-{name}-"))
        kehu = Installation(f"postgresql://postgres@127.0.0.1:{port}/kehu", var)
        kehu.run("demo")
        try:
            yield kehu, cluster, proxy
        finally:
            removed(kehu)
            if proxy:
                proxy.close()


def postgres_restart(kind: str, quick: bool) -> Result:
    """PostgreSQL restarted in the middle of steps: half of the times fast, half of the times as after a power cut."""
    if kind != "postgres":
        return Result("there is no server to restart")
    times = 2 if quick else 10
    with on_own_cluster("restart") as (kehu, cluster, _proxy):
        kehu.serve("--no-worker")
        kehu.worker()
        kehu.ready()
        with Load(kehu.port) as load:
            for turn in range(times):
                load.waits_for(15)
                cluster.restart("immediate" if turn % 2 else "fast")
            kehu.python("move_clock.py", "30")
            load.waits_for(15)
        return Result(f"restarted {times} times; {said(load)}", audited(kehu, load), load.refusals)


def connections_cut(kind: str, quick: bool) -> Result:
    """Connections to the database cut anywhere, in the middle of a COMMIT too; and browsers that hang up."""
    if kind != "postgres":
        return Result("there are no connections to cut")
    times, chance = (10 if quick else 100), random.Random(7)
    with on_own_cluster("cut", through=True) as (kehu, _cluster, proxy):
        assert proxy
        kehu.serve("--no-worker")
        kehu.worker()
        kehu.ready()
        with Load(kehu.port) as load:
            for _ in range(times):
                load.waits_for(chance.randrange(1, 6))
                time.sleep(chance.uniform(0, 0.05))
                proxy.cut()
                hang_up(kehu.port, load)
        return Result(f"cut {times} times; {said(load)}", audited(kehu, load), load.refusals)


def hang_up(port: int, load: Load) -> None:
    """Somebody posts and is gone before the answer."""
    person = next(iter(load.threads)).people["lu"]
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        cookies = "; ".join(f"{key}={value}" for key, value in person.cookies.items())
        connection.sendall(
            f"POST /clock/ HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookies}\r\nContent-Length: 400\r\n\r\nby=".encode()
        )


def disk_full(kind: str, quick: bool) -> Result:
    """The disk with database and files fills up, stays full, and is made free again."""
    if os.geteuid() != 0:
        return Result("needs root, to mount a small disk")
    with small_disk(Path(tempfile.mkdtemp(prefix="kehu-full-")), 160) as place:
        if kind == "sqlite":
            kehu = made("sqlite", "full", var=place)
            return _filled(kehu, place, quick)
        with Cluster(place / "cluster") as cluster:
            fresh_database("kehu", server=cluster.url)
            kehu = Installation(f"postgresql://postgres@127.0.0.1:{cluster.port}/kehu", place)
            kehu.run("demo")
            return _filled(kehu, place, quick, cluster)


def _filled(kehu: Installation, disk: Path, quick: bool, cluster: Cluster | None = None) -> Result:
    try:
        kehu.serve("--no-worker")
        kehu.worker()
        kehu.ready()
        ballast = disk / "ballast"
        with Load(kehu.port) as load:
            load.waits_for(20)
            for _ in range(1 if quick else 3):
                before = load.answers.copy()
                fill(ballast)
                full_for = time.monotonic() + (5 if quick else 15)
                while time.monotonic() < full_for:
                    time.sleep(0.1)
                refused = load.answers - before
                ballast.unlink()
                if cluster:
                    cluster.revive()
                load.waits_for(20)
        problems = audited(kehu, load)
        if not any(status.startswith("5") or not status.isdigit() for status in refused):
            problems.append(f"the disk was never full enough to matter: {dict(refused)}")
        return Result(f"full {1 if quick else 3} times; {said(load)}", problems, load.refusals)
    finally:
        kehu.stop()


@contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[Path]:
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=False)
        place.rmdir()


def fill(file: Path) -> None:
    with suppress(OSError), file.open("wb", buffering=0) as ballast:
        while True:
            ballast.write(b"\0" * (1 << 16))


# --- files ------------------------------------------------------------------------------------------------------------

NEW_CASE = "/procedures/customer-complaint/cases/new/"
MEGABYTE = 1 << 20


def uploads(kind: str, quick: bool) -> Result:
    """Attachments: too large, no room for them, and the server killed while they come in."""
    if os.geteuid() != 0:
        return Result("needs root, to mount a small disk")
    times, chance = (4 if quick else 40), random.Random(11)
    with (
        tempfile.TemporaryDirectory(prefix="kehu-coming-") as coming,
        installed(kind, "uploads", TMPDIR=coming) as kehu,
        small_disk(kehu.var / "files", 64 + times * 6) as disk,
    ):
        server = kehu.serve("--no-worker")
        kehu.ready()
        load, found = Load(kehu.port), list[str]()
        person = Person(kehu.port, "liang")
        person.sign_in()
        typed = {"customer": "C0001", "channel": "return", "kind": "quality", "product": "HY-2207"}
        typed |= {"received_at": load.received_at(), "content": "毛刺超差，孔位偏 0.3 mm"}

        def send(megabytes: float, name: str = "list.txt") -> tuple[int, str]:
            content = (name.encode() + b"x" * 1024)[:1024] * int(megabytes * 1024)
            status, headers, page = person.send(NEW_CASE, name, content, **typed)
            load.answers[str(status)] += 1
            if status == 302:
                load.acknowledged.append((headers["location"].split("/")[2], "receive-complaint"))
            return status, page

        def refused(what: str, wanted: int, megabytes: float) -> None:
            status, page = send(megabytes)
            if status != wanted or typed["content"] not in page or typed["received_at"] not in page:
                found.append(f"{what}: {status} instead of {wanted}, typed text kept: {typed['content'] in page}")
            if kept := [path.name for path in disk.rglob("*") if path.is_file() and path.name != "ballast"]:
                found.append(f"{what}: {kept} was kept")

        refused("60 MB", 413, 60)
        for megabytes in (1, 10):
            fill(disk / "ballast")
            refused("disk full", 507, megabytes)
            (disk / "ballast").unlink()
        for turn in range(times):
            sending = Thread(target=lambda name=f"killed-{turn}.txt": suppressed(send, 6, name))
            sending.start()
            time.sleep(chance.uniform(0, 0.5))
            kehu.kill(server)
            sending.join()
            person.connection = None  # whoever was answered before the kill still holds the dead server's
            server = kehu.serve("--no-worker")
            kehu.ready()
            for half in disk.rglob(".*"):
                os.utime(half, (0, 0))  # as if of long ago: only then is it cleared away
            for whole in disk.rglob("*"):
                if turn % 4 == 3 and whole.is_file() and len(whole.name) == 64:
                    os.utime(whole, (0, 0))
            kehu.run("worker", "--once")
            left = {path.name for path in disk.rglob("*") if path.is_file()}
            found += [f"half a file is left: {name}" for name in left if name.startswith(".")]
        if send(6, "last.txt")[0] != 302:
            found.append("after all that, a file is not taken")
        found += [f"an upload's temporary file is left: {path.name}" for path in Path(coming).iterdir()]
        kehu.worker()
        problems = found + audited(kehu, load)
        return Result(f"killed {times} times while a file came in; {said(load)}", problems, load.refusals)


def suppressed(act: Callable[..., object], *words: object) -> None:
    with suppress(OSError):
        act(*words)


# --- time, mail -------------------------------------------------------------------------------------------------------


def clock_jump(kind: str, quick: bool) -> Result:
    """The clock jumps forward by weeks and back by days, under load: no instant twice, none forgotten."""
    with installed(kind, "clock") as kehu:
        kehu.serve("--no-worker")
        kehu.worker()
        kehu.ready()
        with Load(kehu.port) as load:
            for hours in (30, 700, -200, 90, -48, 300):
                load.waits_for(10 if quick else 60)
                kehu.python("move_clock.py", str(hours))
                time.sleep(1.5)
        return Result(said(load), audited(kehu, load), load.refusals)


def smtp_down(kind: str, quick: bool) -> Result:
    """The mail server is away for an hour: everything arrives afterwards, nothing twice without saying so."""
    box = Mailbox()
    with installed(kind, "smtp", KEHU_SMTP_URL=f"smtp://127.0.0.1:{box.port}") as kehu:
        kehu.serve("--no-worker")
        kehu.worker()
        kehu.ready()
        with Load(kehu.port) as load:
            load.waits_for(20 if quick else 100)
        kehu.settle()
        for _ in range(6):  # an hour, ten minutes at a time, at which every retry fails
            kehu.python("move_clock.py", str(1 / 6))
            kehu.settle()
        waiting = int(kehu.python("mail.py", "--waiting"))
        box.open()
        kehu.python("move_clock.py", "26")
        kehu.settle()
        problems = audited(kehu, load) + wrong_mail(kehu, box)
        if not waiting:
            problems.append("no mail waited while the server was away, so nothing was shown")
        box.close()
        return Result(
            f"{waiting} mails waited an hour, {len(box.mails)} arrived; {said(load)}", problems, load.refusals
        )


def wrong_mail(kehu: Installation, box: Mailbox, killed: int = 0) -> list[str]:
    """What never arrived, and what came again: once for a worker that was killed, saying so."""
    arrived: dict[str, list[EmailMessage]] = {}
    for mail in box.mails:
        arrived.setdefault(str(mail["Message-ID"]), []).append(mail)
    wanted = json.loads(kehu.python("mail.py", "--wanted"))
    found = [f"mail {identity} to {who} never arrived" for identity, who in wanted if identity not in arrived]
    again = {identity: mails for identity, mails in arrived.items() if len(mails) > 1}
    for identity, mails in again.items():
        if not any(sentence in str(mails[-1].get_content()) for sentence in REPEATED):
            found.append(f"mail {identity} arrived {len(mails)} times without saying so")
    if (more := sum(len(mails) - 1 for mails in again.values())) > killed:
        found.append(f"{more} mails arrived again, and {killed} workers were killed")
    return found


SCENARIOS: dict[str, Scenario] = {
    "kill": kill,
    "two-workers": two_workers,
    "sqlite-writers": sqlite_writers,
    "postgres-restart": postgres_restart,
    "connections-cut": connections_cut,
    "disk-full": disk_full,
    "uploads": uploads,
    "clock-jump": clock_jump,
    "smtp-down": smtp_down,
}
