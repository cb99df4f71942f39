"""Servers to pull the plug of: a PostgreSQL of one's own, a cable between it and Kehu, a mail server."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import psycopg
from installation import PATIENCE, NotRecovered, free_port


class Cluster:
    """A PostgreSQL server in a scratch folder, made by this machine's own programs. It refuses to run as root, hence `postgres`."""

    def __init__(self, folder: Path | None = None):
        programs = sorted(glob.glob("/usr/lib/postgresql/*/bin")) or [os.path.dirname(shutil.which("initdb") or "")]
        if not programs[-1]:
            raise NotRecovered("PostgreSQL's programs (initdb, pg_ctl) are not on this machine")
        self.programs = programs[-1]
        self.is_own = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="kehu-cluster-"))
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def __enter__(self) -> Cluster:
        self.folder.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
            if not self.is_own:
                os.chmod(self.folder.parent, 0o755)  # a scratch folder, in which only its owner may look
        self._run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "--wal-segsize=1")
        self._start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._run("pg_ctl", "stop", "-D", self.data, "-m", "immediate", check=False)
        if self.is_own:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def data(self) -> str:
        return str(self.folder / "data")

    def _start(self) -> None:
        options = (
            f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c max_wal_size=16MB -c min_wal_size=2MB"
        )
        self._run("pg_ctl", "start", "-w", "-D", self.data, "-o", options, "-l", str(self.folder / "log"))

    def restart(self, mode: str) -> None:
        self._run("pg_ctl", "stop", "-w", "-D", self.data, "-m", mode)
        self._start()

    def revive(self) -> None:
        """After a full disk it may have stopped itself; whoever runs a PostgreSQL has it started again."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                psycopg.connect(self.url, connect_timeout=3).close()
                return
            except psycopg.OperationalError:
                self._run(
                    "pg_ctl",
                    "start",
                    "-w",
                    "-D",
                    self.data,
                    "-o",
                    f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1",
                    "-l",
                    str(self.folder / "log"),
                    check=False,
                )
                time.sleep(0.5)
        raise NotRecovered("PostgreSQL did not come back")

    def _run(self, program: str, *words: str, check: bool = True) -> None:
        command = [os.path.join(self.programs, program), *words]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd="/")
        if check and done.returncode:
            raise NotRecovered(f"{program}: {done.stderr[-500:]}")


class Proxy:
    """A cable that can be cut: every connection through it ends at once, whatever was under way."""

    def __init__(self, port: int):
        self.target = port
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _address = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            self.pairs.append((near, far))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pass(source: socket.socket, sink: socket.socket) -> None:
        try:
            while piece := source.recv(65536):
                sink.sendall(piece)
        except OSError:
            pass
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.listener.close()
        self.cut()


class Mailbox:
    """A mail server that is away until it is opened, then takes everything."""

    def __init__(self) -> None:
        self.port = free_port()
        self.mails: list[EmailMessage] = []
        self.server: socketserver.ThreadingTCPServer | None = None

    def open(self) -> None:
        mails = self.mails

        class Session(socketserver.StreamRequestHandler):
            def say(self, text: str) -> None:
                self.wfile.write(f"{text}\r\n".encode())

            def handle(self) -> None:
                self.say("220 mailbox")
                while line := self.rfile.readline().decode(errors="replace").strip():
                    word = line.split(" ")[0].upper()
                    if word == "DATA":
                        self.say("354 go on")
                        lines = []
                        while (part := self.rfile.readline()) != b".\r\n":
                            if not part:
                                return  # whoever sent it is dead: a mail without its end is none
                            lines.append(part.removeprefix(b".") if part.startswith(b"..") else part)
                        mails.append(message_from_bytes(b"".join(lines), policy=policy.default))  # type: ignore[arg-type]
                    elif word == "QUIT":
                        self.say("221 bye")
                        return
                    self.say("250 ok")

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Whoever was killed hangs up without a word."""

        self.server = Server(("127.0.0.1", self.port), Session)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        if self.server:
            self.server.shutdown()
            self.server.server_close()
