"""Who stands in for whom: accepted deputy rules followed from an absent person to somebody who is here.

    A is away; rule 12: A → B; B is away as well; rule 15: B → C       C stands in for A under rules 12 and 15

A chain has at most as many links as the pack's `deputy_links` says. It allows what every one of its rules allows: the procedures they
have in common, the lowest of their limits, the days they share. There is no clock and no database here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

LINKS = 3
"""How many links a chain has at most, where the pack does not say."""


@dataclass(frozen=True)
class Rule:
    """One deputy rule. `procedures` None: all; `valid_until` (not included) None: for ever; `limit` None: any amount."""

    number: int
    principal: str
    deputy: str
    valid_from: date
    valid_until: date | None = None
    procedures: frozenset[str] | None = None
    limit: Decimal | None = None


@dataclass(frozen=True)
class StandIn:
    """Somebody acts for an absent one, by one rule or by a chain of them."""

    principal: str
    deputy: str
    rules: tuple[int, ...]
    via: tuple[str, ...]
    """The deputies in between, who are absent too."""
    valid_from: date
    valid_until: date
    """The first day without this power: the absence is over, or a rule is."""
    procedures: frozenset[str] | None = None
    limit: Decimal | None = None

    def covers(self, procedure: str = "", amount: Decimal | None = None) -> bool:
        """Whether it holds for a case of that procedure about that amount; what is not named is not asked."""
        if procedure and self.procedures is not None and procedure not in self.procedures:
            return False
        return amount is None or self.limit is None or amount <= self.limit

    def facts(self) -> dict[str, Any]:
        """As events and records keep it. `valid_until` is the last day here, as people say it."""
        last = date.fromordinal(self.valid_until.toordinal() - 1)
        found: dict[str, Any] = {"for": self.principal, "rules": list(self.rules)}
        if self.via:
            found["via"] = list(self.via)
        return found | {"valid_from": self.valid_from.isoformat(), "valid_until": last.isoformat()}


def stand_ins_of(absent: Mapping[str, date], rules: Collection[Rule], links: int = LINKS) -> list[StandIn]:
    """Everybody who stands in for one of the absent (key → the day he is back), the absent in the order of their keys."""
    return [one for principal in sorted(absent) for one in _from(principal, absent, rules, links)]


def _from(principal: str, absent: Mapping[str, date], rules: Collection[Rule], links: int) -> Iterator[StandIn]:
    chains: list[tuple[Rule, ...]] = [(rule,) for rule in rules if rule.principal == principal]
    while chains:
        chain, *chains = chains
        deputy = chain[-1].deputy
        if deputy == principal or deputy in [rule.principal for rule in chain]:
            continue
        if deputy not in absent:
            if stand_in := _linked(chain, absent):
                yield stand_in
        elif len(chain) < links:
            chains += [(*chain, rule) for rule in rules if rule.principal == deputy]


def _linked(chain: tuple[Rule, ...], absent: Mapping[str, date]) -> StandIn | None:
    procedures = _common(rule.procedures for rule in chain)
    if procedures is not None and not procedures:
        return None
    limits = [rule.limit for rule in chain if rule.limit is not None]
    ends = [absent[rule.principal] for rule in chain] + [rule.valid_until for rule in chain if rule.valid_until]
    return StandIn(
        principal=chain[0].principal,
        deputy=chain[-1].deputy,
        rules=tuple(rule.number for rule in chain),
        via=tuple(rule.deputy for rule in chain[:-1]),
        valid_from=max(rule.valid_from for rule in chain),
        valid_until=min(ends),
        procedures=procedures,
        limit=min(limits, default=None),
    )


def _common(scopes: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    named = [scope for scope in scopes if scope is not None]
    return frozenset.intersection(*named) if named else None


def circle(rules: Collection[Rule], new: Rule) -> tuple[str, ...]:
    """The circle that a new rule would close, as the keys of its people from the new rule's principal back to him; else nothing.

    Rules close a circle where they share a day and a procedure: then each would stand in for himself.
    """
    paths: list[tuple[Rule, ...]] = [(new,)]
    while paths:
        path, *paths = paths
        for rule in rules:
            if rule.principal != path[-1].deputy or rule in path or not _share((*path, rule)):
                continue
            if rule.deputy == new.principal:
                return tuple(one.principal for one in (*path, rule)) + (new.principal,)
            if rule.deputy not in [one.principal for one in path]:
                paths.append((*path, rule))
    return ()


def _share(path: tuple[Rule, ...]) -> bool:
    begin = max(rule.valid_from for rule in path)
    ends = [rule.valid_until for rule in path if rule.valid_until]
    procedures = _common(rule.procedures for rule in path)
    return (not ends or begin < min(ends)) and (procedures is None or bool(procedures))
