"""Questions that are written once and asked again."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kehu.cases.models import Case, Task
from kehu.core.models import Organization
from kehu.core.rows import Kept, count_anew
from kehu.core.scope import Unscoped, scope
from tests.cast import Telling


def opened(organization: Organization) -> Case:
    case = Telling(organization).start().case
    assert case
    return case


def test_one_question_takes_any_number_of_values(mfg: Organization) -> None:
    cases = Kept(Case, lambda cases, keys: cases.filter(pk__among=keys).order_by("-pk"), list)
    tasks = Kept(Task, lambda tasks, cases: tasks.filter(case__among=cases, state="open").order_by("pk"), list)
    started = [opened(mfg) for _ in range(3)]
    keys = [case.pk for case in started]
    with CaptureQueriesContext(connection) as asked:
        assert cases(keys) == started[::-1]
        assert cases(keys[:1]) == started[:1]
        assert cases([]) == []
        assert [task.case_id for task in tasks(keys[1:])] == keys[1:]
    assert len(asked.captured_queries) == 4


def test_text_is_looked_for_among_several_too(mfg: Organization) -> None:
    numbered = Kept(Case, lambda cases, numbers: cases.filter(number__among=numbers), list)
    case = opened(mfg)
    assert numbered([case.number, 'it\'s "no" number, \\ nor {this}']) == [case]


def test_a_question_is_of_one_organization(mfg: Organization, stranger: Organization) -> None:
    cases = Kept(Case, lambda cases, keys: cases.filter(pk__among=keys), list)
    case = opened(mfg)
    with scope(stranger):
        assert cases([case.pk]) == []
    assert cases([case.pk]) == [case]


def test_a_question_that_names_an_organization_for_good_is_a_mistake(mfg: Organization) -> None:
    theirs = Kept(Case, lambda cases, step: cases.filter(pk__in=Task.objects.filter(step=step).values("case")), str)
    with pytest.raises(Unscoped):
        theirs("accept-complaint")


def test_a_table_that_was_filled_is_counted_anew_where_that_helps(mfg: Organization) -> None:
    with CaptureQueriesContext(connection) as asked:
        count_anew([Case, Task])
    counts = ['ANALYZE "cases_case", "cases_task"'] if connection.vendor == "postgresql" else []
    assert [query["sql"] for query in asked.captured_queries if "set_config" not in query["sql"]] == counts
