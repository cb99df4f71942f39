"""A customer's own form in a real browser: uploaded, looked through, filled into its field in one click."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Page, expect

from tests.browser.conftest import Signed
from tests.paper.office import form_8d, workbook
from tests.paper.scenes import form_reply

pytestmark = pytest.mark.django_db(transaction=True)


def looked_at(page: Page, name: str) -> None:
    """A picture of it, where somebody wants to see (KEHU_LOOK names a folder)."""
    if folder := os.environ.get("KEHU_LOOK"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def upload(page: Page, content: bytes, name: str, title: str, procedure: str) -> None:
    page.goto("/settings/form-templates/new/?customer=C0001")
    page.set_input_files("[name=file]", {"name": name, "mimeType": "application/octet-stream", "buffer": content})
    page.fill("[name=title]", title)
    page.select_option("[name=procedure]", procedure)
    looked_at(page, "new")
    page.click("form.settings-form button.btn-primary")


def test_a_form_is_uploaded_looked_through_and_filled_in_one_click(signed: Signed, factory) -> None:
    telling = form_reply(factory)
    office = signed("sales_deputy_manager")
    upload(office, form_8d(), "8D.xlsx", "讯捷 8D 报告", "customer-complaint")
    expect(office.locator("text=已存为第 1 版")).to_be_visible()
    expect(office.locator("code", has_text="{{ nonsense }}")).to_be_visible()
    looked_at(office, "report")
    upload(
        office,
        workbook([["{{ parent.content }}"], ["{{ what_we_do }}"]]),
        "回复.xlsx",
        "讯捷回复表",
        "customer-form-reply",
    )
    office.goto("/settings/form-templates/")
    looked_at(office, "list")
    office.goto("/customers/C0001/")
    expect(office.locator("text=讯捷回复表")).to_be_visible()

    tracker = signed("complaint_tracker")
    tracker.goto(f"/cases/{telling.number}/")
    tracker.fill("[name=what_we_do]", "全部换新")
    looked_at(tracker, "case")
    tracker.click("text=填写“讯捷回复表”，放入")
    expect(tracker.locator("text=已填好并放入栏位")).to_be_visible()
    expect(tracker.locator("[name=what_we_do]")).to_have_value("全部换新")
    with tracker.expect_download() as found:
        tracker.click(f".file-list >> text={telling.number} 讯捷回复表.xlsx")
    sheet = load_workbook(io.BytesIO(Path(found.value.path()).read_bytes())).active
    assert [sheet["A1"].value, sheet["A2"].value] == ["毛刺超差", "全部换新"]


@pytest.mark.parametrize("width", [390, 1280])
def test_the_pages_fit_a_phone(signed: Signed, factory, width: int) -> None:
    page = signed("sales_deputy_manager", language="en", width=width)
    upload(page, form_8d(), "8D.xlsx", "Xunjie 8D", "customer-complaint")
    looked_at(page, f"report-{width}")
    for address in ("", "new/"):
        page.goto(f"/settings/form-templates/{address}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
