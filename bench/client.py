"""Browsers that cost next to nothing: a kept connection, bytes made beforehand, no parsing beyond what must be known.

`python -m bench.client ADDRESS SECONDS < jobs.json` plays until the time is over and prints what each answer took.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
import time
from typing import Any, NamedTuple

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LOCATION = re.compile(rb"\r\nlocation: */cases/([^/]+)/", re.IGNORECASE)
_COOKIE = re.compile(rb"\r\nset-cookie: *([^=]+)=([^;]*)", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


class Answer(NamedTuple):
    status: int
    head: bytes
    body: bytes


class Browser:
    """One person's browser. Keeps the cookies that sign him in; a message shown once is no concern of ours."""

    def __init__(self, host: str, port: int):
        self.host, self.port = host, port
        self._connect()
        self.cookies: dict[str, str] = {"kehu_language": "zh-hans"}

    def _connect(self) -> None:
        self.connection = socket.create_connection((self.host, self.port))
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, path: str, more: str = "") -> Answer:
        return self._ask(f"GET {path} HTTP/1.1\r\n{self._head()}{more}\r\n".encode())

    def post(self, path: str, form: str) -> Answer:
        token = self.cookies.get("csrftoken", "")
        body = f"{form}&csrfmiddlewaretoken={token}".lstrip("&").encode()
        head = f"POST {path} HTTP/1.1\r\n{self._head()}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        return self._ask(head.encode() + body)

    def _head(self) -> str:
        cookies = "; ".join(f"{key}={value}" for key, value in self.cookies.items())
        return f"Host: {self.host}:{self.port}\r\nCookie: {cookies}\r\n"

    def _ask(self, request: bytes) -> Answer:
        self.connection.sendall(request)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, body = received.partition(b"\r\n\r\n")
        found = _LENGTH.search(head)
        while found and len(body) < int(found[1]):
            body += self._more()
        while not found and b"chunked" in head.lower() and not body.endswith(b"0\r\n\r\n"):
            body += self._more()
        if _CLOSES.search(head):
            self.connection.close()
            self._connect()
        for key, value in _COOKIE.findall(head):
            if key in (b"csrftoken", b"sessionid"):
                self.cookies[key.decode()] = value.decode()
        return Answer(int(head[9:12]), head, body)

    def _more(self) -> bytes:
        part = self.connection.recv(1 << 18)
        if not part:
            raise ConnectionError("the server closed the connection")
        return part

    def sign_in(self, organization: str, person: str) -> None:
        self.get("/sign-in/")
        answer = self.post("/sign-in/", f"organization={organization}&person={person}")
        if answer.status != 302:
            raise RuntimeError(f"{person} cannot sign in: {answer.status}")


class Player:
    """One client: his own browsers for everybody who acts, his own complaints."""

    def __init__(self, host: str, port: int, jobs: dict[str, Any]):
        self.jobs, self.took, self.failures = jobs, [], []  # type: ignore[var-annotated]
        self.browsers = {person: Browser(host, port) for person in jobs["people"]}
        for person, browser in self.browsers.items():
            if person:
                browser.sign_in(jobs["organization"], person)

    def play(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        turn = self.lives if self.jobs["kind"] == "writes" else self.pages
        while time.perf_counter() < end:
            turn(end)

    def lives(self, end: float) -> None:
        number = ""
        for by, place, form in self.jobs["acts"]:
            path = f"/cases/{number}/{place}" if number else "/procedures/customer-complaint/cases/new/"
            answer = self._timed(lambda: self.browsers[by].post(path, form))  # noqa: B023
            if answer.status != 302:
                self.failures.append(f"{place or 'new'}: {answer.status}")
                return
            if found := _LOCATION.search(answer.head):
                number = number or found[1].decode()
            if time.perf_counter() > end:
                return

    def pages(self, end: float) -> None:
        more = "HX-Request: true\r\n" if self.jobs.get("parts") else ""
        for person, path in self.jobs["pages"]:
            answer = self._timed(lambda: self.browsers[person].get(path, more))  # noqa: B023
            if answer.status != 200:
                self.failures.append(f"{path}: {answer.status}")
            if time.perf_counter() > end:
                return

    def _timed(self, ask: Any) -> Answer:
        start = time.perf_counter()
        answer: Answer = ask()
        self.took.append(time.perf_counter() - start)
        return answer


def main() -> None:
    host, _, port = sys.argv[1].partition(":")
    seconds, clients = float(sys.argv[2]), int(sys.argv[3])
    jobs = json.load(sys.stdin)
    players = [Player(host, int(port), jobs) for _ in range(clients)]
    ready = threading.Barrier(clients + 1, timeout=120)

    def played(player: Player) -> None:
        player.play(min(1.0, seconds / 4))  # the first round warms what is kept
        player.took.clear()
        ready.wait()
        player.play(seconds)

    threads = [threading.Thread(target=played, args=(player,)) for player in players]
    for thread in threads:
        thread.start()
    ready.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    took = [each for player in players for each in player.took]
    failures = [each for player in players for each in player.failures]
    json.dump({"took": took, "seconds": time.perf_counter() - start, "failures": failures[:5]}, sys.stdout)


if __name__ == "__main__":
    main()
