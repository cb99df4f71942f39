"""The form: who fills each field, which tables and columns there are."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError

from kehu.engine.definitions import Part, Step

from ..names import columns_of
from ..shapes import place_words
from ..sources import Place, Source, listed
from .rules import fields_with_scope
from .written import Check, Problems, Written, no_column, quoted, undeclared


def _field_keys(one: Written) -> Problems:
    """The record is flat: a key is one field."""
    first: dict[str, str] = {}
    for section, _, key, _field in one.form.fields():
        if key in first:
            message = f'field "{key}" of section "{section}" stands in section "{first[key]}" already.'
            remedy = "Field keys are unique in a form: rename one."
            yield one.found_in_form(("sections", section, "fields", key), message, remedy)
        first.setdefault(key, section)


def _sections_filled(one: Written) -> Problems:
    for key, step in one.steps.items():
        for index, section in enumerate(step.fills):
            place = ("steps", key, "fills", index)
            if section not in one.form.sections:
                message = f'step "{key}" fills section "{section}", which the form does not have.'
                yield one.found(place, message, listed("Sections here", one.form.sections, section))
                continue
            per = one.form.sections[section].per
            if per and not (step.each and step.each.rows == per):
                message = f'step "{key}" fills section "{section}", which every row of "{per}" has for itself.'
                yield one.found(place, message, f"Add `each: {per}` to the step, or take `per:` from the section.")


def _forms_within(one: Written) -> Problems:
    """The controlled forms within the record."""
    for number, part in one.form.parts.items():
        place: Place = ("forms", number)
        for index, key in enumerate(part.sections):
            if key not in one.form.sections:
                message = f'form {number} has section "{key}", which does not exist.'
                yield one.found_in_form(
                    (*place, "sections", index), message, listed("Sections here", one.form.sections, key)
                )
        if part.serial and part.serial not in one.fields:
            message = f'form {number} has its serial number in "{part.serial}", which is no field.'
            yield one.found_in_form((*place, "serial"), message, listed("Fields here", one.fields, part.serial))
        if number == one.form.number:
            if part.title or part.revision:
                message = f"form {number} is the record's own; its title and revision stand above."
                yield one.found_in_form(place, message, "Leave only `sections:` here.")
        elif part.title is None:
            yield one.found_in_form(place, f"form {number} has no title.", "Add `title: {zh: …, en: …}`.")


def forms_agree(everybody: list[Written]) -> Problems:
    """A form is called the same wherever it is filled."""
    known: dict[str, tuple[Written, Part]] = {}
    for one in sorted(everybody, key=lambda one: one.key):
        for number in one.form.numbers:
            if number != one.form.number and one.form.parts[number].title is None:
                continue
            part = one.form.part(number)
            first, other = known.setdefault(number, (one, part))
            if (part.title, part.revision) != (other.title, other.revision):
                place: Place = ("title",) if number == one.form.number else ("forms", number)
                message = f'form {number} has another title or revision than in "{first.key}".'
                yield one.found_in_form(place, message, "Give it one title and one revision.")


def fields_filled(one: Written, everybody: list[Written]) -> Problems:
    if not everybody:
        return
    filled = {section for step in one.steps.values() for section in step.fills}
    given = set(_given(one)) | {key for other in everybody for key in _given_from_outside(other, one.key)}
    for key, section in one.form.sections.items():
        nobody = [name for name, found in section.fields.items() if found.is_typed_in and name not in given]
        if key not in filled and nobody:
            message = f'section "{key}" is filled by no step, so nobody can fill {quoted(nobody)}.'
            yield one.found_in_form(("sections", key), message, f"Add `fills: [{key}]` to a step.")
        for name, found in section.fields.items():
            if found.system and not found.computed and not found.gather and name not in given:
                message = f'field "{name}" is set by the system, but no step sets it.'
                yield one.found_in_form(
                    ("sections", key, "fields", name), message, f"Add `sets: {{{name}: …}}` to a step."
                )


def _given(one: Written) -> Iterator[str]:
    """Fields and columns that steps set, or that clocks and ended cases bring."""
    for _, _, sets in one.sets():
        for target, value in sets.items():
            yield target.partition(".")[2] or target
            for change in value if isinstance(value, tuple) else ():
                yield from (*change.set, *change.add)
    for step in one.steps.values():
        for _, field, _ in _numbers(step):
            yield field
        for ask in step.asks:
            yield from ask.gives
    for clock in one.procedure.clocks.values():
        yield from filter(None, (clock.until, clock.late))
    for _, _, opening in one.openings():
        for end in opening.when_it_ends.values():
            yield from end.with_


def _given_from_outside(other: Written, key: str) -> Iterator[str]:
    for _, _, opening in other.openings():
        if opening.procedure == key:
            yield from opening.with_


def _tables_of_the_form(one: Written) -> Problems:
    """Table fields that sections, steps and gathered lists go by."""
    told_apart: set[str] = set()
    place: Place
    for key, section in one.form.sections.items():
        if section.per:
            yield from _no_table(one, one.form_text, ("sections", key, "per"), f'section "{key}"', section.per)
            told_apart.add(section.per)
    for key, step in one.steps.items():
        if step.each:
            yield from _no_table(one, one.text, ("steps", key, "each", "rows"), f'step "{key}"', step.each.rows)
            told_apart.add(step.each.rows)
        for index, watch in enumerate(step.watch):
            place = ("steps", key, "watch", index)
            yield from _no_table(one, one.text, (*place, "rows"), f'step "{key}" (watch)', watch.rows)
            yield from no_column(one.text, (*place, "at"), watch.at, watch.rows, columns_of(one.form, watch.rows))
    for place, _, opening in one.openings():
        if opening.each:
            yield from _no_table(one, one.text, (*place, "each"), place_words(place), opening.each)
    register = one.procedure.register_
    if register and register.rows:
        yield from _no_table(one, one.text, ("register", "rows"), "the register", register.rows)
    for key, statistic in one.procedure.statistics.items():
        if statistic.rows:
            yield from _no_table(one, one.text, ("statistics", key, "rows"), f'statistic "{key}"', statistic.rows)
    for section_key, _, key, found in one.form.fields():
        place = ("sections", section_key, "fields", key)
        if key in told_apart and found.type == "rows" and not found.key:
            message = f'table "{key}" has tasks or sections for each row, but no column that tells rows apart.'
            remedy = f"Add `key: COLUMN`. Columns here: {', '.join(found.columns)}."
            yield one.found_in_form(place, message, remedy)
        if found.gather:
            yield from _gathered(one, (*place, "gather"), found.gather)


def _numbers(step: Step) -> Iterator[tuple[Place, str, str]]:
    """(where, field, series) of what a step numbers, and of what its outcomes number."""
    yield from (((), *pair) for pair in step.numbers.items())
    for name, outcome in step.outcomes.items():
        yield from ((("outcomes", name), *pair) for pair in outcome.numbers.items())


def _told_by_ledgers(one: Written) -> Problems:
    """Fields that get a number, or what a ledger answers."""
    for key, step in one.steps.items():
        for at, field, series in _numbers(step):
            place: Place = ("steps", key, *at, "numbers", field)
            yield from _text_field(one, place, field, f'step "{key}" numbers')
            if series not in one.pack.numbering:
                message = f'step "{key}" numbers "{field}" by "{series}", which pack.yaml does not have.'
                yield one.found(place, message, listed("Numberings there", one.pack.numbering, series))
        given: set[str] = set()
        for index, ask in enumerate(step.asks):
            for field in ask.gives:
                if field in given:
                    message = f'step "{key}" puts two answers into "{field}": the second would push out the first.'
                    remedy = "Give each answer a field of its own."
                    yield one.found(("steps", key, "asks", index, "gives", field), message, remedy)
                given.add(field)
                if field not in one.fields:
                    message = f'step "{key}" puts an answer into "{field}", which the form does not have.'
                    remedy = listed("Fields here", one.fields, field)
                    yield one.found(("steps", key, "asks", index, "gives", field), message, remedy)
    if one.procedure.numbered_for:
        yield from _text_field(one, ("numbered_for",), one.procedure.numbered_for, "the procedure is numbered for")


def _text_field(one: Written, place: Place, field: str, words: str) -> Problems:
    found = one.fields.get(field)
    if found is None or found.type not in ("text", "date"):
        what = "which does not exist" if found is None else f"which is a field of type {found.type}"
        texts = [key for key, found in one.fields.items() if found.type == "text"]
        yield one.found(place, f'{words} "{field}", {what}.', listed("Text fields here", texts, field))


def _no_table(one: Written, source: Source, place: Place, who: str, table: str) -> Problems:
    found = one.form.field(table)
    if found is None or found.type != "rows":
        what = "which does not exist" if found is None else f"which is a field of type {found.type}"
        tables = [key for key, found in one.fields.items() if found.type == "rows"]
        yield source.problem(
            place, f'{who} goes by the rows of "{table}", {what}.', listed("Table fields here", tables, table)
        )


def _gathered(one: Written, place: Place, path: str) -> Problems:
    outer, _, inner = path.partition(".")
    columns = columns_of(one.form, outer)
    if columns is None:
        yield from _no_table(one, one.form_text, place, f"{place_words(place[:-1])} (gather)", outer)
    elif inner not in columns or columns[inner].type != "rows":
        tables = [key for key, found in columns.items() if found.type == "rows"]
        message = f'{place_words(place[:-1])} gathers "{path}", but "{inner}" is no table within "{outer}".'
        yield one.found_in_form(place, message, listed("Tables within it", tables, inner))


def _departments_of_people(one: Written) -> Problems:
    for place, found, _ in fields_with_scope(one):
        if found.of:
            yield from undeclared(one.form_text, (*place, "of"), found.of, "department", one.pack.departments)


def _computed_from_each_other(one: Written) -> Problems:
    try:
        one.form.calculated  # noqa: B018
    except CycleError as error:
        circle = error.args[1]
        section = next(section for section, _, key, _ in one.form.fields() if key == circle[0])
        message = f'field "{circle[0]}" is computed from itself: {" → ".join(reversed(circle))}.'
        yield one.found_in_form(
            ("sections", section, "fields", circle[0]), message, "Let one of them be filled in or set."
        )


CHECKS: tuple[Check, ...] = (
    _computed_from_each_other,
    _field_keys,
    _sections_filled,
    _forms_within,
    _tables_of_the_form,
    _told_by_ledgers,
    _departments_of_people,
)
