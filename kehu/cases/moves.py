"""A case's moves as rows and events, and its state from either.

The engine's state of a case is read from its open tasks (`state_of`); the same state comes of the moves its events keep
(`replayed`). A test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kehu.engine import advance
from kehu.engine.advance import Move, Return, State, Token
from kehu.engine.definitions import Procedure
from kehu.engine.records import decoded

from .models import Case, Task


def state_of(case: Case, procedure: Procedure, tasks: list[Task]) -> State:
    """Where the case stands, from its rows."""

    def tokens(state: str) -> tuple[Token, ...]:
        return tuple(
            Token(task.step, task.item, task.round, tuple(Return(**back) for back in task.returns))
            for task in tasks
            if task.state == state
        )

    arrived: dict[str, tuple[str, ...]] = {}
    for task in tasks:
        if task.state == Task.State.ARRIVED:
            arrived[task.step] = (*arrived.get(task.step, ()), task.item)
    done = sorted(
        (task for task in tasks if task.state == Task.State.DONE),
        key=lambda task: (task.closed_version or 0, task.pk or 0),
    )
    return State(
        status=case.status,
        round=case.round,
        tokens=tokens(Task.State.OPEN),
        arrived=arrived,
        data=decoded(procedure.form, case.data),
        done={(task.step, task.item): task.outcome for task in done},
        halted=tokens(Task.State.HALTED) if case.status == advance.VOIDED else (),
    )


def return_facts(back: Return) -> dict[str, str]:
    return {"step": back.step, "item": back.item, "after": back.after}


def as_facts(move: Move) -> dict[str, Any]:
    """A move as an event keeps it: enough to make the state again."""
    facts: dict[str, Any] = {"status": move.status, "round": move.round, "changes": move.changes}
    if move.filled:
        facts["filled"] = move.filled
    if move.closed:
        facts |= {"closed": [move.closed.step, move.closed.item], "outcome": move.outcome}
    if move.opened:
        facts["opened"] = [_token_facts(token) for token in move.opened]
    if move.canceled:
        facts["canceled"] = [[token.step, token.item] for token in move.canceled]
    if move.arrived:
        facts["arrived"] = {step: list(places) for step, places in move.arrived.items()}
    if move.passed:
        facts["passed"] = list(move.passed)
    if move.halted:
        facts["halted"] = [_token_facts(token) for token in move.halted]
    return facts


def _token_facts(token: Token) -> dict[str, Any]:
    return {
        "step": token.step,
        "item": token.item,
        "round": token.round,
        "returns": [return_facts(back) for back in token.returns],
    }


def replayed(procedure: Procedure, facts: list[Mapping[str, Any]]) -> State:
    """The state that a case's recorded moves give."""
    state = State()
    for move in facts:

        def tokens(key: str, move: Mapping[str, Any] = move) -> tuple[Token, ...]:
            return tuple(
                Token(one["step"], one["item"], one["round"], tuple(Return(**back) for back in one["returns"]))
                for one in move.get(key, ())
            )

        closed = move.get("closed")
        state = state.after(
            Move(
                status=move["status"],
                round=move["round"],
                closed=state.token(*closed) if closed else None,
                outcome=move.get("outcome", ""),
                opened=tokens("opened"),
                canceled=tuple(token for place in move.get("canceled", ()) if (token := state.token(*place))),
                arrived={step: tuple(places) for step, places in move.get("arrived", {}).items()},
                filled=decoded(procedure.form, move.get("filled", {})),
                changes=decoded(procedure.form, move["changes"]),
                halted=tokens("halted"),
            )
        )
    return state
