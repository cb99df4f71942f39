"""The OpenAPI 3.1 document: what ninja reads from the endpoints, and what holds for all of them alike."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET
from ninja.openapi.schema import OpenAPISchema

from .door import AccessTokenAuth
from .problems import MEDIA_TYPE, Problem
from .reading import JSON

_PROBLEM = {"$ref": "#/components/responses/Problem"}
_REFUSALS = {
    "get": (400, 401, 403, 404, 406, 422, 429),
    "post": (400, 401, 403, 404, 406, 409, 412, 413, 415, 422, 429, 503, 507),
    "patch": (400, 401, 403, 404, 406, 409, 412, 413, 415, 422, 429),
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A new one for every new act (a UUID, say). A repeated request with the same key and body is answered as the first "
    "was, for 48 hours, and nothing is done twice.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of what was read: the act is refused (412) where that has changed in what matters to it.",
    "schema": {"type": "string"},
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of what is there already: 304 where nothing has changed.",
    "schema": {"type": "string"},
}
_LANGUAGE = {
    "name": "Accept-Language",
    "in": "header",
    "required": False,
    "description": "zh or en; the member's own language if nothing is said.",
    "schema": {"type": "string"},
}
_ETAG = {"ETag": {"schema": {"type": "string"}, "description": "Changes whenever the answer does."}}
_MEDIA = {"download": "application/octet-stream", "stream_rows": "application/x-ndjson"}
"""Answers that are no JSON document, by operation."""


def openapi() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_text())
    return found


@lru_cache
def _text() -> str:
    from .v1 import api

    found = OpenAPISchema(api, "/api/v1/")
    found["info"]["license"] = {"name": "Apache 2.0", "identifier": "Apache-2.0"}
    schemas = found["components"]["schemas"]
    schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    schemas.update(schemas["Problem"].pop("$defs", {}))
    found["components"]["responses"] = {
        "Problem": {
            "description": "Refused, and nothing was done: a problem document (RFC 9457).",
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    }
    scopes = _scopes(api)
    for address in found["paths"].values():
        for method, operation in address.items():
            _complete(method, operation, scopes)
    return json.dumps(found, ensure_ascii=False, default=str)


def _scopes(api: Any) -> dict[str, str]:
    return {
        operation.operation_id or operation.view_func.__name__: auth.needed
        for bound in api._get_bound_routers()
        for view in bound.path_operations.values()
        for operation in view.operations
        for auth in operation.auth_callbacks
        if isinstance(auth, AccessTokenAuth)
    }


def _complete(method: str, operation: dict[str, Any], scopes: dict[str, str]) -> None:
    name = operation["operationId"] = operation["operationId"].rpartition(".")[2]
    for scope_name in scopes:
        if name.endswith(f"_{scope_name}"):
            name = operation["operationId"] = scope_name
            break
    operation["security"] = [{"AccessTokenAuth": [scopes[name]]}]
    operation["description"] = f"{operation.get('description', '')}\n\nScope: `{scopes[name]}`.".strip()
    operation["parameters"] += [_LANGUAGE] if method == "get" else [_LANGUAGE, _KEY]
    responses = operation["responses"] = {str(status): told for status, told in operation["responses"].items()}
    for status, told in responses.items():
        if name in _MEDIA:
            told["content"] = {_MEDIA[name]: {"schema": {}}}
        elif status.startswith("2"):
            told["headers"] = _ETAG
    if method == "get" and name not in _MEDIA:
        operation["parameters"].append(_IF_NONE_MATCH)
        responses["304"] = {"description": "Unchanged."}
    elif method != "get" and "{" in str(operation["parameters"]) and name not in ("start_case", "enter_customer"):
        operation["parameters"].append(_IF_MATCH)
    if name == "download":
        responses["206"] = {"description": "The part that `Range` asked for.", "content": responses["200"]["content"]}
        responses["416"] = _PROBLEM
    for status in _REFUSALS[method]:
        responses.setdefault(str(status), _PROBLEM)


@require_GET
def serve(request: HttpRequest) -> HttpResponse:
    """Open to all: it says nothing of any company."""
    return HttpResponse(_text(), content_type=JSON)
