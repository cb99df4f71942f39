"""Decision tables, proved when they are read: for every input inside the declared domains exactly one row answers.

    inputs:
      amount: {type: money, min: 0}                     money, number, integer; the domain is [min, max)
      kind: {type: choice, choices: [return, allowance]}          or boolean
    rows:
      - {amount: 0..10000, approver: sales_manager}               [0, 10000)
      - {amount: 10000.., kind: return, approver: [a, b]}         from 10000
      - {amount: 10000.., kind: [allowance], approver: c}         a list is any of these; absent or "*" is any

A day is asked of as a whole number: 20190401.. is from the first of April 2019.

An interval is a..b (a is in it, b is not), a.., ..b, one number, or bounds: ">=a", "<b", ">a and <=b". YAML wants those that
begin with > in quotation marks.

The proof cuts every numeric input at all its bounds, into points and the open intervals between them, and every choice into its
values. Inside such a cell no row can tell two inputs apart, so one witness stands for all of it, and looking at every cell is
looking at every input. Numbers are Decimal throughout.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from difflib import get_close_matches
from itertools import combinations, product
from math import prod
from typing import Any, Protocol

CELL_LIMIT = 200_000
SHOWN = 5

Path = tuple[str | int, ...]
Place = tuple[int, ...]  # of a cell: its index in each input's cells
Box = tuple[tuple[int, ...], ...]  # several, in each input


@dataclass(frozen=True, slots=True)
class TableProblem:
    """`path` leads to the place in the definition; `witness` are inputs that no row, or more than one, answers."""

    path: Path
    message: str
    remedy: str = ""
    witness: Mapping[str, object] | None = None


class NoDecision(ValueError):
    """No single row answers."""

    def __init__(self, table: str, reason: str, input: str | None = None) -> None:
        self.table, self.reason, self.input = table, reason, input
        super().__init__(f"Table {table} cannot decide: {reason}")


class Outside(NoDecision):
    """A value lies outside the domain its input declares."""


class _Unreadable(ValueError):
    def __init__(self, message: str, remedy: str) -> None:
        self.message, self.remedy = message, remedy
        super().__init__(message)


# What a row asks of one input.


class Condition(Protocol):
    def __contains__(self, value: object, /) -> bool: ...


@dataclass(frozen=True, slots=True)
class Interval:
    low: Decimal | None = None
    high: Decimal | None = None
    low_included: bool = True
    high_included: bool = False

    def __contains__(self, value: object) -> bool:
        assert isinstance(value, Decimal)
        above = self.low is None or self.low < value or (self.low_included and self.low == value)
        below = self.high is None or value < self.high or (self.high_included and self.high == value)
        return above and below

    @property
    def is_empty(self) -> bool:
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and not (self.low_included and self.high_included))

    def __str__(self) -> str:
        low, high = _plain(self.low), _plain(self.high)
        if low and low == high:
            return low
        if (self.low_included or not low) and (not self.high_included or not high):
            return f"{low}..{high}"
        return _bounds(self)


@dataclass(frozen=True, slots=True)
class AnyOf:
    intervals: tuple[Interval, ...]

    def __contains__(self, value: object) -> bool:
        return any(value in interval for interval in self.intervals)

    def __str__(self) -> str:
        return " or ".join(map(str, self.intervals))


_ANY_NUMBER = AnyOf((Interval(),))
_RANGE = re.compile(r"(?P<low>[-+]?\d[\d_]*(?:\.\d+)?)?\s*\.\.\s*(?P<high>[-+]?\d[\d_]*(?:\.\d+)?)?")
_BOUND = re.compile(r"(?P<sign>[<>]=?)\s*(?P<number>[-+]?\d[\d_]*(?:\.\d+)?)")
_BOUNDS_REMEDY = 'Write a..b, a.., ..b, one number, or bounds such as "<=b" and ">a and <=b".'


def read_interval(value: object) -> Interval:
    if (number := _decimal(value)) is not None:
        return Interval(number, number, high_included=True)
    interval = _read_interval_text(value.strip()) if isinstance(value, str) else None
    if interval is None:
        raise _Unreadable(f"{value!r} is no interval.", _BOUNDS_REMEDY)
    if interval.is_empty:
        remedy = "Put the smaller number first; a..b does not include b."
        raise _Unreadable(f"No number lies in {value!r}.", remedy)
    return interval


def _read_interval_text(text: str) -> Interval | None:
    if (found := _RANGE.fullmatch(text)) and (found["low"] or found["high"]):
        return Interval(_decimal(found["low"]), _decimal(found["high"]))
    bounds = [_BOUND.fullmatch(part) for part in re.split(r"\s+and\s+", text)]
    lows = [bound for bound in bounds if bound and bound["sign"].startswith(">")]
    highs = [bound for bound in bounds if bound and bound["sign"].startswith("<")]
    if len(lows) > 1 or len(highs) > 1 or len(lows) + len(highs) < len(bounds):
        return None
    return Interval(
        low=_decimal(lows[0]["number"]) if lows else None,
        low_included=lows[0]["sign"] == ">=" if lows else True,
        high=_decimal(highs[0]["number"]) if highs else None,
        high_included=highs[0]["sign"] == "<=" if highs else False,
    )


# Inputs and their domains.


@dataclass(frozen=True, slots=True)
class Cell:
    """A part of one input's domain that no row divides; `witness` is a value in it."""

    extent: Interval | str | bool
    witness: Decimal | str | bool


@dataclass(frozen=True, slots=True)
class NumericInput:
    key: str
    domain: Interval
    is_whole: bool = False

    def condition(self, value: object) -> Condition:
        intervals = AnyOf(tuple(read_interval(part) for part in _listed(value)))
        if not any(cell.witness in intervals for cell in self.cells([intervals])):
            kind = "a whole number" if self.is_whole else "a number"
            message = f"{self.key} is never {intervals}: it is {kind} {_bounds(self.domain)}."
            raise _Unreadable(message, "Correct the interval, or the input's min and max.")
        return intervals

    def admit(self, value: object) -> Decimal:
        number = _decimal(value)
        if number is None:
            raise ValueError(f"{self.key} is {value!r}, which is no number")
        if self.is_whole and number != number.to_integral_value():
            raise ValueError(f"{self.key} is {value}, which is no whole number")
        if number not in self.domain:
            raise ValueError(f"{self.key} is {value}; it must be {_bounds(self.domain)}")
        return number

    def cells(self, conditions: Iterable[Condition]) -> list[Cell]:
        intervals = [i for condition in conditions if isinstance(condition, AnyOf) for i in condition.intervals]
        ends = sorted({end for i in [self.domain, *intervals] for end in (i.low, i.high) if end is not None})
        found = []
        for extent in _elementary_intervals(ends):
            witness = self._witness(extent)
            if witness is not None and witness in self.domain:
                found.append(Cell(extent, witness))
        return found

    def describe(self, cells: Sequence[Cell]) -> list[object]:
        first, last = cells[0].extent, cells[-1].extent
        assert isinstance(first, Interval)
        assert isinstance(last, Interval)
        hull = Interval(first.low, last.high, first.low_included, last.high_included)
        return [str(self._between_whole_numbers(hull) if self.is_whole else hull)]

    def runs(self, indexes: list[int]) -> Iterator[list[int]]:
        """Neighbours belong together: [1, 2, 5] is [1, 2] and [5]."""
        run: list[int] = []
        for index in indexes:
            if run and index != run[-1] + 1:
                yield run
                run = []
            run.append(index)
        yield run

    def _witness(self, extent: Interval) -> Decimal | None:
        low, high = extent.low, extent.high
        if low is not None and extent.low_included:
            return low if not self.is_whole or low == low.to_integral_value() else None
        if low is None and high is None:
            return Decimal(0)
        if low is None:
            assert high is not None
            return high.to_integral_value(ROUND_CEILING) - 1
        above = low.to_integral_value(ROUND_FLOOR) + 1
        if high is None or above < high:
            return above
        return None if self.is_whole else (low + high) / 2

    def _between_whole_numbers(self, extent: Interval) -> Interval:
        low, high = extent.low, extent.high
        if low is not None and not extent.low_included:
            low = low.to_integral_value(ROUND_FLOOR) + 1
        if high is not None:
            high = (
                high.to_integral_value(ROUND_FLOOR) + 1
                if extent.high_included
                else high.to_integral_value(ROUND_CEILING)
            )
        if low is not None and high == low + 1:
            return Interval(low, low, high_included=True)
        return Interval(low, high)


@dataclass(frozen=True, slots=True)
class ChoiceInput:
    key: str
    choices: tuple[str | bool, ...]

    def condition(self, value: object) -> Condition:
        parts = _listed(value)
        for part in parts:
            if not self._has(part):
                similar = get_close_matches(str(part), map(str, self.choices), n=1)
                hint = f"Did you mean {similar[0]}? " if similar else ""
                raise _Unreadable(f"{self.key} is never {part!r}.", f"{hint}Its choices are {self._names()}.")
        return frozenset(parts)

    def admit(self, value: object) -> object:
        if not self._has(value):
            raise ValueError(f"{self.key} is {value!r}; its choices are {self._names()}")
        return value

    def cells(self, conditions: Iterable[Condition]) -> list[Cell]:
        return [Cell(choice, choice) for choice in self.choices]

    def describe(self, cells: Sequence[Cell]) -> list[object]:
        return [_words(cell.extent) for cell in cells]

    def runs(self, indexes: list[int]) -> Iterator[list[int]]:
        yield indexes

    def _has(self, value: object) -> bool:
        return any(value == choice and isinstance(value, bool) == isinstance(choice, bool) for choice in self.choices)

    def _names(self) -> str:
        return ", ".join(map(_words, self.choices))


Input = NumericInput | ChoiceInput


# Tables.


@dataclass(frozen=True, slots=True)
class Row:
    conditions: Mapping[str, Condition]
    outputs: Mapping[str, object]

    def answers(self, values: Mapping[str, object]) -> bool:
        return all(values[key] in condition for key, condition in self.conditions.items())

    def may_answer(self, values: Mapping[str, object]) -> bool:
        """The same, where some inputs are not known yet."""
        return all(values[key] in condition for key, condition in self.conditions.items() if key in values)

    def __str__(self) -> str:
        return (
            ", ".join(f"{key} {_condition_words(condition)}" for key, condition in self.conditions.items())
            or "anything"
        )


@dataclass(frozen=True, slots=True)
class Explanation:
    """Which row answered (counted from 0, as in the definition) and why, in words."""

    row: int
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    key: str
    inputs: tuple[Input, ...] = ()
    outputs: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    title: object = None
    clauses: tuple[str, ...] = ()
    valid_from: date | None = None
    valid_until: date | None = None
    problems: list[TableProblem] = field(default_factory=list)

    @classmethod
    def from_definition(cls, key: str, definition: Mapping[str, object]) -> "Table":
        """Always a table; one to rely on only while `problems` is empty."""
        return _Reader(key, definition).read()

    def asked(self, given: Mapping[str, object], context: Mapping[str, object]) -> dict[str, Any]:
        """What it decides for inputs written down, and for the others by what the context holds of their name."""
        return self.decide({wanted.key: given.get(wanted.key, context.get(wanted.key)) for wanted in self.inputs})

    def decide(self, inputs: Mapping[str, object]) -> dict[str, object]:
        """The outputs of the one row that answers; what the row leaves out is None."""
        row = self.rows[self._row(self._admit(inputs))]
        return {key: row.outputs.get(key) for key in self.outputs}

    def answers(self, given: Mapping[str, object], context: Mapping[str, object], output: str) -> list[Any]:
        """What an output may be: the one answer; while inputs are empty, what every row says that may still answer."""
        known = {wanted.key: given.get(wanted.key, context.get(wanted.key)) for wanted in self.inputs}
        known = {key: value for key, value in known.items() if value is not None}
        if len(known) == len(self.inputs):
            rows = [self.decide(known)]
        else:
            admitted = {wanted.key: wanted.admit(known[wanted.key]) for wanted in self.inputs if wanted.key in known}
            rows = [dict(row.outputs) for row in self.rows if row.may_answer(admitted)]
        found = [row.get(output) for row in rows]
        return [one for answer in found for one in (answer if isinstance(answer, list) else [answer])]

    def explain(self, inputs: Mapping[str, object]) -> Explanation:
        values = self._admit(inputs)
        number = self._row(values)
        row = self.rows[number]
        return Explanation(number, f"{_given(values)}: row {number + 1} ({row}) gives {_given(row.outputs)}")

    def _admit(self, inputs: Mapping[str, object]) -> dict[str, object]:
        values: dict[str, object] = {}
        for input in self.inputs:
            if inputs.get(input.key) is None:
                raise NoDecision(self.key, f"{input.key} is missing.", input.key)
            try:
                values[input.key] = input.admit(inputs[input.key])
            except ValueError as error:
                raise Outside(self.key, f"{error}.", input.key) from None
        return values

    def _row(self, values: Mapping[str, object]) -> int:
        numbers = [number for number, row in enumerate(self.rows) if row.answers(values)]
        if len(numbers) == 1:
            return numbers[0]
        both = " and ".join(str(number + 1) for number in numbers)
        answering = f"rows {both} answer" if numbers else "no row answers"
        raise NoDecision(self.key, f"{answering} for {_given(values)}.")


# The proof.


def prove(inputs: Sequence[Input], rows: Sequence[Row], outputs: Sequence[str] = ()) -> Iterator[TableProblem]:
    """Every gap and every pair of rows that overlap; nothing if each input is answered once."""
    cells = [input.cells(row.conditions[input.key] for row in rows if input.key in row.conditions) for input in inputs]
    size = prod(map(len, cells))
    if size > CELL_LIMIT:
        sizes = " x ".join(f"{len(part)} of {input.key}" for input, part in zip(inputs, cells, strict=True))
        message = f"The table has {size} cells to check ({sizes}); {CELL_LIMIT} are the most."
        yield TableProblem(("inputs",), message, "Use fewer bounds, or make two tables of it.")
        return
    gaps: list[Place] = []
    overlaps: dict[int, Place] = {}  # the first place each set of rows meets in
    answering = [
        [_rows_answering(rows, input, cell) for cell in part] for input, part in zip(inputs, cells, strict=True)
    ]
    for place in product(*(range(len(part)) for part in cells)):
        answers = (1 << len(rows)) - 1  # one bit a row
        for masks, index in zip(answering, place, strict=True):
            answers &= masks[index]
        if not answers:
            gaps.append(place)
        elif answers & (answers - 1):
            overlaps.setdefault(answers, place)
    yield from _gap_problems(inputs, cells, gaps, outputs)
    yield from _overlap_problems(inputs, cells, overlaps)


def _rows_answering(rows: Sequence[Row], input: Input, cell: Cell) -> int:
    return sum(
        1 << number
        for number, row in enumerate(rows)
        if input.key not in row.conditions or cell.witness in row.conditions[input.key]
    )


def _gap_problems(
    inputs: Sequence[Input], cells: Sequence[Sequence[Cell]], gaps: Iterable[Place], outputs: Sequence[str]
) -> Iterator[TableProblem]:
    boxes = _merged(inputs, gaps)
    for box in boxes[:SHOWN]:
        parts = {
            input.key: input.describe([part[index] for index in indexes])
            for input, part, indexes in zip(inputs, cells, box, strict=True)
            if len(indexes) < len(part)
        }
        words = ", ".join(f"{key} {' or '.join(map(str, values))}" for key, values in parts.items())
        row = ", ".join([f"{key}: {_yaml(values)}" for key, values in parts.items()] + [f"{key}: …" for key in outputs])
        witness = _witness(inputs, cells, [indexes[0] for indexes in box])
        yield TableProblem(
            path=("rows",),
            message=f"No row answers for {words or 'anything'}.",
            remedy=f"Add `- {{{row}}}`, or widen a row beside it.",
            witness=witness,
        )
    if len(boxes) > SHOWN:
        yield TableProblem(("rows",), f"{len(boxes) - SHOWN} more gaps are not shown.", "Mend these first.")


def _overlap_problems(
    inputs: Sequence[Input], cells: Sequence[Sequence[Cell]], overlaps: Mapping[int, Place]
) -> Iterator[TableProblem]:
    told: set[tuple[int, int]] = set()
    for answers, place in overlaps.items():
        rows = [number for number in range(answers.bit_length()) if answers >> number & 1]
        for first, second in combinations(rows, 2):
            if (first, second) in told:
                continue
            told.add((first, second))
            witness = _witness(inputs, cells, place)
            message = f"Rows {first + 1} and {second + 1} both answer for {_given(witness)}."
            yield TableProblem(("rows", second), message, "Narrow one of them, or delete it.", witness)


def _merged(inputs: Sequence[Input], places: Iterable[Place]) -> list[Box]:
    """Single cells joined to boxes along one input after the other: what differs in nothing else belongs together."""
    boxes: list[Box] = [tuple((index,) for index in place) for place in places]
    for axis, input in reversed(list(enumerate(inputs))):
        beside: dict[Box, list[int]] = defaultdict(list)
        for box in boxes:
            beside[box[:axis] + box[axis + 1 :]].extend(box[axis])
        boxes = [
            (*others[:axis], tuple(run), *others[axis:])
            for others, indexes in beside.items()
            for run in input.runs(sorted(indexes))
        ]
    return boxes


def _witness(inputs: Sequence[Input], cells: Sequence[Sequence[Cell]], place: Sequence[int]) -> dict[str, object]:
    return {input.key: part[index].witness for input, part, index in zip(inputs, cells, place, strict=True)}


def _elementary_intervals(ends: Sequence[Decimal]) -> Iterator[Interval]:
    """0, 5 -> below 0; 0; between 0 and 5; 5; above 5."""
    below = None
    for end in ends:
        yield Interval(below, end, low_included=False)
        yield Interval(end, end, high_included=True)
        below = end
    yield Interval(below, None, low_included=False)


# Reading a definition.


class _Reader:
    KEYS = ("title", "clause", "valid_from", "valid_until", "source", "note", "inputs", "outputs", "rows")
    INPUT_KEYS = ("type", "title", "unit", "min", "max", "choices")
    TYPES = ("money", "number", "integer", "choice", "boolean")

    def __init__(self, key: str, definition: Mapping[str, object]) -> None:
        self.key, self.definition = key, definition
        self.problems: list[TableProblem] = []

    def read(self) -> Table:
        for key in self.definition:
            if key not in self.KEYS:
                self._complain((key,), f"{key} is not known here.", _did_you_mean(key, self.KEYS))
        inputs = self._inputs()
        outputs, rows = self._rows(inputs)
        if not self.problems:
            self.problems.extend(prove(inputs, rows, outputs))
        return Table(
            key=self.key,
            inputs=inputs,
            outputs=outputs,
            rows=rows,
            title=self.definition.get("title"),
            clauses=self._clauses(),
            valid_from=self._day("valid_from"),
            valid_until=self._day("valid_until"),
            problems=self.problems,
        )

    def _complain(self, path: Path, message: str, remedy: str = "") -> None:
        self.problems.append(TableProblem(path, message, remedy))

    def _clauses(self) -> tuple[str, ...]:
        clauses = _listed(self.definition.get("clause") or [])
        for clause in clauses:
            if not isinstance(clause, str):
                self._complain(("clause",), f"Clause {clause} is a number.", f'Quote it: ["{clause}"].')
        return tuple(map(str, clauses))

    def _day(self, key: str) -> date | None:
        day = self.definition.get(key)
        if day is None or isinstance(day, date):
            return day
        self._complain((key,), f"{day!r} is no date.", "Write it as 2025-01-01.")
        return None

    def _inputs(self) -> tuple[Input, ...]:
        declared = self.definition.get("inputs")
        if not isinstance(declared, Mapping) or not declared:
            remedy = "Write `inputs:` and below it, for example, `amount: {type: money, min: 0}`."
            self._complain(("inputs",), "The table declares no inputs with their domains.", remedy)
            return ()
        found = (self._input(key, spec) for key, spec in declared.items())
        return tuple(input for input in found if input is not None)

    def _input(self, key: str, spec: object) -> Input | None:
        path = ("inputs", key)
        kind = spec.get("type") if isinstance(spec, Mapping) else None
        if not isinstance(spec, Mapping) or kind not in self.TYPES:
            self._complain(path, f"{key} has no known type.", f"Write type: {', '.join(self.TYPES)}.")
            return None
        for word in spec:
            if word not in self.INPUT_KEYS:
                self._complain((*path, word), f"{word} is not known here.", _did_you_mean(word, self.INPUT_KEYS))
        if kind == "boolean":
            return ChoiceInput(key, (True, False))
        if kind == "choice":
            return self._choices(path, key, spec.get("choices"))
        return self._numeric(path, key, spec)

    def _choices(self, path: Path, key: str, choices: object) -> Input | None:
        values = list(choices) if isinstance(choices, list | tuple | Mapping) else []
        if not values:
            self._complain(path, f"{key} has no choices.", "Write choices: [a, b].")
            return None
        for value in values:
            if not isinstance(value, str):
                self._complain((*path, "choices"), f"The choice {value!r} is no text.", f'Quote it: "{value}".')
                return None
        if len(set(values)) < len(values):
            self._complain((*path, "choices"), f"{key} has a choice twice.", "Delete one.")
            return None
        return ChoiceInput(key, tuple(values))

    def _numeric(self, path: Path, key: str, spec: Mapping[str, object]) -> Input | None:
        for end in ("min", "max"):
            if spec.get(end) is not None and _decimal(spec[end]) is None:
                self._complain((*path, end), f"{spec[end]!r} is no number.", "Write a number, or leave it out.")
                return None
        input = NumericInput(
            key, Interval(_decimal(spec.get("min")), _decimal(spec.get("max"))), spec["type"] == "integer"
        )
        if not input.cells([]):
            self._complain(path, f"The domain of {key} is empty.", "min is in it, max is not: make max larger.")
            return None
        return input

    def _rows(self, inputs: tuple[Input, ...]) -> tuple[tuple[str, ...], tuple[Row, ...]]:
        rows = self.definition.get("rows")
        if not isinstance(rows, list | tuple) or not rows:
            self._complain(("rows",), "The table has no rows.", "Add one for each decision.")
            return (), ()
        readable = [(number, row) for number, row in enumerate(rows) if isinstance(row, Mapping)]
        for number, row in enumerate(rows):
            if not isinstance(row, Mapping):
                self._complain(("rows", number), f"{row!r} is no row.", "Write {input: …, output: …}.")
        outputs = self._outputs(inputs, [row for _, row in readable])
        return outputs, tuple(self._row(number, row, inputs, outputs) for number, row in readable)

    def _outputs(self, inputs: tuple[Input, ...], rows: Sequence[Mapping[str, object]]) -> tuple[str, ...]:
        declared = self.definition.get("outputs")
        if declared is not None:
            return tuple(map(str, _listed(declared)))
        # An input that could not be read is still no output.
        spec = self.definition.get("inputs")
        known = {input.key for input in inputs} | set(spec if isinstance(spec, Mapping | list) else ())
        return tuple(dict.fromkeys(key for row in rows for key in row if key not in known))

    def _row(self, number: int, row: Mapping[str, object], inputs: tuple[Input, ...], outputs: tuple[str, ...]) -> Row:
        self._check_row_keys(number, row, [input.key for input in inputs], outputs)
        conditions: dict[str, Condition] = {}
        for input in inputs:
            value = row.get(input.key)
            if value is None or value == "*":
                continue
            try:
                conditions[input.key] = input.condition(value)
            except _Unreadable as error:
                self._complain(("rows", number, input.key), error.message, error.remedy)
        return Row(conditions, {key: row[key] for key in outputs if key in row})

    def _check_row_keys(
        self, number: int, row: Mapping[str, object], inputs: list[str], outputs: tuple[str, ...]
    ) -> None:
        declared = self.definition.get("outputs") is not None
        for key in row:
            if declared and key not in inputs and key not in outputs:
                remedy = _did_you_mean(key, [*inputs, *outputs])
                self._complain(("rows", number, key), f"{key} is neither input nor output.", remedy)
            similar = get_close_matches(str(key), inputs, n=1, cutoff=0.8)
            if not declared and key not in inputs and similar and similar[0] not in row:
                remedy = f"Did you mean {similar[0]}? If not, list it under `outputs:`."
                self._complain(("rows", number, key), f"{key} is no input.", remedy)
        for key in outputs:
            if declared and key not in row:
                self._complain(("rows", number), f"Row {number + 1} does not say {key}.", f"Add {key}; null is none.")


# Words and numbers.


def _decimal(value: object) -> Decimal | None:
    """None where there is no number: True is none, nor is NaN. A day is the number its digits write: 20240315."""
    if isinstance(value, date):
        return Decimal(f"{value:%Y%m%d}")
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        # A float's own digits, not its binary tail; ruamel's floats are floats.
        number = Decimal(repr(float(value)) if isinstance(value, float) else value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _plain(number: Decimal | None) -> str:
    return "" if number is None else f"{number:f}"


def _bounds(interval: Interval) -> str:
    bounds = []
    if interval.low is not None:
        bounds.append(f"{'>=' if interval.low_included else '>'}{_plain(interval.low)}")
    if interval.high is not None:
        bounds.append(f"{'<=' if interval.high_included else '<'}{_plain(interval.high)}")
    return " and ".join(bounds)


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _words(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return _plain(value)
        case list() | tuple():
            return ", ".join(map(_words, value))
    return str(value)


def _condition_words(condition: Condition) -> str:
    return " or ".join(sorted(map(_words, condition))) if isinstance(condition, frozenset) else str(condition)


def _yaml(values: list[object]) -> str:
    texts = [f'"{value}"' if str(value).startswith((">", "<")) else str(value) for value in values]
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def _given(values: Mapping[str, object]) -> str:
    return ", ".join(f"{key} {_words(value)}" for key, value in values.items())


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    similar = get_close_matches(str(word), list(known), n=1)
    return f"Did you mean {similar[0]}?" if similar else f"Known are {', '.join(known)}."
