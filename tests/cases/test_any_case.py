# ruff: noqa: S101
"""Whatever people do with a complaint, in whatever order: the rows say what the recorded moves say, the chain holds, every open
task is in somebody's inbox, and nothing is in one that is not open."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from kehu.cases.escalation import fire_due
from kehu.cases.models import Assignment, Case, Task
from kehu.cases.moves import replayed, state_of
from kehu.cases.verbs import perform
from kehu.core import chain
from kehu.core.models import Event, Organization
from kehu.core.refusals import Refusal
from kehu.engine.records import decoded
from tests.cast import FRIDAY, Telling, mfg_pack

PEOPLE = ["sales_receiver", "sales_deputy_manager", "sales_rep", "qa_head", "eng_head", "complaint_tracker", "vice_gm"]
STEPS = ["receive-complaint", "accept-complaint", "fill-sheet", "approve-sheet", "notify-departments"]
DEPARTMENTS = [{"department": "quality"}, {"department": "engineering"}]
HOLDERS = {
    "receive-complaint": "sales_receiver",
    "accept-complaint": "sales_deputy_manager",
    "fill-sheet": "sales_rep",
    "approve-sheet": "sales_deputy_manager",
    "notify-departments": "complaint_tracker",
}
VALUES: dict[str, dict[str, Any]] = {
    "receive-complaint": {"values": {}},
    "accept-complaint": {"outcome": "help", "values": {"help_needed": True}},
    "fill-sheet": {"outcome": "clear", "values": {"customer_form_required": False, "departments": DEPARTMENTS}},
    "approve-sheet": {"outcome": "approve", "values": {"tracker": "complaint_tracker"}},
    "notify-departments": {"values": {"notices": [{**one, "notified_at": FRIDAY} for one in DEPARTMENTS]}},
}


class AnyComplaint(RuleBasedStateMachine):
    organization: Organization

    @initialize()
    def begin(self) -> None:
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.told, self.now, self.done = Telling(self.organization).start(), FRIDAY, 0

    def teardown(self) -> None:
        if hasattr(self, "transaction"):
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)

    def act(self, verb: str, by: str, step: str = "", **given: Any) -> None:
        try:
            with transaction.atomic():
                perform(
                    verb, organization=self.organization, number=self.told.number, by=by, now=self.now, step=step,
                    given=given,
                )  # fmt: skip
            self.done += 1
        except Refusal:
            pass

    def open_step(self, data: Any) -> str:
        open_steps = [task.step for task in Task.objects.filter(case=self.told.case, state="open", item="")]
        return str(data.draw(st.sampled_from([step for step in open_steps if step in STEPS] or STEPS)))

    @rule(minutes=st.sampled_from([10, 70, 60 * 24]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        fire_due(self.now, organization=self.organization)

    @rule(data=st.data())
    def complete(self, data: Any) -> None:
        step = self.open_step(data)
        self.act("complete", HOLDERS[step], step, **VALUES[step])

    @rule(data=st.data())
    def send_back(self, data: Any) -> None:
        step = self.open_step(data)
        self.act("send_back", HOLDERS[step], step, to=data.draw(st.sampled_from(STEPS)), reason="again")

    @rule(step=st.sampled_from(STEPS))
    def withdraw(self, step: str) -> None:
        self.act("withdraw", HOLDERS[step], step)

    @rule(data=st.data(), to=st.sampled_from(PEOPLE))
    def hand_over(self, data: Any, to: str) -> None:
        step = self.open_step(data)
        self.act("hand_over", HOLDERS[step], step, to=to)

    @rule(data=st.data(), who=st.sampled_from(PEOPLE), order=st.sampled_from(["before", "after"]))
    def add_signer(self, data: Any, who: str, order: str) -> None:
        step = self.open_step(data)
        self.act("add_signer", HOLDERS[step], step, who=[who], order=order)

    @rule(data=st.data(), answer=st.sampled_from(["agree", "refuse"]))
    def sign(self, data: Any, answer: str) -> None:
        asked = Assignment.objects.filter(task__case=self.told.case, part="sign", is_open=True).select_related()
        for one in asked:
            self.act("sign", one.member.key, one.task.step, answer=answer, reason="so")

    @rule(data=st.data(), who=st.sampled_from(PEOPLE))
    def ask_opinion(self, data: Any, who: str) -> None:
        step = self.open_step(data)
        self.act("ask_opinion", HOLDERS[step], step, who=[who], reason="what do you think")
        self.act("give_opinion", who, step, reason="nothing")

    @rule(verb=st.sampled_from(["pause", "resume", "resume", "void", "reopen", "reopen"]))
    def case(self, verb: str) -> None:
        self.act(verb, "sales_deputy_manager", reason="so")

    @invariant()
    def the_moves_tell_what_the_rows_say(self) -> None:
        case = Case.objects.get(number=self.told.number)
        procedure, tasks = mfg_pack().procedures[case.procedure.key], list(case.tasks.order_by("id"))
        events = list(Event.objects.filter(stream=f"case:{case.pk}").order_by("sequence"))
        heard = replayed(procedure, [event.facts["move"] for event in events if "move" in event.facts])
        stood = state_of(case, procedure, tasks)
        assert set(heard.tokens) == set(stood.tokens)
        assert set(heard.halted) == set(stood.halted)
        assert heard.data == stood.data == decoded(procedure.form, case.data)
        assert (heard.status, heard.round, dict(heard.done)) == (stood.status, stood.round, dict(stood.done))
        assert (heard.paused, heard.arrived) == (stood.paused, stood.arrived)
        assert chain.first_broken(events, case.chain_head) is None

    @invariant()
    def every_open_task_is_somebodys_and_no_other(self) -> None:
        rows = list(Assignment.objects.filter(task__case=self.told.case, is_open=True).select_related("task"))
        assert all(row.task.is_open for row in rows)
        for task in Task.objects.filter(case=self.told.case, state="open", kind="task"):
            parts = {row.part for row in rows if row.task_id == task.pk}
            asked = {signer["who"] for signer in task.signers if not signer["agreed"]}
            assert ("do" in parts) is not bool(task.held), (task, parts)
            assert not task.held or "sign" in parts or not asked


def test_whatever_is_done_with_a_complaint_its_rows_and_its_history_agree(mfg):
    AnyComplaint.organization = mfg
    chosen = settings(max_examples=8, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(AnyComplaint, settings=chosen)
