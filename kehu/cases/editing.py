"""A form's definition as fields of a page, and what a page posts as the plain values that actions take: for pages of the staff and of
customers alike.

A `Filling` (kehu.procedures.forms) says what a step fills and against what; `Editor` shows it as controls: with what was typed
(posted or saved), otherwise with what the record holds, otherwise with the field's default. Which fields are visible, required and
which outcomes are offered is decided here, on the server, each time something changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from itertools import compress
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, QueryDict

from kehu.core.refusals import BadData, Finding
from kehu.engine.advance import offered_outcomes
from kehu.engine.definitions import FieldDefinition
from kehu.engine.records import Data, decoded_value, holds, row_names, rows_of
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.customers.queries import name_of
from kehu.organizations.queries import Directory
from kehu.procedures.forms import Filling, accept, defaults, is_required, is_visible

from .wording import Words

SPARE_ROWS = 2
WIDEST_SCALE = 10
"""So many marks at most are shown side by side."""
NEW_ROW = "NEW"
"""Stands for a row's number in the template from which new rows are made."""


@dataclass
class Choice:
    value: str
    title: str
    is_chosen: bool = False
    note: str = ""


@dataclass
class Control:
    """One field as it is filled in."""

    name: str
    id: str
    type: str
    title: str
    value: Any = ""
    """Text as an input takes it; lists for several choices and files."""
    help: str = ""
    unit: str = ""
    ends: tuple[str, ...] = ()
    choices: list[Choice] = field(default_factory=list)
    is_typed: bool = True
    is_kept: bool = False
    """It is sent as it stands, and nobody types in it."""
    is_visible: bool = True
    is_required: bool = False
    error: str = ""
    text: str = ""
    """What is read where nothing can be typed."""
    attributes: dict[str, str] = field(default_factory=dict)
    rows: list[RowControls] = field(default_factory=list)
    columns: list[Control] = field(default_factory=list)
    blank: RowControls | None = None
    is_fixed: bool = False
    """Rows are neither added nor taken away."""
    table: Any = None
    """A table that is only read (`Shown`)."""
    key: str = ""

    @property
    def is_wide(self) -> bool:
        return self.type in ("longtext", "rows", "files", "choices")

    @property
    def scale(self) -> list[str]:
        """The marks, where a whole number between few is asked: to be tapped, not typed."""
        if self.type != "number" or self.attributes.get("step") != "1" or not {"min", "max"} <= self.attributes.keys():
            return []
        first, last = int(self.attributes["min"]), int(self.attributes["max"])
        return [str(mark) for mark in range(first, last + 1)] if 0 < last - first < WIDEST_SCALE else []

    @property
    def described_by(self) -> str:
        return " ".join(f"{self.id}-{what}" for what, there in (("help", self.help), ("error", self.error)) if there)


@dataclass
class RowControls:
    number: str
    cells: list[Control]
    is_spare: bool = False


@dataclass
class EditedSection:
    key: str
    title: str
    help: str
    controls: list[Control]
    error: str = ""

    @property
    def is_visible(self) -> bool:
        return any(control.is_visible for control in self.controls)


@dataclass
class Shown:
    """One field as it is read."""

    key: str
    title: str
    type: str
    text: str = ""
    links: list[tuple[str, str]] = field(default_factory=list)
    """Files: name and address."""
    columns: list[str] = field(default_factory=list)
    rows: list[list[Shown]] = field(default_factory=list)
    is_system: bool = False

    @property
    def is_wide(self) -> bool:
        return self.type in ("longtext", "rows", "files", "choices") and not self.is_empty

    @property
    def is_empty(self) -> bool:
        return not (self.text or self.rows or self.links)

    @property
    def told_rows(self) -> list[list[Shown]]:
        """Without the columns in which nothing stands."""
        told = [not all(cell.is_empty for cell in column) for column in zip(*self.rows, strict=True)]
        return [list(compress(row, told)) for row in self.rows]


class Reader:
    """The record's values as they are read."""

    def __init__(self, words: Words, addresses: Mapping[str, str]):
        self.words, self.addresses = words, addresses

    def shown(self, key: str, definition: FieldDefinition, value: Any) -> Shown:
        words = self.words
        found = Shown(key, words.say(definition.title), definition.type, is_system=not definition.is_typed_in)
        if definition.type in ("file", "files"):
            names = [value] if isinstance(value, str) else list(value or [])
            found.links = [(name, self.addresses.get(name, "")) for name in names]
        elif definition.type == "rows":
            columns = self.columns(definition)
            found.columns = [words.say(column.title) for column in columns.values()]
            found.rows = [
                [self.shown(name, column, row.get(name)) for name, column in columns.items()] for row in value or []
            ]
        else:
            found.text = words.value(definition, value)
        return found

    def columns(self, definition: FieldDefinition) -> dict[str, FieldDefinition]:
        return {
            name: column for name, column in definition.columns.items() if column.type != "rows" and column.is_shown
        }


# --- what was posted --------------------------------------------------------------------------------------------------


def posted(fields: Iterable[tuple[str, FieldDefinition]], post: QueryDict) -> dict[str, Any]:
    """The values of these fields as they were typed; a field that was not on the page keeps what it holds. Files are the
    names that are kept; see `uploads`."""
    values: dict[str, Any] = {}
    for key, definition in fields:
        if not definition.is_typed_in:
            continue
        match definition.type:
            case "choices":
                values[key] = post.getlist(key)
            case "files":
                values[key] = post.getlist(f"{key}.kept")
            case "file":
                values[key] = (post.getlist(f"{key}.kept") or [""])[-1]
            case "rows":
                values[key] = _posted_rows(key, definition, post)
            case "customer" if key in post:
                values[key] = code_in(str(post[key]))
            case _ if key in post:
                values[key] = post[key]
    return values


def code_in(typed: str) -> str:
    """The code at the beginning of what a box for a customer holds."""
    return typed.strip().partition(" ")[0]


def _posted_rows(key: str, definition: FieldDefinition, post: QueryDict) -> list[dict[str, Any]]:
    """The rows with anything in them, in their order on the page."""
    pattern = re.compile(rf"{re.escape(key)}\.(\d+)\.([a-z][a-z0-9_]*)(\.kept)?")
    rows: dict[int, dict[str, Any]] = {}
    for name in post:
        match = pattern.fullmatch(name)
        column = definition.columns.get(match[2]) if match else None
        if match and column and column.is_typed_in:
            several = column.type in ("choices", "files")
            value = post.getlist(name) if several else post.get(name, "")
            rows.setdefault(int(match[1]), {})[match[2]] = code_in(str(value)) if column.type == "customer" else value
    return [row for _number, row in sorted(rows.items()) if any(row.values())]


def uploads(fields: Iterable[tuple[str, FieldDefinition]], request: HttpRequest) -> dict[str, list[UploadedFile]]:
    """New files by the field they were chosen in."""
    return {
        key: [file for file in request.FILES.getlist(key) if isinstance(file, UploadedFile)]
        for key, definition in fields
        if definition.type in ("file", "files") and request.FILES.getlist(key)
    }


def with_files(values: dict[str, Any], fields: Mapping[str, FieldDefinition], names: Mapping[str, list[str]]) -> None:
    """New files' names join the values."""
    for key, added in names.items():
        if not added:
            continue
        values[key] = [*values.get(key, []), *added] if fields[key].type == "files" else added[-1]


# --- filling in -------------------------------------------------------------------------------------------------------


class Editor:
    """The part of a form that a step fills, being filled."""

    def __init__(
        self,
        filling: Filling,
        words: Words,
        *,
        prefix: str,
        draft: Mapping[str, Any] | None = None,
        raw: Mapping[str, Any] | None = None,
        findings: Iterable[Finding] = (),
        addresses: Mapping[str, str] | None = None,
    ):
        self.filling, self.words, self.prefix = filling, words, prefix
        self.raw = raw
        self.findings = {finding.path: str(finding) for finding in findings}
        self.reader = Reader(words, addresses or {})
        self.fields = {key: definition for _s, _x, key, definition in filling.fields()}
        self.draft = draft or {}

    @cached_property
    def kept(self) -> Data:
        """What is offered where nothing was posted."""
        item = self._row(self.filling.data)
        sections = {key: section for _k, section, key, _d in self.filling.fields()}
        held = {
            key: (item if sections[key].per and self.filling.item else self.filling.data).get(key)
            for key in self.fields
        }
        saved = {key: decoded_value(self.fields[key], value) for key, value in self.draft.items() if key in self.fields}
        if saved:
            return {**held, **saved}
        offered = defaults(self.filling)
        return {key: offered.get(key) if value is None else value for key, value in held.items()}

    def _row(self, data: Mapping[str, Any]) -> dict[str, Any]:
        each = self.filling.step.each
        if not (each and self.filling.item):
            return {}
        return rows_of(self.filling.form, data, each.rows).get(self.filling.item) or {}

    @cached_property
    def after(self) -> Data:
        """The record as it would stand, as far as what was typed can be read."""
        typed = (
            self._read(self.raw)
            if self.raw is not None
            else {key: value for key, value in self.kept.items() if self.fields[key].is_typed_in}
        )
        return self.filling.with_values(typed)

    @cached_property
    def context(self) -> dict[str, Any]:
        context = self.filling.context(self.after)
        return {**context, **(context["item"] or {})}

    def _read(self, raw: Mapping[str, Any]) -> Data:
        try:
            return accept(self._fresh(), raw, None)
        except BadData:
            typed: Data = {}
            for key, value in raw.items():
                try:
                    typed |= accept(self._fresh(), {key: value}, None)
                except BadData:
                    continue
            return typed

    def _fresh(self) -> Filling:
        return replace(self.filling, findings=[], after={})

    # -- what the action takes

    def values(self) -> dict[str, Any]:
        """What was typed, without what cannot be seen."""
        assert self.raw is not None
        return {key: value if self._is_seen(key) else None for key, value in self.raw.items()}

    def _is_seen(self, key: str) -> bool:
        """Most fields always are, and the record need not be worked out to know that."""
        visible = self.fields[key].visible
        return visible == "true" or holds(visible, self.context)

    # -- what the page shows

    @cached_property
    def sections(self) -> list[EditedSection]:
        return [
            EditedSection(
                key,
                self.words.say(section.title),
                self.words.say(section.help) if section.help else "",
                [self._control(name, definition) for name, definition in section.fields.items()],
                self.findings.get(key, "") if key not in section.fields else "",
            )
            for key, section in self.filling.sections()
        ]

    @cached_property
    def other_findings(self) -> list[str]:
        """Findings that belong to no field shown."""
        shown = {*self.fields, *(key for key, _section in self.filling.sections()), "reason"}
        return [text for path, text in self.findings.items() if path.partition(".")[0] not in shown]

    def offered(self) -> set[str]:
        return set(offered_outcomes(self.filling.step, self.context))

    def controls(self) -> Iterator[Control]:
        for section in self.sections:
            yield from section.controls

    @property
    def has_files(self) -> bool:
        return any(definition.type in ("file", "files") for definition in self.fields.values())

    def _control(self, key: str, definition: FieldDefinition) -> Control:
        if not definition.is_typed_in:
            return self._read_only(key, definition)
        typed = self.raw or {}
        value = typed[key] if key in typed else as_input(definition, self.kept.get(key), self.filling.zone)
        control = self._plain(key, f"{self.prefix}-{key}", definition, value, self.context)
        control.key = key
        control.error = self.findings.get(key, "")
        if definition.type == "rows":
            self._add_rows(control, key, definition, value)
        return control

    def _read_only(self, key: str, definition: FieldDefinition) -> Control:
        value = self.context.get(key)
        control = Control(key, f"{self.prefix}-{key}", definition.type, self.words.say(definition.title), key=key)
        control.is_typed = False
        shown = self.reader.shown(key, definition, value)
        control.text = shown.text
        control.table = shown if definition.type in ("rows", "file", "files") else None
        # What the system will set is shown once it says something.
        control.is_visible = not shown.is_empty and is_visible(definition, self.context)
        return control

    def _plain(
        self, name: str, id_: str, definition: FieldDefinition, value: Any, context: Mapping[str, Any]
    ) -> Control:
        say = self.words.say
        return Control(
            name=name,
            id=id_,
            type=definition.type,
            title=say(definition.title),
            value=self._in_words(definition, value),
            help=say(definition.help) if definition.help else "",
            unit=say(definition.unit) if definition.unit else "",
            ends=tuple(map(say, definition.ends or ())),
            choices=self._choices(definition, value),
            is_visible=is_visible(definition, context),
            is_required=is_required(definition, context),
            attributes=_attributes(definition),
        )

    def plain(self, name: str, definition: FieldDefinition, value: Any) -> Control:
        """A control that belongs to no field of its own."""
        return self._plain(name, f"{self.prefix}-{name.replace('.', '-')}", definition, value, self.context)

    def _in_words(self, definition: FieldDefinition, value: Any) -> Any:
        """What a box holds in which one types words for a key."""
        match definition.type:
            case "customer":
                return customer_words(value, self.words.language)
            case "people" if isinstance(value, list):
                return self.words.value(definition, value)
        return value

    def _add_rows(self, control: Control, key: str, definition: FieldDefinition, value: Any) -> None:
        rows = list(value or [])
        known = rows_of(self.filling.form, self.filling.data, key) if definition.key else {}
        columns = self.reader.columns(definition)
        # What the system sets is shown once it says something.
        told = {name for row in known.values() for name, cell in row.items() if cell not in (None, "", [])}
        columns = {name: column for name, column in columns.items() if column.is_typed_in or name in told}
        control.columns = [self._cell(key, NEW_ROW, name, column, {}, {}) for name, column in columns.items()]

        def row_of(number: int | str, typed: Mapping[str, Any], is_spare: bool, row: str = "") -> RowControls:
            before = known.get(row, {})
            cells = {name: self._cell(key, number, name, column, typed, before) for name, column in columns.items()}
            if definition.fixed and definition.key in cells:  # what tells the rows apart is the system's to say
                told = cells[definition.key]
                told.is_kept, told.is_required = True, False
                told.text = self.words.value(definition.columns[definition.key], typed.get(definition.key))
            return RowControls(str(number), list(cells.values()), is_spare)

        names = row_names(definition, rows)
        control.rows = [
            row_of(number, row, False, name) for number, (row, name) in enumerate(zip(rows, names, strict=True))
        ]
        if definition.fixed:
            control.is_fixed = True
            keys = (cell for row in control.rows for cell in row.cells if cell.name.endswith(f".{definition.key}"))
            for cell in keys:
                cell.attributes = {**cell.attributes, "readonly": ""}
            return
        control.rows += [row_of(len(rows) + spare, {}, True) for spare in range(SPARE_ROWS)]
        control.blank = row_of(NEW_ROW, {}, False)

    def _cell(
        self,
        key: str,
        number: int | str,
        name: str,
        column: FieldDefinition,
        typed: Mapping[str, Any],
        before: Mapping[str, Any],
    ) -> Control:
        row = {**before, **typed}
        context = {**self.context, **row, "row": row}
        control = self._plain(
            f"{key}.{number}.{name}", f"{self.prefix}-{key}-{number}-{name}", column, typed.get(name, ""), context
        )
        control.error = self.findings.get(f"{key}.{number}.{name}", "")
        if not column.is_typed_in:
            control.is_typed, control.text = False, self.words.value(column, before.get(name))
        return control

    def _choices(self, definition: FieldDefinition, value: Any) -> list[Choice]:
        chosen = value if isinstance(value, list) else [str(value)]
        match definition.type:
            case "choice" | "choices":
                found = [Choice(key, self.words.say(choice.title)) for key, choice in definition.choices.items()]
            case "user":
                found = people(self.filling.directory, self.words.language, definition.of)
            case "people":
                return people(self.filling.directory, self.words.language)
            case "department":
                found = [Choice(key, self.words.department(key)) for key in self.filling.directory.units]
            case "file" | "files":
                names = value if isinstance(value, list) else [value] if value else []
                return [Choice(str(name), str(name), True, self.reader.addresses.get(name, "")) for name in names]
            case _:
                return []
        for choice in found:
            choice.is_chosen = choice.value in chosen
        return found


def people(directory: Directory, language: str, of: str | None = None) -> list[Choice]:
    """Members, with their positions; with `of` only those of that department."""
    short = "zh" if language.startswith("zh") else "en"
    return [
        Choice(person.key, person.called(language), note=" · ".join(post.title[short] for post in person.posts))
        for person in directory.people.values()
        if not of or any(directory.counts_for(post, of) for post in person.posts)
    ]


def customer_words(code: str, language: str) -> str:
    """A customer as the box shows him: his code first, which is what is kept."""
    found = Customer.objects.filter(code=code).first() if code else None
    return f"{found.code} {name_of(found, language)}" if found else code


def as_input(definition: FieldDefinition, value: Any, zone: Any) -> Any:
    """A typed value as an input element holds it."""
    match value:
        case None:
            return [] if definition.type in ("choices", "files", "rows") else ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case datetime():
            return f"{value.astimezone(zone):%Y-%m-%dT%H:%M}"
        case date():
            return value.isoformat()
    if definition.type == "rows":
        return [
            {
                key: as_input(column, row.get(key), zone)
                for key, column in definition.columns.items()
                if column.is_typed_in and column.type != "rows"
            }
            for row in value
        ]
    return list(value) if isinstance(value, list | tuple) else str(value)


def _attributes(definition: FieldDefinition) -> dict[str, str]:
    found: dict[str, str] = {}
    if definition.type in ("number", "money"):
        found["step"] = str(Decimal(1).scaleb(-definition.decimals)) if definition.decimals else "1"
        if definition.min is not None:
            found["min"] = f"{definition.min:g}"
        if definition.max is not None:
            found["max"] = f"{definition.max:g}"
    if definition.type in ("text", "longtext") and definition.max_length:
        found["maxlength"] = str(definition.max_length)
    if definition.type in ("file", "files") and definition.accept:
        found["accept"] = ",".join(definition.accept)
    return found
