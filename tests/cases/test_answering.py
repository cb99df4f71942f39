"""A step that only the customer does, answered line by line; and who may invite him."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kehu.cases import answering, invitations
from kehu.cases.answering import Answer, Proof
from kehu.cases.examples import stage
from kehu.cases.guests import Visit
from kehu.cases.history import read
from kehu.cases.models import Assignment, Case, Invitation
from kehu.cases.refusals import NobodyInvited, NoStatusPage, TooManyLinks, WrongPosition
from kehu.cases.verbs import perform
from kehu.cases.wording import timeline
from kehu.core.models import Event, Message, Organization
from kehu.core.refusals import BadData
from kehu.core.scope import scope
from kehu.ledgers.customers.models import Contact, Customer
from kehu.operations.verification import verify
from kehu.organizations.queries import directory
from kehu.procedures.checks import check_pack
from kehu.procedures.packs import load
from tests.cast import Telling, at

from .test_small_procedures import PACK

STATEMENT = """
key: statement
number: T-9
title: {zh: 对账, en: Statement}
revision: A/0
owner: sales
numbering: offer
clauses: {"1": {title: {zh: 对账, en: Statement}, text: {zh: 客户逐行核对。, en: The customer checks line by line.}}}
steps:
  build: {title: {zh: 编制, en: Build}, clause: ["1"], role: clerk, fills: [account], next: confirm}
  confirm:
    title: {zh: 客户确认, en: Confirmation}
    clause: ["1"]
    role: customer
    fills: [confirmation]
    due: 5 working days
    invites:
      text: {zh: 请逐行核对。, en: Please check line by line.}
      shows: account
      fills: {confirmation: [remark]}
      lines: {rows: lines, into: differences, figure: theirs, remark: why, with: {line: row.no, ours: row.amount}, missing: {line: "'?'"}}
      signs: {by: signer, on: signed_on, file: paper, outcomes: agreed}
      valid: 2 working days
    outcomes:
      agreed: {title: {zh: 相符, en: Agreed}, when: "len(differences ?? []) == 0", next: done}
      disputed:
        title: {zh: 不符, en: Disputed}
        when: "len(differences ?? []) > 0"
        opens: {procedure: settle, submit: false}
        next: settle-it
  settle-it: {title: {zh: 处理, en: Settle}, clause: ["1"], role: doer of confirm, next: done}
  done: {title: {zh: 完成, en: Done}, end: true}
"""
FORM = """
title: {zh: 对账单, en: Statement}
sections:
  account:
    title: {zh: 明细, en: Account}
    fields:
      lines:
        type: rows
        title: {zh: 明细, en: Lines}
        key: no
        columns:
          no: {type: text, title: {zh: 单号, en: No.}, required: true}
          amount: {type: money, title: {zh: 金额, en: Amount}, decimals: 2, required: true}
      total: {type: money, title: {zh: 合计, en: Total}, decimals: 2, computed: "sum(map(lines ?? [], #.amount))"}
  confirmation:
    title: {zh: 确认, en: Confirmation}
    fields:
      remark: {type: text, title: {zh: 备注, en: Remark}}
      differences:
        type: rows
        title: {zh: 差异, en: Differences}
        columns:
          line: {type: text, title: {zh: 行, en: Line}, required: true}
          ours: {type: money, title: {zh: 我方, en: Ours}, decimals: 2}
          theirs: {type: money, title: {zh: 贵方, en: Yours}, decimals: 2, required: true}
          why: {type: text, title: {zh: 说明, en: Why}}
      signer: {type: text, title: {zh: 签名, en: Signed by}}
      signed_on: {type: date, title: {zh: 日期, en: On}}
      paper: {type: file, title: {zh: 文件, en: Paper}}
"""
SETTLE = """
key: settle
number: T-10
title: {zh: 争议, en: Dispute}
revision: A/0
owner: sales
numbering: inquiry
startable: false
clauses: {"1": {title: {zh: 争议, en: Dispute}, text: {zh: 查清。, en: Find out.}}}
steps:
  look: {title: {zh: 查, en: Look}, clause: ["1"], role: clerk, next: over}
  over: {title: {zh: 完, en: Over}, end: true}
"""
SETTLE_FORM = "title: {zh: 争议, en: Dispute}\nsections: {facts: {title: {zh: 事, en: Facts}, fields: {x: {type: text, title: {zh: 某, en: X}, default: \"'x'\"}}}}\n"
NOW = at("2026-03-10 09:00")


@pytest.fixture
def company(db: Any, tmp_path: Path) -> Iterator[Organization]:
    files = {"pack.yaml": PACK, "statement/procedure.yaml": STATEMENT, "statement/form.yaml": FORM}
    files |= {
        "settle/procedure.yaml": SETTLE.replace("role: clerk", "role: clerk, fills: [facts]"),
        "settle/form.yaml": SETTLE_FORM,
    }
    files["demo.yaml"] = (
        "people: {cai: {name: {zh: 蔡, en: Cai}, positions: [clerk]}, hu: {name: {zh: 胡, en: Hu}, positions: [sales_head]}}\n"
        "customers:\n  - {code: C0001, name: {zh: 客户, en: Customer}, owner: hu, contact: 王敏}\n"
    )
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    loaded = load(tmp_path)
    assert [str(problem) for problem in check_pack(loaded)] == []
    organization = stage(loaded, at("2026-03-09 08:00"))
    with scope(organization):
        yield organization


@pytest.fixture
def told(company: Organization) -> Telling:
    telling = Telling(company, NOW)
    rows = [{"no": "D-1", "amount": "1200.50"}, {"no": "D-2", "amount": "800"}]
    telling.case = perform_start(telling, rows)
    return telling


def perform_start(telling: Telling, rows: list[dict[str, str]]) -> Case:
    from kehu.cases import actions

    return actions.open_case(
        organization=telling.organization, procedure="statement", by="clerk", now=NOW, customer="C0001",
        values={"lines": rows},
    )  # fmt: skip


def invite(told: Telling, by: str = "sales_head", **more: Any) -> Invitation:
    given = {"name": "王敏", **more}
    perform("invite", organization=told.organization, number=told.number, by=by, now=NOW, step="confirm", given=given)
    return Invitation.objects.latest("pk")


def say(told: Telling, invitation: Invitation, now: Any = NOW, **more: Any) -> Case:
    common: dict[str, Any] = {"organization": told.organization, "invitation": invitation.pk, "browser": "b", "language": "en", "now": now}  # fmt: skip
    visit = Visit("192.0.2.9", "a telephone")
    invitations.open_link(**common, visit=visit)
    given = Answer(**{"values": {}, "signer": "王敏", **more})
    answering.look(**common, given=given)
    return answering.answer(**common, visit=visit, given=given, proof=Proof("signed.pdf"))


AGREED = {0: {"agrees": True}, 1: {"agrees": True}}


def test_who_looks_after_the_customer_has_his_step_and_sends_the_link(told: Telling) -> None:
    has = Assignment.objects.filter(task__case=told.case, task__step="confirm", is_open=True)
    assert [one.member.key for one in has.select_related("member")] == ["sales_head"]

    with pytest.raises(WrongPosition):
        invite(told, by="clerk")
    assert invite(told).state(NOW) == "made"


def test_what_the_customer_signed_on_paper_is_recorded_with_the_paper_and_not_without(told: Telling) -> None:
    with pytest.raises(BadData) as refused:
        told.do("confirm", by="sales_head", outcome="agreed", signer="王敏")
    assert [finding.path for finding in refused.value.findings] == ["paper"]

    told.do("confirm", by="sales_head", outcome="agreed", signer="王敏", paper="scan.pdf")
    assert told.case
    assert told.case.status == "done"


def test_every_line_is_agreed_and_the_answer_follows(told: Telling) -> None:
    case = say(told, invite(told), lines=AGREED)

    assert (case.status, case.data["differences"], case.data["paper"]) == ("done", [], "signed.pdf")
    assert (case.data["signer"], case.data["signed_on"]) == ("王敏", "2026-03-10")


def test_a_line_he_does_not_agree_with_is_a_row_with_both_figures(told: Telling) -> None:
    lines = {0: {"agrees": True}, 1: {"agrees": False, "figure": "780", "remark": "少送两件"}}
    case = say(told, invite(told), lines=lines)

    (row,) = case.data["differences"]
    assert (row["line"], Decimal(row["ours"]), Decimal(row["theirs"]), row["why"]) == ("D-2", 800, 780, "少送两件")
    assert told.open_steps() == ["settle-it"]


def test_what_he_misses_in_the_list_is_a_row_of_its_own(told: Telling) -> None:
    case = say(told, invite(told), lines={**AGREED, 2: {"figure": "99.5", "remark": "D-3 未列"}})

    (row,) = case.data["differences"]
    assert (row["line"], row.get("ours"), Decimal(row["theirs"]), row["why"]) == (
        "?",
        None,
        Decimal("99.5"),
        "D-3 未列",
    )
    assert case.data.get("signer") is None


def test_an_answer_that_is_not_signed_asks_a_name_and_fills_no_signature(told: Telling) -> None:
    differs = {0: {"agrees": True}, 1: {"figure": "780"}}
    with pytest.raises(BadData) as refused:
        say(told, link := invite(told), lines=differs, signer="", consents=False)
    assert [finding.path for finding in refused.value.findings] == ["signer"]
    with pytest.raises(BadData) as refused:
        say(told, link, lines=AGREED, consents=False)
    assert [finding.path for finding in refused.value.findings] == ["consent"]

    case = say(told, link, lines=differs, consents=False)
    assert [case.data.get(name) for name in ("signer", "signed_on", "paper")] == [None, None, None]
    guest = Event.objects.filter(stream=f"case:{case.pk}", name="task.completed").latest("sequence").facts["guest"]
    assert (guest["signer"], guest["address"]) == ("王敏", "192.0.2.9")
    assert verify(files=False).problems == []


def test_whoever_agrees_after_all_has_taken_back_what_he_typed(told: Telling) -> None:
    case = say(told, invite(told), lines={0: {"agrees": True, "figure": "9"}, 1: {"agrees": True}})

    assert (case.status, case.data["differences"]) == ("done", [])


def test_what_follows_from_his_answer_is_theirs_who_invited_him(told: Telling) -> None:
    lines = {0: {"agrees": True}, 1: {"figure": "780"}}
    say(told, invite(told), lines=lines)

    has = Assignment.objects.filter(task__case=told.case, task__step="settle-it", is_open=True)
    assert [one.member.key for one in has.select_related("member")] == ["sales_head"]
    opened = Case.objects.get(procedure__key="settle")
    assert opened.opener
    assert opened.opener.key == "sales_head"
    assert verify(files=False).problems == []


@pytest.mark.parametrize(
    ("lines", "paths"),
    [
        ({}, ["differences.0", "differences.1"]),
        ({0: {"agrees": True}}, ["differences.1"]),
        ({0: {"agrees": True}, 1: {"figure": "about 700"}}, ["differences.1.theirs"]),
        ({0: {"agrees": True}, 1: {"remark": "nothing came"}}, ["differences.1.theirs"]),
    ],
)
def test_a_line_left_out_or_wrong_is_named(told: Telling, lines: Any, paths: list[str]) -> None:
    with pytest.raises(BadData) as refused:
        say(told, invite(told), lines=lines)

    assert [finding.path for finding in refused.value.findings] == paths


def test_a_link_is_good_as_long_as_the_procedure_says_or_until_the_day_that_is_named(told: Telling) -> None:
    assert invite(told).expires_at == at("2026-03-12 17:00")
    assert invite(told, until="2026-03-20").expires_at == at("2026-03-21 00:00")
    for until in ("2026-03-09", "2028-01-01", "soon"):
        with pytest.raises(BadData):
            invite(told, until=until)


def test_the_address_is_that_of_the_contact_unless_another_is_typed(told: Telling) -> None:
    Contact.objects.create(customer=Customer.objects.get(), name="李工", email="li@customer.example")

    assert invite(told, name="李工", send=True).address == "li@customer.example"
    assert invite(told, name="李工", address="other@customer.example").address == "other@customer.example"
    for wrong in ({"send": True}, {"address": "no address"}, {"name": " "}, {"name": "x" * 81}):
        with pytest.raises(BadData):
            invite(told, **wrong)
    assert Message.objects.filter(kind="link").count() == 1


def test_a_new_link_for_the_same_person_replaces_the_former(told: Telling) -> None:
    first, second = invite(told), invite(told)
    first.refresh_from_db()

    assert (first.state(NOW), second.state(NOW)) == ("revoked", "made")
    assert Event.objects.filter(name="invitation.made").latest("sequence").facts["replaces"] == [first.pk]
    assert verify(files=False).problems == []


def test_there_are_not_more_links_than_anybody_needs(told: Telling) -> None:
    for number in range(20):
        invite(told, name=f"guest {number}")
    with pytest.raises(TooManyLinks):
        invite(told, name="one more")


def test_a_step_without_an_invitation_and_a_case_without_a_page_have_no_links(told: Telling) -> None:
    say(told, invite(told), lines={0: {"agrees": True}, 1: {"figure": "780"}})
    common: dict[str, Any] = {"organization": told.organization, "number": told.number, "now": NOW}

    with pytest.raises(NobodyInvited):
        perform("invite", **common, by="sales_head", step="settle-it", given={"name": "王敏"})
    with pytest.raises(NoStatusPage):
        perform("share_status", **common, by="sales_head", given={"name": "王敏"})


def test_the_history_names_the_signer_and_the_link_he_came_by(told: Telling) -> None:
    say(told, invite(told), lines=AGREED, signer="王小敏")
    person = directory(told.organization, NOW.date()).people["sales_head"]
    record = read(organization=told.organization, number=told.number, person=person, now=NOW)
    entry = next(entry for entry in timeline(record) if "王小敏" in entry.sentence)

    assert "王小敏（客户，凭链接）" in entry.sentence
    assert "王敏" in entry.mandate
    assert "192.0.2.9" in entry.mandate


def test_an_altered_link_or_signer_is_named_by_verify(told: Telling) -> None:
    link = invite(told)
    say(told, link, lines=AGREED)
    task = told.case.tasks.get(step="confirm")  # type: ignore[union-attr]
    task.acting["guest"]["signer"] = "somebody else"
    task.save(update_fields=["acting"])
    Invitation.objects.filter(pk=link.pk).update(name="somebody else")

    found = [str(problem) for problem in verify(files=False).problems]
    assert any("guest" in one for one in found)
    assert any("link" in one and "somebody else" in one for one in found)
