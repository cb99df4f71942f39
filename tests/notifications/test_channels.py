"""Chat groups, their robots, dead letters, and who may look after them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from kehu.cli.main import main
from kehu.core import sealed
from kehu.core.models import Event, Message, Organization
from kehu.core.refusals import BadData
from kehu.notifications import channels
from kehu.notifications.channels import NotWorking, Wanted
from kehu.notifications.delivery import deliver
from kehu.notifications.models import Channel, Delivery, Notice
from kehu.notifications.undelivered import drop, retry
from kehu.organizations.models import Member
from tests.cast import FRIDAY, Telling, at, sign_in

from .servers import CallServer

DINGTALK, WECOM, FEISHU = (
    "/robot/send?access_token=t0k3n",
    "/cgi-bin/webhook/send?key=t0k3n",
    "/open-apis/bot/v2/hook/t0k3n",
)


def group(mfg: Organization, address: str, takes: tuple[str, ...] = ("escalations", "overdue"), **more: Any) -> Channel:
    wanted = Wanted("Quality", address, takes=takes, **{"language": "en", **more})
    return channels.add_chat(organization=mfg, wanted=wanted, by="vice_gm", now=FRIDAY)


@pytest.mark.parametrize(
    ("path", "secret", "answer", "text"),
    [
        (DINGTALK, "SECx", b'{"errcode":0,"errmsg":"ok"}', lambda body: body["text"]["content"]),
        (WECOM, "", b'{"errcode":0,"errmsg":"ok"}', lambda body: body["text"]["content"]),
        (FEISHU, "s", b'{"code":0,"msg":"success"}', lambda body: body["content"]["text"]),
    ],
    ids=["dingtalk", "wecom", "feishu"],
)
def test_a_group_hears_in_few_lines_what_is_overdue(
    complaint: Telling, mfg: Organization, outside: CallServer, path: str, secret: str, answer: bytes, text: Any
) -> None:
    from kehu.cases.escalation import fire_due

    group(mfg, outside.url + path, secret=secret)
    outside.answer = answer
    late = at("2024-03-15 15:00")
    fire_due(late, organization=mfg)
    deliver(late, organization=mfg)

    [call] = outside.calls
    said = text(json.loads(call.body))
    assert said.splitlines()[0].startswith("Overdue (")
    assert complaint.number in said
    assert "03-15 15:00" in said
    assert "Clause: S4-1.1 of " in said
    assert f"/cases/{complaint.number}/" in said
    if secret:
        assert "sign" in call.path or "sign" in json.loads(call.body)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (DINGTALK, b'{"errcode":310000,"errmsg":"keywords not in content"}'),
        (WECOM, b'{"errcode":93000,"errmsg":"invalid webhook url"}'),
        (FEISHU, b'{"code":19001,"msg":"param invalid: incoming webhook access token invalid"}'),
        (FEISHU, b"<html>proxy</html>"),
    ],
)
def test_a_robot_s_no_is_a_no_though_it_comes_with_200(
    mfg: Organization, outside: CallServer, path: str, answer: bytes
) -> None:
    channel = group(mfg, outside.url + path)
    outside.answer = answer
    with pytest.raises(NotWorking) as refused:
        channels.try_out(channel=channel, organization=mfg, now=FRIDAY)
    said = json.loads(answer).get("errmsg", json.loads(answer).get("msg")) if answer.startswith(b"{") else "proxy"
    assert said in str(refused.value)
    channel.refresh_from_db()
    assert said in channel.error


def test_other_services_go_through_apprise(mfg: Organization, outside: CallServer) -> None:
    channel = group(mfg, outside.url.replace("http://", "json://") + "/s3cr3t-p4th")
    channels.try_out(channel=channel, organization=mfg, now=FRIDAY)
    assert "Hengyue" in json.loads(outside.calls[0].body)["message"]

    outside.status = 500
    with pytest.raises(NotWorking) as refused:
        channels.try_out(channel=channel, organization=mfg, now=FRIDAY)
    assert "s3cr3t" not in str(refused.value)


@pytest.mark.parametrize(
    "address",
    ["json://127.0.0.1/", "https://example.com/", "file:///etc/passwd", "env:KEHU_SECRET_KEY", "mailto://x", ""],
)
def test_what_leads_to_no_chat_is_refused(mfg: Organization, address: str) -> None:
    with pytest.raises(BadData):
        group(mfg, address)


def test_an_address_may_stand_in_the_environment(mfg: Organization, outside: CallServer, monkeypatch: Any) -> None:
    channel = group(mfg, "env:KEHU_CHANNEL_QUALITY")
    with pytest.raises(NotWorking, match="KEHU_CHANNEL_QUALITY"):
        channels.try_out(channel=channel, organization=mfg, now=FRIDAY)
    monkeypatch.setenv("KEHU_CHANNEL_QUALITY", outside.url + WECOM)
    outside.answer = b'{"errcode":0}'
    channels.try_out(channel=channel, organization=mfg, now=FRIDAY)
    assert len(outside.calls) == 1


def test_another_secret_key_is_said_in_words_and_loses_nothing(
    mfg: Organization, outside: CallServer, settings: Any
) -> None:
    channel = group(mfg, outside.url + WECOM)
    settings.SECRET_KEY = "another"
    with pytest.raises(sealed.CannotOpen):
        sealed.opened(channel.address)
    with pytest.raises(NotWorking, match="KEHU_SECRET_KEY"):
        channels.try_out(channel=channel, organization=mfg, now=FRIDAY)


def test_a_group_hears_once_what_several_are_told_and_only_of_its_departments(
    mfg: Organization, outside: CallServer
) -> None:
    group(mfg, outside.url + WECOM, departments=["sales"])
    group(mfg, outside.url + WECOM, departments=["finance"])
    outside.answer = b'{"errcode":0}'
    for recipient in ("sales_rep", "sales_head"):
        Message.objects.create(
            kind="escalated", recipient=recipient, step="x", created_at=FRIDAY, next_attempt_at=FRIDAY
        )
    deliver(FRIDAY, organization=mfg)

    [call] = outside.calls
    people = Member.objects.filter(key__in=("sales_rep", "sales_head"))
    for member in people:
        assert member.name["en"] in json.loads(call.body)["text"]["content"]


@pytest.fixture
def dead(mfg: Organization, deputy: Member) -> list[Delivery]:
    mail = channels.mail_of(mfg)
    common: dict[str, Any] = {
        "channel": mail,
        "member": deputy,
        "kind": "told",
        "at": FRIDAY,
        "next_attempt_at": FRIDAY,
    }
    return [
        Delivery.objects.create(key=str(number), state="dead", attempts=7, error="550 no such user", **common)
        for number in range(3)
    ]


def test_dead_letters_are_sent_again_or_dropped_with_a_reason(mfg: Organization, dead: list[Delivery]) -> None:
    assert retry(organization=mfg, only=[dead[0].pk], by="vice_gm", now=FRIDAY) == 1
    with pytest.raises(BadData):
        drop(organization=mfg, reason=" ", by="vice_gm", now=FRIDAY)
    assert drop(organization=mfg, reason="he left", by="vice_gm", now=FRIDAY) == 2
    deliver(FRIDAY, organization=mfg)

    assert list(Delivery.objects.order_by("pk").values_list("state", flat=True)) == ["sent", "dropped", "dropped"]
    facts = Event.objects.get(name="deliveries.dropped").facts
    assert (facts["count"], facts["reason"]) == (2, "he left")


def test_the_pages_of_channels_work(
    client: Client, mfg: Organization, outside: CallServer, dead: list[Delivery]
) -> None:
    sign_in(client, mfg, "vice_gm")
    outside.answer = b'{"errcode":40014,"errmsg":"bad token"}'
    answer = client.post("/settings/channels/new-chat/", {"title": "Quality", "address": "nowhere", "takes": "overdue"})
    assert answer.status_code == 422
    assert 'value="nowhere"' in answer.content.decode()
    client.post(
        "/settings/channels/new-chat/",
        {"title": "Quality", "address": outside.url + WECOM, "takes": "overdue", "language": "en"},
    )
    address = f"/settings/channels/{Channel.objects.get(kind='chat').key}/"
    assert "t0k3n" not in client.get(address).content.decode()

    page = client.post(f"{address}trial/", follow=True).content.decode()
    assert "bad token" in page
    client.post(address, {"title": "QA", "takes": "escalations", "language": "en"})
    channel = Channel.objects.get(kind="chat")
    assert (channel.title, sealed.opened(channel.address)) == ("QA", outside.url + WECOM)
    assert "550 no such user" in client.get("/settings/channels/undelivered/").content.decode()
    assert client.post("/settings/channels/undelivered/", {"all": "1", "act": "drop"}).status_code == 422
    client.post("/settings/channels/undelivered/", {"delivery": dead[1].pk, "act": "retry"})
    assert Delivery.objects.get(pk=dead[1].pk).state == "waiting"
    client.post(f"{address}state/", {"is_on": "0"})
    client.post(f"{address}removal/")
    assert client.get(address).status_code == 404
    assert Channel.objects.get(kind="chat").address == ""
    assert client.post("/settings/channels/mail/removal/").status_code == 422


@pytest.mark.parametrize("path", ["", "default/", "undelivered/", "new-chat/", "new-webhook/", "mail/"])
def test_who_may_not_look_after_the_channels_sees_none_of_it(client: Client, mfg: Organization, path: str) -> None:
    channels.mail_of(mfg)
    sign_in(client, mfg, "sales_rep")
    for answer in (client.get(f"/settings/channels/{path}"), client.post(f"/settings/channels/{path}", {"title": "x"})):
        assert answer.status_code in (403, 405)
    assert "/settings/channels/" not in client.get("/settings/").content.decode()


def test_the_command_tests_a_channel(
    mfg: Organization, outside: CallServer, capsys: pytest.CaptureFixture[str]
) -> None:
    group(mfg, outside.url + WECOM)
    outside.answer = b'{"errcode":0}'
    assert main(["channel", "test", "Quality"]) == 0
    outside.answer = b'{"errcode":93000,"errmsg":"invalid webhook url"}'
    assert main(["channel", "test", "chat-1"]) == 1
    assert main(["channel", "list"]) == 0
    said = capsys.readouterr()
    assert "invalid webhook url" in said.err
    assert "chat-1" in said.out
    assert not Notice.objects.exists()
