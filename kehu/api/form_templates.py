"""Templates of forms in Word and Excel: listed, uploaded, withdrawn; and filled from a case."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from django.core.files.base import ContentFile
from django.http import HttpResponse
from django.utils.translation import gettext as _
from ninja import File, Form, Router, Schema, UploadedFile
from pydantic import Field

from kehu.cases import form_templates as actions
from kehu.cases.attachments import attach
from kehu.cases.models import FormTemplate
from kehu.core import files
from kehu.core.refusals import BadData, Finding
from kehu.organizations.permissions import must_administer
from kehu.paper.form_templates import fill, report
from kehu.paper.office.filling import LARGEST, Report, TemplateTooLarge
from kehu.procedures.revisions import procedures_of

from . import door
from .attachments import Attachments
from .cases import attached, record_of
from .reading import shown
from .shapes import Id, Number
from .writing import Done, once

router = Router(tags=["templates"])


class Template(Schema):
    id: int
    title: str
    procedure: str
    customer: str | None = Field(description="The customer whose form it is; null: a form of the company.")
    revision: int
    file: str
    changed_at: datetime


class Templates(Schema):
    templates: list[Template]


class Placeholder(Schema):
    """A placeholder of the file. Where `names` is null it means nothing and stays as it stands."""

    words: str
    where: str
    names: dict[str, str] | None
    did_you_mean: str


class Uploaded(Schema):
    id: int
    revision: int
    language: str
    placeholders: list[Placeholder]
    tables: list[str] = Field(description="Tables for whose rows rows of the file are repeated.")


Title = Annotated[str, Form(..., min_length=1, max_length=120)]
Procedure = Annotated[str, Form(..., max_length=80)]
Customer = Annotated[str, Form("", max_length=40, description="Empty: a form of the company.")]
Language = Annotated[Literal["", "zh", "en"], Form("", description="Of the values; empty: that of the placeholders.")]


@router.get("/templates", response=Templates, auth=door.needs("customers:read"), summary="List templates")
def list_templates(request: Any) -> HttpResponse:
    return shown(request, Templates(templates=[_line(one) for one in actions.in_use()[:500]]))


@router.post("/templates", response={201: Uploaded}, auth=door.needs("customers:write"), summary="Upload a template")
def upload_template(
    request: Any,
    upload: Annotated[UploadedFile, File(..., description="A .docx or .xlsx with placeholders.")],
    title: Title,
    procedure: Procedure,
    customer: Customer,
    language: Language,
) -> HttpResponse:
    """For those whom the pack gives the right `customers`. Of the same title, procedure and customer it is a new revision."""
    must_administer(request.person, "customers", request.organization)
    running = procedures_of(request.organization).get(procedure)
    if running is None:
        raise BadData([Finding("procedure", _("Choose the procedure whose cases fill it."))])
    if (upload.size or 0) > LARGEST:
        raise TemplateTooLarge(name=upload.name, limit=LARGEST // 2**20)
    found = report(upload.read(), upload.name or "", running, organization=request.organization, now=request.now)
    (content,) = files.put(request.organization, [upload])
    given: dict[str, Any] = {"procedure": procedure, "customer": customer, "title": title}
    given["language"] = language or found.language

    def act() -> Done:
        revision = actions.upload(**_who(request), **given, upload=content)
        return Done(_uploaded(revision.template_id, revision.number, revision.language, found), 201)

    return once(request, act)


@router.post(
    "/templates/{id}/withdrawal",
    response={204: None},
    auth=door.needs("customers:write"),
    summary="Withdraw a template",
)
def withdraw_template(request: Any, id: Id) -> HttpResponse:
    """No case is offered it any more; what was filled from it stays."""
    must_administer(request.person, "customers", request.organization)

    def act() -> Done:
        actions.withdraw(**_who(request), template=id)
        return Done(None, 204)

    return once(request, act)


@router.get(
    "/cases/{number}/templates", response=Templates, auth=door.needs("cases:read"), summary="List what a case can fill"
)
def list_case_templates(request: Any, number: Number) -> HttpResponse:
    """The customer's own forms, then the company's."""
    record = record_of(request, number)
    return shown(request, Templates(templates=[_line(one) for one in actions.fitting(record.case)]))


@router.post(
    "/cases/{number}/templates/{id}/file",
    response={201: Attachments},
    auth=door.needs("cases:write"),
    summary="Fill a template",
)
def fill_template(
    request: Any,
    number: Number,
    id: Id,
    field: Annotated[str, Form("", max_length=80, description="The form's field the file belongs to, if any.")],
) -> HttpResponse:
    """The filled file becomes a file of the case; download it from there. Its name goes into the form where a step asks for it."""
    record = record_of(request, number)
    name, made = fill(actions.revision_for(record.case, id), record, now=request.now)
    contents = files.put(request.organization, [ContentFile(made, name)])

    def act() -> Done:
        added = {one.pk for one in attach(**_who(request), number=number, uploads=contents, field=field)}
        after = record_of(request, number)
        mine = [attached(after, one) for one in after.attachments if one.pk in added]
        return Done(Attachments(attachments=mine), 201)

    return once(request, act)


def _line(template: FormTemplate) -> Template:
    found: Any = template
    return Template(
        id=template.pk,
        title=template.title,
        procedure=template.procedure.key,
        customer=template.customer.code if template.customer else None,
        revision=found.number,
        file=found.file,
        changed_at=found.changed_at,
    )


def _uploaded(template: int, revision: int, language: str, found: Report) -> Uploaded:
    return Uploaded(
        id=template,
        revision=revision,
        language=language,
        placeholders=[
            Placeholder(
                words=line.words,
                where=line.where,
                names=dict(line.name.title) if line.name else None,
                did_you_mean=line.meant,
            )
            for line in found.lines
        ],
        tables=[table.key for table in found.tables],
    )


def _who(request: Any) -> dict[str, Any]:
    return {"organization": request.organization, "by": request.person.key, "now": request.now}
