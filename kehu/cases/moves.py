"""A case's moves as rows and events, and its state from either.

The engine's state of a case is read from its open tasks (`state_of`); the same state comes of the moves its events keep
(`replayed`). A test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kehu.core.models import Event
from kehu.engine import advance, withdrawal
from kehu.engine.advance import Effect, Move, NotPossible, Return, Signer, State, Token
from kehu.engine.definitions import Procedure
from kehu.engine.records import decoded

from .models import Case, Task


def state_of(case: Case, procedure: Procedure, tasks: list[Task]) -> State:
    """Where the case stands, from its rows."""

    last = max((task.closed_version or 0 for task in tasks if task.state == Task.State.HALTED), default=0)

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
        tokens=tuple(token_of(task) for task in tasks if task.is_open),
        arrived=arrived,
        data=decoded(procedure.form, case.data),
        done={(task.step, task.item): task.outcome for task in done},
        halted=tuple(
            token_of(task)
            for task in tasks
            if task.state == Task.State.HALTED and task.closed_version == last and case.status == advance.VOIDED
        ),
        paused=case.paused_at is not None,
    )


def token_of(task: Task) -> Token:
    facts = ("step", "item", "round", "returns", "signers", "held")
    return _token({name: getattr(task, name) for name in facts})


def _token(facts: Mapping[str, Any]) -> Token:
    return Token(
        facts["step"],
        facts["item"],
        facts["round"],
        tuple(Return(**back) for back in facts["returns"]),
        tuple(Signer(**signer) for signer in facts.get("signers", ())),
        facts.get("held", ""),
    )


def return_facts(back: Return) -> dict[str, str]:
    return {"step": back.step, "item": back.item, "after": back.after}


def signer_facts(signer: Signer) -> dict[str, Any]:
    side = {"side": signer.side} if signer.order == "together" else {}
    return {"who": signer.who, "order": signer.order, "agreed": signer.agreed, **side}


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
    for name in ("halted", "changed", "restored"):
        if tokens := getattr(move, name):
            facts[name] = [_token_facts(token) for token in tokens]
    if move.undone:
        facts["undone"] = [[*place, outcome] for place, outcome in move.undone.items()]
    if move.paused is not None:
        facts["paused"] = move.paused
    if move.effects:
        facts["effects"] = [[effect.step, effect.item] for effect in move.effects]
    return facts


def _token_facts(token: Token) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "step": token.step,
        "item": token.item,
        "round": token.round,
        "returns": [return_facts(back) for back in token.returns],
    }
    if token.signers:
        facts["signers"] = [signer_facts(signer) for signer in token.signers]
    if token.held:
        facts["held"] = token.held
    return facts


def replayed(procedure: Procedure, facts: Iterable[Mapping[str, Any]]) -> State:
    """The state that a case's recorded moves give."""
    state = State()
    for move in moves_of(procedure, facts):
        state = state.after(move)
    return state


def moves_of(procedure: Procedure, facts: Iterable[Mapping[str, Any]]) -> list[Move]:
    """A case's recorded moves."""
    state, moves = State(), []
    for move in facts:

        def tokens(key: str, move: Mapping[str, Any] = move) -> tuple[Token, ...]:
            return tuple(_token(one) for one in move.get(key, ()))

        closed = move.get("closed")
        moves.append(
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
                effects=tuple(Effect(*place) for place in move.get("effects", ())),
                passed=tuple(move.get("passed", ())),
                halted=tokens("halted"),
                changed=tokens("changed"),
                restored=tokens("restored"),
                undone={(step, item): outcome for step, item, outcome in move.get("undone", ())},
                paused=move.get("paused"),
            )
        )
        state = state.after(moves[-1])
    return moves


ACTS = ("task.handed_over", "task.opinion_asked")
"""What somebody does with a task and leaves no move."""


class Past:
    """What a case's events tell of its moves, read once for as many questions as there are."""

    def __init__(self, procedure: Procedure, events: Iterable[Event]):
        self.procedure, self.events = procedure, list(events)
        self.recorded = [event for event in self.events if "move" in event.facts]
        self.moves = moves_of(procedure, [event.facts["move"] for event in self.recorded])

    def taken_back(self, step: str, item: str, facts: Mapping[str, Any]) -> Move:
        """The move that takes that step's last completion back; `NotPossible` where somebody has acted on it."""
        index = withdrawal.last_of(self.moves, step, item)
        opened = {token.place for token in self.moves[index].opened}
        for event in self.events:
            place = (event.facts.get("step", ""), event.facts.get("item", ""))
            if event.sequence > self.recorded[index].sequence and event.name in ACTS and place in opened:
                raise NotPossible("order", "acted_since", step=step)
        return withdrawal.withdraw(self.procedure, self.moves, index, facts)
