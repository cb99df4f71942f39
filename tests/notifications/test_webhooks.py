"""Other programs are told of a case's events: signed, again after failures, never into this network unasked."""

from __future__ import annotations

import json
import re
import socket
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import localtime

from kehu.core.models import Event, Message, Organization
from kehu.core.refusals import BadData
from kehu.notifications import channels, outside
from kehu.notifications.channels import NotWorking, Wanted
from kehu.notifications.clearing import clear_told
from kehu.notifications.delivery import deliver
from kehu.notifications.models import Channel, Delivery, Notice
from kehu.notifications.sending import OFF_AFTER, send_waiting
from kehu.notifications.undelivered import replay
from tests.cast import FRIDAY, ROOT, Telling, sign_in

from .servers import CallServer

EVERYTHING = ["*"]


def subscribe(
    organization: Organization, address: str, takes: list[str] = EVERYTHING, **more: Any
) -> tuple[Channel, str]:
    wanted = Wanted("ERP", address, takes=takes, **more)
    return channels.add_webhook(organization=organization, wanted=wanted, by="vice_gm", now=FRIDAY)


def accept(told: Telling) -> None:
    told.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)


def test_the_receiver_of_the_documentation_recognizes_kehu(mfg: Organization, outside: CallServer) -> None:
    document = (ROOT / "docs" / "howto" / "receive-webhooks.md").read_text()
    names: dict[str, Any] = {}
    exec(re.search(r"(?s)```python\n(.*?)```", document)[1], names)  # type: ignore[index]
    is_from_kehu = names["is_from_kehu"]
    _, secret = subscribe(mfg, f"{outside.url}/hook", ["case.opened"])

    told = Telling(mfg).start()
    deliver(FRIDAY, organization=mfg)

    [call] = outside.calls
    assert is_from_kehu(secret, call.headers, call.body)
    assert not is_from_kehu(secret, call.headers, call.body.replace(b"mfg", b"gfm"))
    assert not is_from_kehu("whsec_" + "A" * 44, call.headers, call.body)
    assert not is_from_kehu(secret, {**call.headers, "webhook-timestamp": str(int(time.time()) - 3600)}, call.body)
    content = json.loads(call.body)
    shown = json.loads(re.search(r"(?s)```json\n(.*?)```", document)[1])  # type: ignore[index]
    assert content.keys() == shown.keys()
    assert content["data"].keys() == shown["data"].keys()
    assert (content["type"], content["data"]["case"]) == ("case.opened", told.number)
    assert "毛刺超差" not in call.body.decode()


def test_only_what_was_subscribed_goes_out(mfg: Organization, outside: CallServer) -> None:
    subscribe(mfg, outside.url, ["task.completed"], procedures=["customer-complaint"])
    subscribe(mfg, outside.url, ["task.completed"], procedures=["corrective-report"])
    told = Telling(mfg).start()
    accept(told)
    deliver(FRIDAY, organization=mfg)

    steps = [json.loads(call.body)["data"]["step"] for call in outside.calls]
    assert steps == ["receive-complaint", "accept-complaint"]


def test_a_step_costs_no_statement_more(mfg: Organization, outside: CallServer) -> None:
    def cost() -> int:
        told = Telling(mfg).start()
        with CaptureQueriesContext(connection) as captured:
            accept(told)
        return len(captured)

    cost()
    without = cost()
    subscribe(mfg, outside.url)
    assert cost() == without
    assert Message.objects.filter(recipient="").exists()


def test_where_nobody_subscribed_nothing_is_written(complaint: Telling) -> None:
    assert not Message.objects.filter(recipient="").exists()


def test_a_failure_is_tried_again_under_the_same_id(mfg: Organization, outside: CallServer) -> None:
    subscribe(mfg, outside.url, ["case.opened"])
    Telling(mfg).start()
    outside.status, outside.answer = 503, b"closed for lunch"
    deliver(FRIDAY, organization=mfg)
    waiting = Delivery.objects.get()
    assert (waiting.state, waiting.error) == ("waiting", "HTTP 503: closed for lunch")

    outside.status = 204
    send_waiting(waiting.next_attempt_at, organization=mfg)

    first, second = outside.calls
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert Delivery.objects.get().state == Delivery.State.SENT


def test_redirects_are_not_followed(mfg: Organization, outside: CallServer) -> None:
    channel, _ = subscribe(mfg, outside.url)
    outside.status, outside.headers = 302, {"Location": f"{outside.url}/elsewhere"}

    with pytest.raises(NotWorking, match="302"):
        channels.try_out(channel=channel, organization=mfg, now=FRIDAY)

    assert [call.path for call in outside.calls] == ["/"]


def test_of_a_long_answer_only_the_beginning_is_read(outside: CallServer) -> None:
    from kehu.notifications.outside import ANSWER_LIMIT, post

    outside.answer = b"x" * 1_000_000
    assert len(post(outside.url, b"{}", {}).text) == ANSWER_LIMIT


def test_after_days_of_failure_it_is_switched_off_and_the_administrators_are_told(
    mfg: Organization, outside: CallServer
) -> None:
    channel, _ = subscribe(mfg, outside.url, ["case.opened"])
    outside.status = 500
    for _ in range(8):
        Telling(mfg).start()
    now = FRIDAY
    while now <= FRIDAY + OFF_AFTER + timedelta(hours=20):
        deliver(now, organization=mfg)
        now += timedelta(hours=10)

    channel.refresh_from_db()
    mfg.refresh_from_db()
    assert not channel.is_on
    assert mfg.publishes == []
    assert set(Notice.objects.filter(kind="channel_off").values_list("member__key", flat=True)) == {
        "vice_gm",
        "general_manager",
    }
    assert Event.objects.filter(name="channel.switched_off").exists()


def test_one_or_a_time_is_sent_again(mfg: Organization, outside: CallServer) -> None:
    channel, _ = subscribe(mfg, outside.url, ["case.opened"])
    Telling(mfg).start()
    Telling(mfg, FRIDAY + timedelta(hours=2)).start()
    deliver(FRIDAY + timedelta(hours=2), organization=mfg)
    ids = [call.headers["webhook-id"] for call in outside.calls]
    later = FRIDAY + timedelta(hours=3)

    common: dict[str, Any] = {"channel": channel, "by": "vice_gm", "now": later}
    assert replay(**common, since=FRIDAY + timedelta(hours=1), until=later) == 1
    send_waiting(later, organization=mfg)
    assert replay(**common, only=[Delivery.objects.earliest("pk").pk]) == 1
    send_waiting(later, organization=mfg)

    assert [call.headers["webhook-id"] for call in outside.calls] == [*ids, ids[1], ids[0]]
    assert Event.objects.filter(name="webhook.replayed").count() == 2


@pytest.mark.parametrize(
    "address",
    [
        "https://127.0.0.1/",
        "https://10.1.2.3/hook",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://0.0.0.0/",
        "https://2130706433/",
    ],
)
def test_no_address_of_this_network_is_called(mfg: Organization, address: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(socket, "create_connection", lambda *_words: pytest.fail("called"))
    channel, _ = subscribe(mfg, address)

    with pytest.raises(NotWorking):
        channels.try_out(channel=channel, organization=mfg, now=FRIDAY)


def test_a_name_that_leads_here_among_others_is_not_called(mfg: Organization, monkeypatch: Any) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (numeric, 443)) for numeric in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_words, **_more: found)
    monkeypatch.setattr(socket, "create_connection", lambda *_words: pytest.fail("called"))
    channel, _ = subscribe(mfg, "https://rebinding.example.com/")

    with pytest.raises(NotWorking):
        channels.try_out(channel=channel, organization=mfg, now=FRIDAY)


@pytest.mark.parametrize(
    "address", ["http://example.com/", "ftp://example.com/", "https://a:b@example.com/", "x", "https:///"]
)
def test_other_addresses_are_refused_when_they_are_entered(mfg: Organization, address: str) -> None:
    with pytest.raises(BadData):
        subscribe(mfg, address)
    assert not Channel.objects.filter(kind="webhook").exists()


def test_a_server_that_dribbles_is_not_waited_for(mfg: Organization, settings: Any, monkeypatch: Any) -> None:
    settings.PRIVATE_ADDRESSES = True
    monkeypatch.setattr(outside, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(outside.Unreached):
            outside.post(f"http://127.0.0.1:{silent.getsockname()[1]}/", b"{}", {})
    assert time.monotonic() - began < outside.TIMEOUT


def test_secrets_are_sealed_shown_once_and_in_no_event(client: Client, mfg: Organization, outside: CallServer) -> None:
    sign_in(client, mfg, "vice_gm")
    page = client.post(
        "/settings/channels/new-webhook/", {"title": "ERP", "address": f"{outside.url}/k3y", "takes": "*"}
    ).content.decode()
    secret = re.search(r"whsec_[\w+/=]+", page)[0]  # type: ignore[index]
    channel = Channel.objects.get(kind="webhook")

    assert secret not in client.get(f"/settings/channels/{channel.key}/").content.decode()
    for kept in (channel.address, channel.secret, *(json.dumps(event.facts) for event in Event.objects.all())):
        assert secret not in kept
        assert "k3y" not in kept


def test_a_renewed_secret_signs_beside_the_former_one_for_a_time(mfg: Organization, outside: CallServer) -> None:
    """A receiver that knows either of them recognizes the call, with the code of the documentation."""
    document = (ROOT / "docs" / "howto" / "receive-webhooks.md").read_text()
    names: dict[str, Any] = {}
    exec(re.search(r"(?s)```python\n(.*?)```", document)[1], names)  # type: ignore[index]
    channel, first = subscribe(mfg, outside.url, ["case.opened"])

    def known(moment: Any, *keys: str) -> list[bool]:
        channel.refresh_from_db()
        Telling(mfg, moment).start()
        deliver(moment, organization=mfg)
        channels.try_out(channel=channel, organization=mfg, now=moment)
        delivered, tried = outside.calls[-2:]
        found = [names["is_from_kehu"](key, delivered.headers, delivered.body) for key in keys]
        assert found == [names["is_from_kehu"](key, tried.headers, tried.body) for key in keys]
        return found

    second = channels.renew_secret(channel=channel, by="vice_gm", now=FRIDAY)
    assert known(FRIDAY, first, second) == [True, True]
    assert known(FRIDAY + channels.OVERLAP - timedelta(seconds=1), first, second) == [True, True]
    assert known(FRIDAY + channels.OVERLAP, first, second) == [False, True]

    later = FRIDAY + timedelta(days=10)
    third = channels.renew_secret(channel=channel, by="vice_gm", now=later)
    fourth = channels.renew_secret(channel=channel, by="vice_gm", now=later)
    assert known(later, first, second, third, fourth) == [False, False, True, True]
    channels.forget_former_secret(channel=channel, by="vice_gm", now=later)
    assert known(later, third, fourth) == [False, True]


def test_the_overlap_stands_on_the_page_ends_by_hand_and_is_forgotten(client: Client, mfg: Organization) -> None:
    channel, _secret = subscribe(mfg, "https://erp.example.com/hook")
    sign_in(client, mfg, "vice_gm")
    client.cookies["kehu_language"] = "en"
    address = f"/settings/channels/{channel.key}/"
    assert "signs beside the new one" not in client.get(address).content.decode()
    assert "signed with the former secret as well" in client.post(f"{address}secret/").content.decode()
    channel.refresh_from_db()
    assert f"signs beside the new one until {localtime(channel.former_until):%Y-%m-%d %H:%M}" in (
        client.get(address).content.decode()
    )
    client.post(f"{address}secret/", {"act": "forget"})
    assert "signs beside the new one" not in client.get(address).content.decode()
    channel.refresh_from_db()
    assert channel.former_secret == ""
    named = Event.objects.filter(name__startswith="channel.").values_list("name", flat=True)
    assert list(named.order_by("sequence"))[-2:] == ["channel.secret_renewed", "channel.former_secret_ended"]

    client.post(f"{address}secret/")
    channel.refresh_from_db()
    clear_told(mfg, channel.former_until, keep=timedelta(days=90))
    channel.refresh_from_db()
    assert (channel.former_secret, channel.former_until) == ("", None)


def test_a_removed_webhook_forgets_both_secrets(mfg: Organization) -> None:
    channel, _secret = subscribe(mfg, "https://erp.example.com/hook")
    channels.renew_secret(channel=channel, by="vice_gm", now=FRIDAY)
    channels.remove(channel=channel, by="vice_gm", now=FRIDAY)
    channel.refresh_from_db()
    assert (channel.secret, channel.former_secret) == ("", "")
