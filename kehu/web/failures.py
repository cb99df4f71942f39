"""When a page cannot be shown: what happened, and what to do now. Never a stack trace."""

from __future__ import annotations

import logging
import sys
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import is_valid_path
from django.utils.translation import gettext as _

log = logging.getLogger("kehu.web")


def unreadable(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """Without request context: it would read the form that cannot be read."""
    match exception:
        case TooManyFilesSent():
            said, status = _("These are more files than can be sent at once. Send at most {count} at a time."), 413
            said = said.format(count=settings.DATA_UPLOAD_MAX_NUMBER_FILES)
        case TooManyFieldsSent():
            said, status = _("The form has too many lines to be sent at once. Enter them in portions."), 413
        case _other:
            said, status = _("The browser sent something that cannot be read. Load the page again, and repeat it."), 400
    return HttpResponse(render_to_string("web/400.html", {"message": said}), status=status)


def forbidden(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _plain(request, "web/403.html", 403)


def too_many(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _plain(request, "web/429.html", 429)


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _plain(request, "web/404.html", 404)


def broken(request: HttpRequest) -> HttpResponse:
    """Without request context: whatever broke the page must not break this one, too."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return _database_away(request)
    return HttpResponse(render_to_string("web/500.html"), status=500)


def _database_away(request: HttpRequest) -> HttpResponse:
    """The database is restarting, full, or too busy. What was typed stays on the page, to be sent again."""
    words = {"path": request.get_full_path(), "typed": typed_in(request)}
    return HttpResponse(render_to_string("web/503.html", words), status=503, headers={"Retry-After": "10"})


def typed_in(request: HttpRequest) -> list[tuple[str, str]]:
    """Every field of a posted form but files, which a browser does not send twice by itself, and passwords."""
    if request.method != "POST":
        return []
    try:
        return [(key, text) for key, texts in request.POST.lists() if "password" not in key for text in texts]
    except (OSError, RequestDataTooBig, TooManyFieldsSent):
        return []


def only_forms(request: HttpRequest) -> HttpResponse:
    """An address that a form is sent to was opened like a page: after a reload, say. The page above it is offered."""
    nearest = request.path
    while nearest != "/":
        nearest = nearest.rstrip("/").rpartition("/")[0] + "/"
        if is_valid_path(nearest):
            break
    return render(request, "web/405.html", {"nearest": nearest}, status=405)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    log.warning("refused a form without a valid token: %s", reason)
    return _plain(request, "web/csrf.html", 403)


def _plain(request: HttpRequest, template: str, status: int) -> HttpResponse:
    return render(request, template, status=status)
