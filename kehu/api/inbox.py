"""The member's own work: to do, started, done."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpResponse
from ninja import Query, Router, Schema

from kehu.cases.queries import Row, inbox_of

from . import door
from .paging import Cursor, Next, cursor_of, place_of
from .reading import shown
from .shapes import ROOT, OfCustomer, Someone, say, someone

router = Router(tags=["inbox"])


class InboxLine(Schema):
    number: str
    procedure: str
    customer: OfCustomer | None
    status: str
    steps: list[str]
    item: str
    due_at: datetime | None
    due: str
    is_overdue: bool
    is_unread: bool
    at: datetime
    holders: list[Someone]
    url: str


class Inbox(Schema):
    lines: list[InboxLine]
    next: Next


@router.get("/inbox", response=Inbox, auth=door.needs("cases:read"), summary="Read the inbox")
def read_inbox(
    request: Any,
    cursor: Cursor,
    view: Annotated[Literal["todo", "drafts", "started", "done", "followed"], Query("todo")],
    q: Annotated[str, Query("", max_length=80)],
) -> HttpResponse:
    """What waits for the token's member, the most urgent first; of that, what is begun and kept for later (`drafts`); what he started; what he did; what he follows. Fifty at a time."""
    place = place_of(cursor, str)
    page = inbox_of(request.organization, request.person, view, request.now, search=q, after=place[0] if place else "")
    lines = [_line(row) for row in page.rows]
    return shown(request, Inbox(lines=lines, next=cursor_of(page.after) if page.after else None))


def _line(row: Row) -> InboxLine:
    return InboxLine(
        number=row.number,
        procedure=say(row.procedure),
        customer=OfCustomer(code=row.customer_code, name=row.customer) if row.customer_code else None,
        status=row.status,
        steps=[say(step) for step in row.steps],
        item=row.item,
        due_at=row.due.at if row.due else None,
        due=row.due.words if row.due else "",
        is_overdue=bool(row.due and row.due.is_overdue),
        is_unread=row.is_unread,
        at=row.at,
        holders=[someone(person) for person in row.holders],
        url=f"{ROOT}/cases/{row.number}",
    )
