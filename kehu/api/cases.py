"""Cases: listed, started, read, and what happened to them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote

from django.http import HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from kehu.cases import actions
from kehu.cases.filling import filling_of
from kehu.cases.history import Record, read
from kehu.cases.listing import Wanted, cases_wanted
from kehu.cases.models import Attachment, Case, Task
from kehu.cases.permissions import role_words
from kehu.cases.verbs import Verb, offered
from kehu.cases.wording import Words, timeline
from kehu.engine.records import encoded
from kehu.procedures import revisions

from . import door
from .paging import Cursor, Limit, Next, cursor_of, place_of
from .reading import shown
from .shapes import (
    ROOT,
    Form,
    Moment,
    Named,
    Number,
    OfCustomer,
    Someone,
    clauses_of,
    form_of,
    of_customer,
    say,
    someone,
)
from .writing import Done, once

router = Router(tags=["cases"])


class AtStep(Schema):
    """Where a case stands: an open task."""

    step: str
    title: str
    item: str = Field(description="Which row it is for, where a step is done once for each row; otherwise empty.")
    due_at: datetime | None
    holders: list[Someone] = Field(description="In whose inboxes it is.")


class CaseLine(Schema):
    number: str
    procedure: Named
    status: str = Field(description="`open`, `voided`, or the key of the end it came to.")
    status_title: str
    customer: OfCustomer | None
    round: int
    version: int
    opened_at: datetime
    changed_at: datetime
    closed_at: datetime | None
    due_at: datetime | None = Field(description="When the nearest of its open tasks is due.")
    is_overdue: bool
    url: str


class ListedCase(CaseLine):
    open: list[AtStep]


class CasePage(Schema):
    cases: list[ListedCase]
    next: Next


class ParameterOf(Schema):
    """Something that a verb is given."""

    name: str
    type: str
    title: str
    required: bool
    choices: list[Named] = []


class Offer(Schema):
    """A verb that may be used now: POST its `url` with its parameters."""

    name: str
    title: str
    url: str
    parameters: list[ParameterOf]


class Place(Schema):
    step: str
    item: str
    title: str


class OpenTask(AtStep):
    """An open task: what it fills, how it may end, and what you may do with it."""

    item_title: str
    role: str = Field(description="Who may do it, in words.")
    clauses: list[str]
    opened_at: datetime
    due_is_provisional: bool = Field(description="Counted with days that nobody has confirmed yet.")
    is_mine: bool = Field(description="Whether you may do it.")
    is_own_submission: bool = Field(description="You submitted what it decides: somebody else must do it.")
    form: Form
    draft: dict[str, Any] = Field(description="What you kept for later.")
    may: list[Offer]
    returns: list[Place] = Field(description="Where it may be sent back to.")
    url: str


class AttachedFile(Schema):
    id: int
    name: str
    field: str
    size: int
    by: Someone | None
    at: datetime
    url: str


class Relative(Schema):
    number: str
    procedure: Named
    status: str
    relation: Literal["opened_this", "opened_by_this"]
    url: str


class FullCase(CaseLine):
    """Everything about a case."""

    revision: str
    opener: Someone | None
    data: dict[str, Any] = Field(
        description="The record, by field: numbers and amounts as decimal text, days and moments as ISO 8601."
    )
    tasks: list[OpenTask]
    may: list[Offer]
    attachments: list[AttachedFile]
    relatives: list[Relative]


class Told(Schema):
    title: str
    before: str
    after: str


class Happening(Schema):
    """An event: in words for people, and with its facts for programs."""

    sequence: int
    name: str
    at: datetime
    by: str = Field(description="The member's key; empty for the system.")
    sentence: str
    reason: str
    changes: list[Told]
    opened: list[str]
    told: str
    facts: dict[str, Any]


class History(Schema):
    events: list[Happening]
    next: Next


class NewCase(Schema):
    """A case to open. With `values` its first step is filled and completed at once; without, it waits for you."""

    model_config = {"extra": "forbid"}

    procedure: str = Field(max_length=80)
    customer: str | None = Field(None, max_length=40, description="The customer's code.")
    values: dict[str, Any] | None = None
    outcome: str | None = Field(None, max_length=80)
    reason: str = Field("", max_length=2000)
    attachments: list[Annotated[int, Field(ge=1, le=2**53)]] = Field(
        [], max_length=50, description="Files sent before with POST /attachments."
    )


class Stands(CaseLine):
    """How a case stands after an act."""

    open: list[AtStep]


Chosen = Annotated[str, Query("", max_length=80)]
Since = Annotated[Moment | None, Query(None)]


@router.get("/cases", response=CasePage, auth=door.needs("cases:read"), summary="List cases")
def list_cases(
    request: Any,
    limit: Limit,
    cursor: Cursor,
    procedure: Chosen,
    status: Annotated[Literal["", "open", "closed", "voided"], Query("")],
    customer: Annotated[str, Query("", max_length=40, description="Its code.")],
    q: Annotated[str, Query("", max_length=80, description="Number, customer, or text of the number.")],
    opened_since: Since,
    changed_since: Annotated[
        Moment | None, Query(None, description="Changes the order: what changed first comes first.")
    ],
) -> HttpResponse:
    """The cases you may read by your positions, and those in which you take part: the newest first; with `changed_since`, in the order
    in which they changed, for those who keep a copy."""
    place = place_of(cursor, datetime, int) if changed_since else place_of(cursor, int)
    wanted = Wanted(
        procedure=procedure,
        status=status,
        customer=customer,
        search=q.strip(),
        opened_since=opened_since,
        changed_since=changed_since,
    )
    found = cases_wanted(request.organization, request.person, request.now, wanted, place, limit + 1)
    page = found.cases[:limit]
    last = page[-1] if len(found.cases) > limit else None
    after = None
    if last:
        after = cursor_of(last.changed_at.isoformat(), last.pk) if changed_since else cursor_of(last.pk)
    lines = [
        ListedCase(
            **_line(case, request.now),
            open=[_at_step(case, task, found.holders.get(task.pk, [])) for task in found.tasks.get(case.pk, [])],
        )
        for case in page
    ]
    return shown(request, CasePage(cases=lines, next=after))


@router.post("/cases", response={201: Stands}, auth=door.needs("cases:write"), summary="Start a case")
def start_case(request: Any, new: NewCase) -> HttpResponse:
    def act() -> Done:
        case = actions.open_case(
            organization=request.organization,
            by=request.person.key,
            now=request.now,
            procedure=new.procedure,
            customer=new.customer,
            values=new.values,
            outcome=new.outcome,
            reason=new.reason,
            attachments=new.attachments,
        )
        return stands(request, case, status=201)

    return once(request, act)


@router.get("/cases/{number}", response=FullCase, auth=door.needs("cases:read"), summary="Read a case")
def read_case(request: Any, number: Number) -> HttpResponse:
    """The record, the open tasks with what they fill, and what you may do. Its ETag begins with the case's version."""
    record = record_of(request, number)
    case, words = record.case, Words(record)
    people = record.folder.work.people
    opener = people.by_id.get(case.opener_id or 0)
    full = FullCase(
        **_line(case, request.now),
        revision=case.revision.label,
        opener=someone(opener) if opener else None,
        data=encoded(record.folder.state.data),
        tasks=[task_of(record, words, task) for task in open_tasks(record)],
        may=[*(_offer(verb, case.number) for verb in offered(record.may)), *_afterwards(record)],
        attachments=[attached(record, one) for one in record.attachments],
        relatives=[_relative(case, other) for other in record.relatives],
    )
    return shown(request, full, tag=str(case.version))


@router.get(
    "/cases/{number}/history", response=History, auth=door.needs("cases:read"), summary="What happened to a case"
)
def read_history(request: Any, number: Number, limit: Limit, cursor: Cursor) -> HttpResponse:
    """The newest first."""
    place = place_of(cursor, int)
    record = record_of(request, number)
    told = list(zip(reversed(record.events), timeline(record), strict=True))
    following = [(event, entry) for event, entry in told if place is None or event.sequence < place[0]]
    page = following[:limit]
    events = [
        Happening(
            sequence=event.sequence,
            name=event.name,
            at=event.at,
            by=event.by,
            sentence=entry.sentence,
            reason=entry.reason,
            changes=[Told(title=one.title, before=one.before, after=one.after) for one in entry.changes],
            opened=entry.next,
            told=entry.told,
            facts=event.facts,
        )
        for event, entry in page
    ]
    return shown(
        request, History(events=events, next=cursor_of(events[-1].sequence) if len(following) > limit else None)
    )


# --- shapes -----------------------------------------------------------------------------------------------------------


def record_of(request: Any, number: str) -> Record:
    """The case, if the token's member may read it."""
    return read(organization=request.organization, number=number, person=request.person, now=request.now)


def open_tasks(record: Record) -> list[Task]:
    return [task for task in record.folder.tasks if task.is_open and task.kind == "task" and record.case.is_open]


def stands(request: Any, case: Case, *, status: int = 200) -> Done:
    """The case as an act left it: one statement, whatever its history. The whole of it is at its `url`."""
    tasks = Task.objects.filter(case=case, state=Task.State.OPEN).defer("filled", "draft").order_by("pk")
    open_ = [_at_step(case, task, []) for task in tasks] if case.is_open else []
    found = Stands(**_line(case, request.now), open=open_)
    return Done(found, status, str(case.version), {"Location": found.url} if status == 201 else {})


def _line(case: Case, now: datetime) -> dict[str, Any]:
    running = revisions.running(case.revision)
    end = running.procedure.steps.get(case.status)
    return {
        "number": case.number,
        "procedure": Named(key=running.procedure.key, title=say(running.procedure.title)),
        "status": case.status,
        "status_title": say(end.title) if end else "",
        "customer": of_customer(case.customer),
        "round": case.round,
        "version": case.version,
        "opened_at": case.opened_at,
        "changed_at": case.changed_at,
        "closed_at": case.closed_at,
        "due_at": case.due_at,
        "is_overdue": bool(case.is_open and case.due_at and case.due_at <= now),
        "url": f"{ROOT}/cases/{case.number}",
    }


def _at_step(case: Case, task: Task, holders: list[Any]) -> AtStep:
    return AtStep(**_place(case, task), holders=[someone(person) for person in holders])


def _place(case: Case, task: Task) -> dict[str, Any]:
    step = revisions.running(case.revision).procedure.steps.get(task.step)
    return {
        "step": task.step,
        "title": say(step.title) if step else task.step,
        "item": task.item,
        "due_at": task.due_at,
    }


def task_of(record: Record, words: Words, task: Task) -> OpenTask:
    people = record.folder.work.people.by_id
    step = record.folder.procedure.steps[task.step]
    is_mine = task in record.may.tasks
    return OpenTask(
        **_place(record.case, task),
        holders=[someone(people[pk]) for pk in record.assigned.get(task.pk, ()) if pk in people],
        item_title=words.row(task.step, task.item) if task.item else "",
        role=role_words(record.folder.running, task.step),
        clauses=clauses_of(step),
        opened_at=task.opened_at,
        due_is_provisional=task.due_is_provisional,
        is_mine=is_mine,
        is_own_submission=task in record.may.own,
        form=form_of(filling_of(record.folder, task.step, task.item)),
        draft=task.draft if is_mine else {},
        may=[_offer(verb, record.case.number, task) for verb in offered(record.may, task)],
        returns=[
            Place(step=step, item=item, title=words.step(step, item))
            for step, item in record.may.returns.get(task.pk, ())
        ],
        url=address_of(record.case.number, task),
    )


def address_of(number: str, task: Task, noun: str = "") -> str:
    """Of a task, or of one of its verbs."""
    address = f"{ROOT}/cases/{quote(number)}/tasks/{quote(task.step)}{f'/{noun}' if noun else ''}"
    return f"{address}?item={quote(task.item)}" if task.item else address


def _offer(verb: Verb, number: str, task: Task | None = None) -> Offer:
    return Offer(
        name=verb.name,
        title=str(verb.title),
        url=address_of(number, task, verb.noun) if task else f"{ROOT}/cases/{number}/{verb.noun}",
        parameters=[
            ParameterOf(
                name=one.name,
                type=one.type,
                title=str(one.title),
                required=one.required,
                choices=[Named(key=key, title=str(title)) for key, title in one.choices.items()],
            )
            for one in verb.parameters
        ],
    )


def _afterwards(record: Record) -> Iterator[Offer]:
    """What may still be done with tasks that are no longer open."""
    for task in record.folder.tasks:
        if not task.is_open:
            yield from (_offer(verb, record.case.number, task) for verb in offered(record.may, task))


def attached(record: Record, one: Attachment) -> AttachedFile:
    person = record.folder.work.people.by_id.get(one.by_id or 0)
    return AttachedFile(
        id=one.pk,
        name=one.name,
        field=one.field,
        size=one.stored.size,
        by=someone(person) if person else None,
        at=one.at,
        url=f"{ROOT}/cases/{record.case.number}/attachments/{one.pk}",
    )


def _relative(case: Case, other: Case) -> Relative:
    return Relative(
        number=other.number,
        procedure=Named(key=other.procedure.key, title=say(other.procedure.title)),
        status=other.status,
        relation="opened_this" if other.pk == case.parent_id else "opened_by_this",
        url=f"{ROOT}/cases/{other.number}",
    )
