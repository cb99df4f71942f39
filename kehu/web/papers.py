"""Printed pages: a case's form and a written procedure, as PDF."""

from __future__ import annotations

from urllib.parse import quote

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from kehu.cases.history import read
from kehu.core.refusals import BadData, Finding
from kehu.notifications.layouts import tell_of_layout
from kehu.paper.pages import LANGUAGES, Failed, Language, LayoutFailure, case_pdf, procedure_pdf
from kehu.procedures.models import Procedure, Revision


@require_GET
def case_paper(request: HttpRequest, number: str) -> HttpResponse:
    """`?lang=zh|en|both`; `?copy=quality` marks it as that department's copy; `?form=MFG-F10` prints that form of the record for itself."""
    person, now = request.person, request.now  # type: ignore[attr-defined]
    record = read(organization=request.organization, number=number, person=person, now=now)  # type: ignore[attr-defined]
    copy_for = request.GET.get("copy") or None
    if copy_for and copy_for not in record.folder.running.pack.departments:
        raise BadData([Finding("copy", _("There is no department “{value}”.").format(value=copy_for))])
    form = request.GET.get("form", "")
    if form and form not in record.folder.procedure.form.numbers:
        raise BadData([Finding("form", _("There is no form “{value}” in this record.").format(value=form))])
    made = case_pdf(
        record.case,
        language=language_of(request),
        copy_for=copy_for,
        by=person,
        now=now,
        form=form,
        failed=telling(request),
    )
    return inline(made, f"{number}-{copy_for}.pdf" if copy_for else f"{number}.pdf")


@require_GET
def procedure_paper(request: HttpRequest, key: str) -> HttpResponse:
    """The revision in force, or `?revision=A/0`."""
    procedure = get_object_or_404(Procedure.objects, key=key)
    label = request.GET.get("revision")
    found = Revision.objects.select_related("procedure", "organization").defer("definition").filter(procedure=procedure)
    wanted = Q(label=label) if label else Q(pk=procedure.current_id)
    revision = found.filter(wanted).order_by("-published_at").first()
    if revision is None:
        raise Http404
    made = procedure_pdf(revision, language_of(request), by=request.person, now=request.now)  # type: ignore[attr-defined]
    return inline(made, f"{procedure.number}.pdf")


def telling(request: HttpRequest) -> Failed:
    """What is done about a layout that fails: the page is printed all the same, and who looks after it hears of it."""

    def tell(failure: LayoutFailure) -> None:
        tell_of_layout(
            organization=request.organization,  # type: ignore[attr-defined]
            procedure=failure.procedure,
            form=failure.form,
            layout=failure.layout,
            error=failure.error,
            by=request.person.key,  # type: ignore[attr-defined]
            now=request.now,  # type: ignore[attr-defined]
        )

    return tell


def language_of(request: HttpRequest) -> Language:
    asked = request.GET.get("lang") or (get_language() or "zh")[:2]
    if asked not in LANGUAGES:
        raise BadData([Finding("lang", _("A paper is printed in zh, en or both."))])
    return asked


def inline(pdf: bytes, name: str) -> HttpResponse:
    response = HttpResponse(pdf, content_type="application/pdf")
    response["Content-Disposition"] = f"inline; filename*=UTF-8''{quote(name)}"
    response["Cache-Control"] = "private, no-store"
    return response
