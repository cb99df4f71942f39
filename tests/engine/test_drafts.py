"""Step tables of three other companies, drafted to try the format: they read, and their main stories run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from kehu.engine import advance
from kehu.engine.definitions import Form, Limit, Pack, Procedure, TableLimit, TableRole
from kehu.engine.tables import Table

DRAFTS = Path(__file__).parent / "drafts"
COMPANIES = sorted(path.name for path in DRAFTS.iterdir())
PROCEDURES = sorted(path.parent for path in DRAFTS.glob("*/*/procedure.yaml"))


def read(path: Path) -> Any:
    return YAML(typ="safe").load(path)


@cache
def pack(company: str) -> Pack:
    return Pack.model_validate(read(DRAFTS / company / "pack.yaml"))


@cache
def procedure(company: str, key: str) -> Procedure:
    folder = DRAFTS / company / key
    return Procedure(**read(folder / "procedure.yaml"), form=Form.model_validate(read(folder / "form.yaml")))


@cache
def tables(company: str) -> dict[str, Table]:
    definitions = {key: table for path in (DRAFTS / company).glob("tables/*.yaml") for key, table in read(path).items()}
    return {key: Table.from_definition(key, definition) for key, definition in definitions.items()}


@dataclass
class Story:
    """A case walked by hand. `answers` stands in for the operations: their outcome and values."""

    company: str
    key: str
    answers: dict[str, Callable[[advance.Data], tuple[str, advance.Data]]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.procedure = procedure(self.company, self.key)
        self.state = advance.State()
        self.go(advance.start(self.procedure, {}, self.facts()))

    def facts(self) -> dict[str, Any]:
        settings = {key: setting.value for key, setting in pack(self.company).settings.items()}
        return {
            "now": datetime(2027, 3, 1, 10, tzinfo=UTC), "today": date(2027, 3, 1), "by": "somebody", "starter": "agent_a",
            "number": "X-1", "reason": "", "zone": UTC, "settings": {**settings, **self.settings},
        }  # fmt: skip

    def go(self, move: advance.Move) -> None:
        self.state = self.state.after(move)
        for effect in move.effects:
            if effect.opening:
                self.opened.append(effect.opening.procedure)
            elif effect.does in self.answers:
                outcome, values = self.answers[effect.does](self.state.data)
                self.do(effect.step, outcome, **values)

    def do(self, step: str, outcome: str | None = None, **values: Any) -> None:
        self.go(advance.complete(self.procedure, self.state, step, "", outcome, values, self.facts()))

    @property
    def open(self) -> list[str]:
        return sorted(token.step for token in self.state.tokens)

    def asked(self, question: TableRole | TableLimit) -> Any:
        return tables(self.company)[question.table].decide({**self.state.data, **question.inputs})[question.output]

    @property
    def decides(self) -> str:
        """Who the table says decides at the one open step."""
        role = self.procedure.steps[self.open[0]].role
        assert isinstance(role, TableRole)
        return self.asked(role)

    def limit(self, words: Limit | None) -> Any:
        return self.asked(words) if isinstance(words, TableLimit) else words


# --- they read --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("company", COMPANIES)
def test_a_drafted_company_reads(company: str) -> None:
    assert pack(company).default_ladder in pack(company).ladders
    assert [(key, problem) for key, table in tables(company).items() for problem in table.problems] == []


@pytest.mark.parametrize("folder", PROCEDURES, ids=lambda folder: folder.name)
def test_a_drafted_procedure_holds_together(folder: Path) -> None:
    drafted, company = procedure(folder.parent.name, folder.name), pack(folder.parent.name)
    targets = {drafted.first_step} | {target for step in drafted.steps.values() for target in step.targets()}
    rungs = [rung for step in drafted.steps.values() for rung in company.ladder(step)]
    besides = {key for key, step in drafted.steps.items() if step.beside}
    assert targets | besides == set(drafted.steps)
    assert {section for step in drafted.steps.values() for section in step.fills} == set(drafted.form.sections)
    assert {rung.opens for rung in rungs if rung.opens} == besides
    for step in drafted.steps.values():
        assert {rung.takes for rung in company.ladder(step) if rung.takes} <= set(step.outcomes)


def test_the_stages_add_up_to_the_closing_limit() -> None:
    for variant in ("CPL", "PCB"):
        for region in ("domestic", "overseas"):
            known = {"variant": variant, "region": region}
            stages = tables("cpl")["stage_limits"].inputs[0].choices  # type: ignore[union-attr]
            days = [tables("cpl")["stage_limits"].decide({"stage": stage, **known})["within"] for stage in stages]
            limit = tables("cpl")["closing_limits"].decide(known)["within"]
            assert sum(int(str(day).split()[0]) for day in days) == int(str(limit).split()[0])


# --- complaint-case ---------------------------------------------------------------------------------------------------


def complaint(region: str = "domestic", **settings: Any) -> Story:
    story = Story("cpl", "complaint-case", settings=settings)
    story.do("fill-case-form", "sent", region=region, abnormality="scratches")
    return story


def at_decision(amount: str, region: str = "domestic", **comprehensive: Any) -> Story:
    story = complaint(region)
    story.do("accept-case", "complete")
    story.do("analyse-quality", cause="mould worn", cause_with_customer=False)
    story.do("plan-countermeasure", countermeasures="new mould")
    story.do("give-manager-opinion", manager_opinion="agreed", needs_rd=False)
    story.do("check-case", "ok", gmo_check="consistent")
    story.do("negotiate", amount=Decimal(amount))
    story.do("review-opinion", "reviewed")
    story.do("write-comprehensive", comprehensive="allowance", **comprehensive)
    assert story.open == ["decide-case"]
    return story


@pytest.mark.parametrize(
    ("amount", "more", "approver"),
    [
        ("10000", {}, "business_manager"),
        ("10000.01", {}, "deputy_gm"),
        ("50000", {}, "deputy_gm"),
        ("50000.01", {}, "general_manager"),
        ("500", {"punishment": True}, "general_manager"),
        ("10000.01", {"region": "overseas"}, "general_manager"),
    ],
)
def test_the_amount_decides_who_decides(amount: str, more: dict[str, Any], approver: str) -> None:
    assert at_decision(amount, **more).decides == approver


def test_a_complaint_is_settled() -> None:
    story = at_decision("8000", tracked=True)
    story.do("decide-case", "approve")
    story.do("close-case")
    assert (story.open, story.opened) == (["notify-customer"], ["improvement", "penalty", "late-check"])
    story.do("notify-customer", "accepts", channel="letter", returns_goods=True)
    assert story.state.status == "settled"
    assert story.opened[3:] == ["allowance", "goods-return"]


def test_a_contradiction_goes_back_to_where_it_lies() -> None:
    story = complaint()
    story.do("accept-case", "complete")
    story.do("analyse-quality", cause="unclear", cause_with_customer=True)
    assert story.open == ["check-case"]
    story.do("check-case", "contradiction", contradiction_in="cause")
    assert story.open == ["analyse-quality"]
    story.do("analyse-quality", cause="mould", cause_with_customer=False)
    story.do("plan-countermeasure", countermeasures="new mould")
    story.do("give-manager-opinion", manager_opinion="agreed", needs_rd=True)
    story.do("give-rd-opinion", rd_opinion="harder steel")
    story.do("check-case", "contradiction", contradiction_in="countermeasure")
    assert story.open == ["plan-countermeasure"]


def test_a_refused_settlement_is_a_new_case() -> None:
    story = at_decision("8000")
    story.do("decide-case", "approve")
    story.do("close-case")
    story.do("notify-customer", "refuses", channel="telephone")
    story.do("file-new-form")
    assert (story.state.status, story.opened[-1]) == ("superseded", "complaint-case")


def test_a_complaint_that_is_not_established_collects_the_money() -> None:
    story = at_decision("0")
    story.do("decide-case", "not_established")
    story.do("close-case")
    story.do("notify-customer", "accepts", channel="letter")
    assert (story.state.status, story.opened) == ("not-established", ["collect-receivable"])


def test_only_the_other_variant_inspects_first() -> None:
    first = procedure("cpl", "complaint-case").steps["fill-case-form"]
    assert "inspect_first" not in advance.offered_outcomes(first, {"settings": {"variant": "CPL"}})
    story = Story("cpl", "complaint-case", settings={"variant": "PCB"})
    story.do("fill-case-form", "inspect_first", region="domestic")
    assert (story.open, story.opened) == (["await-inspection"], ["joint-inspection"])
    story.do("await-inspection")
    assert story.open == ["fill-case-form"]


def test_stage_limit_and_closing_limit_run_side_by_side() -> None:
    for variant, stage, closing in (("CPL", "4 days", "20 days"), ("PCB", "3 days", "17 days")):
        story = complaint("overseas", variant=variant)
        story.do("accept-case", "complete")
        due = story.procedure.steps["analyse-quality"].due
        assert due
        assert story.limit(due.within) == stage
        assert story.limit(story.procedure.clocks["closing"].within) == closing


# --- requirement-intake -----------------------------------------------------------------------------------------------

EVALUATIONS = ["evaluate-capacity", "evaluate-engineering", "evaluate-material"]


def order() -> Story:
    def decide(data: advance.Data) -> tuple[str, advance.Data]:
        return "done", tables("req")["evaluation_result"].decide(data)

    story = Story("req", "requirement-intake", {"decide": decide})
    story.do("receive-order", order_kind="note", order_text="500 pieces")
    story.do("check-clarity", "unclear", unclear_points="which colour?")
    assert (story.open, story.opened) == (["clarify-with-customer"], ["customer-contact"])
    story.do("clarify-with-customer", "clarified", answer="red", contact_person="Mr Chan")
    story.do("check-clarity", "clear")
    story.do("transcribe", quantity=Decimal(500), required_date=date(2027, 5, 1))
    assert story.open == EVALUATIONS
    return story


def evaluate(story: Story, mat_result: str, **material: Any) -> None:
    story.do("evaluate-capacity", cap_result="partly", latest_start=date(2027, 4, 10))
    story.do("evaluate-engineering", eng_result="capable")
    assert story.open == ["evaluate-material"]
    story.do("evaluate-material", mat_result=mat_result, **material)


def test_the_conclusion_waits_for_all_three_evaluations() -> None:
    story = order()
    evaluate(story, "sufficient")
    assert (story.open, story.state.data["conclusion"]) == (["conclude"], "mixed")
    story.do("conclude", "feasible")
    assert story.state.status == "feasible"
    assert story.opened == ["customer-contact", "outsourcing", "release-and-delivery-plan"]


def test_a_negotiated_change_is_evaluated_anew_by_all_three() -> None:
    story = order()
    evaluate(story, "short", available_on=date(2027, 4, 11))
    assert story.state.data["conclusion"] == "not_feasible"
    assert list(advance.offered_outcomes(story.procedure.steps["conclude"], story.state.data)) == ["negotiate"]
    story.do("conclude", "negotiate")
    assert story.open == ["negotiate"]
    story.do("negotiate", "changed")
    story.do("transcribe", quantity=Decimal(400))
    assert (story.open, story.state.round, story.state.data["eng_result"]) == (EVALUATIONS, 2, None)
    evaluate(story, "short", available_on=date(2027, 4, 10))
    assert story.open == ["conclude"]


def test_a_refused_change_declines_the_order() -> None:
    story = order()
    evaluate(story, "short")
    story.do("conclude", "negotiate")
    story.do("negotiate", "refused")
    story.do("decline-order")
    assert (story.state.status, story.opened[-1]) == ("declined", "customer-contact")


# --- so-reception, so-followup ----------------------------------------------------------------------------------------


def visit(owner: str | None = None) -> Story:
    """Agents A, B, C stand in the roster, D helps out; `owner` is the visitor's, and away."""

    def call_agent(data: advance.Data) -> tuple[str, advance.Data]:
        if owner and not data.get("owner_silent"):
            return "owner_away", {"owner": owner}
        if owner:
            return "called", {"called_agent": "agent_d", "rotation_case": "4"}
        passed = [row["agent"] for row in data.get("passed_agents") or []]
        free = next(agent for agent in ("agent_a", "agent_b", "agent_c") if agent not in passed)
        return "called", {"called_agent": free, "rotation_case": "1"}

    story = Story("office", "so-reception", {"call_agent": call_agent})
    story.do("register-arrival", received_before="no_one", source="walk_in")
    return story


def received(story: Story) -> Story:
    story.do("accept-turn", "accept")
    assert story.open == ["receive-visitor"]
    story.do("receive-visitor")
    story.do("write-record", "saved", visitor="Ms Li", unit_type="3 rooms")
    story.do("transfer-row")
    return story


def test_a_busy_agent_passes_the_turn_on() -> None:
    story = visit()
    assert (story.open, story.state.data["called_agent"]) == (["accept-turn"], "agent_a")
    story.do("accept-turn", "pass")
    assert (story.open, story.state.data["called_agent"]) == (["accept-turn"], "agent_b")
    story.do("accept-turn", "pass")
    received(story)
    assert (story.state.data["receiving_agent"], story.state.data["owner"]) == ("agent_c", "agent_c")
    story.do("confirm-ownership", "valid")
    assert (story.state.status, story.opened) == ("owned", ["so-followup"])


def test_a_silent_owner_keeps_his_customer_while_the_helper_receives() -> None:
    story = visit(owner="agent_b")
    assert story.open == ["ask-owner"]
    story.do("ask-owner", "no_answer")
    received(story)
    assert (story.state.data["receiving_agent"], story.state.data["owner"]) == ("agent_d", "agent_b")
    story.do("confirm-ownership", "duplicate")
    assert (story.state.status, story.opened) == ("conflict", ["so-conflict"])


def test_silence_is_an_answer_after_two_minutes() -> None:
    company, steps = pack("office"), procedure("office", "so-reception").steps
    assert [rung.takes for rung in company.ladder(steps["accept-turn"])] == ["pass"]
    assert company.settings["turn"].value == "2 minutes"


def followed_up(times: int) -> Story:
    story = Story("office", "so-followup")
    story.do("take-over", owner="agent_a", visited_at=datetime(2027, 1, 31, tzinfo=UTC))
    for step in ["followup-1", "followup-2", "followup-3", "followup-further"][:times]:
        assert story.open == ["expire", step]
        story.do(step, "done", talk="asked again")
    return story


def test_ownership_runs_out_beside_the_followups() -> None:
    story = followed_up(2)
    story.do("expire", "elapsed")
    assert (story.state.status, story.open, story.state.data["insufficient"]) == ("released", [], True)


def test_followups_go_on_until_a_deal() -> None:
    story = followed_up(4)
    assert (story.open, story.state.data["followup_count"]) == (["expire", "followup-further"], Decimal(4))
    story.do("followup-further", "deal", talk="signed")
    assert (story.state.status, story.opened) == ("deal", ["so-deal"])
