"""`kehu procedure`: the procedures in force, and switching one on or off."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from . import setting_up


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kehu procedure",
        description="List the procedures in force, or switch one on or off. Cases of a procedure that is off cannot be opened; "
        "open ones go on.",
    )
    parser.add_argument("key", nargs="?", metavar="PROCEDURE", help="its key")
    switch = parser.add_mutually_exclusive_group()
    switch.add_argument("--on", action="store_true", help="switch it on")
    switch.add_argument("--off", action="store_true", help="switch it off")
    parser.add_argument("--organization", metavar="ORGANIZATION", help="its key; not needed where there is only one")
    given = parser.parse_args(arguments)
    if (given.on or given.off) and not given.key:
        parser.error("say which: kehu procedure PROCEDURE --on")
    setting_up.django()
    organization = setting_up.organization(given.organization)
    if organization is None:
        return 1
    from django.utils import translation

    from kehu.core import clock
    from kehu.core.refusals import Refusal
    from kehu.procedures import actions, revisions

    with translation.override("en"):
        try:
            if given.on or given.off:
                now = clock.now(organization)
                actions.switch(organization=organization, procedure=given.key, on=given.on, by="", now=now)
                organization.refresh_from_db()
        except Refusal as refusal:
            print(refusal, file=sys.stderr)
            return 1
    for key, found in revisions.in_force(organization).items():
        if given.key in (None, key):
            print(f"{key}: {found.number} {found.title['en']}, {'on' if revisions.is_on(found) else 'switched off'}")
    return 0
