"""The customer directory through the API."""

from kehu.core.models import Event
from kehu.ledgers.customers.models import Customer

NEW = {"code": "C9001", "name": "东莞长安电子", "short_name": "长安电子", "contacts": [{"name": "李小姐"}]}


def test_a_customer_is_entered_and_changed_and_both_are_events(program):
    sales = program("sales_deputy_manager")
    entered = sales.post("/customers", {**NEW, "owner": "sales_rep"})
    assert (entered.status_code, entered.json()["owner"]) == (201, "sales_rep"), entered.content
    assert sales.get("/customers?q=cadz").json()["customers"][0]["code"] == "C9001"

    etag = sales.get("/customers/C9001").headers["ETag"]
    changed = sales.patch("/customers/C9001", {"address": "长安镇", "owner": ""}, If_Match=etag)
    assert (changed.status_code, changed.json()["address"], changed.json()["owner"]) == (200, "长安镇", None)
    assert changed.json()["contacts"][0]["name"] == "李小姐"
    stale = sales.patch("/customers/C9001", {"address": "x"}, If_Match=etag)
    assert (stale.status_code, stale.json()["code"]) == (412, "api.changed_since")
    told = Event.objects.filter(name__startswith="customer.", facts__customer="C9001").order_by("sequence")
    assert [event.name for event in told] == ["customer.entered", "customer.changed"]
    assert told[1].facts["changes"]["address"] == ["", "长安镇"]


def test_a_code_is_given_once(program):
    assert program("sales_deputy_manager").post("/customers", {**NEW, "code": "C0001"}).status_code == 409


def test_only_those_with_the_right_write(program):
    refused = program("finance").post("/customers", NEW)

    assert (refused.status_code, refused.json()["kind"]) == (403, "position")
    assert not Customer.objects.filter(code="C9001").exists()


def test_the_class_is_not_written_by_hand(program):
    refused = program("sales_head").patch("/customers/C0001", {"class": "A"})

    assert (refused.status_code, refused.json()["findings"][0]["field"]) == (422, "class")


def test_a_misspelt_filter_is_refused(program):
    refused = program("sales_head").get("/customers?stauts=active")

    assert (refused.status_code, refused.json()["findings"][0]["field"]) == (422, "stauts")


def test_what_orders_and_money_need_is_entered_and_read(program):
    sales = program("sales_deputy_manager")
    entered = sales.post("/customers", {**NEW, "tax_number": "91440300ma5f", "currency": "CNY", "payment_days": 30})

    assert entered.status_code == 201
    found = sales.get("/customers/C9001").json()
    assert (found["tax_number"], found["payment_days"], found["merged_into"]) == ("91440300MA5F", 30, None)
    assert sales.patch("/customers/C9001", {"payment_days": 60}).json()["payment_days"] == 60


def test_two_customers_that_are_one_are_merged(program):
    sales = program("sales_deputy_manager")
    merged = sales.post("/customers/C0001/merger", {"into": "C0002", "reason": "the same company"})

    assert (merged.status_code, merged.json()["code"]) == (200, "C0002")
    assert sales.get("/customers/C0001").json()["merged_into"] == "C0002"
    assert sales.post("/customers/C0001/merger", {"into": "C0002", "reason": "again"}).status_code == 422
    assert program("sales_rep").post("/customers/C0003/merger", {"into": "C0002", "reason": "x"}).status_code == 403
