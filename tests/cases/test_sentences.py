"""Every event that a case can have is told in words."""

import re
from pathlib import Path

from kehu.cases import sentences
from kehu.core.models import Event
from tests.cast import ROOT

NAME = re.compile(r'(?:\.record|\.move|event =)[^"]*"((?:case|task|invitation)\.[a-z_]+)"')


def recorded() -> set[str]:
    """The names of events as the modules of cases write them."""
    modules = Path(ROOT / "kehu" / "cases").glob("*.py")
    return {name for path in modules for name in NAME.findall(path.read_text())}


def test_every_event_has_its_sentence():
    names = recorded()

    assert len(names) > 15
    assert {"case.opened", "task.completed", "task.sent_back"} <= names
    assert sorted(names - sentences.SAYINGS.keys()) == []


def test_an_event_that_nobody_worded_is_still_told():
    assert sentences.saying_of(None, Event(name="case.sung", facts={})).icon == "info-circle"
