"""Counts that pages ask for each time."""

from __future__ import annotations

from kehu.cases.models import Case
from kehu.core.counts import KeptCount
from kehu.core.models import Organization
from kehu.core.scope import scope
from tests.cast import Telling


def test_a_count_goes_no_further_than_anybody_reads_it(mfg: Organization) -> None:
    open_ones = KeptCount(Case, lambda cases, status: cases.filter(status=status), str, most=2)
    assert open_ones("open") == "0"
    for expected in ("1", "2", "2+", "2+"):
        Telling(mfg).start()
        assert open_ones("open") == expected
    assert open_ones("closed") == "0"


def test_a_count_is_of_one_organization(mfg: Organization, stranger: Organization) -> None:
    count = KeptCount(Case, lambda cases, status: cases.filter(status=status), str)
    Telling(mfg).start()
    with scope(stranger):
        assert count("open") == "0"
    with scope(mfg):
        assert count("open") == "1"
