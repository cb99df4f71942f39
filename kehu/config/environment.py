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


def number(name: str, otherwise: int, *, least: int = 0) -> int:
    value = os.environ.get(name, "").strip()
    if not value:
        return otherwise
    if not value.isascii() or not value.isdigit():
        raise ImproperlyConfigured(f"{name} is {value!r}; write a whole number, like {otherwise}.")
    if int(value) < least:
        raise ImproperlyConfigured(f"{name} is {value}; write at least {least}.")
    return int(value)


def one_of(name: str, *choices: str) -> str:
    """The value, one of these; the first where none is given."""
    value = os.environ.get(name, "").strip().lower() or choices[0]
    if value not in choices:
        raise ImproperlyConfigured(f"{name} is {value!r}; write one of {', '.join(choices)}.")
    return value


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
                # FULL: who was told "done" finds it done after a power cut, too. NORMAL, which loses the last commits, saves 3 ms.
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            },
        }
    if parts.scheme in {"postgresql", "postgres"}:
        return {
            "ENGINE": "kehu.core.postgresql",
            "NAME": unquote(parts.path).removeprefix("/"),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
            # The server plans a statement that comes again only once: half the time of a step (docs/decisions/0013).
            "OPTIONS": {"server_side_binding": True, "prepare_threshold": 5, **dict(parse_qsl(parts.query))},
        }
    raise ImproperlyConfigured(
        f"KEHU_DATABASE_URL begins with {parts.scheme!r}; "
        "write sqlite:////path/to/file or postgresql://user:password@host:5432/name."
    )


def megabytes(name: str, default: int) -> int:
    """KEHU_MAX_FILE_MB=20 -> bytes"""
    value = os.environ.get(name, "").strip() or str(default)
    if not value.isdigit() or not int(value):
        raise ImproperlyConfigured(f"{name} is {value!r}; write a number of megabytes.")
    return int(value) * 2**20


def files(url: str) -> dict[str, Any]:
    """s3://bucket/prefix?endpoint=https://minio.example.com&region=… -> Django's STORAGES entry; without an address MEDIA_ROOT.

    The keys come as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from the machine's role.
    """
    if not url:
        return {"BACKEND": "kehu.core.storage.KeptFiles"}
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc:
        raise ImproperlyConfigured(f"KEHU_FILES_URL is {url!r}; write s3://bucket/prefix?endpoint=https://….")
    asked = dict(parse_qsl(parts.query))
    if unknown := asked.keys() - {"endpoint", "region"}:
        raise ImproperlyConfigured(f"KEHU_FILES_URL knows endpoint and region, not {', '.join(sorted(unknown))}.")
    from kehu.core.object_store import manners  # here: boto3 takes half a second to load

    return {
        "BACKEND": "kehu.core.object_store.ObjectStore",
        "OPTIONS": {
            "bucket_name": parts.netloc,
            "location": unquote(parts.path).strip("/"),
            "endpoint_url": asked.get("endpoint"),
            "region_name": asked.get("region"),
            "client_config": manners(is_aws="endpoint" not in asked),
            "file_overwrite": True,  # a name is a digest: the same name is the same content
            "default_acl": None,
            "max_memory_size": 2 * 2**20,  # beyond, a file that is read lies on disk meanwhile
        },
    }


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


def identity_providers() -> dict[str, Any]:
    """KEHU_OIDC_…, KEHU_DINGTALK_…, KEHU_FEISHU_… -> allauth's SOCIALACCOUNT_PROVIDERS; only those that are set."""
    found: dict[str, Any] = {}
    if issuer := os.environ.get("KEHU_OIDC_ISSUER", "").strip():
        name = os.environ.get("KEHU_OIDC_NAME") or "OpenID Connect"
        app = _application(name, "KEHU_OIDC_CLIENT_ID", "KEHU_OIDC_CLIENT_SECRET")
        settings = {"server_url": issuer.rstrip("/"), "oauth_pkce_enabled": True}
        found["openid_connect"] = {"APPS": [app | {"provider_id": "oidc", "settings": settings}]}
    if os.environ.get("KEHU_DINGTALK_CLIENT_ID"):
        app = _application("钉钉 DingTalk", "KEHU_DINGTALK_CLIENT_ID", "KEHU_DINGTALK_CLIENT_SECRET")
        found["dingtalk"] = {"APPS": [app]}
    if os.environ.get("KEHU_FEISHU_CLIENT_ID"):
        app = _application("飞书 Feishu", "KEHU_FEISHU_CLIENT_ID", "KEHU_FEISHU_CLIENT_SECRET")
        found["feishu"] = {"APPS": [app]}
    return found


def _application(name: str, client_id: str, secret: str) -> dict[str, str]:
    if missing := [variable for variable in (client_id, secret) if not os.environ.get(variable)]:
        raise ImproperlyConfigured(f"{' and '.join(missing)} must be set, too; the identity provider gives both.")
    return {"name": name, "client_id": os.environ[client_id], "secret": os.environ[secret]}
