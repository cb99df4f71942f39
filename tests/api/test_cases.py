"""A case through the API: started, read, done, told."""

import pytest

from kehu.cases import actions
from kehu.cases.models import Case
from tests.cast import FRIDAY, Telling, to_departments

FILLED = {
    "received_at": "2024-03-15T14:00:00+08:00",
    "channel": "email",
    "product": "BR-120",
    "kind": "quality",
    "content": "毛刺超差",
}


def test_a_complaint_is_started_and_accepted(program, mfg):
    started = program("sales_receiver").post(
        "/cases", {"procedure": "customer-complaint", "customer": "C0001", "values": FILLED}
    )
    assert started.status_code == 201, started.content
    assert started.headers["Location"] == started.json()["url"]
    number = started.json()["number"]
    assert [task["step"] for task in started.json()["open"]] == ["accept-complaint"]

    answer = program("sales_deputy_manager").post(
        f"/cases/{number}/tasks/accept-complaint/completion", {"outcome": "help", "values": {"help_needed": True}}
    )
    assert answer.status_code == 200, answer.content
    assert [task["step"] for task in answer.json()["open"]] == ["fill-sheet"]
    assert Case.objects.get(number=number).version == answer.json()["version"]


def test_a_case_says_what_each_of_its_tasks_fills_and_who_may(program, complaint):
    case = program("sales_deputy_manager").get(f"/cases/{complaint.number}").json()

    (task,) = case["tasks"]
    assert (task["step"], task["is_mine"]) == ("accept-complaint", True)
    assert task["form"]["schema"]["properties"]["help_needed"]["type"] == ["boolean", "null"]
    assert {offer["name"] for offer in task["may"]} >= {"complete", "hand_over", "save_draft"}
    assert {outcome["key"] for outcome in task["form"]["outcomes"]} >= {"alone", "help"}
    assert task["holders"]
    assert case["data"]["content"] == "毛刺超差"


def test_what_may_be_done_stands_with_the_address_where_it_is_done(program, complaint):
    mine = program("sales_deputy_manager")
    (task,) = mine.get(f"/cases/{complaint.number}").json()["tasks"]
    offer = next(one for one in task["may"] if one["name"] == "hand_over")

    answer = mine.post(offer["url"].removeprefix("/api/v1"), {"to": "sales_head"})

    assert answer.status_code == 200, answer.content


def test_a_task_for_one_of_several_rows_is_named_by_its_row(program, mfg):
    told = to_departments(Telling(mfg).start(), "quality", "engineering")
    task = program("qa_head").get(f"/cases/{told.number}/tasks/propose-countermeasure?item=quality")

    assert task.status_code == 200
    assert task.json()["item"] == "quality"
    assert program("qa_head").get(f"/cases/{told.number}/tasks/propose-countermeasure").status_code == 404
    refused = program("qa_head").post(
        f"/cases/{told.number}/tasks/propose-countermeasure/completion?item=engineering", {"outcome": "submit"}
    )
    assert (refused.status_code, refused.json()["kind"]) == (403, "position")


def test_a_draft_is_kept(program, complaint):
    mine = program("sales_deputy_manager")
    answer = mine.post(f"/cases/{complaint.number}/tasks/accept-complaint/draft", {"values": {"help_needed": True}})

    assert answer.status_code == 200, answer.content
    (task,) = mine.get(f"/cases/{complaint.number}").json()["tasks"]
    assert task["draft"] == {"help_needed": True}


def test_history_is_told_in_words_and_in_portions(program, mfg):
    told = to_departments(Telling(mfg).start(), "quality")
    mine = program("sales_deputy_manager")
    first = mine.get(f"/cases/{told.number}/history?limit=2").json()
    second = mine.get(f"/cases/{told.number}/history?limit=50&cursor={first['next']}").json()

    sequences = [event["sequence"] for event in first["events"] + second["events"]]
    assert sequences == sorted(sequences, reverse=True)
    assert sequences[-1] == 1
    assert second["next"] is None
    assert all(event["sentence"] for event in first["events"])


def test_rows_that_are_added_meanwhile_neither_repeat_nor_hide_any(program, mfg):
    for _ in range(5):
        Telling(mfg).start()
    mine = program("sales_deputy_manager")
    first = mine.get("/cases?limit=2").json()
    Telling(mfg).start()
    rest = mine.get(f"/cases?limit=200&cursor={first['next']}").json()

    numbers = [case["number"] for case in first["cases"] + rest["cases"]]
    assert len(numbers) == len(set(numbers)) == 5


def test_who_keeps_a_copy_reads_on_from_the_last_change(program, mfg):
    cases = [Telling(mfg).start() for _ in range(3)]
    mine = program("sales_deputy_manager")
    since = "changed_since=2024-03-01T00:00:00Z"
    first = mine.get(f"/cases?{since}&limit=1").json()
    cases[0].do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    rest = mine.get(f"/cases?{since}&limit=10&cursor={first['next']}").json()

    assert {case["number"] for case in first["cases"] + rest["cases"]} == {told.number for told in cases}


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ("procedure=customer-complaint", 2),
        ("procedure=no-such", 0),
        ("status=open", 1),
        ("status=voided", 1),
        ("status=closed", 0),
        ("customer=C0001", 2),
        ("customer=C0002", 0),
        ("q=C0001", 2),
        ("opened_since=2024-03-16T00:00:00%2B08:00", 0),
    ],
)
def test_cases_are_filtered(program, mfg, asked, count):
    Telling(mfg).start()
    void = Telling(mfg).start()
    actions.void(organization=mfg, number=void.number, reason="twice", by="sales_head", now=FRIDAY)

    assert len(program("sales_head").get(f"/cases?{asked}").json()["cases"]) == count


def test_who_has_nothing_to_do_with_a_case_learns_nothing_of_it(program, complaint):
    outsider = program("finance")

    assert outsider.get("/cases").json()["cases"] == []
    for answer in (
        outsider.get(f"/cases/{complaint.number}"),
        outsider.get(f"/cases/{complaint.number}/history"),
        outsider.get(f"/cases/{complaint.number}/attachments"),
        outsider.get(f"/cases/{complaint.number}/tasks/accept-complaint"),
        outsider.post(f"/cases/{complaint.number}/tasks/fill-sheet/completion", {}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "case.may_not_see")
        assert "毛刺超差" not in answer.content.decode()


def test_another_company_s_program_finds_nothing(mfg, complaint, stranger):
    from .conftest import Program

    theirs = Program(stranger, "general_manager")

    assert theirs.get("/cases").json()["cases"] == []
    for answer in (
        theirs.get(f"/cases/{complaint.number}"),
        theirs.post(f"/cases/{complaint.number}/voiding", {"reason": "x"}),
        theirs.post(f"/cases/{complaint.number}/tasks/accept-complaint/completion", {"outcome": "help"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "case.not_found")


def test_a_refusal_says_what_the_page_says(program, complaint):
    answer = program("sales_deputy_manager").post(
        f"/cases/{complaint.number}/tasks/accept-complaint/completion",
        {"outcome": "help", "values": {"help_needed": "perhaps", "content": "x"}},
    )

    told = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.status_code, told["status"], told["kind"]) == (422, 422, "data")
    assert {finding["field"]: finding["message"] for finding in told["findings"]}["help_needed"].endswith(
        "Choose yes or no."
    )


def test_it_speaks_chinese_and_english(program, complaint):
    mine = program("finance")

    assert "You take no part" in mine.get(f"/cases/{complaint.number}").json()["detail"]
    chinese = mine.get(f"/cases/{complaint.number}", Accept_Language="zh-CN,zh;q=0.9,en;q=0.5")
    assert complaint.number in chinese.json()["detail"]
    assert "You take" not in chinese.json()["detail"]
    assert chinese.headers["Content-Language"] == "zh-Hans"


def test_a_procedure_says_what_its_first_step_asks_for(program, mfg):
    found = program("sales_receiver").get("/procedures/customer-complaint?customer=C0001").json()

    assert found["may_start"] is True
    assert set(found["form"]["schema"]["properties"]) >= set(FILLED)
    assert "content" in found["form"]["outcomes"][0]["required"]
    assert program("finance").get("/procedures/customer-complaint").json()["form"] is None
    startable = program("finance").get("/procedures?startable=true").json()["procedures"]
    assert "customer-complaint" not in [one["key"] for one in startable]
