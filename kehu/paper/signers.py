"""Names on paper: who somebody is called, and which position he held on the day he signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from kehu.cases.guests import signer_of
from kehu.organizations.models import Appointment, Member

Words = Mapping[str, str]
"""A text in both languages: {"zh": …, "en": …}."""
SYSTEM: Words = {"zh": "系统", "en": "System"}
BY_LINK: Words = {"zh": "客户，凭链接", "en": "customer, by link"}


@dataclass(frozen=True)
class Held:
    title: Words
    valid_from: date | None
    valid_until: date | None

    def on(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day < self.valid_until
        )


class Signers:
    """Everyone who is or was a member: a paper keeps the names of those who left."""

    def __init__(self) -> None:
        members = Member.objects.all()
        self.names: dict[str, Words] = {member.key: member.name for member in members}
        self.keys: dict[int, str] = {member.pk: member.key for member in members}
        self.held: dict[str, list[Held]] = {}
        for post in Appointment.objects.select_related("position").order_by("-position__rank"):
            held = Held(post.position.title, post.valid_from, post.valid_until)
            self.held.setdefault(self.keys[post.member_id], []).append(held)

    def name(self, key: Any) -> Words | str:
        return self.names.get(str(key), str(key)) if key else ""

    def signature(self, key: str | None, day: date | None, acting: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Name and position; the position only where it says more than the name. Of a deputy both names, and by which rule he
        signed."""
        name = self.name(key)
        if signer := signer_of(acting):
            return {"name": signer, "position": BY_LINK}
        if acting:
            return {"name": _both(name, self.name(acting["for"])), "position": _rule(acting)}
        held = [one.title for one in self.held.get(key or "", []) if day is None or one.on(day)]
        return {"name": name, "position": held[0] if held and held[0] != name else ""}


def _both(deputy: Words | str, principal: Words | str) -> Words:
    texts = [name if isinstance(name, Mapping) else {"zh": name, "en": name} for name in (deputy, principal)]
    return {"zh": f"{texts[0]['zh']} 代 {texts[1]['zh']}", "en": f"{texts[0]['en']} for {texts[1]['en']}"}


def _rule(acting: Mapping[str, Any]) -> Words:
    numbers = [str(number) for number in acting["rules"]]
    days = f"{acting['valid_from']} – {acting['valid_until']}"
    return {
        "zh": f"委托代理第 {'、'.join(numbers)} 号，{days}",
        "en": f"deputy rule {', '.join(numbers)}, {days}",
    }
