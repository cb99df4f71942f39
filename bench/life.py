"""The life of a complaint as browsers send it: fourteen writes by seven people, from the first call to the archive."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode


class Act(NamedTuple):
    by: str
    """A person of the demo company."""
    place: str
    """The address behind `/cases/NUMBER/`; empty for the case's beginning."""
    form: str
    """What the browser posts, encoded."""


PEOPLE = ("liang", "lu", "fang", "guo", "he", "luo", "zeng")


def life(local: datetime, customer: str = "C0001", text: str = "支架折弯处有毛刺，装配时划伤手指") -> list[Act]:
    """The acts in their order. `local`: the company's clock, from which the days that people type are counted."""
    moment, day = f"{local - timedelta(minutes=20):%Y-%m-%dT%H:%M}", f"{local.date() + timedelta(days=5)}"
    today = f"{local.date()}"

    def task(by: str, step: str, **values: str) -> Act:
        return Act(by, f"tasks/{step}/completion/", _form(values))

    return [
        Act(
            "liang",
            "",
            _form(
                {
                    "customer": customer,
                    "received_at": moment,
                    "channel": "email",
                    "product": "HY-2207 支架",
                    "kind": "quality",
                    "content": text,
                }
            ),
        ),
        task("lu", "accept-complaint", help_needed="true", outcome="help"),
        task("fang", "fill-sheet", departments__0__department="quality", outcome="clear"),
        task("lu", "approve-sheet", tracker="guo", outcome="approve"),
        task("guo", "notify-departments", notices__0__department="quality", notices__0__notified_at=moment),
        task(
            "he",
            "propose-countermeasure/quality",
            state_confirmed="抽查在库 50 件，毛刺 6 件",
            talked_by="wei",
            talked_with="何经理",
            talked_at=moment,
            cause="折弯模刃口磨损",
            actions__0__what="全检在库支架",
            actions__0__who="wei",
            actions__0__how="逐件目视加手感检查，不良品返工去毛刺",
            actions__0__where="成品仓",
            actions__0__when_done=day,
            planned_completion=day,
            outcome="submit",
        ),
        task("luo", "approve-countermeasure/quality", outcome="approve"),
        task("guo", "distribute-copy"),
        task(
            "zeng",
            "reply-customer",
            reply_channel="email",
            reply_to="何经理",
            reply_text="在库支架已全部复检，三天内补换毛刺件",
        ),
        task(
            "guo",
            "track-actions",
            tracking__0__action="全检在库支架",
            tracking__0__actual=today,
            tracking__0__state="done",
            outcome="all_done",
        ),
        task("guo", "confirm-customer", customer_opinion="met", effect_reached="true", outcome="ok"),
        task("guo", "record-result", result="毛刺件已全部换回，客户确认可以使用"),
        task("lu", "close-complaint", outcome="approve"),
        task("lu", "file-complaint"),
    ]


def _form(values: dict[str, str]) -> str:
    """Keyword arguments cannot hold dots; a double underscore stands for one."""
    return urlencode({key.replace("__", "."): value for key, value in values.items()})
