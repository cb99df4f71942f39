"""A step costs a fixed, small number of statements, whatever the case's history and however many cases there are."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kehu.cases import actions, escalation
from kehu.cases.escalation import fire_due
from kehu.cases.models import Case, Deadline
from kehu.cases.verbs import VERBS, perform
from kehu.core.models import Event
from kehu.core.scope import scope
from tests.cast import FRIDAY, Telling, at, to_departments

LIMIT = 13
KEPT = 7
"""Statements that read what a process keeps until somebody changes it, and on PostgreSQL one that says whose rows these are."""
FIRING = 15
ANSWER = {
    "state_confirmed": "confirmed",
    "talked_by": "qa_head",
    "talked_with": "Ms Li",
    "talked_at": FRIDAY,
    "planned_completion": "2024-03-20",
    "actions": [{"what": "sort", "who": "qc_staff", "how": "by gauge", "where": "line 2", "when_done": "2024-03-20"}],
}


class Counting(Telling):
    """Tells a story and remembers what each step cost; BEGIN and COMMIT are no statements of ours."""

    def __init__(self, organization, now=FRIDAY):
        super().__init__(organization, now)
        self.costs = {}

    def start(self, *args, **values):
        with CaptureQueriesContext(connection) as captured:
            super().start(*args, **values)
        self.costs["start"] = _statements(captured)
        return self

    def do(self, step, *args, **values):
        with CaptureQueriesContext(connection) as captured:
            super().do(step, *args, **values)
        self.costs[step] = max(_statements(captured), self.costs.get(step, []), key=len)
        return self


def _statements(captured):
    return [
        query["sql"]
        for query in captured.captured_queries
        if not query["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT"))
    ]


def a_whole_round(told, departments):
    for department in departments:
        head, manager = {"quality": ("qa_head", "quality_manager"), "engineering": ("eng_head", "engineering_manager")}[
            department
        ]
        told.do("propose-countermeasure", head, item=department, outcome="submit", **ANSWER)
        told.do("approve-countermeasure", manager, item=department, outcome="approve")
    told.do("distribute-copy", "complaint_tracker")
    told.do("reply-customer", "sales_handler", reply_channel="email", reply_to="Ms Li", reply_text="sorted")
    told.do(
        "track-actions", "complaint_tracker", tracking=[{"action": "sort", "actual": "2024-03-15", "state": "done"}]
    )


def test_every_step_of_a_complaint_stays_under_the_limit(mfg):
    told = Counting(mfg).start()
    to_departments(told, "quality", "engineering")
    a_whole_round(told, ["quality", "engineering"])
    told.do("confirm-customer", "complaint_tracker", outcome="not_ok", customer_opinion="not_met", effect_reached=False)
    told.do(
        "notify-departments",
        "complaint_tracker",
        notices=[{"department": d, "notified_at": FRIDAY} for d in ("quality", "engineering")],
    )
    a_whole_round(told, ["quality", "engineering"])
    told.do("confirm-customer", "complaint_tracker", outcome="ok", customer_opinion="met", effect_reached=True)
    told.do("record-result", "complaint_tracker", result="accepted")
    told.do("close-complaint", "sales_deputy_manager", outcome="approve")
    told.do("file-complaint", "sales_deputy_manager")

    assert Case.objects.get(number=told.number).status == "closed"
    cold = told.costs.pop("start")  # nothing is kept yet: people, calendars and procedures are read
    told.costs["start"] = Counting(mfg).start().costs["start"]
    dear = {
        step: "\n".join(sql[:110] for sql in statements)
        for step, statements in told.costs.items()
        if len(statements) > LIMIT
    }
    assert len(cold) <= len(told.costs["start"]) + KEPT
    assert not dear, "\n\n".join(f"{step}:\n{sql}" for step, sql in dear.items())


def test_history_does_not_make_a_step_dearer(mfg):
    def cost_of_accepting(told):
        with CaptureQueriesContext(connection) as captured:
            told.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
        return len(_statements(captured))

    young = Telling(mfg).start()
    old = Telling(mfg).start()
    for _ in range(12):
        actions.send_back(
            organization=mfg,
            number=old.number,
            step="accept-complaint",
            to="receive-complaint",
            reason="again",
            by="sales_deputy_manager",
            now=FRIDAY,
        )
        old.do("receive-complaint", by="sales_receiver")

    assert cost_of_accepting(old) == cost_of_accepting(young)


@pytest.mark.parametrize("verb", ["send_back", "hand_over", "void"])
def test_other_verbs_stay_under_the_limit(complaint, verb):
    common = {"organization": complaint.organization, "number": complaint.number, "now": FRIDAY, "reason": "because"}
    acts = {
        "send_back": lambda: actions.send_back(
            **common, by="sales_deputy_manager", step="accept-complaint", to="receive-complaint"
        ),
        "hand_over": lambda: actions.hand_over(
            **common, by="sales_deputy_manager", step="accept-complaint", to="vice_gm"
        ),
        "void": lambda: actions.void(**common, by="sales_head"),
    }
    with CaptureQueriesContext(connection) as captured:
        acts[verb]()

    assert len(_statements(captured)) <= LIMIT


ONE_AFTER_ANOTHER = [
    ("add_signer", "sales_deputy_manager", {"who": ["qa_head", "eng_head", "vice_gm"], "order": "after"}),
    ("ask_opinion", "sales_deputy_manager", {"who": ["finance", "qc_staff", "eng_head"], "reason": "burrs?"}),
    ("give_opinion", "finance", {"reason": "no"}),
    ("nudge", "sales_receiver", {}),
    ("copy", "sales_receiver", {"to": ["finance", "qc_staff"]}),
    ("note", "finance", {"reason": "asked at the customer's", "to": ["qc_staff"]}),
    ("pause", "sales_deputy_manager", {"reason": "sample"}),
    ("resume", "sales_deputy_manager", {}),
    ("complete", "sales_deputy_manager", {"outcome": "help", "values": {"help_needed": True}}),
    ("sign", "qa_head", {"answer": "agree"}),
    ("drop_signer", "sales_deputy_manager", {"who": "eng_head"}),
    ("sign", "vice_gm", {"answer": "refuse", "reason": "look again"}),
    ("drop_signer", "sales_deputy_manager", {"who": "qa_head"}),
    ("drop_signer", "sales_deputy_manager", {"who": "vice_gm"}),
    ("complete", "sales_deputy_manager", {"outcome": "help", "values": {"help_needed": True}}),
    ("withdraw", "sales_deputy_manager", {}),
]


def test_every_added_verb_stays_under_the_limit(complaint):
    dear = {}
    for verb, by, given in ONE_AFTER_ANOTHER:
        subject = {"step": "accept-complaint"} if VERBS[verb].subject == "task" else {}
        with CaptureQueriesContext(connection) as captured:
            perform(
                verb, organization=complaint.organization, number=complaint.number, by=by, now=FRIDAY, given=given,
                **subject,
            )  # fmt: skip
        if len(_statements(captured)) > LIMIT:
            dear[verb] = "\n".join(sql[:110] for sql in _statements(captured))

    assert not dear, dear
    assert complaint.open_steps() == ["accept-complaint"]


def test_a_pause_costs_the_same_however_many_departments_are_at_work(mfg):
    def cost_of_pausing(*departments):
        told = Telling(mfg).start()
        to_departments(told, *departments)
        with CaptureQueriesContext(connection) as captured:
            for verb in ("pause", "resume"):
                perform(
                    verb,
                    organization=mfg,
                    number=told.number,
                    by="sales_deputy_manager",
                    now=FRIDAY,
                    given={"reason": "sample"},
                )
        return len(_statements(captured))

    assert cost_of_pausing("quality", "engineering", "materials") == cost_of_pausing("quality", "engineering")


def test_firing_an_instant_stays_under_the_limit(complaint):
    with CaptureQueriesContext(connection) as captured:
        fired = fire_due(at("2024-03-15 15:00"))

    assert fired == 2  # the reminder and the due time
    assert len(_statements(captured)) <= fired * FIRING


def test_what_is_kept_for_one_company_answers_for_the_other(mfg, stranger):
    """The SQL of the hot path is built once; whose rows it gives is asked each time."""
    ours = Telling(mfg).start()
    with scope(stranger):
        theirs = Telling(stranger).start()
        assert theirs.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True).case.pk
    ours.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)

    assert ours.number == theirs.number
    assert ours.case.pk != theirs.case.pk


def test_many_instants_are_fired_together(mfg):
    """A hundred cases cost hardly more statements than one; each instant comes once."""
    for _ in range(6):
        Telling(mfg).start()
    with CaptureQueriesContext(connection) as captured:
        fired = fire_due(at("2024-03-15 15:00"))

    assert fired == 12
    assert len(_statements(captured)) <= 3 * FIRING
    assert fire_due(at("2024-03-15 15:00")) == 0
    assert Event.objects.filter(name="task.overdue").count() == 6


def test_one_instant_that_fails_stops_no_other_of_its_hundred(mfg, monkeypatch):
    numbers = [Telling(mfg).start().number for _ in range(3)]
    climb = escalation._climb

    def failing(folder, *rest):
        if folder.case.number == numbers[1]:
            raise ValueError("a mistake in the pack")
        climb(folder, *rest)

    monkeypatch.setattr(escalation, "_climb", failing)
    fire_due(at("2024-03-15 15:00"))

    told = Event.objects.filter(name="task.overdue").values_list("stream", flat=True)
    assert sorted(told) == sorted(f"case:{Case.objects.get(number=number).pk}" for number in (numbers[0], numbers[2]))
    assert set(Deadline.objects.filter(error__gt="").values_list("case__number", flat=True)) == {numbers[1]}
