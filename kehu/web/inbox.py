"""待办: what waits for me, what I started, what I have done, what I was told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from kehu.cases import history, queries
from kehu.cases.models import Task
from kehu.cases.wording import Words, stretch
from kehu.notifications import queries as notices
from kehu.organizations.queries import directory, local_now

from .forms import options
from .saved_views import opened_with

VIEWS = ("todo", "drafts", "started", "done", "followed", "copies")
TO_DO = ("todo", "drafts")


@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    saved, elsewhere = opened_with(request)
    if elsewhere:
        return elsewhere
    organization, person, now = request.organization, request.person, request.now  # type: ignore[attr-defined]
    view = request.GET.get("view", "todo")
    view = view if view in VIEWS else "todo"
    search, after = request.GET.get("q", "").strip()[:80], request.GET.get("after", "")[:80]
    page: Any
    if view == "copies":
        page = notices.notices_of(organization, person, copies_only=True, search=search, after=after)
    else:
        page = queries.inbox_of(organization, person, view, now, search=search, after=after)  # type: ignore[arg-type]
    counts = {**queries.counts_of(person), "copies": notices.unread_copies(person)}
    words = {
        **saved,
        "view": view,
        "views": [(key, title, counts.get(key, ""), _tab(key)) for key, title in _titles().items()],
        "is_to_do": view in TO_DO,
        "groups": _groups(),
        "page": page,
        "search": search,
        "is_later_page": bool(after),
        "following": _address(view=view, q=search, after=page.after) if page.after else "",
        "first": _address(view=view, q=search),
        "people": _colleagues(request) if view in TO_DO and page.rows else "",
    }
    return render(request, "web/inbox/inbox.html", words)


@require_safe
def preview(request: HttpRequest, number: str) -> HttpResponse:
    """The case beside the list: where it stands, what is known, what happened last."""
    organization, person, now = request.organization, request.person, request.now  # type: ignore[attr-defined]
    record = history.read(organization=organization, number=number, person=person, now=now)
    words = Words(record)
    end = record.folder.procedure.steps.get(record.case.status)
    facts = {
        "case": record.case,
        "procedure": record.folder.procedure,
        "status_title": end.title if end else "",
        "tasks": [_task(record, words, task) for task in record.folder.tasks if task.is_open and task.kind == "task"],
        "facts": list(_facts(record, words))[:14],
        "entries": stretch(record, 6).entries,
    }
    return render(request, "web/inbox/preview.html", facts)


def _colleagues(request: HttpRequest) -> str:
    """To whom chosen lines may be handed over."""
    organization, person = request.organization, request.person  # type: ignore[attr-defined]
    known = directory(organization, local_now(organization, request.now).date())  # type: ignore[attr-defined]
    return options(known, get_language() or "zh-hans", but=person.key)


def _task(record: history.Record, words: Words, task: Task) -> dict[str, Any]:
    step = record.folder.procedure.steps[task.step]
    counted = record.folder.reading(task)
    people = words.listed(words.person(pk) for pk in record.assigned.get(task.pk, ()))
    return {
        "title": words.step(task.step, task.item),
        "due": queries.remaining_of(task, counted.calendar, record.folder.work.now),
        "people": people,
        "clause": ", ".join(step.clause),
    }


def _facts(record: history.Record, words: Words) -> Iterator[tuple[str, str]]:
    """What was filled, field by field in the form's order; not what follows from it."""
    for _section_key, section, key, definition in words.form.fields():
        if section.per or definition.computed or definition.gather:
            continue
        if text := words.value(definition, record.folder.state.data.get(key)):
            yield words.say(definition.title), text


def _titles() -> dict[str, str]:
    return {
        "todo": _("To do"),
        "drafts": _("Drafts"),
        "started": _("Started by me"),
        "done": _("Done by me"),
        "followed": _("Followed"),
        "copies": _("Copies"),
    }


def _groups() -> dict[str, str]:
    return {
        "overdue": _("Overdue"),
        "today": _("Today"),
        "week": _("This week"),
        "later": _("Later"),
        "none": _("Without time limit"),
        "all": "",
    }


def _tab(view: str) -> str:
    """Always with its name: without, the inbox opens with the view somebody keeps for it."""
    return f"{reverse('inbox')}?{urlencode({'view': view})}"


def _address(**words: str) -> str:
    given = {key: value for key, value in words.items() if value and (key, value) != ("view", "todo")}
    return reverse("inbox") + (f"?{urlencode(given)}" if given else "")
