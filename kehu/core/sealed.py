"""Secrets that people type and Kehu must say again later (a robot's address, a webhook's key), sealed in the database.

The key comes of KEHU_SECRET_KEY, so a copy of the database alone tells nobody anything; and a server with another
KEHU_SECRET_KEY cannot open them. Why not the environment alone: docs/decisions/0010-secrets-of-channels-are-sealed.md.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings


class CannotOpen(ValueError):
    """Sealed under another KEHU_SECRET_KEY, or damaged."""


def seal(text: str) -> str:
    return _fernet().encrypt(text.encode()).decode() if text else ""


def opened(sealed: str) -> str:
    """The text again. Raises `CannotOpen`."""
    try:
        return _fernet().decrypt(sealed.encode()).decode() if sealed else ""
    except InvalidToken as error:
        raise CannotOpen() from error


def _fernet() -> Fernet:
    key = hmac.digest(settings.SECRET_KEY.encode(), b"kehu.core.sealed", hashlib.sha256)
    return Fernet(base64.urlsafe_b64encode(key))
