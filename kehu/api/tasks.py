"""What may be done: every verb of `cases/verbs.py` is an address, so a new verb is here without being named.

`POST /cases/{number}/tasks/{step}/{noun}` for a task's verbs, `POST /cases/{number}/{noun}` for a case's: a verb in an address is a noun
(`completion`, `return`, `handover`, `voiding`), as on the pages.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from django.http import HttpResponse
from ninja import Path, Query, Router, Schema
from pydantic import ConfigDict, Field, create_model

from kehu.cases.models import Case
from kehu.cases.refusals import NotOpen
from kehu.cases.verbs import VERBS, Verb, perform
from kehu.cases.wording import Words
from kehu.core.refusals import Conflict, Refusal

from . import door
from .cases import OpenTask, Stands, open_tasks, record_of, stands, task_of
from .reading import shown
from .shapes import Number, say
from .writing import ChangedSince, Done, once, version_seen

# No `from __future__ import annotations` here: the bodies are made from the table, and ninja reads them from the annotations.

router = Router(tags=["tasks"])
Step = Annotated[str, Path(max_length=80, description="The step's key, as the procedure names it.")]
Item = Annotated[
    str, Query("", max_length=200, description="Which row, where a step is done once for each; otherwise left out.")
]


@router.get(
    "/cases/{number}/tasks/{step}", response=OpenTask, auth=door.needs("cases:read"), summary="Read an open task"
)
def read_task(request: Any, number: Number, step: Step, item: Item) -> HttpResponse:
    """What it fills as JSON Schema, how it may end, and what you may do with it."""
    record = record_of(request, number)
    for task in open_tasks(record):
        if (task.step, task.item) == (step, item):
            return shown(request, task_of(record, Words(record), task), tag=str(record.case.version))
    titles = [say(record.folder.procedure.steps[task.step].title) for task in open_tasks(record)]
    refusal = NotOpen(step=step, open=", ".join(titles) or "–")
    refusal.status = 404
    raise refusal


class _Given(Schema):
    model_config = ConfigDict(extra="forbid")


_TYPES: dict[str, Any] = {
    "text": Annotated[str, Field(max_length=20_000)],
    "line": Annotated[str, Field(max_length=254)],
    "day": Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")],
    "boolean": bool,
    "member": Annotated[str, Field(max_length=60)],
    "members": Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=200)],
    "choice": Annotated[str, Field(max_length=80)],
    "step": Annotated[str, Field(max_length=80)],
    "outcome": Annotated[str, Field(max_length=80)],
    "values": dict[str, Any],
}
_MEANT = {
    "day": "As 2024-03-15.",
    "member": "A member's key.",
    "members": "Members' keys.",
    "step": "A step's key.",
    "outcome": "A key of the step's outcomes; may be left out where only one fits.",
    "values": "By field, as the task's form says.",
}


def _body_of(verb: Verb) -> type[Schema]:
    """What a verb is given, as a body."""
    fields: dict[str, Any] = {}
    for one in verb.parameters:
        kind = Literal[tuple(one.choices)] if one.choices else _TYPES[one.type]
        meant = _MEANT.get(one.type, "")
        fields[one.name] = (
            (kind, Field(description=meant)) if one.required else (kind | None, Field(None, description=meant))
        )
    made: type[Schema] = create_model("".join(part.title() for part in verb.name.split("_")), __base__=_Given, **fields)
    return made


def _task_verb(verb: Verb) -> Callable[..., HttpResponse]:
    Given = _body_of(verb)

    def act(request: Any, number: Number, step: Step, item: Item, given: Given) -> HttpResponse:  # type: ignore[valid-type]
        return _done(request, verb, number, given, step=step, item=item)

    return act


def _case_verb(verb: Verb) -> Callable[..., HttpResponse]:
    Given = _body_of(verb)

    def act(request: Any, number: Number, given: Given) -> HttpResponse:  # type: ignore[valid-type]
        return _done(request, verb, number, given)

    return act


def _done(request: Any, verb: Verb, number: str, given: Any, **place: str) -> HttpResponse:
    version = version_seen(request)

    def act() -> Done:
        if version is not None and (verb.subject == "case" or not verb.takes_version):
            _must_be(number, version)
        case = perform(
            verb.name,
            organization=request.organization,
            number=number,
            by=request.person.key,
            now=request.now,
            given=given.model_dump(exclude_none=True),
            version=version,
            **place,
        )
        return stands(request, case)

    try:
        return once(request, act)
    except Refusal as refusal:
        record_of(request, number)  # who may not read the case is told that, and nothing about how it stands
        if version is not None and isinstance(refusal, Conflict):
            refusal.status = 412
        raise


def _must_be(number: str, version: int) -> None:
    """The whole case as it was seen: for verbs that do not fill a part of the form of their own."""
    if Case.objects.select_for_update().filter(number=number).values_list("version", flat=True).first() != version:
        raise ChangedSince()


for _verb in VERBS.values():
    _of_task = _verb.subject == "task"
    router.post(
        f"/cases/{{number}}/tasks/{{step}}/{_verb.noun}" if _of_task else f"/cases/{{number}}/{_verb.noun}",
        response=Stands,
        auth=door.needs("cases:write"),
        operation_id=_verb.name,
        summary=_verb.name.replace("_", " ").capitalize(),
        description=(_verb.act.__doc__ or "").strip(),
        tags=["tasks"] if _of_task else ["cases"],
    )(_task_verb(_verb) if _of_task else _case_verb(_verb))
