"""Every pack gets these checks for nothing: it is free of problems, and its stories come true."""

from pathlib import Path

import pytest
from django.db import connection

from kehu.cases.examples import run_stories, stage
from kehu.cases.steps import CUSTOMER_FACTS, OPERATIONS
from kehu.procedures.checks import check_pack
from kehu.procedures.packs import load
from kehu.procedures.sources import Source
from kehu.reports.shown import SHOWN
from tests.cast import ROOT, at, mfg_pack

PACKS = sorted(path.parent for path in (ROOT / "packs").glob("*/pack.yaml"))


@pytest.mark.parametrize("folder", PACKS, ids=lambda path: path.name)
def test_a_pack_has_no_problems(folder: Path) -> None:
    assert [str(problem) for problem in check_pack(load(folder), OPERATIONS, CUSTOMER_FACTS)] == []


@pytest.mark.skipif(connection.vendor != "sqlite", reason="there tests/operations/test_every_story.py plays them")
@pytest.mark.parametrize("folder", PACKS, ids=lambda path: path.name)
def test_a_pack_s_stories_come_true(db, folder: Path) -> None:
    loaded = load(folder)
    organization = stage(loaded, at("2024-03-01 08:00"))
    differences, stories = [], 0
    for file in loaded.examples.values():
        result = run_stories(loaded, organization, Source.read(file), SHOWN)
        stories += result.stories
        differences += result.differences

    assert stories > 0
    assert [str(difference) for difference in differences] == []


# --- the runner itself: what a story says wrongly is said back ---------------------------------------------------------------

COMPLAINT = """
- example: {name}
  at: 2024-03-15 14:00
  start: {{procedure: customer-complaint, by: sales_receiver, customer: C0001, data: {{received_at: 2024-03-15 14:00, channel: email, product: P, kind: quality, content: c}}}}
  steps:
"""


def told(tmp_path: Path, db: object, steps: str) -> list[str]:
    file = tmp_path / "stories.yaml"
    file.write_text(COMPLAINT.format(name="a story") + steps, encoding="utf-8")
    organization = stage(mfg_pack(), at("2024-03-01 08:00"))
    return [
        str(difference) for difference in run_stories(mfg_pack(), organization, Source.read(file), SHOWN).differences
    ]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("    - expect: {open: [fill-sheet]}", "open should be [fill-sheet], is [accept-complaint]"),
        (
            "    - expect: {due: {accept-complaint: 2024-03-15 16:00}}",
            "should be due 2024-03-15 16:00, is due 2024-03-15 15:00",
        ),
        ("    - expect: {status: closed}", "status should be 'closed', is 'open'"),
        ("    - expect: {data: {channel: phone}}", "channel should be 'phone', is 'email'"),
        ("    - expect: {opened: {customer-complaint: {channel: phone}}}", "channel should be 'phone', is 'email'"),
        (
            "    [{do: accept-complaint, by: sales_deputy_manager, data: {help_needed: true}, outcome: help},"
            " {do: fill-sheet, by: sales_rep, data: {departments: [{department: quality}]}, outcome: clear},"
            " {expect: {data: {departments: [{division: quality}]}}}]",
            'departments has no column "division"; it has [department',
        ),
        ("    - expect: {opened: {visit-execution: {kind: regular}}}", "no visit-execution was opened"),
        ("    - expect: {overdue: [accept-complaint]}", "overdue should be [accept-complaint], is []"),
        ("    - expect: {told: {accept-complaint: [general_manager]}}", "general_manager should have been told"),
        ("    - expect: {reminded: {accept-complaint: {sales_deputy_manager: 1}}}", "should be 1, is 0"),
        ("    - expect: {ledger: {customer.class: D}}", "customer.class should be 'D', is 'A'"),
        ("    - {do: accept-complaint, by: sales_head, data: {help_needed: true}}", "was refused (position)"),
        (
            "    - {try: accept-complaint, by: vice_gm, data: {help_needed: true}, refused: data}",
            "should be refused as data, but was done",
        ),
        (
            "    - {try: accept-complaint, by: sales_head, refused: data}",
            "should be refused as data, was refused as position",
        ),
        ("    - {try: fill-sheet, by: sales_rep, refused: order, says: nonsense}", 'should say "nonsense"'),
        ("    - {dance: all night}", "a step is start, do, try, wait, absent, back, leaves or expect"),
        ("    - {wait: a while}", "a while"),
        ("    - expect: {weather: fine}", "`expect:` knows"),
    ],
)
def test_a_difference_is_said_with_file_and_line(tmp_path: Path, db: object, step: str, said: str) -> None:
    [difference, *_] = told(tmp_path, db, step)

    assert said in difference
    assert ":6: a story:" in difference or ":5: a story:" in difference


def test_a_story_leaves_nothing_behind(tmp_path: Path, mfg) -> None:  # type: ignore[no-untyped-def]
    from kehu.cases.models import Case

    file = tmp_path / "stories.yaml"
    file.write_text(COMPLAINT.format(name="a story") + "    - expect: {status: open}", encoding="utf-8")
    run_stories(mfg_pack(), mfg, Source.read(file))

    assert Case.objects.count() == 0
