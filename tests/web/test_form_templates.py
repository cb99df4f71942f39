"""Templates of forms on the pages: uploaded with a report, previewed, filled from a case, put into a field in one click."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import load_workbook

from kehu.cases.form_templates import in_use, upload, withdraw
from kehu.cases.merging import merge_customers
from kehu.cases.models import Attachment, FormTemplate, TemplateRevision
from kehu.core import clock
from kehu.core.models import Event, Organization, StoredFile
from tests.cast import FRIDAY, Telling, sign_in
from tests.paper.office import document, form_8d, paragraph, text_of, workbook
from tests.paper.scenes import form_reply

pytestmark = pytest.mark.django_db
PAGES = "/settings/form-templates/"


@pytest.fixture(autouse=True)
def _friday(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any) -> None:
    monkeypatch.setattr(clock, "now", lambda organization=None: FRIDAY)
    settings.MEDIA_ROOT = tmp_path


def sent(client: Client, content: bytes, name: str = "8D.xlsx", **given: str) -> Any:
    words = {"title": "讯捷 8D", "procedure": "customer-complaint", "customer": "C0001 讯捷通信"} | given
    return client.post(f"{PAGES}new/", words | {"file": SimpleUploadedFile(name, content)}, follow=True)


def kept(mfg: Organization, content: bytes, name: str = "8D.xlsx", **given: Any) -> TemplateRevision:
    words = {"procedure": "customer-complaint", "customer": "C0001", "title": "讯捷 8D", "language": "zh"} | given
    return upload(
        organization=mfg, upload=SimpleUploadedFile(name, content), by="sales_deputy_manager", now=FRIDAY, **words
    )


def test_an_upload_says_what_it_found_and_the_old_file_stays(client: Client, mfg: Organization) -> None:
    sign_in(client, mfg, "sales_deputy_manager")
    page = sent(client, form_8d()).content.decode()
    assert "已存为第 1 版。其中有 1 个占位符无法识别" in page
    assert "{{ nonsense }}" in page
    assert "8D 报告!B10" in page
    page = sent(client, workbook([["{{ number }}"], ["{{ contnt }}"]])).content.decode()
    assert "已存为第 2 版" in page
    assert "是否想写 content？" in page

    template = FormTemplate.objects.get()
    assert [one.number for one in template.revisions.all()] == [1, 2]
    first = client.get(f"{PAGES}{template.pk}/revisions/1/")
    assert b"".join(first.streaming_content) == form_8d()
    told = list(Event.objects.filter(name="template.uploaded").order_by("sequence"))
    assert [(one.by, one.facts["revision"], one.facts["customer"]) for one in told] == [
        ("sales_deputy_manager", 1, "C0001"),
        ("sales_deputy_manager", 2, "C0001"),
    ]


def test_the_same_file_again_is_no_new_revision(mfg: Organization) -> None:
    content = workbook([["{{ number }}"]])
    assert kept(mfg, content).pk == kept(mfg, content).pk
    assert kept(mfg, content, language="en").number == 2


def test_who_looks_after_customers_may_and_nobody_else(client: Client, mfg: Organization) -> None:
    revision = kept(mfg, workbook([["{{ number }}"]]))
    sign_in(client, mfg, "sales_rep")
    for address in ("", "new/", f"{revision.template_id}/", f"{revision.template_id}/preview/"):
        assert client.get(PAGES + address).status_code == 403, address
    assert client.post(f"{PAGES}{revision.template_id}/withdrawal/").status_code == 403
    assert sent(client, form_8d()).status_code == 403
    assert PAGES not in client.get("/settings/").content.decode()


def test_what_cannot_be_filled_is_refused_and_what_was_typed_stays(client: Client, mfg: Organization) -> None:
    sign_in(client, mfg, "sales_deputy_manager")
    answer = sent(client, b"MZ", "8D.xlsx")
    assert answer.status_code == 422
    assert "不是可以填写的 Word 或 Excel 文件" in answer.content.decode()
    assert 'value="讯捷 8D"' in answer.content.decode()
    for name, content in (("a.docx", document(paragraph("{% if x %}"))), ("a.docx", document(paragraph("empty")))):
        assert sent(client, content, name).status_code == 422
    assert sent(client, workbook([["{{ number }}"]]), title=" ").status_code == 422
    assert sent(client, workbook([["{{ number }}"]]), customer="C9999").status_code == 422
    assert sent(client, workbook([["{{ number }}"]]), procedure="nothing").status_code == 422
    assert client.post(f"{PAGES}new/", {"title": "x", "procedure": "customer-complaint"}).status_code == 422
    assert not FormTemplate.objects.exists()
    assert not StoredFile.objects.exists()


def test_a_preview_is_filled_with_a_case_or_with_titles(client: Client, mfg: Organization) -> None:
    telling = Telling(mfg).start()
    revision = kept(mfg, workbook([["{{ number }}"], ["{{ content }}"]]))
    sign_in(client, mfg, "sales_deputy_manager")
    address = f"{PAGES}{revision.template_id}/preview/"

    def cells(answer: Any) -> list[Any]:
        sheet = load_workbook(io.BytesIO(answer.content)).active
        return [sheet.cell(number, 1).value for number in (1, 2)]

    assert cells(client.get(address)) == ["〈单号〉", "〈抱怨内容〉"]
    assert cells(client.get(address, {"case": telling.number})) == [telling.number, "毛刺超差"]
    assert client.get(address, {"case": "CP-1"}).status_code == 422


def test_a_case_offers_its_customers_forms_and_the_companys(client: Client, mfg: Organization) -> None:
    telling = Telling(mfg).start()
    mine, company, other, elsewhere = (
        kept(mfg, workbook([["{{ number }}"]]), title=title, customer=customer, procedure=procedure).template
        for title, customer, procedure in (
            ("客户的", "C0001", "customer-complaint"),
            ("公司的", "", "customer-complaint"),
            ("别人的", "C0002", "customer-complaint"),
            ("别处的", "C0001", "customer-form-reply"),
        )
    )
    sign_in(client, mfg, "sales_rep")
    page = client.get(f"/cases/{telling.number}/").content.decode()
    assert [title in page for title in ("客户的", "公司的", "别人的", "别处的")] == [True, True, False, False]

    answer = client.get(f"/cases/{telling.number}/forms/{mine.pk}/")
    assert answer["Content-Disposition"].startswith("attachment; filename*=UTF-8''" + telling.number)
    assert load_workbook(io.BytesIO(answer.content)).active["A1"].value == telling.number
    for template in (other, elsewhere):
        assert client.get(f"/cases/{telling.number}/forms/{template.pk}/").status_code == 404
    withdraw(organization=mfg, template=company.pk, by="sales_deputy_manager", now=FRIDAY)
    assert client.get(f"/cases/{telling.number}/forms/{company.pk}/").status_code == 404
    assert "公司的" not in client.get(f"/cases/{telling.number}/").content.decode()

    sign_in(client, mfg, "warehouse_keeper")
    assert client.get(f"/cases/{telling.number}/forms/{mine.pk}/").status_code == 403


def test_one_click_fills_the_form_with_what_is_typed_and_puts_it_into_its_field(
    client: Client, mfg: Organization
) -> None:
    telling = form_reply(mfg)
    revision = kept(
        mfg,
        document(paragraph("{{ parent.抱怨内容 }}"), paragraph("{{ what_we_do }}"), paragraph("{{ me }}")),
        "回复.docx",
        procedure="customer-form-reply",
        title="讯捷回复表",
    )
    sign_in(client, mfg, "complaint_tracker")
    page = client.get(f"/cases/{telling.number}/").content.decode()
    assert "填写“讯捷回复表”" in page
    address = f"/cases/{telling.number}/tasks/fill-customer-form/forms/{revision.template_id}/"
    answer = client.post(address, {"into": "filled_file", "what_we_do": "全部换新"}, follow=True)
    assert "已填好并放入栏位" in answer.content.decode()

    attached = Attachment.objects.get(case=telling.case)
    assert (attached.name, attached.field) == (f"{telling.number} 讯捷回复表.docx", "filled_file")
    task = telling.case.tasks.get(step="fill-customer-form")
    assert task.draft["filled_file"] == attached.name
    assert task.draft["what_we_do"] == "全部换新"
    from kehu.core import files

    assert text_of(files.content(attached.stored, "x")) == "毛刺超差\n全部换新\n郭志强"

    assert client.post(address, {"into": "what_we_do"}).status_code == 422
    sign_in(client, mfg, "sales_rep")
    assert client.post(address, {"into": "filled_file"}).status_code in (403, 409, 422)
    assert Attachment.objects.filter(case=telling.case).count() == 1


def test_who_may_not_read_the_opening_case_may_not_fill_its_words_in(client: Client, mfg: Organization) -> None:
    """The head of materials approves the reply and has nothing to do with the complaint."""
    telling = form_reply(mfg)
    telling.do(
        "fill-customer-form",
        by="complaint_tracker",
        what_we_do="a" * 30,
        to_what_degree="b" * 30,
        by_when="c" * 30,
        assurance="d" * 30,
        filled_file="x.docx",
    )
    words = {"procedure": "customer-form-reply"}
    secret = kept(mfg, workbook([["{{ parent.content }}"]]), title="带原案", **words)
    plain = kept(mfg, workbook([["{{ what_we_do }}"]]), title="不带", **words)
    sign_in(client, mfg, "materials_head")
    assert client.get(f"/cases/{telling.number}/forms/{plain.template_id}/").status_code == 200
    assert client.get(f"/cases/{telling.number}/forms/{secret.template_id}/").status_code == 403


def test_templates_are_their_companys(mfg: Organization, stranger: Organization, client: Client) -> None:
    revision = kept(mfg, workbook([["{{ number }}"]]))
    sign_in(client, stranger, "general_manager")
    assert "讯捷 8D" not in client.get(PAGES).content.decode()
    assert client.get(f"{PAGES}{revision.template_id}/").status_code == 404
    assert client.post(f"{PAGES}{revision.template_id}/withdrawal/").status_code == 404


def test_a_customers_page_lists_his_forms_and_a_merger_takes_them_along(client: Client, mfg: Organization) -> None:
    kept(mfg, workbook([["{{ number }}"]]), customer="C0003")
    kept(mfg, workbook([["{{ number }} "]]), customer="C0004")
    sign_in(client, mfg, "sales_deputy_manager")
    assert "讯捷 8D" in client.get("/customers/C0003/").content.decode()
    merge_customers(
        organization=mfg, customer="C0003", into="C0004", reason="同一家", by="sales_deputy_manager", now=FRIDAY
    )
    found = in_use().filter(customer__code="C0004").order_by("title")
    assert [one.title for one in found] == ["讯捷 8D", "讯捷 8D (C0003)"]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_pages_speak_both_languages(client: Client, mfg: Organization, language: str) -> None:
    revision = kept(mfg, form_8d())
    sign_in(client, mfg, "sales_deputy_manager")
    client.post("/language/", {"language": language})
    chinese = {"en": False, "zh-hans": True}[language]
    for address in ("", "new/", f"{revision.template_id}/"):
        page = client.get(PAGES + address).content.decode()
        assert ("表单模板" in page) is chinese
        assert ("Form templates" in page) is not chinese
