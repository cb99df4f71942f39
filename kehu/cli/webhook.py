"""`kehu webhook`: subscriptions of other programs, and their deliveries sent again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from . import setting_up

if TYPE_CHECKING:
    from kehu.core.models import Organization


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="kehu webhook", description="Webhooks, and their deliveries sent again.")
    parser.add_argument(
        "--organization", metavar="KEY", help="whose webhooks; not needed where there is one organization"
    )
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    acts.add_parser("list", help="every webhook: where it leads, what goes there, what waits")
    again = acts.add_parser("replay", help="send deliveries again, under the ids they had")
    again.add_argument("name", metavar="WEBHOOK", help="its key (webhook-1) or its name")
    again.add_argument(
        "--delivery", type=int, action="append", metavar="NUMBER", help="this one; may be given several times"
    )
    again.add_argument(
        "--since", metavar="TIME", help="events from this time on: 2026-03-15T14:00, in the company's zone"
    )
    again.add_argument("--until", metavar="TIME", help="events before this time [now]")
    given = parser.parse_args(arguments)
    if given.act == "replay" and not (given.delivery or given.since):
        parser.error("say what: --delivery NUMBER, or --since TIME")
    setting_up.django()
    organization = setting_up.organization(given.organization)
    if organization is None:
        return 1
    from kehu.core.scope import scope

    with scope(organization):
        return _list(organization) if given.act == "list" else _replay(organization, given)


def _list(organization: Organization) -> int:
    from kehu.core import clock
    from kehu.notifications.health import health_of
    from kehu.notifications.models import Channel

    for health in health_of(organization, clock.now(organization)):
        channel = health.channel
        if channel.kind == Channel.Kind.WEBHOOK:
            print(f"{channel.key:<12} {health.state:<8} waiting {health.waiting:<6} {health.place}  {channel.title}")
            print(
                f"{'':<12} {' '.join(channel.takes)}{'  of ' + ' '.join(channel.procedures) if channel.procedures else ''}"
            )
    return 0


def _replay(organization: Organization, given: argparse.Namespace) -> int:
    from kehu.core import clock
    from kehu.notifications.models import Channel
    from kehu.notifications.undelivered import replay

    webhooks = Channel.objects.select_related("organization").filter(kind=Channel.Kind.WEBHOOK, removed_at=None)
    found = webhooks.filter(key=given.name).first() or webhooks.filter(title=given.name).first()
    if found is None:
        print(
            f"There is no webhook {given.name}. There are: {', '.join(one.key for one in webhooks) or 'none'}.",
            file=sys.stderr,
        )
        return 1
    zone = ZoneInfo(organization.timezone)
    try:
        since, until = (
            datetime.fromisoformat(text).replace(tzinfo=zone) if text else None for text in (given.since, given.until)
        )
    except ValueError:
        print("Write a time as 2026-03-15T14:00.", file=sys.stderr)
        return 1
    count = replay(channel=found, only=given.delivery, since=since, until=until, by="", now=clock.now(organization))
    print(f"{found.key}: {count} will be sent again by the worker.")
    return 0
