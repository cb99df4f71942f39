"""Backing up: one moment's rows and files in one file, while everybody goes on working."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from django.core.files.storage import default_storage
from django.db import connection

import kehu
from kehu.core.scope import every_organization

from . import archive, tables
from .archive import Manifest, Progress, silent
from .models import Backup

STORED_FILES = "core.storedfile"


def back_up(path: Path, *, now: datetime, files: bool = True, progress: Progress = silent) -> Manifest:
    """Writes the backup and gives its manifest. A file that should be there and is not stands in it under `missing`."""
    with archive.written(path) as writer:
        missing = []
        with every_organization(), tables.snapshot():
            kept = tables.Tables(tables.applied())
            for model in kept:
                writer.table(model._meta.label_lower, tables.lines(model), progress)
            stored = kept.named(STORED_FILES)._base_manager.order_by("path").values_list("path", flat=True)
            # A file is there before its row: those of the snapshot's rows can be copied one by one, while new ones come.
            for number, name in enumerate(stored.iterator(chunk_size=2000) if files else (), 1):
                try:
                    with default_storage.open(name) as content:
                        writer.file(name, content)
                except FileNotFoundError:
                    missing.append(name)
                progress("files", number)
        manifest = writer.close(
            {
                "made_at": now.isoformat(timespec="seconds"),
                "version": kehu.__version__,
                "database": connection.vendor,
                "migrations": kept.migrations,
                "missing": missing,
            }
        )
    return manifest


def remember(path: Path, manifest: Manifest, *, now: datetime) -> None:
    """The doctor and the metrics ask when the last one was made."""
    Backup.objects.create(at=now, file=str(path), size=path.stat().st_size, digest=manifest["digest"])
