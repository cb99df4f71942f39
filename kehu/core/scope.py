"""Every row belongs to an organization, and every query is scoped to one.

A door says once for which organization it speaks (`with scope(organization):`, done by the web middleware and by the worker);
from then on the managers of all rows filter by it. A query outside any scope is a mistake of ours and raises `Unscoped`,
so that it is found in a test and not by a stranger. What must look across organizations (claiming due rows, signing in) says
so by name: `Model.everywhere`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models

if TYPE_CHECKING:
    from .models import Organization

_scope: ContextVar[int | None] = ContextVar("organization", default=None)
M = TypeVar("M", bound=models.Model)


class Unscoped(RuntimeError):
    """A query on an organization's rows that does not say for which organization."""


@contextmanager
def scope(organization: Organization) -> Iterator[None]:
    token = _scope.set(organization.pk)
    try:
        yield
    finally:
        _scope.reset(token)


class ScopedManager(models.Manager[M]):
    """The default manager of an organization's rows."""

    def get_queryset(self) -> models.QuerySet[M]:
        organization_id = _scope.get()
        if organization_id is None:
            raise Unscoped(f"{self.model.__name__} was queried outside `with scope(organization):`")
        return super().get_queryset().filter(organization_id=organization_id)

    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> Any:
        return models.Manager.get_queryset(self).bulk_create(objs, *args, **kwargs)

    def create(self, **kwargs: Any) -> M:
        if "organization" not in kwargs and "organization_id" not in kwargs:
            kwargs["organization_id"] = _scope.get()
        return models.Manager.get_queryset(self).create(**kwargs)


class OrganizationRow(models.Model):
    """A row of one organization."""

    organization = models.ForeignKey("core.Organization", on_delete=models.PROTECT, related_name="+")

    objects = ScopedManager()
    everywhere = models.Manager()  # noqa: DJ012 (a second manager, not a field)

    class Meta:
        abstract = True
