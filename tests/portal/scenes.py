"""Cases that wait for the customer, and browsers of people outside."""

from __future__ import annotations

import base64
import io
import re
import struct
import zlib
from datetime import datetime, timedelta

from django.test import Client
from pypdf import PdfReader

from kehu.cases import invitations
from kehu.cases.given import put
from kehu.cases.links import token_of
from kehu.cases.models import Case, Invitation
from kehu.core.models import Organization
from kehu.core.scope import scope
from tests.cast import Telling, to_departments

ACTION = {"what": "全检", "who": "qc_staff", "how": "目视", "where": "成品仓", "when_done": "2024-03-15"}
INSIDE = "下模崩缺是我们自己的错"
"""What nobody outside may read."""


def answered_complaint(organization: Organization, now=None) -> Telling:  # type: ignore[no-untyped-def]
    """As far as the question whether the customer is content."""
    told = Telling(organization, now) if now else Telling(organization)
    to_departments(told.start(lot="PO-4471"), "quality")
    told.do(
        "propose-countermeasure", by="qa_head", item="quality", outcome="submit", state_confirmed=INSIDE,
        talked_by="qc_staff", talked_with="何经理", talked_at=told.now, actions=[ACTION], planned_completion="2024-03-15",
    )  # fmt: skip
    told.do("approve-countermeasure", by="quality_manager", item="quality", outcome="approve")
    told.do("distribute-copy", by="complaint_tracker")
    told.do("reply-customer", by="sales_handler", reply_channel="email", reply_to="何经理", reply_text="三天内补换")
    rows = [{"action": "全检", "actual": "2024-03-15", "state": "done"}]
    return told.do("track-actions", by="complaint_tracker", outcome="all_done", tracking=rows)


COSTS = ("钢板 SECC", "13.57", "RK 图纸有两处要内部确认")
"""Of a quotation, what nobody outside may read."""


def sent_quotation(organization: Organization, now: datetime) -> Telling:
    """Of a new product: evaluated, costed, approved, signed."""
    told = Telling(organization, now).start(
        "quotation", by="sales_rep", product="HY-9001", qty=200, order_no="XJ-24031", received_at=now
    )
    told.do("agree-terms", by="quotation_clerk", payment_method="monthly_30", delivery_place="深圳工厂",
            currency="cny", invoice_required=True, product_type="new")  # fmt: skip
    told.do("evaluate-design", by="design_engineer", outcome="ok", drawing_ok=True, parts_list_ok=True,
            design_remark=COSTS[2])  # fmt: skip
    told.do("estimate-cost", by="quotation_clerk", cost_lines=[{"part": COSTS[0], "qty": 1, "unit_price": "7.20"}])
    told.do("propose-price", by="quotation_clerk", proposed_price=COSTS[1])
    told.do("approve-price", by="sales_head", outcome="approve", approved_price="15.80")
    told.do("write-quotation", by="quotation_clerk", delivery_time="收到订单后 15 天")
    told.do("sign-quotation", by="sales_head", outcome="sign")
    return told.do("send-quotation", by="quotation_clerk", channel="email", recipient="何经理")


def sent_statement(organization: Organization, now: datetime) -> Telling:
    """Of a month with a delivery and a return."""
    facts = {
        "prices": [{"customer": "C0001", "product": "HY-2207", "unit_price": 11, "valid_from": "2024-01-01"}],
        "deliveries": [
            {"customer": "C0001", "number": "DN-0401", "delivered_on": "2024-04-03", "product": "HY-2207", "qty": 10},
            {"customer": "C0001", "number": "RN-0401", "delivered_on": "2024-04-22", "product": "HY-2207", "qty": -1},
        ],
    }
    put(organization, facts, {}, now)
    told = Telling(organization, now).start("receivables-month-end", by="sales_rep", month="2024-04")
    told.do("approve-statement", by="sales_head", outcome="approve")
    return told.do("send-statement", by="sales_rep", channel="email")


def sent_survey(organization: Organization, now: datetime) -> Telling:
    return Telling(organization, now).start(
        "satisfaction-survey", by="sales_rep", occasion="half_year", channel="email"
    )


def written_memo(organization: Organization, now: datetime) -> Telling:
    """That the customer has not signed; what the rep has begun to write about it is kept."""
    told = Telling(organization, now).start(
        "ad-hoc-visit", by="sales_rep", reason="色差", planned_at=now, persons=["sales_rep"]
    )
    told.do("permit-adhoc", by="sales_head", outcome="yes")
    told.case = Case.objects.get(procedure__key="visit-execution")
    points = ["delivery_attitude", "order_situation", "later_order_direction", "new_product_development"]
    points += ["quality_expectations", "grievances", "comparison_with_others"]
    told.do("visit", by="sales_rep", outcome="done", visited_at=now, our_persons=["sales_rep"],
            customer_persons="何经理", agreement_reached=True, not_discussed=points)  # fmt: skip
    told.do("write-memo", by="sales_rep", outcome="memo", date=now.date(), our_participants=["sales_rep"],
            customer_participants="何经理", subjects="支架色差", agreements="提供色板")  # fmt: skip
    told.case = Case.objects.get(procedure__key="memo-follow-up")
    return told


def invite(
    told: Telling, name: str = "何经理", step: str = "confirm-customer", by: str = "complaint_tracker", **more: object
) -> Invitation:
    with scope(told.organization):
        invitations.invite(
            organization=told.organization, number=told.number, step=step, by=by,
            now=more.pop("now", told.now), name=name, **more,
        )  # fmt: skip
        return Invitation.objects.select_related("organization").latest("pk")


def share(told: Telling, name: str = "何经理") -> Invitation:
    with scope(told.organization):
        invitations.share_status(
            organization=told.organization, number=told.number, by="complaint_tracker", now=told.now, name=name
        )
        return Invitation.objects.select_related("organization").latest("pk")


def place(invitation: Invitation, what: str = "") -> str:
    return f"/invitation/{token_of(invitation)}/{what}"


def opened(invitation: Invitation) -> Client:
    """A browser in which it was opened."""
    client = Client()
    assert client.post(place(invitation, "opening/")).status_code == 302
    return client


def good_answer(**more: object) -> dict[str, object]:
    return {"outcome": "ok", "signer": "何志强", "consent": "1", "opinion_text": "没有问题", **more}


def send(browser: Client, invitation: Invitation, **more: object):  # type: ignore[no-untyped-def]
    """He reads the page and sends this answer."""
    return send_alone(browser, invitation, **{**good_answer(), **more})


def send_alone(browser: Client, invitation: Invitation, **answer: object):  # type: ignore[no-untyped-def]
    """The same with nothing but this in it."""
    page = browser.get(place(invitation)).content.decode()
    read = re.search(r'name="read" value="([0-9a-f]+)"', page)
    return browser.post(place(invitation, "answer/"), {"read": read[1] if read else "", **answer})


def again(invitation: Invitation) -> Invitation:
    return Invitation.objects.select_related("task").get(pk=invitation.pk)


def case_of(told: Telling) -> Case:
    return Case.objects.get(number=told.number)


DAY = timedelta(days=1)


def drawing(width: int = 600, height: int = 240) -> str:
    """A picture as the page's script makes it."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    rows = b"".join(b"\0" + bytes([40 if (x + y) % 37 else 200 for x in range(width)]) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(png).decode()


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
