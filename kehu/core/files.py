"""Files: each content once, under its digest. A row points to it; nothing here says who may read it."""

from __future__ import annotations

import errno
import hashlib
import logging
import mimetypes
import re
import subprocess
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from . import filetypes, references
from .models import Organization, StoredFile
from .refusals import Refusal
from .scope import scope

log = logging.getLogger("kehu.files")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_SCAN_SECONDS = 120
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")


class FileRefused(Refusal):
    """A file that is not kept; whatever else was typed stays."""

    kind = "data"


class FileTooLarge(FileRefused):
    code = "file.too_large"
    status = 413
    message = _("“{name}” is {size} MB; a file may have at most {limit} MB. Make it smaller or split it.")


class FileNotAllowed(FileRefused):
    code = "file.not_allowed"
    status = 415
    message = _(
        "Files like “{name}” are not taken here. Save it in another form, such as PDF, or put it into a zip file."
    )


class FileNotAsNamed(FileRefused):
    code = "file.not_as_named"
    status = 415
    message = _("“{name}” is not what its name says. Open it, save it anew with the right ending, and choose it again.")


class FileInfected(FileRefused):
    code = "file.infected"
    message = _("The virus scanner refuses “{name}”. It was not kept; tell whoever looks after the computers.")


class StorageFull(FileRefused):
    code = "file.storage_full"
    status = 507
    message = _(
        "“{name}” was not kept: the server has no room for files. What you typed is still here; tell the administrator."
    )


class StorageFailed(FileRefused):
    code = "file.storage_failed"
    status = 503
    message = _(
        "“{name}” was not kept: the file store does not answer. What you typed is still here; try again in a moment."
    )


class FileGone(Refusal):
    code = "file.gone"
    status = 410
    message = _(
        "“{name}” cannot be shown: its content is gone from the file store. Tell the administrator; a backup may have it."
    )


class FileAway(Refusal):
    code = "file.away"
    status = 503
    message = _("“{name}” cannot be shown: the file store does not answer. Try again in a moment.")


@dataclass(frozen=True)
class Content:
    """A file whose content is kept and of which no row tells yet."""

    upload: File
    digest: str
    path: str
    is_new: bool
    """Written just now; otherwise it was there, and had a row."""


def put(organization: Organization, uploads: Iterable[File | Content]) -> list[Content]:
    """Checks all of them, then writes their contents; nothing is written where one is refused. Before the transaction that points to
    them: a scanner and a store take their time, and on SQLite nobody else could write meanwhile. What is put already stays so."""
    found = list(uploads)
    for upload in found:
        if isinstance(upload, File):
            _check(upload, organization)
    return [_put(organization, upload) if isinstance(upload, File) else upload for upload in found]


def keep(organization: Organization, made: File) -> Content:
    """What the program made itself: not looked at, otherwise as `put`."""
    return _put(organization, made)


def _put(organization: Organization, upload: File) -> Content:
    """Once under its digest; read in pieces."""
    digest = hashlib.sha256()
    upload.seek(0)
    for chunk in upload.chunks():
        digest.update(chunk)
    name = digest.hexdigest()
    with scope(organization):
        is_new = not StoredFile.objects.filter(digest=name).exists()
    content = Content(upload, name, f"{organization.pk}/{name[:2]}/{name}", is_new)
    if is_new:
        _write(content)
    return content


def _write(content: Content) -> None:
    content.upload.seek(0)
    try:
        default_storage.save(content.path, content.upload)
    except Exception as error:
        log.exception("%s could not be kept", content.path)
        raise _unkept(error, safe_name(content.upload.name)) from error


def row_of(organization: Organization, content: Content) -> StoredFile:
    """The row of what was put, old or new. Must run in the transaction that points to it."""
    with scope(organization):
        # Locked, so that nobody clears it away as unused while it is about to be used.
        if known := StoredFile.objects.select_for_update().filter(digest=content.digest).first():
            return known
        if not content.is_new:
            _write(content)  # its row was cleared away since
        known, _made = StoredFile.objects.get_or_create(
            organization=organization,
            digest=content.digest,
            defaults={
                "size": content.upload.size,
                "content_type": mimetypes.guess_type(content.upload.name or "")[0] or "application/octet-stream",
                "path": content.path,
            },
        )
        return known


def _check(upload: File, organization: Organization) -> None:
    """Refuses what may not be kept."""
    name = safe_name(upload.name)
    if upload.size > settings.MAX_FILE_SIZE:
        limit = settings.MAX_FILE_SIZE // 2**20
        raise FileTooLarge(name=name, size=f"{upload.size / 2**20:.1f}", limit=limit)
    if failure := getattr(upload, "failure", None):
        raise _unkept(failure, name)
    ending = filetypes.ending_of(name)
    if not filetypes.is_taken(ending, organization.pack.get("file_endings") or ()):
        raise FileNotAllowed(name=name)
    upload.seek(0)
    beginning = upload.read(filetypes.BEGINNING)
    if beginning and not filetypes.agrees(ending, beginning):
        raise FileNotAsNamed(name=name)
    if settings.SCAN_COMMAND and not _is_clean(upload):
        raise FileInfected(name=name)


def opened(stored: StoredFile, name: str) -> File:
    """Its content to be read, by the name that people know it by."""
    try:
        return default_storage.open(stored.path)
    except FileNotFoundError as error:
        log.error("%s is missing", stored.path)
        raise FileGone(name=name) from error
    except OSError as error:
        log.exception("%s could not be read", stored.path)
        raise FileAway(name=name) from error


def content(stored: StoredFile, name: str) -> bytes:
    """All of it at once, for what is known to be small; nothing where it is gone."""
    try:
        with opened(stored, name) as file:
            return bytes(file.read())
    except FileGone:
        return b""


def unused(organization: Organization) -> list[int]:
    """The stored files to which no row of any kind points."""
    with scope(organization):
        return list(references.unused(StoredFile.objects.all()).values_list("pk", flat=True))


def clear_away(organization: Organization, unused: Iterable[int], *, lost_before: datetime) -> int:
    """Takes away these stored files, of which the caller knows that nothing points to them, and contents that have no row because
    their transaction failed, if they were written before that moment of the machine's own clock. Gives how many."""
    cleared = 0
    with scope(organization):
        for pk in unused:
            with transaction.atomic():
                stored = StoredFile.objects.select_for_update().filter(pk=pk).first()
                if stored is None:
                    continue
                stored.delete()
                transaction.on_commit(partial(default_storage.delete, stored.path))
            cleared += 1
        for path in _lost(organization, lost_before):
            default_storage.delete(path)
            cleared += 1
    return cleared


def _lost(organization: Organization, before: datetime) -> Iterator[str]:
    root = str(organization.pk)
    for folder in _listed(root)[0]:
        names = _listed(f"{root}/{folder}")[1]
        known = set(StoredFile.objects.filter(digest__in=names).values_list("digest", flat=True))
        for name in set(names) - known:
            path = f"{root}/{folder}/{name}"
            if default_storage.get_modified_time(path) < before:
                yield path


def _listed(path: str) -> tuple[list[str], list[str]]:
    try:
        return default_storage.listdir(path)
    except FileNotFoundError:
        return [], []


def _unkept(error: Exception, name: str) -> FileRefused:
    is_full = isinstance(error, OSError) and error.errno in _FULL
    return StorageFull(name=name) if is_full else StorageFailed(name=name)


def _is_clean(upload: File) -> bool:
    """The scanner reads the content from its standard input and answers 0 for clean, as `clamdscan -` does, 1 for infected."""
    upload.seek(0)
    with subprocess.Popen(settings.SCAN_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as scanner:  # noqa: S603
        assert scanner.stdin
        try:
            for chunk in upload.chunks():
                scanner.stdin.write(chunk)
            scanner.stdin.close()
        except BrokenPipeError:
            pass  # it has seen enough
        try:
            code = scanner.wait(_SCAN_SECONDS)
        except subprocess.TimeoutExpired:
            scanner.kill()
            code = -1
    if code not in (0, 1):
        log.error("the virus scanner %s answered %s", settings.SCAN_COMMAND[0], code)
        raise StorageFailed(name=safe_name(upload.name))
    return code == 0


def safe_name(name: str | None) -> str:
    """The file's own name without folders, control characters, marks that turn the reading direction, or what file systems
    refuse; the ending stays."""
    text = unicodedata.normalize("NFC", (name or "").replace("\\", "/").rsplit("/", 1)[-1])
    text = "".join("_" if unicodedata.category(sign)[0] == "C" or sign in "\u2028\u2029" else sign for sign in text)
    text = re.sub(r'[<>:"|?*]', "_", text).strip(" .")
    if _RESERVED.match(text):
        text = f"_{text}"
    stem, dot, ending = text.rpartition(".")
    if dot and len(ending) <= 10:
        return f"{stem[: 120 - len(ending)] or 'file'}.{ending}"
    return text[:120] or "file"
