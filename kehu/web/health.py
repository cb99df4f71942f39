"""Whether this process lives, whether it can serve, and how it is doing: for proxies and monitoring, not for people."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from functools import lru_cache

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest, multiprocess

from kehu.core import clock
from kehu.operations.gauges import WHAT_THEY_SAY, gauges


def healthz(request: HttpRequest) -> HttpResponse:
    """Alive: asks nothing but this process."""
    return HttpResponse("ok", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:
    """Able to serve: the database answers and is of this version. A proxy sends people elsewhere until then."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _has_tables():
            return _not_ready("the database is not of this version; run kehu upgrade")
    except DatabaseError:
        return _not_ready("the database does not answer")
    except _OfAnotherVersion:
        return _not_ready("the database is not of this version; run kehu upgrade")
    return HttpResponse("ready", content_type="text/plain")


def _not_ready(why: str) -> HttpResponse:
    return HttpResponse(f"not ready: {why}", content_type="text/plain", status=503)


class _OfAnotherVersion(Exception):
    pass


@lru_cache(maxsize=1)
def _has_tables() -> bool:
    """Asked until it is so; a running version's tables do not go back."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise _OfAnotherVersion  # an exception is not remembered
    return True


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text: this machine's requests, the whole installation's cases and messages."""
    if not _may_ask(request):
        return HttpResponse("not for you: set KEHU_METRICS_TOKEN and send it as a bearer token", status=403)
    registry: CollectorRegistry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
    lines = [generate_latest(registry).decode()]
    for name, value in gauges(clock.now()).items():
        lines.append(f"# HELP {name} {WHAT_THEY_SAY[name]}\n# TYPE {name} gauge\n")
        if isinstance(value, Mapping):
            lines += [f'{name}{{channel="{kind}"}} {figure}\n' for kind, figure in value.items()]
        else:
            lines.append(f"{name} {value}\n")
    return HttpResponse("".join(lines), content_type=CONTENT_TYPE_LATEST)


def _may_ask(request: HttpRequest) -> bool:
    """With the token; where none is set, only this machine itself, and not through a proxy on it."""
    if token := settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return secrets.compare_digest(given.encode(), token.encode())
    is_proxied = any(
        name in request.headers for name in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Forwarded")
    )
    return not is_proxied and request.META.get("REMOTE_ADDR") in ("127.0.0.1", "::1")
