"""A customer's facts by hand, twins while one types, and two lines that are one customer."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from kehu.core.models import Event, Organization
from kehu.ledgers.customers.models import Contact, Customer
from tests.cast import sign_in

FACTS = {"name": "深圳市讯捷通信设备有限公司", "short_name": "讯捷通信", "status": "active", "owner": "sales_rep", "currency": "cny",
         "payment_days": "30", "tax_number": "91440300ma5f0000x1", "contact_name": ["何经理", ""], "contact_title": ["采购", ""],
         "contact_phone": ["0755-555-0101", ""], "contact_email": ["he@example.com", ""]}  # fmt: skip


@pytest.fixture
def editor(mfg: Organization, client: Client) -> Client:
    sign_in(client, mfg, "sales_deputy_manager")
    client.cookies["kehu_language"] = "en"
    return client


def post(client: Client, more: dict[str, Any] | None = None, code: str = "C0001", what: str = "facts") -> Any:
    return client.post(f"/customers/{code}/{what}/", {**FACTS, **(more or {})})


def test_facts_are_kept_and_told_as_an_event(editor: Client) -> None:
    assert editor.get("/customers/C0001/facts/").status_code == 200
    assert post(editor).status_code == 302

    customer = Customer.objects.get(code="C0001")
    assert (customer.currency, customer.payment_days, customer.tax_number) == ("CNY", 30, "91440300MA5F0000X1")
    assert list(customer.contacts.values_list("name", "email")) == [("何经理", "he@example.com")]
    assert Event.objects.filter(name="customer.changed").count() == 1


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": ""}, "The name must be filled in"),
        ({"payment_days": "soon"}, "A number of days"),
        ({"currency": "RMB1"}, "three letters"),
        ({"owner": "nobody"}, "nobody called"),
        ({"referrer": "C0001"}, "no customer"),
        ({"status": "asleep"}, "Choose one"),
        ({"contact_name": ["", ""], "contact_phone": ["123", ""]}, "A contact has a name"),
        ({"contact_email": ["he at example", ""]}, "no mail address"),
        ({"address": "x" * 300}, "At most 200"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(editor: Client, wrong: dict[str, Any], says: str) -> None:
    before = Customer.objects.filter(code="C0001").values().get()
    answer = post(editor, {"main_products": "typed by me", **wrong})
    text = answer.content.decode()

    assert answer.status_code == 422
    assert says in text
    assert "typed by me" in text
    assert Customer.objects.filter(code="C0001").values().get() == before


def test_who_has_not_the_right_neither_sees_nor_changes_them(mfg: Organization, client: Client) -> None:
    sign_in(client, mfg, "sales_rep")
    assert client.get("/customers/C0001/facts/").status_code == 403
    assert post(client).status_code == 403
    assert post(client, {"into": "C0002", "reason": "same"}, what="merger").status_code == 403
    assert b"/customers/C0001/facts/" not in client.get("/customers/C0001/").content


def test_twins_are_named_while_one_types(editor: Client) -> None:
    other = Customer.objects.get(code="C0002")
    Contact.objects.create(organization=other.organization, customer=other, name="x", phone="+86 0755 555 0101")
    from kehu.ledgers.customers import words

    words.enter([other])
    text = post(editor, what="likeness").content.decode()
    assert "C0002" in text
    assert "same telephone" in text
    assert "C0001" not in text


def test_two_lines_become_one(editor: Client) -> None:
    answer = post(editor, {"into": "C0002 whoever", "reason": "the same company"}, what="merger")

    assert answer.headers["Location"] == "/customers/C0002/"
    one = Customer.objects.get(code="C0001")
    assert (one.merged_into and one.merged_into.code, one.status) == ("C0002", "closed")
    assert editor.get("/customers/C0001/").status_code == 200
    assert editor.get("/customers/C0001/facts/").status_code == 404


@pytest.mark.parametrize(
    ("typed", "says"),
    [({"into": "C0404", "reason": "x"}, "no customer"), ({"into": "C0002", "reason": ""}, "A reason"), ({"into": "C0001", "reason": "x"}, "the same customer")],
)  # fmt: skip
def test_a_merger_that_cannot_be_is_refused_with_what_was_typed(
    editor: Client, typed: dict[str, str], says: str
) -> None:
    answer = post(editor, typed, what="merger")
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert Customer.objects.get(code="C0001").merged_into is None


def test_customers_like_the_one_that_is_entered_are_told_on_the_form(mfg: Organization, client: Client) -> None:
    sign_in(client, mfg, "sales_rep")
    client.cookies["kehu_language"] = "en"
    typed = {"customer_name": "深圳讯捷通信设备公司", "source": "own_visit"}
    found = client.post("/procedures/customer-development/cases/new/form/", typed).content.decode()
    assert "told" not in found  # another name, so far
    typed["customer_name"] = "深圳市讯捷通信设备股份有限公司"
    assert "C0001" in client.post("/procedures/customer-development/cases/new/form/", typed).content.decode()
