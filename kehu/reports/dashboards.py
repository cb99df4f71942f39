"""看板: what a position sees at a glance, as the pack's `dashboards:` say. Tiles about procedures that somebody may not read are left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import TypeVar

from django.db.models import Exists, OuterRef, Q, QuerySet

from kehu.cases.models import Assignment, Task
from kehu.cases.queries import Due, remaining_of, row_title
from kehu.core.models import Organization
from kehu.core.refusals import Refusal
from kehu.engine.definitions import Dashboard, Text, Tile
from kehu.organizations.permissions import holds_one_of
from kehu.organizations.queries import Directory, Person, directory, local_now
from kehu.procedures import revisions

from .ledgers import readable_ledgers
from .reading import readable_by
from .records import Period
from .statistics import Figure, Table, statistics

T = TypeVar("T")
MOST = 1_000
"""More tasks than these are not counted one by one while somebody waits."""
LATEST = 5


def dashboard_of(organization: Organization, person: Person) -> Dashboard | None:
    """His: the first that is for a position he holds."""
    for facts in organization.pack.get("dashboards") or ():
        if holds_one_of(person, facts["for"], organization):
            return Dashboard.model_validate(facts)
    return None


def tiles_for(organization: Organization, person: Person, found: Dashboard, now: datetime) -> list[tuple[int, Tile]]:
    """Its tiles that he may see, each with its place."""
    readable = readable_by(organization, person, now)
    owed = "statements" in readable_ledgers(organization, person, now)
    return [
        (place, tile)
        for place, tile in enumerate(found.tiles)
        if (owed if tile.ledger else not tile.procedure or tile.procedure in readable)
    ]


# --- tasks ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Late:
    """A task that should be done by now."""

    number: str
    step: Text | None
    item: str
    due: Due | None
    holders: tuple[Person, ...]


@dataclass(frozen=True)
class Tasks:
    """How many tasks wait, by how urgent they are; each number is at most MOST."""

    overdue: int
    today: int
    later: int
    is_capped: bool
    latest: list[Late] = field(default_factory=list)


def tasks_of(organization: Organization, person: Person, whose: str, now: datetime) -> Tasks:
    """His own, or those of whom he leads (`team`): two statements, three where some are late."""
    local = local_now(organization, now)
    people = directory(organization, local.date())
    mine = Assignment.objects.filter(task=OuterRef("pk"), is_open=True)
    if whose == "mine":
        mine = mine.filter(member=person.id)
    else:
        mine = mine.filter(member__in=[one.id for one in led_by(person, people)])
    tasks = Task.objects.filter(Exists(mine), state=Task.State.OPEN)
    tomorrow = datetime.combine(local.date() + timedelta(days=1), time.min, local.tzinfo)
    dues = list(tasks.order_by("due_at", "pk").values_list("due_at", flat=True)[: MOST + 1])
    overdue = sum(1 for due in dues if due and due <= now)
    today = sum(1 for due in dues if due and now < due < tomorrow)
    latest = list(_latest(tasks.filter(due_at__lte=now), people, now)) if overdue else []
    return Tasks(overdue, today, len(dues) - overdue - today, len(dues) > MOST, latest)


def led_by(person: Person, people: Directory) -> list[Person]:
    """Who stands under him: of a lower rank, in a department that one of his positions counts for."""
    return [
        one
        for one in people.people.values()
        if any(
            mine.rank > post.rank and people.counts_for(mine, post.department)
            for mine in person.posts
            for post in one.posts
        )
    ]


def _latest(tasks: QuerySet[Task], people: Directory, now: datetime) -> Iterator[Late]:
    rows = tasks.select_related("case__revision").defer("case__revision__definition").order_by("due_at", "pk")[:LATEST]
    for task in rows.prefetch_related("assignments"):
        step = revisions.running(task.case.revision).procedure.steps.get(task.step)
        holders = [one.member_id for one in task.assignments.all() if one.is_open]
        yield Late(
            number=task.case.number,
            step=step.title if step else None,
            item=row_title(task.case, step, task.item, people) if task.item else "",
            due=remaining_of(task, people.calendar(task.department), now),
            holders=tuple(people.by_id[pk] for pk in dict.fromkeys(holders) if pk in people.by_id),
        )


# --- where cases stand ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """The open tasks of a procedure by step, in the order of its table."""

    steps: list[tuple[str, str, int, int]]
    """Step, its title, how many stand there, how many of them late."""
    is_capped: bool

    @property
    def most(self) -> int:
        return max((count for _key, _title, count, _late in self.steps), default=0)


def standing_of(organization: Organization, key: str, now: datetime, language: str) -> Standing:
    procedure = revisions.procedures_of(organization)[key].procedure
    open_ = Q(case__procedure__key=key, state=Task.State.OPEN)
    tasks = list(Task.objects.filter(open_).order_by().values_list("step", "due_at")[: MOST * 10 + 1])
    counts: dict[str, list[int]] = {}
    for step, due in tasks:
        found = counts.setdefault(step, [0, 0])
        found[0] += 1
        found[1] += due is not None and due <= now
    known = [step for step in procedure.steps if step in counts]
    former = sorted(counts.keys() - set(known))
    titles = {step: definition.title.in_(language) for step, definition in procedure.steps.items()}
    steps = [(step, titles.get(step, step), *counts[step]) for step in (*known, *former)]
    return Standing(steps, len(tasks) > MOST * 10)  # type: ignore[arg-type]


# --- figures ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counted:
    """Indicators and statistics of one procedure's month, by place; or why they cannot be counted."""

    period: Period
    figures: dict[int, Figure] = field(default_factory=dict)
    tables: dict[int, Table] = field(default_factory=dict)
    refusal: str = ""


def counted(
    organization: Organization, procedure: str, tiles: Iterable[tuple[int, Tile]], now: datetime, language: str
) -> Counted:
    """This month's figures, their trend of twelve months; statistics are the year's, so that a month's first days show something."""
    today = local_now(organization, now).date()
    tiles = [(place, tile) for place, tile in tiles if tile.procedure == procedure]
    month, year = Period.month(today), Period.year(today.year)
    found = Counted(month)
    try:
        if any(tile.indicator for _place, tile in tiles):
            figures = {one.key: one for one in statistics(organization, procedure, month, now, language).figures}
            found.figures.update(_named(tiles, "indicator", figures))
        if any(tile.statistic for _place, tile in tiles):
            tables = {one.key: one for one in statistics(organization, procedure, year, now, language).tables}
            found.tables.update(_named(tiles, "statistic", tables))
    except Refusal as refusal:
        return Counted(month, refusal=str(refusal))
    return found


def _named(tiles: Iterable[tuple[int, Tile]], word: str, found: Mapping[str, T]) -> dict[int, T]:
    keys = {place: (getattr(tile, word) or "").partition(".")[2] for place, tile in tiles}
    return {place: found[key] for place, key in keys.items() if key in found}
