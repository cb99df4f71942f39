"""What a published revision says, ready for the engine. A revision never changes, so it is read once."""

from __future__ import annotations

from functools import lru_cache

from kehu.core.models import Organization

from .models import Procedure, Revision
from .packs import Running, read_definition


def running(revision: Revision) -> Running:
    return _running(revision.pk, revision.digest)


@lru_cache(maxsize=256)
def _running(revision_id: int, digest: str) -> Running:
    return read_definition(Revision.everywhere.values_list("definition", flat=True).get(pk=revision_id, digest=digest))


def in_force(organization: Organization) -> dict[str, Procedure]:
    """The organization's procedures that have a revision in force, by key."""
    return _in_force(organization.pk, organization.version)


@lru_cache(maxsize=64)
def _in_force(organization_id: int, version: int) -> dict[str, Procedure]:
    found = (
        Procedure.everywhere.filter(organization_id=organization_id, current__isnull=False)
        .select_related("current")
        .defer("current__definition")
        .order_by("number")
    )
    return {procedure.key: procedure for procedure in found}


def procedures_of(organization: Organization) -> dict[str, Running]:
    """What is in force, by procedure key."""
    return {key: running(procedure.current) for key, procedure in in_force(organization).items() if procedure.current}
