"""The customers that lines of a sheet speak of, by code or name, many at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db.models import Q
from django.utils.translation import gettext_noop as _

from kehu.core.batches import Reason

from . import words
from .models import Customer
from .twins import plain

NEAR, NEAR_ASKED = 3, 100
"""So many customers are offered for a name that nobody has, and for so many such names: each is a question of its own."""
_BRACKETS = str.maketrans("（）()", "()（）")


class KnownCustomers:
    """Asked in portions; what was found once is remembered."""

    def __init__(self) -> None:
        self._by_word: dict[str, Customer | Reason] = {}
        self._asked_near = 0

    def look_up(self, said: Iterable[tuple[str, str]]) -> None:
        """Reads all these (code, name) at once: two statements."""
        wanted = {code or name for code, name in said} - self._by_word.keys() - {""}
        if not wanted:
            return
        codes = {code: word for word in wanted for code in (word.replace(" ", ""), word)}
        there = Customer.objects.select_related("merged_into").filter(code__in=codes)
        by_code = {codes[one.code]: one for one in there}
        by_name = named(wanted - by_code.keys())
        for word in wanted:
            found = [by_code[word]] if word in by_code else by_name.get(word, [])
            self._by_word[word] = found[0] if len(found) == 1 else self._why_not(word, found)

    def one(self, code: str, name: str, column: str) -> Customer | Reason:
        """The customer of a code, whose name, where it is said as well, must be his; or of a name alone."""
        found = self._by_word.get(code or name)
        if found is None:
            return Reason(_("The customer is missing."), {}, column)
        if isinstance(found, Reason):
            return Reason(found.says, found.facts, column)
        if found.merged_into:
            says = _("{code} was merged into {into}. Write that code.")
            return Reason(says, {"code": found.code, "into": found.merged_into.code}, column)
        own = {plain(one) for one in (found.name, found.short_name, found.name_en) if one}
        if code and name and plain(name) not in own:
            says = _("{code} is {known}, not {name}. Correct the code or the name.")
            return Reason(says, {"code": found.code, "known": found.name, "name": name}, column)
        return found

    def _why_not(self, word: str, found: list[Customer]) -> Reason:
        if found:
            codes = ", ".join(one.code for one in found[:5])
            return Reason(
                _("“{word}” is the name of several customers: {codes}. Write the code."), {"word": word, "codes": codes}
            )
        near = []
        if self._asked_near < NEAR_ASKED:
            self._asked_near += 1
            near = words.near(word, NEAR)
        if near:
            names = "; ".join(f"{one.code} {one.name}" for one in near)
            return Reason(
                _("There is no customer “{word}”. Perhaps one of these is meant: {near}"), {"word": word, "near": names}
            )
        return Reason(
            _("There is no customer “{word}”. Enter the customer first, or correct the code."), {"word": word}
        )


def named(names: set[str]) -> dict[str, list[Customer]]:
    """The customers of these names or short names, without those that were merged into others. Two statements: each has its index."""
    if not names:
        return {}
    written = {variant: name for name in names for variant in spellings(name)}
    there = Customer.objects.filter(merged_into=None)
    by_name = there.filter(name__in=written).order_by("name", "code")
    by_short_name = there.filter(~Q(short_name=""), short_name__in=written).order_by("short_name")
    found: dict[str, dict[int, Customer]] = {}
    for name, customer in (
        *((one.name, one) for one in by_name),
        *((one.short_name, one) for one in by_short_name),
    ):
        found.setdefault(written[name], {})[customer.pk] = customer
    return {name: sorted(many.values(), key=lambda one: one.code) for name, many in found.items()}


def spellings(name: str) -> Iterator[str]:
    """How the same name may be written in the directory: with brackets of either width, without spaces."""
    together = name.replace(" ", "")
    yield from dict.fromkeys((name, name.translate(_BRACKETS), together, together.translate(_BRACKETS)))
