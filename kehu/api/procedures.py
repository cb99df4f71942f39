"""Procedures in force, and what starting one asks for."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from kehu.cases.filling import blank, filling_of
from kehu.cases.permissions import may_open, role_words
from kehu.cases.refusals import NoSuchProcedure
from kehu.cases.work import Work
from kehu.procedures import revisions
from kehu.procedures.packs import Running

from . import door
from .reading import shown
from .shapes import ROOT, Form, Key, Named, clauses_of, form_of, language, say

router = Router(tags=["procedures"])


class ProcedureLine(Schema):
    key: str
    number: str
    title: str
    revision: str
    owner: Named = Field(description="The department that owns it.")
    needs_customer: bool
    may_start: bool
    url: str


class StepOf(Schema):
    key: str
    title: str
    role: str
    clauses: list[str]


class FullProcedure(ProcedureLine):
    steps: list[StepOf]
    form: Form | None = Field(description="What the first step fills, where you may start a case; otherwise null.")


class ProcedureList(Schema):
    procedures: list[ProcedureLine]


@router.get("/procedures", response=ProcedureList, auth=door.needs("cases:read"), summary="List procedures")
def list_procedures(
    request: Any, startable: Annotated[bool, Query(False, description="Only those of which you may start a case.")]
) -> HttpResponse:
    work = Work(request.organization, request.person, request.now)
    lines = [ProcedureLine(**_line(work, key)) for key in work.procedures]
    return shown(request, ProcedureList(procedures=[line for line in lines if line.may_start or not startable]))


@router.get("/procedures/{key}", response=FullProcedure, auth=door.needs("cases:read"), summary="Read a procedure")
def read_procedure(
    request: Any,
    key: Key,
    customer: Annotated[str, Query("", max_length=40, description="For whom: some defaults depend on it.")],
) -> HttpResponse:
    """Its steps; and for who may start a case, the first step's form as JSON Schema."""
    work = Work(request.organization, request.person, request.now)
    if key not in work.procedures:
        raise NoSuchProcedure(procedure=key)
    line, running = _line(work, key), _running(work, key)
    form = None
    if line["may_start"]:
        folder = blank(request.organization, request.person, key, request.now, customer=customer)
        form = form_of(filling_of(folder, folder.procedure.first_step))
    steps = [
        StepOf(key=name, title=say(step.title), role=role_words(running, name), clauses=clauses_of(step))
        for name, step in running.procedure.steps.items()
        if step.kind == "task"
    ]
    return shown(request, FullProcedure(**line, steps=steps, form=form))


def _running(work: Work, key: str) -> Running:
    current = work.procedures[key].current
    assert current
    return revisions.running(current)


def _line(work: Work, key: str) -> dict[str, Any]:
    running = _running(work, key)
    document = running.procedure
    owner = running.pack.departments[document.owner]
    return {
        "key": key,
        "number": document.number,
        "title": document.title.in_(language()),
        "revision": document.revision,
        "owner": Named(key=document.owner, title=say(owner.title)),
        "needs_customer": document.customer == "required",
        "may_start": may_open(work, running),
        "url": f"{ROOT}/procedures/{key}",
    }
