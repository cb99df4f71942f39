"""One step's transaction: the cases it touches, locked; and every row it leaves, written together at the end.

A `Work` is made by an action, takes or opens `Folder`s, lets the engine say how they move, and writes once. However long a case's
history, and however many tasks one step opens, the number of statements stays the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

from django.db.models import OuterRef, Q, QuerySet, Subquery

from kehu.core import numbering, rows
from kehu.core.models import GUEST, LINK, Event, Message, Organization
from kehu.engine import advance
from kehu.engine.records import value_of
from kehu.ledgers.customers.models import Customer
from kehu.organizations.queries import Directory, Person, directory, local_now
from kehu.organizations.standing_in import StandIn
from kehu.procedures import revisions

from .folder import Beginning, Folder, Given, holding
from .guests import Guest
from .models import Assignment, Case, Deadline, Invitation, Suspension, Task
from .refusals import NoSuchCase
from .words import enter as enter_words

T = TypeVar("T")


class Work:
    def __init__(self, organization: Organization, by: Person | None, now: datetime):
        self.organization, self.by, self.now = organization, by, now
        self.local = local_now(organization, now)
        self.people: Directory = directory(organization, self.local.date())
        self.procedures = revisions.in_force(organization)
        self.folders: dict[int, Folder] = {}
        self.messages: list[Message] = []
        self.events: list[Event] = []
        self.ahead: Collection[int] = ()
        """The customers for whom cases are opened together: what all of them ask is asked once."""
        self._answered: dict[Hashable, Any] = {}
        self.acting: StandIn | None = None
        """By which power who acts does so, where it is not his own."""
        self.guest: Guest | None = None
        """Who acts from outside; `by` is then nobody."""

    def together(self, customer: Customer) -> Collection[int]:
        """For whom a ledger is asked: for all whose cases are opened with this one's, otherwise for him."""
        return self.ahead if customer.pk in self.ahead else [customer.pk]

    def once(self, question: Hashable, ask: Callable[[], T]) -> T:
        """The answer for all that are `ahead`, asked when the first of their cases wants it. A case that is opened for itself asks
        anew each time: its own acts may have changed the answer."""
        if not self.ahead:
            return ask()
        if question not in self._answered:
            self._answered[question] = ask()
        answer: T = self._answered[question]
        return answer

    def clock_face(self, moment: datetime | None) -> str:
        """A moment as the organization's clock showed it."""
        return f"{moment.astimezone(self.local.tzinfo):%Y-%m-%d %H:%M}" if moment else "–"

    @property
    def by_key(self) -> str:
        return self.by.key if self.by else ""

    def acting_facts(self) -> dict[str, Any]:
        """What events and tasks keep of who acts, where that is more than his key."""
        one = self.acting or self.guest
        return one.facts() if one else {}

    def take(self, number: str | None = None, pk: int | None = None, *, lock: bool = True) -> Folder:
        """The case, locked until the transaction ends; without `lock` only to be read."""
        if pk in self.folders:
            return self.folders[pk]
        case = _CASE[lock, pk is None].first(number if pk is None else pk)
        if case is None:
            raise NoSuchCase(number=number or "")
        tasks = _TASKS(case.pk)
        for task in tasks:
            task.case = case
        folder = Folder(self, case, revisions.running(case.revision), tasks)
        self.folders[case.pk] = folder
        return folder

    def take_all(self, keys: Collection[int]) -> None:
        """These cases, which the caller has locked: four statements, however many they are."""
        cases = Case.objects.select_related("customer", "revision").defer("revision__definition").filter(pk__in=keys)
        tasks: dict[int, list[Task]] = defaultdict(list)
        pauses: dict[int, list[Suspension]] = defaultdict(list)
        holders: dict[int, list[Assignment]] = defaultdict(list)
        for task in Task.objects.filter(case__in=keys).order_by("pk"):
            tasks[task.case_id].append(task)
        for suspension in Suspension.objects.filter(case__in=keys).order_by("pk"):
            pauses[suspension.case_id].append(suspension)
        case_of = {task.pk: task.case_id for found in tasks.values() for task in found if task.is_open}
        for assignment in holding(Assignment.objects.filter(task__in=case_of)):
            holders[case_of[assignment.task_id]].append(assignment)
        for case in cases:
            folder = Folder(self, case, revisions.running(case.revision), tasks[case.pk])
            folder.know(pauses[case.pk], holders[case.pk])
            self.folders[case.pk] = folder

    def open(self, beginnings: Sequence[Beginning]) -> list[Folder]:
        """New cases at their first steps: two statements and what their steps ask, however many they are."""
        folders = [self._folder(one) for one in beginnings]
        unnumbered = [(folder, one) for folder, one in zip(folders, beginnings, strict=True) if not one.number]
        numbers = numbering.next_numbers(self.organization, [_numbered(*pair) for pair in unnumbered])
        for (folder, _one), number in zip(unnumbered, numbers, strict=True):
            folder.case.number = number
        rows.insert([folder.case for folder in folders])
        self.folders |= {folder.case.pk: folder for folder in folders}
        for folder, one in zip(folders, beginnings, strict=True):
            folder.move(
                advance.start(folder.procedure, one.data, folder.facts()),
                "case.opened",
                number=folder.case.number,
                procedure=one.procedure,
                customer=one.customer.code if one.customer else "",
                opener=one.opener.key if one.opener else "",
                **one.because,
            )
        return folders

    def _folder(self, one: Beginning) -> Folder:
        written = self.procedures[one.procedure]
        assert written.current
        case = Case(
            organization=self.organization,
            number=one.number,
            procedure=written,
            revision=written.current,
            customer=one.customer,
            opener_id=one.opener.id if one.opener else None,
            parent=one.parent.case if one.parent else None,
            parent_step=one.step,
            opened_at=self.now,
            changed_at=self.now,
            data={},
        )
        return Folder(self, case, revisions.running(written.current), [])

    def tell(
        self,
        kind: str,
        people: list[Person],
        folder: Folder,
        step: str = "",
        item: str = "",
        but: Collection[str] = (),
        **facts: Any,
    ) -> None:
        """Each is told once; of who is absent, his deputies too. `but`: who is told otherwise."""
        for key, principal in self.told_of(people, folder).items():
            if key not in but:
                self._tell(kind, key, folder, step, item, {**facts, "for": principal} if principal else facts)

    def told_of(self, people: list[Person], folder: Folder) -> dict[str, str]:
        """Who is told where these are to be: each himself, and whoever stands in for one of them -> for whom."""
        found = dict.fromkeys((person.key for person in people), "")
        for person in people:
            if person.key in self.people.absent:
                for one in self.people.deputies_of(person, folder.procedure.key, folder.amount):
                    found.setdefault(one.deputy, person.key)
        return found

    def _tell(self, kind: str, to: str, folder: Folder, step: str, item: str, facts: dict[str, Any]) -> None:
        self.messages.append(
            Message(
                organization=self.organization,
                kind=kind,
                recipient=to,
                case_number=folder.case.number,
                step=step,
                item=item,
                facts={"procedure": folder.running.procedure.key, **facts},
                created_at=self.now,
                next_attempt_at=self.now,
            )
        )

    def send_link(self, invitation: Invitation, folder: Folder) -> None:
        """To an address that is no member's. The link is made when the mail is."""
        task = invitation.task
        self._tell(LINK, f"{GUEST}{invitation.pk}", folder, task.step if task else "", task.item if task else "", {})

    def publish(self, event: Event, folder: Folder) -> None:
        """To those outside who subscribed. It goes the way of every message, so it costs no statement of its own."""
        if not {event.name, "*"}.intersection(self.organization.publishes):
            return
        told = {key: value for key, value in event.facts.items() if key not in _NOT_PUBLISHED}
        self.messages.append(
            Message(
                organization=self.organization,
                kind=event.name,
                recipient="",
                case_number=folder.case.number,
                step=told.pop("step", ""),
                item=told.pop("item", ""),
                facts={
                    "procedure": folder.running.procedure.key,
                    "sequence": event.sequence,
                    "by": event.by,
                    "status": folder.state.status,
                    "facts": told,
                },
                created_at=self.now,
                next_attempt_at=self.now,
            )
        )

    def write(self) -> None:
        """Everything this step leaves, a statement a kind of row."""
        with rows.together():
            self._write()

    def _write(self) -> None:
        folders = list(self.folders.values())
        changed = [task for folder in folders for task in folder.changed_tasks]
        rows.update(changed, _TASK_COLUMNS)
        rows.insert([task for folder in folders for task in folder.new_tasks])
        closed = [{"task": task.pk} for task in changed if task.state != Task.State.OPEN]
        rows.switch_off(Assignment, "is_open", closed)
        self._write_assignments(folders)
        moved = [task.pk for folder in folders for task in folder.moved if task.is_open]
        if moved:
            rows.send()
            due_at = Task.objects.filter(pk=OuterRef("task")).values("due_at")[:1]
            Assignment.objects.filter(task__in=moved, is_open=True).update(due_at=Subquery(due_at))
        self._write_deadlines(folders)
        rows.insert(self.events, with_keys=False)
        rows.insert(self.messages, with_keys=False)
        touched = [folder.case for folder in folders if folder.touched]
        rows.update(touched, _CASE_COLUMNS)
        enter_words((folder.case, folder.new_texts()) for folder in folders)

    def _write_assignments(self, folders: list[Folder]) -> None:
        relieved = Q()
        for task, part, members in (one for folder in folders for one in folder.relieved):
            relieved |= Q(task=task, part=part) if members is None else Q(task=task, part=part, member__in=members)
        if relieved:
            Assignment.objects.filter(relieved, is_open=True).update(is_open=False)
        new = [one for folder in folders for one in folder.gets()]
        rows.insert([self._assignment(*one) for one in _each(new)], unless_there=True)
        again = dict.fromkeys(_each(one for folder in folders for one in folder.asked))
        if again:
            Assignment.objects.bulk_create(
                [self._assignment(*one) for one in again],
                update_conflicts=True,
                unique_fields=["task", "member", "part"],
                update_fields=["is_open", "seen_at", "due_at"],
            )

    def _assignment(self, task: Task, part: Assignment.Part, member: int) -> Assignment:
        return Assignment(organization=self.organization, task=task, member_id=member, part=part, due_at=task.due_at)

    def _write_deadlines(self, folders: list[Folder]) -> None:
        replanned = [
            (task, instants, task in folder.new_tasks)
            for folder in folders
            for place, instants in folder.replanned.items()
            if (task := folder.task(*place))
        ]
        rows.switch_off(Deadline, "active", [{"task": task.pk} for task, _, is_new in replanned if not is_new])
        clocks = [
            {"case": folder.case.pk, "kind": Deadline.Kind.CLOCK.value, "row": clock}
            for folder in folders
            if len(folder.tasks) > len(folder.new_tasks)
            for clock in folder.clocks_replanned
        ]
        rows.switch_off(Deadline, "active", clocks)
        planned_rows = [
            Deadline(organization=self.organization, case=task.case, task=task, **vars(planned))
            for task, instants, _ in replanned
            for planned in instants
        ] + [
            Deadline(organization=self.organization, case=folder.case, **vars(planned))
            for folder in folders
            for instants in folder.clocks_replanned.values()
            for planned in instants
        ]
        planned_rows += [
            Deadline(organization=self.organization, case=folder.case, task=task, **vars(planned))
            for folder in folders
            for task, planned in folder.again
            if planned.row not in folder.clocks_replanned
            and not (task and ((task.step, task.item) in folder.replanned or not task.is_open))
        ]
        rows.insert(planned_rows, with_keys=False)


def _each(given: Iterable[Given]) -> Iterator[tuple[Task, Assignment.Part, int]]:
    return ((task, part, person.id) for task, part, people in given for person in people if task.is_open)


def _numbered(folder: Folder, one: Beginning) -> numbering.Wanted:
    series = folder.procedure.numbering or one.procedure.replace("-", "_")
    return folder.numbered(series, _day_numbered_for(folder, {**one.data, **one.said}))


def _day_numbered_for(folder: Folder, data: Mapping[str, Any]) -> date | None:
    """The day that a case's number speaks of, where a field says it, or is offered with it: a day, or a month as 2024-04."""
    name = folder.procedure.numbered_for
    field = folder.procedure.form.field(name) if name else None
    if name is None or field is None:
        return None
    value = data.get(name) or (value_of(field.default, {**data, **folder.facts()}) if field.default else None)
    try:
        return value if isinstance(value, date) else date.fromisoformat(f"{value}-01"[:10]) if value else None
    except ValueError:  # what was typed is refused when the form is looked at
        return None


_NOT_PUBLISHED = ("move", "taken", "given", "instants", "clock_instants", "again")
"""What an event keeps so that the rows can be compared with it."""
_TASK_COLUMNS = (
    *("state", "closed_at", "closed_version", "outcome", "reason", "filled", "draft", "done_by", "acting"),
    *("due_at", "due_is_provisional", "late_at", "signers", "held", "nudged_at", "department"),
)
_CASE_COLUMNS = (
    *("status", "round", "version", "data", "closed_at", "changed_at", "due_at", "events", "chain_head"),
    *("paused_at", "pauses", "customer"),
)


def _case(lock: bool, by_number: bool) -> rows.Kept[Case]:
    """A case by its number or key, with what its rules read of its customer and revision."""

    def question(cases: QuerySet[Case], case: Any) -> QuerySet[Case]:
        found = cases.select_related("customer", "revision").defer("revision__definition")
        if lock:
            found = found.select_for_update(of=("self",))
        return found.filter(**{"number" if by_number else "pk": case})

    return rows.Kept(Case, question, str if by_number else int)


_CASE = {(lock, by_number): _case(lock, by_number) for lock in (True, False) for by_number in (True, False)}
_TASKS = rows.Kept(Task, lambda tasks, case: tasks.filter(case=case).order_by("id"), int)
