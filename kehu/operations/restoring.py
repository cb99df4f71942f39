"""Restoring: a backup's rows and files into an empty database of either kind, and the proof that they are the same."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from kehu.core import wall
from kehu.core.scope import every_organization

from . import archive, tables
from .archive import Manifest, Problem, Progress, Reader, silent


class NotEmpty(Exception):
    """The database is in use, or was; the sentence says by what."""


def restore(path: Path, *, files: bool = True, progress: Progress = silent) -> Manifest:
    """All of it or nothing, in the tables as the backup's version had them; `kehu upgrade` brings them up to this one's."""
    with archive.opened(path) as backup, every_organization():
        kept = _prepared(backup)
        # The files first: a file without a row harms nobody, a row without its file does.
        for number, name in enumerate(backup.file_paths() if files else (), 1):
            _put(backup, name)
            progress("files", number)
        with transaction.atomic():
            models = list(kept)
            for model in reversed(models):
                model._base_manager.all().delete()  # what migrations entered by themselves is in the backup, too
            for model in models:
                label, count = model._meta.label_lower, 0
                if label not in backup.manifest["tables"]:
                    continue
                for stored in tables.fill(model, backup.lines(label)):
                    count += stored
                    progress(label, count)
            tables.set_counters_behind_rows(models)
        wall.raise_wall(connection)
        return backup.manifest


def _prepared(backup: Reader) -> tables.Tables:
    if has_rows():
        raise NotEmpty("It has an organization or people already.")
    here = tables.applied() if MigrationRecorder(connection).has_table() else {}
    if here and here != backup.manifest["migrations"]:
        raise NotEmpty("Its tables are of another version than the backup's.")
    tables.migrate_to(backup.manifest["migrations"])
    return tables.Tables(backup.manifest["migrations"])


def has_rows() -> bool:
    """Whether anybody works with this database."""
    there = set(connection.introspection.table_names())
    with every_organization(), connection.cursor() as cursor:
        for table in ("core_organization", "core_user"):
            if table in there:
                cursor.execute(f"SELECT 1 FROM {table} LIMIT 1")  # noqa: S608  # nosec B608
                if cursor.fetchone():
                    return True
    return False


def _put(backup: Reader, name: str) -> None:
    with backup.file(name) as content:
        try:
            place = Path(default_storage.path(name))
        except NotImplementedError:  # an object storage: what it takes is there as a whole or not at all
            default_storage.save(name, File(content))
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = place.with_name(f".{place.name}.part")
        with draft.open("wb") as file:
            shutil.copyfileobj(content, file, archive.CHUNK)
        draft.replace(place)


def differences(manifest: Manifest, progress: Progress = silent) -> Iterator[Problem]:
    """What the database and the files now hold, against the manifest: every row and every file is read again."""
    kept = tables.Tables(tables.applied())
    if kept.migrations != manifest["migrations"]:
        yield Problem("database", "stands at another version than the backup; its rows cannot be compared")
        return
    found: Manifest = {}
    with every_organization(), tables.snapshot():
        for model in kept:
            label, whole, count = model._meta.label_lower, hashlib.sha256(), 0
            for line in tables.lines(model):
                whole.update(line.encode() + b"\n")
                count += 1
                if count % 10000 == 0:
                    progress(label, count)
            found[label] = {"rows": count, "sha256": whole.hexdigest()}
        stored = dict(kept.named("core.storedfile")._base_manager.values_list("path", "digest"))
    for label in sorted(found.keys() | manifest["tables"].keys()):
        expected, got = manifest["tables"].get(label), found.get(label)
        if got != expected:
            what = f"{got['rows']} rows, {got['sha256'][:12]}" if got else "is not there"
            wanted = f"{expected['rows']} rows, {expected['sha256'][:12]}" if expected else "nothing"
            yield Problem(f"table {label}", f"{what}; the backup has {wanted}")
    listed = hashlib.sha256()
    for name in sorted(set(stored) - set(manifest.get("missing", ()))):
        try:
            with default_storage.open(name) as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
        except FileNotFoundError:
            yield Problem(f"file {name}", "is missing")
            continue
        if digest != stored[name]:
            yield Problem(f"file {name}", "has another content than its digest says")
        listed.update(f"{digest} {name}\n".encode())
    if listed.hexdigest() != manifest["files"]["sha256"]:
        yield Problem("files", "differ from the backup")
