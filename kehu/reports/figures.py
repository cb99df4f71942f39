"""What a procedure's cases come to, told to cases that ask (`asks: [{does: figures}]`): its own indicators and statistics."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kehu.cases.posting import Answer
from kehu.cases.posting.cases import chosen
from kehu.engine.records import encoded

from .records import Period, read_or_none
from .statistics import Count, Statistics, group, measured

if TYPE_CHECKING:
    from kehu.cases.folder import Folder


def figures(folder: Folder, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Answer:
    """`figures` of `procedure`: of a `period` (2024-03, 2024H1, 2024), of the cases `where` fields have these values, or of both. Answers
    `count`, every indicator by its key, every statistic as rows of `value title count`, `departments`; with `by` (names of fields, or
    `customer`) also `rows`: for each value of these, `count` and the indicators. The case that asks counts as its record will stand."""
    period = arguments.get("period")
    counting = Count(
        folder.work.organization,
        str(arguments["procedure"]),
        Period.named(str(period)) if period else None,
        folder.work.now,
        "zh-hans",
        where=chosen(arguments.get("where") or {}),
        standing={folder.case.pk: _record(folder, context)},
    )
    found = counting.done()
    answer: dict[str, Any] = {"count": len(found.cases)}
    for table in found.tables:
        answer[table.key] = [{"value": line.value, "title": line.title, "count": line.count} for line in table.lines]
    answer["departments"] = [
        {"department": one.department, "cases": len(one.cases), "late": len(one.late), "failed": one.failed_rounds}
        for one in found.sheets
    ]
    answer |= {figure.key: figure.value for figure in found.figures}
    if by := arguments.get("by"):
        answer["rows"] = _rows(counting, found, [by] if isinstance(by, str) else by)
    return None, answer


def _record(folder: Folder, context: Mapping[str, Any]) -> dict[str, Any]:
    fields = (key for _name, section, key, _field in folder.procedure.form.fields() if not section.per)
    return {key: encoded(context[key]) for key in fields if key in context}


def _rows(counting: Count, found: Statistics, by: list[str]) -> list[dict[str, Any]]:
    """The indicators of each group of cases, in the order of what they are grouped by."""
    inside = set(found.cases)
    names = [("customer.code" if name == "customer" else name) for name in by]
    values = (
        (pk, tuple(read_or_none(name, facts) for name in names)) for pk, facts in counting.everyone if pk in inside
    )
    groups = group((pk, [value]) for pk, value in values)
    rows = []
    for value in sorted(groups, key=lambda value: tuple(map(str, value))):
        cases = groups[value]
        row: dict[str, Any] = {**dict(zip(by, value, strict=True)), "count": len(cases)}
        for figure in found.figures:
            counts, of = (_sum(part.amounts, cases) for part in (figure.counts, figure.of))
            row[figure.key] = measured(figure.unit, counts, of)
        rows.append(row)
    return rows


def _sum(amounts: Mapping[int, Decimal], cases: list[int]) -> Decimal:
    return sum((amounts.get(pk, Decimal(0)) for pk in cases), Decimal(0))
