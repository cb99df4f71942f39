"""What several sign together, what ledgers tell a record, numbers that steps give, and a case for every row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kehu.cases import actions
from kehu.cases.examples import run_stories, stage
from kehu.cases.models import Assignment, Case
from kehu.cases.moves import replayed, state_of
from kehu.cases.withdrawal import withdraw
from kehu.core.models import Event, Organization
from kehu.core.refusals import Refusal
from kehu.core.scope import scope
from kehu.operations.verification import verify
from kehu.procedures import revisions
from kehu.procedures.checks import check_pack
from kehu.procedures.packs import load
from kehu.procedures.sources import Source
from tests.cast import at

PACK = """
key: tiny
title: {zh: 小公司, en: Tiny}
ranks: {staff: 10, head: 20}
departments: {store: {title: {zh: 仓库, en: Store}}}
positions:
  giver: {title: {zh: 交物人, en: Giver}, department: store, rank: staff}
  taker: {title: {zh: 接物人, en: Taker}, department: store, rank: staff}
  store_head: {title: {zh: 仓库主管, en: Head of the store}, department: store, rank: head}
calendar: {week: {mon: [08:00-12:00], tue: [08:00-12:00], wed: [], thu: [], fri: [], sat: [], sun: []}, known_until: 2026-12-31}
ladders: {standard: [{at: due, tell: assignee}]}
numbering: {handing: "HO-{YYYY}Q{Q}-{NNN}", receipt: "RC-{YYYY}{MM}-{customer}", visit: "V-{YYYY}H{H}-{NN}"}
"""

LIMITS = """
fee:
  title: {zh: 保管费, en: Fee}
  inputs: {pieces: {type: number, min: 0}}
  outputs: [fee]
  rows: [{pieces: "0..10", fee: 5}, {pieces: "10..", fee: 20}]
"""

HANDING = """
key: handing
number: T-1
title: {zh: 交接, en: Handing over}
revision: A/0
owner: store
numbering: handing
clauses: {"1": {title: {zh: 交接, en: Handing over}, text: {zh: 双方签字。, en: Both sign.}}}
steps:
  list-them:
    title: {zh: 列单, en: List them}
    clause: ["1"]
    role: giver
    fills: [goods]
    asks: [{does: decide, with: {table: "'fee'", pieces: pieces ?? 0}, gives: fee}]
    next: hand-over
  hand-over:
    title: {zh: 交接, en: Hand over}
    clause: ["1"]
    signatures: [doer of list-them, taker]
    fills: [remarks]
    numbers: {receipt_no: receipt}
    sets: {receipt_text: "'no. ' + receipt_no", given_by: "signers[0]", taken_by: "signers[1]"}
    outcomes:
      done:
        title: {zh: 交清, en: Handed over}
        opens: {procedure: visit, each: visits, customer: item.customer, by: giver, when: item.why != 'none', with: {why: item.why}}
        next: await-visits
      refuse: {title: {zh: 不收, en: Refused}, refuses: true, needs: reason, next: list-them}
  await-visits:
    title: {zh: 等拜访, en: Wait for the visits}
    wait: {case: visit}
    next: over
  over: {title: {zh: 完, en: Over}, end: true}
"""

HANDING_FORM = """
title: {zh: 交接单, en: Handing over}
sections:
  goods:
    title: {zh: 物品, en: Goods}
    fields:
      pieces: {type: number, title: {zh: 件数, en: Pieces}, required: true}
      fee: {type: money, decimals: 2, title: {zh: 保管费, en: Fee}, system: true}
      visits:
        type: rows
        title: {zh: 拜访, en: Visits}
        columns:
          customer: {type: customer, title: {zh: 客户, en: Customer}, required: true}
          why: {type: text, title: {zh: 目的, en: Why}}
  remarks:
    title: {zh: 备注, en: Remarks}
    fields:
      remark: {type: text, title: {zh: 备注, en: Remark}}
      receipt_no: {type: text, title: {zh: 收据号, en: Receipt number}, system: true}
      receipt_text: {type: text, title: {zh: 收据, en: Receipt}, system: true}
      given_by: {type: user, title: {zh: 交物人, en: Given by}, system: true}
      taken_by: {type: user, title: {zh: 接物人, en: Taken by}, system: true}
"""

VISIT = """
key: visit
number: T-2
title: {zh: 拜访, en: Visit}
revision: A/0
owner: store
numbering: visit
numbered_for: month
clauses: {"1": {title: {zh: 拜访, en: Visit}, text: {zh: 去。, en: Go.}}}
steps:
  go:
    title: {zh: 去, en: Go}
    clause: ["1"]
    role: giver
    fills: [facts]
    next: gone
  gone: {title: {zh: 去过, en: Gone}, end: true}
"""

VISIT_FORM = """
title: {zh: 拜访单, en: Visit}
sections:
  facts:
    title: {zh: 内容, en: Facts}
    fields: {why: {type: text, title: {zh: 目的, en: Why}}, month: {type: text, title: {zh: 月份, en: Month}}}
"""

STORY = """
- example: both sign, and every visit has its own customer
  at: 2026-03-02 09:00
  start:
    procedure: handing
    by: giver
    customer: C0001
    data: {pieces: 12, visits: [{customer: C0001, why: tea}, {customer: C0002, why: talk}, {customer: C0002, why: none}, {customer: C0002, why: tea}]}
  steps:
    - expect: {open: [hand-over], waits_for: {hand-over: [giver, taker]}, data: {fee: 20, number: HO-2026Q1-001}}
    - {try: hand-over, by: store_head, outcome: done, refused: position}
    - {do: hand-over, by: taker, data: {remark: 齐}, outcome: done}
    - expect: {open: [hand-over], waits_for: {hand-over: [giver]}, data: {remark: 齐, receipt_no: null}}
    - {try: hand-over, by: taker, outcome: done, refused: rule, says: side}
    - {do: hand-over, by: giver, outcome: done}
    - expect: {open: [await-visits, go, go, go], data: {receipt_no: RC-202603-C0001, receipt_text: no. RC-202603-C0001, given_by: giver, taken_by: taker}}
    - {do: go, by: giver}
    - {do: go, by: giver}
    - expect: {open: [await-visits, go], status: open}
    - {do: go, by: giver}
    - expect: {open: [], status: over}
"""

MONDAY = at("2026-03-02 09:00")


@pytest.fixture
def tiny(db: Any, tmp_path: Path) -> Iterator[Organization]:
    folder = tmp_path / "tiny"
    texts = {
        "pack.yaml": PACK,
        "tables/fee.yaml": LIMITS,
        "handing/procedure.yaml": HANDING,
        "handing/form.yaml": HANDING_FORM,
        "handing/examples.yaml": STORY,
        "visit/procedure.yaml": VISIT,
        "visit/form.yaml": VISIT_FORM,
        "demo.yaml": "customers: [{code: C0001, name: 甲公司}, {code: C0002, name: 乙公司}]\npeople: {}\n",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    loaded = load(folder)
    assert [str(problem) for problem in check_pack(loaded)] == []
    organization = stage(loaded, MONDAY)
    with scope(organization):
        yield organization


def handing(organization: Organization, **values: Any) -> Case:
    return actions.open_case(
        organization=organization, procedure="handing", by="giver", now=MONDAY, customer="C0001", values={"pieces": 3, **values}
    )  # fmt: skip


def sign(case: Case, by: str, **more: Any) -> Case:
    return actions.complete(
        organization=case.organization, number=case.number, step="hand-over", by=by, now=MONDAY, **{"outcome": "done", **more}
    )  # fmt: skip


def whose(case: Case) -> set[str]:
    mine = Assignment.objects.filter(task__case=case, is_open=True)
    return set(mine.values_list("member__key", flat=True))


def test_the_story_of_a_handing_over(tiny: Organization, tmp_path: Path) -> None:
    loaded = load(tmp_path / "tiny")
    source = Source.read(tmp_path / "tiny" / "handing" / "examples.yaml")
    assert [str(one) for one in run_stories(loaded, tiny, source).differences] == []


def test_whoever_signed_last_is_the_one_that_ends_it_and_the_record_proves_both(tiny: Organization) -> None:
    case = sign(handing(tiny), "giver")
    assert whose(case) == {"taker"}
    event = Event.objects.filter(stream=f"case:{case.pk}").latest("sequence")
    assert (event.name, event.by) == ("task.cosigned", "giver")

    case = sign(case, "taker")
    case.refresh_from_db()
    procedure = revisions.running(case.revision).procedure
    recorded = [event.facts["move"] for event in Event.objects.filter(stream=f"case:{case.pk}").order_by("sequence") if "move" in event.facts]  # fmt: skip
    assert replayed(procedure, recorded) == state_of(case, procedure, list(case.tasks.order_by("pk")))
    assert verify().problems == []


def test_one_side_alone_may_refuse(tiny: Organization) -> None:
    case = sign(handing(tiny), "taker", outcome="refuse", reason="少一件")
    assert list(case.tasks.filter(state="open").values_list("step", flat=True)) == ["list-them"]


def test_when_it_is_listed_again_both_sign_anew(tiny: Organization) -> None:
    case = sign(sign(handing(tiny), "giver"), "taker", outcome="refuse", reason="少一件")
    case = actions.complete(organization=tiny, number=case.number, step="list-them", by="giver", now=MONDAY, values={"pieces": 4})  # fmt: skip
    assert whose(case) == {"giver", "taker"}


def test_what_a_ledger_says_is_asked_again_when_the_step_is_completed(tiny: Organization) -> None:
    case = actions.open_case(organization=tiny, procedure="handing", by="giver", now=MONDAY, customer="C0001")
    assert case.data["fee"] == "5.00"
    case.data["pieces"] = "11"
    case.save()
    case = actions.complete(organization=tiny, number=case.number, step="list-them", by="giver", now=MONDAY, values={"pieces": 12})  # fmt: skip
    assert case.data["fee"] == "20.00"


def test_a_number_is_given_once_even_if_the_step_is_done_again(tiny: Organization) -> None:
    case = sign(sign(handing(tiny), "giver"), "taker")
    assert case.data["receipt_no"] == "RC-202603-C0001"
    other = sign(sign(handing(tiny), "giver"), "taker")
    assert other.data["receipt_no"] == "RC-202603-C0001-2"
    case = withdraw(organization=tiny, number=case.number, step="hand-over", by="taker", now=MONDAY)
    assert (case.data["receipt_no"], whose(case)) == (None, {"taker"})


def test_a_case_of_last_half_year_is_numbered_in_it(tiny: Organization) -> None:
    case = actions.open_case(
        organization=tiny, procedure="visit", by="giver", now=MONDAY, customer="C0001", values={"month": "2025-07"}
    )
    assert case.number == "V-2025H2-01"


def test_a_visit_to_a_customer_that_does_not_exist_opens_nothing(tiny: Organization) -> None:
    case = sign(handing(tiny, visits=[{"customer": "C0001", "why": "tea"}]), "giver")
    case.data["visits"][0]["customer"] = "C0404"
    case.save()
    with pytest.raises(Refusal, match="C0404"):
        sign(case, "taker")
    assert not Case.objects.filter(procedure__key="visit").exists()
