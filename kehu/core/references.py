"""Who points to a row: asked of the models, so that what lies below need not know what lies above it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from django.db.models import Exists, Model, OuterRef, QuerySet


def in_use(model: type[Model], keys: Collection[int], but: Collection[type[Model]] = ()) -> set[int]:
    """Which of these rows others point to: a statement for each kind of row that may. `but`: kinds that do not count."""
    found: set[int] = set()
    for other, name in _pointing(model):
        if keys and other not in but:
            found |= set(other._default_manager.filter(**{f"{name}__in": keys}).values_list(name, flat=True))
    return found


def unused(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Those to which no row of any kind points."""
    for other, name in _pointing(rows.model):
        rows = rows.filter(~Exists(other._default_manager.filter(**{name: OuterRef("pk")})))
    return rows


def _pointing(model: type[Model]) -> Iterator[tuple[Any, str]]:
    """Every kind of row with a foreign key to this one, and its name there; also where the way back has no name."""
    for field in model._meta.get_fields(include_hidden=True):
        if field.auto_created and not field.concrete and (field.one_to_many or field.one_to_one):
            yield field.related_model, field.field.name  # type: ignore[union-attr]
