"""Starting: several at once make the tables once, what is there is not made again, and what fails is said."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.core import management
from django.db import DatabaseError, OperationalError, connection
from django.db.utils import ConnectionHandler

from kehu.cli import serve, setting_up
from kehu.cli.verify import scratch
from kehu.config.environment import database

TABLES = "from kehu.cli import setting_up as s; s.django(); s.tables(); assert s.has_tables()"


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of an installation whose database, of the kind that is tested, has no table yet."""
    environment = scratch(tmp_path)
    if connection.vendor != "postgresql":
        yield environment
        return
    parts, name = urlsplit(os.environ["KEHU_DATABASE_URL"]), f"{connection.settings_dict['NAME']}_empty"
    server = urlunsplit(parts._replace(path="/postgres"))
    with psycopg.connect(server, autocommit=True) as made:
        made.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        made.execute(f'CREATE DATABASE "{name}"')
        yield environment | {"KEHU_DATABASE_URL": urlunsplit(parts._replace(path=f"/{name}"))}
        made.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_of_two_that_start_together_on_an_empty_database_one_makes_the_tables(empty: dict[str, str]) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", TABLES], env=empty, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = [one.communicate(timeout=120)[1] for one in started]

    assert [one.returncode for one in started] == [0, 0], said


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(management, "call_command", lambda name, **_: names.append(name))
    return names


@pytest.mark.django_db
def test_tables_that_are_there_are_left_alone(called: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    setting_up.tables()
    assert called == []

    monkeypatch.setattr("kehu.core.wall.stands", lambda _: False)
    setting_up.tables()
    assert called == ["migrate"], "a table without its policy is an unfinished upgrade"


def test_what_sqlite_says_is_done_survives_a_power_cut(tmp_path: Path, django_db_blocker: Any) -> None:
    kept = ConnectionHandler({"default": database(f"sqlite:///{tmp_path}/kehu.sqlite3")})["default"]
    with django_db_blocker.unblock(), kept.cursor() as cursor:
        found = {name: cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
    kept.close()

    assert found == {"journal_mode": "wal", "synchronous": 2}, "2 is FULL: every commit is on the disk"


def test_static_files_are_collected_anew_only_when_one_changed(
    called: list[str], settings: Any, tmp_path: Path
) -> None:
    settings.TESTING = settings.DEBUG = False
    settings.VAR, settings.STATIC_ROOT = tmp_path, tmp_path / "static"
    settings.STATICFILES_DIRS = [tmp_path / "ours"]
    (tmp_path / "ours").mkdir()
    settings.STATIC_ROOT.mkdir()
    setting_up.static_files()
    (settings.STATIC_ROOT / "staticfiles.json").write_text("{}")
    setting_up.static_files()
    assert called == ["collectstatic"]

    (tmp_path / "ours" / "new.css").write_text("a {}")
    setting_up.static_files()
    assert called == ["collectstatic"] * 2

    (settings.STATIC_ROOT / "staticfiles.json").unlink()
    setting_up.static_files()
    assert called == ["collectstatic"] * 3


def test_a_collection_that_failed_is_made_again(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.TESTING = settings.DEBUG = False
    settings.VAR, settings.STATIC_ROOT = tmp_path, tmp_path / "static"

    def fails(*_: Any, **__: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(management, "call_command", fails)
    with pytest.raises(OSError, match="no space"):
        setting_up.static_files()

    assert not (tmp_path / "static.stamp").exists()


@pytest.mark.django_db
def test_an_upgrade_that_fails_is_said_and_nothing_is_served(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise DatabaseError("column “colour” is there already\nLINE 1: …")

    failing = SimpleNamespace(app_label="cases", name="0009_colours")
    monkeypatch.setattr(management, "call_command", fails)
    monkeypatch.setattr(setting_up, "_plan", lambda: [(failing, False)])
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.setenv("KEHU_VAR", str(tmp_path))

    assert serve.run(["--port", "0"]) == 1

    said = capsys.readouterr().err
    assert "The upgrade of the database stopped at cases.0009_colours: column “colour” is there already." in said
    assert "restore the last backup" in said


def test_a_database_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses() -> bool:
        raise OperationalError("connection refused")

    monkeypatch.setattr(setting_up, "has_tables", refuses)
    monkeypatch.setattr(connection, "vendor", "sqlite")
    with pytest.raises(setting_up.NotUpgraded, match=r"does not answer \(connection refused\)\. Start it"):
        setting_up.tables()


def test_a_port_that_a_dying_server_still_holds_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as dying:
        dying.bind(("127.0.0.1", 0))
        dying.listen()
        monkeypatch.setattr(serve.time, "sleep", lambda _: dying.close())

        assert serve._is_free("127.0.0.1", dying.getsockname()[1])


def test_a_port_that_stays_in_use_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(serve, "LETTING_GO_S", 0)
    monkeypatch.setenv("KEHU_PORT", "8000")  # which it sets
    monkeypatch.setenv("KEHU_URL", "http://127.0.0.1:8000")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        assert serve.run(["--port", str(port)]) == 1
    assert f"127.0.0.1:{port} is in use by another program" in capsys.readouterr().out
