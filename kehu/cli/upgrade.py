"""`kehu upgrade`: brings the database up to this version; `--rehearse` tries it on a copy first."""

from __future__ import annotations

import argparse
import json
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
        prog="kehu upgrade",
        description="Bring the database up to this version: a backup first, then the tables.",
    )
    parser.add_argument(
        "--rehearse", action="store_true", help="on a copy: upgrade it and take every open case one step"
    )
    parser.add_argument("--no-backup", action="store_true", help="do not write a backup first")
    parser.add_argument("--verify", action="store_true", help="then verify everything, as kehu verify does")
    parser.add_argument("--json", action="store_true", help="the rehearsal's report as JSON")
    parser.add_argument("--resume", action="store_true", help=argparse.SUPPRESS)  # what the rehearsal asks of its copy
    given = parser.parse_args(arguments)
    setting_up.django()
    if given.resume:
        return _resume()
    if given.rehearse:
        return _rehearse(as_json=given.json)
    try:
        return _upgrade(backup=not given.no_backup, verify=given.verify)
    except setting_up.NotUpgraded as reason:
        print(reason, file=sys.stderr)
        return 1


def _upgrade(*, backup: bool, verify: bool) -> int:
    from kehu.operations import restoring

    with setting_up.alone():
        if setting_up.has_tables():
            print("The database is of this version already.")
        else:
            if backup and restoring.has_rows():
                from .backup import make

                if make(_backup_file()):
                    print(
                        "The upgrade did not begin, because the backup is not whole. `--no-backup` does without.",
                        file=sys.stderr,
                    )
                    return 1
            print("Upgrading …", flush=True)
        setting_up.migrate()
    if not verify:
        return 0
    from .verify import verify_database

    return verify_database(as_json=False, sealed=None)


def _backup_file() -> Path:
    from django.conf import settings

    from kehu import __version__
    from kehu.core import clock

    folder = settings.VAR / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    return Path(folder / f"before-{__version__}-{clock.now():%Y%m%d-%H%M%S}.zip")


def _rehearse(*, as_json: bool) -> int:
    """The real database is only read: it is copied by way of a backup into one that is thrown away."""
    from kehu.core import clock
    from kehu.operations import backups, rehearsal, tables

    from .verify import scratch

    shown = Shown()
    with tempfile.TemporaryDirectory(prefix="kehu-rehearsal-") as folder:
        copy, environment = Path(folder) / "copy.zip", scratch(Path(folder))
        try:
            before = rehearsal.portrait()
            backups.back_up(copy, now=clock.now(), files=False, progress=shown)
        except tables.NewerDatabase as error:
            print(f"The database belongs to a newer version of Kehu ({error}). Use that version.", file=sys.stderr)
            return 1
        finally:
            shown.done()
        for words in (["restore", str(copy), "--rows-only"], ["upgrade", "--no-backup"], ["upgrade", "--resume"]):
            done = subprocess.run(
                [sys.executable, "-m", "kehu.cli.main", *words], env=environment, capture_output=True, text=True
            )
            if done.returncode:
                print(
                    f"The copy could not be upgraded (`kehu {words[0]}`). Nothing was changed.\n{done.stderr.strip()[-3000:]}",
                    file=sys.stderr,
                )
                return 1
    report: dict[str, Any] = json.loads(done.stdout)
    report["differences"] = list(rehearsal.differences(before, report.pop("after")))
    report["open"] = len(before)
    report["ok"] = not (report["stuck"] or report["differences"] or report["moved"])
    if as_json:
        print(json.dumps(report, ensure_ascii=False, indent=1))
    else:
        _say(report)
    return 0 if report["ok"] else 1


def _say(report: dict[str, Any]) -> None:
    print(f"{report['open']} open cases were copied and upgraded; the database itself was only read.")
    print(f"{report['resumed']} took their next step; {report['resting']} wait for the clock or another case.")
    for title, name in (
        ("Cases that cannot go on", "stuck"),
        ("Time limits that this version counts otherwise", "moved"),
        ("What the upgrade changed of deadlines and inboxes", "differences"),
    ):
        if report[name]:
            print(f"{title}: {len(report[name])}", *report[name], sep="\n  ")
    print("`kehu upgrade` can be run." if report["ok"] else "Look at these before you upgrade.")


def _resume() -> int:
    from kehu.operations import rehearsal

    found = rehearsal.resume_all()
    print(json.dumps(found | {"after": rehearsal.portrait()}, ensure_ascii=False))
    return 0
