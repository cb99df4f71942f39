"""Refusals as problem documents (RFC 9457): the sentence the page would show, and what a program needs to react to it.

`kind` is one of order · position · data · rule · conflict, as everywhere (`core/refusals.py`); `code` names the very refusal; `findings`
say what is wrong with which field. Never HTML, never a stack trace.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from ninja import NinjaAPI, Schema
from ninja.errors import HttpError, ValidationError

from kehu.core.refusals import BadData, Finding, Refusal

log = logging.getLogger("kehu.api")

MEDIA_TYPE = "application/problem+json"
ROOT = "/api/"

_TITLES = {
    "order": gettext_lazy("Not possible as things stand"),
    "position": gettext_lazy("Not yours to do"),
    "data": gettext_lazy("Something in the request cannot be accepted"),
    "rule": gettext_lazy("A rule forbids it"),
    "conflict": gettext_lazy("Somebody else was faster"),
    "fault": gettext_lazy("Kehu made a mistake"),
}


class Wrong(Schema):
    """What is wrong with one value; `field` is its path, as in `actions.0.what`."""

    field: str
    message: str


class Problem(Schema):
    """A refusal."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    kind: str
    code: str
    findings: list[Wrong] = []


class NoSuchAddress(Refusal):
    code = "api.no_such_address"
    kind = "order"
    status = 404
    message = gettext_lazy("There is nothing at {address}. GET /api/v1/openapi.json lists every address.")


class NotAllowed(Refusal):
    code = "api.method_not_allowed"
    kind = "order"
    status = 405
    message = gettext_lazy("{address} does not take {method}.")


class NotAcceptable(Refusal):
    code = "api.not_acceptable"
    kind = "data"
    status = 406
    message = gettext_lazy("This is only to be had as {media}. Say so in Accept, or leave it out.")


class WrongMedia(Refusal):
    code = "api.unsupported_media_type"
    kind = "data"
    status = 415
    message = gettext_lazy("The body must be {media}. Say so in Content-Type.")


class Unreadable(Refusal):
    """The body or the address cannot be read at all."""

    code = "api.unreadable"
    kind = "data"
    status = 400
    message = gettext_lazy("The request cannot be read: {why}")


class TooLarge(Refusal):
    code = "api.too_large"
    kind = "data"
    status = 413
    message = gettext_lazy("The request is larger than this server takes. Send files one by one, and rows in portions.")


class Malformed(BadData):
    """The request's own parts are not as the reference says."""

    code = "api.malformed"


def not_known(names: Iterable[str]) -> Malformed:
    """Something was asked by names that are not known here: a misspelt filter would give an answer that looks like the right one."""
    sentence = _("“{name}” is not known here.")
    return Malformed([Finding(name[:80], sentence.format(name=name[:80])) for name in list(names)[:20]])


class Fault(Refusal):
    code = "api.fault"
    kind = "fault"
    status = 500
    message = gettext_lazy(
        "Something went wrong on the server, and nothing was done. Try again; if it happens again, tell the administrator."
    )


def problem(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The refusal as an answer."""
    findings = refusal.findings if isinstance(refusal, BadData) else []
    detail = str(refusal) or ngettext("{count} value is wrong.", "{count} values are wrong.", len(findings)).format(
        count=len(findings)
    )
    told = Problem(
        type=f"urn:kehu:problem:{refusal.code}",
        title=str(_TITLES.get(refusal.kind, "")),
        status=refusal.status,
        detail=detail,
        instance=request.path,
        kind=refusal.kind,
        code=refusal.code,
        findings=[Wrong(field=finding.path, message=str(finding)) for finding in findings],
    )
    body = json.dumps(told.model_dump(), ensure_ascii=False).encode(errors="backslashreplace")
    response = HttpResponse(body, status=refusal.status, content_type=MEDIA_TYPE)
    for name, value in (refusal.facts.get("headers") or {}).items():
        response.headers[name] = value
    return response


class Problems:
    """The outermost middleware: whatever goes wrong on the way to or from the API is told as a problem, too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        return as_problem(request, response) if request.path.startswith(ROOT) else response


def as_problem(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """An answer that failed, told as a problem where it is not; any other as it is."""
    if response.status_code < 400 or response.headers.get("Content-Type", "").startswith(MEDIA_TYPE):
        return response
    told = problem(request, _refusal_of(request, response))
    if "Allow" in response.headers:
        told.headers["Allow"] = response.headers["Allow"]
    return told


def _refusal_of(request: HttpRequest, response: HttpResponse) -> Refusal:
    match response.status_code:
        case HTTPStatus.NOT_FOUND:
            return NoSuchAddress(address=request.path)
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return NotAllowed(address=request.path, method=request.method)
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return TooLarge()
        case status if status < 500:
            refusal: Refusal = Unreadable(why=HTTPStatus(status).phrase)
            refusal.status = status
            return refusal
    return Fault()


# --- what ninja meets -------------------------------------------------------------------------------------------------


def tell(api: NinjaAPI) -> None:
    """Every way an endpoint can end without an answer."""
    api.add_exception_handler(Refusal, problem)  # type: ignore[arg-type]
    api.add_exception_handler(ValidationError, _malformed)  # type: ignore[arg-type]
    api.add_exception_handler(HttpError, _http)  # type: ignore[arg-type]
    api.add_exception_handler(Http404, _nowhere)  # type: ignore[arg-type]
    api.add_exception_handler(SuspiciousOperation, _suspicious)  # type: ignore[arg-type]
    api.add_exception_handler(Exception, _fault)  # type: ignore[arg-type]


def _malformed(request: HttpRequest, error: ValidationError) -> HttpResponse:
    return problem(request, Malformed(list(findings_of(error.errors))))


def findings_of(errors: Iterable[dict[str, Any]]) -> Iterable[Finding]:
    """Pydantic's places and kinds, in our words."""
    for error in errors:
        place = [str(part) for part in error["loc"]]
        path = ".".join(place[2:] if place[:1] == ["body"] else place[1:]) or place[-1]
        yield Finding(path, _said(path, error))


def _said(path: str, error: dict[str, Any]) -> str:
    facts = error.get("ctx") or {}
    match error["type"]:
        case "missing":
            return _("“{name}” is missing.").format(name=path)
        case "extra_forbidden":
            return _("“{name}” is not known here.").format(name=path)
        case "string_type" | "string_sub_type" | "string_unicode":
            return _("“{name}” must be a text.").format(name=path)
        case "string_too_long" | "too_long":
            return _("“{name}” is longer than {limit}.").format(name=path, limit=facts.get("max_length"))
        case "string_too_short" | "too_short":
            return _("“{name}” is shorter than {limit}.").format(name=path, limit=facts.get("min_length"))
        case "string_pattern_mismatch":
            return _("“{name}” is not written as it must be ({pattern}).").format(
                name=path, pattern=facts.get("pattern")
            )
        case "literal_error" | "enum":
            return _("“{name}” must be one of: {choices}.").format(name=path, choices=facts.get("expected"))
        case "int_type" | "int_parsing" | "int_from_float" | "int_parsing_size":
            return _("“{name}” must be a whole number.").format(name=path)
        case "greater_than_equal" | "less_than_equal" | "greater_than" | "less_than":
            return _("“{name}” is outside its limits ({limit}).").format(
                name=path, limit=", ".join(str(value) for value in facts.values())
            )
        case "bool_type" | "bool_parsing":
            return _("“{name}” must be true or false.").format(name=path)
        case kind if kind.startswith("date"):
            return _(
                "“{name}” must be a day such as 2024-03-15, or a moment such as 2024-03-15T14:00:00+08:00."
            ).format(name=path)
        case "timezone_aware":
            return _("“{name}” must say its zone, as in 2024-03-15T14:00:00+08:00.").format(name=path)
        case "list_type":
            return _("“{name}” must be a list.").format(name=path)
        case kind if kind.endswith("_type"):
            return _("“{name}” must be an object.").format(name=path)
    return _("“{name}” cannot be accepted.").format(name=path)


def _http(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Ninja's own: only a body it could not parse is left for it to find."""
    cause = error.__cause__
    if isinstance(cause, Refusal):
        return problem(request, cause)
    if isinstance(cause, RequestDataTooBig):
        return problem(request, TooLarge())
    if error.status_code >= 500:
        return problem(request, Fault())
    refusal = Unreadable(why=str(cause or error))
    refusal.status = error.status_code
    return problem(request, refusal)


def _nowhere(request: HttpRequest, error: Http404) -> HttpResponse:
    return problem(request, NoSuchAddress(address=request.path))


def _suspicious(request: HttpRequest, error: SuspiciousOperation) -> HttpResponse:
    if isinstance(error, RequestDataTooBig):
        return problem(request, TooLarge())
    return problem(request, Unreadable(why=_("a part of it is malformed.")))


def _fault(request: HttpRequest, error: Exception) -> HttpResponse:
    log.exception("%s %s failed", request.method, request.path, exc_info=error)
    got_request_exception.send(sender=None, request=request)
    return problem(request, Fault())
