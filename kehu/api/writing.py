"""A write happens once, and only to what its author saw.

`Idempotency-Key`: the answer is kept in the write's own transaction, so after a crash both are there or neither, and a repeated request
gets the same answer. A refused write leaves nothing, so its key stays free.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy
from ninja import Schema

from kehu.core.clearing import clear
from kehu.core.models import Organization
from kehu.core.refusals import AgainstTheRule, BadData, Conflict, Finding
from kehu.core.scope import scope

from .models import KeptAnswer
from .reading import JSON, tagged

KEPT = timedelta(hours=48)
_KEY = re.compile(r"[\x21-\x7e]{1,200}")


class KeyUsedAlready(AgainstTheRule):
    code = "api.idempotency_key_reused"
    message = gettext_lazy("This Idempotency-Key was used for another request. Use a new key for every new act.")


class ChangedSince(Conflict):
    """`If-Match` does not hold."""

    code = "api.changed_since"
    status = 412
    message = gettext_lazy("It has changed since you read it. Read it again, and decide again.")


@dataclass
class Done:
    """What a write answers."""

    found: Schema | None
    status: int = 200
    tag: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


def once(request: Any, act: Callable[[], Done]) -> HttpResponse:
    """The act, done; or the answer it had when it was done before under the same key."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        with transaction.atomic():
            done = _rendered(act())
        return _answer(done)
    if not _KEY.fullmatch(key):
        raise BadData([Finding("Idempotency-Key", gettext_lazy("A key has 1 to 200 visible ASCII characters."))])
    asked = _digest(request)
    with transaction.atomic():
        if not _take(request, key, asked):
            kept = KeptAnswer.objects.get(token=request.token, key=key)
            if kept.asked != asked:
                raise KeyUsedAlready()
            return _answer((kept.status, {**kept.headers, "Idempotency-Replayed": "true"}, kept.body))
        status, headers, body = _rendered(act())
        KeptAnswer.objects.filter(token=request.token, key=key).update(status=status, headers=headers, body=body)
    return _answer((status, headers, body))


def _take(request: Any, key: str, asked: str) -> bool:
    """Whether the key is new. Somebody else who acts under it right now is waited for: his row holds the place."""
    table = KeptAnswer._meta.db_table
    now = connection.ops.adapt_datetimefield_value(request.now)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (organization_id, token_id, key, asked, status, headers, body, at) "  # noqa: S608  # nosec B608
            "VALUES (%s, %s, %s, %s, 0, '{}', '', %s) ON CONFLICT (token_id, key) DO NOTHING RETURNING id",
            [request.organization.pk, request.token.pk, key, asked, now],
        )
        return cursor.fetchone() is not None


def _digest(request: HttpRequest) -> str:
    """Of all that was asked for. A multipart body by its parts: the boundary between them is another each time."""
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    if request.content_type != "multipart/form-data":
        digest.update(request.body)
        return digest.hexdigest()
    for name, values in sorted(request.POST.lists()):
        digest.update(repr((name, values)).encode())
    for name, files in sorted(request.FILES.lists()):
        for file in files:
            digest.update(repr((name, file.name, file.size)).encode())
            for chunk in file.chunks():
                digest.update(chunk)
            file.seek(0)
    return digest.hexdigest()


def _rendered(done: Done) -> tuple[int, dict[str, str], str]:
    body = done.found.model_dump_json(by_alias=True) if done.found is not None else ""
    headers = dict(done.headers)
    if body:
        headers["ETag"] = tagged(done.tag, body)
    return done.status, headers, body


def _answer(rendered: tuple[int, dict[str, str], str]) -> HttpResponse:
    status, headers, body = rendered
    return HttpResponse(body, JSON, status, headers=headers)


def forget(organization: Organization, now: datetime) -> int:
    """Kept answers that nobody will ask for any more; gives how many."""
    with scope(organization):
        return clear(KeptAnswer.objects.filter(at__lt=now - KEPT))


# --- If-Match ---------------------------------------------------------------------------------------------------------


def version_seen(request: HttpRequest) -> int | None:
    """The case's version that `If-Match` names; None where it says nothing or `*`."""
    asked = request.headers.get("If-Match")
    if asked is None or asked.strip() == "*":
        return None
    versions = [int(match[1]) for match in re.finditer(r'"(\d{1,9})(?:\.[0-9a-f]+)?"', asked)]
    if not versions:
        raise ChangedSince()
    return max(versions)
