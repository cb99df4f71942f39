"""Every verb of a case and of its tasks, in one table that pages, API, command line and stories read: a new verb is one row.

A row says what the verb is called, the action that does it, whether it is about a task or about the case, and what it is given:

- `VERBS: dict[str, Verb]`, by name (`send_back`), in the order in which they are offered.
- `Verb(name, act, subject, title, done, noun, parameters)`. `act` takes keywords only: `organization, number, by, now`; of a task also
  `step, item`; `version` where `verb.takes_version`; and its `parameters`. It gives the case.
- `Parameter(name, type, title, required)`: `type` says what is expected: `text` (many lines), `line` (one), `day`, `boolean`, `member` (a member's
  key), `members`, `choice` (of `choices`), `step` (a step done before; a row of it may follow as `to_item`), `outcome` (a key of the
  step's outcomes), `values` (the form's fields by key).
- `perform(name, …, given={…})` looks at what is given and calls the action. `offered(may)` and `offered(may, task)` are the verbs
  somebody may use now.

Refusals are the actions'. Whether somebody may is asked there again, under the case's lock.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.core.models import Organization
from kehu.core.refusals import BadData, Finding

from . import actions, invitations, opinions, pauses, signing, telling, withdrawal
from .models import Case, Task
from .permissions import May

Type = Literal["text", "line", "day", "boolean", "member", "members", "choice", "step", "outcome", "values"]
Words = str | Promise


@dataclass(frozen=True)
class Parameter:
    """Something a verb is given."""

    name: str
    type: Type
    title: Words
    required: bool = False
    choices: Mapping[str, Words] = field(default_factory=dict)


@dataclass(frozen=True)
class Verb:
    name: str
    act: Callable[..., Case]
    subject: Literal["task", "case"]
    title: Words
    done: Words
    """What is said when it is done; may name {step}, {number}, {to}."""
    noun: str
    """The verb in an address: `return` for send_back."""
    parameters: tuple[Parameter, ...] = ()

    @cached_property
    def takes_version(self) -> bool:
        return "version" in inspect.signature(self.act).parameters

    def parameter(self, name: str) -> Parameter | None:
        return next((parameter for parameter in self.parameters if parameter.name == name), None)


_REASON = Parameter("reason", "text", gettext_lazy("Reason"))
_NEEDED = Parameter("reason", "text", gettext_lazy("Reason"), required=True)

ORDERS: dict[str, Words] = {
    "before": gettext_lazy("before I complete it"),
    "after": gettext_lazy("after I have completed it"),
}
ANSWERS: dict[str, Words] = {"agree": gettext_lazy("Agree"), "refuse": gettext_lazy("Refuse")}

LANGUAGES: dict[str, Words] = {"zh-hans": "简体中文", "en": "English"}
_INVITED = (
    Parameter("name", "line", gettext_lazy("Who?"), required=True),
    Parameter("address", "line", gettext_lazy("Mail address")),
    Parameter("send", "boolean", gettext_lazy("Send the link there by mail")),
    Parameter("language", "choice", gettext_lazy("Language of the page"), choices=LANGUAGES),
    Parameter("until", "day", gettext_lazy("Valid until the end of")),
)

_ROWS = (
    Verb(
        "complete",
        actions.complete,
        "task",
        gettext_lazy("Complete"),
        gettext_lazy("“{step}” is done."),
        "completion",
        (
            Parameter("values", "values", gettext_lazy("Form")),
            Parameter("outcome", "outcome", gettext_lazy("Outcome")),
            Parameter("to", "step", gettext_lazy("Next step")),
            _REASON,
        ),
    ),
    Verb(
        "save_draft",
        actions.save_draft,
        "task",
        gettext_lazy("Save for later"),
        gettext_lazy("What you typed is kept. Nothing was submitted yet."),
        "draft",
        (Parameter("values", "values", gettext_lazy("Form"), required=True),),
    ),
    Verb(
        "send_back",
        actions.send_back,
        "task",
        gettext_lazy("Send back"),
        gettext_lazy("Sent back to “{to}”."),
        "return",
        (
            Parameter("to", "step", gettext_lazy("Send back to"), required=True),
            Parameter("to_item", "text", gettext_lazy("Row")),
            _NEEDED,
        ),
    ),
    Verb(
        "hand_over",
        actions.hand_over,
        "task",
        gettext_lazy("Hand over"),
        gettext_lazy("“{step}” was handed over."),
        "handover",
        (Parameter("to", "member", gettext_lazy("Hand over to"), required=True), _REASON),
    ),
    Verb(
        "add_signer",
        signing.add_signer,
        "task",
        gettext_lazy("Add a signer"),
        gettext_lazy("Asked for a signature: “{step}”."),
        "signers",
        (
            Parameter("who", "members", gettext_lazy("Who signs too?"), required=True),
            Parameter("order", "choice", gettext_lazy("When?"), required=True, choices=ORDERS),
            _REASON,
        ),
    ),
    Verb(
        "drop_signer",
        signing.drop_signer,
        "task",
        gettext_lazy("Take back a request for signature"),
        gettext_lazy("The signature is no longer asked for."),
        "signer-removal",
        (Parameter("who", "member", gettext_lazy("Whose signature?"), required=True), _REASON),
    ),
    Verb(
        "sign",
        signing.sign,
        "task",
        gettext_lazy("Sign"),
        gettext_lazy("Your answer is noted: “{step}”."),
        "signature",
        (Parameter("answer", "choice", gettext_lazy("Answer"), required=True, choices=ANSWERS), _REASON),
    ),
    Verb(
        "ask_opinion",
        opinions.ask_opinion,
        "task",
        gettext_lazy("Ask for an opinion"),
        gettext_lazy("Asked. You will be told when an answer comes."),
        "questions",
        (
            Parameter("who", "members", gettext_lazy("Whom do you ask?"), required=True),
            Parameter("reason", "text", gettext_lazy("Question"), required=True),
        ),
    ),
    Verb(
        "give_opinion",
        opinions.give_opinion,
        "task",
        gettext_lazy("Give an opinion"),
        gettext_lazy("Your opinion stands in the history now."),
        "opinion",
        (
            Parameter("reason", "text", gettext_lazy("Opinion"), required=True),
            Parameter("declines", "boolean", gettext_lazy("I have no opinion on this")),
        ),
    ),
    Verb(
        "invite",
        invitations.invite,
        "task",
        gettext_lazy("Invite the customer"),
        gettext_lazy("The link is made; it stands under “Links for the customer”."),
        "invitations",
        _INVITED,
    ),
    Verb(
        "withdraw",
        withdrawal.withdraw,
        "task",
        gettext_lazy("Withdraw"),
        gettext_lazy("“{step}” is yours again, with what you had filled."),
        "withdrawal",
        (_REASON,),
    ),
    Verb(
        "nudge",
        telling.nudge,
        "task",
        gettext_lazy("Nudge"),
        gettext_lazy("Whoever has “{step}” was reminded."),
        "nudge",
        (Parameter("reason", "text", gettext_lazy("Message")),),
    ),
    Verb(
        "note",
        telling.note,
        "case",
        gettext_lazy("Write a note"),
        gettext_lazy("The note stands in the history now."),
        "notes",
        (
            Parameter("reason", "text", gettext_lazy("Note"), required=True),
            Parameter("to", "members", gettext_lazy("Tell")),
        ),
    ),
    Verb(
        "copy",
        telling.copy,
        "case",
        gettext_lazy("Send a copy"),
        gettext_lazy("The case is in their copies now."),
        "copies",
        (
            Parameter("to", "members", gettext_lazy("To whom?"), required=True),
            Parameter("reason", "text", gettext_lazy("Note")),
        ),
    ),
    Verb(
        "share_status",
        invitations.share_status,
        "case",
        gettext_lazy("Show the customer how it stands"),
        gettext_lazy("The link is made; it stands under “Links for the customer”."),
        "status-links",
        _INVITED,
    ),
    Verb(
        "revoke_invitation",
        invitations.revoke_invitation,
        "case",
        gettext_lazy("Withdraw a link"),
        gettext_lazy("The link opens nothing any more."),
        "link-withdrawal",
        (Parameter("invitation", "line", gettext_lazy("Which link?"), required=True), _REASON),
    ),
    Verb(
        "pause",
        pauses.pause,
        "case",
        gettext_lazy("Pause the case"),
        gettext_lazy("{number} is paused; its clocks stand still."),
        "pause",
        (_NEEDED,),
    ),
    Verb(
        "resume",
        pauses.resume,
        "case",
        gettext_lazy("Resume the case"),
        gettext_lazy("{number} goes on; its limits are later by the time of the pause."),
        "resumption",
        (_REASON,),
    ),
    Verb(
        "void",
        actions.void,
        "case",
        gettext_lazy("Void the case"),
        gettext_lazy("{number} is void. Its number and all that was written stay."),
        "voiding",
        (_NEEDED,),
    ),
    Verb(
        "reopen",
        actions.reopen,
        "case",
        gettext_lazy("Reopen the case"),
        gettext_lazy("{number} is open again."),
        "reopening",
        (Parameter("to", "step", gettext_lazy("At which step?")), _NEEDED),
    ),
)

VERBS: dict[str, Verb] = {verb.name: verb for verb in _ROWS}


def perform(
    name: str,
    *,
    organization: Organization,
    number: str,
    by: str,
    now: datetime,
    given: Mapping[str, Any],
    step: str = "",
    item: str = "",
    version: int | None = None,
) -> Case:
    """The verb, done; `given` are its parameters by name. What is unknown, missing or of the wrong type is refused as bad data."""
    verb = VERBS.get(name)
    if verb is None:
        raise BadData(
            [
                Finding(
                    "verb",
                    _("There is no verb “{name}”. There are: {names}.").format(name=name, names=", ".join(VERBS)),
                )
            ]
        )
    words = _checked(verb, given)
    if verb.subject == "task":
        if not step:
            raise BadData([Finding("step", _("Say which step is meant."))])
        words |= {"step": step, "item": item}
    if verb.takes_version:
        words["version"] = version
    return verb.act(organization=organization, number=number, by=by, now=now, **words)


def _checked(verb: Verb, given: Mapping[str, Any]) -> dict[str, Any]:
    """What is given, without what was left empty."""
    findings = []
    known = {parameter.name for parameter in verb.parameters}
    for name in given:
        if name not in known:
            sentence = _("“{verb}” is not given “{name}”. It is given: {names}.")
            findings.append(
                Finding(name, sentence.format(verb=verb.name, name=name, names=", ".join(sorted(known)) or "–"))
            )
    words = {}
    for parameter in verb.parameters:
        value = given.get(parameter.name)
        if value is None or value == "" or value == []:
            if parameter.required:
                findings.append(Finding(parameter.name, _missing(parameter)))
            continue
        if problem := _mistyped(parameter, value):
            findings.append(Finding(parameter.name, problem))
        words[parameter.name] = value
    if findings:
        raise BadData(findings)
    return words


def _missing(parameter: Parameter) -> str:
    if parameter == _NEEDED:
        return _("A reason is needed.")
    return _("“{name}” is missing.").format(name=parameter.title)


_SHAPES: dict[str, tuple[type, ...]] = {"boolean": (bool,), "members": (list, tuple), "values": (Mapping,)}


def _mistyped(parameter: Parameter, value: Any) -> str:
    is_right = isinstance(value, _SHAPES.get(parameter.type, (str,)))
    if is_right and parameter.type == "members":
        is_right = all(isinstance(one, str) for one in value)
    if not is_right:
        return _("“{name}” is not of the right type ({type}).").format(name=parameter.title, type=parameter.type)
    if parameter.choices and value not in parameter.choices:
        return _("“{value}” is none of: {choices}.").format(value=value, choices=", ".join(parameter.choices))
    return ""


def offered(may: May, task: Task | None = None) -> list[Verb]:
    """The verbs of the case, or of one of its tasks, that somebody may use now."""
    names = may.case_verbs if task is None else may.task_verbs.get(task.pk or 0, frozenset())
    return [verb for name, verb in VERBS.items() if name in names]
