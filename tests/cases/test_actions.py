from contextvars import Context
from datetime import timedelta

import pytest

from kehu.cases import actions, escalation, refusals
from kehu.cases.escalation import fire_due
from kehu.cases.models import Assignment, Case, Deadline, Task
from kehu.cases.moves import replayed, state_of
from kehu.core import chain
from kehu.core.models import Event, Message
from kehu.core.refusals import BadData
from kehu.core.scope import Unscoped, scope
from kehu.engine.records import decoded
from tests.cast import FRIDAY, Telling, mfg_pack, to_departments


def facts_of(case):
    return [event.facts["move"] for event in Event.objects.filter(stream=f"case:{case.pk}") if "move" in event.facts]


def test_a_complaint_is_numbered_without_gaps_even_where_one_was_refused(mfg):
    first = Telling(mfg).start()
    with pytest.raises(BadData):
        Telling(mfg).start(kind=None)
    second = Telling(mfg).start()

    assert (first.number, second.number) == ("CP-202403-001", "CP-202403-002")


def test_what_is_refused_leaves_no_trace(complaint):
    events, messages = Event.objects.count(), Message.objects.count()

    with pytest.raises(refusals.WrongPosition):
        complaint.do("accept-complaint", by="qa_head", outcome="help", help_needed=True)

    assert (Event.objects.count(), Message.objects.count()) == (events, messages)


def test_departments_answer_independently_of_one_another(complaint):
    to_departments(complaint, "quality", "engineering")

    assert complaint.open_steps() == ["propose-countermeasure[engineering]", "propose-countermeasure[quality]"]


def test_nobody_approves_what_he_submitted(mfg):
    case = Telling(mfg).start()
    case.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    case.do(
        "fill-sheet",
        by="sales_deputy_manager",
        outcome="clear",
        customer_form_required=False,
        departments=[{"department": "quality"}],
    )

    assigned = set(
        Assignment.objects.filter(task__step="approve-sheet", is_open=True).values_list("member__key", flat=True)
    )
    assert assigned == {"vice_gm"}  # the only deputy manager submitted it, so the next rank has it
    with pytest.raises(refusals.OwnSubmission):
        case.do("approve-sheet", by="sales_deputy_manager", outcome="approve", tracker="complaint_tracker")
    case.do("approve-sheet", by="vice_gm", outcome="approve", tracker="complaint_tracker")
    assert case.open_steps() == ["notify-departments"]


def test_what_was_sent_back_comes_straight_back_to_the_sender(complaint):
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    complaint.do(
        "fill-sheet",
        by="sales_rep",
        outcome="clear",
        customer_form_required=False,
        departments=[{"department": "quality"}],
    )
    complaint.do("approve-sheet", by="sales_deputy_manager", outcome="approve", tracker="complaint_tracker")
    actions.send_back(
        organization=complaint.organization,
        number=complaint.number,
        step="notify-departments",
        to="fill-sheet",
        reason="the lot number is missing",
        by="complaint_tracker",
        now=FRIDAY,
    )
    assert complaint.open_steps() == ["fill-sheet"]

    complaint.do("fill-sheet", by="sales_rep", outcome="clear", lot="L240301")

    assert complaint.open_steps() == ["notify-departments"]  # not approve-sheet again


def test_two_people_at_once_get_one_winner_and_one_clear_answer(complaint):
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)

    with pytest.raises(refusals.DoneAlready, match="Accept|受理") as refusal:
        complaint.do("accept-complaint", by="vice_gm", outcome="help", help_needed=True)

    assert refusal.value.kind == "order"


def test_a_stale_version_is_refused_only_where_the_same_part_has_changed(complaint):
    seen = complaint.case.version
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    complaint.do(
        "fill-sheet",
        by="sales_rep",
        outcome="clear",
        customer_form_required=False,
        departments=[{"department": "quality"}],
    )
    complaint.do("approve-sheet", by="sales_deputy_manager", outcome="reject", reason="which lot?")
    common = dict(
        organization=complaint.organization, number=complaint.number, step="fill-sheet", now=FRIDAY, outcome="clear"
    )

    with pytest.raises(refusals.ChangedMeanwhile):
        actions.complete(**common, by="sales_rep", values={"lot": "L1"}, version=seen)

    fresh = Case.objects.get(number=complaint.number).version
    actions.complete(**common, by="sales_rep", values={"lot": "L1"}, version=fresh)


def test_a_department_is_not_stopped_by_what_another_did_meanwhile(complaint):
    to_departments(complaint, "quality", "engineering")
    seen = complaint.case.version
    answer = dict(
        state_confirmed="confirmed",
        talked_by="qa_head",
        talked_with="Ms Li",
        talked_at=FRIDAY,
        planned_completion="2024-03-20",
        actions=[{"what": "sort", "who": "qc_staff", "how": "by gauge", "where": "line 2", "when_done": "2024-03-20"}],
    )
    complaint.do("propose-countermeasure", by="qa_head", item="quality", outcome="submit", **answer)

    actions.complete(
        organization=complaint.organization,
        number=complaint.number,
        step="propose-countermeasure",
        item="engineering",
        by="eng_head",
        now=FRIDAY,
        outcome="submit",
        values=answer,
        version=seen,
    )


def test_handing_over_a_decision_needs_somebody_who_may_decide(complaint):
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    complaint.do(
        "fill-sheet",
        by="sales_rep",
        outcome="clear",
        customer_form_required=False,
        departments=[{"department": "quality"}],
    )
    common = dict(
        organization=complaint.organization,
        number=complaint.number,
        step="approve-sheet",
        by="sales_deputy_manager",
        now=FRIDAY,
    )

    with pytest.raises(refusals.NotAuthorized):
        actions.hand_over(**common, to="quotation_clerk")
    actions.hand_over(**common, to="general_manager", reason="travelling")

    assert list(
        Assignment.objects.filter(task__step="approve-sheet", is_open=True).values_list("member__key", flat=True)
    ) == ["general_manager"]


def test_a_voided_case_stands_still_and_reopens_where_it_stood(complaint):
    to_departments(complaint, "quality", "engineering")
    common = dict(organization=complaint.organization, number=complaint.number, by="sales_head", now=FRIDAY)
    with pytest.raises(BadData):
        actions.void(**common, reason=" ")
    actions.void(**common, reason="opened twice")

    assert complaint.open_steps() == []
    with pytest.raises(refusals.CaseClosed):
        complaint.do("propose-countermeasure", by="qa_head", item="quality", outcome="object", reason="x")
    actions.reopen(**{**common, "by": "sales_deputy_manager"}, reason="not the same after all")
    assert complaint.open_steps() == ["propose-countermeasure[engineering]", "propose-countermeasure[quality]"]


def test_the_recorded_moves_give_the_same_state_again(complaint):
    to_departments(complaint, "quality", "engineering")
    complaint.do("propose-countermeasure", by="eng_head", item="engineering", outcome="object", reason="not our part")
    complaint.do("rule-responsibility", by="vice_gm", ruling_department="materials", ruling_text="packing")
    case = Case.objects.get(number=complaint.number)
    procedure = mfg_pack().procedures["customer-complaint"]

    told, stood = replayed(procedure, facts_of(case)), state_of(case, procedure, list(case.tasks.order_by("id")))

    assert {token.place for token in told.tokens} == {token.place for token in stood.tokens}
    assert told.data == stood.data == decoded(procedure.form, case.data)
    assert (told.status, told.round, dict(told.done)) == (stood.status, stood.round, dict(stood.done))


def test_the_chain_names_the_first_event_that_was_altered(complaint):
    to_departments(complaint, "quality")
    case = Case.objects.get(number=complaint.number)
    events = list(Event.objects.filter(stream=f"case:{case.pk}"))
    assert chain.first_broken(events, case.chain_head) is None

    assert chain.first_broken(events[:-1], case.chain_head) is events[-2]  # one is missing at the end

    events[2].facts["outcome"] = "alone"
    assert chain.first_broken(events, case.chain_head) is events[2]


def test_each_instant_fires_once(complaint):
    later = FRIDAY + timedelta(days=3)
    fire_due(later)
    told = Message.objects.filter(step="accept-complaint", kind="overdue").count()
    assert told > 0

    fire_due(later)

    assert Message.objects.filter(step="accept-complaint", kind="overdue").count() == told


def test_an_instant_of_a_task_that_is_done_does_nothing(complaint):
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    before = Message.objects.filter(step="accept-complaint").count()

    fire_due(FRIDAY + timedelta(days=3))

    assert Message.objects.filter(step="accept-complaint").count() == before


def test_a_query_without_scope_fails(mfg):
    outside = Context()
    with pytest.raises(Unscoped):
        outside.run(lambda: list(Case.objects.all()))


def test_another_organization_s_number_does_not_exist(complaint, stranger):
    with scope(stranger), pytest.raises(refusals.NoSuchCase):
        actions.complete(
            organization=stranger,
            number=complaint.number,
            step="accept-complaint",
            by="sales_deputy_manager",
            now=FRIDAY,
            outcome="help",
            values={"help_needed": True},
        )
    assert Task.objects.get(step="accept-complaint", case__number=complaint.number).is_open


def test_one_instant_that_cannot_be_fired_does_not_stop_the_others(complaint, monkeypatch):
    second = Telling(complaint.organization).start()
    fire = escalation._fire

    def fails_for_the_first(batch, now):
        if any(deadline.case_id == complaint.case.pk for deadline in batch.instants):
            raise ValueError("the pack is wrong here")
        fire(batch, now)

    monkeypatch.setattr(escalation, "_fire", fails_for_the_first)
    fire_due(FRIDAY + timedelta(hours=1))

    kept = set(Deadline.objects.filter(case=complaint.case).exclude(error="").values_list("error", flat=True))
    assert kept == {"ValueError: the pack is wrong here"}
    assert set(Message.objects.filter(kind="overdue").values_list("case_number", flat=True)) == {second.number}
