import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from io import StringIO

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from kehu.engine.tables import NoDecision, Outside, Table

HEAD = """
title: {zh: 核决权限, en: Approval authority}
clause: ["6.1"]
valid_from: 2025-01-01
inputs:
  amount: {type: money, min: 0}
  kind: {type: choice, choices: [return, allowance]}
rows:
"""
COMPLETE = (
    HEAD
    + """
  - {amount: 0..10000, approver: sales_manager}
  - {amount: 10000.., kind: return, approver: [sales_manager, quality_manager], signatures: all}
  - {amount: 10000.., kind: [allowance], approver: general_manager}
"""
)


def table(text: str) -> Table:
    return Table.from_definition("authority", YAML().load(StringIO(text)))


def messages(text: str) -> list[str]:
    return [problem.message for problem in table(text).problems]


# Deciding.


def test_a_complete_table_has_no_problems_and_decides() -> None:
    authority = table(COMPLETE)
    assert authority.problems == []
    assert authority.decide({"amount": 9999, "kind": "return"}) == {"approver": "sales_manager", "signatures": None}
    assert authority.decide({"amount": Decimal(10000), "kind": "return"}) == {
        "approver": ["sales_manager", "quality_manager"],
        "signatures": "all",
    }
    assert authority.decide({"amount": 10000.5, "kind": "allowance", "more": 1})["approver"] == "general_manager"


def test_while_an_input_is_empty_it_answers_what_it_may_still_answer() -> None:
    kinds = {"kind": {"type": "choice", "choices": ["mould", "gauge", "other"]}, "large": {"type": "boolean"}}
    rows = [
        {"kind": "mould", "keeps": ["engineer", "rep"]},
        {"kind": "gauge", "large": True, "keeps": "quality"},
        {"kind": "gauge", "large": False, "keeps": "rep"},
        {"kind": "other", "keeps": "rep"},
    ]
    table = Table.from_definition("custody", {"inputs": kinds, "outputs": ["keeps"], "rows": rows})

    assert table.problems == []
    assert table.answers({}, {"kind": "gauge", "large": True}, "keeps") == ["quality"]
    assert table.answers({"kind": "gauge"}, {}, "keeps") == ["quality", "rep"]
    assert table.answers({}, {"large": False}, "keeps") == ["engineer", "rep", "rep", "rep"]


def test_a_decision_is_explained() -> None:
    explanation = table(COMPLETE).explain({"amount": 12000, "kind": "allowance"})
    assert explanation.row == 2
    assert explanation.text == (
        "amount 12000, kind allowance: row 3 (amount 10000.., kind allowance) gives approver general_manager"
    )


def test_an_input_that_is_missing_is_named() -> None:
    with pytest.raises(NoDecision, match="kind is missing") as caught:
        table(COMPLETE).decide({"amount": 5})
    assert caught.value.input == "kind"


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"amount": -1, "kind": "return"}, "amount is -1; it must be >=0"),
        ({"amount": True, "kind": "return"}, "amount is True, which is no number"),
        ({"amount": 1, "kind": "repair"}, "kind is 'repair'; its choices are return, allowance"),
    ],
)
def test_a_value_outside_the_domain_is_named(inputs: dict[str, object], said: str) -> None:
    with pytest.raises(Outside) as caught:
        table(COMPLETE).decide(inputs)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("interval", "inside", "outside"),
    [
        ("0..10", ["0", "9.99"], ["-1", "10"]),
        ("10..", ["10"], ["9.99"]),
        ("..10", ["-5", "9"], ["10"]),
        ("7", ["7"], ["7.01"]),
        ("7.50", ["7.5"], ["7"]),
        ('"<=10"', ["10"], ["10.01"]),
        ('"<10"', ["9"], ["10"]),
        ('">=10"', ["10"], ["9"]),
        ('">10"', ["10.01"], ["10"]),
        ('">10 and <=20"', ["20"], ["10", "20.01"]),
        ("-1.5..1_000", ["-1.5", "999"], ["-2"]),
        ("[1, 5..7]", ["1", "6"], ["2", "7"]),
        ('"*"', ["-9", "9"], []),
    ],
)
def test_intervals_are_written_in_these_ways(interval: str, inside: list[str], outside: list[str]) -> None:
    one_row = table(f"inputs: {{n: {{type: number}}}}\nrows:\n  - {{n: {interval}, x: 1}}\n")
    for number in inside:
        assert one_row.decide({"n": Decimal(number)}) == {"x": 1}
    for number in outside:
        with pytest.raises(NoDecision):
            one_row.decide({"n": Decimal(number)})


# Gaps and overlaps.


def test_a_gap_is_named_with_the_row_that_closes_it() -> None:
    [problem] = table(
        HEAD
        + """
  - {amount: 0..5000, approver: sales_manager}
  - {amount: 5000.., kind: return, approver: quality_manager}
  - {amount: 10000.., kind: allowance, approver: general_manager}
"""
    ).problems
    assert problem.path == ("rows",)
    assert problem.message == "No row answers for amount 5000..10000, kind allowance."
    assert problem.remedy.startswith("Add `- {amount: 5000..10000, kind: allowance, approver: …}`")
    assert problem.witness == {"amount": Decimal(5000), "kind": "allowance"}


def test_a_bound_left_out_on_both_sides_is_a_gap() -> None:
    assert messages(HEAD + "  - {amount: '<5', approver: a}\n  - {amount: '>5', approver: b}\n") == [
        "No row answers for amount 5."
    ]


def test_an_overlap_names_both_rows_and_a_witness() -> None:
    [problem] = table(HEAD + "  - {amount: '<=5', approver: a}\n  - {amount: 5.., approver: b}\n").problems
    assert problem.path == ("rows", 1)
    assert problem.message == "Rows 1 and 2 both answer for amount 5, kind return."


def test_whole_numbers_leave_no_gap_between_neighbours() -> None:
    whole = "inputs: {n: {type: integer, min: 0, max: 11}}\nrows:\n  - {n: '<=3', x: 1}\n  - {n: '>=4 and <=9', x: 2}\n"
    assert messages(whole) == ["No row answers for n 10."]
    assert messages(whole + "  - {n: 10, x: 3}\n") == []
    with pytest.raises(Outside, match="no whole number"):
        table(whole).decide({"n": Decimal("3.5")})


def test_yes_and_no_are_a_choice() -> None:
    assert messages("inputs: {late: {type: boolean}}\nrows:\n  - {late: true, x: 1}\n") == [
        "No row answers for late false."
    ]


def test_only_the_first_gaps_are_told_one_by_one() -> None:
    rows = "".join(f"  - {{n: {number}, x: 1}}\n" for number in range(10))
    problems = messages("inputs: {n: {type: number}}\nrows:\n" + rows)
    assert len(problems) == 6
    assert problems[-1] == "6 more gaps are not shown."


def test_a_table_too_large_to_prove_is_a_problem() -> None:
    rows = "".join(f"  - {{a: {n}, b: {n}, c: {n}, x: 1}}\n" for n in range(30))
    [problem] = messages("inputs: {a: {type: number}, b: {type: number}, c: {type: number}}\nrows:\n" + rows)
    assert "226981 cells" in problem


# Mistakes in the definition.


@pytest.mark.parametrize(
    ("definition", "path", "said"),
    [
        (HEAD + "  - {amount: 5..1, x: 1}", ("rows", 0, "amount"), "No number lies in '5..1'"),
        (HEAD + "  - {amount: soon, x: 1}", ("rows", 0, "amount"), "'soon' is no interval"),
        (HEAD + "  - {amount: -5..-1, x: 1}", ("rows", 0, "amount"), "amount is never -5..-1"),
        (HEAD + "  - {kind: retrun, x: 1}", ("rows", 0, "kind"), "Did you mean return?"),
        (HEAD + "  - {amuont: 1.., x: 1}", ("rows", 0, "amuont"), "Did you mean amount?"),
        (HEAD + "  - nothing", ("rows", 0), "no row"),
        (HEAD + "outputs: [y]", ("rows",), "no rows"),
        (COMPLETE + "outputs: [approver]", ("rows", 1, "signatures"), "neither input nor output"),
        (COMPLETE + "outputs: [approver, signatures]", ("rows", 0), "does not say signatures"),
        (COMPLETE + "rowz: []", ("rowz",), "Did you mean rows?"),
        ("clause: 5.10\n" + COMPLETE.replace('clause: ["6.1"]\n', ""), ("clause",), "is a number"),
        (COMPLETE.replace("2025-01-01", "soon"), ("valid_from",), "no date"),
        ("inputs: [amount]\nrows: [{amount: 1, x: 1}]", ("inputs",), "no inputs with their domains"),
        ("inputs: {a: {type: monney}}\nrows: [{x: 1}]", ("inputs", "a"), "no known type"),
        ("inputs: {a: {type: money, mni: 0}}\nrows: [{x: 1}]", ("inputs", "a", "mni"), "Did you mean min?"),
        ("inputs: {a: {type: money, min: x}}\nrows: [{x: 1}]", ("inputs", "a", "min"), "no number"),
        ("inputs: {a: {type: money, min: 2, max: 2}}\nrows: [{x: 1}]", ("inputs", "a"), "domain of a is empty"),
        ("inputs: {a: {type: choice}}\nrows: [{x: 1}]", ("inputs", "a"), "no choices"),
        ("inputs: {a: {type: choice, choices: [1]}}\nrows: [{x: 1}]", ("inputs", "a", "choices"), "Quote it"),
        ("inputs: {a: {type: choice, choices: [b, b]}}\nrows: [{x: 1}]", ("inputs", "a", "choices"), "twice"),
    ],
)
def test_a_mistake_is_named_with_its_place(definition: str, path: tuple[str | int, ...], said: str) -> None:
    problems = table(definition.replace("rows:\noutputs", "outputs")).problems
    assert path in [problem.path for problem in problems]
    assert any(said in f"{problem.message} {problem.remedy}" for problem in problems if problem.path == path)


# Complete tables made by cutting the domain to pieces, and what happens when a piece is harmed.

TOP = 100
KINDS = ("return", "allowance", "repair")


@dataclass(frozen=True)
class Piece:
    low: int = 0
    high: int = TOP
    kinds: tuple[str, ...] = KINDS
    late: tuple[bool, ...] = (True, False)

    def cut(self, how: int, at: int) -> list["Piece"]:
        if how == 0 and self.low < at < self.high:
            return [replace(self, high=at), replace(self, low=at)]
        if how == 1 and len(self.kinds) > 1:
            first = 1 + at % (len(self.kinds) - 1)
            return [replace(self, kinds=self.kinds[:first]), replace(self, kinds=self.kinds[first:])]
        if how == 2 and len(self.late) > 1:
            return [replace(self, late=(late,)) for late in self.late]
        return [self]

    def holds(self, inputs: Mapping[str, object]) -> bool:
        amount = inputs["amount"]
        assert isinstance(amount, Decimal)
        return self.low <= amount < self.high and inputs["kind"] in self.kinds and inputs["late"] in self.late


def built(pieces: list[Piece]) -> Table:
    rows = [
        {"amount": f"{piece.low}..{piece.high}", "kind": list(piece.kinds), "late": list(piece.late), "answer": number}
        for number, piece in enumerate(pieces)
    ]
    inputs = {
        "amount": {"type": "money", "min": 0, "max": TOP},
        "kind": {"type": "choice", "choices": list(KINDS)},
        "late": {"type": "boolean"},
    }
    return Table.from_definition("built", {"inputs": inputs, "rows": rows})


@st.composite
def partitions(draw: st.DrawFn) -> list[Piece]:
    pieces = [Piece()]
    for which, how, at in draw(
        st.lists(st.tuples(st.integers(0, 99), st.integers(0, 2), st.integers(1, TOP - 1)), max_size=12)
    ):
        chosen = pieces.pop(which % len(pieces))
        pieces += chosen.cut(how, at)
    return pieces


@given(partitions(), st.integers())
def test_a_complete_table_answers_every_input_with_exactly_one_row(pieces: list[Piece], seed: int) -> None:
    complete = built(pieces)
    assert complete.problems == []
    chance = random.Random(seed)
    for _ in range(100):  # times a hundred tables
        inputs = {
            "amount": Decimal(chance.randrange(TOP * 100)) / 100,
            "kind": chance.choice(KINDS),
            "late": chance.choice([True, False]),
        }
        [answer] = [number for number, piece in enumerate(pieces) if piece.holds(inputs)]
        assert complete.decide(inputs) == {"answer": answer}


@given(partitions(), st.data())
def test_without_any_one_row_there_is_a_gap_and_its_witness_is_undecided(
    pieces: list[Piece], data: st.DataObject
) -> None:
    assume(len(pieces) > 1)
    gone = pieces.pop(data.draw(st.integers(0, len(pieces) - 1)))
    torn = built(pieces)
    assert torn.problems
    for problem in torn.problems:
        assert problem.message.startswith("No row answers for ")
        assert problem.witness is not None
        assert gone.holds(problem.witness)
        with pytest.raises(NoDecision, match="no row answers"):
            torn.decide(problem.witness)


@given(partitions(), st.data())
def test_a_bound_that_is_moved_makes_a_gap_or_an_overlap(pieces: list[Piece], data: st.DataObject) -> None:
    bounds = [(i, "low") for i, p in enumerate(pieces) if p.low > 0] + [
        (i, "high") for i, p in enumerate(pieces) if p.high < TOP
    ]
    assume(bounds)
    number, side = data.draw(st.sampled_from(bounds))
    piece = pieces[number]
    moved = replace(piece, **{side: getattr(piece, side) + data.draw(st.sampled_from([-1, 1]))})
    assume(moved.low < moved.high)
    harmed = built([*pieces[:number], moved, *pieces[number + 1 :]])
    assert harmed.problems
    for problem in harmed.problems:
        assert problem.witness is not None
        with pytest.raises(NoDecision, match="answer"):
            harmed.decide(problem.witness)
