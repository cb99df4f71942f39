"""`kehu token`: keys for programs that use the API."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from . import setting_up


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="kehu token", description="Make, list and revoke access tokens of the API.")
    acts = parser.add_subparsers(dest="act", required=True)
    create = acts.add_parser("create", help="make a token and print its secret, once")
    create.add_argument("--member", required=True, metavar="KEY", help="whose token: it may do what he may")
    create.add_argument("--scopes", required=True, help="separated by commas, such as cases:read,cases:write")
    create.add_argument("--expires", default="90d", metavar="90d", help="after how many days; at most 366d [90d]")
    create.add_argument("--name", default="kehu token create", help="what it is for")
    acts.add_parser("list", help="every token, without its secret")
    revoke = acts.add_parser("revoke", help="a token opens nothing from now on")
    revoke.add_argument("token", type=int, metavar="NUMBER", help="as `kehu token list` shows it")
    for act in acts.choices.values():
        act.add_argument("--organization", metavar="KEY", help="where there are several organizations")
    given = parser.parse_args(arguments)
    setting_up.django()
    return _in_organization(given)


def _in_organization(given: argparse.Namespace) -> int:
    from django.utils import translation

    from kehu.core import clock
    from kehu.core.models import Organization
    from kehu.core.scope import every_organization, scope

    with every_organization():
        there = list(Organization.objects.order_by("pk"))
    found = [one for one in there if given.organization in (None, one.key)]
    if len(found) != 1:
        print(f"Say which organization: --organization {' | '.join(one.key for one in there)}", file=sys.stderr)
        return 1
    act = {"create": _create, "list": _list, "revoke": _revoke}[given.act]
    with scope(found[0]), translation.override("en"):
        return act(given, found[0], clock.now(found[0]))


def _create(given: argparse.Namespace, organization: Any, now: datetime) -> int:
    from kehu.core.refusals import Refusal
    from kehu.organizations import tokens

    days = re.fullmatch(r"(\d{1,4})d?", given.expires)
    if days is None:
        print("--expires is a number of days, such as 90d.", file=sys.stderr)
        return 1
    try:
        _token, secret = tokens.issue(
            organization=organization,
            member=given.member,
            name=given.name,
            scopes=[part.strip() for part in given.scopes.split(",") if part.strip()],
            expires_at=now + timedelta(days=int(days[1])),
            by="",
            now=now,
        )
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 1
    print(secret)
    print("This is shown once. Keep it where only the program can read it.", file=sys.stderr)
    return 0


def _list(given: argparse.Namespace, organization: Any, now: datetime) -> int:
    from kehu.organizations.tokens import tokens_of

    for token in tokens_of():
        state = "revoked" if token.revoked_at else "good" if token.is_good(now) else "expired"
        used = f"used {token.last_used_on}" if token.last_used_on else "never used"
        print(
            f"{token.pk:>5}  {token.member.key:<24}{state:<9}until {token.expires_at:%Y-%m-%d}  {used:<16}"
            f"{','.join(token.scopes)}  {token.name}"
        )
    return 0


def _revoke(given: argparse.Namespace, organization: Any, now: datetime) -> int:
    from kehu.organizations import tokens
    from kehu.organizations.models import AccessToken

    try:
        found = tokens.revoke(organization=organization, token=given.token, by="", now=now)
    except AccessToken.DoesNotExist:
        print(f"There is no token {given.token}.", file=sys.stderr)
        return 1
    print(f"Revoked: {found.name} ({found.member.key}).")
    return 0
