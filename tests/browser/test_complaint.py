"""The complaint in a real browser: registered, refused, accepted, disputed; in both languages, on desktop and phone, by keyboard."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from kehu.cases.models import Case, Task
from kehu.core import clock
from tests.browser.conftest import Signed
from tests.cast import ROOT, Telling, to_departments

pytestmark = pytest.mark.django_db(transaction=True)


def moment(minutes: int = 0) -> str:
    from zoneinfo import ZoneInfo

    return f"{clock.now().astimezone(ZoneInfo('Asia/Shanghai')) + timedelta(minutes=minutes):%Y-%m-%dT%H:%M}"


def register_by_phone(page: Page, **values: str) -> None:
    page.goto("/procedures/customer-complaint/cases/new/")
    page.fill("[name=customer]", "C0001")
    page.fill("[name=received_at]", moment(-10))
    page.select_option("[name=channel]", "phone")
    page.select_option("[name=kind]", "quality")
    expect(page.locator("[name=caller]")).to_be_visible()  # asked only of telephone complaints
    for name, value in {
        "content": "支架有毛刺，割手",
        "product": "HY-2207",
        "caller": "何经理",
        "phone": "0755-555-0101",
        **values,
    }.items():
        page.fill(f"[name={name}]", value)


def test_a_complaint_by_phone_goes_from_the_receiver_to_the_deputy_manager_and_on(
    signed: Signed, factory: object
) -> None:
    receiver = signed("sales_receiver")
    register_by_phone(receiver)
    receiver.keyboard.press("Control+Enter")
    receiver.wait_for_url("**/cases/CP-*/")
    number = receiver.url.rstrip("/").rsplit("/", 1)[1]

    manager = signed("sales_deputy_manager")
    manager.goto("/")
    expect(manager.locator("main")).to_contain_text(number)
    manager.goto(f"/cases/{number}/")
    manager.check("[name=help_needed][value=true]")
    manager.click("button[name=outcome][value=help]")
    expect(manager.locator("main")).to_contain_text("填写客户抱怨处理单")

    assert list(Task.objects.filter(case__number=number, state="open").values_list("step", flat=True)) == ["fill-sheet"]


def test_what_was_typed_stays_where_it_is_refused(signed: Signed, factory: object) -> None:
    receiver = signed("sales_receiver", language="en")
    register_by_phone(receiver)
    receiver.fill("[name=received_at]", moment(+60))  # in the future
    receiver.click("button[name=outcome]")

    expect(receiver.locator("[name=content]")).to_have_value("支架有毛刺，割手")
    expect(receiver.locator("main")).to_contain_text("future")
    assert Case.objects.count() == 0


def test_a_pasted_picture_waits_among_the_files_and_is_added(signed: Signed, factory) -> None:  # type: ignore[no-untyped-def]
    told = Telling(factory, clock.now()).start()
    page = signed("sales_deputy_manager", language="en")
    page.goto(f"/cases/{told.number}/")
    page.evaluate(
        """async () => {
          const canvas = Object.assign(document.createElement("canvas"), { width: 2, height: 2 });
          const picture = await new Promise((done) => canvas.toBlob(done));
          const given = new DataTransfer();
          given.items.add(new File([picture], "image.png", { type: "image/png" }));
          document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: given, bubbles: true }));
          const more = new DataTransfer();
          more.items.add(new File(["two"], "notes.txt", { type: "text/plain" }));
          document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: more, bubbles: true }));
        }"""
    )
    page.locator("#files").get_by_role("button", name="Add", exact=True).click()

    expect(page.locator("#files .file-list")).to_contain_text("image.png")
    expect(page.locator("#files .file-list")).to_contain_text("notes.txt")


def test_a_department_objects_on_a_phone(signed: Signed, factory) -> None:  # type: ignore[no-untyped-def]
    told = to_departments(Telling(factory, clock.now()).start(), "quality", "engineering")
    head = signed("eng_head", language="en", width=390)
    head.goto(f"/cases/{told.number}/")
    form = head.locator("#task-propose-countermeasure-engineering form").first
    form.locator("button[value=object]").click()
    assert Task.objects.filter(case=told.case, step="rule-responsibility").count() == 0  # not without a reason
    form = head.locator("#task-propose-countermeasure-engineering form").first
    form.locator("[name=reason]").fill("the drawing is the customer's")
    form.locator("button[value=object]").click()
    head.wait_for_load_state()
    expect(head.locator("main")).to_contain_text("Rule on responsibility")

    assert sorted(map(str, Task.objects.filter(case=told.case, state="open"))) == [
        "propose-countermeasure[quality]",
        "rule-responsibility",
    ]


ADDRESSES = [
    "/",
    "/notices/",
    "/customers/",
    "/customers/C0001/",
    "/registers/",
    "/registers/customer-complaint/",
    "/procedures/",
    "/procedures/customer-complaint/",
    "/procedures/customer-complaint/cases/new/",
    "/statistics/customer-complaint/",
    "/cases/{number}/",
]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_page_fits_and_nothing_on_it_complains(signed: Signed, factory, language: str, width: int) -> None:  # type: ignore[no-untyped-def]
    told = to_departments(Telling(factory, clock.now()).start(), "quality")
    page = signed("sales_deputy_manager", language=language, width=width)
    axe = Path(ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    wrong: list[str] = []
    for address in ADDRESSES:
        answer = page.goto(address.format(number=told.number))
        assert answer
        assert answer.status == 200, address
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1"), (
            f"{address} is wider than {width}"
        )
        # The Content-Security-Policy lets no script of ours in from outside; DevTools' own evaluation may.
        page.evaluate(axe)
        found = page.evaluate(
            "axe.run({runOnly: ['wcag2a', 'wcag2aa']}).then(r => r.violations.map(v => [v.id, v.impact, v.nodes[0].html.slice(0, 120)]))"
        )
        wrong += [
            f"{address}: {json.dumps(one, ensure_ascii=False)}" for one in found if one[1] in ("serious", "critical")
        ]
    assert wrong == []


def test_the_sign_in_offers_the_demo_s_people_with_one_click(browser, live_server, factory, settings) -> None:  # type: ignore[no-untyped-def]
    from kehu.organizations.models import Member
    from tests.cast import sign_in  # gives the member a user

    settings.DEMO = True
    factory.is_demo = True
    factory.save(update_fields=["is_demo"])
    from django.test import Client

    sign_in(Client(), factory, "vice_gm")
    page = browser.new_page(base_url=live_server.url)
    page.goto("/")
    page.click("button[name=person][value=vice_gm]")
    page.wait_for_url(f"{live_server.url}/")

    assert Member.objects.get(key="vice_gm").name["zh"] in page.content()
