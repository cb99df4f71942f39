"""What a pack's stories may look at beyond cases: registers, statistics, indicators, the handbook. Named as `expect:` names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from kehu.core.models import Organization
from kehu.core.refusals import Refusal
from kehu.ledgers.customers.models import Customer
from kehu.procedures import revisions
from kehu.procedures.documents import forms_of

from .findings import said_of
from .records import Period
from .registers import Asked, RegisterView
from .statistics import Statistics, statistics


def register(organization: Organization, key: str, now: datetime) -> list[dict[str, Any]]:
    """The rows of the register with that key, by their columns."""
    for procedure, running in revisions.procedures_of(organization).items():
        found = running.procedure.register_
        if found and found.key == key:
            view = RegisterView(organization, procedure, now, "zh-hans")
            names = [column.key for column in view.columns]
            return [dict(zip(names, (cell.value for cell in line.cells), strict=True)) for line in view.every(Asked())]
    raise NoSuchThing(thing=key)


def counted(organization: Organization, procedure: str, now: datetime) -> dict[str, dict[str, int]]:
    """Every statistic of the year's cases: value -> how many."""
    return {
        table.key: {line.value: line.count for line in table.lines}
        for table in _of_year(organization, procedure, now).tables
    }


def indicators(organization: Organization, procedure: str, now: datetime) -> dict[str, Any]:
    return {figure.key: figure.value for figure in _of_year(organization, procedure, now).figures}


def appraisal(organization: Organization, procedure: str, now: datetime) -> dict[str, dict[str, int]]:
    """Every responsible department's year: its cases, its late answers, its failed rounds."""
    return {
        sheet.department: {"cases": len(sheet.cases), "late": len(sheet.late), "failed": sheet.failed_rounds}
        for sheet in _of_year(organization, procedure, now).sheets
    }


def _of_year(organization: Organization, procedure: str, now: datetime) -> Statistics:
    return statistics(organization, procedure, Period.year(now.year), now, "zh-hans")


def document(organization: Organization, name: str, now: datetime) -> Any:
    """`procedure: {owner: sales}`: who owns all of the handbook's procedures."""
    if name != "owner":
        raise NoSuchThing(thing=name)
    owners = {running.procedure.owner for running in revisions.procedures_of(organization).values()}
    return owners.pop() if len(owners) == 1 else sorted(owners)


def chapter(organization: Organization, number: str, now: datetime) -> list[str]:
    """The procedures of a chapter of the handbook."""
    known = {line["number"] for line in organization.pack.get("chapters") or []}
    if number not in known:
        raise NoSuchThing(thing=number)
    found = revisions.procedures_of(organization)
    return sorted(
        key
        for key, running in found.items()
        if running.procedure.chapter and running.procedure.chapter.number == number
    )


def form(organization: Organization, number: str, now: datetime) -> list[str]:
    """The procedures whose records hold the form of that number, the one it belongs to first."""
    for one in forms_of(organization):
        if one.number == number:
            return list(one.procedures)
    raise NoSuchThing(thing=number)


def customer_page(organization: Organization, code: str, now: datetime) -> list[dict[str, Any]]:
    """What cases say on that customer's page, the latest first."""
    customer = Customer.objects.filter(code=code).first()
    if customer is None:
        raise NoSuchThing(thing=code)
    procedures = revisions.procedures_of(organization)
    said = said_of(organization, customer, list(procedures), now, "zh-hans")
    return [{"number": one.number, "at": one.at, **one.values} for one in said]


class NoSuchThing(Refusal):
    code = "reports.not_found"
    kind = "order"
    status = 404
    message = "There is no {thing}."


SHOWN: Mapping[str, Callable[[Organization, str, datetime], Any]] = {
    "register": register,
    "statistics": counted,
    "indicators": indicators,
    "appraisal": appraisal,
    "procedure": document,
    "handbook": chapter,
    "customer_page": customer_page,
    "forms": form,
}
