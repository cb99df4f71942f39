"""Who may run the company's affairs here: its people, absences, calendar, channels, tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from kehu.core.models import Organization
from kehu.core.refusals import NotYours
from kehu.engine.definitions import Right
from kehu.engine.roles import parse_role

from .queries import Person, Post


class MayNotAdminister(NotYours):
    code = "settings.not_yours"
    message = _("This is for {positions}. Ask one of them.")


def may_administer(person: Person | None, right: Right, organization: Organization) -> bool:
    """Whether a position gives him that right: those the pack names under `administration:`, and the company's highest rank."""
    if person is None:
        return False
    pack = organization.pack
    highest = max((pack["ranks"][position["rank"]] for position in pack["positions"].values()), default=0)
    if person.rank >= highest:
        return True
    return any(_holds(text, post, pack) for text in _words(pack, right) for post in person.posts)


def must_administer(person: Person | None, right: Right, organization: Organization) -> None:
    if not may_administer(person, right, organization):
        raise MayNotAdminister(positions=whose(right, organization))


def whose(right: Right, organization: Organization) -> str:
    """The positions that have a right, in words: "Personnel officer, Vice general manager"."""
    pack, language = organization.pack, "zh" if (get_language() or "zh").startswith("zh") else "en"
    ranks, positions = pack["ranks"], pack["positions"]
    top = max(positions, key=lambda key: ranks[positions[key]["rank"]])
    keys = dict.fromkeys([*(parse_role(text).name for text in _words(pack, right)), top])
    return ("、" if language == "zh" else ", ").join(
        positions[key]["title"][language] for key in keys if key in positions
    )


def _words(pack: Mapping[str, Any], right: Right) -> list[str]:
    return list(pack.get("administration", {}).get(right, ()))


def _holds(text: str, post: Post, pack: Mapping[str, Any]) -> bool:
    role = parse_role(text)
    if post.key == role.name:
        return True
    named = pack["positions"].get(role.name)
    if not role.or_higher or named is None or post.rank <= pack["ranks"][named["rank"]]:
        return False
    return post.everywhere or post.department in _line(named["department"], pack)


def _line(department: str | None, pack: Mapping[str, Any]) -> set[str]:
    """The department and those above it."""
    line: set[str] = set()
    while department and department not in line:
        line.add(department)
        department = pack["departments"].get(department, {}).get("parent")
    return line
