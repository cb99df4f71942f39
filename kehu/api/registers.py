"""Registers: which there are, their rows in portions, and all of them as a stream."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from ninja import Router, Schema
from pydantic import Field

from kehu.engine.records import encoded
from kehu.reports.reading import must_read, readable_by
from kehu.reports.registers import Asked, Line, RegisterView, listed

from . import door
from .paging import Cursor, Limit, Next, cursor_of, place_of
from .problems import not_known
from .reading import shown, streamed
from .shapes import ROOT, Key, language, say

router = Router(tags=["registers"])
_FILTERS = """Filters are those of the register's page, by the same names: `q`, `status` (open, closed, voided), `step`, `overdue=1`,
`period_from`, `period_until`, and each of the register's own (`GET /registers/{key}` lists them; a period takes `KEY_from` and `KEY_until`).
`columns=a,b` gives only these columns, beside the first."""


class RegisterLine(Schema):
    key: str
    number: str
    title: str
    procedure: str
    open: int
    overdue: int
    all: int
    url: str


class RegisterList(Schema):
    registers: list[RegisterLine]


class ColumnOf(Schema):
    key: str
    title: str
    type: str = Field(
        description="text, number, money, date, datetime, boolean, choice, user … as in a form; text if unknown."
    )


class FilterOf(Schema):
    key: str
    title: str
    type: str
    choices: list[str]


class FullRegister(Schema):
    key: str
    number: str
    title: str
    columns: list[ColumnOf]
    filters: list[FilterOf]


class RowOf(Schema):
    number: str
    is_open: bool
    is_overdue: bool
    values: dict[str, Any] = Field(
        description="By column: numbers and amounts as decimal text, days and moments as ISO 8601."
    )
    texts: dict[str, str] = Field(description="The same as people read it.")
    url: str


class Rows(Schema):
    rows: list[RowOf]
    next: Next


@router.get("/registers", response=RegisterList, auth=door.needs("registers:read"), summary="List registers")
def list_registers(request: Any) -> HttpResponse:
    mine = readable_by(request.organization, request.person, request.now)
    lines = [
        RegisterLine(
            key=shelf.key,
            number=shelf.number,
            title=shelf.title,
            procedure=say(shelf.procedure.title),
            open=shelf.open,
            overdue=shelf.overdue,
            all=shelf.all,
            url=f"{ROOT}/registers/{shelf.key}",
        )
        for shelf in listed(request.organization, request.now, language())
        if shelf.key in mine
    ]
    return shown(request, RegisterList(registers=lines))


@router.get(
    "/registers/{key}", response=FullRegister, auth=door.needs("registers:read"), summary="Read a register’s columns"
)
def read_register(request: Any, key: Key) -> HttpResponse:
    view = _view(request, key)
    return shown(
        request,
        FullRegister(
            key=key,
            number=view.register.number,
            title=view.title,
            columns=[ColumnOf(key=one.key, title=one.title, type=one.kind or "text") for one in view.columns],
            filters=[
                FilterOf(key=one.key, title=one.title, type=one.kind, choices=[choice.value for choice in one.choices])
                for one in view.filters
            ],
        ),
    )


@router.get(
    "/registers/{key}/rows",
    response=Rows,
    auth=door.needs("registers:read"),
    summary="Read a register’s rows",
    description=f"The newest case first. {_FILTERS}",
)
def read_rows(request: Any, key: Key, limit: Limit, cursor: Cursor) -> HttpResponse:
    place = place_of(cursor, int)
    view, asked = _asked(request, key)
    lines = view.stretch(asked, place[0] if place else None, limit + 1)
    cases = list(dict.fromkeys(line.pk for line in lines))
    page = [line for line in lines if line.pk in cases[:limit]]
    after = cursor_of(page[-1].pk) if len(cases) > limit else None
    return shown(request, Rows(rows=[RowOf(**_row(view, line)) for line in page], next=after))


@router.get(
    "/registers/{key}/rows.ndjson",
    response={200: str},
    auth=door.needs("registers:read", "application/x-ndjson"),
    summary="Stream all rows of a register",
    description=f"One JSON object a line, as in `rows`, in the register's own order, however many there are. {_FILTERS}",
)
def stream_rows(request: Any, key: Key) -> HttpResponseBase:
    view, asked = _asked(request, key)
    return streamed(request, (_row(view, line) for line in view.every(asked)))


def _view(request: Any, key: str, only: Collection[str] = ()) -> RegisterView:
    must_read(request.organization, request.person, key, request.now, language())
    return RegisterView(request.organization, key, request.now, language(), only)


def _asked(request: Any, key: str) -> tuple[RegisterView, Asked]:
    only = [one for one in request.GET.get("columns", "").split(",") if one]
    view = _view(request, key, only)
    if unknown := sorted(set(only) - {column.key for column in view.all_columns}):
        raise not_known(unknown)
    known = {
        "limit",
        "cursor",
        "columns",
        "q",
        "status",
        "step",
        "overdue",
        "clause",
        "period_from",
        "period_until",
        "sort",
    }
    for one in view.filters:
        known |= {f"{one.key}_from", f"{one.key}_until"} if one.kind == "period" else {one.key}
    if unknown := sorted(set(request.GET) - known):
        raise not_known(unknown)
    return view, view.asked({name: value[:200] for name, value in request.GET.items()})


def _row(view: RegisterView, line: Line) -> dict[str, Any]:
    cells = dict(zip((column.key for column in view.columns), line.cells, strict=True))
    return {
        "number": line.number,
        "is_open": line.is_open,
        "is_overdue": line.is_overdue,
        "values": {key: _value(cell.value) for key, cell in cells.items()},
        "texts": {key: cell.text for key, cell in cells.items()},
        "url": f"{ROOT}/cases/{line.number}",
    }


def _value(value: Any) -> Any:
    """A cell as JSON; what an expression gave beside the known types is told as text."""
    if value is None or isinstance(value, bool | int | str | date | datetime | Decimal | list | tuple | dict):
        return encoded(value)
    return str(value)
