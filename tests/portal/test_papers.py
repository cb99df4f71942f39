"""What customers answer of the other papers: a statement line by line, a survey, a memo."""

from __future__ import annotations

import io

import pytest
from pypdf import PdfReader

from kehu.cases.actions import save_draft
from kehu.cases.models import Attachment, Task
from kehu.core import clock, files
from kehu.operations.verification import verify
from kehu.paper.sheet import ForGuest, Sheet

from .scenes import (
    COSTS,
    again,
    answered_complaint,
    case_of,
    drawing,
    invite,
    opened,
    place,
    send_alone,
    sent_quotation,
    sent_statement,
    sent_survey,
    text_of,
    written_memo,
)

pytestmark = pytest.mark.usefixtures("shelf")


@pytest.fixture
def shelf(settings, tmp_path):  # type: ignore[no-untyped-def]
    settings.MEDIA_ROOT = tmp_path


SIGNED = {"signer": "何志强", "consent": "1"}
AGREED = {"differences.0.answer": "agree", "differences.1.answer": "agree"}


def test_a_quotation_is_signed_in_its_own_look_and_says_nothing_of_its_costs(mfg) -> None:  # type: ignore[no-untyped-def]
    told = sent_quotation(mfg, clock.now())
    browser = opened(link := invite(told, step="await-countersign", by="quotation_clerk"))
    page, number = browser.get(place(link)).content.decode(), case_of(told).data["quotation_no"]
    before = text_of(browser.get(place(link, "paper.pdf")).content)
    assert send_alone(browser, link, outcome="accepted", **SIGNED).status_code == 302

    signed = Attachment.objects.get(case=told.case, field="signed_file")
    assert signed.name == f"{number} 已签名.pdf"
    assert b"".join(browser.get(place(link, "paper.pdf")).streaming_content) == files.content(
        signed.stored, signed.name
    )
    after = text_of(files.content(signed.stored, signed.name))
    for text in (page, before, after):
        assert all(words in text for words in (number, "HY-9001", "15.80", "3,160.00", "业务部主管"))
        assert not [secret for secret in (*COSTS, "报价评估单") if secret in text]
    assert "何志强" in after
    assert "何志强" not in before
    assert "报价单" in after.replace(" ", "")
    assert told.open_steps() == ["file-quotation"]


def test_a_quotation_that_is_refused_is_not_signed(mfg) -> None:  # type: ignore[no-untyped-def]
    told = sent_quotation(mfg, clock.now())
    browser = opened(link := invite(told, step="await-countersign", by="quotation_clerk"))
    answer = {"outcome": "not_agreed", "signer": "何志强", "answer_remark": "同行报 14 元", "drawn": drawing()}
    assert send_alone(browser, link, **answer).status_code == 302

    case = case_of(told)
    assert [case.data.get(name) for name in ("customer_signer", "signed_file", "reason")] == [
        None,
        None,
        "同行报 14 元",
    ]
    (paper,) = Attachment.objects.filter(case=case)
    assert (paper.name, paper.field) == (f"{case.data['quotation_no']} 答复.pdf", "")
    text = text_of(files.content(paper.stored, paper.name))
    assert "不同意，请与我们联系" in text
    assert not [secret for secret in COSTS if secret in text]


def test_what_a_statement_s_answer_comes_to_follows_the_lines_while_they_are_answered(mfg) -> None:  # type: ignore[no-untyped-def]
    browser = opened(link := invite(sent_statement(mfg, clock.now()), step="confirm-statement", by="sales_rep"))

    def state(**lines: str) -> tuple[dict[str, bool], bool]:
        answer = browser.post(place(link, "form/"), lines).json()
        return answer["ways"], answer["signed"]

    assert state(**{"differences.0.answer": "agree"}) == ({"confirmed": False, "disputed": False}, True)
    assert state(**AGREED) == ({"confirmed": True, "disputed": False}, True)
    assert state(**AGREED, **{"differences.2.theirs": "DN-0402"}) == ({"confirmed": False, "disputed": True}, False)
    differs = {"differences.1.answer": "differ"}
    assert state(**{**AGREED, **differs}) == ({"confirmed": False, "disputed": True}, False)


def test_a_disputed_line_and_a_missing_one_are_kept_in_his_words_without_a_signature(mfg) -> None:  # type: ignore[no-untyped-def]
    told = sent_statement(mfg, clock.now())
    browser = opened(link := invite(told, step="confirm-statement", by="sales_rep"))
    differs = {"differences.1.answer": "differ", "differences.1.remark": "退了两件", "differences.2.theirs": "DN-0402"}
    refused = send_alone(browser, link, **{**AGREED, **differs})
    assert refused.status_code == 422
    assert "请写上您的姓名。" in refused.content.decode()
    assert refused.content.decode().count("退了两件") == 1
    assert "DN-0402" in refused.content.decode()

    assert send_alone(browser, link, signer="何志强", **{**AGREED, **differs}).status_code == 302
    case = case_of(told)
    assert [(one["line"], one["theirs"], one["remark"]) for one in case.data["differences"]] == [
        ("2 · RN-0401", None, "退了两件"),
        ("未列 / not listed", "DN-0402", None),
    ]
    assert [case.data[name] for name in ("state", "customer_signer", "signed_file")] == ["disputed", None, None]
    assert told.open_steps() == ["resolve-dispute"]
    receipt = browser.get(place(link)).content.decode()
    assert "退了两件" in receipt
    assert "有出入，请查清" in receipt
    assert verify(files=True).problems == []


def test_a_survey_is_tapped_not_typed_and_answered_once(mfg) -> None:  # type: ignore[no-untyped-def]
    told = sent_survey(mfg, clock.now())
    browser = opened(link := invite(told, step="collect-answer", by="sales_rep"))
    page = browser.get(place(link)).content.decode()
    assert page.count('name="packaging" value=') == 5
    marks = dict.fromkeys(("product_quality", "delivery", "price", "service_attitude", "delivery_staff"), "4")
    marks |= dict.fromkeys(("response_to_complaints", "technical_support"), "5")
    half = send_alone(browser, link, **SIGNED, **marks, opinion="晚到半天")
    assert half.status_code == 422
    assert "请填写“包装”" in half.content.decode()
    assert 'name="price" value="4" checked' in half.content.decode()
    assert "晚到半天" in half.content.decode()

    assert send_alone(browser, link, **SIGNED, **marks, packaging="3").status_code == 302
    twice = send_alone(browser, link, **SIGNED, **marks, packaging="1")
    assert twice.status_code == 409
    assert "您已经答复过" in twice.content.decode()
    assert case_of(told).data["packaging"] == "3"
    assert again(link).state(told.now) == "used"


def test_a_memo_is_signed_while_the_rep_writes_on(mfg) -> None:  # type: ignore[no-untyped-def]
    told = written_memo(mfg, clock.now())
    save_draft(
        organization=mfg, number=told.number, step="distribute-memo", by="sales_rep", now=told.now,
        values={"resolutions": [{"department": "quality", "text": "提供色板", "due": "2030-01-01"}]},
    )  # fmt: skip
    browser = opened(link := invite(told, step="distribute-memo", by="sales_rep"))
    assert send_alone(browser, link, outcome="signed", **SIGNED).status_code == 302

    case = case_of(told)
    assert (case.data["customer_signer"], case.data["signed_file"]) == ("何志强", f"{told.number} 已签名.pdf")
    task = Task.objects.get(case=case, state="open")
    assert (task.step, task.draft["resolutions"][0]["text"]) == ("distribute-memo", "提供色板")
    told.do("distribute-memo", by="sales_rep", outcome="distribute", resolutions=task.draft["resolutions"])
    assert told.open_steps() == ["execute-resolution[quality]"]
    assert verify(files=True).problems == []


def test_a_layout_gets_nothing_that_he_does_not_read(mfg) -> None:  # type: ignore[no-untyped-def]
    told = sent_quotation(mfg, clock.now())
    guest = ForGuest({"quote": ["lines"], "release": ["released_by"]}, "何经理", {}, form="MFG-F05", own_layout=True)
    sheet = Sheet(case_of(told), language="zh", copy_for=None, by=None, now=told.now, form="MFG-F05", guest=guest)

    data = sheet.data()
    assert (list(data["fields"]), list(data["signatures"])) == (["lines", "released_by"], ["released_by"])
    assert (data["record"], data["attachments"]) == ([], [])


def test_a_complaint_s_paper_speaks_to_him_and_has_no_empty_boxes(mfg) -> None:  # type: ignore[no-untyped-def]
    told = answered_complaint(mfg, clock.now())
    browser = opened(link := invite(told))
    text = text_of(browser.get(place(link, "paper.pdf")).content)
    assert "贵公司的抱怨" in text
    assert "我们的答复" in text
    assert "三天内补换" in text
    assert "客户提供的资料" not in text  # he gave none
    assert "客户意见说明" not in text


def test_a_drawn_signature_stands_below_the_words_of_its_box(mfg) -> None:  # type: ignore[no-untyped-def]
    told = sent_quotation(mfg, clock.now())
    browser = opened(link := invite(told, step="await-countersign", by="quotation_clerk"))
    drawn = {"drawn": drawing(), "signer": "何志强"}
    assert send_alone(browser, link, outcome="accepted", **drawn).status_code == 302
    signed = Attachment.objects.get(case=told.case, field="signed_file")
    page = PdfReader(io.BytesIO(files.content(signed.stored, signed.name))).pages[0]
    words: dict[str, float] = {}
    page.extract_text(visitor_text=lambda text, cm, _tm, _font, _size: words.setdefault(text.strip(), cm[5]))
    pictures: list[float] = []

    def place_of(operator: bytes, _operands: object, cm: list[float], _tm: object) -> None:
        if operator == b"Do":
            pictures.append(cm[5] + cm[3])

    page.extract_text(visitor_operand_before=place_of)
    assert pictures
    assert max(pictures) < next(at for word, at in words.items() if "客户确认" in word)
