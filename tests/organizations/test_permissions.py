"""Who may run the company's affairs."""

from __future__ import annotations

import pytest

from kehu.organizations.permissions import MayNotAdminister, may_administer, must_administer
from kehu.organizations.queries import directory
from tests.cast import FRIDAY


def person(organization, key):  # type: ignore[no-untyped-def]
    return directory(organization, FRIDAY.date()).people[key]


def test_the_positions_that_the_pack_names_have_the_right_and_nobody_else(mfg) -> None:  # type: ignore[no-untyped-def]
    may = {key for key in directory(mfg, FRIDAY.date()).people if may_administer(person(mfg, key), "people", mfg)}
    assert may == {"personnel", "vice_gm", "general_manager"}


def test_a_plus_counts_upwards_only_where_the_position_counts(mfg) -> None:  # type: ignore[no-untyped-def]
    mfg.pack["administration"] = {"people": ["sales_head+"]}
    assert may_administer(person(mfg, "sales_deputy_manager"), "people", mfg)
    assert may_administer(person(mfg, "vice_gm"), "people", mfg)
    assert not may_administer(person(mfg, "quality_manager"), "people", mfg)
    assert not may_administer(person(mfg, "sales_rep"), "people", mfg)


def test_where_the_pack_says_nothing_the_highest_rank_has_every_right(mfg) -> None:  # type: ignore[no-untyped-def]
    del mfg.pack["administration"]
    assert may_administer(person(mfg, "general_manager"), "tokens", mfg)
    assert not may_administer(person(mfg, "vice_gm"), "tokens", mfg)


def test_the_refusal_names_whom_to_ask(mfg) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(MayNotAdminister, match="Personnel officer|人事专员"):
        must_administer(person(mfg, "sales_rep"), "absences", mfg)
    assert not may_administer(None, "absences", mfg)
