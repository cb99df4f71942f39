"""A case's events as sentences for people, and the values of its record as they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import count
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from kehu.core import money
from kehu.core.models import Event
from kehu.core.wording import listed
from kehu.engine.definitions import FieldDefinition
from kehu.engine.records import decoded_value, key_and_place, row_names, value_of
from kehu.procedures import revisions

from .going_back import staying
from .guests import signer_of
from .history import Record
from .models import Attachment
from .posting import Stays
from .sentences import EntryKind, saying_of


@dataclass
class Change:
    title: str
    before: str
    after: str


@dataclass
class Entry:
    """One line of the timeline."""

    at: datetime
    by: str
    kind: EntryKind
    icon: str
    sentence: str
    tone: str = ""
    reason: str = ""
    changes: list[Change] = field(default_factory=list)
    told: str = ""
    mandate: str = ""
    """By which deputy rule, where a deputy did it."""
    next: list[str] = field(default_factory=list)


class Words:
    """What a case's keys and values are called in the reader's language."""

    def __init__(self, record: Record):
        self.record, self.folder = record, record.folder
        self.language = get_language() or "zh-hans"
        self.form = self.folder.procedure.form
        self.zone = self.folder.work.local.tzinfo
        self._currencies: dict[str, str] = {}

    def say(self, text: Any) -> str:
        return str(text.in_(self.language))

    def person(self, who: str | int | None) -> str:
        return self.record.names.of(who, self.language)

    def actor(self, who: str | int | None, acting: Mapping[str, Any] | None = None) -> str:
        """Who did it; of a deputy's act both names. `acting` is what the task or event keeps of it (`StandIn.facts`)."""
        if signer := signer_of(acting):
            return _("{name} (customer, by link)").format(name=signer)
        name = self.person(who) or _("The system")
        if acting and acting.get("for"):
            return _("{deputy} (for {principal})").format(deputy=name, principal=self.person(acting["for"]))
        return name

    def sender(self, file: Attachment) -> str:
        """Who added a file; of what came by a link, whom that was made for."""
        if file.by_id or not file.invitation_id:
            return self.person(file.by_id)
        names = {one.pk: one.name for one in self.record.invitations}
        return _("{name} (customer, by link)").format(name=names.get(file.invitation_id, ""))

    def mandate(self, acting: Mapping[str, Any]) -> str:
        """By which deputy rule somebody acted, in one line; empty for his own right."""
        return mandate(acting, self.language, self.person)

    def department(self, key: str) -> str:
        unit = self.folder.work.people.units.get(key)
        return unit.title["zh" if self.language.startswith("zh") else "en"] if unit else key

    def step(self, key: str, item: str = "") -> str:
        step = self.folder.procedure.steps.get(key)
        title = self.say(step.title) if step else key
        return f"{title} · {self.row(key, item)}" if item else title

    def row(self, step: str, item: str) -> str:
        """The row a task stands for: a department's title, a person's name, or the key itself."""
        definition = self.folder.procedure.steps.get(step)
        return self.row_of(definition.each.rows, item) if definition and definition.each else item

    def row_of(self, table: str, item: str) -> str:
        found = self.form.field(table)
        column = found.columns.get(found.key or next(iter(found.columns), "")) if found else None
        if found is None or column is None:
            return item
        key, place = key_and_place(found, item)
        return f"{self.value(column, key)} ({place})" if place > 1 else self.value(column, key)

    def outcome(self, step: str, key: str) -> str:
        definition = self.folder.procedure.steps.get(step)
        outcome = definition.all_outcomes().get(key) if definition else None
        return self.say(outcome.title) if outcome and key != "done" else ""

    def moment(self, value: datetime) -> str:
        return f"{value.astimezone(self.zone):%Y-%m-%d %H:%M}"

    def value(self, definition: FieldDefinition | None, value: Any) -> str:
        """A typed value in one line (a table as the keys of its rows)."""
        if value is None or value == "" or value == []:
            return ""
        if definition is None:
            return str(value)
        match definition.type:
            case "boolean":
                return _("Yes") if value else _("No")
            case "choice":
                return self.say(definition.choices[value].title) if value in definition.choices else str(value)
            case "choices":
                return self.listed(
                    self.say(definition.choices[one].title) if one in definition.choices else str(one) for one in value
                )
            case "user":
                return self.person(value)
            case "people":
                return self.listed(self.person(one) or one for one in value)
            case "department":
                return self.department(value)
            case "customer":
                return str(value)
            case "datetime":
                return self.moment(value) if isinstance(value, datetime) else str(value)
            case "date":
                return value.isoformat() if isinstance(value, date) else str(value)
            case "number" | "money":
                least = min(definition.decimals, 2) if definition.type == "money" else 0
                number = money.shown(value, least) if isinstance(value, Decimal) else str(value)
                unit = self.say(definition.unit) if definition.unit else ""
                currency = self._currency(definition.currency) if definition.currency else ""
                return f"{currency} {number}{unit if unit == '%' else f' {unit}' if unit else ''}".lstrip()
            case "files":
                return self.listed(str(one) for one in value)
            case "rows":
                return self.listed(self._row_title(definition, row) for row in value)
        return str(value)

    def _currency(self, said: str) -> str:
        """Of the record as it stands; most amounts of a page say it alike."""
        if said not in self._currencies:
            self._currencies[said] = str(value_of(said, {**self.folder.state.data, **self.folder.facts()}) or "")
        return self._currencies[said]

    def _row_title(self, definition: FieldDefinition, row: Mapping[str, Any]) -> str:
        key = definition.key or next(iter(definition.columns), "")
        return self.value(definition.columns.get(key), row.get(key)) or "–"

    def what_stays(self) -> str:
        """What is in force although the case is void, and the procedures that change it, in one sentence; empty where nothing is."""
        found = [self._staying(one) for one in staying(self.folder)]
        return _("This stays in force when the case is void: {what}.").format(what=self.listed(found)) if found else ""

    def _staying(self, one: Stays) -> str:
        on = [
            found.current for found in self.folder.work.procedures.values() if found.current and revisions.is_on(found)
        ]
        by = [
            self.say(procedure.title)
            for procedure in (revisions.running(revision).procedure for revision in on)
            if any(step.does in one.by for step in procedure.steps.values())
        ]
        if not by:
            return str(one.what)
        return _("{what} (changed by {procedures})").format(what=one.what, procedures=self.listed(by))

    def listed(self, texts: Iterable[str]) -> str:
        return listed(texts, self.language)


def mandate(acting: Mapping[str, Any], language: str, name: Callable[[str], str]) -> str:
    """ "under deputy rule 12 (2024-03-15 to 2024-03-19)", and through whom where deputies of deputies act. Of who acted by a link: for
    whom that was made, and from where he came."""
    if guest := acting.get("guest"):
        words = _("By the link for {name}, made by {member}").format(
            name=guest["name"], member=name(guest["invited_by"])
        )
        return " · ".join(filter(None, [words, guest.get("address")]))
    if not acting.get("for"):
        return ""
    words = _("Under deputy rule {rules} ({first} to {last})").format(
        rules=listed(map(str, acting["rules"]), language),
        first=acting["valid_from"],
        last=acting["valid_until"],
    )
    if via := acting.get("via"):
        return _("{rule}, through {people}").format(rule=words, people=listed(map(name, via), language))
    return words


def timeline(record: Record) -> list[Entry]:
    """Every event of the case, the newest first."""
    return stretch(record, len(record.events)).entries


@dataclass
class Stretch:
    """A part of a case's history, the newest first."""

    entries: list[Entry]
    before: int = 0
    """The earliest event's sequence, where there are earlier ones."""


def stretch(record: Record, most: int = 30, before: int | None = None) -> Stretch:
    """The newest events, or those before that sequence."""
    events = [event for event in record.events if before is None or event.sequence < before]
    words, data = Words(record), dict[str, Any]()
    entries, first = [], max(len(events) - most, 0)
    for place, event in enumerate(events):
        move = event.facts.get("move") or {}
        changes = move.get("changes") or {}
        if place >= first:
            entry = entry_of(words, event)
            entry.changes = list(_changes(words, data, changes))
            entry.next = list(_opened(words, event, move)) if event.name != "case.opened" else []
            entries.append(entry)
        data |= changes
    return Stretch(entries[::-1], events[first].sequence if first else 0)


def entry_of(words: Words, event: Event) -> Entry:
    """One event on its own, for lists that go across cases."""
    saying, facts = saying_of(words, event), event.facts
    return Entry(
        at=event.at,
        by=words.person(event.by),
        kind=saying.kind,
        icon=saying.icon,
        tone=saying.tone,
        sentence=saying.sentence(words, event),
        reason=facts.get("reason", ""),
        told=words.listed(words.person(key) for key in facts.get("told") or ()),
        mandate=words.mandate(facts),
    )


def _opened(words: Words, event: Event, move: Mapping[str, Any]) -> Iterator[str]:
    """What the act opened, and for whom."""
    for token in [*(move.get("opened") or ()), *(move.get("restored") or ())]:
        title = words.step(token["step"], token.get("item", ""))
        task = next(
            (
                task
                for task in words.folder.tasks
                if (task.step, task.item, task.opened_at) == (token["step"], token.get("item", ""), event.at)
            ),
            None,
        )
        people = [words.person(pk) for pk in words.record.ever_assigned.get(task.pk, ())] if task else []
        yield _("{step} ({people})").format(step=title, people=words.listed(people)) if people else title
    status = move.get("status")
    if status not in (None, "open", "voided") and status in words.folder.procedure.steps:
        yield words.step(status)


def _changes(words: Words, before: Mapping[str, Any], changes: Mapping[str, Any]) -> Iterator[Change]:
    """Old -> new, by the fields' titles; what follows from other fields is left out."""
    for _section_key, section, key, definition in words.form.fields():
        if section.per or key not in changes or definition.computed or definition.gather:
            continue
        if definition.type == "rows":
            yield from _row_changes(words, key, definition, before.get(key) or [], changes[key] or [])
        elif before.get(key) != changes[key]:
            yield Change(
                words.say(definition.title),
                words.value(definition, _typed(words, definition, before.get(key))),
                words.value(definition, _typed(words, definition, changes[key])),
            )


def _row_changes(
    words: Words, key: str, definition: FieldDefinition, before: list[Any], after: list[Any]
) -> Iterator[Change]:
    """Rows with a key are compared by it, others by their place."""
    table = words.form.table(key) or definition
    column = definition.key or ""
    old, new = _named_rows(definition, before), _named_rows(definition, after)
    for name in dict.fromkeys([*old, *new]):
        title = f"{words.say(definition.title)} · {words.row_of(key, name) if column else name}"
        if name not in new:
            yield Change(title, _("present"), _("removed"))
            continue
        cells = [
            (cell, found)
            for cell, found in table.columns.items()
            if not found.computed and cell != column and old.get(name, {}).get(cell) != new[name].get(cell)
        ]
        if name not in old and not cells:
            yield Change(title, "", _("added"))
        for cell, found in cells:
            yield Change(
                f"{title} · {words.say(found.title)}",
                words.value(found, _typed(words, found, old.get(name, {}).get(cell))),
                words.value(found, _typed(words, found, new[name].get(cell))),
            )


def _named_rows(definition: FieldDefinition, rows: list[Any]) -> dict[str, Any]:
    names = row_names(definition, rows) if definition.key else map(str, count(1))
    return dict(zip(names, rows, strict=False))


def _typed(words: Words, definition: FieldDefinition, value: Any) -> Any:
    try:
        return decoded_value(definition, value, words.form)
    except (ValueError, ArithmeticError):
        return value
