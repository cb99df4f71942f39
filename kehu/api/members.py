"""People and positions: to whom a task may be handed over, and who is meant by a key."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from ninja import Router, Schema

from kehu.organizations.queries import Directory, directory, local_now

from . import door
from .reading import shown
from .shapes import Named, Someone, language, say, someone

router = Router(tags=["people"])


class MemberOf(Someone):
    positions: list[Named]
    departments: list[str]


class Members(Schema):
    members: list[MemberOf]


class PositionOf(Named):
    department: str
    rank: int
    holders: list[Someone]


class Positions(Schema):
    positions: list[PositionOf]


@router.get("/members", response=Members, auth=door.needs("cases:read"), summary="List members")
def list_members(request: Any) -> HttpResponse:
    """Everybody who is a member today, with his positions."""
    members = [
        MemberOf(
            key=person.key,
            name=person.called(language()),
            positions=[Named(key=post.key, title=say(post.title)) for post in person.posts],
            departments=list(person.departments),
        )
        for person in _directory(request).people.values()
    ]
    return shown(request, Members(members=members))


@router.get("/positions", response=Positions, auth=door.needs("cases:read"), summary="List positions")
def list_positions(request: Any) -> HttpResponse:
    """Every position with who holds it today."""
    people = _directory(request)
    positions = [
        PositionOf(
            key=post.key,
            title=say(post.title),
            department=post.department,
            rank=post.rank,
            holders=[someone(person) for person in people.holders[post.key]],
        )
        for post in people.posts.values()
    ]
    return shown(request, Positions(positions=positions))


def _directory(request: Any) -> Directory:
    return directory(request.organization, local_now(request.organization, request.now).date())
