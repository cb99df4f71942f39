"""What `does:` may name: operation -> a function of the case at work, its arguments and what it is read against.

An operation may answer with an outcome and values, which complete the step that asked. What a ledger takes from cases and tells them
is in `posting/<ledger>.py`, and entered here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.module_loading import import_string

from .posting import Answer, Operation, Stays, cases, custody, customers, orders, products, receivables

if TYPE_CHECKING:
    from .folder import Folder


def _decide(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`decide` with `table`: the outputs of that decision table are the values, its output `outcome` the outcome."""
    found = folder.running.tables[arguments["table"]].asked(arguments, context)
    outcome = found.pop("outcome", None)
    return outcome, found


def _above(path: str) -> Operation:
    """An operation that a higher layer offers (kehu/config/operations.py): looked for when it is asked."""
    return lambda folder, arguments, context: import_string(path)(folder, arguments, context)


OPERATIONS: dict[str, Operation] = {
    "decide": _decide,
    "enter_customer": customers.enter_customer,
    "class_customer": customers.class_customer,
    "class_customers": customers.class_customers,
    "change_customer": customers.change_customer,
    "similar_customers": customers.similar_customers,
    "receive_property": custody.receive_property,
    "post_property": custody.post_property,
    "move_property": custody.move_property,
    "calibrate_property": custody.calibrate_property,
    "check_property": custody.check_property,
    "property_facts": custody.property_facts,
    "property_of": custody.property_of,
    "find_price": products.find_price,
    "post_price": products.post_price,
    "orders_of_customer": orders.orders_of_customer,
    "orders_by_customer": orders.orders_by_customer,
    "customers_delivered": orders.customers_delivered,
    "build_statement": receivables.build_statement,
    "post_statement": receivables.post_statement,
    "post_payment": receivables.post_payment,
    "statement_balance": receivables.statement_balance,
    "cases_of": cases.cases_of,
    **{name: _above(path) for name, path in settings.OPERATIONS.items()},
}

TAKE_BACK: dict[str, Callable[[int, str, Folder], None]] = {
    "property": custody.take_back,
    "payment": receivables.take_back,
}
"""What adds to a ledger each time it is done (`folder.entered`) -> how a case that goes back behind it takes it back, by an entry. What a
ledger says anew, such as a price or a statement, replaces what was said before."""

WITHDRAW: dict[str, Callable[[int, str, Folder], None]] = {
    "statement": receivables.withdraw,
}
"""What a ledger says anew -> how a case that is voided takes that back, which nothing will replace any more."""

STAYS: dict[str, Stays] = {**customers.STAYS, **products.STAYS, **custody.STAYS}
"""What a ledger says anew and a voided case does not take back: it stays as it was said until somebody says it anew."""

CUSTOMER_FACTS: dict[str, Callable[[Sequence[int], date], Mapping[int, Any]]] = {
    "delivered_last_month": orders.delivered_last_month,
}
"""What ledgers tell of customers to schedules, as `customer.NAME`: of these (by key), on that day."""
