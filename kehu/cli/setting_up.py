"""What commands share before they can work: Django, the tables, the files that pages ask for."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kehu.core.models import Organization

_LOCK = 0x6B656875_75  # "kehuu"


def django() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kehu.config.settings")
    import django as library
    from django.apps import apps

    if not apps.ready:  # a second time the log would begin anew, on whatever stands for the console just then
        library.setup()


def figures(*, fresh: bool = False) -> None:
    """Where the processes of one `kehu serve` keep their counts of requests, so that each can tell the sum. Must be said before
    the first of them is counted."""
    folder = (
        Path(os.environ.get("KEHU_VAR") or Path(__file__).parents[2] / "var")
        / "metrics"
        / os.environ.get("KEHU_PORT", "8000")
    )
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if fresh:
        for file in folder.glob("*.db"):
            file.unlink(missing_ok=True)


class NotUpgraded(Exception):
    """Why the database is not of this version; a sentence for whoever runs Kehu."""


def tables() -> None:
    """The database's tables, as this version has them. Of several processes that start together one makes them."""
    from django.db import DatabaseError, connection

    from kehu.core import wall

    try:
        with alone():
            if not (has_tables() and wall.stands(connection)):
                migrate()
    except DatabaseError as error:
        raise NotUpgraded(
            f"The database does not answer ({_first_line(error)}). Start it, or correct KEHU_DATABASE_URL."
        ) from error


def migrate() -> None:
    from django.core.management import call_command

    try:
        call_command("migrate", verbosity=0)
    except Exception as error:
        raise NotUpgraded(
            f"The upgrade of the database stopped at {_next_migration()}: {_first_line(error)}. What that part had done was "
            "undone; the parts before it stay. Correct what it says and start again, or go back: restore the last backup into "
            "an empty database, and use the version before."
        ) from error


def _next_migration() -> str:
    """The one that is to be carried out next: after a failure, the one that failed."""
    plan = _plan()
    return ".".join((plan[0][0].app_label, plan[0][0].name)) if plan else "its end"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@contextmanager
def alone() -> Iterator[None]:
    """Nobody else upgrades this database meanwhile: PostgreSQL's own lock, or one on a file beside SQLite's."""
    from django.conf import settings
    from django.db import connection

    if connection.vendor == "postgresql":
        while not _is_ours():
            time.sleep(0.2)
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
        return
    import fcntl

    with (settings.VAR / "upgrade.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_ours() -> bool:
    """Asked again and again, not waited for: an index that is built beside work (`CREATE INDEX CONCURRENTLY`) waits for every statement
    that has begun, and one that waits for this lock would wait for the index."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])


def has_tables() -> bool:
    """Whether the database is up to date with this version."""
    return not _plan()


def _plan() -> list[Any]:
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return executor.migration_plan(executor.loader.graph.leaf_nodes())


def static_files() -> None:
    """Collected under names that carry their content, as the pages ask for them; anew only when one of them has changed."""
    from django.conf import settings
    from django.core.management import call_command

    if settings.DEBUG or settings.TESTING:
        return
    stamp, digest = settings.VAR / "static.stamp", _digest_of_static_files()
    if (settings.STATIC_ROOT / "staticfiles.json").exists() and stamp.exists() and stamp.read_text() == digest:
        return
    stamp.unlink(missing_ok=True)
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(digest)


def _digest_of_static_files() -> str:
    """Where they lie, their sizes and times of change, and the versions of what collects them."""
    import hashlib
    from importlib.metadata import version

    from django.contrib.staticfiles.finders import get_finders

    found = hashlib.sha256(f"{version('django')} {version('whitenoise')}".encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            at = os.stat(storage.path(path))
            found.update(f"{storage.path(path)} {at.st_size} {at.st_mtime_ns}\n".encode())
    return found.hexdigest()


def organization(key: str | None) -> Organization | None:
    """The organization that was named, or the only one there is; None after having said what to write."""
    from kehu.core.models import Organization
    from kehu.core.scope import every_organization

    with every_organization():
        there = list(Organization.objects.order_by("pk"))
    found = [one for one in there if key in (None, one.key)]
    if len(found) != 1:
        print(f"Say which organization: --organization {' | '.join(one.key for one in there)}", file=sys.stderr)
        return None
    return found[0]
