"""Other people's servers, small: one that takes mail, one that takes calls. Each answers as the test says."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class MailServer(socketserver.ThreadingTCPServer):
    """Speaks as much SMTP as smtplib asks. `refuses`: recipient -> "550 no such user"; `hangs_up_on`: hangs up on the
    n-th mail, after having taken it."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Mail)
        self.received: list[EmailMessage] = []
        self.connections = 0
        self.refuses: dict[str, str] = {}
        self.hangs_up_on = 0

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def read(self) -> list[tuple[str, str]]:
        """(recipient, subject) of everything taken, in its order."""
        return [(str(mail["To"]), str(mail["Subject"])) for mail in self.received]


class _Mail(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.server.connections += 1
        self.say("220 fake")
        for line in self.rfile:
            words = line.decode().strip()
            match words[:4].upper():
                case "EHLO" | "HELO" | "MAIL" | "RSET" | "NOOP":
                    self.say("250 ok")
                case "RCPT":
                    self.say(self.server.refuses.get(words.partition("<")[2].rstrip(">"), "250 ok"))
                case "DATA":
                    self.say("354 go on")
                    lines = []
                    while (line := self.rfile.readline()) not in (b".\r\n", b""):
                        lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
                    mail = message_from_bytes(b"".join(lines), policy=policy.default)
                    self.server.received.append(mail)  # type: ignore[arg-type]
                    if self.server.hangs_up_on == len(self.server.received):
                        return
                    self.say("250 taken")
                case "QUIT":
                    self.say("221 bye")
                    return
                case _:
                    self.say("502 not here")

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def mail_server(port: int = 0) -> Iterator[MailServer]:
    with MailServer(port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Call:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class CallServer:
    """Keeps what it is sent; answers with `status`, `answer` and `headers`."""

    url: str = ""
    status: int = 200
    answer: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)


@contextmanager
def call_server() -> Iterator[CallServer]:
    kept = CallServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kept.calls.append(Call(self.path, {key.lower(): value for key, value in self.headers.items()}, body))
            self.send_response(kept.status)
            for name, value in kept.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(kept.answer)))
            self.end_headers()
            self.wfile.write(kept.answer)

        def log_message(self, *_words: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield kept
        finally:
            server.shutdown()
            thread.join()
