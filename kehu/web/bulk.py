"""Several lines of the inbox at once: approved, handed over, printed."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from kehu.cases.bulk import Chosen, Result, approve_all, hand_over_all


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
