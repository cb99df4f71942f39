"""Cases and other cases: which of a procedure there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kehu.engine.records import decoded
from kehu.procedures import revisions

from ..models import Case
from . import Answer

if TYPE_CHECKING:
    from ..folder import Folder

MOST = 200


def cases_of(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`cases_of` with `procedure` and `fields`: its cases `where` fields have these values, only open ones or only ended ones with
    `open`. Answers `rows` with `number customer opened_on state` and these fields, the latest first, and `count`."""
    procedure = str(arguments["procedure"])
    form = revisions.procedures_of(folder.work.organization)[procedure].procedure.form
    found = Case.objects.filter(procedure__key=procedure, **chosen(arguments.get("where") or {})).exclude(
        status="voided"
    )
    if (open_ := arguments.get("open")) is not None:
        found = found.filter(status="open") if open_ else found.exclude(status="open")
    rows = []
    for case in found.select_related("customer").order_by("-opened_at", "-pk")[:MOST]:
        data = decoded(form, case.data)
        row = {
            "number": case.number,
            "customer": case.customer.code if case.customer else None,
            "opened_on": case.opened_at.astimezone(folder.work.local.tzinfo).date(),
            "state": case.status,
        }
        rows.append({**row, **{str(name): data.get(str(name)) for name in arguments.get("fields") or []}})
    return None, {"rows": rows, "count": found.count()}


def chosen(where: Mapping[str, Any]) -> dict[str, Any]:
    """`{field: value}` as a question to the database; `customer` is a customer's code."""
    return {"customer__code" if name == "customer" else f"data__{name}": value for name, value in where.items()}
