"""Bodies as they come in, and answers as they go out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from ninja import Schema
from ninja.parser import Parser

from kehu.core.scope import scope

from .problems import Unreadable, WrongMedia

DEEPEST = 16
"""Objects and lists within one another; a form has four."""
JSON = "application/json"
T = TypeVar("T")


class StrictJSON(Parser):
    """JSON as RFC 8259 means it, and nothing in it that no database could keep. Fractions stay exact."""

    def parse_body(self, request: HttpRequest) -> Any:
        if request.META.get("CONTENT_TYPE") and request.content_type not in (JSON, "application/merge-patch+json"):
            raise WrongMedia(media=JSON)
        try:
            found = json.loads(request.body.decode(), parse_float=Decimal, parse_constant=_no_constant)
        except RecursionError:
            raise Unreadable(why=_("it is nested too deeply.")) from None
        except (UnicodeDecodeError, ValueError) as error:
            raise Unreadable(why=str(error)) from None
        _look_through(found)
        return found


def _no_constant(text: str) -> None:
    raise ValueError(_("{text} is no JSON number.").format(text=text))


def _look_through(found: Any) -> None:
    """Depth, NUL characters and halves of characters."""
    front = [(found, 1)]
    while front:
        node, depth = front.pop()
        if isinstance(node, str):
            if "\0" in node or any("\ud800" <= sign <= "\udfff" for sign in node):
                raise Unreadable(why=_("a text holds a character that is none (NUL, or half of a pair)."))
            continue
        if isinstance(node, Decimal) and not -400 < node.adjusted() < 400:
            raise Unreadable(why=_("a number is too large or too small."))
        inner: Iterable[Any] = ()
        if isinstance(node, dict):
            inner = [*node.keys(), *node.values()]
        elif isinstance(node, list):
            inner = node
        elif isinstance(node, int) and abs(node) >= 10**100:
            raise Unreadable(why=_("a number is too large or too small."))
        if depth > DEEPEST and isinstance(node, dict | list):
            raise Unreadable(why=_("it is nested too deeply."))
        front += [(one, depth + 1) for one in inner]


# --- answers ----------------------------------------------------------------------------------------------------------


def shown(request: HttpRequest, found: Schema, *, tag: str | None = None, status: int = 200) -> HttpResponse:
    """The answer with its ETag; 304 where the client has it already."""
    body = found.model_dump_json(by_alias=True)
    etag = tagged(tag, body)
    response = HttpResponse(status=304) if _has(request, etag) else HttpResponse(body, JSON, status)
    response.headers["ETag"] = etag
    return response


def tagged(tag: str | None, body: str) -> str:
    """A case's version stands at the front, for `If-Match`; what follows changes whenever the answer does."""
    digest = hashlib.sha256(body.encode()).hexdigest()[:16]
    return f'"{tag}.{digest}"' if tag is not None else f'"{digest}"'


def _has(request: HttpRequest, etag: str) -> bool:
    asked = [one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")]
    return "*" in asked or etag in asked


def streamed(request: Any, rows: Iterator[Any]) -> StreamingHttpResponse:
    """One JSON value a line. Rows are read while they are sent, so what a door said once is said for each again."""
    organization, language = request.organization, translation.get_language() or "zh-hans"
    zone = timezone.get_current_timezone()

    def within(step: Callable[[], T]) -> T:
        with scope(organization), translation.override(language), timezone.override(zone):
            return step()

    def lines() -> Iterator[bytes]:
        while (row := within(lambda: next(rows, None))) is not None:
            yield json.dumps(row, ensure_ascii=False).encode() + b"\n"

    return StreamingHttpResponse(lines(), content_type="application/x-ndjson")
