"""People at work: clients that take complaints from the first call to the issued sheet, over HTTP, and remember what they were told.

What was answered with "done" is *acknowledged* and must be found afterwards. Whatever else comes back, the client goes on.
"""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from urllib.parse import urlencode

RECEIVER, DEPUTY, SALES = "liang", "lu", "fang"
Acknowledged = tuple[str, str]
"""Case number and step."""


class Person:
    """Somebody at a browser: signs in with the demo's one click, keeps cookies, posts forms."""

    def __init__(self, port: int, key: str):
        self.port, self.key = port, key
        self.cookies: dict[str, str] = {}
        self.connection: http.client.HTTPConnection | None = None

    def sign_in(self) -> None:
        self.cookies.clear()
        self.ask("GET", "/sign-in/")
        status, _headers, _body = self.post("/sign-in/", organization="mfg", person=self.key)
        if status != 302:
            raise OSError(f"{self.key} could not sign in: {status}")

    def post(self, path: str, **values: str) -> tuple[int, dict[str, str], str]:
        token = self.cookies.get("csrftoken", "")
        return self.ask("POST", path, urlencode({"csrfmiddlewaretoken": token, **values}))

    def send(self, path: str, name: str, body: bytes, /, **values: str) -> tuple[int, dict[str, str], str]:
        """A form with a file."""
        fields = {"csrfmiddlewaretoken": self.cookies.get("csrftoken", ""), **values}
        parts = [f'Content-Disposition: form-data; name="{key}"\r\n\r\n{text}'.encode() for key, text in fields.items()]
        head = (
            f'Content-Disposition: form-data; name="attachments"; filename="{name}"\r\nContent-Type: text/plain\r\n\r\n'
        )
        parts.append(head.encode() + body)
        whole = b"".join(b"--kehu\r\n" + part + b"\r\n" for part in parts) + b"--kehu--\r\n"
        return self.ask("POST", path, whole, "multipart/form-data; boundary=kehu")

    def ask(
        self, method: str, path: str, body: str | bytes | None = None, kind: str = "application/x-www-form-urlencoded"
    ) -> tuple[int, dict[str, str], str]:
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {
            "Cookie": "; ".join(f"{key}={value}" for key, value in self.cookies.items()),
            "Content-Type": kind,
            "Accept-Language": "en",
        }
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            self.connection = None
            raise OSError(str(error)) from error
        for line in answer.headers.get_all("Set-Cookie") or []:
            self.cookies |= {key: morsel.value for key, morsel in SimpleCookie(line).items()}
        return answer.status, {key.lower(): value for key, value in answer.headers.items()}, text


class Client(threading.Thread):
    """One desk with three people, until `stop`."""

    def __init__(self, load: Load, number: int):
        super().__init__(name=f"client {number}", daemon=True)
        self.load = load
        self.people = {key: Person(load.port, key) for key in (RECEIVER, DEPUTY, SALES)}

    def run(self) -> None:
        signed_in = False
        while not self.load.stopping.is_set():
            try:
                if not signed_in:
                    for person in self.people.values():
                        person.sign_in()
                    signed_in = True
                for _done in self.complaint():
                    if self.load.stopping.is_set():
                        return
            except OSError as error:
                self.load.answers[type(error.__cause__ or error).__name__] += 1
                time.sleep(0.05)

    def complaint(self) -> Iterator[None]:
        number = self.act(
            RECEIVER, "/procedures/customer-complaint/cases/new/", "receive-complaint", "",
            customer="C0001", received_at=self.load.received_at(), channel="return", kind="quality",
            content="毛刺超差，孔位偏 0.3 mm", product="HY-2207",
        )  # fmt: skip
        if not number:
            return
        yield
        for person, step, values in (
            (DEPUTY, "accept-complaint", {"help_needed": "true", "outcome": "help"}),
            (SALES, "fill-sheet", {"departments.0.department": "quality", "problem": "毛刺", "outcome": "clear"}),
            (DEPUTY, "approve-sheet", {"tracker": "guo", "outcome": "approve"}),
        ):
            if not self.act(person, f"/cases/{number}/tasks/{step}/completion/", step, number, **values):
                return
            yield

    def act(self, person: str, path: str, step: str, number: str, **values: str) -> str:
        """Gives the case's number when the act was acknowledged."""
        began = time.perf_counter()
        status, headers, body = self.people[person].post(path, **values)
        self.load.answers[str(status)] += 1
        if status == 302 and (found := re.match(r"/cases/([^/]+)/", headers.get("location", ""))):
            self.load.acknowledged.append((found[1], step))
            self.load.seconds.append(time.perf_counter() - began)
            return found[1]
        if status == 302 and headers.get("location", "").startswith("/sign-in/"):
            self.people[person].sign_in()
        elif status == 302:
            # Done, and nothing more to do for this person: he is sent to his inbox.
            self.load.acknowledged.append((number, step))
            self.load.seconds.append(time.perf_counter() - began)
            return number
        if status >= 400:
            self.load.refusals.setdefault(
                status, f"{step}: {re.sub('<[^>]*>', ' ', body.partition('<main')[2] or body)[:2000]}"
            )
        if "Traceback" in body or "database is locked" in body:
            self.load.shown_insides.append(body[:500])
        if status >= 500:
            time.sleep(0.05)
        return ""


class Load:
    """So many clients at once; `with Load(port, 4) as load:` works until the block ends."""

    def __init__(self, port: int, clients: int = 4):
        self.port, self.clients = port, clients
        self.stopping = threading.Event()
        self.acknowledged: list[Acknowledged] = []
        self.answers: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.shown_insides: list[str] = []
        """Pages that showed a person what only we should see."""
        self.refusals: dict[int, str] = {}
        """The first page of each kind of refusal, to read when there should be none."""

    def received_at(self) -> str:
        """A moment ago, as a page of the organization writes it."""
        local = datetime.now(UTC) + timedelta(hours=8) - timedelta(minutes=5)
        return f"{local:%Y-%m-%dT%H:%M}"

    def __enter__(self) -> Load:
        self.threads = [Client(self, number) for number in range(self.clients)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(timeout=60)

    def waits_for(self, writes: int, patience: float = 120) -> None:
        """Until so many writes more are acknowledged; `patience` are the seconds in which there may be none at all."""
        wanted, latest, since = len(self.acknowledged) + writes, -1, time.monotonic()
        while (done := len(self.acknowledged)) < wanted:
            if done != latest:
                latest, since = done, time.monotonic()
            elif time.monotonic() - since > patience:
                raise OSError(f"{done} of {wanted} writes, and none for {patience} s: {dict(self.answers)}")
            time.sleep(0.01)
