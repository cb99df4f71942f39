"""What is under document control: every form that the procedures in force hold."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kehu.core.models import Organization
from kehu.engine.definitions import Part

from . import revisions


@dataclass(frozen=True)
class ControlledForm:
    number: str
    part: Part
    home: str
    """The procedure it belongs to: whose own form it is, or the first whose record holds it."""
    procedures: tuple[str, ...]
    """All whose records hold it, its home first."""


def forms_of(organization: Organization) -> list[ControlledForm]:
    """By their numbers; `F9` stands before `F10`."""
    holders: dict[str, list[str]] = {}
    procedures = revisions.procedures_of(organization)
    for key, running in sorted(procedures.items()):
        form = running.procedure.form
        for number in form.numbers:
            found = holders.setdefault(number, [])
            found.insert(0 if number == form.number else len(found), key)
    forms = [
        ControlledForm(number, procedures[keys[0]].procedure.form.part(number), keys[0], tuple(keys))
        for number, keys in holders.items()
    ]
    return sorted(forms, key=lambda one: _natural(one.number))


def _natural(number: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", number)]
