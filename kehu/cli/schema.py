"""`kehu schema [FILE]`: the JSON Schema of the pack files, so that an editor completes keys and marks what is wrong.

`kehu schema procedure > procedure.schema.json`, and at the head of a procedure.yaml
`# yaml-language-server: $schema=procedure.schema.json`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import BeforeValidatorFunctionSchema

from kehu.engine.definitions import Definition, Form, Pack, Procedure, Text

FILES: dict[str, type[Definition]] = {"pack": Pack, "procedure": Procedure, "form": Form}


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="kehu schema", description="Print the JSON Schema of the pack files.")
    parser.add_argument("file", nargs="?", choices=FILES, help="only that of pack.yaml, procedure.yaml or form.yaml")
    given = parser.parse_args(arguments)
    found = schema(given.file) if given.file else {name: schema(name) for name in FILES}
    print(json.dumps(found, ensure_ascii=False, indent=2))
    return 0


def schema(name: str) -> dict[str, Any]:
    found = FILES[name].model_json_schema(by_alias=True, schema_generator=_WithShortForms)
    if name == "procedure":
        del found["properties"]["form"]  # stands in form.yaml
        for unused in set(found["$defs"]) - _used(found):
            del found["$defs"][unused]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


class _WithShortForms(GenerateJsonSchema):
    """Pydantic describes what the definitions hold; authors may write it shorter: `next: a` for `next: [{to: a}]`."""

    def function_before_schema(self, schema: BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        full = self.generate_inner(schema["schema"])
        match getattr(schema["function"]["function"], "__name__", ""):
            case "_one_or_many":
                return {"anyOf": [full["items"], full]}
            case "_branches" | "_openings":
                line = {"anyOf": [{"type": "string"}, full["items"]]}
                return {"anyOf": [*line["anyOf"], {**full, "items": line}]}
            case "_due" | "_each":
                return {"anyOf": [{"type": "string"}, full]}
            case "_signed":
                return {"anyOf": [{"type": "string"}, full]}
            case "_parts":
                line = {"anyOf": [{"type": "string"}, full]}
                return {"anyOf": [*line["anyOf"], {"type": "array", "items": line}]}
            case "_titled":
                return {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, full]}
            case "_expression_text":
                return {"type": ["string", "boolean", "number"]}
            case "_choices":
                text = self.generate_inner(Text.__pydantic_core_schema__)
                return {**full, "additionalProperties": {"anyOf": [text, full["additionalProperties"]]}}
        return full


def _used(found: dict[str, Any]) -> set[str]:
    """The definitions that the rest still refers to, directly or not."""
    used: set[str] = set()
    front: list[Any] = [{key: value for key, value in found.items() if key != "$defs"}]
    while front:
        node = front.pop()
        if isinstance(node, dict):
            name = str(node.get("$ref", "")).rpartition("/")[2]
            if name and name not in used:
                used.add(name)
                front.append(found["$defs"][name])
            front.extend(node.values())
        elif isinstance(node, list):
            front.extend(node)
    return used
