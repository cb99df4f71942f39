"""Where files lie on S3 (KEHU_FILES_URL). Whatever goes wrong there is an OSError, as on a disk; nothing else knows the difference."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import File
from storages.backends.s3 import S3Storage

_FULL = {"QuotaExceeded", "InsufficientCapacity", "InsufficientStorage", "XMinioStorageFull", "507"}


def manners(*, is_aws: bool) -> Config:
    """Somebody waits at a page: a store that is away is given up within seconds, not after boto3's five minutes. Other
    stores than AWS know the checksums of its newer protocol only in part."""
    checksums = {} if is_aws else {"request_checksum_calculation": "when_required"}
    return Config(
        s3={"addressing_style": "auto" if is_aws else "path"},
        connect_timeout=5,
        read_timeout=20,
        retries={"total_max_attempts": 2, "mode": "standard"},
        **checksums,
    )


class ObjectStore(S3Storage):
    def _open(self, name: str, mode: str = "rb") -> File:
        with _as_on_disk():
            file = super()._open(name, mode)
            file.seek(0)  # fetched now: what fails, fails before an answer has begun
            return file

    def _save(self, name: str, content: File) -> str:
        with _as_on_disk():
            return str(super()._save(name, content))

    def delete(self, name: str) -> None:
        with _as_on_disk():
            super().delete(name)

    def exists(self, name: str) -> bool:
        with _as_on_disk():
            return bool(super().exists(name))

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        with _as_on_disk():
            folders, names = super().listdir(path)
            return folders, names

    def get_modified_time(self, name: str) -> datetime:
        with _as_on_disk():
            at: datetime = super().get_modified_time(name)
            return at


@contextmanager
def _as_on_disk() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, Boto3Error, ClientError) as error:
        code = error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""
        raise OSError(errno.ENOSPC if code in _FULL else errno.EIO, f"the file store: {error}") from error
