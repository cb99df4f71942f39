"""The pages on what the calendar opens, and the switch of a procedure."""

from __future__ import annotations

import pytest
from django.test import Client

from kehu.cases import schedules
from kehu.core.models import Event, Organization
from kehu.core.scope import scope
from kehu.procedures import revisions
from kehu.web import procedures
from tests.cast import sign_in

KEY = "complaint-statistics"


@pytest.fixture
def vice(mfg: Organization) -> Client:
    return sign_in(Client(), mfg, "vice_gm")


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_the_page_says_what_comes_next_and_how_many_cases(vice: Client) -> None:
    shown = page(vice, "/procedures/schedules/")
    assert "每月客户抱怨统计" in shown
    assert "每月第 1 个工作日 08:00" in shown
    assert "每年 6 月 1 日 08:00" in shown


def test_what_is_being_opened_is_asked_again_until_all_is_there(
    mfg: Organization, vice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked() -> str:
        return str(vice.get("/procedures/schedules/", headers={"HX-Request": "true"}).content.decode())

    plan = next(one for one in schedules.plans(mfg) if one.key == "monthly")
    monkeypatch.setattr(procedures, "under_way", lambda _: [schedules.Run(plan.schedule, 1200, 10_000)])
    assert "hx-trigger" in asked()
    assert "每月客户抱怨统计" in asked()
    assert 'max="10000" value="1200"' in asked()
    monkeypatch.undo()
    assert "hx-trigger" not in asked()
    assert "案件已全部开立" in asked()


def test_who_may_switches_a_procedure_off_and_on(mfg: Organization, vice: Client) -> None:
    assert "停用" in page(vice, f"/procedures/{KEY}/")
    answer = vice.post(f"/procedures/{KEY}/switch/", {"on": "0"}, follow=True)
    assert "不能开立新案" in answer.content.decode()
    assert "未启用" in page(vice, "/procedures/")
    with scope(mfg):
        mfg.refresh_from_db()
        assert not revisions.is_on(revisions.in_force(mfg)[KEY])
        assert Event.objects.get(name="procedures.switched_off").by == "vice_gm"
    vice.post(f"/procedures/{KEY}/switch/", {"on": "1"})
    assert "不能开立新案" not in page(vice, f"/procedures/{KEY}/")


def test_others_may_not(mfg: Organization) -> None:
    clerk = sign_in(Client(), mfg, "sales_rep")
    assert "/switch/" not in page(clerk, f"/procedures/{KEY}/")
    assert clerk.post(f"/procedures/{KEY}/switch/", {"on": "0"}).status_code == 403
    with scope(mfg):
        assert revisions.is_on(revisions.in_force(mfg)[KEY])
