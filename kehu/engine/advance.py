"""How a case may move: a procedure, where the case stands and what somebody does, in; what changes, out.

A case stands where its tokens rest. A *token* is a step somebody (or the clock) still has to complete, for one row where the
step is `each`. Every act is answered with a `Move`, and a state is nothing but its moves added up (`State.after`), so the moves
of a case, kept as its events, give its state again.

How branches meet: a step with `join` opens when no open step can still reach it (any: with the first branch; n: with the nth).
That one rule serves plain parallel branches, rows that are added while others are under way, and rows that make a detour.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from .definitions import Branch, Each, Opening, Outcome, Procedure, Step
from .records import (
    Data,
    compute,
    emptied_for_round,
    filled,
    holds,
    merged_rows,
    row_keys,
    rows_of,
    typed,
    value_of,
    with_sets,
)

OPEN = "open"
VOIDED = "voided"
Place = tuple[str, str]
"""A step, and the row it stands for."""
ASK, NUMBER = "(ask)", "(number)"
"""Among the facts: a function that asks a ledger, and one that gives the next number of a series. No expression can name them."""
_AUTO_LIMIT = 100


class NotPossible(Exception):
    """An act that the step table does not allow here. `kind` is one of the refusals of the example format."""

    def __init__(self, kind: str, code: str, **facts: Any):
        super().__init__(code)
        self.kind, self.code, self.facts = kind, code, facts


@dataclass(frozen=True, slots=True)
class Return:
    """Where a sent-back step goes when it is done again, and the outcome it had before."""

    step: str
    item: str
    after: str


@dataclass(frozen=True, slots=True)
class Signer:
    """Somebody who signs a step beside who completes it: asked to, before that or after; or one of those who do it together
    (`signatures:`), then `side` says for which of them."""

    who: str
    order: Literal["before", "after", "together"]
    agreed: bool = False
    side: int = -1


@dataclass(frozen=True, slots=True)
class Token:
    step: str
    item: str = ""
    round: int = 1
    returns: tuple[Return, ...] = ()
    signers: tuple[Signer, ...] = ()
    held: str = ""
    """The outcome it was completed with, while somebody who signs after has not agreed yet."""

    @property
    def place(self) -> Place:
        return self.step, self.item

    def unsigned(self, order: str) -> tuple[Signer, ...]:
        return tuple(signer for signer in self.signers if signer.order == order and not signer.agreed)

    @property
    def asked(self) -> tuple[Signer, ...]:
        """Whose signature it waits for now."""
        return self.unsigned("after" if self.held else "before")

    @property
    def sides_signed(self) -> frozenset[int]:
        """Of a step that several do together: for which of its `signatures` somebody has signed."""
        return frozenset(signer.side for signer in self.signers if signer.order == "together")


@dataclass(frozen=True, slots=True)
class Effect:
    """Something beyond the case: a case to open, or a named operation to perform.

    The operation of an `auto` step is performed and the case has gone on. That of a task with `role: system` is asked: the
    token rests until its answer completes the step, with the outcome and the values it gives.
    """

    step: str
    item: str = ""
    opening: Opening | None = None
    row: Mapping[str, Any] | None = None
    """The row that the case is opened for, where one is opened for each."""
    does: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class State:
    status: str = OPEN
    round: int = 1
    tokens: tuple[Token, ...] = ()
    arrived: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Branches that wait at a join: step -> the rows (or the steps) they came from."""
    data: Data = field(default_factory=dict)
    done: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """The last outcome of every step that was completed."""
    halted: tuple[Token, ...] = ()
    """What was open when the case was voided."""
    paused: bool = False

    @property
    def is_open(self) -> bool:
        return self.status == OPEN

    def token(self, step: str, item: str = "") -> Token | None:
        return next((token for token in self.tokens if token.place == (step, item)), None)

    def after(self, move: Move) -> State:
        gone = {token.place for token in (*move.canceled, *([move.closed] if move.closed else []))}
        changed = {token.place: token for token in move.changed}
        tokens = tuple(changed.get(token.place, token) for token in self.tokens if token.place not in gone)
        tokens += (*move.opened, *move.restored)
        done = {**self.done, move.closed.place: move.outcome} if move.closed and move.outcome else {**self.done}
        for place, outcome in move.undone.items():
            done[place] = outcome
            if not outcome:
                del done[place]
        paused = self.paused if move.paused is None else move.paused
        data = {**self.data, **move.changes}
        return State(move.status, move.round, tokens, move.arrived, data, done, move.halted, paused)


@dataclass(frozen=True)
class Move:
    """What one act changes."""

    status: str
    round: int
    closed: Token | None = None
    outcome: str = ""
    opened: tuple[Token, ...] = ()
    canceled: tuple[Token, ...] = ()
    arrived: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    filled: Data = field(default_factory=dict)
    """What was filled in this act, as it was filled: a new round may have emptied it at once."""
    changes: Data = field(default_factory=dict)
    """The record's fields that are different now."""
    effects: tuple[Effect, ...] = ()
    passed: tuple[str, ...] = ()
    """Auto steps and ends gone through, in order."""
    halted: tuple[Token, ...] = ()
    changed: tuple[Token, ...] = ()
    """Tokens that rest where they did, with other signers or held."""
    restored: tuple[Token, ...] = ()
    """Tokens that stand again as before the move that is taken back."""
    undone: Mapping[Place, str] = field(default_factory=dict)
    """Completions taken back: the outcome that the step had before, or none."""
    paused: bool | None = None
    """The case's clocks stand still from now on, or go on; None leaves them as they are."""


# --- the acts ---------------------------------------------------------------------------------------------------------


def start(procedure: Procedure, data: Data, facts: Mapping[str, Any]) -> Move:
    """A new case, standing at the first step."""
    walk = Walk(procedure, State(data=compute(procedure.form, data, facts)), facts, base=State())
    walk.enter(procedure.first_step, "", came_from="")
    return walk.move()


def complete(
    procedure: Procedure,
    state: State,
    step: str,
    item: str,
    outcome: str | None,
    values: Data,
    facts: Mapping[str, Any],
    *,
    waits: bool = False,
    answers: Data | None = None,
    signs: tuple[Signer, ...] = (),
) -> Move:
    """Somebody completes a step with an outcome, having filled `values` (checked already).

    `answers` are what ledgers said meanwhile. `signs`: it is done by several together, and this is the signature of one of
    them, not yet the last. What people do waits for the signers they added (`waits`); what the clock or another case does,
    waits for nobody.
    """
    token = open_token(procedure, state, step, item)
    definition = procedure.steps[step]
    if waits and token.asked:
        raise NotPossible("order", "waits_for_signers", step=step, who=tuple(signer.who for signer in token.asked))
    data = filled(procedure.form, {**state.data, **(answers or {})}, item, values, definition)
    chosen, _ = choose_outcome(definition, step, outcome, data, facts)
    if signs:
        signed = replace(token, signers=(*token.signers, *signs))
        return _stays(procedure, state, token, signed, data, values, {**facts, "outcome": chosen})
    following = go_on(procedure, state, token, chosen, data, values, facts)
    if not (waits and token.unsigned("after")):
        return following
    held = replace(token, held=chosen)
    return _stays(procedure, state, token, held, data, values, {**facts, "outcome": chosen})


def _stays(
    procedure: Procedure,
    state: State,
    token: Token,
    into: Token,
    data: Data,
    values: Data,
    facts: Mapping[str, Any],
) -> Move:
    """What was filled counts; where the case goes waits for who signs after, or with him."""
    walk = Walk(procedure, replace(state, data=data), facts, base=state, filled=values)
    walk.change(token, into)
    walk.follow_rows()
    walk.settle()
    walk.must_go_on()
    return walk.move()


def go_on(
    procedure: Procedure,
    state: State,
    token: Token,
    outcome: str,
    data: Data,
    values: Data,
    facts: Mapping[str, Any],
) -> Move:
    """The token's step is over with that outcome; the record is `data` now."""
    definition = procedure.steps[token.step]
    chosen = definition.all_outcomes()[outcome]
    walk = Walk(
        procedure,
        replace(state, data=data),
        {**facts, "outcome": outcome},
        closed=token,
        outcome=outcome,
        base=state,
        filled=values,
    )
    if chosen.new_round:
        walk.new_round()
    walk.number({**definition.numbers, **chosen.numbers})
    walk.set(definition.sets, token)
    walk.set(chosen.sets, token)
    walk.effects.extend(_openings((*definition.opens, *chosen.opens), token, walk.context(token)))
    if token.returns and outcome == token.returns[-1].after:
        walk.go_back(token)
    else:
        walk.follow(chosen.next, token)
    walk.follow_rows()
    walk.settle()
    walk.must_go_on()
    return walk.move()


def send_back(
    procedure: Procedure, state: State, step: str, item: str, to: str, to_item: str | None, facts: Mapping[str, Any]
) -> Move:
    """Return to an earlier step, whose redo comes straight back to this one."""
    token = open_token(procedure, state, step, item)
    if token.held:
        raise NotPossible("order", "waits_for_signers", step=step, who=tuple(signer.who for signer in token.asked))
    target = procedure.steps.get(to)
    if target is None or target.kind != "task":
        raise NotPossible("data", "no_such_step", step=to)
    if target.beside or procedure.steps[step].beside:
        raise NotPossible("order", "not_done_before", step=to, item=to_item)
    to_item = (item if target.each else "") if to_item is None else to_item
    if (to, to_item) == token.place or (to, to_item) not in state.done:
        raise NotPossible("order", "not_done_before", step=to, item=to_item)
    if state.token(to, to_item):
        raise NotPossible("order", "open_already", step=to, item=to_item)
    walk = Walk(procedure, state, facts, closed=token, outcome="")
    back = Return(step, item, state.done[(to, to_item)])
    walk.open(to, to_item, returns=(*token.returns, back))
    return walk.move()


def open_beside(procedure: Procedure, state: State, step: str, because: Place, facts: Mapping[str, Any]) -> Move | None:
    """An escalation opens a step, beside the flow or for the row that is late; nothing where it is open already."""
    late, row = because
    each = procedure.steps[step].each
    item = row if each and late in procedure.steps and each == procedure.steps[late].each else ""
    if not state.is_open or state.token(step, item):
        return None
    walk = Walk(procedure, state, facts)
    if item:
        walk.open(step, item)
    else:
        walk.enter(step, "", came_from="")
    return walk.move()


def void(state: State) -> Move:
    must_be_open(state)
    halted = tuple(replace(token, held="") for token in state.tokens)
    return Move(VOIDED, state.round, canceled=state.tokens, arrived=state.arrived, halted=halted, paused=False)


def pause(state: State) -> Move:
    """All clocks of the case stand still."""
    must_be_open(state)
    if state.paused:
        raise NotPossible("order", "paused_already")
    return Move(state.status, state.round, arrived=state.arrived, paused=True)


def resume(state: State) -> Move:
    must_be_open(state)
    if not state.paused:
        raise NotPossible("order", "not_paused")
    return Move(state.status, state.round, arrived=state.arrived, paused=False)


def reopen(procedure: Procedure, state: State, to: str | None, facts: Mapping[str, Any]) -> Move:
    """A voided case stands again where it stood; a closed one at `to`, or at the step completed last."""
    if state.is_open:
        raise NotPossible("order", "not_closed")
    if state.status == VOIDED and to is None:
        return Move(OPEN, state.round, opened=state.halted, arrived=state.arrived)
    done = [place for place in state.done if _can_reopen(procedure, state, place, facts)]
    if to is None and not done:
        raise NotPossible("order", "not_done_before", step="")
    place = done[-1] if to is None else next((place for place in reversed(done) if place[0] == to), None)
    if place is None:
        raise NotPossible("order", "not_done_before", step=to)
    walk = Walk(procedure, replace(state, status=OPEN, arrived={}), facts)
    walk.open(*place)
    return walk.move()


def _can_reopen(procedure: Procedure, state: State, place: tuple[str, str], facts: Mapping[str, Any]) -> bool:
    step = procedure.steps[place[0]]
    if step.kind != "task" or step.beside:
        return False
    return not step.each or place[1] in row_keys(
        procedure.form, state.data, step.each, {**state.data, **facts, "round": state.round}
    )


def choose_outcome(
    definition: Step, step: str, outcome: str | None, data: Data, facts: Mapping[str, Any]
) -> tuple[str, Outcome]:
    """The outcome of that name, or of that target step (`facts["to"]`), or the only one a step has."""
    outcomes = definition.all_outcomes()
    to = facts.get("to")
    if outcome is None and to:
        outcome = next(
            (key for key, found in outcomes.items() if any(branch.target == to for branch in found.next)), None
        )
        if outcome is None:
            raise NotPossible("data", "no_such_outcome", step=step, outcome=f"→ {to}", outcomes=tuple(outcomes))
    if outcome is None:
        if len(outcomes) > 1:
            raise NotPossible("data", "outcome_missing", step=step, outcomes=tuple(outcomes))
        outcome = next(iter(outcomes))
    if outcome not in outcomes:
        raise NotPossible("data", "no_such_outcome", step=step, outcome=outcome, outcomes=tuple(outcomes))
    return outcome, outcomes[outcome]


def offered_outcomes(definition: Step, context: Mapping[str, Any]) -> dict[str, Outcome]:
    """The outcomes whose `when` holds now."""
    return {
        key: outcome
        for key, outcome in definition.all_outcomes().items()
        if outcome.when is None or holds(outcome.when, context)
    }


def proposed(outcomes: Mapping[str, Outcome], context: Mapping[str, Any]) -> list[str]:
    """Of these outcomes: those that are suggested now, where there are any."""
    found = [key for key, outcome in outcomes.items() if outcome.suggested and holds(outcome.suggested, context)]
    return found or list(outcomes)


def must_be_open(state: State) -> None:
    if not state.is_open:
        raise NotPossible("order", "case_closed", status=state.status)


def open_token(procedure: Procedure, state: State, step: str, item: str) -> Token:
    must_be_open(state)
    if step not in procedure.steps:
        raise NotPossible("order", "no_such_step", step=step)
    token = state.token(step, item)
    if token is None:
        raise NotPossible("order", "not_open", step=step, item=item, open=tuple(found.place for found in state.tokens))
    return token


# --- walking the table ------------------------------------------------------------------------------------------------


def reaches(procedure: Procedure, origin: str, goal: str) -> bool:
    """Whether a case standing at `origin` can come to `goal`."""
    return goal in procedure.reach[origin]


class Walk:
    """One act on its way through the step table; what it gathers becomes the move."""

    def __init__(
        self,
        procedure: Procedure,
        state: State,
        facts: Mapping[str, Any],
        closed: Token | None = None,
        outcome: str = "",
        base: State | None = None,
        filled: Data | None = None,
    ):
        self.procedure, self.facts = procedure, facts
        self.base = base or state
        self.status, self.round, self.data = state.status, state.round, dict(state.data)
        self.closed, self.outcome, self.filled = closed, outcome, filled or {}
        self.tokens = [token for token in state.tokens if token is not closed]
        self.arrived = {step: list(places) for step, places in state.arrived.items()}
        self.opened: list[Token] = []
        self.canceled: list[Token] = []
        self.changed: list[Token] = []
        self.effects: list[Effect] = []
        self.passed: list[str] = []
        self._computed: Data | None = None

    def compute(self) -> Data:
        """The record, brought up to date where something has changed since."""
        if self.data is not self._computed:
            self.data = self._computed = compute(self.procedure.form, self.data, self.facts)
        return self.data

    def move(self) -> Move:
        before = self.base.data
        changes = {key: value for key, value in self.compute().items() if key not in before or before[key] != value}
        arrived = {step: tuple(places) for step, places in self.arrived.items() if places}
        return Move(
            self.status,
            self.round,
            self.closed,
            self.outcome,
            tuple(self.opened),
            tuple(self.canceled),
            arrived,
            self.filled,
            changes,
            (*self.effects, *self._questions()),
            tuple(self.passed),
            changed=tuple(self.changed),
        )

    def _questions(self) -> Iterator[Effect]:
        """What the opened steps ask of an operation; asked last, so that a step canceled in the same act asks nothing."""
        for token in self.opened:
            definition = self.procedure.steps[token.step]
            if definition.does:
                yield _operation(definition, token)

    def context(self, token: Token | None) -> dict[str, Any]:
        item = None
        if token and token.item:
            each = self.procedure.steps[token.step].each
            item = rows_of(self.procedure.form, self.data, each.rows).get(token.item) if each else None
        return {**self.data, **self.facts, "round": self.round, "item": item}

    def set(self, sets: Mapping[str, Any], token: Token | None) -> None:
        if sets:
            self.compute()
            self.data = with_sets(self.procedure, self.data, sets, token, self.context(token))

    def number(self, numbers: Mapping[str, str]) -> None:
        """The fields that get a number when the step is completed, and have none yet."""
        for key, series in numbers.items():
            if self.data.get(key) in (None, ""):
                self.data = {**self.data, key: self.facts[NUMBER](series)}

    def new_round(self) -> None:
        """Sections marked `each_round` start empty; what they held stays in the tasks that filled it."""
        self.round += 1
        self.data = emptied_for_round(self.procedure.form, self.data)
        self.arrived.clear()

    # -- moving

    def follow(self, branches: tuple[Branch, ...], token: Token, depth: int = 0) -> None:
        for target in self._taken(branches, token):
            self.enter(target, token.item, came_from=token.step, depth=depth)

    def _taken(self, branches: tuple[Branch, ...], token: Token) -> list[str]:
        if not branches:
            return []
        self.compute()
        context = self.context(token)
        taken = [branch.to for branch in branches if branch.to and (branch.when is None or holds(branch.when, context))]
        conditional = any(branch.to and branch.when and branch.to in taken for branch in branches)
        if not conditional:
            taken += [branch.otherwise for branch in branches if branch.otherwise]
        if not taken:
            raise NotPossible("data", "no_branch", step=token.step)
        return taken

    def enter(self, step: str, item: str, *, came_from: str, depth: int = 0) -> None:
        if self.status != OPEN:
            return
        if depth > _AUTO_LIMIT:
            raise NotPossible("order", "endless", step=step)
        definition = self.procedure.steps[step]
        same_rows = came_from and definition.each and definition.each == self.procedure.steps[came_from].each
        if definition.each and same_rows and item:
            self.open(step, item)
        elif definition.each:
            self._enter_rows(step, definition)
        elif definition.join:
            self._arrive(step, item or came_from)
        else:
            self._pass_or_open(step, definition, depth)

    def _pass_or_open(self, step: str, definition: Step, depth: int = 0) -> None:
        if definition.is_open_ended:
            self.open(step, "")
            return
        token = Token(step, "", self.round)
        self.passed.append(step)
        self.set(definition.on_open, token)
        if definition.kind == "end":
            self._end(step)
            return
        self.set(definition.sets, token)
        context = self.context(token)
        if definition.does:
            self.effects.append(_operation(definition, token))
        self.effects.extend(_openings(definition.opens, token, context))
        outcomes = offered_outcomes(definition, context)
        for outcome in list(outcomes.values())[:1]:
            self.follow(outcome.next, token, depth + 1)

    def open(self, step: str, item: str, returns: tuple[Return, ...] = ()) -> None:
        """At most one token rests at a place: who comes a second time meets the first."""
        if any(token.place == (step, item) for token in self.tokens):
            return
        token = Token(step, item, self.round, returns)
        self.tokens.append(token)
        self.opened.append(token)
        definition = self.procedure.steps[step]
        self.set(definition.on_open, token)
        if definition.asks:
            self.data = {**self.data, **answers_to(self.procedure, definition, self.compute(), self.context(token))}

    def change(self, token: Token, into: Token) -> None:
        self.tokens[self.tokens.index(token)] = into
        self.changed.append(into)

    def go_back(self, token: Token) -> None:
        back = token.returns[-1]
        self.open(back.step, back.item, returns=token.returns[:-1])

    def _end(self, step: str) -> None:
        self.status = step
        for token in list(self.tokens):
            self._cancel(token)
        self.arrived.clear()

    def _cancel(self, token: Token) -> None:
        self.tokens.remove(token)
        if token in self.opened:
            self.opened.remove(token)
            return
        self.changed = [changed for changed in self.changed if changed.place != token.place]
        self.canceled.append(token)

    # -- rows

    def _rows(self, step: str) -> list[str]:
        each = self.procedure.steps[step].each
        assert each
        data = self.compute()
        return row_keys(self.procedure.form, data, each, {**data, **self.facts, "round": self.round})

    def _enter_rows(self, step: str, definition: Step) -> None:
        """A task for every row that has none: neither under way in these rows' steps, nor arrived behind them."""
        keys = self._rows(step)
        if not keys:
            raise NotPossible("data", "no_rows", step=step, rows=definition.each.rows if definition.each else "")
        for key in keys:
            if not self._under_way(step, key):
                self.open(step, key)

    def _under_way(self, step: str, key: str) -> bool:
        """A step beside the flow stands in no row's way, and none in its."""
        if any(token.item == key and self._in_lane(token, step) for token in self.tokens):
            return True
        if self.procedure.steps[step].beside:
            return False
        return any(key in places for places in self.arrived.values())

    def follow_rows(self) -> None:
        """Rows that no longer count lose their tasks. Rows added while their steps run get one where rows come in, unless
        somebody is still on the way there and will open it."""
        before = self.base.data
        for step, definition in self.procedure.steps.items():
            each = definition.each
            if not each or not any(token.item and self._in_lane(token, step) for token in self.tokens):
                continue
            now = self._rows(step)
            for token in [token for token in self.tokens if token.step == step and token.item not in now]:
                self._cancel(token)
            if not self._lets_rows_in(step) or any(self._running_toward(step, outside=each)):
                continue
            known = set(row_keys(self.procedure.form, before, each, {**before, **self.facts}))
            for key in now:
                if key not in known and not self._under_way(step, key):
                    self.open(step, key)

    def _in_lane(self, token: Token, step: str) -> bool:
        """Whether it rests in the steps that the rows of this one go through; a step beside the flow is a lane of its own."""
        steps = self.procedure.steps
        if steps[step].beside or self._beside(token):
            return token.step == step
        return steps[token.step].each == steps[step].each

    def _lets_rows_in(self, step: str) -> bool:
        each = self.procedure.steps[step].each
        return any(step in other.targets() and other.each != each for other in self.procedure.steps.values())

    def must_go_on(self) -> None:
        """An act after which nobody could go on is not possible: the last rows taken away, say."""
        if self.status == OPEN and all(map(self._beside, self.tokens)):
            raise NotPossible("data", "dead_end", step=self.closed.step if self.closed else "")

    # -- joins

    def _arrive(self, step: str, place: str) -> None:
        places = self.arrived.setdefault(step, [])
        if place not in places:
            places.append(place)

    def settle(self) -> None:
        """Open every join that has what it waits for; opening one may settle the next."""
        while self.status == OPEN and (step := self._ready_join()):
            self.arrived.pop(step)
            join = self.procedure.steps[step].join
            if join != "all":
                for token in list(self._running_toward(step)):
                    self._cancel(token)
            self._pass_or_open(step, self.procedure.steps[step])

    def _ready_join(self) -> str | None:
        waiting = [step for step, places in self.arrived.items() if places]
        for step in waiting:
            join = self.procedure.steps[step].join
            needed = 1 if join == "any" else join
            if isinstance(needed, int) and len(self.arrived[step]) >= needed:
                return step
            if not any(self._running_toward(step)) and not any(
                reaches(self.procedure, other, step) and not reaches(self.procedure, step, other)
                for other in waiting
                if other != step
            ):
                return step
        return waiting[0] if waiting and all(map(self._beside, self.tokens)) else None

    def _running_toward(self, step: str, outside: Each | None = None) -> Iterator[Token]:
        """Who can still come to a step; with `outside`, only from steps that are not for those rows."""
        return (
            token
            for token in self.tokens
            if not self._beside(token)
            and token.step != step
            and not (outside and self.procedure.steps[token.step].each == outside)
            and self._can_come(token, step)
        )

    def _can_come(self, token: Token, step: str) -> bool:
        return reaches(self.procedure, token.step, step) or any(
            back.step == step or reaches(self.procedure, back.step, step) for back in token.returns
        )

    def _beside(self, token: Token) -> bool:
        return self.procedure.steps[token.step].beside


def _operation(definition: Step, token: Token) -> Effect:
    return Effect(token.step, token.item, does=definition.does or "", arguments=dict(definition.with_))


def answers_to(procedure: Procedure, definition: Step, data: Data, context: Mapping[str, Any]) -> Data:
    """What ledgers answer to the questions of a step, for the record. Of a table with a key the cells that people typed stay with
    their rows."""
    found: Data = {}
    for ask in definition.asks:
        arguments = {key: value_of(text, context) for key, text in ask.with_.items()}
        answer = context[ASK](ask.does, arguments, data)
        for key, name in ask.gives.items():
            value = typed(procedure.form.table(key) or procedure.form.field(key), answer.get(name), context["zone"])
            found[key] = merged_rows(procedure.form, data.get(key), value, key)
    return found


def _openings(openings: Iterable[Opening], token: Token, context: Mapping[str, Any]) -> list[Effect]:
    """The cases to open, for every row where an opening is for each."""
    found = []
    for opening in openings:
        rows = context.get(opening.each) or [] if opening.each else [None]
        for row in rows:
            if opening.when is None or holds(opening.when, {**context, "item": row} if opening.each else context):
                found.append(Effect(token.step, token.item, opening=opening, row=row))
    return found
