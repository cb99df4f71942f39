"""A written procedure as the checks see it, and the words they share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from kehu.engine.definitions import Branch, FieldDefinition, Form, Opening, Pack, Procedure, Rung, Step, read_ladder
from kehu.organizations.calendars import Budget

from ..names import REGISTER_FACTS, Scope, columns_of, top_fields
from ..packs import LoadedPack
from ..shapes import place_words
from ..sources import Place, Problem, Source, listed

VOIDED = "voided"
ENDED = "ended"
ELAPSED = "elapsed"

Problems = Iterator[Problem]
Check = Callable[["Written"], Problems]
"""What a check is: a function from a written procedure to what is wrong with it."""


@dataclass(frozen=True)
class Written:
    """A procedure with its files and its company: what a check needs to see, and where it says what it found."""

    loaded: LoadedPack
    pack: Pack
    key: str
    procedure: Procedure
    customer_facts: Collection[str] | None = None
    """What ledgers tell of customers to schedules; None where nobody said."""

    @property
    def form(self) -> Form:
        return self.procedure.form

    @property
    def steps(self) -> dict[str, Step]:
        return self.procedure.steps

    @property
    def folder(self) -> Path:
        return self.loaded.folders[self.key]

    @property
    def text(self) -> Source:
        return self.loaded.source(self.folder / "procedure.yaml")

    @property
    def form_text(self) -> Source:
        return self.loaded.source(self.folder / "form.yaml")

    @cached_property
    def fields(self) -> dict[str, FieldDefinition]:
        return top_fields(self.form)

    @cached_property
    def ends(self) -> list[str]:
        return [key for key, step in self.steps.items() if step.kind == "end"]

    def found(self, path: Place, message: str, remedy: str = "") -> Problem:
        return self.text.problem(path, message, remedy)

    def found_in_form(self, path: Place, message: str, remedy: str = "") -> Problem:
        return self.form_text.problem(path, message, remedy)

    def scope(self, step: Step | None = None) -> Scope:
        """What expressions of a step may read."""
        scope = Scope(self.form, settings=tuple(self.pack.settings))
        return scope.with_row(columns_of(self.form, step.each.rows), "item") if step and step.each else scope

    @cached_property
    def register_scope(self) -> Scope:
        """What expressions over cases, closed ones too, may read."""
        return replace(self.scope(), facts=REGISTER_FACTS)

    def branches(self) -> Iterator[tuple[Place, str, Branch]]:
        for key, step in self.steps.items():
            for index, branch in enumerate(step.next):
                yield ("steps", key, "next", index), key, branch
            for name, outcome in step.outcomes.items():
                for index, branch in enumerate(outcome.next):
                    yield ("steps", key, "outcomes", name, "next", index), key, branch

    def openings(self) -> Iterator[tuple[Place, Step, Opening]]:
        for key, step in self.steps.items():
            for index, opening in enumerate(step.opens):
                yield ("steps", key, "opens", index), step, opening
            for name, outcome in step.outcomes.items():
                for index, opening in enumerate(outcome.opens):
                    yield ("steps", key, "outcomes", name, "opens", index), step, opening

    def sets(self) -> Iterator[tuple[Place, Step, Mapping[str, Any]]]:
        for key, step in self.steps.items():
            yield ("steps", key, "sets"), step, step.sets
            yield ("steps", key, "on_open"), step, step.on_open
            for name, outcome in step.outcomes.items():
                yield ("steps", key, "outcomes", name, "sets"), step, outcome.sets

    def ladders(self) -> Iterator[tuple[Place, Step | None, Any]]:
        """Where a step or a clock says who hears of it when it is late."""
        for key, step in self.steps.items():
            yield ("steps", key, "escalate"), step, step.escalate
        for key, clock in self.procedure.clocks.items():
            if clock.escalate is not None:
                yield ("clocks", key, "escalate"), None, clock.escalate

    def rungs(self, place: Place, words: Any) -> Iterator[tuple[Place, Rung]]:
        """The rungs said here, or those of the ladder named here."""
        try:
            rungs = read_ladder(words, self.pack.ladders, self.pack.default_ladder)
        except (KeyError, ValueError, TypeError):
            return  # said by who.escalation
        own = isinstance(words, list) and not all(isinstance(line, str) for line in words)
        for index, rung in enumerate(rungs):
            yield ((*place, index) if own else place), rung

    def opened_beside(self) -> Iterator[tuple[Place, str | None, str]]:
        """(place, step, target): steps that the clock opens while a step, or a clock, is late."""
        for place, step, words in self.ladders():
            for line, rung in self.rungs(place, words):
                if rung.opens:
                    yield (*line, "opens"), str(place[1]) if step else None, rung.opens
        for key, step in self.steps.items():
            for index, watch in enumerate(step.watch):
                if watch.opens:
                    yield ("steps", key, "watch", index, "opens"), key, watch.opens


def in_two(error: Exception) -> tuple[str, str]:
    """The sentence, and what follows it as the remedy."""
    message, stop, remedy = str(error).partition(". ")
    return message + stop.strip(), remedy


def without_lines(place: Place) -> Place:
    return tuple(step for step in place if not isinstance(step, int))


def quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def undeclared(source: Source, place: Place, key: str | None, what: str, declared: Collection[str]) -> Problems:
    if key is not None and key not in declared:
        remedy = listed(f"{what.capitalize()}s declared", declared, key)
        yield source.problem(place, f'{place_words(place[:-1])} names {what} "{key}", which nobody declared.', remedy)


def budget_read(source: Source, place: Place, text: str | None, pack: Pack) -> Problems:
    """A time limit, or the setting that holds one."""
    if text is None:
        return
    word, dot, key = text.partition(".")
    if not (dot and word == "settings"):
        yield from refused_by(source, place, Budget.parse, text)
    elif key not in pack.settings:
        message = f'{place_words(without_lines(place))}: the pack has no setting "{key}".'
        yield source.problem(place, message, listed("Settings in pack.yaml", pack.settings, key))
    else:
        yield from refused_by(source, place, Budget.parse, str(pack.settings[key].value))


def refused_by(source: Source, place: Place, read: Callable[[str], object], text: str) -> Problems:
    try:
        read(text)
    except ValueError as error:
        message, remedy = in_two(error)
        yield source.problem(place, f"{place_words(without_lines(place))}: {message}", remedy)


def no_column(source: Source, place: Place, column: str, table: str, columns: Mapping[str, Any] | None) -> Problems:
    if columns is not None and column not in columns:
        message = f'{place_words(place)}: table "{table}" has no column "{column}".'
        yield source.problem(place, message, listed("Columns here", columns, column))
