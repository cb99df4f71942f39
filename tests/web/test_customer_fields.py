"""A field in which a customer is chosen: typed and suggested, never a list of all of them."""

from __future__ import annotations

from django.http import QueryDict
from django.template.loader import render_to_string
from django.test import Client

from kehu.cases.editing import Control, customer_words, posted
from kehu.core.models import Organization
from kehu.engine.definitions import FieldDefinition
from kehu.ledgers.customers.models import Customer
from tests.cast import sign_in

BUYER = FieldDefinition.model_validate({"type": "customer", "title": {"zh": "买方", "en": "Buyer"}})
TABLE = FieldDefinition.model_validate(
    {"type": "rows", "title": {"zh": "表", "en": "Table"}, "columns": {"buyer": BUYER.model_dump(by_alias=True)}}
)


def test_what_is_kept_is_the_code(mfg: Organization) -> None:
    typed = QueryDict("buyer=C0001+讯捷通信&table.0.buyer=C0002+某某&table.1.buyer=")
    found = posted([("buyer", BUYER), ("table", TABLE)], typed)
    assert found == {"buyer": "C0001", "table": [{"buyer": "C0002"}]}


def test_the_box_shows_code_and_name_and_asks_for_suggestions(mfg: Organization, client: Client) -> None:
    customer = Customer.objects.get(code="C0001")
    assert customer_words("C0001", "zh-hans") == f"C0001 {customer.name}"
    assert customer_words("C99", "en") == "C99"  # stays as it was typed

    control = Control("buyer", "task-x-buyer", "customer", "Buyer", value=f"C0001 {customer.name}")
    box = render_to_string("web/cases/_input.html", {"control": control})
    assert "<option" not in box
    assert "?of=buyer" in box

    sign_in(client, mfg, "sales_rep")
    answer = client.get("/suggestions/customers/", {"of": "table.0.buyer", "table.0.buyer": "讯捷"})
    assert f"C0001 {customer.name}" in answer.content.decode()
