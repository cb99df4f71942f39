"""The links of a case for people outside: made by its verbs (`invite`, `share_status`), listed here."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from django.http import HttpResponse
from ninja import Router, Schema
from pydantic import Field

from . import door
from .cases import record_of
from .reading import shown
from .shapes import Number, Someone, someone

router = Router(tags=["cases"])


class LinkOf(Schema):
    id: int
    kind: Literal["answer", "status"] = Field(description="To complete a step, or to read how the case stands.")
    step: str
    item: str
    name: str = Field(description="For whom it was made.")
    address: str
    language: str
    state: Literal["made", "sent", "opened", "used", "expired", "revoked", "over"] = Field(
        description="`over`: its step was settled in another way."
    )
    made_by: Someone | None
    made_at: datetime
    sent_at: datetime | None
    opened_at: datetime | None
    used_at: datetime | None
    expires_at: datetime
    refusals: int = Field(description="How often somebody tried it in vain.")
    link: str = Field(description="Empty where it opens nothing, or you could not have made it.")


class Links(Schema):
    links: list[LinkOf]


@router.get(
    "/cases/{number}/links", response=Links, auth=door.needs("cases:read"), summary="List a case’s links for customers"
)
def list_links(request: Any, number: Number) -> HttpResponse:
    """The newest last. Whoever opens a link first is who answers by it: hand it on, and do not open it."""
    record = record_of(request, number)
    people, now = record.folder.work.people.by_id, record.folder.work.now
    links = [
        LinkOf(
            **{name: getattr(one, name) for name in _AS_THEY_ARE},
            step=one.task.step if one.task else "",
            item=one.task.item if one.task else "",
            state=one.state(now),
            made_by=someone(people[one.made_by_id]) if one.made_by_id in people else None,
            link=record.link_of(one),
        )
        for one in record.invitations
    ]
    return shown(request, Links(links=links))


_AS_THEY_ARE = (
    *("id", "kind", "name", "address", "language", "made_at", "sent_at", "opened_at", "used_at", "expires_at"),
    "refusals",
)
