"""The forms in which verbs are given what they need, made from the table (`cases/verbs.py`): a new verb has its form for nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.http import QueryDict
from django.urls import reverse

from kehu.cases.history import Record
from kehu.cases.models import Task
from kehu.cases.moves import token_of
from kehu.cases.verbs import Parameter, Verb, offered
from kehu.cases.wording import Words

from .forms import Choice, people

if TYPE_CHECKING:
    from .sheet import Attempt

OF_THEIR_OWN = ("complete", "save_draft", "send_back", "hand_over", "void", "reopen")
"""Verbs that the case's page words by itself."""

ICONS = {
    "add_signer": "signature",
    "drop_signer": "x",
    "sign": "signature",
    "ask_opinion": "message",
    "give_opinion": "message",
    "withdraw": "arrow-back-up",
    "nudge": "bell",
    "copy": "copy",
    "pause": "player-pause",
    "resume": "player-play",
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
    name: str
    title: str
    icon: str
    address: str
    anchor: str
    entries: list[Entry]
    is_open: bool = False
    error: str = ""


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
    number, mine = record.case.number, attempt if attempt and not attempt.step else None
    return [
        _form(record, words, verb, reverse(f"case_{verb.noun}", args=[number]), None, mine)
        for verb in offered(record.may)
        if verb.name not in OF_THEIR_OWN
    ]


def task_forms(
    record: Record, words: Words, task: Task, attempt: Attempt | None, but: Collection[str] = ()
) -> list[VerbForm]:
    mine = attempt if attempt and (attempt.step, attempt.item) == (task.step, task.item) else None
    place = [record.case.number, task.step, *([task.item] if task.item else [])]
    return [
        _form(record, words, verb, reverse(f"case_{verb.noun}", args=place), task, mine)
        for verb in offered(record.may, task)
        if verb.name not in OF_THEIR_OWN and verb.name not in but
    ]


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
        for form in forms:
            form.is_open = form.is_open or (waits and form.name in ("sign", "give_opinion"))
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
    failed = attempt if attempt and attempt.verb == verb.noun else None
    given = failed.given if failed else {}
    errors = {finding.path: str(finding) for finding in failed.findings} if failed else {}
    anchor = f"{verb.noun}-{task.pk}" if task else verb.noun
    entries = [
        Entry(
            parameter.name,
            str(parameter.title),
            parameter.type,
            parameter.required,
            _choices(record, words, parameter, task, given.get(parameter.name)),
            value=given[parameter.name] if isinstance(given.get(parameter.name), str) else "",
            error=errors.pop(parameter.name, ""),
            is_on=given.get(parameter.name) is True,
        )
        for parameter in verb.parameters
    ]
    rest = " ".join(errors.values()) if errors else (str(failed.refusal) if failed and not failed.findings else "")
    return VerbForm(
        verb.name, str(verb.title), ICONS.get(verb.name, "dots"), address, anchor, entries, failed is not None, rest
    )


def _choices(record: Record, words: Words, parameter: Parameter, task: Task | None, given: Any) -> list[Choice]:
    if parameter.choices:
        return [Choice(key, str(title), is_chosen=key == given) for key, title in parameter.choices.items()]
    if parameter.type not in ("member", "members"):
        return []
    chosen = {given} if isinstance(given, str) else set(given or ())
    known = people(record.folder.work.people, words.language)
    if parameter.type == "member" and task:
        asked = {signer.who for signer in token_of(task).signers if not signer.agreed}
        known = [one for one in known if one.value in asked]
    return [
        Choice(one.value, one.title, one.value in chosen, one.note) for one in known if one.value != record.person.key
    ]
