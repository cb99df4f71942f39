"""Whether a file has the shape that the definitions ask for; where not, one sentence for each place.

Pydantic finds the places. Its words speak of unions, validators and types; here they become sentences about steps,
fields and texts. Where a remedy is certain (quote it, rename it), it is taken for done, so that one slip does not hide
the mistakes behind it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from kehu.engine.definitions import Text
from kehu.engine.expressions import ExpressionError, parse

from .sources import Place, Problem, Source, listed, nearest

_ROUNDS = 8

# What a union or a short form adds to a complaint: "it is no list either".
_OF_THE_KIND = frozenset({"model_type", "dict_type", "list_type", "tuple_type", "string_type", "none_required"})

_ONE_OF = {
    "steps": "step",
    "outcomes": "outcome",
    "clauses": "clause",
    "clocks": "clock",
    "schedules": "schedule",
    "sections": "section",
    "fields": "field",
    "columns": "column",
    "choices": "choice",
    "ranks": "rank",
    "departments": "department",
    "positions": "position",
    "relative_positions": "relative position",
    "department_calendars": "calendar of",
    "ladders": "ladder",
    "numbering": "numbering",
    "customer_classes": "customer class",
    "indicators": "indicator",
    "statistics": "statistic",
    "settings": "setting",
    "when_it_ends": "end",
}


def place_words(path: Place) -> str:
    """`step "fill-sheet", outcome "clear", checks, line 1`."""
    words: list[str] = []
    steps = iter(path)
    for step in steps:
        if isinstance(step, int):
            words.append(f"line {step + 1}")
        elif isinstance(step, str) and step in _ONE_OF and (name := next(steps, None)) is not None:
            words.append(f'{_ONE_OF[step]} "{name}"')
        else:
            words.append(str(step))
    return ", ".join(words)


@dataclass(frozen=True)
class _Complaint:
    path: Place
    message: str
    remedy: str = ""
    mend: Callable[[Source], bool] | None = None


def shaped(annotation: Any, source: Source) -> tuple[Any | None, list[Problem]]:
    """The value of that type, and the problems; with problems, the value (if any) is the mended one."""
    adapter = _adapter(annotation)
    problems: dict[tuple[Place, str], Problem] = {}
    for _ in range(_ROUNDS):
        try:
            return adapter.validate_python(source.value), list(problems.values())
        except ValidationError as error:
            complaints = list(_complaints(error, annotation, source))
        for found in complaints:
            line = source.problem(found.path, found.message, found.remedy)
            problems.setdefault((found.path, found.message), line)
        if not any([found.mend(source) for found in complaints if found.mend]):
            break
    return None, list(problems.values())


def problems_at(annotation: Any, value: Any, source: Source, path: Place) -> Iterator[Problem]:
    """The same for a part of a file that only its context can read."""
    try:
        _adapter(annotation).validate_python(value)
    except ValidationError as error:
        for found in _complaints(error, annotation, source, path):
            yield source.problem(found.path, found.message, found.remedy)


@cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation)


@dataclass(frozen=True)
class _Error:
    """One of pydantic's errors: `loc` among the types, `path` in the file."""

    kind: str
    loc: Place
    path: Place
    branch: tuple[Place, str | int | float] | None
    """Where a place can be read in several ways, and which of them was tried."""
    value: Any
    facts: Mapping[str, Any]


def _complaints(error: ValidationError, annotation: Any, source: Source, at: Place = ()) -> Iterator[_Complaint]:
    value = source.value
    for step in at:
        value = value[step]
    errors = [
        _Error(kind, loc, *_placed(value, loc, kind), found["input"], found.get("ctx") or {})
        for found in error.errors(include_url=False)
        for kind, loc in [(found["type"], _key_as_read(found["loc"], found["input"]))]
    ]
    seen: set[Place] = set()
    renamed = _renamed(errors, annotation, value)
    for found in _without_echoes(errors):
        if found.kind == "missing" and found.loc in renamed.values():
            continue
        if found.path in seen and found.kind != "missing":
            continue
        seen.add(found.path)
        yield _complaint(found, annotation, source, at, renamed.get(found.loc))


def _key_as_read(loc: Place, value: Any) -> Place:
    """Pydantic writes the key 5.1 like "5.1"; both may stand in one file."""
    return (*loc[:-2], value, "[key]") if loc[-1:] == ("[key]",) and isinstance(value, float) else loc


def _placed(value: Any, loc: Place, kind: str) -> tuple[Place, tuple[Place, str | int | float] | None]:
    """Pydantic's way as a way in the file: names of union members and what short forms stand for are left out."""
    path: list[str | int | float] = []
    branch = None
    for index, step in enumerate(loc[:-1] if kind == "missing" else loc):
        if isinstance(value, Mapping) and (key := _key(value, step)) is not None:
            path.append(step)
            value = value[key[0]]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            path.append(step)
            value = value[step]
        elif step != "[key]" and branch is None:
            branch = loc[:index], step
    return tuple(path), branch


def _key(value: Mapping[Any, Any], step: str | int | float) -> tuple[Any] | None:
    if isinstance(step, str | float) and step in value:
        return (step,)
    return next(((key,) for key in value if str(key) == str(step)), None)


def _without_echoes(errors: Sequence[_Error]) -> Iterator[_Error]:
    """Of several ways to read a place, the one that came furthest."""
    ways: dict[Place, dict[str | int | float, list[_Error]]] = defaultdict(lambda: defaultdict(list))
    for error in errors:
        if error.branch:
            place, way = error.branch
            ways[place][way].append(error)
    best = [min(tried.values(), key=_misfit) for tried in ways.values()]
    kept = {id(error) for way in best for error in way}
    return (error for error in errors if not error.branch or id(error) in kept)


def _misfit(errors: list[_Error]) -> float:
    return sum(error.kind in _OF_THE_KIND for error in errors) / len(errors)


def _renamed(errors: Sequence[_Error], annotation: Any, value: Any) -> dict[Place, Place]:
    """Unknown keys that are a known one misspelt: where it stands -> where it belongs."""
    renamed: dict[Place, Place] = {}
    for error in errors:
        if error.kind != "extra_forbidden":
            continue
        here = _value_at(value, error.path[:-1])
        free = [key for key in _keys_at(annotation, error.loc[:-1]) if key not in here]
        if (key := nearest(error.loc[-1], free)) and (*error.loc[:-1], key) not in renamed.values():
            renamed[error.loc] = (*error.loc[:-1], key)
    return renamed


def _value_at(value: Any, path: Place) -> Any:
    for step in path:
        value = value[(_key(value, step) or (step,))[0]] if isinstance(value, Mapping) else value[step]
    return value


def _complaint(error: _Error, annotation: Any, source: Source, at: Place, renamed: Place | None) -> _Complaint:
    path = (*at, *error.path)
    where = place_words(path)
    name = error.loc[-1] if error.loc else ""
    if error.kind in ("extra_forbidden", "invalid_key"):
        return _unknown_key(error, annotation, path, renamed)
    if error.kind == "missing":
        return _missing(error, annotation, path)
    if name == "[key]" and isinstance(error.value, int | float):
        written = source.written_key(path) or str(error.value)
        message = f"{place_words(path[:-1])}: YAML reads the key {written} as a number, but a text is meant."
        return _Complaint(path, message, f'Put it in quotes: "{written}".', lambda s: s.rename(path))
    if _is_number(error):
        written = source.written(path) or str(error.value)
        read = f"the number {error.value}" if str(error.value) != written else "a number"
        message = f"{where}: YAML reads {written} as {read}, but a text is meant."
        return _Complaint(path, message, f'Put it in quotes: "{written}".', lambda s: s.quote(path))
    if error.value is None and error.kind != "value_error":
        return _Complaint(path, f"{where} is empty.", "Write what belongs here, or delete the key.")
    if error.kind == "model_type" and error.facts.get("class_name") == "Text":
        text = str(error.value) if isinstance(error.value, str) else "…"
        remedy = f"Write {{zh: {text}, en: {text}}}: every text stands in both languages."
        return _Complaint(path, f"{where} stands in one language only.", remedy, lambda s: s.translate(path))
    if error.kind == "value_error":
        return _own_words(error, path, source)
    if error.kind == "literal_error":
        choices = re.findall(r"'([^']+)'", str(error.facts.get("expected", "")))
        return _Complaint(
            path, f"{where} is never {_shown(error.value)}.", listed("It is one of", choices, error.value)
        )
    meant = _MEANT.get(error.kind) or _MEANT.get(error.kind.partition("_")[0]) or "something else"
    return _Complaint(path, f"{where}: {meant} is meant, but this is {_kind(error.value)}.", _HOW.get(meant, ""))


_MEANT = {
    "model_type": "a block of keys",
    "dict_type": "a block of keys",
    "tuple_type": "a list",
    "list_type": "a list",
    "string_type": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "`true` or `false`",
    "date": "a date",
}
_HOW = {
    "a block of keys": "Write `key: value` lines below it; docs/reference/pack-format.md lists the keys.",
    "a list": "Write [one, two], or a line with `- ` for each.",
    "a text": "Write one text.",
    "a whole number": "Write a number without a decimal point.",
    "`true` or `false`": "Write true or false; yes and no are texts.",
    "a date": "Write it as 2025-01-31, without quotes.",
}


def _unknown_key(error: _Error, annotation: Any, path: Place, renamed: Place | None) -> _Complaint:
    name = str(error.loc[-1])
    where = place_words(path[:-1] if path and str(path[-1]) == name else path)
    message = f'{where + ": " if where else ""}unknown key "{name}".'
    if renamed:
        right = str(renamed[-1])
        return _Complaint(path, message, f'Did you mean "{right}"?', lambda s: s.rename(path, right))
    keys = _keys_at(annotation, error.loc[:-1])
    if error.value is None and set(keys) == {"zh", "en"}:
        remedy = 'Put a text that holds a comma in quotes: {zh: …, en: "Yes, please"}.'
    else:
        remedy = listed("Keys here", keys)
    return _Complaint(path, message, remedy, lambda s: s.drop(path))


def _missing(error: _Error, annotation: Any, path: Place) -> _Complaint:
    where, name = place_words(path), str(error.loc[-1])
    if Text in _models_at(annotation, error.loc[:-1]):
        language = {"zh": "Chinese", "en": "English"}[name]
        message = f"{where}: the {language} text is missing."
        return _Complaint(
            path, message, f"Add `{name}: …`; every text stands in zh and en.", lambda s: s.translate(path)
        )
    remedy = f"Add `{name}: {{zh: …, en: …}}`." if Text in _models_at(annotation, error.loc) else f"Add `{name}: …`."
    return _Complaint(path, f'{where + ": " if where else ""}the key "{name}" is missing.', remedy)


def _own_words(error: _Error, path: Place, source: Source) -> _Complaint:
    """What our own validators say: a sentence, and after it what to do."""
    where, text = place_words(path), str(error.facts.get("error", ""))
    refusal = None if isinstance(error.value, dict | list) else _refusal(str(error.value))
    if refusal and str(refusal) == text:
        at = f", character {refusal.position}" if refusal.position else ""
        remedy = refusal.reason[:1].upper() + refusal.reason[1:]
        if source.is_cut_short(path, refusal.text):
            remedy = "In YAML a # behind a blank begins a comment: put the expression in quotes."
        return _Complaint(path, f"{where}: the expression `{refusal.text}` cannot be read{at}.", remedy)
    message, _, remedy = text.partition(". ")
    return _Complaint(path, f"{where}: {message.rstrip('.')}.", remedy or "See docs/reference/pack-format.md.")


def _refusal(text: str) -> ExpressionError | None:
    try:
        parse(text)
    except ExpressionError as error:
        return error
    return None


def _is_number(error: _Error) -> bool:
    if not isinstance(error.value, int | float) or isinstance(error.value, bool):
        return False
    return error.kind == "string_type" or "put it in quotes" in str(error.facts.get("error", ""))


def _kind(value: Any) -> str:
    match value:
        case bool():
            return f"`{str(value).lower()}`"
        case dict():
            return "a block of keys"
        case list():
            return "a list"
        case int() | float():
            return f"the number {value}"
        case str():
            return f'the text "{value}"'
    return f"`{value}`"


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else _kind(value)


# Which model stands where.


def _keys_at(annotation: Any, loc: Place) -> list[str]:
    return [field.alias or name for model in _models_at(annotation, loc) for name, field in model.model_fields.items()]


def _models_at(annotation: Any, loc: Place) -> list[type[BaseModel]]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _models_at(arguments[0], loc)
    if origin in (Union, UnionType):  # an error names the member it tried, unless the union is `… | None`
        ways = [loc, loc[1:]] if loc else [loc]
        return list(dict.fromkeys(model for way in ways for member in arguments for model in _models_at(member, way)))
    if origin is dict:
        return _models_at(arguments[1], loc[1:]) if loc else []
    if origin in (tuple, list):
        return _models_at(arguments[0], loc[1:]) if loc else []
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return []
    if not loc:
        return [annotation]
    for name, field in annotation.model_fields.items():
        if loc[0] == (field.alias or name):
            return _models_at(field.annotation, loc[1:])
    return []
