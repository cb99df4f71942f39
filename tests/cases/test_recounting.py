"""Many cases are counted again by a worker, batch by batch; the page that asked for it waits for none of them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from kehu.cases import recounting
from kehu.cases.folder import Folder
from kehu.cases.models import Recount, Task
from kehu.core import clock
from kehu.core.models import Event, Organization
from kehu.organizations.models import WorkingWeek
from tests.cast import FRIDAY, Telling, at, sign_in


@pytest.fixture
def provisional(mfg: Organization, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Seven complaints whose first limit is provisional; three of them make a batch."""
    monkeypatch.setattr(recounting, "BATCH", 3)
    numbers = [Telling(mfg).start().number for _ in range(7)]
    Task.objects.filter(step="accept-complaint").update(due_is_provisional=True, due_at=at("2024-03-20 09:00"))
    return numbers


def counted() -> int:
    return Event.objects.filter(name="case.recounted").count()


def test_all_are_counted_batch_by_batch_and_it_is_said_how_far_it_is(mfg: Organization, provisional: list[str]) -> None:
    assert recounting.ask(organization=mfg, now=FRIDAY) == 7
    told: list[tuple[int, int]] = []
    done = recounting.recount(mfg, FRIDAY, told=lambda count: told.append((count, Recount.objects.latest("pk").done)))

    assert done == 7
    assert told == [(3, 3), (6, 6), (7, 7)]
    assert counted() == 7
    assert set(Task.objects.filter(step="accept-complaint").values_list("due_at", "due_is_provisional")) == {
        (at("2024-03-15 15:00"), False)
    }
    assert recounting.unfinished() is None
    assert recounting.recount(mfg, FRIDAY) == 0


def test_a_batch_costs_one_statement_more_for_each_of_its_cases(
    mfg: Organization, provisional: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = []
    for size in (2, 5):
        monkeypatch.setattr(recounting, "BATCH", size)
        recounting.ask(organization=mfg, now=FRIDAY)
        with CaptureQueriesContext(connection) as captured:
            recounting._next_batch(mfg, FRIDAY)
        costs.append(len(captured))
    assert costs[1] - costs[0] <= 3  # which of its instants were fired before


def test_what_breaks_off_goes_on_where_it_was(
    mfg: Organization, provisional: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recounting.ask(organization=mfg, now=FRIDAY)

    def crash(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recounting.recount(mfg, FRIDAY, told=crash)
    found = recounting.unfinished()
    assert found
    assert (found.done, found.total, counted()) == (3, 7, 3)
    assert recounting.recount(mfg, FRIDAY) == 4
    assert counted() == 7


def test_one_that_cannot_be_counted_stops_no_other(
    mfg: Organization, provisional: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Folder.recount

    def failing(folder: Folder) -> None:
        if folder.case.number == provisional[1]:
            raise ValueError("a mistake in the pack")
        whole(folder)

    monkeypatch.setattr(Folder, "recount", failing)
    recounting.ask(organization=mfg, now=FRIDAY)
    recounting.recount(mfg, FRIDAY)

    left = Task.objects.filter(due_is_provisional=True).values_list("case__number", flat=True)
    assert list(left) == [provisional[1]]
    assert recounting.unfinished() is None


def test_what_is_asked_again_takes_the_place_of_what_is_not_finished(mfg: Organization, provisional: list[str]) -> None:
    recounting.ask(organization=mfg, now=FRIDAY)
    recounting.ask(organization=mfg, now=FRIDAY)
    assert Recount.objects.filter(finished_at=None).count() == 1
    assert recounting.recount(mfg, FRIDAY) == 7


def test_the_page_asks_shows_how_far_it_is_and_counts_nothing_itself(
    client: Client, mfg: Organization, provisional: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda organization=None: FRIDAY)
    sign_in(client, mfg, "vice_gm")
    client.cookies["kehu_language"] = "en"
    given: dict[str, Any] = {"day": "2024-06-05", "kind": "holiday", "name": "厂庆"}
    answer = client.post("/settings/calendar/day/", given, follow=True)
    page = answer.content.decode()
    assert "counted again: 7" in page
    assert "0 of 7" in page
    assert counted() == 0

    recounting._next_batch(mfg, FRIDAY)
    assert "3 of 7" in client.get("/settings/calendar/").content.decode()
    recounting.recount(mfg, FRIDAY)
    assert 'id="recount"' not in client.get("/settings/calendar/").content.decode()


def test_a_worker_does_it_by_itself(mfg: Organization, provisional: list[str]) -> None:
    from kehu.config.recurring import RECURRING

    recounting.ask(organization=mfg, now=FRIDAY)
    for job in RECURRING:
        if job is recounting.recount:
            job(mfg, FRIDAY)
    assert counted() == 7


def test_a_stranger_s_recount_touches_nothing(
    mfg: Organization, stranger: Organization, provisional: list[str]
) -> None:
    recounting.ask(organization=mfg, now=FRIDAY)
    assert recounting.recount(stranger, FRIDAY) == 0
    assert counted() == 0


def test_the_command_tells_how_many(
    mfg: Organization, provisional: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    from kehu.cli.calendar import run

    WorkingWeek.objects.update(known_until=date(2024, 12, 28))
    assert run(["2025", "--confirm", "--by", "vice_gm"]) == 0
    assert "7 open cases were counted again" in capsys.readouterr().out
    assert counted() == 7
