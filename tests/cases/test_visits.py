"""Visits and their memos through the actions: who takes part, files that go with a memo, two resolutions for one department."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from kehu.cases import actions, attachments
from kehu.cases.models import Attachment, Case, Task
from kehu.cases.queries import inbox_of
from kehu.core.models import Organization
from kehu.operations.verification import verify
from kehu.organizations.queries import directory
from kehu.reports.dashboards import tasks_of
from tests.cast import FRIDAY, Telling, at

POINTS = ["delivery_attitude", "order_situation", "later_order_direction", "new_product_development"]
POINTS += ["quality_expectations", "grievances", "comparison_with_others"]


@pytest.fixture
def request_(mfg: Organization) -> Telling:
    """The representative asks to visit a customer tomorrow, with the head of quality and a driver who has no account."""
    told = Telling(mfg)
    told.case = actions.open_case(
        organization=mfg, procedure="ad-hoc-visit", by="sales_rep", customer="C0001", now=FRIDAY,
        values={"reason": "当面确认色差", "planned_at": at("2024-03-18 10:00"), "persons": "业务员、qa_head，司机小李、业务员"},
    )  # fmt: skip
    return told


def visit_of(request_: Telling) -> Telling:
    request_.do("permit-adhoc", by="sales_head", outcome="yes")
    visit = Telling(request_.organization)
    visit.case = Case.objects.get(parent=request_.case)
    return visit


def memo_of(visit: Telling) -> Telling:
    visit.do("visit", by="sales_rep", outcome="done", visited_at=FRIDAY, our_persons="sales_rep", customer_persons="何经理", agreement_reached=True, not_discussed=POINTS)  # fmt: skip
    signed = SimpleUploadedFile("签字页.pdf", b"%PDF-1.4\n%%EOF\n", "application/pdf")
    attachments.attach(organization=visit.organization, number=visit.number, uploads=[signed], by="sales_rep", now=FRIDAY, field="signed_file")  # fmt: skip
    visit.do("write-memo", by="sales_rep", outcome="memo", subjects="色差", agreements="提供色板", customer_signer="何经理", signed_on="2024-03-15", signed_file="签字页.pdf")  # fmt: skip
    memo = Telling(visit.organization)
    memo.case = Case.objects.get(parent=visit.case)
    return memo


def test_several_people_are_named_in_one_line_members_by_who_they_are_others_by_name(request_):
    assert request_.case.data["persons"] == ["sales_rep", "qa_head", "司机小李"]


def test_the_reason_that_a_form_asks_for_is_kept_in_the_record(request_):
    assert request_.case.data["reason"] == "当面确认色差"
    assert Task.objects.get(case=request_.case, step="request-adhoc").reason == "当面确认色差"


def test_the_signed_page_goes_with_the_memo(request_):
    memo = memo_of(visit_of(request_))

    page = Attachment.objects.get(case=memo.case)
    assert (page.name, page.field) == ("签字页.pdf", "signed_file")
    assert memo.case.data["signed_file"] == "签字页.pdf"
    assert verify().problems == []


def test_the_memo_has_the_number_that_stands_on_the_signed_page(request_):
    visit = visit_of(request_)
    memo = memo_of(visit)

    assert Case.objects.get(pk=visit.case.pk).data["memo_no"] == memo.number == "CM-202403-001"


def test_two_resolutions_for_one_department_are_two_lines_of_its_inbox_and_of_its_leader_s_dashboard(request_, mfg):
    memo = memo_of(visit_of(request_))
    rows = [{"department": "quality", "text": "提供色板", "due": "2024-03-22"}, {"department": "quality", "text": "修订标准", "due": "2024-03-29"}]  # fmt: skip
    memo.do("distribute-memo", by="sales_rep", outcome="distribute", resolutions=rows)

    people = directory(mfg, FRIDAY.date()).people
    lines = inbox_of(mfg, people["qa_head"], "todo", FRIDAY).rows
    assert sorted(row.item for row in lines if row.number == memo.number) == ["品质部", "品质部 (2)"]
    late = tasks_of(mfg, people["quality_manager"], "team", at("2024-04-10 12:00")).latest
    assert sorted(one.item for one in late if one.number == memo.number) == ["品质部", "品质部 (2)"]
