from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kehu.engine.expressions import (
    CLOSURES,
    KNOWN_FUNCTIONS,
    LENGTH_LIMIT,
    ExpressionError,
    as_date,
    as_datetime,
    as_decimal,
    evaluate_condition,
    parse,
)

SHANGHAI = timezone(timedelta(hours=8))


def value(text: str, **context: object) -> object:
    return parse(text).evaluate(context)


def complaint(text: str, **context: object) -> str:
    with pytest.raises(ExpressionError) as caught:
        value(text, **context)
    return str(caught.value)


# What an expression reads.


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("amount > 5000 and kind == 'return'", {"amount", "kind"}),
        ("item.department", {"item.department"}),
        ("len(departments) > 1", {"departments"}),
        ("some(lines, #.department == department)", {"lines", "department"}),
        ("some(lines as line, some(line.lots as lot, lot.bad and line.late))", {"lines"}),
        ("sum(map(lines as line, line.price)) + line", {"lines", "line"}),
        ("{kind: reason, 'why': late ? a : b, [key]: 1}", {"reason", "late", "a", "b", "key"}),
        ("lines[index].price + item['department']", {"lines", "index", "item"}),
        ("kind in ['amount', \"it's\"] or not (null == true)", {"kind"}),
        ("quantity in [low..high)", {"quantity", "low", "high"}),
        ("android or order", {"android", "order"}),
        ("1_000.5 + 2e3", set()),
    ],
)
def test_an_expression_knows_the_names_it_reads(text: str, names: set[str]) -> None:
    assert parse(text).names == names


def test_an_expression_is_compiled_once_and_shared_between_threads() -> None:
    assert parse("amount * 2") is parse("amount * 2")
    with ThreadPoolExecutor(4) as pool:
        doubled = pool.map(lambda n: value("amount * 2", amount=n), range(100))
    assert list(doubled) == [n * 2 for n in range(100)]


# What a pack may write.


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("late ? 'red' : 'green'", "red"),
        ("missing ?? 'none'", "none"),
        ("price * missing ?? 2", 5),
        ("sum(map(lines, #.price * quantity))", 12),
        ("map(lines, len(filter(#.lots, # > 1)))", [1, 0]),
        ("map(lines as line, map(line.lots as lot, lot * line.price))", [[1, 2], [3]]),
        ("flatten([map(lines, #.price), [9]])", [1, 3, 9]),
        ("{kind: 'x', rows: [1, {a: null}]}", {"kind": "x", "rows": [1, {"a": None}]}),
        ("quantity in [1..3] and quantity not in [1..3)", True),
        ("contains('中文字', '文') and startsWith('QP-08', 'QP')", True),
        ("matches('中文字', '^.{3}$')", True),
        ("'客诉 ' + string(quantity)", "客诉 3"),
        ("max([price, quantity]) + round(2.345, 2)", Decimal("5.35")),
        ("count(lines, #.price > 1)", 1),
        ("all([], # > 1) and not some([], # > 1)", True),
    ],
)
def test_packs_may_write(text: str, result: object) -> None:
    lines = [{"price": 1, "lots": [1, 2]}, {"price": 3, "lots": [1]}]
    assert value(text, late=True, price=Decimal("2.5"), quantity=3, lines=lines) == result


@pytest.mark.parametrize(
    ("name", "call"),
    [
        *((name, f"{name}([2, 1])") for name in ("avg", "max", "median", "min", "sum", "flatten", "keys", "len")),
        *((name, f"{name}([1], # == 1)") for name in sorted(CLOSURES)),
        *(
            (name, f"{name}(1.5)")
            for name in ("abs", "ceil", "floor", "round", "trunc", "number", "string", "isNumeric")
        ),
        *((name, f"{name}('a', 'a')") for name in ("contains", "endsWith", "startsWith", "matches", "split")),
        *((name, f"{name}('a')") for name in ("lower", "upper", "trim")),
        *((name, f"{name}('2025-03-01')") for name in ("date", "dayOfMonth", "dayOfWeek", "monthOfYear", "year")),
        *((name, f"{name}('2025-03-01', 'month')") for name in ("startOf", "endOf")),
        ("duration", "duration('2h 30m')"),
        ("values", "values({a: 1})"),
    ],
)
def test_every_known_function_is_there(name: str, call: str) -> None:
    assert name in KNOWN_FUNCTIONS
    assert value(call) is not None


# Days and moments.


def test_days_and_moments_compare_by_the_wall_clock_of_the_place() -> None:
    context = {
        "received_at": datetime(2025, 3, 1, 7, 30, tzinfo=SHANGHAI),  # still 28 February in UTC
        "now": datetime(2025, 3, 1, 2, 0, tzinfo=UTC),  # 10:00 in Shanghai
        "due_on": date(2025, 3, 1),
        "today": date(2025, 3, 1),
        "planned": datetime(2025, 3, 2, 8, 0),
    }
    for text in [
        "received_at <= now",
        "planned > received_at",
        "due_on >= today and due_on == today",
        "received_at >= due_on",
        "due_on == date('2025-03-01')",
        "now - received_at == duration('2h 30m')",
        "startOf(now, 'day') == today and dayOfWeek(today) == 6",
    ]:
        assert evaluate_condition(parse(text), context, zone=SHANGHAI), text


def test_days_and_moments_come_back() -> None:
    moment = datetime(2025, 3, 1, 7, 30, 15, 250_000, tzinfo=SHANGHAI)
    later = parse("moment + duration('1d')").evaluate({"moment": moment}, zone=SHANGHAI)
    assert as_datetime(later, zone=SHANGHAI) == moment + timedelta(days=1)
    assert as_date(value("day + duration('1d')", day=date(1969, 12, 30))) == date(1969, 12, 31)


def test_a_date_kept_as_text_cannot_be_compared() -> None:
    assert "only numbers, days and moments" in complaint("due_on > date('2025-01-01')", due_on="2025-03-01")


# Numbers.


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=5))
def test_a_number_of_at_most_fifteen_digits_comes_back_unchanged(number: Decimal) -> None:
    assert value("number", number=number) == number


@pytest.mark.parametrize("number", ["1234567890123456", "1234567890.123456", "1E+20", "1E-20", "NaN", "Infinity"])
def test_a_number_that_a_float_cannot_hold_is_refused(number: str) -> None:
    assert "number is" in complaint("number", number=Decimal(number))
    assert "digits" in complaint("big * big", big=10**9)
    assert "digits" in complaint("9007199254740993")


def test_whole_results_are_int_and_others_decimal() -> None:
    assert type(value("4 / 2")) is int
    assert value("1 / 3") == Decimal("0.333333333333333")
    assert value("0.1 + 0.2") == Decimal("0.3")


def test_results_are_rounded_half_up_to_the_decimals_of_a_field() -> None:
    assert as_decimal(value("2.345 * 1"), 2) == Decimal("2.35")
    assert as_decimal(value("-2.345 * 1"), 2) == Decimal("-2.35")
    assert str(as_decimal(7, 2)) == "7.00"
    with pytest.raises(ValueError, match="no number"):
        as_decimal(True, 2)


# Conditions.


def test_an_empty_condition_does_not_hold() -> None:
    assert evaluate_condition(parse("missing"), {}) is False
    assert evaluate_condition(parse("amount > 5"), {"amount": 6}) is True


def test_a_condition_that_is_neither_true_nor_false_is_a_mistake() -> None:
    with pytest.raises(ExpressionError, match="a condition is true or false; this is 6"):
        evaluate_condition(parse("amount"), {"amount": 6})


# What is refused, and what is said.


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        ("1 +", "something is missing at the end"),
        ("(amount > 1", "something is missing at the end"),
        ("amount kind", "side by side"),
        ("fliter(lines, #.a)", "at character 1: there is no function fliter. Did you mean filter?"),
        ("1 + rand(5)", "at character 5: there is no function rand"),
        ("d('2025-03-01')", "Write date("),
        ("due_on.add('1d')", ".add() is not used here"),
        ("kind = 'a'", "Write == to compare"),
        ("a && b", "Write `and`"),
        ("金额 > 1", "`金` is not understood"),
        ("amount ＞ 1", "at character 8: `＞` is a full-width character. Write `>`"),
        ("kind == 'a", "at character 9: the text that begins here has no end"),
        ("max(1, 2)", "it takes one list, max([a, b])"),
        ("$root.amount", "Write the name itself"),
        ("`${amount}`", "Join texts with +"),
        ("sum(map([1..1000000000], #))", "a range stands only behind `in`"),
        ("sum(map((1..1000000000), #))", "a range stands only behind `in`"),
        ("#.amount > 1", "is the row of a list"),
        ("map(lines, a#)", "write #.name"),
        ("map(a, map(b, map(c, map(d, 1))))", "walked more than 3 deep"),
        ("(" * 40 + "1" + ")" * 40, "nested more than 32 deep"),
        ("1" + " + 1" * LENGTH_LIMIT, "2000 are allowed"),
    ],
)
def test_a_mistake_is_named_when_the_pack_is_read(text: str, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("amount > 5", "Empty: amount; `??` gives an empty name a value."),
        ("amount + 5", "it calculates with something that is no number. Empty: amount"),
        ("item.late and true", "ask for true or false, and something else stands there. Empty: item.late"),
        ("map(lines, #)", "a list is asked for"),
        ("kind > 'a'", "only numbers, days and moments"),
        ("len(amount)", "len: Cannot determine len of type null."),
        ("matches(kind, '(')", "matches: Invalid regular expression."),
        ("thing", "thing is a object, which an expression cannot use."),
        ("keyed", "keyed has the key 1; keys are texts."),
    ],
)
def test_a_mistake_in_the_values_is_named_in_one_sentence(text: str, said: str) -> None:
    assert said in complaint(text, kind="b", thing=object(), keyed={1: 2})


def test_only_the_names_it_reads_are_looked_at() -> None:
    assert value("amount", amount=1, photograph=object()) == 1


PIECES = [
    *("a", "b.c", "#", "1", "2.5", "99999999999", "'x'", "'1d'", "true", "null", "as", "it", "and", "or", "not", "in"),
    *("+", "-", "*", "/", "^", "%", "==", "<", "??", "?", ":", "(", ")", "[", "]", "{", "}", ",", ".."),
    *(f"{name}(" for name in sorted(KNOWN_FUNCTIONS)),
]


@given(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=9).map(" ".join), st.sampled_from([None, -1, "t", [1], {}])
)
def test_whatever_is_written_is_answered_or_refused(text: str, a: object) -> None:
    try:
        said = repr(parse(text).evaluate({"a": a, "b": {"c": 0}}))
    except ExpressionError as error:
        said = str(error)
    assert "ZEN broke down" not in said
