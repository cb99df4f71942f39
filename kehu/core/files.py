"""Files: each content once, under its digest. A row points to it; nothing here says who may read it."""

from __future__ import annotations

import hashlib
import mimetypes
import os
import re
import unicodedata
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.parse import quote

from django.conf import settings
from django.core.files.base import File
from django.http import FileResponse
from django.utils.translation import gettext_lazy as _

from .models import Organization, StoredFile
from .refusals import Refusal

MAX_SIZE = 20 * 1024 * 1024
_SHOWN_IN_BROWSER = frozenset({"application/pdf", "image/png", "image/jpeg", "image/gif", "image/webp", "text/plain"})


class FileTooLarge(Refusal):
    code = "file.too_large"
    kind = "data"
    status = 413
    message = _("“{name}” is {size} MB; a file may have at most {limit} MB. Make it smaller or split it.")


def check_size(upload: File) -> None:
    if upload.size > MAX_SIZE:
        raise FileTooLarge(name=safe_name(upload.name), size=f"{upload.size / 2**20:.1f}", limit=MAX_SIZE // 2**20)


def store(organization: Organization, upload: File) -> StoredFile:
    """The content, kept; where it was kept before, the same row. Written beside and renamed, so that no half file is ever read."""
    check_size(upload)
    digest = hashlib.sha256()
    folder = Path(settings.MEDIA_ROOT) / str(organization.pk)
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=folder, delete=False) as kept:
        for chunk in upload.chunks():
            digest.update(chunk)
            kept.write(chunk)
        kept.flush()
        os.fsync(kept.fileno())
    name = digest.hexdigest()
    path = folder / name[:2] / name
    path.parent.mkdir(exist_ok=True)
    os.replace(kept.name, path)
    found, _made = StoredFile.objects.get_or_create(
        organization=organization,
        digest=name,
        defaults={
            "size": upload.size,
            "content_type": mimetypes.guess_type(upload.name or "")[0] or "application/octet-stream",
            "path": str(path.relative_to(settings.MEDIA_ROOT)),
        },
    )
    return found


def safe_name(name: str | None) -> str:
    """The file's own name without folders, control characters or what file systems refuse; the ending stays."""
    text = unicodedata.normalize("NFC", (name or "").replace("\\", "/").rsplit("/", 1)[-1])
    text = "".join("_" if unicodedata.category(sign).startswith("C") else sign for sign in text)
    text = re.sub(r'[<>:"|?*]', "_", text).strip(" .")
    stem, dot, ending = text.rpartition(".")
    if dot and len(ending) <= 10:
        return f"{stem[: 120 - len(ending)] or 'file'}.{ending}"
    return text[:120] or "file"


def answer(stored: StoredFile, name: str) -> FileResponse:
    """The content as a download. Only kinds that cannot carry a script open in the browser."""
    content_type = mimetypes.guess_type(name)[0] or stored.content_type
    shown = content_type in _SHOWN_IN_BROWSER
    response = FileResponse(
        (Path(settings.MEDIA_ROOT) / stored.path).open("rb"),
        content_type=content_type if shown else "application/octet-stream",
    )
    plain = re.sub(r"[^\w. ()-]|[^\x20-\x7e]", "_", name)
    how = "inline" if shown else "attachment"
    response.headers["Content-Disposition"] = f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
