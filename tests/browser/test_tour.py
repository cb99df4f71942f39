"""README's tour in ten minutes, played as it is written: on the demo that `kehu serve --demo` makes, by the labels on the pages."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Literal
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.cast import ROOT

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("KEHU_", "DJANGO_"))}
    fonts = os.environ.get("KEHU_FONTS", str(ROOT / "var" / "fonts"))
    server = subprocess.Popen(
        [sys.executable, "-m", "kehu.cli.main", "serve", "--demo", "--port", str(port)],
        env=kept | {"KEHU_VAR": str(tmp_path_factory.mktemp("var")), "KEHU_URL": address, "KEHU_FONTS": fonts},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(f"{address}/healthz", server)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert server.poll() is None, "the demo did not start"
        try:
            with urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(address)


class Visitor:
    """Somebody who reads the README and clicks what it says in bold: every word in English and in Chinese."""

    def __init__(self, page: Page, language: str):
        self.page, self.language = page, language
        self.number = self.me = ""

    def word(self, en: str, zh: str) -> str:
        return en if self.language == "en" else zh

    def click(self, en: str, zh: str, role: Literal["button", "link"] = "button", within: str = "main") -> None:
        self.page.locator(within).get_by_role(role, name=self.word(en, zh), exact=True).first.click()
        self.page.wait_for_load_state()

    def field(self, en: str, zh: str, nth: int = 0) -> Locator:
        """By its label; a star behind it says that it is required."""
        name = re.compile(rf"^\s*{re.escape(self.word(en, zh))}\s*\*?\s*$")
        return self.page.locator("main").get_by_label(name).nth(nth)

    def fill(self, en: str, zh: str, value: str, nth: int = 0) -> None:
        self.field(en, zh, nth).fill(value)

    def choose(self, en: str, zh: str, choice: tuple[str, str], nth: int = 0) -> None:
        """A person stands there with his position behind his name."""
        field = self.field(en, zh, nth)
        said = re.compile(rf"^\s*{re.escape(self.word(*choice))}(\W|$)")
        field.select_option(field.locator("option").filter(has_text=said).first.get_attribute("value"))

    def tick(self, en: str, zh: str, choice: tuple[str, str]) -> None:
        group = self.page.locator("main").get_by_role("radiogroup", name=self.word(en, zh))
        group.get_by_label(self.word(*choice), exact=True).check()

    def become(self, en: str, zh: str) -> None:
        if self.me:
            self.page.locator("aside").get_by_role("button", name=self.me).click()
            self.click("Sign out", "退出登录", within="aside")
        self.me = self.word(en, zh)
        self.page.get_by_role("button", name=self.me).first.click()
        self.page.wait_for_load_state()

    def open_case(self, en: str, zh: str) -> None:
        self.become(en, zh)
        self.page.locator("main").get_by_text(self.number).first.dblclick()
        self.page.wait_for_url(f"**/cases/{self.number}/**")

    def countermeasure(self) -> None:
        self.fill("State confirmed", "抱怨状况确认", "50 in stock checked, 6 with burrs")
        self.choose("Who talked with the customer", "与客户沟通人", (self.me, self.me))
        self.fill("With whom", "客户方对象", "Ms He")
        self.fill("Talked at", "沟通时间", f"{self.today}T08:30")
        self.fill("What", "做什么", "sort the stock")
        self.choose("Who", "由谁做", (self.me, self.me))
        self.fill("How", "怎么做", "by eye and by hand")
        self.fill("Where", "在哪做", "finished goods store")
        self.fill("Done by", "何时完成", self.today)
        self.fill("Planned completion", "计划完成日期", self.today)
        self.click("Submit", "提交对策")

    @property
    def today(self) -> str:
        found = re.search(r"\d{4}-\d\d-\d\d", self.page.locator(".clock-strip").inner_text())
        assert found, "the strip shows no day"
        return found[0]

    def sees(self, *words: str) -> None:
        expect(self.page.locator("main")).to_contain_text(self.word(*words))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_tour_goes_as_the_readme_says(demo: str, browser: Browser, language: str) -> None:
    page = browser.new_page(base_url=demo, viewport={"width": 1280, "height": 900})
    page.set_default_timeout(20_000)
    tour = Visitor(page, language)
    page.goto("/")
    if language == "en":
        page.get_by_role("button", name="English").click()

    # 1-3: the complaint comes in
    tour.become("Liang Jiaqi", "梁嘉琪")
    tour.click("Next workday", "下个工作日", within=".clock-strip")
    tour.click("New case", "立案", within="aside")
    page.locator("aside").get_by_role("link", name=tour.word("Customer complaints", "客户抱怨处理程序")).click()
    page.wait_for_load_state()
    customer = tour.field("Which customer is it?", "是哪位客户？")
    customer.press_sequentially(tour.word("Xunjie", "讯捷"))
    suggested = page.locator("#customers option").first  # the browser's own list, which no test can click
    expect(suggested).to_have_attribute("value", re.compile(tour.word("Xunjie", "讯捷")))
    customer.fill(suggested.get_attribute("value") or "")
    tour.fill("Received at", "接收时间", f"{tour.today}T08:00")
    tour.choose("Channel", "抱怨方式", ("Telephone", "电话"))
    tour.choose("Kind", "抱怨类别", ("Quality", "品质"))
    tour.fill("What the customer says", "抱怨内容", "Burrs on bracket HY-2207, holes 0.3 mm off")
    tour.fill("Caller", "来电人", "Ms He")
    tour.fill("Telephone number", "来电号码", "0755-555-0101")
    tour.click("Submit", "提交")
    page.wait_for_url("**/cases/CP-*/**")
    tour.number = page.url.split("/cases/")[1].split("/")[0]

    tour.open_case("Lu Wentao", "陆文涛")
    tour.sees("What the procedure says", "程序条款")
    tour.sees("Why this time limit?", "时限怎么算的？")
    tour.tick("Other departments must help", "需他部门协助", ("Yes", "是"))
    tour.click("Other departments are needed", "需他部门协助")

    # 4-6: the sheet goes out
    tour.open_case("Fang Huimin", "方慧敏")
    tour.choose("Department", "部门", ("Quality", "品质部"))
    tour.click("Add a row", "添加一行")
    tour.choose("Department", "部门", ("Engineering", "工程部"), nth=1)
    tour.click("Departments are clear, submit", "责任部门明确，送审")
    tour.open_case("Lu Wentao", "陆文涛")
    tour.choose("Tracker", "跟踪人", ("Guo Zhiqiang", "郭志强"))
    tour.click("Approve and issue", "核准发出")
    tour.open_case("Guo Zhiqiang", "郭志强")
    tour.click("Submit", "提交")

    # 7-13: one department answers, the other is late and objects
    tour.open_case("He Zhenhua", "何振华")
    tour.countermeasure()
    tour.open_case("Luo Siming", "罗思明")
    tour.click("Approve", "核准")
    tour.open_case("Tan Yongkang", "谭永康")
    tour.click("+4 hours", "+4 小时", within=".clock-strip")
    tour.click("+1 hour", "+1 小时", within=".clock-strip")
    tour.sees("overdue", "已逾期")
    tour.click("Object to being responsible", "对责任有异议")
    tour.fill("Reason or opinion", "理由或意见", "The drawing is the customer's.")
    tour.click("Object to being responsible", "对责任有异议")
    tour.open_case("Zhong Qiming", "钟启明")
    tour.choose("Department held responsible", "裁定责任部门", ("Engineering", "工程部"))
    tour.fill("Ruling", "裁定说明", "Engineering released the die.")
    tour.click("Submit", "提交")
    tour.click("Not needed", "无需召开")
    tour.open_case("Guo Zhiqiang", "郭志强")
    tour.click("Submit", "提交")
    tour.open_case("Tan Yongkang", "谭永康")
    objection = tour.word("Object to being responsible", "对责任有异议")
    expect(page.locator("main").get_by_role("button", name=objection, exact=True)).to_have_count(0)
    tour.countermeasure()
    tour.open_case("Jiang Guodong", "蒋国栋")
    tour.click("Approve", "核准")

    # 14-16: the customer is answered, the case is closed
    tour.open_case("Guo Zhiqiang", "郭志强")
    tour.click("Submit", "提交")
    tour.open_case("Fang Huimin", "方慧敏")
    tour.choose("Channel of the reply", "回复方式", ("E-mail", "电子邮件"))
    tour.fill("Recipient", "回复对象", "Ms He")
    tour.fill("Text", "回复内容", "Sorted; new parts come in three days.")
    tour.click("Submit", "提交")
    tour.open_case("Guo Zhiqiang", "郭志强")
    for row in range(2):
        tour.fill("Done on", "实际完成日", tour.today, nth=row)
        tour.choose("State", "状态", ("Done", "已完成"), nth=row)
    tour.click("All done", "全部完成")
    tour.choose("The customer's opinion", "客户意见", ("Demand met", "达到要求"))
    tour.tick("Expected effect reached", "达到预期效果", ("Yes", "是"))
    tour.click("The demand is met", "达到客户要求")
    tour.fill("Result", "处理结果", "All brackets changed, the customer has agreed.")
    tour.click("Submit", "提交")
    tour.open_case("Lu Wentao", "陆文涛")
    tour.click("Approve", "核准结案")
    tour.click("Submit", "提交")
    tour.sees("Closed", "已结案")

    # 17-20: what came of it
    tour.click("Print", "打印", within="header")
    paper = page.get_by_role("link", name=tour.word("The whole record", "整份记录")).get_attribute("href")
    assert page.request.get(paper or "").body().startswith(b"%PDF")
    tour.click("Registers", "台账", "link", within="aside")
    tour.click("Complaint register", "客户抱怨台账", "link")
    expect(page.locator("main tbody tr").first).to_contain_text(tour.number)
    sheet = page.locator("main, header").get_by_role("link", name="Excel").first.get_attribute("href")
    assert page.request.get(sheet or "").body().startswith(b"PK")
    tour.click("Procedures", "程序文件", "link", within="aside")
    page.locator("main").get_by_role("link", name=tour.word("Customer complaints", "客户抱怨处理程序")).first.click()
    page.wait_for_load_state()
    written = page.locator("main, header").get_by_role("link", name="PDF").first.get_attribute("href")
    assert page.request.get(written or "").body().startswith(b"%PDF")
    tour.click("Statistics", "统计", "link", within="aside")
    expect(page.locator("main")).to_be_visible()
