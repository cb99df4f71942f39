"""The forms in which verbs are given what they need, made from the table (`cases/verbs.py`): a new verb has its form for nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from django.http import QueryDict
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.cases.editing import Choice, people
from kehu.cases.history import Record
from kehu.cases.models import Task
from kehu.cases.moves import token_of
from kehu.cases.verbs import Parameter, Verb, offered
from kehu.cases.wording import Words

if TYPE_CHECKING:
    from .sheet import Attempt

OF_THEIR_OWN = ("complete", "save_draft", "revoke_invitation")
"""Verbs that the case's page words by itself."""


OF_LINKS = ("invite", "share_status", "revoke_invitation")
"""What they make or end stands in the list of the case's links."""


WAITED_FOR = ("sign", "give_opinion")
"""Somebody waits for these, so their forms stand open."""


class Manner(NamedTuple):
    """How a verb looks on the page."""

    icon: str
    key: str = ""
    """The key that opens its form."""
    help: str | Promise = ""
    button: str | Promise = ""
    """What its button says, where that is not the verb's title."""
    look: str = ""


MANNERS = {
    "send_back": Manner(
        "arrow-back-up",
        "r",
        gettext_lazy("The step is done again, and comes straight back to you."),
        gettext_lazy("Send it back"),
    ),
    "hand_over": Manner(
        "user-plus",
        "t",
        gettext_lazy("Somebody else has the task from then on, for good."),
        gettext_lazy("Hand it over"),
    ),
    "add_signer": Manner("signature"),
    "drop_signer": Manner("x"),
    "sign": Manner("signature", look="btn-primary"),
    "ask_opinion": Manner("message"),
    "give_opinion": Manner("message", look="btn-primary"),
    "invite": Manner(
        "send",
        help=gettext_lazy(
            "The customer gets a link: he reads what concerns him, answers and signs without an account. You can record "
            "the same from paper instead."
        ),
        button=gettext_lazy("Make the link"),
        look="btn-primary",
    ),
    "share_status": Manner(
        "eye",
        help=gettext_lazy(
            "The customer gets a link with which he reads how far it is, and nothing that is said inside."
        ),
        button=gettext_lazy("Make the link"),
        look="btn-primary",
    ),
    "revoke_invitation": Manner("x"),
    "withdraw": Manner("arrow-back-up"),
    "nudge": Manner("bell"),
    "note": Manner(
        "message",
        "c",
        gettext_lazy("Everybody who may read the case reads it in the history; nothing waits for an answer."),
        gettext_lazy("Note it"),
    ),
    "copy": Manner("copy"),
    "pause": Manner("player-pause"),
    "resume": Manner("player-play"),
    "void": Manner(
        "ban",
        help=gettext_lazy(
            "The case ends without a result. Its number and everything written stay, and it can be reopened. What it charged, booked or moved in the ledgers is taken back by entries with this reason."
        ),
        look="btn-outline-danger",
    ),
    "reopen": Manner("player-play", look="btn-primary"),
}


@dataclass
class Entry:
    """One thing to give."""

    name: str
    title: str
    type: str
    is_required: bool
    choices: list[Choice] = field(default_factory=list)
    value: str = ""
    error: str = ""
    is_on: bool = False


@dataclass
class VerbForm:
    """A verb as a line to open; its form is made when it is open, since some ask to choose among everybody in the company."""

    name: str
    title: str
    address: str
    """Where the form is got, and sent to."""
    anchor: str
    manner: Manner
    is_open: bool = False
    is_begun: bool = False
    """It was just asked for."""
    entries: list[Entry] = field(default_factory=list)
    help: str = ""
    error: str = ""

    @property
    def button(self) -> str:
        return str(self.manner.button or self.title)


@dataclass
class Asked:
    """A task that is not the reader's to complete, and what he may do about it."""

    title: str
    holder: str
    question: str
    forms: list[VerbForm]
    is_for_him: bool = False
    """Somebody waits for his signature or opinion."""


def given_by(verb: Verb, post: QueryDict) -> dict[str, Any]:
    """What a form gave, by parameter."""
    found: dict[str, Any] = {}
    for parameter in verb.parameters:
        text = post.get(parameter.name, "").strip()
        if parameter.type == "members":
            found[parameter.name] = [one for one in post.getlist(parameter.name) if one]
        elif parameter.type == "boolean":
            found[parameter.name] = bool(text)
        else:
            found[parameter.name] = text
    if verb.parameter("to_item") and "|" in str(found.get("to", "")):
        found["to"], _bar, found["to_item"] = found["to"].partition("|")
    return found


def case_forms(record: Record, words: Words, attempt: Attempt | None) -> list[VerbForm]:
    return [_case_form(record, words, verb, attempt) for verb in offered(record.may) if verb.name not in OF_THEIR_OWN]


def _case_form(record: Record, words: Words, verb: Verb, attempt: Attempt | None) -> VerbForm:
    mine = attempt if attempt and not attempt.step else None
    return _form(record, words, verb, reverse(f"case_{verb.noun}", args=[record.case.number]), None, mine)


def task_forms(
    record: Record, words: Words, task: Task, attempt: Attempt | None, but: Collection[str] = ()
) -> list[VerbForm]:
    return [
        _task_form(record, words, verb, task, attempt)
        for verb in offered(record.may, task)
        if verb.name not in OF_THEIR_OWN and verb.name not in but
    ]


def _task_form(record: Record, words: Words, verb: Verb, task: Task, attempt: Attempt | None) -> VerbForm:
    mine = attempt if attempt and (attempt.step, attempt.item) == (task.step, task.item) else None
    place = [record.case.number, task.step, *([task.item] if task.item else [])]
    return _form(record, words, verb, reverse(f"case_{verb.noun}", args=place), task, mine)


def form_of(record: Record, words: Words, verb: Verb, attempt: Attempt) -> VerbForm | None:
    """The form of a verb somebody wants to use; None where he may not, or may no longer."""
    if verb.subject == "case":
        return _case_form(record, words, verb, attempt) if verb.name in record.may.case_verbs else None
    for task in reversed(record.folder.tasks):
        if (task.step, task.item) == (attempt.step, attempt.item) and verb in offered(record.may, task):
            return _task_form(record, words, verb, task, attempt)
    return None


def asked_of(record: Record, words: Words, attempt: Attempt | None) -> list[Asked]:
    """The tasks beside his own about which he may do something: first those where somebody waits for him."""
    found = []
    for task in record.folder.tasks:
        verbs = record.may.task_verbs.get(task.pk or 0, frozenset())
        own = task in record.may.tasks
        but = verbs - {"sign", "give_opinion", "withdraw"} if own else ()
        forms = task_forms(record, words, task, attempt, but)
        if not forms:
            continue
        waits = bool(verbs & {"sign", "give_opinion"})
        holders = [task.done_by_id] if task.done_by_id else record.assigned.get(task.pk, ())
        holder = words.listed(words.person(pk) for pk in holders)
        found.append(Asked(words.step(task.step, task.item), holder, _question(record, task), forms, waits))
    return sorted(found, key=lambda one: not one.is_for_him)


def _question(record: Record, task: Task) -> str:
    """What he was asked last about the task."""
    for event in reversed(record.events):
        facts = event.facts
        asked = event.name in ("task.opinion_asked", "task.signer_added") and record.person.key in facts.get("who", ())
        if asked and (facts.get("step"), facts.get("item", "")) == (task.step, task.item):
            return str(facts.get("reason", ""))
    return ""


def _form(
    record: Record, words: Words, verb: Verb, address: str, task: Task | None, attempt: Attempt | None
) -> VerbForm:
    begun = attempt if attempt and attempt.verb == verb.noun else None
    anchor = f"{verb.noun}-{task.pk}" if task else verb.noun
    form = VerbForm(verb.name, str(verb.title), address, anchor, MANNERS[verb.name])
    form.is_open = begun is not None or verb.name in WAITED_FOR
    if not form.is_open:
        return form
    form.is_begun = begun is not None and begun.refusal is None
    given = begun.given if begun else {}
    errors = {finding.path: str(finding) for finding in begun.findings} if begun else {}
    form.entries = [
        Entry(
            parameter.name,
            str(parameter.title),
            parameter.type,
            parameter.required,
            choices,
            value=given[parameter.name] if isinstance(given.get(parameter.name), str) else "",
            error=errors.pop(parameter.name, ""),
            is_on=given.get(parameter.name) is True,
        )
        for parameter in verb.parameters
        if (choices := _choices(record, words, verb, parameter, task, given)) is not None
    ]
    form.help = str(form.manner.help)
    if verb.name == "reopen" and len(form.entries) == 1:
        form.help = _(
            "It stands again where it stood; where something was taken back from the ledgers, at the step that enters it again."
        )
    if verb.name == "void":
        form.help = " ".join(filter(None, [form.help, words.what_stays()]))
    form.error = " ".join(errors.values()) if errors else (begun.sentence if begun and not begun.findings else "")
    return form


def _choices(
    record: Record, words: Words, verb: Verb, parameter: Parameter, task: Task | None, given: Mapping[str, Any]
) -> list[Choice] | None:
    """What a parameter is chosen from, empty where it is written; None where it is not asked for."""
    value = given.get(parameter.name)
    if parameter.choices:
        return [Choice(key, str(title), is_chosen=key == value) for key, title in parameter.choices.items()]
    if parameter.type == "step":
        return _places(record, words, task, given) or None
    if parameter.name == "to_item":  # goes with the step
        return None
    if parameter.name == "name":
        return [Choice(one.name, one.name, note=one.email) for one in record.contacts]
    if parameter.type not in ("member", "members"):
        return []
    chosen = {value} if isinstance(value, str) else set(value or ())
    known = people(record.folder.work.people, words.language)
    if verb.name == "drop_signer" and task:
        asked = {signer.who for signer in token_of(task).signers if not signer.agreed}
        known = [one for one in known if one.value in asked]
    if verb.name == "hand_over" and task:
        keys = record.folder.work.people.keys
        holders = {keys.get(member) for member in record.assigned.get(task.pk, ())}
        return [
            Choice(one.value, one.title, one.value in chosen, one.note) for one in known if one.value not in holders
        ]
    return [
        Choice(one.value, one.title, one.value in chosen, one.note) for one in known if one.value != record.person.key
    ]


def _places(record: Record, words: Words, task: Task | None, given: Mapping[str, Any]) -> list[Choice]:
    """The steps done before: to which a task may be sent back, or at which a case goes on."""
    to = given.get("to", "")
    if task:
        chosen = f"{to}|{given.get('to_item', '')}"
        places = [(f"{key}|{item}", words.step(key, item)) for key, item in record.may.returns.get(task.pk, ())]
        return [Choice(value, title, value == chosen) for value, title in places]
    if record.case.status == "voided":
        return []
    steps, done = record.folder.procedure.steps, reversed(list(record.folder.state.done))
    keys = [key for key, _item in done if key in steps and steps[key].kind == "task" and not steps[key].beside]
    return [Choice(key, words.step(key), key == to) for key in dict.fromkeys(keys)]
