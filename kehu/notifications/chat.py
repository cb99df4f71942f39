"""A chat group's robot.

DingTalk, WeCom and Feishu are spoken to directly: they answer HTTP 200 also to what they refuse (a wrong token, a missing
keyword, too many messages a minute) and say so in the body, which Apprise 2.2 takes for success. All other services go through
Apprise, by those of its addresses whose host is the service's own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import SplitResult, parse_qs, quote_plus, urlsplit

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from kehu.core import sealed
from kehu.core.models import Organization

from .failures import Broken, Lost, Unopened
from .models import Channel, Delivery
from .outside import NotAllowed, Unreached, checked, post
from .wording import Cases, group_text

ENVIRONMENT = "KEHU_CHANNEL_"
"""`env:KEHU_CHANNEL_QUALITY` for an address: it stands in that variable. Other variables are not read: whoever may enter an
address here is no administrator of the server."""
APPRISE = ("discord", "pushplus", "schan", "slack", "tgram", "wxpusher")
_APPRISE_WITHIN = (
    *(
        "bark",
        "barks",
        "gotify",
        "gotifys",
        "json",
        "jsons",
        "matrix",
        "matrixs",
        "mmost",
        "mmosts",
        "nctalk",
        "nctalks",
    ),
    *("ntfy", "ntfys", "pushdeer", "pushdeers", "rocket", "rockets", "synology", "synologys", "workflows"),
)
"""Of hosts that are named in the address; with KEHU_PRIVATE_ADDRESSES, since Apprise looks at no host."""


@contextmanager
def opened(
    channel: Channel, organization: Organization, cases: Cases, now: datetime
) -> Iterator[Callable[[Sequence[Delivery]], None]]:
    address, secret = _kept(channel)

    def send(letter: Sequence[Delivery]) -> None:
        for delivery in letter:
            with translation.override(channel.language):
                text = group_text(delivery, cases.get(delivery.case_number), organization)
                if delivery.is_repeat:
                    text += "\n" + _("This message may have reached you before.")
            say(address, secret, text)

    yield send


def test(channel: Channel, organization: Organization) -> None:
    address, secret = _kept(channel)
    with translation.override(channel.language):
        text = _("Kehu: a test. Messages of {company} will arrive here.").format(
            company=organization.title["zh" if channel.language.startswith("zh") else "en"]
        )
    say(address, secret, text)


def check(address: str) -> None:
    """Raises `NotAllowed` for an address that leads to no chat we know."""
    if address.startswith("env:"):
        if not address.removeprefix("env:").startswith(ENVIRONMENT):
            raise NotAllowed(reason=_("a variable for it is named {prefix}…").format(prefix=ENVIRONMENT))
    elif address.startswith(("https:", "http:")):
        if _robot(checked(address)) is None:
            raise NotAllowed(reason=_("no robot of DingTalk, WeCom or Feishu has an address like this."))
    elif not _is_known(address):
        raise NotAllowed(
            reason=_(
                "copy the robot’s address from DingTalk, WeCom or Feishu, or write one of Apprise ({schemes})."
            ).format(schemes=", ".join(f"{scheme}://" for scheme in APPRISE))
        )


def say(address: str, secret: str, text: str) -> None:
    """Raises `Broken` with what the service said."""
    if not address.startswith(("https:", "http:")):
        return _by_apprise(address, text)
    try:
        parts = checked(address)
        robot = _robot(parts)
        if robot is None:
            raise Broken("no robot of DingTalk, WeCom or Feishu has an address like this")
        query, content = robot(parts, secret, text)
        answer = post(
            address + query, json.dumps(content).encode(), {"Content-Type": "application/json; charset=utf-8"}
        )
    except NotAllowed as error:
        raise Broken(str(error)) from error
    except Unreached as error:
        raise (Lost if error.was_sent else Broken)(str(error)) from error
    _must_be_taken(answer.status, answer.text)


Robot = Callable[[SplitResult, str, str], tuple[str, dict[str, Any]]]
"""What is added to the address, and the body."""


def _robot(parts: SplitResult) -> Robot | None:
    """By its path, since companies run some of these services on hosts of their own."""
    query = parse_qs(parts.query)
    if parts.path.endswith("/robot/send") and "access_token" in query:
        return _dingtalk
    if parts.path.endswith("/cgi-bin/webhook/send") and "key" in query:
        return _wecom
    if "/open-apis/bot/v2/hook/" in parts.path:
        return _feishu
    return None


def _dingtalk(parts: SplitResult, secret: str, text: str) -> tuple[str, dict[str, Any]]:
    """https://open.dingtalk.com/document/robots/custom-robot-access: the signature covers milliseconds and the secret."""
    body = {"msgtype": "text", "text": {"content": text}}
    if not secret:
        return "", body
    stamp = str(int(time.time() * 1000))
    digest = hmac.digest(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256)
    return f"&timestamp={stamp}&sign={quote_plus(base64.b64encode(digest))}", body


def _wecom(parts: SplitResult, secret: str, text: str) -> tuple[str, dict[str, Any]]:
    """https://developer.work.weixin.qq.com/document/path/91770"""
    return "", {"msgtype": "text", "text": {"content": text}}


def _feishu(parts: SplitResult, secret: str, text: str) -> tuple[str, dict[str, Any]]:
    """https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot: seconds and secret are the key, nothing is the text."""
    body: dict[str, Any] = {"msg_type": "text", "content": {"text": text}}
    if secret:
        stamp = str(int(time.time()))
        digest = hmac.digest(f"{stamp}\n{secret}".encode(), b"", hashlib.sha256)
        body |= {"timestamp": stamp, "sign": base64.b64encode(digest).decode()}
    return "", body


def _must_be_taken(status: int, text: str) -> None:
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    answer = answer if isinstance(answer, dict) else {}
    code = answer.get("errcode", answer.get("code", answer.get("StatusCode")))
    if status != 200 or code is None or code != 0:
        said = answer.get("errmsg") or answer.get("msg") or " ".join(text.split())[:200]
        raise Broken(f"HTTP {status}, {code}: {said}"[:500] if code is not None else f"HTTP {status}: {said}"[:500])


def _by_apprise(address: str, text: str) -> None:
    import apprise  # a fifth of a second, and only where a company has such a channel

    if not _is_known(address):
        raise Broken("no chat that Kehu knows has an address like this")
    service = apprise.Apprise.instantiate(address, suppress_exceptions=True)
    if service is None:
        raise Broken("Apprise does not understand the address")
    with apprise.LogCapture(level=apprise.logging.WARNING, name="apprise", fmt="%(message)s") as said:
        is_sent = bool(service.notify(body=text))
    if not is_sent:
        raise Broken(_without(address, said.getvalue().strip()) or "the service did not take it")


def _is_known(address: str) -> bool:
    scheme = urlsplit(address).scheme
    return scheme in APPRISE or bool(settings.PRIVATE_ADDRESSES and scheme in _APPRISE_WITHIN)


def _without(address: str, text: str) -> str:
    """What was said, without the secrets of the address."""
    parts = urlsplit(address)
    for secret in filter(None, (parts.username, parts.password, parts.hostname, *parts.path.split("/"))):
        if len(secret) > 5:
            text = text.replace(secret, "…")
    return text[:500]


def _kept(channel: Channel) -> tuple[str, str]:
    try:
        address, secret = sealed.opened(channel.address), sealed.opened(channel.secret)
    except sealed.CannotOpen as error:
        raise Unopened("KEHU_SECRET_KEY is another than when the address was entered: enter it again") from error
    if address.startswith("env:"):
        name = address.removeprefix("env:")
        address = os.environ.get(name, "") if name.startswith(ENVIRONMENT) else ""
        if not address:
            raise Unopened(f"the variable {name} is not set where the worker runs")
    return address, secret
