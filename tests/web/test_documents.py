"""Documents and forms: the list, the handbook's way there, the blank prints."""

import pytest

from kehu.procedures import revisions
from kehu.procedures.documents import forms_of
from tests.cast import sign_in


def test_the_handbook_leads_to_the_list_of_documents_and_forms(client, mfg):
    handbook = sign_in(client, mfg, "qc_staff").get("/procedures/").content.decode()

    assert 'href="/documents/"' in handbook


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_form_stands_there_with_number_title_revision_and_a_blank_print(client, mfg, language):
    page = sign_in(client, mfg, "qc_staff").get("/documents/", headers={"accept-language": language}).content.decode()

    for one in forms_of(mfg):
        assert one.number in page
        assert one.part.revision in page
        assert f'href="/documents/{one.number}/paper.pdf"' in page


def test_every_procedure_stands_there_with_its_revision(client, mfg):
    page = sign_in(client, mfg, "qc_staff").get("/documents/").content.decode()

    for key, running in revisions.procedures_of(mfg).items():
        assert running.procedure.number in page
        assert f'href="/procedures/{key}/"' in page


def test_a_blank_form_is_a_pdf_and_one_that_is_not_there_is_missed(client, mfg):
    sign_in(client, mfg, "qc_staff")
    found = client.get("/documents/MFG-F10/paper.pdf?lang=both")
    assert found["Content-Type"] == "application/pdf"
    assert found.content.startswith(b"%PDF")

    assert client.get("/documents/MFG-F99/paper.pdf").status_code == 404
