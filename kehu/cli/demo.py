"""`kehu demo`: the demo company, its people, customers and cases in all states."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from . import setting_up

PACK = Path(__file__).parents[2] / "packs" / "mfg"


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kehu demo", description="Make the demo company, where the database has none."
    )
    parser.add_argument("--pack", type=Path, default=PACK, metavar="DIR", help="whose demo.yaml to load [packs/mfg]")
    given = parser.parse_args(arguments)
    setting_up.django()
    setting_up.tables()
    return make_demo(given.pack, says_so=True)


def make_demo(folder: Path = PACK, *, says_so: bool = False, stories: bool = True) -> int:
    """Makes it once: all of it or nothing. A later start finds it and leaves it as it is. Without `stories` it has no cases yet."""
    from django.db import transaction

    from kehu.cases.demo import tell_stories
    from kehu.cases.posting.customers import enter as enter_customers
    from kehu.core import clock
    from kehu.core.models import Message, Organization
    from kehu.core.scope import every_organization, scope
    from kehu.organizations import actions as organizations
    from kehu.procedures import actions as procedures
    from kehu.procedures.checks import check_pack
    from kehu.procedures.packs import key_of, load

    with every_organization():
        there = Organization.objects.filter(key=key_of(folder)).first()
    if there:
        if says_so:
            print(f"{there.title['en']} is there already, and stays as it is.")
        return 0
    loaded = load(folder)
    if problems := check_pack(loaded):
        print(*problems, sep="\n", file=sys.stderr)
        return 1
    assert loaded.pack
    print(f"Making the demo company from {folder.name} …", flush=True)
    now = clock.now()
    with transaction.atomic():
        organization = organizations.set_up(pack=loaded.pack, tables=loaded.raw_tables, by="", now=now)
        with scope(organization):
            organization.is_demo = True
            organization.save(update_fields=["is_demo"])
        for key, person in loaded.demo["people"].items():
            organizations.take_on(organization=organization, key=key, by="", now=now, **person)
        procedures.publish(organization=organization, loaded=loaded, by="", now=now, checked=True)
        with scope(organization):
            enter_customers(organization, loaded.demo["customers"], {}, now)
        differences = tell_stories(loaded, organization, loaded.source(folder / "demo.yaml"), now) if stories else []
        # What was said before today is no news: nobody starts with a hundred notices and mails.
        with scope(organization):
            Message.objects.filter(created_at__lt=now - timedelta(hours=24)).update(state="sent")
    for difference in differences:
        print(difference, file=sys.stderr)
    return 0
