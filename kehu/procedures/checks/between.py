"""Procedures among one another: cases that open cases and wait for them; what a step asks of an operation."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from kehu.engine.definitions import Opening, Step

from ..names import impossible_texts, impossible_value, unknown_names
from ..shapes import place_words
from ..sources import Place, listed
from .written import ENDED, VOIDED, Problems, Written


def between_procedures(one: Written, written: Mapping[str, Written]) -> Problems:
    for place, _, opening in one.openings():
        if opening.procedure not in one.loaded.folders:
            message = f'{place_words(place[:-1])} "{opening.procedure}", a procedure that does not exist.'
            remedy = listed("Procedures here", one.loaded.folders, opening.procedure)
            yield one.found((*place, "procedure"), message, remedy)
        elif opening.procedure in written:
            yield from _opening(one, place, opening, written[opening.procedure])
    for key, step in one.steps.items():
        if step.wait and step.wait.case:
            yield from _case_waited_for(one, key, step, step.wait.case, written)


def _opening(one: Written, place: Place, opening: Opening, other: Written) -> Problems:
    for key, text in opening.with_.items():
        at = (*place, "with", key)
        if key not in other.fields and key != "customer":
            message = f'{place_words(place[:-1])} "{other.key}" with field "{key}", which that form does not have.'
            yield one.found(at, message, listed("Fields there", other.fields, key))
        for message, remedy in impossible_value(key, text, other.fields.get(key), one.pack.departments):
            yield one.found(at, f"{place_words(at)}: {message}", remedy)
    for end, then in opening.when_it_ends.items():
        at = (*place, "when_it_ends", end)
        if end not in other.ends and end != VOIDED:
            message = f'{place_words(place[:-1])}: procedure "{other.key}" has no end "{end}".'
            yield one.found(at, message, listed("Ends there", [*other.ends, VOIDED], end))
        step = one.steps.get(then.complete)
        if step is None:
            message = f'{place_words(at)} completes step "{then.complete}", which does not exist.'
            yield one.found((*at, "complete"), message, listed("Steps here", one.steps, then.complete))
        elif then.outcome and then.outcome not in step.all_outcomes():
            message = f'{place_words(at)}: step "{then.complete}" has no outcome "{then.outcome}".'
            yield one.found((*at, "outcome"), message, listed("Its outcomes", step.all_outcomes(), then.outcome))
        for key, text in then.with_.items():
            if key not in one.fields:
                message = f'{place_words(at)} fills "{key}", which is no field here.'
                yield one.found((*at, "with", key), message, listed("Fields here", one.fields, key))
            scope = other.register_scope
            for message, remedy in (*unknown_names(text, scope), *impossible_texts(text, scope, one.pack.departments)):
                yield one.found(
                    (*at, "with", key), f'{place_words((*at, "with", key))} (over "{other.key}"): {message}', remedy
                )


def _case_waited_for(one: Written, key: str, step: Step, case: str, written: Mapping[str, Written]) -> Problems:
    if case not in one.loaded.folders:
        message = f'step "{key}" waits for procedure "{case}", which does not exist.'
        yield one.found(("steps", key, "wait", "case"), message, listed("Procedures here", one.loaded.folders, case))
    elif case in written:
        if one.procedure.switched_on and not written[case].procedure.switched_on:
            message = f'step "{key}" waits for "{case}", which is switched off: no case of it is opened.'
            yield one.found(("steps", key, "wait", "case"), message, "Switch this procedure off, too, or that one on.")
        known = [*written[case].ends, ENDED, VOIDED]
        for name in step.outcomes:
            if name not in known:
                message = f'step "{key}" waits for "{case}", which never ends with "{name}".'
                yield one.found(("steps", key, "outcomes", name), message, listed("Its ends", known, name))


def operations_known(one: Written, operations: Collection[str]) -> Problems:
    for key, step in one.steps.items():
        named: list[tuple[Place, str]] = [(("steps", key, "does"), step.does)] if step.does else []
        named += [(("steps", key, "asks", index, "does"), ask.does) for index, ask in enumerate(step.asks)]
        for place, name in named:
            if name not in operations:
                message = f'step "{key}" does "{name}", which is no operation.'
                yield one.found(place, message, listed("Operations", sorted(operations), name))
