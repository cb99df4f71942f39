"""`kehu import KIND FILE`: a sheet of customers, contacts, products, prices, orders, deliveries or payments comes in."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import setting_up
from .progress import Shown

if TYPE_CHECKING:
    from kehu.core.models import Organization
    from kehu.intake.models import Import

_SHOWN = 20


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kehu import",
        description="Bring in a sheet: read, check, enter. Rows that are refused stay out, and the command ends with 1.",
    )
    parser.add_argument("kind", nargs="?", metavar="KIND", help="what its rows are; `kehu import --kinds` lists them")
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help=".xlsx, .xls, .csv or .txt")
    parser.add_argument("--kinds", action="store_true", help="list the kinds and their columns")
    parser.add_argument("--map", action="append", default=[], metavar="COLUMN=TITLE", help="which column of the sheet is ours, by its title or letter; may be given several times. Without it they are guessed")  # fmt: skip
    parser.add_argument("--sheet", default="", metavar="NAME", help="which sheet of the workbook [the first with rows]")
    parser.add_argument("--encoding", default="", help="utf-8, gb18030, utf-16 or big5 [told from the text]")
    parser.add_argument("--header-row", type=int, default=0, metavar="N", help="the row with the titles [guessed]")
    parser.add_argument("--set", action="append", default=[], dest="options", metavar="OPTION", help="doubles: also customers whose name is there already; products: enter those that are not known yet")  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="only check, and say what would happen")
    parser.add_argument("--refused", type=Path, metavar="OUT.xlsx", help="write the refused rows there, with reasons")
    parser.add_argument("--undo", type=int, metavar="N", help="take back what import N brought in")
    parser.add_argument("--by", default="", metavar="MEMBER", help="the key of the member who does it")
    parser.add_argument("--organization", metavar="KEY", help="its key; may be left out where there is only one")
    given = parser.parse_args(arguments)
    if not (given.kinds or given.undo or (given.kind and given.file)):
        parser.error("KIND and FILE are needed, or --undo N")
    setting_up.django()
    from django.utils import translation

    from kehu.core.refusals import Refusal
    from kehu.core.scope import scope

    with translation.override("en"):
        if given.kinds:
            return _list()
        organization = setting_up.organization(given.organization)
        if organization is None:
            return 1
        shown = Shown()
        try:
            with scope(organization):
                _must_have_the_right(given, organization)
                return _undo(given, organization, shown) if given.undo else _bring(given, organization, shown)
        except (Refusal, ValueError, OSError) as error:
            shown.done()
            print(error, file=sys.stderr)
            return 1
        finally:
            shown.done()


def _list() -> int:
    from kehu.intake.kinds.table import KINDS

    for kind in KINDS.values():
        print(f"{kind.key:<12}{kind.title}. {kind.note}")
        for column in kind.columns:
            print(f"  {column.key:<16}{column.title}: {', '.join(column.titles[:4])}")
    return 0


def _must_have_the_right(given: argparse.Namespace, organization: Organization) -> None:
    """Who is named must have it; the command line itself may do what its machine may."""
    from kehu.core import clock
    from kehu.intake.kinds.table import KINDS
    from kehu.intake.models import Import
    from kehu.organizations.permissions import must_administer
    from kehu.organizations.queries import directory, local_now

    if given.undo:
        found = Import.objects.filter(pk=given.undo).first()
        if found is None:
            raise ValueError(f"There is no import {given.undo}.")
        given.kind = found.kind
    if given.kind not in KINDS:
        raise ValueError(f"There is no kind {given.kind}; there are {', '.join(KINDS)}.")
    if given.by:
        today = local_now(organization, clock.now(organization)).date()
        person = directory(organization, today).people.get(given.by)
        if person is None:
            raise ValueError(f"There is no member {given.by} today.")
        must_administer(person, KINDS[given.kind].right, organization)


def _bring(given: argparse.Namespace, organization: Organization, shown: Shown) -> int:
    from django.core.files.base import File

    from kehu.core import clock
    from kehu.intake import actions

    told: dict[str, Any] = {"by": given.by, "now": clock.now(organization)}
    with given.file.open("rb") as opened:
        upload = File(opened, given.file.name)
        one = actions.bring(organization=organization, kind=given.kind, upload=upload, **told)
    if given.sheet or given.encoding or given.header_row:
        one = actions.read_otherwise(
            sheet=one, table=given.sheet, encoding=given.encoding, header_row=given.header_row, **told
        )
    try:
        return _go_through(one, given, organization, shown, told)
    except Exception:
        waiting = type(one).objects.filter(pk=one.pk, state=one.State.MAPPING).first()
        if waiting:
            actions.cancel(sheet=waiting, **told)
        raise


def _go_through(
    one: Import, given: argparse.Namespace, organization: Organization, shown: Shown, told: dict[str, Any]
) -> int:
    from kehu.intake import actions

    one = _until_it_stands(one, organization, shown)
    if one.state == one.State.FAILED:
        return _failed(one)
    for remark in one.about.get("remarks", ()):
        print(f"{remark['says']}: {remark['count']} ({remark['places']})")
    columns = _columns(one, given.map)
    options = dict.fromkeys(given.options, True)
    one = actions.choose(sheet=one, columns=columns, options=options, **told)
    one = _until_it_stands(one, organization, shown)
    if one.state == one.State.CHECKED and not given.dry_run:
        one = _until_it_stands(actions.start(sheet=one, **told), organization, shown)
    elif one.state == one.State.CHECKED:
        one = actions.cancel(sheet=one, **told)
    shown.done()
    return _answer(one, given)


def _columns(one: Import, said: Sequence[str]) -> dict[int, str]:
    """Which column of the sheet is which of ours: guessed, but for what was said."""
    from kehu.intake.sheets import letters

    mapping = dict(one.mapping)
    for text in said:
        key, sign, title = text.partition("=")
        places = [at for at, there in enumerate(one.titles) if title in (there, letters(at))]
        if not sign or (title and not places):
            raise ValueError(f"--map {text}: write COLUMN=TITLE. The sheet has the titles {', '.join(one.titles)}.")
        mapping.pop(key, None)
        if places:
            mapping = {other: at for other, at in mapping.items() if at != places[0]} | {key: places[0]}
    return {at: key for key, at in mapping.items()}


def _until_it_stands(one: Import, organization: Organization, shown: Shown) -> Import:
    """Works on it, or waits where a worker has it already, and tells how far it is."""
    from kehu.core import clock
    from kehu.intake import work

    while True:
        found = type(one).objects.select_related("staged").get(pk=one.pk)
        if not found.is_working:
            return found
        shown(found.get_state_display(), found.position)
        if not work.work_on(found, clock.now(organization), partial(shown, found.state)):
            time.sleep(0.3)


def _undo(given: argparse.Namespace, organization: Organization, shown: Shown) -> int:
    from kehu.core import clock
    from kehu.intake import actions, queries
    from kehu.intake.models import Import

    one = Import.objects.get(pk=given.undo)
    one = actions.undo(sheet=one, by=given.by, now=clock.now(organization))
    one = _until_it_stands(one, organization, shown)
    shown.done()
    stays = one.counts.get("stays", 0)
    print(f"Import {one.pk}: rows taken back: {one.position - stays:,}; rows that stay: {stays:,}.")
    for line in queries.staying(one, _SHOWN):
        print(f"  row {line.row}: {' '.join(line.reasons)}")
    return 1 if stays or one.state != one.State.UNDONE else 0


def _answer(one: Import, given: argparse.Namespace) -> int:
    from kehu.intake import queries, workbooks

    if one.state == one.State.FAILED:
        return _failed(one)
    counts = one.checked.get("counts", {}) if given.dry_run else one.counts
    said = ", ".join(f"{counts.get(name, 0):,} {name}" for name in ("new", "changed", "same", "refused"))
    print(f"Import {one.pk}{' (dry run)' if given.dry_run else ''}: {said}.")
    for line in queries.refused(one, _SHOWN):
        print(f"  row {line.row}: {' '.join(line.reasons)}")
    if counts.get("refused", 0) > _SHOWN:
        print("  …")
    if given.refused and counts.get("refused"):
        with given.refused.open("wb") as target:
            workbooks.write_refused(one, target)
        print(f"The refused rows are in {given.refused}.")
    return 1 if counts.get("refused") else 0


def _failed(one: Import) -> int:
    from kehu.core.batches import Reason

    print(Reason.from_json(one.why), file=sys.stderr)
    return 1
