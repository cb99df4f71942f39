"""What a published revision says, ready for the engine. A revision never changes, so it is read once."""

from __future__ import annotations

from functools import lru_cache

from kehu.core.models import Organization

from .models import Procedure, Revision
from .packs import Running, read_definition


def running(revision: Revision) -> Running:
    known = _read.get((revision.pk, revision.digest))
    return known or _keep(Revision.everywhere.get(pk=revision.pk, digest=revision.digest))


_read: dict[tuple[int, str], Running] = {}


def _keep(revision: Revision) -> Running:
    found = _read[revision.pk, revision.digest] = read_definition(revision.definition)
    return found


def in_force(organization: Organization) -> dict[str, Procedure]:
    """The organization's procedures that have a revision in force, by key."""
    return _in_force(organization.pk, organization.version)


@lru_cache(maxsize=64)
def _in_force(organization_id: int, version: int) -> dict[str, Procedure]:
    found = Procedure.everywhere.filter(organization_id=organization_id, current__isnull=False).select_related(
        "current"
    )
    procedures = {procedure.key: procedure for procedure in found.order_by("number")}
    for procedure in procedures.values():
        assert procedure.current
        _keep(procedure.current)
    return procedures


def procedures_of(organization: Organization) -> dict[str, Running]:
    """What is in force, by procedure key."""
    return {key: running(procedure.current) for key, procedure in in_force(organization).items() if procedure.current}
