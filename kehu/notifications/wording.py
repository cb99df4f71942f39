"""What a message says: one sentence that names the step, the time limit with the working time left, and the clause.

Read in the language that is active, so a page speaks the reader's and a mail its recipient's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.conf import settings
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from kehu.cases.models import Case
from kehu.core.models import Organization
from kehu.ledgers.customers.queries import short_name
from kehu.organizations.calendars import working_time_between
from kehu.organizations.queries import directory, local_now
from kehu.organizations.wording import language_of, length_text
from kehu.procedures import revisions

Cases = Mapping[str, Case]
"""By number."""


class Said(Protocol):
    """A notice, or a delivery: what happened, where, and when it was said."""

    kind: str
    case_number: str
    step: str
    facts: Any
    at: datetime


@dataclass(frozen=True)
class Wording:
    """`title`: what happened, in few words; `sentence`: all of it; `clause`: where it is written; `address`: where to go."""

    title: str
    sentence: str
    clause: str
    icon: str
    address: str


ICONS = {
    "task_opened": "inbox",
    "handed_over": "arrow-forward-up",
    "handed_on": "arrow-forward-up",
    "deputy_asked": "users",
    "deputy_accepted": "circle-check",
    "deputy_declined": "circle-x",
    "deputy_revoked": "user",
    "absent_alone": "calendar",
    "reminder": "clock",
    "repeated": "clock",
    "overdue": "clock-exclamation",
    "escalated": "alert-triangle",
    "row_overdue": "clock-exclamation",
    "signature_asked": "signature",
    "signed": "signature",
    "signature_refused": "arrow-back-up",
    "signer_dropped": "circle-x",
    "opinion_asked": "message",
    "opinion_given": "message",
    "opinion_declined": "message",
    "withdrawn": "arrow-back-up",
    "nudged": "bell",
    "copied": "copy",
    "noted": "message",
    "case_paused": "player-pause",
    "case_resumed": "player-play",
    "told": "info-circle",
    "clock_reminder": "clock",
    "clock_repeated": "clock",
    "clock_overdue": "clock-exclamation",
    "clock_escalated": "alert-triangle",
    "customer_answered": "signature",
    "link_undelivered": "alert-triangle",
    "channel_failing": "alert-triangle",
    "channel_off": "alert-triangle",
    "layout_failed": "alert-triangle",
}


_PLACES = {"channel_failing": "channels", "channel_off": "channels", "layout_failed": "procedures"}
"""Where to go for what no case is about."""


def worded(said: Said, case: Case | None, organization: Organization) -> Wording:
    """As things stood when it was said: a reminder read a week later is still a reminder."""
    words, clause = _words(said, case, organization)
    sentence = _sentence(said.kind, bool(words["limit"]), bool(words["reason"])).format(**words)
    if principal := said.facts.get("for"):
        language = get_language() or "zh-hans"
        people = directory(organization, local_now(organization, said.at).date()).people
        name = people[principal].called(language) if principal in people else principal
        sentence = _("{sentence} You stand in for {name}.").format(sentence=sentence, name=name)
    return Wording(
        title=_title(said.kind).format(**words),
        sentence=sentence.strip(),
        clause=clause,
        icon=ICONS.get(said.kind, "bell"),
        address=_address(said),
    )


def group_text(said: Said, case: Case | None, organization: Organization) -> str:
    """For a chat group, a few short lines: what happened, to whom it is, until when, the clause, the case's address."""
    words, clause = _words(said, case, organization)
    language = get_language() or "zh-hans"
    people = directory(organization, local_now(organization, said.at).date()).people
    told = [people[key].called(language) for key in said.facts.get("told", ()) if key in people]
    words["people"] = ("、" if language.startswith("zh") else ", ").join(told)
    lines = [_group_title(said.kind, bool(told)).format(**words), f"{words['number']} {words['customer']}".strip()]
    if words["limit"]:
        lines.append(words["limit"][:1].upper() + words["limit"][1:])
    if words["reason"]:
        lines.append(_("Reason: {reason}").format(**words))
    if clause and case:
        lines.append(_("Clause: {clause} of {procedure}").format(clause=clause, procedure=procedure_number(case)))
    name = organization.title["zh" if language.startswith("zh") else "en"]
    return "\n".join([*filter(None, lines), _address(said), f"-- {name} · Kehu"])


def procedure_number(case: Case) -> str:
    return revisions.running(case.revision).procedure.number


def _address(said: Said) -> str:
    if said.case_number:
        return settings.URL + reverse("case", args=[said.case_number])
    return settings.URL + reverse(_PLACES.get(said.kind, "notices"))


def _words(said: Said, case: Case | None, organization: Organization) -> tuple[dict[str, str], str]:
    """What fills the sentences, and the clause."""
    language = get_language() or "zh-hans"
    running = revisions.running(case.revision) if case else None
    step = running.procedure.steps.get(said.step) if running else None
    words = {
        "number": said.case_number,
        "step": step.title.in_(language) if step else said.step,
        "customer": short_name(case.customer, language) if case and case.customer else "",
        "clock": "",
        "limit": "",
        "name": (said.facts.get("name") or {}).get(language_of(language), ""),
        "rule": said.facts.get("rule", ""),
        "from": said.facts.get("from", ""),
        "until": _("to {day}").format(day=said.facts["until"]) if said.facts.get("until") else _("on"),
        "reason": str(said.facts.get("reason") or ""),
        "guest": str(said.facts.get("guest") or ""),
        "channel": str(said.facts.get("channel") or ""),
        "form": str(said.facts.get("form") or ""),
        "error": str(said.facts.get("error") or ""),
    }
    if running and (clock := running.procedure.clocks.get(str(said.facts.get("clock", "")))):
        words["clock"] = clock.title.in_(language)
    if due_at := said.facts.get("due_at"):
        words["limit"] = _limit(datetime.fromisoformat(due_at), said.at, case, organization)
    return words, ", ".join(step.clause) if step else ""


def _group_title(kind: str, names_people: bool) -> str:
    """`{people}` are those who were told of it in their pages."""
    if not names_people:
        return _title(kind)
    return {
        "task_opened": _("New task for {people}: {step}"),
        "handed_over": _("Handed over to {people}: {step}"),
        "reminder": _("Soon due ({people}): {step}"),
        "repeated": _("Still open ({people}): {step}"),
        "overdue": _("Overdue ({people}): {step}"),
        "escalated": _("Escalated to {people}: {step}"),
        "row_overdue": _("A line is overdue ({people}): {step}"),
        "told": _("For information of {people}: {step}"),
        "clock_reminder": _("Soon over ({people}): {clock}"),
        "clock_repeated": _("Still running ({people}): {clock}"),
        "clock_overdue": _("Time limit passed ({people}): {clock}"),
        "clock_escalated": _("Escalated to {people}: {clock}"),
    }.get(kind, _title(kind))


def _title(kind: str) -> str:
    return {
        "task_opened": _("New task: {step}"),
        "handed_over": _("Handed over to you: {step}"),
        "handed_on": _("Come to you: {step}"),
        "deputy_asked": _("Will you stand in for {name}?"),
        "deputy_accepted": _("{name} will stand in for you"),
        "deputy_declined": _("{name} cannot stand in for you"),
        "deputy_revoked": _("Deputy rule {rule} has ended"),
        "absent_alone": _("{name} will be away without a deputy"),
        "reminder": _("Soon due: {step}"),
        "repeated": _("Still open: {step}"),
        "overdue": _("Overdue: {step}"),
        "escalated": _("Escalated to you: {step}"),
        "row_overdue": _("A line is overdue: {step}"),
        "signature_asked": _("Your signature is asked for: {step}"),
        "signed": _("Signed: {step}"),
        "signature_refused": _("Signature refused: {step}"),
        "signer_dropped": _("Your signature is no longer asked for: {step}"),
        "opinion_asked": _("Your opinion is asked for: {step}"),
        "opinion_given": _("An opinion came: {step}"),
        "opinion_declined": _("No opinion: {step}"),
        "withdrawn": _("Withdrawn: {step}"),
        "nudged": _("You are nudged: {step}"),
        "copied": _("A copy for you: {number}"),
        "noted": _("A note for you: {number}"),
        "case_paused": _("Paused: {number}"),
        "case_resumed": _("Goes on: {number}"),
        "told": _("For your information: {step}"),
        "clock_reminder": _("Soon over: {clock}"),
        "clock_repeated": _("Still running: {clock}"),
        "clock_overdue": _("Time limit passed: {clock}"),
        "clock_escalated": _("Escalated to you: {clock}"),
        "link": _("A link for the customer: {number}"),
        "customer_answered": _("The customer has answered: {step}"),
        "link_undelivered": _("A link did not arrive: {number}"),
        "channel_failing": _("Messages do not go out: {channel}"),
        "channel_off": _("A channel was switched off: {channel}"),
        "layout_failed": _("A paper layout cannot be set: {form}"),
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
        case "handed_on":
            return _("{number} {customer}: “{step}” has come to you, since who had it cannot do it now.")
        case "deputy_asked":
            return _(
                "{name} asks you to stand in while away, from {from} {until}. Accept or decline it in the settings."
            )
        case "deputy_accepted":
            return _("{name} has accepted deputy rule {rule}: while you are away your tasks are theirs too.")
        case "deputy_declined":
            return (
                _("{name} has declined deputy rule {rule}. Name somebody else. Reason: {reason}")
                if has_reason
                else _("{name} has declined deputy rule {rule}. Name somebody else.")
            )
        case "deputy_revoked":
            return _("Deputy rule {rule} between you and {name} counts no more.")
        case "absent_alone":
            return _("{name} is away from {from} {until} and nobody stands in; new tasks come to you.")
        case "reminder" if has_limit:
            return _("{number} {customer}: “{step}” is soon due, {limit}.")
        case "repeated" if has_limit:
            return _("{number} {customer}: “{step}” is still open, {limit}.")
        case "repeated" | "reminder":
            return _("{number} {customer}: “{step}” is still open.")
        case "overdue":
            return _("{number} {customer}: “{step}” is overdue, {limit}.")
        case "escalated" if has_limit:
            return _("{number} {customer}: “{step}” is still not done and has been escalated to you, {limit}.")
        case "escalated":
            return _("{number} {customer}: “{step}” is still not done and has been escalated to you.")
        case "row_overdue":
            return _("{number} {customer}: a line of “{step}” has passed its day and is not done.")
        case "nudged" if has_limit:
            return _("{number} {customer}: somebody waits for “{step}”, {limit}. {reason}")
        case "nudged":
            return _("{number} {customer}: somebody waits for “{step}”. {reason}")
        case "signature_asked":
            return _("{number} {customer}: you are asked to sign “{step}”. {reason}")
        case "signed":
            return _("{number} {customer}: “{step}” was signed. {reason}")
        case "signature_refused":
            return _("{number} {customer}: the signature of “{step}” was refused. Reason: {reason}")
        case "signer_dropped":
            return _("{number} {customer}: you need not sign “{step}” any more. {reason}")
        case "opinion_asked":
            return _("{number} {customer}: what do you think about “{step}”? {reason}")
        case "opinion_given":
            return _("{number} {customer}: an opinion on “{step}”: {reason}")
        case "opinion_declined":
            return _("{number} {customer}: no opinion on “{step}”: {reason}")
        case "withdrawn":
            return _("{number} {customer}: “{step}” is no longer yours; the step before was withdrawn. {reason}")
        case "copied":
            return _("{number} {customer}: the case was sent to you to read. {reason}")
        case "noted":
            return _("{number} {customer}: {name} has a note for you: {reason}")
        case "case_paused":
            return _("{number} {customer}: the case is paused and its clocks stand still. Reason: {reason}")
        case "case_resumed":
            return _("{number} {customer}: the case goes on. {reason}")
        case "told":
            return _("{number} {customer}: “{step}” has been done; you are informed.")
        case "customer_answered":
            return _("{number} {customer}: {guest} has answered “{step}” by the link.")
        case "link_undelivered":
            return _(
                "{number} {customer}: the mail with the link for {guest} was not delivered: {error} Check the address and make a new link."
            )
        case "clock_reminder":
            return _("{number} {customer}: the time for “{clock}” is soon over.")
        case "clock_repeated":
            return _("{number} {customer}: the clock “{clock}” is still running.")
        case "clock_overdue":
            return _("{number} {customer}: the time for “{clock}” is over.")
        case "clock_escalated":
            return _("{number} {customer}: the time for “{clock}” is over and it has been escalated to you.")
        case "channel_failing":
            return _(
                "“{channel}” has not worked for a while. What it says: {error} Messages wait and go out by themselves."
            )
        case "layout_failed":
            return _(
                "The layout of {form} in the pack cannot be set, so it is printed with the standard one. What it says: {error}"
            )
        case "channel_off":
            return _(
                "“{channel}” failed for days and was switched off. What it says: {error} What waits goes out when it is switched on again."
            )
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
