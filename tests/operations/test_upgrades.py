"""Every released version's database, with its open cases, becomes one of this version: rehearsed first, then done."""

from __future__ import annotations

import hashlib
import json
import lzma
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from kehu.cases.models import Case
from kehu.cli.verify import scratch
from kehu.core.scope import every_organization
from kehu.operations import archive, rehearsal, restoring
from kehu.operations.verification import verify
from tests.cast import ROOT

RELEASES = sorted((ROOT / "tests" / "upgrades").glob("*.sqlite3.xz"))


def kehu(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kehu.cli.main", *words], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def released(tmp_path: Path, request: Any) -> dict[str, str]:
    """The environment of an installation that the released version left."""
    with lzma.open(request.param) as packed:
        (tmp_path / "kehu.sqlite3").write_bytes(packed.read())
    with sqlite3.connect(tmp_path / "kehu.sqlite3") as database:
        database.execute("PRAGMA journal_mode=WAL")  # as an installation has it
    return scratch(tmp_path)


every_release = pytest.mark.parametrize("released", RELEASES, indirect=True, ids=lambda path: path.name)


@pytest.mark.thorough
@every_release
def test_a_released_version_s_open_cases_go_on(released: dict[str, str]) -> None:
    database = Path(released["KEHU_VAR"]) / "kehu.sqlite3"
    before = hashlib.sha256(database.read_bytes()).hexdigest()

    rehearsed = kehu(released, "upgrade", "--rehearse", "--json")

    report = json.loads(rehearsed.stdout)
    assert (report["stuck"], report["differences"]) == ([], [])
    # 0.1.0 counted a limit from the opening where its start was more than a name; both began minutes before.
    assert [line.partition(":")[0] for line in report["moved"]] == [
        "mfg CP-202611-010, step propose-countermeasure[materials]",
        "mfg CP-202611-014, step approve-countermeasure[quality]",
    ]
    assert rehearsed.returncode == 1  # somebody should know of it
    assert report["open"] == report["resumed"] + report["resting"] > 20
    assert hashlib.sha256(database.read_bytes()).hexdigest() == before

    upgraded = kehu(released, "upgrade", "--verify")

    assert upgraded.returncode == 0, upgraded.stdout + upgraded.stderr
    assert "Nothing was altered." in upgraded.stdout
    (backup,) = (Path(released["KEHU_VAR"]) / "backups").iterdir()
    with archive.opened(backup) as kept:
        assert kept.manifest["migrations"]["core"] == ["0001_initial"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="the upgrade on SQLite is the test above")
@every_release
def test_a_released_version_s_backup_becomes_this_version_on_postgresql(
    released: dict[str, str], tmp_path: Path
) -> None:
    assert kehu(released, "backup", str(tmp_path / "old.zip")).returncode == 0
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
    try:
        manifest = restoring.restore(tmp_path / "old.zip")
        assert list(restoring.differences(manifest)) == []
        before = rehearsal.portrait()

        call_command("migrate", verbosity=0)

        assert verify().problems == []
        assert list(rehearsal.differences(before, rehearsal.portrait())) == []
        with every_organization():
            assert Case.everywhere.count() == 45
    finally:
        call_command("migrate", verbosity=0)


def test_differences_are_told_by_case_and_step() -> None:
    task = {"due": "2024-03-18T09:00:00+00:00", "has": ["li"]}
    before = {"mfg CP-1": {"tasks": {"accept": task}, "instants": []}, "mfg CP-2": {"tasks": {}, "instants": []}}
    after = {"mfg CP-1": {"tasks": {"accept": {"due": None, "has": []}}, "instants": [["rung", 0, "", "x"]]}}

    assert list(rehearsal.differences(before, after)) == [
        "mfg CP-1, step accept: was due 2024-03-18T09:00:00+00:00, is due never",
        "mfg CP-1, step accept: was in the inbox of li, is in that of nobody",
        "mfg CP-1: 0 reminders and escalations to come were planned, now others are",
        "mfg CP-2: is not open any more",
    ]


def test_a_case_that_cannot_go_on_is_named_and_nothing_is_left_behind(lively: Any) -> None:
    from kehu.cases.models import Task
    from kehu.core.models import Event
    from kehu.operations.rehearsal import resume_all

    Task.objects.filter(case__number=lively.number, step="propose-countermeasure", item="quality").update(
        step="unheard-of"
    )
    before = Event.objects.count()

    found = resume_all()

    assert f"mfg {lively.number}, step unheard-of[quality]: its procedure has no such step" in found["stuck"]
    assert all(sentence.startswith(f"mfg {lively.number}, ") for sentence in found["stuck"])
    assert found["resumed"] == 1
    assert Event.objects.count() == before
