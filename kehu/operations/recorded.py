"""A case's rows against its events: what the recorded moves, played again, make of it.

Events of older versions say less (no number, no due times, no files' digests); what they do not say is not held against the rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kehu.cases.models import Attachment, Case, Suspension, Task
from kehu.cases.moves import moves_of
from kehu.core.models import Event
from kehu.engine.advance import State
from kehu.engine.definitions import Procedure
from kehu.engine.records import encoded
from kehu.procedures import revisions

from .archive import Problem

_Span = tuple[str, datetime, datetime | None]
"""A clock, since when it stood still, and until when; None: it still does."""


@dataclass
class _Told:
    """A task as the events tell it."""

    step: str
    item: str
    round: int
    returns: list[dict[str, str]]
    opened_at: datetime
    state: str = "open"
    closed_at: datetime | None = None
    outcome: str = ""
    reason: str = ""
    filled: dict[str, Any] = field(default_factory=dict)
    done_by: str = ""
    held: str = ""


def case_problems(
    case: Case,
    events: Sequence[Event],
    tasks: Sequence[Task],
    attachments: Sequence[Attachment],
    suspensions: Sequence[Suspension],
    members: Mapping[int, str],
) -> Iterator[Problem]:
    """What the case's rows say otherwise than its events. `members`: keys by id."""
    place = f"case {case.number}"
    moves = [event for event in events if "move" in event.facts]
    if not moves:
        yield Problem(place, "no event tells how it opened")
        return
    try:
        procedure = revisions.running(case.revision).procedure
        states = list(_states(procedure, moves))
    except Exception as error:
        yield Problem(place, f"its events cannot be played again ({type(error).__name__}: {error})")
        return
    state, opening = states[-1], events[0].facts
    told = {
        "status": state.status,
        "round": state.round,
        "opened_at": events[0].at,
        "events": len(events),
        **{name: opening[name] for name in ("number", "procedure") if name in opening},
    }
    if "number" in opening:
        told |= {"customer": opening.get("customer"), "opener": opening.get("opener")}
    is_now = {
        "status": case.status,
        "round": case.round,
        "opened_at": case.opened_at,
        "events": case.events,
        "number": case.number,
        "procedure": case.procedure.key,
        "customer": case.customer.code if case.customer else None,
        "opener": case.opener.key if case.opener else None,
    }
    for name, value in told.items():
        if is_now[name] != value:
            yield Problem(place, f"{name} is {_shown(is_now[name])}; its events say {_shown(value)}")
    yield from _data_problems(place, case.data, encoded(state.data))
    yield from _task_problems(place, _told_tasks(moves), [task for task in tasks if task.kind != "join"], members)
    yield from _due_problems(place, events, tasks)
    yield from _suspension_problems(place, _told_suspensions(procedure, moves, states), suspensions)
    yield from _attachment_problems(place, events, attachments)


def _states(procedure: Procedure, moves: Sequence[Event]) -> Iterator[State]:
    """The case's state after each of its moves."""
    state = State()
    for move in moves_of(procedure, [event.facts["move"] for event in moves]):
        state = state.after(move)
        yield state


def _data_problems(place: str, data: Mapping[str, Any], told: Mapping[str, Any]) -> Iterator[Problem]:
    for key in sorted(data.keys() | told.keys()):
        if data.get(key) != told.get(key):
            yield Problem(
                f"{place}, field {key}", f"is {_shown(data.get(key))}; its events say {_shown(told.get(key))}"
            )


def _told_tasks(moves: Sequence[Event]) -> list[_Told]:
    found: list[_Told] = []

    def at(step: str, item: str, *, is_open: bool = True) -> _Told | None:
        """The last that stood there, open or not."""
        there = (one for one in found if (one.step, one.item) == (step, item) and (one.state == "open") == is_open)
        return max(there, key=lambda one: one.closed_at or one.opened_at, default=None)

    for event in moves:
        move = event.facts["move"]
        if (closed := move.get("closed")) and (task := at(*closed)):
            task.state = "done" if move.get("outcome") else "sent_back"
            task.closed_at, task.outcome = event.at, move.get("outcome", "")
            if not task.held or task.held != task.outcome:  # otherwise it stays his who completed it
                _filled(task, event)
            task.held = ""
        for one in move.get("changed", ()):
            if task := at(one["step"], one["item"]):
                if one.get("held") and not task.held:
                    _filled(task, event)
                elif task.held and not one.get("held"):
                    _emptied(task)
                task.held = one.get("held", "")
        for step, item in move.get("canceled", ()):
            if task := at(step, item):
                task.state, task.closed_at, task.held = ("halted" if move.get("halted") else "canceled"), event.at, ""
        for one in move.get("restored", ()):
            if task := at(one["step"], one["item"], is_open=False):
                task.state, task.closed_at, task.outcome, task.held = "open", None, "", ""
                _emptied(task)
        found += [
            _Told(one["step"], one["item"], move["round"], one["returns"], event.at) for one in move.get("opened", ())
        ]
    return found


def _filled(task: _Told, event: Event) -> None:
    """Somebody completed it, though it may still wait for who signs after."""
    task.done_by, task.reason = event.by, event.facts.get("reason", "")
    task.filled = event.facts["move"].get("filled", {})


def _emptied(task: _Told) -> None:
    """It is to be completed anew."""
    task.done_by, task.reason, task.filled = "", "", {}


def _task_problems(
    place: str, told: Sequence[_Told], tasks: Sequence[Task], members: Mapping[int, str]
) -> Iterator[Problem]:
    for number, expected in enumerate(told):
        if number >= len(tasks):
            yield Problem(f"{place}, task {expected.step}", "its row is missing")
            return
        task = tasks[number]
        for name, value in vars(expected).items():
            actual = members.get(task.done_by_id or 0, "") if name == "done_by" else getattr(task, name)
            if actual != value:
                what = f"{name} is {_shown(actual)}; the events say {_shown(value)}"
                yield Problem(f"{place}, task {expected.step}{f'[{expected.item}]' if expected.item else ''}", what)
                break
    for task in tasks[len(told) :]:
        yield Problem(f"{place}, task {task}", "no event opened it")


def _due_problems(place: str, events: Sequence[Event], tasks: Sequence[Task]) -> Iterator[Problem]:
    """The due time of every open task, as it was counted last."""
    told: dict[tuple[str, str], str | None] = {}
    for event in events:
        if isinstance(event.facts.get("due"), list):
            told |= {(step, item): at for step, item, at in event.facts["due"]}
    for task in tasks:
        place_of_task = (task.step, task.item)
        if not task.is_open or place_of_task not in told:
            continue
        expected = told[place_of_task]
        if task.due_at != (datetime.fromisoformat(expected) if expected else None):
            yield Problem(
                f"{place}, task {task}", f"due_at is {_shown(task.due_at)}; its events say {_shown(expected)}"
            )


def _told_suspensions(procedure: Procedure, moves: Sequence[Event], states: Sequence[State]) -> list[_Span]:
    """When which clock stood still, in the order in which it began to: every clock while the case was paused (its key is then
    empty), one while a step that pauses it was open."""
    found: list[_Span] = []
    stands: dict[str, int] = {}
    pausing = {"": None, **{key: set(clock.paused_by) for key, clock in procedure.clocks.items() if clock.paused_by}}
    for event, state in zip(moves, states, strict=True):
        open_steps = {token.step for token in state.tokens}
        for clock, steps in pausing.items():
            is_standing = bool(state.paused) if steps is None else bool(steps & open_steps)
            if is_standing and clock not in stands:
                stands[clock] = len(found)
                found.append((clock, event.at, None))
            elif not is_standing and clock in stands:
                number = stands.pop(clock)
                found[number] = (clock, found[number][1], event.at)
    return found


def _suspension_problems(place: str, told: Sequence[_Span], suspensions: Sequence[Suspension]) -> Iterator[Problem]:
    there = [(row.clock, row.started_at, row.ended_at) for row in suspensions]
    for what, spans in (
        ("stood still {}; no row tells", Counter(told) - Counter(there)),
        ("stood still {}; no event tells", Counter(there) - Counter(told)),
    ):
        for clock, since, until in spans:
            when = f"from {since.isoformat()} until {until.isoformat() if until else 'now'}"
            yield Problem(f"{place}, {f'clock {clock}' if clock else 'all clocks'}", what.format(when))


def _attachment_problems(place: str, events: Sequence[Event], attachments: Sequence[Attachment]) -> Iterator[Problem]:
    there = {attachment.name: attachment for attachment in attachments}
    for event in events:
        if event.name != "case.file_added":
            continue
        digests = event.facts.get("digests") or []
        for number, name in enumerate(event.facts.get("names", ())):
            if name not in there:
                yield Problem(f"{place}, file “{name}”", f"its row is missing; event {event.sequence} added it")
            elif number < len(digests) and there[name].stored.digest != digests[number]:
                yield Problem(f"{place}, file “{name}”", f"is another file than event {event.sequence} added")


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
