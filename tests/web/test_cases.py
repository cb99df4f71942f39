"""The case's pages, as a browser without scripts sees them. What may happen to a case is tested in tests/cases."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from kehu.cases import actions
from kehu.cases.models import Assignment, Attachment, Case, Task
from kehu.core.models import Organization
from tests.cast import Telling, at, sign_in, to_departments
from tests.paper.scenes import played
from tests.portal.scenes import sent_statement

FILLED = {
    "customer": "C0001 讯捷通信",
    "received_at": "2024-03-15T13:50",
    "channel": "return",
    "kind": "quality",
    "content": "毛刺超差 <b>30%</b>",
    "product": "BR-120",
}

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def _files(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def page_of(client: Client, number: str) -> str:
    answer = client.get(f"/cases/{number}/")
    assert answer.status_code == 200, answer.content.decode()[:300]
    return str(answer.content.decode())


def post(client: Client, number: str, step: str, word: str = "completion", item: str = "", **values: Any) -> Any:
    place = f"{step}/{item}" if item else step
    return client.post(f"/cases/{number}/tasks/{place}/{word}/", values)


# --- starting a case --------------------------------------------------------------------------------------------------


def test_a_case_is_opened_from_its_form(mfg: Organization, client: Client) -> None:
    sign_in(client, mfg, "sales_receiver")
    assert client.get("/procedures/customer-complaint/cases/new/").status_code == 200
    answer = client.post("/procedures/customer-complaint/cases/new/", FILLED)
    case = Case.objects.get()
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"/cases/{case.number}/"
    assert case.customer
    assert (case.customer.code, case.data["channel"]) == ("C0001", "return")


def test_everything_that_is_wrong_is_said_at_once_and_what_was_typed_stays(mfg: Organization, client: Client) -> None:
    sign_in(client, mfg, "sales_receiver")
    typed = {"content": "毛刺超差", "channel": "phone", "customer": "", "qty_delivered": "-3"}
    answer = client.post("/procedures/customer-complaint/cases/new/", typed)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "毛刺超差" in page
    assert 'id="new-customer-error"' in page
    assert 'id="new-qty_delivered-error"' in page
    assert not Case.objects.exists()


def test_whoever_may_not_start_is_told_who_may(mfg: Organization, client: Client) -> None:
    sign_in(client, mfg, "qc_staff")
    assert client.get("/procedures/customer-complaint/cases/new/").status_code == 403
    assert client.post("/procedures/customer-complaint/cases/new/", FILLED).status_code == 403
    assert client.get("/procedures/no-such-thing/cases/new/").status_code == 404


def test_a_field_that_a_choice_calls_for_appears(mfg: Organization, client: Client) -> None:
    sign_in(client, mfg, "sales_receiver")
    form = "/procedures/customer-complaint/cases/new/form/"
    state = client.post(form, {"channel": "phone"}).content.decode()
    assert 'data-field-state="caller" data-visible="1"' in state
    assert 'data-field-state="product" data-visible="1" data-required="0"' in state
    state = client.post(form, {"channel": "return"}).content.decode()
    assert 'data-field-state="caller" data-visible="0"' in state
    assert 'data-field-state="product" data-visible="1" data-required="1"' in state


def test_a_file_sent_with_a_refused_form_need_not_be_sent_again(mfg: Organization, client: Client) -> None:
    sign_in(client, mfg, "sales_receiver")
    photo = SimpleUploadedFile("照片.png", PNG, content_type="image/png")
    refused = client.post("/procedures/customer-complaint/cases/new/", {**FILLED, "content": "", "files": photo})
    waiting = Attachment.objects.get()
    assert refused.status_code == 422
    assert f'name="waiting" value="{waiting.pk}"' in refused.content.decode()
    again = {**FILLED, "waiting": str(waiting.pk), "files.kept": "照片.png"}
    assert client.post("/procedures/customer-complaint/cases/new/", again).status_code == 302
    waiting.refresh_from_db()
    assert waiting.case == Case.objects.get()
    assert Case.objects.get().data["files"] == ["照片.png"]


# --- reading a case ---------------------------------------------------------------------------------------------------


def test_another_company_finds_no_such_case(complaint: Telling, stranger: Organization, client: Client) -> None:
    sign_in(client, stranger, "general_manager")
    assert client.get(f"/cases/{complaint.number}/").status_code == 404
    assert post(client, complaint.number, "accept-complaint", outcome="help").status_code == 404


def test_who_takes_no_part_may_not_read(complaint: Telling, mfg: Organization, client: Client) -> None:
    sign_in(client, mfg, "finance")
    assert client.get(f"/cases/{complaint.number}/").status_code == 403
    assert client.post(f"/cases/{complaint.number}/files/").status_code == 403


@pytest.mark.parametrize("key", ["sales_receiver", "quotation_clerk", "general_manager", "engineering_manager"])
def test_the_starter_the_owning_department_and_managers_may_read(
    key: str, complaint: Telling, mfg: Organization, client: Client
) -> None:
    page_of(sign_in(client, mfg, key), complaint.number)


def test_a_department_named_in_the_case_may_read(complaint: Telling, mfg: Organization, client: Client) -> None:
    sign_in(client, mfg, "design_engineer")
    assert client.get(f"/cases/{complaint.number}/").status_code == 403
    to_departments(complaint, "engineering")
    page_of(client, complaint.number)


def test_what_people_typed_is_shown_as_text(mfg: Organization, client: Client) -> None:
    case = Telling(mfg).start(content="<script>alert(1)</script>")
    assert "<script>alert(1)" not in page_of(sign_in(client, mfg, "sales_deputy_manager"), case.number)


def test_only_the_holder_sees_the_outcomes(complaint: Telling, mfg: Organization, client: Client) -> None:
    assert 'id="task-accept-complaint"' in page_of(sign_in(client, mfg, "sales_deputy_manager"), complaint.number)
    assert 'id="task-accept-complaint"' not in page_of(sign_in(client, mfg, "sales_rep"), complaint.number)


def test_opening_the_page_marks_the_task_as_seen(complaint: Telling, mfg: Organization, client: Client) -> None:
    page_of(sign_in(client, mfg, "sales_deputy_manager"), complaint.number)
    assignment = Assignment.objects.get(task__step="accept-complaint")
    assert assignment.seen_at
    page_of(client, complaint.number)
    assert Assignment.objects.get(pk=assignment.pk).seen_at == assignment.seen_at


def test_a_page_costs_the_same_however_long_the_history(complaint: Telling, mfg: Organization, client: Client) -> None:
    sign_in(client, mfg, "sales_head")
    page_of(client, complaint.number)
    with CaptureQueriesContext(connection) as short:
        page_of(client, complaint.number)
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    for _ in range(4):
        complaint.do("fill-sheet", by="sales_rep", outcome="clear", departments=[{"department": "quality"}])
        complaint.do("approve-sheet", by="sales_deputy_manager", outcome="reject", reason="批号不全")
    page_of(client, complaint.number)
    with CaptureQueriesContext(connection) as long:
        page_of(client, complaint.number)
    assert len(long) == len(short) <= 15


def test_the_history_says_old_and_new(complaint: Telling, mfg: Organization, client: Client) -> None:
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    complaint.do("fill-sheet", by="sales_rep", outcome="clear", problem="先前", departments=[{"department": "quality"}])
    complaint.do("approve-sheet", by="sales_deputy_manager", outcome="reject", reason="批号不全")
    complaint.do("fill-sheet", by="sales_rep", outcome="clear", problem="后来", departments=[{"department": "quality"}])
    page = page_of(sign_in(client, mfg, "sales_head"), complaint.number)
    assert "<del>先前</del> → <ins>后来</ins>" in page
    assert "批号不全" in page


# --- verbs ------------------------------------------------------------------------------------------------------------


def test_a_step_is_completed(complaint: Telling, mfg: Organization, client: Client) -> None:
    sign_in(client, mfg, "sales_deputy_manager")
    answer = post(client, complaint.number, "accept-complaint", outcome="help", help_needed="true", version="2")
    assert answer.status_code == 302
    assert complaint.open_steps() == ["fill-sheet"]


def test_a_value_that_is_no_longer_visible_is_not_kept(complaint: Telling, mfg: Organization, client: Client) -> None:
    sign_in(client, mfg, "sales_deputy_manager")
    post(client, complaint.number, "accept-complaint", outcome="help", help_needed="true", handler="sales_rep")
    assert Case.objects.get().data["handler"] is None


def test_rows_are_read_in_their_order_and_empty_ones_left_out(
    complaint: Telling, mfg: Organization, client: Client
) -> None:
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    sign_in(client, mfg, "sales_rep")
    rows = {
        "departments.10.department": "quality",
        "departments.2.department": "engineering",
        "departments.3.department": "",
    }
    assert post(client, complaint.number, "fill-sheet", outcome="clear", **rows).status_code == 302
    assert [row["department"] for row in Case.objects.get().data["departments"]] == ["engineering", "quality"]


def test_a_refusal_keeps_what_was_typed(complaint: Telling, mfg: Organization, client: Client) -> None:
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    sign_in(client, mfg, "sales_rep")
    answer = post(client, complaint.number, "fill-sheet", outcome="clear", problem="孔位偏移", qty_delivered="12x")
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "孔位偏移" in page
    assert 'value="12x"' in page
    assert 'id="task-fill-sheet-qty_delivered-error"' in page


def test_a_refusal_without_its_reason_is_said_at_the_reason(
    complaint: Telling, mfg: Organization, client: Client
) -> None:
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    complaint.do("fill-sheet", by="sales_rep", outcome="clear", departments=[{"department": "quality"}])
    sign_in(client, mfg, "sales_deputy_manager")
    answer = post(client, complaint.number, "approve-sheet", outcome="reject")
    assert answer.status_code == 422
    assert re.search(r'is-invalid" id="task-approve-sheet-reason"', answer.content.decode())
    assert post(client, complaint.number, "approve-sheet", outcome="reject", reason="批号不全").status_code == 302


def test_somebody_else_was_quicker(complaint: Telling, mfg: Organization, client: Client) -> None:
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    version = str(Case.objects.get().version)
    complaint.do("fill-sheet", by="sales_head", outcome="clear", departments=[{"department": "quality"}])
    complaint.do("approve-sheet", by="sales_deputy_manager", outcome="reject", reason="批号不全")
    sign_in(client, mfg, "sales_rep")
    typed = {"problem": "我写的", "departments.0.department": "quality", "version": version}
    answer = post(client, complaint.number, "fill-sheet", outcome="clear", **typed)
    assert answer.status_code == 409
    assert "我写的" in answer.content.decode()


def test_what_was_typed_for_a_step_done_meanwhile_can_be_copied(
    complaint: Telling, mfg: Organization, client: Client
) -> None:
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    complaint.do("fill-sheet", by="sales_head", outcome="clear", departments=[{"department": "quality"}])
    sign_in(client, mfg, "sales_rep")
    answer = post(client, complaint.number, "fill-sheet", outcome="clear", problem="我写的")
    assert answer.status_code == 409
    assert "我写的" in answer.content.decode()


def test_a_draft_is_offered_again(complaint: Telling, mfg: Organization, client: Client) -> None:
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    sign_in(client, mfg, "sales_rep")
    assert post(client, complaint.number, "fill-sheet", "draft", problem="写到一半").status_code == 302
    assert Task.objects.get(step="fill-sheet").draft["problem"] == "写到一半"
    assert "写到一半" in page_of(client, complaint.number)
    assert complaint.open_steps() == ["fill-sheet"]


def test_a_row_of_a_department_is_filled_by_its_own(complaint: Telling, mfg: Organization, client: Client) -> None:
    to_departments(complaint, "quality", "engineering")
    page = page_of(sign_in(client, mfg, "qa_head"), complaint.number)
    assert 'id="task-propose-countermeasure-quality"' in page
    assert 'id="task-propose-countermeasure-engineering"' not in page
    answer = post(
        client, complaint.number, "propose-countermeasure", item="engineering", outcome="object", reason="无关"
    )
    assert answer.status_code == 403
    answer = post(client, complaint.number, "propose-countermeasure", item="quality", outcome="object", reason="无关")
    assert answer.status_code == 302


def test_sending_back_and_handing_over(complaint: Telling, mfg: Organization, client: Client) -> None:
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    sign_in(client, mfg, "sales_rep")
    assert post(client, complaint.number, "fill-sheet", "return", to="accept-complaint|").status_code == 422
    assert post(client, complaint.number, "fill-sheet", "handover", to="nobody").status_code == 422
    assert post(client, complaint.number, "fill-sheet", "handover", to="sales_handler").status_code == 302
    assert Assignment.objects.get(task__step="fill-sheet", is_open=True).member.key == "sales_handler"
    answer = post(client, complaint.number, "fill-sheet", "return", to="accept-complaint|", reason="请再判断")
    assert answer.status_code == 302
    assert complaint.open_steps() == ["accept-complaint"]
    assert "请再判断" in page_of(sign_in(client, mfg, "sales_deputy_manager"), complaint.number)


def test_voiding_and_reopening(complaint: Telling, mfg: Organization, client: Client) -> None:
    address = f"/cases/{complaint.number}"
    sign_in(client, mfg, "sales_rep")
    assert client.post(f"{address}/voiding/", {"reason": "重复"}).status_code == 403
    sign_in(client, mfg, "sales_deputy_manager")
    assert client.post(f"{address}/voiding/", {"reason": ""}).status_code == 422
    assert client.post(f"{address}/voiding/", {"reason": "重复登记"}).status_code == 302
    assert 'id="reopening"' in page_of(client, complaint.number)
    assert client.post(f"{address}/reopening/", {"reason": "不是重复"}).status_code == 302
    assert complaint.open_steps() == ["accept-complaint"]


@pytest.mark.parametrize(
    ("language", "stays"),
    [
        ("zh-hans", "本案作废后仍然有效的：价格（可在“报价程序、价格变动程序”中更改）。"),
        ("en", "This stays in force when the case is void: the price (changed by Quotations, Price changes)."),
    ],
)
def test_who_voids_a_case_reads_what_stays_in_force_and_where_it_is_changed(
    mfg: Organization, client: Client, language: str, stays: str
) -> None:
    case, _now = played(mfg, "quotation")
    sign_in(client, mfg, "sales_head").cookies["kehu_language"] = language
    address = f"/cases/{case.number}"
    assert stays not in client.get(f"{address}/").content.decode()
    assert stays in html.unescape(client.get(f"{address}/voiding/").content.decode())
    assert client.post(f"{address}/voiding/", {"reason": "报错了"}).status_code == 302
    assert stays in html.unescape(client.get(f"{address}/").content.decode())


def test_a_case_that_entered_nothing_says_of_nothing_that_it_stays(
    complaint: Telling, mfg: Organization, client: Client
) -> None:
    sign_in(client, mfg, "sales_deputy_manager")
    address = f"/cases/{complaint.number}"
    assert "仍然有效" not in client.get(f"{address}/voiding/").content.decode()
    assert client.post(f"{address}/voiding/", {"reason": "重复登记"}).status_code == 302
    assert "仍然有效" not in page_of(client, complaint.number)


def test_what_tells_the_rows_of_the_system_apart_is_read_and_not_typed(mfg: Organization, client: Client) -> None:
    told = sent_statement(mfg, at("2024-05-06 09:00"))
    differences = [{"line": "DN-0401", "ours": "10", "theirs": "9"}]
    told.do("confirm-statement", by="sales_rep", outcome="disputed", differences=differences)
    page = page_of(sign_in(client, mfg, "sales_rep"), told.number)
    assert '<input type="hidden" name="answers.0.line" value="DN-0401">' in page
    assert '<span class="fld-text">DN-0401</span>' in page
    answered = {"answers.0.line": "DN-0401", "answers.0.decision": "accepted", "answers.0.right_quantity": "9"}
    assert post(client, told.number, "resolve-dispute", outcome="resolved", **answered).status_code == 302
    page = page_of(client, told.number)
    assert "正确数量" in page
    assert "正确单价" not in page  # nothing stands in that column


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_file_is_added_and_comes_back(complaint: Telling, mfg: Organization, client: Client) -> None:
    sign_in(client, mfg, "sales_rep")
    report = SimpleUploadedFile("..\\..\\报告<1>.csv", b"=1+1", content_type="text/html")
    assert client.post(f"/cases/{complaint.number}/files/", {"files": report}).status_code == 302
    kept = Attachment.objects.get()
    assert kept.name == "报告_1_.csv"
    answer = client.get(f"/cases/{complaint.number}/files/{kept.pk}/")
    assert b"".join(answer.streaming_content) == b"=1+1"  # type: ignore[attr-defined]
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get(f"/cases/{complaint.number}/files/{kept.pk + 1}/").status_code == 404
    sign_in(client, mfg, "finance")
    assert client.get(f"/cases/{complaint.number}/files/{kept.pk}/").status_code == 403


def test_the_same_content_is_kept_once_and_a_taken_name_gets_a_number(
    complaint: Telling, mfg: Organization, client: Client
) -> None:
    sign_in(client, mfg, "sales_rep")
    for _ in range(2):
        client.post(f"/cases/{complaint.number}/files/", {"files": SimpleUploadedFile("照片.png", PNG)})
    assert list(Attachment.objects.order_by("pk").values_list("name", flat=True)) == ["照片.png", "照片 (2).png"]
    assert len(set(Attachment.objects.values_list("stored", flat=True))) == 1


def test_a_file_too_large_is_refused_and_the_form_stays(
    complaint: Telling, mfg: Organization, client: Client, settings
) -> None:  # type: ignore[no-untyped-def]
    settings.MAX_FILE_SIZE = 10
    sign_in(client, mfg, "sales_receiver")

    def large() -> SimpleUploadedFile:
        return SimpleUploadedFile("大.png", b"x" * 11)

    answer = client.post("/procedures/customer-complaint/cases/new/", {**FILLED, "files": large()})
    assert answer.status_code == 413
    assert "毛刺超差" in answer.content.decode()
    assert client.post(f"/cases/{complaint.number}/files/", {"files": large()}).status_code == 413
    assert not Attachment.objects.exists()


def test_a_long_history_comes_thirty_entries_at_a_time(complaint: Telling, mfg: Organization, client: Client) -> None:
    who: dict[str, Any] = {"organization": mfg, "number": complaint.number, "now": complaint.now}
    for _again in range(20):
        actions.send_back(
            **who, step="accept-complaint", by="sales_deputy_manager", to="receive-complaint", reason="补充"
        )
        complaint.do("receive-complaint", by="sales_receiver")
    page = page_of(sign_in(client, mfg, "sales_head"), complaint.number)
    assert page.count('<li class="entry entry-act') == 30
    (before,) = set(re.findall(r"history/\?before=(\d+)", page))

    address = f"/cases/{complaint.number}/history/?before={before}"
    more = client.get(address, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in more
    assert "before=" not in more
    rest = client.get(address).content.decode()  # without a script
    assert "<html" in rest
    assert rest.count('<li class="entry entry-act') == more.count('<li class="entry entry-act') == 12
