"""The products that lines of a sheet speak of, by code, many at a time."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext_noop as _

from kehu.core.batches import Reason

from .models import Product
from .queries import coded


class KnownProducts:
    """Asked in portions; what was found once is remembered. `new`: those that are not there will be entered with their code."""

    def __init__(self, *, new: bool = False) -> None:
        self._by_code: dict[str, Product | None] = {}
        self._new = new

    def look_up(self, codes: Iterable[str]) -> None:
        wanted = set(codes) - self._by_code.keys()
        if wanted:
            self._by_code |= dict.fromkeys(wanted)
            self._by_code |= coded(wanted)

    def why_not(self, code: str) -> Reason | None:
        """Why a line with this code is refused; nothing where it is not."""
        if not code:
            return Reason(_("The product is missing."), {}, "product")
        if self._new or self._by_code.get(code):
            return None
        says = _(
            "There is no product {code}. Correct the code, or tick that products that are not known yet are entered."
        )
        return Reason(says, {"code": code}, "product")

    def key(self, code: str) -> int | None:
        found = self._by_code.get(code)
        return found.pk if found else None
