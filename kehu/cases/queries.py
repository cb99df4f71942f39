"""Questions about cases: what is in somebody's inbox, how long a task still has, what a customer's cases are.

Every answer costs a fixed number of statements, however many rows there are; titles come from the kept definitions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from kehu.core.counts import KeptCount, together
from kehu.core.models import Event, Organization
from kehu.core.rows import Kept
from kehu.engine.definitions import Step, Text
from kehu.engine.records import key_and_place
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.customers.queries import keys_of, named, short_name
from kehu.organizations.calendars import Calendar, working_time_between
from kehu.organizations.queries import Directory, Person, directory, local_now
from kehu.organizations.wording import language_of
from kehu.procedures import revisions

from .models import Assignment, Attachment, Case, Reading, Task
from .permissions import readable
from .seen import seen_version

M = TypeVar("M", Assignment, Task)
View = Literal["todo", "drafts", "started", "done", "followed"]
Group = Literal["overdue", "today", "week", "later", "none", "all"]
PAGE, LATEST = 50, 20
_MANY = 1000
_MINUTE = timedelta(minutes=1)

# --- how long a task still has ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Due:
    """A time limit as people read it: how much working time is left, and how urgent that is."""

    at: datetime
    is_overdue: bool
    length: timedelta
    """Working time left, or over; clock time where none is left to work in before it is due."""
    days: int
    """Working days to the due day, or since."""
    colour: Literal["green", "amber", "red"]
    is_provisional: bool = False

    @property
    def words(self) -> str:
        """ "3 h 20 min left", "5 working days left", "2 h overdue", in the reader's language."""
        if self.days > 1:
            if self.is_overdue:
                return ngettext("{days} working day overdue", "{days} working days overdue", self.days).format(
                    days=self.days
                )
            return ngettext("{days} working day left", "{days} working days left", self.days).format(days=self.days)
        if self.length < _MINUTE:
            return _("overdue") if self.is_overdue else _("due now")
        time = short_length(self.length)
        return (_("{time} overdue") if self.is_overdue else _("{time} left")).format(time=time)


def short_length(length: timedelta) -> str:
    hours, minutes = divmod(int(length.total_seconds()) // 60, 60)
    if not hours:
        return _("{minutes} min").format(minutes=minutes)
    if not minutes:
        return _("{hours} h").format(hours=hours)
    return _("{hours} h {minutes} min").format(hours=hours, minutes=minutes)


def remaining_of(task: Task, calendar: Calendar, now: datetime) -> Due | None:
    """The task's time limit in the working time of that calendar; None for a task without one."""
    if task.due_at is None:
        return None
    is_overdue = task.due_at <= now
    begin, end = (task.due_at, now) if is_overdue else (now, task.due_at)
    days = _working_days(calendar, begin, end)
    length = end - begin if days > 1 else working_time_between(calendar, begin, end)
    if not length and not is_overdue:
        length = end - begin
    return Due(
        at=task.due_at,
        is_overdue=is_overdue,
        length=length - timedelta(seconds=length.total_seconds() % 60),
        days=days,
        colour="red" if is_overdue else "amber" if _is_close(task, calendar, now) else "green",
        is_provisional=task.due_is_provisional,
    )


def _working_days(calendar: Calendar, begin: datetime, end: datetime) -> int:
    first, last = calendar.local_day(begin) + timedelta(days=1), calendar.local_day(end)
    return calendar.count_working_days(first, last)


def _is_close(task: Task, calendar: Calendar, now: datetime) -> bool:
    """Three quarters of the time are used up: when the standard ladder reminds."""
    assert task.due_at
    if (task.due_at - now).days > 60:
        return False
    start = max(task.opened_at, task.due_at - timedelta(days=90))
    whole = working_time_between(calendar, start, task.due_at) or task.due_at - start
    return (working_time_between(calendar, now, task.due_at) or task.due_at - now) * 4 <= whole


# --- the inbox --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A line of an inbox or a list of cases."""

    number: str
    procedure: Text
    customer: str
    customer_code: str
    status: str
    status_title: Text | None
    steps: tuple[Text, ...]
    """The step of the task; of a case, all that are open."""
    item: str
    """The row that a parallel task is for, in words."""
    outcome: Text | None
    due: Due | None
    group: Group
    is_unread: bool
    at: datetime
    """When the task or case opened, or was done."""
    holders: tuple[Person, ...] = ()
    closed_at: datetime | None = None
    cursor: str = ""
    part: str = ""
    """What is asked of the reader: do, sign, advise."""
    is_paused: bool = False
    place: tuple[str, str] = ("", "")
    """The task's step and row, as keys."""
    is_bulk: bool = False
    """Several such tasks may be approved at once."""
    principal: Person | None = None
    """For whom the task is done, where it is somebody's for whom the reader stands in."""


@dataclass(frozen=True)
class Page:
    rows: list[Row]
    after: str = ""
    """Where the next page begins; empty on the last."""

    @property
    def groups(self) -> list[tuple[Group, list[Row]]]:
        """The rows by urgency, in the order they come."""
        found: dict[Group, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.group, []).append(row)
        return list(found.items())


def inbox_of(
    organization: Organization, person: Person, view: View, now: datetime, *, search: str = "", after: str = ""
) -> Page:
    """One page of 待办 (todo), 草稿 (drafts: those to do in which something is kept for later), 我发起的 (started),
    已办 (done) or 关注 (followed). Unread is what is new to him, or has changed since he last looked at the case."""
    reader = _Reader(organization, person, now)
    match view:
        case "todo" | "drafts":
            return reader.to_do(view, search, after)
        case "started":
            return reader.started(search, after)
        case "done":
            return reader.done(search, after)
        case "followed":
            return reader.followed(search, after)


@dataclass(frozen=True)
class Next:
    """A task that waits for somebody."""

    number: str
    step: str
    item: str
    revision: int
    digest: str

    @property
    def title(self) -> Text | None:
        step = revisions.by_key(self.revision, self.digest).procedure.steps.get(self.step)
        return step.title if step else None


def next_tasks(person: Person) -> list[Next]:
    """The first of his inbox, those of whom he stands in for too: one statement, which reads no more than it shows."""
    rows: Any = _first_of(waiting_for(person))[:NEXT] if person.stands_in else _NEXT(person.id)
    return [Next(*row) for row in rows]


def _first_of(assignments: QuerySet[Assignment]) -> QuerySet[Assignment, Any]:
    return assignments.order_by(F("due_at").asc(nulls_last=True), "pk").values_list(
        *("task__case__number", "task__step", "task__item"),
        *("task__case__revision", "task__case__revision__digest"),
    )


NEXT = 20
_NEXT = Kept(
    Assignment,
    lambda assignments, member: _first_of(assignments.filter(member=member, is_open=True)),
    int,
    limit=NEXT,
)


def counts_of(person: Person) -> dict[str, str]:
    """How many are in each view; from a thousand on, "1000+"."""
    if not person.stands_in:
        todo, drafts, started, done = _COUNTS(person.id)
    else:
        waiting = waiting_for(person)
        todo, drafts = capped(waiting), capped(waiting.filter(_IS_DRAFT))
        started, done = together(_STARTED, _DONE)(person.id)
    return {"todo": todo, "drafts": drafts, "started": started, "done": done}


_IS_DRAFT = Q(part=Assignment.Part.DO) & ~Q(task__draft={})
"""Somebody has begun to fill what is to be done, and kept it for later. There are few such tasks, and an index has them."""

_WAITING = KeptCount(Assignment, lambda assignments, member: assignments.filter(member=member, is_open=True), int)
_DRAFTS = KeptCount(
    Assignment, lambda assignments, member: assignments.filter(_IS_DRAFT, member=member, is_open=True), int
)
_STARTED = KeptCount(Case, lambda cases, member: cases.filter(opener=member), int)
_DONE = KeptCount(Task, lambda tasks, member: tasks.filter(done_by=member), int)
_COUNTS = together(_WAITING, _DRAFTS, _STARTED, _DONE)


def waiting_for(person: Person) -> QuerySet[Assignment]:
    """The open assignments that are his: his own, and those of whom he stands in for today. A task stands there once."""
    rows = Assignment.objects.all()
    if not person.stands_in:
        return rows.filter(member_id=person.id, is_open=True)
    mine = Q(member_id=person.id)
    for one in person.stands_in:
        theirs = Q(member__key=one.principal)
        mine |= theirs if one.procedures is None else theirs & Q(task__case__procedure__key__in=one.procedures)
    principals = [one.principal for one in person.stands_in]
    theirs = Q(member__key__in=principals)
    twice = Q(member_id=person.id) | theirs & Q(pk__lt=OuterRef("pk"))
    also = Assignment.objects.filter(twice, task=OuterRef("task"), part=OuterRef("part"), is_open=True)
    also = also.exclude(pk=OuterRef("pk"))
    return rows.filter(Q(member_id=person.id) | ~Exists(also), mine, is_open=True)


def capped(rows: QuerySet[Any]) -> str:
    """A count that costs no more than a thousand rows."""
    count = rows.order_by()[: _MANY + 1].count()
    return f"{_MANY}+" if count > _MANY else str(count)


def cases_of(organization: Organization, person: Person, customer: Customer, now: datetime) -> list[Row]:
    """The customer's cases that this person may read, open ones first, the latest first."""
    reader = _Reader(organization, person, now)
    known = list(readable(person, organization, reader.people))
    return reader.case_rows(_CASES_OF(keys_of(customer), known, person.id))


def _may_be_read(procedures: Any, member: Any) -> Q:
    """Cases of these procedures, and those he opened or has or had a task of."""
    takes_part: QuerySet[Task] = QuerySet(Task).filter(case=OuterRef("pk"), assignments__member_id=member)
    return Q(procedure__key__among=procedures) | Q(opener_id=member) | Q(Exists(takes_part))


_CASES_OF = Kept(
    Case,
    lambda cases, customers, procedures, member: (
        _as_lines(cases)
        .filter(_may_be_read(procedures, member), customer__among=customers)
        .order_by(F("closed_at").desc(nulls_first=True), "-opened_at", "-pk")
    ),
    list,
    list,
    int,
    limit=PAGE,
)


def filed(
    organization: Organization, person: Person, customer: Customer, now: datetime, each: int = PAGE
) -> list[tuple[Text, list[tuple[Row, list[Attachment]]], bool]]:
    """资料夹: the customer's cases that this person may read, by the part of the folder they are filed in, the latest first, each with
    its files; and whether there are more. Four statements."""
    reader = _Reader(organization, person, now)
    mine = Q(opener_id=person.id) | Q(
        Exists(Task.objects.filter(case=OuterRef("pk"), assignments__member_id=person.id))
    )
    may = Q(procedure__key__in=readable(person, organization, reader.people)) | mine
    latest = Window(RowNumber(), partition_by=F("procedure"), order_by=[F("opened_at").desc(), F("pk").desc()])
    cases = _cases().filter(may, customer__in=keys_of(customer)).annotate(place=latest).filter(place__lte=each + 1)
    found = list(cases.order_by("procedure__number", "-opened_at", "-pk"))
    files: dict[int, list[Attachment]] = {}
    for one in Attachment.objects.filter(case__in=[case.pk for case in found]).order_by("pk"):
        files.setdefault(one.case_id or 0, []).append(one)
    parts: dict[str, tuple[Text, list[tuple[Row, list[Attachment]]], bool]] = {}
    for case, row in zip(found, reader.case_rows(found), strict=True):
        procedure = revisions.running(case.revision).procedure
        title = procedure.folder or procedure.title
        known = parts.setdefault(title.zh, (title, [], False))
        if case.place > each:
            parts[title.zh] = (*known[:2], True)
        else:
            known[1].append((row, files.get(case.pk, [])))
    return list(parts.values())


def rows_of(organization: Organization, person: Person, now: datetime, cases: Sequence[int]) -> list[Row]:
    """These cases as lines for this person, the newest first: three statements."""
    return _Reader(organization, person, now).case_rows(_NEWEST(list(cases))) if cases else []


_NEWEST = Kept(Case, lambda cases, keys: _as_lines(cases).filter(pk__among=keys).order_by("-pk"), list)


@dataclass(frozen=True)
class Figures:
    """How a customer's cases of one procedure stand."""

    key: str
    title: Mapping[str, str]
    total: int
    open: int
    overdue: int
    last_year: int
    """Opened within the last 365 days."""


def figures_of(customer: Customer, procedures: Collection[str], now: datetime) -> list[Figures]:
    found = (
        Case.objects.filter(customer__in=keys_of(customer), procedure__key__in=procedures)
        .values("procedure__key", "procedure__title")
        .annotate(
            total=Count("pk"),
            open=Count("pk", filter=Q(status="open")),
            overdue=Count("pk", filter=Q(status="open", due_at__lte=now)),
            last_year=Count("pk", filter=Q(opened_at__gt=now - timedelta(days=365))),
        )
        .order_by("procedure__number")
    )
    return [
        Figures(
            key=row["procedure__key"],
            title=row["procedure__title"],
            total=row["total"],
            open=row["open"],
            overdue=row["overdue"],
            last_year=row["last_year"],
        )
        for row in found
    ]


def latest_cases(customer: Customer) -> list[Case]:
    """With their data: what a timeline is written from."""
    return _LATEST_CASES(keys_of(customer))


_LATEST_CASES = Kept(
    Case,
    lambda cases, customers: (
        cases.filter(customer__among=customers)
        .select_related("procedure", "revision", "customer__owner")
        .defer("revision__definition")
        .order_by("-changed_at")
    ),
    list,
    limit=LATEST,
)


def taken_part(person: Person, cases: Iterable[Case]) -> set[int]:
    """Those of the cases in which he has or had a task."""
    return {case for (case,) in _TAKEN_PART(person.id, [case.pk for case in cases])}


_TAKEN_PART: Kept[Any] = Kept(
    Assignment,
    lambda assignments, member, cases: assignments.filter(member=member, task__case__among=cases).values_list(
        "task__case_id"
    ),
    int,
    list,
)


def latest_events(cases: Iterable[Case]) -> list[tuple[Case, Event]]:
    """What happened last in these cases, the latest first."""
    by_stream = {f"case:{case.pk}": case for case in cases}
    return [(by_stream[event.stream], event) for event in _LATEST_EVENTS(list(by_stream))]


_LATEST_EVENTS = Kept(
    Event,
    lambda events, streams: events.filter(stream__among=streams).order_by("-at", "-sequence", "-id"),
    list,
    limit=LATEST,
)


def standing(cases: Sequence[Case], people: Directory) -> tuple[dict[int, list[Task]], dict[int, list[Person]]]:
    """The open tasks of each case, and who has each: two statements, none where no case is open."""
    tasks: dict[int, list[Task]] = {}
    open_cases = [case.pk for case in cases if case.is_open]
    for task in _OPEN_TASKS(open_cases) if open_cases else ():
        tasks.setdefault(task.case_id, []).append(task)
    holders: dict[int, list[Person]] = {}
    open_tasks = [task.pk for found in tasks.values() for task in found]
    for task_id, member_id in _HOLDERS(open_tasks) if open_tasks else ():
        if person := people.by_id.get(member_id):
            holders.setdefault(task_id, []).append(person)
    return tasks, holders


_OPEN_TASKS = Kept(
    Task,
    lambda tasks, cases: tasks.filter(case__among=cases, state=Task.State.OPEN).defer("filled", "draft").order_by("id"),
    list,
)
_HOLDERS: Kept[Any] = Kept(
    Assignment,
    lambda assignments, tasks: (
        assignments.filter(task__among=tasks, is_open=True)
        .exclude(part=Assignment.Part.ADVISE)
        .values_list("task_id", "member_id")
    ),
    list,
)


def readable_to(person: Person, organization: Organization, people: Directory) -> Q:
    """The cases of the procedures he may read, and those he opened or has or had a task of."""
    known = readable(person, organization, people)
    if known >= revisions.procedures_of(organization).keys():
        return Q()
    mine = Assignment.objects.filter(member_id=person.id, task__case=OuterRef("pk"))
    done = Task.objects.filter(done_by_id=person.id, case=OuterRef("pk"))
    return Q(procedure__key__in=known) | Q(opener_id=person.id) | Q(Exists(mine)) | Q(Exists(done))


def readable_meanwhile(person: Person, organization: Organization, people: Directory) -> Q:
    """The same, and what those may read whom he stands in for today."""
    found = readable_to(person, organization, people)
    if not found:  # he may read all
        return found
    for one in person.stands_in:
        covered = [key for key in revisions.procedures_of(organization) if one.covers(key, None)]
        found |= readable_to(people.people[one.principal], organization, people) & Q(procedure__key__in=covered)
    return found


def _cases() -> QuerySet[Case]:
    return _as_lines(Case.objects.all())


def _as_lines(cases: QuerySet[Case]) -> QuerySet[Case]:
    """With what a line shows of each."""
    return cases.select_related("revision", "customer").defer("data", "revision__definition")


def row_title(case: Case, step: Step | None, name: str, people: Directory) -> str:
    """The row a task is for: a department's title, or the key itself; the second row of a department with a (2) behind it."""
    table = revisions.running(case.revision).procedure.form.field(step.each.rows) if step and step.each else None
    key, place = key_and_place(table, name) if table else (name, 1)
    unit = people.units.get(key)
    title = unit.title[language_of(get_language() or "zh")] if unit else key
    return f"{title} ({place})" if place > 1 else title


class _Reader:
    """Rows made into lines for one person at one moment."""

    def __init__(self, organization: Organization, person: Person, now: datetime):
        self.organization, self.person, self.now = organization, person, now
        self.local = local_now(organization, now)
        self.people: Directory = directory(organization, self.local.date())
        self.department = person.departments[0] if person.departments else ""

    # -- the views

    def to_do(self, view: View, search: str, after: str) -> Page:
        found = self._waiting(view, search, after)
        rows = [
            self._task_row(
                one.task,
                _cursor(one.due_at, one.pk),
                is_unread=one.seen_at is None and one.member_id == self.person.id,
                group=self._group(one.task),
                principal=self.people.by_id.get(one.member_id) if one.member_id != self.person.id else None,
                part=one.part,
            )
            for one in found[:PAGE]
        ]
        return Page(rows, rows[-1].cursor if len(found) > PAGE else "")

    def _waiting(self, view: View, search: str, after: str) -> list[Assignment]:
        if view == "todo" and not (search or after or self.person.stands_in):
            return _TODO(self.person.id)
        assignments = waiting_for(self.person)
        if view == "drafts":
            assignments = assignments.filter(_IS_DRAFT)
        if search:
            assignments = assignments.filter(self._matching(search, "task__case__", "task__step__in"))
        if after:
            assignments = assignments.filter(_later_than(after, "due_at"))
        return list(_soonest_first(_with_case(assignments, "task__"))[: PAGE + 1])

    def started(self, search: str, after: str) -> Page:
        return self._cases_page(_cases().filter(opener_id=self.person.id), search, after)

    def followed(self, search: str, after: str) -> Page:
        """Of what he may still read."""
        mine = Reading.objects.filter(member_id=self.person.id, case=OuterRef("pk"), follows=True)
        readable_now = readable_meanwhile(self.person, self.organization, self.people)
        return self._cases_page(_cases().filter(readable_now, Exists(mine)), search, after)

    def _cases_page(self, cases: QuerySet[Case], search: str, after: str) -> Page:
        cases = cases.annotate(seen_version=seen_version(self.person))
        if search:
            cases = cases.filter(self._matching(search, "", ""))
        if after:
            cases = cases.filter(_earlier_than(after, "opened_at"))
        found = list(cases.order_by("-opened_at", "-pk")[: PAGE + 1])
        rows = self.case_rows(found[:PAGE])
        return Page(rows, rows[-1].cursor if len(found) > PAGE else "")

    def done(self, search: str, after: str) -> Page:
        tasks = _with_case(Task.objects.all(), "").filter(done_by_id=self.person.id)
        tasks = tasks.annotate(seen_version=seen_version(self.person, "case"))
        if search:
            tasks = tasks.filter(self._matching(search, "case__", "step__in"))
        if after:
            tasks = tasks.filter(_earlier_than(after, "closed_at"))
        found = list(tasks.order_by("-closed_at", "-pk")[: PAGE + 1])
        rows = [
            self._task_row(task, _cursor(task.closed_at, task.pk), group="all", is_unread=_has_changed(task.case, task))
            for task in found[:PAGE]
        ]
        return Page(rows, rows[-1].cursor if len(found) > PAGE else "")

    # -- rows

    def case_rows(self, cases: Sequence[Case]) -> list[Row]:
        """Cases with their open steps and who has them: two statements more."""
        open_tasks, holders = standing(cases, self.people)
        return [self._case_row(case, open_tasks.get(case.pk, []), holders) for case in cases]

    def _case_row(self, case: Case, tasks: list[Task], holders: Mapping[int, list[Person]]) -> Row:
        steps = [step.title for task in tasks if (step := self._step(case, task.step))]
        nearest = min((task for task in tasks if task.due_at), key=lambda task: task.due_at or self.now, default=None)
        people = [person for task in tasks for person in holders.get(task.pk, [])]
        return Row(
            **self._facts(case),
            steps=tuple(dict.fromkeys(steps)),
            item="",
            outcome=None,
            due=remaining_of(nearest, self._calendar(case), self.now) if nearest and not case.paused_at else None,
            group="all",
            is_unread=_has_changed(case, case),
            at=case.opened_at,
            holders=tuple(dict.fromkeys(people)),
            closed_at=case.closed_at,
            cursor=_cursor(case.opened_at, case.pk),
        )

    def _task_row(
        self,
        task: Task,
        cursor: str,
        *,
        group: Group,
        is_unread: bool = False,
        part: str = "",
        principal: Person | None = None,
    ) -> Row:
        case = task.case
        step = self._step(case, task.step)
        outcome = step.all_outcomes().get(task.outcome) if step else None
        return Row(
            **self._facts(case),
            steps=(step.title,) if step else (),
            item=row_title(case, step, task.item, self.people) if task.item else "",
            outcome=outcome.title if outcome else None,
            due=remaining_of(task, self._calendar(case), self.now) if task.is_open and not case.paused_at else None,
            group=group,
            is_unread=is_unread,
            at=task.opened_at if task.is_open else task.closed_at or task.opened_at,
            closed_at=task.closed_at,
            cursor=cursor,
            part=part,
            place=(task.step, task.item),
            is_bulk=part == Assignment.Part.DO and bool(step and step.bulk_outcome),
            principal=principal,
        )

    def _facts(self, case: Case) -> dict[str, Any]:
        end = self._step(case, case.status)
        return {
            "number": case.number,
            "procedure": revisions.running(case.revision).procedure.title,
            "customer": short_name(case.customer, get_language()) if case.customer else "",
            "customer_code": case.customer.code if case.customer else "",
            "status": case.status,
            "status_title": end.title if end else None,
            "is_paused": case.paused_at is not None,
        }

    def _step(self, case: Case, key: str) -> Step | None:
        return revisions.running(case.revision).procedure.steps.get(key)

    def _calendar(self, case: Case) -> Calendar:
        return self.people.calendar(self.department, case.customer.code if case.customer else "")

    def _group(self, task: Task) -> Group:
        if task.due_at is None:
            return "none"
        if task.due_at <= self.now:
            return "overdue"
        today = self.local.date()
        day = local_now(self.organization, task.due_at).date()
        if day == today:
            return "today"
        return "week" if day <= today + timedelta(days=6 - today.weekday()) else "later"

    # -- queries

    def _matching(self, search: str, case: str, steps: str) -> Q:
        """Case number, customer (by name, code or pinyin initials), or the step's title."""
        words = search.strip()
        found = Q(**{f"{case}number__icontains": words}) | named(words, f"{case}customer__")
        if steps:
            keys = {
                key
                for running in revisions.procedures_of(self.organization).values()
                for key, step in running.procedure.steps.items()
                if words in step.title.zh or words.lower() in step.title.en.lower()
            }
            if keys:
                found |= Q(**{steps: keys})
        return found


def _with_case(rows: QuerySet[M], path: str) -> QuerySet[M]:
    """Tasks, or what has a task, with all that a line says of the case."""
    return rows.select_related(f"{path}case__revision", f"{path}case__customer").defer(
        *(f"{path}case__data", f"{path}case__revision__definition", f"{path}filled", f"{path}draft")
    )


def _soonest_first(rows: QuerySet[Assignment]) -> QuerySet[Assignment]:
    return rows.order_by(F("due_at").asc(nulls_last=True), "pk")


_TODO = Kept(
    Assignment,
    lambda rows, member: _soonest_first(_with_case(rows, "task__").filter(member=member, is_open=True)),
    int,
    limit=PAGE + 1,
)


def _has_changed(case: Case, row: Any) -> bool:
    """Since he last looked at it; what he never looked at has not."""
    seen = getattr(row, "seen_version", None)
    return seen is not None and seen != case.version


# --- keyset paging ----------------------------------------------------------------------------------------------------


def _cursor(moment: datetime | None, pk: int) -> str:
    return f"{moment.isoformat() if moment else ''}~{pk}"


def _place(cursor: str) -> tuple[datetime | None, int]:
    """A cursor somebody has tampered with is the beginning."""
    moment, _tilde, pk = cursor.partition("~")
    try:
        return (datetime.fromisoformat(moment) if moment else None), int(pk)
    except ValueError:
        return None, 0


def _later_than(cursor: str, field: str) -> Q:
    """Ascending, rows without a moment last."""
    moment, pk = _place(cursor)
    if moment is None:
        return Q(**{f"{field}__isnull": True, "pk__gt": pk})
    return Q(**{f"{field}__gt": moment}) | Q(**{field: moment, "pk__gt": pk}) | Q(**{f"{field}__isnull": True})


def _earlier_than(cursor: str, field: str) -> Q:
    moment, pk = _place(cursor)
    if moment is None:
        return Q()
    return Q(**{f"{field}__lt": moment}) | Q(**{field: moment, "pk__lt": pk})
