"""Small questions: who may."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from kehu.core.models import Event, Organization
from kehu.engine.advance import NotPossible
from kehu.engine.definitions import Pack, TableRole
from kehu.engine.roles import Role, parse_role
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.customers.queries import facts_of
from kehu.organizations.queries import Directory, Person
from kehu.organizations.standing_in import StandIn
from kehu.procedures import revisions
from kehu.procedures.packs import Running

from .assignment import Circumstances, may_do, roles_of
from .folder import Folder
from .models import Assignment, Task
from .moves import Past, token_of
from .work import Work


@dataclass(frozen=True)
class Power:
    """That somebody may: in his own right, or as a deputy (`acting`)."""

    acting: StandIn | None = None


def power(
    person: Person | None,
    may: Callable[[Person], bool],
    people: Directory,
    procedure: str,
    amount: Decimal | None = None,
) -> Power | None:
    """By which power the person may: his own before that of somebody he stands in for today. None where he may not."""
    if person is None:
        return None
    if may(person):
        return Power()
    for one in person.stands_in:
        if one.covers(procedure, amount) and may(people.people[one.principal]):
            return Power(one)
    return None


def beyond_the_mandate(
    person: Person, may: Callable[[Person], bool], people: Directory, procedure: str, amount: Decimal | None
) -> StandIn | None:
    """A power that would do but for its limit."""
    for one in person.stands_in:
        if one.covers(procedure) and not one.covers("", amount) and may(people.people[one.principal]):
            return one
    return None


def power_to_open(work: Work, running: Running, customer: Customer | None = None) -> Power | None:
    """By which power who acts may start a case of this procedure; of that customer, whom the first step's role may speak of."""
    first = running.procedure.steps[running.procedure.first_step]
    about = facts_of(customer, work.people) if customer else None

    def may(person: Person) -> bool:
        context = {"by": person.key, "customer": about}
        circumstances = Circumstances(running.pack, work.people, running.tables, context, owner=running.procedure.owner)
        return may_do(person, roles_of(first, circumstances), circumstances)

    return power(work.by, may, work.people, running.procedure.key)


def may_open(work: Work, running: Running, customer: Customer | None = None) -> bool:
    """Whether who acts may start a case of this procedure now, of that customer."""
    document = running.procedure
    is_open = document.startable and revisions.is_on(work.procedures[document.key])
    return is_open and power_to_open(work, running, customer) is not None


def may_void(folder: Folder) -> bool:
    return _holds_power(folder, folder.procedure.void)


def may_reopen(folder: Folder) -> bool:
    return _holds_power(folder, folder.procedure.reopen)


def may_pause(folder: Folder) -> bool:
    return _holds_power(folder, folder.procedure.pause)


def _holds_power(folder: Folder, words: str) -> bool:
    return power_over(folder, who_holds(folder, words), folder.work.by) is not None


def power_over(folder: Folder, may: Callable[[Person], bool], person: Person | None) -> Power | None:
    """By which power the person does with the case what `may` allows, with what it is about in money."""
    return power(person, may, folder.work.people, folder.procedure.key, folder.amount)


def who_holds(folder: Folder, words: str) -> Callable[[Person], bool]:
    """Whose positions allow what the procedure gives to that role (`void`, `reopen`, `pause`)."""
    circumstances = folder.circumstances(folder.procedure.first_step)
    roles = [parse_role(words)]
    return lambda person: may_do(person, roles, circumstances)


def who_may_do(
    folder: Folder, step: str, item: str, assigned: Collection[int] | None = None
) -> Callable[[Person], bool]:
    """Who may do an open task in his own right. `assigned`: the members who have it; asked for where it is not given."""
    known = assigned

    def may(one: Person) -> bool:
        nonlocal known
        if is_entitled(folder, step, item, one):
            return True
        if known is None:
            task = folder.task(step, item)
            mine = Assignment.objects.filter(task=task, part=Assignment.Part.DO, is_open=True)
            known = set(mine.values_list("member_id", flat=True)) if task and task.pk else set()
        return one.id in known

    return may


def who_was_asked(asked: Collection[str]) -> Callable[[Person], bool]:
    """These members, for what they were asked."""
    return lambda person: person.key in asked


@dataclass(frozen=True)
class May:
    """What somebody may do with a case now."""

    tasks: tuple[Task, ...] = ()
    """The open tasks he may complete, send back or hand over."""
    own: tuple[Task, ...] = ()
    """Of these: whose submission is his own, so that somebody else must decide."""
    void: bool = False
    reopen: bool = False
    returns: Mapping[int, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """Task -> the places (step, row) done before, to which it may be sent back."""
    acting: Mapping[int, StandIn] = field(default_factory=dict)
    """Task -> for whom he may do it, where he may only as a deputy."""

    case_verbs: frozenset[str] = frozenset()
    """What he may do with the case itself, by name (`verbs.VERBS`)."""
    task_verbs: Mapping[int, frozenset[str]] = field(default_factory=dict)
    """What he may do with each task, by name; also with one he has completed."""

    def tasks_for(self, verb: str) -> set[int]:
        return {key for key, verbs in self.task_verbs.items() if verb in verbs}


def what_may(
    person: Person,
    folder: Folder,
    assigned: Mapping[int, Collection[int]],
    advising: Mapping[int, Collection[int]] | None = None,
    events: Iterable[Event] = (),
) -> May:
    """`assigned`: task -> the members who have it; `advising`: task -> the members who were asked about it. Only read; the action asks again."""
    powers = {
        task: power_over(folder, who_may_do(folder, task.step, task.item, assigned.get(task.pk, ())), person)
        for task in folder.tasks
        if task.is_open and folder.state.is_open and task.kind == "task" and not task.held
    }
    acting = {task: found.acting for task, found in powers.items() if found and found.acting}
    tasks = tuple(task for task, found in powers.items() if found)
    own = tuple(
        task
        for task in tasks
        if {person.key, acting[task].principal if task in acting else person.key}
        & folder.submitters(task.step, task.item)
    )
    returns = {task.pk: _places_before(folder, task) for task in tasks}
    takes_part = any(task in tasks for task in folder.tasks) or may_nudge(folder, person)
    verbs = {
        task.pk: frozenset(
            [
                *(_of_holder(folder, task, task in own, bool(returns[task.pk])) if task in tasks else ()),
                *_of_asked(folder, task, person, (advising or {}).get(task.pk, ())),
                *(_of_others(folder, task, person, assigned.get(task.pk, ()), takes_part)),
            ]
        )
        for task in folder.tasks
        if task.is_open and folder.state.is_open and task.kind == "task"
    }
    for task in withdrawable(folder, person, events):
        verbs[task.pk] = verbs.get(task.pk, frozenset()) | {"withdraw"}
    return May(
        tasks=tasks,
        own=own,
        acting={task.pk: one for task, one in acting.items()},
        void=folder.state.is_open and may_void(folder),
        reopen=not folder.state.is_open and may_reopen(folder),
        returns=returns,
        case_verbs=frozenset(_of_case(folder, takes_part)),
        task_verbs={key: found for key, found in verbs.items() if found},
    )


def _of_holder(folder: Folder, task: Task, is_own: bool, has_returns: bool) -> Iterator[str]:
    yield from ("save_draft", "hand_over", "add_signer", "ask_opinion")
    if any(signer["order"] != "together" for signer in task.signers):
        yield "drop_signer"
    if folder.state.paused:
        return
    if not is_own and not token_of(task).asked:
        yield "complete"
    if folder.procedure.steps[task.step].invites:
        yield "invite"
    if has_returns:
        yield "send_back"


def _of_asked(folder: Folder, task: Task, person: Person, advising: Collection[int]) -> Iterator[str]:
    signers = {signer.who for signer in token_of(task).asked}
    if signers and not folder.state.paused and power_over(folder, who_was_asked(signers), person):
        yield "sign"
    keys = folder.work.people.keys
    if advising and power_over(folder, who_was_asked({keys.get(member, "") for member in advising}), person):
        yield "give_opinion"


def _of_others(folder: Folder, task: Task, person: Person, holders: Collection[int], takes_part: bool) -> Iterator[str]:
    if takes_part and not folder.state.paused and person.id not in holders:
        yield "nudge"
    if task.held and task.done_by_id == person.id:
        yield "drop_signer"


def _of_case(folder: Folder, takes_part: bool) -> Iterator[str]:
    yield "note"
    if takes_part:
        yield "copy"
        if folder.procedure.status_page:
            yield "share_status"
        if folder.procedure.has_links:
            yield "revoke_invitation"
    if not folder.state.is_open:
        if may_reopen(folder):
            yield "reopen"
        return
    if may_void(folder):
        yield "void"
    if may_pause(folder):
        yield "resume" if folder.state.paused else "pause"


def withdrawable(folder: Folder, person: Person, events: Iterable[Event]) -> list[Task]:
    """What he completed and nobody has acted on: looked at only where something that it opened is still open."""
    if not folder.state.is_open or folder.state.paused:
        return []
    fresh = {task.opened_at for task in folder.tasks if task.state in (Task.State.OPEN, Task.State.ARRIVED)}
    closed = (Task.State.DONE, Task.State.SENT_BACK)
    mine = {
        (task.step, task.item): task  # of several rounds the last
        for task in folder.tasks
        if task.done_by_id == person.id and (task.held or (task.state in closed and task.closed_at in fresh))
    }
    if not mine:
        return []
    past = Past(folder.procedure, events)
    return [task for place, task in mine.items() if _may_take_back(folder, past, *place)]


def _may_take_back(folder: Folder, past: Past, step: str, item: str) -> bool:
    try:
        past.taken_back(step, item, folder.facts())
    except NotPossible:
        return False
    return True


def may_nudge(folder: Folder, person: Person) -> bool:
    """Who started the case, did a step of it, or may read all cases of the procedure."""
    if person.key == folder.starter or any(task.done_by_id == person.id for task in folder.tasks):
        return True
    return may_read(person, folder.running, folder.work.people)


def is_entitled(folder: Folder, step: str, item: str, person: Person) -> bool:
    """Whether the person's positions allow that task; the first step belongs to whoever opened the case, where people open it."""
    if step == folder.procedure.first_step and folder.starter and folder.procedure.startable:
        return person.key == folder.starter
    circumstances = folder.circumstances(step, item)
    return may_do(
        person, roles_of(folder.procedure.steps[step], circumstances), circumstances, folder.submitters(step, item)
    )


def _places_before(folder: Folder, task: Task) -> tuple[tuple[str, str], ...]:
    steps = folder.procedure.steps
    return tuple(
        (step, item)
        for step, item in reversed(list(folder.state.done))
        if (step, item) != (task.step, task.item)
        and step in steps
        and steps[step].kind == "task"
        and steps[step].role != ("system",)
        and not steps[step].beside
        and folder.state.token(step, item) is None
    )


def may_see(person: Person, folder: Folder, involved: Collection[str] = ()) -> bool:
    """Who may read a case: whoever takes part (`involved`: had a task, was told), whoever may read the procedure's register,
    the members of the departments that the case names, and while they stand in for one of these, their deputies."""
    people = folder.work.people
    return power(person, lambda one: _may_see(one, folder, involved), people, folder.procedure.key) is not None


def _may_see(person: Person, folder: Folder, involved: Collection[str]) -> bool:
    if person.key in involved or person.key == folder.starter:
        return True
    if any(task.done_by_id == person.id for task in folder.tasks):
        return True
    if may_read(person, folder.running, folder.work.people):
        return True
    return bool(departments_in(folder) & _line(person, folder.work.people))


def may_read(person: Person, running: Running, people: Directory) -> bool:
    """Who may read all cases of a procedure, its register and its statistics: the department that owns it, those the register
    names (`readers`), and everybody from the rank upwards that the pack names (`sees_all`)."""
    pack, register = running.pack, running.procedure.register_
    if pack.sees_all and person.rank >= pack.ranks[pack.sees_all]:
        return True
    readers = {running.procedure.owner, *(register.readers if register else ())}
    return bool(readers & _line(person, people))


def readable(person: Person, organization: Organization, people: Directory) -> set[str]:
    """The procedures of which the person may read all cases."""
    found = revisions.procedures_of(organization)
    return {key for key, running in found.items() if may_read(person, running, people)}


def _line(person: Person, people: Directory) -> set[str]:
    return {unit for department in person.departments for unit in people.line_of(department)}


def departments_in(folder: Folder) -> set[str]:
    """The departments that the case's record names."""
    found: set[str] = set()
    for _section_key, section, key, definition in folder.procedure.form.fields():
        if section.per:
            continue
        value = folder.state.data.get(key)
        if definition.type == "department" and value:
            found.add(str(value))
        elif definition.type == "rows":
            columns = [name for name, column in definition.columns.items() if column.type == "department"]
            found |= {str(row[name]) for row in value or [] for name in columns if row.get(name)}
    return found


def role_words(running: Running, step: str, language: str | None = None) -> str:
    """A step's role in words for people: "sales deputy manager or higher"."""
    language = language or get_language() or "zh-hans"
    return _(" and ").join(_party_words(party, running, language) for party in running.procedure.steps[step].parties)


def _party_words(party: TableRole | tuple[str, ...], running: Running, language: str) -> str:
    if isinstance(party, TableRole):
        party = tuple(dict.fromkeys(running.tables[party.table].answers(party.inputs, {}, party.output)))
    return " / ".join(role_text(parse_role(text), running, language) for text in party)


def roles_words(running: Running, parties: Iterable[Iterable[Role]]) -> str:
    """Roles in words for people, as they are read already."""
    language = get_language() or "zh-hans"
    return _(" and ").join(" / ".join(role_text(role, running, language) for role in party) for party in parties)


def roles_text(words: str, running: Running) -> str:
    """A role as the pack writes it, in words for people."""
    return role_text(parse_role(words), running, get_language() or "zh-hans")


def role_text(role: Role, running: Running, language: str) -> str:
    pack = running.pack
    plus = _(" or higher") if role.or_higher else ""
    match role.kind:
        case "position":
            found = pack.positions.get(role.name) or pack.relative_positions.get(role.name)
            return f"{found.title.in_(language) if found else role.name}{plus}"
        case "rank":
            department = pack.departments.get(role.path)
            unit = department.title.in_(language) if department else _("the department concerned")
            return (
                _("{rank} of {department}").format(rank=_rank_text(role.name, pack, language), department=unit) + plus
            )
        case "person":
            if role.path == "customer.owner":
                return _("whoever looks after the customer")
            field = running.procedure.form.field(role.path)
            return _("the person in “{field}”").format(field=field.title.in_(language) if field else role.path)
        case "doer":
            return _("whoever did “{step}”").format(step=running.procedure.steps[role.path].title.in_(language))
    return str(
        {
            "starter": _("whoever opened the case"),
            "assignee": _("whoever has the task"),
            "anyone": _("every member"),
            "customer": _("the customer"),
            "system": _("the system"),
        }[role.kind]
    )


def _rank_text(rank: str, pack: Pack, language: str) -> str:
    title = pack.rank_titles.get(rank)
    return title.in_(language) if title else rank.replace("_", " ")
