"""Numbers of a series that others have used, too."""

from __future__ import annotations

from datetime import date

from django.db import connection
from django.test.utils import CaptureQueriesContext

from kehu.core.models import Counter, Organization
from kehu.core.numbering import Wanted, next_free

PATTERN = Wanted("C{NNNN}", date(2024, 3, 15))


def test_numbers_that_came_from_elsewhere_are_passed_over_together_and_none_is_left_out(mfg: Organization) -> None:
    brought = {f"C{number:04}" for number in range(1, 3001)} - {"C2500"}

    assert not Counter.objects.exists()  # on PostgreSQL it is said here whose rows these are
    with CaptureQueriesContext(connection) as captured:
        assert next_free(mfg, PATTERN, brought.intersection) == "C2500"
    assert len(captured) <= 2
    assert next_free(mfg, PATTERN, brought.intersection) == "C3001"
    assert next_free(mfg, PATTERN, brought.intersection) == "C3002"
