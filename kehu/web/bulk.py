"""Several lines of the inbox at once: approved, handed over, printed."""

from __future__ import annotations

import tempfile

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from kehu.cases.bulk import Chosen, Result, approve_all, hand_over_all
from kehu.organizations.queries import local_now
from kehu.paper.bundle import bundle

from .papers import language_of, telling


@require_POST
def approvals(request: HttpRequest) -> HttpResponse:
    chosen = _chosen(request)
    if not chosen:
        return _nothing(request)
    return _results(
        request,
        approve_all(
            chosen,
            organization=request.organization,  # type: ignore[attr-defined]
            by=request.person.key,  # type: ignore[attr-defined]
            now=request.now,  # type: ignore[attr-defined]
        ),
    )


@require_POST
def handovers(request: HttpRequest) -> HttpResponse:
    chosen = _chosen(request)
    if not chosen:
        return _nothing(request)
    return _results(
        request,
        hand_over_all(
            chosen,
            to=request.POST.get("to", ""),
            reason=request.POST.get("reason", "").strip(),
            organization=request.organization,  # type: ignore[attr-defined]
            by=request.person.key,  # type: ignore[attr-defined]
            now=request.now,  # type: ignore[attr-defined]
        ),
    )


@require_POST
def papers(request: HttpRequest) -> HttpResponseBase:
    """The chosen lines' cases on paper, in one PDF. Where one cannot be printed, nothing is, until he asks for the others alone."""
    chosen = _chosen(request)
    if not chosen:
        return _nothing(request)
    organization, now = request.organization, request.now  # type: ignore[attr-defined]
    found = bundle(
        (one.number for one in chosen),
        organization=organization,
        by=request.person,  # type: ignore[attr-defined]
        language=language_of(request),
        now=now,
        failed=telling(request),
    )
    if found.refused:
        return render(request, "web/inbox/unprinted.html", {"found": found}, status=422)
    target = tempfile.TemporaryFile()  # noqa: SIM115 -- the response closes it when it has been sent
    found.write(target)
    target.seek(0)
    name = f"{found.printed[0]}.pdf" if len(found.printed) == 1 else f"{local_now(organization, now):%Y-%m-%d-%H%M}.pdf"
    answer = FileResponse(target, filename=name, content_type="application/pdf")
    answer["Cache-Control"] = "private, no-store"
    return answer


def _chosen(request: HttpRequest) -> list[Chosen]:
    """`chosen` is `number|step|row`."""
    found = [text.split("|", 2) for text in request.POST.getlist("chosen")]
    return [Chosen(*words) for words in found if len(words) == 3]


def _nothing(request: HttpRequest) -> HttpResponse:
    messages.warning(request, _("Choose lines first."))
    return redirect("inbox")


def _results(request: HttpRequest, results: list[Result]) -> HttpResponse:
    refused = [(one.chosen, one.refusal) for one in results if one.refusal]
    done = [one.chosen for one in results if not one.refusal]
    if not refused:
        messages.success(request, _("Done: {count}.").format(count=len(done)))
        return redirect("inbox")
    return render(request, "web/inbox/several.html", {"done": done, "refused": refused})
