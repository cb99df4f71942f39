"""How many rows a question finds, for the figures beside a page's navigation: counted no further than anybody reads them, with the
SQL kept (see rows.py)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from django.db import connection, models

from .rows import _placeholder
from .scope import scoped_to


class KeptCount:
    """A count that is asked for on every page: `KeptCount(Notice, lambda notices, member: notices.filter(member=member), int, most=99)`.

    As of `Kept`, the function uses each placeholder as the plain right side of a filter, and the organization is added here. `also`
    names an annotation: of those counted, how many it holds of.
    """

    def __init__(
        self,
        model: type[models.Model],
        question: Callable[..., models.QuerySet[Any]],
        *types: type,
        most: int = 1000,
        also: str = "",
    ):
        self._model, self._question, self._types, self._most, self._also = model, question, types, most, also

    def __call__(self, *values: Any) -> str:
        """The count in words; beyond the most, "1000+"."""
        return self.both(*values)[0]

    def both(self, *values: Any) -> tuple[str, str]:
        """How many there are, and how many of them `also` is true of."""
        sql, parameters = self._built
        given = (*values, scoped_to())
        with connection.cursor() as cursor:
            cursor.execute(sql, [value if place is None else given[place] for place, value in parameters])
            count, more = cursor.fetchone()
        return self._words(count), self._words(more)

    def _words(self, count: int) -> str:
        return f"{self._most}+" if count > self._most else str(count)

    @cached_property
    def _built(self) -> tuple[str, list[tuple[int | None, Any]]]:
        placeholders = [_placeholder(place, kind) for place, kind in enumerate((*self._types, int))]
        *values, organization = placeholders
        rows = self._question(models.QuerySet(self._model), *values).filter(organization_id=organization)
        columns = ("pk", self._also) if self._also else ("pk",)
        text, parameters = rows.order_by().values(*columns)[: self._most + 1].query.sql_with_params()
        places = {value: place for place, value in enumerate(placeholders)}
        found = [(places.get(value) if isinstance(value, int | str) else None, value) for value in parameters]
        held = f"count(*) FILTER (WHERE {connection.ops.quote_name(self._also)})" if self._also else "0"
        return f"SELECT count(*), {held} FROM ({text}) counted", found  # noqa: S608  # nosec B608
