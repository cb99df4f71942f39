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


# --- printing ---------------------------------------------------------------------------------------------------------


def test_the_chosen_are_printed_in_one_pdf(client, mfg):
    told = [Telling(mfg).start() for _ in range(2)]
    deputy = sign_in(client, mfg, "sales_deputy_manager")
    chosen = [f"{one.number}|accept-complaint|" for one in told]

    answer = deputy.post(reverse("inbox_papers"), {"chosen": chosen})

    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Cache-Control"] == "private, no-store"
    assert b"".join(answer.streaming_content).startswith(b"%PDF")


def test_what_cannot_be_printed_is_named_and_the_others_are_offered(client, mfg):
    told = Telling(mfg).start()
    deputy = sign_in(client, mfg, "sales_deputy_manager")

    answer = deputy.post(reverse("inbox_papers"), {"chosen": [f"{told.number}||", "CP-202403-999||"]})

    words = answer.content.decode()
    assert answer.status_code == 422
    assert "CP-202403-999" in words
    assert f'name="chosen" value="{told.number}||"' in words
    assert 'value="CP-202403-999||"' not in words
    again = deputy.post(reverse("inbox_papers"), {"chosen": [f"{told.number}||"]})
    assert again["Content-Type"] == "application/pdf"


@pytest.mark.parametrize("key", ["warehouse_keeper", "general_manager"])
def test_nobody_prints_what_he_may_not_read(client, mfg, stranger, key):
    told = Telling(mfg).start()
    outsider = sign_in(client, mfg if key == "warehouse_keeper" else stranger, key)

    answer = outsider.post(reverse("inbox_papers"), {"chosen": [f"{told.number}||"]})

    assert answer.status_code == 422
    assert "application/pdf" not in answer["Content-Type"]
    assert 'name="chosen"' not in answer.content.decode()


@pytest.mark.parametrize("name", ["inbox_approvals", "inbox_handovers", "inbox_papers"])
@pytest.mark.parametrize("chosen", [[], ["nonsense"]])
def test_nothing_chosen_is_said(client, mfg, name, chosen):
    answer = sign_in(client, mfg, "sales_deputy_manager").post(reverse(name), {"chosen": chosen}, follow=True)

    assert answer.redirect_chain == [("/", 302)]
    assert "请先勾选" in answer.content.decode()


def test_a_signature_is_not_given_in_bulk(client, mfg):
    told = Telling(mfg).start()
    deputy = sign_in(client, mfg, "sales_deputy_manager")

    for name, more in (("inbox_approvals", {}), ("inbox_handovers", {"to": "vice_gm"})):
        answer = deputy.post(reverse(name), {"chosen": [f"{told.number}||"], **more})
        assert answer.status_code == 200
        assert told.number in answer.content.decode()

    assert told.open_steps() == ["accept-complaint"]
