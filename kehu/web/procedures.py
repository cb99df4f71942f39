"""The company's procedures: the handbook's sections, and each procedure as its document is printed, alive."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from kehu.cases.document import StepWords, steps_in_words
from kehu.cases.models import Case, Task
from kehu.cases.permissions import role_text
from kehu.cases.refusals import NoSuchProcedure
from kehu.engine.definitions import Procedure as Document
from kehu.engine.roles import parse_role
from kehu.procedures import revisions
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
                "open": row.get("open", 0),
                "overdue": row.get("overdue", 0),
            }
        )
    chapters = [
        {"number": line["number"], "title": line["title"], "entries": entries.pop(line["number"], [])}
        for line in request.organization.pack["chapters"]
    ]
    rest = [entry for others in entries.values() for entry in others]
    return render(request, "procedures/list.html", {"chapters": chapters, "rest": rest})


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
    number = running.procedure.form.number
    beside = {}
    for step in words:
        role = _("{role} (assist)").format(role=step.role) if step.is_assist else step.role
        forms = [f"{number} {title}" for title in step.fills]
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
