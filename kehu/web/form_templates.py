"""Templates of forms in Word and Excel: the company's and its customers', and what they make of a case."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any
from urllib.parse import quote

from django.contrib import messages
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from kehu.cases import actions
from kehu.cases import form_templates as templates
from kehu.cases.attachments import attach
from kehu.cases.history import read
from kehu.cases.models import FormTemplate, TemplateRevision
from kehu.core import downloads
from kehu.core.refusals import BadData, Finding, Refusal
from kehu.engine.definitions import FieldDefinition
from kehu.organizations.permissions import must_administer
from kehu.paper.form_templates import content_of, fill, names_for, report, sample
from kehu.paper.office.filling import LARGEST, Report, TemplateTooLarge
from kehu.paper.office.placeholders import Names
from kehu.procedures.packs import Running
from kehu.procedures.revisions import procedures_of

from .cases import Typed, page_of, who
from .templatetags.kehu import in_language

Page = Callable[..., HttpResponseBase]
_TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


def for_those_who_may(page: Page) -> Page:
    """Only who looks after the customers' entries."""

    @wraps(page)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        must_administer(request.person, "customers", request.organization)  # type: ignore[attr-defined]
        return page(request, *args, **kwargs)

    return guarded


# --- the templates ----------------------------------------------------------------------------------------------------


@require_safe
@for_those_who_may
def form_templates(request: HttpRequest) -> HttpResponse:
    return render(request, "web/form_templates/list.html", {"templates": templates.in_use()[:500]})


@require_http_methods(["GET", "POST"])
@for_those_who_may
def new_form_template(request: Any) -> HttpResponse:
    given = {
        "customer": request.POST.get("customer", request.GET.get("customer", "")).strip().partition(" ")[0],
        "procedure": request.POST.get("procedure", request.GET.get("procedure", "")),
        "title": request.POST.get("title", ""),
        "language": request.POST.get("language", ""),
    }
    findings: dict[str, str] = {}
    if request.method == "POST":
        try:
            return _kept(request, given)
        except Refusal as refusal:
            findings = _by_field(refusal)
    words = {"given": given, "findings": findings, "procedures": _procedures(request), "largest": LARGEST // 2**20}
    return render(request, "web/form_templates/new.html", words, status=422 if findings else 200)


def _kept(request: Any, given: dict[str, str]) -> HttpResponse:
    """The file is looked through before it is kept, and the page that follows says what was found."""
    upload = _chosen(request)
    running = procedures_of(request.organization).get(given["procedure"])
    if running is None:
        raise BadData([Finding("procedure", _("Choose the procedure whose cases fill it."))])
    found = report(upload.read(), upload.name or "", running, organization=request.organization, now=request.now)
    given["language"] = given["language"] or found.language
    facts: dict[str, Any] = {**who(request), **given}
    revision = templates.upload(**facts, upload=upload)
    if found.unknown:
        sentence = _("Kept as revision {number}. Of its placeholders {count} are not known; they are marked below.")
        messages.warning(request, sentence.format(number=revision.number, count=len(found.unknown)))
    else:
        sentence = _("Kept as revision {number}. All its placeholders are known: {count}.")
        messages.success(request, sentence.format(number=revision.number, count=len(found.lines)))
    return redirect("form_template", revision.template_id)


def _chosen(request: HttpRequest) -> UploadedFile:
    upload = request.FILES.get("file")
    if not isinstance(upload, UploadedFile):
        raise BadData([Finding("file", _("Choose the file."))])
    if upload.size is None or upload.size > LARGEST or getattr(upload, "failure", None):
        raise TemplateTooLarge(name=upload.name, limit=LARGEST // 2**20)
    return upload


def _by_field(refusal: Refusal) -> dict[str, str]:
    if isinstance(refusal, BadData):
        return {finding.path: str(finding) for finding in refusal.findings}
    return {"file": str(refusal)}


@require_safe
@for_those_who_may
def form_template(request: Any, pk: int) -> HttpResponse:
    return _template_page(request, _template(pk))


def _template_page(request: Any, found: FormTemplate, **more: Any) -> HttpResponse:
    running = procedures_of(request.organization).get(found.procedure.key)
    revision = found.current()
    words = {
        "template": found,
        "revision": revision,
        "running": running,
        "report": _report(request, revision, running),
        "revisions": found.revisions.select_related("by").order_by("-number"),
        "names": list(_listed(names_for(running, request.organization))) if running else [],
        **more,
    }
    return render(request, "web/form_templates/template.html", words, status=422 if more.get("error") else 200)


def _report(request: Any, revision: TemplateRevision, running: Running | None) -> Report | None:
    """Against the procedure as it is now: a field may have gone since."""
    if running is None:
        return None
    return report(content_of(revision), revision.name, running, organization=request.organization, now=request.now)


@require_POST
@for_those_who_may
def form_template_revision(request: Any, pk: int) -> HttpResponse:
    found = _template(pk)
    given = {
        "customer": found.customer.code if found.customer else "",
        "procedure": found.procedure.key,
        "title": found.title,
        "language": request.POST.get("language", ""),
    }
    try:
        return _kept(request, given)
    except Refusal as refusal:
        return _template_page(request, found, error=" ".join(_by_field(refusal).values()))


@require_GET
@for_those_who_may
def form_template_file(request: Any, pk: int, revision: int) -> HttpResponseBase:
    """A revision's file as it was uploaded."""
    found = get_object_or_404(TemplateRevision.objects.select_related("stored"), template_id=pk, number=revision)
    return downloads.answer(found.stored, found.name, request)


@require_GET
@for_those_who_may
def form_template_preview(request: Any, pk: int) -> HttpResponse:
    """Filled with the case that is named (`?case=`), or where none is, with the fields' titles."""
    found = _template(pk)
    revision = found.current()
    number = request.GET.get("case", "").strip()
    if not number:
        running = procedures_of(request.organization).get(found.procedure.key)
        if running is None:
            raise Http404
        made = sample(revision, running, organization=request.organization, now=request.now)
        return _handed_over(made, f"{found.title}.{_ending(revision)}")
    try:
        record = read(organization=request.organization, number=number, person=request.person, now=request.now)
        if record.case.procedure_id != found.procedure_id:
            raise BadData([Finding("case", _("{number} is no case of that procedure.").format(number=number))])
        name, made = fill(revision, record, now=request.now)
    except Refusal as refusal:
        return _template_page(request, found, error=str(refusal), case=number)
    return _handed_over(made, name)


@require_POST
@for_those_who_may
def form_template_withdrawal(request: Any, pk: int) -> HttpResponse:
    found = templates.withdraw(**who(request), template=_template(pk).pk)
    messages.success(request, _("“{title}” is withdrawn: no case is offered it any more.").format(title=found.title))
    return redirect("form_templates")


def _template(pk: int) -> FormTemplate:
    return get_object_or_404(FormTemplate.objects.select_related("procedure", "customer"), pk=pk)


def _procedures(request: Any) -> list[tuple[str, str]]:
    language = get_language() or "zh-hans"
    return [
        (key, f"{one.procedure.number} {one.procedure.title.in_(language)}")
        for key, one in procedures_of(request.organization).items()
    ]


def _listed(names: Names, before: str = "", title: str = "") -> Iterator[tuple[str, str]]:
    """Every name as it is written in a template, with what it stands for."""
    for name in names:
        called = f"{title}{in_language(name.title)}"
        yield f"{{{{ {before}{name.key} }}}}", called
        if not before:
            yield from _listed(name.inside, f"{name.key}.", f"{called} · ")


# --- a case's -----------------------------------------------------------------------------------------------------------


@require_GET
def filled_form(request: Any, number: str, pk: int) -> HttpResponse:
    """The template, filled from the case."""
    record = read(organization=request.organization, number=number, person=request.person, now=request.now)
    name, made = fill(templates.revision_for(record.case, pk), record, now=request.now)
    return _handed_over(made, name)


@require_POST
def filled_field(request: Any, number: str, step: str, pk: int, item: str = "") -> HttpResponse:
    """The template filled with what is typed now, as the file of the field `into`. What is typed is kept for later with it."""
    typed = Typed(request, number, step, item)
    into = request.POST.get("into", "")
    place = {**who(request), "number": number, "step": step, "item": item}
    try:
        typed.keep_files()
        actions.save_draft(**place, values=typed)
        record = read(organization=request.organization, number=number, person=request.person, now=request.now)
        _must_be_file(typed.fields(record.folder).get(into))
        name, made = fill(templates.revision_for(record.case, pk), record, now=request.now, step=step, item=item)
        added = attach(**who(request), number=number, uploads=[ContentFile(made, name)], field=into)
        typed.files[into] = [one.name for one in added]
        actions.save_draft(**place, values=typed)
    except Refusal as refusal:
        return page_of(request, number, typed.refused("draft", refusal))
    sentence = _(
        "“{name}” is filled and stands in its field; what you typed is kept. Look through it before you go on."
    )
    messages.success(request, sentence.format(name=added[0].name))
    return redirect(f"{reverse('case', args=[number])}#{typed.anchor}")


def _must_be_file(definition: FieldDefinition | None) -> None:
    if definition is None or definition.type not in ("file", "files") or not definition.is_typed_in:
        raise BadData([Finding("into", _("There is no such field for a file here."))])


def _handed_over(content: bytes, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=_TYPES[name.rpartition(".")[2].lower()])
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    response["Cache-Control"] = "private, no-store"
    return response


def _ending(revision: TemplateRevision) -> str:
    return str(revision.name).rpartition(".")[2].lower()
