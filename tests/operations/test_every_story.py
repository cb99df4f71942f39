"""Every story comes true, every verb it uses leaves in its events all that its rows say, and an accountant finds the books in order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kehu.cases.examples import Player, run_stories, stage
from kehu.operations.verification import verify
from kehu.procedures.packs import load
from kehu.procedures.sources import Source
from kehu.reports.shown import SHOWN
from tests.accountant import Books
from tests.cast import ROOT, at

PACKS = sorted(path.parent for path in (ROOT / "packs").glob("*/pack.yaml"))


@pytest.mark.thorough
@pytest.mark.parametrize("folder", PACKS, ids=lambda path: path.name)
def test_what_a_story_leaves_follows_from_its_events_and_adds_up(db: Any, monkeypatch: Any, folder: Path) -> None:
    loaded, problems, cases, charged = load(folder), [], 0, 0
    played = Player.play

    def played_and_verified(player: Player) -> Any:
        nonlocal cases, charged
        differences = played(player)
        found = verify()
        cases += found.counts["cases"]
        books = Books.of(player.organization)
        charged += len(books.statements)
        wrong = [*found.problems, *books.problems()]
        problems.extend(f"{player.story['example']}: {problem}" for problem in wrong)
        return differences

    monkeypatch.setattr(Player, "play", played_and_verified)
    organization = stage(loaded, at("2024-03-01 08:00"))
    results = [run_stories(loaded, organization, Source.read(file), SHOWN) for file in loaded.examples.values()]

    assert [str(difference) for result in results for difference in result.differences] == []
    assert problems == []
    assert cases > 10 < charged
