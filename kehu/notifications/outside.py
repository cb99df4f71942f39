"""The door to addresses that people typed: one POST, to where they may lead and nowhere else.

A server that calls any address it is given can be made to call its neighbours (a database, a cloud's metadata). So the name is
looked up once, every address it has must be a public one, the connection goes to the very address that was looked at, and
redirects are not followed. KEHU_PRIVATE_ADDRESSES=1 allows this network and plain http.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from kehu.core.refusals import AgainstTheRule

TIMEOUT = 10
"""Seconds for each word of the other side."""
PATIENCE = 20
"""Seconds for all of it: a server that sends a byte now and then is not waited for."""
ANSWER_LIMIT = 4096


class NotAllowed(AgainstTheRule):
    """An address that is not called."""

    code = "address.not_allowed"
    message = _("This address cannot be used: {reason}")


class Unreached(Exception):
    """Nothing came back that could be understood; the text says what happened. `was_sent`: it may have arrived."""

    def __init__(self, said: str, *, was_sent: bool = False):
        super().__init__(said)
        self.was_sent = was_sent


@dataclass(frozen=True)
class Answer:
    status: int
    text: str


def post(address: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Raises `NotAllowed` for an address that is not called, `Unreached` where no answer came."""
    parts = checked(address)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    connection = _Pinned(host, port, _allowed(host, port), is_secure=parts.scheme == "https")
    patience = threading.Timer(PATIENCE, connection.hang_up)
    patience.daemon = True
    patience.start()
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body=body, headers={"User-Agent": "Kehu", **headers})
        response = connection.getresponse()
        return Answer(response.status, response.read(ANSWER_LIMIT).decode("utf-8", "replace"))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreached(_said(error), was_sent=connection.wire is not None) from error
    finally:
        patience.cancel()
        connection.close()


def checked(address: str) -> SplitResult:
    """The parts of an address one may call. Raises `NotAllowed`; who it leads to is only seen when it is called."""
    try:
        parts = urlsplit(address.strip())
        port = parts.port
    except ValueError:
        raise NotAllowed(reason=_("it is not a web address.")) from None
    if (
        parts.scheme not in ("https", "http")
        or not parts.hostname
        or any(letter.isspace() for letter in address.strip())
    ):
        raise NotAllowed(reason=_("write it in full, as https://crm.example.com/hooks/kehu."))
    if parts.scheme == "http" and not settings.PRIVATE_ADDRESSES:
        raise NotAllowed(reason=_("it must begin with https://, so that nobody on the way can read it."))
    if parts.username or parts.password or port == 0:
        raise NotAllowed(reason=_("leave out the name and password before the host."))
    return parts


def _allowed(host: str, port: int) -> str:
    """The numeric address of the host, if all it has are public."""
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError) as error:
        raise Unreached(f"{host}: {_said(error)}") from error
    if not settings.PRIVATE_ADDRESSES and not all(_is_public(one) for one in found):
        raise NotAllowed(reason=_("it leads into the server’s own network."))
    return min(found, key=lambda one: (":" in one, one))


def _is_public(numeric: str) -> bool:
    address = ipaddress.ip_address(numeric.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        # An IPv4 address in IPv6 clothes is judged as what it is; NAT64 and 6to4 reach through to one.
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(str(inner))
    return address.is_global and not address.is_multicast


class _Pinned(http.client.HTTPConnection):
    """A connection to a numeric address, in the name of its host: what was looked at is what is called."""

    def __init__(self, host: str, port: int, numeric: str, *, is_secure: bool):
        super().__init__(host, port, timeout=TIMEOUT)
        self.numeric, self.is_secure = numeric, is_secure
        self.wire: socket.socket | None = None
        self.default_port = 443 if is_secure else 80

    def connect(self) -> None:
        self.sock = socket.create_connection((self.numeric, self.port), TIMEOUT)
        if self.is_secure:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
        self.wire = self.sock  # http.client forgets its own while the answer is still being read

    def hang_up(self) -> None:
        with suppress(OSError):
            if self.wire:
                self.wire.shutdown(socket.SHUT_RDWR)


def _said(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "timed out"
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__)[:300]
