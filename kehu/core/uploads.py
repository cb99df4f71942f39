"""Files on their way in: to a temporary file in pieces, never whole in memory, and never more of one than may be kept.

What is too large is read to its end but not kept, so that the rest of the form is read, and comes back with a sentence instead of
being lost. The same where the disk is full. `files.put` knows what is wrong with it.
The temporary file has no name: it is gone with the process, however that ends.
"""

from __future__ import annotations

from contextlib import suppress
from tempfile import TemporaryFile
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler


class LimitedUpload(FileUploadHandler):
    file: UploadedFile | None = None
    failure: OSError | None = None
    received = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.received, self.failure, self.file = 0, None, None
        try:
            self.file = self._named(TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR))  # noqa: SIM115
        except OSError as error:
            self.failure = error

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.received += len(raw_data)
        if self.file is None or self.failure:
            return
        if self.received > settings.MAX_FILE_SIZE:
            self.file.truncate(0)
            return
        try:
            self.file.write(raw_data)
        except OSError as error:
            self._give_up(error)

    def file_complete(self, file_size: int) -> UploadedFile:
        if self.file is not None and self.failure is None:
            try:
                self.file.seek(0)  # writes what is still in the buffer
            except OSError as error:
                self._give_up(error)
        upload = self.file or self._named(None)
        upload.size = self.received
        upload.failure = self.failure  # type: ignore[attr-defined]
        return upload

    def upload_interrupted(self) -> None:
        if self.file is not None:
            self.file.close()

    def _named(self, file: Any) -> UploadedFile:
        return UploadedFile(
            file, self.file_name or "", self.content_type or "", 0, self.charset, self.content_type_extra
        )

    def _give_up(self, error: OSError) -> None:
        self.failure = error
        with suppress(OSError):  # what is in its buffer does not fit either
            self.file.close()  # type: ignore[union-attr]
        self.file = None
