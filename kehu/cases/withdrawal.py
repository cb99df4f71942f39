"""撤回: a completion is taken back while nobody has acted on it. What it opened is gone; the step is his again, with what he had filled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kehu.core.models import Event, Organization
from kehu.core.scope import scope
from kehu.engine.advance import Move, Place
from kehu.organizations.queries import Person

from .actions import action, actor, answer_of, begin, must_be_open, must_run, say
from .folder import Folder
from .models import Assignment, Case, Task
from .moves import Past
from .refusals import NoSuchStep, NothingToWithdraw


@action
def withdraw(
    *, organization: Organization, number: str, step: str, by: str, now: datetime, item: str = "", reason: str = ""
) -> Case:
    """Who completed a step, sent it back or submitted it to signers takes that back."""
    with scope(organization):
        work = begin(organization, by, now)
        folder = work.take(number)
        must_be_open(folder)
        must_run(folder)
        task = _mine(folder, step, item)
        events = list(Event.objects.filter(stream=f"case:{folder.case.pk}").order_by("sequence"))
        move = answer_of(folder, lambda: Past(folder.procedure, events).taken_back(step, item, folder.facts()))
        gone = [found for token in move.canceled if (found := folder.task(*token.place))]
        holders = Assignment.objects.filter(task__in=gone, is_open=True).values_list("task_id", "member_id")
        told = [(found, person) for found in gone for person in _people(folder, found, list(holders))]
        folder.move(
            move,
            "task.withdrawn",
            reason=reason,
            step=step,
            item=item,
            holders=_holders(folder, move, task, events),
            told=[person.key for _, person in told],
        )
        for found, person in told:
            work.tell("withdrawn", [person], folder, found.step, found.item, reason=reason)
        work.write()
        return folder.case


def _mine(folder: Folder, step: str, item: str) -> Task:
    """The task as he left it last."""
    definition = folder.procedure.steps.get(step)
    if definition is None:
        raise NoSuchStep(step=step)
    left = (Task.State.DONE, Task.State.SENT_BACK)
    found = [
        task for task in folder.tasks if (task.step, task.item) == (step, item) and (task.state in left or task.held)
    ]
    if not found or found[-1].done_by_id != actor(folder).id:
        raise NothingToWithdraw(step=say(definition.title))
    return found[-1]


def _holders(folder: Folder, move: Move, task: Task, events: Sequence[Event]) -> dict[Place, list[Person]]:
    """Who has what stands again: he himself; other steps whoever they were handed over to last."""
    found = {(task.step, task.item): [actor(folder)]}
    for token in move.restored:
        for event in reversed(events):
            place = (event.facts.get("step", ""), event.facts.get("item", ""))
            if token.place != (task.step, task.item) and event.name == "task.handed_over" and place == token.place:
                if person := folder.work.people.people.get(event.facts["to"]):
                    found[token.place] = [person]
                break
    return found


def _people(folder: Folder, task: Task, holders: Sequence[tuple[int, int]]) -> list[Person]:
    people = folder.work.people.by_id
    by = actor(folder)
    return [people[pk] for key, pk in holders if key == task.pk and pk in people and people[pk] != by]
