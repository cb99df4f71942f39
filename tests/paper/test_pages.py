"""What stands on the printed page, read back from the PDF."""

from __future__ import annotations

import io
import time
from datetime import date, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pypdf import PdfReader

from kehu.cases import actions, signing
from kehu.cases.attachments import attach
from kehu.organizations import absences, deputies
from kehu.organizations.queries import directory
from kehu.paper import typesetting
from kehu.paper.pages import case_pdf, procedure_pdf
from kehu.paper.typesetting import PaperError, typeset
from kehu.procedures.models import Revision
from tests.cast import Telling, at, to_departments
from tests.paper import scenes


def read(pdf: bytes) -> list[str]:
    """The text of every page, without its spaces and line breaks."""
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]
    return ["".join(text.split()).replace("\u200b", "") for text in pages]


def printed(telling: Telling, language="zh", copy_for=None) -> list[str]:
    assert telling.case
    by = directory(telling.organization, telling.now.date()).people["complaint_tracker"]
    return read(case_pdf(telling.case, language=language, copy_for=copy_for, by=by, now=telling.now))


def test_every_page_names_the_form_its_revision_the_case_and_its_own_number(mfg):
    pages = printed(scenes.complaint_in_second_round(mfg))
    assert len(pages) > 1
    for number, text in enumerate(pages, start=1):
        assert "东莞恒越精密五金制品有限公司" in text
        assert "MFG-F16A/0CP-202403-001" in text
        assert f"第{number}页/共{len(pages)}页" in text
        assert "打印件不受控" in text
        assert "MFG-CM-04A/0" in text
        assert "结案后5年" in text


def test_signatures_say_who_in_which_position_and_when(mfg):
    text = "".join(printed(scenes.complaint_in_second_round(mfg)))
    assert "受理人陆文涛业务部副理2024-03-1514:05" in text
    assert "裁定人钟启明副总经理2024-03-1514:50" in text
    assert "何振华品质部主管2024-03-1515:45" in text
    assert "部门经理签名日期:" in text  # not signed yet in this round


def test_an_objection_stands_in_the_record_with_its_reason(mfg):
    text = "".join(printed(scenes.complaint_in_second_round(mfg)))
    assert "对责任有异议图纸与工艺无误，碰伤发生在包装和运输。谭永康（工程部主管）2024-03-1514:25" in text


def test_each_department_has_its_part_and_the_round_before_is_in_the_annex(mfg):
    text = "".join(printed(scenes.complaint_in_second_round(mfg)))
    sheet, annex = text.split("附：第1次处理")
    assert "责任部门对策·品质部" in sheet
    assert "责任部门对策·资材部" in sheet
    assert "责任部门对策·工程部" not in sheet  # released, and never filled
    assert "返工后未复检。" in sheet
    assert "折弯模刃口磨损" not in sheet
    assert "折弯模刃口磨损，首件检验未覆盖内角。" in annex
    assert "罗思明（品质部经理）2024-03-1515:00" in annex
    assert "工程部" in annex  # it was notified


def test_the_customers_material_is_listed(mfg):
    text = "".join(printed(scenes.complaint_in_second_round(mfg)))
    assert "毛刺照片1.jpg" in text
    assert "8D要求.pdf" in text


def test_attached_pictures_are_printed_behind_the_sheet_and_broken_ones_only_listed(mfg, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    telling = Telling(mfg).start()
    assert telling.case
    image = typeset("", {}, now=telling.now, own_layout="#rect(width: 4cm, height: 3cm)", as_images=True)[0]
    uploads = [
        SimpleUploadedFile("毛刺.png", image),
        SimpleUploadedFile("坏.png", image[:60]),
        SimpleUploadedFile("8D.pdf", b"%PDF-1.7\n"),
    ]
    attach(
        organization=mfg, number=telling.number, uploads=uploads, by="sales_receiver", now=telling.now, field="files"
    )
    text = "".join(printed(telling))
    assert "毛刺.png;坏.png;8D.pdf" in text
    assert text.split("附件图片")[1].count(".png") == 1


def test_a_copy_is_marked_dated_and_says_for_whom(mfg):
    pages = printed(scenes.complaint_in_second_round(mfg), copy_for="quality")
    assert "副本发:品质部日期:2024-03-1515:45" in pages[0]
    assert all("副本" in text and "COPY" in text for text in pages)
    assert not any("副本COPY" in text for text in printed(Telling(mfg).start()))


def test_an_open_case_is_marked_in_progress_a_voided_one_void_a_closed_one_not_at_all(mfg):
    telling = Telling(mfg).start()
    assert "INPROGRESS" in "".join(printed(telling))
    telling.case = actions.void(
        organization=mfg,
        number=telling.number,
        reason="重复登记",
        by="sales_head",
        now=telling.now + timedelta(hours=1),
    )
    text = "".join(printed(telling))
    assert "VOID" in text
    assert "重复登记" in text
    assert "INPROGRESS" not in text


def test_both_languages_stand_side_by_side_on_request(mfg):
    telling = Telling(mfg).start()
    both, zh, en = ("".join(printed(telling, language)) for language in ("both", "zh", "en"))
    assert "接收时间" in both
    assert "Receivedat" in both
    assert "Receivedat" not in zh
    assert "接收时间" not in en
    assert "Page1/1" in en


def test_what_people_type_is_never_markup(mfg):
    nasty = '#panic("x") $x^2$ *fett* @label \\n ` <a> [b] {c} // weg /* auch */ = = - + ~ "'
    text = "".join(printed(Telling(mfg).start(content=nasty, product="#let x = 1")))
    assert "".join(nasty.split()) in text
    assert "#letx=1" in text


def test_a_character_the_font_lacks_is_named(mfg):
    assert "客户很生气[U+1F621]。" in "".join(printed(Telling(mfg).start(content="客户很生气😡。")))


@pytest.mark.parametrize("letters", ["很长的说明，", "0123456789abcdef", "line\n"])
def test_ten_thousand_characters_go_over_several_pages(mfg, letters):
    content = (letters * 10_000)[:10_000]
    pages = printed(Telling(mfg).start(content=content))
    assert len(pages) >= 3
    assert pages[-1].count(f"/共{len(pages)}页") == 1
    assert "".join(pages).count("".join(letters.split())) > len(content) // len(letters) * 0.9


def test_many_departments_have_room(mfg):
    telling = to_departments(Telling(mfg).start(), "quality", "engineering", "materials", "finance", "management")
    text = "".join(printed(telling))
    for title in ("品质部", "工程部", "资材部", "财务部", "总经办"):
        assert f"责任部门对策·{title}" in text


def test_a_person_who_left_keeps_his_name_and_the_position_he_had(mfg):
    from kehu.organizations.models import Appointment, Member

    telling = Telling(mfg).start()
    scenes.name_people(mfg)
    Member.objects.filter(key="sales_receiver").update(left_on="2024-03-16")
    Appointment.objects.filter(member__key="sales_receiver").update(valid_until="2024-03-16")
    telling.now = at("2024-04-01 09:00")
    assert "接收人梁嘉琪客诉接收人员2024-03-1514:00" in "".join(printed(telling))


def test_a_complaint_sheet_takes_well_under_a_second(mfg):
    telling = scenes.complaint_in_second_round(mfg)
    printed(telling)
    assert telling.case
    started = time.perf_counter()
    case_pdf(telling.case, language="both", copy_for="quality", by=None, now=telling.now)
    assert time.perf_counter() - started < 1


def test_a_corrective_report_prints_by_the_same_layout(mfg):
    case = scenes.report(mfg)
    text = "".join(read(case_pdf(case, language="zh", copy_for=None, by=None, now=at("2024-03-20 09:00"))))
    assert "MFG-F14" in text
    assert "纠正预防处理报告单" in text
    assert "提出人方慧敏业务员2024-03-1514:00" in text or "方慧敏业务员" in text


def test_the_written_procedure_prints_with_its_clauses_steps_and_forms(mfg):
    revision = Revision.objects.select_related("procedure", "organization").get(procedure__key="customer-complaint")
    pages = read(procedure_pdf(revision, "zh", now=at("2024-03-20 09:00")))
    text = "".join(pages)
    assert f"MFG-CM-04A/0第1页/共{len(pages)}页" in pages[0]
    for words in (
        "S4-2.3对策写法(5W1H)",
        "拟定改善对策",
        "8个工作小时",
        "MFG-F16",
        "MFG-R9",
        "生效日期2024-01-01",
        "业务部副理",
    ):
        assert words in text
    assert "SUPERSEDED" not in text


def test_a_superseded_revision_says_so(mfg):
    revision = Revision.objects.select_related("procedure", "organization").get(procedure__key="customer-complaint")
    revision.procedure.current_id = None
    assert "SUPERSEDED" in "".join(read(procedure_pdf(revision, "en", now=at("2024-03-20 09:00"))))


def test_a_procedures_own_layout_replaces_the_standard_one(mfg):
    telling = Telling(mfg).start()
    assert telling.case
    revision = telling.case.revision
    own = '#import "look.typ": *\n#set text(font: "Noto Sans SC")\nEigenes Blatt #data.case.number'
    Revision.objects.filter(pk=revision.pk).update(
        definition={**Revision.objects.get(pk=revision.pk).definition, "print": own}, digest="another text"
    )
    telling.case.refresh_from_db()
    assert printed(telling) == ["EigenesBlattCP-202403-001"]


@pytest.mark.parametrize("path", ["/pyproject.toml", "pyproject.toml", "../pyproject.toml", "/../../etc/hostname"])
def test_a_layout_reads_nothing_from_the_disk(db, path):
    with pytest.raises(PaperError):
        typeset("", {}, now=at("2024-03-15 09:00"), own_layout=f'#read("{path}")')


def test_a_layout_fetches_nothing_from_the_network(db):
    with pytest.raises(PaperError, match="without the network"):
        typeset("", {}, now=at("2024-03-15 09:00"), own_layout='#import "@preview/tablex:0.0.9": *')


def test_a_font_that_is_not_there_is_an_error_not_a_square(db):
    with pytest.raises(PaperError, match="unknown font family: simsun"):
        typeset("", {}, now=at("2024-03-15 09:00"), own_layout='#set text(font: "SimSun")\n你好')


def test_a_machine_without_the_font_is_told_what_to_do(settings, tmp_path):
    settings.FONTS = tmp_path
    typesetting._fonts.cache_clear()
    try:
        with pytest.raises(PaperError, match="make install"):
            typeset("standard.typ", {}, now=at("2024-03-15 09:00"))
    finally:
        typesetting._fonts.cache_clear()


def test_a_deputy_signs_on_paper_in_both_names_and_by_which_rule(mfg):
    scenes.name_people(mfg)
    absences.enter(
        organization=mfg,
        member="sales_deputy_manager",
        first_day=date(2024, 3, 15),
        last_day=date(2024, 3, 19),
        deputy="sales_head",
        by="sales_deputy_manager",
        now=at("2024-03-15 08:00"),
    )
    deputies.accept(organization=mfg, number=1, by="sales_head", now=at("2024-03-15 08:10"))
    telling = Telling(mfg).start()
    telling.do("accept-complaint", by="sales_head", outcome="help", help_needed=True)

    both = "黄建业代陆文涛委托代理第1号，2024-03-15–2024-03-19"
    assert f"受理人{both}2024-03-1514:00" in "".join(printed(telling))
    assert "HuangJianyeforLuWentaodeputyrule1" in "".join(printed(telling, "en"))


def sign_too(telling, order, **answers):
    """QA and engineering are asked to sign the acceptance as well."""
    common = {"organization": telling.organization, "number": telling.number, "step": "accept-complaint"}
    signing.add_signer(
        **common, who=["qa_head", "eng_head"], order=order, by="sales_deputy_manager", now=telling.now, reason="会同"
    )
    if order == "after":
        telling.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    for minute, (who, answer) in enumerate(answers.items(), start=10):
        signing.sign(
            **common, answer=answer, reason="" if answer == "agree" else "不属实", by=who,
            now=telling.now + timedelta(minutes=minute),
        )  # fmt: skip
    if order == "before":
        telling.now += timedelta(minutes=30)
        telling.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    telling.case.refresh_from_db()
    return "".join(printed(telling))


@pytest.mark.parametrize(("order", "signed"), [("before", "14:30"), ("after", "14:00")])
def test_added_signers_have_their_boxes_and_their_lines(mfg, order, signed):
    scenes.name_people(mfg)
    text = sign_too(Telling(mfg).start(), order, qa_head="agree", eng_head="agree")

    assert f"受理人陆文涛业务部副理2024-03-15{signed}" in text
    assert "加签何振华品质部主管2024-03-1514:10" in text
    assert "加签谭永康工程部主管2024-03-1514:11" in text
    assert "加签：同意何振华（品质部主管）2024-03-1514:10" in text


def test_a_signature_still_asked_for_is_a_box_for_a_pen_and_a_refused_one_a_line(mfg):
    scenes.name_people(mfg)
    telling = Telling(mfg).start()
    text = sign_too(telling, "after", qa_head="agree")
    assert "加签何振华品质部主管2024-03-1514:10" in text
    assert "加签：谭永康日期:" in text

    signing.sign(
        organization=mfg,
        number=telling.number,
        step="accept-complaint",
        answer="refuse",
        reason="不属实",
        by="eng_head",
        now=telling.now + timedelta(minutes=20),
    )
    telling.case.refresh_from_db()
    text = "".join(printed(telling))
    assert "加签：何振华日期:" in text  # all sign anew
    assert "加签：不同意不属实谭永康（工程部主管）2024-03-1514:20" in text


def test_a_signature_by_a_deputy_of_an_added_signer_has_both_names(mfg):
    scenes.name_people(mfg)
    absences.enter(
        organization=mfg,
        member="eng_head",
        first_day=date(2024, 3, 15),
        last_day=date(2024, 3, 19),
        deputy="engineering_manager",
        by="eng_head",
        now=at("2024-03-15 08:00"),
    )
    deputies.accept(organization=mfg, number=1, by="engineering_manager", now=at("2024-03-15 08:10"))
    text = sign_too(Telling(mfg).start(), "before", qa_head="agree", engineering_manager="agree")

    assert "加签蒋国栋代谭永康委托代理第1号，2024-03-15–2024-03-192024-03-1514:11" in text


def test_a_short_field_that_is_left_over_stands_beside_the_signature(mfg):
    """报告时间 and 报告对象 in one line, not each with half a line empty."""
    told = scenes.complaint_in_second_round(mfg)
    page = PdfReader(io.BytesIO(case_pdf(told.case, language="zh", copy_for=None, by=None, now=told.now))).pages[0]
    heights: dict[str, float] = {}
    page.extract_text(visitor_text=lambda text, cm, _tm, _font, _size: heights.setdefault(text.strip(), cm[5]))
    assert heights["报告时间"] == pytest.approx(heights["报告对象"], abs=1)
