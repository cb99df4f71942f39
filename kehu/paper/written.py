"""A procedure's revision as the data of its printed document. What the keys mean stands in docs/reference/print-format.md."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import translation

from kehu.cases.permissions import role_words
from kehu.engine.definitions import Limit, Procedure, Step, TableLimit
from kehu.organizations.calendars import Budget
from kehu.organizations.queries import Person
from kehu.organizations.wording import UNITS_ZH
from kehu.procedures.models import Revision
from kehu.procedures.packs import Running
from kehu.procedures.revisions import in_force, running

from .signers import SYSTEM, Signers, Words

SUPERSEDED: Words = {"zh": "已作废", "en": "SUPERSEDED"}


def written(revision: Revision, *, by: Person | None, now: datetime) -> dict[str, Any]:
    found = running(revision)
    procedure, pack = found.procedure, found.pack
    zone = ZoneInfo(revision.organization.timezone)
    signers = Signers()
    known = in_force(revision.organization)
    form = procedure.form
    register = procedure.register_
    owner = pack.departments.get(procedure.owner)
    return {
        "company": pack.title.model_dump(),
        "watermark": None if revision.procedure.current_id == revision.pk else SUPERSEDED,
        "printed": {"at": f"{now.astimezone(zone):%Y-%m-%d %H:%M}", "by": by.name if by else SYSTEM},
        "procedure": {
            "number": procedure.number,
            "title": procedure.title.model_dump(),
            "revision": procedure.revision,
            "owner": owner.title.model_dump() if owner else procedure.owner,
            "chapter": f"{procedure.chapter.number}" if procedure.chapter else "",
            "chapter_title": procedure.chapter.title.model_dump() if procedure.chapter else "",
            "prepared_by": procedure.prepared_by,
            "reviewed_by": procedure.reviewed_by,
            "approved_by": procedure.approved_by,
            "effective": procedure.effective.isoformat() if procedure.effective else "",
            "published_at": f"{revision.published_at.astimezone(zone):%Y-%m-%d %H:%M}",
            "published_by": signers.name(revision.published_by) or SYSTEM,
            "digest": revision.digest[:12],
            "purpose": procedure.purpose.model_dump() if procedure.purpose else None,
            "scope": procedure.scope.model_dump() if procedure.scope else None,
            "retention": procedure.retention.model_dump() if procedure.retention else None,
        },
        "clauses": [
            {
                "number": number,
                "title": clause.title.model_dump(),
                "text": clause.text.model_dump(),
                "manual": clause.manual.model_dump() if clause.manual else None,
            }
            for number, clause in procedure.clauses.items()
        ],
        "steps": [_step(number, key, found) for number, key in enumerate(_tasks(procedure), start=1)],
        "clocks": [
            {"title": clock.title.model_dump(), "within": limit_words(clock.within, found)}
            for clock in procedure.clocks.values()
        ],
        "forms": [
            *(
                {
                    "number": number,
                    "title": (part.title or form.title).model_dump(),
                    "revision": part.revision,
                    "retention": (form.retention or procedure.retention or form.title).model_dump()
                    if form.retention or procedure.retention
                    else "",
                }
                for number, part in ((number, form.part(number)) for number in form.numbers)
            ),
            *(
                [{"number": register.number, "title": register.title.model_dump(), "revision": "", "retention": ""}]
                if register
                else []
            ),
        ],
        "related": [
            {"number": known[key].number, "title": known[key].title} if key in known else {"number": key, "title": ""}
            for key in procedure.related
        ],
        "revisions": [
            {
                "label": one.label,
                "at": f"{one.published_at.astimezone(zone):%Y-%m-%d}",
                "by": signers.name(one.published_by) or SYSTEM,
            }
            for one in Revision.objects.filter(procedure=revision.procedure, published_at__lte=revision.published_at)
            .defer("definition")
            .order_by("published_at", "pk")
        ],
    }


def _tasks(procedure: Procedure) -> list[str]:
    return [key for key, step in procedure.steps.items() if step.kind in ("task", "wait")]


def _step(number: int, key: str, found: Running) -> dict[str, Any]:
    step = found.procedure.steps[key]
    return {
        "number": str(number),
        "title": step.title.model_dump(),
        "guidance": step.guidance.model_dump() if step.guidance else None,
        "clause": ", ".join(step.clause),
        "role": _role(found, key) if step.parties else "",
        "fills": _both("、", [found.procedure.form.sections[section].title.model_dump() for section in step.fills]),
        "due": due_words(step, found),
        "outcomes": [
            {
                "title": outcome.title.model_dump(),
                "next": [
                    found.procedure.steps[branch.target].title.model_dump()
                    for branch in outcome.next
                    if branch.target in found.procedure.steps
                ],
            }
            for outcome in step.all_outcomes().values()
        ],
    }


def _role(found: Running, key: str) -> Words:
    words = {}
    for short, language in (("zh", "zh-hans"), ("en", "en")):
        with translation.override(language):
            words[short] = role_words(found, key, language)
    return words


def due_words(step: Step, found: Running) -> Words | str:
    due = step.due
    if due is None:
        return limit_words(step.wait.for_, found) if step.wait and step.wait.for_ else ""
    if due.clock:
        return found.procedure.clocks[due.clock].title.model_dump()
    if due.within:
        return limit_words(due.within, found)
    field = found.procedure.form.field(due.at or "")
    at = field.title.model_dump() if field else {"zh": due.at or "", "en": due.at or ""}
    if due.before:
        before = limit_words(due.before, found)
        at = {"zh": f"{at['zh']}前 {_in(before, 'zh')}", "en": f"{_in(before, 'en')} before {at['en']}"}
    if not due.otherwise:
        return at
    otherwise = limit_words(due.otherwise, found)
    return {
        "zh": f"{at['zh']}；未填时 {_in(otherwise, 'zh')}",
        "en": f"{at['en']}; where empty, {_in(otherwise, 'en')}",
    }


def limit_words(limit: Limit, found: Running) -> Words | str:
    """`4 working hours` in both languages; what a table decides is named by the table."""
    if isinstance(limit, TableLimit):
        title = found.tables[limit.table].title
        return {language: str(title[language]) for language in ("zh", "en")} if isinstance(title, dict) else limit.table
    if limit.startswith("settings."):
        setting = found.pack.settings.get(limit.removeprefix("settings."))
        limit = str(setting.value) if setting else limit
    try:
        budget = Budget.parse(limit)
    except ValueError:
        return limit
    unit = UNITS_ZH.get(budget.unit, budget.unit)
    by = f" {budget.by:%H:%M} 前" if budget.by else ""
    return {"zh": f"{budget.amount} {unit}{by}", "en": limit}


def _in(words: Words | str, language: str) -> str:
    return words if isinstance(words, str) else words[language]


def _both(mark: str, titles: list[Any]) -> Words | str:
    if not titles:
        return ""
    return {"zh": mark.join(title["zh"] for title in titles), "en": ", ".join(title["en"] for title in titles)}
