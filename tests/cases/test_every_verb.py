"""Each verb of a case as people use it: what it does, who may not, when it is too late, and that its moves tell the same state."""

from datetime import timedelta

import pytest

from kehu.cases import actions, refusals
from kehu.cases.escalation import fire_due
from kehu.cases.history import read
from kehu.cases.models import Assignment, Case, Deadline, Task
from kehu.cases.moves import replayed, state_of
from kehu.cases.queries import counts_of, inbox_of
from kehu.cases.verbs import perform
from kehu.cases.wording import Words, timeline
from kehu.core.models import Event, Message
from kehu.core.refusals import BadData
from kehu.engine.records import decoded
from kehu.organizations.queries import directory
from tests.cast import FRIDAY, at, mfg_pack, to_departments


def act(told, verb, by, step="", item="", now=None, **given):
    told.case = perform(
        verb, organization=told.organization, number=told.number, by=by, now=now or told.now, step=step, item=item,
        given=given,
    )  # fmt: skip
    return told


def person(told, key):
    return directory(told.organization, FRIDAY.date()).people[key]


def inbox(told, key):
    return [(row.number, row.part) for row in inbox_of(told.organization, person(told, key), "todo", told.now).rows]


def may(told, key):
    return read(organization=told.organization, number=told.number, person=person(told, key), now=told.now).may


def task(told, step, state="open"):
    return Task.objects.filter(case=told.case, step=step, state=state).order_by("-pk").first()


def messages(told, kind):
    return sorted(Message.objects.filter(case_number=told.number, kind=kind).values_list("recipient", flat=True))


def accept(told, **given):
    return told.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True, **given)


def stands_as_told(told):
    """The moves that were recorded give the state that the rows say."""
    case = Case.objects.get(number=told.number)
    procedure = mfg_pack().procedures[case.procedure.key]
    facts = [event.facts["move"] for event in Event.objects.filter(stream=f"case:{case.pk}") if "move" in event.facts]
    heard, stood = replayed(procedure, facts), state_of(case, procedure, list(case.tasks.order_by("id")))
    assert set(heard.tokens) == set(stood.tokens)
    assert heard.data == stood.data == decoded(procedure.form, case.data)
    assert (heard.status, heard.round, dict(heard.done)) == (stood.status, stood.round, dict(stood.done))
    assert (heard.paused, heard.arrived) == (stood.paused, stood.arrived)
    return True


# --- added signers ----------------------------------------------------------------------------------------------------


def test_who_signs_before_holds_up_the_holder_until_he_agrees(complaint):
    act(complaint, "add_signer", "sales_deputy_manager", "accept-complaint", who=["qa_head"], order="before")
    assert inbox(complaint, "qa_head") == [(complaint.number, "sign")]
    with pytest.raises(refusals.WaitsForSigners) as waits:
        accept(complaint)
    assert "Head of quality" in str(waits.value) or "品质部主管" in str(waits.value)

    act(complaint, "sign", "qa_head", "accept-complaint", answer="agree")

    assert inbox(complaint, "qa_head") == []
    assert messages(complaint, "signed") == ["sales_deputy_manager"]
    assert accept(complaint).open_steps() == ["fill-sheet"]
    assert stands_as_told(complaint)


def test_who_refuses_before_needs_a_reason_and_leaves_it_to_the_holder(complaint):
    act(complaint, "add_signer", "sales_deputy_manager", "accept-complaint", who=["qa_head"], order="before")
    with pytest.raises(BadData):
        act(complaint, "sign", "qa_head", "accept-complaint", answer="refuse")

    act(complaint, "sign", "qa_head", "accept-complaint", answer="refuse", reason="not ours")

    assert messages(complaint, "signature_refused") == ["sales_deputy_manager"]
    assert accept(complaint).open_steps() == ["fill-sheet"]


def test_who_signs_after_is_asked_when_the_holder_is_done(complaint):
    act(complaint, "add_signer", "sales_deputy_manager", "accept-complaint", who=["qa_head", "eng_head"], order="after")
    assert inbox(complaint, "qa_head") == []

    accept(complaint)
    assert complaint.open_steps() == ["accept-complaint"]
    assert inbox(complaint, "sales_deputy_manager") == []
    assert inbox(complaint, "qa_head") == inbox(complaint, "eng_head") == [(complaint.number, "sign")]
    assert Case.objects.get(number=complaint.number).data["help_needed"] is True
    assert stands_as_told(complaint)

    act(complaint, "sign", "qa_head", "accept-complaint", answer="agree")
    assert complaint.open_steps() == ["accept-complaint"]
    act(complaint, "sign", "eng_head", "accept-complaint", answer="agree", reason="fine")

    assert complaint.open_steps() == ["fill-sheet"]
    done = task(complaint, "accept-complaint", "done")
    assert (done.done_by.key, done.outcome, done.filled["help_needed"]) == ("sales_deputy_manager", "help", True)
    assert stands_as_told(complaint)


def test_a_refusal_after_brings_it_back_to_the_holder_with_what_he_filled(complaint):
    act(complaint, "add_signer", "sales_deputy_manager", "accept-complaint", who=["qa_head"], order="after")
    accept(complaint)
    act(complaint, "sign", "qa_head", "accept-complaint", answer="refuse", reason="look again")

    assert inbox(complaint, "sales_deputy_manager") == [(complaint.number, "do")]
    assert task(complaint, "accept-complaint").draft["help_needed"] is True
    assert stands_as_told(complaint)

    accept(complaint)
    assert inbox(complaint, "qa_head") == [(complaint.number, "sign")]
    act(complaint, "sign", "qa_head", "accept-complaint", answer="agree")
    assert complaint.open_steps() == ["fill-sheet"]


def test_nobody_signs_what_he_submitted_or_completes(complaint):
    common = {"step": "accept-complaint", "order": "before"}
    with pytest.raises(BadData):
        act(complaint, "add_signer", "sales_deputy_manager", who=["sales_deputy_manager"], **common)
    with pytest.raises(BadData):
        act(complaint, "add_signer", "sales_deputy_manager", who=["nobody"], **common)
    act(complaint, "add_signer", "sales_deputy_manager", who=["vice_gm"], **common)
    act(complaint, "sign", "vice_gm", "accept-complaint", answer="agree")
    with pytest.raises(refusals.OwnSubmission):  # entitled by rank, but he signs it
        complaint.do("accept-complaint", by="vice_gm", outcome="help", help_needed=True)


def test_who_submitted_a_sheet_is_no_signer_of_its_approval(complaint):
    accept(complaint)
    complaint.do(
        "fill-sheet", by="sales_rep", outcome="clear", customer_form_required=False,
        departments=[{"department": "quality"}],
    )  # fmt: skip
    with pytest.raises(refusals.OwnSubmission):
        act(complaint, "add_signer", "sales_deputy_manager", "approve-sheet", who=["sales_rep"], order="after")


def test_only_who_was_asked_signs(complaint):
    with pytest.raises(refusals.NotAsked):
        act(complaint, "sign", "qa_head", "accept-complaint", answer="agree")
    act(complaint, "add_signer", "sales_deputy_manager", "accept-complaint", who=["qa_head"], order="before")
    with pytest.raises(refusals.NotAskedOfYou):
        act(complaint, "sign", "eng_head", "accept-complaint", answer="agree")
    with pytest.raises(refusals.WrongPosition):
        act(complaint, "add_signer", "eng_head", "accept-complaint", who=["qa_head"], order="before")
    assert "sign" in may(complaint, "qa_head").task_verbs[task(complaint, "accept-complaint").pk]
    assert "complete" not in may(complaint, "sales_deputy_manager").task_verbs[task(complaint, "accept-complaint").pk]


def test_a_request_for_a_signature_is_taken_back(complaint):
    act(complaint, "add_signer", "sales_deputy_manager", "accept-complaint", who=["qa_head"], order="after")
    accept(complaint)
    act(complaint, "drop_signer", "sales_deputy_manager", "accept-complaint", who="qa_head")

    assert complaint.open_steps() == ["fill-sheet"]
    assert messages(complaint, "signer_dropped") == ["qa_head"]
    assert stands_as_told(complaint)


def test_signers_survive_voiding_and_reopening(complaint):
    act(complaint, "add_signer", "sales_deputy_manager", "accept-complaint", who=["qa_head"], order="before")
    for _ in range(2):
        act(complaint, "void", "sales_head", reason="mistake")
        assert inbox(complaint, "qa_head") == []
        act(complaint, "reopen", "sales_deputy_manager", reason="no mistake")

    assert inbox(complaint, "qa_head") == [(complaint.number, "sign")]
    assert complaint.open_steps() == ["accept-complaint"]
    assert stands_as_told(complaint)


# --- opinions ---------------------------------------------------------------------------------------------------------


def test_an_opinion_blocks_nothing_and_its_answer_stands_in_the_history(complaint):
    ask = {"who": ["qa_head", "eng_head"], "reason": "burrs?"}
    act(complaint, "ask_opinion", "sales_deputy_manager", "accept-complaint", **ask)
    assert inbox(complaint, "qa_head") == [(complaint.number, "advise")]
    assert "give_opinion" in may(complaint, "qa_head").task_verbs[task(complaint, "accept-complaint").pk]

    act(complaint, "give_opinion", "qa_head", "accept-complaint", reason="the tool is worn")
    act(complaint, "give_opinion", "eng_head", "accept-complaint", reason="not my field", declines=True)

    assert messages(complaint, "opinion_given") == messages(complaint, "opinion_declined") == ["sales_deputy_manager"]
    record = read(
        organization=complaint.organization, number=complaint.number, person=person(complaint, "qa_head"), now=FRIDAY
    )
    assert "the tool is worn" in [entry.reason for entry in timeline(record)]
    accept(complaint)
    with pytest.raises(refusals.DoneAlready):
        act(complaint, "give_opinion", "qa_head", "accept-complaint", reason="too late")


def test_an_unanswered_question_leaves_the_inbox_when_the_step_is_done(complaint):
    act(complaint, "ask_opinion", "sales_deputy_manager", "accept-complaint", who=["qa_head"], reason="burrs?")
    accept(complaint)

    assert inbox(complaint, "qa_head") == []
    with pytest.raises(refusals.NotAskedOfYou):
        act(complaint, "give_opinion", "qa_head", "fill-sheet", reason="x")


def test_only_the_holder_asks_for_opinions_and_with_a_question(complaint):
    with pytest.raises(refusals.WrongPosition):
        act(complaint, "ask_opinion", "eng_head", "accept-complaint", who=["qa_head"], reason="x")
    with pytest.raises(BadData):
        act(complaint, "ask_opinion", "sales_deputy_manager", "accept-complaint", who=["qa_head"])
    with pytest.raises(BadData):
        act(
            complaint,
            "ask_opinion",
            "sales_deputy_manager",
            "accept-complaint",
            who=["sales_deputy_manager"],
            reason="x",
        )


# --- withdrawing ------------------------------------------------------------------------------------------------------


def test_who_completed_by_mistake_takes_it_back_while_nobody_acted(complaint):
    before = Task.objects.get(case=complaint.case, step="accept-complaint")
    accept(complaint)
    holder = Assignment.objects.get(task__case=complaint.case, task__step="fill-sheet", is_open=True).member.key
    later = FRIDAY + timedelta(minutes=30)

    act(complaint, "withdraw", "sales_deputy_manager", "accept-complaint", now=later, reason="wrong button")

    again = task(complaint, "accept-complaint")
    assert complaint.open_steps() == ["accept-complaint"]
    assert (again.pk, again.due_at, again.draft["help_needed"]) == (before.pk, before.due_at, True)
    assert messages(complaint, "withdrawn") == [holder]
    assert inbox(complaint, holder) == []
    assert inbox(complaint, "sales_deputy_manager") == [(complaint.number, "do")]
    assert "help_needed" not in {
        k: v for k, v in Case.objects.get(number=complaint.number).data.items() if v is not None
    }
    assert stands_as_told(complaint)
    complaint.now = later
    accept(complaint)
    assert complaint.open_steps() == ["fill-sheet"]
    assert stands_as_told(complaint)


def test_of_two_rounds_at_the_same_moment_the_last_is_taken_back(complaint):
    accept(complaint)
    holder = Assignment.objects.get(task__case=complaint.case, task__step="fill-sheet", is_open=True).member.key
    act(complaint, "send_back", holder, "fill-sheet", to="accept-complaint", to_item="", reason="x")
    accept(complaint)

    verbs = may(complaint, "sales_deputy_manager").task_verbs
    assert [pk for pk, found in verbs.items() if "withdraw" in found] == [
        task(complaint, "accept-complaint", "done").pk
    ]


def test_a_withdrawn_step_is_overdue_when_its_time_came_meanwhile(complaint):
    due_at = task(complaint, "accept-complaint").due_at
    complaint.now = due_at - timedelta(minutes=1)
    accept(complaint)
    fire_due(due_at + timedelta(minutes=5))
    act(complaint, "withdraw", "sales_deputy_manager", "accept-complaint", now=due_at + timedelta(minutes=10))

    fire_due(due_at + timedelta(minutes=10))

    assert task(complaint, "accept-complaint").late_at == due_at
    assert "vice_gm" in messages(complaint, "overdue")


@pytest.mark.parametrize("acted", ["complete", "send_back", "hand_over", "ask_opinion", "add_signer"])
def test_once_the_next_has_acted_it_is_too_late(complaint, acted):
    accept(complaint)
    holder = Assignment.objects.get(task__case=complaint.case, task__step="fill-sheet", is_open=True).member.key
    given = {
        "complete": {
            "outcome": "clear",
            "values": {"customer_form_required": False, "departments": [{"department": "quality"}]},
        },
        "send_back": {"to": "accept-complaint", "to_item": "", "reason": "x"},
        "hand_over": {"to": "sales_handler"},
        "ask_opinion": {"who": ["qa_head"], "reason": "x"},
        "add_signer": {"who": ["qa_head"], "order": "before"},
    }[acted]
    act(complaint, acted, holder, "fill-sheet", **given)

    with pytest.raises((refusals.ActedSince, refusals.NothingToWithdraw)):
        act(complaint, "withdraw", "sales_deputy_manager", "accept-complaint")
    assert all("withdraw" not in verbs for verbs in may(complaint, "sales_deputy_manager").task_verbs.values())


def test_reading_and_saving_do_not_stop_a_withdrawal_but_it_is_for_the_doer_alone(complaint):
    accept(complaint)
    actions.save_draft(
        organization=complaint.organization, number=complaint.number, step="fill-sheet", by="sales_rep", now=FRIDAY,
        values={"customer_form_required": False},
    )  # fmt: skip
    assert may(complaint, "sales_deputy_manager").tasks_for("withdraw")
    with pytest.raises(refusals.NothingToWithdraw):
        act(complaint, "withdraw", "vice_gm", "accept-complaint")
    with pytest.raises(refusals.NothingToWithdraw):
        act(complaint, "withdraw", "sales_deputy_manager", "fill-sheet")

    act(complaint, "withdraw", "sales_deputy_manager", "accept-complaint")
    assert complaint.open_steps() == ["accept-complaint"]


def test_a_department_takes_back_its_part_and_the_others_keep_theirs(complaint):
    to_departments(complaint, "quality", "engineering")
    answer = {"reason": "not our part"}
    complaint.do("propose-countermeasure", "eng_head", item="engineering", outcome="object", **answer)
    open_before = complaint.open_steps()
    complaint.do("propose-countermeasure", "qa_head", item="quality", outcome="object", reason="nor ours")

    act(complaint, "withdraw", "qa_head", "propose-countermeasure", item="quality")

    assert complaint.open_steps() == open_before
    assert stands_as_told(complaint)


def test_what_was_sent_back_is_taken_back_too(complaint):
    accept(complaint)
    act(complaint, "send_back", "sales_rep", "fill-sheet", to="accept-complaint", to_item="", reason="x")
    act(complaint, "withdraw", "sales_rep", "fill-sheet")

    assert complaint.open_steps() == ["fill-sheet"]
    assert inbox(complaint, "sales_deputy_manager") == []
    assert stands_as_told(complaint)


# --- nudging and copies -----------------------------------------------------------------------------------------------


def test_a_nudge_reaches_the_holder_and_comes_again_only_after_the_packs_time(complaint):
    act(complaint, "nudge", "sales_receiver", "accept-complaint", reason="customer waits")
    assert messages(complaint, "nudged") == ["sales_deputy_manager"]

    with pytest.raises(refusals.NudgedAlready) as refused:
        act(complaint, "nudge", "sales_receiver", "accept-complaint", now=FRIDAY + timedelta(hours=1))
    assert "2024-03-18 09:00" in str(refused.value)  # Friday 14:00 and four working hours

    act(complaint, "nudge", "sales_receiver", "accept-complaint", now=at("2024-03-18 09:00"))
    assert len(messages(complaint, "nudged")) == 2


def test_only_who_takes_part_nudges_and_nobody_himself(complaint):
    with pytest.raises(refusals.TakesNoPart):
        act(complaint, "nudge", "eng_head", "accept-complaint")
    with pytest.raises(BadData):
        act(complaint, "nudge", "sales_deputy_manager", "accept-complaint")


def test_a_nudge_reaches_whose_signature_is_waited_for(complaint):
    act(complaint, "add_signer", "sales_deputy_manager", "accept-complaint", who=["qa_head"], order="after")
    accept(complaint)
    act(complaint, "nudge", "sales_deputy_manager", "accept-complaint")

    assert messages(complaint, "nudged") == ["qa_head"]


def test_who_got_a_copy_may_read_and_nothing_more(complaint):
    def read_by(key):
        return read(
            organization=complaint.organization, number=complaint.number, person=person(complaint, key), now=FRIDAY
        )

    with pytest.raises(refusals.MayNotSee):
        read_by("warehouse_keeper")
    act(complaint, "copy", "sales_receiver", to=["warehouse_keeper"], reason="for you")

    record = read_by("warehouse_keeper")
    assert (record.may.tasks, record.may.case_verbs, dict(record.may.task_verbs)) == ((), {"note"}, {})
    assert messages(complaint, "copied") == ["warehouse_keeper"]
    with pytest.raises(refusals.TakesNoPart):
        act(complaint, "copy", "warehouse_keeper", to=["finance"])


def test_whoever_reads_a_case_notes_something_and_tells_whom_he_names(complaint):
    with pytest.raises(refusals.MayNotSee):
        act(complaint, "note", "warehouse_keeper", reason="the pallet stands in row 3")
    with pytest.raises(BadData):
        act(complaint, "note", "sales_receiver", reason="   ", to=["warehouse_keeper"])
    act(complaint, "note", "sales_receiver", reason="where is it?", to=["warehouse_keeper", "sales_receiver"])
    act(complaint, "note", "warehouse_keeper", reason="the pallet stands in row 3")

    assert messages(complaint, "noted") == ["warehouse_keeper"]
    assert [event.facts["reason"] for event in Event.objects.filter(name="case.noted").order_by("pk")] == [
        "where is it?",
        "the pallet stands in row 3",
    ]
    assert complaint.open_steps() == ["accept-complaint"]
    assert stands_as_told(complaint)


def test_a_note_is_written_while_a_case_is_paused_and_when_it_is_over(complaint):
    act(complaint, "pause", "sales_deputy_manager", reason="sample on its way")
    act(complaint, "note", "sales_receiver", reason="it left on Monday")
    act(complaint, "resume", "sales_deputy_manager")
    act(complaint, "void", "sales_deputy_manager", reason="sent twice")
    act(complaint, "note", "sales_receiver", reason="the other one is CP-2")

    assert Event.objects.filter(name="case.noted").count() == 2


# --- pausing ----------------------------------------------------------------------------------------------------------


def test_while_a_case_is_paused_nothing_comes_and_nothing_moves(complaint):
    act(complaint, "pause", "sales_deputy_manager", reason="sample on its way")
    assert fire_due(at("2024-03-20 12:00")) == 0
    with pytest.raises(refusals.CasePaused):
        accept(complaint)
    with pytest.raises(refusals.PausedAlready):
        act(complaint, "pause", "sales_deputy_manager", reason="again")
    assert messages(complaint, "case_paused") == []  # only he had something to do
    assert stands_as_told(complaint)


def test_after_a_pause_every_limit_is_later_by_its_working_time(complaint):
    """One working hour from Friday 14:00; paused from 14:30 until Monday 09:00: half an hour is left."""
    assert task(complaint, "accept-complaint").due_at == at("2024-03-15 15:00")
    act(complaint, "pause", "sales_deputy_manager", now=at("2024-03-15 14:30"), reason="sample")
    assert task(complaint, "accept-complaint").due_at is None

    act(complaint, "resume", "sales_deputy_manager", now=at("2024-03-18 09:00"))

    assert task(complaint, "accept-complaint").due_at == at("2024-03-18 09:30")
    assert stands_as_told(complaint)
    fire_due(at("2024-03-18 09:29"))
    assert messages(complaint, "overdue") == []
    assert messages(complaint, "reminder") == ["sales_deputy_manager"]
    fire_due(at("2024-03-18 09:30"))
    assert "vice_gm" in messages(complaint, "overdue")


def test_why_a_limit_is_when_it_is_shows_the_pause(complaint):
    act(complaint, "pause", "sales_deputy_manager", now=at("2024-03-15 14:30"), reason="sample")
    act(complaint, "resume", "sales_deputy_manager", now=at("2024-03-18 09:00"))
    record = read(
        organization=complaint.organization, number=complaint.number, person=person(complaint, "vice_gm"),
        now=at("2024-03-18 09:00"),
    )  # fmt: skip
    counted = record.folder.limit(task(complaint, "accept-complaint"))

    assert any("sample" in line.text for line in counted.explained("en"))


def test_what_was_overdue_before_a_pause_stays_so_and_fires_no_second_time(complaint):
    fire_due(at("2024-03-15 15:00"))
    told = len(messages(complaint, "overdue"))
    act(complaint, "pause", "sales_deputy_manager", now=at("2024-03-15 15:30"), reason="sample")
    act(complaint, "resume", "sales_deputy_manager", now=at("2024-03-18 09:00"))
    fire_due(at("2024-03-18 09:00"))

    late = task(complaint, "accept-complaint")
    assert (late.due_at, late.late_at) == (at("2024-03-15 15:00"), at("2024-03-15 15:00"))
    assert len(messages(complaint, "overdue")) == told


def test_who_may_not_pause_is_told_and_a_reason_is_needed(complaint):
    with pytest.raises(refusals.WrongPosition):
        act(complaint, "pause", "sales_receiver", reason="x")
    with pytest.raises(BadData):
        act(complaint, "pause", "sales_deputy_manager")
    with pytest.raises(refusals.NotPaused):
        act(complaint, "resume", "sales_deputy_manager")


def test_a_paused_case_is_voided_and_stands_again_unpaused(complaint):
    act(complaint, "pause", "sales_deputy_manager", reason="sample")
    act(complaint, "void", "sales_head", reason="never mind")
    act(complaint, "reopen", "sales_deputy_manager", reason="do mind")

    accept(complaint)
    assert stands_as_told(complaint)
    assert Deadline.objects.filter(case=complaint.case, active=True).exists()


# --- the inbox --------------------------------------------------------------------------------------------------------


def test_counts_and_words_know_the_new_verbs(complaint):
    act(complaint, "add_signer", "sales_deputy_manager", "accept-complaint", who=["qa_head"], order="before")
    act(complaint, "ask_opinion", "sales_deputy_manager", "accept-complaint", who=["eng_head"], reason="burrs?")
    act(complaint, "nudge", "sales_receiver", "accept-complaint")
    act(complaint, "copy", "sales_receiver", to=["finance"])
    act(complaint, "pause", "sales_deputy_manager", reason="sample")
    act(complaint, "resume", "sales_deputy_manager")

    assert counts_of(person(complaint, "qa_head"))["todo"] == "1"
    record = read(
        organization=complaint.organization, number=complaint.number, person=person(complaint, "vice_gm"), now=FRIDAY
    )
    raw = [entry.sentence for entry in timeline(record) if " · " in entry.sentence and "task." in entry.sentence]
    assert raw == []
    assert all(entry.sentence and entry.icon != "info-circle" for entry in timeline(record))
    assert Words(record).language
