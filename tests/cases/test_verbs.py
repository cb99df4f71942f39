"""The table of verbs: what it says of each action holds, and what is given is looked at before anything is done."""

import inspect

import pytest

from kehu.cases.history import read
from kehu.cases.verbs import VERBS, offered, perform
from kehu.core.refusals import BadData, Refusal
from tests.cast import FRIDAY


def doing(told, verb, by, step="", **given):
    return perform(verb, organization=told.organization, number=told.number, by=by, now=FRIDAY, step=step, given=given)


def record_of(told, person):
    from kehu.organizations.queries import directory

    people = directory(told.organization, FRIDAY.date()).people
    return read(organization=told.organization, number=told.number, person=people[person], now=FRIDAY)


@pytest.mark.parametrize("verb", VERBS.values(), ids=list(VERBS))
def test_a_verbs_row_names_what_its_action_takes(verb):
    taken = inspect.signature(verb.act).parameters
    common = {"organization", "number", "by", "now", *(("step", "item") if verb.subject == "task" else ())}

    assert all(parameter.kind == inspect.Parameter.KEYWORD_ONLY for parameter in taken.values())
    assert common <= set(taken)
    assert {parameter.name for parameter in verb.parameters} == set(taken) - common - {"version"}
    for parameter in verb.parameters:
        if taken[parameter.name].default is inspect.Parameter.empty:
            assert parameter.required


def test_a_verb_is_done_by_its_name(complaint):
    case = doing(complaint, "send_back", "sales_deputy_manager", "accept-complaint", to="receive-complaint", reason="x")

    assert [task.step for task in case.tasks.filter(state="open")] == ["receive-complaint"]


@pytest.mark.parametrize(
    ("verb", "step", "given", "path"),
    [
        ("fly", "", {}, "verb"),
        ("void", "", {}, "reason"),
        ("void", "", {"reason": 3}, "reason"),
        ("void", "", {"reason": "x", "why": "y"}, "why"),
        ("hand_over", "", {"to": "vice_gm"}, "step"),
        ("complete", "accept-complaint", {"values": [1]}, "values"),
    ],
)
def test_what_is_given_wrongly_is_named_and_nothing_is_done(complaint, verb, step, given, path):
    with pytest.raises(BadData) as refused:
        doing(complaint, verb, "sales_deputy_manager", step, **given)

    assert [finding.path for finding in refused.value.findings] == [path]
    complaint.case.refresh_from_db()
    assert (complaint.case.version, complaint.case.status) == (3, "open")


def test_only_what_somebody_may_use_is_offered_to_him(complaint):
    deputy = record_of(complaint, "sales_deputy_manager")
    task = deputy.may.tasks[0]

    assert {"complete", "send_back", "hand_over"} <= {verb.name for verb in offered(deputy.may, task)}
    assert "void" in {verb.name for verb in offered(deputy.may)}
    assert "void" not in {verb.name for verb in offered(record_of(complaint, "sales_receiver").may)}
    with pytest.raises(Refusal):
        doing(complaint, "void", "sales_receiver", reason="x")
