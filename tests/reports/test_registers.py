"""The register is the cases themselves, read live; the database does the filtering, a page costs the same however many there are."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kehu.cases import actions
from kehu.core.models import Organization
from kehu.reports import registers
from kehu.reports.records import NoProcedure
from kehu.reports.registers import RegisterView
from tests.cast import Telling, at, mfg_pack
from tests.reports import years

NOW = at("2024-03-29 16:00")


@pytest.fixture
def view(mfg: Organization) -> RegisterView:
    years.told(mfg)
    return RegisterView(mfg, "customer-complaint", NOW, "zh-hans")


def numbers(view: RegisterView, **words: str) -> list[str]:
    return [line.number[-6:] for line in view.page(view.asked(words)).lines]


def row(view: RegisterView, number: str) -> dict[str, str]:
    line = next(line for line in view.page(view.asked({})).lines if line.number.endswith(number))
    return {column.key: cell.text for column, cell in zip(view.columns, line.cells, strict=True)}


def test_the_columns_are_those_the_procedure_demands_in_its_order(view: RegisterView) -> None:
    # MFG R9
    assert [column.key for column in view.columns] == [
        "number", "received_at", "channel", "customer", "product", "kind", "path", "responsible", "tracker", "issued_at",
        "late_minutes_2h", "all_approved_at", "late_minutes_4h", "replied_at", "limit_met", "rounds", "escalated", "closed_at",
        "state",
    ]  # fmt: skip
    assert row(view, "03-003") == {
        "number": "CP-202403-003",
        "received_at": "2024-03-06 09:00",
        "channel": "电子邮件",
        "customer": "深圳市讯捷通信设备有限公司",
        "product": "BR-130",
        "kind": "品质",
        "path": "处理单",
        "responsible": "品质部、工程部",
        "tracker": "客诉跟踪人",
        "issued_at": "2024-03-06 10:00",
        "late_minutes_2h": "0",
        "all_approved_at": "",
        "late_minutes_4h": "",
        "replied_at": "",
        "limit_met": "",
        "rounds": "1",
        "escalated": "",
        "closed_at": "",
        "state": "拟定改善对策",
    }


def test_it_speaks_the_readers_language(mfg: Organization) -> None:
    years.told(mfg)
    english = RegisterView(mfg, "customer-complaint", NOW, "en")
    found = row(english, "03-003")
    assert found["customer"] == "Xunjie Communications"
    assert found["responsible"] == "Quality, Engineering"
    assert found["state"] == "Propose the countermeasure"


def test_newest_first_unless_asked_otherwise(view: RegisterView) -> None:
    assert numbers(view) == ["03-005", "03-004", "03-003", "03-002", "03-001", "01-001"]
    assert numbers(view, sort="number")[0] == "01-001"
    assert numbers(view, sort="-late_minutes_2h")[0] == "03-002"
    assert numbers(view, sort="received_at")[0] == "01-001"
    assert numbers(view, sort="responsible") == numbers(view), "what is worked out cannot be sorted by"


FILTERS: list[tuple[dict[str, str], list[str]]] = [
    ({"kind": "quality"}, ["03-003", "03-001", "01-001"]),
    ({"path": "alone"}, ["03-005", "03-004"]),
    ({"responsible": "quality"}, ["03-003", "03-001", "01-001"]),
    ({"responsible": "materials"}, ["03-002"]),
    ({"customer": "讯捷"}, ["03-003", "03-001", "01-001"]),
    ({"customer": "C0004"}, ["03-005"]),
    ({"product": "轴套"}, ["03-005", "03-004"]),
    ({"product": "br-1"}, ["03-003", "03-001", "01-001"]),
    ({"punctuality": "late"}, ["03-002"]),
    ({"tracker": "complaint_tracker"}, ["03-003", "03-002", "03-001", "01-001"]),
    ({"month": "2024-01"}, ["01-001"]),
    ({"escalated": "true"}, []),
    ({"escalated": "false"}, ["03-005", "03-004", "03-003", "03-002", "03-001", "01-001"]),
    ({"period_from": "2024-03-05", "period_until": "2024-03-07"}, ["03-004", "03-003", "03-002"]),
    (
        {"period_from": "nonsense", "status": "strange"},
        ["03-005", "03-004", "03-003", "03-002", "03-001", "01-001"],
    ),
    ({"q": "03-002"}, ["03-002"]),
    ({"q": "xunjie"}, ["03-003", "03-001", "01-001"]),
    ({"q": "毛刺"}, ["03-005", "03-004", "03-003", "03-002", "03-001", "01-001"]),
    ({"step": "distribute-copy"}, ["03-002", "01-001"]),
    ({"step": "handle-alone", "kind": "price"}, ["03-005"]),
    ({"clause": "S4-2.2"}, ["03-002", "01-001"]),
    ({"status": "closed"}, []),
    ({"kind": "quality", "responsible": "engineering"}, ["03-003"]),
]


def test_filters(view: RegisterView) -> None:
    assert [(words, numbers(view, **words)) for words, _found in FILTERS] == FILTERS


def test_a_released_department_is_not_responsible_any_more(mfg: Organization) -> None:
    telling = years.tell(mfg, {**years.LINES[1], "to": ["quality", "engineering"]})
    telling.do("propose-countermeasure", by="eng_head", item="engineering", outcome="object", reason="不是我们的工序")
    telling.do("rule-responsibility", by="vice_gm", ruling_department="quality", ruling_text="由品质部负责")
    view = RegisterView(mfg, "customer-complaint", NOW, "zh-hans")
    assert numbers(view, responsible="engineering") == []
    assert len(numbers(view, responsible="quality")) == 1


def test_a_voided_case_keeps_its_line(view: RegisterView, mfg: Organization) -> None:
    number = "CP-202403-005"
    actions.void(organization=mfg, number=number, reason="重复登记", by="sales_head", now=NOW)
    assert numbers(view, status="voided") == ["03-005"]
    assert "03-005" not in numbers(view, status="open")
    assert len(numbers(view)) == 6


def test_numbers_are_added_up(view: RegisterView) -> None:
    totals = dict(zip([column.key for column in view.columns], view.page(view.asked({})).totals, strict=True))
    # The one late sheet took 5 working hours instead of 2.
    assert totals["late_minutes_2h"] == "180"
    assert totals["rounds"] == "", "a sum of rounds says nothing"


def test_unit_prices_and_revisions_are_not_added_up(mfg: Organization) -> None:
    quotations = {one.key: one for one in RegisterView(mfg, "quotation", NOW, "zh-hans").columns}
    statements = {one.key: one for one in RegisterView(mfg, "receivables-month-end", NOW, "zh-hans").columns}

    assert not quotations["approved_price"].is_summed
    assert not statements["revision"].is_summed
    assert statements["amount"].is_summed


def test_a_page_takes_the_same_statements_however_many_cases(mfg: Organization) -> None:
    def statements(words: dict[str, str]) -> int:
        view = RegisterView(mfg, "customer-complaint", NOW, "zh-hans")
        view.page(view.asked(words))  # whatever is kept, is kept now
        with CaptureQueriesContext(connection) as queries:
            view.page(view.asked(words))
        return len(queries)

    asked: list[dict[str, str]] = [
        {},
        {"responsible": "quality"},
        {"q": "讯捷", "overdue": "1", "step": "handle-alone"},
    ]
    years.told(mfg)
    few = [statements(words) for words in asked]
    years.told(mfg)
    years.told(mfg)
    assert [statements(words) for words in asked] == few
    assert max(few) <= 6


def test_counting_stops_where_it_says_so(mfg: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    years.told(mfg)
    monkeypatch.setattr(registers, "MOST", 4)
    monkeypatch.setattr(registers, "PAGE", 2)
    view = RegisterView(mfg, "customer-complaint", NOW, "zh-hans")
    first, third = view.page(view.asked({})), view.page(view.asked({}), 3)
    assert (first.count, first.is_capped, first.has_next, first.has_totals) == (4, True, True, False)
    assert [line.number[-6:] for line in third.lines] == ["03-001", "01-001"]
    decided = view.page(view.asked({"responsible": "quality"}), 2)
    assert (decided.count, decided.is_capped, [line.number[-6:] for line in decided.lines]) == (3, False, ["01-001"])


def test_a_procedure_without_register_has_none(mfg: Organization) -> None:
    with pytest.raises(NoProcedure):
        RegisterView(mfg, "customer-form-reply", NOW, "zh-hans")
    with pytest.raises(NoProcedure):
        RegisterView(mfg, "no-such-thing", NOW, "zh-hans")


def test_the_list_of_registers_counts(mfg: Organization) -> None:
    years.told(mfg)
    shelves = {shelf.number: shelf for shelf in registers.listed(mfg, NOW, "zh-hans")}
    assert set(shelves) >= {"MFG-R9", "MFG-R10"}
    assert (shelves["MFG-R9"].open, shelves["MFG-R9"].all, shelves["MFG-R10"].all) == (6, 6, 0)


def test_nobody_reads_another_companys_register(mfg: Organization, stranger: Organization) -> None:
    Telling(mfg).start()
    from kehu.core.scope import scope

    with scope(stranger):
        view = RegisterView(stranger, "customer-complaint", NOW, "zh-hans")
        assert view.page(view.asked({})).lines == []


def test_every_register_of_the_pack_can_be_read_empty(mfg: Organization) -> None:
    for key, procedure in mfg_pack().procedures.items():
        if procedure.register_:
            view = RegisterView(mfg, key, NOW, "en")
            assert view.page(view.asked({})).count == 0
            assert len(view.filters) <= len(procedure.register_.filters)
