"""`kehu calendar`: a year's public holidays as a library believes them, confirmed by a person."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from . import setting_up
from .progress import Shown


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kehu calendar",
        description="Propose a year's holidays and make-up workdays. Nothing counts before it is confirmed with --confirm --by.",
    )
    parser.add_argument("year", type=int)
    parser.add_argument("--country", default="CN", help="two letters [CN]")
    parser.add_argument(
        "--organization", metavar="KEY", help="whose calendar; not needed where there is one organization"
    )
    parser.add_argument("--confirm", action="store_true", help="these days are right: count them from now on")
    parser.add_argument("--by", metavar="MEMBER", default="", help="who confirms: a member's key")
    given = parser.parse_args(arguments)
    if given.confirm and not given.by:
        parser.error("say who confirms: --by MEMBER")
    setting_up.django()
    return _propose(given)


def _propose(given: argparse.Namespace) -> int:
    from django.utils import translation

    from kehu.cases import recounting
    from kehu.core import clock
    from kehu.core.models import Organization
    from kehu.core.scope import every_organization, scope
    from kehu.organizations import actions
    from kehu.organizations.permissions import may_administer, whose
    from kehu.organizations.queries import directory, local_now

    with every_organization():
        there = list(Organization.objects.order_by("pk"))
    found = [one for one in there if given.organization in (None, one.key)]
    if len(found) != 1:
        print(f"Say which organization: --organization {' | '.join(one.key for one in there)}", file=sys.stderr)
        return 1
    organization = found[0]
    now = clock.now(organization)
    with scope(organization), translation.override("zh-hans"):
        if given.confirm:
            by = directory(organization, local_now(organization, now).date()).people.get(given.by)
            if by is None:
                print(f"There is no member {given.by} in {organization.key}.", file=sys.stderr)
                return 1
            if not may_administer(by, "calendar", organization):
                with translation.override("en"):
                    print(
                        f"{given.by} may not confirm the calendar. This is for {whose('calendar', organization)}.",
                        file=sys.stderr,
                    )
                return 1
        proposal = actions.propose_holidays(
            organization=organization, year=given.year, country=given.country, by=given.by, now=now
        )
        print(f"{given.year}, {proposal.source}:")
        for day in proposal.days:
            name = day["name"]
            words = name if isinstance(name, str) else f"{name.get('zh', '')} {name.get('en', '')}"
            print(
                f"  {day['day']}  {day['kind']:<10}{words.strip()}{'  ' + ', '.join(day['periods']) if day['periods'] else ''}"
            )
        for remark in proposal.remarks:
            print(f"  ! {remark['zh']}\n    {remark['en']}")
        if not given.confirm:
            print("Not confirmed. If these days are right:  --confirm --by MEMBER")
            return 0
        if not proposal.days:
            print("There is nothing to confirm.", file=sys.stderr)
            return 1
        actions.confirm_holidays(proposal=proposal, by=given.by, now=now)
        total = recounting.ask(organization=organization, now=now)
        shown = Shown()
        recounting.recount(organization, now, told=lambda count: shown(f"counted again, of {total:,}", count))
        shown.done()
        print(f"Confirmed by {given.by}. {total} open cases were counted again.")
    return 0
