"""Fixtures for all tests. The cast is in `tests/cast.py`."""

import gc
import os

import psycopg
import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher

from tests.cast import complaint, mfg, stranger

__all__ = ["complaint", "mfg", "stranger"]

ROLE = "kehu_test"

# Argon2 as everywhere, but cheap: the tests sign in hundreds of times.
Argon2PasswordHasher.time_cost, Argon2PasswordHasher.memory_cost, Argon2PasswordHasher.parallelism = 1, 64, 1


DATABASE_FIXTURES = {"db", "transactional_db", "live_server"}
OTHER_PROCESSES = ("operations", "cli", "config")
"""Their tests start Kehu as processes, which open a database by themselves."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks with `database` what another database could make differ (`make postgres` runs nothing else), and with `browser` what needs
    one, which a new machine has not before `make browser`."""
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker("browser")
        asked = DATABASE_FIXTURES.intersection(getattr(item, "fixturenames", ()))
        if asked or item.get_closest_marker("django_db") or item.path.parent.name in OTHER_PROCESSES:
            item.add_marker("database")


def pytest_collection_finish() -> None:
    """What is there by now stays: the collector need not go through two thousand tests and all modules again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """On PostgreSQL the tests run as an installation does: as a user that owns its tables and cannot pass the wall
    (kehu/core/wall.py). A superuser, whom no row-level security binds, steps down to one he makes."""
    from django.conf import settings

    given = settings.DATABASES["default"]
    if given["ENGINE"] != "kehu.core.postgresql":
        return
    with psycopg.connect(os.environ["KEHU_DATABASE_URL"], dbname="postgres", autocommit=True) as server:
        (passes,) = server.execute(
            "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        if not passes:
            return
        server.execute(
            f"DO $$ BEGIN CREATE ROLE {ROLE} CREATEDB; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
        left_behind = given["TEST"].get("NAME") or f"test_{given['NAME']}"
        if server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [left_behind]).fetchone():
            server.execute(f'ALTER DATABASE "{left_behind}" OWNER TO {ROLE}')
    given["OPTIONS"] = {**given.get("OPTIONS", {}), "options": f"-c role={ROLE}"}
