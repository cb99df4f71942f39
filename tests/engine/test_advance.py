# ruff: noqa: PT017 (what a random act may be refused for is part of the property)
"""How a case moves: plain stories on small step tables, then random tables walked at random."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kehu.engine import advance, signatures, withdrawal
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
        return self.take(advance.complete(self.table, self.state, step, item, outcome, values, FACTS, waits=True))

    def back(self, place: str, to: str) -> Run:
        step, _, item = place.rstrip("]").partition("[")
        to_step, _, to_item = to.rstrip("]").partition("[")
        return self.take(advance.send_back(self.table, self.state, step, item, to_step, to_item or None, FACTS))

    def ask(self, place: str, *who: str, order: Any = "before") -> Run:
        return self.take(signatures.add_signers(self.table, self.state, place, "", who, order))

    def sign(self, place: str, who: str, agrees: bool = True) -> Run:
        return self.take(signatures.sign(self.table, self.state, place, "", who, agrees=agrees, facts=FACTS))

    def withdraw(self, place: str) -> Run:
        step, _, item = place.rstrip("]").partition("[")
        index = withdrawal.last_of(self.moves, step, item)
        return self.take(withdrawal.withdraw(self.table, self.moves, index, FACTS))

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


def test_a_step_beside_the_flow_takes_nothing_from_the_rows_it_is_for():
    table = procedure(
        a={"fills": ["facts"], "next": ["w", "b"]},
        w={"each": "rows", "beside": True, "next": []},
        b={"each": "rows", "next": "d"},
        d={"join": "all", "next": "z"},
        z={"end": True},
    )
    run = Run(table).do("a", rows=UNITS)
    assert run.open == ["b[quality]", "b[stores]", "w[quality]", "w[stores]"]

    run.do("w[quality]").do("b[quality]")
    assert run.do("b[stores]").open == ["d", "w[stores]"]


def test_a_late_row_gets_a_step_of_its_own_and_the_join_waits_for_it():
    table = procedure(
        a={"fills": ["facts"], "next": "b"},
        b={"each": "rows", "next": "d"},
        x={"each": "rows", "next": "d"},
        d={"join": "all", "next": "z"},
        z={"end": True},
    )
    run = Run(table).do("a", rows=UNITS)
    move = advance.open_beside(table, run.state, "x", ("b", "stores"), FACTS)
    assert move
    assert run.take(move).open == ["b[quality]", "b[stores]", "x[stores]"]
    assert advance.open_beside(table, run.state, "x", ("b", "stores"), FACTS) is None

    assert run.do("b[quality]").do("b[stores]").open == ["x[stores]"]
    assert run.do("x[stores]").open == ["d"]


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


# --- added signers ----------------------------------------------------------------------------------------------------------

LINE = {"a": {"next": "b", "fills": ["facts"]}, "b": {"next": "c"}, "c": {"next": "z"}, "z": {"end": True}}


def refused(act):
    with pytest.raises(NotPossible) as found:
        act()
    return found.value.code


def test_who_signs_before_is_waited_for():
    run = Run(procedure(**LINE)).ask("a", "auditor", "lawyer")
    assert refused(lambda: run.do("a")) == "waits_for_signers"

    run.sign("a", "lawyer")
    assert refused(lambda: run.do("a")) == "waits_for_signers"

    assert run.sign("a", "auditor").do("a").open == ["b"]


def test_who_refuses_before_leaves_it_to_the_holder():
    run = Run(procedure(**LINE)).ask("a", "auditor").sign("a", "auditor", agrees=False)

    assert run.do("a").open == ["b"]


def test_who_signs_after_holds_the_case_but_not_what_was_filled():
    run = Run(procedure(**LINE)).ask("a", "auditor", order="after").do("a", amount=3)

    assert (run.open, run.state.data["amount"], run.state.tokens[0].held) == (["a"], 3, "done")
    assert refused(lambda: run.do("a")) == "waits_for_signers"
    assert run.sign("a", "auditor").open == ["b"]


def test_a_refusal_after_gives_it_back_and_all_sign_anew():
    run = Run(procedure(**LINE)).ask("a", "auditor", "lawyer", order="after").do("a", amount=3)
    run.sign("a", "auditor").sign("a", "lawyer", agrees=False)
    assert (run.state.tokens[0].held, [signer.agreed for signer in run.state.tokens[0].signers]) == ("", [False] * 2)

    run.do("a", amount=4).sign("a", "lawyer")
    assert run.open == ["a"]
    assert run.sign("a", "auditor").open == ["b"]


def test_dropping_the_last_signer_lets_the_case_go_on():
    run = Run(procedure(**LINE)).ask("a", "auditor", order="after").do("a")

    run.take(signatures.drop_signer(run.table, run.state, "a", "", "auditor", FACTS))

    assert run.open == ["b"]


def test_only_who_was_asked_signs_and_nobody_is_asked_twice():
    run = Run(procedure(**LINE)).ask("a", "auditor")

    assert refused(lambda: run.sign("a", "lawyer")) == "not_asked"
    assert refused(lambda: run.ask("a", "auditor", order="after")) == "asked_already"


def test_what_the_clock_does_waits_for_no_signer():
    run = Run(procedure(**LINE)).ask("a", "auditor")

    run.take(advance.complete(run.table, run.state, "a", "", None, {}, FACTS))

    assert run.open == ["b"]


# --- withdrawing ------------------------------------------------------------------------------------------------------------


def test_a_completion_taken_back_was_never_there():
    run = Run(procedure(**LINE)).do("a", amount=1)
    before = run.state
    run.do("b")

    run.withdraw("b")

    assert (run.open, dict(run.state.done)) == (["b"], dict(before.done))
    assert run.withdraw("a").state.data.get("amount") is None
    assert run.open == ["a"]


def test_nothing_is_taken_back_once_the_next_has_acted():
    run = Run(procedure(**LINE)).do("a").do("b")

    assert refused(lambda: run.withdraw("a")) == "acted_since"
    assert refused(lambda: Run(procedure(**LINE)).withdraw("a")) == "not_done_before"


def test_asking_a_signer_is_acting():
    run = Run(procedure(**LINE)).do("a").ask("b", "auditor")

    assert refused(lambda: run.withdraw("a")) == "acted_since"


def test_what_others_did_beside_it_stays():
    run = Run(rows_table()).do("a", rows=UNITS)
    run.do("b[quality]", "submit", remark="mine").do("b[stores]", "submit", remark="theirs")

    run.withdraw("b[quality]")

    assert run.open == ["b[quality]", "c[stores]"]
    assert [row.get("remark") for row in run.state.data["rows"]] == [None, "theirs"]


def test_a_join_that_went_on_is_not_undone_from_below():
    table = procedure(
        a={"next": ["b", "c"]},
        b={"outcomes": {"off": {"next": "e"}, "on": {"next": "d"}}},
        c={"next": "d"},
        d={"join": "all", "next": "z"},
        e={"next": "z"},
        z={"end": True},
    )
    run = Run(table).do("a").do("b", "off").do("c")

    assert refused(lambda: run.withdraw("b")) == "acted_since"


def test_a_round_that_was_begun_by_mistake_is_taken_back():
    run = Run(rows_table()).do("a", rows=UNITS)
    for unit in ("quality", "stores"):
        run.do(f"b[{unit}]", "submit", remark="first").do(f"c[{unit}]", "approve")

    run.do("d", "again").withdraw("d")

    assert (run.open, run.state.round) == (["d"], 1)
    assert [row.get("remark") for row in run.state.data["rows"]] == ["first", "first"]


def test_what_opened_a_case_is_not_taken_back():
    run = Run(procedure(a={"next": "b", "opens": [{"procedure": "other"}]}, b={"next": "z"}, z={"end": True})).do("a")

    assert refused(lambda: run.withdraw("a")) == "has_consequences"


def test_what_was_submitted_to_a_signer_is_taken_back_until_he_signs():
    run = Run(procedure(**LINE)).ask("a", "auditor", order="after").do("a", amount=3).withdraw("a")
    assert (run.open, run.state.tokens[0].held, run.state.data.get("amount")) == (["a"], "", None)

    run.do("a").sign("a", "auditor")
    assert refused(lambda: run.withdraw("a")) == "acted_since"


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
        self.stood: list[tuple[State, dict[tuple[str, str], Any]]] = []
        self.take(advance.start(table, {"rows": [{"unit": "quality", "dropped": False}], "amount": 1}, FACTS))

    def take(self, move: Move) -> None:
        self.stood.append((self.state, dict(self.standing)))
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
            move = advance.complete(self.table, before, token.step, token.item, outcome, mine, FACTS, waits=True)
        except NotPossible as refused:
            if refused.code == "waits_for_signers":
                assert token.asked
            else:
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
            assert refused.code in ("not_done_before", "open_already", "waits_for_signers")

    @precondition(lambda self: self.state.is_open and self.state.tokens)
    @rule(data=st.data(), who=st.sampled_from(["auditor", "lawyer"]), order=st.sampled_from(["before", "after"]))
    def add_signer(self, data: Any, who: str, order: Any) -> None:
        token = data.draw(st.sampled_from(self.state.tokens))
        assume(not token.asked or data.draw(st.integers(0, 9)) == 0)
        try:
            self.take(signatures.add_signers(self.table, self.state, *token.place, [who], order))
        except NotPossible as refused:
            assert refused.code in ("asked_already", "waits_for_signers")

    @precondition(lambda self: self.state.is_open and any(token.asked for token in self.state.tokens))
    @rule(data=st.data(), agrees=st.booleans())
    def sign(self, data: Any, agrees: bool) -> None:
        token = data.draw(st.sampled_from([token for token in self.state.tokens if token.asked]))
        who, before = data.draw(st.sampled_from(token.asked)).who, self.state
        try:
            self.take(signatures.sign(self.table, before, *token.place, who, agrees=agrees, facts=FACTS))
        except NotPossible as refused:
            assert refused.code in ("no_rows", "dead_end")
            assume(False)
        if self.moves[-1].round > before.round:
            self.standing = {place: kept for place, kept in self.standing.items() if place[0] == "amount"}

    @precondition(lambda self: self.state.is_open)
    @rule()
    def pause_or_resume(self) -> None:
        before = self.state
        self.take(advance.resume(before) if before.paused else advance.pause(before))
        assert self.state == replace(before, paused=not before.paused)

    @precondition(lambda self: self.state.is_open and self.state.done)
    @rule(data=st.data())
    def withdraw(self, data: Any) -> None:
        place = data.draw(st.sampled_from(sorted(self.state.done)))
        try:
            index = withdrawal.last_of(self.moves, *place)
            move = withdrawal.withdraw(self.table, self.moves, index, FACTS)
        except NotPossible as refused:
            assert refused.code in ("acted_since", "not_done_before")
            return
        stood, standing = self.stood[index]
        was_last = index == len(self.moves) - 1
        self.take(move)
        if was_last:
            assert _alike(self.state) == _alike(stood)
            self.standing = standing
        else:
            self.standing = {
                place: kept for place, kept in self.standing.items() if place[0] not in move.changes and not place[1]
            }

    @precondition(lambda self: self.state.is_open)
    @rule()
    def escalate(self) -> None:
        if move := advance.open_beside(self.table, self.state, "aside", ("", ""), FACTS):
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


def _alike(state: State) -> Any:
    """A state but for the order of what stands side by side; an empty value is none."""
    data = {key: value for key, value in state.data.items() if value not in (None, [])}
    arrived = {step: set(places) for step, places in state.arrived.items()}
    return replace(state, tokens=(), arrived={}, data={}), frozenset(state.tokens), arrived, data


AnyCase.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestAnyCase = AnyCase.TestCase
