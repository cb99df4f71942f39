"""Controlled forms for a pen, and the forms within a case's record."""

import io

import pypdf
import pytest

from kehu.cases import actions
from kehu.paper.pages import blank_pdf, case_pdf
from kehu.procedures.documents import forms_of
from tests.cast import FRIDAY, Telling, at


def words(pdf: bytes) -> str:
    return "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


def printed(mfg, number: str, language: str = "zh") -> str:
    form = next(one for one in forms_of(mfg) if one.number == number)
    return words(blank_pdf(mfg, form, language=language, by=None, now=FRIDAY))


def test_every_form_of_the_pack_prints_empty(mfg):
    for form in forms_of(mfg):
        found = "".join(words(blank_pdf(mfg, form, language="both", by=None, now=FRIDAY)).split())

        for said in (form.number, form.part.title.zh, form.part.title.en):
            assert said.replace(" ", "") in found


def test_a_blank_form_asks_for_all_that_people_fill(mfg):
    memo = printed(mfg, "MFG-F09")
    assert all(label in memo for label in ("商谈事项", "达成的约定", "客户签名", "决议内容", "执行部门"))
    assert "改善会议记录" not in memo  # a form of its own

    report = printed(mfg, "MFG-F15")
    assert "来电号码" in report  # asked for telephone complaints only, so it stands on the paper in any case
    assert "进行中" not in report


def test_forms_stand_in_the_order_of_their_numbers_with_the_procedure_they_belong_to(mfg):
    forms = forms_of(mfg)
    numbers = [one.number for one in forms]
    assert numbers.index("MFG-F06") < numbers.index("MFG-F10") < numbers.index("MFG-F21")

    memo = next(one for one in forms if one.number == "MFG-F09")
    assert memo.home == "memo-follow-up"
    assert set(memo.procedures) == {"memo-follow-up", "visit-execution", "customer-reception"}


@pytest.fixture
def noted(mfg) -> Telling:
    """A reception whose liaison note is being written."""
    told = Telling(mfg)
    told.case = actions.open_case(
        organization=mfg, procedure="customer-reception", by="sales_rep", customer="C0001", now=FRIDAY,
        values={"purpose": "supplier_evaluation", "visitors": "何经理", "arrival": at("2024-03-27 09:00")},
    )  # fmt: skip
    notice = {"department": "quality", "person": "qa_head", "told_at": FRIDAY, "to_prepare": "质量报表"}
    return told.do("notify-departments", by="sales_rep", outcome="with_note", notices=[notice])


def test_a_form_within_the_record_is_printed_for_itself_under_its_own_number(mfg, noted):
    note = words(case_pdf(noted.case, language="zh", copy_for=None, by=None, now=FRIDAY, form="MFG-F10"))
    assert all(text in note for text in ("联络单", "MFG-F10", "LN-202403-001", "质量报表"))
    assert "来访登记" not in note

    whole = words(case_pdf(noted.case, language="zh", copy_for=None, by=None, now=FRIDAY))
    assert all(text in whole for text in ("MFG-F11", "来访登记", noted.number))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_blank_forms_are_one_sheet_and_the_complaint_s_three_pages(mfg, language):
    def pages(form):
        return len(pypdf.PdfReader(io.BytesIO(blank_pdf(mfg, form, language=language, by=None, now=FRIDAY))).pages)

    assert {form.number: n for form in forms_of(mfg) if (n := pages(form)) > 1} == {"MFG-F16": 3}
