"""`kehu member`: somebody joins the company and gets his positions and a password."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Sequence

from . import setting_up


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kehu member", description="Take on a member. The password is asked for, or read from standard input."
    )
    parser.add_argument("organization", metavar="ORGANIZATION", help="its key, as in the pack")
    parser.add_argument("key", metavar="KEY", help="a short name in small letters; it never changes")
    parser.add_argument("--name", required=True, help="the name in Chinese")
    parser.add_argument("--name-en", default="", help="the name in English [the same]")
    parser.add_argument(
        "--position",
        action="append",
        default=[],
        metavar="POSITION",
        help="a position's key; may be given several times",
    )
    parser.add_argument("--email", default="")
    parser.add_argument("--language", choices=["zh-hans", "en"], default="zh-hans")
    given = parser.parse_args(arguments)
    setting_up.django()
    return _take_on(given)


def _take_on(given: argparse.Namespace) -> int:
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    from kehu.core import clock
    from kehu.core.models import Organization
    from kehu.organizations import actions
    from kehu.organizations.models import Member, Position

    organization = Organization.objects.filter(key=given.organization).first()
    if organization is None:
        print(
            f"There is no organization {given.organization}. There are: {', '.join(one.key for one in Organization.objects.all()) or 'none'}.",
            file=sys.stderr,
        )
        return 1
    positions = set(Position.everywhere.filter(organization=organization).values_list("key", flat=True))
    if unknown := [position for position in given.position if position not in positions]:
        print(f"There is no position {', '.join(unknown)}. There are: {', '.join(sorted(positions))}.", file=sys.stderr)
        return 1
    if Member.everywhere.filter(organization=organization, key=given.key).exists():
        print(f"There is a member {given.key} already.", file=sys.stderr)
        return 1
    password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    try:
        validate_password(password)
    except ValidationError as error:
        print(*error.messages, sep="\n", file=sys.stderr)
        return 1
    member = actions.take_on(
        organization=organization,
        key=given.key,
        name={"zh": given.name, "en": given.name_en or given.name},
        positions=given.position,
        by="",
        now=clock.now(),
        email=given.email,
        language=given.language,
    )
    assert member.user
    member.user.set_password(password)
    member.user.save(update_fields=["password"])
    print(f"{member.key} signs in as {member.user.username}.")
    return 0
