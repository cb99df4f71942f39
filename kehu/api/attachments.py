"""Files of a case: listed, added, downloaded; and files for a case that is about to be started."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from ninja import File, Form, Router, Schema, UploadedFile
from pydantic import Field

from kehu.cases.attachments import attach, keep
from kehu.cases.models import Attachment
from kehu.core import downloads, files

from . import door
from .cases import AttachedFile, attached, record_of
from .reading import shown
from .shapes import Id, Number
from .writing import Done, once

router = Router(tags=["attachments"])
Uploads = Annotated[list[UploadedFile], File(..., description="One or several files.", max_length=20)]
ForField = Annotated[str, Form("", max_length=80, description="The form's field they belong to, if any.")]


class Attachments(Schema):
    attachments: list[AttachedFile]


class Waiting(Schema):
    """A file that waits for the case its uploader is about to start."""

    id: int
    name: str
    field: str
    size: int
    at: datetime


class WaitingFiles(Schema):
    attachments: list[Waiting] = Field(
        description="Their ids go into `attachments` of POST /cases, their names into the form."
    )


@router.get(
    "/cases/{number}/attachments", response=Attachments, auth=door.needs("cases:read"), summary="List a case’s files"
)
def list_attachments(request: Any, number: Number) -> HttpResponse:
    record = record_of(request, number)
    return shown(request, Attachments(attachments=[attached(record, one) for one in record.attachments]))


@router.post(
    "/cases/{number}/attachments",
    response={201: Attachments},
    auth=door.needs("cases:write"),
    summary="Add files to a case",
)
def add_attachments(request: Any, number: Number, uploads: Uploads, field: ForField) -> HttpResponse:
    """Whoever may read a case may add files to it. A name that is taken gets a number behind it."""
    record_of(request, number)
    contents = files.put(request.organization, uploads)

    def act() -> Done:
        added = {one.pk for one in attach(**_who(request), number=number, uploads=contents, field=field)}
        record = record_of(request, number)
        mine = [attached(record, one) for one in record.attachments if one.pk in added]
        return Done(Attachments(attachments=mine), 201)

    return once(request, act)


@router.get(
    "/cases/{number}/attachments/{id}",
    response={200: bytes},
    auth=door.needs("cases:read", "*/*"),
    summary="Download a file",
)
def download(request: Any, number: Number, id: Id) -> HttpResponseBase:
    record_of(request, number)
    found = Attachment.objects.select_related("stored").filter(pk=id, case__number=number).first()
    if found is None:
        raise Http404
    return downloads.answer(found.stored, found.name, request)


@router.post(
    "/attachments", response={201: WaitingFiles}, auth=door.needs("cases:write"), summary="Send files ahead of a case"
)
def send_ahead(request: Any, uploads: Uploads, field: ForField) -> HttpResponse:
    """For a first step with file fields: send the files, then start the case with their ids and names."""
    contents = files.put(request.organization, uploads)

    def act() -> Done:
        who = _who(request) | {"by": request.person.id}
        kept = keep(**who, uploads=contents, field=field)
        waiting = [Waiting(id=one.pk, name=one.name, field=one.field, size=one.stored.size, at=one.at) for one in kept]
        return Done(WaitingFiles(attachments=waiting), 201)

    return once(request, act)


def _who(request: Any) -> dict[str, Any]:
    return {"organization": request.organization, "by": request.person.key, "now": request.now}
