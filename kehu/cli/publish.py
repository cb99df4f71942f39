"""`kehu publish`: a pack's company, positions and calendar, and its procedures, put in force."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import setting_up


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kehu publish",
        description="Set up the company of a pack, or bring it up to date, and put the procedures that changed in force. "
        "Open cases keep the revision they opened under.",
    )
    parser.add_argument("pack", type=Path, metavar="PACK", help="the folder of a pack; it must be free of problems")
    parser.add_argument(
        "--by", metavar="MEMBER", default="", help="who publishes: a member's key (not for the first time)"
    )
    given = parser.parse_args(arguments)
    setting_up.django()
    setting_up.tables()
    return _publish(given.pack, given.by)


def _publish(folder: Path, by: str) -> int:
    from django.db import transaction

    from kehu.cases.examples import run_stories, stage
    from kehu.core import clock
    from kehu.core.models import Organization
    from kehu.core.scope import every_organization
    from kehu.organizations import actions as organizations
    from kehu.organizations.models import Member
    from kehu.procedures import actions as procedures
    from kehu.procedures.checks import check_pack
    from kehu.procedures.packs import load
    from kehu.procedures.sources import Source
    from kehu.reports.shown import SHOWN

    loaded = load(folder)
    if problems := check_pack(loaded):
        print(*problems, sep="\n", file=sys.stderr)
        print(f"{len(problems)} problems; nothing was published.", file=sys.stderr)
        return 1
    assert loaded.pack
    with every_organization():
        known = Organization.objects.filter(key=loaded.pack.key).first()
        may_publish = known is None or Member.everywhere.filter(organization=known, key=by).exists()
    if known and not may_publish:
        print(f"Say who publishes: --by MEMBER, a member of {known.key}.", file=sys.stderr)
        return 1
    with transaction.atomic():
        staged = stage(loaded.named(f"{loaded.pack.key}_stories"), clock.now())
        differences = [
            difference
            for file in loaded.examples.values()
            for difference in run_stories(loaded, staged, Source.read(file), SHOWN).differences
        ]
        transaction.set_rollback(True)
    if differences:
        print(*differences, sep="\n", file=sys.stderr)
        print("The pack's own stories do not come true; nothing was published.", file=sys.stderr)
        return 1
    with transaction.atomic():
        organization = organizations.set_up(pack=loaded.pack, tables=loaded.raw_tables, by=by, now=clock.now())
        published = procedures.publish(organization=organization, loaded=loaded, by=by, now=clock.now(), checked=True)
    for revision in published:
        print(f"{revision.procedure.key}: {revision.label} is in force.")
    if not published:
        print("No procedure has changed.")
    return 0
