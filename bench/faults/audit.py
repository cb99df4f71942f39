"""Run inside an installation: is everything there that was acknowledged, whole, and once?

audit.py --left           what the workers still have to do, as JSON
audit.py ACKNOWLEDGED     (a JSON file of [number, step]) every problem, as JSON
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import django

django.setup()

from django.db.models import Count  # noqa: E402

from kehu.cases.models import Case, Deadline, Task  # noqa: E402
from kehu.cases.moves import replayed, state_of  # noqa: E402
from kehu.core import chain, clock  # noqa: E402
from kehu.core.models import Event, Message, Organization  # noqa: E402
from kehu.core.scope import every_organization, scope  # noqa: E402
from kehu.notifications.models import Delivery, Notice  # noqa: E402
from kehu.procedures import revisions  # noqa: E402


def left(organization: Organization) -> dict[str, int]:
    now = clock.now(organization)
    return {
        "instants": Deadline.objects.filter(active=True, at__lte=now).count(),
        "messages": Message.objects.filter(state="waiting", next_attempt_at__lte=now).count(),
        "deliveries": Delivery.objects.filter(state__in=Delivery.UNFINISHED, next_attempt_at__lte=now)
        .exclude(channel__paused_until__gt=now)
        .count(),
    }


def problems(organization: Organization, acknowledged: list[list[str]]) -> list[str]:
    found: list[str] = []
    events: dict[str, list[Event]] = {}
    for event in Event.objects.order_by("stream", "sequence"):
        events.setdefault(event.stream, []).append(event)
    cases = {case.number: case for case in Case.objects.select_related("procedure", "revision", "customer")}
    done = {
        (number, event.facts["move"]["closed"][0])
        for number, case in cases.items()
        for event in events.get(f"case:{case.pk}", [])
        if (event.facts.get("move") or {}).get("closed")
    }
    # lost
    found += [
        f"{number}: {step} was acknowledged and is not there"
        for number, step in acknowledged
        if (number, step) not in done
    ]
    for number, case in cases.items():
        mine = events.get(f"case:{case.pk}", [])
        found += whole(number, case, mine)
        found += once(number, case, mine)
    found += numbers(cases)
    found += told_once()
    return found


def whole(number: str, case: Case, events: list[Event]) -> list[str]:
    """Nothing half-done: the chain holds, and the rows are what the events say."""
    broken = chain.first_broken(events, case.chain_head)
    if broken:
        return [f"{number}: the chain breaks at event {broken.sequence}"]
    procedure = revisions.running(case.revision).procedure
    tasks = list(Task.objects.filter(case=case).order_by("id"))
    from_rows = state_of(case, procedure, tasks)
    from_events = replayed(procedure, [event.facts["move"] for event in events if event.facts.get("move")])
    said = []
    if {token.place for token in from_rows.tokens} != {token.place for token in from_events.tokens}:
        said.append(f"{number}: open by its rows {from_rows.tokens}, by its events {from_events.tokens}")
    if (from_rows.status, from_rows.data) != (from_events.status, from_events.data):
        said.append(f"{number}: status or record differ between rows and events")
    for task in tasks:
        plans = Deadline.objects.filter(task=task)
        if task.is_open and task.kind == "task" and task.due_at and not plans.exists():
            said.append(f"{number}: {task.step} has a time limit and no instant")
        if task.is_open and task.kind == "task" and not task.assignments.exists():
            said.append(f"{number}: {task.step} is with nobody")
        if not task.is_open and task.assignments.filter(is_open=True).exists():
            said.append(f"{number}: {task.step} is over and still in an inbox")
    return said


def once(number: str, case: Case, events: list[Event]) -> list[str]:
    """No instant twice: never more events of a rung than instants of that rung that fired."""
    names = ("task.reminder", "task.overdue", "task.escalated")
    told = Counter(
        (event.facts.get("step"), event.facts.get("item", ""), event.facts.get("rung"))
        for event in events
        if event.name in names
    )
    fired = Counter(
        (deadline.task.step, deadline.task.item, deadline.rung)
        for deadline in Deadline.objects.filter(case=case, kind="rung").exclude(fired_at=None).select_related("task")
        if deadline.task
    )
    return [
        f"{number}: {place} was told {count} times, {fired[place]} instants fired"
        for place, count in told.items()
        if count > fired[place]
    ]


def numbers(cases: dict[str, Case]) -> list[str]:
    """Without gaps: what was not acknowledged took no number. Of the complaints alone, which people take meanwhile."""
    said = []
    series: dict[str, list[int]] = {}
    for number, case in cases.items():
        if case.procedure.key == "customer-complaint":
            stem, _dash, last = number.rpartition("-")
            series.setdefault(stem, []).append(int(last))
    for stem, given in series.items():
        if sorted(given) != list(range(1, len(given) + 1)):
            said.append(f"{stem}: numbers {sorted(set(range(1, max(given) + 1)) - set(given))} are missing")
    return said


def told_once() -> list[str]:
    """No message twice: one notice each, and no two messages of one step to one reader."""
    said = [
        f"message {row['message']} became {row['count']} notices"
        for row in Notice.objects.values("message").annotate(count=Count("pk")).filter(count__gt=1)
    ]
    same = ("kind", "recipient", "case_number", "step", "item", "created_at")
    twice = Message.objects.filter(case_number__gt="").values(*same).annotate(count=Count("pk")).filter(count__gt=1)
    for row in twice:
        count = row.pop("count")
        kept = list(Message.objects.filter(**row).values_list("facts", flat=True))
        several = count - len({json.dumps(facts, sort_keys=True) for facts in kept})
        if several and count > rungs_at_once(row):
            said.append(
                f"{row['case_number']}: {row['recipient']} is told {count} times of {row['kind']} {row['step']}"
            )
    return said


def rungs_at_once(row: dict[str, Any]) -> int:
    """How many rungs told this reader in that moment: after a clock's jump several come at once, each with its event."""
    case = Case.objects.get(number=row["case_number"])
    events = Event.objects.filter(stream=f"case:{case.pk}", name=f"task.{row['kind']}", at=row["created_at"])
    return sum(
        (event.facts.get("step"), event.facts.get("item", "")) == (row["step"], row["item"])
        and row["recipient"] in event.facts["told"]
        for event in events
    )


def main() -> None:
    with every_organization():
        organization = Organization.objects.get()
    with scope(organization):
        if sys.argv[1] == "--left":
            print(json.dumps(left(organization)))
        else:
            print(json.dumps(problems(organization, json.loads(Path(sys.argv[1]).read_text())), ensure_ascii=False))


main()
