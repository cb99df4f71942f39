"""The case's pages: starting one, its form with what I may do now, and every verb. A refused verb is the same page with the reason."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kehu.cases import actions
from kehu.cases.attachments import attach, keep
from kehu.cases.folder import Folder
from kehu.cases.history import Record, read
from kehu.cases.models import Assignment, Attachment, Case
from kehu.cases.permissions import May, may_open, role_words
from kehu.cases.refusals import MayNotStart, NoSuchProcedure, NotStartable
from kehu.cases.seen import mark_seen
from kehu.cases.wording import Words, timeline
from kehu.cases.work import Work
from kehu.core import files
from kehu.core.files import FileTooLarge
from kehu.core.refusals import BadData, Refusal
from kehu.engine.definitions import FieldDefinition
from kehu.ledgers.customers.models import Customer
from kehu.organizations.queries import directory, local_now
from kehu.procedures import revisions
from kehu.procedures.forms import accept

from .forms import Editor, customers, posted, uploads, with_files
from .sheet import (
    Attempt,
    Sheet,
    anchor_of,
    chart,
    clauses_of,
    clocks,
    dues_of,
    filling_of,
    limits,
    outcome_buttons,
    unseen,
)
from .templatetags.kehu import in_language

# --- the page ---------------------------------------------------------------------------------------------------------


@require_GET
def case(request: HttpRequest, number: str) -> HttpResponse:
    return _page(request, number)


def _page(request: HttpRequest, number: str, attempt: Attempt | None = None) -> HttpResponse:
    record = _record(request, number)
    may = record.may
    if request.method == "GET":
        mark_seen(unseen(record, may.tasks), now=request.now)  # type: ignore[attr-defined]
    words = Words(record)
    sheet = Sheet(record, may, words, attempt)
    dues = dues_of(record)
    context = {
        "record": record,
        "case": record.case,
        "procedure": record.folder.procedure,
        "revision": record.case.revision.label,
        "status_title": _status_title(record.folder),
        "may": may,
        "sheet": sheet,
        "dues": dues,
        "nearest": min(dues.values(), key=lambda due: due.at, default=None),
        "limits": limits(record, words, dues),
        "clocks": clocks(record, words),
        "chart": chart(record, words, dues, sheet.blocks),
        "entries": timeline(record),
        "files": [(one, sheet.addresses[one.name], words.person(one.by_id)) for one in record.attachments],
        "relatives": [(one, one.pk == record.case.parent_id) for one in record.relatives],
        "opener": words.person(record.case.opener_id),
        "attempt": attempt if attempt and not any(block.attempt for block in sheet.blocks) else None,
        "lost": _lost(sheet, words, attempt),
        "reopen_choices": _reopen_choices(record, words) if may.reopen else [],
    }
    return render(request, "web/cases/case.html", context, status=attempt.refusal.status if attempt else 200)


def _record(request: HttpRequest, number: str) -> Record:
    """The case, if the person may read it."""
    return read(
        organization=request.organization,  # type: ignore[attr-defined]
        number=number,
        person=request.person,  # type: ignore[attr-defined]
        now=request.now,  # type: ignore[attr-defined]
    )


def _status_title(folder: Folder) -> Any:
    step = folder.procedure.steps.get(folder.state.status)
    return step.title if step else ""


def _lost(sheet: Sheet, words: Words, attempt: Attempt | None) -> list[tuple[str, str]]:
    """What was typed for a task that is no longer there to take it."""
    if not attempt or not attempt.raw or any(block.attempt for block in sheet.blocks):
        return []
    form, found = sheet.form, []
    for key, value in attempt.raw.items():
        definition = form.field(key)
        if definition is None or not value:
            continue
        rows = value if isinstance(value, list) else [value]
        text = "\n".join(" · ".join(map(str, row.values())) if isinstance(row, dict) else str(row) for row in rows)
        found.append((words.say(definition.title), text))
    if attempt.reason:
        found.append((_("Reason"), attempt.reason))
    return found


def _reopen_choices(record: Record, words: Words) -> list[tuple[str, str]]:
    steps = record.folder.procedure.steps
    places = [
        key
        for key, _item in reversed(list(record.folder.state.done))
        if key in steps and steps[key].kind == "task" and not steps[key].beside
    ]
    return [(key, words.step(key)) for key in dict.fromkeys(places)]


# --- verbs of a task --------------------------------------------------------------------------------------------------


@require_POST
def completion(request: HttpRequest, number: str, step: str, item: str = "") -> HttpResponse:
    editor, raw, refusal = _typed(request, number, step, item)
    outcome, reason = request.POST.get("outcome") or None, request.POST.get("reason", "").strip()
    attempt = Attempt("completion", refusal or Refusal(), step, item, raw, reason, outcome=outcome or "")
    if refusal:
        return _page(request, number, attempt)
    try:
        done = actions.complete(
            **_who(request),
            number=number,
            step=step,
            item=item,
            values=editor.values() if editor else {},
            outcome=outcome,
            reason=reason,
            version=_version(request),
        )
    except Refusal as found:
        attempt.refusal = found
        return _page(request, number, attempt)
    return _go_on(request, done, step, _done_words(request, done, step, item))


def _done_words(request: HttpRequest, done: Case, step: str, item: str) -> str:
    """What was done, for which row and with what outcome."""
    language = get_language() or "zh-hans"
    task = done.tasks.filter(step=step, item=item, outcome__gt="").order_by("-closed_version").first()
    outcome = revisions.running(done.revision).procedure.steps[step].outcomes.get(task.outcome) if task else None
    title = _step_title(done, step)
    if item:
        people = directory(request.organization, local_now(request.organization, request.now).date())  # type: ignore[attr-defined]
        unit = people.units.get(item)
        title = f"{title} · {in_language(unit.title) if unit else item}"
    if outcome:
        return _("“{step}” is done: {outcome}.").format(step=title, outcome=outcome.title.in_(language))
    return _("“{step}” is done.").format(step=title)


@require_POST
def draft(request: HttpRequest, number: str, step: str, item: str = "") -> HttpResponse:
    editor, raw, refusal = _typed(request, number, step, item)
    attempt = Attempt("draft", refusal or Refusal(), step, item, raw, request.POST.get("reason", "").strip())
    if not refusal:
        try:
            actions.save_draft(
                **_who(request), number=number, step=step, item=item, values=editor.values() if editor else {}
            )
        except Refusal as found:
            attempt.refusal = refusal = found
    if refusal:
        return _page(request, number, attempt)
    messages.success(request, _("What you typed is kept. Nothing was submitted yet."))
    return redirect(f"{reverse('case', args=[number])}#{anchor_of(step, item)}")


@require_POST
def form(request: HttpRequest, number: str, step: str, item: str = "") -> HttpResponse:
    """What the form looks like with what is typed now: a fragment, nothing is kept."""
    record = _record(request, number)
    if step not in record.folder.procedure.steps or record.folder.state.token(step, item) is None:
        return HttpResponse(status=204)
    sheet = Sheet(record, May(), Words(record))
    raw = posted(sheet.editor(step, item).fields.items(), request.POST)
    editor = Editor(filling_of(record.folder, step, item), sheet.words, prefix=anchor_of(step, item), raw=raw)
    buttons = outcome_buttons(record.folder.procedure.steps[step], editor, sheet.words)
    return render(request, "web/cases/_state.html", {"editor": editor, "outcomes": buttons})


@require_POST
def send_back(request: HttpRequest, number: str, step: str, item: str = "") -> HttpResponse:
    to, _bar, to_item = request.POST.get("to", "").partition("|")
    reason = request.POST.get("reason", "").strip()
    try:
        done = actions.send_back(
            **_who(request),
            number=number,
            step=step,
            item=item,
            to=to,
            to_item=to_item,
            reason=reason,
            version=_version(request),
        )
    except Refusal as refusal:
        return _page(request, number, Attempt("return", refusal, step, item, None, reason, to=f"{to}|{to_item}"))
    return _go_on(request, done, step, _("Sent back to “{step}”.").format(step=_step_title(done, to)))


@require_POST
def handover(request: HttpRequest, number: str, step: str, item: str = "") -> HttpResponse:
    to, reason = request.POST.get("to", ""), request.POST.get("reason", "").strip()
    try:
        done = actions.hand_over(**_who(request), number=number, step=step, item=item, to=to, reason=reason)
    except Refusal as refusal:
        return _page(request, number, Attempt("handover", refusal, step, item, None, reason, to=to))
    return _go_on(request, done, step, _("“{step}” was handed over.").format(step=_step_title(done, step)))


# --- verbs of the case ------------------------------------------------------------------------------------------------


@require_POST
def voiding(request: HttpRequest, number: str) -> HttpResponse:
    reason = request.POST.get("reason", "").strip()
    try:
        actions.void(**_who(request), number=number, reason=reason, version=_version(request))
    except Refusal as refusal:
        return _page(request, number, Attempt("voiding", refusal, reason=reason))
    messages.success(request, _("{number} is void. Its number and all that was written stay.").format(number=number))
    return redirect("case", number)


@require_POST
def reopening(request: HttpRequest, number: str) -> HttpResponse:
    reason, to = request.POST.get("reason", "").strip(), request.POST.get("to") or None
    try:
        actions.reopen(**_who(request), number=number, reason=reason, to=to)
    except Refusal as refusal:
        return _page(request, number, Attempt("reopening", refusal, reason=reason, to=to or ""))
    messages.success(request, _("{number} is open again.").format(number=number))
    return redirect("case", number)


@require_POST
def add_files(request: HttpRequest, number: str) -> HttpResponse:
    _record(request, number)
    chosen = [file for file in request.FILES.getlist("files") if isinstance(file, UploadedFile)]
    try:
        if not chosen:
            raise BadData([])
        added = attach(**_who(request), number=number, uploads=chosen)
    except FileTooLarge as refusal:
        return _page(request, number, Attempt("files", refusal))
    except BadData:
        messages.warning(request, _("Choose a file first."))
    else:
        messages.success(request, _("Added: {names}.").format(names=", ".join(one.name for one in added)))
    return redirect(f"{reverse('case', args=[number])}#files")


@require_GET
def file(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    _record(request, number)
    found = get_object_or_404(Attachment.objects.select_related("stored", "case"), pk=pk, case__number=number)
    return files.answer(found.stored, found.name)  # type: ignore[return-value]


# --- a new case -------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def new_case(request: HttpRequest, key: str) -> HttpResponse:
    folder = _blank(request, key)
    if request.method == "GET":
        return _new_page(request, folder)
    fields = dict(_first_fields(folder))
    raw = posted(fields.items(), request.POST)
    kept = _kept_files(request)
    reason = request.POST.get("reason", "").strip()
    attempt = Attempt("completion", Refusal(), raw=raw, reason=reason, outcome=request.POST.get("outcome") or "")
    try:
        kept += _keep_new_files(request, folder, fields, raw, kept)
        editor = _new_editor(folder, raw)
        opened = actions.open_case(
            **_who(request),
            procedure=key,
            customer=request.POST.get("customer", "").strip().split(" ")[0] or None,
            values=editor.values(),
            outcome=request.POST.get("outcome") or None,
            reason=reason,
            attachments=[one.pk for one in kept if _is_named(one, raw)],
        )
    except Refusal as refusal:
        attempt.refusal = _with_all_findings(refusal, folder, raw, attempt)
        return _new_page(request, folder, attempt, kept)
    messages.success(request, _("{number} is opened.").format(number=opened.number))
    return redirect("case", opened.number)


@require_POST
def new_form(request: HttpRequest, key: str) -> HttpResponse:
    """The fragment of `form` for a case that is not there yet."""
    folder = _blank(request, key)
    editor = _new_editor(folder, posted(_first_fields(folder), request.POST))
    step = folder.procedure.steps[folder.procedure.first_step]
    return render(
        request, "web/cases/_state.html", {"editor": editor, "outcomes": outcome_buttons(step, editor, editor.words)}
    )


def _blank(request: HttpRequest, key: str) -> Folder:
    """A case as it would begin; nothing of it is stored."""
    organization, person, now = request.organization, request.person, request.now  # type: ignore[attr-defined]
    work = Work(organization, person, now)
    written = work.procedures.get(key)
    if written is None or written.current is None:
        raise NoSuchProcedure(procedure=key)
    running = revisions.running(written.current)
    title = Words(Record(Folder(work, Case(), running, []), person, [], [])).say(running.procedure.title)
    if not running.procedure.startable:
        raise NotStartable(procedure=title)
    if not may_open(work, running):
        raise MayNotStart(procedure=title, role=role_words(running, running.procedure.first_step))
    code = (request.POST.get("customer") or request.GET.get("customer") or "").strip().split(" ")[0]
    customer = Customer.objects.select_related("owner").filter(code=code).first() if code else None
    blank = Case(
        organization=organization, opener_id=person.id, customer=customer, opened_at=now, revision=written.current
    )
    return Folder(work, blank, running, [])


def _first_fields(folder: Folder) -> list[tuple[str, FieldDefinition]]:
    filling = filling_of(folder, folder.procedure.first_step)
    return [(key, definition) for _s, _x, key, definition in filling.fields()]


def _new_editor(folder: Folder, raw: dict[str, Any] | None = None, attempt: Attempt | None = None) -> Editor:
    words = Words(Record(folder, folder.work.by, [], []))  # type: ignore[arg-type]
    return Editor(
        filling_of(folder, folder.procedure.first_step),
        words,
        prefix="new",
        raw=raw,
        findings=attempt.findings if attempt else (),
    )


def _with_all_findings(refusal: Refusal, folder: Folder, raw: dict[str, Any], attempt: Attempt) -> Refusal:
    """A missing customer is said together with everything else that is wrong."""
    if not isinstance(refusal, BadData) or [finding.path for finding in refusal.findings] != ["customer"]:
        return refusal
    outcomes = folder.procedure.steps[folder.procedure.first_step].all_outcomes()
    outcome = outcomes.get(attempt.outcome) or next(iter(outcomes.values()))
    try:
        accept(
            filling_of(folder, folder.procedure.first_step), _new_editor(folder, raw).values(), outcome, attempt.reason
        )
    except BadData as more:
        return BadData([*refusal.findings, *more.findings])
    return refusal


def _new_page(
    request: HttpRequest, folder: Folder, attempt: Attempt | None = None, kept: list[Attachment] | None = None
) -> HttpResponse:
    editor = _new_editor(folder, attempt.raw if attempt else None, attempt)
    step = folder.procedure.steps[folder.procedure.first_step]
    written = folder.work.procedures[folder.procedure.key]
    customer_error = editor.findings.get("customer", "") if "customer" not in editor.fields else ""
    context = {
        "procedure": folder.procedure,
        "revision": written.current.label if written.current else "",
        "step": step,
        "clauses": clauses_of(step, folder.procedure.clauses, editor.words),
        "editor": editor,
        "outcomes": outcome_buttons(step, editor, editor.words, attempt),
        "customers": customers(editor.words.language),
        "customer": folder.case.customer.code if folder.case.customer else request.POST.get("customer", ""),
        "customer_error": customer_error,
        "attempt": attempt,
        "notice": _notice(attempt, editor, customer_error),
        "kept": kept or [],
        "chosen": [one for one in kept or [] if not one.field],
        "reason": attempt.reason if attempt else "",
    }
    return render(request, "web/cases/new.html", context, status=attempt.refusal.status if attempt else 200)


def _notice(attempt: Attempt | None, editor: Editor, customer_error: str) -> str:
    if attempt is None:
        return ""
    if not attempt.findings:
        return attempt.sentence
    return " ".join(text for text in editor.other_findings if text != customer_error)


def _kept_files(request: HttpRequest) -> list[Attachment]:
    """Files of this page that were sent before and wait for the case."""
    chosen = [pk for pk in request.POST.getlist("waiting") if pk.isdigit()]
    if not chosen:
        return []
    return list(Attachment.objects.filter(pk__in=chosen, case=None, by_id=request.person.id))  # type: ignore[attr-defined]


def _keep_new_files(
    request: HttpRequest,
    folder: Folder,
    fields: dict[str, FieldDefinition],
    raw: dict[str, Any],
    kept: list[Attachment],
) -> list[Attachment]:
    added: list[Attachment] = []
    chosen = uploads(fields.items(), request)
    general = [one for one in request.FILES.getlist("attachments") if isinstance(one, UploadedFile)]
    for key, found in [*chosen.items(), ("", general)]:
        if not found:
            continue
        new = keep(
            organization=folder.work.organization,
            uploads=found,
            by=request.person.id,  # type: ignore[attr-defined]
            now=request.now,  # type: ignore[attr-defined]
            field=key,
            taken=[one.name for one in (*kept, *added)],
        )
        added += new
        if key:
            with_files(raw, fields, {key: [one.name for one in new]})
    return added


def _is_named(attachment: Attachment, raw: dict[str, Any]) -> bool:
    """Whether the page still wants it: a field's file whose tick was taken away stays behind."""
    value = raw.get(attachment.field)
    return not attachment.field or attachment.name == value or (isinstance(value, list) and attachment.name in value)


# --- what all verbs ask -----------------------------------------------------------------------------------------------


def _who(request: HttpRequest) -> dict[str, Any]:
    return {"organization": request.organization, "by": request.person.key, "now": request.now}  # type: ignore[attr-defined]


def _version(request: HttpRequest) -> int | None:
    text = request.POST.get("version", "")
    return int(text) if text.isdigit() else None


def _typed(
    request: HttpRequest, number: str, step: str, item: str
) -> tuple[Editor | None, dict[str, Any], Refusal | None]:
    """What was typed for a step, its files among the case's already; and a refusal of files that are too large."""
    record = _record(request, number)
    if step not in record.folder.procedure.steps:
        return None, {}, None
    sheet_words = Words(record)
    filling = filling_of(record.folder, step, item)
    fields = {key: definition for _s, _x, key, definition in filling.fields()}
    raw = posted(fields.items(), request.POST)
    refusal: Refusal | None = None
    is_mine = any((task.step, task.item) == (step, item) for task in record.may.tasks)
    if is_mine:
        try:
            for key, chosen in uploads(fields.items(), request).items():
                added = attach(**_who(request), number=number, uploads=chosen, field=key)
                with_files(raw, fields, {key: [one.name for one in added]})
        except FileTooLarge as found:
            refusal = found
    return Editor(filling, sheet_words, prefix=anchor_of(step, item), raw=raw), raw, refusal


def _step_title(done: Case, step: str) -> str:
    found = revisions.running(done.revision).procedure.steps.get(step)
    return in_language(found.title) if found else step


def _go_on(request: HttpRequest, done: Case, step: str, sentence: str) -> HttpResponse:
    """Back to the case, saying what is done, and where my next task is."""
    mine = list(
        Assignment.objects.filter(member_id=request.person.id, is_open=True)  # type: ignore[attr-defined]
        .select_related("task__case__revision")
        .defer("task__case__data", "task__case__revision__definition", "task__filled", "task__draft")
        .order_by("task__due_at", "pk")[:20]
    )
    here = next((one.task for one in mine if one.task.case_id == done.pk), None)
    address = reverse("case", args=[done.number])
    if here:
        messages.success(
            request,
            format_html(
                '{} <a href="{}">{}</a>',
                sentence,
                f"{address}#{anchor_of(here.step, here.item)}",
                _("You have another task in this case."),
            ),
        )
    elif mine:
        other = mine[0].task
        messages.success(
            request,
            format_html(
                '{} <a href="{}#{}">{}</a>',
                sentence,
                reverse("case", args=[other.case.number]),
                anchor_of(other.step, other.item),
                _("Next in your inbox: {number} · {step}").format(
                    number=other.case.number, step=_step_title(other.case, other.step)
                ),
            ),
        )
    else:
        messages.success(request, sentence)
    return redirect(address)
