"""A step of a case as something to fill: what every door needs that shows a form. Nothing here writes."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import get_language

from kehu.core.models import Organization
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.customers.queries import by_code
from kehu.organizations.queries import Person
from kehu.procedures import revisions
from kehu.procedures.forms import Filling

from .folder import Folder
from .models import Case
from .permissions import may_open, role_words
from .refusals import MayNotStart, NoSuchProcedure, NotStartable
from .work import Work


def filling_of(folder: Folder, step: str, item: str = "") -> Filling:
    return Filling(
        folder.procedure.form,
        folder.procedure.steps[step],
        item,
        folder.state.data,
        folder.facts(),
        folder.work.people,
        has_customer=lambda code: Customer.objects.filter(code=code).exists(),
    )


def blank(organization: Organization, person: Person, procedure: str, now: datetime, *, customer: str = "") -> Folder:
    """A case as it would begin, if the person may start it; nothing of it is stored."""
    work = Work(organization, person, now)
    written = work.procedures.get(procedure)
    if written is None or written.current is None:
        raise NoSuchProcedure(procedure=procedure)
    running = revisions.running(written.current)
    title = running.procedure.title.in_(get_language() or "zh-hans")
    if not running.procedure.startable:
        raise NotStartable(procedure=title)
    if not may_open(work, running):
        raise MayNotStart(procedure=title, role=role_words(running, running.procedure.first_step))
    found = by_code(customer) if customer else None
    case = Case(organization=organization, opener_id=person.id, customer=found, opened_at=now, revision=written.current)
    return Folder(work, case, running, [])
