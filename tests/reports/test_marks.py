"""A register finds by words and marks what it would find without, once all cases have theirs."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kehu.cases import words
from kehu.core.models import Indexing, Organization
from kehu.ledgers.customers import words as customer_words
from kehu.reports import registers
from kehu.reports.registers import RegisterView
from tests.reports import years
from tests.reports.test_registers import NOW

ASKED = [
    {"kind": "quality"},
    {"kind": "delivery"},
    {"channel": "email", "kind": "quality"},
    {"responsible": "quality"},
    {"tracker": "complaint_tracker"},
    {"period_from": "2024-03-01", "period_until": "2024-03-31"},
    {"period_from": "2024-01-01", "period_until": "2024-01-31", "kind": "quality"},
    {"customer": "讯捷"},
    {"q": "讯捷"},
    {"q": "BR-120"},
    {"q": "no such thing"},
    {"q": "讯捷", "kind": "quality", "status": "open"},
]


def numbers(organization: Organization, asked: dict[str, str]) -> list[str]:
    view = RegisterView(organization, "customer-complaint", NOW, "zh-hans")
    return [line.number for line in view.page(view.asked(asked)).lines]


@pytest.mark.parametrize("asked", ASKED)
def test_words_and_marks_find_the_same(mfg: Organization, asked: dict[str, str]) -> None:
    years.told(mfg)
    before = numbers(mfg, asked)
    words.index(mfg, NOW)
    words.index_marks(mfg, NOW)
    customer_words.index(mfg, NOW)
    with CaptureQueriesContext(connection) as captured:
        assert numbers(mfg, asked) == before
    assert any("cases_caseword" in query["sql"] or "customers_customerword" in query["sql"] for query in captured)


def test_a_case_is_marked_by_the_step_that_fills_the_field(mfg: Organization) -> None:
    words.index(mfg, NOW)
    words.index_marks(mfg, NOW)
    customer_words.index(mfg, NOW)
    years.told(mfg)
    found = [numbers(mfg, asked) for asked in ASKED]
    Indexing.objects.all().delete()
    assert found == [numbers(mfg, asked) for asked in ASKED]
    assert len(found[0]) == 3


def test_what_very_many_cases_say_finds_the_same(mfg: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    years.told(mfg)
    words.index(mfg, NOW)
    words.index_marks(mfg, NOW)
    customer_words.index(mfg, NOW)
    found = [numbers(mfg, asked) for asked in ASKED]
    monkeypatch.setattr(registers, "FEW", 0)
    assert found == [numbers(mfg, asked) for asked in ASKED]


def test_many_cases_are_read_by_number_forwards_and_back(mfg: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    years.told(mfg)
    every = numbers(mfg, {})
    monkeypatch.setattr(registers, "MOST", 1)
    monkeypatch.setattr(registers, "PAGE", 2)
    view = RegisterView(mfg, "customer-complaint", NOW, "zh-hans")
    first = view.page(view.asked({}))
    second = view.page(view.asked({}), after=first.after)
    third = view.page(view.asked({}), after=second.after)
    pages = [[line.number for line in page.lines] for page in (first, second, third)]
    assert pages == [every[0:2], every[2:4], every[4:6]]
    assert (first.before, third.after) == ("", "")
    back = view.page(view.asked({}), before=third.before)
    assert [line.number for line in back.lines] == every[2:4]
    assert [line.number for line in view.page(view.asked({}), before=back.before).lines] == every[0:2]


def test_too_many_cases_are_not_sorted_by_what_no_index_has(mfg: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    years.told(mfg)
    view = RegisterView(mfg, "customer-complaint", NOW, "zh-hans")
    asked = view.asked({"sort": "product"})
    assert not view.page(asked).is_unsorted
    monkeypatch.setattr(registers, "MOST", 1)
    page = view.page(asked)
    assert page.is_unsorted
    assert [line.number for line in page.lines] == numbers(mfg, {})
