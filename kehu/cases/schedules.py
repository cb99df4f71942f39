"""Cases that the calendar opens: a procedure's `schedules:`.

When an occurrence comes it is first written down whom it concerns, a row for each owner or customer, in one transaction with the mark
up to which the schedule has been seen to; then the cases are opened, batch by batch. The row's unique constraint is why none is opened
twice, by however many workers; that it has no case yet is why none is forgotten, however long nobody worked or wherever one was killed.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.models import Count, Max, Q, QuerySet

from kehu.core import rows as written
from kehu.core.models import Organization
from kehu.core.scope import scope
from kehu.engine.definitions import Schedule
from kehu.engine.expressions import parse
from kehu.engine.records import holds, value_of
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.customers.queries import FACTS, facts_of
from kehu.organizations.calendars import Calendar
from kehu.organizations.queries import directory, local_now
from kehu.organizations.recurrence import Occurrence, Recurrence, following
from kehu.procedures import revisions
from kehu.procedures.models import Procedure
from kehu.procedures.packs import Running

from . import escalation
from .assignment import Circumstances, told
from .folder import Beginning
from .models import Scheduled, ScheduleMark
from .steps import CUSTOMER_FACTS
from .work import Work

log = logging.getLogger("kehu.schedules")
BATCH = 200
"""So many cases are opened in one transaction."""
PORTION = 2000
"""So many customers are looked at together."""
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Plan:
    """One schedule of a procedure that is in force and switched on."""

    procedure: Procedure
    running: Running
    key: str
    since: datetime
    """What lay before is not opened."""

    @property
    def schedule(self) -> Schedule:
        return self.running.procedure.schedules[self.key]

    @property
    def recurrences(self) -> list[Recurrence]:
        return [Recurrence.parse(text) for text in self.schedule.when]

    @property
    def words(self) -> str:
        """When it is, as written: where that is changed, the schedule is a new one."""
        return json.dumps(self.schedule.when)

    def following(self, calendar: Calendar, after: datetime) -> Occurrence | None:
        found = following(self.recurrences, calendar, after)
        until = self.schedule.until
        return found if until is None or calendar.local_day(found.at) <= until else None


def plans(organization: Organization, procedures: Collection[str] | None = None) -> list[Plan]:
    found = []
    for key, procedure in revisions.in_force(organization).items():
        if (
            not procedure.current
            or not revisions.is_on(procedure)
            or (procedures is not None and key not in procedures)
        ):
            continue
        running = revisions.running(procedure.current)
        since = max(filter(None, (procedure.current.published_at, procedure.switched_at)))
        found += [Plan(procedure, running, name, since) for name in running.procedure.schedules]
    return found


def open_due(organization: Organization, now: datetime, procedures: Collection[str] | None = None) -> int:
    """Every case that the calendar has asked for until now; gives how many were opened."""
    opened = 0
    with scope(organization):
        calendar = _calendar(organization, now)
        marks = _marks()
        known = plans(organization, procedures)
        for plan in known:
            mark = marks.get((plan.procedure.pk, plan.key))
            is_new = mark is None or mark.words != plan.words
            following_one = None if is_new or mark is None else plan.following(calendar, mark.done_until)
            if is_new or (following_one and following_one.at <= now):
                while _write_down(organization, plan, now):
                    pass
        if procedures is None:
            _forget(marks, known)
        while done := _open_next(organization, now, BATCH):
            opened += done
    return opened


def begin(organization: Organization, procedure: str, now: datetime) -> int:
    """For a story: the schedules of this procedure begin now, and what comes at this very moment is still to come."""
    with scope(organization):
        found = plans(organization, [procedure])
        for plan in found:
            ScheduleMark.objects.update_or_create(
                organization=organization,
                procedure=plan.procedure,
                schedule=plan.key,
                defaults={"words": plan.words, "done_until": now - _MOMENT},
            )
    return len(found)


def run_until(
    start: datetime,
    end: datetime,
    organization: Organization,
    cases: Callable[[], Collection[int] | None] = lambda: None,
    procedures: Collection[str] | None = None,
) -> int:
    """The worker's work while a clock moves: instants fire and cases are opened, each at its own time. For stories and a demo's clock.
    `cases` says whose instants are fired; `procedures`, whose schedules. Gives how many instants were fired and cases opened."""
    done = 0
    while (moment := _coming(organization, end, procedures)) is not None:
        moment = max(moment, start)
        done += escalation.run_until(start, moment, organization, cases())
        done += open_due(organization, moment, procedures)
        start = moment
    return done + escalation.run_until(start, end, organization, cases())


def _coming(organization: Organization, end: datetime, procedures: Collection[str] | None) -> datetime | None:
    """When a schedule is next to be seen to, until then."""
    with scope(organization):
        calendar, marks = _calendar(organization, end), _marks()
        found = [
            one.at
            for plan in plans(organization, procedures)
            if (one := plan.following(calendar, _seen_until(plan, marks))) and one.at <= end
        ]
    return min(found, default=None)


def _seen_until(plan: Plan, marks: Mapping[tuple[int, str], ScheduleMark]) -> datetime:
    mark = marks.get((plan.procedure.pk, plan.key))
    return mark.done_until if mark and mark.words == plan.words else plan.since


def _marks() -> dict[tuple[int, str], ScheduleMark]:
    return {(mark.procedure_id, mark.schedule): mark for mark in ScheduleMark.objects.all()}


def _calendar(organization: Organization, now: datetime) -> Calendar:
    return directory(organization, local_now(organization, now).date()).calendar()


def _forget(marks: Mapping[tuple[int, str], ScheduleMark], known: Iterable[Plan]) -> None:
    """What is no longer in force, or is switched off: when it comes again, it begins anew."""
    gone = marks.keys() - {(plan.procedure.pk, plan.key) for plan in known}
    if gone:
        ScheduleMark.objects.filter(pk__in=[marks[key].pk for key in gone]).delete()


# --- whom it concerns -------------------------------------------------------------------------------------------------


@transaction.atomic
def _write_down(organization: Organization, plan: Plan, now: datetime) -> bool:
    """The next occurrence that has come, as rows; whether there was one."""
    place = {"organization": organization, "procedure": plan.procedure, "schedule": plan.key}
    ScheduleMark.objects.get_or_create(**place, defaults={"words": plan.words, "done_until": plan.since})
    mark = ScheduleMark.objects.select_for_update(of=("self",)).get(**place)
    if mark.words != plan.words:
        mark.words, mark.done_until = plan.words, plan.since
        mark.save(update_fields=["words", "done_until"])
    occurrence = plan.following(_calendar(organization, now), mark.done_until)
    if occurrence is None or occurrence.at > now:
        return False
    day = local_now(organization, occurrence.at).date()
    rows = [
        Scheduled(**place, slot=occurrence.slot, at=occurrence.at, subject=subject) for subject in subjects(plan, day)
    ]
    Scheduled.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
    mark.done_until = occurrence.at
    mark.save(update_fields=["done_until"])
    return True


def subjects(plan: Plan, day: date) -> list[str]:
    """For whom a case is opened: the codes of customers, the keys of those who look after them, or one for nobody in particular."""
    schedule = plan.schedule
    if schedule.each is None:
        return [""]
    chosen = list(_chosen(plan, day))
    if schedule.each == "customer":
        return [code for code, _owner in chosen]
    return sorted({owner for _code, owner in chosen if owner})


def _chosen(plan: Plan, day: date) -> Iterator[tuple[str, str | None]]:
    """The customers for whom `where` holds, and who looks after them. It is asked once for all who agree in what it reads of them."""
    where, common, known = plan.schedule.where, _facts(plan, day), dict[tuple[Any, ...], bool]()
    named = _named([where] if where else [])
    plain, told_by_ledgers = sorted(named & FACTS.keys()), sorted(named & CUSTOMER_FACTS.keys())
    for portion in _portions([FACTS[name] for name in plain]):
        told = [CUSTOMER_FACTS[name]([pk for _code, pk, *_read in portion], day) for name in told_by_ledgers]
        for code, pk, owner, *said in portion:
            read = (owner, *said, *(answers.get(pk) for answers in told))
            if read not in known:
                customer = dict(zip(("owner", *plain, *told_by_ledgers), read, strict=True))
                known[read] = where is None or holds(where, {**common, "customer": customer, "owner": owner})
            if known[read]:
                yield code, owner


def _portions(columns: Sequence[str]) -> Iterator[list[tuple[Any, ...]]]:
    """Of all customers that are no other's their code, key, owner and these columns, some thousand at a time."""
    customers = (
        Customer.objects.filter(merged_into=None).order_by("code").values_list("code", "pk", "owner__key", *columns)
    )
    after = ""
    while portion := list(customers.filter(code__gt=after)[:PORTION]):
        yield portion
        after = portion[-1][0]


def _facts(plan: Plan, day: date) -> dict[str, Any]:
    """What a schedule's expressions read: the day it names (not the day on which somebody caught up), and what periods it ends."""
    before = day.replace(day=1) - timedelta(days=1)
    period = {
        "month": f"{day:%Y-%m}",
        "last_month": f"{before:%Y-%m}",
        "quarter": f"{day:%Y}Q{(day.month + 2) // 3}",
        "half_year": f"{day:%Y}H{(day.month + 5) // 6}",
        "year": f"{day:%Y}",
    }
    return {"today": day, "period": period, "settings": plan.running.pack.settings_values}


def _customers_facts(customers: Sequence[Customer], texts: Iterable[str], day: date) -> dict[int, dict[str, Any]]:
    """What is known of these customers, ledgers included as far as these expressions ask them."""
    facts = {one.pk: facts_of(one) for one in customers}
    for name in _named(texts) & CUSTOMER_FACTS.keys():
        offered = CUSTOMER_FACTS[name]([one.pk for one in customers], day)
        for pk in facts:
            facts[pk][name] = offered.get(pk)
    return facts


def _named(texts: Iterable[str]) -> set[str]:
    """What these expressions read of a customer."""
    return {name.split(".")[1] for text in texts for name in parse(text).names if name.startswith("customer.")}


# --- the cases --------------------------------------------------------------------------------------------------------


def _open_next(organization: Organization, now: datetime, most: int) -> int:
    """The next cases, in one transaction; where one of them cannot be opened (a mistake in its pack), each in its own."""
    rows: list[Scheduled] = []
    try:
        with transaction.atomic():
            rows = _claim(most)
            if rows:
                _open(organization, rows, now)
    except DatabaseError:
        raise
    except Exception as error:
        if not rows:
            raise
        if len(rows) > 1:
            return sum(_open_next(organization, now, 1) for _row in rows)
        (row,) = rows
        log.exception("schedule %s of %s could not open a case for %r", row.schedule, row.procedure, row.subject)
        Scheduled.objects.filter(pk=row.pk).update(error=f"{type(error).__name__}: {error}"[:2000])
    return len(rows)


def _claim(most: int) -> list[Scheduled]:
    waiting = Scheduled.objects.filter(case=None, error="").select_related("procedure").order_by("at", "id")
    if connection.features.has_select_for_update_skip_locked:
        waiting = waiting.select_for_update(skip_locked=True, of=("self",))
    return list(waiting[:most])


def _open(organization: Organization, claimed: list[Scheduled], now: datetime) -> None:
    work = Work(organization, None, now)
    known = {(plan.procedure.pk, plan.key): plan for plan in plans(organization)}
    found = {
        one.code: one
        for one in Customer.objects.select_related("owner").filter(code__in={row.subject for row in claimed})
    }
    work.ahead = {one.pk for one in found.values()}
    opened = []
    for row in claimed:
        if plan := known.get((row.procedure_id, row.schedule)):
            opened.append((row, _beginning(work, plan, row, found)))
        else:
            row.error = "The schedule is no longer in force, or its procedure is switched off."
    folders = work.open([beginning for _row, beginning in opened])
    for (row, _beginning_of_it), folder in zip(opened, folders, strict=True):
        row.case = folder.case
    work.write()
    written.update(claimed, ("case", "error"))


def _beginning(work: Work, plan: Plan, row: Scheduled, customers: Mapping[str, Customer]) -> Beginning:
    schedule, day = plan.schedule, local_now(work.organization, row.at).date()
    customer = customers[row.subject] if schedule.each == "customer" else None
    context = _facts(plan, day)
    if customer:
        everyone, texts = list(customers.values()), schedule.with_.values()
        facts = work.once((plan.procedure.pk, plan.key, day), lambda: _customers_facts(everyone, texts, day))
        context["customer"] = facts[customer.pk]
    context["owner"] = context["customer"]["owner"] if customer else row.subject or None
    circumstances = Circumstances(
        plan.running.pack,
        work.people,
        plan.running.tables,
        context,
        owner=plan.running.procedure.owner,
        procedure=plan.procedure.key,
    )
    first = told([schedule.by or "person in owner"], circumstances)
    data = {key: value_of(text, context) for key, text in schedule.with_.items()}
    because = {"schedule": plan.key, "at": row.at}
    return Beginning(plan.procedure.key, customer, first[0] if first else None, data, because=because)


# --- what comes -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Forecast:
    """What a schedule will do next, and what it did last."""

    plan: Plan
    coming: list[Occurrence]
    count: int
    """How many cases it would open now."""
    last: datetime | None
    opened: int
    """At its last occurrence."""
    waiting: int
    failed: int


def forecasts(organization: Organization, now: datetime, count: int = 3) -> list[Forecast]:
    """Of every schedule, the one that comes next first."""
    with scope(organization):
        calendar, marks = _calendar(organization, now), _marks()
        day = local_now(organization, now).date()
        last = _last_runs()
        found = []
        for plan in plans(organization):
            run = last.get((plan.procedure.pk, plan.key), {})
            coming = list(_next_ones(plan, calendar, max(_seen_until(plan, marks), now), count))
            found.append(
                Forecast(
                    plan,
                    coming,
                    len(subjects(plan, day)),
                    run.get("last"),
                    run.get("opened", 0),
                    run.get("waiting", 0),
                    run.get("failed", 0),
                )
            )
    return sorted(found, key=lambda one: (not one.coming, one.coming[0].at if one.coming else now))


@dataclass(frozen=True)
class Run:
    """An occurrence whose cases are being opened."""

    schedule: Schedule
    opened: int
    total: int


def under_way(organization: Organization) -> list[Run]:
    """How far they are: what a page may ask every other second."""
    with scope(organization):
        known = {(plan.procedure.pk, plan.key): plan.schedule for plan in plans(organization)}
        waiting = Scheduled.objects.filter(case=None, error="").order_by().values_list("procedure", "schedule", "slot")
        found = []
        for procedure, key, slot, left in waiting.annotate(left=Count("pk")):
            if schedule := known.get((procedure, key)):
                total = Scheduled.objects.filter(procedure=procedure, schedule=key, slot=slot).count()
                found.append(Run(schedule, total - left, total))
    return found


def _next_ones(plan: Plan, calendar: Calendar, after: datetime, count: int) -> Iterator[Occurrence]:
    for _ in range(count):
        found = plan.following(calendar, after)
        if found is None:
            return
        yield found
        after = found.at


def _last_runs() -> dict[tuple[int, str], dict[str, Any]]:
    rows: QuerySet[Any] = Scheduled.objects.order_by().values("procedure", "schedule")
    lasts = {(row["procedure"], row["schedule"]): row["last"] for row in rows.annotate(last=Max("at"))}
    found = {}
    for (procedure, schedule), at in lasts.items():
        mine = Scheduled.objects.filter(procedure=procedure, schedule=schedule)
        found[procedure, schedule] = {
            "last": at,
            **mine.aggregate(
                opened=Count("pk", filter=Q(at=at, case__isnull=False)),
                waiting=Count("pk", filter=Q(case=None, error="")),
                failed=Count("pk", filter=~Q(error="")),
            ),
        }
    return found
