"""The directory: who holds which position, and the working calendars, read once and asked often.

Who may do a step is decided from these plain values; a copy is kept per organization and version, and the version travels with the
organization's row, so a copy that is too old is never used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property, lru_cache
from itertools import groupby
from typing import cast
from zoneinfo import ZoneInfo

from django.db.models import FilteredRelation, Prefetch, Q

from kehu.core.models import Organization

from .calendars import Calendar, Kind, Period
from .calendars import SpecialDay as Day
from .models import Department, Member, Position, SpecialDay, WorkingWeek


@dataclass(frozen=True, eq=False)
class Post:
    """A position, as the directory knows it."""

    key: str
    department: str
    rank: int
    everywhere: bool
    title: dict[str, str]


@dataclass(frozen=True, eq=False)
class Person:
    """A member with the positions he holds today."""

    id: int
    key: str
    name: dict[str, str]
    email: str
    language: str
    posts: tuple[Post, ...]

    @property
    def departments(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(post.department for post in self.posts))

    @property
    def rank(self) -> int:
        return max((post.rank for post in self.posts), default=0)

    def called(self, language: str) -> str:
        return self.name["zh" if language.startswith("zh") else "en"]


@dataclass(frozen=True)
class Unit:
    key: str
    title: dict[str, str]
    parent: str | None


@dataclass
class Directory:
    """The people of an organization on a day."""

    organization_id: int
    units: dict[str, Unit]
    posts: dict[str, Post]
    people: dict[str, Person]
    calendars: dict[tuple[str, str], Calendar] = field(default_factory=dict)
    """Working calendars by (department, customer code); ("", "") is the company's."""

    @cached_property
    def holders(self) -> dict[str, list[Person]]:
        """Who holds each position, in the order of their keys."""
        found: dict[str, list[Person]] = {key: [] for key in self.posts}
        for person in self.people.values():
            for post in person.posts:
                found[post.key].append(person)
        return found

    @cached_property
    def by_id(self) -> dict[int, Person]:
        return {person.id: person for person in self.people.values()}

    def line_of(self, department: str) -> list[str]:
        """The department and those above it."""
        line: list[str] = []
        unit = self.units.get(department)
        while unit and unit.key not in line:
            line.append(unit.key)
            unit = self.units.get(unit.parent) if unit.parent else None
        return line

    def posts_at(self, department: str, rank: int) -> list[Post]:
        """The positions of that rank in the department; where it has none, in the one above it."""
        for unit in self.line_of(department):
            if found := [post for post in self.posts.values() if post.department == unit and post.rank == rank]:
                return found
        return []

    def counts_for(self, post: Post, department: str) -> bool:
        return post.everywhere or post.department in self.line_of(department)

    def next_up(self, department: str, rank: int) -> list[Person]:
        """Who holds the lowest rank above `rank` that counts for the department: the department's own line before the company's."""
        higher = [
            post
            for post in self.posts.values()
            if post.rank > rank and self.counts_for(post, department) and self.holders[post.key]
        ]
        if not higher:
            return []
        lowest = min(post.rank for post in higher)
        return list(
            dict.fromkeys(person for post in higher if post.rank == lowest for person in self.holders[post.key])
        )

    def calendar(self, department: str = "", customer: str = "") -> Calendar:
        for place in (
            (department, customer),
            ("", customer),
            *((unit, "") for unit in self.line_of(department)),
            ("", ""),
        ):
            if place in self.calendars:
                return self.calendars[place]
        raise LookupError(f"organization {self.organization_id} has no working calendar")


def directory(organization: Organization, today: date) -> Directory:
    """The directory of that day. Costs five statements when something changed since, otherwise none."""
    return _directory(organization.pk, organization.version, today, organization.timezone)


@lru_cache(maxsize=64)
def _directory(organization_id: int, version: int, today: date, timezone: str) -> Directory:
    units = {
        unit.key: Unit(unit.key, unit.title, unit.parent.key if unit.parent else None)
        for unit in Department.everywhere.filter(organization_id=organization_id).select_related("parent")
    }
    posts = {
        post.pk: Post(post.key, post.department.key, post.rank, post.counts_everywhere, post.title)
        for post in Position.everywhere.filter(organization_id=organization_id)
        .select_related("department")
        .order_by("rank", "pk")
    }
    people = {person.key: person for person in _people(organization_id, today, posts)}
    calendars = {
        (week.department.key if week.department else "", week.customer_code): calendar_of(
            week, week.special_days.all(), timezone
        )
        for week in WorkingWeek.everywhere.filter(organization_id=organization_id)
        .select_related("department")
        .prefetch_related(Prefetch("special_days", queryset=SpecialDay.everywhere.all()))
    }
    return Directory(organization_id, units, {post.key: post for post in posts.values()}, people, calendars)


def _people(organization_id: int, today: date, posts: Mapping[int, Post]) -> Iterator[Person]:
    """Everyone who has not left, with the positions he holds today; also who holds none."""
    appointed = FilteredRelation(
        "appointments",
        condition=(Q(appointments__valid_from=None) | Q(appointments__valid_from__lte=today))
        & (Q(appointments__valid_until=None) | Q(appointments__valid_until__gt=today)),
    )
    rows = (
        Member.everywhere.filter(Q(left_on=None) | Q(left_on__gt=today), organization_id=organization_id)
        .annotate(appointed=appointed)
        .order_by("key", "appointed__pk")
        .values_list("pk", "key", "name", "email", "language", "appointed__position_id")
    )
    for (pk, key, name, email, language), held in groupby(rows, key=lambda row: row[:5]):
        yield Person(pk, key, name, email, language, tuple(posts[row[5]] for row in held if row[5]))


def calendar_of(week: WorkingWeek, days: Iterable[SpecialDay], timezone: str) -> Calendar:
    """The pure calendar that a stored week and its special days make."""
    return Calendar(
        timezone=timezone,
        week=tuple(tuple(Period.parse(text) for text in periods) for periods in week.week),
        special_days={
            day.day: Day(day.day, cast(Kind, day.kind), tuple(Period.parse(text) for text in day.periods), day.name)
            for day in days
        },
        known_until=week.known_until,
    )


def local_now(organization: Organization, now: datetime) -> datetime:
    return now.astimezone(ZoneInfo(organization.timezone))
