"""Bad input: each value that cannot be accepted is named, with what would be right; nothing is done."""

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kehu.cases import actions
from kehu.cases.models import Case
from kehu.cases.refusals import MayNotStart, WrongPosition
from kehu.core.refusals import BadData
from kehu.engine.definitions import Outcome
from tests.cast import FRIDAY, Telling, at, mfg_pack, to_departments


def findings(**values) -> dict[str, str]:
    with pytest.raises(BadData) as refused:
        Telling(values.pop("mfg")).start(**values)
    assert Case.objects.count() == 0
    return {finding.path: str(finding) for finding in refused.value.findings}


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("colour", "red", "colour"),  # no such field
        ("tracker", "sales_rep", "跟踪人"),  # another step's field
        ("received_by", "vice_gm", "接收人"),  # the system's own
        ("received_at", "tomorrow", "2024-03-15 14:00"),
        ("received_at", "2024-02-30 10:00", "2024-03-15 14:00"),
        ("received_at", at("2024-03-15 14:01"), ""),  # in the future
        ("channel", "pigeon", "pigeon"),
        ("kind", ["quality"], "quality"),
        ("content", {"a": 1}, ""),
        ("content", "x" * 20_001, ""),
        ("content", "a\x00b", ""),
        ("product", "x" * 501, ""),
        ("qty_defective", "many", ""),
        ("qty_defective", "-1", "0"),
        ("qty_defective", "1" * 20, ""),
        ("customer_limit", "soon", ""),
    ],
)
def test_a_value_that_cannot_be_accepted_is_named(mfg, field, value, says):
    found = findings(mfg=mfg, **{field: value})

    assert list(found) == [field]
    assert says in found[field]


def test_everything_that_is_missing_is_said_at_once(mfg):
    found = findings(mfg=mfg, received_at=None, channel=None, kind=None, content=" ")

    assert set(found) == {"received_at", "channel", "kind", "content"}


def test_a_case_without_its_customer_is_refused(mfg):
    with pytest.raises(BadData) as refused:
        Telling(mfg).start(customer=None)
    assert [finding.path for finding in refused.value.findings] == ["customer"]
    with pytest.raises(BadData):
        Telling(mfg).start(customer="C9999")


@pytest.mark.parametrize(
    ("rows", "path"),
    [
        ("quality", "departments"),
        ([{"department": "kitchen"}], "departments.0.department"),
        ([{"department": "quality"}, {"department": "quality"}], "departments.1.department"),
        ([{"department": "quality", "released": True}], "departments.0.released"),
        ([{"department": "quality"}] * 501, "departments"),
    ],
)
def test_rows_are_checked_cell_by_cell(complaint, rows, path):
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)

    with pytest.raises(BadData) as refused:
        complaint.do("fill-sheet", by="sales_rep", outcome="clear", customer_form_required=False, departments=rows)

    assert path in [finding.path for finding in refused.value.findings]
    assert complaint.open_steps() == ["fill-sheet"]


def test_a_person_of_another_department_cannot_be_named_where_one_is_asked_for(complaint):
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    complaint.do(
        "fill-sheet",
        by="sales_rep",
        outcome="clear",
        customer_form_required=False,
        departments=[{"department": "quality"}],
    )

    with pytest.raises(BadData, match="业务部|Sales"):
        complaint.do("approve-sheet", by="sales_deputy_manager", outcome="approve", tracker="warehouse_keeper")


def test_every_action_names_who_what_how_where_and_when(complaint):
    to_departments(complaint, "quality")
    whole = {"what": "sort", "who": "qc_staff", "how": "by gauge", "where": "line 2", "when_done": "2024-03-20"}
    others = {
        "state_confirmed": "yes",
        "talked_by": "qa_head",
        "talked_with": "Ms Li",
        "talked_at": FRIDAY,
        "planned_completion": "2024-03-20",
    }
    for missing in whole:
        partial = {key: value for key, value in {**whole, "what": "repack"}.items() if key != missing}
        with pytest.raises(BadData) as refused:
            complaint.do(
                "propose-countermeasure",
                by="qa_head",
                item="quality",
                outcome="submit",
                actions=[whole, partial],
                **others,
            )
        assert [finding.path for finding in refused.value.findings] == [f"actions.1.{missing}"]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.dictionaries(
        st.sampled_from(["received_at", "channel", "kind", "content", "files", "qty_delivered", "customer_limit", "x"]),
        ANYTHING,
    )
)
def test_whatever_is_sent_is_accepted_or_refused_and_never_breaks(mfg, values):
    with contextlib.suppress(BadData):
        Telling(mfg).start(**values)


def test_a_limit_given_as_a_day_falls_at_closing_time(mfg):
    told = Telling(mfg).start(customer_limit="2024-03-20")

    assert (
        Case.objects.get(number=told.number).data["customer_limit"] == "2024-03-20T09:00:00+00:00"
    )  # 17:00 in Shanghai


# --- choices by other words, rows that the system makes, roles by what is filled

MOULD = {"name": "折弯模", "qty": 1, "unit": "副", "received_at": FRIDAY, "clarified": True}


def property_of(mfg, by: str, **values) -> Case:
    return actions.open_case(
        organization=mfg, procedure="customer-property", by=by, now=FRIDAY, customer="C0001", values={**MOULD, **values}
    )


@pytest.mark.parametrize("word", ["mould", "mould_jig", "Mould-Jig", "jig"])
def test_a_choice_is_known_by_its_other_words(mfg, word):
    assert property_of(mfg, "sales_rep", kind=word).data["kind"] == "mould"


def test_the_choices_of_a_class_are_the_pack_s(mfg):
    form = mfg_pack().procedures["customer-development"].form
    definition = form.field("class")

    assert list(definition.choices) == ["A", "B", "C", "D"]
    assert definition.choices["A"].title.en == "A (key customer)"


def test_a_role_by_what_is_filled_is_looked_at_when_it_is_filled(mfg):
    assert property_of(mfg, "qc_staff", kind="test_sample").data["received_by"] == "qc_staff"
    with pytest.raises(WrongPosition, match="业务员 / 设计工程师"):
        property_of(mfg, "qc_staff", kind="mould")
    with pytest.raises(MayNotStart, match="业务员 / 设计工程师 / 品管员"):
        property_of(mfg, "finance", kind="other")


def test_rows_that_the_system_made_are_filled_and_neither_added_nor_left_out(mfg):
    case = actions.open_case(organization=mfg, procedure="annual-class-review", by="sales_rep", now=FRIDAY)
    codes = [row["customer"] for row in case.data["lines"]]

    def suggest(*lines: dict[str, str]) -> Case:
        return actions.save_draft(
            organization=mfg,
            number=case.number,
            step="suggest-class",
            by="sales_rep",
            now=FRIDAY,
            values={"lines": lines},
        )

    suggest({"customer": codes[1], "suggested_class": "B"})
    with pytest.raises(BadData, match="C9999"):
        suggest({"customer": "C9999", "suggested_class": "B"})
    with pytest.raises(BadData) as refused:
        actions.complete(
            organization=mfg,
            number=case.number,
            step="suggest-class",
            by="sales_rep",
            now=FRIDAY,
            values={"lines": [{"customer": codes[1], "suggested_class": "B", "reason": "少"}]},
        )
    assert len(refused.value.findings) == len(codes) - 1  # the others stay, and are empty


def test_a_refusal_asks_for_the_sections_it_names_and_no_others():
    title = {"zh": "有差异", "en": "Disputed"}
    objection = Outcome.model_validate({"title": title, "refuses": True})
    dispute = Outcome.model_validate({"title": title, "refuses": True, "fills": ["confirmation"]})

    assert not objection.demands("confirmation")
    assert dispute.demands("confirmation")
    assert not dispute.demands("sending")


@pytest.mark.parametrize(("channel", "kept"), [("phone", "0769-22334455"), ("email", None)])
def test_what_stands_in_a_field_that_is_no_longer_seen_is_not_taken(mfg, channel, kept):
    case = Telling(mfg).start(channel=channel, phone="0769-22334455").case

    assert case.data.get("phone") == kept
