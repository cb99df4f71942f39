"""What somebody invited by a link reads, fills and may choose, as a step's `invites:` says it."""

from __future__ import annotations

from collections.abc import Mapping

from .definitions import FieldDefinition, Form, Invites, Outcome, Step

Fields = dict[str, dict[str, FieldDefinition]]
"""Section -> its fields by key."""

NOT_FOR_GUESTS = ("user", "people", "department", "customer")
"""What is chosen among our own people and customers, which are nobody else's to read."""


def parts_of(form: Form, parts: Mapping[str, tuple[str, ...]]) -> Fields:
    """The fields that are meant, in the form's order."""
    return {
        key: {name: field for name, field in form.sections[key].fields.items() if not parts[key] or name in parts[key]}
        for key in form.sections
        if key in parts
    }


def typed_in(form: Form, step: Step) -> Fields:
    """What the guest himself types in."""
    invites = _of(step)
    parts = dict.fromkeys(step.fills, ()) if invites.fills is None else invites.fills
    found = {
        key: {name: field for name, field in fields.items() if field.is_typed_in and name not in invites.given}
        for key, fields in parts_of(form, parts).items()
    }
    return {key: fields for key, fields in found.items() if fields}


def answered(form: Form, step: Step) -> Fields:
    """All that his answer fills: what he types, what follows from it, his signature."""
    invites, typed = _of(step), typed_in(form, step)
    found = {
        key: {
            name: field
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
