"""A database for one measurement: made, filled by whoever asks for it, dropped."""

from __future__ import annotations

import getpass
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg

SERVER = os.environ.get("KEHU_BENCH_POSTGRES") or f"postgresql://{getpass.getuser()}@127.0.0.1:5432/postgres"
ROLE = "kehu_bench"
"""Who works in it: no superuser, whom row-level security would not bind."""


@contextmanager
def own(kind: str, *, keep: bool = False, again: str | None = None) -> Iterator[str]:
    """A new database and its name (`again`: one that is there, which stays); whatever of Kehu starts from now on works in it."""
    name = again or f"kehu_{kind}_{os.getpid()}"
    if not again:
        on_server(f"DO $$ BEGIN CREATE ROLE {ROLE}; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        on_server(f"CREATE DATABASE {name} OWNER {ROLE}")
    try:
        with tempfile.TemporaryDirectory() as var:
            os.environ |= {
                "KEHU_DATABASE_URL": address(name),
                "KEHU_VAR": os.environ.get("KEHU_BENCH_VAR") or var,
                "KEHU_DEMO": "1",
                "KEHU_WORKER": "0",
            }
            yield name
    finally:
        if not (keep or again):
            on_server(f"DROP DATABASE {name} WITH (FORCE)")


def address(name: str) -> str:
    return urlsplit(SERVER)._replace(path=f"/{name}", query=f"options={quote(f'-c role={ROLE}')}").geturl()


def on_server(statement: str) -> psycopg.Cursor[Any]:
    with psycopg.connect(SERVER, autocommit=True) as connection:
        return connection.execute(statement)  # type: ignore[call-overload,no-any-return]


def company() -> Any:
    """The demo company in it, without cases, as everybody finds it."""
    from kehu.cli import setting_up

    setting_up.django()
    setting_up.tables()
    from kehu.cli.demo import make_demo
    from kehu.core.models import Organization
    from kehu.core.scope import every_organization

    make_demo(stories=False)
    with every_organization():
        return Organization.objects.get(key="mfg")
