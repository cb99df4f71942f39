"""Rehearsing an upgrade: what is open before, what is open in a copy that this version has upgraded, and whether every open case can
take its next step there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from kehu.cases.folder import Folder
from kehu.cases.models import Case, Task
from kehu.cases.work import Work
from kehu.core import clock
from kehu.core.models import Organization
from kehu.core.scope import every_organization, scope
from kehu.engine import advance
from kehu.engine.definitions import FieldDefinition, Step
from kehu.engine.records import Data, filled

from . import tables
from .archive import Progress, silent

Portrait = dict[str, dict[str, Any]]
"""organization and number of every open case -> its open tasks, whose they are, and every instant that is still to come."""


def portrait() -> Portrait:
    """What is open, read with the models of the database's own version."""
    with every_organization(), tables.snapshot():
        kept = tables.Tables(tables.applied())
        rows = {name: kept.named(f"cases.{name}")._base_manager for name in ("case", "task", "assignment", "deadline")}
        organizations = dict(kept.named("core.organization")._base_manager.values_list("pk", "key"))
        members = dict(kept.named("organizations.member")._base_manager.values_list("pk", "key"))
        found: Portrait = {}
        places: dict[int, str] = {}
        for pk, organization, number in (
            rows["case"].filter(status="open").values_list("pk", "organization", "number").iterator()
        ):
            places[pk] = f"{organizations[organization]} {number}"
            found[places[pk]] = {"tasks": {}, "instants": []}
        tasks: dict[int, dict[str, Any]] = {}
        open_tasks = rows["task"].filter(state="open", case__status="open").order_by("pk")
        for pk, case, step, item, due_at in open_tasks.values_list("pk", "case", "step", "item", "due_at").iterator():
            tasks[pk] = {"due": due_at.isoformat() if due_at else None, "has": []}
            found[places[case]]["tasks"][f"{step}[{item}]" if item else step] = tasks[pk]
        assigned = rows["assignment"].filter(is_open=True, task__state="open", task__case__status="open").order_by("pk")
        for task, member in assigned.values_list("task", "member").iterator():
            tasks[task]["has"].append(members[member])
        instants = rows["deadline"].filter(active=True, case__status="open").order_by("at", "kind", "rung", "row")
        for case, kind, rung, row, at in instants.values_list("case", "kind", "rung", "row", "at").iterator():
            found[places[case]]["instants"].append([kind, rung, row, at.isoformat()])
        return found


def differences(before: Portrait, after: Portrait) -> Iterator[str]:
    """Sentences: which case, which step, what is otherwise."""
    for place in sorted(before.keys() | after.keys()):
        if place not in after:
            yield f"{place}: is not open any more"
        elif place not in before:
            yield f"{place}: is open, and was not"
        else:
            yield from _differences(place, before[place], after[place])


def _differences(place: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for step in sorted(before["tasks"].keys() | after["tasks"].keys()):
        was, is_now = before["tasks"].get(step), after["tasks"].get(step)
        if was is None or is_now is None:
            yield f"{place}, step {step}: {'was not open, and is' if was is None else 'was open, and is not'}"
            continue
        if was["due"] != is_now["due"]:
            yield f"{place}, step {step}: was due {was['due'] or 'never'}, is due {is_now['due'] or 'never'}"
        if was["has"] != is_now["has"]:
            yield f"{place}, step {step}: was in the inbox of {_names(was['has'])}, is in that of {_names(is_now['has'])}"
    if before["instants"] != after["instants"]:
        yield f"{place}: {len(before['instants'])} reminders and escalations to come were planned, now others are"


def _names(keys: Sequence[str]) -> str:
    return ", ".join(keys) or "nobody"


def resume_all(progress: Progress = silent) -> dict[str, Any]:
    """Every open case of this database takes one step in a transaction that is rolled back; its time limits are counted anew.
    Gives `resumed` (how many took a step), `resting` (only the clock or another case can go on), `stuck` and `moved` (sentences)."""
    found: dict[str, Any] = {"resumed": 0, "resting": 0, "stuck": [], "moved": []}
    with every_organization():
        organizations = list(Organization.objects.order_by("pk"))
    for organization in organizations:
        now = clock.now(organization)
        with scope(organization):
            for number in Case.objects.filter(status="open").order_by("pk").values_list("number", flat=True):
                place = f"{organization.key} {number}"
                found["moved"] += _moved_limits(organization, number, now, place)
                steps, stuck = _resume(organization, number, now)
                found["stuck"] += [f"{place}, {sentence}" for sentence in stuck]
                found["resumed" if steps else "resting"] += not stuck
                progress("open cases", found["resumed"] + found["resting"])
    return found


def _moved_limits(organization: Organization, number: str, now: datetime, place: str) -> Iterator[str]:
    """Limits that this version counts otherwise than they stand."""
    folder = Work(organization, None, now).take(number, lock=False)
    for task in folder.tasks:
        if not task.is_open or task.kind != "task":
            continue
        try:
            limit = folder.limit(task)
        except Exception as error:
            yield f"{place}, step {task}: its time limit cannot be counted ({error})"
            continue
        counted = limit.instant.at if limit else None
        if counted != task.due_at:
            stands, counts = (_moment(moment) for moment in (task.due_at, counted))
            yield f"{place}, step {task}: stands as due {stands}, this version counts {counts}"


def _moment(at: datetime | None) -> str:
    return at.astimezone(UTC).isoformat(timespec="minutes") if at else "never"


def _resume(organization: Organization, number: str, now: datetime) -> tuple[int, list[str]]:
    """How many open tasks could be completed, each by itself, and the sentences about those that could not."""
    with scope(organization):
        places = list(
            Task.objects.filter(case__number=number, state=Task.State.OPEN, kind="task").values_list("step", "item")
        )
    done, stuck = 0, []
    for step, item in places:
        if why := _cannot_step(organization, number, step, item, now):
            stuck.append(f"step {step}{f'[{item}]' if item else ''}: {why}")
        else:
            done += 1
    return done, stuck


def _cannot_step(organization: Organization, number: str, step: str, item: str, now: datetime) -> str:
    """Why none of the step's outcomes can be taken; empty where one can."""
    reasons: dict[str, None] = {}
    with scope(organization):
        folder = Work(organization, None, now).take(number, lock=False)
        if step not in folder.procedure.steps:
            return "its procedure has no such step"
        outcomes = list(folder.procedure.steps[step].all_outcomes())
    for outcome in outcomes:
        try:
            with scope(organization), transaction.atomic():
                work = Work(organization, None, now)
                folder = work.take(number)
                definition = folder.procedure.steps[step]
                folder.complete(step, item, outcome, values_for(folder, definition, item), "rehearsal")
                work.write()
                transaction.set_rollback(True)
                return ""
        except advance.NotPossible as error:
            reasons[f"{error.code} {error.facts or ''}".strip()] = None
        except Exception as error:
            reasons[f"{type(error).__name__}: {error}"] = None
    return "; ".join(reasons)


def values_for(folder: Folder, step: Step, item: str) -> Data:
    """What the step fills: as it stands already, and something plausible where nothing does."""
    form, standing = folder.procedure.form, filled(folder.procedure.form, folder.state.data, item, {}, step)
    values: Data = {}
    for key in step.fills:
        for name, field in form.sections[key].fields.items():
            if field.is_typed_in and standing.get(name) in (None, "", []):
                values[name] = _plausible(field, folder)
    return {name: value for name, value in values.items() if value is not None}


def _plausible(field: FieldDefinition, folder: Folder) -> Any:
    people = folder.work.people
    match field.type:
        case "text" | "longtext":
            return "rehearsal"
        case "number" | "money":
            return Decimal(str(field.min if field.min is not None else 1))
        case "choice":
            return next(iter(field.choices))
        case "choices":
            return [next(iter(field.choices))]
        case "boolean":
            return False
        case "date":
            return folder.work.local.date()
        case "datetime":
            return folder.work.now
        case "user":
            return next(iter(people.people), None)
        case "people":
            return list(people.people)[:1]
        case "department":
            return next(iter(people.units), None)
        case "rows":
            return [{name: _plausible(column, folder) for name, column in field.columns.items() if column.is_typed_in}]
    return None
