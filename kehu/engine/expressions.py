"""The only door to ZEN, the language of conditions, defaults and computed fields in packs.

What a pack may write
    amount > 10000 and kind == 'return'      comparing; and or not in; == != < <= > >=
    price * quantity ?? 0                    + - * / % ^; `??` stands in for what is empty: price * (quantity ?? 0)
    late ? 'red' : 'green'                   choosing
    quantity in [1..9], kind in ['a', 'b']   ranges stand only behind `in`: [a..b] [a..b) (a..b]
    sum(map(lines, #.price * quantity))      over lists, `#` is the row; names outside are still seen
    some(lines as line, some(line.lots as lot, lot.bad))      `as` names the row, needed where one nests in another
    {reason: text, rows: flatten([old, new])}                 objects and lists; flatten joins lists, `+` does not
The functions are in KNOWN_FUNCTIONS.

Traps, all measured with zen-engine 2.1.3
    - A missing name is null. `null > 5`, `null + 1`, `not null` are errors; `null == 5` is false; `true and null` is null.
    - x / 0 and x % 0 are null, not errors. Two lists or objects are never equal. Text has no order.
    - `not a == b` is `(not a) == b`. `-a ^ 2` is `(-a) ^ 2`.
    - len('中文') is 6, the bytes; to count characters use matches(reason, '^.{10,}$').
    - A slice includes both ends: [1, 2, 3][0:1] is [1, 2]. There is no escape in a text: use the other quotation mark.
    - ZEN's own d() and its methods, rand(), `$root`, `x = 1; …` and `templates` would read the clock, be different each time,
      or hide which names are read; parse() refuses them.

Days and moments go in as numbers: seconds from 1970-01-01 to that reading of the wall clock, a day being its midnight. So
`received_at <= now`, `due_on >= today`, `received_at >= due_on`, `date('2025-03-01')` and `now - received_at > duration('2h')`
all fit together; as_date and as_datetime turn a result back. Two moments in the hour a clock is set back compare by what it
showed. A date kept as text stays text and cannot be compared: hand in date objects.

Numbers have at most 15 digits, before and after the point together, since ZEN speaks in floats. They come out as int when
whole, otherwise as Decimal of 15 significant digits; as_decimal rounds them half up to the decimals of a field.

No expression runs code or loops for ever: without ranges and assignment it can only walk the lists it is given, at most
NESTING_LIMIT of them inside one another; patterns are matched in linear time.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from difflib import get_close_matches
from functools import cache, lru_cache
from types import NoneType
from typing import NamedTuple, NoReturn

import zen

LENGTH_LIMIT = 2_000
DEPTH_LIMIT = 32
NESTING_LIMIT = 3
DIGITS = 15

CLOSURES = frozenset({"all", "count", "filter", "flatMap", "map", "none", "one", "some"})
KNOWN_FUNCTIONS = CLOSURES | {
    *("abs", "avg", "ceil", "floor", "max", "median", "min", "round", "sum", "trunc"),
    *("contains", "flatten", "keys", "len", "values"),
    *("endsWith", "isNumeric", "lower", "matches", "number", "split", "startsWith", "string", "trim", "upper"),
    *("date", "dayOfMonth", "dayOfWeek", "duration", "endOf", "monthOfYear", "startOf", "year"),
}

_KEYWORDS = frozenset({"and", "or", "not", "in", "true", "false", "null", "as"})
_INSTEAD = {
    "d": "Write date('2025-03-01').",
    "now": "`now` is a name, written without brackets.",
    "today": "`today` is a name, written without brackets.",
    "rand": "A rule answers the same each time.",
    "coalesce": "Write a ?? b.",
    "if": "Write condition ? a : b.",
    "concat": "Write a + b for texts, flatten([a, b]) for lists.",
    "merge": "Write flatten([a, b]) for lists.",
}
_AS_THEY_ARE = frozenset({str, bool, NoneType})
_PATH = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*")
_STRAY = {
    "=": "Write == to compare; an expression assigns nothing.",
    ";": "An expression is one value; write one.",
    "&": "Write `and`.",
    "|": "Write `or`.",
    "`": "Join texts with +.",
    "$": "Write the name itself.",
}


class ExpressionError(ValueError):
    """Says what is wrong with `text`; `position` counts characters from 1 where the place is known."""

    def __init__(self, text: str, reason: str, position: int | None = None) -> None:
        self.text, self.reason, self.position = text, reason, position
        where = f" at character {position}" if position is not None else ""
        shown = text if len(text) <= 120 else text[:117] + "..."
        super().__init__(f"`{shown}`{where}: {reason}")


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression; made by `parse`, safe to keep and to share between threads."""

    text: str
    names: frozenset[str]
    roots: tuple[str, ...]
    """What the names begin with."""
    path: tuple[str, ...]
    """The parts of a bare name; empty where the text is more than a name."""
    _compiled: "zen.Expression" = field(repr=False, compare=False)

    def evaluate(self, context: Mapping[str, object], *, zone: tzinfo = UTC) -> object:
        """The value; `zone` is where the wall clock hangs that days and moments are read from."""
        values = {root: self._going_in(root, context[root], zone) for root in self.roots if root in context}
        try:
            value: object = self._compiled.evaluate(values)
        except BaseException as error:  # a panic in ZEN is no Exception
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            raise ExpressionError(self.text, _failure(error) + self._empty_names(values)) from None
        return self._coming_out(value)

    def _going_in(self, name: str, value: object, zone: tzinfo, depth: int = 0) -> object:
        if type(value) in _AS_THEY_ARE:
            return value
        match value:
            case None | bool():
                return value
            case str():
                return str.__str__(value)
            case int() | Decimal():
                return self._number(name, value)
            case float():
                if not abs(value) < 10**DIGITS:
                    self._refuse(f"{name} is {value}; numbers have at most {DIGITS} digits.")
                return value
            case datetime():
                wall = value.astimezone(zone).replace(tzinfo=None) if value.tzinfo else value
                return (wall - datetime(1970, 1, 1)) // timedelta(milliseconds=1) / 1000
            case date():
                return (value - date(1970, 1, 1)).days * 86_400
            case _ if depth == DEPTH_LIMIT:
                self._refuse(f"{name} is nested more than {DEPTH_LIMIT} deep.")
            case Mapping():
                return {
                    self._key(name, key): self._going_in(f"{name}.{key}", inner, zone, depth + 1)
                    for key, inner in value.items()
                }
            case list() | tuple():
                return [self._going_in(f"{name}[{i}]", inner, zone, depth + 1) for i, inner in enumerate(value)]
        self._refuse(f"{name} is a {type(value).__name__}, which an expression cannot use.")

    def _key(self, name: str, key: object) -> str:
        if not isinstance(key, str):
            self._refuse(f"{name} has the key {key!r}; keys are texts.")
        return str.__str__(key)

    def _number(self, name: str, value: int | Decimal) -> int | float:
        number = Decimal(value)
        if not number.is_finite():
            self._refuse(f"{name} is {value}, which is no number.")
        if number == 0:
            return 0
        exponent = number.normalize().as_tuple().exponent
        assert isinstance(exponent, int)
        if max(number.adjusted() + 1, 0) + max(-exponent, 0) > DIGITS:
            self._refuse(f"{name} is {value}; numbers have at most {DIGITS} digits.")
        return float(number) if exponent < 0 else int(number)

    def _coming_out(self, value: object) -> object:
        match value:
            case bool():
                return value
            case int() | float():
                if abs(value) >= 10**DIGITS:
                    self._refuse(f"the result {value:g} has more than {DIGITS} digits.")
                number = Decimal(f"{value:.{DIGITS}g}")
                return int(number) if number == number.to_integral_value() else number
            case list():
                return [self._coming_out(inner) for inner in value]
            case dict():
                return {key: self._coming_out(inner) for key, inner in value.items()}
        return value

    def _empty_names(self, values: Mapping[str, object]) -> str:
        empty = sorted(name for name in self.names if _look_up(values, name) is None)
        return f" Empty: {', '.join(empty)}; `??` gives an empty name a value." if empty else ""

    def _refuse(self, reason: str) -> NoReturn:
        raise ExpressionError(self.text, reason)


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    if not text.strip():
        raise ExpressionError(text, "it is empty.")
    if len(text) > LENGTH_LIMIT:
        raise ExpressionError(text, f"it has {len(text)} characters; {LENGTH_LIMIT} are allowed.")
    names = _names_read(text, list(_tokens(text)))
    try:
        compiled = zen.compile_expression(text)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        raise _not_understood(text, error) from None
    roots = tuple(sorted({name.partition(".")[0] for name in names}))
    path = tuple(text.split(".")) if _PATH.fullmatch(text) and text in names else ()
    return Expression(text, names, roots, path, compiled)


def evaluate_condition(expression: Expression, context: Mapping[str, object], *, zone: tzinfo = UTC) -> bool:
    """Whether it holds; null does not. Anything but yes and no is a mistake in the pack."""
    value = expression.evaluate(context, zone=zone)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise ExpressionError(expression.text, f"a condition is true or false; this is {value!r}.")
    return value


def as_decimal(value: object, decimals: int) -> Decimal:
    """What evaluate gave, rounded half up: as_decimal(Decimal('2.345'), 2) is 2.35."""
    if type(value) is not Decimal:
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise ValueError(f"{value!r} is no number.")
        value = Decimal(str(value))
    return value.quantize(_unit(decimals), ROUND_HALF_UP)


@cache
def _unit(decimals: int) -> Decimal:
    return Decimal(1).scaleb(-decimals)


def as_date(value: object) -> date:
    return (datetime(1970, 1, 1) + _seconds(value)).date()


def as_datetime(value: object, *, zone: tzinfo = UTC) -> datetime:
    return (datetime(1970, 1, 1) + _seconds(value)).replace(tzinfo=zone)


def _seconds(value: object) -> timedelta:
    return timedelta(milliseconds=int(as_decimal(value, 3) * 1000))


def _look_up(values: object, name: str) -> object:
    for part in name.split("."):
        values = values.get(part) if isinstance(values, Mapping) else None
    return values


# Reading names. ZEN reports neither which names an expression reads nor, by name, a function it does not know.


class _Token(NamedTuple):
    kind: str
    text: str
    position: int


@dataclass(slots=True)
class _Bracket:
    opening: str
    is_closure: bool
    follows_in: bool
    aliases: set[str] = field(default_factory=set)


_TOKEN = re.compile(
    r"""(?P<space>[ \t\n]+)
      | (?P<number>[0-9][0-9_]*(?:\.(?!\.)[0-9_]*)?(?:[eE][-+]?[0-9]+)?)
      | (?P<text>'[^']*'|"[^"]*")
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<row>\#)
      | (?P<sign>\.\.|\?\?|[=!<>]=|[-+*/%^<>!?:.,(){}\[\]])""",
    re.VERBOSE,
)


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ExpressionError(text, _stray(text[at]), at + 1)
        token = _Token(found.lastgroup or "", found.group(), at + 1)
        if token.kind == "number" and sum(map(str.isdigit, re.split("[eE]", token.text)[0])) > DIGITS:
            raise ExpressionError(text, f"numbers have at most {DIGITS} digits.", token.position)
        if token.kind != "space":
            yield token
        at = found.end()


def _stray(character: str) -> str:
    if character in "'\"":
        return "the text that begins here has no end. Close it with the same quotation mark."
    if character in _STRAY:
        return f"`{character}` is not used here. {_STRAY[character]}"
    plain = unicodedata.normalize("NFKC", character)
    if plain != character:
        return f"`{character}` is a full-width character. Write `{plain}`."
    return f"`{character}` is not understood. Names are written a-z, 0-9 and _; texts in quotation marks."


def _names_read(text: str, tokens: list[_Token]) -> frozenset[str]:
    nothing = _Token("", "", 0)
    names: set[str] = set()
    brackets: list[_Bracket] = []
    for i, token in enumerate(tokens):
        before = tokens[i - 1] if i else nothing
        after = tokens[i + 1] if i + 1 < len(tokens) else nothing
        match token.kind:
            case "sign":
                _read_sign(text, token, before, brackets)
            case "row":
                _check_row(text, token, brackets)
            case "name" if before.text == ".":
                if after.text == "(":
                    raise ExpressionError(text, f".{token.text}() is not used here.", token.position)
            case "name" if before.text == "as":
                if brackets:
                    brackets[-1].aliases.add(token.text)
            case "name" if after.text == "(" and token.text not in _KEYWORDS:
                _check_function(text, token)
            case "name" if _reads(token, before, after, brackets):
                names.add(_path(tokens, i))
    return frozenset(names)


def _read_sign(text: str, token: _Token, before: _Token, brackets: list[_Bracket]) -> None:
    if token.text in ("(", "[", "{"):
        is_closure = token.text == "(" and before.text in CLOSURES
        brackets.append(_Bracket(token.text, is_closure, before.text == "in"))
        if len(brackets) > DEPTH_LIMIT:
            raise ExpressionError(text, f"brackets are nested more than {DEPTH_LIMIT} deep.", token.position)
        if sum(bracket.is_closure for bracket in brackets) > NESTING_LIMIT:
            raise ExpressionError(text, f"lists are walked more than {NESTING_LIMIT} deep.", token.position)
    elif token.text in (")", "]", "}") and brackets:  # [1..9) closes as it likes
        brackets.pop()
    elif token.text == ".." and not (brackets and brackets[-1].follows_in):
        raise ExpressionError(text, "a range stands only behind `in`: x in [1..9].", token.position)


def _check_row(text: str, token: _Token, brackets: list[_Bracket]) -> None:
    if not any(bracket.is_closure for bracket in brackets):
        raise ExpressionError(text, "`#` is the row of a list, inside map(list, …) and its like.", token.position)
    at = token.position - 1
    if re.search(r"[\w#]", text[max(at - 1, 0) : at] + text[at + 1 : at + 2]):  # ZEN takes a# and #a for names
        raise ExpressionError(text, "write #.name for a field of the row.", token.position)


def _reads(token: _Token, before: _Token, after: _Token, brackets: list[_Bracket]) -> bool:
    if token.text in _KEYWORDS or any(token.text in bracket.aliases for bracket in brackets):
        return False
    is_key = after.text == ":" and before.text in ("{", ",") and brackets and brackets[-1].opening == "{"
    return not is_key


def _path(tokens: list[_Token], start: int) -> str:
    """`item.department` from where `item` stands."""
    parts = [tokens[start].text]
    for dot, name in zip(tokens[start + 1 :: 2], tokens[start + 2 :: 2], strict=False):
        if dot.text != "." or name.kind != "name":
            break
        parts.append(name.text)
    return ".".join(parts)


def _check_function(text: str, token: _Token) -> None:
    if token.text in KNOWN_FUNCTIONS:
        return
    similar = get_close_matches(token.text, KNOWN_FUNCTIONS, n=1)
    hint = _INSTEAD.get(token.text) or (f"Did you mean {similar[0]}?" if similar else "")
    hint = hint or f"Functions are {', '.join(sorted(KNOWN_FUNCTIONS))}."
    raise ExpressionError(text, f"there is no function {token.text}. {hint}", token.position)


# ZEN's messages, for people.


def _source(error: BaseException) -> str:
    """The sentence inside ZEN's report, which is a line of JSON before a back trace."""
    line = (str(error).splitlines() or [""])[0]
    try:
        return str(json.loads(line)["source"])
    except (ValueError, KeyError, TypeError):
        return line or type(error).__name__


def _not_understood(text: str, error: BaseException) -> ExpressionError:
    source = _source(error)
    at = re.search(r" at \(?(\d+)", source)
    position = len(text.encode()[: int(at[1])].decode(errors="ignore")) + 1 if at else None
    if source == "Incomplete parser output":
        return ExpressionError(text, "two values stand side by side, or a bracket or a sign is in the wrong place.")
    if "Unexpected end" in source or "Unexpected token: None" in source:
        return ExpressionError(text, "something is missing at the end: a value, or a closing bracket.")
    if arguments := re.search(r"function call `(\w+)`: Invalid number of arguments", source):
        name = arguments[1]
        example = f"; it takes one list, {name}([a, b])" if name in {"avg", "max", "median", "min", "sum"} else ""
        return ExpressionError(text, f"{name} is given too many values or too few{example}.")
    return ExpressionError(text, source.split(" at (")[0].rstrip(".") + ".", position)


def _failure(error: BaseException) -> str:
    source = _source(error)
    if not isinstance(error, Exception):
        return f"ZEN broke down: {source}."
    if failed := re.search(r"Function `(\w+)` failed: (.*)", source):
        return f"{failed[1]}: {failed[2]}."
    if "Unsupported type" not in source:
        return source.removeprefix("Opcode ") + "."
    if "Compare" in source:
        return "only numbers, days and moments are smaller or greater than one another."
    if "Jump" in source or "Not:" in source:
        return "`and`, `or`, `not` and `? :` ask for true or false, and something else stands there."
    if "Begin" in source:
        return "a list is asked for, and something else stands there."
    return "it calculates with something that is no number."
