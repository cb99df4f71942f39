"""Questions about sheets. Nothing here writes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from kehu.core import clock
from kehu.core.batches import Outcome, Reason

from . import staging
from .cells import shown
from .kinds.table import KINDS
from .models import Import, ImportRow
from .sheets import letters

LATEST = 50


def latest(kinds: Collection[str]) -> list[Import]:
    return list(Import.objects.filter(kind__in=kinds).order_by("-uploaded_at", "-pk")[:LATEST])


@dataclass(frozen=True)
class Told:
    """A row of the sheet of which something must be said."""

    row: int
    cells: list[str]
    reasons: list[str]


def refused(sheet: Import, most: int) -> list[Told]:
    """The first that were refused, with what stands in them and why."""
    lines = list(ImportRow.objects.filter(batch=sheet, outcome=Outcome.REFUSED).order_by("row")[:most])
    cells = dict(cells_of(sheet, {line.row for line in lines}))
    return [Told(line.row, cells.get(line.row, []), reasons_of(sheet, line)) for line in lines]


def staying(sheet: Import, most: int) -> list[Told]:
    """The first that could not be taken back, and why."""
    there = ImportRow.objects.filter(batch=sheet, stays__isnull=False).order_by("row")[:most]
    return [Told(line.row, [], [str(Reason.from_json(line.stays or {}))]) for line in there]


def reasons_of(sheet: Import, line: ImportRow) -> list[str]:
    return [told(sheet, Reason.from_json(kept)) for kept in line.facts.get("reasons", ())]


def told(sheet: Import, reason: Reason) -> str:
    """A reason with the column it is about: "客户编号 (B): …"."""
    column = KINDS[sheet.kind].column(reason.column)
    if column is None:
        return str(reason)
    at = sheet.mapping.get(reason.column)
    place = f"{column.title} ({letters(at)})" if at is not None else str(column.title)
    return f"{place}: {reason}"


def cells_of(sheet: Import, wanted: Collection[int]) -> Iterator[tuple[int, list[str]]]:
    """What stands in these rows, as it is told to people."""
    if not (sheet.staged and wanted):
        return
    last, sought = max(wanted), set(wanted)
    for number, cells in staging.rows(sheet.staged, behind=sheet.header_row):
        if number in sought:
            yield number, [shown(cell) for cell in cells]
        if number >= last:
            return


def seconds_left(sheet: Import) -> int | None:
    """By what the worker has done in this turn; nothing where that says too little."""
    since, start = sheet.pace.get("since"), sheet.pace.get("from", 0)
    done = sheet.position - start
    if since is None or done <= 0 or not sheet.is_working or sheet.total <= sheet.position:
        return None
    taken = clock.now().timestamp() - since
    return max(1, round(taken / done * (sheet.total - sheet.position)))
