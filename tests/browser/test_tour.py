"""README's two tours, played as they are written: on the demo that `kehu serve --demo` makes, by the labels on the pages."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from typing import Literal
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.cast import ROOT


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


SENDS = """(element) => element.type === "submit" && element.form?.method === "post" && !element.closest("[hx-post], [hx-get]")
  && !("needsReason" in element.dataset && !element.form.querySelector("[data-reason] textarea")?.value.trim())"""
"""Whether a click sends a form: the next page is waited for, else whoever goes on at once takes back what is on its way."""


class Visitor:
    """Somebody who reads the README and clicks what it says in bold: every word in English and in Chinese."""

    def __init__(self, page: Page, language: str):
        self.page, self.language = page, language
        self.number = self.me = ""
        self.paper = b""

    def word(self, en: str, zh: str) -> str:
        return en if self.language == "en" else zh

    def click(self, en: str, zh: str, role: Literal["button", "link"] = "button", within: str = "main") -> None:
        found = self.page.locator(within).get_by_role(role, name=self.word(en, zh), exact=True).first
        if found.evaluate(SENDS):
            self._send(found)
        else:
            found.click()
        self.page.wait_for_load_state()

    def _send(self, button: Locator) -> None:
        """The form follows what was typed, and may move its button away under the pointer: then once more, as people do."""
        try:
            with self.page.expect_navigation(timeout=8000):
                button.click()
        except PlaywrightTimeout:
            with self.page.expect_navigation():
                button.click()

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

    def start(self, en: str, zh: str) -> None:
        """From the rail; a page may offer the same for its own customer."""
        self.click("New case", "立案", within="aside")
        self.page.locator("aside").get_by_role("link", name=self.word(en, zh)).click()
        self.page.wait_for_load_state()

    def note_the_number(self) -> None:
        self.page.wait_for_url(re.compile(r"/cases/[A-Z]+-[\w-]+/"))
        self.number = self.page.url.split("/cases/")[1].split("/")[0]

    def scan(self, en: str, zh: str) -> None:
        """What the customer gave back on paper, with his name and the day of the demo's clock."""
        self.fill("Signed for the customer by", "客户签字人", "Mr Fu")
        self.fill("Signed on", "客户签字日期", self.today)
        self.field(en, zh).set_input_files({"name": "signed.pdf", "mimeType": "application/pdf", "buffer": self.paper})

    def keep_the_paper(self, en: str, zh: str) -> None:
        self.click("Print", "打印", within="header")
        link = self.page.locator("header").get_by_role("link", name=self.word(en, zh)).first
        self.paper = self.page.request.get(link.get_attribute("href") or "").body()
        assert self.paper.startswith(b"%PDF")

    def bring_in(self, rows: str) -> None:
        self.page.locator("main").get_by_text(self.word("Or paste the rows", "或粘贴各行")).click()
        self.fill(
            "The rows, with the line of titles above them",
            "各行数据，首行为列标题",
            rows.replace(self.word("DAY", "当天"), self.today),
        )
        self.click("Read it", "读取")
        self.click("Check the rows", "检查各行")
        self.click("Bring in 1 row", "导入 1 行")
        expect(self.page.locator("main h2").first).to_have_text(self.word("It is in", "已导入"))

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
    tour.start("Customer complaints", "客户抱怨处理程序")
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


def test_the_second_tour_goes_from_a_lead_to_a_paid_statement(demo: str, browser: Browser) -> None:
    page = browser.new_page(base_url=demo, viewport={"width": 1280, "height": 900})
    page.set_default_timeout(20_000)
    tour = Visitor(page, "zh")
    page.goto("/")
    readme = (ROOT / tour.word("README.md", "README.zh-CN.md")).read_text()
    order, delivery = (textwrap.dedent(rows) for rows in re.findall(r"(?s)```csv\n(.*?)```", readme))
    customer = tour.word("Chenguang Optics", "东莞市晨光光学有限公司")

    # 1-4: the lead becomes a customer
    tour.become("Fang Huimin", "方慧敏")
    tour.click("Next workday", "下个工作日", within=".clock-strip")
    tour.start("Developing and filing a customer", "客户开发与建档程序")
    tour.fill("Name", "客户名称", customer)
    tour.choose("Source", "来源", ("Our own visit", "业务员拜访"))
    tour.fill("Contact", "联系人", "Mr Fu")
    tour.fill("Telephone", "电话", "0769-555-0199")
    tour.click("Record", "登记")
    tour.note_the_number()
    for field in (
        ("Size of the factory", "工厂规模"),
        ("Capacity", "产能"),
        ("Main products", "主要产品"),
        ("Present suppliers", "现有供货厂商"),
    ):
        tour.fill(*field, "120 people, lens holders")
    tour.choose("Ability to pay", "付款能力", ("Good", "好"))
    tour.tick("There is an opening for us", "有开发机会", ("Yes", "是"))
    tour.click("Submit for classing", "提交评定")
    tour.open_case("Huang Jianye", "黄建业")
    tour.choose("Class", "客户类别", ("B", "B 类"))
    tour.click("Set the class", "评定")
    tour.open_case("Fang Huimin", "方慧敏")
    tour.fill("Days after month-end", "月结天数", "30")
    tour.tick("Wants invoices", "要开发票", ("Yes", "是"))
    tour.click("File", "建档")
    page.locator("main").get_by_role("link", name=customer).first.click()
    tour.sees("Mr Fu", "Mr Fu")
    his_page = page.url

    # 5-9: a price that both have signed
    tour.click("New case", "立案", within="header")
    page.locator("header").get_by_role("link", name=tour.word("Quotations", "报价程序")).click()
    tour.fill("Product", "产品", "HY-9001")
    tour.fill("Quantity", "数量", "2000")
    tour.click("Hand over to the clerk", "交报价员")
    tour.note_the_number()
    tour.open_case("Ouyang Ting", "欧阳婷")
    tour.choose("Payment", "付款方式", ("Monthly 30 days", "月结 30 天"))
    tour.fill("Place of delivery", "交货地点", "Dongguan")
    tour.choose("Currency", "币种", ("CNY", "人民币"))
    tour.tick("The customer wants an invoice", "客户要开发票", ("Yes", "是"))
    tour.choose("Kind of product", "产品类型", ("Existing", "现有产品"))
    tour.click("Existing product", "现有产品")
    tour.fill("Proposed unit price without VAT", "拟报单价（未税）", "5")
    tour.click("Submit", "呈核")
    tour.open_case("Huang Jianye", "黄建业")
    tour.click("Approve", "核定")
    tour.open_case("Ouyang Ting", "欧阳婷")
    tour.click("Submit for signature", "送签")
    tour.open_case("Huang Jianye", "黄建业")
    tour.click("Sign", "签发")
    tour.open_case("Ouyang Ting", "欧阳婷")
    tour.keep_the_paper("Quotation", "报价单")
    tour.choose("Channel", "送交方式", ("E-mail", "电子邮件"))
    tour.fill("Recipient", "收件人", "Mr Fu")
    tour.click("Sent", "已送交")
    tour.scan("Signed scan", "回签扫描件")
    tour.click("Signed back", "客户签回")
    tour.click("Submit", "提交")
    page.goto(his_page)
    tour.click("Price list", "客户价目表", "link")
    tour.sees("5.65", "5.65")

    # 10-12: order and delivery come in from a sheet
    tour.become("Lu Wentao", "陆文涛")
    tour.click("Customers", "客户", "link", within="aside")
    tour.click("Import", "导入", "link", within="header")
    page.locator("main").get_by_label(re.compile(rf"^\s*{tour.word('Orders', '订单')}")).check()
    tour.bring_in(order)
    tour.click("Bring in another sheet", "再导入一份", "link")
    page.locator("main").get_by_label(re.compile(rf"^\s*{tour.word('Deliveries and returns', '交货与退货')}")).check()
    tour.bring_in(delivery)

    # 13-17: the month ends, and the money comes
    tour.become("Fang Huimin", "方慧敏")
    tour.click("Next month", "下个月", within=".clock-strip")
    page.goto(his_page)
    page.locator("main").get_by_role("link", name=re.compile(r"^ST-")).first.click()
    tour.note_the_number()
    tour.sees("11,300.00", "11,300.00")
    tour.click("Submit", "送审")
    tour.open_case("Huang Jianye", "黄建业")
    tour.click("Approve", "核准")
    tour.open_case("Fang Huimin", "方慧敏")
    tour.choose("Channel", "送交方式", ("E-mail", "电子邮件"))
    tour.click("Sent", "已送交")
    tour.scan("Signed scan", "签回扫描件")
    tour.click("Confirmed", "客户已确认")
    tour.open_case("Yuan Jingyi", "袁静怡")
    tour.fill("Invoice no.", "发票号码", "25440001")
    tour.fill("Invoice date", "开票日期", tour.today)
    tour.click("Invoiced", "已开票")
    tour.fill("Amount paid", "收款金额", "11300")
    tour.click("Paid", "已收清")
    expect(page.locator("header.top")).to_contain_text(tour.word("Settled", "已结清"))
    page.goto(his_page)
    tour.click("Receivables", "应收账款", "link")
    tour.sees("Nothing is owed.", "没有未结金额。")
    tour.click("Payments", "收款记录", "link")
    tour.sees("11,300.00", "11,300.00")
    tour.click("Registers", "台账", "link", within="aside")
    tour.click("Receivables register", "应收账款台账", "link")
    tour.sees(tour.number, tour.number)
