"""Several at once, on a database that lets them: one winner and one clear answer, numbers without gaps, no instant fired twice."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Barrier

import pytest
from django.db import connection, connections

from kehu.cases import refusals
from kehu.cases.escalation import fire_due
from kehu.cases.examples import stage
from kehu.cases.models import Case, Task
from kehu.cases.verbs import perform
from kehu.core.models import Message
from kehu.core.refusals import Refusal
from kehu.core.scope import scope
from tests.cast import Telling, at, mfg_pack

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite's test database is one connection's; PostgreSQL shows it"
    ),
]


@pytest.fixture
def mfg():
    organization = stage(mfg_pack(), at("2024-03-01 08:00"))
    with scope(organization):
        yield organization


def at_once(*acts):
    """Runs all acts at the same moment; gives what each returned, or the refusal it met."""
    barrier = Barrier(len(acts))

    def run(act):
        barrier.wait()
        try:
            return act()
        except Refusal as refusal:
            return refusal
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result() for future in [pool.submit(copy_context().run, run, act) for act in acts]]


def test_of_two_who_decide_at_once_one_wins_and_the_other_is_told_who(mfg):
    complaint = Telling(mfg).start()

    def accept(by):
        told = Telling(mfg)
        told.case = complaint.case
        return told.do("accept-complaint", by=by, outcome="help", help_needed=True)

    answers = at_once(lambda: accept("sales_deputy_manager"), lambda: accept("vice_gm"))

    refused = [answer for answer in answers if isinstance(answer, Refusal)]
    assert len(refused) == 1
    assert isinstance(refused[0], refusals.DoneAlready)
    assert Task.objects.filter(case=complaint.case, step="fill-sheet").count() == 1


def test_a_withdrawal_and_the_next_step_at_once_have_one_winner(mfg):
    for _ in range(5):
        complaint = Telling(mfg).start()
        complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
        common = {"organization": mfg, "number": complaint.number, "now": complaint.now}

        def withdraw(common=common):
            return perform("withdraw", **common, by="sales_deputy_manager", step="accept-complaint", given={})

        def complete(common=common):
            departments = [{"department": "quality"}]
            values = {"customer_form_required": False, "departments": departments}
            given = {"outcome": "clear", "values": values}
            return perform("complete", **common, by="sales_rep", step="fill-sheet", given=given)

        answers = at_once(withdraw, complete)

        refused = [answer for answer in answers if isinstance(answer, Refusal)]
        assert len(refused) == 1
        assert isinstance(refused[0], refusals.ActedSince | refusals.NotOpen)
        assert complaint.open_steps() == (["approve-sheet"] if refused[0] is answers[0] else ["accept-complaint"])


def test_numbers_given_at_once_have_no_gaps_and_no_doubles(mfg):
    answers = at_once(*[lambda: Telling(mfg).start() for _ in range(8)])

    assert all(isinstance(answer, Telling) for answer in answers)
    assert sorted(Case.objects.values_list("number", flat=True)) == [f"CP-202403-{n:03}" for n in range(1, 9)]


def test_workers_at_once_fire_every_instant_once(mfg):
    for _ in range(5):
        Telling(mfg).start()
    Message.objects.all().delete()

    fired = at_once(*[lambda: fire_due(at("2024-03-15 15:00"))] * 4)

    assert sum(fired) == 10  # a reminder and a due time for each of five
    assert Message.objects.filter(kind="overdue", recipient="vice_gm").count() == 5
