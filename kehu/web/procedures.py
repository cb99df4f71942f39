"""The company's procedures: the handbook's sections, and each procedure as its document is printed, alive."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kehu.cases.document import StepWords, steps_in_words
from kehu.cases.models import Case, Task
from kehu.cases.permissions import role_text
from kehu.cases.refusals import NoSuchProcedure
from kehu.cases.schedules import forecasts, under_way
from kehu.engine.definitions import Procedure as Document
from kehu.engine.roles import parse_role
from kehu.organizations.permissions import may_administer, must_administer
from kehu.procedures import actions, revisions
from kehu.procedures.chart import Beside, Chart, lay_out
from kehu.procedures.models import Procedure, Revision
from kehu.procedures.packs import Running


@require_GET
def procedures(request: Any) -> HttpResponse:
    language = get_language() or "zh-hans"
    found = revisions.in_force(request.organization)
    counts: dict[int, Any] = {
        row["procedure_id"]: row
        for row in Case.objects.filter(status="open")
        .values("procedure_id")
        .annotate(open=Count("pk"), overdue=Count("pk", filter=Q(due_at__lt=request.now)))
    }
    entries: dict[str, list[dict[str, Any]]] = {}
    for key, procedure in found.items():
        assert procedure.current
        document = revisions.running(procedure.current).procedure
        chapter = document.chapter.number if document.chapter else ""
        row: dict[str, Any] = counts.get(procedure.pk, {})
        entries.setdefault(chapter, []).append(
            {
                "key": key,
                "document": document,
                "title": document.title.in_(language),
                "owner": _department(request, document.owner, language),
                "is_on": revisions.is_on(procedure),
                "open": row.get("open", 0),
                "overdue": row.get("overdue", 0),
            }
        )
    chapters = [
        {
            "number": line["number"],
            "title": line["title"],
            "entries": entries.pop(line["number"], []),
            "shows": line.get("shows"),
        }
        for line in request.organization.pack["chapters"]
    ]
    for one in chapters:  # a section is there from the first day, and says so while nothing of it runs
        one["is_off"] = not one["shows"] and not any(entry["is_on"] for entry in one["entries"])
    rest = [entry for others in entries.values() for entry in others]
    has_schedules = any(entry["document"].schedules for entry in [*rest, *(e for c in chapters for e in c["entries"])])
    return render(request, "procedures/list.html", {"chapters": chapters, "rest": rest, "has_schedules": has_schedules})


@require_GET
def schedules(request: Any) -> HttpResponse:
    """What the calendar will open next, and why; what it is opening now, which the page asks again by itself."""
    running = under_way(request.organization)
    if request.htmx:
        return render(request, "procedures/_under_way.html", {"running": running, "was_running": True})
    language = get_language() or "zh-hans"
    lines = [
        {
            "found": found,
            "key": found.plan.procedure.key,
            "title": found.plan.schedule.title,
            "procedure": found.plan.running.procedure.title,
            "when": [one.text(language) for one in found.plan.recurrences],
        }
        for found in forecasts(request.organization, request.now)
    ]
    return render(request, "procedures/schedules.html", {"lines": lines, "running": running})


@require_POST
def switch(request: Any, key: str) -> HttpResponse:
    must_administer(request.person, "procedures", request.organization)
    on = request.POST.get("on") == "1"
    found = actions.switch(
        organization=request.organization, procedure=key, on=on, by=request.person.key, now=request.now
    )
    title = found.title["zh" if (get_language() or "zh").startswith("zh") else "en"]
    said = _("“{title}” is switched on.") if on else _("“{title}” is switched off; its open cases go on.")
    messages.success(request, said.format(title=title))
    return redirect("procedure", key)


@require_GET
def procedure(request: Any, key: str) -> HttpResponse:
    language = get_language() or "zh-hans"
    known = revisions.in_force(request.organization)
    if key not in known:
        raise NoSuchProcedure(procedure=key)
    found = known[key]
    assert found.current
    running = revisions.running(found.current)
    document = running.procedure
    titles = {each: str(other.title["zh" if language.startswith("zh") else "en"]) for each, other in known.items()}
    words = steps_in_words(running, language, titles)
    counts = _counts(request, found)
    steps = [
        {
            "words": step,
            "clauses": [(number, _anchor(number)) for number in step.clauses],
            **counts.get(step.key, _NONE),
        }
        for step in words
    ]
    return render(
        request,
        "procedures/procedure.html",
        {
            "key": key,
            "document": document,
            "form": document.form,
            "forms": [(number, document.form.part(number)) for number in document.form.numbers],
            "title": document.title.in_(language),
            "owner": _department(request, document.owner, language),
            "chapter": document.chapter,
            "steps": steps,
            "clauses": _clauses(found, document, words),
            "chart": _chart(running, words, counts, language),
            "register": document.register_,
            "related": [{"key": each, "title": titles[each]} for each in document.related if each in titles],
            "void": role_text(parse_role(document.void), running, language)
            if document.void != "head+ of owner"
            else "",
            "revisions": _revisions(found),
            "current": found.current_id,
            "open": sum(row["open"] for row in counts.values()),
            "is_on": revisions.is_on(found),
            "may_switch": may_administer(request.person, "procedures", request.organization),
        },
    )


_NONE = {"open": 0, "overdue": 0, "done": 0}


def _counts(request: Any, found: Procedure) -> dict[str, dict[str, int]]:
    """What stands at each step now, and what was done there: one statement."""
    is_open = Q(state=Task.State.OPEN)
    rows = (
        Task.objects.filter(case__procedure=found)
        .values("step")
        .annotate(
            open=Count("pk", filter=is_open & Q(case__status="open")),
            overdue=Count("pk", filter=is_open & Q(case__status="open", due_at__lt=request.now)),
            done=Count("pk", filter=Q(state=Task.State.DONE)),
        )
    )
    return {row["step"]: {"open": row["open"], "overdue": row["overdue"], "done": row["done"]} for row in rows}


def _revisions(found: Procedure) -> list[dict[str, Any]]:
    """Newest first, with how many open cases each still carries."""
    rows = Revision.objects.filter(procedure=found).defer("definition").order_by("-published_at", "-pk")
    open_ = dict(
        Case.objects.filter(procedure=found, status="open")
        .values_list("revision_id")
        .annotate(count=Count("pk"))
        .order_by()
    )
    return [{"revision": row, "open": open_.get(row.pk, 0)} for row in rows]


def _clauses(found: Procedure, document: Document, words: list[StepWords]) -> list[dict[str, Any]]:
    """Every clause with the steps that carry it out, and how many cases show that they did: one statement for all."""
    steps = {number: [step for step in words if number in step.clauses] for number in document.clauses}
    done = {
        f"clause_{at}": Count(
            "case", distinct=True, filter=Q(state=Task.State.DONE, step__in=[step.key for step in mine])
        )
        for at, mine in enumerate(steps.values())
        if mine
    }
    evidence = Task.objects.filter(case__procedure=found).aggregate(**done)
    return [
        {
            "number": number,
            "anchor": _anchor(number),
            "clause": clause,
            "steps": steps[number],
            "evidence": evidence.get(f"clause_{at}", 0),
            "address": f"{reverse('register', args=[found.key])}?clause={number}",
        }
        for at, (number, clause) in enumerate(document.clauses.items())
    ]


def _anchor(number: str) -> str:
    return number.replace(".", "-")


def _chart(
    running: Running, words: list[StepWords], counts: dict[str, dict[str, int]], language: str
) -> dict[str, Any]:
    form = running.procedure.form
    beside = {}
    for step in words:
        role = _("{role} (assist)").format(role=step.role) if step.is_assist else step.role
        fills = running.procedure.steps[step.key].fills
        forms = [f"{form.number_of(key)} {title}" for key, title in zip(fills, step.fills, strict=True)]
        forms += [_("Opens: {title}").format(title=title) for title in step.opens]
        if step.limit:
            forms.append(_("Time limit: {limit}").format(limit=step.limit))
        beside[step.key] = Beside([role] if step.role else [], forms)
    drawn: Chart = lay_out(running.procedure, beside, language, _("overdue"))
    boxes = [
        {"box": box, "words": step, **counts.get(box.key, _NONE)} for box, step in zip(drawn.boxes, words, strict=True)
    ]
    return {"drawn": drawn, "boxes": boxes}


def _department(request: Any, key: str, language: str) -> str:
    titles = request.organization.pack["departments"]
    return str(titles[key]["title"]["zh" if language.startswith("zh") else "en"]) if key in titles else key
