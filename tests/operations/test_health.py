"""What monitoring asks, and what the log says: everything about the work, nothing about people."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.test import Client

from kehu.config.logs import Json, Words
from kehu.core.models import Organization
from kehu.web import health
from tests.cast import Telling, sign_in

MARKS = ("毛刺标记", "marker-in-a-query", "marker@example.com", "203.0.113.77")


def test_alive_asks_no_database(client: Client) -> None:
    assert client.get("/healthz").content == b"ok"  # without the db fixture a query would raise


def test_ready_says_so(client: Client, db: Any) -> None:
    health._has_tables.cache_clear()
    assert client.get("/readyz").status_code == 200


def test_a_database_of_another_version_is_not_ready(client: Client, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    health._has_tables.cache_clear()
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda *_: ["one"])

    answer = client.get("/readyz")

    assert (answer.status_code, answer.content) == (
        503,
        b"not ready: the database is not of this version; run kehu upgrade",
    )


def test_figures_are_for_this_machine_or_for_who_has_the_token(client: Client, db: Any, settings: Any) -> None:
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="203.0.113.7").status_code == 403
    assert client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 403

    settings.METRICS_TOKEN = "a long token"
    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", headers={"Authorization": "Bearer a short one"}).status_code == 403
    assert client.get("/metrics", headers={"Authorization": "Bearer a long token"}).status_code == 200


def test_the_figures_tell_how_the_work_stands(client: Client, complaint: Telling) -> None:
    text = client.get("/metrics").content.decode()

    assert "\nkehu_open_tasks 1\n" in text
    assert "\nkehu_overdue_tasks 1\n" in text  # of 2024
    assert "\nkehu_workers 0\n" in text
    assert "\nkehu_backup_age_seconds -1\n" in text


def test_whatever_is_asked_for_the_figures_stay_few(client: Client, mfg: Organization) -> None:
    sign_in(client, mfg, "qa_head")
    client.get("/cases/CP-209901-001/")
    client.get("/nowhere/at/all/")

    text = client.get("/metrics").content.decode()

    assert 'route="case"' in text
    assert 'route="none"' in text
    assert "CP-209901" not in text
    assert "nowhere" not in text


def test_an_answer_carries_the_identity_it_was_asked_with(client: Client) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "abc-1"}).headers["X-Request-ID"] == "abc-1"
    made = client.get("/healthz", headers={"X-Request-ID": 'a b"c'}).headers["X-Request-ID"]
    assert len(made) == 16


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += [Words().format(record), Json().format(record)]


@pytest.fixture
def kept() -> Any:
    handler = Kept()
    logging.getLogger().addHandler(handler)
    before = logging.getLogger().level
    logging.getLogger().setLevel(logging.INFO)
    yield handler
    logging.getLogger().removeHandler(handler)
    logging.getLogger().setLevel(before)


def test_the_log_says_what_was_done_and_nothing_about_people(
    client: Client, complaint: Telling, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(client, complaint.organization, "sales_deputy_manager")
    client.raise_request_exception = False
    ask = {"q": MARKS[1], "next": MARKS[2]}
    address = {"REMOTE_ADDR": MARKS[3], "HTTP_X_FORWARDED_FOR": MARKS[3]}
    client.get("/customers/", ask, **address)
    client.get(f"/nowhere/{MARKS[1]}/", ask, **address)
    client.post(f"/cases/{complaint.number}/voiding/", {"reason": MARKS[0]}, **address)
    client.post("/sign-in/", {"name": MARKS[2], "password": MARKS[1]}, **address)
    client.get("/", ask, HTTP_HOST=f"{MARKS[1]}.example.com")

    def breaks(*_: Any, **__: Any) -> Any:
        secret = MARKS[0]
        raise RuntimeError(f"Key (name)=({secret}, {MARKS[2]}) exists")

    monkeypatch.setattr("kehu.web.customers.render", breaks)
    assert client.get("/customers/", ask, **address).status_code == 500

    text = "\n".join(kept.lines)
    assert [mark for mark in MARKS if mark in text] == []
    assert "sales_deputy_manager" not in text
    assert "RuntimeError" in text
    assert "test_health.py" in text  # the place where it broke
    told = [json.loads(line) for line in kept.lines if line.startswith("{")]
    one = next(line for line in told if line.get("route") == "case_voiding")
    assert one["method"] == "POST"
    assert {"request_id", "status", "ms", "member"} <= one.keys()
