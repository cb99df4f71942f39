"""`kehu backup FILE`: database and files, of one moment, while everybody goes on working."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from . import setting_up
from .progress import Shown


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kehu backup",
        description="Write the database and the files into one file. It can be restored into SQLite and PostgreSQL alike.",
    )
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="where to write it; %%Y %%m %%d %%H %%M %%S in the name are the time of day",
    )
    parser.add_argument("--keep", type=int, metavar="N", help="of the backups in that folder leave only the newest N")
    given = parser.parse_args(arguments)
    if given.keep is not None and given.keep < 1:
        parser.error("--keep must leave at least one")
    setting_up.django()
    path = Path(datetime.now().strftime(str(given.file))).expanduser().resolve()
    if path.exists():
        print(
            f"{path} is there already. Choose another name, or one with the time in it: kehu-%Y%m%d-%H%M.zip",
            file=sys.stderr,
        )
        return 1
    if not path.parent.is_dir():
        print(f"There is no folder {path.parent}. Make it first.", file=sys.stderr)
        return 1
    return make(path, pattern=given.file.name, keep=given.keep)


def make(path: Path, *, pattern: str = "", keep: int | None = None) -> int:
    from kehu.core import clock
    from kehu.operations import backups, tables

    shown = Shown()
    try:
        manifest = backups.back_up(path, now=clock.now(), progress=shown)
    except tables.NewerDatabase as error:
        print(f"The database belongs to a newer version of Kehu ({error}). Use that version.", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{path} could not be written: {error}. Nothing was left behind.", file=sys.stderr)
        return 1
    finally:
        shown.done()
    if setting_up.has_tables():
        backups.remember(path, manifest, now=clock.now())
    rows = sum(table["rows"] for table in manifest["tables"].values())
    print(f"{path}: {rows:,} rows, {manifest['files']['count']:,} files, {path.stat().st_size / 2**20:,.1f} MB")
    print(f"digest {manifest['digest']}")
    if keep:
        _forget_older(path, pattern, keep)
    for name in manifest["missing"]:
        print(f"file {name}: is missing; the backup has its row only. `kehu verify` says whose it is.", file=sys.stderr)
    return 1 if manifest["missing"] else 0


def _forget_older(path: Path, pattern: str, keep: int) -> None:
    """Only files named by the same pattern, and never the one just written."""
    import re

    shape = re.compile(
        "".join(r"\d+" if part.startswith("%") else re.escape(part) for part in re.split(r"(%[A-Za-z])", pattern))
    )
    older = sorted(
        (other for other in path.parent.iterdir() if shape.fullmatch(other.name) and other != path),
        key=lambda other: other.stat().st_mtime,
        reverse=True,
    )
    for other in older[keep - 1 :]:
        other.unlink()
        print(f"{other}: removed, {keep} newer ones are kept")
