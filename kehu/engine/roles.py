"""Who a step is for: the words after `role:`, `tell:` and `escalate:` read into values.

sales_rep                    the holders of a position
sales_head+                  that position or a higher one in its line
head of item.department      the position of that rank in the department a field names
manager+ of responsible_dept the same, or higher
head of assignee             the superior at that rank of whoever has the task
person in tracker            the person a field names
doer of fill-sheet           who completed that step last
starter                      who opened the case
assignee                     who has the task (only in ladders)
anyone                       every member of the organization
customer                     the customer, through a signed link
system                       nobody: the system completes it
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["position", "rank", "person", "doer", "starter", "assignee", "anyone", "customer", "system"]

_KEY = r"[a-z][a-z0-9_]*"
_PATTERNS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("doer", re.compile(r"doer of (?P<path>[a-z][a-z0-9-]*)")),
    ("rank", re.compile(rf"(?P<name>{_KEY})(?P<plus>\+?) of (?P<path>{_KEY}(?:\.{_KEY})?)")),
    ("person", re.compile(rf"person in (?P<path>{_KEY}(?:\.{_KEY})?)")),
    ("position", re.compile(rf"(?P<name>{_KEY})(?P<plus>\+?)")),
)
_WORDS: frozenset[Kind] = frozenset({"starter", "assignee", "anyone", "customer", "system"})

FORMS = (
    "a position (`sales_rep`, `sales_head+`), `head of item.department`, `person in tracker`, "
    "`doer of fill-sheet`, `starter`, `assignee`, `anyone`, `customer` or `system`"
)


class RoleError(ValueError):
    """A role that cannot be read; the message names the accepted forms."""


@dataclass(frozen=True, slots=True)
class Role:
    """One way to be entitled. `name` is a position or rank, `path` a field or step, `or_higher` the plus."""

    kind: Kind
    name: str = ""
    path: str = ""
    or_higher: bool = False

    def __str__(self) -> str:
        plus = "+" if self.or_higher else ""
        match self.kind:
            case "position":
                return f"{self.name}{plus}"
            case "rank":
                return f"{self.name}{plus} of {self.path}"
            case "person":
                return f"person in {self.path}"
            case "doer":
                return f"doer of {self.path}"
        return self.kind


def parse_role(text: str) -> Role:
    text = " ".join(text.split())
    for word in _WORDS:
        if text == word:
            return Role(word)
    for kind, pattern in _PATTERNS:
        if match := pattern.fullmatch(text):
            found = match.groupdict()
            return Role(kind, found.get("name") or "", found.get("path") or "", bool(found.get("plus")))
    raise RoleError(f'"{text}" is no role. Write {FORMS}.')
