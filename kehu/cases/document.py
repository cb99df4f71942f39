"""A procedure in words, as its printed document says it: who does a step, until when, what if late, where it leads. For pages and paper."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from kehu.engine.definitions import Due, Limit, Rung, Step, TableLimit, TableRole
from kehu.engine.expressions import parse
from kehu.engine.roles import Role, parse_role
from kehu.organizations.calendars import Budget
from kehu.procedures.packs import Running

from .permissions import role_text, role_words


@dataclass(frozen=True)
class OutcomeWords:
    title: str
    targets: tuple[tuple[str, str], ...]
    """Step key and title."""
    needs_reason: bool


@dataclass(frozen=True)
class StepWords:
    key: str
    number: int
    title: str
    kind: str
    beside: bool
    clauses: tuple[str, ...]
    guidance: str
    role: str
    is_assist: bool
    fills: tuple[str, ...]
    """Titles of the form's sections."""
    limit: str
    ladder: tuple[str, ...]
    outcomes: tuple[OutcomeWords, ...]
    opens: tuple[str, ...]
    """Titles of the procedures of which it opens cases."""


def steps_in_words(running: Running, language: str, titles: Mapping[str, str] | None = None) -> list[StepWords]:
    """Every step of the procedure; `titles` names the other procedures."""
    return [
        _step(running, key, number, language, titles or {}) for number, key in enumerate(running.procedure.steps, 1)
    ]


def _step(running: Running, key: str, number: int, language: str, titles: Mapping[str, str]) -> StepWords:
    procedure, step = running.procedure, running.procedure.steps[key]
    openings = [*step.opens, *(opening for outcome in step.all_outcomes().values() for opening in outcome.opens)]
    sections = procedure.form.sections
    return StepWords(
        key=key,
        number=number,
        title=step.title.in_(language),
        kind=step.kind,
        beside=step.beside,
        clauses=step.clause,
        guidance=step.guidance.in_(language) if step.guidance else "",
        role=role_words(running, key, language) if step.parties else "",
        is_assist=is_assist(running, key),
        fills=tuple(sections[section].title.in_(language) for section in step.fills),
        limit=limit_words(running, step, language),
        ladder=tuple(rung_words(running, step, rung, language) for rung in running.pack.ladder(step))
        if step.due and step.kind == "task"
        else (),
        outcomes=tuple(
            OutcomeWords(
                outcome.title.in_(language),
                tuple(
                    dict.fromkeys(
                        (branch.target, procedure.steps[branch.target].title.in_(language)) for branch in outcome.next
                    )
                ),
                "reason" in outcome.needs,
            )
            for outcome in step.all_outcomes().values()
        ),
        opens=tuple(dict.fromkeys(titles.get(opening.procedure, opening.procedure) for opening in openings)),
    )


# --- who ----------------------------------------------------------------------------------------------------------------


def is_assist(running: Running, key: str) -> bool:
    """Whether another department than the owner's does the step (协办)."""
    departments = departments_of(running, key)
    return bool(departments) and not any(_belongs(running, department) for department in departments)


def departments_of(running: Running, key: str) -> set[str]:
    """The departments a step's roles lie in; "" for one that the case decides."""
    step = running.procedure.steps[key]
    found: set[str] = set()
    for role in _roles(running, step):
        found |= _departments(running, role)
    return found


def _roles(running: Running, step: Step) -> list[Role]:
    return [role for party in step.parties for role in _party(running, party)]


def _party(running: Running, party: TableRole | tuple[str, ...]) -> list[Role]:
    if not isinstance(party, TableRole):
        return [parse_role(text) for text in party]
    words = running.tables[party.table].answers(party.inputs, {}, party.output)
    return [parse_role(text) for text in dict.fromkeys(words)]


def _departments(running: Running, role: Role) -> set[str]:
    pack, procedure = running.pack, running.procedure
    match role.kind:
        case "position":
            position = pack.positions.get(role.name)
            return {position.department if position else ""}
        case "rank":
            if role.path == "owner":
                return {procedure.owner}
            return {role.path if role.path in pack.departments else ""}
        case "person":
            field = procedure.form.field(role.path)
            return {field.of} if field and field.of else {procedure.owner}
        case "doer":
            return departments_of(running, role.path)
        case "starter":
            first = procedure.steps[procedure.first_step]
            return set().union(
                *(_departments(running, each) for each in _roles(running, first) if each.kind != "starter")
            )
    return set()


def _belongs(running: Running, department: str) -> bool:
    """To the owner: his department, or one below it."""
    seen: set[str] = set()
    while department and department not in seen:
        if department == running.procedure.owner:
            return True
        seen.add(department)
        found = running.pack.departments.get(department)
        department = (found.parent or "") if found else ""
    return False


# --- until when ---------------------------------------------------------------------------------------------------------


def limit_words(running: Running, step: Step, language: str) -> str:
    """`4 working hours from “Issued at”`."""
    if step.wait:
        if step.wait.until:
            return _("waits until {moment}").format(moment=field_words(running, step.wait.until, language))
        if step.wait.for_:
            return _("waits {time}").format(time=budget_words(running, step.wait.for_, language))
        return _("waits for the case it opened")
    return _due(running, step.due, language) if step.due else ""


def _due(running: Running, due: Due, language: str) -> str:
    if due.clock:
        clock = running.procedure.clocks[due.clock]
        return _("{time} from {moment}").format(
            time=budget_words(running, clock.within, language), moment=field_words(running, clock.from_, language)
        )
    if due.at:
        moment = field_words(running, due.at, language)
        if due.before:
            moment = _("{time} before {moment}").format(time=budget_words(running, due.before, language), moment=moment)
        if due.otherwise:
            return _("by {moment}, or {time} where it is empty").format(
                moment=moment, time=budget_words(running, due.otherwise, language)
            )
        return _("by {moment}").format(moment=moment)
    assert due.within
    words = budget_words(running, due.within, language)
    if due.from_:
        words = _("{time} from {moment}").format(time=words, moment=field_words(running, due.from_, language))
    if due.latest:
        words = _("{limit}, at the latest {moment}").format(
            limit=words, moment=field_words(running, due.latest, language)
        )
    return words


def budget_words(running: Running, limit: Limit, language: str) -> str:
    if isinstance(limit, TableLimit):
        title = running.tables[limit.table].title
        named = str(title["zh" if language.startswith("zh") else "en"]) if isinstance(title, dict) else limit.table
        return _("the time that table “{table}” gives").format(table=named)
    if limit.startswith("settings."):
        limit = str(running.pack.settings[limit.removeprefix("settings.")].value)
    return Budget.parse(limit).text(language)


def field_words(running: Running, expression: str, language: str) -> str:
    """The fields an expression reads, in its order: “Clock starts” or “4 hours count from”."""
    names = parse(expression).names
    inside = sorted(
        names, key=lambda name: match.start() if (match := re.search(rf"\b{re.escape(name)}\b", expression)) else 0
    )
    return _(" or ").join(_("“{field}”").format(field=_title(running, name, language)) for name in inside) or expression


def _title(running: Running, name: str, language: str) -> str:
    head, _dot, column = name.partition(".")
    form = running.procedure.form
    if head in ("item", "row") and column:
        for section in form.sections.values():
            if column in section.fields:
                return section.fields[column].title.in_(language)
            for field in section.fields.values():
                if column in field.columns:
                    return field.columns[column].title.in_(language)
    found = form.field(head)
    return found.title.in_(language) if found else name


def rung_words(running: Running, step: Step, rung: Rung, language: str) -> str:
    """`At 75% of the time: whoever has the task is reminded`."""
    if rung.before:
        moment = _("{time} before the end").format(time=budget_words(running, rung.before, language))
    elif rung.after:
        moment = _("{time} after that").format(time=budget_words(running, rung.after, language))
    elif rung.every:
        moment = _("Every {time}").format(time=budget_words(running, rung.every, language))
    elif rung.at_time:
        moment = _("{time} after the opening").format(time=budget_words(running, rung.at_time, language))
    elif rung.percent is not None:
        moment = _("At {percent} of the time").format(percent=rung.at)
    else:
        moment = _("When the time is over")
    acts = []
    if rung.tell:
        people = _(" and ").join(role_text(parse_role(text), running, language) for text in rung.tell)
        acts.append((_("reminds {people}") if rung.is_reminder else _("tells {people}")).format(people=people))
    if rung.shares:
        people = _(" and ").join(role_text(parse_role(text), running, language) for text in rung.shares)
        acts.append(_("{people} has the task too").format(people=people))
    if rung.opens:
        acts.append(_("opens “{step}”").format(step=running.procedure.steps[rung.opens].title.in_(language)))
    if rung.takes:
        taken = step.all_outcomes()[rung.takes].title.in_(language)
        acts.append(_("the system takes “{outcome}”").format(outcome=taken))
    return _("{moment}: {acts}").format(moment=moment, acts=_("; ").join(acts))
