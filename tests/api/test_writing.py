"""A write happens once, and only to what its author saw."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from kehu.api.models import KeptAnswer
from kehu.api.writing import KEPT, forget
from kehu.cases.models import Case, Task
from kehu.core import clock
from kehu.core.models import Event
from kehu.core.scope import scope
from tests.cast import FRIDAY, Telling, mfg_pack, to_departments
from tests.cast import at as moment

from .conftest import Program
from .test_cases import FILLED

NEW = {"procedure": "customer-complaint", "customer": "C0001", "values": FILLED}


def test_the_same_key_and_body_is_done_once_and_answered_twice(program):
    mine = program("sales_receiver")
    first = mine.post("/cases", NEW, Idempotency_Key="k1")
    second = mine.post("/cases", NEW, Idempotency_Key="k1")

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert first.headers["ETag"] == second.headers["ETag"]
    assert second.headers["Idempotency-Replayed"] == "true"
    assert Case.objects.count() == 1


def test_the_same_key_with_another_body_is_refused(program):
    mine = program("sales_receiver")
    mine.post("/cases", NEW, Idempotency_Key="k1")
    answer = mine.post("/cases", {**NEW, "customer": "C0002"}, Idempotency_Key="k1")

    assert (answer.status_code, answer.json()["code"]) == (422, "api.idempotency_key_reused")
    assert Case.objects.count() == 1


def test_a_refused_write_leaves_its_key_free(program):
    mine = program("sales_receiver")
    refused = mine.post("/cases", {**NEW, "values": {**FILLED, "content": ""}}, Idempotency_Key="k1")
    done = mine.post("/cases", NEW, Idempotency_Key="k1")

    assert (refused.status_code, done.status_code) == (422, 201)


def test_keys_of_two_tokens_are_strangers(program):
    program("sales_receiver").post("/cases", NEW, Idempotency_Key="k1")
    program("sales_receiver").post("/cases", NEW, Idempotency_Key="k1")

    assert Case.objects.count() == 2


@pytest.mark.parametrize("key", ["", "a b", "k" * 201])
def test_a_key_that_is_none_is_refused(program, key):
    assert program("sales_receiver").post("/cases", NEW, Idempotency_Key=key).status_code == 422


def test_a_crash_in_between_leaves_neither_act_nor_answer(program, monkeypatch):
    mine = program("sales_receiver")
    events = Event.objects.count()

    def crash(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("kehu.api.writing._rendered", crash)
    with pytest.raises(KeyboardInterrupt):
        mine.post("/cases", NEW, Idempotency_Key="k1")

    assert (Case.objects.count(), KeptAnswer.objects.count(), Event.objects.count()) == (0, 0, events)


def test_kept_answers_are_forgotten_after_two_days(program, mfg):
    program("sales_receiver").post("/cases", NEW, Idempotency_Key="k1")
    now = clock.now(mfg)

    assert forget(mfg, now + KEPT - timedelta(minutes=5)) == 0
    assert forget(mfg, now + KEPT + timedelta(minutes=5)) == 1


# --- what was seen ----------------------------------------------------------------------------------------------------


def test_what_has_not_changed_is_not_sent_again(program, complaint):
    mine = program("sales_deputy_manager")
    etag = mine.get(f"/cases/{complaint.number}").headers["ETag"]

    assert etag.startswith(f'"{complaint.case.version}.')
    again = mine.get(f"/cases/{complaint.number}", If_None_Match=etag)
    assert (again.status_code, again.content) == (304, b"")
    mine.post(f"/cases/{complaint.number}/tasks/accept-complaint/handover", {"to": "sales_head"})
    assert mine.get(f"/cases/{complaint.number}", If_None_Match=etag).status_code == 200


def test_a_stale_write_is_refused_where_its_own_part_has_changed(program, complaint):
    seen = complaint.case.version
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    body = {"to": "accept-complaint", "reason": "again"}
    back = program("sales_rep").post(f"/cases/{complaint.number}/tasks/fill-sheet/return", body)
    assert back.status_code == 200, back.content
    body = {"outcome": "help", "values": {"help_needed": True}}
    address = f"/cases/{complaint.number}/tasks/accept-complaint/completion"

    stale = program("sales_deputy_manager").post(address, body, If_Match=f'"{seen}"')
    assert (stale.status_code, stale.json()["kind"]) == (412, "conflict")
    assert "changed the same part" in stale.json()["detail"]
    fresh = program("sales_deputy_manager").post(address, body, If_Match=back.headers["ETag"])
    assert fresh.status_code == 200, fresh.content


def test_others_parts_do_not_hinder(program, mfg):
    told = to_departments(Telling(mfg).start(), "quality", "engineering")
    seen = told.case.version
    answer = {
        "state_confirmed": "confirmed",
        "talked_by": "qa_head",
        "talked_with": "Ms Li",
        "talked_at": "2024-03-15T14:00:00+08:00",
        "planned_completion": "2024-03-20",
        "actions": [{"what": "a", "who": "qc_staff", "how": "b", "where": "c", "when_done": "2024-03-20"}],
    }
    for head, department in (("qa_head", "quality"), ("eng_head", "engineering")):
        done = program(head).post(
            f"/cases/{told.number}/tasks/propose-countermeasure/completion?item={department}",
            {"outcome": "submit", "values": {**answer, "talked_by": head}},
            If_Match=f'"{seen}"',
        )
        assert done.status_code == 200, done.content


def test_a_verb_on_the_whole_case_is_refused_where_anything_has_changed(program, complaint):
    seen = complaint.case.version
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    head = program("sales_head")

    stale = head.post(f"/cases/{complaint.number}/voiding", {"reason": "twice"}, If_Match=f'"{seen}"')
    assert (stale.status_code, stale.json()["code"]) == (412, "api.changed_since")
    nonsense = head.post(f"/cases/{complaint.number}/voiding", {"reason": "twice"}, If_Match='"x"')
    assert nonsense.status_code == 412
    anyhow = head.post(f"/cases/{complaint.number}/voiding", {"reason": "twice"}, If_Match="*")
    assert anyhow.status_code == 200


def test_who_comes_second_reads_who_was_first(program, complaint):
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    answer = program("sales_deputy_manager").post(
        f"/cases/{complaint.number}/tasks/accept-complaint/completion", {"outcome": "help"}
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "task.done_already")


# --- at once ----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")
def test_of_two_with_the_same_key_at_once_one_acts_and_both_hear_of_it():
    from kehu.cases.examples import stage

    organization = stage(mfg_pack(), moment("2024-03-01 08:00"))
    with scope(organization):
        mine = Program(organization, "sales_receiver")
    gate, answers = threading.Barrier(4), []

    def send():
        try:
            program = object.__new__(Program)
            program.organization, program.secret = organization, mine.secret
            from django.test import Client

            program.client = Client()
            gate.wait(10)
            answers.append(program.post("/cases", NEW, Idempotency_Key="k1"))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.content for answer in answers}) == 1
    with scope(organization):
        assert Case.objects.count() == 1


# --- what it costs ----------------------------------------------------------------------------------------------------


def test_a_step_through_the_api_costs_hardly_more_than_on_the_page(program, mfg, client):
    from django.test.utils import CaptureQueriesContext

    from tests.cast import sign_in

    def statements(act):
        with CaptureQueriesContext(connection) as captured:
            answer = act()
        assert answer.status_code in (200, 302), answer.content
        return [
            query["sql"]
            for query in captured.captured_queries
            if not query["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT"))
        ]

    for key in ("k1", "k2"):
        on_page, through_api = Telling(mfg).start(), Telling(mfg).start()
        mine = program("sales_deputy_manager")
        mine.get("/inbox")
        sign_in(client, mfg, "sales_deputy_manager").get("/notices/")
        page = statements(
            lambda told=on_page: client.post(
                f"/cases/{told.number}/tasks/accept-complaint/completion/",
                {"outcome": "help", "help_needed": "true", "version": told.case.version},
            )
        )
        api = statements(
            lambda told=through_api, mine=mine, key=key: mine.post(
                f"/cases/{told.number}/tasks/accept-complaint/completion",
                {"outcome": "help", "values": {"help_needed": True}},
                Idempotency_Key=key,
                If_Match=f'"{told.case.version}"',
            )
        )
    assert Task.objects.filter(step="accept-complaint", state="done").count() == 4
    assert len(api) <= len(page) + 3, "\n".join(sql[:120] for sql in api)


@pytest.mark.parametrize(
    "address",
    [
        "/cases",
        "/cases?changed_since=2024-01-01T00:00:00Z",
        "/inbox",
        "/inbox?view=started",
        "/customers",
        "/notices",
        "/registers",
        "/registers/customer-complaint/rows",
        "/procedures",
        "/members",
    ],
)
def test_a_list_costs_the_same_however_long_it_is(program, mfg, address):
    from django.test.utils import CaptureQueriesContext

    mine = program("general_manager")

    def cost():
        with CaptureQueriesContext(connection) as captured:
            assert mine.get(address).status_code == 200
        return len(captured)

    Telling(mfg).start()
    cost()
    one = cost()
    for _ in range(3):
        Telling(mfg, FRIDAY).start()
    assert cost() <= one <= 8
