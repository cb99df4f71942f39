"""Single keys: they move through the inbox, open and go back; they are silent while one types, and for whom they disturb."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from kehu.core import clock
from tests.browser.conftest import Signed
from tests.cast import Telling

pytestmark = pytest.mark.django_db(transaction=True)


def settle(page: Page) -> None:
    """Leaving or going on while the preview is on its way is an error in the browser's console: a request is given up."""
    expect(page.locator("#preview .preview")).to_be_visible()
    page.wait_for_timeout(300)
    page.wait_for_load_state("networkidle")


@pytest.fixture
def inbox(signed: Signed, factory) -> Page:  # type: ignore[no-untyped-def]
    for _ in range(3):
        Telling(factory, clock.now()).start()
    page = signed("sales_deputy_manager")
    page.goto("/")
    settle(page)
    return page


def chosen(page: Page) -> str:
    return page.locator(".is-chosen[data-line]").get_attribute("href") or ""


def test_one_walks_the_inbox_opens_a_case_and_comes_back(inbox: Page) -> None:
    def walk(key: str) -> str:
        inbox.keyboard.press(key)
        settle(inbox)
        return chosen(inbox)

    walk("j")
    second = walk("j")
    assert walk("k") != second
    assert walk("j") == second
    inbox.keyboard.press("x")
    expect(inbox.locator("[data-chosen-count]")).to_have_text("1")
    settle(inbox)
    inbox.keyboard.press("Enter")
    inbox.wait_for_url(f"**{second}")
    inbox.keyboard.press("t")  # hand over: opens, and the first field has the focus
    expect(inbox.locator("details.verb[open] select")).to_be_focused()
    inbox.evaluate("document.activeElement.blur()")
    inbox.keyboard.press("u")
    inbox.wait_for_url("**/")
    settle(inbox)
    inbox.goto("/registers/customer-complaint/")
    inbox.keyboard.press("g")
    inbox.keyboard.press("i")
    inbox.wait_for_url("**/")
    settle(inbox)


def test_no_key_acts_while_one_types(inbox: Page) -> None:
    inbox.keyboard.press("/")
    inbox.keyboard.type("jkxgun?")
    assert inbox.locator("[data-quick]").input_value() == "jkxgun?"
    expect(inbox.locator("#keys")).to_be_hidden()
    assert inbox.locator("input.choose:checked").count() == 0
    inbox.keyboard.press("Escape")
    inbox.keyboard.press("?")
    expect(inbox.locator("#keys")).to_be_visible()


def test_who_turns_them_off_is_left_alone_and_may_turn_them_on_again(inbox: Page) -> None:
    inbox.keyboard.press("?")
    inbox.click("#keys button[name=is_on]")
    expect(inbox.locator("body[data-shortcuts=off]")).to_be_attached()
    settle(inbox)
    before = chosen(inbox)
    for key in ("j", "?", "x", "n", "/"):
        inbox.keyboard.press(key)
    assert chosen(inbox) == before
    expect(inbox.locator("#keys")).to_be_hidden()
    assert inbox.locator("input.choose:checked").count() == 0
    inbox.click(".rail-person")
    inbox.click("[data-keys]")
    inbox.click("#keys button[name=is_on]")
    expect(inbox.locator("body[data-shortcuts=off]")).to_have_count(0)
    settle(inbox)


def test_lines_are_chosen_from_one_to_another_and_all_at_once(inbox: Page) -> None:
    boxes = inbox.locator("input.choose")
    boxes.nth(0).click()
    boxes.nth(2).click(modifiers=["Shift"])
    assert inbox.locator("input.choose:checked").count() == 3
    inbox.click(".several > summary")
    inbox.uncheck("[data-choose-all]")
    assert inbox.locator("input.choose:checked").count() == 0
    inbox.click("button[formaction='/inbox/papers/']")
    expect(inbox.locator("#toasts")).to_contain_text("请先勾选")
