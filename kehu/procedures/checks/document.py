"""The document: clauses with their steps, its head, the register."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from kehu.engine.definitions import Register, TableRole

from ..layouts import misuses
from ..names import REGISTER_FACTS
from ..packs import LoadedPack
from ..sources import Problem, listed
from .written import Check, Problems, Written


def _clauses(one: Written) -> Problems:
    clauses, carried_out = one.procedure.clauses, set()
    for key, step in one.steps.items():
        carried_out |= set(step.clause)
        for index, number in enumerate(step.clause):
            if number not in clauses:
                message = f'step "{key}" names clause "{number}", which does not exist.'
                yield one.found(("steps", key, "clause", index), message, listed("Clauses here", clauses, number))
        if step.kind == "task" and step.role != ("system",) and not step.clause:
            message = f'step "{key}" names no clause, so nobody can say who asked for it.'
            yield one.found(("steps", key), message, listed("Add `clause: […]`. Clauses here", clauses))
        if isinstance(step.role, TableRole) and step.role.table in one.loaded.tables:
            carried_out |= set(one.loaded.tables[step.role.table].clauses)
    for number, clause in clauses.items():
        if number not in carried_out and not clause.manual:
            yield one.found(
                ("clauses", number), f'clause "{number}" is carried out by no step.', _MISSING_STEP.format(number)
            )


_MISSING_STEP = """\
Add under `steps:`
  <key>:
    title: {{zh: …, en: …}}
    clause: ["{}"]
    role: <position>
    due: <time>
    next: <step>
or mark the clause `manual: {{zh: …, en: …}}` with the reason why people see to it."""


def _layout(one: Written) -> Problems:
    """The procedure's own paper layout."""
    yield from _read_layout(one.folder / "print.typ")


def layouts(loaded: LoadedPack, everybody: Sequence[Written]) -> Problems:
    """The layouts of controlled forms: each is of a form that there is."""
    numbers = sorted({number for one in everybody for number in one.form.numbers})
    for number, file in loaded.layouts.items():
        if everybody and number not in numbers:
            yield Problem(file, 0, f'there is no form "{number}".', listed("Forms here", numbers, number))
        yield from _read_layout(file)


def _read_layout(file: Path) -> Problems:
    if not file.is_file():
        return
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        yield Problem(file, 0, "this file is not UTF-8.", "Save it as UTF-8.")
        return
    for found in misuses(text):
        yield Problem(file, found.line, found.message, found.remedy)


def _document(one: Written) -> Problems:
    procedure, numberings = one.procedure, one.pack.numbering
    if procedure.numbering and procedure.numbering not in numberings:
        message = f'the procedure is numbered by "{procedure.numbering}", which pack.yaml does not have.'
        yield one.found(("numbering",), message, listed("Numberings there", numberings, procedure.numbering))
    for index, key in enumerate(procedure.related):
        if key not in one.loaded.folders:
            message = f'the related procedure "{key}" does not exist.'
            yield one.found(("related", index), message, listed("Procedures here", one.loaded.folders, key))


def _register(one: Written) -> Problems:
    register = one.procedure.register_
    known = {*one.fields, *REGISTER_FACTS}
    for key, indicator in one.procedure.indicators.items():
        if indicator.at and indicator.at not in known:
            message = f'indicator "{key}", at: "{indicator.at}" is no field.'
            yield one.found(("indicators", key, "at"), message, listed("Fields here", sorted(known), indicator.at))
    if register is None:
        return
    for key, column in register.columns.items():
        if (column is None or column.value is None) and key not in known:
            message = f'the register has a column "{key}", which is neither a field nor says its `value:`.'
            yield one.found(("register", "columns", key), message, listed("Fields here", sorted(known), key))
        if column and column.value and not column.title and not _is_column_of_rows(register, column.value):
            message = f'the register\'s column "{key}" has a value but no title.'
            yield one.found(("register", "columns", key), message, "Add `title: {zh: …, en: …}`.")
    for index, key in enumerate(register.readers):
        if key not in one.pack.departments:
            message = f'the register is read by "{key}", which is no department.'
            yield one.found(("register", "readers", index), message, listed("Departments", one.pack.departments, key))
    known |= set(register.columns)
    for index, key in enumerate(register.filters):
        if key not in known:
            message = f'the register filters by "{key}", which is neither column nor field.'
            yield one.found(("register", "filters", index), message, listed("Columns and fields", sorted(known), key))
    if (key := register.sort.lstrip("-")) not in known:
        message = f'the register sorts by "{key}", which is neither column nor field.'
        yield one.found(("register", "sort"), message, listed("Columns and fields", sorted(known), key))


def _customer_page(one: Written) -> Problems:
    page = one.procedure.customer_page
    named = [(("at",), page.at), *((("fields", index), key) for index, key in enumerate(page.fields))] if page else []
    for place, key in named:
        if key not in one.fields:
            message = f'the customer\'s page shows "{key}", which is no field of the form.'
            yield one.found(("customer_page", *place), message, listed("Fields here", sorted(one.fields), key))


def numbers_differ(everybody: list[Written]) -> Problems:
    """Two documents never have one number."""
    known: dict[str, str] = {}
    for one in sorted(everybody, key=lambda one: one.key):
        if other := known.get(one.procedure.number):
            message = f'number "{one.procedure.number}" is that of procedure "{other}" as well.'
            yield one.found(("number",), message, "Give every document a number of its own.")
        known.setdefault(one.procedure.number, one.key)


def _is_column_of_rows(register: Register, value: str) -> bool:
    return bool(register.rows) and re.fullmatch(r"row\.\w+", value) is not None


CHECKS: tuple[Check, ...] = (
    _clauses,
    _layout,
    _document,
    _register,
    _customer_page,
)
