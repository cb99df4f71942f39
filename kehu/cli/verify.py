"""`kehu verify`: whether anything was altered behind the program's back; of the database, or of a backup without one."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import setting_up
from .progress import Shown


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kehu verify",
        description="Name every row, event and file that was altered, is missing or does not fit. Changes nothing.",
    )
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="a backup, instead of the database")
    parser.add_argument("--json", action="store_true", help="answer as JSON")
    parser.add_argument("--sealed", metavar="DIGEST", help="the digest of a seal noted elsewhere, which must be there")
    parser.add_argument("--no-files", action="store_true", help="leave out what attachments contain")
    given = parser.parse_args(arguments)
    setting_up.django()
    if given.file:
        return _verify_backup(given.file, as_json=given.json, sealed=given.sealed)
    if not setting_up.has_tables():
        print("The database has no tables of this version. `kehu upgrade` makes them.", file=sys.stderr)
        return 1
    return verify_database(as_json=given.json, sealed=given.sealed, files=not given.no_files)


def verify_database(*, as_json: bool, sealed: str | None, files: bool = True) -> int:
    from kehu.operations.verification import verify

    shown = Shown()
    try:
        found = verify(progress=shown, files=files, sealed=sealed)
    finally:
        shown.done()
    problems = [vars(problem) for problem in found.problems]
    return _answer({"problems": problems, "counts": found.counts, "sealed": found.sealed}, as_json)


def _answer(found: dict[str, Any], as_json: bool) -> int:
    if as_json:
        print(json.dumps({"ok": not found["problems"], **found}, ensure_ascii=False, indent=1))
        return 1 if found["problems"] else 0
    for problem in found["problems"]:
        print(f"{problem['place']}: {problem['what']}")
    counts = found["counts"]
    print(", ".join(f"{count:,} {name}" for name, count in counts.items()) + " looked at")
    for organization, seal in found["sealed"].items():
        print(f"{organization}: sealed until {seal['day']}, {seal['digest']}")
    print(f"{len(found['problems'])} problems" if found["problems"] else "Nothing was altered.")
    return 1 if found["problems"] else 0


def _verify_backup(file: Path, *, as_json: bool, sealed: str | None) -> int:
    """First the file against its own digests; then what it says, in a database made for it and thrown away."""
    from kehu.operations import archive

    shown = Shown()
    try:
        with archive.opened(file) as backup:
            problems = [vars(problem) for problem in backup.problems(shown)]
            manifest = backup.manifest
    except archive.NoBackup as error:
        print(f"{file} is no backup that can be read: {error}.", file=sys.stderr)
        return 1
    finally:
        shown.done()
    counts = {
        "rows": sum(table["rows"] for table in manifest["tables"].values()),
        "files": manifest["files"]["count"],
    }
    if problems:
        return _answer({"problems": problems, "counts": counts, "sealed": {}}, as_json)
    with tempfile.TemporaryDirectory(prefix="kehu-verify-") as folder:
        environment = scratch(Path(folder))
        for words in (["restore", str(file.resolve()), "--rows-only"], ["upgrade", "--no-backup"]):
            made = subprocess.run(
                [sys.executable, "-m", "kehu.cli.main", *words], env=environment, capture_output=True, text=True
            )
            if made.returncode:
                reason = {"place": str(file), "what": f"its rows do not fit together: {made.stderr.strip()[-500:]}"}
                return _answer({"problems": [reason], "counts": counts, "sealed": {}}, as_json)
        words = ["verify", "--no-files", *(["--json"] if as_json else []), *(["--sealed", sealed] if sealed else [])]
        return subprocess.run([sys.executable, "-m", "kehu.cli.main", *words], env=environment).returncode


def scratch(folder: Path) -> dict[str, str]:
    """The environment of a Kehu of its own in this folder, on SQLite; nothing of the real one is in reach of it."""
    mine = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("KEHU_") or name in ("KEHU_FONTS", "KEHU_DEBUG")
    }
    return mine | {
        "KEHU_VAR": str(folder),
        "KEHU_DATABASE_URL": f"sqlite:///{folder / 'kehu.sqlite3'}",
        "KEHU_SECRET_KEY": "of a database that is thrown away",  # nosec B105
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]),
    }
