"""What a published revision says, ready for the engine. A revision never changes, so it is read once."""

from __future__ import annotations

from functools import lru_cache

from kehu.core.models import Organization
from kehu.core.scope import scope

from .models import Procedure, Revision
from .packs import Running, read_definition


def running(revision: Revision) -> Running:
    return by_key(revision.pk, revision.digest)


def by_key(key: int, digest: str) -> Running:
    return _read.get((key, digest)) or _keep(Revision.objects.get(pk=key, digest=digest))


_read: dict[tuple[int, str], Running] = {}


def _keep(revision: Revision) -> Running:
    found = _read[revision.pk, revision.digest] = read_definition(revision.definition)
    return found


def in_force(organization: Organization) -> dict[str, Procedure]:
    """The organization's procedures that have a revision in force, by key."""
    return _in_force(organization.pk, organization.version)


@lru_cache(maxsize=64)
def _in_force(organization_id: int, version: int) -> dict[str, Procedure]:
    with scope(organization_id):
        found = Procedure.objects.filter(current__isnull=False).select_related("current").order_by("number")
        procedures = {procedure.key: procedure for procedure in found}
    for procedure in procedures.values():
        assert procedure.current
        _keep(procedure.current)
    return procedures


def procedures_of(organization: Organization) -> dict[str, Running]:
    """What is in force, by procedure key."""
    return {key: running(procedure.current) for key, procedure in in_force(organization).items() if procedure.current}
