"""What customers are shown and asked by links (`invites:`, `status_page:`): parts of the form that exist, an answer that can be complete."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from kehu.engine import invitations
from kehu.engine.definitions import FieldDefinition, Lines, Signs, Step

from ..names import Columns, Scope, columns_of, impossible_texts, impossible_value, unknown_names
from ..shapes import place_words
from ..sources import Place, listed
from .written import Check, Problems, Written, budget_read, no_column


def _invites(one: Written) -> Problems:
    for key, step in one.steps.items():
        if not step.invites:
            continue
        place: Place = ("steps", key, "invites")
        found = [
            *_parts(one, (*place, "shows"), step.invites.shows, one.form.sections),
            *_parts(one, (*place, "fills"), step.invites.fills or {}, step.fills),
        ]
        yield from found
        yield from _titles(one, place, step.invites.titles)
        if step.invites.form and step.invites.form not in one.form.numbers:
            message = f'{place_words(place)} names form "{step.invites.form}", which the record does not hold.'
            yield one.found((*place, "form"), message, listed("Forms here", one.form.numbers, step.invites.form))
        yield from _given(one, place, step)
        yield from budget_read(one.text, (*place, "valid"), step.invites.valid, one.pack)
        if not found and set(step.fills) <= one.form.sections.keys():
            yield from _answers(one, place, key, step)


def _parts(one: Written, place: Place, parts: Mapping[str, Iterable[str]], sections: Collection[str]) -> Problems:
    for key, names in parts.items():
        if key not in sections:
            what = "which the form does not have" if key not in one.form.sections else "which the step does not fill"
            message = f'{place_words(place)} names section "{key}", {what}.'
            yield one.found((*place, key), message, listed("Sections here", sections, key))
            continue
        fields = one.form.sections[key].fields
        for name in names:
            if name not in fields:
                message = f'{place_words(place)} names field "{name}", which section "{key}" does not have.'
                yield one.found((*place, key), message, listed("Fields there", fields, name))


def _titles(one: Written, place: Place, titles: Mapping[str, object]) -> Problems:
    columns = {f"{key}.{name}" for key, field in one.fields.items() for name in field.columns}
    for name in titles:
        if name not in one.fields and name not in one.form.sections and name not in columns:
            message = f'{place_words(place)} gives a title to "{name}", which is no field, no column and no section.'
            yield one.found((*place, "titles", name), message, listed("Fields here", one.fields, name))


def _given(one: Written, place: Place, step: Step) -> Problems:
    """What follows from his answer, and where his signature goes."""
    assert step.invites
    invites, scope = step.invites, one.scope(step)
    his = {key: found for section in step.fills if section in one.form.sections
           for key, found in one.form.sections[section].fields.items()}  # fmt: skip
    for target, text in invites.sets.items():
        at: Place = (*place, "sets", target)
        yield from _field(one, at, target, his, f"{place_words((*place, 'sets'))} sets")
        for message, remedy in (
            *unknown_names(text, scope),
            *impossible_texts(text, scope, one.pack.departments),
            *impossible_value(target, text, his.get(target), one.pack.departments),
        ):
            yield one.found(at, f"{place_words(at)}: {message}", remedy)
    if invites.signs:
        yield from _signs(one, (*place, "signs"), step, invites.signs, his)
    if invites.lines:
        yield from _lines(one, (*place, "lines"), invites.lines, his, scope)


def _signs(one: Written, place: Place, step: Step, signs: Signs, his: Mapping[str, FieldDefinition]) -> Problems:
    wanted = (
        ("by", signs.by, ("text",)),
        ("on", signs.on, ("date", "datetime")),
        ("file", signs.file, ("file", "files")),
    )
    for word, name, types in wanted:
        if name:
            yield from _field(one, (*place, word), name, his, f"{place_words(place)}, {word} is", types)
    outcomes = step.all_outcomes()
    for name in signs.outcomes:
        if name not in outcomes:
            message = f'{place_words(place)} names outcome "{name}", which the step does not have.'
            yield one.found((*place, "outcomes"), message, listed("Outcomes here", outcomes, name))


def _lines(one: Written, place: Place, lines: Lines, his: Mapping[str, FieldDefinition], scope: Scope) -> Problems:
    columns = columns_of(one.form, lines.rows)
    if columns is None:
        tables = [key for key, found in one.fields.items() if found.type == "rows"]
        message = f'{place_words(place)}: "{lines.rows}" is no table.'
        yield one.found((*place, "rows"), message, listed("Tables here", tables, lines.rows))
    for name in lines.columns if columns is not None else ():
        yield from no_column(one.text, (*place, "columns"), name, lines.rows, columns)
    yield from _field(one, (*place, "into"), lines.into, his, f"{place_words(place)}, into is", ("rows",))
    into: Columns | None = his[lines.into].columns if lines.into in his else None
    for word, column in (("figure", lines.figure), ("remark", lines.remark)):
        if column:
            yield from no_column(one.text, (*place, word), column, lines.into, into)
    expressions = (("with", lines.with_, scope.with_row(columns, "row")), ("missing", lines.missing or {}, scope))
    for word, texts, known in expressions:
        for name, text in texts.items():
            yield from no_column(one.text, (*place, word, name), name, lines.into, into)
            for message, remedy in unknown_names(text, known):
                yield one.found((*place, word, name), f"{place_words((*place, word, name))}: {message}", remedy)


def _field(
    one: Written,
    place: Place,
    name: str,
    his: Mapping[str, FieldDefinition],
    words: str,
    types: Collection[str] = (),
) -> Problems:
    found = his.get(name)
    if found is None or not found.is_typed_in:
        what = "which this step does not fill" if found is None else "which is set by steps or computed"
        yield one.found(place, f'{words} "{name}", {what}.', listed("Fields it fills", his, name))
    elif types and found.type not in types:
        fitting = [key for key, one_ in his.items() if one_.type in types]
        yield one.found(
            place, f'{words} "{name}", a field of type {found.type}.', listed("Fitting fields", fitting, name)
        )


def _answers(one: Written, place: Place, key: str, step: Step) -> Problems:
    """That he can answer completely, and is not asked to choose among our people."""
    assert step.invites
    for section, fields in invitations.typed_in(one.form, step).items():
        for name, found in fields.items():
            if private := next(
                (one_ for one_ in (found, *found.columns.values()) if one_.type in invitations.NOT_FOR_GUESTS), None
            ):
                message = (
                    f'step "{key}": by its link the customer would fill "{name}", with a field of type {private.type}.'
                )
                remedy = f"Name the fields he fills: `fills: [{{{section}: […]}}]`, and say the others with `sets:`."
                yield one.found((*place, "fills"), message, remedy)
    answered = {name for fields in invitations.answered(one.form, step).values() for name in fields}
    outcomes, offered = step.all_outcomes(), invitations.outcomes_of(one.form, step)
    for section in filter(lambda key: any(way.demands(key) for way in offered.values()), step.fills):
        for name, found in one.form.sections[section].fields.items():
            if found.required == "true" and found.is_typed_in and name not in answered:
                message = f'step "{key}": "{name}" must be filled, and by the link nobody fills it.'
                yield one.found(place, message, f"Name it in `fills:`, or add `sets: {{{name}: …}}` to `invites:`.")
    for name in step.invites.outcomes:
        if name not in outcomes:
            message = f'step "{key}", invites has outcome "{name}", which the step does not have.'
            yield one.found((*place, "outcomes", name), message, listed("Outcomes here", outcomes, name))
    if not offered and not step.invites.outcomes:
        yield one.found(place, f'step "{key}": no outcome can be taken by its link.', "Name some with `outcomes:`.")
    unsigned = {name for name in (signs.by, signs.on, signs.file) if name} if (signs := step.invites.signs) else set()
    for name, outcome in offered.items():
        filled = answered if not signs or signs.signs(name) else answered - unsigned
        for need in (*step.needs, *outcome.needs):
            if need != "reason" and need not in filled:
                message = f'step "{key}": outcome "{name}" needs "{need}", and by the link nobody fills it.'
                yield one.found(place, message, f"Name it in `fills:`, or add `sets: {{{need}: …}}` to `invites:`.")


def _status_page(one: Written) -> Problems:
    page = one.procedure.status_page
    if page is None:
        return
    yield from _parts(one, ("status_page", "shows"), page.shows, one.form.sections)
    yield from _titles(one, ("status_page",), page.titles)
    yield from budget_read(one.text, ("status_page", "valid"), page.valid, one.pack)
    for name in page.steps:
        if name not in one.steps:
            message = f'the status page names step "{name}", which does not exist.'
            yield one.found(("status_page", "steps", name), message, listed("Steps here", one.steps, name))


CHECKS: tuple[Check, ...] = (_invites, _status_page)
