"""How many rows a question finds, for the figures beside a page's navigation: counted no further than anybody reads them, with the
SQL kept (see rows.py)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from django.db import connection, models

from .rows import _placeholder
from .scope import no_organization, scoped_to


class KeptCount:
    """A count that is asked for on every page: `KeptCount(Notice, lambda notices, member: notices.filter(member=member), int, most=99)`.

    As of `Kept`, the function uses each placeholder as the plain right side of a filter, and the organization is added here.
    """

    def __init__(
        self, model: type[models.Model], question: Callable[..., models.QuerySet[Any]], *types: type, most: int = 1000
    ):
        self._model, self._question, self._types, self._most = model, question, types, most

    def __call__(self, *values: Any) -> str:
        """The count in words; beyond the most, "1000+"."""
        return together(self)(*values)[0]

    def words(self, count: int) -> str:
        return f"{self._most}+" if count > self._most else str(count)

    @cached_property
    def built(self) -> tuple[str, list[tuple[int | None, Any]]]:
        placeholders = [_placeholder(place, kind) for place, kind in enumerate((*self._types, int))]
        *values, organization = placeholders
        with no_organization():
            rows = self._question(models.QuerySet(self._model), *values).filter(organization_id=organization)
        text, parameters = rows.order_by().values("pk")[: self._most + 1].query.sql_with_params()
        places = {value: place for place, value in enumerate(placeholders)}
        found = [(places.get(value) if isinstance(value, int | str) else None, value) for value in parameters]
        return f"SELECT count(*) FROM ({text}) counted", found  # noqa: S608  # nosec B608


def together(*counts: KeptCount) -> Callable[..., list[str]]:
    """Several counts about the same values, in one statement."""

    def ask(*values: Any) -> list[str]:
        given = (*values, scoped_to())
        texts = ", ".join(f"({text})" for text, _parameters in (count.built for count in counts))
        parameters = [value if place is None else given[place] for count in counts for place, value in count.built[1]]
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {texts}", parameters)  # noqa: S608  # nosec B608
            found = cursor.fetchone()
        return [count.words(number) for count, number in zip(counts, found, strict=True)]

    return ask
