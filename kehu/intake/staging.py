"""A sheet's rows, read once by a process of its own and kept as lines, so that whoever goes on with them begins anywhere."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from django.conf import settings
from django.core.files.base import File
from django.utils.translation import gettext_noop as _

import kehu
from kehu.core import files
from kehu.core.models import Organization, StoredFile
from kehu.intake.sheets import Row

HEAD = 40
"""So many of the first rows are kept beside, to guess by and to be shown."""
_LEVEL = 1


class Unreadable(Exception):
    """Why a file cannot be read: a sentence to be translated, and what it names."""

    def __init__(self, says: str, **facts: Any):
        super().__init__(says)
        self.says, self.facts = says, facts


@dataclass
class Staged:
    about: dict[str, Any]
    head: list[Row]
    count: int
    """Rows in which anything stands."""
    content: files.Content


def stage(
    organization: Organization,
    stored: StoredFile,
    name: str,
    *,
    sheet: str = "",
    encoding: str = "",
    tell: Callable[[int], None] = lambda count: None,
) -> Staged:
    """`tell` hears now and then how many rows have been read."""
    with files.opened(stored, name) as original, TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as copy:
        shutil.copyfileobj(original, copy)
        copy.seek(0)
        with TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as packed:
            about, head, count = _read(copy, packed, sheet, encoding, tell)
            size = packed.tell()
            packed.seek(0)
            content = files.keep(organization, _sized(packed, f"{name}.rows", size))
    return Staged(about, head, count, content)


def _read(
    copy: IO[bytes], target: IO[bytes], sheet: str, encoding: str, tell: Callable[[int], None]
) -> tuple[dict[str, Any], list[Row], int]:
    words = [*(["--sheet", sheet] if sheet else []), *(["--encoding", encoding] if encoding else [])]
    path = os.pathsep.join(filter(None, (str(Path(kehu.__file__).parents[1]), os.environ.get("PYTHONPATH"))))
    open_to_it = {name: value for name, value in os.environ.items() if not name.startswith("KEHU_")}
    environment = open_to_it | {"PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "kehu.intake.sheets", *words]
    head: list[Row] = []
    about: dict[str, Any] = {}
    last: dict[str, Any] = {}
    count = 0
    with subprocess.Popen(command, stdin=copy, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as reader:  # noqa: S603  # fmt: skip
        assert reader.stdout
        with gzip.GzipFile(fileobj=target, mode="wb", compresslevel=_LEVEL, mtime=0) as packed:
            for line in reader.stdout:
                if line.startswith(b"["):
                    packed.write(line)
                    count += 1
                    if count % 5000 == 0:
                        tell(count)
                    if count <= HEAD:
                        number, cells = json.loads(line)
                        head.append((number, cells))
                elif not about:
                    about = last = json.loads(line)
                else:
                    last = json.loads(line)
    if "unreadable" in last:
        raise Unreadable(last["unreadable"], **last["facts"])
    if reader.returncode or "remarks" not in last:
        raise Unreadable(_("The file cannot be read: it is damaged, or larger than can be read at once. Split it, or save the sheet as CSV."))  # fmt: skip
    if not count:
        raise Unreadable(_("The sheet is empty."))
    return {**about, "remarks": last["remarks"]}, head, count


def rows(staged: StoredFile, behind: int = 0, done: int = 0) -> Iterator[Row]:
    """The rows behind the header, without those that are done."""
    with files.opened(staged, "rows") as packed, gzip.GzipFile(fileobj=packed, mode="rb") as lines:
        following = (row for row in map(json.loads, lines) if row[0] > behind)
        yield from islice(following, done, None)


def _sized(file: Any, name: str, size: int) -> File:
    found = File(file, name)
    found.size = size
    return found
