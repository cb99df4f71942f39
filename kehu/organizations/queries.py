"""The directory: who holds which position, and the working calendars, read once and asked often.

Who may do a step is decided from these plain values; a copy is kept per organization and version, and the version travels with the
organization's row, so a copy that is too old is never used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import groupby
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.db.models import F, FilteredRelation, Q

from kehu.core.models import Organization, User
from kehu.core.rows import Kept
from kehu.core.scope import every_organization, scope

from .calendars import Calendar, Kind, Period
from .calendars import SpecialDay as Day
from .models import Absence, Department, DeputyRule, Member, Position, SpecialDay, WorkingWeek
from .standing_in import LINKS, Rule, StandIn, stand_ins_of


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
    """A member with the positions he holds today, and whom he stands in for today.

    He is the same in every directory: two requests that come at once to a process just started each read one of their own.
    """

    id: int
    key: str
    name: dict[str, str]
    email: str
    language: str
    posts: tuple[Post, ...]
    stands_in: tuple[StandIn, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Person) and other.id == self.id

    def __hash__(self) -> int:
        return self.id

    @property
    def departments(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(post.department for post in self.posts))

    @property
    def rank(self) -> int:
        return max((post.rank for post in self.posts), default=0)

    def called(self, language: str) -> str:
        return self.name["zh" if language.startswith("zh") else "en"]


@dataclass(frozen=True, eq=False)
class Leaver:
    """Who is a member no more: in whose place others stand now."""

    id: int
    key: str
    successor: str
    posts: tuple[Post, ...]
    """What he held when he left."""


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
    absent: dict[str, date] = field(default_factory=dict)
    """Who is away today, and the day on which he is back."""
    stand_ins: dict[str, tuple[StandIn, ...]] = field(default_factory=dict)
    """Who stands in today for each of the absent."""
    leavers: dict[str, Leaver] = field(default_factory=dict)
    kept: dict[Any, Any] = field(default_factory=dict, compare=False)
    """What pages have made of it, for as long as it holds."""

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

    @cached_property
    def keys(self) -> dict[int, str]:
        """Everybody's key by id, leavers' too."""
        left = {leaver.id: leaver.key for leaver in self.leavers.values()}
        return left | {person.id: person.key for person in self.people.values()}

    def deputies_of(self, person: Person, procedure: str = "", amount: Decimal | None = None) -> list[StandIn]:
        """Who stands in for him today in that procedure, up to that amount."""
        return [one for one in self.stand_ins.get(person.key, ()) if one.covers(procedure, amount)]

    def in_place_of(self, key: str) -> list[Person]:
        """Whom a member's key means today: himself; once he has left his successor, or by his positions their holders, or who
        stands above them."""
        met: set[str] = set()
        while key not in self.people:
            leaver = self.leavers.get(key)
            if leaver is None or key in met:
                return []
            if not leaver.successor:
                return self._after(leaver)
            met.add(key)
            key = leaver.successor
        return [self.people[key]]

    def _after(self, leaver: Leaver) -> list[Person]:
        for post in leaver.posts:
            if found := self.holders.get(post.key) or self.next_up(post.department, post.rank):
                return found
        return []

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


_found_in: dict[int, int] = {}
"""Where each user was found last: only where to look first, and asked again every time."""


def membership(user: User, first: int | None = None) -> Member | None:
    """Whose member somebody is: of the organization with the id `first`, if he is; otherwise of his first, where he is a member of
    several and has not left."""
    known: Member | None = getattr(user, _MEMBERSHIP, None)
    if known and first in (None, known.organization_id):
        return known
    if first or user.pk in _found_in:
        with scope(first or _found_in[user.pk]):
            if found := _member(user.pk):
                return found
    with every_organization():
        mine = Member.everywhere.select_related("organization").filter(user=user)
        found = mine.order_by(F("left_on").desc(nulls_first=True), "pk").first()
    if found:
        _found_in[user.pk] = found.organization_id
        _keep(found.organization)
    return found


def user_of(key: int) -> User | None:
    """The user, and with him his membership where he was found last: every page asks for both, so one statement gives both."""
    if key in _found_in:
        with scope(_found_in[key]):
            if (found := _member(key)) and found.user:
                setattr(found.user, _MEMBERSHIP, found)
                return found.user
    return _USER.first(key)


_MEMBERSHIP = "_membership"
_USER = Kept(User, lambda users, key: users.filter(pk=key), int)
_MEMBER = Kept(
    Member,
    lambda members, user: (
        members.select_related("organization", "user")
        .defer("organization__pack", "organization__tables")
        .filter(user=user)
        .order_by("pk")
    ),
    int,
    limit=1,
)


def _member(user: int) -> Member | None:
    """With the organization's rules, which are long: they are read once for each of its versions, not with every page."""
    found = _MEMBER.first(user)
    if found is None:
        return None
    organization = found.organization
    version, pack, tables = _settings.get(organization.pk, (None, None, None))
    if version == organization.version:
        organization.pack, organization.tables = pack, tables
    else:
        organization.refresh_from_db(fields=["pack", "tables"])
        _keep(organization)
    return found


def _keep(organization: Organization) -> None:
    _settings[organization.pk] = organization.version, organization.pack, organization.tables


_settings: dict[int, tuple[int, Any, Any]] = {}
"""organization -> its version, and what its pack and its tables said then; whoever reads them leaves them as they are."""


def directory(organization: Organization, today: date) -> Directory:
    """The directory of that day. Costs five statements when something changed since, six while somebody is absent,
    otherwise none."""
    links = int(organization.pack.get("deputy_links", LINKS))
    return _directory(organization.pk, organization.version, today, organization.timezone, links)


@lru_cache(maxsize=64)
def _directory(organization_id: int, version: int, today: date, timezone: str, links: int) -> Directory:
    with scope(organization_id):
        units = {
            unit.key: Unit(unit.key, unit.title, unit.parent.key if unit.parent else None)
            for unit in Department.objects.select_related("parent")
        }
        posts = {
            post.pk: Post(post.key, post.department.key, post.rank, post.counts_everywhere, post.title)
            for post in Position.objects.select_related("department").order_by("rank", "pk")
        }
        members = list(_members(today, posts))
        here = [member for member in members if not member.has_left]
        absent = {member.key: member.back_on for member in here if member.back_on}
        stand_ins = stand_ins_of(absent, _rules(today) if absent else [], links)
        calendars = {
            (week.department.key if week.department else "", week.customer_code): calendar_of(
                week, week.special_days.all(), timezone
            )
            for week in WorkingWeek.objects.select_related("department").prefetch_related("special_days")
        }
    return Directory(
        organization_id,
        units,
        {post.key: post for post in posts.values()},
        {member.key: member.person(stand_ins) for member in here},
        calendars,
        absent=absent,
        stand_ins={
            key: tuple(one for one in stand_ins if one.principal == key)
            for key in dict.fromkeys(one.principal for one in stand_ins)
        },
        leavers={
            member.key: Leaver(member.id, member.key, member.successor, member.posts)
            for member in members
            if member.has_left
        },
    )


def _rules(today: date) -> list[Rule]:
    """The rules that count today: accepted, not revoked, between people who are still here."""
    rows = DeputyRule.objects.filter(
        ~Q(accepted_at=None),
        Q(valid_until=None) | Q(valid_until__gt=today),
        Q(deputy__left_on=None) | Q(deputy__left_on__gt=today),
        revoked_at=None,
        valid_from__lte=today,
    ).select_related("principal", "deputy")
    return [rule_of(row) for row in rows.order_by("number")]


def rule_of(row: DeputyRule) -> Rule:
    return Rule(
        row.number,
        row.principal.key,
        row.deputy.key,
        row.valid_from,
        row.valid_until,
        frozenset(row.procedures) or None,
        row.limit,
    )


@dataclass
class _Member:
    """What one statement gives of a member: his posts (a leaver's: those he held at the end), and when he is back if he is away."""

    id: int
    key: str
    name: dict[str, str]
    email: str
    language: str
    has_left: bool
    successor: str
    posts: tuple[Post, ...]
    back_on: date | None

    def person(self, stand_ins: Iterable[StandIn]) -> Person:
        mine = tuple(one for one in stand_ins if one.deputy == self.key)
        return Person(self.id, self.key, self.name, self.email, self.language, self.posts, mine)


def _members(today: date, posts: Mapping[int, Post]) -> Iterator[_Member]:
    """Everyone with the positions he holds today, also who holds none."""
    until = Q(appointments__valid_until=None) | Q(appointments__valid_until__gt=today)
    began = Q(appointments__valid_from=None) | Q(appointments__valid_from__lte=today)
    rows = (
        Member.objects.annotate(
            appointed=FilteredRelation(
                "appointments", condition=began & (until | Q(appointments__valid_until__gte=F("left_on")))
            ),
            away=FilteredRelation(
                "absences",
                condition=Q(absences__canceled_at=None)
                & Q(absences__valid_from__lte=today)
                & Q(absences__valid_until__gt=today),
            ),
        )
        .order_by("key", "appointed__pk")
        .values_list(
            *("pk", "key", "name", "email", "language", "left_on", "successor__key"),
            *("appointed__position_id", "away__valid_until"),
        )
    )
    for (pk, key, name, email, language, left_on, successor), held in groupby(rows, key=lambda row: row[:7]):
        lines = list(held)
        yield _Member(
            *(pk, key, name, email, language),
            has_left=left_on is not None and left_on <= today,
            successor=successor or "",
            posts=tuple(dict.fromkeys(posts[line[7]] for line in lines if line[7])),
            back_on=max((line[8] for line in lines if line[8]), default=None),
        )


def turning_days(organization: Organization, after: date, until: date) -> list[date]:
    """The days in that time (`after` not included) on which somebody goes, comes back, leaves, or a deputy's rule begins or ends."""
    days: set[date] = set()
    with scope(organization):
        for rows, columns in (
            (Absence.objects, ("valid_from", "valid_until")),
            (DeputyRule.objects, ("valid_from", "valid_until")),
            (Member.objects, ("left_on",)),
        ):
            for found in rows.values_list(*columns):
                days.update(day for day in found if day and after < day <= until)
    return sorted(days)


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
