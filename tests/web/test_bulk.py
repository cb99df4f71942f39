"""Several lines of the inbox at once: each done or refused by itself, with the reason."""

import pytest
from django.urls import reverse

from kehu.cases.bulk import LIMIT, Chosen, TooMany, approve_all
from kehu.cases.models import Assignment, Case, Task
from tests.cases.test_statements import ANSWER
from tests.cast import FRIDAY, Telling, sign_in, to_departments


@pytest.fixture
def proposals(mfg):
    """Two complaints whose countermeasure waits for the quality manager."""
    found = []
    for _ in range(2):
        told = Telling(mfg).start()
        to_departments(told, "quality")
        told.do("propose-countermeasure", "qa_head", item="quality", outcome="submit", **ANSWER)
        found.append(told)
    return found


def test_several_are_approved_and_each_refusal_says_why(client, proposals, mfg):
    first, second = proposals
    second.do("approve-countermeasure", "quality_manager", item="quality", outcome="approve")
    manager = sign_in(client, mfg, "quality_manager")
    chosen = [f"{told.number}|approve-countermeasure|quality" for told in proposals]

    words = manager.post(reverse("inbox_approvals"), {"chosen": chosen}).content.decode()

    assert first.open_steps() == second.open_steps() == ["distribute-copy"]
    assert second.number in words
    assert "2024-03-15 14:00" in words  # since when it has been done


def test_what_the_pack_does_not_allow_is_not_approved_in_bulk(client, mfg):
    told = Telling(mfg).start()
    deputy = sign_in(client, mfg, "sales_deputy_manager")

    answer = deputy.post(reverse("inbox_approvals"), {"chosen": [f"{told.number}|accept-complaint|"]})

    assert answer.status_code == 200
    assert told.open_steps() == ["accept-complaint"]
    assert Task.objects.filter(case=told.case, step="accept-complaint", state="open").exists()


def test_several_are_handed_over_and_one_who_may_not_hands_over_nothing(client, mfg):
    told = [Telling(mfg).start() for _ in range(2)]
    chosen = [f"{one.number}|accept-complaint|" for one in told]
    other = sign_in(client, mfg, "qa_head")
    other.post(reverse("inbox_handovers"), {"chosen": chosen, "to": "vice_gm"})
    assert not Assignment.objects.filter(member__key="vice_gm", is_open=True).exists()

    deputy = sign_in(client, mfg, "sales_deputy_manager")
    answer = deputy.post(reverse("inbox_handovers"), {"chosen": chosen, "to": "vice_gm"})

    assert answer.status_code == 302
    assert Assignment.objects.filter(member__key="vice_gm", is_open=True).count() == 2


def test_no_more_than_a_hundred_at_once(mfg):
    with pytest.raises(TooMany):
        approve_all(
            [Chosen(str(number), "x") for number in range(LIMIT + 1)], organization=mfg, by="vice_gm", now=FRIDAY
        )
    assert not Case.objects.exists()
