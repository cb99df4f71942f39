"""Verbs on the case's page: offered to whom they are for, done, or refused with what was typed."""

import pytest
from django.test import Client
from django.urls import reverse

from kehu.cases.models import Task
from tests.cast import sign_in

STEP = "accept-complaint"


@pytest.fixture
def deputy(client, complaint):
    return sign_in(client, complaint.organization, "sales_deputy_manager")


def page(client, complaint):
    return client.get(reverse("case", args=[complaint.number])).content.decode()


def test_a_signer_is_added_and_signs_by_form(deputy, complaint):
    address = reverse("case_signers", args=[complaint.number, STEP])
    answer = deputy.post(address, {"who": ["qa_head", "eng_head"], "order": "before", "reason": "ours?"})
    assert answer.status_code == 302
    assert "case_completion" not in page(deputy, complaint)

    other = sign_in(Client(), complaint.organization, "qa_head")
    assert "ours?" in page(other, complaint)
    signature = reverse("case_signature", args=[complaint.number, STEP])
    assert other.post(signature, {"answer": "agree"}).status_code == 302
    assert Task.objects.get(step=STEP).signers[0]["agreed"] is True


def test_what_was_typed_stays_where_a_verb_is_refused(deputy, complaint):
    address = reverse("case_questions", args=[complaint.number, STEP])
    answer = deputy.post(address, {"reason": "是模具的问题吗"})
    words = answer.content.decode()

    assert answer.status_code == 422
    assert "是模具的问题吗" in words
    assert "open><summary" in words


def test_a_case_is_paused_and_resumed_by_form(deputy, complaint):
    pause, resume = (reverse(f"case_{noun}", args=[complaint.number]) for noun in ("pause", "resumption"))
    assert deputy.post(pause, {"reason": ""}).status_code == 422
    assert deputy.post(pause, {"reason": "sample"}).status_code == 302
    assert resume in page(deputy, complaint)
    assert deputy.post(resume).status_code == 302
    complaint.case.refresh_from_db()
    assert complaint.case.paused_at is None


def test_verbs_that_are_not_his_are_not_offered(client, complaint):
    other = sign_in(client, complaint.organization, "sales_receiver")
    words = page(other, complaint)

    assert reverse("case_nudge", args=[complaint.number, STEP]) in words
    assert reverse("case_signers", args=[complaint.number, STEP]) not in words
    assert other.post(reverse("case_pause", args=[complaint.number]), {"reason": "x"}).status_code == 403


def test_a_verb_s_form_comes_when_it_is_opened(deputy, complaint):
    address = reverse("case_handover", args=[complaint.number, STEP])
    assert f'href="{address}#' in page(deputy, complaint)
    assert 'name="to"' not in page(deputy, complaint)

    part = deputy.get(address, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert 'name="to"' in part
    assert "open><summary" in part

    whole = deputy.get(address).content.decode()  # without a script
    assert "<html" in whole
    assert whole.count('name="to"') == 1


def test_a_verb_that_is_no_longer_his_leads_back_to_the_case(deputy, complaint):
    address = reverse("case_handover", args=[complaint.number, STEP])
    complaint.do(STEP, by="sales_deputy_manager", outcome="help", help_needed=True)

    answer = deputy.get(address, headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == reverse("case", args=[complaint.number])
    assert deputy.get(address).status_code == 200


def test_a_case_is_reopened_at_a_step_by_form(deputy, complaint):
    complaint.do(STEP, by="sales_deputy_manager", outcome="help", help_needed=True)
    deputy.post(reverse("case_voiding", args=[complaint.number]), {"reason": "重复"})
    words = deputy.get(reverse("case_reopening", args=[complaint.number])).content.decode()
    assert 'name="to"' not in words  # a voided case stands again where it stood
