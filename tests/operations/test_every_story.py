"""Every story comes true, and every verb it uses leaves in its events all that its rows say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kehu.cases.examples import Player, run_stories, stage
from kehu.operations.verification import verify
from kehu.procedures.packs import load
from kehu.procedures.sources import Source
from kehu.reports.shown import SHOWN
from tests.cast import ROOT, at

PACKS = sorted(path.parent for path in (ROOT / "packs").glob("*/pack.yaml"))


@pytest.mark.thorough
@pytest.mark.parametrize("folder", PACKS, ids=lambda path: path.name)
def test_what_a_story_leaves_follows_from_its_events(db: Any, monkeypatch: Any, folder: Path) -> None:
    loaded, problems, cases = load(folder), [], 0
    played = Player.play

    def played_and_verified(player: Player) -> Any:
        nonlocal cases
        differences = played(player)
        found = verify()
        cases += found.counts["cases"]
        problems.extend(f"{player.story['example']}: {problem}" for problem in found.problems)
        return differences

    monkeypatch.setattr(Player, "play", played_and_verified)
    organization = stage(loaded, at("2024-03-01 08:00"))
    results = [run_stories(loaded, organization, Source.read(file), SHOWN) for file in loaded.examples.values()]

    assert [str(difference) for result in results for difference in result.differences] == []
    assert problems == []
    assert cases > 10
