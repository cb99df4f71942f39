"""What cases are told of other cases is what the statistics page shows."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from kehu.cases.steps import OPERATIONS
from kehu.cases.work import Work
from kehu.core.models import Organization
from kehu.core.scope import scope
from kehu.reports.records import NoPeriod, Period
from kehu.reports.statistics import TooManyEver, statistics
from tests.cast import at
from tests.reports import years

NOW = at("2024-03-29 16:00")


def asked(organization: Organization, operation: str, **arguments: Any) -> dict[str, Any]:
    years.told(organization)
    with scope(organization):
        folder = Work(organization, None, NOW).take("CP-202403-001")
        answer = OPERATIONS[operation](folder, arguments, {**folder.state.data, **folder.facts()})
    assert answer
    return answer[1]


def test_a_month_s_figures_are_those_of_the_statistics_page(mfg: Organization) -> None:
    found = asked(mfg, "figures", procedure="customer-complaint", period="2024-03")
    page = statistics(mfg, "customer-complaint", Period.named("2024-03"), NOW, "zh-hans")

    assert found["count"] == len(page.cases) == 5
    for table in page.tables:
        assert {line["value"]: line["count"] for line in found[table.key]} == {
            line.value: line.count for line in table.lines
        }
    assert {figure.key: figure.value for figure in page.figures} == {
        figure.key: found[figure.key] for figure in page.figures
    }
    assert [(line["department"], line["cases"]) for line in found["departments"]] == [
        (sheet.department, len(sheet.cases)) for sheet in page.sheets
    ]


def test_of_chosen_cases_by_customer(mfg: Organization) -> None:
    found = asked(mfg, "figures", procedure="customer-complaint", where={"kind": "quality"}, by="customer")
    assert found["count"] == 3
    assert [(row["customer"], row["count"], row["sheets_in_2h"]) for row in found["rows"]] == [
        ("C0001", 3, Decimal(100))
    ]


def test_figures_of_more_cases_than_are_counted_are_refused_and_never_of_some(
    mfg: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kehu.reports.statistics.MOST", 2)
    with pytest.raises(TooManyEver, match="2"):
        asked(mfg, "figures", procedure="customer-complaint", where={"kind": "quality"})


def test_cases_are_listed_with_the_fields_asked_for(mfg: Organization) -> None:
    arguments = {"procedure": "customer-complaint", "where": {"customer": "C0002"}, "open": True, "fields": ["product"]}
    found = asked(mfg, "cases_of", **arguments)
    assert found["count"] == 1
    assert found["rows"] == [
        {
            "number": "CP-202403-002",
            "customer": "C0002",
            "opened_on": date(2024, 3, 5),
            "state": "open",
            "product": "HX-7",
        }
    ]


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("2024", date(2024, 1, 1), date(2025, 1, 1)),
        ("2024-12", date(2024, 12, 1), date(2025, 1, 1)),
        ("2024Q2", date(2024, 4, 1), date(2024, 7, 1)),
        ("2024H2", date(2024, 7, 1), date(2025, 1, 1)),
    ],
)
def test_periods_by_name(text: str, since: date, until: date) -> None:
    assert Period.named(text) == Period(since, until)


@pytest.mark.parametrize("text", ["2024-13", "2024Q5", "24", "", "2024-3"])
def test_what_is_no_period(text: str) -> None:
    with pytest.raises(NoPeriod):
        Period.named(text)
