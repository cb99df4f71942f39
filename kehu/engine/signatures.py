"""Added signers: whoever has a step asks others to sign it, before he completes it or after.

Before: he cannot complete it until they have agreed; who refuses is out, and it is his again to decide what to do. After: what he
filled counts, and the case stands still until all have agreed; one refusal gives it back to him, and what he completes then is
signed anew by all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal

from .advance import Move, NotPossible, Signer, State, Token, go_on, open_token
from .definitions import Procedure


def add_signers(
    procedure: Procedure, state: State, step: str, item: str, who: Iterable[str], order: Literal["before", "after"]
) -> Move:
    """More people sign; who was asked already is not asked twice."""
    token = open_token(procedure, state, step, item)
    if token.held:
        raise NotPossible("order", "waits_for_signers", step=step, who=tuple(signer.who for signer in token.asked))
    known = {signer.who for signer in token.signers if not signer.agreed or signer.order != order}
    if already := [one for one in who if one in known]:
        raise NotPossible("order", "asked_already", step=step, who=tuple(already))
    others = tuple(signer for signer in token.signers if signer.who not in set(who))
    return _changed(state, replace(token, signers=(*others, *(Signer(one, order) for one in who))))


def drop_signer(procedure: Procedure, state: State, step: str, item: str, who: str, facts: Mapping[str, Any]) -> Move:
    """A request for a signature is taken back. Where it was the last that the case waited for, the case goes on."""
    token = open_token(procedure, state, step, item)
    if not any(signer.who == who and not signer.agreed for signer in token.signers):
        raise NotPossible("order", "not_asked", step=step, who=(who,))
    left = replace(token, signers=tuple(signer for signer in token.signers if signer.who != who))
    return _settled(procedure, state, token, left, facts)


def hand_on_signer(
    procedure: Procedure, state: State, step: str, item: str, who: str, to: str, facts: Mapping[str, Any]
) -> Move:
    """Who was asked is here no more: another is asked in his place, or nobody (`to` empty, or asked already)."""
    token = open_token(procedure, state, step, item)
    if not any(signer.who == who and not signer.agreed for signer in token.signers):
        raise NotPossible("order", "not_asked", step=step, who=(who,))
    others = tuple(signer for signer in token.signers if signer.who != who or signer.agreed)
    orders = [signer.order for signer in token.signers if signer.who == who and not signer.agreed]
    known = {(signer.who, signer.order) for signer in others}
    new = tuple(Signer(to, order) for order in orders if to and (to, order) not in known)
    return _settled(procedure, state, token, replace(token, signers=(*others, *new)), facts)


def sign(
    procedure: Procedure, state: State, step: str, item: str, who: str, *, agrees: bool, facts: Mapping[str, Any]
) -> Move:
    """Who was asked agrees or refuses."""
    token = open_token(procedure, state, step, item)
    if not any(signer.who == who for signer in token.asked):
        raise NotPossible("order", "not_asked", step=step, who=(who,))
    if agrees:
        agreed = tuple(replace(signer, agreed=True) if signer.who == who else signer for signer in token.signers)
        return _settled(procedure, state, token, replace(token, signers=agreed), facts)
    if token.held:
        anew = tuple(replace(signer, agreed=False) if signer.order == "after" else signer for signer in token.signers)
        return _changed(state, replace(token, signers=anew, held=""))
    return _changed(state, replace(token, signers=tuple(signer for signer in token.signers if signer.who != who)))


def _settled(procedure: Procedure, state: State, token: Token, after: Token, facts: Mapping[str, Any]) -> Move:
    if token.held and not after.asked:
        return go_on(procedure, state, token, token.held, dict(state.data), {}, facts)
    return _changed(state, after)


def _changed(state: State, token: Token) -> Move:
    return Move(state.status, state.round, arrived=state.arrived, changed=(token,))
