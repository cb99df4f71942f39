"""Who acts from outside, by a link: nobody of the staff, and what an event keeps of him instead of a member's key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Visit:
    """From where somebody comes: his network address and his browser, as they say of themselves."""

    address: str = ""
    agent: str = ""

    def facts(self) -> dict[str, str]:
        return {"address": self.address[:45], "agent": self.agent[:300]}


@dataclass(frozen=True)
class Guest:
    """Somebody who answers by a link."""

    name: str
    """Whom the link was made for."""
    signer: str
    """The name he signed with; without a signature the same."""
    invitation: int
    invited_by: str
    visit: Visit
    read: str = ""
    """A digest of what he was shown when he answered."""
    drawn: str = ""
    """The file of the signature he drew."""

    def facts(self) -> dict[str, Any]:
        """As events and records keep it."""
        found = {
            "name": self.name,
            "signer": self.signer,
            "invitation": self.invitation,
            "invited_by": self.invited_by,
            "read": self.read,
            "drawn": self.drawn,
            **self.visit.facts(),
        }
        return {"guest": {key: value for key, value in found.items() if value}}


def signer_of(facts: Any) -> str:
    """The name under which somebody from outside did what these facts tell; empty where it was no guest."""
    guest = (facts or {}).get("guest") or {}
    return str(guest.get("signer") or guest.get("name") or "")
