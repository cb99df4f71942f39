"""What people get wrong, at every door: refused alike, in a sentence of both languages that says what to do, and nothing is lost.

Sheets have their own ways of being wrong: tests/intake/.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from kehu.cases import actions
from kehu.cases.given import put
from kehu.cases.models import Case
from kehu.cli.main import main
from kehu.core.models import Event, Organization
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.receivables.models import Payment
from tests.api.conftest import Program
from tests.cast import FRIDAY, Telling, sign_in
from tests.intake.telling import Sheet, as_xlsx

Made = tuple[Telling, str, str, str | None, dict[str, Any]]
"""A case, and what somebody wrongly does next: step, by, outcome, values."""


def opened(mfg: Organization, procedure: str, by: str, customer: str | None = "C0001", **values: Any) -> Telling:
    told = Telling(mfg)
    told.case = actions.open_case(organization=mfg, procedure=procedure, by=by, now=FRIDAY, customer=customer, values=values)  # fmt: skip
    return told


def unsigned_price(mfg: Organization) -> Made:
    """A price that nobody has approved is to go to the customer."""
    told = opened(
        mfg, "price-change", "sales_rep", request_channel="written", requested_by="李工", requested_at=FRIDAY, reason="铜价上涨",
        product="BR-120", old_price="10.00", new_price="11.00", effective_from="2024-05-01",
    )  # fmt: skip
    return told, "send-change", "sales_rep", None, {"channel": "email", "recipient": "李工"}


def charged(mfg: Organization, **delivery: Any) -> Telling:
    given = {"customer": "C0001", "product": "HY-2207"}
    put(mfg, {"prices": [{**given, "unit_price": 11}], "deliveries": [{**given, "delivered_on": date(2024, 2, 5), "qty": 10}]}, {}, FRIDAY)  # fmt: skip
    told = opened(mfg, "receivables-month-end", "sales_rep", month="2024-02")
    told.do("approve-statement", "sales_head", outcome="approve")
    return told.do("send-statement", "sales_rep", channel="email")


def disputed_statement(mfg: Organization) -> Made:
    """A statement with a difference is to be confirmed."""
    signed = {"customer_signer": "何经理", "signed_on": "2024-03-15", "signed_file": "对账回签.pdf"}
    rows = [{"line": "DN-0402", "ours": "10 件", "theirs": "9 件"}]
    return charged(mfg), "confirm-statement", "sales_rep", "confirmed", {**signed, "differences": rows}


def to_collect(mfg: Organization) -> Telling:
    told = charged(mfg)
    signed = {"customer_signer": "何经理", "signed_on": "2024-03-15", "signed_file": "对账回签.pdf"}
    told.do("confirm-statement", "sales_rep", outcome="confirmed", **signed)
    return told.do("invoice", "finance", invoice_no="24950011", invoice_date="2024-03-15", invoice_amount="124.30")


def other_currency(mfg: Organization) -> Made:
    values = {"payment_date": "2024-03-15", "payment_amount": "124.30", "payment_currency": "USD"}
    return to_collect(mfg), "collect", "finance", "paid", values


def payment_to_come(mfg: Organization) -> Made:
    values = {"payment_date": "2024-03-18", "payment_amount": "124.30"}
    return to_collect(mfg), "collect", "finance", "paid", values


def jigs(mfg: Organization, quantity: str) -> Made:
    item = {
        "number": "KG-C0001-0001",
        "customer": "C0001",
        "kind": "mould",
        "name": "折弯治具",
        "qty": 10,
        "unit": "套",
    }
    put(mfg, {"property": [{**item, "department": "engineering"}]}, {}, FRIDAY)
    told = opened(mfg, "customer-property-events", "design_engineer", property_no="KG-C0001-0001", event="issue")
    values = {"issue_qty": quantity, "purpose": "试模", "issue_state": "完好", "back_by": "2024-03-20"}
    return told, "issue-item", "eng_property_keeper", "issued", values


def more_than_there_is(mfg: Organization) -> Made:
    return jigs(mfg, "12")


def both_sides(mfg: Organization) -> Made:
    """The keeper has signed for his side and would sign for the other."""
    told, step, by, outcome, values = jigs(mfg, "4")
    return told.do(step, by, outcome=outcome, **values), step, by, outcome, {}


def answered_survey(mfg: Organization) -> Made:
    told = opened(mfg, "satisfaction-survey", "sales_rep", occasion="half_year", channel="email")
    scores = dict.fromkeys(["product_quality", "delivery", "price", "service_attitude", "delivery_staff", "response_to_complaints", "technical_support", "packaging"], 4)  # fmt: skip
    answer = {**scores, "signer": "何经理", "signed_on": "2024-03-15", "returned_at": FRIDAY}
    told.do("collect-answer", "sales_rep", outcome="valid", **answer)
    return told, "collect-answer", "sales_rep", "valid", {**answer, "returned_at": FRIDAY.isoformat(), "price": 1}


WRONG: list[tuple[Callable[[Organization], Made], str, str, str]] = [
    (unsigned_price, "order", "is not open now. Open are: Approve", "目前不在办理中。正在办理的是：核准"),
    (disputed_statement, "data", "“Confirmed” does not fit what the form says. With it goes: Disputed.", "“客户已确认”与表单内容不符"),
    (other_currency, "data", "The payment is in another currency than the statement.", "收款币种与对账单不同"),
    (payment_to_come, "data", "A payment cannot lie in the future.", "收款日期不能晚于今天"),
    (more_than_there_is, "rule", "only 10 套 are held, so 12 cannot be taken out", "在库只有 10 套，不能出库 12"),
    (both_sides, "rule", "Nobody signs for both.", "签"),
    (answered_survey, "order", "", "已"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("made", "kind", "english", "chinese"), WRONG, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_is_wrong_is_refused_alike_at_every_door(
    mfg: Organization, monkeypatch: Any, capsys: Any, tmp_path: Any, made: Any, kind: str, english: str, chinese: str
) -> None:
    told, step, by, outcome, values = made(mfg)
    monkeypatch.setattr("kehu.core.clock.now", lambda organization=None: FRIDAY)
    before = Case.objects.values_list("data", "version", "chain_head").get(number=told.number)
    events, program = Event.objects.count(), Program(mfg, by)

    body = {"values": values, **({"outcome": outcome} if outcome else {})}
    said = {}
    for language in ("en", "zh-hans"):
        answer = program.post(f"/cases/{told.number}/tasks/{step}/completion", body, Accept_Language=language)
        problem = answer.json()
        assert (answer.status_code >= 400, problem["kind"]) == (True, kind), problem
        said[language] = " ".join([problem["detail"], *(one["message"] for one in problem["findings"])])
    assert english in said["en"]
    assert chinese in said["zh-hans"]
    assert said["en"] != said["zh-hans"]

    (tmp_path / "form.json").write_text(json.dumps(values), encoding="utf-8")
    words = ["--give", f"outcome={outcome}"] if outcome else []
    assert main(["act", told.number, "complete", "--by", by, "--step", step, "--data", str(tmp_path / "form.json"), *words]) == 1  # fmt: skip
    assert english in capsys.readouterr().err

    client = sign_in(Client(), mfg, by)
    typed = {name: value for name, value in values.items() if not isinstance(value, list)}
    page = client.post(f"/cases/{told.number}/tasks/{step}/completion/", {**typed, "outcome": outcome or ""})
    shown = html.unescape(page.content.decode())
    if made is not disputed_statement:  # rows are typed otherwise there, and the difference is what makes it one
        assert page.status_code >= 400
        assert chinese in shown
    assert Case.objects.values_list("data", "version", "chain_head").get(number=told.number) == before
    assert Event.objects.count() == events + 1  # the token of the program


# --- customers and payments: page, API, sheet ---------------------------------------------------------------------------------


def test_a_customer_who_is_there_already_is_not_entered_a_second_time(mfg: Organization) -> None:
    program, before = Program(mfg, "vice_gm"), Customer.objects.count()
    Customer.objects.filter(code="C0001").update(tax_number="91440300MA5EXAMPLE")
    for code, tax_number, said in (
        ("C0001", "", "There is a customer C0001 already."),
        ("C0999", "91440300 ma5example", "C0001 讯捷通信 has this tax number, so it is the same company."),
    ):
        answer = program.post("/customers", {"code": code, "name": "某公司", "tax_number": tax_number})
        assert (answer.status_code, answer.json()["kind"]) == (409, "conflict")
        assert said in answer.json()["detail"]

    rows = [["客户编号", "客户名称", "税号"], ["C0998", "另一公司", "91440300MA5EXAMPLE"]]
    assert "的税号相同，请写这个编号" in Sheet(mfg, "customers", rows).checked().refused()[2]
    answer = program.patch("/customers/C0002", {"tax_number": "91440300MA5EXAMPLE"})
    assert (answer.status_code, answer.json()["code"]) == (409, "customer.tax_number_taken")
    client = sign_in(Client(), mfg, "vice_gm")
    page = client.post(
        "/customers/C0002/facts/", {"name": "乙公司", "tax_number": "91440300MA5EXAMPLE", "status": "active"}
    )
    assert "已是 C0001 讯捷通信 的税号" in html.unescape(page.content.decode())
    assert Customer.objects.count() == before


def test_a_payment_that_is_still_to_come_is_entered_at_no_door(mfg: Organization, monkeypatch: Any) -> None:
    monkeypatch.setattr("kehu.core.clock.now", lambda organization=None: FRIDAY)
    payment = {"customer": "C0001", "received_on": "2024-03-18", "amount": "10.00"}
    answer = Program(mfg, "finance").post("/payments", {"payments": [payment]})
    assert (answer.status_code, answer.json()["code"]) == (422, "payment.received_later")

    sheet = Sheet(mfg, "payments", [["客户编号", "收款日期", "金额"], ["C0001", "2024-03-18", "10.00"], ["C0001", "2024年3月15日", "10.00"]])  # fmt: skip
    assert "要到当天才能登记" in sheet.checked().refused()[2]
    sheet.done()
    assert [one.amount for one in Payment.objects.all()] == [Decimal("10.00")]


def test_a_workbook_as_people_make_them_comes_in_and_its_wrong_rows_go_back_with_reasons(mfg: Organization) -> None:
    """Dates as text in several ways, amounts as text, a line of totals; merged cells and formulas are in tests/intake/test_sheets.py."""
    rows = [
        ["客户编号", "收款日期", "金额", "币种", "流水号"],
        ["C0001", "2024年3月5日", "1,234.50", "CNY", "1"],
        ["C0001", "2024/3/6", 10, "人民币", "2"],
        ["C0001", "2024.3.7", "￥15", "", "3"],
        ["C0001", "三月初", 10, "", "4"],
        ["C0001", "2024-03-08", "十元", "", "5"],
        ["C9999", "2024-03-08", 10, "", "6"],
        ["C0001", "2024-03-08", 10, "人民元宝", "7"],
    ]
    sheet = Sheet(mfg, "payments", as_xlsx(rows), name="收款.xlsx").checked()
    said = sheet.refused()
    sheet.done()

    assert {row: reason.partition(":")[0] for row, reason in said.items()} == {5: "received_on", 6: "amount", 7: "customer", 8: "currency"}  # fmt: skip
    came = {one.note: (str(one.received_on), str(one.amount), one.currency) for one in Payment.objects.all()}
    assert came == {
        "1": ("2024-03-05", "1234.50", "CNY"),
        "2": ("2024-03-06", "10.00", "CNY"),
        "3": ("2024-03-07", "15.00", "CNY"),
    }
