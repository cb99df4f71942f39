"""What a message says: one sentence that names the step, the time limit with the working time left, and the clause.

Read in the language that is active, so a page speaks the reader's and a mail its recipient's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from kehu.cases.models import Case
from kehu.core.models import Organization
from kehu.ledgers.customers.queries import short_name
from kehu.organizations.calendars import working_time_between
from kehu.organizations.queries import directory, local_now
from kehu.organizations.wording import language_of, length_text
from kehu.procedures import revisions

from .models import Notice


@dataclass(frozen=True)
class Wording:
    """`title`: what happened, in few words; `sentence`: all of it; `clause`: where it is written."""

    title: str
    sentence: str
    clause: str
    icon: str


ICONS = {
    "task_opened": "inbox",
    "handed_over": "arrow-forward-up",
    "reminder": "clock",
    "overdue": "clock-exclamation",
    "escalated": "alert-triangle",
    "row_overdue": "clock-exclamation",
    "told": "info-circle",
    "clock_reminder": "clock",
    "clock_overdue": "clock-exclamation",
    "clock_escalated": "alert-triangle",
}


def worded(said: Notice, case: Case | None, organization: Organization) -> Wording:
    """As things stood when it was said: a reminder read a week later is still a reminder."""
    language = get_language() or "zh-hans"
    running = revisions.running(case.revision) if case else None
    step = running.procedure.steps.get(said.step) if running else None
    words = {
        "number": said.case_number,
        "step": step.title.in_(language) if step else said.step,
        "customer": short_name(case.customer, language) if case and case.customer else "",
        "clock": "",
        "limit": "",
    }
    if running and (clock := running.procedure.clocks.get(str(said.facts.get("clock", "")))):
        words["clock"] = clock.title.in_(language)
    if due_at := said.facts.get("due_at"):
        words["limit"] = _limit(datetime.fromisoformat(due_at), said.at, case, organization)
    reason = str(said.facts.get("reason") or "")
    return Wording(
        title=_title(said.kind).format(**words),
        sentence=_sentence(said.kind, bool(words["limit"]), bool(reason)).format(reason=reason, **words),
        clause=", ".join(step.clause) if step else "",
        icon=ICONS.get(said.kind, "bell"),
    )


def _title(kind: str) -> str:
    return {
        "task_opened": _("New task: {step}"),
        "handed_over": _("Handed over to you: {step}"),
        "reminder": _("Soon due: {step}"),
        "overdue": _("Overdue: {step}"),
        "escalated": _("Escalated to you: {step}"),
        "row_overdue": _("A line is overdue: {step}"),
        "told": _("For your information: {step}"),
        "clock_reminder": _("Soon over: {clock}"),
        "clock_overdue": _("Time limit passed: {clock}"),
        "clock_escalated": _("Escalated to you: {clock}"),
    }.get(kind, _("Notice: {step}"))


def _sentence(kind: str, has_limit: bool, has_reason: bool) -> str:
    match kind:
        case "task_opened":
            return (
                _("{number} {customer}: “{step}” is waiting for you, {limit}.")
                if has_limit
                else _("{number} {customer}: “{step}” is waiting for you.")
            )
        case "handed_over":
            return (
                _("{number} {customer}: “{step}” was handed over to you. Reason: {reason}")
                if has_reason
                else _("{number} {customer}: “{step}” was handed over to you.")
            )
        case "reminder":
            return _("{number} {customer}: “{step}” is soon due, {limit}.")
        case "overdue":
            return _("{number} {customer}: “{step}” is overdue, {limit}.")
        case "escalated":
            return _("{number} {customer}: “{step}” is still not done and has been escalated to you, {limit}.")
        case "row_overdue":
            return _("{number} {customer}: a line of “{step}” has passed its day and is not done.")
        case "told":
            return _("{number} {customer}: “{step}” has been done; you are informed.")
        case "clock_reminder":
            return _("{number} {customer}: the time for “{clock}” is soon over.")
        case "clock_overdue":
            return _("{number} {customer}: the time for “{clock}” is over.")
        case "clock_escalated":
            return _("{number} {customer}: the time for “{clock}” is over and it has been escalated to you.")
    return _("{number} {customer}: “{step}”.")


def _limit(due_at: datetime, at: datetime, case: Case | None, organization: Organization) -> str:
    """ "due 03-15 16:00, 1 hour 20 minutes of working time left"."""
    calendar = directory(organization, local_now(organization, at).date()).calendar(
        customer=case.customer.code if case and case.customer else ""
    )
    left = working_time_between(calendar, at, due_at)
    when = f"{local_now(organization, due_at):%m-%d %H:%M}"
    if abs(left) < timedelta(minutes=1):
        return _("due {when}").format(when=when)
    time = length_text(abs(left) - abs(left) % timedelta(minutes=1), language_of(get_language() or "zh"))
    if left > timedelta():
        return _("due {when}, {time} of working time left").format(when=when, time=time)
    return _("due {when}, over by {time} of working time").format(when=when, time=time)
