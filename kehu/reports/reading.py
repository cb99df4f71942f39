"""Who may read a procedure's register and figures; the same at every door."""

from __future__ import annotations

from datetime import datetime

from kehu.cases.permissions import readable
from kehu.cases.refusals import MayNotRead
from kehu.core.models import Organization
from kehu.core.wording import listed
from kehu.organizations.queries import Person, directory, local_now
from kehu.procedures import revisions


def readable_by(organization: Organization, person: Person, now: datetime) -> set[str]:
    """The procedures whose registers and figures this person may read."""
    people = directory(organization, local_now(organization, now).date())
    return readable(person, organization, people)


def must_read(organization: Organization, person: Person, key: str, now: datetime, language: str) -> None:
    """`MayNotRead` where it is not for him. A procedure that is not in force is left for others to miss."""
    running = revisions.procedures_of(organization).get(key)
    if running is None or key in readable_by(organization, person, now):
        return
    register = running.procedure.register_
    names = [running.procedure.owner, *(register.readers if register else ())]
    titles = [running.pack.departments[name].title.in_(language) for name in names]
    raise MayNotRead(
        procedure=running.procedure.title.in_(language),
        departments=listed(titles, language),
    )
