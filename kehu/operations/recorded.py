"""A case's rows against its events: what the recorded moves, played again, make of it.

Events of older versions say less (no number, no due times, no files' digests, not who has a task or what comes when); what they do
not say is not held against the rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from kehu.cases.models import Assignment, Attachment, Case, Deadline, Invitation, Suspension, Task
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
    guest: dict[str, Any] = field(default_factory=dict)
    """Somebody outside who completed it by a link."""
    held: str = ""


class Rows(NamedTuple):
    """What is kept of one case beside itself."""

    tasks: Sequence[Task]
    attachments: Sequence[Attachment]
    suspensions: Sequence[Suspension]
    assignments: Sequence[Assignment]
    deadlines: Sequence[Deadline]
    invitations: Sequence[Invitation]


def case_problems(case: Case, events: Sequence[Event], rows: Rows, members: Mapping[int, str]) -> Iterator[Problem]:
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
        given = [event.facts["customer"] for event in events if event.name == "case.customer_set"]
        told |= {"customer": (given or [opening.get("customer")])[-1], "opener": opening.get("opener")}
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
    yield from _task_problems(place, _told_tasks(moves), [task for task in rows.tasks if task.kind != "join"], members)
    yield from _due_problems(place, events, rows.tasks)
    yield from _holder_problems(place, events, rows.tasks, rows.assignments, members)
    if state.is_open:
        yield from _instant_problems(place, events, rows.tasks, rows.deadlines)
        going = {key for key, clock in procedure.clocks.items() if state.data.get(clock.until) is None}
        yield from _clock_problems(place, events, going, rows.deadlines)
    yield from _suspension_problems(place, _told_suspensions(procedure, moves, states), rows.suspensions)
    yield from _attachment_problems(place, events, rows.attachments)
    yield from _invitation_problems(place, events, rows.invitations)


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
    task.guest = event.facts.get("guest", {})


def _emptied(task: _Told) -> None:
    """It is to be completed anew."""
    task.done_by, task.reason, task.filled, task.guest = "", "", {}, {}


def _task_problems(
    place: str, told: Sequence[_Told], tasks: Sequence[Task], members: Mapping[int, str]
) -> Iterator[Problem]:
    for number, expected in enumerate(told):
        if number >= len(tasks):
            yield Problem(f"{place}, task {expected.step}", "its row is missing")
            return
        task = tasks[number]
        for name, value in vars(expected).items():
            actual = (
                members.get(task.done_by_id or 0, "")
                if name == "done_by"
                else task.acting.get("guest", {})
                if name == "guest"
                else getattr(task, name)
            )
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


_Place = tuple[str, str]
_Parts = dict[str, set[str]]
"""Part of a task (to do, sign or advise on) -> the members who have it."""


def _told_holders(events: Sequence[Event]) -> dict[_Place, _Parts]:
    """Who has what of each place, as far as events tell: only of what was opened since they do."""
    found: dict[_Place, _Parts] = {}
    for event in events:
        move = event.facts.get("move") or {}
        for step, item in [*([move["closed"]] if move.get("closed") else ()), *move.get("canceled", ())]:
            found.pop((step, item), None)
        given = event.facts.get("given", ())
        begun = {(one["step"], one["item"]) for name in ("opened", "restored") for one in move.get(name, ())}
        found |= {place: {} for place in begun & {(step, item) for step, item, *_rest in given}}
        for step, item, part, keys in event.facts.get("taken", ()):
            if parts := found.get((step, item)):
                parts[part] = set() if keys is None else parts.get(part, set()) - set(keys)
        for step, item, part, keys in given:
            if (step, item) in found:
                found[step, item].setdefault(part, set()).update(keys)
    return found


def _holder_problems(
    place: str,
    events: Sequence[Event],
    tasks: Sequence[Task],
    assignments: Sequence[Assignment],
    members: Mapping[int, str],
) -> Iterator[Problem]:
    """In whose inbox each open task is."""
    told = _told_holders(events)
    for task in tasks:
        expected = told.get((task.step, task.item))
        if not task.is_open or task.kind != "task" or expected is None:
            continue
        actual: _Parts = {}
        for row in assignments:
            if row.task_id == task.pk and row.is_open:
                actual.setdefault(row.part, set()).add(members.get(row.member_id, ""))
        for part in sorted(actual.keys() | expected.keys()):
            mine, theirs = sorted(actual.get(part, ())), sorted(expected.get(part, ()))
            if mine != theirs:
                yield Problem(
                    f"{place}, task {task}", f"to {part} is with {_shown(mine)}; its events say {_shown(theirs)}"
                )


_Instant = tuple[str, int, str, datetime]
"""Kind, rung, row, moment."""


def _told_instants(facts: Sequence[Sequence[Any]]) -> list[_Instant]:
    return [(kind, rung, row, datetime.fromisoformat(at)) for kind, rung, row, at in facts]


def _instant_problems(
    place: str, events: Sequence[Event], tasks: Sequence[Task], deadlines: Sequence[Deadline]
) -> Iterator[Problem]:
    """What is still to come of each open task, and that what has come was told."""
    told: dict[_Place, list[_Instant]] = {}
    for event in events:
        for one in (event.facts.get("move") or {}).get("opened", ()):
            told.pop((one["step"], one["item"]), None)
        told |= {(step, item): _told_instants(facts) for step, item, facts in event.facts.get("instants", ())}
        for step, item, facts in event.facts.get("again", ()):
            if (step, item) in told:
                told[step, item] += _told_instants([facts])
    fired = {
        (event.facts.get("step"), event.facts.get("item", ""), event.facts.get("rung"), event.at)
        for event in events
        if event.name in ("task.reminder", "task.repeated", "task.overdue", "task.escalated")
    }
    for task in tasks:
        expected = told.get((task.step, task.item))
        if not task.is_open or expected is None:
            continue
        rows = [row for row in deadlines if row.task_id == task.pk]
        said = {row.pk for row in rows if (task.step, task.item, row.rung, row.fired_at) in fired}
        yield from _compared(f"{place}, task {task}", expected, rows, said)


def _clock_problems(
    place: str, events: Sequence[Event], going: Collection[str], deadlines: Sequence[Deadline]
) -> Iterator[Problem]:
    """The same of the clocks that run with a ladder of their own."""
    told: dict[str, list[_Instant]] = {}
    for event in events:
        told |= {key: _told_instants(facts) for key, facts in event.facts.get("clock_instants", {}).items()}
        for _step, _item, facts in event.facts.get("again", ()):
            if facts[2] in told:
                told[facts[2]] += _told_instants([facts])
    fired = {
        (event.facts.get("clock"), event.facts.get("rung"), event.at)
        for event in events
        if event.name.startswith("clock.")
    }
    for key in sorted(told.keys() & set(going)):
        rows = [row for row in deadlines if row.kind == Deadline.Kind.CLOCK and row.row == key]
        said = {row.pk for row in rows if (key, row.rung, row.fired_at) in fired}
        yield from _compared(f"{place}, clock {key}", told[key], rows, said)


def _compared(
    place: str, expected: Sequence[_Instant], rows: Sequence[Deadline], said: Collection[int]
) -> Iterator[Problem]:
    """`said`: the rows of which an event tells that they have come."""
    by_instant: dict[_Instant, list[Deadline]] = {}
    for row in rows:
        by_instant.setdefault((row.kind, row.rung, row.row, row.at), []).append(row)
    for instant in expected:
        kind, rung, _row, at = instant
        words = f"{kind} {rung} of {at.isoformat()}"
        there = by_instant.get(instant)
        if not there:
            yield Problem(place, f"its instant ({words}) is missing")
        elif not any(row.active or row.error or row.pk in said or _is_silent(row) for row in there):
            yield Problem(place, f"its instant ({words}) was put out; no event tells that it came")
    for instant, there in by_instant.items():
        if instant not in expected and any(row.active for row in there):
            yield Problem(
                place, f"no event planned its instant ({instant[0]} {instant[1]} of {instant[3].isoformat()})"
            )


def _is_silent(row: Deadline) -> bool:
    """A watched row that was seen to, and the end of a wait, leave no event of their own."""
    return row.kind in (Deadline.Kind.WATCH, Deadline.Kind.WAIT) and row.fired_at is not None


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


def _invitation_problems(place: str, events: Sequence[Event], invitations: Sequence[Invitation]) -> Iterator[Problem]:
    """Every link of which an event tells, as it tells; and none besides."""
    told: dict[int, dict[str, Any]] = {}
    for event in events:
        facts = event.facts
        if event.name == "invitation.made":
            expires_at = datetime.fromisoformat(facts["expires_at"])
            told[facts["invitation"]] = {
                "name": facts["invited"],
                "address": facts.get("mail", ""),
                "expires_at": expires_at,
                **dict.fromkeys(("opened_at", "used_at", "revoked_at")),
            }
            for former in told.keys() & set(facts.get("replaces", ())):
                told[former]["revoked_at"] = event.at
        elif event.name in ("invitation.opened", "invitation.revoked") and facts["invitation"] in told:
            told[facts["invitation"]][event.name.partition(".")[2] + "_at"] = event.at
        elif event.name in ("task.completed", "task.submitted") and facts.get("guest", {}).get("invitation") in told:
            told[facts["guest"]["invitation"]]["used_at"] = event.at
    there = {one.pk: one for one in invitations}
    for key, expected in told.items():
        if key not in there:
            yield Problem(f"{place}, link {key}", "its row is missing")
            continue
        for name, value in expected.items():
            if (actual := getattr(there[key], name)) != value:
                yield Problem(f"{place}, link {key}", f"{name} is {_shown(actual)}; its events say {_shown(value)}")
    for key in there.keys() - told.keys():
        yield Problem(f"{place}, link {key}", "no event made it")


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
