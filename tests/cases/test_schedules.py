"""Cases that the calendar opens: each exactly once, whoever was down, however many work, wherever one was killed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.db import connection, connections
from django.db.utils import IntegrityError
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kehu.cases import actions, schedules
from kehu.cases.examples import run_stories, stage
from kehu.cases.given import put
from kehu.cases.models import Case, Scheduled, ScheduleMark, Task
from kehu.cases.refusals import SwitchedOff
from kehu.cases.steps import CUSTOMER_FACTS, OPERATIONS
from kehu.cases.work import Work
from kehu.core.models import Event, Organization
from kehu.core.scope import scope
from kehu.operations.verification import verify
from kehu.organizations.calendars import Calendar
from kehu.organizations.recurrence import Recurrence, following
from kehu.procedures import actions as procedures
from kehu.procedures import revisions
from kehu.procedures.checks import check_pack
from kehu.procedures.packs import LoadedPack, load
from kehu.procedures.sources import Source
from tests.cast import at

from .test_small_procedures import PACK

REVIEW = """
key: review
number: T-1
title: {zh: 回顾, en: Review}
revision: A/0
owner: sales
numbering: offer
customer: optional
clauses: {"1": {title: {zh: 回顾, en: Review}, text: {zh: 每月回顾。, en: Look back every month.}}}
schedules:
  monthly:
    title: {zh: 每月回顾, en: Monthly review}
    when: working day 1 08:00
    each: customer
    where: customer.status == 'active'
    with: {what: "period.last_month + ' ' + customer.code"}
steps:
  look-back:
    title: {zh: 回顾, en: Look back}
    clause: ["1"]
    role: clerk
    fills: [facts]
    next: over
  over: {title: {zh: 完, en: Over}, end: true}
"""

YEARLY = """
key: yearly
number: T-2
title: {zh: 年评, en: Yearly}
revision: A/0
owner: sales
numbering: inquiry
customer: optional
switched_on: false
clauses: {"1": {title: {zh: 年评, en: Yearly}, text: {zh: 每年一次。, en: Once a year.}}}
schedules:
  owners: {title: {zh: 年评, en: Yearly}, when: [20 December 08:00, 1 June 08:00], each: owner, where: customer.class == 'A'}
  single: {title: {zh: 汇总, en: Sum}, when: 31 December 08:00, by: boss, until: 2027-12-31}
steps:
  sum-up:
    title: {zh: 汇总, en: Sum up}
    clause: ["1"]
    role: sales_head
    fills: [facts]
    next: over
  over: {title: {zh: 完, en: Over}, end: true}
"""

FORM = """
title: {zh: 单, en: Sheet}
sections:
  facts: {title: {zh: 内容, en: Facts}, fields: {what: {type: text, title: {zh: 什么, en: What}}}}
"""

DEMO = """
people: {}
customers:
  - {code: C0001, name: 甲, class: A, owner: clerk}
  - {code: C0002, name: 乙, class: A, owner: clerk}
  - {code: C0003, name: 丙, class: B, owner: boss}
  - {code: C0004, name: 丁, class: B, owner: boss, status: dormant}
"""

PUBLISHED = at("2026-01-15 09:00")


def written(folder: Path, review: str = REVIEW) -> LoadedPack:
    texts = {
        "pack.yaml": PACK,
        "demo.yaml": DEMO,
        "review/procedure.yaml": review,
        "yearly/procedure.yaml": YEARLY,
        **{f"{key}/form.yaml": FORM for key in ("review", "yearly")},
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    loaded = load(folder)
    assert [str(problem) for problem in check_pack(loaded, OPERATIONS, CUSTOMER_FACTS)] == []
    return loaded


@pytest.fixture
def pack(tmp_path: Path) -> LoadedPack:
    return written(tmp_path / "tiny")


@pytest.fixture
def tiny(db: Any, pack: LoadedPack) -> Iterator[Organization]:
    organization = stage(pack, PUBLISHED)
    with scope(organization):
        yield organization


def opened() -> list[tuple[str, str]]:
    rows = Scheduled.objects.filter(case__isnull=False).order_by("at", "subject")
    return [(row.slot, row.subject) for row in rows]


THREE = ["C0001", "C0002", "C0003"]


def test_nothing_is_opened_that_lay_before_the_publication(tiny: Organization) -> None:
    assert schedules.open_due(tiny, at("2026-02-02 07:59")) == 0
    assert schedules.open_due(tiny, at("2026-02-02 08:00")) == 3

    assert opened() == [("2026-02 working day 1", code) for code in THREE]
    case = Case.objects.get(customer__code="C0001")
    assert case.data == {"what": "2026-01 C0001"}
    assert case.opener
    assert case.opener.key == "clerk"
    assert verify().problems == []


def test_it_is_opened_once_however_often_it_is_asked(tiny: Organization) -> None:
    now = at("2026-02-02 08:00")
    assert [schedules.open_due(tiny, now) for _ in range(3)] == [3, 0, 0]
    assert schedules.open_due(tiny, at("2026-02-27 17:00")) == 0


def test_what_was_missed_is_caught_up_and_speaks_of_its_own_day(tiny: Organization) -> None:
    assert schedules.open_due(tiny, at("2026-04-20 10:00")) == 9
    assert sorted(Case.objects.filter(customer__code="C0002").values_list("data__what", flat=True)) == [
        "2026-01 C0002",
        "2026-02 C0002",
        "2026-03 C0002",
    ]
    assert schedules.open_due(tiny, at("2026-04-20 10:01")) == 0


def test_killed_half_way_the_rest_is_opened_and_nothing_twice(
    tiny: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedules, "BATCH", 1)
    write, writes = Work.write, []

    def dies(work: Work) -> None:
        writes.append(work)
        if len(writes) == 2:
            raise KeyboardInterrupt
        write(work)

    now = at("2026-02-02 08:00")
    monkeypatch.setattr(Work, "write", dies)
    with pytest.raises(KeyboardInterrupt):
        schedules.open_due(tiny, now)
    assert opened() == [("2026-02 working day 1", "C0001")]
    assert Case.objects.count() == 1

    assert schedules.open_due(tiny, at("2026-02-03 10:00")) == 2
    assert opened() == [("2026-02 working day 1", code) for code in THREE]
    assert Case.objects.count() == 3


def test_a_customer_who_comes_between_is_none_of_the_round_written_down(
    tiny: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedules, "_open_next", lambda *_: 0)
    schedules.open_due(tiny, at("2026-02-02 08:00"))
    monkeypatch.undo()
    from kehu.ledgers.customers.models import Customer

    Customer.objects.filter(code="C0004").update(status="active")
    assert schedules.open_due(tiny, at("2026-02-02 09:00")) == 3


def test_the_database_refuses_a_second_row_for_the_same_occurrence(tiny: Organization) -> None:
    schedules.open_due(tiny, at("2026-02-02 08:00"))
    row = Scheduled.objects.order_by("pk")[0]
    row.pk = None
    row.case = None
    with pytest.raises(IntegrityError):
        row.save(force_insert=True)


def test_one_that_cannot_be_opened_stops_no_other(tiny: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = Work.open

    def refuses(work: Work, beginnings: Any) -> Any:
        if any(one.customer.code == "C0002" for one in beginnings):
            raise ValueError("a mistake in the pack")
        return begin(work, beginnings)

    monkeypatch.setattr(Work, "open", refuses)
    schedules.open_due(tiny, at("2026-02-02 08:00"))

    assert [subject for _slot, subject in opened()] == ["C0001", "C0003"]
    assert Scheduled.objects.get(subject="C0002").error == "ValueError: a mistake in the pack"


def test_what_a_ledger_tells_of_customers_chooses_them(db: Any, tmp_path: Path) -> None:
    review = REVIEW.replace("customer.status == 'active'", "customer.delivered_last_month")
    organization = stage(written(tmp_path / "tiny", review), PUBLISHED)
    with scope(organization):
        given = [{"customer": "C0002", "product": "P", "qty": 2, "date": "2026-01-20", "price": 5}]
        put(organization, {"deliveries": given}, {}, at("2026-01-21 09:00"))
        schedules.open_due(organization, at("2026-03-31 17:00"))
        assert opened() == [("2026-02 working day 1", "C0002")]


def test_a_changed_time_begins_anew_and_the_same_time_goes_on(tiny: Organization, tmp_path: Path) -> None:
    schedules.open_due(tiny, at("2026-02-02 08:00"))
    later = at("2026-02-20 09:00")
    retitled = written(tmp_path / "tiny", REVIEW.replace("A/0", "A/1"))
    procedures.publish(organization=tiny, loaded=retitled, by="", now=later)
    assert schedules.open_due(tiny, at("2026-03-02 08:00")) == 3

    moved = written(tmp_path / "tiny", REVIEW.replace("A/0", "A/2").replace("working day 1 08:00", "day 1 08:00"))
    procedures.publish(organization=tiny, loaded=moved, by="", now=at("2026-03-05 09:00"))
    assert schedules.open_due(tiny, at("2026-03-31 17:00")) == 0  # the 1st of March lay before
    assert schedules.open_due(tiny, at("2026-04-01 08:00")) == 3


def test_another_hour_of_the_same_day_does_not_open_it_again(tiny: Organization, tmp_path: Path) -> None:
    schedules.open_due(tiny, at("2026-02-02 08:00"))
    moved = written(tmp_path / "tiny", REVIEW.replace("A/0", "A/1").replace("1 08:00", "1 16:00"))
    procedures.publish(organization=tiny, loaded=moved, by="", now=at("2026-02-02 09:00"))
    assert schedules.open_due(tiny, at("2026-02-02 17:00")) == 0
    assert len(opened()) == 3


def test_more_cases_take_no_more_statements(tiny: Organization) -> None:
    """A batch is the general case: what is asked and written is so once for all of its cases."""
    from kehu.ledgers.customers.models import Customer

    def statements(now: datetime) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert schedules.open_due(tiny, now) == Customer.objects.filter(status="active").count()
        return len(captured)

    schedules.open_due(tiny, at("2026-02-02 08:00"))  # what is kept is read
    few = statements(at("2026-03-02 08:00"))
    Customer.objects.bulk_create(Customer(organization=tiny, code=f"X{n:03}", name=f"客户{n}") for n in range(100))
    assert statements(at("2026-04-01 08:00")) == few


def test_it_is_told_how_far_a_run_is(tiny: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    open_next = schedules._open_next
    monkeypatch.setattr(schedules, "_open_next", lambda organization, now, _most: open_next(organization, now, 1) and 0)
    schedules.open_due(tiny, at("2026-02-02 08:00"))
    assert [(one.opened, one.total) for one in schedules.under_way(tiny)] == [(1, 3)]
    monkeypatch.undo()
    schedules.open_due(tiny, at("2026-02-02 08:01"))
    assert schedules.under_way(tiny) == []


# --- switched off ------------------------------------------------------------------------------------------------------


def switch(organization: Organization, on: bool, now: datetime) -> None:
    procedures.switch(organization=organization, procedure="yearly", on=on, by="boss", now=now)


def test_what_is_switched_off_opens_nothing_and_is_not_caught_up(tiny: Organization) -> None:
    assert schedules.open_due(tiny, at("2026-06-01 08:00"), ["yearly"]) == 0
    switch(tiny, True, at("2026-06-10 08:00"))
    assert schedules.open_due(tiny, at("2026-06-10 08:00"), ["yearly"]) == 0

    assert schedules.open_due(tiny, at("2026-12-20 08:00"), ["yearly"]) == 1
    assert opened() == [("2026-12 20", "clerk")]  # boss has no customer of class A
    task = Task.objects.get(case__procedure__key="yearly")
    assert [one.member.key for one in task.assignments.all()] == ["clerk"]


def test_one_case_about_nobody_goes_to_whom_the_schedule_names_until_its_last_day(tiny: Organization) -> None:
    switch(tiny, True, at("2026-06-10 08:00"))
    schedules.open_due(tiny, at("2030-01-10 08:00"), ["yearly"])
    slots = [row.slot for row in Scheduled.objects.filter(schedule="single").order_by("at")]
    assert slots == ["2026-12 31", "2027-12 31"]
    case = Scheduled.objects.filter(schedule="single")[0].case
    assert case.opener.key == "boss"


def test_starting_what_is_switched_off_is_refused_and_the_company_may_switch_it_on(tiny: Organization) -> None:
    def start() -> Case:
        return actions.open_case(organization=tiny, procedure="yearly", by="sales_head", now=PUBLISHED, values={})

    with pytest.raises(SwitchedOff):
        start()
    switch(tiny, True, PUBLISHED)
    assert start().status == "over"
    switch(tiny, False, PUBLISHED)
    with pytest.raises(SwitchedOff):
        start()
    assert [event.name for event in Event.objects.filter(name__startswith="procedures.switched").order_by("pk")] == [
        "procedures.switched_on",
        "procedures.switched_off",
    ]
    assert not revisions.is_on(revisions.in_force(tiny)["yearly"])


# --- what comes ----------------------------------------------------------------------------------------------------------


def test_the_forecast_says_what_comes_how_many_and_what_was(tiny: Organization) -> None:
    switch(tiny, True, PUBLISHED)
    schedules.open_due(tiny, at("2026-02-02 08:00"))
    found = schedules.forecasts(tiny, at("2026-02-03 08:00"), 2)

    assert [(one.plan.key, one.count, one.opened, one.waiting) for one in found] == [
        ("monthly", 3, 3, 0),
        ("owners", 1, 0, 0),
        ("single", 1, 0, 0),
    ]
    assert [one.at for one in found[0].coming] == [at("2026-03-02 08:00"), at("2026-04-01 08:00")]
    assert [one.at for one in found[1].coming] == [at("2026-06-01 08:00"), at("2026-12-20 08:00")]


# --- stories ---------------------------------------------------------------------------------------------------------------

STORIES = """
- example: the calendar opens a review for each customer, and the story speaks of the first
  at: 2026-02-27 09:00
  start: {procedure: review, by: calendar}
  steps:
    - wait: until 2026-03-02 07:59
    - expect: {open: []}
    - wait: until 2026-03-02 08:00
    - expect: {open: [look-back, look-back, look-back], status: open, data: {what: 2026-02 C0001}}
    - {do: look-back, by: clerk}
    - expect: {open: [look-back, look-back], status: over}
- example: what is off is refused, what is switched on is opened
  at: 2026-06-01 07:00
  given: {switched_on: {yearly: true, review: false}}
  start: {procedure: yearly, by: calendar}
  steps:
    - wait: 1 hour
    - expect: {open: [sum-up]}
    - start: {procedure: review, by: clerk, customer: C0001, refused: rule, says: switched off}
"""


def test_stories_that_nobody_starts(db: Any, pack: LoadedPack, tmp_path: Path) -> None:
    file = tmp_path / "stories.yaml"
    file.write_text(STORIES, encoding="utf-8")
    found = run_stories(pack, stage(pack, PUBLISHED), Source.read(file))
    assert [str(difference) for difference in found.differences] == []


# --- many workers --------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's test database is one connection's")
@pytest.mark.django_db(transaction=True)
def test_any_number_of_workers_opens_each_once(pack: LoadedPack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedules, "BATCH", 1)
    organization = stage(pack, PUBLISHED)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            schedules.open_due(organization, at("2026-04-20 10:00"))
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    workers = [Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []
    with scope(organization):
        assert Case.objects.count() == Scheduled.objects.filter(case__isnull=False).count() == 9
        assert ScheduleMark.objects.count() == 1


# --- days that come again -------------------------------------------------------------------------------------------------

WEEK = {day: ["08:00-12:00", "13:00-17:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
PLAIN = Calendar.from_json({"timezone": "Asia/Shanghai", "week": WEEK})


@pytest.mark.parametrize(
    ("text", "after", "expected", "slot"),
    [
        ("20 December 08:00", "2026-12-20 07:59", "2026-12-20 08:00", "2026-12 20"),
        ("20 December 08:00", "2026-12-20 08:00", "2027-12-20 08:00", "2027-12 20"),
        ("29 February 08:00", "2026-01-01 08:00", "2026-02-28 08:00", "2026-02 29"),
        ("day 31 08:00", "2026-02-01 08:00", "2026-02-28 08:00", "2026-02 31"),
        ("last day 08:00", "2026-04-30 09:00", "2026-05-31 08:00", "2026-05 last"),
        ("working day 1 08:00", "2026-07-31 08:00", "2026-08-03 08:00", "2026-08 working day 1"),
        ("working day 30 08:00", "2026-07-01 08:00", "2026-07-31 08:00", "2026-07 working day 30"),
        ("last working day 16:00", "2026-05-01 08:00", "2026-05-29 16:00", "2026-05 working day last"),
    ],
)
def test_a_day_that_comes_again(text: str, after: str, expected: str, slot: str) -> None:
    found = following([Recurrence.parse(text)], PLAIN, at(after))
    assert (found.at, found.slot) == (at(expected), slot)


@pytest.mark.parametrize(
    "text", ["20 Dezember 08:00", "31 June 08:00", "day 32 08:00", "day 1", "monthly", "day 1 25:00"]
)
def test_what_is_no_such_day(text: str) -> None:
    with pytest.raises(ValueError, match="is no day that comes again"):
        Recurrence.parse(text)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hours=st.lists(st.integers(1, 24 * 45), min_size=1, max_size=12))
def test_whenever_somebody_works_every_month_is_opened_once(hours: list[int]) -> None:
    """The calendar alone: walking in any strides meets the same occurrences."""
    one = Recurrence.parse("working day 1 08:00")
    from datetime import timedelta

    now, slots = at("2026-01-15 09:00"), []
    seen = now
    for stride in hours:
        now += timedelta(hours=stride)
        while (found := following([one], PLAIN, seen)).at <= now:
            slots.append(found.slot)
            seen = found.at
    assert len(slots) == len(set(slots))
    months = [f"{2026 + month // 12}-{month % 12 + 1:02}" for month in range(1, len(slots) + 1)]
    assert slots == [f"{month} working day 1" for month in months]
