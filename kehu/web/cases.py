"""The case's pages: starting one, its form with what I may do now, and every verb. A refused verb is the same page with the reason."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from kehu.cases import actions
from kehu.cases.attachments import attach, keep
from kehu.cases.editing import Editor, Shown, posted, uploads, with_files
from kehu.cases.filling import blank, filling_of
from kehu.cases.folder import Folder
from kehu.cases.form_templates import fitting
from kehu.cases.history import Record, read
from kehu.cases.models import Attachment, Case, Task
from kehu.cases.permissions import May
from kehu.cases.seen import changed_since, follow, look, mark_seen, may_follow, reading_of
from kehu.cases.verbs import VERBS, Verb, perform
from kehu.cases.wording import Words, stretch
from kehu.core import downloads
from kehu.core.files import FileRefused
from kehu.core.refusals import BadData, Refusal
from kehu.core.wording import listed
from kehu.engine.advance import VOIDED
from kehu.engine.definitions import FieldDefinition, Part
from kehu.engine.expressions import ExpressionError
from kehu.engine.tables import NoDecision
from kehu.ledgers.customers.words import suggested
from kehu.procedures import revisions
from kehu.procedures.forms import accept
from kehu.procedures.packs import Running

from .links import link_lines
from .sheet import (
    Attempt,
    Sheet,
    anchor_of,
    chart,
    clauses_of,
    clocks,
    dues_of,
    fillings_of,
    limits,
    outcome_buttons,
    unseen,
)
from .templatetags.kehu import in_language
from .templatetags.next_task import THEN_NEXT
from .verbs import OF_LINKS, asked_of, case_forms, form_of, given_by

# --- the page ---------------------------------------------------------------------------------------------------------


@require_GET
def case(request: HttpRequest, number: str) -> HttpResponse:
    return page_of(request, number)


def page_of(request: HttpRequest, number: str, attempt: Attempt | None = None) -> HttpResponse:
    record = _record(request, number)
    may = record.may
    if request.method == "GET":
        mark_seen(unseen(record), now=request.now)  # type: ignore[attr-defined]
    seen = reading_of(record.case, record.person)
    has_changed = changed_since(record.case, record.person, seen)
    if request.method == "GET":
        look(record.case, record.person, seen, now=request.now)  # type: ignore[attr-defined]
    words = Words(record)
    sheet = Sheet(record, may, words, attempt)
    dues = dues_of(record)
    forms = fitting(record.case)
    for block in sheet.blocks:
        block.fillings = fillings_of(block, forms, number)
    context = {
        "record": record,
        "case": record.case,
        "procedure": record.folder.procedure,
        "papers": _papers(record.folder.running),
        "revision": record.case.revision.label,
        "status_title": _status_title(record.folder),
        "may": may,
        "sheet": sheet,
        "dues": dues,
        "nearest": min(dues.values(), key=lambda due: due.at, default=None),
        "limits": limits(record, words, dues),
        "clocks": clocks(record, words),
        "chart": chart(record, words, dues, sheet.blocks),
        "history": stretch(record),
        "files": [(one, sheet.addresses[one.name], words.sender(one)) for one in record.attachments],
        "links": link_lines(record, words),
        "forms": forms,
        "relatives": [(one, one.pk == record.case.parent_id) for one in record.relatives],
        "opener": words.person(record.case.opener_id),
        "attempt": attempt
        if attempt and attempt.refusal and not any(block.attempt for block in sheet.blocks)
        else None,
        "lost": _lost(sheet, words, attempt),
        "asked": asked_of(record, words, attempt),
        "case_forms": case_forms(record, words, attempt),
        "follows": bool(seen and seen.follows),
        "may_follow": may_follow(record),
        "changed_since": words.moment(seen.at) if seen and has_changed else "",
        "stays": words.what_stays() if record.case.status == VOIDED else "",
        "paused_since": words.moment(record.case.paused_at) if record.case.paused_at else "",
    }
    return render(
        request, "web/cases/case.html", context, status=attempt.refusal.status if attempt and attempt.refusal else 200
    )


def _papers(running: Running) -> list[tuple[str, Part]]:
    """The controlled forms in the record, each printed for itself; one that is the record itself where it has a layout of its own."""
    form = running.procedure.form
    if len(form.numbers) < 2 and not running.layouts:
        return []
    return [(number, form.part(number)) for number in form.numbers]


@require_GET
def history(request: HttpRequest, number: str) -> HttpResponse:
    """The history before an entry: more lines for the case's page, or a page of its own."""
    record, before = _record(request, number), request.GET.get("before", "")
    found = stretch(record, before=int(before) if before.isdecimal() and len(before) < 10 else None)
    template = "web/cases/_entries.html" if request.htmx else "web/cases/history.html"  # type: ignore[attr-defined]
    return render(request, template, {"case": record.case, "history": found})


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


@require_POST
def following(request: HttpRequest, number: str) -> HttpResponse:
    follows = request.POST.get("follows") == "1"
    follow(
        number=number,
        follows=follows,
        organization=request.organization,  # type: ignore[attr-defined]
        by=request.person,  # type: ignore[attr-defined]
        now=request.now,  # type: ignore[attr-defined]
    )
    said = _("You follow this case: it is listed under “Followed”.") if follows else _("You follow it no more.")
    messages.success(request, said)
    return redirect("case", number)


# --- verbs of a task --------------------------------------------------------------------------------------------------


@require_POST
def completion(request: HttpRequest, number: str, step: str, item: str = "") -> HttpResponse:
    outcome, typed = request.POST.get("outcome") or None, Typed(request, number, step, item)
    try:
        typed.keep_files()
        done = actions.complete(
            **who(request),
            number=number,
            step=step,
            item=item,
            values=typed,
            outcome=outcome,
            reason=request.POST.get("reason", "").strip(),
            version=_version(request),
        )
    except Refusal as refusal:
        return page_of(request, number, typed.refused("completion", refusal, outcome or ""))
    assert typed.folder
    return _go_on(request, done.number, _done_words(typed.folder, step, item))


def _done_words(folder: Folder, step: str, item: str) -> str:
    """What was done, for which row and with what outcome."""
    language = get_language() or "zh-hans"
    done = [task for task in folder.tasks if (task.step, task.item, task.state) == (step, item, Task.State.DONE)]
    task = max(done, key=lambda task: task.closed_version or 0, default=None)
    outcome = folder.procedure.steps[step].outcomes.get(task.outcome) if task else None
    title = in_language(folder.procedure.steps[step].title)
    if item:
        unit = folder.work.people.units.get(item)
        title = f"{title} · {in_language(unit.title) if unit else item}"
    if outcome:
        return _("“{step}” is done: {outcome}.").format(step=title, outcome=outcome.title.in_(language))
    return _("“{step}” is done.").format(step=title)


@require_POST
def draft(request: HttpRequest, number: str, step: str, item: str = "") -> HttpResponse:
    typed = Typed(request, number, step, item)
    try:
        typed.keep_files()
        actions.save_draft(**who(request), number=number, step=step, item=item, values=typed)
    except Refusal as refusal:
        return page_of(request, number, typed.refused("draft", refusal))
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
    told = _told(record.folder, step, item, editor)
    return render(request, "web/cases/_state.html", {"editor": editor, "outcomes": buttons, "told": told})


def _told(folder: Folder, step: str, item: str, editor: Editor) -> list[Shown]:
    """What ledgers say to what is typed now (customers like this one, the price there is): said while somebody types."""
    form, shown = folder.procedure.form, []
    try:
        answers = folder.answers(step, item, editor.after)
    except (ExpressionError, NoDecision, Refusal):  # nothing can answer yet
        answers = {}
    for key, value in answers.items():
        definition = form.table(key) or form.field(key)
        if definition and value not in (None, "", []):
            shown.append(editor.reader.shown(key, definition, value))
    return shown


# --- every other verb -------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest, number: str, verb: str, step: str = "", item: str = "") -> HttpResponse:
    """A verb of the table, with what its form gave. Refused, it is the same page with that form open and what was typed in it."""
    found = VERBS[verb]
    if request.method != "POST":
        return _form_of(request, number, found, Attempt(found.noun, None, step, item))
    _record(request, number)
    given = given_by(found, request.POST)
    try:
        done = perform(
            verb, **who(request), number=number, step=step, item=item, given=given, version=_version(request)
        )
    except Refusal as refusal:
        to = request.POST.get("to", "")
        return page_of(
            request,
            number,
            Attempt(found.noun, refusal, step, item, None, str(given.get("reason", "")), to, given=given),
        )
    to = _step_title(done, given["to"]) if found.name == "send_back" else ""
    sentence = str(found.done).format(step=_step_title(done, step), number=number, to=to)
    if found.name in OF_LINKS:
        messages.success(request, sentence)
        return redirect(f"{reverse('case', args=[number])}#links")
    if found.subject == "task":
        return _go_on(request, done.number, sentence)
    messages.success(request, sentence)
    return redirect("case", number)


def _form_of(request: HttpRequest, number: str, verb: Verb, begun: Attempt) -> HttpResponse:
    """The verb's form alone, for the page it goes into; without a script, the page with that form open."""
    if not request.htmx:  # type: ignore[attr-defined]
        return page_of(request, number, begun)
    record = _record(request, number)
    found = form_of(record, Words(record), verb, begun)
    if found is None:  # meanwhile the case has moved
        return HttpResponseClientRedirect(reverse("case", args=[number]))
    return render(request, "web/cases/_verb.html", {"form": found, "case": record.case})


# --- files ------------------------------------------------------------------------------------------------------------


@require_POST
def add_files(request: HttpRequest, number: str) -> HttpResponse:
    _record(request, number)
    chosen = [file for file in request.FILES.getlist("files") if isinstance(file, UploadedFile)]
    try:
        if not chosen:
            raise BadData([])
        added = attach(**who(request), number=number, uploads=chosen)
    except FileRefused as refusal:
        return page_of(request, number, Attempt("files", refusal))
    except BadData:
        messages.warning(request, _("Choose a file first."))
    else:
        messages.success(request, _("Added: {names}.").format(names=listed(one.name for one in added)))
    return redirect(f"{reverse('case', args=[number])}#files")


@require_GET
def file(request: HttpRequest, number: str, pk: int) -> HttpResponseBase:
    _record(request, number)
    found = get_object_or_404(Attachment.objects.select_related("stored", "case"), pk=pk, case__number=number)
    return downloads.answer(found.stored, found.name, request)


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
            **who(request),
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
    told = _told(folder, folder.procedure.first_step, "", editor)
    buttons = outcome_buttons(step, editor, editor.words)
    return render(request, "web/cases/_state.html", {"editor": editor, "outcomes": buttons, "told": told})


@require_GET
def customer_suggestions(request: HttpRequest) -> HttpResponse:
    """For a box in which a customer is typed, by its name in the form: a company has more customers than a page can hold."""
    typed = request.GET.get(request.GET.get("of") or "customer", "").strip()[:80]
    return render(request, "web/cases/_customers.html", {"suggested": suggested(typed)})


def _blank(request: HttpRequest, key: str) -> Folder:
    """A case as it would begin; nothing of it is stored."""
    code = (request.POST.get("customer") or request.GET.get("customer") or "").strip().split(" ")[0]
    return blank(request.organization, request.person, key, request.now, customer=code)  # type: ignore[attr-defined]


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
        "suggested": suggested(""),
        "customer": folder.case.customer.code if folder.case.customer else request.POST.get("customer", ""),
        "customer_error": customer_error,
        "attempt": attempt,
        "notice": _notice(attempt, editor, customer_error),
        "kept": kept or [],
        "chosen": [one for one in kept or [] if not one.field],
        "reason": attempt.reason if attempt else "",
    }
    return render(
        request, "web/cases/new.html", context, status=attempt.refusal.status if attempt and attempt.refusal else 200
    )


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


def who(request: HttpRequest) -> dict[str, Any]:
    return {"organization": request.organization, "by": request.person.key, "now": request.now}  # type: ignore[attr-defined]


def _version(request: HttpRequest) -> int | None:
    text = request.POST.get("version", "")
    return int(text) if text.isdigit() else None


class Typed:
    """What was typed for a step. Called by the action when it has the case: a step that goes well reads the case once."""

    def __init__(self, request: HttpRequest, number: str, step: str, item: str):
        self.request, self.number, self.step, self.item = request, number, step, item
        self.files: dict[str, list[str]] = {}
        self.folder: Folder | None = None

    def __call__(self, folder: Folder) -> dict[str, Any]:
        self.folder = folder
        words = Words(Record(folder, self.request.person, [], []))  # type: ignore[attr-defined]
        filling = filling_of(folder, self.step, self.item)
        prefix = anchor_of(self.step, self.item)
        return Editor(filling, words, prefix=prefix, raw=self.raw(folder)).values()

    def raw(self, folder: Folder) -> dict[str, Any]:
        """As it was typed, for the page that shows it again."""
        if self.step not in folder.procedure.steps:
            return {}
        fields = self.fields(folder)
        raw = posted(fields.items(), self.request.POST)
        with_files(raw, fields, self.files)
        return raw

    def keep_files(self) -> None:
        """New files belong to the case before anything else is asked, so that a refused form need not send them again."""
        if not self.request.FILES:
            return
        record = _record(self.request, self.number)
        if not any((task.step, task.item) == (self.step, self.item) for task in record.may.tasks):
            return
        for key, chosen in uploads(self.fields(record.folder).items(), self.request).items():
            added = attach(**who(self.request), number=self.number, uploads=chosen, field=key)
            self.files[key] = [one.name for one in added]

    @property
    def anchor(self) -> str:
        return anchor_of(self.step, self.item)

    def fields(self, folder: Folder) -> dict[str, FieldDefinition]:
        return {key: definition for _s, _x, key, definition in filling_of(folder, self.step, self.item).fields()}

    def refused(self, verb: str, refusal: Refusal, outcome: str = "") -> Attempt:
        reason = self.request.POST.get("reason", "").strip()
        raw = self.raw(_record(self.request, self.number).folder)
        return Attempt(verb, refusal, self.step, self.item, raw, reason, outcome=outcome)


def _step_title(done: Case, step: str) -> str:
    found = revisions.running(done.revision).procedure.steps.get(step)
    return in_language(found.title) if found else step


def _go_on(request: HttpRequest, number: str, sentence: str) -> HttpResponse:
    """Back to the case, which says what is done and, by then, where my next task is."""
    messages.success(request, sentence, extra_tags=THEN_NEXT)
    return redirect("case", number)
