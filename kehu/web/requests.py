"""Every request: an identity that its answer and its log lines carry, one line in the log, and its place in the figures.

Nothing personal is logged: no names, no addresses (neither mail nor network), no query, nothing typed; the route's name
instead of the path, the member's number instead of his key.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse
from prometheus_client import Counter, Histogram

log = logging.getLogger("kehu.request")
_KNOWN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_UNCOUNTED = frozenset({"healthz", "readyz", "metrics"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

REQUESTS = Counter("kehu_requests_total", "requests answered", ["method", "route", "status"])
SECONDS = Histogram(
    "kehu_request_seconds", "time to answer", ["route"], buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
)


class Requests:
    """The outermost middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request.id = given if _KNOWN_ID.fullmatch(given) else secrets.token_hex(8)  # type: ignore[attr-defined]
        started = time.perf_counter()
        response = self.get_response(request)
        self._tell(request, response, time.perf_counter() - started)
        response.headers["X-Request-ID"] = request.id  # type: ignore[attr-defined]
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        if not isinstance(exception, Http404):
            facts = {"request_id": request.id, "route": _route(request)}  # type: ignore[attr-defined]
            log.error("a page broke", exc_info=exception, extra={"facts": facts})

    def _tell(self, request: HttpRequest, response: HttpResponse, seconds: float) -> None:
        route = _route(request)
        if route in _UNCOUNTED:
            return
        method = request.method if request.method in _METHODS else "other"
        REQUESTS.labels(method, route, str(response.status_code)).inc()
        SECONDS.labels(route).observe(seconds)
        person = getattr(request, "person", None)
        log.info(
            "request",
            extra={
                "facts": {
                    "request_id": request.id,  # type: ignore[attr-defined]
                    "method": method,
                    "route": route,
                    "status": response.status_code,
                    "ms": round(seconds * 1000, 1),
                    "member": person.id if person else None,
                }
            },
        )


def _route(request: HttpRequest) -> str:
    """The address by its name: there are as many as the program has, whatever is asked for."""
    match = getattr(request, "resolver_match", None)
    if match is None:
        return "static" if request.path.startswith("/static/") else "none"
    return match.view_name or "unnamed"
