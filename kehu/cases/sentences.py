"""What each event of a case is in words: one line of the table an event. A new event adds its line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from django.utils.translation import gettext_lazy

from kehu.core.models import Event

if TYPE_CHECKING:
    from .wording import Words

EntryKind = Literal["act", "deadline", "file", "remark"]
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Saying:
    """`text` may name {person} (who did it), {step}, {outcome}, {people} (facts' `who`), {to} and {gone} (facts' `from`), {number},
    {names} and {row}; where it depends on the facts, it is a function."""

    text: Any
    icon: str
    tone: str = ""
    kind: EntryKind = "act"

    def sentence(self, words: Words, event: Event) -> str:
        text = self.text(words, event.facts) if callable(self.text) else self.text
        return str(text).format_map(_Named(words, event))


class _Named(dict[str, str]):
    """What a sentence names, looked up only if it does."""

    def __init__(self, words: Words, event: Event):
        super().__init__()
        self.words, self.event = words, event

    def __missing__(self, name: str) -> str:
        words, facts = self.words, self.event.facts
        match name:
            case "person":
                return words.actor(self.event.by, facts)
            case "step":
                return _subject(words, facts)
            case "outcome":
                return words.outcome(facts.get("step", ""), facts.get("outcome", ""))
            case "people":
                return words.listed(words.person(key) for key in facts.get("who") or ())
            case "gone":
                return words.listed(words.person(key) for key in facts.get("from") or facts.get("who") or ())
            case "to":
                return _target(words, self.event)
            case "because":
                return words.step(facts.get("because", ""))
            case "names":
                return words.listed(facts.get("names") or ())
            case "schedule":
                schedule = words.folder.procedure.schedules.get(facts["schedule"])
                return words.say(schedule.title) if schedule else str(facts["schedule"])
            case "row":
                return str(int(facts.get("row", 0)) + 1)
        return str(facts.get(name, ""))


def saying_of(words: Words, event: Event) -> Saying:
    known = SAYINGS.get(event.name) or _LIMITS.get(event.name.rpartition(".")[2])
    if known is None:
        return Saying(lambda words, facts: f"{{person}} · {{step}} · {event.name}", "info-circle")
    if event.name == "task.completed" and _refuses(words, event.facts):
        return Saying(known.text, "arrow-back-up", "refused")
    return known


def _subject(words: Words, facts: Facts) -> str:
    """The step it is about, with its row; of a clock's instant the clock."""
    if "clock" in facts:
        clock = words.folder.procedure.clocks.get(facts["clock"])
        return words.say(clock.title) if clock else str(facts["clock"])
    return words.step(facts["step"], facts.get("item", "")) if facts.get("step") else ""


def _target(words: Words, event: Event) -> str:
    """A step is sent back to a step, and handed over to one person or on to several."""
    to = event.facts.get("to")
    if isinstance(to, list):
        return words.listed(words.person(key) for key in to)
    return words.step(to or "") if event.name == "task.sent_back" else words.person(to)


def _refuses(words: Words, facts: Facts) -> bool:
    step = words.folder.procedure.steps.get(facts.get("step", ""))
    outcome = step.all_outcomes().get(facts.get("outcome", "")) if step else None
    return bool(outcome and outcome.refuses)


def _either(which: Callable[[Words, Facts], object], text: Any, otherwise: Any) -> Callable[[Words, Facts], Any]:
    return lambda words, facts: text if which(words, facts) else otherwise


def _has_step(words: Words, facts: Facts) -> bool:
    return bool(facts.get("step"))


def _has_outcome(words: Words, facts: Facts) -> str:
    return words.outcome(facts.get("step", ""), facts.get("outcome", ""))


_LIMITS = {
    "reminder": Saying(gettext_lazy("Reminder: the time limit of “{step}” comes near."), "clock", kind="deadline"),
    "repeated": Saying(gettext_lazy("Reminder: “{step}” is still open."), "clock", kind="deadline"),
    "overdue": Saying(gettext_lazy("The time limit of “{step}” has passed."), "clock-exclamation", "late", "deadline"),
    "escalated": Saying(
        gettext_lazy("“{step}” is still not done and was reported further up."), "clock-exclamation", "late", "deadline"
    ),
}
"""A task's instants and a clock's, by the last part of the event's name."""

LINK_REFUSALS: dict[str, Any] = {
    "elsewhere": gettext_lazy(
        "The link for {invited} was tried in another browser than the one it was opened in, and refused."
    ),
    "expired": gettext_lazy("The link for {invited} was tried after it had expired, and refused."),
    "used": gettext_lazy("The link for {invited} was tried again after the answer was given, and refused."),
    "revoked": gettext_lazy("The link for {invited} was tried after it had been withdrawn, and refused."),
    "over": gettext_lazy("The link for {invited} was tried when it was over, and refused."),
}

_LEFT = _either(
    lambda words, facts: facts.get("to"),
    gettext_lazy("{gone} has left and was asked about “{step}”; {to} is asked instead."),
    gettext_lazy("{gone} has left; what was asked about “{step}” is asked of nobody any more."),
)

SAYINGS = {
    "case.opened": Saying(
        _either(
            lambda words, facts: facts.get("schedule"),
            gettext_lazy("The calendar opened the case: {schedule}."),
            gettext_lazy("{person} opened the case."),
        ),
        "plus",
    ),
    "case.noted": Saying(gettext_lazy("{person} wrote a note."), "message", kind="remark"),
    "case.copied": Saying(gettext_lazy("{person} sent a copy."), "copy"),
    "case.paused": Saying(gettext_lazy("{person} paused the case; its clocks stand still."), "player-pause", "late"),
    "case.resumed": Saying(gettext_lazy("{person} resumed the case."), "player-play"),
    "case.voided": Saying(gettext_lazy("{person} voided the case."), "ban", "refused"),
    "case.reopened": Saying(gettext_lazy("{person} reopened the case."), "player-play"),
    "case.recounted": Saying(
        gettext_lazy("The working calendar was changed, so the time limits were counted anew."),
        "calendar",
        kind="deadline",
    ),
    "case.customer_set": Saying(
        _either(
            lambda words, facts: facts.get("before"),
            gettext_lazy("The case, which was {before}'s, is customer {customer}'s now."),
            gettext_lazy("The case is customer {customer}'s now."),
        ),
        "building",
    ),
    "case.entered": Saying(gettext_lazy("“{step}” entered it in the ledger."), "book"),
    "case.taken_back": Saying(gettext_lazy("What “{step}” had entered in the ledger was taken back."), "book-off"),
    "case.entry_stays": Saying(
        gettext_lazy("What “{step}” had said in the ledger stays as it is, until it is said anew."), "book"
    ),
    "case.opened_another": Saying(gettext_lazy("“{step}” opened case {number}."), "arrow-forward-up"),
    "case.opened_none": Saying(
        gettext_lazy("“{step}” opened no case of {procedure}, because that procedure is switched off."), "ban"
    ),
    "case.file_added": Saying(gettext_lazy("{person} added {names}."), "paperclip", kind="file"),
    "invitation.made": Saying(
        _either(
            _has_step,
            gettext_lazy("{person} made a link for {invited}, who may complete “{step}” with it."),
            gettext_lazy("{person} made a link for {invited}, who may read with it how the case stands."),
        ),
        "external-link",
    ),
    "invitation.opened": Saying(gettext_lazy("The link for {invited} was opened."), "eye"),
    "invitation.refused": Saying(
        lambda words, facts: LINK_REFUSALS.get(facts.get("why", ""), LINK_REFUSALS["over"]), "alert-triangle", "refused"
    ),
    "invitation.revoked": Saying(gettext_lazy("{person} withdrew the link for {invited}."), "circle-x"),
    "task.completed": Saying(
        _either(
            _has_outcome,
            gettext_lazy("{person} completed “{step}”: {outcome}."),
            gettext_lazy("{person} completed “{step}”."),
        ),
        "check",
        "done",
    ),
    "task.submitted": Saying(
        _either(
            _has_outcome,
            gettext_lazy("{person} completed “{step}”: {outcome}. It waits for the added signers."),
            gettext_lazy("{person} completed “{step}”. It waits for the added signers."),
        ),
        "check",
        "done",
    ),
    "task.cosigned": Saying(
        gettext_lazy("{person} signed “{step}” for one side; the other side signs it too."), "signature", "done"
    ),
    "task.sent_back": Saying(gettext_lazy("{person} sent “{step}” back to “{to}”."), "arrow-back-up", "refused"),
    "task.withdrawn": Saying(gettext_lazy("{person} withdrew “{step}”."), "arrow-back-up", "refused"),
    "task.handed_over": Saying(gettext_lazy("{person} handed “{step}” over to {to}."), "user"),
    "task.handed_on": Saying(
        _either(
            lambda words, facts: facts.get("from"),
            gettext_lazy("“{step}” was with {gone}, who cannot do it now; it came to {to}."),
            gettext_lazy("“{step}” was with nobody; it came to {to}."),
        ),
        "users",
    ),
    "task.nudged": Saying(gettext_lazy("{person} nudged “{step}”."), "bell"),
    "task.signer_added": Saying(
        _either(
            lambda words, facts: facts.get("order") == "before",
            gettext_lazy("{person} asked {people} to sign “{step}” before it is completed."),
            gettext_lazy("{person} asked {people} to sign “{step}” after it is completed."),
        ),
        "user-plus",
    ),
    "task.signer_dropped": Saying(gettext_lazy("{person} no longer asks {people} to sign “{step}”."), "circle-x"),
    "task.signer_handed_on": Saying(_LEFT, "users"),
    "task.signed": Saying(gettext_lazy("{person} signed “{step}”."), "signature", "done"),
    "task.signature_refused": Saying(gettext_lazy("{person} refused to sign “{step}”."), "arrow-back-up", "refused"),
    "task.opinion_asked": Saying(gettext_lazy("{person} asked {people} for an opinion on “{step}”."), "message"),
    "task.opinion_given": Saying(gettext_lazy("{person} gave an opinion on “{step}”."), "message"),
    "task.opinion_declined": Saying(gettext_lazy("{person} has no opinion on “{step}”."), "message"),
    "task.opinion_handed_on": Saying(_LEFT, "users"),
    "task.opened_beside": Saying(
        gettext_lazy("“{step}” was opened beside “{because}”."), "alert-triangle", kind="deadline"
    ),
    "task.row_overdue": Saying(
        gettext_lazy("“{step}”: row {row} is overdue."), "clock-exclamation", "late", "deadline"
    ),
}
