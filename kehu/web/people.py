"""The people of the company: who is here, away, gone; and taking somebody on. For whoever has the right `people` or `absences`."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from kehu.core.refusals import BadData
from kehu.organizations import members
from kehu.organizations.models import Member
from kehu.organizations.permissions import may_administer, must_administer
from kehu.organizations.queries import Person

from .deputies import Typed, people_of

STATES = {
    "here": gettext_lazy("Members"),
    "away": gettext_lazy("Away today"),
    "left": gettext_lazy("Who left"),
    "all": gettext_lazy("Everybody"),
}


@require_http_methods(["GET", "POST"])
def people(request: HttpRequest) -> HttpResponse:
    """A list with a search; a form to take somebody on."""
    must_see(request)
    typed = Typed({"language": "zh-hans", "positions": []})
    if request.method == "POST":
        typed = _taken_on(request)
        if not typed.message:
            return redirect("member", typed.values["key"])
    state = request.GET.get("state", "here")
    search = request.GET.get("q", "").strip()[:80]
    posts = people_of(request).posts.values()
    words = {
        "rows": _rows(request, state, search.casefold()),
        "state": state if state in STATES else "here",
        "states": STATES.items(),
        "search": search,
        "typed": typed,
        "posts": posts,
        "may_change": may(request, "people"),
        "today": timezone.localtime(request.now).date(),  # type: ignore[attr-defined]
    }
    return render(request, "web/people/people.html", words, status=422 if typed.message else 200)


def _rows(request: HttpRequest, state: str, search: str) -> list[tuple[Member, Person | None, Any]]:
    """A member, as the directory knows him while he is here, and when he is back if he is away; the highest rank first."""
    found = people_of(request)
    rows = []
    for member in Member.objects.order_by("key"):
        person, back_on = found.people.get(member.key), found.absent.get(member.key)
        is_meant = {"all": True, "left": person is None, "away": back_on is not None}.get(state, person is not None)
        if is_meant and search in _words_of(member, person):
            rows.append((member, person, back_on))
    return sorted(rows, key=lambda row: (row[1] is None, -(row[1].rank if row[1] else 0), row[0].key))


def _words_of(member: Member, person: Person | None) -> str:
    titles = [title for post in (person.posts if person else ()) for title in post.title.values()]
    return " ".join([member.key, *member.name.values(), member.email, *titles]).casefold()


def _taken_on(request: Any) -> Typed:
    post = request.POST
    typed = Typed({name: post.get(name, "").strip()[:200] for name in ("key", "name", "name_en", "email", "language")})
    typed.values["positions"] = post.getlist("positions")
    try:
        members.take_on(
            organization=request.organization,
            key=typed.values["key"],
            name={"zh": typed.values["name"], "en": typed.values["name_en"] or typed.values["name"]},
            positions=typed.values["positions"],
            email=typed.values["email"],
            language=typed.values["language"],
            by=request.person.key,
            now=request.now,
        )
    except BadData as refusal:
        typed.errors = {finding.path: str(finding) for finding in refusal.findings}
        typed.message = str(refusal)
    else:
        messages.success(request, _("Taken on. To sign in, they need an invitation: see “Access” below."))
    return typed


def must_see(request: Any) -> None:
    if not may(request, "absences"):
        must_administer(request.person, "people", request.organization)


def may(request: Any, right: Any) -> bool:
    return may_administer(request.person, right, request.organization)
