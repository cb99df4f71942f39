"""A case as the data of its printed page. What the keys mean stands in docs/reference/print-format.md.

A signature box is a field of type user that a step sets to whoever completes it (`sets: {approved_by: by}`); the day and hour are
those of that step's task. Whoever was asked to sign besides has a box after it, filled from the event of his signature. A box
nobody has signed is printed empty.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from kehu.cases.folder import Folder
from kehu.cases.models import Attachment, Case, Task
from kehu.cases.work import Work
from kehu.core import files, money
from kehu.core.models import Event
from kehu.engine.advance import VOIDED
from kehu.engine.definitions import FieldDefinition, Form, Section, Text
from kehu.engine.expressions import parse
from kehu.engine.invitations import titled
from kehu.engine.records import decoded_value, holds, key_and_place, key_column, row_names, rows_of
from kehu.ledgers.customers.models import Customer
from kehu.organizations.queries import Person
from kehu.procedures import revisions

from .amounts import written_out
from .signers import BY_LINK, SYSTEM, Signers, Words

NOTHING = Text(zh="", en="")
YES: Words = {"zh": "是", "en": "Yes"}
NO: Words = {"zh": "否", "en": "No"}
SENT_BACK: Words = {"zh": "退回", "en": "Sent back"}
CASE_EVENTS: dict[str, Words] = {
    "case.voided": {"zh": "作废", "en": "Voided"},
    "case.reopened": {"zh": "复案", "en": "Reopened"},
}
SUBMITTED, SIGNED, COSIGNED = "task.submitted", "task.signed", "task.cosigned"
SIGNING_EVENTS: dict[str, Words] = {
    SIGNED: {"zh": "加签：同意", "en": "Signed as asked"},
    "task.signature_refused": {"zh": "加签：不同意", "en": "Refused to sign"},
}
BY_CUSTOMER: Words = {"zh": "客户签名", "en": "Signed by the customer"}
ANSWERED_BY: Words = {"zh": "客户答复人", "en": "Answered by"}
ANSWER: Words = {"zh": "客户答复", "en": "The customer's answer"}
SIGNATURE = "signature.png"
_BEHIND = ("rounds", "record", "attachments", "pictures")
ADDED: Words = {"zh": "加签", "en": "Also signed"}
TOGETHER: Words = {"zh": "会签", "en": "Signed with"}
COPY: Words = {"zh": "副本", "en": "COPY"}
VOID: Words = {"zh": "作废", "en": "VOID"}
IN_PROGRESS: Words = {"zh": "进行中", "en": "IN PROGRESS"}

CUSTOMER = ("code", "name", "address", "tax_number", "contact", "phone", "email")
"""What papers say of a customer."""
WIDE = ("longtext", "file", "files", "rows")
_PICTURES = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpg", b"GIF8": "gif", b"RIFF": "webp"}
_ROOM_FOR_PICTURES = 40 * 2**20
"""Octets of pictures that one page may carry; further ones are only listed."""
_LINE = 108
"""How many Latin letters a line of a table holds."""
_WORD = re.compile("[⺀-\U0010ffff]{1,4}|[!-⹿]+")
"""What is not to be broken: figures, Latin words, four Chinese characters."""
_HALF_LINE = 40
"""How many Latin letters wide a value may be and still share its line with another field."""


@dataclass(frozen=True)
class Signing:
    """A user field that is a signature: the steps whose completion signs it, and the field that keeps the moment."""

    field: str
    steps: Mapping[str, frozenset[str]]
    """Step -> the outcomes that sign."""
    moment: str | None


@dataclass(frozen=True)
class ForGuest:
    """What of a case somebody outside gets on paper: these fields alone, by section; where he is about to sign, the record as it then
    stands and his signature."""

    fields: Mapping[str, Collection[str]]
    reader: str
    titles: Mapping[str, Text]
    """What sections and fields are called to him."""
    data: Mapping[str, Any] | None = None
    signer: str = ""
    place: str = ""
    """The section in which he signs."""
    drawn: bytes = b""
    answer: str = ""
    """How he ends it, in the words in which he read it."""
    form: str = ""
    """The controlled form that it is; else the record."""
    own_layout: bool = False
    """In the look that the pack gives that form. Whatever it asks for that he does not read stays blank."""

    def reads(self, section: str, field: str) -> bool:
        return field in self.fields.get(section, ())


class Sheet:
    def __init__(
        self,
        case: Case,
        *,
        language: str,
        copy_for: str | None,
        by: Person | None,
        now: datetime,
        form: str = "",
        guest: ForGuest | None = None,
    ):
        """`form`: the number of a controlled form within the record, printed for itself; without it the whole record."""
        self.language, self.guest = language, guest
        self.case, self.copy_for, self.by, self.now = case, copy_for, by, now
        self.work = Work(case.organization, by, now)
        self.folder = self._open(case)
        if guest and guest.data is not None:
            self.folder.state = replace(self.folder.state, data=dict(guest.data))
        self.whole = not form
        self.part = self.folder.procedure.form.part(form or self.folder.procedure.form.number)
        self.number = form or self.folder.procedure.form.number
        self.procedure, self.form, self.pack = (
            self.folder.procedure,
            self.folder.procedure.form,
            self.folder.running.pack,
        )
        if guest:
            self.form = _called(self.form, guest.titles)
        self.signers = Signers()
        self.zone = self.work.local.tzinfo
        self.signings = {key: self._signings(section) for key, section in self.form.sections.items()}

    def _open(self, case: Case) -> Folder:
        tasks = list(Task.objects.filter(case=case).order_by("id"))
        return Folder(self.work, case, revisions.running(case.revision), tasks)

    # -- the whole page

    def data(self) -> dict[str, Any]:
        case, procedure = self.case, self.procedure
        return {
            "company": self.pack.title.model_dump(),
            "letterhead": self.pack.letterhead.model_dump() if self.pack.letterhead else None,
            "form": {
                "number": self.number,
                "title": (self.part.title or self.form.title).model_dump(),
                "revision": self.part.revision,
                "retention": (self.form.retention or procedure.retention or NOTHING).model_dump(),
            },
            "procedure": {
                "number": procedure.number,
                "title": procedure.title.model_dump(),
                "revision": procedure.revision,
            },
            "case": {
                "number": self.folder.state.data.get(self.part.serial or "") or case.number,
                "status": self.status,
                "open": case.is_open,
                "round": case.round,
                "opened_at": self.moment(case.opened_at),
                "closed_at": self.moment(case.closed_at),
            },
            "customer": self._customer(case.customer),
            "copy": {"for": self.department(self.copy_for)} if self.copy_for else None,
            "watermark": self._watermark(),
            "printed": {"at": self.moment(self.now), "by": self._reader()},
            "sections": [section for section in self._sections() if section],
            "fields": self._fields(),
            "signatures": self._signatures(),
            **(self._behind() if self.guest is None else dict.fromkeys(_BEHIND, [])),
        }

    def _reader(self) -> Words | str:
        if self.guest:
            return self.guest.reader
        return self.by.name if self.by else SYSTEM

    def _behind(self) -> dict[str, Any]:
        """What stands behind the sections, for our own people."""
        return {
            "rounds": [self._round(number) for number in range(1, self.case.round)] if self.whole else [],
            "record": list(self._record()) if self.whole else [],
            "attachments": [self._attachment(one) for one in self.attachments],
            "pictures": [{"file": file, "name": one.name} for file, one, _ in self._pictures],
        }

    @property
    def status(self) -> Words:
        end = self.procedure.steps.get(self.case.status)
        return {"open": IN_PROGRESS, VOIDED: VOID}.get(self.case.status) or (
            end.title.model_dump() if end else {"zh": self.case.status, "en": self.case.status}
        )

    def _watermark(self) -> Words | None:
        if self.case.status == VOIDED:
            return VOID
        if self.copy_for:
            return COPY
        return IN_PROGRESS if self.case.is_open and not self.guest else None

    def _customer(self, customer: Customer | None) -> dict[str, Any] | None:
        if customer is None:
            return None
        contact = customer.contacts.order_by("pk").first()
        return {
            "code": customer.code,
            "name": {"zh": customer.name, "en": customer.name_en or customer.name},
            "address": customer.address,
            "tax_number": customer.tax_number,
            "contact": contact.name if contact else "",
            "phone": contact.phone if contact else "",
            "email": contact.email if contact else "",
        }

    # -- all of the record, for layouts that ask by key

    def _fields(self) -> dict[str, Any]:
        """Every field of the record by its key, whichever form it belongs to; not those that rows have sections of."""
        values = self.folder.state.data
        return {
            name: self._field(name, field, values)
            for key, section in self.form.sections.items()
            if not section.per
            for name, field in section.fields.items()
            if self.guest is None or self.guest.reads(key, name)
        }

    def _signatures(self) -> dict[str, Any]:
        return {
            one.field: self.signature(self.form.sections[key], one, self.folder.state.data, "")
            for key, signings in self.signings.items()
            if not self.form.sections[key].per
            for one in signings
            if self.guest is None or self.guest.reads(key, one.field)
        }

    # -- sections of the round at hand

    @property
    def sections(self) -> Mapping[str, Section]:
        """Those that are printed."""
        sections = self.form.sections
        return sections if self.whole else {key: sections[key] for key in self.part.sections if key in sections}

    def _sections(self) -> Iterator[dict[str, Any] | None]:
        for key, section in self.sections.items():
            if self.guest and key not in self.guest.fields:
                continue
            if section.per:
                for item, row in rows_of(self.form, self.folder.state.data, section.per).items():
                    yield self._section(key, section, row, item)
            else:
                yield self._section(key, section, self.folder.state.data, "")

    def _section(self, key: str, section: Section, values: Mapping[str, Any], item: str) -> dict[str, Any] | None:
        """None where there is nothing to print and nobody is to fill it now."""
        context = {**self.folder.state.data, **self.folder.facts(), "item": values, "row": values}
        signings = self.signings[key]
        signed = {one.field for one in signings} | {one.moment for one in signings}
        visible = [
            (name, field)
            for name, field in section.fields.items()
            if not field.gather
            and (self.guest is None or (name in self.guest.fields[key] and _is_filled(values.get(name))))
            and holds(field.visible, context)
            and (field.is_typed_in or name in signed or _is_filled(values.get(name)))
        ]
        typed_in = [name for name, field in visible if field.is_typed_in]
        told = typed_in or [name for name, _ in visible]
        is_filled = any(_is_filled(values.get(name)) for name in told) or any(values.get(one.field) for one in signings)
        is_signed = self.guest is not None and key == self.guest.place
        if not (visible or is_signed) or not (is_filled or is_signed or self._is_being_filled(key, item)):
            return None
        return {
            "key": key,
            "title": section.title.model_dump(),
            "item": self._item_title(section, item),
            "fields": [
                *(self._field(name, field, values) for name, field in visible if name not in signed),
                *self._answer(key),
            ],
            "signatures": [
                *(
                    self.signature(section, one, values, item)
                    for one in signings
                    if self.guest is None or self.guest.reads(key, one.field)
                ),
                *(self._added(key, item) if self.guest is None else ()),
                *self._guests(key, item),
            ],
        }

    def _answer(self, section: str) -> Iterator[dict[str, Any]]:
        if self.guest and self.guest.answer and section == self.guest.place:
            yield {"key": "answer", "label": ANSWER, "kind": "text", "value": self.guest.answer, "wide": True}

    def _is_being_filled(self, key: str, item: str) -> bool:
        return any(
            key in self.procedure.steps[token.step].fills and token.item in ("", item)
            for token in self.folder.state.tokens
        )

    def _item_title(self, section: Section, item: str) -> Words | str | None:
        return self._row_of(section.per, item) if section.per else None

    def _row_of(self, table: str, item: str) -> Words | str:
        found = self.form.field(table)
        field = found.columns.get(key_column(self.form, table) or "") if found else None
        if found is None or field is None:
            return item
        key, place = key_and_place(found, item)
        title = self.text(field, key)
        return _each_with(title, f" ({place})") if place > 1 else title

    # -- earlier rounds, as their tasks were filled

    def _round(self, number: int) -> dict[str, Any]:
        sections = []
        for key, section in self.form.sections.items():
            if not section.each_round:
                continue
            for item in rows_of(self.form, self.folder.state.data, section.per) if section.per else [""]:
                if tasks := self._fillers(key, section, item, number):
                    sections.append(self._earlier(key, section, item, tasks))
        return {"round": number, "sections": sections}

    def _fillers(self, key: str, section: Section, item: str, number: int) -> list[Task]:
        return [
            task
            for task in self.folder.tasks
            if task.state == Task.State.DONE
            and task.round == number
            and key in self.procedure.steps[task.step].fills
            and (task.item == item or not section.per)
            and any(_is_filled(task.filled.get(name)) for name in section.fields)
        ]

    def _earlier(self, key: str, section: Section, item: str, tasks: list[Task]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for task in tasks:
            for name, field in section.fields.items():
                if field.is_typed_in and name in task.filled:
                    filled = decoded_value(field, task.filled[name], self.form)
                    values[name] = _all_rows(field, values.get(name), filled)
        return {
            "key": key,
            "title": section.title.model_dump(),
            "item": self._item_title(section, item),
            "fields": [
                self._field(name, section.fields[name], values) for name, value in values.items() if _is_filled(value)
            ],
            "signatures": [
                *(
                    {
                        "key": one.field,
                        "label": section.fields[one.field].title.model_dump(),
                        **self._signed_by(signing),
                    }
                    for one in self.signings[key]
                    if (signing := self._signing_task(one, item, tasks[-1].round))
                ),
                *self._added(key, item, tasks[-1].round),
                *self._guests(key, item, tasks[-1].round),
            ],
        }

    # -- signatures

    def _signings(self, section: Section) -> list[Signing]:
        found = []
        for name, field in section.fields.items():
            if field.type != "user" or not field.system:
                continue
            target = f"item.{name}" if section.per else name
            steps = {
                key: frozenset(
                    outcome_key
                    for outcome_key, outcome in step.all_outcomes().items()
                    if _signs({**step.sets, **outcome.sets}.get(target))
                )
                for key, step in self.procedure.steps.items()
            }
            if any(steps.values()):
                moments = (f"{name.removesuffix('_by')}{ending}" for ending in ("_at", "_on"))
                moment = next((one for one in moments if one in section.fields and section.fields[one].system), None)
                found.append(Signing(name, {key: outcomes for key, outcomes in steps.items() if outcomes}, moment))
        return found

    def _signing_task(
        self, signing: Signing, item: str, number: int | None = None, by: str | None = None
    ) -> Task | None:
        found = [
            task
            for task in self.folder.tasks
            if task.state == Task.State.DONE
            and task.item == item
            and task.outcome in signing.steps.get(task.step, ())
            and number in (None, task.round)
            and by in (None, self._doer(task))
        ]
        return max(found, key=lambda task: (task.closed_version or 0, task.pk)) if found else None

    def signature(self, section: Section, signing: Signing, values: Mapping[str, Any], item: str) -> dict[str, Any]:
        box = {"key": signing.field, "label": section.fields[signing.field].title.model_dump()}
        signer = values.get(signing.field)
        if not signer:
            return box | {"name": "", "position": "", "at": ""}
        if task := self._signing_task(signing, item, by=signer):
            return box | self._signed_by(task)
        moment = values.get(signing.moment or "")
        return {**box, **self.signers.signature(signer, _day(moment)), "at": self.moment(moment)}

    def _signed_by(self, task: Task) -> dict[str, Any]:
        at = self._signed_at(task)
        day = at.astimezone(self.zone).date() if at else None
        return {**self.signers.signature(self._doer(task), day, task.acting), "at": self.moment(at)}

    def _signed_at(self, task: Task) -> datetime | None:
        """When he completed it; the task may have waited for added signers after that."""
        submitted = [event for event in self._told_of(task, SUBMITTED) if event.by == self._doer(task)]
        return submitted[-1].at if submitted and task.state == Task.State.DONE else task.closed_at

    def _told_of(self, task: Task, name: str) -> list[Event]:
        """The events of that name while the task was open, in their order."""
        return [
            event
            for event in self._events
            if event.name == name
            and (event.facts.get("step"), event.facts.get("item", "")) == (task.step, task.item)
            and task.opened_at <= event.at
            and (task.closed_at is None or event.at <= task.closed_at)
        ]

    def _guests(self, section: str, item: str, number: int | None = None) -> Iterator[dict[str, Any]]:
        """The boxes of those who signed or answered by a link. Who is asked again has not answered yet."""
        if self.guest and self.guest.signer and section == self.guest.place:
            image = {"image": SIGNATURE} if self.guest.drawn else {}
            name = self.guest.signer
            yield {"label": BY_CUSTOMER, "name": name, "position": BY_LINK, "at": self.moment(self.now), **image}
            return
        found: dict[str, dict[str, Any]] = {}
        for task in self.folder.tasks:
            guest = task.acting.get("guest")
            if guest is None or self._place_of(task.step) != section or task.item not in ("", item):
                continue
            if number is None and any(token.place == (task.step, task.item) for token in self.folder.state.tokens):
                continue
            if number in (None, task.round) and (self.guest is None or task.step not in found):
                file = next((file for file, one in self._drawn.items() if one.name == guest.get("drawn")), "")
                found[task.step] = {
                    "label": BY_CUSTOMER if self._is_signed(task) else ANSWERED_BY,
                    "name": guest.get("signer") or guest["name"],
                    "position": BY_LINK,
                    "at": self.moment(task.closed_at),
                    **({"image": file} if file else {}),
                }
        yield from found.values()

    def _is_signed(self, task: Task) -> bool:
        invites = self.procedure.steps[task.step].invites
        return bool(invites and invites.signs and invites.signs.signs(task.outcome))

    def _place_of(self, step: str) -> str:
        """Where a customer's answer is signed: with the field for his name, else in the last part that the step fills."""
        definition = self.procedure.steps.get(step)
        if definition is None or definition.invites is None:
            return ""
        signs = definition.invites.signs
        sections = [key for key in definition.fills if signs and signs.by in self.form.sections[key].fields]
        return (sections or list(definition.fills) or [""])[-1]

    @cached_property
    def _drawn(self) -> dict[str, Attachment]:
        """The signatures drawn by links, by the file that typst reads."""
        names = {task.acting["guest"].get("drawn") for task in self.folder.tasks if task.acting.get("guest")}
        drawn = [one for one in self.attachments if one.invitation_id and one.name in names]
        return {f"signature-{one.pk}.png": one for one in drawn}

    @cached_property
    def _steps_of(self) -> dict[str, list[str]]:
        """Section -> the steps whose added signers stand in it: where the step itself signs, else the last part it fills."""
        found: dict[str, list[str]] = {}
        for key, step in self.procedure.steps.items():
            signs = [
                section for section, signings in self.signings.items() if any(key in one.steps for one in signings)
            ]
            if places := signs or list(step.fills):
                found.setdefault(places[-1], []).append(key)
        return found

    def _added(self, section: str, item: str, number: int | None = None) -> Iterator[dict[str, Any]]:
        """The boxes of those who were asked to sign what this part says."""
        for step in self._steps_of.get(section, ()):
            tasks = [
                task
                for task in self.folder.tasks
                if (task.step, task.item) == (step, item)
                and task.state in (Task.State.OPEN, Task.State.DONE)
                and number in (None, task.round)
            ]
            if tasks:
                signers = {(one["order"], one.get("side", one["who"])): one for one in tasks[-1].signers}
                yield from (self._added_box(tasks[-1], signer) for signer in signers.values())

    def _added_box(self, task: Task, signer: Mapping[str, Any]) -> dict[str, Any]:
        """Whoever signed last lets the case go on: of a task that is done, all have signed."""
        if signer["order"] == "together":
            told = [one for one in self._told_of(task, COSIGNED) if signer["who"] in (one.by, one.facts.get("for"))]
            return {"key": "", "label": TOGETHER, **self._signed_in(told[-1])}
        signed = [one for one in self._told_of(task, SIGNED) if one.facts.get("for", one.by) == signer["who"]]
        if signed and (signer["agreed"] or task.state == Task.State.DONE):
            return {"key": "", "label": ADDED, **self._signed_in(signed[-1])}
        name = self.signers.name(signer["who"])
        both = name if isinstance(name, Mapping) else {"zh": name, "en": name}
        label = {"zh": f"加签：{both['zh']}", "en": f"To sign too: {both['en']}"}
        return {"key": "", "label": label, "name": "", "position": "", "at": ""}

    def _signed_in(self, event: Event) -> dict[str, Any]:
        """Who did what an event tells, in both names where a deputy did it."""
        acting = event.facts if event.facts.get("for") else None
        day = event.at.astimezone(self.zone).date()
        return {**self.signers.signature(event.by, day, acting), "at": self.moment(event.at)}

    @cached_property
    def _events(self) -> list[Event]:
        names = [*CASE_EVENTS, *SIGNING_EVENTS, SUBMITTED, COSIGNED]
        return list(Event.objects.filter(stream=f"case:{self.case.pk}", name__in=names).order_by("sequence"))

    def _doer(self, task: Task) -> str:
        return self.signers.keys.get(task.done_by_id or 0, "")

    # -- what was done, by whom, with which decision

    def _record(self) -> Iterator[dict[str, Any]]:
        lines = [*self._task_lines(), *self._event_lines()]
        for _, line in sorted(lines, key=lambda line: line[0]):
            yield line

    def _task_lines(self) -> Iterator[tuple[tuple[datetime, int], dict[str, Any]]]:
        for task in self.folder.tasks:
            if task.kind != "task" or task.state not in (Task.State.DONE, Task.State.SENT_BACK) or not task.closed_at:
                continue
            step = self.procedure.steps[task.step]
            outcome = step.all_outcomes().get(task.outcome)
            system = {"name": SYSTEM, "position": "", "at": self.moment(task.closed_at)}
            who = self._signed_by(task) if task.done_by_id or task.acting else system
            yield (
                (self._signed_at(task) or task.closed_at, task.closed_version or 0),
                {
                    "round": task.round,
                    "step": step.title.model_dump(),
                    "item": self._row_title(task.step, task.item),
                    "decision": outcome.title.model_dump() if outcome else SENT_BACK,
                    "reason": self.text(self.form.field("reason"), task.reason),  # a form may have a field of that name
                    **who,
                },
            )

    def _event_lines(self) -> Iterator[tuple[tuple[datetime, int], dict[str, Any]]]:
        for event in self._events:
            if event.name == SUBMITTED:
                continue
            step = self.procedure.steps.get(event.facts.get("step", ""))
            what = CASE_EVENTS.get(event.name) or (step.title.model_dump() if step else "")
            yield (
                (event.at, event.sequence),
                {
                    "round": event.facts.get("move", {}).get("round", self.case.round),
                    "step": what,
                    "item": self._row_title(event.facts.get("step", ""), event.facts.get("item", "")),
                    "decision": CASE_EVENTS.get(event.name) or SIGNING_EVENTS[event.name],
                    "reason": event.facts.get("reason", ""),
                    **self._signed_in(event),
                },
            )

    def _row_title(self, step: str, item: str) -> Words | str | None:
        each = self.procedure.steps[step].each if step in self.procedure.steps else None
        if not each or not item:
            return None
        return self._row_of(each.rows, item)

    @cached_property
    def attachments(self) -> list[Attachment]:
        kept = Attachment.objects.filter(case=self.case).select_related("stored", "invitation").order_by("at", "id")
        mine = {key for section in self.sections.values() for key in section.fields}
        return list(kept) if self.whole else [one for one in kept if one.field in mine]

    def _attachment(self, one: Attachment) -> dict[str, Any]:
        field = self.form.field(one.field)
        return {
            "name": one.name,
            "field": field.title.model_dump() if field else "",
            "size": _size(one.stored.size),
            "by": one.invitation.name if one.invitation else self.signers.name(self.signers.keys.get(one.by_id or 0)),
            "at": self.moment(one.at),
        }

    def pictures(self) -> dict[str, bytes]:
        """What typst reads beside the data: attached pictures are printed behind the sheet, drawn signatures in their boxes."""
        drawn = {file: files.content(one.stored, one.name) for file, one in self._drawn.items()}
        if self.guest:
            return {**drawn, **({SIGNATURE: self.guest.drawn} if self.guest.drawn else {})}
        return {**drawn, **{file: content for file, _, content in self._pictures}}

    @cached_property
    def _pictures(self) -> list[tuple[str, Attachment, bytes]]:
        found, room = [], _ROOM_FOR_PICTURES
        for number, one in enumerate(self.attachments, start=1):
            if (
                one.stored.size > room
                or not one.stored.content_type.startswith("image/")
                or one in self._drawn.values()
            ):
                continue
            content = files.content(one.stored, one.name)
            if kind := next((kind for start, kind in _PICTURES.items() if content.startswith(start)), None):
                room -= len(content)
                found.append((f"picture-{number}.{kind}", one, content))
        return found

    # -- values

    def _field(self, name: str, field: FieldDefinition, values: Mapping[str, Any]) -> dict[str, Any]:
        value = values.get(name)
        printed: dict[str, Any] = {
            "key": name,
            "label": field.title.model_dump(),
            "kind": "text",
            "wide": field.type in WIDE,
        }
        if field.type == "rows":
            return printed | {"kind": "table"} | self._table(name, field, value or [])
        if field.is_typed_in and field.type in ("choice", "choices", "boolean"):
            options = self._options(field, value)
            letters = sum(self.width(option["title"]) + 4 for option in options)
            text = self.text(field, value)
            return printed | {"kind": "options", "options": options, "value": text, "wide": letters > _HALF_LINE}
        if field.type in ("file", "files") and not value:
            value = [one.name for one in self.attachments if one.field == name]
        text = self.text(field, value)
        if field.type == "money" and field.decimals <= 2 and value:
            printed["in_words"] = written_out(Decimal(value))
        return printed | {"value": text, "wide": printed["wide"] or self.width(text) > 2 * _HALF_LINE}

    def _options(self, field: FieldDefinition, value: Any) -> list[dict[str, Any]]:
        if field.type == "boolean":
            return [
                {"key": "yes", "title": YES, "chosen": value is True},
                {"key": "no", "title": NO, "chosen": value is False},
            ]
        chosen = value if isinstance(value, list | tuple) else [value]
        return [
            {"key": key, "title": choice.title.model_dump(), "chosen": key in chosen}
            for key, choice in field.choices.items()
        ]

    def _table(self, name: str, field: FieldDefinition, rows: list[Mapping[str, Any]]) -> dict[str, Any]:
        columns = {key: column for key, column in field.columns.items() if self._has_column(key, column, rows)}
        cells = [[self.text(column, row.get(key)) for key, column in columns.items()] for row in rows]
        titles = [column.title.model_dump() for column in columns.values()]
        texts = [[title, *(row[place] for row in cells)] for place, title in enumerate(titles)]
        return {
            "keys": list(columns),
            "columns": titles,
            "figures": [column.type in ("number", "money") for column in columns.values()],
            "widths": self._widths(texts),
            "rows": cells,
        }

    def _widths(self, columns: list[list[Words | str]]) -> list[float]:
        """As wide as what stands in them; where that is more than a line holds, none narrower than its longest word."""
        wanted: list[float] = [min(max(6, *map(self.width, texts)), 34) + 2 for texts in columns]
        least = [
            min(max(map(self._longest_word, texts)) + 2, want) for texts, want in zip(columns, wanted, strict=True)
        ]
        if sum(wanted) <= _LINE:
            return wanted
        share = max(0, _LINE - sum(least)) / (sum(wanted) - sum(least) or 1)
        return [round(at_least + (want - at_least) * share, 1) for at_least, want in zip(least, wanted, strict=True)]

    def _longest_word(self, text: Words | str) -> int:
        texts = (
            [text] if isinstance(text, str) else [text[one] for one in ("zh", "en") if self.language in (one, "both")]
        )
        return max((self.width(word) for one in texts for word in _WORD.findall(one)), default=0)

    def _has_column(self, key: str, column: FieldDefinition, rows: list[Mapping[str, Any]]) -> bool:
        """What is filled by steps alone and holds nothing is left out: on paper it would be an empty stripe."""
        return column.is_shown and (column.is_typed_in or any(_is_filled(row.get(key)) for row in rows))

    def text(self, field: FieldDefinition | None, value: Any) -> Words | str:
        """One value as it stands on paper: a text, or one in both languages."""
        if not _is_filled(value) or field is None:
            return "" if not _is_filled(value) else str(value)
        match field.type:
            case "boolean":
                return YES if value else NO
            case "choice":
                return _titled(field, value)
            case "choices":
                return _joined([_titled(field, one) for one in value])
            case "user":
                return self.signers.name(value)
            case "people":
                return _joined([self.signers.name(one) for one in value])
            case "department":
                return (
                    _joined([self.department(one) for one in value])
                    if isinstance(value, list)
                    else self.department(value)
                )
            case "customer":
                return self._customers.get(str(value), str(value))
            case "date" | "datetime":
                return self.moment(value)
            case "number" | "money":
                return self._number(field, value)
            case "file" | "files":
                return "; ".join(map(str, value)) if isinstance(value, list) else str(value)
            case "rows":
                return "\n".join(
                    "; ".join(
                        _plain(self.text(field.columns.get(key), cell)) for key, cell in row.items() if _is_filled(cell)
                    )
                    for row in value
                )
        return str(value)

    def _number(self, field: FieldDefinition, value: Decimal) -> Words | str:
        """Money has its two decimals, a unit price more where it has more; other numbers have no idle zeros."""
        least = min(field.decimals, 2) if field.type == "money" else 0
        number = money.shown(value, least)
        unit = field.unit.model_dump() if field.unit else None
        return {language: _with_unit(number, unit[language]) for language in ("zh", "en")} if unit else number

    def department(self, key: Any) -> Words | str:
        if found := self.pack.departments.get(str(key)):
            return found.title.model_dump()
        unit = self.work.people.units.get(str(key))
        return unit.title if unit else str(key)

    @cached_property
    def _customers(self) -> dict[str, Words]:
        return {
            customer.code: {"zh": customer.name, "en": customer.name_en or customer.name}
            for customer in Customer.objects.all()
        }

    def width(self, text: Words | str) -> int:
        """In Latin letters; a Chinese character is two wide. Side by side the two languages wrap."""
        if not isinstance(text, str):
            return max(self.width(text[one]) for one in ("zh", "en") if self.language in (one, "both"))
        return sum(2 if letter > "⺀" else 1 for letter in text)

    def moment(self, value: Any) -> str:
        if isinstance(value, datetime):
            return f"{value.astimezone(self.zone):%Y-%m-%d %H:%M}"
        return value.isoformat() if isinstance(value, date) else ""


def _called(form: Form, titles: Mapping[str, Text]) -> Form:
    """The same form in other words."""
    fields = titled({key: section.fields for key, section in form.sections.items()}, titles)
    sections = {
        key: section.model_copy(update={"title": titles.get(key, section.title), "fields": fields[key]})
        for key, section in form.sections.items()
    }
    return form.model_copy(update={"sections": sections})


def _with_unit(number: str, unit: str) -> str:
    return f"{number}{unit}" if unit == "%" else f"{number} {unit}"


def _signs(value: Any) -> bool:
    return isinstance(value, str) and "by" in parse(value).names


def _is_filled(value: Any) -> bool:
    return value not in (None, "", [], {})


def _all_rows(field: FieldDefinition, before: Any, now: Any) -> Any:
    """What was filled last; of a table whose rows have keys, every row that was filled."""
    if field.type != "rows" or not field.key or not before:
        return now
    rows = {name: row for rows in (before, now or []) for name, row in zip(row_names(field, rows), rows, strict=True)}
    return list(rows.values())


def _titled(field: FieldDefinition, value: Any) -> Words | str:
    choice = field.choices.get(str(value))
    return choice.title.model_dump() if choice else str(value)


def _joined(texts: list[Words | str]) -> Words:
    return {
        "zh": "、".join(text if isinstance(text, str) else text["zh"] for text in texts),
        "en": ", ".join(text if isinstance(text, str) else text["en"] for text in texts),
    }


def _each_with(text: Words | str, end: str) -> Words | str:
    return f"{text}{end}" if isinstance(text, str) else {language: f"{words}{end}" for language, words in text.items()}


def _plain(text: Words | str) -> str:
    return text if isinstance(text, str) else text["zh"]


def _day(value: Any) -> date | None:
    return value.date() if isinstance(value, datetime) else value if isinstance(value, date) else None


def _size(octets: int) -> str:
    return f"{octets / 1024:,.0f} KB" if octets < 1024 * 1024 else f"{octets / 1024 / 1024:,.1f} MB"
