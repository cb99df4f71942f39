"""Taking a completion back while nobody has acted on it: the step stands again as it stood, and what it opened is gone.

The state before a move is the moves before it added up, so nothing is kept for this. Acts of others in branches that run beside it
stay: a withdrawal puts back what this one move changed, and refuses where somebody built on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .advance import OPEN, Move, NotPossible, Place, State, Token, must_be_open, reaches
from .definitions import FieldDefinition, Form, Procedure
from .records import Data, compute, key_column, row_keys, row_names


def last_of(moves: Sequence[Move], step: str, item: str) -> int:
    """The move that completed, sent back or submitted that step last."""
    for index in reversed(range(len(moves))):
        move = moves[index]
        if move.closed and move.closed.place == (step, item):
            if move.closed.held:
                raise NotPossible("order", "acted_since", step=step)
            return index
        if any(token.held and token.place == (step, item) for token in move.changed):
            return index
    raise NotPossible("order", "not_done_before", step=step, item=item)


def withdraw(procedure: Procedure, moves: Sequence[Move], index: int, facts: Mapping[str, Any]) -> Move:
    """The move that takes `moves[index]` back."""
    before = _sum(moves[:index])
    after, state = before.after(moves[index]), _sum(moves)
    must_be_open(state)
    taken, later = moves[index], moves[index + 1 :]
    step = (taken.closed or taken.changed[0]).step
    if taken.effects:
        raise NotPossible("order", "has_consequences", step=step)
    was, became, now = _by_place(before), _by_place(after), _by_place(state)
    restored = tuple(token for place, token in was.items() if place not in became)
    opened = tuple(token for place, token in became.items() if place not in was)
    changed = tuple(token for place, token in was.items() if place in became and became[place] != token)
    touched = [place for place in became if became[place] != was.get(place)]
    if (
        any(move.status != OPEN or move.round != state.round for move in later)
        or any(now.get(place) != became[place] for place in touched)
        or any(token.place in now for token in restored)
        or _joined_since(procedure, restored, later)
    ):
        raise NotPossible("order", "acted_since", step=step)
    data = _data_before(procedure.form, before.data, after.data, state.data, facts, step)
    move = Move(
        before.status,
        before.round,
        canceled=tuple(now[token.place] for token in opened),
        arrived=_arrived_before(before, after, state, step),
        changes={key: value for key, value in data.items() if state.data.get(key) != value},
        changed=changed,
        restored=restored,
        undone={taken.closed.place: before.done.get(taken.closed.place, "")} if taken.closed and taken.outcome else {},
    )
    if _without_row(procedure, state.after(move), facts) - _without_row(procedure, state, facts):
        raise NotPossible("order", "acted_since", step=step)
    return move


def _without_row(procedure: Procedure, state: State, facts: Mapping[str, Any]) -> set[Place]:
    """Steps open for a row that does not count."""
    context = {**state.data, **facts, "round": state.round}
    return {
        token.place
        for token in state.tokens
        if (each := procedure.steps[token.step].each)
        and token.item not in row_keys(procedure.form, state.data, each, context)
    }


def _sum(moves: Iterable[Move]) -> State:
    state = State()
    for move in moves:
        state = state.after(move)
    return state


def _by_place(state: State) -> dict[Place, Token]:
    return {token.place: token for token in state.tokens}


def _joined_since(procedure: Procedure, restored: Iterable[Token], later: Iterable[Move]) -> bool:
    """A join that would have waited for what stands again has gone on without it."""
    joins = {
        step
        for move in later
        for step in (*(token.step for token in move.opened), *move.passed)
        if procedure.steps[step].join
    }
    return any(reaches(procedure, token.step, join) for token in restored for join in joins)


def _arrived_before(before: State, after: State, state: State, step: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for join in dict.fromkeys([*before.arrived, *after.arrived, *state.arrived]):
        was, became = before.arrived.get(join, ()), after.arrived.get(join, ())
        added = set(became) - set(was)
        if not added <= set(state.arrived.get(join, ())):
            raise NotPossible("order", "acted_since", step=step)
        kept = [place for place in state.arrived.get(join, ()) if place not in added]
        again = [place for place in was if place not in became and place not in kept]
        if places := (*again, *kept):
            found[join] = places
    return found


# --- the record -------------------------------------------------------------------------------------------------------


class _ChangedSince(Exception):
    pass


def _data_before(form: Form, before: Data, after: Data, now: Data, facts: Mapping[str, Any], step: str) -> Data:
    """The record without what the move wrote; what others wrote meanwhile stays."""
    data = dict(now)
    for key in after:
        field = form.field(key)
        if before.get(key) == after[key] or (field and (field.computed or field.gather)):
            continue
        try:
            data[key] = _without(form, key, before.get(key), after[key], now.get(key))
        except _ChangedSince:
            raise NotPossible("order", "acted_since", step=step) from None
    return compute(form, data, facts)


def _without(form: Form, key: str, before: Any, after: Any, now: Any) -> Any:
    if now == after:
        return before
    table = form.table(key) or form.field(key)
    if table is None or table.type != "rows" or key_column(form, key) is None:
        raise _ChangedSince
    rows = [dict(zip(row_names(table, value or []), value or [], strict=True)) for value in (before, after, now)]
    if any(len(keyed) != len(value or []) for keyed, value in zip(rows, (before, after, now), strict=True)):
        raise _ChangedSince
    return list(_rows_without(table, *rows))


def _rows_without(
    table: FieldDefinition, before: Mapping[str, Any], after: Mapping[str, Any], now: Mapping[str, Any]
) -> Iterable[dict[str, Any]]:
    for key in dict.fromkeys([*now, *before]):
        was, became, is_ = before.get(key), after.get(key), now.get(key)
        if is_ == became:
            if was is not None:
                yield was
        elif was == became:
            if is_ is not None:
                yield is_
        elif was is None or became is None or is_ is None:
            raise _ChangedSince
        else:
            yield _row_without(table, was, became, is_)


def _row_without(
    table: FieldDefinition, was: Mapping[str, Any], became: Mapping[str, Any], is_: Mapping[str, Any]
) -> dict[str, Any]:
    row = dict(is_)
    for cell in {*was, *became}:
        if was.get(cell) == became.get(cell):
            continue
        column = table.columns.get(cell)
        if is_.get(cell) != became.get(cell) and not (column and column.computed):
            raise _ChangedSince
        row[cell] = was.get(cell)
    return row
