"""From the file to the ledger: checked, in, paused, killed, taken back."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from kehu.core.models import Event, Indexing, Organization
from kehu.intake import actions, work, workbooks
from kehu.intake.models import Import, ImportRow
from kehu.intake.work import Lost
from kehu.ledgers.customers import actions as customer_actions
from kehu.ledgers.customers import queries, words
from kehu.ledgers.customers.models import Contact, Customer
from kehu.organizations.models import Member
from tests.cast import FRIDAY
from tests.intake.telling import Sheet, as_xlsx

TITLES = ["客户编号", "客户名称", "客户简称", "业务员", "地址", "联系人", "电话", "邮箱"]


def line(number: int, **other: Any) -> list[Any]:
    facts = {
        "code": f"K{number:05}",
        "name": f"东莞市第{number}五金厂",
        "short": f"第{number}",
        "owner": "",
        "address": "东莞",
        "contact": "王小姐",
        "phone": f"0769-555-{number:04}",
        "email": "",
    } | other
    return list(facts.values())


def register(count: int, **other: Any) -> list[list[Any]]:
    return [TITLES, *(line(number, **other) for number in range(1, count + 1))]


def test_a_register_is_checked_before_anything_comes_in(mfg: Organization) -> None:
    before = Customer.objects.count()
    rows = register(3)
    rows[2] = line(
        2,
        code="C0001",
        name="深圳市讯捷通信设备有限公司",
        short="讯捷通信",
        address="深圳市南山区",
        contact="",
        phone="",
    )

    sheet = Sheet(mfg, "customers", rows).checked()

    assert sheet.one.state == "checked"
    assert sheet.counts == {"new": 2, "changed": 1}
    assert sheet.one.checked["rows"]["changed"][0]["changes"] == {"address": ["深圳", "深圳市南山区"]}
    assert Customer.objects.count() == before


def test_what_was_checked_comes_in_and_is_found(mfg: Organization) -> None:
    rep = Member.objects.get(key="sales_rep")
    sheet = Sheet(mfg, "customers", register(3, owner=rep.name["zh"])).checked().done()

    customer = Customer.objects.get(code="K00002")
    assert sheet.counts == {"new": 3}
    assert (customer.name, customer.initials, customer.filed_on) == ("东莞市第2五金厂", "d2", FRIDAY.date())
    assert customer.owner == rep
    assert list(customer.contacts.values_list("name", "phone")) == [("王小姐", "0769-555-0002")]
    for search in ("K00002", "五金厂", "d2"):
        assert customer in queries.listed(queries.Wish(search=search)).customers, search
    words.index(mfg, FRIDAY + timedelta(seconds=30))
    assert Indexing.objects.get(noun=words.NOUN).is_done
    assert customer in queries.listed(queries.Wish(search="五金厂")).customers


def test_a_second_time_everything_is_the_same(mfg: Organization) -> None:
    rows = register(5)
    Sheet(mfg, "customers", rows).checked().done()

    again = Sheet(mfg, "customers", rows).checked()
    assert again.counts == {"same": 5}
    assert again.done().counts == {"same": 5}
    assert Customer.objects.filter(code__startswith="K").count() == 5
    assert Contact.objects.filter(customer__code__startswith="K").count() == 5


def test_ten_wrong_rows_among_many_are_told_each_and_the_others_come_in(mfg: Organization) -> None:
    rows = register(1500)
    wrong = {
        10: ("code", ""),
        200: ("name", ""),
        300: ("owner", "张三丰"),
        400: ("email", "not an address"),
        500: ("phone", "1.38E+10"),
        600: ("code", "K00599"),
        700: ("name", "x" * 201),
        800: ("code", "12345678901234567890123456789012345678901"),
        900: ("name", "深圳市讯捷通信设备有限公司"),
        1000: ("name", "合计"),
    }
    for number, (name, value) in wrong.items():
        rows[number] = line(number, **{name: value})
    rows[1000] = ["合计", 1500]

    sheet = Sheet(mfg, "customers", rows).checked().done()

    assert sheet.counts == {"new": 1490, "refused": 10}
    said = sheet.refused()
    assert sorted(said) == [number + 1 for number in wrong]
    for number, expected in {
        11: "code: The code is missing",
        201: "name: There is no customer K00200 yet; to enter one, the name is needed.",
        301: "owner: There is no member 张三丰.",
        401: "email: “not an address” is no mail address.",
        501: "phone: 1.38E+10 has lost its last digits.",
        601: "code: Row 600 has the same already.",
        701: "name: “xxxx",
        801: "code: “12345678901234567890",
        901: "name: Perhaps he is there already, as C0001 深圳市讯捷通信设备有限公司.",
        1001: "This is a line of totals",
    }.items():
        assert expected in said[number]
    back = io.BytesIO()
    assert workbooks.write_refused(sheet.one, back) == 10
    back.seek(0)
    _titles, *found = CalamineWorkbook.from_filelike(back).get_sheet_by_index(0).to_python()
    assert [(row[-2], bool(row[-1])) for row in found] == [(number + 1, True) for number in wrong]


def test_doubles_come_in_where_that_was_chosen(mfg: Organization) -> None:
    rows = [
        TITLES,
        line(1, name="深圳市讯捷通信设备有限公司"),
        line(2, name="深圳讯捷有限公司"),
        line(3, name="深圳讯捷公司"),
    ]

    assert Sheet(mfg, "customers", rows).checked().counts == {"new": 1, "refused": 2}
    assert Sheet(mfg, "customers", rows).checked(doubles=True).counts == {"new": 3}


def test_a_tax_number_that_somebody_has_is_refused_under_another_code(mfg: Organization) -> None:
    Customer.objects.filter(code="C0001").update(tax_number="91440300MA5FAAAA1A")
    rows = [
        ["客户编号", "客户名称", "税号", "地址"],
        ["K1", "新公司甲", "91440300ma5faaaa1a", ""],
        ["", "随便", "91440300MA5FAAAA1A", "新地址"],
    ]

    sheet = Sheet(mfg, "customers", rows).checked()

    assert "C0001" in sheet.refused()[2]
    assert "Row 2 has the same already" in sheet.refused()[3]
    alone = Sheet(mfg, "customers", [rows[0], rows[2]]).checked()
    assert alone.one.checked["rows"]["changed"][0]["changes"].keys() == {"name", "address"}


def test_the_class_of_a_customer_is_not_changed_and_that_is_said(mfg: Organization) -> None:
    sheet = Sheet(mfg, "customers", [["编号", "等级"], ["C0001", "D"], ["C0002", "A"]]).checked()

    assert sheet.counts == {"same": 2, "remarks": 1}
    assert "only a procedure" in sheet.one.checked["remarks"][0]["says"]
    unknown = Sheet(mfg, "customers", [["编号", "名称", "等级"], ["K9", "新公司", "Z"]]).checked()
    assert "There is no class “Z”" in unknown.refused()[2]


def test_codes_are_given_where_that_was_chosen(mfg: Organization) -> None:
    rows = [["名称", "电话"], ["新公司甲", "0755-1234567"], ["新公司乙", ""], ["讯捷通信", "0755-7654321"]]

    sheet = Sheet(mfg, "customers", rows).checked()
    assert sheet.counts == {"changed": 1, "refused": 2}
    assert "The code is missing" in sheet.refused()[2]
    sheet = Sheet(mfg, "customers", rows).checked(codes=True).done()
    assert sheet.counts == {"new": 2, "changed": 1}
    given = Customer.objects.filter(name__startswith="新公司").order_by("name").values_list("code", flat=True)
    assert len(set(given)) == 2
    assert Customer.objects.filter(code="C0001").count() == 1
    assert Sheet(mfg, "customers", rows).checked(codes=True).counts == {"same": 3}


def test_an_empty_cell_says_nothing(mfg: Organization) -> None:
    sheet = Sheet(mfg, "customers", [["编号", "简称", "地址"], ["C0001", "", "新地址"]]).checked().done()

    customer = Customer.objects.get(code="C0001")
    assert sheet.counts == {"changed": 1}
    assert (customer.short_name, customer.address) == ("讯捷通信", "新地址")


def test_two_rows_of_one_customer_under_different_names_are_refused(mfg: Organization) -> None:
    rows = [["编号", "名称", "地址"], ["C0001", "", "甲"], ["", "深圳市讯捷通信设备有限公司", "乙"]]

    assert "Row 2 speaks of the same" in Sheet(mfg, "customers", rows).checked().refused()[3]


# --- killed, paused, canceled -------------------------------------------------------------------------------------------


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "SLICE", 10)


def test_killed_half_way_it_goes_on_where_it_was(
    mfg: Organization, small_slices: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = Sheet(mfg, "customers", register(45)).checked().started()
    calls = []
    advance = work.Turn._advance

    def killed(turn: work.Turn, position: int) -> None:
        calls.append(position)
        if len(calls) == 3:
            raise SystemExit  # as a kill -9: nothing is caught, nothing is let go
        advance(turn, position)

    with monkeypatch.context() as patch:
        patch.setattr(work.Turn, "_advance", killed)
        patch.setattr(work.Turn, "_mine", lambda turn: Import.objects.filter(pk=turn.sheet.pk, held_by=turn.me))
        with pytest.raises(SystemExit):
            work.work(mfg, FRIDAY)
    assert sheet.one.position == 20
    assert Customer.objects.filter(code__startswith="K").count() == 20

    Import.objects.update(held_by="the dead", held_until=work.clock.now() - timedelta(seconds=1))
    sheet.work()
    assert sheet.counts == {"new": 45}
    assert Customer.objects.filter(code__startswith="K").count() == 45


def test_while_one_worker_has_it_nobody_else_does(mfg: Organization, small_slices: None) -> None:
    sheet = Sheet(mfg, "customers", register(25)).checked().started()
    first = work._take()
    assert first is not None

    assert work._take() is None
    assert work.work(mfg, FRIDAY) == 0
    Import.objects.update(held_until=work.clock.now() - timedelta(seconds=1))
    assert work.work(mfg, FRIDAY) == 25
    late = work.Turn(mfg, first, FRIDAY)
    with pytest.raises(Lost):
        late._go_through()
    assert sheet.counts == {"new": 25}
    assert Customer.objects.filter(code__startswith="K").count() == 25


def test_paused_it_stands_still_and_goes_on_where_it_stood(
    mfg: Organization, small_slices: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = Sheet(mfg, "customers", register(35)).checked().started()
    advance = work.Turn._advance

    def paused_behind_twenty(turn: work.Turn, position: int) -> None:
        advance(turn, position)
        if position == 20:
            actions.pause(sheet=sheet.one, by="lu", now=FRIDAY)

    with monkeypatch.context() as patch:
        patch.setattr(work.Turn, "_advance", paused_behind_twenty)
        sheet.work()
    assert (sheet.one.state, sheet.one.position) == ("running", 20)
    assert work.work(mfg, FRIDAY) == 0

    actions.resume(sheet=sheet.one, by="lu", now=FRIDAY)
    assert sheet.work().counts == {"new": 35}
    assert Customer.objects.filter(code__startswith="K").count() == 35


def test_canceled_it_ends_where_it_stands_and_can_be_taken_back(
    mfg: Organization, small_slices: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = Sheet(mfg, "customers", register(35)).checked().started()
    advance = work.Turn._advance

    def canceled(turn: work.Turn, position: int) -> None:
        advance(turn, position)
        if position == 20:
            actions.cancel(sheet=sheet.one, by="lu", now=FRIDAY)

    with monkeypatch.context() as patch:
        patch.setattr(work.Turn, "_advance", canceled)
        sheet.work()
    assert (sheet.one.state, Customer.objects.filter(code__startswith="K").count()) == ("canceled", 20)

    sheet.undone()
    assert sheet.one.state == "undone"
    assert not Customer.objects.filter(code__startswith="K").exists()


def test_what_breaks_three_times_stops_and_says_so(
    mfg: Organization, small_slices: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = Sheet(mfg, "customers", register(25)).checked().started()

    def broken(*_all: Any, **_more: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(work.Turn, "_advance", broken)
        sheet.work()
    assert sheet.one.state == "failed"
    assert "ZeroDivisionError" in str(sheet.one.why)

    actions.resume(sheet=sheet.one, by="lu", now=FRIDAY)
    assert sheet.work().counts == {"new": 25}


# --- taken back --------------------------------------------------------------------------------------------------------


def everything() -> tuple[Any, ...]:
    return (
        list(Customer.objects.order_by("pk").values()),
        list(Contact.objects.order_by("pk").values("customer_id", "name", "title", "phone", "email")),
    )


def test_taken_back_everything_is_as_before(mfg: Organization, small_slices: None) -> None:
    words.index(mfg, FRIDAY)
    before = everything()
    rows = register(25)
    rows[3] = line(
        3, code="C0001", name="讯捷改名有限公司", short="", address="甲", contact="何经理", phone="0755-1234567"
    )
    rows[4] = line(4, code="C0002", name="", short="", address="乙", contact="新人", phone="0769-7654321")
    sheet = Sheet(mfg, "customers", rows).checked().done()
    assert sheet.counts == {"new": 23, "changed": 2}

    sheet.undone()

    assert (sheet.one.state, sheet.one.position, sheet.counts) == ("undone", 25, {})
    assert everything() == before
    assert not ImportRow.objects.filter(batch=sheet.row).exclude(outcome="refused").exists()
    assert words.CustomerWord.objects.exclude(customer__in=Customer.objects.values("pk")).count() == 0


def test_what_somebody_changed_or_used_since_stays_and_is_told(mfg: Organization) -> None:
    rows = register(5)
    rows[5] = line(5, code="C0001", name="", short="改简称", address="甲", contact="", phone="")
    sheet = Sheet(mfg, "customers", rows).checked().done()
    changed, used, met = (Customer.objects.get(code=f"K0000{number}") for number in (1, 2, 3))
    customer_actions.change(customer=changed, changes={"address": "乙"}, by="lu", now=FRIDAY)
    Customer.objects.filter(code="C0002").update(referrer=used)
    Contact.objects.filter(customer=met).update(phone="110-110")
    first = Customer.objects.get(code="C0001")
    customer_actions.change(customer=first, changes={"address": "丙"}, by="lu", now=FRIDAY)

    sheet.undone()

    assert set(Customer.objects.filter(code__startswith="K").values_list("code", flat=True)) == {
        "K00001",
        "K00002",
        "K00003",
    }
    first.refresh_from_db()
    assert (first.short_name, first.address) == ("讯捷通信", "丙")
    stays = {
        row.row: row.stays["says"].format(**row.stays["facts"]) for row in ImportRow.objects.filter(batch=sheet.row)
    }
    assert stays == {
        2: "K00001 was changed since and stays.",
        3: "K00002 is in use meanwhile and stays.",
        4: "K00003 was changed since and stays.",
        6: "C0001 (address) was changed since and stays as it is.",
    }
    assert sheet.counts == {"stays": 4}


def test_nothing_can_be_taken_back_twice(mfg: Organization) -> None:
    sheet = Sheet(mfg, "customers", register(2)).checked().done().undone()

    with pytest.raises(actions.NotNow, match="was taken back"):
        actions.undo(sheet=sheet.one, by="lu", now=FRIDAY)


# --- columns -----------------------------------------------------------------------------------------------------------


def test_columns_that_were_chosen_are_remembered(mfg: Organization) -> None:
    rows = [["代号", "往来户", "名称"], ["K1", "甲公司有限", "甲"]]
    Sheet(mfg, "customers", rows).checked({"code": 0, "name": 1, "short_name": 2})

    assert Sheet(mfg, "customers", rows).one.mapping == {"code": 0, "name": 1, "short_name": 2}
    other = Sheet(mfg, "customers", [["往来户", "手机", "代号"], ["甲", "", "K1"]])
    assert other.one.mapping == {"code": 2, "name": 0, "phone": 1}


def test_columns_that_are_needed_are_asked_for(mfg: Organization) -> None:
    sheet = Sheet(mfg, "customers", register(1))
    for columns, says in (
        ({4: "address"}, "Code or Name"),
        ({0: "code", 1: "code"}, "more than one column: Code"),
        ({999: "code"}, "no such column"),
        ({1: "nonsense"}, "no such column"),
    ):
        with pytest.raises(actions.BadData) as refusal:
            actions.choose(sheet=sheet.one, columns=columns, options={}, by="lu", now=FRIDAY)
        assert says in str(refusal.value)


def test_another_sheet_and_another_header_are_read(mfg: Organization) -> None:
    sheet = Sheet(mfg, "customers", as_xlsx([["说明"], *register(2)], "一月"), "register.xlsx")
    assert (sheet.one.header_row, sheet.one.total) == (2, 2)

    actions.read_again(sheet=sheet.one, header_row=3, by="lu", now=FRIDAY)
    sheet.work()
    assert (sheet.one.state, sheet.one.header_row, sheet.one.total) == ("mapping", 3, 1)
    assert sheet.one.titles[0] == "K00001"


def test_a_file_that_cannot_be_read_says_why(mfg: Organization) -> None:
    with pytest.raises(actions.NotASheet, match="register.pdf"):
        Sheet(mfg, "customers", b"%PDF-1.7", "register.pdf")
    broken = Sheet(mfg, "customers", b"PK\x03\x04" + b"\0" * 100, "register.xlsx")
    assert broken.one.state == "failed"
    assert "damaged" in broken.one.why["says"]
    empty = Sheet(mfg, "customers", b"\n", "register.csv")
    assert "empty" in empty.one.why["says"]


def test_what_is_done_is_in_the_log(mfg: Organization) -> None:
    Sheet(mfg, "customers", register(3)).checked().done().undone()

    names = list(Event.objects.filter(stream="organization").order_by("sequence").values_list("name", flat=True))
    assert names[names.index("import.brought") :] == [
        "import.brought",
        "import.columns_chosen",
        "import.checked",
        "import.started",
        "customers.entered",
        "import.finished",
        "import.undo_started",
        "customers.taken_back",
        "import.undone",
    ]
    entered = Event.objects.get(name="customers.entered")
    assert entered.facts["which"] == ["K00001", "K00002", "K00003"]
    assert entered.facts["cause"] == f"import {Import.objects.get().pk}"


def test_nobody_meets_another_company_s_sheets(mfg: Organization, stranger: Organization) -> None:
    from kehu.core.scope import scope

    sheet = Sheet(mfg, "customers", register(3)).checked()
    with scope(stranger):
        assert not Import.objects.exists()
        assert work.work(stranger, FRIDAY) == 0
    assert sheet.one.state == "checked"
