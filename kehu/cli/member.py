"""`kehu member`: somebody joins the company, gets his positions, and a password or a link with which he chooses one."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from . import setting_up

if TYPE_CHECKING:
    from kehu.core.models import Organization
    from kehu.organizations.models import Member


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kehu member",
        description="Take on a member. The password is asked for, or read from standard input. With --invite he chooses it "
        "himself: the link is printed, or with --mail sent. A member without a password can be invited again.",
    )
    parser.add_argument("organization", metavar="ORGANIZATION", help="its key, as in the pack")
    parser.add_argument("key", metavar="KEY", help="a short name in small letters; it never changes")
    parser.add_argument("--name", default="", help="the name in Chinese; needed for a new member")
    parser.add_argument("--name-en", default="", help="the name in English [the same]")
    parser.add_argument(
        "--position",
        action="append",
        default=[],
        metavar="POSITION",
        help="a position's key; may be given several times",
    )
    parser.add_argument("--email", help="of a new member; of one who is there: changed to this")
    parser.add_argument("--language", choices=["zh-hans", "en"], default="zh-hans")
    parser.add_argument("--invite", action="store_true", help="print a link with which he chooses his password")
    parser.add_argument("--mail", action="store_true", help="with --invite: send him the link instead")
    parser.add_argument("--appoint", metavar="POSITION", help="a member holds this position, from --from on")
    parser.add_argument("--from", dest="from_", type=date.fromisoformat, metavar="DAY", help="with --appoint [today]")
    parser.add_argument("--leave", type=date.fromisoformat, metavar="DAY", help="a member leaves after this day")
    parser.add_argument("--successor", default="", metavar="KEY", help="with --leave: who has what was his")
    parser.add_argument("--stay", action="store_true", help="a leaving that was entered is called off")
    given = parser.parse_args(arguments)
    if given.mail and not given.invite:
        parser.error("--mail goes with --invite")
    setting_up.django()
    from kehu.core.refusals import BadData

    try:
        return _take_on(given)
    except BadData as refusal:
        print(*refusal.findings, sep="\n", file=sys.stderr)
        return 1


def _take_on(given: argparse.Namespace) -> int:
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    from kehu.core.models import Organization
    from kehu.core.scope import every_organization, scope
    from kehu.organizations.models import Member, Position

    with every_organization():
        there = {one.key: one for one in Organization.objects.order_by("pk")}
    organization = there.get(given.organization)
    if organization is None:
        print(
            f"There is no organization {given.organization}. There are: {', '.join(there) or 'none'}.", file=sys.stderr
        )
        return 1
    with scope(organization):
        positions = set(Position.objects.values_list("key", flat=True))
        member = Member.objects.filter(key=given.key).first()
    if unknown := [position for position in given.position if position not in positions]:
        print(f"There is no position {', '.join(unknown)}. There are: {', '.join(sorted(positions))}.", file=sys.stderr)
        return 1
    moves = member is not None and given.email is not None
    if given.appoint or given.leave or given.stay or moves:
        code = _change(given, organization)
        if code or not given.invite:
            return code
    if member is not None and given.invite:
        return _invite(member, given.mail)
    if member is not None:
        print(f"There is a member {given.key} already. To let him choose a password: --invite", file=sys.stderr)
        return 1
    if not given.name:
        print("Say the name: --name NAME", file=sys.stderr)
        return 1
    if given.invite:
        return _invite(_new(given, organization), given.mail)
    password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    try:
        validate_password(password)
    except ValidationError as error:
        print(*error.messages, sep="\n", file=sys.stderr)
        return 1
    member = _new(given, organization)
    assert member.user
    member.user.set_password(password)
    member.user.save(update_fields=["password"])
    print(f"{member.key} signs in as {member.user.username}.")
    return 0


def _change(given: argparse.Namespace, organization: Organization) -> int:
    from django.utils import translation

    from kehu.core import clock
    from kehu.core.refusals import Refusal
    from kehu.organizations import members
    from kehu.organizations.queries import local_now

    now = clock.now(organization)
    who: dict[str, Any] = {"organization": organization, "member": given.key, "by": "", "now": now}
    with translation.override("en"):
        try:
            if given.appoint:
                day = given.from_ or local_now(organization, now).date()
                members.appoint(**who, position=given.appoint, valid_from=day)
                print(f"{given.key} holds {given.appoint} from {day} on.")
            if given.leave:
                members.leave(**who, last_day=given.leave, successor=given.successor)
                print(f"{given.key} leaves after {given.leave}; a worker then hands everything on and ends the access.")
            if given.email is not None:
                _move(given, organization, now)
            if given.stay:
                members.stay(**who)
                print(f"{given.key} stays.")
        except Refusal as refusal:
            print(refusal, file=sys.stderr)
            return 1
    return 0


def _move(given: argparse.Namespace, organization: Organization, now: datetime) -> None:
    """Another mail address."""
    from kehu.accounts import actions
    from kehu.core.scope import scope
    from kehu.organizations.models import Member
    from kehu.organizations.queries import local_now

    with scope(organization):
        found = Member.objects.get(key=given.key)
    until = actions.change(
        organization=organization,
        member=found.key,
        name=found.name,
        email=given.email,
        language=found.language,
        by="",
        now=now,
    )
    print(f"Mail to {given.key} goes to {given.email or 'no address'}.")
    if until:
        print(
            f"Until {local_now(organization, until):%Y-%m-%d %H:%M} letters with a link go to the former address only."
        )


def _new(given: argparse.Namespace, organization: Organization) -> Member:
    from kehu.core import clock
    from kehu.organizations import actions

    return actions.take_on(
        organization=organization,
        key=given.key,
        name={"zh": given.name, "en": given.name_en or given.name},
        positions=given.position,
        by="",
        now=clock.now(),
        email=given.email or "",
        language=given.language,
    )


def _invite(member: Member, by_mail: bool) -> int:
    from django.utils import translation

    from kehu.accounts import actions
    from kehu.core import clock
    from kehu.core.refusals import Refusal

    with translation.override("en"):
        try:
            link = actions.invite(member=member, by="", now=clock.now(), by_mail=by_mail)
        except Refusal as refusal:
            print(refusal, file=sys.stderr)
            return 1
    if by_mail:
        print(f"A letter to {member.email} is on its way; a worker (`kehu serve` or `kehu worker`) sends it.")
    else:
        print(f"Give this link to {member.key}. It is good once, for seven days:\n{link}")
    return 0
