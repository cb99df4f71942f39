"""What people type, made into what the record holds: one validation for every door.

`accept` reads the values one step fills: typed by their field, complete as the form and the outcome demand, in keeping with
every check. All that is wrong is said at once, each finding at its field.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from difflib import SequenceMatcher
from typing import Any

from django import forms as django_forms
from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from kehu.core.refusals import BadData, Finding
from kehu.engine.definitions import Check, FieldDefinition, Form, Outcome, Section, Step
from kehu.engine.records import Data, compute, filled, holds, rows_of, value_of
from kehu.engine.records import typed as as_typed
from kehu.organizations.queries import Directory

MAX_TEXT = 500
MAX_LONGTEXT = 20_000
MAX_ROWS = 500
MAX_DIGITS = 15
YEARS = range(1900, 2200)
"""Outside them a day is a slip of the keyboard, and some calendar runs out."""


@dataclass
class Filling:
    """One step's filling of a form: where the values go, and what they may be checked against."""

    form: Form
    step: Step
    item: str
    data: Data
    facts: Mapping[str, Any]
    directory: Directory
    has_customer: Callable[[str], bool] = lambda code: False
    findings: list[Finding] = field(default_factory=list)
    after: Data = field(default_factory=dict)
    """The record as it stands with the values that were accepted."""

    @property
    def zone(self) -> Any:
        return self.facts["zone"]

    def sections(self) -> Iterator[tuple[str, Section]]:
        for key in self.step.fills:
            yield key, self.form.sections[key]

    def fields(self) -> Iterator[tuple[str, Section, str, FieldDefinition]]:
        for section_key, section in self.sections():
            for key, definition in section.fields.items():
                yield section_key, section, key, definition

    def complain(self, path: str, message: Any) -> None:
        if not any(finding.path == path for finding in self.findings):
            self.findings.append(Finding(path, message))

    def with_values(self, typed: Data) -> Data:
        """The record as it would stand."""
        return compute(self.form, filled(self.form, self.data, self.item, typed, self.step), self.facts)

    def context(self, data: Data) -> dict[str, Any]:
        item = None
        if self.item and self.step.each:
            item = rows_of(self.form, data, self.step.each.rows).get(self.item)
        return {**data, **self.facts, "item": item, "row": item}


def accept(filling: Filling, values: Mapping[str, Any], outcome: Outcome | None, reason: str = "") -> Data:
    """The typed values, or `BadData` with every finding. Without an outcome (a draft) only types are looked at."""
    typed = _typed_values(filling, values)
    if filling.findings:
        raise BadData(filling.findings)
    if outcome is None:
        return typed
    typed = _seen(filling, typed)
    context = filling.context(filling.after)
    _check_complete(filling, context, typed, outcome)
    _check_needs(filling, context, filling.step.demands(outcome), reason)
    if not filling.findings:
        _check_sections(filling, context, outcome)
    if not filling.findings:
        _check_all(filling, (*filling.step.checks, *outcome.checks), context, "")
    if filling.findings:
        raise BadData(filling.findings)
    return typed


def _seen(filling: Filling, typed: Data) -> Data:
    """What was typed, and what is offered where nothing was; not what was typed into a field that, with all of it, is not seen:
    whoever chose otherwise afterwards did not mean it. `filling.after` is the record with it."""
    offered, fields = defaults(filling), {key: (section, field) for _key, section, key, field in filling.fields()}
    while True:
        found = {**{key: value for key, value in offered.items() if key not in typed}, **typed}
        filling.facts = {**filling.facts, "likeness": _likeness(filling, found)}
        filling.after = filling.with_values(found)
        context = filling.context(filling.after)
        unseen = {
            key
            for key, value in typed.items()
            if not is_empty(value) and not is_visible(fields[key][1], _inside(context, fields[key][0]))
        }
        if not unseen:
            return found
        typed = {key: value for key, value in typed.items() if key not in unseen}


def _inside(context: dict[str, Any], section: Section) -> dict[str, Any]:
    """What rules of the section's fields are asked of: with the row, where it is filled for one."""
    return {**context, **(context["item"] or {})} if section.per else context


def defaults(filling: Filling) -> Data:
    """What a section is offered with when it is opened empty."""
    found: Data = {}
    context = filling.context(filling.data)
    for _section_key, _section, key, definition in filling.fields():
        mine = {**context, **(context["item"] or {})}
        if definition.default is not None and mine.get(key) is None and definition.is_typed_in:
            found[key] = as_typed(definition, value_of(definition.default, context), filling.zone)
    return found


def is_visible(definition: FieldDefinition, context: Mapping[str, Any]) -> bool:
    return holds(definition.visible, context)


def is_required(definition: FieldDefinition, context: Mapping[str, Any]) -> bool:
    return definition.is_typed_in and holds(definition.required, context)


def likeness(one: str, other: str) -> int:
    """How alike two texts are, in per cent, spaces and punctuation ignored."""
    first, second = _bare(one), _bare(other)
    if not first or not second:
        return 0
    return round(SequenceMatcher(None, first, second, autojunk=False).ratio() * 100)


def _bare(text: str) -> str:
    return re.sub(r"[\s\W_]+", "", unicodedata.normalize("NFKC", text)).lower()


# --- reading ----------------------------------------------------------------------------------------------------------


def _typed_values(filling: Filling, values: Mapping[str, Any]) -> Data:
    known = {key: definition for _section_key, _section, key, definition in filling.fields()}
    typed: Data = {}
    for key, value in values.items():
        definition = known.get(key)
        if key == "reason" and definition is None:
            continue
        if definition is None:
            _complain_of_unknown(filling, key, known)
        elif not definition.is_typed_in:
            filling.complain(
                key, _("“{title}” is set by the system and cannot be filled in.").format(title=_title(definition))
            )
        else:
            typed[key] = _read(filling, key, definition, value)
    return typed


def _complain_of_unknown(filling: Filling, key: str, known: Mapping[str, FieldDefinition]) -> None:
    elsewhere = next((definition for _s, _x, found, definition in filling.form.fields() if found == key), None)
    if elsewhere:
        filling.complain(key, _("“{title}” is read-only at this step.").format(title=_title(elsewhere)))
    else:
        filling.complain(
            key,
            _("There is no field “{key}” at this step. Its fields are: {fields}.").format(
                key=key, fields=", ".join(known) or "–"
            ),
        )


def _read(filling: Filling, path: str, definition: FieldDefinition, value: Any) -> Any:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        return _READERS[definition.type](filling, path, definition, value)
    except ValidationError as error:
        filling.complain(path, f"{_title(definition)}: {' '.join(error.messages)}")
        return None


def _wrong(message: str) -> ValidationError:
    return ValidationError(message)


def _read_text(filling: Filling, path: str, definition: FieldDefinition, value: Any) -> str:
    if not isinstance(value, str | int | float | Decimal) or isinstance(value, bool):
        raise _wrong(_("Enter a text."))
    limit = definition.max_length or (MAX_TEXT if definition.type == "text" else MAX_LONGTEXT)
    text = django_forms.CharField(max_length=limit, required=False).clean(str(value).replace("\r\n", "\n"))
    return str(text)


def _read_number(filling: Filling, path: str, definition: FieldDefinition, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise _wrong(_("Enter a number."))
    number = django_forms.DecimalField(max_digits=MAX_DIGITS, decimal_places=definition.decimals, required=False).clean(
        value.replace(",", "").strip() if isinstance(value, str) else value
    )
    assert isinstance(number, Decimal)
    if definition.min is not None and number < Decimal(str(definition.min)):
        raise _wrong(_("It must be at least {limit}.").format(limit=f"{definition.min:g}"))
    if definition.max is not None and number > Decimal(str(definition.max)):
        raise _wrong(_("It must be at most {limit}.").format(limit=f"{definition.max:g}"))
    return number


def _read_boolean(filling: Filling, path: str, definition: FieldDefinition, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false", "yes", "no", "1", "0", "on"):
        return value.lower() in ("true", "yes", "1", "on")
    raise _wrong(_("Choose yes or no."))


def _read_date(filling: Filling, path: str, definition: FieldDefinition, value: Any) -> date:
    if isinstance(value, datetime):
        return value.astimezone(filling.zone).date() if value.tzinfo else value.date()
    if isinstance(value, date):
        return value
    try:
        found = parse_date(value.strip()) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or found.year not in YEARS:
        raise _wrong(_("Enter a day such as 2024-03-15."))
    return found


def _read_datetime(filling: Filling, path: str, definition: FieldDefinition, value: Any) -> datetime:
    if isinstance(value, datetime):
        found: datetime | None = value
    else:
        text = str(value).strip() if isinstance(value, str | date) else ""
        try:
            found = _closing_of(filling, parse_date(text)) or parse_datetime(text)
        except ValueError:
            found = None
    if found is None or found.year not in YEARS:
        raise _wrong(_("Enter a day and time such as 2024-03-15 14:00."))
    return found if found.tzinfo else found.replace(tzinfo=filling.zone)


def _closing_of(filling: Filling, day: date | None) -> datetime | None:
    """A limit given as a day falls at closing time."""
    return filling.directory.calendar().closing_time(day) if day and day.year in YEARS else None


def _read_choice(filling: Filling, path: str, definition: FieldDefinition, value: Any) -> str:
    value = next((key for key in definition.choices if is_called(key, definition, value)), value)
    if not isinstance(value, str) or value not in definition.choices:
        raise _wrong(
            _("“{value}” is none of the choices: {choices}.").format(value=value, choices=_choices(definition))
        )
    return str(value)


def is_called(key: str, definition: FieldDefinition, value: Any) -> bool:
    """Whether the value means that choice, by its key or another of its words."""
    return folded(str(value)) in map(folded, (key, *definition.choices[key].also))


def folded(key: str) -> str:
    """A choice is recognized however its words are joined: `e-mail`, `e_mail`, `E-mail`."""
    return re.sub(r"[\s_-]+", "", key).lower()


def _read_choices(filling: Filling, path: str, definition: FieldDefinition, value: Any) -> list[str]:
    return list(dict.fromkeys(_read_choice(filling, path, definition, one) for one in _several(value)))


def _read_user(filling: Filling, path: str, definition: FieldDefinition, value: Any) -> str:
    person = filling.directory.people.get(str(value))
    if person is None:
        raise _wrong(_("There is nobody called “{value}” here.").format(value=value))
    if definition.of and not any(filling.directory.counts_for(post, definition.of) for post in person.posts):
        unit = filling.directory.units[definition.of]
        raise _wrong(
            _("{person} does not belong to {department}.").format(
                person=_named(person.name), department=_named(unit.title)
            )
        )
    return person.key


def _read_people(filling: Filling, path: str, definition: FieldDefinition, value: Any) -> list[str]:
    """Several in one line, or a list. Who is no member (a driver, the customer's guest) is kept by his name."""
    if isinstance(value, str):
        value = re.split(r"[、，,；;\n]", value)
    names = [_read_text(filling, path, definition, one).strip() for one in _several(value)]
    return list(dict.fromkeys(_member_called(filling.directory, name) or name for name in names if name))


def _member_called(directory: Directory, name: str) -> str | None:
    """The member's key, where the name is one, or means one member alone."""
    if name in directory.people:
        return name
    found = [person.key for person in directory.people.values() if name in person.name.values()]
    return found[0] if len(found) == 1 else None


def _read_department(filling: Filling, path: str, definition: FieldDefinition, value: Any) -> str:
    if str(value) not in filling.directory.units:
        raise _wrong(_("There is no department “{value}”.").format(value=value))
    return str(value)


def _read_customer(filling: Filling, path: str, definition: FieldDefinition, value: Any) -> str:
    if not filling.has_customer(str(value)):
        raise _wrong(_("There is no customer “{value}”.").format(value=value))
    return str(value)


def _read_file(filling: Filling, path: str, definition: FieldDefinition, value: Any) -> str:
    name = _read_text(filling, path, definition, value)
    if definition.accept and not name.lower().endswith(tuple(definition.accept)):
        raise _wrong(_("Only files of these kinds: {kinds}.").format(kinds=", ".join(definition.accept)))
    return name


def _read_files(filling: Filling, path: str, definition: FieldDefinition, value: Any) -> list[str]:
    return [_read_file(filling, path, definition, one) for one in _several(value)]


def _several(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        raise _wrong(_("Enter a list."))
    return list(value) if isinstance(value, list | tuple) else [value]


def _read_rows(filling: Filling, path: str, definition: FieldDefinition, value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list | tuple) or not all(isinstance(row, Mapping) for row in value):
        raise _wrong(_("Enter rows."))
    if len(value) > MAX_ROWS:
        raise _wrong(_("There are more than {limit} rows.").format(limit=MAX_ROWS))
    rows = []
    for number, row in enumerate(value):
        after: dict[str, Any] = {}
        for key, cell in row.items():
            column = definition.columns.get(key)
            if column is None or not column.is_typed_in:
                filling.complain(
                    f"{path}.{number}.{key}",
                    _("“{key}” is no column to fill in. The columns are: {columns}.").format(
                        key=key, columns=", ".join(definition.columns)
                    ),
                )
            else:
                after[key] = _read(filling, f"{path}.{number}.{key}", column, cell)
        if any(cell is not None for cell in after.values()):
            rows.append(after)
    if definition.key and not definition.repeats:
        _complain_of_doubles(filling, path, definition, rows)
    if definition.fixed:
        _complain_of_strangers(filling, path, definition, rows)
    return rows


def _complain_of_strangers(
    filling: Filling, path: str, definition: FieldDefinition, rows: list[dict[str, Any]]
) -> None:
    """The rows are made by the system: nobody adds one."""
    assert definition.key
    known = {str(row.get(definition.key)) for row in filling.data.get(path) or []}
    for number, row in enumerate(rows):
        if (name := str(row.get(definition.key) or "")) not in known:
            message = _("There is no row “{name}” here, and none can be added.").format(name=name)
            filling.complain(f"{path}.{number}.{definition.key}", message)


def _complain_of_doubles(filling: Filling, path: str, definition: FieldDefinition, rows: list[dict[str, Any]]) -> None:
    seen: set[Any] = set()
    for number, row in enumerate(rows):
        value = row.get(definition.key or "")
        if value is not None and value in seen:
            filling.complain(
                f"{path}.{number}.{definition.key}", _("“{value}” stands in two rows.").format(value=value)
            )
        seen.add(value)


_READERS: dict[str, Callable[[Filling, str, FieldDefinition, Any], Any]] = {
    "text": _read_text,
    "longtext": _read_text,
    "number": _read_number,
    "money": _read_number,
    "boolean": _read_boolean,
    "date": _read_date,
    "datetime": _read_datetime,
    "choice": _read_choice,
    "choices": _read_choices,
    "user": _read_user,
    "people": _read_people,
    "department": _read_department,
    "customer": _read_customer,
    "file": _read_file,
    "files": _read_files,
    "rows": _read_rows,
}


# --- complete and in keeping ------------------------------------------------------------------------------------------


def _check_complete(filling: Filling, context: dict[str, Any], typed: Data, outcome: Outcome) -> None:
    for section_key, section, key, definition in filling.fields():
        if not outcome.demands(section_key):
            continue
        inside = _inside(context, section)
        if not is_visible(definition, inside):
            continue
        value = inside.get(key)
        if is_empty(value):
            if is_required(definition, inside):
                filling.complain(key, _("“{title}” must be filled in.").format(title=_title(definition)))
            continue
        if definition.type == "rows":
            _check_rows(filling, key, definition, value or [], inside)
        if definition.compare and key in typed:
            _check_copied(filling, key, definition, value, inside)


def _check_rows(
    filling: Filling, path: str, definition: FieldDefinition, rows: list[dict[str, Any]], context: dict[str, Any]
) -> None:
    if len(rows) < definition.min_rows:
        filling.complain(
            path,
            _("“{title}” needs at least {count} rows.").format(title=_title(definition), count=definition.min_rows),
        )
    for number, row in enumerate(rows):
        inside = {**context, **row, "row": row}
        for key, column in definition.columns.items():
            if is_empty(row.get(key)) and is_visible(column, inside) and is_required(column, inside):
                filling.complain(
                    f"{path}.{number}.{key}",
                    _("{table}, row {number}: “{title}” must be filled in.").format(
                        table=_title(definition), number=number + 1, title=_title(column)
                    ),
                )


def _check_copied(
    filling: Filling, key: str, definition: FieldDefinition, value: Any, context: Mapping[str, Any]
) -> None:
    """A text must not be copied from the texts in the field that `compare` names."""
    for text in texts_in(context.get(definition.compare or "")):
        if _bare(str(value)) == _bare(text):
            filling.complain(
                key,
                _("“{title}” is copied word for word from the internal sheet. Say it in other words.").format(
                    title=_title(definition)
                ),
            )


def _likeness(filling: Filling, typed: Data) -> int:
    """How alike the likest of the filled texts is to one it is to be compared with (`compare:`), in per cent. What follows
    from it is the pack's to say: expressions read it as `likeness`."""
    return max(
        (
            likeness(str(typed[key]), text)
            for _section_key, _section, key, definition in filling.fields()
            if definition.compare and typed.get(key)
            for text in texts_in(filling.data.get(definition.compare))
        ),
        default=0,
    )


def texts_in(value: Any) -> list[str]:
    """Every text in a field, row by row; a long text counts paragraph by paragraph as well."""
    if isinstance(value, str):
        return list(dict.fromkeys([value, *(line for line in value.splitlines() if line.strip())]))
    if isinstance(value, Mapping):
        return [text for inner in value.values() for text in texts_in(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in texts_in(inner)]
    return []


def _check_needs(filling: Filling, context: Mapping[str, Any], needs: tuple[str, ...], reason: str) -> None:
    for key in dict.fromkeys(needs):
        if key == "reason":
            if not reason.strip():
                filling.complain("reason", _("A reason is needed."))
        elif is_empty(context.get(key)) and is_empty((context.get("item") or {}).get(key)):
            definition = filling.form.field(key)
            filling.complain(
                key, _("“{title}” must be filled in.").format(title=_title(definition) if definition else key)
            )


def _check_sections(filling: Filling, context: dict[str, Any], outcome: Outcome) -> None:
    for section_key, section in filling.sections():
        if not outcome.demands(section_key):
            continue
        inside = _inside(context, section)
        for key, definition in section.fields.items():
            if is_visible(definition, inside) and not is_empty(inside.get(key)):
                _check_all(filling, definition.checks, inside, key)
                if definition.type == "rows":
                    for number, row in enumerate(inside[key]):
                        for column_key, column in definition.columns.items():
                            if not is_empty(row.get(column_key)):
                                _check_all(
                                    filling,
                                    column.checks,
                                    {**inside, **row, "row": row},
                                    f"{key}.{number}.{column_key}",
                                )
        _check_all(filling, section.checks, inside, section_key)


def _check_all(filling: Filling, checks: tuple[Check, ...], context: Mapping[str, Any], path: str) -> None:
    for check in checks:
        if not holds(check.that, context):
            filling.complain(path, check.otherwise.in_(get_language() or "zh-hans"))


def is_empty(value: Any) -> bool:
    return value is None or value == "" or value == []


def _title(definition: FieldDefinition) -> str:
    return definition.title.in_(get_language() or "zh-hans")


def _named(texts: Mapping[str, str]) -> str:
    return texts["zh" if (get_language() or "zh-hans").startswith("zh") else "en"]


def _choices(definition: FieldDefinition) -> str:
    return ", ".join(
        f"{choice.title.in_(get_language() or 'zh-hans')} ({key})" for key, choice in definition.choices.items()
    )
