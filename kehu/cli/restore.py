"""`kehu restore FILE`: a backup into an empty database, of either kind."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import setting_up
from .progress import Shown


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kehu restore",
        description="Put a backup into the database of KEHU_DATABASE_URL, which must be empty, and its files into KEHU_VAR.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="what kehu backup wrote")
    parser.add_argument(
        "--verify", action="store_true", help="then read every row and file again and compare with the backup"
    )
    parser.add_argument("--rows-only", action="store_true", help="leave out the attachments' contents")
    given = parser.parse_args(arguments)
    setting_up.django()
    from kehu.operations import archive, restoring, tables

    shown = Shown()
    try:
        manifest = restoring.restore(given.file, files=not given.rows_only, progress=shown)
        problems = list(restoring.differences(manifest, shown)) if given.verify else []
    except archive.NoBackup as error:
        return _refused(f"{given.file} is no backup that can be read: {error}.")
    except archive.Damaged as error:
        return _refused(f"{given.file} is damaged, nothing was restored. {error}.")
    except restoring.NotEmpty as error:
        return _refused(
            f"The database is not empty. {error} A backup goes into an empty one only: "
            "make a new database (or SQLite file), name it in KEHU_DATABASE_URL, and restore again."
        )
    except tables.NewerDatabase as error:
        return _refused(
            f"The backup was made by a newer version of Kehu ({error}). Install that version, then restore."
        )
    finally:
        shown.done()
    rows = sum(table["rows"] for table in manifest["tables"].values())
    print(f"Restored {rows:,} rows and {manifest['files']['count']:,} files of {manifest['made_at']}.")
    if given.verify:
        from .verify import verify_database

        print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
        same = f"digest {manifest['digest']}: the same as the backup's"
        print("The restored data differ from the backup." if problems else same)
        if not setting_up.has_tables():
            print("The backup is of an older version. `kehu upgrade` brings it up to this one; then `kehu verify`.")
            return 1 if problems else 0
        return max(1 if problems else 0, verify_database(as_json=False, sealed=None))
    if not setting_up.has_tables():
        print("The backup is of an older version. `kehu upgrade` brings it up to this one.")
    return 0


def _refused(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1
