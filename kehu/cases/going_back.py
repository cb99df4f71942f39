"""A case that goes back behind what it has entered in a ledger: that is taken back by an entry, so that nothing counts twice when it is done
again; and rows that the steps added to the record go, so that they are not there twice either."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from django.utils.translation import get_language

from kehu.core.models import Event
from kehu.engine import advance
from kehu.engine.advance import Move, State
from kehu.engine.definitions import Step
from kehu.engine.records import Data

from .folder import Folder
from .moves import Past
from .refusals import EnteredAlready
from .steps import TAKE_BACK

ENTERED, TAKEN_BACK = "case.entered", "case.taken_back"


def undone(folder: Folder, move: Move, to: str | None, reason: str) -> Move:
    """Takes back what the case entered since the step it is reopened at was completed last; gives the move from the record as it was
    before."""
    token = move.opened[0]
    past = _past(folder)
    at = _completion(past, *token.place)
    if at is None:
        return move
    for event in reversed(_entered_since(past, past.recorded[at].sequence)):
        for ledger, key in reversed(event.facts["rows"]):
            TAKE_BACK[ledger](key, reason, folder)
        folder.record(TAKEN_BACK, step=event.facts["step"], item=event.facts.get("item", ""), rows=event.facts["rows"])
    before = _rows_before(folder, past, at)
    state = replace(folder.state, data={**folder.state.data, **before})
    again = advance.reopen(folder.procedure, state, to, folder.facts(reason=reason))
    return replace(again, changes={**before, **again.changes})


def must_not_have_entered(folder: Folder, step: str, item: str | None) -> None:
    """A step that is sent back comes straight back here: what followed from it before is not done again."""
    past = _past(folder)
    at = _completion(past, step, item)
    if at is None:
        return
    until = past.recorded[at + 1].sequence if at + 1 < len(past.recorded) else None
    if any(until is None or event.sequence < until for event in _entered_since(past, past.recorded[at].sequence)):
        title = folder.procedure.steps[step].title
        raise EnteredAlready(step=title.in_(get_language() or "zh-hans"))


def _past(folder: Folder) -> Past:
    return Past(folder.procedure, Event.objects.filter(stream=f"case:{folder.case.pk}").order_by("sequence"))


def _completion(past: Past, step: str, item: str | None = None) -> int | None:
    """The move that completed the step last."""
    for index in reversed(range(len(past.moves))):
        move = past.moves[index]
        if move.closed and move.outcome and move.closed.step == step and item in (None, move.closed.item):
            return index
    return None


def _entered_since(past: Past, sequence: int) -> list[Event]:
    """What is not taken back yet."""
    gone = [row for event in past.events if event.name == TAKEN_BACK for row in event.facts["rows"]]
    return [
        event for event in past.events
        if event.name == ENTERED and event.sequence > sequence and not any(row in gone for row in event.facts["rows"])
    ]  # fmt: skip


def _rows_before(folder: Folder, past: Past, at: int) -> Data:
    """The tables to which the steps completed since have added rows, as they were before."""
    state = State()
    for move in past.moves[:at]:
        state = state.after(move)
    steps = (folder.procedure.steps[move.closed.step] for move in past.moves[at:] if move.closed and move.outcome)
    form = folder.procedure.form
    names = {name for step in steps for name in _added_to(step) if (table := form.table(name)) and table.system}
    return {name: state.data.get(name) for name in names}


def _added_to(step: Step) -> Iterator[str]:
    sets: Sequence[Any] = (step.sets, *(outcome.sets for outcome in step.all_outcomes().values()))
    for each in sets:
        for name, change in each.items():
            if isinstance(change, (list, tuple)) and any(getattr(one, "add", None) for one in change):
                yield name
