"""A case as people read it: everything about it in a fixed number of statements, however long its history."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.db.models import Q

from kehu.core.models import Event, Organization
from kehu.core.rows import Kept
from kehu.engine.definitions import Section
from kehu.ledgers.customers.models import Contact
from kehu.organizations.models import Member
from kehu.organizations.queries import Person

from .folder import Folder
from .links import link_of
from .models import Assignment, Attachment, Case, Invitation, Task
from .permissions import May, may_see, what_may
from .refusals import MayNotSee
from .work import Work


@dataclass
class Record:
    """The case with its tasks, events, files and relatives, read and not locked."""

    folder: Folder
    person: Person
    assignments: list[Assignment]
    events: list[Event]

    @property
    def case(self) -> Case:
        return self.folder.case

    @cached_property
    def attachments(self) -> list[Attachment]:
        return _ATTACHMENTS(self.case.pk)

    @cached_property
    def invitations(self) -> list[Invitation]:
        """The links made for people outside; none are looked for where the procedure gives none."""
        found = _INVITATIONS(self.case.pk) if self.folder.procedure.has_links else []
        tasks = {task.pk: task for task in self.folder.tasks}
        for one in found:
            one.task = tasks.get(one.task_id or 0)
        return found

    def makes_link(self, invitation: Invitation) -> bool:
        """Whether the reader could make that link, or another for the same."""
        verbs = self.may.task_verbs.get(invitation.task_id, ()) if invitation.task_id else self.may.case_verbs
        return ("invite" if invitation.task_id else "share_status") in verbs

    def link_of(self, invitation: Invitation) -> str:
        """The link, to be copied; empty where it is over, or the reader could not have made it: with it one answers in the customer's
        name."""
        is_his = self.makes_link(invitation) or invitation.made_by_id == self.person.id
        return link_of(invitation) if is_his and invitation.is_open(self.folder.work.now) else ""

    @cached_property
    def contacts(self) -> list[Contact]:
        """Whom one speaks with at the customer."""
        customer = self.case.customer_id
        return list(Contact.objects.filter(customer=customer).order_by("id")) if customer else []

    @cached_property
    def relatives(self) -> list[Case]:
        """The case that opened this one, and those it opened."""
        return _RELATIVES(self.case.parent_id or 0, self.case.pk)

    @cached_property
    def assigned(self) -> dict[int, list[int]]:
        """Who has each open task: task -> members."""
        return self._with(Assignment.Part.DO)

    @cached_property
    def signing(self) -> dict[int, list[int]]:
        """Whose signature each task waits for."""
        return self._with(Assignment.Part.SIGN)

    @cached_property
    def advising(self) -> dict[int, list[int]]:
        """Who was asked what he thinks, and has not said it yet."""
        return self._with(Assignment.Part.ADVISE)

    def _with(self, part: Assignment.Part) -> dict[int, list[int]]:
        found: dict[int, list[int]] = defaultdict(list)
        for assignment in self.assignments:
            if assignment.is_open and assignment.part == part:
                found[assignment.task_id].append(assignment.member_id)
        return found

    @cached_property
    def ever_assigned(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = defaultdict(list)
        for assignment in self.assignments:
            if assignment.part == Assignment.Part.DO:
                found[assignment.task_id].append(assignment.member_id)
        return found

    @cached_property
    def involved(self) -> set[str]:
        """Everybody who had a task of the case or was told of it."""
        people = self.folder.work.people.by_id
        keys = {people[one.member_id].key for one in self.assignments if one.member_id in people}
        for event in self.events:
            keys.update(event.facts.get("told") or ())
        return keys

    @property
    def is_readable(self) -> bool:
        return bool(self.may.tasks) or may_see(self.person, self.folder, self.involved)

    @cached_property
    def may(self) -> May:
        return what_may(self.person, self.folder, self.assigned, self.advising, self.events)

    @cached_property
    def names(self) -> Names:
        return Names(self)

    @property
    def mine(self) -> list[Assignment]:
        return [one for one in self.assignments if one.member_id == self.person.id and one.is_open]

    # -- what was filled, by whom

    def fillings(self, section_key: str, item: str = "") -> list[Task]:
        """The tasks that filled a section, oldest first; of a section per row, those of that row."""
        steps, section = self.folder.procedure.steps, self.folder.procedure.form.sections[section_key]
        return [
            task
            for task in self.done
            if task.step in steps
            and section_key in steps[task.step].fills
            and (not section.per or task.item == item)
            and (_fills_any(section, task) or not section.fields)
        ]

    def approvals(self, section_key: str, item: str = "") -> list[Task]:
        """The tasks that approved what the section's last filling says."""
        steps, fillings = self.folder.procedure.steps, self.fillings(section_key, item)
        if not fillings:
            return []
        last = fillings[-1]
        found = [
            task
            for task in self.done
            if task.step in steps
            and last.step in steps[task.step].approves
            and task.item in ("", item)
            and (task.closed_version or 0) > (last.closed_version or 0)
        ]
        return found[-1:]

    @cached_property
    def done(self) -> list[Task]:
        found = [task for task in self.folder.tasks if task.state == Task.State.DONE]
        return sorted(found, key=lambda task: (task.closed_version or 0, task.pk))


def _fills_any(section: Section, task: Task) -> bool:
    """Whether the section says anything of this task: it filled it, or nothing there is typed in."""
    typed = [key for key, field in section.fields.items() if field.is_typed_in]
    return not typed or any(key in task.filled for key in typed)


class Names:
    """Members' names by key or id, also of those who have left; those are asked for once, when the first is met."""

    def __init__(self, record: Record):
        self._people = record.folder.work.people

    @cached_property
    def _gone(self) -> dict[str | int, dict[str, str]]:
        found: dict[str | int, dict[str, str]] = {}
        for pk, key, name in Member.objects.exclude(pk__in=self._people.by_id).values_list("pk", "key", "name"):
            found[pk] = found[key] = name
        return found

    def of(self, who: str | int | None, language: str) -> str:
        """The name; empty for the system."""
        if not who:
            return ""
        person = self._people.by_id.get(who) if isinstance(who, int) else self._people.people.get(who)
        if person:
            return person.called(language)
        name = self._gone.get(who)
        return name["zh" if language.startswith("zh") else "en"] if name else str(who)


def read(*, organization: Organization, number: str, person: Person, now: datetime) -> Record:
    """The case of that number; `NoSuchCase` where this organization has none, `MayNotSee` where it is not for him to read."""
    work = Work(organization, person, now)
    record = record_of(work.take(number, lock=False), person)
    if not record.is_readable:
        raise MayNotSee(number=number)
    return record


def record_of(folder: Folder, person: Person) -> Record:
    return Record(folder, person, _ASSIGNMENTS(folder.case.pk), _EVENTS(f"case:{folder.case.pk}"))


_ASSIGNMENTS = Kept(Assignment, lambda rows, case: rows.filter(task__case=case).order_by("id"), int)
_EVENTS = Kept(Event, lambda rows, stream: rows.filter(stream=stream).order_by("sequence"), str)
_ATTACHMENTS = Kept(Attachment, lambda rows, case: rows.filter(case=case).select_related("stored").order_by("id"), int)
_INVITATIONS = Kept(Invitation, lambda rows, case: rows.filter(case=case).order_by("id"), int)
_RELATIVES = Kept(
    Case,
    lambda rows, parent, case: (
        rows.filter(Q(pk=parent) | Q(parent=case)).select_related("procedure").defer("data").order_by("id")
    ),
    int,
    int,
)
