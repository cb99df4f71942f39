"""A backup as a file: a zip with a line of JSON per row, the attachments, and a manifest with everything's digest.

Every line carries a digest of its own, so that one altered byte is named by table and row; every table and the whole have one in
the manifest. The file itself is written beside its place and renamed: a backup that exists is whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from typing import IO, Any

FORMAT = 1
CHUNK = 1 << 20
_MANIFEST = "manifest.json"
_LINE_DIGEST = 16

Manifest = dict[str, Any]
Progress = Callable[[str, int], None]
"""Told what is being done, and how much of it so far."""


def silent(what: str, count: int) -> None:
    """Progress that nobody watches."""


class NoBackup(Exception):
    """The file is no backup, or not a whole one. The sentence says what it is instead."""


@dataclass(frozen=True)
class Problem:
    """What does not fit: the place (a table and row, a case and event, a file), and what is wrong with it."""

    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


def digest_of(manifest: Mapping[str, Any]) -> str:
    """One digest for all rows and files, the same for the same data whatever database they lie in."""
    said = json.dumps(
        {part: manifest[part] for part in ("migrations", "tables", "files")}, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(said.encode()).hexdigest()


_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError)
"""How a damaged archive shows while it is read; RuntimeError where what says how a member is packed was hit."""


class Writer:
    """Fills a backup; what was written is added to the manifest as it goes."""

    def __init__(self, target: zipfile.ZipFile):
        self._target = target
        self.tables: dict[str, dict[str, Any]] = {}
        self.files: dict[str, str] = {}

    def table(self, label: str, lines: Iterable[str], progress: Progress = silent) -> None:
        whole, count = hashlib.sha256(), 0
        with self._target.open(_member(f"tables/{label}.jsonl"), "w", force_zip64=True) as member:
            for chunk in _gathered(lines):
                text = "".join(f"{_line_digest(line)} {line}\n" for line in chunk).encode()
                for line in chunk:
                    whole.update(line.encode() + b"\n")
                member.write(text)
                count += len(chunk)
                progress(label, count)
        self.tables[label] = {"rows": count, "sha256": whole.hexdigest()}

    def file(self, path: str, content: IO[bytes]) -> str:
        """Copies a file's content; gives its digest."""
        whole = hashlib.sha256()
        with self._target.open(_member(f"files/{path}", stored=True), "w", force_zip64=True) as member:
            while chunk := content.read(CHUNK):
                whole.update(chunk)
                member.write(chunk)
        self.files[path] = whole.hexdigest()
        return self.files[path]

    def close(self, manifest: Manifest) -> Manifest:
        listed = hashlib.sha256()
        for path in sorted(self.files):
            listed.update(f"{self.files[path]} {path}\n".encode())
        manifest |= {
            "format": FORMAT,
            "tables": self.tables,
            "files": {"count": len(self.files), "sha256": listed.hexdigest()},
        }
        manifest["digest"] = digest_of(manifest)
        self._target.writestr(_member(_MANIFEST), json.dumps(manifest, ensure_ascii=False, indent=1))
        return manifest


def _member(name: str, *, stored: bool = False) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.external_attr = 0o600 << 16
    member.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    return member


def _gathered(lines: Iterable[str], size: int = 500) -> Iterator[list[str]]:
    chunk: list[str] = []
    for line in lines:
        chunk.append(line)
        if len(chunk) >= size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _line_digest(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()[:_LINE_DIGEST]


@contextmanager
def written(path: Path) -> Iterator[Writer]:
    """The file, in its place only when all of it was written; readable by its owner alone."""
    handle, draft = mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            with zipfile.ZipFile(file, "w", compresslevel=3) as target:
                yield Writer(target)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


class Reader:
    """An existing backup. Every look at it checks what it reads."""

    def __init__(self, source: zipfile.ZipFile):
        self._source = source
        try:
            self.manifest: Manifest = json.loads(source.read(_MANIFEST))
            known = self.manifest["format"] == FORMAT
            self.manifest["migrations"], self.manifest["tables"], self.manifest["files"], self.manifest["digest"]  # noqa: B018
        except (KeyError, ValueError, *_DAMAGE) as error:
            raise NoBackup(f"its {_MANIFEST} is missing or damaged ({error})") from error
        if not known:
            raise NoBackup(f"it is of format {self.manifest['format']}; this version of Kehu reads format {FORMAT}")

    def lines(self, label: str) -> Iterator[str]:
        """The rows of a table; raises `Damaged` at the first that was altered."""
        number = 0
        try:
            with self._source.open(f"tables/{label}.jsonl") as member:
                for raw in member:
                    number += 1
                    text = raw.decode().rstrip("\n")
                    digest, _, line = text.partition(" ")
                    if digest != _line_digest(line):
                        raise Damaged(Problem(_row(label, number, line), "was altered"))
                    yield line
        except KeyError:
            raise Damaged(Problem(f"table {label}", "is missing")) from None
        except (UnicodeDecodeError, *_DAMAGE) as error:
            raise Damaged(
                Problem(f"table {label}, row {number + 1} or one soon after it", f"is damaged ({error})")
            ) from None

    def file(self, path: str) -> IO[bytes]:
        return self._source.open(f"files/{path}")

    def file_paths(self) -> list[str]:
        return [name.removeprefix("files/") for name in self._source.namelist() if name.startswith("files/")]

    def problems(self, progress: Progress = silent) -> Iterator[Problem]:
        """Everything that differs from the manifest. Reads all of it."""
        if digest_of(self.manifest) != self.manifest["digest"]:
            yield Problem(_MANIFEST, "was altered: its own digest does not fit")
        extra = {
            name.removeprefix("tables/").removesuffix(".jsonl")
            for name in self._source.namelist()
            if name.startswith("tables/")
        } - self.manifest["tables"].keys()
        yield from (Problem(f"table {label}", "is not in the manifest") for label in sorted(extra))
        stored: dict[str, str] = {}
        for label, expected in self.manifest["tables"].items():
            whole, count = hashlib.sha256(), 0
            try:
                for line in self.lines(label):
                    whole.update(line.encode() + b"\n")
                    count += 1
                    if label == "core.storedfile":
                        row = json.loads(line)
                        stored[row["path"]] = row["digest"]
                    if count % 10000 == 0:
                        progress(label, count)
            except Damaged as damaged:
                yield damaged.problem
                continue
            if count != expected["rows"]:
                yield Problem(f"table {label}", f"has {count} rows; the manifest says {expected['rows']}")
            elif whole.hexdigest() != expected["sha256"]:
                yield Problem(f"table {label}", "differs from the manifest")
        yield from self._file_problems(stored, progress)

    def _file_problems(self, stored: Mapping[str, str], progress: Progress) -> Iterator[Problem]:
        listed, paths = hashlib.sha256(), sorted(self.file_paths())
        for number, path in enumerate(paths, 1):
            try:
                with self.file(path) as content:
                    digest = hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]
            except _DAMAGE as error:
                yield Problem(f"file {path}", f"is damaged ({error})")
                continue
            listed.update(f"{digest} {path}\n".encode())
            if path not in stored:
                yield Problem(f"file {path}", "belongs to no row")
            elif stored[path] != digest:
                yield Problem(f"file {path}", "was altered: its content has another digest")
            if number % 100 == 0:
                progress("files", number)
        missing = set(self.manifest.get("missing", ()))
        yield from (Problem(f"file {path}", "is missing") for path in sorted(stored.keys() - set(paths) - missing))
        yield from (Problem(f"file {path}", "was missing when the backup was made") for path in sorted(missing))
        if len(paths) != self.manifest["files"]["count"] or listed.hexdigest() != self.manifest["files"]["sha256"]:
            yield Problem("files", "differ from the manifest")


class Damaged(Exception):
    def __init__(self, problem: Problem):
        super().__init__(str(problem))
        self.problem = problem


def _row(label: str, number: int, line: str) -> str:
    try:
        key = json.loads(line)["id"]
    except (ValueError, KeyError, TypeError):
        return f"table {label}, row {number}"
    return f"table {label}, row {number} (id {key})"


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """The backup, to be read. `NoBackup` where the file is none, or was cut off."""
    try:
        source = zipfile.ZipFile(path)
    except (ValueError, *_DAMAGE) as error:
        raise NoBackup(str(error)) from error
    with source:
        yield Reader(source)
