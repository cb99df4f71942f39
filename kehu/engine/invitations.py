"""What somebody invited by a link reads, fills and may choose, as a step's `invites:` says it."""

from __future__ import annotations

from collections.abc import Mapping

from .definitions import FieldDefinition, Form, Invites, Outcome, Step, Text

Fields = dict[str, dict[str, FieldDefinition]]
"""Section -> its fields by key."""

NOT_FOR_GUESTS = ("user", "people", "department", "customer")
"""What is chosen among our own people and customers, which are nobody else's to read."""


def parts_of(form: Form, parts: Mapping[str, tuple[str, ...]]) -> Fields:
    """The fields that are meant, in the order in which they are named."""
    found = {key: form.sections[key].fields for key in parts if key in form.sections}
    return {
        key: {name: fields[name] for name in parts[key] or fields if name in fields} for key, fields in found.items()
    }


def titled(fields: Fields, titles: Mapping[str, Text]) -> Fields:
    """The same in the words of his page."""

    def called(path: str, field: FieldDefinition) -> FieldDefinition:
        columns = {name: called(f"{path}.{name}", column) for name, column in field.columns.items()}
        return field.model_copy(update={"title": titles.get(path, field.title), "columns": columns})

    return {key: {name: called(name, field) for name, field in found.items()} for key, found in fields.items()}


def typed_in(form: Form, step: Step) -> Fields:
    """What the guest himself types in."""
    invites = _of(step)
    parts = dict.fromkeys(step.fills, ()) if invites.fills is None else invites.fills
    found = {
        key: {name: field for name, field in fields.items() if field.is_typed_in and name not in invites.given}
        for key, fields in parts_of(form, parts).items()
    }
    return titled({key: fields for key, fields in found.items() if fields}, invites.titles)


def answered(form: Form, step: Step) -> Fields:
    """All that his answer fills: what he types, what follows from it, his signature."""
    invites, typed = _of(step), typed_in(form, step)
    found = {
        key: {
            name: typed.get(key, {}).get(name, field)
            for name, field in form.sections[key].fields.items()
            if name in typed.get(key, {}) or name in invites.given
        }
        for key in step.fills
    }
    return {key: fields for key, fields in found.items() if fields}


def outcomes_of(form: Form, step: Step) -> dict[str, Outcome]:
    """How he may end it: as `outcomes` says, else every way for which he can fill what it needs."""
    invites = _of(step)
    if invites.outcomes:
        known = step.all_outcomes()
        return {key: known[key] for key in invites.outcomes if key in known}
    his = {"reason", *(name for fields in answered(form, step).values() for name in fields)}
    return {key: outcome for key, outcome in step.all_outcomes().items() if his.issuperset(outcome.needs)}


def _of(step: Step) -> Invites:
    assert step.invites
    return step.invites
