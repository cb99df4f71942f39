"""A backup holds everything of one moment, can be proven, and goes into an empty database of either kind."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from django.test import override_settings

from kehu.cases.examples import stage
from kehu.cases.models import Case
from kehu.cli.main import main
from kehu.core.models import Organization, StoredFile, User
from kehu.core.scope import every_organization, scope
from kehu.operations import archive, backups, restoring, tables
from kehu.operations.models import Backup
from kehu.operations.verification import verify
from tests.cast import FRIDAY, Telling, at, mfg_pack

from .conftest import live

pytestmark = pytest.mark.django_db
in_database = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def made(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Path:
    """The one backup these tests share: making a company takes seconds, restoring it does not. A backup reads a snapshot of what is
    committed, so it is made outside every test's transaction."""
    path: Path = tmp_path_factory.mktemp("made") / "kehu.zip"
    with django_db_blocker.unblock(), override_settings(MEDIA_ROOT=path.parent / "files"):
        live(stage(mfg_pack(), at("2024-03-01 08:00")))
        User.objects.create_user("mfg.li", "a long password", email="li@example.com")
        backups.back_up(path, now=FRIDAY)
        call_command("flush", interactive=False, verbosity=0, reset_sequences=False)  # keys go on: see tests/cast.py
    return path


@pytest.fixture
def backup(made: Path, tmp_path: Path) -> Path:
    return shutil.copy(made, tmp_path / "kehu.zip")


@pytest.fixture
def company(backup: Path, transactional_db: Any) -> Organization:
    restoring.restore(backup)
    with every_organization():
        return Organization.objects.get()


def count(model: Any) -> int:
    with every_organization():
        return int(getattr(model, "everywhere", model.objects).count())


@in_database
def test_what_is_restored_has_the_same_digest_and_works_at_once(backup: Path, settings: Any, tmp_path: Path) -> None:
    manifest = restoring.restore(backup)

    assert list(restoring.differences(manifest)) == []
    assert verify().problems == []
    again = backups.back_up(tmp_path / "again.zip", now=FRIDAY)
    assert again["digest"] == manifest["digest"]
    with every_organization():
        organization = Organization.objects.get()
    with scope(organization):
        stored = StoredFile.objects.get()
        assert (Path(settings.MEDIA_ROOT) / stored.path).read_bytes() == "毛刺超差 0.3 mm".encode()
        told = Telling(organization).start()  # numbers and keys go on behind those restored
    assert told.number == "CP-202403-004"


def test_a_backup_goes_into_an_empty_database_only(company: Organization, backup: Path, capsys: Any) -> None:
    assert main(["restore", str(backup)]) == 1

    said = capsys.readouterr().err
    assert "The database is not empty." in said
    assert "make a new database" in said
    assert count(Case) == 3


@in_database
def test_a_row_that_cannot_be_restored_leaves_the_database_empty(backup: Path) -> None:
    forged = rewritten(
        backup, "tables/core.message.jsonl", lambda text: text.replace('"state":"waiting"', '"state":"weiting"', 1)
    )

    with pytest.raises(archive.Damaged, match=r"core.message, row \d+ \(id \d+\)"):
        restoring.restore(forged)

    assert count(Organization) == 0


def rewritten(backup: Path, member: str, change: Any) -> Path:
    """The same zip with one member changed; its checksums fit."""
    other = backup.with_name("forged.zip")
    with zipfile.ZipFile(backup) as source, zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == member:
                after = change(content.decode()).encode()
                assert after != content
                content = after
            target.writestr(name, content)
    return other


def problems(file: Path) -> list[str]:
    with archive.opened(file) as read:
        return [str(problem) for problem in read.problems()]


def test_one_altered_sign_in_any_table_or_file_is_named(backup: Path) -> None:
    with zipfile.ZipFile(backup) as source:
        members = [name for name in source.namelist() if source.getinfo(name).file_size and name != "manifest.json"]
    assert problems(backup) == []
    silent = []
    for member in members:
        found = problems(rewritten(backup, member, lambda text: text[:-3] + chr(ord(text[-3]) ^ 1) + text[-2:]))
        place = member.removeprefix("tables/").removesuffix(".jsonl").removeprefix("files/")
        if not any(place in problem and ("was altered" in problem) for problem in found):
            silent.append((member, found))

    assert len(members) > 15
    assert silent == []


def test_a_byte_altered_on_the_disk_is_found_or_changes_nothing_that_is_said(backup: Path, tmp_path: Path) -> None:
    whole, said = backup.read_bytes(), contents(backup)
    found, damaged = 0, tmp_path / "damaged.zip"
    for place in range(50, len(whole), len(whole) // 60):
        content = bytearray(whole)
        content[place] ^= 0xFF
        damaged.write_bytes(content)
        try:
            is_named = bool(problems(damaged))
        except archive.NoBackup:
            is_named = True
        assert is_named or contents(damaged) == said, place  # a date in the zip's directory says nothing of ours
        found += is_named
    assert found > 40


def contents(backup: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(backup) as source:
        return {name: source.read(name) for name in source.namelist()}


def test_a_row_taken_out_is_missed(backup: Path) -> None:
    forged = rewritten(backup, "tables/cases.task.jsonl", lambda text: text.partition("\n")[2])

    assert [problem.partition(";")[0] for problem in problems(forged)] == [
        f"table cases.task: has {manifest(backup)['tables']['cases.task']['rows'] - 1} rows"
    ]


def manifest(backup: Path) -> Any:
    with archive.opened(backup) as read:
        return read.manifest


@pytest.mark.thorough
def test_verify_reads_a_backup_without_the_database(
    backup: Path, capfd: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert main(["verify", str(backup)]) == 0
    assert "Nothing was altered." in capfd.readouterr().out

    # Altered with care: line, table and manifest fit, only the log does not.
    def altered(label: str, lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            yield line.replace("毛刺超差", "毛刺不明") if label == "cases.case" else line

    forged = backup.with_name("forged.zip")
    with archive.opened(backup) as source, archive.written(forged) as target:
        for label in source.manifest["tables"]:
            target.table(label, altered(label, source.lines(label)))
        for name in source.file_paths():
            with source.file(name) as content:
                target.file(name, content)
        target.close({"migrations": source.manifest["migrations"], "made_at": "", "missing": []})
    assert problems(forged) == []

    assert main(["verify", str(forged), "--json"]) == 1
    said = json.loads(capfd.readouterr().out)
    assert said["problems"][0]["place"] == "mfg: case CP-202403-001, field content"


def test_a_backup_that_failed_leaves_nothing_behind(
    company: Organization, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> Iterator[str]:
        yield "{}"
        raise OSError("no space left on device")

    monkeypatch.setattr(tables, "lines", fails)
    folder = tmp_path / "backups"
    folder.mkdir()

    assert main(["backup", str(folder / "kehu.zip")]) == 1

    assert list(folder.iterdir()) == []
    assert count(Backup) == 0


def test_a_file_that_is_missing_is_said_and_the_rest_is_backed_up(
    company: Organization, tmp_path: Path, capsys: Any
) -> None:
    with scope(company):
        stored = StoredFile.objects.get()
    (Path(settings.MEDIA_ROOT) / stored.path).unlink()

    assert main(["backup", str(tmp_path / "other.zip")]) == 1

    assert stored.path in capsys.readouterr().err
    assert problems(tmp_path / "other.zip") == [f"file {stored.path}: was missing when the backup was made"]


def test_only_the_newest_backups_are_kept(company: Organization, tmp_path: Path) -> None:
    (tmp_path / "kehu-notes.zip").write_text("not a backup's name")
    for number in range(3):
        old = tmp_path / f"kehu-2020010{number}.zip"
        old.write_text("")
        os.utime(old, (number, number))

    assert main(["backup", str(tmp_path / "kehu-%Y%m%d.zip"), "--keep", "2"]) == 0

    names = sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("kehu-"))
    assert "kehu-20200102.zip" in names
    assert "kehu-notes.zip" in names
    assert len(names) == 3
    assert (
        Backup.objects.get().digest
        == manifest(next(path for path in tmp_path.glob("kehu-2*") if path.stat().st_size))["digest"]
    )


def test_a_backup_holds_no_secrets_of_the_server(backup: Path) -> None:
    with zipfile.ZipFile(backup) as source:
        names = source.namelist()
        text = b"".join(source.read(name) for name in names)

    assert "tables/sessions.session.jsonl" not in names
    assert settings.SECRET_KEY.encode() not in text
    assert backup.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's test database is one connection's")
def test_what_is_written_meanwhile_is_not_in_it(
    company: Organization, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def opens_a_case() -> None:
        with scope(company):
            Telling(company).start()
        connections.close_all()

    lines, opened = tables.lines, []

    def meanwhile(model: Any) -> Iterator[str]:
        if not opened:
            opened.append(True)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(opens_a_case).result()
        yield from lines(model)

    monkeypatch.setattr(tables, "lines", meanwhile)
    made = backups.back_up(tmp_path / "kehu.zip", now=FRIDAY)

    assert count(Case) == 4
    assert made["tables"]["cases.case"]["rows"] == 3
