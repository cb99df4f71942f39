"""How a case stands, as far as its procedure shows it to the customer (`status_page:`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kehu.engine.advance import reaches

from .answering import shown
from .folder import Folder
from .models import Task


@dataclass(frozen=True)
class Stage:
    """A step the customer may know of: done at a moment, under way, or still to come."""

    key: str
    done_at: datetime | None = None
    is_open: bool = False
    is_ahead: bool = False


@dataclass(frozen=True)
class Standing:
    stages: list[Stage] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    """By field."""


def standing(folder: Folder) -> Standing:
    page = folder.procedure.status_page
    assert page
    stages = [_stage(folder, key) for key in page.steps]
    last = max((place for place, one in enumerate(stages) if one.done_at or one.is_open), default=-1)
    told = [one for place, one in enumerate(stages) if one.done_at or one.is_open or (one.is_ahead and place > last)]
    return Standing(told, shown(folder, page.shows, folder.state.data))


def _stage(folder: Folder, key: str) -> Stage:
    """Of a step done for each row: done when the last of them is."""
    if folder.state.status == key:
        return Stage(key, done_at=folder.case.closed_at)
    tasks = [task for task in folder.tasks if task.step == key and task.kind == "task"]
    if any(task.is_open for task in tasks):
        return Stage(key, is_open=True)
    done = [task.closed_at for task in tasks if task.state == Task.State.DONE and task.closed_at]
    is_ahead = any(reaches(folder.procedure, token.step, key) for token in folder.state.tokens)
    return Stage(key, done_at=max(done, default=None), is_ahead=is_ahead and not done)
