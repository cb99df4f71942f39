"""What people type is text wherever it is shown: on pages, in mails, in Excel files, in PDFs, in file names and in headers."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from kehu.cases import actions, attachments, opinions
from kehu.core.files import safe_name
from kehu.core.models import Organization
from kehu.core.refusals import BadData
from kehu.core.scope import scope
from kehu.ledgers.customers.models import Contact, Customer
from kehu.notifications.delivery import deliver
from kehu.organizations import members
from kehu.organizations.actions import changed
from kehu.organizations.models import Department, Member, Position
from kehu.paper.typesetting import typeset
from tests.cast import FRIDAY, Telling, sign_in, to_departments

from .test_answers import LEAVES, places

MARKUP = """"'><img src=x onerror=alert(1)><script>alert(2)</script>{0}%s"""
FORMULA = "=HYPERLINK(\"https://evil.example\",\"x\")"  # fmt: skip
READERS = ("general_manager", "sales_deputy_manager", "qa_head", "complaint_tracker")


class Foreign(HTMLParser):
    """What a page would run or load that is not of Kehu's own making."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name.startswith("on") or (value or "").strip().lower().startswith(("javascript:", "data:text")):
                self.found.append(f"<{tag} {name}={value!r}>")
            if name in ("src", "href", "action") and (value or "").startswith(("x", "//", "https://evil")):
                self.found.append(f"<{tag} {name}={value!r}>")
        given = dict(attrs)
        if tag == "script" and "src" not in given and given.get("type") != "application/json":
            self.found.append(f"<script {attrs}>")

    def handle_data(self, data: str) -> None:
        self.text += data


def looked_through(answer: Any) -> Foreign | None:
    """The page as a browser takes it apart; None for what is none."""
    if answer.streaming or "html" not in answer.headers.get("Content-Type", ""):
        return None
    page = Foreign()
    page.feed(answer.content.decode())
    page.close()
    return page


@pytest.fixture
def marked(mfg: Organization, settings: Any, tmp_path: Any) -> Telling:
    """A complaint with markup in every text that anybody may type."""
    settings.MEDIA_ROOT = tmp_path
    both = {"zh": MARKUP, "en": MARKUP}
    Customer.objects.update(name=MARKUP, name_en=MARKUP, short_name=MARKUP[:40], address=MARKUP, main_products=MARKUP)
    Contact.objects.update(name=MARKUP[:40], title=MARKUP[:40], phone=MARKUP[:20], email="a@example.com")
    for row in (Member, Position, Department):
        for one in row.objects.all():
            named = {"title": both} if hasattr(one, "title") else {"name": both}
            row.objects.filter(pk=one.pk).update(**named)
    Organization.objects.filter(pk=mfg.pk).update(title=both)
    mfg.refresh_from_db()
    changed(mfg)
    told = Telling(mfg).start(product=MARKUP, content=MARKUP)
    common: dict[str, Any] = {"organization": mfg, "number": told.number, "now": FRIDAY}
    actions.hand_over(**common, step="accept-complaint", by="sales_deputy_manager", to="sales_head", reason=MARKUP)
    actions.hand_over(**common, step="accept-complaint", by="sales_head", to="sales_deputy_manager", reason=MARKUP)
    actions.send_back(
        **common, step="accept-complaint", by="sales_deputy_manager", to="receive-complaint", reason=MARKUP
    )
    told.do("receive-complaint", by="sales_receiver", product=MARKUP, content=MARKUP)
    to_departments(told, "quality", "engineering")
    opinions.ask_opinion(
        **common, step="propose-countermeasure", item="quality", by="qa_head", who=["eng_head"], reason=MARKUP
    )
    actions.save_draft(
        **common,
        step="propose-countermeasure",
        item="quality",
        by="qa_head",
        values={"cause": MARKUP, "actions": [{"what": MARKUP, "how": MARKUP, "where": MARKUP}]},
    )
    named = SimpleUploadedFile("a.txt", b"plain")
    named._name = f"{MARKUP}.txt"  # type: ignore[attr-defined]  # as Django takes it from a header, before it is cleaned
    attachments.attach(**common, uploads=[named], by="sales_rep")
    deliver(FRIDAY + timedelta(hours=1), organization=mfg)
    return told


@pytest.mark.thorough
def test_no_page_takes_what_was_typed_for_its_own(marked: Telling) -> None:
    seen = 0
    for reader in READERS:
        client = sign_in(Client(), marked.organization, reader)
        for language in ("en", "zh-hans"):
            client.cookies["kehu_language"] = language
            for place in asked_for(marked.number):
                page = looked_through(client.get(place))
                assert page is None or page.found == [], place
                seen += page is not None and "<img src=x" in page.text

    assert seen > 40  # it stood there, as text


def asked_for(number: str) -> Iterator[str]:
    for place in places(number):
        if not place.startswith("/api/") and not place.endswith(".pdf") and not any(word in place for word in LEAVES):
            yield place
            yield f"{place}?q=%22%3E%3Cimg+src%3Dx+onerror%3Dalert(1)%3E&customer=%22%3E%3Cscript%3E&sort=%22%20onload%3D1&next=javascript:1"
    yield "/customers/%22%3E%3Cscript%3E/"
    yield "/cases/%3Cscript%3Ealert(1)%3C%2Fscript%3E/"


def test_no_form_that_comes_back_takes_what_was_typed_for_its_own(marked: Telling) -> None:
    words = ("reason", "outcome", "to", "content", "product", "customer", "cause", "actions.0.what", "text", "name")
    words += ("q", "member", "note", "day", "title", "email", "username", "year", "who", "language", "next", "version")
    client = sign_in(Client(), marked.organization, "qa_head")
    kept = 0
    for place in places(marked.number):
        if place.startswith("/api/") or any(word in place for word in LEAVES):
            continue
        with transaction.atomic():
            answer = client.post(place, dict.fromkeys(words, MARKUP))
            page = looked_through(answer)
            assert answer.status_code < 500, place
            assert page is None or page.found == [], place
            kept += page is not None and "<img src=x" in page.text
            transaction.set_rollback(True)

    assert kept > 3


def test_mails_are_plain_text_and_their_headers_one_line(marked: Telling, mailoutbox: Any) -> None:
    now = FRIDAY + timedelta(hours=2)
    Member.objects.filter(key="sales_head").update(email="head@example.com")
    with scope(marked.organization):
        case = Telling(marked.organization).start(product="P", content="c")
    line_broken = "look\r\nBcc: all@example.com\r\n\r\n<script>"
    actions.hand_over(
        organization=marked.organization, number=case.number, step="accept-complaint", by="sales_deputy_manager",
        to="sales_head", reason=line_broken, now=now,
    )  # fmt: skip
    deliver(now, organization=marked.organization)

    [letter] = [one for one in mail.outbox if one.to == ["head@example.com"]]
    raw = letter.message()
    assert letter.content_subtype == "plain"
    assert raw.get_content_type() == "text/plain"
    assert set(raw.keys()) >= {"Subject", "To", "From", "Message-ID"}
    assert "Bcc" not in raw
    assert "\n" not in letter.subject


@pytest.mark.parametrize(
    "address", ["a@b.example\nBcc: c@d.example", "nobody", "a@b", "<a@b.example>", "a b@c.example"]
)
def test_what_is_no_address_is_refused(mfg: Organization, address: str) -> None:
    same = {"name": {"zh": "甲", "en": "A"}, "language": "en", "by": "general_manager", "now": FRIDAY}
    with pytest.raises(BadData) as refused:
        members.change(organization=mfg, member="qa_head", email=address, **same)  # type: ignore[arg-type]

    assert [finding.path for finding in refused.value.findings] == ["email"]
    assert members.change(organization=mfg, member="qa_head", email="a.b@c.example", **same).email == "a.b@c.example"  # type: ignore[arg-type]


# --- Excel ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t=", "\r=", "{=", "http://evil.example/ ="])
def test_no_cell_of_an_excel_file_is_a_formula_or_a_link(mfg: Organization, begins: str) -> None:
    typed = f'{begins}HYPERLINK("https://evil.example","x")'
    Customer.objects.filter(code="C0001").update(name=typed, short_name=typed[:40])
    Telling(mfg).start(product=typed, content=typed)
    client = sign_in(Client(), mfg, "sales_head")
    books = 0
    for place in places("CP-202403-001"):
        answer = client.get(place) if "excel" in place or place.endswith((".xlsx", "/file/")) else None
        if answer is None or "spreadsheet" not in answer.headers.get("Content-Type", ""):
            continue
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            parts = {name: book.read(name).decode() for name in book.namelist() if name.endswith((".xml", ".rels"))}
        books += 1
        for name, text in parts.items():
            assert "<f>" not in text, name
            assert "<hyperlink" not in text, name
            assert 'TargetMode="External"' not in text, name

    assert books > 0


# --- paper ------------------------------------------------------------------------------------------------------------

TYPST = '#sys.inputs $x$ @label <label> [a] *b* _c_ `d` \\ // e /* f */ "g" -- ~ = h #read("/etc/passwd") #panic() $'


def test_a_page_prints_what_was_typed_as_it_was_typed(mfg: Organization) -> None:
    told = Telling(mfg).start(product="P", content=TYPST)
    client = sign_in(Client(), mfg, "sales_deputy_manager")

    answer = client.get(f"/cases/{told.number}/paper.pdf")

    assert answer.status_code == 200
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    assert bare(TYPST) in bare(text)


def bare(text: str) -> str:
    return "".join(text.split()).replace("\u200b", "")


@settings(max_examples=25, deadline=None)
@given(text=st.text(alphabet="#$@<>[]{}()*_`\\/\"'-~=+.:;,&%^!?| ab1\n", max_size=60))
@example(text="#")
@example(text="]")
@example(text='"); #panic("')
def test_no_text_breaks_a_page(text: str) -> None:
    layout = '#let data = json("data.json")\n#set page(width: 400pt, height: 400pt)\n#set text(font: "Noto Sans SC")\n#data.text'
    [page] = typeset("", {"text": text}, now=FRIDAY, own_layout=layout)
    shown = PdfReader(io.BytesIO(page)).pages[0].extract_text()

    assert bare(text) == bare(shown)


# --- file names -------------------------------------------------------------------------------------------------------

NAMES = [
    "../../etc/passwd",
    "..\\..\\boot.ini",
    "a\r\nSet-Cookie: x=1.txt",
    'a"; filename="b.exe.txt',
    "报告\u202efdp.exe.txt",
]
NAMES += [
    "x" * 400 + ".txt",
    "\0.txt",
    ".",
    "..",
    "/",
    "",
    "CON.txt",
    "a/b.txt",
    "名" * 300 + ".pdf",
    "％00.txt",
    "a;b,c.txt",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_s_name_is_only_a_name(mfg: Organization, settings: Any, tmp_path: Any, name: str) -> None:
    settings.MEDIA_ROOT = tmp_path
    safe = safe_name(name)
    assert safe
    assert len(safe) <= 121
    assert not any(sign in safe for sign in '/\\\0\r\n"\u202e')
    assert safe.strip(".")
    told = Telling(mfg).start()
    upload = SimpleUploadedFile("a.txt", b"plain")
    upload._name = f"a{name}a.txt"  # type: ignore[attr-defined]
    [added] = attachments.attach(organization=mfg, number=told.number, uploads=[upload], by="sales_rep", now=FRIDAY)

    answer = sign_in(Client(), mfg, "sales_rep").get(
        reverse("case_file", kwargs={"number": told.number, "pk": added.pk})
    )

    told_name = answer.headers["Content-Disposition"]
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert told_name.isascii()
    assert told_name.count('"') == 2
    assert told_name.partition(";")[0] in ("inline", "attachment")


# --- nonsense in forms ------------------------------------------------------------------------------------------------

NONSENSE = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["\0", "\ud800", "9" * 5000, "-1", "1e999999999", "NaN", "Infinity", "[" * 3000, "٣", "0x10", "2024-02-31",
         "9999-12-31T23:59", "0000-00-00", "\u202e", "a" * 100_000, "{}", "%00", "1_000"]
    ),
)  # fmt: skip
FIELDS = ["content", "product", "received_at", "customer", "channel", "kind", "outcome", "reason", "to", "version", "actions.0.what",
          "actions.0.when_done", "actions.99999999999.what", "actions..what", "planned_completion", "talked_at", "talked_by",
          "departments.0.department", "item", "year", "day", "key", "email", "username", "password", "language", "next"]  # fmt: skip


@settings(
    max_examples=60, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(data=st.data())
def test_no_form_breaks_a_page(complaint: Telling, client: Client, data: st.DataObject) -> None:
    if "_auth_user_id" not in client.session:
        sign_in(client, complaint.organization, "sales_deputy_manager")
    forms = [
        one
        for one in places(complaint.number)
        if not one.startswith("/api/") and not any(word in one for word in LEAVES)
    ]
    forms += [
        f"/cases/{complaint.number}/tasks/accept-complaint/{word}/"
        for word in ("completion", "draft", "return", "handover")
    ]
    place = data.draw(st.sampled_from(forms))
    typed = data.draw(st.dictionaries(st.sampled_from(FIELDS), NONSENSE, max_size=6))
    body = "&".join(f"{key}={quoted(value)}" for key, value in typed.items())
    with transaction.atomic():
        answer = client.post(place, body, content_type="application/x-www-form-urlencoded")
        transaction.set_rollback(True)

    assert answer.status_code < 500, place


def quoted(text: str) -> str:
    """Percent-encoded, also halves of characters, which come out as bytes that are no UTF-8."""
    return "".join(f"%{byte:02X}" for byte in text.encode(errors="surrogatepass"))


@pytest.mark.parametrize(
    "body",
    [b"content=%FF%FE&product=%C3%28", b"\xff\xfe=\xff", b"&".join(b"f%d=1" % number for number in range(3000)), b"%"],
)
def test_a_body_that_is_no_form_is_refused_or_read_as_text(complaint: Telling, client: Client, body: bytes) -> None:
    sign_in(client, complaint.organization, "sales_deputy_manager")
    place = f"/cases/{complaint.number}/tasks/accept-complaint/completion/"

    answer = client.post(place, body, content_type="application/x-www-form-urlencoded")

    assert 400 <= answer.status_code < 500


def test_more_files_than_a_form_may_have_are_refused_in_a_sentence(complaint: Telling, client: Client) -> None:
    sign_in(client, complaint.organization, "sales_deputy_manager")
    client.cookies["kehu_language"] = "en"
    files = [SimpleUploadedFile(f"{number}.txt", b"x") for number in range(101)]

    answer = client.post(f"/cases/{complaint.number}/files/", {"files": files})

    assert answer.status_code == 413
    assert "Send at most 100 at a time" in answer.content.decode()


@pytest.mark.parametrize("path", ["/cases/%FF/", "/cases/%00/", "/customers/%00/", "/customers/%C3%28/", "/procedures/x%0a/", "/?q=%FF", "/notices/99999999999999999999/"])  # fmt: skip
def test_an_address_that_is_none_is_not_found(mfg: Organization, client: Client, path: str) -> None:
    assert sign_in(client, mfg, "sales_head").get(path).status_code in (200, 302, 400, 404)
