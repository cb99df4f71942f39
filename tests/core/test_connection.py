"""A connection that PostgreSQL has closed is found before a request trusts it, without asking the server each time."""

import os
import time

import psycopg
import pytest
from django.db import connection

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no server that closes connections"),
]


@pytest.fixture
def another():
    opened = connection.copy()
    opened.ensure_connection()
    yield opened
    opened.close()


def test_a_connection_that_stands_is_used_without_a_question(another, monkeypatch):
    monkeypatch.setattr(another.connection, "cursor", lambda *_: pytest.fail("the server was asked"))
    assert another.is_usable()


def test_a_connection_that_was_cut_is_found(another):
    process = another.connection.info.backend_pid
    with psycopg.connect(os.environ["KEHU_DATABASE_URL"], dbname="postgres", autocommit=True) as server:
        server.execute("SELECT pg_terminate_backend(%s)", [process])
        while server.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [process]).fetchone():
            time.sleep(0)  # until the server has let it go
    assert not another.is_usable()


def test_what_the_server_says_by_itself_is_no_end(another):
    """A notice, a changed setting: something to be read, but the connection stands."""
    another.connection.execute("LISTEN kehu_said")
    another.connection.commit()
    connection.ensure_connection()
    with psycopg.connect(
        os.environ["KEHU_DATABASE_URL"], dbname=another.settings_dict["NAME"], autocommit=True
    ) as server:
        server.execute("NOTIFY kehu_said")
    assert another.is_usable()


def test_a_closed_connection_is_none(another):
    another.connection.close()
    assert not another.is_usable()
