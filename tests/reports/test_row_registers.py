"""A register whose lines are the rows of a table: one for every resolution of a memo."""

from __future__ import annotations

import pytest

from kehu.cases import actions
from kehu.cases.models import Case
from kehu.core.models import Organization
from kehu.reports.registers import RegisterView
from tests.cast import FRIDAY, Telling, at

ROWS = [
    {"department": "quality", "text": "提供色板", "due": "2024-03-22"},
    {"department": "engineering", "text": "改工艺", "due": "2024-03-13"},
]


def memo(mfg: Organization, customer: str = "C0001") -> Telling:
    """A reception's memo, before it is distributed."""
    reception = Telling(mfg)
    reception.case = actions.open_case(
        organization=mfg, procedure="customer-reception", by="sales_rep", customer=customer, now=FRIDAY,
        values={"purpose": "new_product", "visitors": "何经理", "arrival": at("2024-03-15 09:00")},
    )  # fmt: skip
    reception.do("notify-departments", by="sales_rep", outcome="no_note")
    reception.do("confirm-attendance", by="sales_rep", participants="sales_rep", chair="vice_gm")
    reception.do(
        "hold-meeting", by="sales_rep", customer_participants="何经理", subjects="新产品", agreements="打样",
        customer_signer="何经理", signed_on="2024-03-15", signed_file="签字页.pdf",
    )  # fmt: skip
    told = Telling(mfg)
    told.case = Case.objects.get(parent=reception.case, procedure__key="memo-follow-up")
    return told


@pytest.fixture
def view(mfg: Organization) -> RegisterView:
    memo(mfg).do("distribute-memo", by="sales_rep", outcome="distribute", resolutions=ROWS)
    memo(mfg, "C0002")
    return RegisterView(mfg, "memo-follow-up", FRIDAY, "zh-hans")


def cells(view: RegisterView, column: str, **asked: str) -> list[str]:
    place = [one.key for one in view.columns].index(column)
    return [line.cells[place].text for line in view.page(view.asked(asked)).lines]


def test_every_row_has_a_line_and_a_case_without_rows_an_empty_one(view):
    assert cells(view, "text") == ["", "提供色板", "改工艺"]
    assert cells(view, "days_late") == ["", "0", "2"]
    assert [column.title for column in view.columns][2:5] == ["决议内容", "执行部门", "完成期限"]


def test_a_filter_on_a_row_s_column_leaves_the_other_rows_out(view):
    assert cells(view, "text", department="engineering") == ["改工艺"]
    assert cells(view, "text", department="materials") == []


def test_a_page_is_cut_between_cases_never_within_one(view):
    assert [line.number for line in view.stretch(view.asked({}), None, 1)] == ["CM-202403-002"]
    older = view.stretch(view.asked({}), Case.objects.get(number="CM-202403-002").pk, 1)
    assert [line.number for line in older] == ["CM-202403-001", "CM-202403-001"]
