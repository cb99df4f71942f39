"""What the factory's procedures do not use, shown on small ones: waits, clocks with a ladder, questions to a decision table,
cases that wait for the cases they opened, outcomes taken by the system."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kehu.cases import actions, pauses
from kehu.cases.escalation import fire_due, run_until
from kehu.cases.examples import stage
from kehu.cases.models import Case, Deadline, Task
from kehu.cases.refusals import SwitchedOff
from kehu.core.models import Event, Message, Organization
from kehu.core.scope import scope
from kehu.operations.verification import verify
from kehu.organizations import absences, deputies
from kehu.procedures import actions as procedures
from kehu.procedures.checks import check_pack
from kehu.procedures.packs import load
from tests.cast import Telling, at

PACK = """
key: tiny
title: {zh: 小公司, en: Tiny}
ranks: {staff: 10, head: 20, boss: 60}
departments:
  sales: {title: {zh: 业务部, en: Sales}}
  office: {title: {zh: 总经办, en: Office}}
positions:
  clerk: {title: {zh: 文员, en: Clerk}, department: sales, rank: staff}
  sales_head: {title: {zh: 主管, en: Head of sales}, department: sales, rank: head}
  boss: {title: {zh: 总经理, en: Boss}, department: office, rank: boss, everywhere: true}
calendar:
  week: {mon: [08:00-12:00, 13:00-17:00], tue: [08:00-12:00, 13:00-17:00], wed: [08:00-12:00, 13:00-17:00], thu: [08:00-12:00, 13:00-17:00], fri: [08:00-12:00, 13:00-17:00], sat: [], sun: []}
  known_until: 2026-12-31
ladders:
  standard: [{at: due, tell: assignee}]
  closing: [{before: 2 days, tell: clerk}, {at: due, tell: [assignee, boss]}]
numbering: {offer: "OF-{YYYY}-{NNN}", inquiry: "IN-{YYYY}-{NNN}", errands: "ER-{YYYY}-{NNN}", chase: "CH-{YYYY}-{NNN}"}
settings:
  patience: {title: {zh: 等待, en: Patience}, value: 10 days}
  often: {title: {zh: 提醒, en: Often}, value: 2 working days}
"""

TABLE = """
size:
  title: {zh: 规模, en: Size}
  inputs: {amount: {type: number, min: 0}}
  outputs: [outcome, grade]
  rows:
    - {amount: "0..1000", outcome: small, grade: B}
    - {amount: "1000..", outcome: large, grade: A}
"""

OFFER = """
key: offer
number: T-1
title: {zh: 报价, en: Offer}
revision: A/0
owner: sales
numbering: offer
customer: optional
clauses: {"1": {title: {zh: 报价, en: Offer}, text: {zh: 报价后等候答复。, en: Offer and wait.}}}
clocks:
  whole:
    title: {zh: 总时限, en: The whole}
    within: 15 days
    from: opened_on
    until: closed_on
    escalate: closing
steps:
  write-offer:
    title: {zh: 写报价, en: Write the offer}
    clause: ["1"]
    role: clerk
    fills: [facts]
    sets: {opened_on: today}
    next: size-up
  size-up:
    title: {zh: 判规模, en: Size it up}
    role: system
    does: decide
    with: {table: "'size'"}
    fills: [sized]
    outcomes:
      small: {title: {zh: 小, en: Small}, next: await-answer}
      large: {title: {zh: 大, en: Large}, next: ask-inside}
  ask-inside:
    title: {zh: 内部询问, en: Ask inside}
    does: class_customer
    with: {class: grade}
    opens: {procedure: inquiry, by: clerk, with: {question: "'can we?'"}}
    next: await-inquiry
  await-inquiry:
    title: {zh: 等候询问, en: Wait for the inquiry}
    wait: {case: inquiry}
    outcomes:
      answered: {title: {zh: 已答, en: Answered}, next: await-answer}
      dropped: {title: {zh: 放弃, en: Dropped}, next: lost}
  await-answer:
    title: {zh: 等候客户, en: Wait for the customer}
    wait: {for: settings.patience}
    next: decide-next
  decide-next:
    title: {zh: 决定下一步, en: Decide what next}
    clause: ["1"]
    role: sales_head
    due: 1 working day
    escalate: [{at: 50%, tell: assignee}, {at: due, tell: boss, takes: give_up}]
    outcomes:
      again: {title: {zh: 再等, en: Wait again}, next: await-answer}
      give_up: {title: {zh: 放弃, en: Give up}, sets: {closed_on: today}, next: lost}
  lost: {title: {zh: 未成, en: Lost}, end: true}
"""

OFFER_FORM = """
title: {zh: 报价单, en: Offer}
sections:
  facts:
    title: {zh: 内容, en: Facts}
    fields:
      amount: {type: number, title: {zh: 金额, en: Amount}, required: true}
      opened_on: {type: date, title: {zh: 开始, en: Opened}, system: true}
      closed_on: {type: date, title: {zh: 结束, en: Closed}, system: true}
  sized:
    title: {zh: 规模, en: Size}
    fields:
      grade: {type: text, title: {zh: 等级, en: Grade}}
"""

INQUIRY = """
key: inquiry
number: T-2
title: {zh: 询问, en: Inquiry}
revision: A/0
owner: sales
numbering: inquiry
customer: optional
clauses: {"1": {title: {zh: 询问, en: Inquiry}, text: {zh: 询问。, en: Ask.}}}
steps:
  answer-it:
    title: {zh: 答复, en: Answer}
    clause: ["1"]
    role: clerk
    due: 2 working hours
    escalate: [{at: 50%, tell: assignee}, {at: due, tell: [assignee, sales_head]}, {after: 1 working hour, tell: [sales_head, boss]}]
    fills: [facts]
    outcomes:
      yes_we_can: {title: {zh: 可以, en: We can}, next: answered}
      no_way: {title: {zh: 不行, en: No}, next: dropped}
  answered: {title: {zh: 已答, en: Answered}, end: true}
  dropped: {title: {zh: 放弃, en: Dropped}, end: true}
"""

INQUIRY_FORM = """
title: {zh: 询问单, en: Inquiry}
sections:
  facts: {title: {zh: 内容, en: Facts}, fields: {question: {type: text, title: {zh: 问题, en: Question}}}}
"""

ERRANDS = """
key: errands
number: T-3
title: {zh: 跑腿, en: Errands}
revision: A/0
owner: sales
numbering: errands
customer: optional
clauses: {"1": {title: {zh: 跑腿, en: Errands}, text: {zh: 跑腿。, en: Run them.}}}
steps:
  plan-them:
    title: {zh: 计划, en: Plan}
    clause: ["1"]
    role: clerk
    fills: [plan]
    next: [run-them, change-them, wait-for-day]
  run-them:
    title: {zh: 跑, en: Run}
    clause: ["1"]
    role: clerk
    due: 2 working hours
    watch: [{rows: errands, at: on_day, done: "false", tell: boss}]
    next: over
  change-them:
    title: {zh: 改, en: Change}
    clause: ["1"]
    role: sales_head
    fills: [plan]
    outcomes:
      more: {title: {zh: 再改, en: More}, next: change-them}
      stop: {title: {zh: 停, en: Stop}, next: over}
  wait-for-day:
    title: {zh: 等日子, en: Wait for the day}
    wait: {until: ends_on}
    next: over
  over: {title: {zh: 完, en: Over}, end: true}
"""

ERRANDS_FORM = """
title: {zh: 跑腿单, en: Errands}
sections:
  plan:
    title: {zh: 计划, en: Plan}
    fields:
      ends_on: {type: date, title: {zh: 到, en: Ends on}}
      errands:
        type: rows
        title: {zh: 事项, en: Errands}
        key: what
        columns: {what: {type: text, title: {zh: 什么, en: What}}, on_day: {type: date, title: {zh: 哪天, en: On}}}
"""

CHASE = """
key: chase
number: T-4
title: {zh: 追, en: Chase}
revision: A/0
owner: sales
numbering: chase
customer: optional
clauses: {"1": {title: {zh: 追, en: Chase}, text: {zh: 追。, en: Chase.}}}
clocks:
  long:
    title: {zh: 长, en: Long}
    within: 10 days
    from: begun_on
    until: met_on
    escalate: [{every: 3 days, tell: boss}]
steps:
  fix-day:
    title: {zh: 定日, en: Fix the day}
    clause: ["1"]
    role: clerk
    fills: [facts]
    sets: {begun_on: today}
    next: [ask-them, prepare]
  ask-them:
    title: {zh: 问, en: Ask}
    clause: ["1"]
    role: clerk
    escalate: [{every: settings.often, tell: assignee}, {at: 5 working days, tell: sales_head}, {at: 20 days, takes: silent}]
    outcomes:
      answered: {title: {zh: 已答, en: Answered}, next: over}
      silent: {title: {zh: 无回音, en: Silent}, next: over}
  prepare:
    title: {zh: 准备, en: Prepare}
    clause: ["1"]
    role: clerk
    due: {at: meets_at, before: {table: lead, output: before}}
    next: over
  over: {title: {zh: 完, en: Over}, end: true}
"""

CHASE_FORM = """
title: {zh: 追踪单, en: Chase}
sections:
  facts:
    title: {zh: 内容, en: Facts}
    fields:
      meets_at: {type: datetime, title: {zh: 会面, en: Meeting}}
      amount: {type: number, title: {zh: 金额, en: Amount}, default: "1"}
      begun_on: {type: date, title: {zh: 开始, en: Begun}, system: true}
      met_on: {type: date, title: {zh: 见面日, en: Met on}, system: true}
"""

LEAD = """
lead:
  title: {zh: 提前, en: Lead}
  inputs: {amount: {type: number, min: 0}}
  outputs: [before]
  rows:
    - {amount: "0..1000", before: 0 hours}
    - {amount: "1000..", before: 1 working day}
"""

MONDAY = at("2026-03-02 09:00")


@pytest.fixture
def tiny(db: Any, tmp_path: Path) -> Iterator[Organization]:
    folder = tmp_path / "tiny"
    texts = {
        "pack.yaml": PACK,
        "tables/size.yaml": TABLE,
        "tables/lead.yaml": LEAD,
        "chase/procedure.yaml": CHASE,
        "chase/form.yaml": CHASE_FORM,
        "offer/procedure.yaml": OFFER,
        "offer/form.yaml": OFFER_FORM,
        "inquiry/procedure.yaml": INQUIRY,
        "inquiry/form.yaml": INQUIRY_FORM,
        "errands/procedure.yaml": ERRANDS,
        "errands/form.yaml": ERRANDS_FORM,
        "demo.yaml": "customers: [{code: C0001, name: 甲公司, class: C}]\npeople: {}\n",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    loaded = load(folder)
    assert [str(problem) for problem in check_pack(loaded)] == []
    organization = stage(loaded, MONDAY)
    with scope(organization):
        yield organization


def offer(organization: Organization, amount: int) -> Telling:
    told = Telling(organization, MONDAY)
    told.case = actions.open_case(
        organization=organization,
        procedure="offer",
        by="clerk",
        now=MONDAY,
        customer="C0001",
        values={"amount": amount},
    )
    return told


def told_of(kind: str) -> list[str]:
    return sorted(Message.objects.filter(kind=kind).values_list("recipient", flat=True))


def test_a_decision_table_answers_a_step_of_the_system(tiny: Organization) -> None:
    small, large = offer(tiny, 999), offer(tiny, 1000)

    assert small.open_steps() == ["await-answer"]
    assert Case.objects.get(number=small.number).data["grade"] == "B"
    assert large.open_steps() == ["await-inquiry"]


def test_an_auto_step_posts_to_a_ledger_and_the_case_has_gone_on(tiny: Organization) -> None:
    case = offer(tiny, 5000).case
    assert case
    case.customer.refresh_from_db()

    assert case.customer.grade == "A"


def test_what_another_waits_for_is_not_switched_off_and_nothing_waits_for_ever(tiny: Organization) -> None:
    def switch(procedure: str, on: bool) -> None:
        procedures.switch(organization=tiny, procedure=procedure, on=on, by="", now=MONDAY)

    with pytest.raises(procedures.WaitedFor, match="“报价”的案件"):
        switch("inquiry", False)
    told = Telling(tiny, MONDAY)
    told.case = actions.open_case(organization=tiny, procedure="offer", by="clerk", now=MONDAY, customer="C0001")
    switch("offer", False)
    switch("inquiry", False)

    with pytest.raises(SwitchedOff):
        told.do("write-offer", by="clerk", amount=6000)
    told.do("write-offer", by="clerk", amount=600)
    assert told.open_steps() == ["await-answer"]


def test_a_pack_in_which_something_waits_for_what_is_off_has_a_problem(tiny: Organization, tmp_path: Path) -> None:
    file = tmp_path / "tiny" / "inquiry" / "procedure.yaml"
    file.write_text(INQUIRY.replace("key: inquiry", "key: inquiry\nswitched_on: false"), encoding="utf-8")

    [problem] = check_pack(load(tmp_path / "tiny"))
    assert 'step "await-inquiry" waits for "inquiry", which is switched off' in str(problem)


def test_two_answers_in_one_field_are_a_problem(tiny: Organization, tmp_path: Path) -> None:
    file = tmp_path / "tiny" / "offer" / "procedure.yaml"
    price = "{does: find_price, with: {product: \"'x'\"}, gives: {grade: price_source}}"
    asked = OFFER.replace("    fills: [facts]\n", f"    fills: [facts]\n    asks: [{price}, {price}]\n", 1)
    file.write_text(asked, encoding="utf-8")

    [problem] = check_pack(load(tmp_path / "tiny"))
    assert 'step "write-offer" puts two answers into "grade": the second would push out the first.' in str(problem)


@pytest.mark.parametrize(("outcome", "then"), [("yes_we_can", ["await-answer"]), ("no_way", [])])
def test_a_case_waits_for_the_case_it_opened_and_follows_its_end(
    tiny: Organization, outcome: str, then: list[str]
) -> None:
    told = offer(tiny, 5000)
    child = Case.objects.get(parent=told.case)
    assert child.data["question"] == "can we?"

    inner = Telling(tiny, MONDAY)
    inner.case = child
    inner.do("answer-it", by="clerk", outcome=outcome)

    assert told.open_steps() == then
    assert Case.objects.get(pk=told.case.pk).status == ("open" if then else "lost")  # type: ignore[union-attr]


def test_a_wait_ends_by_itself_after_the_company_s_own_time(tiny: Organization) -> None:
    told = offer(tiny, 10)
    run_until(MONDAY, at("2026-03-12 16:59"), tiny)
    assert told.open_steps() == ["await-answer"]

    run_until(MONDAY, at("2026-03-12 17:00"), tiny)  # ten days, at closing time
    assert told.open_steps() == ["decide-next"]


def test_silence_is_an_answer_where_the_ladder_says_so(tiny: Organization) -> None:
    told = offer(tiny, 10)
    run_until(MONDAY, at("2026-03-13 17:00"), tiny)

    assert Case.objects.get(number=told.number).status == "lost"
    assert Task.objects.get(step="decide-next").outcome == "give_up"
    assert told.open_steps() == []


def test_a_clock_has_its_own_ladder_beside_the_steps(tiny: Organization) -> None:
    told = offer(tiny, 10)
    told.now = at("2026-03-12 17:00")
    run_until(MONDAY, told.now, tiny)
    told.do("decide-next", by="sales_head", outcome="again")
    run_until(told.now, at("2026-03-15 17:00"), tiny)
    assert told_of("clock_reminder") == ["clerk"]  # two days before the 17th

    run_until(told.now, at("2026-03-17 17:00"), tiny)
    assert told_of("clock_overdue") == ["boss"]  # nobody has a task while the customer is waited for
    assert not Deadline.objects.filter(kind="clock", active=True).exists()


def test_a_clock_that_has_come_to_its_end_says_nothing(tiny: Organization) -> None:
    told = offer(tiny, 10)
    told.now = at("2026-03-12 17:00")
    run_until(MONDAY, told.now, tiny)
    told.do("decide-next", by="sales_head", outcome="give_up")
    run_until(told.now, at("2026-03-20 17:00"), tiny)

    assert told_of("clock_overdue") == []


def errands(organization: Organization) -> Telling:
    told = Telling(organization, MONDAY)
    told.case = actions.open_case(
        organization=organization,
        procedure="errands",
        by="clerk",
        now=MONDAY,
        values={"ends_on": "2026-03-04", "errands": [{"what": "bank", "on_day": "2026-03-03"}]},
    )
    return told


def test_a_changed_plan_fires_nothing_a_second_time(tiny: Organization) -> None:
    told = errands(tiny)
    told.now = at("2026-03-03 17:00")
    run_until(MONDAY, told.now, tiny)
    assert (told_of("overdue"), told_of("row_overdue")) == (["clerk"], ["boss"])

    more = [{"what": "bank", "on_day": "2026-03-03"}, {"what": "post", "on_day": "2026-03-04"}]
    told.do("change-them", by="sales_head", outcome="more", errands=more, ends_on="2026-03-06")
    run_until(told.now, at("2026-03-04 17:00"), tiny)

    assert (told_of("overdue"), told_of("row_overdue")) == (["clerk"], ["boss", "boss"])


def test_a_wait_for_a_day_moves_with_the_day(tiny: Organization) -> None:
    told = errands(tiny)
    told.do("change-them", by="sales_head", outcome="more", ends_on="2026-03-06")
    run_until(MONDAY, at("2026-03-06 16:59"), tiny)
    assert "wait-for-day" in told.open_steps()

    run_until(MONDAY, at("2026-03-06 17:00"), tiny)
    assert Case.objects.get(number=told.number).status == "over"


def test_rungs_that_come_due_at_once_tell_nobody_twice_in_one_moment(tiny: Organization) -> None:
    """No worker ran for two days: of the reminder, the end and what the ladder says after it, each hears of the last that names him."""
    told = Telling(tiny, MONDAY)
    told.case = actions.open_case(
        organization=tiny, procedure="inquiry", by="clerk", now=MONDAY
    )  # fmt: skip
    moment = at("2026-03-04 09:00")
    fire_due(moment)

    rungs = Event.objects.filter(name__in=["task.reminder", "task.overdue", "task.escalated"], facts__step="answer-it")
    said = Message.objects.filter(case_number=told.number, step="answer-it", created_at=moment)
    assert [(one.name, one.facts.get("told", [])) for one in rungs.order_by("sequence")] == [
        ("task.reminder", []),
        ("task.overdue", ["clerk"]),
        ("task.escalated", ["sales_head", "boss"]),
    ]
    assert sorted(said.values_list("recipient", "kind")) == [
        ("boss", "escalated"),
        ("clerk", "overdue"),
        ("sales_head", "escalated"),
    ]


def test_a_rung_that_ends_the_task_hides_no_word_of_the_rungs_before_it(tiny: Organization) -> None:
    """The ladder of `decide-next` gives up when it is due; the clock of the case tells the boss of its own."""
    offered = offer(tiny, 10)
    run_until(MONDAY, at("2026-03-13 09:00"), tiny)
    assert offered.open_steps() == ["decide-next"]
    fire_due(at("2026-03-20 09:00"))

    ladder = Message.objects.filter(case_number=offered.number, step="decide-next", kind__in=["reminder", "overdue"])
    assert sorted(ladder.values_list("recipient", "kind")) == [("boss", "overdue"), ("sales_head", "reminder")]
    assert offered.open_steps() == []


def test_who_stands_in_for_two_that_are_told_hears_once(tiny: Organization) -> None:
    """The head and the boss are both away, and both named the clerk."""
    for number, principal in enumerate(("sales_head", "boss"), start=1):
        absences.enter(
            organization=tiny,
            member=principal,
            first_day=date(2026, 3, 2),
            last_day=date(2026, 3, 6),
            deputy="clerk",
            by=principal,
            now=MONDAY,
        )
        deputies.accept(organization=tiny, number=number, by="clerk", now=MONDAY)
    actions.open_case(organization=tiny, procedure="inquiry", by="clerk", now=MONDAY)
    fire_due(at("2026-03-03 09:00"))

    said = Message.objects.filter(kind="escalated", step="answer-it").values_list("recipient", "facts__for")
    assert sorted((recipient, principal or "") for recipient, principal in said) == [
        ("boss", ""),
        ("clerk", "sales_head"),
        ("sales_head", ""),
    ]


def test_the_instants_of_a_clock_are_verified_against_the_events(tiny: Organization) -> None:
    offered = offer(tiny, 10)
    assert verify().problems == []
    run_until(MONDAY, at("2026-03-13 09:00"), tiny)
    assert offered.open_steps() == ["decide-next"]
    assert verify().problems == []

    to_come = Deadline.objects.filter(kind="clock", active=True)
    assert to_come.exists()
    to_come.update(at=at("2027-01-01 09:00"))
    place = f"tiny: case {offered.number}, clock whole"
    assert [str(problem).split(": its instant")[0] for problem in verify().problems][:1] == [place]


# --- again and again, and before a moment ------------------------------------------------------------------------------


def chase(organization: Organization, meets_at: str = "2026-03-16 10:00", amount: int = 1) -> Telling:
    told = Telling(organization, MONDAY)
    told.case = actions.open_case(
        organization=organization,
        procedure="chase",
        by="clerk",
        now=MONDAY,
        values={"meets_at": at(meets_at), "amount": amount},
    )
    return told


def repeated() -> list[str]:
    found = Event.objects.filter(name="task.repeated").order_by("id")
    return [f"{event.at.astimezone(MONDAY.tzinfo):%m-%d %H:%M}" for event in found]


def waiting_rungs(told: Telling) -> list[int]:
    rows = Deadline.objects.filter(case=told.case, task__step="ask-them", active=True)
    return sorted(rows.values_list("rung", flat=True))


def test_a_rung_repeats_from_the_opening_until_the_task_ends(tiny: Organization) -> None:
    told = chase(tiny)
    assert waiting_rungs(told) == [0, 1, 2]  # one row for what repeats
    run_until(MONDAY, at("2026-03-10 09:00"), tiny)

    assert repeated() == ["03-04 17:00", "03-06 17:00"]
    assert set(Message.objects.filter(kind="repeated").values_list("recipient", flat=True)) == {"clerk"}
    assert list(Message.objects.filter(kind="escalated").values_list("recipient", flat=True)) == ["sales_head"]
    assert waiting_rungs(told) == [0, 2]

    told.now = at("2026-03-10 09:00")
    told.do("ask-them", by="clerk", outcome="answered")
    run_until(told.now, at("2026-03-31 09:00"), tiny)
    assert repeated() == ["03-04 17:00", "03-06 17:00"]
    assert verify().problems == []


def test_a_rung_from_the_opening_takes_an_outcome_though_there_is_no_limit(tiny: Organization) -> None:
    told = chase(tiny)
    run_until(MONDAY, at("2026-03-22 17:00"), tiny)
    assert Task.objects.get(case=told.case, step="ask-them").outcome == "silent"


def test_who_was_down_reminds_once_and_goes_on_from_there(tiny: Organization) -> None:
    told = chase(tiny)
    late = at("2026-03-19 08:00")
    fire_due(late, organization=tiny)

    assert repeated() == ["03-19 08:00"]
    row = Deadline.objects.get(case=told.case, task__step="ask-them", rung=0, active=True)
    assert row.at == at("2026-03-20 17:00")
    assert verify().problems == []


def test_a_pause_moves_what_repeats_and_does_not_repeat_what_came(tiny: Organization) -> None:
    told = chase(tiny)
    run_until(MONDAY, at("2026-03-05 08:00"), tiny)
    common: dict[str, Any] = {"organization": tiny, "number": told.number, "by": "boss"}
    pauses.pause(**common, reason="放假", now=at("2026-03-05 08:00"))
    run_until(at("2026-03-05 08:00"), at("2026-03-09 08:00"), tiny)
    assert repeated() == ["03-04 17:00"]
    pauses.resume(**common, now=at("2026-03-09 08:00"))

    assert waiting_rungs(told) == [0, 1, 2]
    run_until(at("2026-03-09 08:00"), at("2026-03-10 17:00"), tiny)
    assert repeated() == ["03-04 17:00", "03-10 17:00"]
    assert verify().problems == []


def test_a_clock_s_ladder_repeats_too(tiny: Organization) -> None:
    chase(tiny)
    run_until(MONDAY, at("2026-03-09 17:00"), tiny)
    assert Event.objects.filter(name="clock.repeated").count() == 2
    assert Deadline.objects.filter(kind="clock", active=True).count() == 1
    assert verify().problems == []


@pytest.mark.parametrize(("amount", "expected"), [(1, "2026-03-16 10:00"), (5000, "2026-03-13 17:00")])
def test_a_limit_lies_before_the_moment_as_the_table_says(tiny: Organization, amount: int, expected: str) -> None:
    told = chase(tiny, amount=amount)
    assert Task.objects.get(case=told.case, step="prepare").due_at == at(expected)
