"""Somebody's object store, small: as much S3 as Kehu asks for, in memory. `fails_with`: the answer to everything from then on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


class Bucket(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.objects: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.asked: list[str] = []
        self.fails_with: tuple[int, str] | None = None

    @property
    def address(self) -> str:
        return f"s3://kehu/files?endpoint=http://127.0.0.1:{self.server_address[1]}&region=cn"


class _Asked(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Bucket

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        self.server.asked.append(f"{self.command} {bucket}/{key}")
        if self.server.fails_with:
            status, code = self.server.fails_with
            self.say(status, f"<Error><Code>{code}</Code><Message>as told</Message></Error>".encode())
            return
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        getattr(self, f"_{self.command.lower()}")(key, query, body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer

    def _put(self, key: str, query: dict[str, str], body: bytes) -> None:
        if "aws-chunked" in self.headers.get("Content-Encoding", ""):
            self.say(501, b"<Error><Code>NotImplemented</Code></Error>")  # as stores say that do not know it
        elif "uploadId" in query:
            self.server.parts[query["uploadId"]][int(query["partNumber"])] = body
            self.say(200, etag=md5(body).hexdigest())  # noqa: S324
        else:
            self.server.objects[key] = body
            self.say(200, etag=md5(body).hexdigest())  # noqa: S324

    def _post(self, key: str, query: dict[str, str], body: bytes) -> None:
        if "uploads" in query:
            identity = f"upload-{len(self.server.parts)}"
            self.server.parts[identity] = {}
            self.say(200, f"<R><Key>{escape(key)}</Key><UploadId>{identity}</UploadId></R>".encode())
        else:
            sent = self.server.parts.pop(query["uploadId"])
            self.server.objects[key] = b"".join(sent[number] for number in sorted(sent))
            self.say(200, b"<R><ETag>whole</ETag></R>")

    def _get(self, key: str, query: dict[str, str], body: bytes) -> None:
        if not key:
            self.say(200, self._listing(query.get("prefix", "")))
        elif key not in self.server.objects:
            self.say(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            first, _, last = self.headers.get("Range", "").removeprefix("bytes=").partition("-")
            content = self.server.objects[key]
            piece = content[int(first or 0) : int(last) + 1 if last else None]
            self.say(
                206 if first else 200, piece, span=f"bytes {first}-{int(first or 0) + len(piece) - 1}/{len(content)}"
            )

    _head = _get

    def _delete(self, key: str, query: dict[str, str], body: bytes) -> None:
        if "uploadId" in query:
            self.server.parts.pop(query["uploadId"], None)
        else:
            self.server.objects.pop(key, None)
        self.say(204)

    def _listing(self, prefix: str) -> bytes:
        found = [key for key in sorted(self.server.objects) if key.startswith(prefix)]
        below = {key: key.removeprefix(prefix).partition("/") for key in found}
        folders = sorted({f"{prefix}{first}/" for first, dash, _ in below.values() if dash})
        contents = "".join(f"<Contents><Key>{key}</Key></Contents>" for key, (_, dash, _) in below.items() if not dash)
        common = "".join(f"<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>" for folder in folders)
        return f"<R><IsTruncated>false</IsTruncated>{contents}{common}</R>".encode()

    def say(self, status: int, body: bytes = b"", *, etag: str = "none", span: str = "") -> None:
        self.send_response(status)
        self.send_header("ETag", f'"{etag}"')
        self.send_header("Last-Modified", formatdate(usegmt=True))
        self.send_header("Content-Length", str(len(body)))
        if status == 206:
            self.send_header("Content-Range", span)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def bucket() -> Iterator[Bucket]:
    server = Bucket()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
