"""The API's operations as its own document tells them, each with a body that fits: a new one is walked without being named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from kehu.api.document import openapi
from kehu.cases.models import Attachment, Case, Task
from kehu.core import wall
from kehu.core.models import Event, Organization
from kehu.core.scope import every_organization, scope
from tests.cast import Telling


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    scope: str
    media: str
    body: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_of_a_case(self) -> bool:
        return "{number}" in self.path

    def ask(self, client: Client, places: Mapping[str, Any], secret: str | None, body: Any = None) -> Any:
        """`places`: what stands in the address, and `item` in its query."""
        address = self.path.format(**places)
        if self.is_of_a_case and "{step}" in self.path and places.get("item"):
            address += f"?item={places['item']}"
        headers = {"Accept-Language": "en"} | ({"Authorization": secret} if secret is not None else {})
        given = self.body if body is None else body
        if self.media.startswith("multipart/"):
            files = {"uploads": SimpleUploadedFile("a.txt", b"plain")}
            return client.post(address, given | files, headers=headers)
        content = json.dumps(given) if self.media else ""
        return client.generic(self.method, address, content, self.media or "application/json", headers=headers)


def operations() -> list[Operation]:
    document = openapi()
    return [
        Operation(
            method.upper(),
            path,
            told["security"][0]["AccessTokenAuth"][0],
            *_body(told.get("requestBody", {}).get("content", {}), document),
        )
        for path, methods in document["paths"].items()
        for method, told in methods.items()
    ]


def _body(content: Mapping[str, Any], document: Mapping[str, Any]) -> tuple[str, Any]:
    for media, told in content.items():
        given = sample(told["schema"], document)
        if media.startswith("multipart/"):
            given = {name: value for name, value in given.items() if isinstance(value, str | int)}
        return media, given
    return "", None


def sample(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Any:
    """A value that fits the schema, with everything in it that may be."""
    if "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return sample(found, document)
    for kind in ("anyOf", "oneOf", "allOf"):
        if kind in schema:
            return sample(schema[kind][0], document)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    match schema.get("type"):
        case "object":
            return {name: sample(inner, document) for name, inner in schema.get("properties", {}).items()}
        case "array":
            return [sample(schema["items"], document)] if schema.get("minItems") else []
        case "integer" | "number":
            return max(1, schema.get("minimum", 1))
        case "boolean":
            return True
    return {"date": "2024-03-15", "date-time": "2024-03-15T14:00:00+08:00"}.get(schema.get("format", ""), "sample")


def contents(organization: Organization | None = None) -> str:
    """All that an organization holds, or that all of them hold, as one digest."""
    digest = hashlib.sha256()
    with every_organization(), connection.cursor() as cursor:
        for table, column in sorted(wall.columns().items()):
            only = f"WHERE {column} = {organization.pk}" if organization else ""
            cursor.execute(f"SELECT * FROM {table} {only}")  # noqa: S608
            for row in sorted(map(repr, cursor.fetchall())):
                digest.update(row.encode())
    return digest.hexdigest()


def as_it_stands(telling: Telling) -> list[Any]:
    """The case with all that is its own."""
    with scope(telling.organization):
        case = Case.objects.get(number=telling.number)
        of_it = {"case": case}
        return [
            list(Case.objects.filter(pk=case.pk).values_list()),
            list(Task.objects.filter(**of_it).order_by("pk").values_list()),
            list(Attachment.objects.filter(**of_it).order_by("pk").values_list()),
            list(Event.objects.filter(stream=f"case:{case.pk}").order_by("sequence").values_list()),
        ]
