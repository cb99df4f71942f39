"""`kehu act NUMBER VERB`: any verb of a case or task, as on its page. What a verb is given: `kehu act --verbs`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import setting_up

if TYPE_CHECKING:
    from kehu.cases.models import Case
    from kehu.cases.verbs import Verb
    from kehu.core.refusals import Refusal


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kehu act",
        description="Do something with a case, as its page does. Refused acts change nothing and end with 1.",
    )
    parser.add_argument("number", nargs="?", metavar="NUMBER", help="the case's number")
    parser.add_argument("verb", nargs="?", metavar="VERB", help="as `kehu act --verbs` lists them")
    parser.add_argument("--verbs", action="store_true", help="list the verbs and what they are given")
    parser.add_argument("--organization", metavar="KEY", help="its key; may be left out where there is only one")
    parser.add_argument("--by", metavar="MEMBER", help="the key of the member who acts")
    parser.add_argument("--step", default="", metavar="STEP", help="the step's key, for verbs of a task")
    parser.add_argument("--item", default="", metavar="ROW", help="the row, where the step is one of several")
    parser.add_argument(
        "--version", type=int, help="the case's version you have seen; what was changed since is refused"
    )
    parser.add_argument("--reason", help="the reason, message, question or opinion")
    parser.add_argument(
        "--give",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another parameter; several members with commas",
    )
    parser.add_argument("--data", metavar="FILE", help="the form's fields as JSON (- reads standard input)")
    parser.add_argument("--json", action="store_true", help="answer as JSON")
    given = parser.parse_args(arguments)
    setting_up.django()
    from django.utils import translation

    if given.verbs:
        return _list(given.json)
    if not (given.number and given.verb and given.by):
        parser.error("NUMBER, VERB and --by are needed")
    with translation.override("en"):
        return _act(given)


def _list(as_json: bool) -> int:
    from kehu.cases.verbs import VERBS

    if as_json:
        found = {
            name: {
                "subject": verb.subject,
                "parameters": {one.name: {"type": one.type, "required": one.required} for one in verb.parameters},
            }
            for name, verb in VERBS.items()
        }
        print(json.dumps(found, indent=2))
        return 0
    for name, verb in VERBS.items():
        words = [f"{one.name}{'' if one.required else '?'}: {one.type}" for one in verb.parameters]
        print(f"{name:<18}{verb.subject:<6}{', '.join(words)}")
    return 0


def _act(given: argparse.Namespace) -> int:
    from kehu.cases.verbs import VERBS, perform
    from kehu.core import clock
    from kehu.core.models import Organization
    from kehu.core.refusals import Refusal
    from kehu.core.scope import every_organization

    with every_organization():
        organizations = list(Organization.objects.order_by("pk"))
    found = [one for one in organizations if given.organization in (None, one.key)]
    if len(found) != 1:
        print(
            f"Say which --organization: {', '.join(one.key for one in organizations) or 'there is none'}.",
            file=sys.stderr,
        )
        return 1
    try:
        words = _given(given, VERBS.get(given.verb))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    try:
        case = perform(
            given.verb,
            organization=found[0],
            number=given.number,
            by=given.by,
            now=clock.now(found[0]),
            step=given.step,
            item=given.item,
            version=given.version,
            given=words,
        )
    except Refusal as refusal:
        return _refused(refusal, given.json)
    return _done(case, given.json, link=_link(case) if given.verb in ("invite", "share_status") else "")


def _given(given: argparse.Namespace, verb: Verb | None) -> dict[str, Any]:
    """What stands on the command line, by parameter; members are split at commas."""
    words: dict[str, Any] = {}
    for text in given.give:
        name, sign, value = text.partition("=")
        if not sign:
            raise ValueError(f'--give {text}: write NAME=VALUE, as "to=vice_gm".')
        parameter = verb.parameter(name) if verb else None
        kind = parameter.type if parameter else "text"
        words[name] = (
            [one.strip() for one in value.split(",") if one.strip()]
            if kind == "members"
            else value in ("true", "yes", "1")
            if kind == "boolean"
            else value
        )
    if given.reason is not None:
        words["reason"] = given.reason
    if given.data:
        words["values"] = _read(given.data)
    return words


def _read(file: str) -> Mapping[str, Any]:
    if file == "-":
        text = sys.stdin.read()
    else:
        with open(file, encoding="utf-8") as opened:
            text = opened.read()
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{file}: this is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise ValueError(f"{file}: an object with the form's fields is meant.")
    return found


def _refused(refusal: Refusal, as_json: bool) -> int:
    from kehu.core.refusals import BadData

    findings = refusal.findings if isinstance(refusal, BadData) else []
    if as_json:
        words = {
            "refused": refusal.kind,
            "code": refusal.code,
            "message": str(refusal),
            "findings": [{"path": one.path, "message": str(one)} for one in findings],
        }
        print(json.dumps(words, ensure_ascii=False, indent=2))
    else:
        print(str(refusal), file=sys.stderr)
    return 1


def _link(case: Case) -> str:
    """The link that was just made."""
    from kehu.cases.links import link_of
    from kehu.cases.models import Invitation
    from kehu.core.scope import scope

    with scope(case.organization):
        return link_of(Invitation.objects.filter(case=case).latest("pk"))


def _done(case: Case, as_json: bool, link: str = "") -> int:
    from kehu.cases.models import Task
    from kehu.core.scope import scope

    with scope(case.organization):
        tasks = [str(task) for task in Task.objects.filter(case=case, state=Task.State.OPEN).order_by("pk")]
    if as_json:
        words = {"number": case.number, "status": case.status, "version": case.version, "open": tasks}
        words |= {"link": link} if link else {}
        print(json.dumps(words, ensure_ascii=False, indent=2))
    else:
        print(f"{case.number} {case.status}: {', '.join(tasks) or 'nothing is open'}")
        if link:
            print(link)
    return 0
