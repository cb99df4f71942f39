"""Rows as they come from the database."""

from __future__ import annotations

from django.db import connection
from django.test.utils import CaptureQueriesContext

from kehu.cases.models import Case
from tests.cast import Telling


def test_a_row_that_was_read_can_be_written_and_knows_what_it_lacks(complaint: Telling) -> None:
    case = Case.objects.defer("data").select_related("customer").get()
    with CaptureQueriesContext(connection) as asked:
        assert case.customer.code == "C0001"
        assert not asked.captured_queries
        assert case.data["product"] == "BR-120"
        assert len(asked.captured_queries) == 1
    case.version += 1
    case.save(update_fields=["version"])
    assert Case.objects.get() == case
    assert Case.objects.get().version == case.version
