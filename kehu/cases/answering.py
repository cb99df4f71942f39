"""What somebody outside answers by a link: the step completed with what he filled, in the name he signed with.

He meets the same validation as the staff, on the part of the form that the step's `invites:` leaves to him; what follows from his
answer (`sets`, his signature, the lines he does not agree with) is filled for him.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from kehu.core import files
from kehu.core.models import Organization
from kehu.core.refusals import BadData, Finding
from kehu.core.scope import scope
from kehu.engine import invitations as said
from kehu.engine.advance import offered_outcomes
from kehu.engine.definitions import Lines, Outcome, Section, Step
from kehu.engine.invitations import Fields
from kehu.engine.records import Data, encoded, rows_of, typed, value_of
from kehu.procedures.forms import Filling, accept

from .actions import action, answer_of, answers_for, check_offered, filling_for, must_not_wait, must_run, open_step, say
from .attachments import Upload, as_facts, belong
from .folder import Folder
from .guests import Guest, Visit
from .invitations import refusal_for, taken, why_refused
from .models import Attachment, Case, Invitation
from .refusals import LinkUsed, ReadAnother


@dataclass(frozen=True)
class Answer:
    """What was typed and chosen on the page."""

    values: Mapping[str, Any]
    outcome: str | None = None
    reason: str = ""
    signer: str = ""
    lines: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    """Of a table answered line by line, by the line's place: `agrees`, or his `figure` and `remark`. Behind its last line stand those
    that he misses in it."""
    read: str | None = None
    """The digest of what he had before him."""
    consents: bool = True
    """He ticked that his name is his signature, or drew it."""


@dataclass(frozen=True)
class Proof:
    """What stands for his signature: the paper he signed, and what he drew. In stories the paper is a name alone."""

    paper: Upload | str | None = None
    drawn: Upload | None = None


@dataclass
class GuestFilling(Filling):
    """The part of a step's form that is left to a guest, or that his answer fills."""

    only: Fields = field(default_factory=dict)

    def sections(self) -> Iterator[tuple[str, Section]]:
        for key, fields in self.only.items():
            section = self.form.sections[key]
            titles = self.step.invites.titles if self.step.invites else {}
            yield key, section.model_copy(update={"fields": fields, "title": titles.get(key, section.title)})


# --- what he reads and fills ----------------------------------------------------------------------------------------------


def filling_of_guest(folder: Folder, step: str, item: str = "") -> GuestFilling:
    """What he himself types in."""
    definition = folder.procedure.steps[step]
    filling = filling_for(folder, definition, item, answers=folder.answers(step, item))
    return _part(filling, said.typed_in(folder.procedure.form, definition))


def _part(filling: Filling, only: Fields) -> GuestFilling:
    return GuestFilling(**{**vars(filling), "findings": [], "after": {}, "only": only})


def read_by_guest(folder: Folder, step: str, item: str = "") -> dict[str, Any]:
    """What he is shown, by field."""
    definition = folder.procedure.steps[step]
    assert definition.invites
    data = {**folder.state.data, **folder.answers(step, item)}
    return shown(folder, definition.invites.shows, data, definition, item)


def shown(
    folder: Folder, parts: Mapping[str, tuple[str, ...]], data: Data, step: Step | None = None, item: str = ""
) -> dict[str, Any]:
    """The values of these parts, by field; of a section `per` row by row. A step that is done for each row shows its own alone."""
    found: dict[str, Any] = {}
    form = folder.procedure.form
    for key, fields in said.parts_of(form, parts).items():
        per = form.sections[key].per
        if per is None:
            found |= {name: data.get(name) for name in fields}
            continue
        rows = rows_of(form, data, per)
        if step and step.each and step.each.rows == per:
            rows = {item: rows[item]} if item in rows else {}
        found[key] = {name: {one: row.get(one) for one in fields} for name, row in rows.items()}
    return found


def digest_of(read: Mapping[str, Any]) -> str:
    """Names what he was shown: whoever answers has read this and nothing else."""
    text = json.dumps(encoded(read), sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


# --- line by line -----------------------------------------------------------------------------------------------------------


@dataclass
class Differences:
    """What he does not agree with, as rows of the table that takes it."""

    rows: list[Data] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    """Of each, the line that he reads."""
    unanswered: list[int] = field(default_factory=list)
    wordless: list[int] = field(default_factory=list)
    """With which he does not agree, and has not said what he has instead."""


def differences_in(filling: Filling, lines: Lines, said_of: Mapping[int, Mapping[str, Any]]) -> Differences:
    found, context = Differences(), filling.context(filling.data)
    table, zone = filling.form.field(lines.into), context["zone"]
    columns = table.columns if table else {}

    def differs(number: int, texts: Mapping[str, str], row: Any) -> None:
        told = said_of.get(number, {})
        inside = {**context, "row": row}
        others = {key: typed(columns.get(key), value_of(text, inside), zone) for key, text in texts.items()}
        his = {lines.figure: told.get("figure"), **({lines.remark: told.get("remark")} if lines.remark else {})}
        found.rows.append({**others, **his})
        found.lines.append(number)

    rows = filling.data.get(lines.rows) or []
    for number, row in enumerate(rows):
        agrees = said_of.get(number, {}).get("agrees")
        if agrees is False or _says_anything(said_of.get(number)):
            differs(number, lines.with_, row)
            found.wordless += [] if _says_anything(said_of[number]) else [number]
        elif not agrees:
            found.unanswered.append(number)
    for number in sorted(said_of):
        if lines.missing is not None and number >= len(rows) and _says_anything(said_of[number]):
            differs(number, lines.missing, None)
    return found


def _says_anything(told: Mapping[str, Any] | None) -> bool:
    """A figure or a word of his own; whoever agrees after all has taken back what he typed."""
    if not told or told.get("agrees"):
        return False
    return any(told.get(key) not in (None, "") for key in ("figure", "remark"))


# --- his answer -------------------------------------------------------------------------------------------------------------


def answer(
    *,
    organization: Organization,
    invitation: int,
    browser: str,
    given: Answer,
    visit: Visit,
    language: str,
    now: datetime,
    proof: Proof | None = None,
) -> Case:
    """The step is completed as he answered it; in the history stand his name, from where he came, and the link."""
    proof = proof or Proof()
    uploads = {
        name: one for name, one in (("paper", proof.paper), ("drawn", proof.drawn)) if one and not isinstance(one, str)
    }
    contents = dict(zip(uploads, files.put(organization, uploads.values()), strict=True))
    paper = proof.paper if isinstance(proof.paper, str) else ""
    return _answer(organization, invitation, browser, given, visit, language, now, contents, paper)


@dataclass(frozen=True)
class Looked:
    """What an answer would come to."""

    after: Data
    """The record as it would stand."""
    outcome: str
    is_signed: bool


@action
def look(
    *, organization: Organization, invitation: int, browser: str, given: Answer, language: str, now: datetime
) -> Looked:
    """Refused as the answer would be. Nothing is changed."""
    with scope(organization):
        found, folder = _allowed(organization, invitation, browser, given, language, now)
        filled = _Filled(folder, found, given).filled({"paper": "-"})
        return Looked(filled.after, filled.chosen_key, filled.signs)


@action
def _answer(
    organization: Organization,
    invitation: int,
    browser: str,
    given: Answer,
    visit: Visit,
    language: str,
    now: datetime,
    proofs: Mapping[str, files.Content],
    paper: str,
) -> Case:
    with scope(organization):
        found, folder = _allowed(organization, invitation, browser, given, language, now)
        assert found.task
        step, item, work = found.task.step, found.task.item, folder.work
        filled = _Filled(folder, found, given)
        added = _keep_proofs(folder, found, proofs, filled.signs)
        names = {"paper": paper} if paper else {}
        names |= {kind: one.name for kind, one in zip(proofs, added, strict=True)}
        filled = filled.filled(names)
        holders = list(folder.holders(found.task))
        work.guest = Guest(
            name=found.name,
            signer=given.signer or found.name,
            invitation=found.pk,
            invited_by=work.people.keys.get(found.made_by_id, ""),
            visit=visit,
            read=digest_of(read_by_guest(folder, step, item)),
            drawn=names.get("drawn", ""),
        )
        if added := [*added, *_take_waiting(folder, found, filled.typed)]:
            folder.record("case.file_added", **as_facts(added))
        filled.complete()
        found.used_at = now
        found.save(update_fields=["used_at"])
        work.tell("customer_answered", holders, folder, step, item, guest=work.guest.signer)
        work.write()
        return folder.case


def _allowed(
    organization: Organization, invitation: int, browser: str, given: Answer, language: str, now: datetime
) -> tuple[Invitation, Folder]:
    """The link and its case, locked, where he may answer now and has read what stands there."""
    found, folder = taken(organization, invitation, now)
    if why := why_refused(found, browser, now):
        raise refusal_for(why, found, language)
    if found.used_at or found.task is None:
        raise LinkUsed()
    step, item = found.task.step, found.task.item
    open_step(folder, step, item)
    must_run(folder)
    must_not_wait(folder, step, item)
    if given.read not in (None, digest_of(read_by_guest(folder, step, item))):
        raise ReadAnother()
    return found, folder


class _Filled:
    """A step's form as his answer fills it; refused with every finding."""

    def __init__(self, folder: Folder, invitation: Invitation, given: Answer):
        assert invitation.task
        self.folder, self.given = folder, given
        self.step, self.item = step, item = invitation.task.step, invitation.task.item
        self.definition = definition = folder.procedure.steps[step]
        assert definition.invites
        self.invites = definition.invites
        _check_files(folder, invitation, given.values)
        self.reason = given.reason or str(given.values.get("reason") or "")
        form = folder.procedure.form
        his = said.typed_in(form, definition)
        self.values = {**given.values}
        if any("reason" in fields for fields in his.values()):
            self.values["reason"] = self.reason  # the form's own field is the act's reason
        self.answers = answers_for(folder, definition, step, item, {})
        self.filling = filling_for(folder, definition, item, folder.facts(reason=self.reason), self.answers)
        self.known = accept(_part(self.filling, his), self.values, None)
        findings: list[Finding] = []
        self.differences = self._differences(findings)
        if self.invites.lines:
            self.known[self.invites.lines.into] = self.differences.rows
        self.chosen_key, self.chosen = self._choice(self.filling.with_values(self.known), findings)
        findings += self._findings_of_signature(is_decided=not findings)
        if findings:
            raise BadData(findings)
        self.filling.facts = {**self.filling.facts, "outcome": self.chosen_key}

    @property
    def signs(self) -> bool:
        return self.invites.signs is not None and self.invites.signs.signs(self.chosen_key)

    def filled(self, proofs: Mapping[str, str]) -> _Filled:
        """With his signature, and what follows from his answer."""
        whole = _part(self.filling, said.answered(self.folder.procedure.form, self.definition))
        lines = {self.invites.lines.into: self.differences.rows} if self.invites.lines else {}
        values = self.values | {**lines, **self._signature(proofs), **self._sets()}
        try:
            self.typed = accept(whole, values, self.chosen, self.reason)
        except BadData as refusal:
            raise BadData([Finding(self._seen_at(one.path), one.message) for one in refusal.findings]) from None
        check_offered(whole, self.chosen)
        self.likeness, self.after = whole.facts["likeness"], whole.after
        return self

    def complete(self) -> None:
        folder = self.folder
        answer_of(
            folder,
            lambda: folder.complete(
                self.step,
                self.item,
                self.chosen_key,
                self.typed,
                self.reason,
                waits=True,
                answers=self.answers,
                likeness=self.likeness,
            ),
        )

    def _findings_of_signature(self, *, is_decided: bool) -> list[Finding]:
        """Of one who has not said yet how he ends it, only the name is asked."""
        found = []
        if self.invites.signs and not self.given.signer:
            sentence = (
                _("Please write your name: it is your signature.") if self.signs else _("Please write your name.")
            )
            found.append(Finding("signer", sentence))
        if is_decided and self.signs and not self.given.consents:
            found.append(Finding("consent", _("Please tick this, or draw your signature.")))
        return found

    def _choice(self, after: Data, findings: list[Finding]) -> tuple[str, Outcome]:
        """How he ends it: as he chose, or the only way that fits what he filled."""
        known = said.outcomes_of(self.folder.procedure.form, self.definition)
        if not self.given.outcome and len(known) == 1:
            return next(
                iter(known.items())
            )  # whether it fits is seen when all is filled: his signature may be what it asks for
        if self.given.outcome in known:
            return self.given.outcome, known[self.given.outcome]
        fitting = offered_outcomes(self.definition, self.filling.context(after))
        left = [key for key in known if key in fitting]
        if self.given.outcome or len(left) != 1:
            titles = " / ".join(say(self.invites.outcomes.get(key) or one.title) for key, one in known.items())
            findings.append(Finding("outcome", _("Please choose your answer: {outcomes}.").format(outcomes=titles)))
            return next(iter(known.items()))
        return left[0], known[left[0]]

    def _differences(self, findings: list[Finding]) -> Differences:
        lines = self.invites.lines
        if lines is None:
            return Differences()
        found = differences_in(self.filling, lines, self.given.lines)
        sentence = _("Line {number}: say whether you agree, or what you have instead.")
        findings += [
            Finding(f"{lines.into}.{number}", sentence.format(number=number + 1))
            for number in sorted([*found.unanswered, *found.wordless])
        ]
        return found

    def _seen_at(self, path: str) -> str:
        """A finding in a row of what he does not agree with belongs to the line that he reads."""
        table, _dot, rest = path.partition(".")
        number, _dot, column = rest.partition(".")
        if self.invites.lines and table == self.invites.lines.into and number.isdecimal():
            return f"{table}.{self.differences.lines[int(number)]}.{column}"
        return path

    def _signature(self, proofs: Mapping[str, str]) -> Data:
        signs = self.invites.signs
        if signs is None or not self.signs:
            return {}
        form, now = self.folder.procedure.form, self.folder.work.local
        found: Data = {signs.by: self.given.signer}
        if signs.on:
            on = form.field(signs.on)
            found[signs.on] = now.date() if on and on.type == "date" else now
        if signs.file and (name := proofs.get("paper") or proofs.get("drawn")):
            file = form.field(signs.file)
            found[signs.file] = [name] if file and file.type == "files" else name
        return found

    def _sets(self) -> Data:
        """What follows from his answer."""
        filling = self.filling
        context = filling.context(filling.with_values(self.known))
        form, zone = self.folder.procedure.form, self.folder.work.local.tzinfo
        return {key: typed(form.field(key), value_of(text, context), zone) for key, text in self.invites.sets.items()}


# --- files ------------------------------------------------------------------------------------------------------------------


def _keep_proofs(
    folder: Folder, invitation: Invitation, proofs: Mapping[str, files.Content], signs: bool
) -> list[Attachment]:
    """The paper goes into the field for it; without one, the drawn signature. Of an answer that is not signed it stands beside."""
    assert invitation.task
    invites = folder.procedure.steps[invitation.task.step].invites
    assert invites
    place = (signs and invites.signs and invites.signs.file) or ""
    main = "paper" if "paper" in proofs else "drawn"
    new = [
        (content, files.row_of(folder.work.organization, content), place if kind == main else "")
        for kind, content in proofs.items()
    ]
    return belong(folder, new, invitation)


def waiting_of(invitation: Invitation) -> list[Attachment]:
    """What he has sent and not submitted yet."""
    return list(Attachment.objects.filter(invitation=invitation, case=None).select_related("stored").order_by("pk"))


def _check_files(folder: Folder, invitation: Invitation, values: Mapping[str, Any]) -> None:
    """He names files of his own, or those that stand there already: by another's name he would get to read it."""
    form, own = folder.procedure.form, {one.name for one in waiting_of(invitation)}
    for key, value in values.items():
        found = form.field(key)
        if found is None or found.type not in ("file", "files"):
            continue
        before = folder.state.data.get(key)
        known = own | set(before if isinstance(before, list) else [before])
        for name in value if isinstance(value, list) else [value]:
            if name and name not in known:
                raise BadData([Finding(key, _("Please choose “{name}” again.").format(name=name))])


def _take_waiting(folder: Folder, invitation: Invitation, typed_in: Data) -> list[Attachment]:
    """The files he sent and still names belong to the case."""
    named = {
        name
        for value in typed_in.values()
        for name in (value if isinstance(value, list) else [value])
        if isinstance(name, str)
    }
    found = [one for one in waiting_of(invitation) if one.name in named]
    for one in found:
        one.case = folder.case
    Attachment.objects.bulk_update(found, ["case"])
    return found
