"""`kehu fill NUMBER TITLE`: a customer's own form, filled from a case, as its page fills it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from . import setting_up

if TYPE_CHECKING:
    from kehu.core.models import Organization


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="kehu fill", description="Fill a form template from a case.")
    parser.add_argument("number", metavar="NUMBER", help="the case's number")
    parser.add_argument(
        "title", nargs="?", metavar="TITLE", help="the template's; without it: list what the case can fill"
    )
    parser.add_argument("--by", required=True, metavar="MEMBER", help="the key of the member who fills it")
    parser.add_argument("--out", metavar="FILE", help="where to write it [the file's own name]")
    parser.add_argument("--organization", metavar="KEY", help="its key; may be left out where there is only one")
    given = parser.parse_args(arguments)
    setting_up.django()
    from django.utils import translation

    from kehu.core import clock
    from kehu.core.models import Organization
    from kehu.core.refusals import Refusal
    from kehu.core.scope import every_organization, scope

    with every_organization():
        found = [one for one in Organization.objects.order_by("pk") if given.organization in (None, one.key)]
    if len(found) != 1:
        print("Say which --organization.", file=sys.stderr)
        return 1
    try:
        with translation.override("en"), scope(found[0]):
            return _fill(given, found[0], clock.now(found[0]))
    except Refusal as refusal:
        print(str(refusal), file=sys.stderr)
        return 1


def _fill(given: argparse.Namespace, organization: Organization, now: datetime) -> int:
    from kehu.cases.form_templates import fitting, revision_for
    from kehu.cases.history import read
    from kehu.organizations.queries import directory, local_now
    from kehu.paper.form_templates import fill

    person = directory(organization, local_now(organization, now).date()).people.get(given.by)
    if person is None:
        print(f"There is no member {given.by}.", file=sys.stderr)
        return 1
    record = read(organization=organization, number=given.number, person=person, now=now)
    templates = fitting(record.case)
    if not given.title:
        print("\n".join(one.title for one in templates) or "There is no template for this case.")
        return 0
    pk = next((one.pk for one in templates if one.title == given.title), 0)
    name, made = fill(revision_for(record.case, pk), record, now=now)
    path = Path(given.out or name)
    path.write_bytes(made)
    print(path)
    return 0
