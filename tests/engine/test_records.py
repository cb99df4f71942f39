"""The case's record: what is computed follows what it is computed from, wherever it stands in the form."""

from decimal import Decimal

import pytest

from kehu.engine.definitions import FieldDefinition, Form, Section, Step
from kehu.engine.records import compute, filled, key_and_place, rows_of

TEXT = {"zh": "甲", "en": "A"}


def form(**fields: dict) -> Form:
    known = {key: FieldDefinition(**({"type": "number", "title": TEXT} | facts)) for key, facts in fields.items()}
    return Form(title=TEXT, sections={"main": Section(title=TEXT, fields=known)})


SUM = {"computed": "net + tax"}
TAX = {"computed": "net * 0.13", "decimals": 2}
NET = {"computed": "sum(map(lines, #.amount))", "decimals": 2}
LINES = {
    "type": "rows",
    "columns": {
        "amount": {"type": "number", "title": TEXT, "computed": "row.price * row.quantity", "decimals": 2},
        "price": {"type": "number", "title": TEXT},
        "quantity": {"type": "number", "title": TEXT},
    },
}


@pytest.mark.parametrize("order", [["sum", "tax", "net", "lines"], ["lines", "net", "tax", "sum"]])
def test_a_field_is_computed_after_what_it_is_computed_from(order):
    fields = {"sum": SUM | {"decimals": 2}, "tax": TAX, "net": NET, "lines": LINES}
    rows = [{"price": Decimal("12.5"), "quantity": Decimal(4)}, {"price": Decimal(10), "quantity": Decimal(5)}]

    record = compute(form(**{key: fields[key] for key in order}), {"lines": rows}, {})

    assert (record["net"], record["tax"], record["sum"]) == (Decimal("100.00"), Decimal("13.00"), Decimal("113.00"))
    assert [row["amount"] for row in record["lines"]] == [Decimal("50.00"), Decimal("50.00")]
    assert compute(form(**{key: fields[key] for key in order}), record, {}) == record
    assert "amount" not in rows[0]


def test_a_gathered_list_comes_before_what_is_counted_in_it():
    what = {"what": {"type": "text", "title": TEXT}}
    each = {"type": "rows", "columns": {"actions": {"type": "rows", "title": TEXT, "columns": what}}}
    fields = {
        "count": {"computed": "len(plan)"},
        "plan": {"type": "rows", "gather": "departments.actions", "columns": what},
        "departments": each,
    }
    record = compute(form(**fields), {"departments": [{"actions": [{"what": "sort"}, {"what": "tell"}]}]}, {})

    assert record["count"] == 2


def test_a_fact_stands_behind_the_record_s_own_value():
    """A field may be called as a fact is."""
    fields = {"round": {}, "next": {"computed": "round + 1"}}

    assert compute(form(**fields), {"round": Decimal(4)}, {"round": 1})["next"] == 5
    assert compute(form(next=fields["next"]), {}, {"round": 1})["next"] == 2


def test_where_a_key_repeats_the_rows_are_counted():
    columns = {"unit": {"type": "text", "title": TEXT}, "text": {"type": "text", "title": TEXT}}
    tasks = {"type": "rows", "key": "unit", "repeats": True, "columns": columns}
    sheet = form(tasks=tasks)
    rows = [{"unit": "quality", "text": "a"}, {"unit": "stores", "text": "b"}, {"unit": "quality", "text": "c"}]
    assert list(rows_of(sheet, {"tasks": rows}, "tasks")) == ["quality", "stores", "quality-2"]
    assert key_and_place(sheet.fields()[0][3], "quality-2") == ("quality", 2)

    step = Step.model_validate({"title": TEXT, "role": "clerk", "fills": ["main"]})
    again = [{"unit": "quality", "text": "a"}, {"unit": "quality", "text": "C"}]
    known = [{"unit": "quality", "done": 1}, {"unit": "quality", "done": 2}]
    record = filled(sheet, {"tasks": known}, "", {"tasks": again}, step)

    assert record["tasks"] == [{"unit": "quality", "text": "a", "done": 1}, {"unit": "quality", "text": "C", "done": 2}]
