"""Office files as people make them: an 8D form in Excel with everything such forms have, and Word documents written out."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from functools import cache

import xlsxwriter

PACKAGE = "application/vnd.openxmlformats-package.relationships+xml"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_TYPES = "http://schemas.openxmlformats.org/package/2006"
_LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


@cache
def form_8d() -> bytes:
    """Two sheets: merged cells, own row heights and widths, formulas, a format and a check for the repeated row, a text box, a
    tick box, a note, a chart, a picture of the sheet in print."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target)
    bold = book.add_format({"bold": 1, "border": 1, "font_name": "宋体", "bg_color": "#DDDDDD"})
    wrap = book.add_format({"text_wrap": 1, "border": 1, "valign": "top"})
    day = book.add_format({"num_format": "yyyy/m/d", "border": 1})
    sheet = book.add_worksheet("8D 报告")
    sheet.set_column("A:A", 12)
    sheet.set_column("B:F", 16)
    sheet.merge_range("A1:F1", "8D 报告 {{ 单号 }}", bold)
    sheet.write("A2", "客户", bold)
    sheet.write("B2", "{{ customer.name }} ({{ customer.code }})", wrap)
    sheet.write("C2", "{{ received_at }}", day)
    sheet.write("D2", "{{ received_at }}")
    sheet.write("E2", "{{ qty_delivered }}")
    sheet.write_rich_string("F2", bold, "方式：", wrap, "{{ chan", bold, "nel }}")
    sheet.merge_range("A3:F3", "{{ 抱怨内容 }}", wrap)
    sheet.write("A4", "{{ demand }}")
    sheet.merge_range("A6:A8", "对策", bold)
    sheet.write_row("B6", ["部门", "原因"], bold)
    sheet.write("B7", "{{ departments.department }}", bold)
    sheet.merge_range("C7:D7", "{{ departments.cause }}", wrap)
    sheet.write("E7", 5)
    sheet.write_formula("F7", "=E7*2+$E$2", None, 99)
    sheet.set_row(6, 40)
    sheet.write("B8", "合计")
    sheet.write_formula("E8", "=SUM(E7:E7)", None, 99)
    sheet.write_formula("F8", "=E8+F7", None, 99)
    sheet.write("A10", "制表", bold)
    sheet.write("B10", "{{ nonsense }}")
    sheet.conditional_format("E7", {"type": "cell", "criteria": ">", "value": 3, "format": bold})
    sheet.data_validation("B7", {"validate": "list", "source": ["甲", "乙"]})
    sheet.insert_textbox("H12", "框内 {{ number }}")
    sheet.insert_textbox("A12", "此栏由客户填写")
    sheet.insert_checkbox("E10", True)
    sheet.write_comment("A10", "请盖章")
    sheet.print_area("A1:F12")
    sheet.repeat_rows(0)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.set_margins(left=0.3)
    sheet.fit_to_pages(1, 0)
    sheet.set_header("&C{{ number }}")
    sheet.set_h_pagebreaks([9])
    chart = book.add_chart({"type": "column"})
    chart.add_series({"values": "='8D 报告'!$E$7:$E$8"})
    sheet.insert_chart("H20", chart)
    other = book.add_worksheet("统计")
    other.write_formula("A1", "='8D 报告'!E8", None, 99)
    other.write_formula("A2", "=A10", None, 99)
    other.write("B3", "不动", bold)
    book.close()
    return target.getvalue()


def workbook(rows: Iterable[Iterable[str]]) -> bytes:
    """A plain sheet of texts."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"strings_to_formulas": False})
    sheet = book.add_worksheet("S")
    for number, row in enumerate(rows):
        sheet.write_row(number, 0, list(row))
    book.close()
    return target.getvalue()


def paragraph(*runs: str) -> str:
    return "<w:p>" + "".join(f"<w:r><w:rPr><w:b/></w:rPr><w:t>{run}</w:t></w:r>" for run in runs) + "</w:p>"


def row(*cells: str) -> str:
    """Texts, or paragraphs and tables as they stand."""
    return (
        "<w:tr>"
        + "".join(f"<w:tc>{one if one.startswith('<w:') else paragraph(one)}</w:tc>" for one in cells)
        + "</w:tr>"
    )


def table(*rows: str) -> str:
    return f"<w:tbl><w:tblPr/>{''.join(rows)}</w:tbl>"


def document(*parts: str, header: str = "", more: dict[str, bytes] | None = None, kind: str = "document") -> bytes:
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    types = f'<Override PartName="/word/document.xml" ContentType="{WORD}.{kind}.main+xml"/>'
    links = ""
    files = {"word/document.xml": f"<w:document {space}><w:body>{''.join(parts)}<w:sectPr/></w:body></w:document>"}
    if header:
        files["word/header1.xml"] = f"<w:hdr {space}>{header}</w:hdr>"
        types += f'<Override PartName="/word/header1.xml" ContentType="{WORD}.header+xml"/>'
        links = f'<Relationship Id="rId9" Type="{_LINKS}/header" Target="header1.xml"/>'
    files["word/_rels/document.xml.rels"] = f'<Relationships xmlns="{_TYPES}/relationships">{links}</Relationships>'
    files["_rels/.rels"] = (
        f'<Relationships xmlns="{_TYPES}/relationships"><Relationship Id="rId1" Type="{_LINKS}/officeDocument" '
        'Target="word/document.xml"/></Relationships>'
    )
    files["[Content_Types].xml"] = (
        f'<Types xmlns="{_TYPES}/content-types"><Default Extension="rels" ContentType="{PACKAGE}"/>{types}</Types>'
    )
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in files.items():
            made.writestr(name, text)
        for name, content in (more or {}).items():
            made.writestr(name, content)
    return target.getvalue()


def text_of(content: bytes, part: str = "word/document.xml") -> str:
    """What stands in a Word file, a line a paragraph."""
    from lxml import etree

    root = etree.fromstring(zipfile.ZipFile(io.BytesIO(content)).read(part))
    lines = []
    for one in root.iter("{*}p"):
        pieces = [
            node.text or "" if node.tag.endswith("}t") else "/"
            for node in one.iter("{*}t", "{*}br")
            if next(node.iterancestors("{*}p")) is one
        ]
        lines.append("".join(pieces))
    return "\n".join(lines)
