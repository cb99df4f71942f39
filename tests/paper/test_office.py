"""Word and Excel templates, filled from a complaint; what is not a placeholder stays as it came."""

from __future__ import annotations

import io
import time
import zipfile
from datetime import datetime
from typing import Any

import pytest
from openpyxl import load_workbook
from openpyxl.cell.rich_text import CellRichText

from kehu.cases.history import read
from kehu.organizations.queries import directory
from kehu.paper.form_templates import _values
from kehu.paper.office.filling import (
    GrowsTooLong,
    NothingToFill,
    TagNotUnderstood,
    TooManyPlaceholders,
    examined,
    filled,
)
from kehu.paper.office.names import names_of
from kehu.paper.office.package import HasMacros, NotOffice, Package, UnpacksTooLarge
from kehu.paper.office.placeholders import find, nearest
from kehu.paper.office.references import Insertion
from kehu.paper.office.values import SampleValues
from kehu.procedures.packs import definition_json, read_definition
from tests.cast import Telling, mfg_pack, to_departments
from tests.paper import scenes
from tests.paper.office import document, form_8d, paragraph, row, table, text_of, workbook

COMPLAINT = read_definition(definition_json(mfg_pack(), "customer-complaint"))
NAMES = names_of(COMPLAINT)
SAMPLE = SampleValues(COMPLAINT, NAMES, language="zh", now=datetime(2024, 3, 15, 14, 0))


def values(telling: Telling, language: str = "zh", by: str = "complaint_tracker") -> Any:
    person = directory(telling.organization, telling.now.date()).people[by]
    record = read(organization=telling.organization, number=telling.number, person=person, now=telling.now)
    return _values(record, language, telling.now)


def sheet_of(content: bytes, name: str | None = None) -> Any:
    book = load_workbook(io.BytesIO(content), rich_text=True)
    return book[name] if name else book.active


@pytest.fixture
def second_round(mfg):
    return scenes.complaint_in_second_round(mfg)


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "path", "filters"),
    [
        ("content", ("content",), ()),
        ("抱怨内容", ("content",), ()),
        ("What the customer  SAYS", ("content",), ()),
        ("customer.name", ("customer", "name"), ()),
        ("客户.名称", ("customer", "name"), ()),
        ("departments.cause", ("departments", "cause"), ()),
        ("责任部门．原因分析", ("departments", "cause"), ()),
        ("departments.2.cause", ("departments", 2, "cause"), ()),
        ("qty_delivered | 大写", ("qty_delivered",), ("in_words",)),
        ("qty_delivered_in_words", ("qty_delivered",), ("in_words",)),
        ("交货数量｜大写", ("qty_delivered",), ("in_words",)),
        ("channel.phone", ("channel", "phone"), ()),
        ("accepted_by.date", ("accepted_by", "date"), ()),
    ],
)
def test_a_name_is_a_key_or_a_title(words, path, filters):
    found = find(words, NAMES)
    assert found
    assert (found.path, found.filters) == (path, filters)


@pytest.mark.parametrize(
    "words", ["''.__class__", "content.__class__", "number|upper", "customer.password", "a b c", "3"]
)
def test_what_is_no_name_means_nothing(words):
    assert find(words, NAMES) is None


@pytest.mark.parametrize(
    ("words", "meant"),
    [("contnt", "content"), ("客户.名字", "customer.名称"), ("departmens.cause", "departments.cause"), ("xyz", "")],
)
def test_the_nearest_name_is_offered(words, meant):
    assert nearest(words, NAMES) == meant or find(nearest(words, NAMES), NAMES).path == find(meant, NAMES).path


def test_two_fields_of_one_title_are_named_by_their_keys():
    assert {name.title["zh"] for name in NAMES if name.key in ("late_ruling_text", "failure_ruling_text")} == {
        "处置意见"
    }
    assert find("处置意见", NAMES) is None


# --- Excel ------------------------------------------------------------------------------------------------------------


def test_every_cell_that_is_no_placeholder_stays_with_its_format(second_round):
    """Read by a library that had no part in filling: values, formats, merged cells, widths, heights, print settings."""
    before, after = form_8d(), filled(form_8d(), "8d.xlsx", values(second_round))
    one, two = sheet_of(before), sheet_of(after)
    moved = 2  # three departments: two rows more

    def new(number: int) -> int:
        return number + moved if number > 7 else number

    compared = 0
    for cells in one.iter_rows():
        for cell in cells:
            now = two.cell(new(cell.row), cell.column)
            if "{{" not in str(cell.value) and not str(cell.value).startswith("="):
                assert now.value == cell.value, cell.coordinate
                assert cell.value is None or now._style == cell._style or now.has_style == cell.has_style
                compared += 1
            for part in ("font", "fill", "border", "alignment", "protection"):
                assert repr(getattr(now, part)) == repr(getattr(cell, part)), (cell.coordinate, part)
    assert compared > 40
    assert {str(area) for area in two.merged_cells.ranges} == {"A1:F1", "A3:F3", "A6:A10", "C7:D7", "C8:D8", "C9:D9"}
    assert [two.row_dimensions[number].height for number in (7, 8, 9)] == [pytest.approx(39.75)] * 3
    assert {key: column.width for key, column in two.column_dimensions.items()} == {
        key: column.width for key, column in one.column_dimensions.items()
    }
    assert two.print_area == "'8D 报告'!$A$1:$F$14"
    assert two.print_title_rows == one.print_title_rows
    assert (two.page_setup.orientation, two.page_setup.paperSize, two.page_margins.left) == ("landscape", 9, 0.3)
    assert (two.page_setup.fitToHeight, two.sheet_properties.pageSetUpPr.fitToPage) == (0, True)
    assert [one.id for one in two.row_breaks.brk] == [11]
    assert [str(check.sqref) for check in two.data_validations.dataValidation] == ["B7:B9"]
    assert [str(rule.sqref) for rule in two.conditional_formatting] == ["E7:E9"]
    assert two["A12"].comment.text == one["A10"].comment.text


def test_parts_that_no_placeholder_is_in_are_the_same_octets(second_round):
    before, after = (
        zipfile.ZipFile(io.BytesIO(content))
        for content in (form_8d(), filled(form_8d(), "8d.xlsx", values(second_round)))
    )
    assert set(after.namelist()) == set(before.namelist())
    same = {name for name in before.namelist() if before.read(name) == after.read(name)}
    assert same >= {"xl/theme/theme1.xml", "xl/sharedStrings.xml", "docProps/core.xml", "xl/_rels/workbook.xml.rels"}


def test_text_boxes_notes_charts_and_pictures_move_with_their_rows(second_round):
    made = zipfile.ZipFile(io.BytesIO(filled(form_8d(), "8d.xlsx", values(second_round))))
    drawing = made.read("xl/drawings/drawing1.xml").decode()
    assert f"框内 {second_round.number}" in drawing
    assert "此栏由客户填写" in drawing
    assert drawing.count("<xdr:row>13</xdr:row>") == 2  # both text boxes began in row 12
    assert "$E$7:$E$10" in made.read("xl/charts/chart1.xml").decode()
    assert "<x:Row>11</x:Row>" in made.read("xl/drawings/vmlDrawing1.vml").decode()


def test_formulas_stay_formulas_and_speak_of_the_rows_they_meant(second_round):
    made = filled(form_8d(), "8d.xlsx", values(second_round))
    sheet = sheet_of(made)
    assert [sheet[f"F{number}"].value for number in (7, 8, 9)] == [f"=E{number}*2+$E$2" for number in (7, 8, 9)]
    assert (sheet["E10"].value, sheet["F10"].value) == ("=SUM(E7:E9)", "=E10+F7")
    assert [sheet_of(made, "统计")[name].value for name in ("A1", "A2")] == ["='8D 报告'!E10", "=A10"]
    counted = load_workbook(io.BytesIO(made), data_only=True)
    assert counted["8D 报告"]["E10"].value is None  # the empty form's sum is forgotten; programs count it anew
    assert load_workbook(io.BytesIO(made)).calculation.fullCalcOnLoad


def test_values_are_written_as_what_they_are(second_round):
    sheet = sheet_of(filled(form_8d(), "8d.xlsx", values(second_round)))
    assert sheet["A1"].value == f"8D 报告 {second_round.number}"
    assert sheet["B2"].value == "深圳市讯捷通信设备有限公司 (C0001)"
    assert sheet["C2"].value == datetime(2024, 3, 15, 14, 0)
    assert sheet["C2"].number_format == "yyyy/m/d"
    assert sheet["D2"].value == "2024-03-15 14:00"
    assert (sheet["E2"].value, sheet["E2"].number_format) == (1200, "#,##0")
    assert str(sheet["F2"].value) == "方式：电话"
    assert isinstance(sheet["F2"].value, CellRichText)
    assert [sheet[f"B{number}"].value for number in (7, 8, 9)] == ["品质部", "工程部", "资材部"]
    assert sheet["B12"].value == "{{ nonsense }}"
    assert sheet.oddHeader.center.text == second_round.number


@pytest.mark.parametrize("text", ["=1+1", "+8613800000000", "-5", "@SUM(A1)", '=HYPERLINK("http://x","y")'])
def test_a_text_from_a_case_is_never_a_formula(mfg, text):
    made = filled(form_8d(), "8d.xlsx", values(Telling(mfg).start(demand=text)))
    cell = sheet_of(made)["A4"]
    assert (str(cell.value), cell.data_type) == (text, "s")
    assert cell.style_id
    assert cell.quotePrefix


def test_a_long_text_finds_room_and_no_row_becomes_lower(mfg):
    content = "支架折弯处有毛刺，装配时划伤手指。\n" * 12
    sheet = sheet_of(filled(form_8d(), "8d.xlsx", values(Telling(mfg).start(content=content))))
    assert sheet["A3"].value.count("\n") == 11
    assert sheet.row_dimensions[3].height > 150
    assert sheet.row_dimensions[2].height == pytest.approx(3 * 11 * 1.35 + 2)  # the customer's name, in a narrow cell
    assert sheet.row_dimensions[7].height == pytest.approx(39.75)


def test_a_table_without_rows_leaves_the_row_empty(mfg):
    sheet = sheet_of(filled(form_8d(), "8d.xlsx", values(Telling(mfg).start())))
    assert sheet["B7"].value is None
    assert sheet["B8"].value == "合计"


def test_rows_that_say_the_same_are_room_for_several(second_round):
    """A customer's form has five empty lines: three are filled, two stay empty, nothing moves."""
    lines = [["部门"], *[["{{ departments.department }}"]] * 5, ["盖章"]]
    sheet = sheet_of(filled(workbook(lines), "x.xlsx", values(second_round)))
    assert [sheet.cell(number, 1).value for number in range(1, 8)] == [
        "部门",
        "品质部",
        "工程部",
        "资材部",
        None,
        None,
        "盖章",
    ]
    sheet = sheet_of(
        filled(workbook([["{{ departments.department }}"]] * 2 + [["盖章"]]), "x.xlsx", values(second_round))
    )
    assert [sheet.cell(number, 1).value for number in range(1, 5)] == ["品质部", "工程部", "资材部", "盖章"]


def test_rows_one_below_the_other_are_one_block(second_round):
    lines = [["{{ plan.what }}"], ["{{ plan.who }} {{ plan.when_done | 年月日 }}"], ["盖章"]]
    sheet = sheet_of(filled(workbook(lines), "x.xlsx", values(second_round)))
    assert [sheet.cell(number, 1).value for number in (1, 2, 3, 4)] == [
        "全检在库支架", "韦志远 2024年3月20日", "修订首件检验表", "何振华 2024年3月22日",
    ]  # fmt: skip


def test_ticks_numbers_in_words_single_rows_and_signatures(second_round):
    asked = [
        "{{ channel | 勾选 }}",
        "{{ channel.phone }} 电话 {{ channel.email }} 邮件",
        "{{ qty_delivered | 大写 }}",
        "{{ departments.1.department }}/{{ departments.9.department }}",
        "{{ accepted_by }}",
        "{{ accepted_by.name }} {{ accepted_by.position }} {{ accepted_by.at }}",
        "{{ 客户.电话 }} {{ content | en }}{{ channel | en }}",
        "{{ tracker }} {{ starter.position }} {{ me }}",
        "{{ demand }}｛｛ 产品 ｝｝",
    ]
    sheet = sheet_of(filled(workbook([[one] for one in asked]), "x.xlsx", values(second_round)))
    assert [sheet.cell(number, 1).value for number in range(1, len(asked) + 1)] == [
        "☐ 退货  ☐ 书面  ☐ 电子邮件  ☑ 电话",
        "☑ 电话 ☐ 邮件",
        "壹仟贰佰元整",
        "品质部/",
        "陆文涛 2024-03-15",
        "陆文涛 业务部副理 2024-03-15 14:05",
        "0755-555-0101 支架折弯处有毛刺，装配时划伤手指；另有 12 件表面碰伤。Telephone",
        "郭志强 客诉接收人员 郭志强",
        "三天内换货，并书面说明原因和对策。BR-120 支架",
    ]


def test_formulas_that_are_shared_are_written_out_before_rows_move(second_round):
    """As Excel saves a formula that was filled downwards: the first cell has it, the others only its number."""
    content = workbook([["{{ departments.department }}", "1", "x"], ["a", "2", "x"], ["b", "3", "x"]])
    package = Package(content, "x.xlsx")
    sheet = package.xml("xl/worksheets/sheet1.xml")
    main = sheet.nsmap[None]
    for name, text, attributes in (
        ("C1", "", {}),
        ("C2", "B2*2", {"t": "shared", "ref": "C2:C3", "si": "0"}),
        ("C3", "", {"t": "shared", "si": "0"}),
    ):
        cell = next(one for one in sheet.iter(f"{{{main}}}c") if one.get("r") == name)
        if attributes:
            for child in list(cell):
                cell.remove(child)
            cell.attrib.pop("t", None)
            formula = cell.makeelement(f"{{{main}}}f", attributes)
            formula.text = text or None
            cell.append(formula)
    package.changed("xl/worksheets/sheet1.xml")
    made = sheet_of(filled(package.packed(), "x.xlsx", values(second_round)))
    assert [made[name].value for name in ("A4", "C4", "C5")] == ["a", "=B4*2", "=B5*2"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("A12", "A12"),
        ("A13", "A15"),
        ("SUM(A12:A12)", "SUM(A12:A14)"),
        ("SUM(A5:A12)", "SUM(A5:A14)"),
        ("SUM($A$13:B20)", "SUM($A$15:B22)"),
        ("'S'!A13+Other!A13", "'S'!A15+Other!A13"),
        ("12:12", "12:14"),
        ("A:A", "A:A"),
        ('IF(A13="A13",name,1.5)', 'IF(A15="A13",name,1.5)'),
        ("[1]S!A13", "[1]S!A13"),
        ("not a formula (", "not a formula ("),
    ],
)
def test_what_formulas_say_once_rows_were_put_in(before, after):
    assert Insertion("S", 12, 12, 2).formula(before, is_home=True) == after


# --- Word -------------------------------------------------------------------------------------------------------------


def test_a_letter_is_filled_where_word_has_cut_its_placeholders(second_round):
    made = filled(
        document(
            paragraph("No. {", "{ num", "ber }} &amp; <b>".replace("<b>", "&lt;b&gt;")),
            paragraph("部门：{{ 责任部门.部门 }}。"),
            paragraph("{{ demand }}"),
            header=paragraph("{{ customer.short_name }}"),
        ),
        "letter.docx",
        values(second_round),
    )
    assert (
        text_of(made)
        == f"No. {second_round.number} & <b>\n部门：品质部、工程部、资材部。\n三天内换货，并书面说明原因和对策。"
    )
    assert text_of(made, "word/header1.xml") == "讯捷通信"


def test_rows_of_a_word_table_are_repeated_with_and_without_tags(second_round):
    plain = table(
        row("部门", "原因"), row("{{ departments.department }}", "{{ departments.cause }}"), row("完", "{{ product }}")
    )
    tagged = table(
        row("{%tr for row in departments %}"),
        row(
            "{{ row.department }}",
            table(row("{%tr for a in row.actions %}"), row("{{ a.what }}"), row("{%tr endfor %}")),
        ),
        row("{%tr endfor %}"),
    )
    made = text_of(filled(document(plain, tagged), "x.docx", values(second_round)))
    assert made.splitlines()[:10] == [
        "部门",
        "原因",
        "品质部",
        "返工后未复检。",
        "工程部",
        "",
        "资材部",
        "",
        "完",
        "BR-120 支架",
    ]
    assert made.splitlines()[10:] == ["品质部", "全检在库支架", "修订首件检验表", "", "工程部", "", "资材部"]


def test_paragraphs_stand_or_go_by_a_condition(mfg):
    body = document(
        paragraph("{%p if demand %}"),
        paragraph("要求：{{ demand }}"),
        paragraph("{%p else %}"),
        paragraph("无要求"),
        paragraph("{%p endif %}"),
        paragraph("{%p if not channel == ‘phone’ %}"),
        paragraph("书面"),
        paragraph("{%p endif %}"),
        paragraph("{%p for one in departments %}"),
        paragraph("{{ one.department }}"),
        paragraph("{%p endfor %}"),
    )
    assert text_of(filled(body, "x.docx", values(Telling(mfg).start()))) == "无要求\n书面"
    telling = Telling(mfg).start(channel="phone", caller="何", phone="1", demand="换货\n并说明")
    to_departments(telling, "quality", "materials")
    assert text_of(filled(body, "x.docx", values(telling))) == "要求：换货/并说明\n品质部\n资材部"


def test_a_cell_that_lost_its_paragraphs_has_one_so_that_word_opens_it(mfg):
    body = document(table(row(paragraph("{%p if demand %}") + paragraph("x") + paragraph("{%p endif %}"))))
    made = zipfile.ZipFile(io.BytesIO(filled(body, "x.docx", values(Telling(mfg).start())))).read("word/document.xml")
    assert b"<w:tc><w:p/></w:tc>" in made


@pytest.mark.parametrize(
    "tag",
    [
        "{% if demand %}",
        "{%p include 'x' %}",
        "{%p for i in range(10) %}",
        "{%p for x in content %}",
        "{%p if ''.__class__ %}",
        "{%p endfor %}",
        "{%p for row in departments %}",
        "{%tr for row in departments %}",
    ],
)
def test_a_tag_that_is_not_understood_is_refused_by_name(tag):
    with pytest.raises(TagNotUnderstood) as refused:
        examined(document(paragraph(tag), paragraph("{{ number }}")), "x.docx", NAMES, SAMPLE)
    assert tag in str(refused.value)


# --- what comes from outside ------------------------------------------------------------------------------------------


def test_nothing_in_a_template_is_carried_out(mfg):
    nasty = ["{{ ''.__class__.__mro__ }}", "{{ 7*7 }}", "{{ number.__len__() }}", "{{ config }}"]
    made = filled(document(*map(paragraph, nasty)), "x.docx", values(Telling(mfg).start()))
    assert text_of(made).splitlines() == nasty


def test_what_people_type_is_text_and_no_markup(mfg):
    text = '</w:t></w:r> & {{ number }} {%p for x in y %} "x" \x0b\x1f'
    made = filled(document(paragraph("{{ content }}")), "x.docx", values(Telling(mfg).start(content=text)))
    assert text_of(made) == '</w:t></w:r> & {{ number }} {%p for x in y %} "x"'


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"", NotOffice),
        (b"PK\x03\x04 and no more", NotOffice),
        (document(paragraph("x"), kind="template"), NotOffice),
        (document(paragraph("{{ number }}"), more={"word/vbaProject.bin": b"x"}), HasMacros),
        (document(paragraph("{{ number }}"), more={"word/activeX/activeX1.xml": b"x"}), HasMacros),
        (document(paragraph("{{ number }}"), more={"word/document.xml": b"<w:document/>"}), NotOffice),
        (document("<w:p>"), NotOffice),
        (document(paragraph("no placeholders here")), NothingToFill),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_cannot_or_may_not_be_filled_is_refused_with_a_sentence(content, refusal):
    with pytest.raises(refusal) as refused:
        examined(content, "表单.docx", NAMES, SAMPLE)
    assert "表单.docx" in str(refused.value)


def test_macro_enabled_files_are_refused_as_such():
    content = document(paragraph("{{ number }}"))
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as one, zipfile.ZipFile(target, "w") as two:
        for name in one.namelist():
            text = one.read(name)
            if name == "[Content_Types].xml":
                text = text.replace(
                    b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
                    b"application/vnd.ms-word.document.macroEnabled.main+xml",
                )
            two.writestr(name, text)
    with pytest.raises(HasMacros):
        examined(target.getvalue(), "x.docx", NAMES, SAMPLE)


def test_a_bomb_is_refused_before_it_is_unpacked():
    bomb = document(paragraph("{{ number }}"), more={"word/media/image1.png": bytes(80 * 2**20)})
    assert len(bomb) < 2**20
    started = time.perf_counter()
    with pytest.raises(UnpacksTooLarge):
        examined(bomb, "x.docx", NAMES, SAMPLE)
    assert time.perf_counter() - started < 1


def test_a_file_of_nothing_but_placeholders_is_refused_in_a_moment():
    body = document(*(paragraph(f"{{{{ name{number} }}}}") for number in range(5000)))
    started = time.perf_counter()
    with pytest.raises(TooManyPlaceholders):
        examined(body, "x.docx", NAMES, SAMPLE)
    assert time.perf_counter() - started < 10


def test_a_part_too_long_to_be_read_is_refused():
    with pytest.raises(UnpacksTooLarge):
        examined(document(paragraph("{{ number }} " + "x" * 17 * 2**20)), "x.docx", NAMES, SAMPLE)


@pytest.mark.parametrize(
    "doctype",
    ['<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]>', '<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'],
)
def test_entities_are_not_read(doctype):
    content = document(paragraph("{{ number }}"))
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as one, zipfile.ZipFile(target, "w") as two:
        for name in one.namelist():
            text = one.read(name).decode()
            two.writestr(name, doctype + text if name == "word/document.xml" else text)
    with pytest.raises(NotOffice):
        examined(target.getvalue(), "x.docx", NAMES, SAMPLE)


def test_loops_in_loops_come_to_an_end(second_round):
    loops = [f"{{%p for r{depth} in departments %}}" for depth in range(12)]
    body = document(*map(paragraph, loops), paragraph("{{ number }}"), *(paragraph("{%p endfor %}") for _ in loops))
    started = time.perf_counter()
    with pytest.raises(GrowsTooLong):
        filled(body, "x.docx", values(second_round))
    assert time.perf_counter() - started < 20


def test_a_large_form_is_filled_in_a_moment(second_round):
    lines = [[f"静态 {number}-{column}" for column in range(20)] for number in range(2000)]
    lines[10] = ["{{ plan.what }}"] * 20
    source, form = values(second_round), workbook(lines)
    started = time.perf_counter()
    filled(form, "x.xlsx", source)
    assert time.perf_counter() - started < 15  # on a busy machine; alone it takes one


def test_the_report_says_what_each_placeholder_is_and_what_was_meant():
    report = examined(form_8d(), "8d.xlsx", NAMES, SAMPLE)
    found = {
        line.words: (line.where, line.name.title["zh"] if line.name else None, line.meant) for line in report.lines
    }
    assert found["抱怨内容"] == ("8D 报告!A3", "抱怨内容", "")
    assert found["channel"] == ("8D 报告!F2", "抱怨方式", "")
    assert found["nonsense"][:2] == ("8D 报告!B10", None)
    assert [table.key for table in report.tables] == ["departments"]
    assert (report.kind, report.language) == ("xlsx", "zh")


def test_the_case_that_opened_it_is_named_too(mfg):
    """`{{ parent.content }}`: the customer's form is filled in a case of its own."""
    telling = scenes.form_reply(mfg)
    asked = workbook([["{{ parent.抱怨内容 }}"], ["{{ parent.departments.department }}"], ["{{ what_we_do }}"]])
    sheet = sheet_of(filled(asked, "x.xlsx", values(telling)))
    assert [sheet.cell(number, 1).value for number in (1, 2)] == ["毛刺超差", "品质部"]
