# ruff: noqa: S101
"""Whoever is away, stands in or leaves, in whatever order: nobody approves what he submitted, no task lies with people who have
left, no chain of deputies is longer than allowed or comes back to itself, and what a deputy does names both."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from kehu.cases.folder import principal_of
from kehu.cases.handing_on import hand_on
from kehu.cases.models import Assignment, Task
from kehu.core.models import Event, Organization
from kehu.core.refusals import Refusal
from kehu.organizations import absences, deputies, members
from kehu.organizations.models import DeputyRule
from kehu.organizations.queries import directory, local_now
from kehu.organizations.standing_in import LINKS
from tests.cast import FRIDAY, Telling

PEOPLE = ["sales_deputy_manager", "sales_head", "sales_rep", "qa_head", "vice_gm"]
VALUES: dict[str, dict[str, Any]] = {
    "accept-complaint": {"outcome": "help", "help_needed": True},
    "fill-sheet": {"outcome": "clear", "customer_form_required": False, "departments": [{"department": "quality"}]},
    "approve-sheet": {"outcome": "approve", "tracker": "complaint_tracker"},
}
somebody = st.sampled_from(PEOPLE)


class AnyDirectory(RuleBasedStateMachine):
    organization: Organization

    @initialize()
    def begin(self) -> None:
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.now, self.left = FRIDAY, 0
        self.told = Telling(self.organization, self.now).start()

    def teardown(self) -> None:
        if hasattr(self, "transaction"):
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)
            directory.__globals__["_directory"].cache_clear()  # versions of what was rolled back come again
            hand_on.__globals__["_looked"].clear()

    def attempt(self, act: Any, **given: Any) -> None:
        try:
            with transaction.atomic():
                act(organization=self.organization, now=self.now, **given)
        except Refusal:
            return

    @property
    def today(self) -> Any:
        return local_now(self.organization, self.now).date()

    @rule(who=somebody, deputy=somebody, days=st.integers(0, 3), accepted=st.booleans())
    def goes_away(self, who: str, deputy: str, days: int, accepted: bool) -> None:
        last = self.today + timedelta(days=days)
        self.attempt(absences.enter, member=who, first_day=self.today, last_day=last, deputy=deputy, by="")
        newest = DeputyRule.objects.order_by("-number").first()
        if accepted and newest:
            self.attempt(deputies.accept, number=newest.number, by=newest.deputy.key)

    @rule(who=st.sampled_from(PEOPLE[:3]), successor=st.sampled_from(["", *PEOPLE]))
    def leaves(self, who: str, successor: str) -> None:
        if self.left < 2:
            self.left += 1
            self.attempt(members.leave, member=who, last_day=self.today, successor=successor, by="")

    @rule(days=st.integers(1, 3))
    def days_pass(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule(who=somebody)
    def somebody_tries(self, who: str) -> None:
        self.told.now = self.now
        for task in Task.objects.filter(case=self.told.case, state="open", step__in=VALUES):
            given = VALUES[task.step]
            try:
                with transaction.atomic():
                    self.told.do(task.step, by=who, **given)
            except Refusal:
                continue

    @invariant()
    def all_holds_once_things_were_handed_on(self) -> None:
        hand_on(self.organization, self.now)
        people = directory(self.organization, self.today)
        for found in people.stand_ins.values():
            for one in found:
                assert len(one.rules) <= LINKS
                assert len({one.principal, *one.via, one.deputy}) == len(one.via) + 2
                assert one.deputy not in people.absent
        for task in Task.objects.filter(case=self.told.case, state="open", kind="task", held=""):
            rows = Assignment.objects.filter(task=task, part="do", is_open=True).values_list("member__key", flat=True)
            assert set(rows) & set(people.people), f"{task} lies with {list(rows)}"

    @invariant()
    def nobody_approved_his_own(self) -> None:
        done = {task.step: task for task in Task.objects.filter(case=self.told.case, state="done").order_by("pk")}
        filled, approved = done.get("fill-sheet"), done.get("approve-sheet")
        if filled and approved:
            doers = [{people, *principal_of(task)} for task in (filled, approved) if (people := task.done_by.key)]
            assert not doers[0] & doers[1]

    @invariant()
    def what_a_deputy_did_names_both(self) -> None:
        for task in Task.objects.filter(case=self.told.case, state="done").exclude(acting={}):
            assert task.acting["for"] != task.done_by.key
            name = Event.objects.filter(
                stream=f"case:{self.told.case.pk}", name="task.completed", facts__step=task.step
            )  # type: ignore[union-attr]
            event = name.latest("pk")
            assert (event.by, event.facts["for"], event.facts["rules"]) == (
                task.done_by.key, task.acting["for"], task.acting["rules"],
            )  # fmt: skip


def test_whoever_is_away_stands_in_or_leaves_the_rules_of_deciding_hold(mfg: Organization) -> None:
    AnyDirectory.organization = mfg
    chosen = settings(max_examples=8, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(AnyDirectory, settings=chosen)
