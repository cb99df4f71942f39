"""Names on paper: who somebody is called, and which position he held on the day he signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from kehu.core.models import Organization
from kehu.organizations.models import Appointment, Member

Words = Mapping[str, str]
"""A text in both languages: {"zh": …, "en": …}."""
SYSTEM: Words = {"zh": "系统", "en": "System"}


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

    def __init__(self, organization: Organization):
        members = Member.everywhere.filter(organization=organization)
        self.names: dict[str, Words] = {member.key: member.name for member in members}
        self.keys: dict[int, str] = {member.pk: member.key for member in members}
        self.held: dict[str, list[Held]] = {}
        for post in (
            Appointment.everywhere.filter(organization=organization)
            .select_related("position")
            .order_by("-position__rank")
        ):
            held = Held(post.position.title, post.valid_from, post.valid_until)
            self.held.setdefault(self.keys[post.member_id], []).append(held)

    def name(self, key: Any) -> Words | str:
        return self.names.get(str(key), str(key)) if key else ""

    def signature(self, key: str | None, day: date | None) -> dict[str, Any]:
        """Name and position; the position only where it says more than the name."""
        name = self.name(key)
        held = [one.title for one in self.held.get(key or "", []) if day is None or one.on(day)]
        return {"name": name, "position": held[0] if held and held[0] != name else ""}
