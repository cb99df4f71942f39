"""加签: whoever has a task asks others to sign it, before he completes it or after (`engine/signatures.py` says how that moves)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from django.utils.translation import gettext as _

from kehu.core.models import Organization
from kehu.core.refusals import BadData, Finding
from kehu.core.scope import scope
from kehu.engine import signatures
from kehu.organizations.queries import Person

from .actions import (
    act_as,
    action,
    actor,
    answer_of,
    begin,
    member,
    must_have,
    must_not_wait,
    must_run,
    need_reason,
    open_step,
    say,
)
from .folder import Folder, principal_of
from .models import Assignment, Case, Task
from .permissions import who_was_asked
from .refusals import NotAskedOfYou, OwnSubmission


@action
def add_signer(
    *,
    organization: Organization,
    number: str,
    step: str,
    who: Sequence[str],
    order: Literal["before", "after"],
    by: str,
    now: datetime,
    item: str = "",
    reason: str = "",
) -> Case:
    """These members sign too: `before` he can complete the task, or `after` that, before the case goes on."""
    with scope(organization):
        work = begin(organization, by, now)
        folder = work.take(number)
        open_step(folder, step, item)
        must_not_wait(folder, step, item)
        must_have(folder, step, item)
        people = [member(folder, one, "who") for one in dict.fromkeys(who)]
        if actor(folder) in people:
            raise BadData([Finding("who", _("You have the task yourself; choose somebody else."))])
        if {person.key for person in people} & folder.submitters(step, item):
            raise OwnSubmission()
        keys = [person.key for person in people]
        move = answer_of(
            folder, lambda: signatures.add_signers(folder.procedure, folder.state, step, item, keys, order)
        )
        folder.move(move, "task.signer_added", reason=reason, step=step, item=item, who=keys, order=order)
        work.write()
        return folder.case


@action
def drop_signer(
    *,
    organization: Organization,
    number: str,
    step: str,
    who: str,
    by: str,
    now: datetime,
    item: str = "",
    reason: str = "",
) -> Case:
    """减签: a request for a signature that was not answered yet is taken back."""
    with scope(organization):
        work = begin(organization, by, now)
        folder = work.take(number)
        open_step(folder, step, item)
        must_run(folder)
        task = folder.row(step, item)
        if not (task.held and task.done_by_id == actor(folder).id):
            must_have(folder, step, item)
        person = member(folder, who, "who")
        facts = folder.facts(**as_holder(folder, task))
        move = answer_of(folder, lambda: signatures.drop_signer(folder.procedure, folder.state, step, item, who, facts))
        folder.move(move, "task.signer_dropped", reason=reason, step=step, item=item, who=[who], outcome=move.outcome)
        work.tell("signer_dropped", [person], folder, step, item, reason=reason)
        work.write()
        return folder.case


@action
def sign(
    *,
    organization: Organization,
    number: str,
    step: str,
    answer: Literal["agree", "refuse"],
    by: str,
    now: datetime,
    item: str = "",
    reason: str = "",
) -> Case:
    """Who was asked to sign agrees, or refuses with a reason; while he is away his deputy may, in both names."""
    with scope(organization):
        work = begin(organization, by, now)
        folder = work.take(number)
        definition = open_step(folder, step, item)
        must_run(folder)
        task, token, person = folder.row(step, item), folder.state.token(step, item), actor(folder)
        assert token
        if token.asked:
            may = who_was_asked({signer.who for signer in token.asked})
            act_as(folder, may, NotAskedOfYou(step=say(definition.title)))
        asked = work.acting.principal if work.acting else person.key
        if answer == "refuse":
            need_reason(reason)
        told = holders_of(folder, task)
        submitters = folder.submitters(step, item) | set(principal_of(task) if task.held else ())
        if task.held or work.acting:  # who asked for the signature does not give it himself in another's name
            submitters |= {one.key for one in told}
        if {person.key, asked} & submitters:
            raise OwnSubmission()
        agrees, facts = answer == "agree", folder.facts(**as_holder(folder, task))
        move = answer_of(
            folder,
            lambda: signatures.sign(folder.procedure, folder.state, step, item, asked, agrees=agrees, facts=facts),
        )
        event = "task.signed" if agrees else "task.signature_refused"
        folder.move(
            move,
            event,
            reason=reason,
            step=step,
            item=item,
            order="after" if token.held else "before",
            outcome=move.outcome,
        )
        work.tell("signed" if agrees else "signature_refused", told, folder, step, item, reason=reason)
        work.write()
        return folder.case


def holders_of(folder: Folder, task: Task) -> list[Person]:
    """Who has the task to do, or completed it and waits for a signature."""
    people = folder.work.people.by_id
    if task.held:
        return [people[task.done_by_id]] if task.done_by_id in people else []
    rows = Assignment.objects.filter(task=task, part=Assignment.Part.DO, is_open=True)
    return [people[pk] for pk in rows.values_list("member_id", flat=True) if pk in people]


def as_holder(folder: Folder, task: Task) -> dict[str, object]:
    """What rules read of a completion that only now takes effect: by whom it was, and why."""
    person = folder.work.people.by_id.get(task.done_by_id or 0)
    if not task.held or person is None:
        return {}
    return {
        "by": person.key,
        "by_department": person.departments[0] if person.departments else None,
        "by_positions": [post.key for post in person.posts],
        "reason": task.reason,
    }
