"""What a published revision says, ready for the engine. A revision never changes, so it is read once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from django.utils.translation import gettext_lazy as _

from kehu.core.models import Organization
from kehu.core.refusals import OutOfOrder
from kehu.core.scope import scope

from .models import Procedure, Revision
from .packs import Running, read_definition


class NoSuchProcedure(OutOfOrder):
    code = "procedure.not_found"
    status = 404
    message = _("There is no procedure “{procedure}”.")


def running(revision: Revision) -> Running:
    return by_key(revision.pk, revision.digest)


def by_key(key: int, digest: str) -> Running:
    return _read.get((key, digest)) or _keep(Revision.objects.get(pk=key, digest=digest))


_read: dict[tuple[int, str], Running] = {}
_seen: set[int] = set()
"""The organizations whose procedures this process has read once."""


def _keep(revision: Revision) -> Running:
    found = _read[revision.pk, revision.digest] = read_definition(revision.definition)
    return found


def in_force(organization: Organization) -> dict[str, Procedure]:
    """The organization's procedures that have a revision in force, by key."""
    return _in_force(organization.pk, organization.version)


@lru_cache(maxsize=64)
def _in_force(organization_id: int, version: int) -> dict[str, Procedure]:
    """Definitions are large: all are read the first time, later only those that are not known yet, since most of what gives an
    organization another version changes no procedure."""
    with scope(organization_id):
        found = Procedure.objects.filter(current__isnull=False).select_related("current").order_by("number")
        is_first = organization_id not in _seen
        procedures = {one.key: one for one in (found if is_first else found.defer("current__definition"))}
        current = [procedure.current for procedure in procedures.values() if procedure.current]
        new = [revision for revision in current if (revision.pk, revision.digest) not in _read]
        if new and not is_first:
            new = list(Revision.objects.filter(pk__in=[revision.pk for revision in new]))
        for revision in new:
            _keep(revision)
        _seen.add(organization_id)
    return procedures


def is_on(procedure: Procedure) -> bool:
    """Whether cases of it may be opened."""
    if procedure.switched is not None:
        return procedure.switched
    return bool(procedure.current and running(procedure.current).procedure.switched_on)


def procedures_of(organization: Organization) -> Mapping[str, Running]:
    """What is in force, by procedure key."""
    return _procedures_of(organization.pk, organization.version)


@lru_cache(maxsize=64)
def _procedures_of(organization_id: int, version: int) -> Mapping[str, Running]:
    procedures = _in_force(organization_id, version).values()
    return {one.key: running(one.current) for one in procedures if one.current}
