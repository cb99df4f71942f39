"""A cell as the value its column asks for. What cannot be read is refused with a sentence; nothing is guessed that could be wrong.

People write dates as text, thousands with commas, digits full-width, telephone numbers as numbers. All that is read. What has lost
something already (Excel keeps fifteen digits of a number) or has two readings (03/04/2024) is not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_noop as _

from kehu.core.batches import Reason
from kehu.intake.sheets import Cell

Reader = Callable[[Cell], Any]

_NOTHING = frozenset(["", "-", "--", "—", "——", "/", "\\", "无", "n/a", "none", "null"])
"""What people write where there is nothing to say."""
_MOST_DIGITS = 15
"""Of a number that Excel kept; those behind them are gone."""
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060\ufeff]")
_ODD = re.compile("[\x00-\x20\x7f\x85\xa0\u2000-\u200f\u2028-\u202f\u205f\u2060\u3000\ufeff\ufffd]")
"""What makes a text to be looked at more closely: spaces of any kind, and signs nobody sees."""
_SPACES = re.compile(r"[\s\u3000]+")
_SCIENTIFIC = re.compile(r"\d(\.\d+)?e\+\d+", re.IGNORECASE)
_NUMBER = re.compile(r"(\d{1,3}(,\d{3})+|\d+)(\.\d*)?|\.\d+")
_CURRENCY = re.compile(r"^(?:rmb|cny|usd|eur|hkd|[¥$€£])\s*|\s*(?:元|圆|rmb|cny|usd|eur|hkd)$", re.IGNORECASE)
_DAY = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*[日号]?(?:[\sT]+\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?Z?)?"
)
_EIGHT = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})")
_OTHER_WAY = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})")
_MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_NAMED_DAY = re.compile(r"(\d{1,2})[\s-]+([a-z]{3})[a-z]*\.?[\s,-]+(\d{4})", re.IGNORECASE)
_NAMED_MONTH = re.compile(r"([a-z]{3})[a-z]*\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})", re.IGNORECASE)


class Wrong(Exception):
    """Why a cell cannot be read."""

    def __init__(self, says: str, **facts: Any):
        super().__init__(says)
        self.says, self.facts = says, facts

    def __str__(self) -> str:
        return str(self.reason(""))

    def reason(self, column: str) -> Reason:
        return Reason(self.says, self.facts, column)


def shown(cell: Cell) -> str:
    """A cell as it is told to people."""
    match cell:
        case None:
            return ""
        case {"day": str(text)}:
            return text.replace("T", " ")
        case {"error": str(text)}:
            return text
        case dict():
            return ""
        case float():
            return f"{cell:.15g}"
    return str(cell)


def plain(cell: Cell) -> str:
    """A cell as text, without what only looks different: width, outer spaces, signs nobody sees. Nothing where nothing is said."""
    text = _text(cell)
    return "" if text.casefold() in _NOTHING else text


def _text(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case str() if not _ODD.search(cell):
            return unicodedata.normalize("NFKC", cell)
        case str():
            if "\ufffd" in cell:
                raise Wrong(
                    _("“{value}” holds characters that could not be read. Choose another encoding, or write it anew."),
                    value=cell[:40],
                )
            return _SPACES.sub(" ", _UNSEEN.sub("", unicodedata.normalize("NFKC", cell))).strip()
        case {"error": str(text)}:
            raise Wrong(_("the cell shows the error {value}. Write the value itself."), value=text)
        case {"formula": _ignored}:
            raise Wrong(
                _(
                    "the cell holds a formula whose value the workbook does not keep. Open it in Excel, save it, and choose it again."
                )
            )
        case {"day": str(text)}:
            return text.replace("T", " ")
        case bool():
            return "yes" if cell else "no"
        case int() | float():
            return _digits(cell)
    raise TypeError(type(cell).__name__)


def _digits(cell: float) -> str:
    """A number where a text is meant, as a code or a telephone number."""
    if isinstance(cell, float) and not cell.is_integer():
        return f"{cell:.15g}"
    text = str(int(cell))
    if len(text.lstrip("-")) > _MOST_DIGITS:
        raise Wrong(
            _(
                "{value} is a number of more than fifteen digits; Excel has lost the last ones. Make the column text and type it again."
            ),
            value=text,
        )
    return text


def text(most: int) -> Reader:
    """A text of at most so many characters. Its signs stay as they are, but for spaces around it."""

    def read(cell: Cell) -> str | None:
        if not plain(cell):
            return None
        found = cell if isinstance(cell, str) else _text(cell)
        if _ODD.search(found):
            found = _SPACES.sub(" ", _UNSEEN.sub("", found)).strip()
        if len(found) > most:
            raise Wrong(
                _("“{value}” has {length} characters; there is room for {most}."),
                value=found[:40] + "…",
                length=len(found),
                most=most,
            )
        return found

    return read


def code(most: int, *, with_spaces: bool = False) -> Reader:
    """A code or number of something: width and spaces do not count, leading zeros do. `with_spaces` leaves the spaces to whoever looks it
    up: a name that stands instead has some, and so have codes of products."""

    def read(cell: Cell) -> str | None:
        found = plain(cell) if not isinstance(cell, dict) or "day" not in cell else None
        if found and not with_spaces:
            found = found.replace(" ", "")
        if found is None:
            raise Wrong(
                _("Excel has made the date {value} of it. Make the column text and type it again."), value=shown(cell)
            )
        if not found:
            return None
        if _SCIENTIFIC.fullmatch(found):
            raise Wrong(_("{value} has lost its last digits. Make the column text and type it again."), value=found)
        if len(found) > most:
            raise Wrong(
                _("“{value}” has {length} characters; there is room for {most}."),
                value=found[:40] + "…",
                length=len(found),
                most=most,
            )
        return found

    return read


def phone(cell: Cell) -> str | None:
    """A telephone number; more than one may stand there."""
    found = plain(cell)
    if not found:
        return None
    if _SCIENTIFIC.fullmatch(found):
        raise Wrong(_("{value} has lost its last digits. Make the column text and type it again."), value=found)
    if len(re.sub(r"\D", "", found)) < 5:
        raise Wrong(_("“{value}” is no telephone number."), value=found[:40])
    if len(found) > 40:
        raise Wrong(
            _("“{value}” has {length} characters; there is room for {most}."),
            value=found[:40] + "…",
            length=len(found),
            most=40,
        )
    return found


def email(cell: Cell) -> str | None:
    found = plain(cell).replace(" ", "")
    if not found:
        return None
    try:
        validate_email(found)
    except ValidationError:
        raise Wrong(_("“{value}” is no mail address. Write it as name@example.com."), value=shown(cell)[:60]) from None
    return found


def number(*, whole: int, decimals: int, least: Decimal | None = None) -> Reader:
    """A number with at most so many digits before and behind the point."""

    def read(cell: Cell) -> Decimal | None:
        found = _number(cell)
        if found is None:
            return None
        said = shown(cell)[:40]
        if -found.normalize().as_tuple().exponent > decimals:  # type: ignore[operator]
            raise Wrong(_("{value} has more than {most} decimals. Round it as you mean it."), value=said, most=decimals)
        if abs(found) >= Decimal(10) ** whole:
            raise Wrong(_("{value} is larger than can be kept."), value=said)
        if least is not None and found < least:
            raise Wrong(_("{value} is less than {least}."), value=said, least=str(least))
        return found

    return read


def _number(cell: Cell) -> Decimal | None:
    match cell:
        case bool() | {"day": str()}:
            raise Wrong(_("“{value}” is no number. Write it with digits, as 1234.50."), value=shown(cell)[:40])
        case int():
            return Decimal(cell)
        case float():
            return Decimal(f"{cell:.15g}")
    said = plain(cell)
    if not said:
        return None
    found = _CURRENCY.sub("", said).replace(" ", "")
    is_minus = found.startswith(("-", "−")) or (found.startswith("(") and found.endswith(")"))
    found = found.strip("()").lstrip("+-−")
    found = _CURRENCY.sub("", found)
    factor = Decimal(1)
    if found.endswith("万"):
        found, factor = found[:-1], Decimal(10000)
    if not _NUMBER.fullmatch(found):
        raise Wrong(_("“{value}” is no number. Write it with digits, as 1234.50."), value=said[:40])
    value = Decimal(found.replace(",", "")) * factor
    return -value if is_minus else value


def percent(cell: Cell) -> Decimal | None:
    """13, 13% and 0.13 all say thirteen per cent."""
    said = plain(cell)
    if not said:
        return None
    found = _number(said.removesuffix("%").strip() if said.endswith("%") else cell)
    if found is None:
        return None
    if not said.endswith("%") and 0 < found < 1:
        found *= 100
    if not 0 <= found <= 100 or found != round(found, 2):
        raise Wrong(_("“{value}” is no rate in per cent, as 13%."), value=said[:40])
    return found


def day(cell: Cell) -> date | None:
    """A day, however it is written, if it can mean only one."""
    match cell:
        case {"day": str(said)}:
            return _between(_made(said[:10].split("-"), said), said)
        case bool():
            raise _no_day(cell)
        case int() | float():
            if isinstance(cell, int) and (eight := _EIGHT.fullmatch(str(cell))):
                return _between(_made(eight.groups(), str(cell)), str(cell))
            if 10000 <= cell < 80000:
                return _between(date(1899, 12, 30) + timedelta(days=int(cell)), str(cell))
            raise _no_day(cell)
    said = plain(cell)
    if not said:
        return None
    if len(said) == 5 and said.isdecimal():
        return day(int(said))  # Excel's own count of days, which other programs write as text
    if found := _DAY.fullmatch(said) or _EIGHT.fullmatch(said):
        return _between(_made(found.groups(), said), said)
    if found := _OTHER_WAY.fullmatch(said):
        first, second, year = found.groups()
        if int(first) > 12 >= int(second):
            return _between(_made((year, second, first), said), said)
        if int(second) > 12 >= int(first) or first == second:
            return _between(_made((year, first, second), said), said)
        raise Wrong(_("“{value}” can mean two days. Write it as 2024-03-05."), value=said)
    if (found := _NAMED_DAY.fullmatch(said)) and (month := _MONTHS.get(found[2].lower())):
        return _between(_made((found[3], str(month), found[1]), said), said)
    if (found := _NAMED_MONTH.fullmatch(said)) and (month := _MONTHS.get(found[1].lower())):
        return _between(_made((found[3], str(month), found[2]), said), said)
    raise _no_day(said)


def _made(parts: Collection[str], said: str) -> date:
    try:
        year, month, day_ = (int(part) for part in parts)
        return date(year, month, day_)
    except ValueError:
        raise _no_day(said) from None


def _between(found: date, said: str) -> date:
    if not 1950 <= found.year <= 2100:
        raise Wrong(_("“{value}” lies in the year {year}, which cannot be meant."), value=said, year=found.year)
    return found


def _no_day(cell: Cell) -> Wrong:
    return Wrong(_("“{value}” is no day. Write it as 2024-03-05."), value=shown(cell)[:40])


def choice(words: Mapping[str, Collection[str]]) -> Reader:
    """One of a few values, each with the words that people have for it; the first of them is what is said to be right."""
    known = {fold(word): value for value, all_words in words.items() for word in (value, *all_words)}
    right = "、".join(f"{next(iter(all_words), value)} ({value})" for value, all_words in words.items())

    def read(cell: Cell) -> str | None:
        said = plain(cell)
        if not said:
            return None
        found = known.get(fold(said))
        if found is None:
            raise Wrong(_("“{value}” is not known here. Known are: {right}"), value=said[:40], right=right)
        return found

    return read


def yes_or_no(cell: Cell) -> bool | None:
    if isinstance(cell, bool):
        return cell
    said = plain(cell)
    if not said:
        return None
    if (word := fold(said)) in ("是", "含", "含税", "有", "对", "√", "yes", "y", "true", "1"):
        return True
    if word in ("否", "不含", "不含税", "未税", "没有", "×", "no", "n", "false", "0"):
        return False
    raise Wrong(_("“{value}” is not known here. Known are: {right}"), value=said[:40], right="是、否、yes、no")


def fold(text: str) -> str:
    """Without case, width, spaces and punctuation, as titles and words of a list are compared."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text).casefold() if sign.isalnum() or sign in "√×")
