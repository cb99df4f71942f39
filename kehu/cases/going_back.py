"""A case that goes back behind what it has entered in a ledger: that is taken back by an entry, so that nothing counts twice when it is done
again; and rows that the steps added to the record go, so that they are not there twice either. A case that is voided takes back all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
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
from .posting import Stays
from .refusals import EnteredAlready, EntriesWithdrawn
from .steps import STAYS as STAYING
from .steps import TAKE_BACK, WITHDRAW

ENTERED, TAKEN_BACK, STAYS = "case.entered", "case.taken_back", "case.entry_stays"
Rows = list[list[Any]]
"""Of ledgers: `[ledger, key]`."""


def undone(folder: Folder, move: Move, to: str | None, reason: str) -> Move:
    """Takes back what the case entered since the step it is reopened at was completed last; gives the move from the record as it was
    before."""
    token = move.opened[0]
    past = _past(folder)
    at = _completion(past, *token.place)
    if at is None:
        return move
    for event, rows in reversed(_entered(past, TAKE_BACK, past.recorded[at].sequence)):
        _take_back(folder, event, rows, reason)
    before = _rows_before(folder, past, at)
    state = replace(folder.state, data={**folder.state.data, **before})
    again = advance.reopen(folder.procedure, state, to, folder.facts(reason=reason))
    return replace(again, changes={**before, **again.changes})


def withdrawn(folder: Folder, reason: str) -> None:
    """Takes back all that a voided case has entered; of what can only be said anew, its history tells that it stays."""
    past = _past(folder)
    for event, rows in reversed(_entered(past, None)):
        backward = [row for row in rows if row[0] in TAKE_BACK or row[0] in WITHDRAW]
        if backward:
            _take_back(folder, event, backward, reason)
        if backward != rows:
            folder.record(STAYS, **_place(event))


def staying(folder: Folder) -> list[Stays]:
    """What the case said in ledgers and a void leaves in force."""
    ledgers = {row[0]: None for _event, rows in _entered(_past(folder), STAYING) for row in rows}
    return [STAYING[ledger] for ledger in ledgers]


def where_it_goes_on(folder: Folder, to: str | None) -> str | None:
    """A voided case that took back what it had entered goes on at the step that enters it again, or at one before."""
    past = _past(folder)
    since = max((event.sequence for event in past.events if event.name == "case.reopened"), default=0)
    gone = _gone(event for event in past.events if event.sequence > since)
    entered = [event for event in past.events if event.name == ENTERED]
    first = next((event for event in entered if any(row in gone for row in event.facts["rows"])), None)
    if first is None:
        return to
    tasks = [key for key, step in folder.procedure.steps.items() if step.kind == "task" and step.role != ("system",)]
    before = [index for index, event in enumerate(past.recorded) if event.sequence < first.sequence]
    done = [move.closed.step for index in before if (move := past.moves[index]).closed and move.outcome]
    step = next((key for key in reversed(done) if key in tasks), None)
    if step is None:
        return to
    at, last = (_completion(past, one) for one in (to or step, step))
    if at is not None and last is not None and at > last:
        raise EntriesWithdrawn(step=_title(folder, step))
    return to or step


def must_not_have_entered(folder: Folder, step: str, item: str | None) -> None:
    """A step that is sent back comes straight back here: what followed from it before is not done again."""
    past = _past(folder)
    at = _completion(past, step, item)
    if at is None:
        return
    until = past.recorded[at + 1].sequence if at + 1 < len(past.recorded) else None
    since = _entered(past, TAKE_BACK, past.recorded[at].sequence)
    if any(until is None or event.sequence < until for event, _rows in since):
        raise EnteredAlready(step=_title(folder, step))


def _past(folder: Folder) -> Past:
    return Past(folder.procedure, Event.objects.filter(stream=f"case:{folder.case.pk}").order_by("sequence"))


def _completion(past: Past, step: str, item: str | None = None) -> int | None:
    """The move that completed the step last."""
    for index in reversed(range(len(past.moves))):
        move = past.moves[index]
        if move.closed and move.outcome and move.closed.step == step and item in (None, move.closed.item):
            return index
    return None


def _entered(past: Past, ledgers: Collection[str] | None, since: int = 0) -> list[tuple[Event, Rows]]:
    """What is not taken back yet, of these ledgers or of all."""
    gone = _gone(past.events)
    found = []
    for event in past.events:
        if event.name == ENTERED and event.sequence > since:
            rows = [row for row in event.facts["rows"] if row not in gone and (ledgers is None or row[0] in ledgers)]
            found.append((event, rows))
    return [(event, rows) for event, rows in found if rows]


def _gone(events: Iterable[Event]) -> Rows:
    return [row for event in events if event.name == TAKEN_BACK for row in event.facts["rows"]]


def _take_back(folder: Folder, event: Event, rows: Rows, reason: str) -> None:
    for ledger, key in reversed(rows):
        (TAKE_BACK.get(ledger) or WITHDRAW[ledger])(key, reason, folder)
    folder.record(TAKEN_BACK, **_place(event), rows=rows)


def _place(event: Event) -> dict[str, str]:
    return {"step": event.facts["step"], "item": event.facts.get("item", "")}


def _title(folder: Folder, step: str) -> str:
    return folder.procedure.steps[step].title.in_(get_language() or "zh-hans")


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
