"""`kehu absence`: who is away on which days, and who is asked to stand in; or that somebody is back."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from . import setting_up


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kehu absence",
        description="Enter an absence for a member, in whole days. The deputy counts once he has accepted, on his own page.",
    )
    parser.add_argument("key", metavar="KEY", help="the member's short name")
    parser.add_argument("--organization", metavar="ORGANIZATION", help="its key; not needed where there is only one")
    parser.add_argument("--from", dest="first", type=date.fromisoformat, metavar="DAY", help="the first day away")
    parser.add_argument("--until", dest="last", type=date.fromisoformat, metavar="DAY", help="the last day away")
    parser.add_argument("--kind", choices=["leave", "travel", "other"], default="leave")
    parser.add_argument("--deputy", default="", metavar="KEY", help="who is asked to stand in on these days")
    parser.add_argument(
        "--procedure", action="append", default=[], metavar="KEY", help="the deputy is for this one only"
    )
    parser.add_argument("--limit", type=Decimal, metavar="AMOUNT", help="the highest amount the deputy may decide")
    parser.add_argument("--back", action="store_true", help="he is back today, or does not go after all")
    given = parser.parse_args(arguments)
    if not given.back and not (given.first and given.last):
        parser.error("say the days: --from DAY --until DAY; or --back")
    setting_up.django()
    organization = setting_up.organization(given.organization)
    if organization is None:
        return 1
    from django.utils import translation

    from kehu.core import clock
    from kehu.core.refusals import Refusal
    from kehu.core.scope import scope
    from kehu.organizations import absences
    from kehu.organizations.models import Absence
    from kehu.organizations.queries import local_now

    now = clock.now(organization)
    common: dict[str, Any] = {"organization": organization, "by": "", "now": now}
    with translation.override("en"), scope(organization):
        try:
            if given.back:
                today = local_now(organization, now).date()
                current = Absence.objects.filter(member__key=given.key, canceled_at=None, valid_until__gt=today)
                found = current.order_by("valid_from").first()
                absences.end(**common, absence=found.pk if found else 0)
                print(f"{given.key} is here; deputies named for these days stand in no more.")
            else:
                absences.enter(
                    **common,
                    member=given.key,
                    first_day=given.first,
                    last_day=given.last,
                    kind=given.kind,
                    deputy=given.deputy,
                    procedures=given.procedure,
                    limit=given.limit,
                )
                asked = f"; {given.deputy} is asked to stand in" if given.deputy else ""
                print(f"{given.key} is away from {given.first} to {given.last}{asked}.")
        except Refusal as refusal:
            print(refusal, file=sys.stderr)
            return 1
    return 0
