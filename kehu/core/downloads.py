"""A stored file as an answer: in pieces, a part of it where a part is asked for, and shown only where showing cannot harm."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterator
from typing import IO
from urllib.parse import quote

from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from . import files
from .models import StoredFile

PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_SHOWN = PICTURES | {"application/pdf", "text/plain"}
"""What cannot carry a script that a browser would run for our site; everything else is only handed over."""
_PIECE = 64 * 1024
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


def answer(stored: StoredFile, name: str, request: HttpRequest) -> HttpResponseBase:
    """The content under that name. `?download` hands over also what could be shown."""
    content_type = mimetypes.guess_type(name)[0] or stored.content_type
    is_shown = content_type in _SHOWN and "download" not in request.GET
    part = _part(request.headers.get("Range", ""), stored.size)
    response: HttpResponseBase
    if part == ():
        response = HttpResponse(status=416)
        response.headers["Content-Range"] = f"bytes */{stored.size}"
        return response
    file = files.opened(stored, name)
    if part:
        first, last = part
        response = StreamingHttpResponse(_pieces(file, first, last), status=206)
        response.headers["Content-Range"] = f"bytes {first}-{last}/{stored.size}"
        response.headers["Content-Length"] = str(last - first + 1)
    else:
        response = FileResponse(file)
        response.headers["Content-Length"] = str(stored.size)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Content-Type"] = content_type if is_shown else "application/octet-stream"
    if is_shown and content_type == "text/plain":
        response.headers["Content-Type"] = "text/plain; charset=utf-8"
    plain = re.sub(r"[^\w. ()-]|[^\x20-\x7e]", "_", name)
    how = "inline" if is_shown else "attachment"
    response.headers["Content-Disposition"] = f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
    # A browser's own PDF viewer does not start in a sandbox; it has one of its own.
    sandbox = "" if content_type == "application/pdf" else "; sandbox"
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'none'{sandbox}"
    )
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


def _part(header: str, size: int) -> tuple[int, int] | tuple[()] | None:
    """The first and last byte of one range; () where there are no such bytes; None for the whole."""
    found = _RANGE.fullmatch(header.replace(" ", ""))
    if not found or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        return (max(0, size - int(last)), size - 1) if size and int(last) else ()
    if int(first) >= size or (last and int(last) < int(first)):
        return ()
    return int(first), min(int(last) if last else size - 1, size - 1)


def _pieces(file: IO[bytes], first: int, last: int) -> Iterator[bytes]:
    with file:
        file.seek(first)
        left = last - first + 1
        while left and (piece := file.read(min(_PIECE, left))):
            left -= len(piece)
            yield piece
