from __future__ import annotations

from tests.cast import sign_in


def test_the_case_opens_in_the_browser_as_pdf(client, complaint, mfg):
    answer = sign_in(client, mfg, "sales_deputy_manager").get(
        f"/cases/{complaint.number}/paper.pdf?copy=quality&lang=both"
    )
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == f"inline; filename*=UTF-8''{complaint.number}-quality.pdf"
    assert answer.content.startswith(b"%PDF")


def test_who_may_not_see_the_case_may_not_print_it(client, complaint, mfg, stranger):
    assert sign_in(client, mfg, "warehouse_keeper").get(f"/cases/{complaint.number}/paper.pdf").status_code == 403
    assert sign_in(client, stranger, "general_manager").get(f"/cases/{complaint.number}/paper.pdf").status_code == 404


def test_a_department_or_language_that_does_not_exist_is_refused(client, complaint, mfg):
    sign_in(client, mfg, "sales_deputy_manager")
    assert client.get(f"/cases/{complaint.number}/paper.pdf?copy=nowhere").status_code == 422
    assert client.get(f"/cases/{complaint.number}/paper.pdf?lang=fr").status_code == 422


def test_every_member_may_print_a_procedure(client, mfg):
    sign_in(client, mfg, "warehouse_keeper")
    answer = client.get("/procedures/customer-complaint/paper.pdf?lang=en")
    assert answer.status_code == 200
    assert answer.content.startswith(b"%PDF")
    assert client.get("/procedures/no-such-thing/paper.pdf").status_code == 404
