"""What nobody who has it can do any more comes to somebody else: a leaver's tasks and customers, the tasks of whoever is away without
a deputy, the decisions of whoever lost the position to decide.

A recurring job, so that what was planned ahead happens on its day, and what was missed while no worker ran happens then. It looks at
how things stand, so running it twice does nothing more; each case is a transaction of its own, and a leaver is finished last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from kehu.core.models import Organization
from kehu.core.scope import scope
from kehu.engine import signatures
from kehu.ledgers.customers import actions as customers
from kehu.organizations import members
from kehu.organizations.models import Appointment, Member
from kehu.organizations.queries import Directory, Person, directory, local_now
from kehu.procedures import revisions

from .folder import Folder, principal_of
from .models import Assignment, Task
from .permissions import is_entitled
from .signing import as_holder, holders_of
from .work import Work

_looked: dict[int, tuple[int, date]] = {}
"""Organization -> the version and day of the directory for which all was found well: spares the looking, nothing more."""


def hand_on(organization: Organization, now: datetime) -> int:
    """Gives how many tasks came to somebody else."""
    with scope(organization):
        today = local_now(organization, now).date()
        people = directory(organization, today)
        if _looked.get(organization.pk) == (organization.version, today):
            return 0
        moved = sum(_leave(organization, member, now) for member in _leaving(today))
        moved += sum(_hand_on(organization, case, now) for case in _stranded(organization, people, today))
        _looked[organization.pk] = (organization.version, today)
        return moved


# --- leavers ----------------------------------------------------------------------------------------------------------


def _leaving(today: date) -> list[Member]:
    found = Member.objects.filter(left_on__lte=today, handed_on_at=None)
    return list(found.select_related("organization", "user").order_by("left_on", "pk"))


def _leave(organization: Organization, member: Member, now: datetime) -> int:
    """Everything that is his, case by case; then his customers, and his access."""
    held = Assignment.objects.filter(member=member, is_open=True)  # of every part: to do, to sign, to advise
    cases = list(held.order_by("task__case").values_list("task__case", flat=True).distinct())
    moved = sum(_hand_on(organization, case, now) for case in cases)
    with transaction.atomic():
        locked = Member.objects.select_for_update(of=("self",)).get(pk=member.pk)
        if locked.handed_on_at is None:
            places = directory(organization, local_now(organization, now).date()).in_place_of(member.key)
            owner = Member.objects.get(pk=places[0].id) if places else None
            transferred = customers.transfer(organization=organization, member=locked, to=owner, by="", now=now)
            members.close_access(member=locked, by="", now=now, tasks=moved, customers=transferred)
    return moved


# --- tasks ------------------------------------------------------------------------------------------------------------


def _stranded(organization: Organization, people: Directory, today: date) -> Iterator[int]:
    """The cases in which an open task may be without anybody who can do it."""
    # Who is away, and who stands in for somebody (for he may not approve what that one submitted).
    touched = {*people.absent, *(one.deputy for found in people.stand_ins.values() for one in found)}
    lost = Appointment.objects.filter(valid_until__lte=today).values("member")
    left = Q(member__left_on__lte=today)
    held = Assignment.objects.filter(Q(member__key__in=touched) | Q(member__in=lost) | left, is_open=True)
    open_now = Assignment.objects.filter(task=OuterRef("pk"), part=Assignment.Part.DO, is_open=True)
    empty = Task.objects.filter(~Exists(open_now), state=Task.State.OPEN, kind="task", held="").exclude(
        step__in=_nobodys(organization)
    )
    cases = {*held.values_list("task__case", flat=True), *empty.values_list("case", flat=True)}
    yield from sorted(cases)


def _nobodys(organization: Organization) -> set[str]:
    """The steps that are in nobody's inbox: everybody's, the customer's, the system's."""
    return {
        key
        for running in revisions.procedures_of(organization).values()
        for key, step in running.procedure.steps.items()
        if step.role and isinstance(step.role, tuple) and set(step.role) <= {"anyone", "customer", "system"}
    }


@transaction.atomic
def _hand_on(organization: Organization, case: int, now: datetime) -> int:
    work = Work(organization, None, now)
    folder = work.take(pk=case)
    if not folder.state.is_open:
        return 0
    tasks = [task for task in folder.tasks if task.is_open and task.kind == "task" and not task.held]
    holders: dict[int, list[int]] = {}
    held = Assignment.objects.filter(task__in=tasks, part=Assignment.Part.DO, is_open=True)
    for task_id, member_id in held.values_list("task", "member"):
        holders.setdefault(task_id, []).append(member_id)
    moved = sum(_see_to(folder, task, holders.get(task.pk, [])) for task in tasks)
    moved += _ask_others(folder)
    work.write()
    return moved


def _see_to(folder: Folder, task: Task, holders: list[int]) -> bool:
    """The task keeps whoever can do it, or comes to somebody who can. Who is away keeps it too and finds it when he is back."""
    people = folder.work.people
    excluded = folder.submitters(task.step, task.item)
    circumstances = folder.circumstances(task.step, task.item)
    here = [people.by_id[key] for key in holders if key in people.by_id]
    kept = [person for person in here if _may_keep(folder, task, person)]
    out = [key for key in holders if key not in {person.id for person in kept}]
    able = [person for person in kept if person.key not in excluded and circumstances.reaches(person, excluded)]
    if able and not out:
        return False
    to = [] if able else [person for person in _next(folder, task, out, excluded) if person not in kept]
    if not to and not out:
        return False
    if out:
        folder.relieved.append((task, Assignment.Part.DO, out))
    folder.asked.append((task, Assignment.Part.DO, to))
    folder.record(
        "task.handed_on",
        step=task.step,
        item=task.item,
        **{"from": [people.keys.get(key, "") for key in holders if key not in {person.id for person in able}]},
        to=[person.key for person in to or able],
    )
    folder.work.tell("handed_on", to, folder, task.step, task.item)
    return True


def _ask_others(folder: Folder) -> int:
    """A signature or an opinion asked of somebody who has left is asked of his successor, or of nobody: it does not block the case.
    What only a move could end waits while the case is paused."""
    asked = Assignment.objects.filter(
        ~Q(part=Assignment.Part.DO), task__case=folder.case, member__in=_gone(folder), is_open=True
    )
    done = 0
    for assignment in list(asked.order_by("pk")):
        task = next((one for one in folder.tasks if one.pk == assignment.task_id and one.is_open), None)
        if task is None or (assignment.part == Assignment.Part.SIGN and folder.state.paused):
            continue
        leaver = folder.work.people.keys[assignment.member_id]
        to = _instead(folder, task, leaver)
        facts: dict[str, Any] = {"step": task.step, "item": task.item, "who": [leaver], "to": [one.key for one in to]}
        if assignment.part == Assignment.Part.ADVISE:
            folder.relieved.append((task, Assignment.Part.ADVISE, [assignment.member_id]))
            folder.asked.append((task, Assignment.Part.ADVISE, to))
            folder.record("task.opinion_handed_on", **facts)
            folder.work.tell("opinion_asked", to, folder, task.step, task.item)
        else:
            known = folder.facts(**as_holder(folder, task))
            successor = to[0].key if to else ""
            move = signatures.hand_on_signer(
                folder.procedure, folder.state, task.step, task.item, leaver, successor, known
            )
            folder.relieved.append((task, Assignment.Part.SIGN, [assignment.member_id]))
            folder.move(move, "task.signer_handed_on", outcome=move.outcome, **facts)
        done += 1
    return done


def _gone(folder: Folder) -> list[int]:
    return [leaver.id for leaver in folder.work.people.leavers.values()]


def _instead(folder: Folder, task: Task, leaver: str) -> list[Person]:
    """The successor, unless he submitted what is signed, or has the task himself."""
    people = folder.work.people
    excluded = folder.submitters(task.step, task.item) | {one.key for one in holders_of(folder, task)}
    excluded |= set(principal_of(task))
    found = people.in_place_of(leaver) if people.leavers[leaver].successor else []
    return [person for person in found[:1] if person.key not in excluded]


def _may_keep(folder: Folder, task: Task, person: Person) -> bool:
    """Who has lost the position keeps what he works on, but decides no more."""
    if not folder.procedure.steps[task.step].approves:
        return True
    lost = Appointment.objects.filter(valid_until__lte=folder.work.local.date(), member_id=person.id).exists()
    return not lost or is_entitled(folder, task.step, task.item, person)


def _next(folder: Folder, task: Task, out: Iterable[int], excluded: set[str]) -> list[Person]:
    """A leaver's successor, if he may do it; otherwise whoever the step's role names now; otherwise the head of the company."""
    people, decides = folder.work.people, folder.procedure.steps[task.step].approves
    for key in out:
        leaver = people.leavers.get(people.keys.get(key, ""))
        for person in people.in_place_of(leaver.key) if leaver and leaver.successor else []:
            entitled = not decides or is_entitled(folder, task.step, task.item, person)
            if entitled and person.key not in excluded:
                return [person]
    if found := folder.holders_now(task):
        return found
    here = [person for person in people.people.values() if person.key not in excluded]
    top = max((person.rank for person in here), default=0)
    return [person for person in here if person.rank == top][:1]
