"""The quick search: in the header of every page, and on a page of its own."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from kehu.cases import finding

LONGEST = 80
FEW = 6
"""So many of a kind hang under the box."""


@require_safe
@vary_on_headers("HX-Request")
def search(request: HttpRequest) -> HttpResponse:
    organization, person, now = request.organization, request.person, request.now  # type: ignore[attr-defined]
    text = request.GET.get("q", "").strip()[:LONGEST]
    if "HX-Request" in request.headers:
        found = finding.found(organization, person, now, text, FEW)
        everything = f"{reverse('search')}?{urlencode({'q': text})}"
        return render(request, "web/search/_found.html", {"search": text, "found": found, "all": everything})
    found = finding.found(organization, person, now, text)
    return render(request, "web/search/search.html", {"search": text, "found": found})
