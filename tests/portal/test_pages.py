"""What somebody outside reads, fills, signs and gets a receipt for."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from kehu.cases.attachments import attach
from kehu.cases.models import Attachment, Task
from kehu.core import clock, files
from kehu.core.models import Event, Message
from kehu.operations.verification import verify
from kehu.paper.pages import case_pdf

from .scenes import (
    INSIDE,
    again,
    answered_complaint,
    case_of,
    drawing,
    invite,
    opened,
    place,
    send,
    send_alone,
    sent_quotation,
    sent_statement,
    sent_survey,
    text_of,
)

pytestmark = pytest.mark.usefixtures("shelf")


@pytest.fixture
def shelf(settings, tmp_path):  # type: ignore[no-untyped-def]
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def told(mfg):  # type: ignore[no-untyped-def]
    return answered_complaint(mfg, clock.now())


def completed(told) -> Event:  # type: ignore[no-untyped-def]
    return Event.objects.filter(stream=f"case:{told.case.pk}", name="task.completed").latest("sequence")


def done(told) -> Task:  # type: ignore[no-untyped-def]
    return Task.objects.get(case=told.case, step="confirm-customer", state="done")


def test_a_typed_name_signs_and_the_record_says_who_when_and_from_where(told) -> None:  # type: ignore[no-untyped-def]
    browser = opened(invitation := invite(told))
    browser.defaults["HTTP_USER_AGENT"] = "A telephone"
    answer = send(browser, invitation)

    assert answer.status_code == 302
    case = case_of(told)
    assert (case.data["customer_opinion"], case.data["effect_reached"], case.data["customer_signer"]) == (
        "met",
        True,
        "何志强",
    )
    assert case.data["signed_on"]
    guest = completed(told).facts["guest"]
    assert (guest["name"], guest["signer"], guest["address"], guest["agent"]) == (
        "何经理",
        "何志强",
        "127.0.0.1",
        "A telephone",
    )
    assert guest["invitation"] == invitation.pk
    assert guest["invited_by"] == "complaint_tracker"
    assert completed(told).by == ""
    assert (done(told).done_by, done(told).acting) == (None, {"guest": guest})
    assert again(invitation).state(told.now) == "used"
    messages = Message.objects.filter(kind="customer_answered")
    assert list(messages.values_list("recipient", flat=True)) == ["complaint_tracker"]
    assert verify(files=True).problems == []


def test_a_drawn_signature_is_kept_and_printed(told) -> None:  # type: ignore[no-untyped-def]
    browser = opened(invitation := invite(told))
    assert send(browser, invitation, consent="", drawn=drawing()).status_code == 302
    paper, drawn = Attachment.objects.filter(case=told.case).select_related("stored").order_by("pk")

    assert (paper.field, paper.by, paper.invitation_id) == ("signed_file", None, invitation.pk)
    assert case_of(told).data["signed_file"] == paper.name
    assert files.content(paper.stored, paper.name).startswith(b"%PDF")
    assert drawn.name.endswith(".png")
    assert completed(told).facts["guest"]["drawn"] == drawn.name
    text = text_of(files.content(paper.stored, paper.name))
    assert "何志强" in text
    assert "接受答复" in text
    assert INSIDE not in text
    printed = case_pdf(case_of(told), language="zh", copy_for=None, by=None, now=told.now)
    assert "客户，凭链接" in text_of(printed)
    assert printed.count(b"/Subtype /Image") + printed.count(b"/Subtype/Image") >= 1
    assert verify(files=True).problems == []


def test_his_receipt_stays_readable_in_his_browser_and_nowhere_else(told) -> None:  # type: ignore[no-untyped-def]
    browser = opened(invitation := invite(told))
    send(browser, invitation)
    assert "谢谢" in browser.get(place(invitation, "?thanks")).content.decode()
    receipt = browser.get(place(invitation)).content.decode()

    assert re.search(r"您已于 <span class=.moment.>\d{4}-\d\d-\d\d \d\d:\d\d</span> 答复", receipt)
    assert "没有问题" in receipt
    assert "何志强" in receipt
    file = re.search(r'href="(/invitation/[^"]+/files/\d+/)"', receipt)
    assert file
    kept = browser.get(file[1])
    assert kept.status_code == 200
    assert "no-store" in kept.headers["Cache-Control"]
    assert Client().get(file[1]).status_code == 410
    assert browser.get(place(invitation, "paper.pdf")).headers["Content-Type"] == "application/pdf"


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"outcome": ""}, "请选择您的答复"),
        ({"outcome": "maybe"}, "请选择您的答复"),
        ({"signer": " "}, "请写上您的姓名"),
        ({"consent": ""}, "请勾选这一项"),
        ({"consent": "", "drawn": "data:image/png;base64,AAAA"}, "无法读取"),
        ({"consent": "", "drawn": drawing(2400, 4)}, "无法读取"),
        ({"read": "0" * 64}, "刚刚有变动"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(told, more, sentence) -> None:  # type: ignore[no-untyped-def]
    browser = opened(invitation := invite(told))
    answer = send(browser, invitation, opinion_text="仍有三件带毛刺", **more)
    page = answer.content.decode()

    assert answer.status_code in (409, 422)
    assert sentence in page
    assert "仍有三件带毛刺" in page
    assert told.open_steps() == ["confirm-customer"]
    assert again(invitation).used_at is None


def test_fields_that_are_not_his_are_not_taken(told) -> None:  # type: ignore[no-untyped-def]
    browser = opened(invitation := invite(told))
    send(
        browser,
        invitation,
        outcome="not_ok",
        customer_opinion="met",
        effect_reached="true",
        result="x",
        tracker="qc_staff",
    )

    assert case_of(told).data["tracker"] == "complaint_tracker"
    filled = done(told).filled
    assert (filled["customer_opinion"], filled["effect_reached"]) == ("not_met", False)


def test_what_he_reads_changed_meanwhile_so_he_reads_it_again(told) -> None:  # type: ignore[no-untyped-def]
    browser = opened(invitation := invite(told))
    page = browser.get(place(invitation)).content.decode()
    read = re.search(r'name="read" value="([0-9a-f]+)"', page)
    case = case_of(told)
    case.data["reply_text"] = "五天内补换"
    case.save(update_fields=["data"])
    assert read
    answer = browser.post(
        place(invitation, "answer/"), {"outcome": "ok", "signer": "何志强", "consent": "1", "read": read[1]}
    )

    assert answer.status_code == 409
    assert "五天内补换" in answer.content.decode()
    assert send(browser, invitation).status_code == 302


def test_the_form_follows_what_is_typed(told) -> None:  # type: ignore[no-untyped-def]
    browser = opened(invitation := invite(told))
    state = browser.post(place(invitation, "form/"), {"opinion_text": "x"}).json()

    assert state == {
        "fields": {"opinion_text": {"visible": True, "required": False}},
        "ways": {"ok": True, "not_ok": True},
        "signed": True,
    }
    assert Client().post(place(invitation, "form/")).status_code == 403


def test_a_file_of_the_case_that_is_not_shown_is_not_handed_over(told) -> None:  # type: ignore[no-untyped-def]
    (inside,) = attach(
        organization=told.organization, number=told.number, by="complaint_tracker", now=told.now,
        uploads=[SimpleUploadedFile("cost.txt", b"what it cost us")],
    )  # fmt: skip
    browser = opened(invitation := invite(told))

    assert browser.get(place(invitation, f"files/{inside.pk}/")).status_code == 404


def test_paused_or_waiting_cases_are_not_answered_and_say_so_without_detail(told) -> None:  # type: ignore[no-untyped-def]
    from kehu.cases.verbs import perform

    browser = opened(invitation := invite(told))
    perform(
        "pause", organization=told.organization, number=told.number, by="sales_deputy_manager", now=told.now,
        given={"reason": "等待复检"},
    )  # fmt: skip
    answer = send(browser, invitation)

    assert answer.status_code == 409
    assert "等待复检" not in answer.content.decode()
    assert told.open_steps() == ["confirm-customer"]


def test_amounts_say_their_currency_and_columns_without_anything_are_left_out(mfg) -> None:  # type: ignore[no-untyped-def]
    told = sent_quotation(mfg, clock.now())
    browser = opened(invitation := invite(told, step="await-countersign", by="quotation_clerk"))
    page = browser.get(place(invitation)).content.decode()
    assert "CNY 15.80" in page
    assert "CNY 3,160.00" in page
    assert '<th scope="col" class="money">单价</th>' in page
    assert "规格" not in page


def test_both_ends_of_a_scale_say_what_they_mean(mfg) -> None:  # type: ignore[no-untyped-def]
    told = sent_survey(mfg, clock.now())
    browser = opened(invitation := invite(told, step="collect-answer", by="sales_rep"))
    page = browser.get(place(invitation)).content.decode()
    assert page.count("<span>很不满意</span><span>很满意</span>") == 8
    assert 'aria-label="5 很满意"' in page
    english = browser.get(f"{place(invitation)}?language=en").content.decode()
    assert "<span>very poor</span><span>very good</span>" in english


def test_the_language_can_be_changed_where_an_answer_was_refused(told) -> None:  # type: ignore[no-untyped-def]
    browser = opened(invitation := invite(told))
    refused = send(browser, invitation, outcome="")
    assert refused.status_code == 422
    link = re.search(r'<a href="([^"]+)" lang="en">', refused.content.decode())
    assert link
    assert "Your answer" in browser.get(link[1]).content.decode()


def test_what_was_answered_to_his_differences_is_told_him_in_words_for_him(mfg) -> None:  # type: ignore[no-untyped-def]
    told = sent_statement(mfg, clock.now())
    browser = opened(first := invite(told, step="confirm-statement", by="sales_rep"))
    lines = {"differences.0.answer": "agree", "differences.1.answer": "differ", "differences.1.theirs": "2 件"}
    lines |= {"differences.1.remark": "退两件", "signer": "何志强"}
    assert send_alone(browser, first, **lines).status_code == 302
    receipt = browser.get(place(first)).content.decode()
    assert "贵公司的数据" in receipt
    assert "客户说明" not in receipt

    answers = [{"line": "2 · RN-0401", "decision": "accepted", "right_quantity": -2, "reply": "属实"}]
    told.do("resolve-dispute", by="sales_rep", answers=answers)
    told.do("build-statement", by="sales_rep")
    told.do("approve-statement", by="sales_head", outcome="approve")
    told.do("send-statement", by="sales_rep", channel="email")
    browser = opened(second := invite(told, step="confirm-statement", by="sales_rep"))
    page = browser.get(place(second)).content.decode()
    for title, text in (("您的说明", "退两件"), ("我方答复", "采纳"), ("正确数量", "-2"), ("我方说明", "属实")):
        assert re.search(rf"<dt>{title}</dt><dd[^>]*>{text}</dd>", page), title
    assert "对账单行" not in page
    assert "2 · RN-0401: -1 × 11 → -2 × 11" in page
