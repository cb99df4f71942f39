"""What one step fills, as JSON Schema (2020-12): for programs that fill forms, and for those that draw them.

The schema says what `forms.accept` takes, in the form in which the record keeps it: amounts and numbers as decimal text, days and
moments as ISO 8601, people, departments and choices by their keys. `accept` is more patient than that (a number as a number, `1,250`,
`E-mail` for `e_mail`), as people are. What depends on other values (what must be filled, checks, visibility) no schema can say:
`demanded` says what an outcome still asks for as things stand, and the act itself says the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kehu.engine.definitions import FieldDefinition, Outcome
from kehu.engine.records import Data, rows_of

from .forms import (
    MAX_DIGITS,
    MAX_LONGTEXT,
    MAX_ROWS,
    MAX_TEXT,
    Filling,
    defaults,
    is_empty,
    is_required,
    is_visible,
)

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PRINTED = r"^[^\u0000]*$"
"""No database keeps a NUL character in a text."""
_YEARS = "^(19|20|21)[0-9]{2}-"

Schema = dict[str, Any]


def schema_of(filling: Filling, language: str) -> Schema:
    """The values one step takes. A field that is not here cannot be filled at this step; an empty one is null."""
    shapes = _Shapes(filling, language)
    properties = {
        key: shapes.field(definition) for _s, _x, key, definition in filling.fields() if definition.is_typed_in
    }
    found: Schema = {"$schema": DIALECT, "type": "object", "properties": properties, "additionalProperties": False}
    return {**found, "$defs": shapes.used} if shapes.used else found


def held(filling: Filling) -> Data:
    """What the step's fields hold now; what is empty is offered with its default."""
    row: Mapping[str, Any] = {}
    if filling.step.each and filling.item:
        row = rows_of(filling.form, filling.data, filling.step.each.rows).get(filling.item) or {}
    offered = defaults(filling)
    values = {
        key: (row if section.per and filling.item else filling.data).get(key)
        for _s, section, key, definition in filling.fields()
        if definition.is_typed_in
    }
    return {key: offered.get(key) if value is None else value for key, value in values.items()}


def demanded(filling: Filling, outcome: Outcome) -> list[str]:
    """The fields that must be filled yet before the step can end so, as far as what is held says."""
    values = {key: value for key, value in held(filling).items() if value is not None}
    after = filling.with_values(values)
    context = filling.context(after)
    inside = {**context, **(context["item"] or {})}
    needs = [key for key in filling.step.demands(outcome) if is_empty(inside.get(key))]
    missing = [
        key
        for section, _x, key, definition in filling.fields()
        if outcome.demands(section)
        and is_visible(definition, inside)
        and is_required(definition, inside)
        and is_empty(inside.get(key))
    ]
    return list(dict.fromkeys([*missing, *needs]))


class _Shapes:
    """The schemas of fields, in one language; lists of people and departments stand once, under `$defs`."""

    def __init__(self, filling: Filling, language: str):
        self.filling, self.language = filling, language
        self.used: dict[str, Schema] = {}

    def field(self, definition: FieldDefinition) -> Schema:
        found = _SHAPES[definition.type](self, definition)
        found = {"title": definition.title.in_(self.language), **found}
        if definition.help:
            found["description"] = definition.help.in_(self.language)
        if definition.unit:
            found["x-unit"] = definition.unit.in_(self.language)
        return found

    def text(self, definition: FieldDefinition) -> Schema:
        limit = definition.max_length or (MAX_TEXT if definition.type == "text" else MAX_LONGTEXT)
        return {"type": ["string", "null"], "maxLength": limit, "pattern": _PRINTED}

    def number(self, definition: FieldDefinition) -> Schema:
        """Decimal text, or a whole number: a fraction as a JSON number would be rounded on its way."""
        whole = MAX_DIGITS - definition.decimals
        sign = "" if definition.min is not None and definition.min >= 0 else "-?"
        fraction = rf"(\.[0-9]{{1,{definition.decimals}}})?" if definition.decimals else ""
        found: Schema = {
            "type": ["string", "integer", "null"],
            "format": "decimal",
            "pattern": f"^{sign}[0-9]{{1,{whole}}}{fraction}$",
            "minimum": -(10**whole) + 1,
            "maximum": 10**whole - 1,
        }
        for name, limit in (("minimum", definition.min), ("maximum", definition.max)):
            if limit is not None:
                found[name] = int(limit) if limit == int(limit) else limit
        if definition.max is not None or (definition.min or 0) != 0:
            found["x-range"] = [definition.min, definition.max]
        return found

    def boolean(self, definition: FieldDefinition) -> Schema:
        return {"type": ["boolean", "null"]}

    def day(self, definition: FieldDefinition) -> Schema:
        return {"type": ["string", "null"], "format": "date", "pattern": _YEARS}

    def moment(self, definition: FieldDefinition) -> Schema:
        """With its zone. A day alone is taken, too: it means closing time."""
        return {"type": ["string", "null"], "format": "date-time", "pattern": _YEARS}

    def choice(self, definition: FieldDefinition) -> Schema:
        return {"oneOf": [*self._choices(definition), {"type": "null"}]}

    def choices(self, definition: FieldDefinition) -> Schema:
        return {"type": ["array", "null"], "items": {"oneOf": self._choices(definition)}, "uniqueItems": True}

    def _choices(self, definition: FieldDefinition) -> list[Schema]:
        return [{"const": key, "title": choice.title.in_(self.language)} for key, choice in definition.choices.items()]

    def user(self, definition: FieldDefinition) -> Schema:
        """The people of the organization; with `of`, those who belong to that department."""
        name = f"members_of_{definition.of}" if definition.of else "members"
        people = self.filling.directory
        return self._one_of(
            name,
            {
                person.key: person.called(self.language)
                for person in people.people.values()
                if not definition.of or any(people.counts_for(post, definition.of) for post in person.posts)
            },
        )

    def people(self, definition: FieldDefinition) -> Schema:
        """Members by their keys; anybody else by his name."""
        item = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT, "pattern": _PRINTED, "x-refers-to": "members"}
        return {"type": ["array", "null"], "items": item}

    def department(self, definition: FieldDefinition) -> Schema:
        language = "zh" if self.language.startswith("zh") else "en"
        units = self.filling.directory.units
        return self._one_of("departments", {key: unit.title[language] for key, unit in units.items()})

    def _one_of(self, name: str, titles: Mapping[str, str]) -> Schema:
        self.used.setdefault(name, {"oneOf": [{"const": key, "title": title} for key, title in titles.items()]})
        return {"anyOf": [{"$ref": f"#/$defs/{name}"}, {"type": "null"}]}

    def customer(self, definition: FieldDefinition) -> Schema:
        return {"type": ["string", "null"], "maxLength": 40, "x-refers-to": "customers"}

    def file(self, definition: FieldDefinition) -> Schema:
        """The name of an attachment."""
        return {"type": ["string", "null"], "maxLength": MAX_TEXT, "pattern": self._name(definition)}

    def files(self, definition: FieldDefinition) -> Schema:
        item = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT, "pattern": self._name(definition)}
        return {"type": ["array", "null"], "items": item}

    def _name(self, definition: FieldDefinition) -> str:
        endings = "|".join(
            "".join(f"[{sign.lower()}{sign.upper()}]" if sign.isalpha() else rf"\{sign}" for sign in ending)
            for ending in definition.accept
        )
        return rf"^[^\u0000]*({endings})$" if endings else _PRINTED

    def rows(self, definition: FieldDefinition) -> Schema:
        columns = {key: self.field(column) for key, column in definition.columns.items() if column.is_typed_in}
        row = {"type": "object", "properties": columns, "additionalProperties": False}
        found: Schema = {"type": ["array", "null"], "items": row, "maxItems": MAX_ROWS}
        if definition.key and not definition.repeats:
            found["x-unique"] = definition.key
        if definition.fixed and definition.key:
            names = self._rows_there(definition)
            columns[definition.key] = {"enum": names}
            row["required"] = [definition.key]
            found["maxItems"] = len(names)
        return found

    def _rows_there(self, definition: FieldDefinition) -> list[str]:
        """Of a table whose rows the system makes: their names."""
        data, key = self.filling.data, definition.key or ""
        tables = [name for _s, _x, name, known in self.filling.fields() if known is definition]
        return [str(row.get(key)) for name in tables for row in data.get(name) or []]


_SHAPES: dict[str, Callable[[_Shapes, FieldDefinition], Schema]] = {
    "text": _Shapes.text,
    "longtext": _Shapes.text,
    "number": _Shapes.number,
    "money": _Shapes.number,
    "boolean": _Shapes.boolean,
    "date": _Shapes.day,
    "datetime": _Shapes.moment,
    "choice": _Shapes.choice,
    "choices": _Shapes.choices,
    "user": _Shapes.user,
    "people": _Shapes.people,
    "department": _Shapes.department,
    "customer": _Shapes.customer,
    "file": _Shapes.file,
    "files": _Shapes.files,
    "rows": _Shapes.rows,
}
