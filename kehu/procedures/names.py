"""Which names an expression may read where it stands: fields of the form, columns of the row at hand, facts of the case."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from kehu.engine.definitions import FieldDefinition, Form
from kehu.engine.expressions import ExpressionError, parse

from .sources import listed

FACTS = frozenset(
    {
        "now",
        "today",
        "by",
        "by_department",
        "by_positions",
        "starter",
        "number",
        "round",
        "reason",
        "outcome",
        "customer",
        "likeness",
        "signers",
    }
)
REGISTER_FACTS = FACTS | {"status", "opened_at", "closed_at", "step_titles"}
CUSTOMER = frozenset(
    {"code", "name", "short_name", "class", "is_key", "status", "owner", "address", "main_products", "source"}
    | {"tax_number", "currency", "payment_term", "payment_days", "wants_invoice", "filed_on"}
)

PERIOD = ("month", "last_month", "quarter", "half_year", "year")
"""What a schedule's expressions read of `period`."""

Columns = Mapping[str, FieldDefinition]

_NAME = r"(?P<name>(?<![\w.#])[a-z_]\w*(?:\.[a-z_]\w*)?|#\.[a-z_]\w*)"
_TEXT = r"(?P<quote>['\"])(?P<text>[^'\"]*)(?P=quote)"
_COMPARED = (
    re.compile(rf"{_NAME}\s*[=!]=\s*{_TEXT}"),
    re.compile(rf"{_TEXT}\s*[=!]=\s*{_NAME}(?!\s*\()"),
)
_AMONG = re.compile(rf"{_NAME}\s+(?:not\s+)?in\s+\[(?P<list>[^\]]*)\]")
_LITERAL = re.compile(r"\s*(['\"])([^'\"]*)\1\s*")


@dataclass(frozen=True)
class Scope:
    """`rows` are the names that stand for a row, with its columns; None where the columns cannot be known."""

    form: Form
    facts: frozenset[str] = FACTS
    rows: Mapping[str, Columns | None] = field(default_factory=dict)
    settings: Collection[str] = ()
    customer: Collection[str] | None = CUSTOMER
    """What is known of a customer; None where ledgers add what cannot be known here."""
    bare: Columns = field(default_factory=dict)
    """Columns that may be named without `row.` before them."""

    @property
    def fields(self) -> dict[str, FieldDefinition]:
        return {**top_fields(self.form), **self.bare}

    def with_row(self, columns: Columns | None, *names: str, bare: bool = False) -> Scope:
        rows = {**self.rows, **dict.fromkeys(names, columns)}
        return replace(self, rows=rows, bare={**self.bare, **(columns or {})} if bare else self.bare)

    def field_of(self, name: str) -> FieldDefinition | None:
        """The field that a name such as `channel` or `item.department` means."""
        root, _, column = name.partition(".")
        if column and root in self.rows:
            return (self.rows[root] or {}).get(column)
        return None if column else self.fields.get(root)


def top_fields(form: Form) -> dict[str, FieldDefinition]:
    """The fields of the record itself; those of sections `per` rows belong to the rows."""
    return {key: found for _, section, key, found in form.fields() if not section.per}


def columns_of(form: Form, table: str) -> Columns | None:
    """A table's columns: its own, those that sections `per` row add, those it gathers."""
    found = form.table(table)
    if found is None:
        return None
    if not found.gather:
        return found.columns
    outer, _, inner = found.gather.partition(".")
    outer_columns = columns_of(form, outer) or {}
    rows = outer_columns.get(inner)
    beside = {key: column for key, column in outer_columns.items() if column.type != "rows"}
    return {**beside, **(rows.columns if rows else {}), **found.columns}


def unknown_names(text: str, scope: Scope) -> Iterator[tuple[str, str]]:
    """(what is wrong, what would be right) for every name that means nothing here."""
    try:
        expression = parse(text)
    except ExpressionError:
        return  # said when the file was read
    for name in sorted(expression.names):
        yield from _unknown(name, scope)
    yield from _unknown_columns(text, expression.names, scope)


def _unknown(name: str, scope: Scope) -> Iterator[tuple[str, str]]:
    root, _, rest = name.partition(".")
    column = rest.partition(".")[0]
    fields = scope.fields
    if root in scope.rows:
        columns = scope.rows[root]
        if column and columns is not None and column not in columns:
            yield f"`{name}` names no column.", listed("Columns here", columns, column)
    elif root == "customer" and column:
        if "customer" not in scope.facts:
            yield f"`{name}` has no meaning here: there is no customer.", "Name another fact."
        elif scope.customer is not None and column not in scope.customer:
            yield (
                f"`{name}` is nothing that is known of a customer.",
                listed("Known are", sorted(scope.customer), column),
            )
    elif root == "settings":
        if column not in scope.settings:
            yield f"`{name}` is no setting of the pack.", listed("Settings in pack.yaml", scope.settings, column)
    elif root in ("item", "row"):
        what = "the step is not `each`" if root == "item" else "no table is walked"
        yield f"`{name}` has no meaning here, since {what}.", "Name a field of the form."
    elif root not in fields and root not in scope.facts:
        yield f"`{root}` is no field of the form.", listed("Fields and facts", [*fields, *sorted(scope.facts)], root)
    elif column and root in fields and fields[root].type == "rows":
        yield (
            f"`{name}`: {root} is a table, so its rows must be walked.",
            f"Write for example some({root}, #.{column} != null).",
        )
    elif column and not (root in fields and fields[root].type == "customer"):
        yield f"`{name}`: {root} is one value and has no parts.", f"Write `{root}`."


def _unknown_columns(text: str, names: Collection[str], scope: Scope) -> Iterator[tuple[str, str]]:
    columns = _walked(text, names, scope)
    for column in dict.fromkeys(re.findall(r"#\.([a-z_]\w*)", text)) if columns else ():
        if column not in columns:
            yield f"`#.{column}` names no column.", listed("Columns here", columns, column)


def _walked(text: str, names: Collection[str], scope: Scope) -> dict[str, FieldDefinition]:
    """The columns that `#` can have: those of the tables named. None are known where an expression makes rows itself."""
    if "{" in text:
        return {}
    columns: dict[str, FieldDefinition] = {}
    for name in names:
        found = scope.field_of(name)
        if found and found.type == "rows":
            columns |= (columns_of(scope.form, name) if "." not in name else None) or found.columns
    return columns


def impossible_texts(text: str, scope: Scope, departments: Collection[str]) -> Iterator[tuple[str, str]]:
    """Comparing a choice with a text that is none of its choices."""
    try:
        names = parse(text).names
    except ExpressionError:
        return
    columns = _walked(text, names, scope)
    for name, literal in _compared(text):
        found = columns.get(name[2:]) if name.startswith("#.") else scope.field_of(name)
        yield from _not_among(name, literal, found, departments)


def _compared(text: str) -> Iterator[tuple[str, str]]:
    for pattern in _COMPARED:
        for match in pattern.finditer(text):
            yield match["name"], match["text"]
    for match in _AMONG.finditer(text):
        for literal in re.findall(r"'([^']*)'|\"([^\"]*)\"", match["list"]):
            yield match["name"], literal[0] or literal[1]


def impossible_value(
    key: str, text: str, target: FieldDefinition | None, departments: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Giving a choice a text that is none of its choices."""
    if match := _LITERAL.fullmatch(text):
        yield from _not_among(key, match[2], target, departments)


def _not_among(
    name: str, text: str, found: FieldDefinition | None, departments: Collection[str]
) -> Iterator[tuple[str, str]]:
    if found is None or not text:
        return
    if found.type in ("choice", "choices") and text not in found.choices:
        yield f'`{name}` is never "{text}".', listed("Its choices", found.choices, text)
    if found.type == "department" and text not in departments:
        yield f'`{name}` is never "{text}".', listed("Departments", departments, text)
