"""征求意见: whoever has a task asks others what they think. Nothing waits for them; what they say stands in the history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from kehu.core.models import Event, Organization
from kehu.core.refusals import BadData, Finding
from kehu.core.scope import scope

from .actions import act_as, action, actor, begin, member, must_have, need_reason, open_step, say
from .folder import Folder
from .models import Assignment, Case
from .permissions import who_was_asked
from .refusals import NotAskedOfYou


@action
def ask_opinion(
    *,
    organization: Organization,
    number: str,
    step: str,
    who: Sequence[str],
    reason: str,
    by: str,
    now: datetime,
    item: str = "",
) -> Case:
    """These members are asked, with a question in `reason`; they may read the case and have it in their inbox."""
    with scope(organization):
        work = begin(organization, by, now)
        folder = work.take(number)
        open_step(folder, step, item)
        must_have(folder, step, item)
        need_reason(reason)
        people = [member(folder, one, "who") for one in dict.fromkeys(who)]
        if actor(folder) in people:
            raise BadData([Finding("who", _("You have the task yourself; choose somebody else."))])
        folder.asked.append((folder.row(step, item), Assignment.Part.ADVISE, people))
        folder.record("task.opinion_asked", step=step, item=item, who=[one.key for one in people], reason=reason)
        work.tell("opinion_asked", people, folder, step, item, reason=reason)
        work.write()
        return folder.case


@action
def give_opinion(
    *,
    organization: Organization,
    number: str,
    step: str,
    reason: str,
    by: str,
    now: datetime,
    item: str = "",
    declines: bool = False,
) -> Case:
    """Who was asked says what he thinks, or that he has nothing to say about it and why; the asker is told. While he is away his
    deputy may answer, in both names."""
    with scope(organization):
        work = begin(organization, by, now)
        folder = work.take(number)
        definition = open_step(folder, step, item)
        task, person = folder.row(step, item), actor(folder)
        waiting = Assignment.objects.filter(task=task, part=Assignment.Part.ADVISE, is_open=True)
        keys = {work.people.keys.get(pk, ""): pk for pk in waiting.values_list("member_id", flat=True)}
        act_as(folder, who_was_asked(keys), NotAskedOfYou(step=say(definition.title)))
        need_reason(reason)
        asked = work.acting.principal if work.acting else person.key
        asker = asker_of(folder, step, item, asked)
        folder.relieved.append((task, Assignment.Part.ADVISE, [keys[asked]]))
        folder.record(
            "task.opinion_declined" if declines else "task.opinion_given", step=step, item=item, reason=reason
        )
        people = folder.work.people.people
        if asker in people:
            work.tell(
                "opinion_declined" if declines else "opinion_given", [people[asker]], folder, step, item, reason=reason
            )
        work.write()
        return folder.case


def asker_of(folder: Folder, step: str, item: str, who: str) -> str:
    """Who asked him; or the leaver in whose place he is asked."""
    names = ("task.opinion_asked", "task.opinion_handed_on")
    events = Event.objects.filter(stream=f"case:{folder.case.pk}", name__in=names).order_by("-sequence")
    for event in events:
        if (event.facts["step"], event.facts.get("item", "")) != (step, item):
            continue
        if event.name == "task.opinion_handed_on" and who in event.facts["to"]:
            who = event.facts["who"][0]
        elif event.name == "task.opinion_asked" and who in event.facts["who"]:
            return str(event.by)
    return ""
