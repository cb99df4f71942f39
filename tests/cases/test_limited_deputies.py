"""A deputy with a limit acts up to that amount and no further: the same refusal by the action, on the page, by the API and in a terminal.

A small company whose orders have an amount: the clerk writes one, the head of sales approves it, above her stands the boss.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from kehu.cases import actions
from kehu.cases.examples import stage
from kehu.cases.models import Assignment, Case, Task
from kehu.cases.refusals import BeyondTheMandate, WrongPosition
from kehu.cases.verbs import perform
from kehu.cli.main import main
from kehu.core import clock
from kehu.core.models import Event, Organization
from kehu.core.scope import scope
from kehu.organizations import absences, deputies
from kehu.procedures.checks import check_pack
from kehu.procedures.packs import load
from tests.api.conftest import Program
from tests.cast import sign_in

PACK = """
key: orders
title: {zh: 小公司, en: Tiny}
ranks: {staff: 10, head: 20, boss: 60}
departments:
  sales: {title: {zh: 业务部, en: Sales}}
  office: {title: {zh: 总经办, en: Office}}
positions:
  clerk: {title: {zh: 文员, en: Clerk}, department: sales, rank: staff}
  assistant: {title: {zh: 助理, en: Assistant}, department: sales, rank: staff}
  sales_head: {title: {zh: 主管, en: Head of sales}, department: sales, rank: head}
  boss: {title: {zh: 总经理, en: Boss}, department: office, rank: boss, everywhere: true}
calendar:
  week: {mon: [08:00-17:00], tue: [08:00-17:00], wed: [08:00-17:00], thu: [08:00-17:00], fri: [08:00-17:00], sat: [], sun: []}
ladders: {standard: [{at: due, tell: assignee}]}
numbering: {order: "OR-{YYYY}-{NNN}"}
"""

ORDER = """
key: order
number: T-1
title: {zh: 订单, en: Order}
revision: A/0
owner: sales
numbering: order
customer: optional
amount: amount
clauses: {"1": {title: {zh: 订单, en: Order}, text: {zh: 订单要批准。, en: Orders are approved.}}}
steps:
  write-order: {title: {zh: 写订单, en: Write the order}, clause: ["1"], role: clerk, fills: [facts], next: check-order}
  check-order: {title: {zh: 核价, en: Check the price}, clause: ["1"], role: sales_head+, fills: [facts], next: approve-order}
  approve-order:
    title: {zh: 批准, en: Approve}
    clause: ["1"]
    role: sales_head
    approves: [write-order]
    outcomes:
      approve: {title: {zh: 批准, en: Approve}, next: approved}
      refuse: {title: {zh: 不批准, en: Refuse}, refuses: true, needs: reason, next: refused}
  approved: {title: {zh: 已批准, en: Approved}, end: true}
  refused: {title: {zh: 未批准, en: Refused}, end: true}
"""

FORM = """
title: {zh: 订单, en: Order}
sections:
  facts: {title: {zh: 内容, en: Facts}, fields: {amount: {type: money, decimals: 2, title: {zh: 金额, en: Amount}, required: true}}}
"""

SENTENCE = "You stand in for Head of sales up to 5000.00, and this case is about 5000.01."


@pytest.fixture
def now() -> datetime:
    return clock.now()


@pytest.fixture
def orders(db: Any, tmp_path: Path, now: datetime) -> Iterator[Organization]:
    """The head of sales is away; her assistant stands in for her up to 5,000."""
    texts = {
        "pack.yaml": PACK,
        "order/procedure.yaml": ORDER,
        "order/form.yaml": FORM,
        "demo.yaml": "customers: []\npeople: {}\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    loaded = load(tmp_path)
    assert [str(problem) for problem in check_pack(loaded)] == []
    organization = stage(loaded, now)
    with scope(organization):
        away(organization, now)
        yield organization


def away(organization: Organization, now: datetime) -> None:
    absences.enter(
        organization=organization,
        member="sales_head",
        first_day=now.date() - timedelta(days=1),
        last_day=now.date() + timedelta(days=3),
        deputy="assistant",
        limit=Decimal(5000),
        by="sales_head",
        now=now,
    )
    deputies.accept(organization=organization, number=1, by="assistant", now=now)


def order(organization: Organization, amount: str, now: datetime, *, checked: bool = True) -> str:
    case = actions.open_case(
        organization=organization, procedure="order", by="clerk", now=now, values={"amount": amount}
    )
    if checked:
        actions.complete(
            organization=organization, number=case.number, step="check-order", by="boss", now=now, values={"amount": amount}
        )  # fmt: skip
    return str(case.number)


def approve(organization: Organization, number: str, now: datetime, by: str = "assistant") -> Case:
    return actions.complete(
        organization=organization, number=number, step="approve-order", by=by, now=now, outcome="approve"
    )


def stands(number: str) -> list[str]:
    return list(Task.objects.filter(case__number=number, state="open").values_list("step", flat=True))


def test_up_to_the_limit_the_deputy_approves_in_both_names(orders: Organization, now: datetime) -> None:
    number = order(orders, "5000", now)
    approve(orders, number, now)

    facts = Event.objects.get(name="task.completed", facts__step="approve-order").facts
    assert (facts["for"], facts["rules"]) == ("sales_head", [1])
    assert stands(number) == []


def test_above_the_limit_he_is_refused_and_it_goes_to_whoever_stands_above(orders: Organization, now: datetime) -> None:
    number = order(orders, "5000.01", now)
    with pytest.raises(BeyondTheMandate, match=r"5000\.00\b.*5000\.01"):
        approve(orders, number, now)

    holders = Assignment.objects.filter(task__step="approve-order", is_open=True).values_list("member__key", flat=True)
    assert list(holders) == ["boss"]
    assert stands(number) == ["approve-order"]
    approve(orders, number, now, by="boss")
    assert stands(number) == []


def test_the_page_refuses_with_the_sentence(orders: Organization, now: datetime, client: Client) -> None:
    number = order(orders, "5000.01", now)
    sign_in(client, orders, "assistant")
    client.cookies["kehu_language"] = "en"
    address = f"/cases/{number}/tasks/approve-order/completion/"
    answer = client.post(address, {"outcome": "approve"})

    assert answer.status_code == 403
    assert SENTENCE in answer.content.decode()
    assert stands(number) == ["approve-order"]


def test_the_api_refuses_with_the_sentence(orders: Organization, now: datetime) -> None:
    number = order(orders, "5000.01", now)
    answer = Program(orders, "assistant").post(
        f"/cases/{number}/tasks/approve-order/completion", {"outcome": "approve"}
    )

    assert (answer.status_code, answer.json()["code"]) == (403, "task.beyond_the_mandate")
    assert SENTENCE in answer.json()["detail"]
    assert stands(number) == ["approve-order"]


def test_the_terminal_refuses_with_the_sentence(
    orders: Organization, now: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    number = order(orders, "5000.01", now)
    words = ["act", number, "complete", "--step", "approve-order", "--by", "assistant", "--give", "outcome=approve"]

    assert main(words) == 1
    assert SENTENCE in capsys.readouterr().err
    assert main([*words, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["code"] == "task.beyond_the_mandate"
    assert stands(number) == ["approve-order"]


def test_what_he_fills_in_himself_counts_too(orders: Organization, now: datetime) -> None:
    number = order(orders, "4000", now, checked=False)
    common = {"organization": orders, "number": number, "step": "check-order", "by": "assistant", "now": now}
    with pytest.raises(BeyondTheMandate):
        actions.complete(**common, values={"amount": "9000"})
    assert stands(number) == ["check-order"]

    actions.complete(**common, values={"amount": "4500"})
    assert stands(number) == ["approve-order"]


def test_the_limit_counts_for_signatures_and_for_the_case_s_own_verbs(orders: Organization, now: datetime) -> None:
    number = order(orders, "5000.01", now)
    common = {"organization": orders, "number": number, "now": now}
    ask = {"who": ["sales_head"], "order": "before"}
    perform("add_signer", **common, by="boss", step="approve-order", given=ask)
    with pytest.raises(BeyondTheMandate):
        perform("sign", **common, by="assistant", step="approve-order", given={"answer": "agree"})
    for verb in ("void", "pause"):
        with pytest.raises(BeyondTheMandate):
            perform(verb, **common, by="assistant", given={"reason": "x"})
        with pytest.raises(WrongPosition):
            perform(verb, **common, by="clerk", given={"reason": "x"})
