"""Who may run the company's affairs here: its people, absences, calendar, channels, tokens."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from kehu.core.models import Organization
from kehu.core.refusals import NotYours
from kehu.engine.definitions import Right
from kehu.engine.roles import parse_role

from .queries import Person, Post, directory, local_now


class MayNotAdminister(NotYours):
    code = "settings.not_yours"
    message = _("This is for {positions}. Ask one of them.")


def may_administer(person: Person | None, right: Right, organization: Organization) -> bool:
    """Whether a position gives him that right: those the pack names under `administration:`, and the company's highest rank."""
    return person is not None and _give(person.posts, right, organization)


def _give(posts: Collection[Post], right: Right, organization: Organization) -> bool:
    if max((post.rank for post in posts), default=0) >= _highest(organization):
        return True
    return _hold(posts, _words(organization.pack, right), organization.pack)


def holds_one_of(person: Person, roles: Collection[str], organization: Organization) -> bool:
    """Whether he holds one of these positions (`sales_head`, `sales_head+`) in his own right."""
    return _hold(person.posts, roles, organization.pack)


def _hold(posts: Collection[Post], roles: Collection[str], pack: Mapping[str, Any]) -> bool:
    return any(_holds(text, post, pack) for text in roles for post in posts)


def must_administer(person: Person | None, right: Right, organization: Organization) -> None:
    if not may_administer(person, right, organization):
        raise MayNotAdminister(positions=whose(right, organization))


KEYS: tuple[Right, ...] = ("people", "channels", "tokens")
"""The rights that open the house: whoever signs in as somebody who has one, can do with the company's access what he likes."""


class HasMoreRights(NotYours):
    code = "member.has_more_rights"
    message = _(
        "{person} has rights here that you do not have, so this is not for you to do. Ask {positions}, or whoever runs the server "
        "(`kehu member`)."
    )


class MoreThanYours(NotYours):
    code = "position.more_than_yours"
    message = _(
        "The position {position} has rights that you do not have, so you cannot give it. Ask {positions}, or whoever runs the server "
        "(`kehu member`)."
    )


def must_have_as_much(organization: Organization, by: str, other: str, now: datetime) -> None:
    """Nobody gets at the access of somebody who may do more with the company than he himself. The command line may (`by` empty)."""
    people = directory(organization, local_now(organization, now).date()).people
    if by in ("", other) or other not in people:
        return
    if missing := _keys(people[other].posts, organization) - _keys_of(people.get(by), organization):
        language = "zh" if (get_language() or "zh").startswith("zh") else "en"
        raise HasMoreRights(person=people[other].called(language), positions=_who_else(missing, organization))


def must_be_able_to_give(organization: Organization, by: str, positions: Collection[str], now: datetime) -> None:
    """Nobody appoints anybody, himself least of all, to what may do more with the company than he himself."""
    if not by:
        return
    known = directory(organization, local_now(organization, now).date())
    mine = _keys_of(known.people.get(by), organization)
    for post in (known.posts[key] for key in positions if key in known.posts):
        if missing := _keys([post], organization) - mine:
            language = "zh" if (get_language() or "zh").startswith("zh") else "en"
            raise MoreThanYours(position=post.title[language], positions=_who_else(missing, organization))


def _keys_of(person: Person | None, organization: Organization) -> set[Right | None]:
    return _keys(person.posts, organization) if person else set()


def _keys(posts: Collection[Post], organization: Organization) -> set[Right | None]:
    """Which keys these positions give; None: those of the highest rank, who may do everything."""
    found: set[Right | None] = {right for right in KEYS if _give(posts, right, organization)}
    is_highest = max((post.rank for post in posts), default=0) >= _highest(organization)
    return found | {None} if is_highest else found


def _who_else(missing: set[Right | None], organization: Organization) -> str:
    """Who has what is missing, in words."""
    right = next((key for key in KEYS if key in missing and None not in missing), None)
    if right:
        return whose(right, organization)
    pack, language = organization.pack, "zh" if (get_language() or "zh").startswith("zh") else "en"
    return str(_top(pack)["title"][language])


def _highest(organization: Organization) -> int:
    pack = organization.pack
    return max((pack["ranks"][position["rank"]] for position in pack["positions"].values()), default=0)


def whose(right: Right, organization: Organization) -> str:
    """The positions that have a right, in words: "Personnel officer, Vice general manager"."""
    pack, language = organization.pack, "zh" if (get_language() or "zh").startswith("zh") else "en"
    ranks, positions = pack["ranks"], pack["positions"]
    top = max(positions, key=lambda key: ranks[positions[key]["rank"]])
    keys = dict.fromkeys([*(parse_role(text).name for text in _words(pack, right)), top])
    return ("、" if language == "zh" else ", ").join(
        positions[key]["title"][language] for key in keys if key in positions
    )


def _top(pack: Mapping[str, Any]) -> Mapping[str, Any]:
    """The position of the highest rank."""
    found: Mapping[str, Any] = max(pack["positions"].values(), key=lambda one: pack["ranks"][one["rank"]])
    return found


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
