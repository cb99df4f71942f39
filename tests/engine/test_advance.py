# ruff: noqa: PT017 (what a random act may be refused for is part of the property)
"""How a case moves: plain stories on small step tables, then random tables walked at random."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kehu.engine import advance
from kehu.engine.advance import Move, NotPossible, State
from kehu.engine.definitions import Form, Procedure
from kehu.engine.records import row_keys

FACTS = {
    "now": datetime(2024, 3, 15, 6, tzinfo=UTC),
    "today": date(2024, 3, 15),
    "zone": UTC,
    "by": "clerk",
    "starter": "clerk",
    "number": "X-1",
}


def text(word: str) -> dict[str, str]:
    return {"zh": word, "en": word}


FORM = Form.model_validate(
    {
        "title": text("form"),
        "sections": {
            "facts": {
                "title": text("facts"),
                "fields": {
                    "amount": {"type": "number", "title": text("amount")},
                    "rows": {
                        "type": "rows",
                        "title": text("rows"),
                        "key": "unit",
                        "columns": {
                            "unit": {"type": "text", "title": text("unit")},
                            "dropped": {"type": "boolean", "title": text("dropped")},
                        },
                    },
                },
            },
            "answer": {
                "title": text("answer"),
                "per": "rows",
                "each_round": True,
                "fields": {"remark": {"type": "text", "title": text("remark")}},
            },
            "note": {
                "title": text("note"),
                "each_round": True,
                "fields": {"comment": {"type": "text", "title": text("comment")}},
            },
        },
    }
)


def procedure(**steps: Any) -> Procedure:
    """A step table from short words: `a={"next": "b"}`; steps are tasks of a clerk unless they say otherwise."""

    def full(key: str, step: dict[str, Any]) -> dict[str, Any]:
        step = {"title": text(key), **step}
        if not step.get("end") and not step.get("wait") and not step.pop("auto", False):
            step.setdefault("role", "clerk")
        for outcome in step.get("outcomes", {}).values():
            outcome.setdefault("title", text("outcome"))
        return step

    return Procedure.model_validate(
        {
            "key": "sample",
            "number": "S-1",
            "title": text("sample"),
            "revision": "A",
            "owner": "sales",
            "clauses": {},
            "steps": {key.replace("_", "-"): full(key, step) for key, step in steps.items()},
            "form": FORM,
        }
    )


class Run:
    """A case walked by hand."""

    def __init__(self, table: Procedure):
        self.table = table
        self.state = State()
        self.moves: list[Move] = []
        self.take(advance.start(table, {}, FACTS))

    def take(self, move: Move) -> Run:
        self.moves.append(move)
        self.state = self.state.after(move)
        return self

    def do(self, place: str, outcome: str | None = None, **values: Any) -> Run:
        step, _, item = place.rstrip("]").partition("[")
        return self.take(advance.complete(self.table, self.state, step, item, outcome, values, FACTS))

    def back(self, place: str, to: str) -> Run:
        step, _, item = place.rstrip("]").partition("[")
        to_step, _, to_item = to.rstrip("]").partition("[")
        return self.take(advance.send_back(self.table, self.state, step, item, to_step, to_item or None, FACTS))

    @property
    def open(self) -> list[str]:
        return sorted(f"{token.step}[{token.item}]" if token.item else token.step for token in self.state.tokens)


UNITS = [{"unit": "quality"}, {"unit": "stores"}]


def test_parallel_branches_meet_when_the_last_has_come():
    run = Run(
        procedure(
            a={"next": ["b", "c"]}, b={"next": "d"}, c={"next": "d"}, d={"join": "all", "next": "z"}, z={"end": True}
        )
    )

    assert run.do("a").open == ["b", "c"]
    assert run.do("b").open == ["c"]
    assert run.do("c").open == ["d"]
    assert run.do("d").state.status == "z"


def test_a_branch_that_turns_off_is_not_waited_for():
    table = procedure(
        a={"next": ["b", "c"]},
        b={"next": "d"},
        c={"outcomes": {"on": {"next": "d"}, "off": {"next": "e"}}},
        d={"join": "all", "next": "z"},
        e={"next": "f"},
        f={"next": "z"},
        z={"end": True},
    )
    run = Run(table).do("a").do("b")

    assert run.do("c", "off").open == ["d", "e"]


def test_with_join_any_the_first_branch_goes_on_and_the_others_are_canceled():
    run = Run(
        procedure(
            a={"next": ["b", "c"]}, b={"next": "d"}, c={"next": "d"}, d={"join": "any", "next": "z"}, z={"end": True}
        )
    )

    assert run.do("a").do("c").open == ["d"]
    assert [token.step for token in run.moves[-1].canceled] == ["b"]


def rows_table(**join: Any) -> Procedure:
    return procedure(
        a={"fills": ["facts"], "next": "b"},
        b={"each": {"rows": "rows", "where": "item.dropped != true"}, "fills": ["answer"], "outcomes": {
            "submit": {"next": "c"}, "object": {"next": "r", "refuses": True}}},
        c={"each": {"rows": "rows", "where": "item.dropped != true"}, "outcomes": {"approve": {"next": "d"}, "reject": {"next": "b"}}},
        d={"outcomes": {"ok": {"next": "z"}, "again": {"next": "b", "new_round": True}}, **({"join": "all"} | join)},
        r={"fills": ["facts"], "next": "b"},
        z={"end": True},
    )  # fmt: skip


def test_every_row_has_its_own_task_and_goes_its_own_way():
    run = Run(rows_table()).do("a", rows=UNITS)
    assert run.open == ["b[quality]", "b[stores]"]

    assert run.do("b[quality]", "submit", remark="sorted").open == ["b[stores]", "c[quality]"]
    assert run.do("c[quality]", "approve").open == ["b[stores]"]
    assert run.do("b[stores]", "submit", remark="repacked").do("c[stores]", "approve").open == ["d"]
    assert [row["remark"] for row in run.state.data["rows"]] == ["sorted", "repacked"]


def test_the_join_waits_for_a_row_on_a_detour_and_for_rows_added_meanwhile():
    run = (
        Run(rows_table())
        .do("a", rows=UNITS)
        .do("b[stores]", "object")
        .do("b[quality]", "submit")
        .do("c[quality]", "approve")
    )
    assert run.open == ["r"]

    run.do("r", rows=[{"unit": "quality"}, {"unit": "stores", "dropped": True}, {"unit": "design"}])
    assert run.open == ["b[design]"]
    assert run.do("b[design]", "submit").do("c[design]", "approve").open == ["d"]


def test_a_new_round_begins_with_every_row_and_empty_answers():
    run = Run(rows_table()).do("a", rows=UNITS)
    for unit in ("quality", "stores"):
        run.do(f"b[{unit}]", "submit", remark="first").do(f"c[{unit}]", "approve")

    run.do("d", "again")

    assert (run.open, run.state.round) == (["b[quality]", "b[stores]"], 2)
    assert [row.get("remark") for row in run.state.data["rows"]] == [None, None]


def test_two_of_three_are_enough_where_the_join_says_two():
    units = [*UNITS, {"unit": "design"}]
    run = Run(rows_table(join=2)).do("a", rows=units)
    for unit in ("quality", "stores"):
        run.do(f"b[{unit}]", "submit").do(f"c[{unit}]", "approve")

    assert run.open == ["d"]


def test_what_was_sent_back_returns_straight_even_through_two_levels():
    table = procedure(a={"next": "b"}, b={"next": "c"}, c={"next": "d"}, d={"next": "z"}, z={"end": True})
    run = Run(table).do("a").do("b").do("c")

    run.back("d", "b").back("b", "a")
    assert run.open == ["a"]
    assert run.do("a").open == ["b"]
    assert run.do("b").open == ["d"]


def test_a_redo_that_decides_otherwise_follows_the_table():
    table = procedure(
        a={"outcomes": {"clear": {"next": "b"}, "unclear": {"next": "r"}}},
        b={"next": "z"},
        r={"next": "b"},
        z={"end": True},
    )
    run = Run(table).do("a", "clear").back("b", "a")

    assert run.do("a", "unclear").open == ["r"]


def test_a_step_beside_the_flow_stops_nothing_and_ends_with_the_case():
    table = procedure(a={"next": ["b", "w"]}, b={"next": "z"}, w={"beside": True, "next": []}, z={"end": True})
    run = Run(table).do("a")
    assert run.open == ["b", "w"]

    assert run.do("b").state.status == "z"
    assert run.open == []


def test_nothing_happens_in_a_case_that_is_over():
    run = Run(procedure(a={"next": "z"}, z={"end": True})).do("a")

    with pytest.raises(NotPossible) as refused:
        run.do("a")
    assert refused.value.code == "case_closed"


# --- random tables, walked at random ------------------------------------------------------------------------------------------

NAMES = [f"s{number}" for number in range(7)]


@st.composite
def tables(draw: Any) -> Procedure:
    """A step table in which every step can come to the end: each has one way onward, and may have others anywhere."""
    count = draw(st.integers(2, len(NAMES)))
    names = NAMES[:count]
    steps: dict[str, Any] = {}
    for index, name in enumerate(names):
        onward = st.sampled_from([*names[index + 1 :], "z"])
        anywhere = st.sampled_from([*names[1:], "z"]) if count > 1 else onward
        outcomes = {"on": {"next": draw(onward)}}
        for extra in range(draw(st.integers(0, 2))):
            kind = draw(st.sampled_from(["jump", "split", "when", "round", "beside"]))
            one, other = draw(anywhere), draw(anywhere)
            following: Any = {
                "jump": one,
                "split": sorted({one, other}),
                "when": [{"when": "amount > 5", "to": one}, {"else": other}],
                "round": one,
                "beside": [one, "aside"],
            }[kind]
            outcomes[f"o{extra}"] = {"next": following, "new_round": kind == "round"}
        step: dict[str, Any] = {"outcomes": outcomes, "fills": ["facts", "note"]}
        if index:
            shape = draw(st.sampled_from(["task", "task", "each", "each where", "join", "any", "two", "auto"]))
            step |= {
                "each": {"each": "rows", "fills": ["facts", "answer"]},
                "each where": {"each": {"rows": "rows", "where": "item.dropped != true"}, "fills": ["answer"]},
                "join": {"join": "all"},
                "any": {"join": "any"},
                "two": {"join": 2},
            }.get(shape, {})
            if shape == "auto":
                step = {"auto": True, "next": draw(onward)}
        steps[name] = step
    return procedure(**steps, aside={"beside": True, "next": []}, z={"end": True})


ROWS = st.lists(
    st.sampled_from(["quality", "stores", "design", "finance"]), min_size=1, max_size=4, unique=True
).flatmap(
    lambda units: st.lists(st.booleans(), min_size=len(units), max_size=len(units)).map(
        lambda flags: [{"unit": unit, "dropped": flag} for unit, flag in zip(units, flags, strict=True)]
    )
)


class AnyCase(RuleBasedStateMachine):
    """Whatever the table and whatever people do: nothing gets stuck, nothing gets lost, and the moves tell it all."""

    @initialize(table=tables())
    def begin(self, table: Procedure) -> None:
        self.table = table
        self.state = State()
        self.moves: list[Move] = []
        self.filled: list[tuple[str, Any]] = []
        self.standing: dict[tuple[str, str], Any] = {}
        self.take(advance.start(table, {"rows": [{"unit": "quality", "dropped": False}], "amount": 1}, FACTS))

    def take(self, move: Move) -> None:
        self.moves.append(move)
        self.state = self.state.after(move)

    @precondition(lambda self: self.state.is_open and self.state.tokens)
    @rule(data=st.data(), rows=ROWS, amount=st.integers(0, 10), comment=st.text(max_size=3))
    def complete(self, data: Any, rows: Any, amount: int, comment: str) -> None:
        token = data.draw(st.sampled_from(self.state.tokens))
        step = self.table.steps[token.step]
        outcome = data.draw(st.sampled_from(sorted(step.all_outcomes())))
        values = {"amount": amount, "comment": comment, "remark": comment}
        if data.draw(st.booleans()):
            values["rows"] = rows
        mine = {
            key: value
            for key, value in values.items()
            if any(key in self.table.form.sections[one].fields for one in step.fills)
        }
        before = self.state
        try:
            move = advance.complete(self.table, before, token.step, token.item, outcome, mine, FACTS)
        except NotPossible as refused:
            assert refused.code in ("no_rows", "dead_end")  # rows were taken away that the case stands on
            assert self.state is before
            assume(False)
        self.take(move)
        self.filled += mine.items()
        dropped = {unit for _, unit in self.standing} - {row["unit"] for row in self.state.data["rows"]}
        self.standing = {
            place: kept for place, kept in self.standing.items() if place[1] not in dropped or not place[1]
        }
        here = [row["unit"] for row in self.state.data["rows"]]
        self.standing |= {(key, ""): value for key, value in mine.items() if key in ("amount", "comment")}
        if "remark" in mine and token.item in here:
            self.standing["remark", token.item] = mine["remark"]
        if move.round > before.round:
            self.standing = {place: kept for place, kept in self.standing.items() if place[0] == "amount"}

    @precondition(lambda self: self.state.is_open and self.state.tokens and self.state.done)
    @rule(data=st.data())
    def send_back(self, data: Any) -> None:
        token = data.draw(st.sampled_from(self.state.tokens))
        to, item = data.draw(st.sampled_from(sorted(self.state.done)))
        where = self.table.steps[to].each
        assume(not where or item in row_keys(self.table.form, self.state.data, where, {**self.state.data, **FACTS}))
        try:
            self.take(advance.send_back(self.table, self.state, token.step, token.item, to, item, FACTS))
        except NotPossible as refused:
            assert refused.code in ("not_done_before", "open_already")

    @precondition(lambda self: self.state.is_open)
    @rule()
    def escalate(self) -> None:
        if move := advance.open_beside(self.table, self.state, "aside", FACTS):
            self.take(move)

    @precondition(lambda self: self.state.is_open)
    @rule()
    def void_and_reopen(self) -> None:
        before = self.state
        self.take(advance.void(self.state))
        assert not self.state.tokens
        self.take(advance.reopen(self.table, self.state, None, FACTS))
        assert {token.place for token in self.state.tokens} == {token.place for token in before.tokens}

    @precondition(lambda self: not self.state.is_open)
    @rule()
    def reopen(self) -> None:
        try:
            self.take(advance.reopen(self.table, self.state, None, FACTS))
        except NotPossible as refused:
            assert refused.code == "not_done_before"
            assume(False)

    @invariant()
    def no_task_of_a_closed_case_is_open(self) -> None:
        assert self.state.is_open or not self.state.tokens

    @invariant()
    def an_open_case_has_somebody_to_go_on(self) -> None:
        assert not self.state.is_open or any(not self.table.steps[token.step].beside for token in self.state.tokens)

    @invariant()
    def nothing_is_open_twice(self) -> None:
        places = [token.place for token in self.state.tokens]
        assert len(places) == len(set(places))

    @invariant()
    def what_was_filled_is_never_lost(self) -> None:
        assert self.filled == [item for move in self.moves for item in move.filled.items()]
        for (key, item), value in self.standing.items():
            rows = {row["unit"]: row for row in self.state.data.get("rows") or []}
            if not item:
                assert self.state.data.get(key) == value
            elif item in rows:
                assert rows[item].get(key) == value

    @invariant()
    def the_moves_give_the_state_again(self) -> None:
        again = State()
        for move in self.moves:
            again = again.after(move)
        assert again == self.state


AnyCase.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestAnyCase = AnyCase.TestCase
