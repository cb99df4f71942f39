"""What a setting's value in the environment means. Plain functions; settings.py says which variables there are."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def is_on(name: str) -> bool:
    value = os.environ.get(name, "").strip().lower()
    if value in {"", "0", "no", "off", "false"}:
        return False
    if value in {"1", "yes", "on", "true"}:
        return True
    raise ImproperlyConfigured(f"{name} is {value!r}; write 1 (on) or 0 (off).")


def listed(name: str) -> list[str]:
    """KEHU_ALLOWED_HOSTS="a.example, b.example" -> ["a.example", "b.example"]"""
    return [part.strip() for part in os.environ.get(name, "").split(",") if part.strip()]


def database(url: str) -> dict[str, Any]:
    """sqlite:////srv/kehu.sqlite3 or postgresql://user:password@host:5432/name?sslmode=require -> Django's DATABASES entry"""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            # sqlite:///relative and sqlite:////absolute, as everywhere else.
            "NAME": unquote(parts.path).removeprefix("/"),
            "OPTIONS": {
                # A transaction that reads first and writes later would otherwise fail at once, without waiting,
                # when another has written meanwhile.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    if parts.scheme in {"postgresql", "postgres"}:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path).removeprefix("/"),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": dict(parse_qsl(parts.query)),
        }
    raise ImproperlyConfigured(
        f"KEHU_DATABASE_URL begins with {parts.scheme!r}; "
        "write sqlite:////path/to/file or postgresql://user:password@host:5432/name."
    )


def mail(url: str, *, outbox: Path) -> dict[str, Any]:
    """smtp://host:25, smtp+starttls://user:password@host:587 or smtps://… -> Django's mail settings.

    Without an address, mail becomes files in `outbox`.
    """
    if not url:
        return {"EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend", "EMAIL_FILE_PATH": str(outbox)}
    parts = urlsplit(url)
    default_ports = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
    if parts.scheme not in default_ports:
        raise ImproperlyConfigured(
            f"KEHU_SMTP_URL begins with {parts.scheme!r}; write one of {', '.join(default_ports)}."
        )
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname or "localhost",
        "EMAIL_PORT": parts.port or default_ports[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+starttls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_TIMEOUT": 20,
    }


def kept_secret(path: Path) -> str:
    """The secret in this file; made on first use, readable by its owner only."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mkstemp gives mode 0600
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(50))
        try:
            os.link(draft, path)  # of several processes starting together one wins, and all read its secret
        except FileExistsError:
            pass
        finally:
            os.unlink(draft)
    return path.read_text().strip()
