"""The way through the steps: every one reached, none a dead end, every end in reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kehu.engine.definitions import Step

from ..shapes import place_words
from ..sources import listed
from .rules import limit_read
from .written import ELAPSED, Check, Problems, Written


def _targets_exist(one: Written) -> Problems:
    for place, _, branch in one.branches():
        if branch.target not in one.steps:
            at = "else" if branch.otherwise else "to"
            message = f'{place_words(place[:-2])} leads to step "{branch.target}", which does not exist.'
            yield one.found((*place, at), message, listed("Steps here", one.steps, branch.target))
    for key, step in one.steps.items():
        for index, name in enumerate(step.approves):
            if name not in one.steps:
                message = f'step "{key}" approves step "{name}", which does not exist.'
                yield one.found(("steps", key, "approves", index), message, listed("Steps here", one.steps, name))
    for place, late, name in one.opened_beside():
        where = place_words(place[:2])
        if name not in one.steps:
            message = f'{where} lets the clock open step "{name}", which does not exist.'
            yield one.found(place, message, listed("Steps here", one.steps, name))
        elif not one.steps[name].beside and not _for_the_same_rows(one, late, name):
            message = f'{where} lets the clock open step "{name}", which is not `beside`.'
            remedy = (
                f'Add `beside: true` to "{name}": it runs next to the flow. A step `each` of the same rows needs none.'
            )
            yield one.found(place, message, remedy)


def _for_the_same_rows(one: Written, late: str | None, name: str) -> bool:
    each = one.steps[name].each
    return each is not None and late in one.steps and one.steps[str(late)].each == each


def _all_reached(one: Written) -> Problems:
    first = one.procedure.first_step
    links = {key: list(step.targets()) for key, step in one.steps.items()}
    for _, key, name in one.opened_beside():
        links[key or first].append(name)
    reached = _reached(first, links)
    for key in one.steps:
        if key not in reached:
            remedy = "Let an outcome lead to it (`next:`), a ladder open it (`opens:`), or delete it."
            yield one.found(("steps", key), f'nothing reaches step "{key}".', remedy)


def _ends_reached(one: Written) -> Problems:
    if not one.ends:
        remedy = "Add one, as in\n  closed:\n    title: {zh: 已结案, en: Closed}\n    end: true"
        yield one.found(("steps",), "no step is an end, so a case could never end.", remedy)
        return
    links = {key: list(step.targets()) for key, step in one.steps.items()}
    stuck = []
    for key, step in one.steps.items():
        yield from _dead_ends(one, key, step)
        reached = _reached(key, links)
        # What leads nowhere, or to a missing step, is said there.
        is_whole = all(name in links and (links[name] or name in one.ends) for name in reached)
        if not step.beside and is_whole and not reached & set(one.ends):
            stuck.append(key)
    if stuck:
        steps = ", ".join(f'"{key}"' for key in stuck)
        message = f"from step{'s' if stuck[1:] else ''} {steps} no end is reached: a case could never end."
        yield one.found(("steps", stuck[0]), message, f"Let an outcome lead on. Ends here: {', '.join(one.ends)}.")


def _dead_ends(one: Written, key: str, step: Step) -> Problems:
    if step.beside or step.end:
        return
    remedy = f"Write `next: STEP`, or `beside: true` where it runs next to the flow. Ends here: {', '.join(one.ends)}."
    if not step.outcomes and not step.next:
        yield one.found(("steps", key, "next"), f'step "{key}" leads nowhere.', remedy)
    for name, outcome in step.outcomes.items():
        if not outcome.next:
            place = ("steps", key, "outcomes", name)
            yield one.found(place, f"{place_words(place)} leads nowhere.", remedy)


def _joins(one: Written) -> Problems:
    ways: dict[str, list[Step]] = {key: [] for key in one.steps}
    for step in one.steps.values():
        for target in set(step.targets()):
            ways.get(target, []).append(step)
    for key, step in one.steps.items():
        many = any(way.each for way in ways[key])
        if step.join is None or many:
            continue
        place = ("steps", key, "join")
        if len(ways[key]) == 1:
            yield one.found(place, f'step "{key}" joins branches, but only one way leads to it.', "Delete `join:`.")
        elif isinstance(step.join, int) and step.join > len(ways[key]):
            message = f'step "{key}" waits for {step.join} branches, but {len(ways[key])} lead to it.'
            yield one.found(place, message, f"Write `join: all`, or a number up to {len(ways[key])}.")


def _waits(one: Written) -> Problems:
    for key, step in one.steps.items():
        if not step.wait:
            continue
        yield from limit_read(one, ("steps", key, "wait", "for"), step.wait.for_, one.scope(step))
        if step.wait.for_ and step.outcomes and ELAPSED not in step.outcomes:
            message = f'step "{key}" waits for a time, but has no outcome `{ELAPSED}` for when it is over.'
            yield one.found(("steps", key, "outcomes"), message, f"Name the outcome `{ELAPSED}`.")


def _reached(origin: str, links: Mapping[str, Iterable[str]]) -> set[str]:
    seen, front = {origin}, [origin]
    while front:
        for target in links.get(front.pop(), ()):
            if target not in seen:
                seen.add(target)
                front.append(target)
    return seen


CHECKS: tuple[Check, ...] = (
    _targets_exist,
    _all_reached,
    _ends_reached,
    _joins,
    _waits,
)
