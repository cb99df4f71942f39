"""The reference for people: the OpenAPI document as a page of our own, which needs no script and nothing from elsewhere."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from kehu.organizations.tokens import SCOPES

from .document import openapi


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    document = openapi()
    groups: dict[str, list[dict[str, Any]]] = {}
    for address, methods in document["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(_shown(document, address, method, operation))
    return render(
        request,
        "api/reference.html",
        {"info": document["info"], "groups": groups.items(), "scopes": SCOPES.items()},
    )


def _shown(document: dict[str, Any], address: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    body = next(iter(operation.get("requestBody", {}).get("content", {}).items()), None)
    good = next(status for status in operation["responses"] if status.startswith("2"))
    answer = next(iter(operation["responses"][good].get("content", {}).items()), None)
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "address": address,
        "summary": operation["summary"],
        "description": operation["description"].partition("\n\nScope:")[0],
        "scope": operation["security"][0]["AccessTokenAuth"][0],
        "parameters": operation["parameters"],
        "body": _schema(document, body),
        "good": good,
        "answer": _schema(document, answer),
        "problems": [status for status in operation["responses"] if status >= "4"],
    }


def _schema(document: dict[str, Any], content: tuple[str, Any] | None) -> dict[str, str] | None:
    if content is None:
        return None
    media, found = content
    return {"media": media, "schema": json.dumps(_resolved(document, found["schema"]), ensure_ascii=False, indent=2)}


def _resolved(document: dict[str, Any], schema: Any, depth: int = 0) -> Any:
    """With its parts in place, so that one can read it from top to bottom."""
    if isinstance(schema, dict):
        if "$ref" in schema and depth < 8:
            name = schema["$ref"].rpartition("/")[2]
            return _resolved(document, document["components"]["schemas"][name], depth + 1)
        return {
            key: _resolved(document, value, depth)
            for key, value in schema.items()
            if not (key == "title" and isinstance(value, str))
        }
    if isinstance(schema, list):
        return [_resolved(document, one, depth) for one in schema]
    return schema
