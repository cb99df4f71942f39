"""A register's rows for programs."""

from __future__ import annotations

import pytest


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


@pytest.mark.parametrize("day", ["0", "1710460800", "-5.96e-08", "15.3.2024", "2024-02-30"])
@pytest.mark.parametrize("address", ["/indicators/customer-complaint", "/ledgers/orders"])
def test_a_day_is_written_as_one(program, complaint, address, day):
    refused = program("general_manager").get(f"{address}?since={day}")
    assert refused.status_code == 422
    assert "2024-03-15T14:00" in refused.content.decode()


def test_a_moment_is_written_as_one(program, complaint):
    mine = program("general_manager")
    assert mine.get("/cases?changed_since=1710460800").status_code == 422
    assert mine.get("/cases?changed_since=2024-03-15T14:00:00%2B08:00").status_code == 200
