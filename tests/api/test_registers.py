"""A register's rows for programs."""

from __future__ import annotations


def test_a_program_asks_for_the_columns_it_needs(program, complaint):
    mine = program("sales_deputy_manager")
    [row] = mine.get("/registers/customer-complaint/rows?columns=product,channel").json()["rows"]
    assert list(row["values"]) == list(row["texts"]) == ["number", "channel", "product"]
    [row] = mine.get("/registers/customer-complaint/rows").json()["rows"]
    assert len(row["values"]) > 10
    assert mine.get("/registers/customer-complaint/rows?columns=product,nonsense").status_code == 422


def test_drafts_are_a_view_of_the_inbox(program, complaint):
    mine = program("sales_deputy_manager")
    assert mine.get("/inbox?view=drafts").json()["lines"] == []
    task = f"/cases/{complaint.number}/tasks/accept-complaint"
    assert mine.post(f"{task}/draft", {"values": {"help_needed": True}}, Idempotency_Key="d1").status_code == 200
    assert [line["number"] for line in mine.get("/inbox?view=drafts").json()["lines"]] == [complaint.number]
