"""Where files lie on this machine's disk. On S3 (KEHU_FILES_URL) django-storages takes its place; nothing else knows the difference."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage


class KeptFiles(FileSystemStorage):
    """Written beside and renamed, so that no half file is ever read; on the disk before it is said to be kept."""

    def _save(self, name: str, content: File) -> str:
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as draft:
            try:
                for chunk in content.chunks():
                    draft.write(chunk)
                draft.flush()
                os.fsync(draft.fileno())
                os.replace(draft.name, path)
            except BaseException:
                os.unlink(draft.name)
                raise
        return name

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """A name is a digest: the same name is the same content."""
        return name
