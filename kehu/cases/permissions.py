"""Small questions: who may."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from kehu.core.models import Organization
from kehu.engine.definitions import Pack, TableRole
from kehu.engine.roles import Role, parse_role
from kehu.organizations.queries import Directory, Person
from kehu.procedures import revisions
from kehu.procedures.packs import Running

from .assignment import Circumstances, may_do, roles_of
from .folder import Folder
from .models import Task
from .work import Work


def may_open(work: Work, running: Running) -> bool:
    """Whether who acts may start a case of this procedure."""
    circumstances = Circumstances(
        running.pack, work.people, running.tables, {"by": work.by_key}, owner=running.procedure.owner
    )
    first = running.procedure.steps[running.procedure.first_step]
    return work.by is not None and may_do(work.by, roles_of(first, circumstances), circumstances)


def may_void(folder: Folder) -> bool:
    return _may(folder, folder.procedure.void)


def may_reopen(folder: Folder) -> bool:
    return _may(folder, folder.procedure.reopen)


def _may(folder: Folder, words: str) -> bool:
    circumstances = folder.circumstances(folder.procedure.first_step)
    return folder.work.by is not None and may_do(folder.work.by, [parse_role(words)], circumstances)


@dataclass(frozen=True)
class May:
    """What somebody may do with a case now."""

    tasks: tuple[Task, ...] = ()
    """The open tasks he may complete, send back or hand over."""
    own: tuple[Task, ...] = ()
    """Of these: whose submission is his own, so that somebody else must decide."""
    void: bool = False
    reopen: bool = False
    returns: Mapping[int, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """Task -> the places (step, row) done before, to which it may be sent back."""


def what_may(person: Person, folder: Folder, assigned: Mapping[int, Collection[int]]) -> May:
    """`assigned`: task -> the members who have it. Only read; the action asks again."""
    tasks = tuple(
        task
        for task in folder.tasks
        if task.is_open
        and folder.state.is_open
        and task.kind == "task"
        and (person.id in assigned.get(task.pk, ()) or is_entitled(folder, task.step, task.item, person))
    )
    return May(
        tasks=tasks,
        own=tuple(task for task in tasks if person.key in folder.submitters(task.step, task.item)),
        void=folder.state.is_open and may_void(folder),
        reopen=not folder.state.is_open and may_reopen(folder),
        returns={task.pk: _places_before(folder, task) for task in tasks},
    )


def is_entitled(folder: Folder, step: str, item: str, person: Person) -> bool:
    """Whether the person's positions allow that task; the first step belongs to whoever opened the case."""
    if step == folder.procedure.first_step and folder.starter:
        return person.key == folder.starter
    circumstances = folder.circumstances(step, item)
    return may_do(
        person, roles_of(folder.procedure.steps[step], circumstances), circumstances, folder.submitters(step, item)
    )


def _places_before(folder: Folder, task: Task) -> tuple[tuple[str, str], ...]:
    steps = folder.procedure.steps
    return tuple(
        (step, item)
        for step, item in reversed(list(folder.state.done))
        if (step, item) != (task.step, task.item)
        and step in steps
        and steps[step].kind == "task"
        and steps[step].role != ("system",)
        and not steps[step].beside
        and folder.state.token(step, item) is None
    )


def may_see(person: Person, folder: Folder, involved: Collection[str] = ()) -> bool:
    """Who may read a case: whoever takes part (`involved`: had a task, was told), whoever may read the procedure's register,
    and the members of the departments that the case names."""
    if person.key in involved or person.key == folder.starter:
        return True
    if any(task.done_by_id == person.id for task in folder.tasks):
        return True
    if may_read(person, folder.running, folder.work.people):
        return True
    return bool(departments_in(folder) & _line(person, folder.work.people))


def may_read(person: Person, running: Running, people: Directory) -> bool:
    """Who may read all cases of a procedure, its register and its statistics: the department that owns it, those the register
    names (`readers`), and everybody from the rank upwards that the pack names (`sees_all`)."""
    pack, register = running.pack, running.procedure.register_
    if pack.sees_all and person.rank >= pack.ranks[pack.sees_all]:
        return True
    readers = {running.procedure.owner, *(register.readers if register else ())}
    return bool(readers & _line(person, people))


def readable(person: Person, organization: Organization, people: Directory) -> set[str]:
    """The procedures of which the person may read all cases."""
    found = revisions.procedures_of(organization)
    return {key for key, running in found.items() if may_read(person, running, people)}


def _line(person: Person, people: Directory) -> set[str]:
    return {unit for department in person.departments for unit in people.line_of(department)}


def departments_in(folder: Folder) -> set[str]:
    """The departments that the case's record names."""
    found: set[str] = set()
    for _section_key, section, key, definition in folder.procedure.form.fields():
        if section.per:
            continue
        value = folder.state.data.get(key)
        if definition.type == "department" and value:
            found.add(str(value))
        elif definition.type == "rows":
            columns = [name for name, column in definition.columns.items() if column.type == "department"]
            found |= {str(row[name]) for row in value or [] for name in columns if row.get(name)}
    return found


def role_words(running: Running, step: str, language: str | None = None) -> str:
    """A step's role in words for people: "sales deputy manager or higher"."""
    language = language or get_language() or "zh-hans"
    role = running.procedure.steps[step].role
    if isinstance(role, TableRole):
        try:
            words: Any = running.tables[role.table].asked(role.inputs, {})[role.output]
        except ValueError:
            return _("whoever “{table}” names").format(table=role.table)
        texts = [words] if isinstance(words, str) else list(words)
    else:
        texts = list(role)
    return " / ".join(role_text(parse_role(text), running, language) for text in texts)


def role_text(role: Role, running: Running, language: str) -> str:
    pack = running.pack
    plus = _(" or higher") if role.or_higher else ""
    match role.kind:
        case "position":
            found = pack.positions.get(role.name) or pack.relative_positions.get(role.name)
            return f"{found.title.in_(language) if found else role.name}{plus}"
        case "rank":
            department = pack.departments.get(role.path)
            unit = department.title.in_(language) if department else _("the department concerned")
            return (
                _("{rank} of {department}").format(rank=_rank_text(role.name, pack, language), department=unit) + plus
            )
        case "person":
            if role.path == "customer.owner":
                return _("whoever looks after the customer")
            field = running.procedure.form.field(role.path)
            return _("the person in “{field}”").format(field=field.title.in_(language) if field else role.path)
        case "doer":
            return _("whoever did “{step}”").format(step=running.procedure.steps[role.path].title.in_(language))
    return str(
        {
            "starter": _("whoever opened the case"),
            "assignee": _("whoever has the task"),
            "anyone": _("every member"),
            "customer": _("the customer"),
            "system": _("the system"),
        }[role.kind]
    )


def _rank_text(rank: str, pack: Pack, language: str) -> str:
    title = pack.rank_titles.get(rank)
    return title.in_(language) if title else rank.replace("_", " ")
