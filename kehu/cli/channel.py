"""`kehu channel`: the ways messages go out, how they are, and a test of one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import setting_up

if TYPE_CHECKING:
    from kehu.core.models import Organization


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="kehu channel", description="The channels and how they are; a test of one.")
    parser.add_argument(
        "--organization", metavar="KEY", help="whose channels; not needed where there is one organization"
    )
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    acts.add_parser("list", help="every channel: what waits, what was given up, the last failure")
    trial = acts.add_parser("test", help="send a test and say how it went")
    trial.add_argument("name", metavar="NAME", help="the channel's key (mail, chat-1 …) or its name")
    trial.add_argument("--to", default="", metavar="ADDRESS", help="mail: to whom [the sender's own address]")
    given = parser.parse_args(arguments)
    setting_up.django()
    organization = setting_up.organization(given.organization)
    if organization is None:
        return 1
    from kehu.core.scope import scope

    with scope(organization):
        return _list(organization) if given.act == "list" else _test(organization, given.name, given.to)


def _list(organization: Organization) -> int:
    from kehu.core import clock
    from kehu.notifications.health import health_of

    for health in health_of(organization, clock.now(organization)):
        channel = health.channel
        print(
            f"{channel.key:<12} {health.state:<8} waiting {health.waiting:<6} given up {health.dead:<6} {channel.title}"
        )
        if health.state == "failing":
            print(f"{'':<12} {channel.error}")
    return 0


def _test(organization: Organization, name: str, to: str) -> int:
    from django.conf import settings

    from kehu.core import clock
    from kehu.core.refusals import Refusal
    from kehu.notifications import channels
    from kehu.notifications.models import Channel

    channels.mail_of(organization)
    known = Channel.objects.select_related("organization").filter(removed_at=None)
    found = known.filter(key=name).first() or known.filter(title=name).first()
    if found is None:
        print(f"There is no channel {name}. There are: {', '.join(one.key for one in known)}.", file=sys.stderr)
        return 1
    try:
        channels.try_out(
            channel=found,
            organization=organization,
            to=to or settings.DEFAULT_FROM_EMAIL,
            now=clock.now(organization),
        )
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 1
    print(f"{found.key}: the test was accepted. Look whether it arrived.")
    return 0
