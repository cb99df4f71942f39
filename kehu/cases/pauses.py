"""暂停 and 恢复: a case waits for something outside, and none of its clocks runs meanwhile. Afterwards every limit is later by that time."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from kehu.core.models import Organization
from kehu.core.scope import scope
from kehu.engine import advance
from kehu.organizations.queries import Person

from .actions import action, actor, answer_of, begin, check_unchanged, must_hold, need_reason
from .folder import Folder
from .models import Assignment, Case


@action
def pause(
    *, organization: Organization, number: str, reason: str, by: str, now: datetime, version: int | None = None
) -> Case:
    """All clocks of the case stand still, no instant comes, and nobody completes anything until it is resumed."""
    with scope(organization):
        work = begin(organization, by, now)
        folder = work.take(number)
        move = answer_of(folder, lambda: advance.pause(folder.state))
        must_hold(folder, folder.procedure.pause, _("pause"))
        need_reason(reason)
        check_unchanged(folder, version)
        folder.move(move, "case.paused", reason=reason)
        work.tell("case_paused", _holders(folder), folder, reason=reason)
        work.write()
        return folder.case


@action
def resume(
    *, organization: Organization, number: str, by: str, now: datetime, reason: str = "", version: int | None = None
) -> Case:
    """The clocks go on where they stopped."""
    with scope(organization):
        work = begin(organization, by, now)
        folder = work.take(number)
        move = answer_of(folder, lambda: advance.resume(folder.state))
        must_hold(folder, folder.procedure.pause, _("resume"))
        check_unchanged(folder, version)
        folder.move(move, "case.resumed", reason=reason)
        work.tell("case_resumed", _holders(folder), folder, reason=reason)
        work.write()
        return folder.case


def _holders(folder: Folder) -> list[Person]:
    """Everybody who has something to do in the case, but who acts."""
    rows = Assignment.objects.filter(task__case=folder.case, is_open=True).values_list("member_id", flat=True)
    people = [person for pk in rows.distinct() if (person := folder.work.people.by_id.get(pk))]
    return [person for person in people if person != actor(folder)]
