"""A webhook: a case's event told to another program, signed as the Standard Webhooks specification says.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: `webhook-id` stays the same however
often it is sent, `webhook-signature` is the HMAC-SHA256 of id, timestamp and body under the subscription's secret; for a time after
the secret was renewed, one under each of the two.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from kehu.core import sealed
from kehu.core.models import Organization

from .failures import Broken, Lost, Unopened
from .models import Channel, Delivery
from .outside import NotAllowed, Unreached, post
from .wording import Cases

PREFIX = "whsec_"


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


@contextmanager
def opened(
    channel: Channel, organization: Organization, cases: Cases, now: datetime
) -> Iterator[Callable[[Sequence[Delivery]], None]]:
    address, keys = _kept(channel, now)

    def send(letter: Sequence[Delivery]) -> None:
        for delivery in letter:
            call(address, keys, f"kehu-{organization.key}-{delivery.pk}", payload(delivery, organization))

    yield send


def test(channel: Channel, organization: Organization, now: datetime) -> None:
    """A `kehu.test` event. Raises the failures of sending."""
    address, keys = _kept(channel, now)
    identity = f"kehu-{organization.key}-test-{secrets.token_hex(6)}"
    content = {"type": "kehu.test", "timestamp": now.isoformat(), "data": {"organization": organization.key}}
    call(address, keys, identity, content)


def payload(delivery: Delivery, organization: Organization) -> dict[str, Any]:
    """What is sent; docs/howto/receive-webhooks.md explains it. The same however often it is sent."""
    facts = delivery.facts
    return {
        "type": delivery.kind,
        "timestamp": delivery.at.isoformat(),
        "data": {
            "organization": organization.key,
            "delivery": delivery.pk,
            "case": delivery.case_number,
            "address": settings.URL + reverse("case", args=[delivery.case_number]),
            "procedure": facts.get("procedure", ""),
            "sequence": facts.get("sequence"),
            "status": facts.get("status", ""),
            "step": delivery.step,
            "item": delivery.item,
            "by": facts.get("by", ""),
            "facts": facts.get("facts", {}),
        },
    }


def call(address: str, keys: Sequence[str], identity: str, content: dict[str, Any]) -> None:
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    # Signed when it is sent, by the computer's clock: a receiver refuses what is old, and a demo's clock runs ahead.
    stamp = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "webhook-id": identity,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(signature(secret, identity, stamp, body) for secret in keys),
    }
    try:
        answer = post(address, body, headers)
    except NotAllowed as error:
        raise Broken(str(error)) from error
    except Unreached as error:
        raise (Lost if error.was_sent else Broken)(str(error)) from error
    if not 200 <= answer.status < 300:
        raise Broken(f"HTTP {answer.status}: {' '.join(answer.text.split())[:200]}".rstrip(": "))


def signature(secret: str, identity: str, stamp: str, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.digest(key, f"{identity}.{stamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def _kept(channel: Channel, now: datetime) -> tuple[str, list[str]]:
    """The address, and what signs: the secret, then the one before it while both count."""
    sealed_keys = [channel.secret, *([channel.former_secret] if channel.overlaps(now) else [])]
    try:
        return sealed.opened(channel.address), [sealed.opened(key) for key in sealed_keys]
    except sealed.CannotOpen as error:
        raise Unopened("KEHU_SECRET_KEY is another than when the address was entered: enter it again") from error
