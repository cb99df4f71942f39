"""What a worker does with sheets: reads them, checks them, brings their rows in, takes them back; a slice of rows in a transaction.

One worker works on a sheet at a time; it holds it for a while and says so again with every slice. Killed, it lets go by not saying so,
and whoever comes next begins behind the last slice that was done. Everybody is given a turn of some seconds.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Model, Q
from django.utils.translation import gettext_noop as _

from kehu.cases.posting.reading import home_currency
from kehu.core import clock, events, files, rows
from kehu.core.batches import Applied, Batch, Entry, Outcome, Reason, Verdict, as_text
from kehu.core.models import Organization
from kehu.core.scope import scope
from kehu.organizations.queries import local_now

from . import guessing, remembering, staging, workbooks
from .entries import Read, Reading, Seen
from .kinds.table import KINDS
from .models import Import, ImportRow

log = logging.getLogger("kehu.intake")

SLICE = 1000
COUNTED_ANEW = (SLICE, 16 * SLICE)
"""When so many rows of a sheet came in, the database counts its ledger anew."""
TURN = timedelta(seconds=30)
HOLD = timedelta(seconds=30)
FAILURES = 3
PLACES = 5
"""So many places a remark names."""
SHOWN = 20
"""So many rows of each outcome are kept to be shown before anything is entered."""


class Lost(Exception):
    """Somebody paused or canceled it, or another worker has it."""


def work(organization: Organization, now: datetime) -> int:
    """One sheet of the organization goes on for a turn. Gives how many rows were done."""
    with scope(organization):
        taken = _take()
        return Turn(organization, taken, now).carry_out() if taken else 0


def work_on(sheet: Import, now: datetime, tell: Callable[[int], None]) -> int:
    """The same with one that somebody waits for; `tell` hears how far it is. Nothing where another worker has it."""
    taken = _take(sheet.pk)
    return Turn(sheet.organization, taken, now, tell).carry_out() if taken else 0


def _take(*only: int) -> Import | None:
    """The sheet that has waited longest, if nobody else has it: who writes his name first."""
    moment = clock.now()
    free = Import.objects.filter(Q(held_until=None) | Q(held_until__lt=moment))
    waiting = free.filter(state__in=Import.WORKING, paused_at=None, **({"pk__in": only} if only else {}))
    for one in waiting.order_by("pk")[:5]:
        name = secrets.token_hex(8)
        pace = {"since": moment.timestamp(), "from": one.position}
        if free.filter(pk=one.pk, state=one.state).update(held_by=name, held_until=moment + HOLD, pace=pace):
            return Import.objects.select_related("stored", "staged").get(pk=one.pk)
    return None


class Turn:
    """A worker's turn with a sheet."""

    def __init__(
        self, organization: Organization, taken: Import, now: datetime, tell: Callable[[int], None] = lambda _at: None
    ):
        self.organization, self.sheet, self.now, self.tell = organization, taken, now, tell
        self.me, self.kind = taken.held_by, KINDS[taken.kind]
        self.ends = time.monotonic() + TURN.total_seconds()
        self.done = 0

    def carry_out(self) -> int:
        steps = {
            Import.State.READING: self._read,
            Import.State.CHECKING: self._go_through,
            Import.State.RUNNING: self._go_through,
            Import.State.UNDOING: self._take_back,
        }
        try:
            steps[Import.State(self.sheet.state)]()
        except Lost:
            pass
        except (OperationalError, InterfaceError):
            raise  # the database is away; the sheet waits until it is let go
        except Exception as error:
            self._fail(error)
        finally:
            self._mine().update(held_by="", held_until=None)
        return self.done

    def _mine(self) -> Any:
        return Import.objects.filter(pk=self.sheet.pk, held_by=self.me)

    # --- reading -------------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        one = self.sheet
        wish = one.options
        try:
            staged = staging.stage(
                self.organization,
                one.stored,
                one.name,
                sheet=wish.get("sheet", ""),
                encoding=wish.get("encoding", ""),
                tell=self._still_reading,
            )
        except staging.Unreadable as why:
            self._end(Import.State.FAILED, why={"says": why.says, "facts": why.facts, "final": True})
            return
        remembered = remembering.titles(one.kind)
        header = wish.get("header_row") or guessing.header_of(self.kind, staged.head, remembered)
        cells = next((cells for number, cells in staged.head if number == header), [])
        titles = guessing.titles_of(cells)
        while titles and titles[-1] in workbooks.own_titles():
            titles.pop()  # a workbook that went back, corrected
        behind = sum(number <= header for number, _cells in staged.head)
        with transaction.atomic():
            self._locked(Import.State.READING)
            one.staged = files.row_of(self.organization, staged.content)
            remarks = list(_behind(header, staged.about["remarks"]))
            one.about = {**staged.about, "remarks": remarks, "head": staged.head, "rows": staged.count}
            one.header_row, one.titles, one.total = header, titles, staged.count - behind
            one.mapping = remembering.mapping(one.kind, titles) or guessing.mapping_of(self.kind, titles, remembered)
            one.state, one.position = Import.State.MAPPING, 0
            one.save(update_fields=["staged", "about", "header_row", "titles", "total", "mapping", "state", "position"])
        self.done = staged.count

    def _still_reading(self, count: int) -> None:
        self.tell(count)
        found = self._mine().filter(state=Import.State.READING)
        if not found.update(held_until=clock.now() + HOLD, position=count):
            raise Lost

    # --- checking and bringing in ----------------------------------------------------------------------------------------

    def _go_through(self) -> None:
        one = self.sheet
        assert one.staged
        today = local_now(self.organization, self.now).date()
        options = {"currency": home_currency(self.organization.pack), "today": today, **one.options}
        ledger = self.kind.batch(self.organization, options)
        seen, known = Seen(ledger, self.kind), dict[int, int]()
        lines = staging.rows(one.staged, behind=one.header_row)
        portion: list[tuple[Read, Reason | None]] = []
        size = 0
        for read in Reading(self.kind, one.mapping, one.titles).read(lines):
            double = seen.meet(read.entry) if not read.reasons else None
            if read.until <= one.position:
                continue  # done before; only its keys are to be known
            portion.append((read, double))
            size += len(read.entry.rows)
            if size >= SLICE:
                self._slice(ledger, portion, known)
                portion, size = [], 0
                if time.monotonic() > self.ends:
                    return
        if portion:
            self._slice(ledger, portion, known)
        self._finish()

    def _slice(self, ledger: Batch, portion: Sequence[tuple[Read, Reason | None]], known: dict[int, int]) -> None:
        one = self.sheet
        is_run, before = one.state == Import.State.RUNNING, one.position
        verdicts: dict[tuple[int, ...], Verdict] | None = None
        if not is_run:
            verdicts = _judged(ledger, portion, known)
        with transaction.atomic():
            self._locked(Import.State(one.state))
            if one.position == 0:
                ImportRow.objects.filter(batch=one)._raw_delete(ImportRow.objects.db)
                one.counts = dict.fromkeys((*Outcome.values, "remarks"), 0)
                one.checked = one.checked if is_run else {"rows": {}, "remarks": []}
            if verdicts is None:
                verdicts = _judged(ledger, portion, known)
            entries = [read.entry for read, _double in portion]
            made = [line for read, _double in portion for line in _refused(one, read, verdicts[read.entry.rows])]
            if is_run:
                judged = [(entry, verdict) for entry in entries if _is_change(verdict := verdicts[entry.rows])]
                cause = f"import {one.pk}"
                applied = ledger.apply(judged, by=one.asked_by, now=self.now, cause=cause) if judged else []
                made += [_applied(one, entry, done) for (entry, _verdict), done in zip(judged, applied, strict=True)]
            rows.insert_lines(ImportRow, made)
            for entry in entries:
                verdict = verdicts[entry.rows]
                one.counts[verdict.outcome.value] += len(entry.rows)
                if verdict.outcome != Outcome.REFUSED:
                    one.counts["remarks"] += len(verdict.reasons)
                if not is_run:
                    _show(one.checked, entry, verdict)
            self._advance(portion[-1][0].until)
        if is_run and any(before < count <= one.position for count in COUNTED_ANEW):
            rows.count_anew(_tables_of(ledger))

    def _advance(self, position: int) -> None:
        one = self.sheet
        self.done += position - one.position
        one.position, one.failures = position, 0
        one.held_until = clock.now() + HOLD
        one.save(update_fields=["position", "failures", "held_until", "counts", "checked"])
        self.tell(position)

    def _locked(self, state: Import.State) -> None:
        """Nobody else acts on it until the transaction ends. Lost where it is no longer ours, or no longer where we thought."""
        found = self._mine().select_for_update().filter(state=state, paused_at=None)
        position = found.values_list("position", flat=True).first()
        if position is None or (state != Import.State.READING and position != self.sheet.position):
            raise Lost

    def _finish(self) -> None:
        one = self.sheet
        if one.state == Import.State.CHECKING:
            one.checked["counts"] = one.counts
            self._end(Import.State.CHECKED, "import.checked", checked=one.checked)
        else:
            self._end(Import.State.DONE, "import.finished")

    # --- taking back -----------------------------------------------------------------------------------------------------

    def _take_back(self) -> None:
        one = self.sheet
        ledger = self.kind.batch(self.organization, one.options)
        while time.monotonic() < self.ends:
            with transaction.atomic():
                self._locked(Import.State.UNDOING)
                portion = _last_applied(one)
                if portion:
                    applied = [Applied(line.key or 0, Outcome(line.outcome), line.facts) for line in portion]
                    stays = ledger.take_back(applied, by=one.asked_by, now=self.now, cause=f"import {one.pk}")
                    for line in portion:
                        if line.key in stays:
                            line.stays = stays[line.key].as_json()
                    kept = [line for line in portion if line.stays is not None]
                    rows.update(kept, ("stays",))
                    gone = [line.pk for line in portion if line.stays is None]
                    ImportRow.objects.filter(pk__in=gone)._raw_delete(ImportRow.objects.db)
                    one.counts["stays"] = one.counts.get("stays", 0) + sum(line.rows for line in kept)
                    self._advance(one.position + sum(line.rows for line in portion))
            if not portion:
                self._end(Import.State.UNDONE, "import.undone")
                return

    # --- ends ------------------------------------------------------------------------------------------------------------

    def _end(self, state: Import.State, event: str = "", **facts: Any) -> None:
        one = self.sheet
        with transaction.atomic():
            self._locked(Import.State(one.state))
            Import.objects.filter(pk=one.pk).update(state=state, ended_at=self.now, **facts)
            if event:
                told = {"import": one.pk, "kind": one.kind, "counts": one.counts}
                events.record(self.organization, event, by="", at=self.now, **told)

    def _fail(self, error: Exception) -> None:
        one = self.sheet
        log.exception("import %s stopped behind row %s", one.pk, one.position)
        with transaction.atomic():
            found = Import.objects.select_for_update().filter(pk=one.pk, held_by=self.me).first()
            if found is None:
                return
            found.failures += 1
            if found.failures >= FAILURES:
                says = _("It stopped behind row {count} of {total}: {error}. What was entered stays; go on when the cause is mended, or take everything back.")  # fmt: skip
                facts = {"count": found.position, "total": found.total, "error": type(error).__name__}
                found.why = {"says": says, "facts": facts, "state": found.state}
                found.state = Import.State.FAILED
                events.record(self.organization, "import.failed", by="", at=self.now, **{"import": one.pk})
            found.save(update_fields=["failures", "why", "state"])


def _tables_of(ledger: Batch) -> Iterator[type[Model]]:
    """Of the ledger that takes what comes in."""
    app = apps.get_containing_app_config(type(ledger).__module__)
    assert app
    yield from app.get_models()


def _behind(header: int, remarks: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Remarks on what stands behind the header: the titles above it are nearly always merged."""
    for one in remarks:
        above = [place for place in one["places"] if (row := re.search(r"\d+$", place)) and int(row[0]) <= header]
        places = [place for place in one["places"] if place not in above]
        if count := one["count"] - len(above):
            more = " …" if count > PLACES else ""
            yield {"says": one["says"], "count": count, "places": ", ".join(places[:PLACES]) + more}


def _judged(
    ledger: Batch, portion: Sequence[tuple[Read, Reason | None]], known: dict[int, int]
) -> dict[tuple[int, ...], Verdict]:
    """A verdict for every entry. Who was met already under another key is refused: two rows would change the same."""
    found: dict[tuple[int, ...], Verdict] = {}
    sound: list[Entry] = []
    for read, double in portion:
        if read.reasons:
            found[read.entry.rows] = Verdict.refused(*(reason for many in read.reasons.values() for reason in many))
        elif double:
            found[read.entry.rows] = Verdict.refused(double)
        else:
            sound.append(read.entry)
    for entry, verdict in zip(sound, ledger.compare(sound), strict=True):
        if verdict.known is not None and verdict.outcome != Outcome.REFUSED:
            there = known.setdefault(verdict.known, entry.rows[0])
            if there != entry.rows[0]:
                verdict = Verdict.refused(Reason(_("Row {row} speaks of the same already."), {"row": there}))
        found[entry.rows] = verdict
    return found


def _is_change(verdict: Verdict) -> bool:
    return verdict.outcome in (Outcome.NEW, Outcome.CHANGED)


def _refused(one: Import, read: Read, verdict: Verdict) -> list[dict[str, Any]]:
    """A line for each row that is refused, with its own reasons where it has some."""
    if verdict.outcome != Outcome.REFUSED:
        return []
    first = next((reason.row for reason in verdict.reasons if reason.row), 0)
    beside = [Reason(_("Row {row} of the same number is refused."), {"row": first})]
    reasons = {}
    for row in read.entry.rows:
        own = [reason for reason in verdict.reasons if reason.row in (0, row)]
        reasons[row] = read.reasons.get(row) or own or beside
    return [
        {
            "organization_id": one.organization_id,
            "batch_id": one.pk,
            "row": row,
            "outcome": Outcome.REFUSED.value,
            "facts": {"reasons": [reason.as_json() for reason in many]},
        }
        for row, many in reasons.items()
    ]


def _applied(one: Import, entry: Entry, done: Applied) -> dict[str, Any]:
    return {
        "organization_id": one.organization_id,
        "batch_id": one.pk,
        "row": entry.rows[0],
        "rows": len(entry.rows),
        "outcome": done.outcome.value,
        "key": done.key,
        "facts": done.facts,
    }


def _last_applied(one: Import) -> list[ImportRow]:
    """The next to be taken back: first what was changed, then what was entered, the last row first."""
    for outcome in (Outcome.CHANGED, Outcome.NEW):
        left = ImportRow.objects.filter(batch=one, outcome=outcome, stays__isnull=True)
        if found := list(left.order_by("-row")[:SLICE]):
            return found
    return []


def _show(checked: dict[str, Any], entry: Entry, verdict: Verdict) -> None:
    """The first rows of each outcome, as they are shown before anything is entered."""
    if verdict.outcome != Outcome.REFUSED:
        room = SHOWN - len(checked["remarks"])
        checked["remarks"] += [{"row": entry.rows[0], **reason.as_json()} for reason in verdict.reasons[:room]]
    found = checked["rows"].setdefault(verdict.outcome.value, [])
    if len(found) < SHOWN and verdict.outcome in (Outcome.NEW, Outcome.CHANGED):
        found.append({"row": entry.rows[0], "values": _words(entry), "changes": _changes(verdict)})


def _words(entry: Entry) -> dict[str, str]:
    lines = "; ".join(" ".join(as_text(value) for value in line.values()) for line in entry.lines[:3])
    more = {"lines": lines + (" …" if len(entry.lines) > 3 else "")} if lines else {}
    return {name: as_text(value) for name, value in entry.values.items()} | more


def _changes(verdict: Verdict) -> dict[str, list[str]]:
    return {name: [_word(before), _word(after)] for name, (before, after) in verdict.changes.items()}


def _word(value: Any) -> str:
    match value:
        case Mapping():
            return " ".join(as_text(one) for name, one in value.items() if one and name != "pk")
        case _ if hasattr(value, "key"):
            return str(value.key)
    return as_text(value)
