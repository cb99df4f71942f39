"""A customer on his telephone: opens his link, reads, draws his signature with a finger, and has a receipt."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from kehu.cases.models import Attachment, Case
from kehu.core import clock
from kehu.core.models import Organization
from kehu.core.scope import scope
from tests.portal.scenes import INSIDE, answered_complaint, invite, place, sent_statement


def draw(page: Page) -> None:
    pad = page.locator("canvas")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box
    page.mouse.move(box["x"] + 20, box["y"] + 60)
    page.mouse.down()
    for step in range(30):
        page.mouse.move(box["x"] + 20 + 8 * step, box["y"] + 60 + 30 * math.sin(step / 3))
    page.mouse.up()


@pytest.fixture
def telephone(browser: Browser, live_server: object, settings, tmp_path) -> Iterator[Page]:  # type: ignore[no-untyped-def]
    """A customer's. Whatever its browser complains about fails the test, but for answers that were refused."""
    settings.MEDIA_ROOT = tmp_path
    context = browser.new_context(
        base_url=live_server.url,  # type: ignore[attr-defined]
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
    )
    page, complaints = context.new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda line: complaints.append(line.text) if line.type == "error" and "422" not in line.text else None,
    )
    yield page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert complaints == []
    context.close()


def test_a_complaint_s_reply_is_refused_then_accepted_with_a_drawn_signature(
    browser: Browser, live_server: object, factory: Organization, telephone: Page
) -> None:
    told = answered_complaint(factory, clock.now(factory))
    invitation, page = invite(told), telephone

    page.goto(place(invitation))
    expect(page.locator("body")).not_to_contain_text("毛刺超差")
    page.get_by_role("button", name="打开").click()
    expect(page.get_by_text("毛刺超差")).to_be_visible()
    expect(page.locator("body")).not_to_contain_text(INSIDE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    page.get_by_role("link", name="English").click()
    expect(page.get_by_text("Draw your signature here")).to_be_visible()
    page.get_by_role("link", name="中文").click()

    page.get_by_label("意见").fill("补换件已装机")
    draw(page)
    page.get_by_role("button", name="提交答复").click()
    expect(page.get_by_text("请选择您的答复")).to_be_visible()
    expect(page.get_by_label("意见")).to_have_value("补换件已装机")
    assert page.evaluate("document.querySelector('[name=drawn]').value.length") > 500

    page.get_by_text("接受答复，要求已满足").first.click()
    page.get_by_label("您的姓名").fill("何志强")
    page.get_by_role("button", name="提交答复").click()
    expect(page.get_by_role("heading", name="谢谢，您的答复已收到。")).to_be_visible()
    expect(page.get_by_text("何志强")).to_be_visible()

    with scope(factory):
        case = Case.objects.get(number=told.number)
        assert (case.data["customer_opinion"], case.data["customer_signer"]) == ("met", "何志强")
        assert [one.name.rpartition(".")[2] for one in Attachment.objects.filter(case=case).order_by("pk")] == [
            "pdf",
            "png",
        ]

    another = browser.new_context(base_url=live_server.url)  # type: ignore[attr-defined]
    page = another.new_page()
    page.goto(place(invitation))
    expect(page.get_by_role("alert")).to_contain_text("这个链接已使用")
    expect(page.locator("body")).not_to_contain_text("何志强")
    another.close()


def test_a_statement_is_disputed_line_by_line(factory: Organization, telephone: Page) -> None:
    told = sent_statement(factory, clock.now(factory))
    link, page = invite(told, step="confirm-statement", by="sales_rep"), telephone
    page.goto(place(link))
    page.get_by_role("button", name="打开").click()
    expect(page.get_by_text("答复由各行得出")).to_be_visible()

    page.get_by_role("button", name="全部同意").click()
    expect(page.locator("[data-way=confirmed]")).to_be_visible()
    expect(page.locator("canvas")).to_be_visible()
    page.get_by_role("group", name="第 2 行").get_by_text("有出入").click()
    expect(page.locator("[data-way=disputed]")).to_be_visible()
    expect(page.locator("canvas")).to_be_hidden()
    page.get_by_role("group", name="第 2 行").get_by_label("说明").fill("退了两件")
    page.get_by_role("button", name="提交答复").click()
    expect(page.get_by_text("请写上您的姓名。")).to_be_visible()
    expect(page.get_by_role("group", name="第 2 行").get_by_label("说明")).to_have_value("退了两件")
    page.get_by_label("您的姓名").fill("何志强")
    page.get_by_role("button", name="提交答复").click()
    expect(page.get_by_role("heading", name="谢谢，您的答复已收到。")).to_be_visible()
    expect(page.get_by_text("退了两件")).to_be_visible()

    page.goto(place(link))
    expect(page.get_by_role("heading", name="您已于")).to_be_visible()
    with scope(factory):
        assert [row["remark"] for row in Case.objects.get(number=told.number).data["differences"]] == ["退了两件"]
