"""The label on customer property: ten to a sheet once somebody has accepted the thing, and never before."""

from __future__ import annotations

from typing import Any

from kehu.cases import actions
from kehu.cases.models import Case
from kehu.core.models import Organization
from kehu.organizations.queries import directory
from kehu.paper.pages import case_pages, case_pdf
from tests.cast import FRIDAY
from tests.paper.test_pages import read

MOULD = {"kind": "mould", "name": "HY-2207 折弯模", "qty": 1, "unit": "副", "received_at": FRIDAY, "clarified": True}


def received(mfg: Organization) -> Case:
    return actions.open_case(
        organization=mfg,
        procedure="customer-property",
        by="design_engineer",
        now=FRIDAY,
        customer="C0001",
        values=MOULD,
    )


def do(case: Case, step: str, outcome: str | None = None, **values: Any) -> Case:
    return actions.complete(
        organization=case.organization, number=case.number, step=step, by="eng_head", now=FRIDAY, outcome=outcome, values=values
    )  # fmt: skip


def pages(case: Case, language: Any = "zh") -> list[str]:
    by = directory(case.organization, FRIDAY.date()).people["eng_head"]
    return read(case_pdf(case, language=language, copy_for=None, by=by, now=FRIDAY, form="MFG-F19"))


def test_what_is_accepted_and_labelled_has_a_label_with_its_number(mfg: Organization) -> None:
    case = received(mfg)
    assert pages(case) == ["尚未验收合格，不得贴客供品标签。"]
    do(case, "inspect-item", "pass", result="pass")
    assert pages(case) == ["尚未验收合格，不得贴客供品标签。"]
    case = do(case, "label")

    (label,) = pages(case)
    for words in ("客供品CUSTOMERPROPERTY", "KG-C0001-0001", "C0001", "HY-2207折弯模", "1副", "2024-03-15", "工程部"):
        assert label.count(words) >= 10, words
    assert "Engineering" in pages(case, "en")[0]
    assert case_pages(case, language="both", now=FRIDAY, as_images=True, form="MFG-F19")


def test_what_failed_has_none(mfg: Organization) -> None:
    case = do(received(mfg), "inspect-item", "fail", result="fail")
    assert pages(case) == ["尚未验收合格，不得贴客供品标签。"]
