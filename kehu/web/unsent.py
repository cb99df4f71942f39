"""What was sent after the session had ended: kept, and offered to be sent again once somebody has signed in there."""

from __future__ import annotations

import re
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import render

from .failures import typed_in

KEY = "unsent"
MOST = 100_000
"""Bytes: many times the longest form that people type. Larger is a file, which nobody typed."""

_CHOSEN = re.compile(r"[a-z0-9_]+")
"""A choice's key, which nobody wrote."""


def keep(request: HttpRequest) -> None:
    """A form of ours alone: what another site's page sends here must never be offered as one's own."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if request.htmx or not length.isdigit() or int(length) > MOST or not _is_ours(request):  # type: ignore[attr-defined]
        return
    request.session[KEY] = {
        "path": request.get_full_path(),
        "typed": [(name, text) for name, text in typed_in(request) if name != "csrfmiddlewaretoken"],
        "has_files": bool(request.FILES),
    }


def offered(request: HttpRequest) -> HttpResponse | None:
    """The page from which it is sent again, for who comes back to its address at once; whoever goes elsewhere leaves it behind."""
    if request.method != "GET" or KEY not in request.session:
        return None
    kept = request.session.pop(KEY)
    if kept["path"] != request.get_full_path():
        return None
    written = [text for _name, text in kept["typed"] if text and not _CHOSEN.fullmatch(text)]
    return render(request, "web/unsent.html", {**kept, "written": written})


def _is_ours(request: HttpRequest) -> bool:
    def nothing(*_: Any) -> HttpResponse:
        return HttpResponse()

    return CsrfViewMiddleware(nothing).process_view(request, nothing, (), {}) is None
