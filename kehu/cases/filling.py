"""A step of a case as something to fill: what every door needs that shows a form. Nothing here writes."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import get_language

from kehu.core.models import Organization
from kehu.core.refusals import Refusal
from kehu.engine.expressions import ExpressionError
from kehu.engine.records import Data, decoded_value
from kehu.engine.tables import NoDecision
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.customers.queries import by_code
from kehu.organizations.permissions import whose
from kehu.organizations.queries import Person
from kehu.procedures import revisions
from kehu.procedures.forms import Filling

from .folder import Folder
from .models import Case
from .permissions import may_open, role_words
from .refusals import MayNotStart, NoSuchProcedure, NotStartable, SwitchedOff
from .work import Work


def filling_of(folder: Folder, step: str, item: str = "") -> Filling:
    return Filling(
        folder.procedure.form,
        folder.procedure.steps[step],
        item,
        {**folder.state.data, **_answers(folder, step, item)},
        folder.facts(),
        folder.work.people,
        has_customer=lambda code: Customer.objects.filter(code=code).exists(),
    )


def _answers(folder: Folder, step: str, item: str) -> Data:
    """What ledgers say, for who looks. A question that nothing can answer yet is answered when the step is completed, or refused
    then."""
    try:
        return folder.answers(step, item)
    except (ExpressionError, NoDecision, Refusal):
        return {}


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
    if not revisions.is_on(written):
        raise SwitchedOff(procedure=title, positions=whose("procedures", organization))
    found = by_code(customer) if customer else None
    if not may_open(work, running, found):
        raise MayNotStart(procedure=title, role=role_words(running, running.procedure.first_step))
    case = Case(organization=organization, opener_id=person.id, customer=found, opened_at=now, revision=written.current)
    return Folder(work, case, running, [])


def as_drafted(folder: Folder, step: str, item: str = "") -> Data:
    """The record as it would stand with what is kept of an open step that somebody is filling."""
    task = folder.task(step, item)
    filling = filling_of(folder, step, item)
    fields = {key: definition for _s, _x, key, definition in filling.fields() if definition.is_typed_in}
    kept = task.draft if task else {}
    typed = {key: decoded_value(fields[key], value) for key, value in kept.items() if key in fields}
    return filling.with_values(typed)
