"""What people do with a sheet: bring it, say what its columns are, let it in, pause, go on, cancel, take everything back.

They only say what shall be done; a worker does it (`work.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.files.base import File
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.core import events, files
from kehu.core.batches import Outcome
from kehu.core.filetypes import ending_of
from kehu.core.models import Organization
from kehu.core.refusals import BadData, Conflict, Finding, Refusal
from kehu.core.scope import scope

from . import remembering
from .kinds.table import KINDS
from .models import Import, ImportRow
from .sheets import MOST_COLUMNS
from .sheets.csv import ENCODINGS

ENDINGS = ("xlsx", "xls", "csv", "txt")
State = Import.State


class NotASheet(Refusal):
    code = "import.not_a_sheet"
    kind = "data"
    message = gettext_lazy(
        "“{name}” is no sheet that can be read: choose a file that ends with .xlsx, .xls, .csv or .txt."
    )


class Nothing(Refusal):
    code = "import.empty"
    kind = "data"
    message = gettext_lazy("There is nothing in “{name}”: choose the file with the rows.")


class NotNow(Conflict):
    code = "import.not_now"
    message = gettext_lazy("The import has gone on meanwhile: {state}. Look at it before you choose again.")


STATES: dict[str, str | Promise] = {
    State.READING: gettext_lazy("is being read"),
    State.MAPPING: gettext_lazy("its columns are to be confirmed"),
    State.CHECKING: gettext_lazy("is being checked"),
    State.CHECKED: gettext_lazy("has been checked"),
    State.RUNNING: gettext_lazy("is coming in"),
    State.DONE: gettext_lazy("is in"),
    State.UNDOING: gettext_lazy("is being taken back"),
    State.UNDONE: gettext_lazy("was taken back"),
    State.CANCELED: gettext_lazy("was canceled"),
    State.FAILED: gettext_lazy("has stopped"),
}


def bring(*, organization: Organization, kind: str, upload: File, by: str, now: datetime) -> Import:
    """The file is kept, and will be read."""
    name = files.safe_name(upload.name)
    if ending_of(name) not in ENDINGS:
        raise NotASheet(name=name)
    if not upload.size:
        raise Nothing(name=name)
    (content,) = files.put(organization, [upload])
    with transaction.atomic(), scope(organization):
        stored = files.row_of(organization, content)
        found = Import.objects.create(
            organization=organization, kind=kind, name=name, stored=stored, by=by, asked_by=by, uploaded_at=now
        )
        facts = {"import": found.pk, "kind": kind, "file": name, "digest": stored.digest}
        events.record(organization, "import.brought", by=by, at=now, **facts)
    return found


@transaction.atomic
def read_otherwise(
    *, sheet: Import, table: str = "", encoding: str = "", header_row: int = 0, by: str, now: datetime
) -> Import:
    """Said before anybody has read it."""
    found = _locked(sheet, State.READING)
    found.options = {**found.options, **_wish(table, encoding, header_row)}
    found.save(update_fields=["options"])
    return found


@transaction.atomic
def read_again(
    *, sheet: Import, table: str = "", encoding: str = "", header_row: int = 0, by: str, now: datetime
) -> Import:
    """With another table of the workbook, another encoding or another header; nothing has come in yet."""
    found = _locked(sheet, State.MAPPING, State.CHECKED, State.FAILED)
    if found.state == State.FAILED and not found.why.get("final"):
        raise _not_now(found)
    wish = _wish(table, encoding, header_row)
    found.options = {**found.options, **wish}
    _goes_on(found, State.READING, by, total=0)
    events.record(found.organization, "import.read_again", by=by, at=now, **{"import": found.pk, **wish})
    return found


@transaction.atomic
def choose(*, sheet: Import, columns: Mapping[int, str], options: Mapping[str, bool], by: str, now: datetime) -> Import:
    """What each column of the sheet is (the first being 0). It is checked from its beginning; nothing comes in by that."""
    found = _locked(sheet, State.MAPPING, State.CHECKED)
    kind = KINDS[found.kind]
    mapping = {key: at for at, key in columns.items()}
    if any(not 0 <= at < MOST_COLUMNS for at in columns) or any(kind.column(key) is None for key in mapping):
        raise BadData([Finding("mapping", _("There is no such column. Load the page again."))])
    if twice := {key for at, key in columns.items() if mapping[key] != at}:
        names = ", ".join(str(column.title) for column in kind.columns if column.key in twice)
        raise BadData([Finding("mapping", _("Chosen for more than one column: {names}").format(names=names))])
    if missing := kind.missing(mapping):
        names = "; ".join(_(" or ").join(str(column.title) for column in group) for group in missing)
        raise BadData([Finding("mapping", _("Choose the columns for: {names}").format(names=names))])
    found.mapping = mapping
    found.options = {**found.options, **{one.key: bool(options.get(one.key)) for one in kind.options}}
    remembering.remember(found.organization, found.kind, found.titles, found.mapping, now)
    _goes_on(found, State.CHECKING, by, total=_behind_header(found))
    facts = {"import": found.pk, "mapping": found.mapping, "options": found.options}
    events.record(found.organization, "import.columns_chosen", by=by, at=now, **facts)
    return found


@transaction.atomic
def choose_again(*, sheet: Import, by: str, now: datetime) -> Import:
    """Back to the columns, after a look at what the check found."""
    found = _locked(sheet, State.CHECKED)
    found.state = State.MAPPING
    found.save(update_fields=["state"])
    events.record(found.organization, "import.columns_reopened", by=by, at=now, **{"import": found.pk})
    return found


@transaction.atomic
def start(*, sheet: Import, by: str, now: datetime) -> Import:
    """What was checked comes in; what was refused stays out."""
    found = _locked(sheet, State.CHECKED)
    found.started_at = now
    _goes_on(found, State.RUNNING, by, total=_behind_header(found))
    facts = {"import": found.pk, "kind": found.kind, "digest": found.stored.digest, "mapping": found.mapping, "options": found.options}  # fmt: skip
    events.record(found.organization, "import.started", by=by, at=now, **facts)
    return found


@transaction.atomic
def pause(*, sheet: Import, by: str, now: datetime) -> Import:
    """After the rows that are being done at this moment it stands still."""
    found = _locked(sheet, *Import.PAUSABLE)
    if not found.paused_at:
        found.paused_at = now
        found.save(update_fields=["paused_at"])
        events.record(
            found.organization, "import.paused", by=by, at=now, **{"import": found.pk, "rows": found.position}
        )
    return found


@transaction.atomic
def resume(*, sheet: Import, by: str, now: datetime) -> Import:
    """It goes on where it stood; also after it had to stop."""
    found = _locked(sheet, *Import.PAUSABLE, State.FAILED)
    if found.state == State.FAILED:
        if found.why.get("final"):
            raise _not_now(found)
        found.state, found.why, found.failures = found.why["state"], {}, 0
    elif not found.paused_at:
        return found
    found.paused_at = None
    found.save(update_fields=["state", "why", "failures", "paused_at"])
    events.record(found.organization, "import.resumed", by=by, at=now, **{"import": found.pk, "rows": found.position})
    return found


@transaction.atomic
def cancel(*, sheet: Import, by: str, now: datetime) -> Import:
    """It ends where it stands. What has come in stays, and can be taken back."""
    found = _locked(sheet, State.READING, State.MAPPING, State.CHECKING, State.CHECKED, State.RUNNING, State.FAILED)
    found.state, found.paused_at, found.ended_at = State.CANCELED, None, now
    found.save(update_fields=["state", "paused_at", "ended_at"])
    events.record(found.organization, "import.canceled", by=by, at=now, **{"import": found.pk, "rows": found.position})
    return found


@transaction.atomic
def undo(*, sheet: Import, by: str, now: datetime) -> Import:
    """What came in goes out again, and what was changed is as before, except where somebody has changed or used it since."""
    found = _locked(sheet, State.DONE, State.CANCELED, State.FAILED)
    left = came_in(found)
    if not left:
        raise _not_now(found)
    _goes_on(found, State.UNDOING, by, total=left)
    events.record(found.organization, "import.undo_started", by=by, at=now, **{"import": found.pk, "rows": left})
    return found


def came_in(sheet: Import) -> int:
    """Rows of the sheet that made or changed something which has not been taken back."""
    if sheet.started_at is None:
        return 0
    there = ImportRow.objects.filter(batch=sheet, outcome__in=(Outcome.NEW, Outcome.CHANGED), stays__isnull=True)
    return sum(there.values_list("rows", flat=True)) if KINDS[sheet.kind].grouped_by else there.count()


def _wish(table: str, encoding: str, header_row: int) -> dict[str, Any]:
    return {"sheet": table, "encoding": encoding if encoding in ENCODINGS else "", "header_row": header_row}


def _locked(sheet: Import, *states: str) -> Import:
    found = Import.objects.select_for_update(of=("self",)).select_related("organization", "stored").get(pk=sheet.pk)
    if found.state not in states:
        raise _not_now(found)
    return found


def _not_now(found: Import) -> NotNow:
    return NotNow(state=STATES[found.state])


def _goes_on(found: Import, state: str, by: str, *, total: int) -> None:
    """From the beginning. Who worked on it loses it."""
    found.state, found.asked_by, found.position, found.total = state, by, 0, total
    found.counts, found.why, found.failures, found.paused_at, found.ended_at = {}, {}, 0, None, None
    found.held_by, found.held_until = "", None
    found.save()


def _behind_header(found: Import) -> int:
    head = found.about.get("head", [])
    return int(found.about.get("rows", 0)) - sum(number <= found.header_row for number, _cells in head)
