"""大写: an amount of money written out, as on Chinese papers, so that no digit can be added."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿", "万亿")


def written_out(amount: Decimal) -> str:
    """`1280.50` -> `壹仟贰佰捌拾元伍角整`. Empty where no one would write it: a million million and more."""
    cents = int((abs(amount) * 100).quantize(Decimal(1), ROUND_HALF_UP))
    whole, jiao, fen = cents // 100, cents // 10 % 10, cents % 10
    if whole >= 10**16:
        return ""
    text = f"{_whole(whole)}元" if whole else ""
    if jiao:
        text += f"{_DIGITS[jiao]}角"
    elif fen and whole:
        text += "零"
    if fen:
        text += f"{_DIGITS[fen]}分"
    if not fen:
        text = (text or "零元") + "整"
    return ("负" if amount < 0 else "") + text


def _whole(number: int) -> str:
    text, gap = "", False
    for place in range(len(str(number)) - 1, -1, -1):
        digit = number // 10**place % 10
        if digit:
            text += ("零" if gap else "") + _DIGITS[digit] + _PLACES[place % 4]
            gap = False
        else:
            gap = bool(text)
        if place and place % 4 == 0 and number // 10**place % 10**4:
            text += _GROUPS[place // 4]
    return text
