"""Small questions: who may."""

from __future__ import annotations

from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from kehu.engine.definitions import TableRole
from kehu.engine.roles import Role, parse_role
from kehu.procedures.packs import Running

from .assignment import Circumstances, may_do, roles_of
from .work import Folder, Work


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
            return _("{rank} of {department}").format(rank=_rank_text(role.name, language), department=unit) + plus
        case "person":
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


def _rank_text(rank: str, language: str) -> str:
    words = {"staff": _("staff"), "head": _("head"), "deputy_manager": _("deputy manager"), "manager": _("manager")}
    return str(words.get(rank, rank.replace("_", " ")))
