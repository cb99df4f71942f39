"""When a page cannot be shown: what happened, and what to do now. Never a stack trace."""

from __future__ import annotations

import logging
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

log = logging.getLogger("kehu.web")


def forbidden(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _plain(request, "web/403.html", 403)


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _plain(request, "web/404.html", 404)


def broken(request: HttpRequest) -> HttpResponse:
    """Without request context: whatever broke the page must not break this one, too."""
    return HttpResponse(render_to_string("web/500.html"), status=500)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    log.warning("refused a form without a valid token: %s", reason)
    return _plain(request, "web/csrf.html", 403)


def _plain(request: HttpRequest, template: str, status: int) -> HttpResponse:
    return render(request, template, status=status)
