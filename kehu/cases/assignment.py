"""Who gets a task, and who may do it: by position and rank, never by name alone.

A list of roles: the first that somebody fills has the task, the others may do it as well. Where nobody holds a position, or
everybody who does is excluded (nobody approves what he submitted) or away without a deputy, the next rank up has it. Who is away
with a deputy keeps the task: his deputy may do it while he is away (`standing_in.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from kehu.engine.definitions import Pack, PositionDefinition, Procedure, Step, TableRole
from kehu.engine.roles import Role, parse_role
from kehu.engine.tables import Table
from kehu.organizations.queries import Directory, Person, Post


@dataclass(frozen=True)
class Circumstances:
    """What a role is read against: the company, its people, the case."""

    pack: Pack
    directory: Directory
    tables: Mapping[str, Table]
    context: Mapping[str, Any]
    doers: Mapping[str, str] = field(default_factory=dict)
    """Who completed each step last: step -> member key."""
    starter: str = ""
    owner: str = ""
    """The department that owns the procedure."""
    assigned: tuple[Person, ...] = ()
    """Who has the task already; ladders speak of him."""
    procedure: str = ""
    amount: Decimal | None = None
    """What the case is about in money, where its procedure says."""

    def reaches(self, person: Person, excluded: Collection[str] = ()) -> bool:
        """Whether a task given to him can be done: he is here, or somebody stands in for him."""
        if person.key not in self.directory.absent:
            return True
        deputies = self.directory.deputies_of(person, self.procedure, self.amount)
        return any(one.deputy not in excluded for one in deputies)


def roles_of(step: Step, circumstances: Circumstances) -> tuple[Role, ...]:
    """The step's role, read from the decision table where it names one; of a step that several do together, all of theirs."""
    return tuple(role for party in parties_of(step, circumstances) for role in party)


def parties_of(step: Step, circumstances: Circumstances) -> list[tuple[Role, ...]]:
    """Who does it: one party, or every one that signs."""
    return [_roles(party, circumstances) for party in step.parties]


def _roles(party: TableRole | tuple[str, ...], circumstances: Circumstances) -> tuple[Role, ...]:
    if not isinstance(party, TableRole):
        return tuple(parse_role(text) for text in party)
    words = circumstances.tables[party.table].answers(party.inputs, circumstances.context, party.output)
    return tuple(parse_role(text) for text in dict.fromkeys(words))


def assigned(roles: Iterable[Role], circumstances: Circumstances, excluded: Collection[str] = ()) -> list[Person]:
    """Who has the task. Where nobody can be reached at all it waits with who would have it."""
    roles = list(roles)

    def able(person: Person) -> bool:
        return person.key not in excluded and circumstances.reaches(person, excluded)

    for find in (_holders, _next_up_among(able)):
        for role in roles:
            if found := [person for person in find(role, circumstances) if able(person)]:
                return found
    for find in (_holders, _next_up_among(lambda person: person.key not in excluded)):
        for role in roles:
            if found := [person for person in find(role, circumstances) if person.key not in excluded]:
                return found
    return []


def may_do(person: Person, roles: Iterable[Role], circumstances: Circumstances, excluded: Collection[str] = ()) -> bool:
    """Whether the person's positions entitle him. Exclusion is a matter of rule, not of position, and is asked apart."""
    roles = list(roles)
    if any(_entitles(role, person, circumstances) for role in roles):
        return True
    return person in assigned(roles, circumstances, excluded)


def told(words: Iterable[str], circumstances: Circumstances) -> list[Person]:
    """Whom a rung tells; a rung whose position has no holder goes to the next one up, and so does one whose holders are all away
    without a deputy (they are told as well). Deputies are told with whom they stand in for (`Work.tell`)."""
    people: list[Person] = []
    for text in words:
        role = parse_role(text)
        holders = _holders(role, circumstances)
        people += holders
        if not any(circumstances.reaches(person) for person in holders):
            people += _next_up(role, circumstances, circumstances.reaches)
    return list(dict.fromkeys(people))


def assists(people: Iterable[Person], owner: str, people_of: Directory) -> bool:
    """协办: whether a task lies with another department than the one that owns the procedure."""
    units = {unit for person in people for post in person.posts for unit in people_of.line_of(post.department)}
    return bool(units) and owner not in units


def departments_at(path: str, circumstances: Circumstances) -> list[str]:
    """The departments that `of` names: a field, a column of the row at hand, the column of all rows, or a department itself."""
    directory = circumstances.directory
    if path == "owner":
        return [circumstances.owner]
    if path == "assignee":
        return list(dict.fromkeys(person.posts[0].department for person in circumstances.assigned if person.posts))
    if path in directory.units:
        return [path]
    return [key for key in _values_at(path, circumstances.context) if key in directory.units]


def _values_at(path: str, context: Mapping[str, Any]) -> list[str]:
    root, _, column = path.partition(".")
    value = context.get(root)
    if column and isinstance(value, list):
        return [str(row.get(column)) for row in value if row.get(column)]
    if column:
        value = value.get(column) if isinstance(value, Mapping) else None
    if isinstance(value, list):
        return [str(one) for one in value]
    return [str(value)] if value else []


def _holders(role: Role, circumstances: Circumstances) -> list[Person]:
    directory = circumstances.directory
    match role.kind:
        case "position":
            relative = circumstances.pack.relative_positions.get(role.name)
            if relative:
                return _of_rank(
                    circumstances.pack.ranks[relative.rank],
                    _first_filled(relative.of, circumstances),
                    circumstances,
                    role,
                )
            return directory.holders.get(role.name, [])
        case "rank":
            return _of_rank(
                circumstances.pack.ranks[role.name], departments_at(role.path, circumstances), circumstances, role
            )
        case "person":
            return _people(directory, _values_at(role.path, circumstances.context))
        case "doer":
            return _people(directory, [circumstances.doers.get(role.path, "")])
        case "starter":
            return _people(directory, [circumstances.starter])
        case "customer":
            return _for_the_customer(circumstances)
        case "assignee":
            return list(circumstances.assigned)
    return []


def _for_the_customer(circumstances: Circumstances) -> list[Person]:
    """Who sends the customer his link, or records what he said on paper: who looks after him, else whoever opened the case, else the
    department that owns the procedure."""
    directory = circumstances.directory
    for keys in (_values_at("customer.owner", circumstances.context), [circumstances.starter]):
        if found := _people(directory, keys):
            return found
    return directory.next_up(circumstances.owner, 0)


def _people(directory: Directory, keys: Iterable[str]) -> list[Person]:
    """Who is named, or stands in a leaver's place."""
    return list(dict.fromkeys(person for key in keys for person in directory.in_place_of(key)))


def _first_filled(paths: Iterable[str], circumstances: Circumstances) -> list[str]:
    return next((found for path in paths if (found := departments_at(path, circumstances))), [])


def _of_rank(rank: int, departments: Iterable[str], circumstances: Circumstances, role: Role) -> list[Person]:
    """Holders of that rank in these departments. A superior stands above whom he is superior to."""
    directory = circumstances.directory
    people: list[Person] = []
    for department in departments:
        if role.path == "assignee":
            own = max((person.rank for person in circumstances.assigned), default=0)
            if own >= rank:
                people += directory.next_up(department, own)
                continue
        people += [person for post in directory.posts_at(department, rank) for person in directory.holders[post.key]]
    return list(dict.fromkeys(people))


def _next_up_among(able: Callable[[Person], bool]) -> Callable[[Role, Circumstances], list[Person]]:
    return lambda role, circumstances: _next_up(role, circumstances, able)


def _next_up(role: Role, circumstances: Circumstances, able: Callable[[Person], bool]) -> list[Person]:
    """Who stands above an unfilled (or excluded, or absent) role: rank by rank until somebody is left."""
    directory = circumstances.directory
    for department, rank in _places(role, circumstances):
        while above := directory.next_up(department, rank):
            if left := [person for person in above if able(person)]:
                return left
            rank = min(post.rank for person in above for post in person.posts if post.rank > rank)
    return []


def _places(role: Role, circumstances: Circumstances) -> list[tuple[str, int]]:
    """The department and rank a role speaks of."""
    match role.kind:
        case "position":
            relative = circumstances.pack.relative_positions.get(role.name)
            if relative:
                return [
                    (unit, circumstances.pack.ranks[relative.rank])
                    for unit in _first_filled(relative.of, circumstances)
                ]
            position: PositionDefinition | Post | None = circumstances.directory.posts.get(role.name)
            return [(position.department, position.rank)] if isinstance(position, Post) else []
        case "rank":
            return [(unit, circumstances.pack.ranks[role.name]) for unit in departments_at(role.path, circumstances)]
    people = _holders(role, circumstances)
    return [(post.department, post.rank) for person in people for post in person.posts[:1]]


def _entitles(role: Role, person: Person, circumstances: Circumstances) -> bool:
    directory = circumstances.directory
    match role.kind:
        case "anyone":
            return True
        case "system":
            return False
        case "position" | "rank":
            if person in _holders(role, circumstances):
                return True
            return role.or_higher and any(
                post.rank > rank and directory.counts_for(post, department)
                for department, rank in _places(role, circumstances)
                for post in person.posts
            )
    return person in _holders(role, circumstances)


def excluded_by(step: Step, procedure: Procedure, doers: Callable[[str], Iterable[str]]) -> set[str]:
    """Whoever completed a step that this one approves."""
    return {key for approved in step.approves if approved in procedure.steps for key in doers(approved)}
