"""What was said to the token's member."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from kehu.notifications import actions, queries

from . import door
from .paging import Cursor, Next, cursor_of, place_of
from .reading import shown
from .shapes import ROOT
from .writing import Done, once

router = Router(tags=["notices"])


class NoticeOf(Schema):
    id: int
    at: datetime
    kind: str
    sentence: str
    case: str
    is_unread: bool
    url: str


class Notices(Schema):
    notices: list[NoticeOf]
    next: Next


class Reading(Schema):
    """Which notices were read; all of them if nothing is said."""

    model_config = {"extra": "forbid"}

    notices: list[Annotated[int, Field(ge=1, le=2**53)]] | None = Field(None, max_length=500)


class Read(Schema):
    read: int


@router.get("/notices", response=Notices, auth=door.needs("cases:read"), summary="List notices")
def list_notices(request: Any, cursor: Cursor, unread: Annotated[bool, Query(False)]) -> HttpResponse:
    """The newest first, fifty at a time."""
    place = place_of(cursor, int)
    after = str(place[0]) if place else ""
    page = queries.notices_of(request.organization, request.person, unread_only=unread, after=after)
    lines = [
        NoticeOf(
            id=line.notice.pk,
            at=line.notice.at,
            kind=line.notice.kind,
            sentence=line.wording.sentence,
            case=line.notice.case_number,
            is_unread=line.is_unread,
            url=f"{ROOT}/cases/{line.notice.case_number}" if line.notice.case_number else "",
        )
        for line in page.lines
    ]
    return shown(request, Notices(notices=lines, next=cursor_of(int(page.after)) if page.after else None))


@router.post("/notices/reading", response=Read, auth=door.needs("cases:write"), summary="Mark notices as read")
def mark_read(request: Any, reading: Reading) -> HttpResponse:
    def act() -> Done:
        return Done(Read(read=actions.mark_read(by=request.person, now=request.now, only=reading.notices)))

    return once(request, act)
