"""A year of complaints, small enough to count on one's fingers; the same in the tests of registers and of statistics."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from kehu.core.models import Organization
from tests.cast import Telling, at

LINES: list[dict[str, Any]] = [
    # when received, customer, product, kind, departments responsible, hours until the sheet is issued, how far it comes
    {"at": "2024-01-10 09:00", "customer": "C0001", "product": "BR-120", "kind": "quality", "to": ["quality"], "hours": 1},
    {"at": "2024-03-04 09:00", "customer": "C0001", "product": "BR-120", "kind": "quality", "to": ["quality"], "hours": 1},
    {"at": "2024-03-05 09:00", "customer": "C0002", "product": "HX-7", "kind": "delivery", "to": ["materials"], "hours": 5},
    {"at": "2024-03-06 09:00", "customer": "C0001", "product": "BR-130", "kind": "quality",
     "to": ["quality", "engineering"], "hours": 1},
    {"at": "2024-03-07 09:00", "customer": "C0003", "product": "轴套 A", "kind": "packaging", "to": [], "hours": 0},
    {"at": "2024-03-08 09:00", "customer": "C0004", "product": "轴套 B", "kind": "price", "to": [], "hours": 0},
]  # fmt: skip
"""In March 2024: five complaints, two of them handled by sales alone; one sheet late; quality twice, materials and engineering once."""


def tell(organization: Organization, line: dict[str, Any]) -> Telling:
    received = at(line["at"])
    telling = Telling(organization, received)
    telling.start(customer=line["customer"], product=line["product"], kind=line["kind"], received_at=received)
    if not line["to"]:
        telling.do(
            "accept-complaint", by="sales_deputy_manager", outcome="alone", help_needed=False, handler="sales_rep"
        )
        return telling
    telling.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    telling.now += _working(line["hours"])
    telling.do(
        "fill-sheet", by="sales_rep", outcome="clear", problem="毛刺",
        departments=[{"department": department} for department in line["to"]],
    )  # fmt: skip
    telling.do("approve-sheet", by="sales_deputy_manager", outcome="approve", tracker="complaint_tracker")
    notices = [{"department": department, "notified_at": telling.now} for department in line["to"]]
    telling.do("notify-departments", by="complaint_tracker", notices=notices)
    return telling


def _working(hours: int) -> timedelta:
    """From nine in the morning; lunch is an hour from twelve."""
    return timedelta(hours=hours + (1 if hours > 3 else 0))


HEADS = {"quality": "qa_head", "engineering": "eng_head", "materials": "materials_head"}
MANAGERS = {"quality": "quality_manager", "engineering": "engineering_manager", "materials": "materials_manager"}


def answer(telling: Telling, department: str, at_: datetime | None = None) -> None:
    """The department's countermeasure, approved by its manager."""
    telling.now = at_ or telling.now
    telling.do(
        "propose-countermeasure", by=HEADS[department], item=department, outcome="submit",
        state_confirmed="属实", talked_by="sales_rep", talked_with="何经理", talked_at=telling.now, cause="刀具磨损",
        actions=[{"what": "换刀", "who": HEADS[department], "how": "按频次更换", "where": "一车间",
                  "when_done": (telling.now + timedelta(days=3)).date()}],
        planned_completion=(telling.now + timedelta(days=3)).date(),
    )  # fmt: skip
    telling.do("approve-countermeasure", by=MANAGERS[department], item=department, outcome="approve")


def told(organization: Organization) -> list[Telling]:
    """All six; materials has answered, a day late, and quality in January, in time."""
    tellings = [tell(organization, line) for line in LINES]
    answer(tellings[0], "quality")
    answer(tellings[2], "materials", at("2024-03-07 09:00"))
    return tellings
