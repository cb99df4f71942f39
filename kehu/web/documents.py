"""Documents and forms (相关文件与表单): what is under document control, with number, title, revision, and every form to print."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from kehu.paper.pages import blank_pdf
from kehu.procedures import revisions
from kehu.procedures.documents import ControlledForm, forms_of

from .papers import inline, language_of, telling


@require_GET
def documents(request: HttpRequest) -> HttpResponse:
    organization, language = request.organization, get_language() or "zh-hans"  # type: ignore[attr-defined]
    known = revisions.procedures_of(organization)
    departments = organization.pack["departments"]
    short = "zh" if language.startswith("zh") else "en"
    written = [
        {
            "key": key,
            "document": running.procedure,
            "owner": departments.get(running.procedure.owner, {}).get("title", {}).get(short, running.procedure.owner),
            "register": running.procedure.register_,
        }
        for key, running in sorted(known.items(), key=lambda pair: (_chapter(pair[1]), pair[1].procedure.number))
    ]
    forms = [
        {
            "form": one,
            "retention": known[one.home].procedure.form.retention or known[one.home].procedure.retention,
            "procedures": [(key, known[key].procedure.title) for key in one.procedures],
        }
        for one in forms_of(organization)
    ]
    return render(request, "documents/list.html", {"written": written, "forms": forms})


def _chapter(running: revisions.Running) -> str:
    return running.procedure.chapter.number if running.procedure.chapter else "~"


@require_GET
def blank_paper(request: HttpRequest, number: str) -> HttpResponse:
    """`?lang=zh|en|both`"""
    form = _form(request, number)
    organization, person, now = request.organization, request.person, request.now  # type: ignore[attr-defined]
    made = blank_pdf(organization, form, language=language_of(request), by=person, now=now, failed=telling(request))
    return inline(made, f"{number}.pdf")


def _form(request: HttpRequest, number: str) -> ControlledForm:
    for form in forms_of(request.organization):  # type: ignore[attr-defined]
        if form.number == number:
            return form
    raise Http404
