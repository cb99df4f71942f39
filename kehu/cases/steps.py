"""What `does:` may name: operation -> a function of the case at work, its arguments and what it is read against.

An operation may answer with an outcome and values, which complete the step that asked. A ledger that takes facts from cases is
entered here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kehu.ledgers.customers import actions as customers

if TYPE_CHECKING:
    from .folder import Folder


Answer = tuple[str | None, dict[str, Any]] | None


def _class_customer(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`class_customer` with `class`: the case's customer gets that class."""
    assert folder.case.customer
    customers.class_customer(
        customer=folder.case.customer,
        grade=arguments["class"],
        cause=folder.case.number,
        by=folder.work.by_key,
        now=folder.work.now,
    )
    return None


def _decide(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`decide` with `table`: the outputs of that decision table are the values, its output `outcome` the outcome."""
    found = folder.running.tables[arguments["table"]].asked(arguments, context)
    outcome = found.pop("outcome", None)
    return outcome, {key: value for key, value in found.items() if folder.procedure.form.field(key)}


OPERATIONS: dict[str, Callable[[Folder, Mapping[str, Any], Mapping[str, Any]], Answer]] = {
    "class_customer": _class_customer,
    "decide": _decide,
}
