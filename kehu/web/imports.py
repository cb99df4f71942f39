"""Sheets that come in: brought, their columns confirmed, checked, let in, paused, taken back. For whoever has the right of the kind."""

from __future__ import annotations

import tempfile
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.files.base import ContentFile, File
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from kehu.core import downloads
from kehu.core.batches import Outcome, Reason
from kehu.core.refusals import BadData, Refusal
from kehu.intake import actions, queries, workbooks
from kehu.intake.actions import STATES
from kehu.intake.cells import shown
from kehu.intake.kinds import Column, Kind
from kehu.intake.kinds.table import KINDS
from kehu.intake.models import Import
from kehu.intake.sheets import letters
from kehu.intake.sheets.csv import ENCODINGS
from kehu.organizations.permissions import may_administer, must_administer, whose
from kehu.organizations.queries import directory
from kehu.reports.exports import SHEET
from kehu.reports.ledgers import readable_ledgers

State = Import.State
SHOWN = 20
SAMPLES = 3
OUTCOMES = {
    Outcome.NEW: gettext_lazy("New"),
    Outcome.CHANGED: gettext_lazy("Changed"),
    Outcome.SAME: gettext_lazy("The same"),
    Outcome.REFUSED: gettext_lazy("Refused rows"),
}
WORK = {
    State.READING: gettext_lazy("The file is being read"),
    State.CHECKING: gettext_lazy("The rows are being checked; nothing has come in yet"),
    State.RUNNING: gettext_lazy("The rows are coming in"),
    State.UNDOING: gettext_lazy("The rows are being taken back"),
}


@require_http_methods(["GET", "POST"])
def imports(request: HttpRequest) -> HttpResponse:
    """Those there are; a form to bring another."""
    mine = _mine(request)
    chosen = request.POST.get("kind") or request.GET.get("kind", "")
    problem = ""
    if request.method == "POST":
        kind = KINDS.get(chosen)
        upload = request.FILES.get("file") or _pasted(request)
        if kind is None or upload is None:
            problem = _("Say what the rows are, and choose a file or paste them.")
        else:
            must_administer(request.person, kind.right, request.organization)  # type: ignore[attr-defined]
            try:
                found = actions.bring(kind=kind.key, upload=upload, **_told(request), organization=request.organization)  # type: ignore[attr-defined]  # fmt: skip
            except Refusal as refusal:
                problem = str(refusal)
            else:
                return redirect("import", found.pk)
    people = _people(request)
    words = {
        "kinds": mine,
        "chosen": chosen if chosen in KINDS else mine[0].key,
        "rows": [
            (one, KINDS[one.kind], _look(one), people.get(one.by))
            for one in queries.latest([kind.key for kind in mine])
        ],
        "problem": problem,
        "pasted": request.POST.get("rows", ""),
        "endings": ",".join(f".{ending}" for ending in actions.ENDINGS),
        "most": settings.MAX_FILE_SIZE // 2**20,
    }
    return render(request, "web/imports/imports.html", words, status=422 if problem else 200)


@require_safe
def sheet(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, _one(request, pk))


@require_POST
def reading(request: HttpRequest, pk: int) -> HttpResponse:
    """Once more, with another sheet, encoding or header."""
    row = request.POST.get("header_row", "")
    return _done(
        request,
        _one(request, pk),
        actions.read_again,
        table=request.POST.get("sheet", "")[:100],
        encoding=request.POST.get("encoding", ""),
        header_row=int(row) if row.isdecimal() and len(row) < 7 else 0,
    )


@require_POST
def columns(request: HttpRequest, pk: int) -> HttpResponse:
    found = _one(request, pk)
    said = {
        int(name.removeprefix("column-")): str(key)
        for name, key in request.POST.items()
        if key and name.startswith("column-") and name.removeprefix("column-").isdecimal() and len(name) < 12
    }
    options = {option.key: option.key in request.POST for option in KINDS[found.kind].options}
    try:
        actions.choose(sheet=found, columns=said, options=options, **_told(request))
    except BadData as refusal:
        return _page(request, found, problem=str(refusal), chosen=said, status=422)
    return redirect("import", pk)


@require_POST
def columns_again(request: HttpRequest, pk: int) -> HttpResponse:
    return _done(request, _one(request, pk), actions.choose_again)


@require_POST
def run(request: HttpRequest, pk: int) -> HttpResponse:
    return _done(request, _one(request, pk), actions.start)


@require_POST
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    return _done(request, _one(request, pk), actions.pause)


@require_POST
def resumption(request: HttpRequest, pk: int) -> HttpResponse:
    return _done(request, _one(request, pk), actions.resume)


@require_POST
def cancellation(request: HttpRequest, pk: int) -> HttpResponse:
    return _done(request, _one(request, pk), actions.cancel)


@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    return _done(request, _one(request, pk), actions.undo)


@require_GET
def refused(request: HttpRequest, pk: int) -> FileResponse:
    """The workbook with the refused rows and why."""
    found = _one(request, pk)
    if not found.staged or not _counts(found).get("refused"):
        raise Http404
    target = tempfile.TemporaryFile()  # noqa: SIM115 -- the response closes it when it has been sent
    workbooks.write_refused(found, target)
    target.seek(0)
    words = (found.name.rpartition(".")[0], _("Refused rows"))
    return FileResponse(target, as_attachment=True, filename=f"{' '.join(words)}.xlsx", content_type=SHEET)


@require_GET
def original(request: HttpRequest, pk: int) -> HttpResponseBase:
    found = _one(request, pk)
    return downloads.answer(found.stored, found.name, request)


@require_GET
def template(request: HttpRequest, key: str) -> FileResponse:
    """An empty workbook for a kind of rows."""
    kind = KINDS.get(key)
    if kind is None:
        raise Http404
    must_administer(request.person, kind.right, request.organization)  # type: ignore[attr-defined]
    target = tempfile.TemporaryFile()  # noqa: SIM115 -- the response closes it when it has been sent
    workbooks.write_template(kind, target)
    target.seek(0)
    return FileResponse(target, as_attachment=True, filename=f"{kind.title}.xlsx", content_type=SHEET)


def _pasted(request: HttpRequest) -> File | None:
    """Rows copied out of a workbook or a message, kept like a file that was brought."""
    rows = request.POST.get("rows", "").strip()
    return ContentFile(rows.encode(), name=_("Pasted rows") + ".csv") if rows else None


def kinds_of(request: Any) -> list[Kind]:
    """What this person may bring in."""
    return [kind for kind in KINDS.values() if may_administer(request.person, kind.right, request.organization)]


def _mine(request: Any) -> list[Kind]:
    found = kinds_of(request)
    if not found:
        must_administer(request.person, next(iter(KINDS.values())).right, request.organization)
    return found


def _one(request: Any, pk: int) -> Import:
    found = Import.objects.select_related("stored", "staged").filter(pk=pk).first()
    if found is None or found.kind not in KINDS:
        raise Http404
    must_administer(request.person, KINDS[found.kind].right, request.organization)
    return found


def _told(request: Any) -> dict[str, Any]:
    return {"by": request.person.key, "now": request.now}


def _done(request: HttpRequest, found: Import, action: Any, **words: Any) -> HttpResponse:
    """The page again, as it stands now; where it has gone on meanwhile, with that sentence."""
    try:
        action(sheet=found, **words, **_told(request))
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect("import", found.pk)


# --- the page of one ----------------------------------------------------------------------------------------------------


def _page(
    request: HttpRequest, found: Import, problem: str = "", chosen: dict[int, str] | None = None, status: int = 200
) -> HttpResponse:
    kind = KINDS[found.kind]
    people = _people(request)
    words: dict[str, Any] = {
        "sheet": found,
        "kind": kind,
        "look": _look(found),
        "problem": problem,
        "brought_by": people.get(found.by),
        "remarks": [(_(one["says"]), one["count"], one["places"]) for one in found.about.get("remarks", ())],
        "left_to_take_back": actions.came_in(found) if found.state in _ENDED else 0,
        "positions": whose(kind.right, request.organization),  # type: ignore[attr-defined]
    }
    if found.state in WORK:
        words |= _progress(found)
    elif found.state == State.MAPPING:
        words |= _choosing(found, kind, chosen)
    elif found.state == State.CHECKED:
        words |= _findings(found, kind)
    elif found.state in _ENDED:
        words |= {
            "tiles": _tiles(_counts(found)),
            "refused_rows": queries.refused(found, SHOWN) if _counts(found).get("refused") else [],
            "staying": queries.staying(found, SHOWN),
            "where": _where(request, kind),
            "stays": found.counts.get("stays", 0),
            "why": Reason.from_json(found.why) if found.why else "",
            "may_go_on": found.state == State.FAILED and not found.why.get("final"),
        }
    answer = render(request, "web/imports/import.html", words, status=status)
    if request.headers.get("HX-Request") and found.state not in WORK:
        answer.headers["HX-Refresh"] = "true"  # what was asked for is a part of a page that is over
    return answer


def _where(request: Any, kind: Kind) -> str:
    """The page on which one sees what came in; none where this person may not read it."""
    if kind.right == "customers":
        return reverse("customers")
    readable = readable_ledgers(request.organization, request.person, request.now)
    return reverse("ledger", args=[kind.key]) if kind.key in readable else ""


_ENDED = (State.DONE, State.UNDONE, State.CANCELED, State.FAILED)


def _progress(found: Import) -> dict[str, Any]:
    seconds = queries.seconds_left(found)
    return {
        "work": WORK[State(found.state)],
        "percent": min(100, found.position * 100 // found.total) if found.total else None,
        "tiles": _tiles(found.counts) if found.state != State.UNDOING else [],
        "minutes_left": None if seconds is None else -(-seconds // 60),
        "seconds_left": seconds,
        "may_pause": found.state in Import.PAUSABLE,
    }


def _choosing(found: Import, kind: Kind, chosen: dict[int, str] | None) -> dict[str, Any]:
    said = {at: key for key, at in found.mapping.items()} if chosen is None else chosen
    head = found.about.get("head", [])
    behind = [cells for number, cells in head if number > found.header_row]
    width = max([len(found.titles), *(len(cells) for cells in behind), *(at + 1 for at in said)], default=0)
    rows = []
    for at in range(width):
        samples = [text for cells in behind if at < len(cells) and (text := shown(cells[at]).strip())]
        title = found.titles[at] if at < len(found.titles) else ""
        if title or samples:
            rows.append((at, letters(at), title, samples[:SAMPLES], said.get(at, "")))
    return {
        "columns": rows,
        "needs": [_(" or ").join(str(one.title) for one in group) for group in kind.missing({})],
        "options": [(one, bool(found.options.get(one.key))) for one in kind.options],
        "tables": found.about.get("sheets", []),
        "encodings": ENCODINGS if found.about.get("form") == "csv" else (),
        "head": [(number, [shown(cell) for cell in cells[:8]]) for number, cells in head[:12]],
    }


def _findings(found: Import, kind: Kind) -> dict[str, Any]:
    checked = found.checked
    there = checked.get("rows", {})
    mapped = [column for column in kind.columns if column.key in found.mapping and not column.of_line]
    counts = checked.get("counts", {})
    return {
        "tiles": _tiles(counts),
        "counts": counts,
        "comes_in": counts.get("new", 0) + counts.get("changed", 0),
        "new_titles": [column.title for column in mapped] + ([_("Rows")] if kind.grouped_by else []),
        "new_rows": [(one["row"], _values(one["values"], mapped, kind)) for one in there.get("new", ())],
        "changed_rows": [
            (
                one["row"],
                [(_title(kind, name), *pair) for name, pair in one["changes"].items()],
                _who(one["values"], kind),
            )
            for one in there.get("changed", ())
        ],
        "refused_rows": queries.refused(found, SHOWN) if counts.get("refused") else [],
        "checked_remarks": [
            (one["row"], queries.told(found, Reason.from_json(one))) for one in checked.get("remarks", ())
        ],
        "options_chosen": [one.title for one in kind.options if found.options.get(one.key)],
    }


def _values(values: dict[str, str], mapped: list[Column], kind: Kind) -> list[str]:
    return [values.get(column.key, "") for column in mapped] + ([values.get("lines", "")] if kind.grouped_by else [])


def _who(values: dict[str, str], kind: Kind) -> str:
    """By what a row is known, for the eye: its code and name."""
    names = ("code", "number", "customer", "customer_name", "product", "name")
    return " ".join(dict.fromkeys(values[name] for name in names if values.get(name)))


def _title(kind: Kind, name: str) -> Any:
    column = kind.column(name)
    return column.title if column else name


def _counts(found: Import) -> dict[str, int]:
    """Of the check while it is the last that was done, otherwise of what came in."""
    if found.state in (State.UNDONE, State.UNDOING) or not found.counts:
        return dict(found.checked.get("counts", {}))
    return dict(found.counts)


def _tiles(counts: dict[str, int]) -> list[tuple[str, Any, int]]:
    return (
        [(outcome.value, title, counts.get(outcome.value, 0)) for outcome, title in OUTCOMES.items()] if counts else []
    )


def _look(found: Import) -> tuple[str, Any]:
    """How its state is shown: a colour, and words."""
    if found.paused_at and found.state in WORK:
        return "amber", _("paused")
    colours = {State.DONE: "green", State.FAILED: "red", State.MAPPING: "amber", State.CHECKED: "amber"}
    return colours.get(State(found.state), "plain"), STATES[found.state]


def _people(request: Any) -> Any:
    return directory(request.organization, timezone.localtime(request.now).date()).people
