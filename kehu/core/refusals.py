"""Refusals: why something was not done, in one sentence a person can act on; the same at every door.

An action raises one; the door turns it into a notice on the page, a problem document or a line on the terminal. `kind` is one of
order · position · data · rule · conflict (design §8), `status` its HTTP status.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Refusal(Exception):
    code = "refused"
    kind = "rule"
    status = 422
    message: str | Promise = _("This cannot be done.")

    def __init__(self, **facts: Any):
        super().__init__(self.code)
        self.facts = facts

    def __str__(self) -> str:
        return str(self.message).format(**self.facts)


class OutOfOrder(Refusal):
    kind = "order"
    status = 409


class NotYours(Refusal):
    kind = "position"
    status = 403
    message = _("This is not yours to do.")


class AgainstTheRule(Refusal):
    kind = "rule"
    status = 422


class Conflict(Refusal):
    kind = "conflict"
    status = 409


@dataclass(frozen=True)
class Finding:
    """What is wrong with one value: the field's path (`actions.0.what`), and a sentence."""

    path: str
    message: Any

    def __str__(self) -> str:
        return str(self.message)


class BadData(Refusal):
    """One or more values cannot be accepted; every finding is shown at its field, and what was typed stays."""

    code = "data.not_accepted"
    kind = "data"
    status = 422

    def __init__(self, findings: list[Finding]):
        super().__init__(count=len(findings))
        self.findings = findings

    def __str__(self) -> str:
        return " ".join(str(finding) for finding in self.findings)
