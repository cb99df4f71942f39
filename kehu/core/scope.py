"""Every row belongs to an organization, and every query is scoped to one.

A door says once for which organization it speaks (`with scope(organization):`, done by the web middleware and by the worker);
from then on the managers of all rows filter by it. What must look across organizations (signing in, claiming due rows of all) says
so by name: `with every_organization():`, and asks `Model.everywhere`, which is as wide as the scope it is asked in. A query outside
any scope is a mistake of ours and raises `Unscoped`, so that it is found in a test and not by a stranger.

This is the first wall. On PostgreSQL the database keeps a second one behind it, whatever the query says: `core/wall.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.db import models
from django.db.models.base import ModelState

if TYPE_CHECKING:
    from .models import Organization

EVERY = "every"
_scope: ContextVar[int | str | None] = ContextVar("organization", default=None)
M = TypeVar("M", bound=models.Model)


class Unscoped(RuntimeError):
    """A query on an organization's rows that does not say for which organization."""


@contextmanager
def scope(organization: Organization | int) -> Iterator[None]:
    token = _scope.set(organization if isinstance(organization, int) else organization.pk)
    try:
        yield
    finally:
        _scope.reset(token)


@contextmanager
def every_organization() -> Iterator[None]:
    """Rows of all organizations, by `everywhere`; for the few questions that come before it is known whose they are.
    A query must be carried out inside, not only written."""
    token = _scope.set(EVERY)
    try:
        yield
    finally:
        _scope.reset(token)


@contextmanager
def no_organization() -> Iterator[None]:
    """Outside any scope again, as a process begins: for a question that is written once and asked of every organization. Whoever
    names one in it by mistake is told."""
    token = _scope.set(None)
    try:
        yield
    finally:
        _scope.reset(token)


def spoken_for() -> str:
    """The scope as the database is told it: an organization's id, `every`, or nothing outside any scope."""
    return str(_scope.get() or "")


def scoped_to() -> int:
    """The organization that is spoken for."""
    organization_id = _scope.get()
    if not isinstance(organization_id, int):
        raise Unscoped("rows were asked for outside `with scope(organization):`")
    return organization_id


class ScopedManager(models.Manager[M]):
    """The default manager of an organization's rows."""

    def get_queryset(self) -> models.QuerySet[M]:
        organization_id = _scope.get()
        if not isinstance(organization_id, int):
            raise Unscoped(f"{self.model.__name__}.objects was queried outside `with scope(organization):`")
        return super().get_queryset().filter(organization_id=organization_id)

    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> Any:
        return models.Manager.get_queryset(self).bulk_create(objs, *args, **kwargs)

    def create(self, **kwargs: Any) -> M:
        if "organization" not in kwargs and "organization_id" not in kwargs:
            kwargs["organization_id"] = _scope.get()
        return models.Manager.get_queryset(self).create(**kwargs)


class WideManager(models.Manager[M]):
    """Rows as wide as the scope: of all organizations inside `every_organization()`, otherwise of the one spoken for.

    `field` is what names the organization in a row.
    """

    def __init__(self, field: str = "organization_id") -> None:
        super().__init__()
        self.field = field

    def get_queryset(self) -> models.QuerySet[M]:
        speaking = _scope.get()
        if speaking is None:
            raise Unscoped(
                f"{self.model.__name__} was queried outside `with scope(organization):` and `with every_organization():`"
            )
        rows = super().get_queryset()
        return rows if speaking == EVERY else rows.filter(**{self.field: speaking})


class OrganizationRow(models.Model):
    """A row of one organization."""

    organization = models.ForeignKey("core.Organization", on_delete=models.PROTECT, related_name="+")

    objects = ScopedManager()
    everywhere = WideManager()  # noqa: DJ012 (a second manager, not a field)

    class Meta:
        abstract = True

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **_later: Any) -> Self:
        """A row as it was read. Django calls `__init__` here, for defaults and signals that a stored row has no use for; in a list of
        fifty lines that is a quarter of the page. What was not read is fetched when it is asked for, as ever."""
        found = cls.__new__(cls)
        state = found._state = ModelState()
        state.adding, state.db = False, db
        found.__dict__.update(zip(field_names, values, strict=True))
        return found
