"""One step's transaction: the cases it touches, locked; and every row it leaves, written together at the end.

A `Work` is made by an action, takes or opens `Folder`s, lets the engine say how they move, and writes once. However long a case's
history, and however many tasks one step opens, the number of statements stays the same.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kehu.core import numbering
from kehu.core.models import Event, Message, Organization
from kehu.engine import advance
from kehu.engine.records import Data
from kehu.ledgers.customers.models import Customer
from kehu.organizations.queries import Directory, Person, directory, local_now
from kehu.procedures import revisions

from .folder import Folder
from .models import Assignment, Case, Deadline, Task
from .refusals import NoSuchCase


class Work:
    def __init__(self, organization: Organization, by: Person | None, now: datetime):
        self.organization, self.by, self.now = organization, by, now
        self.local = local_now(organization, now)
        self.people: Directory = directory(organization, self.local.date())
        self.procedures = revisions.in_force(organization)
        self.folders: dict[int, Folder] = {}
        self.messages: list[Message] = []
        self.events: list[Event] = []

    def clock_face(self, moment: datetime | None) -> str:
        """A moment as the organization's clock showed it."""
        return f"{moment.astimezone(self.local.tzinfo):%Y-%m-%d %H:%M}" if moment else "–"

    @property
    def by_key(self) -> str:
        return self.by.key if self.by else ""

    def take(self, number: str | None = None, pk: int | None = None, *, lock: bool = True) -> Folder:
        """The case, locked until the transaction ends; without `lock` only to be read."""
        if pk in self.folders:
            return self.folders[pk]
        cases = Case.objects.select_related("customer__owner", "opener", "revision").defer("revision__definition")
        if lock:
            cases = cases.select_for_update(of=("self",))
        case = cases.filter(number=number).first() if pk is None else cases.filter(pk=pk).first()
        if case is None:
            raise NoSuchCase(number=number or "")
        folder = Folder(
            self, case, revisions.running(case.revision), list(Task.objects.filter(case=case).order_by("id"))
        )
        self.folders[case.pk] = folder
        return folder

    def new(
        self,
        procedure: str,
        *,
        customer: Customer | None,
        opener: Person | None,
        data: Data,
        parent: Folder | None = None,
        step: str = "",
    ) -> Folder:
        """A new case at its first step."""
        written = self.procedures[procedure]
        assert written.current
        running = revisions.running(written.current)
        pattern = running.pack.numbering[running.procedure.numbering or procedure.replace("-", "_")]
        case = Case.objects.create(
            organization=self.organization,
            procedure=written,
            revision=written.current,
            number=numbering.next_number(self.organization, pattern, local=self.local),
            customer=customer,
            opener_id=opener.id if opener else None,
            parent=parent.case if parent else None,
            parent_step=step,
            opened_at=self.now,
            changed_at=self.now,
            data={},
        )
        folder = Folder(self, case, running, [])
        self.folders[case.pk] = folder
        folder.move(advance.start(running.procedure, data, folder.facts()), "case.opened")
        return folder

    def tell(
        self, kind: str, people: list[Person], folder: Folder, step: str = "", item: str = "", **facts: Any
    ) -> None:
        self.messages += [
            Message(
                organization=self.organization,
                kind=kind,
                recipient=person.key,
                case_number=folder.case.number,
                step=step,
                item=item,
                facts={"procedure": folder.running.procedure.key, **facts},
                created_at=self.now,
                next_attempt_at=self.now,
            )
            for person in people
        ]

    def write(self) -> None:
        """Everything this step leaves, a statement a kind of row."""
        folders = list(self.folders.values())
        changed = [task for folder in folders for task in folder.changed_tasks]
        _update(Task, changed, _TASK_COLUMNS)
        new_tasks = [task for folder in folders for task in folder.new_tasks]
        if new_tasks:
            Task.objects.bulk_create(new_tasks)
        closed = [task.pk for task in changed if task.state != Task.State.OPEN]
        if closed:
            Assignment.objects.filter(task__in=closed, is_open=True).update(is_open=False)
        assignments = [
            Assignment(organization=self.organization, task=task, member_id=person.id)
            for folder in folders
            for place, people in folder.assigned.items()
            if (task := folder.task(*place))
            for person in people
        ]
        if assignments:
            Assignment.objects.bulk_create(assignments, ignore_conflicts=True)
        self._write_deadlines(folders)
        if self.events:
            Event.objects.bulk_create(self.events)
        if self.messages:
            Message.objects.bulk_create(self.messages)
        touched = [folder.case for folder in folders if folder.touched]
        _update(Case, touched, _CASE_COLUMNS)

    def _write_deadlines(self, folders: list[Folder]) -> None:
        replanned = [
            (task, instants, task in folder.new_tasks)
            for folder in folders
            for place, instants in folder.replanned.items()
            if (task := folder.task(*place))
        ]
        stale = [task.pk for task, _, is_new in replanned if not is_new]
        if stale:
            Deadline.objects.filter(task__in=stale, active=True).update(active=False)
        for folder in folders:
            if folder.clocks_replanned and len(folder.tasks) > len(folder.new_tasks):
                Deadline.objects.filter(
                    case=folder.case, kind="clock", row__in=folder.clocks_replanned, active=True
                ).update(active=False)
        rows = [
            Deadline(organization=self.organization, case=task.case, task=task, **vars(planned))
            for task, instants, _ in replanned
            for planned in instants
        ] + [
            Deadline(organization=self.organization, case=folder.case, **vars(planned))
            for folder in folders
            for instants in folder.clocks_replanned.values()
            for planned in instants
        ]
        if rows:
            Deadline.objects.bulk_create(rows)


_TASK_COLUMNS = [
    *("state", "closed_at", "closed_version", "outcome", "reason", "filled", "draft", "done_by"),
    *("due_at", "due_is_provisional", "late_at"),
]
_CASE_COLUMNS = ["status", "round", "version", "data", "closed_at", "changed_at", "due_at", "events", "chain_head"]


def _update(model: type[Task] | type[Case], rows: list[Any], columns: list[str]) -> None:
    """One statement; for a single row the plain one, which costs a third of a bulk update's time."""
    if len(rows) == 1:
        rows[0].save(update_fields=columns)
    elif rows:
        model.objects.bulk_update(rows, columns)
