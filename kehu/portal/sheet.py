"""What a guest has before him: what he reads, as on paper, and what he fills in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kehu.cases.answering import differences_in, digest_of, filling_of_guest, read_by_guest, waiting_of
from kehu.cases.editing import Control, Editor, Reader, Shown
from kehu.cases.folder import Folder
from kehu.cases.history import Record
from kehu.cases.links import number_on
from kehu.cases.models import Attachment, Task
from kehu.cases.wording import Words
from kehu.cases.work import Work
from kehu.core.refusals import BadData, Finding, Refusal
from kehu.engine import invitations as said
from kehu.engine.advance import offered_outcomes
from kehu.engine.definitions import FieldDefinition, Invites, StatusPage, Step
from kehu.engine.records import decoded_value, rows_of
from kehu.procedures.forms import is_visible

from .door import Coming


@dataclass
class Part:
    """A section as it is read, or one row's."""

    title: str
    fields: list[Shown]


@dataclass
class Way:
    """One way to end it."""

    key: str
    title: str
    needs_reason: bool
    is_signed: bool
    is_offered: bool
    is_chosen: bool


@dataclass
class Line:
    """A line that he agrees with, or not; without cells one that he misses."""

    number: int
    name: str
    cells: list[Shown]
    figure: Control
    remark: Control | None
    is_agreed: bool = False
    is_disputed: bool = False
    error: str = ""


@dataclass
class Attempt:
    """What was sent and refused, to be shown again."""

    raw: dict[str, Any]
    outcome: str = ""
    reason: str = ""
    signer: str = ""
    consents: bool = False
    drawn: str = ""
    lines: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    refusal: Refusal | None = None

    @property
    def findings(self) -> list[Finding]:
        return self.refusal.findings if isinstance(self.refusal, BadData) else []


def folder_of(coming: Coming) -> Folder:
    work = Work(coming.organization, None, coming.now)
    return work.take(pk=coming.invitation.case_id, lock=False)


def words_of(folder: Folder) -> Words:
    return Words(Record(folder, None, [], []))  # type: ignore[arg-type]  # nobody of the staff reads


def parts(
    coming: Coming, folder: Folder, words: Words, page: Invites | StatusPage, step: str = "", but: str = ""
) -> list[Part]:
    """The sections that are shown, each with the fields that say anything; `but` is shown elsewhere."""
    reader, found = Reader(words, addresses(coming, folder, page.shows)), []
    data = folder.state.data
    item = coming.invitation.task.item if coming.invitation.task else ""
    if step:
        data = {**data, **folder.answers(step, item)}
    definition = folder.procedure.steps.get(step)
    for key, fields in said.titled(said.parts_of(folder.procedure.form, page.shows), page.titles).items():
        section = folder.procedure.form.sections[key]
        title = words.say(page.titles.get(key) or section.title)
        if section.per is None:
            found.append(Part(title, _fields(folder, reader, fields, data, but)))
            continue
        for name, row in _rows(folder, data, section.per, definition, item):
            title_of_row = f"{title} · {words.row_of(section.per, name)}"
            found.append(Part(title_of_row, _fields(folder, reader, fields, {**data, **row}, but)))
    return [part for part in found if part.fields]


def _rows(
    folder: Folder, data: Mapping[str, Any], table: str, step: Step | None, item: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    mine = bool(step and step.each and step.each.rows == table)
    for name, row in rows_of(folder.procedure.form, data, table).items():
        if not mine or name == item:
            yield name, row


def _fields(
    folder: Folder, reader: Reader, fields: Mapping[str, FieldDefinition], data: Mapping[str, Any], but: str
) -> list[Shown]:
    context = {**data, **folder.facts()}
    shown = [
        reader.shown(name, definition, data.get(name))
        for name, definition in fields.items()
        if name != but and is_visible(definition, context)
    ]
    return [one for one in shown if not one.is_empty]


def addresses(coming: Coming, folder: Folder, wanted: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The files he may open, by name."""
    return {one.name: coming.address("invitation_file", one.pk) for one in files_shown(coming, folder, wanted)}


def files_shown(coming: Coming, folder: Folder, wanted: Mapping[str, tuple[str, ...]]) -> list[Attachment]:
    """Those that the fields he reads name, and his own."""
    form, data = folder.procedure.form, folder.state.data
    named: set[str] = set()
    for fields in said.parts_of(form, wanted).values():
        for key, definition in fields.items():
            if definition.type in ("file", "files") and data.get(key):
                named |= {data[key]} if isinstance(data[key], str) else set(data[key])
    kept = Attachment.objects.filter(case=folder.case).select_related("stored").order_by("pk")
    mine = [one for one in kept if one.name in named or one.invitation_id == coming.invitation.pk]
    return [*mine, *waiting_of(coming.invitation)]


class Sheet:
    """A step as a guest reads and answers it."""

    def __init__(self, coming: Coming, attempt: Attempt | None = None):
        assert coming.invitation.task
        self.coming, self.attempt = coming, attempt
        self.step, self.item = coming.invitation.task.step, coming.invitation.task.item
        self.folder = folder_of(coming)
        self.words = words_of(self.folder)
        self.definition = self.folder.procedure.steps[self.step]
        assert self.definition.invites
        self.invites: Invites = self.definition.invites
        self.shows = self.invites.shows
        self.editor = Editor(
            filling_of_guest(self.folder, self.step, self.item),
            self.words,
            prefix="answer",
            raw=attempt.raw if attempt else None,
            findings=attempt.findings if attempt else (),
            addresses=addresses(coming, self.folder, self.shows),
        )

    @property
    def title(self) -> str:
        return self.words.say(self.invites.title or self.definition.title)

    @property
    def text(self) -> str:
        return self.words.say(self.invites.text)

    @property
    def number(self) -> str:
        return number_on(self.coming.invitation, self.folder.procedure)

    @property
    def until(self) -> str:
        return self.words.moment(self.coming.invitation.expires_at)

    @property
    def digest(self) -> str:
        return digest_of(read_by_guest(self.folder, self.step, self.item))

    @property
    def signs(self) -> bool:
        return self.invites.signs is not None

    def parts(self) -> list[Part]:
        lines = self.invites.lines.rows if self.invites.lines else ""
        return parts(self.coming, self.folder, self.words, self.invites, self.step, but=lines)

    def answered(self, task: Task) -> list[Part]:
        """What he filled, as it was kept with the step that he completed."""
        form, into = self.folder.procedure.form, self.invites.lines.into if self.invites.lines else ""
        his, found = said.typed_in(form, self.definition), []
        reader = Reader(self.words, addresses(self.coming, self.folder, self.shows))
        for key in self.definition.fills:
            section = form.sections[key]
            filled = {key: {into: section.fields[into]} if into in section.fields else {}}
            fields = {**his.get(key, {}), **said.titled(filled, self.invites.titles)[key]}
            shown = [reader.shown(name, one, decoded_value(one, task.filled.get(name))) for name, one in fields.items()]
            title = self.words.say(self.invites.titles.get(key) or section.title)
            found.append(Part(title, [one for one in shown if not one.is_empty]))
        return [part for part in found if part.fields]

    @property
    def outcome_error(self) -> str:
        return self.editor.findings.get("outcome", "")

    @property
    def reason_error(self) -> str:
        return self.editor.findings.get("reason", "")

    @property
    def signer_error(self) -> str:
        return self.editor.findings.get("signer", "")

    @property
    def consent_error(self) -> str:
        return self.editor.findings.get("consent", "")

    @property
    def other_findings(self) -> list[str]:
        """Findings that stand at nothing he sees."""
        into = self.invites.lines.into if self.invites.lines else ""
        here = {*self.editor.fields, *(key for key, _section in self.editor.filling.sections())}
        here |= {"reason", "outcome", "signer", "consent", into}
        return [text for path, text in self.editor.findings.items() if path.partition(".")[0] not in here]

    # -- how he may end it

    @cached_property
    def ways(self) -> list[Way]:
        offered = self._offered
        chosen = self.attempt.outcome if self.attempt else ""
        signs = self.invites.signs
        return [
            Way(
                key,
                self.words.say(self.invites.outcomes.get(key) or outcome.title),
                "reason" in outcome.needs,
                bool(signs and signs.signs(key)),
                key in offered,
                key == chosen,
            )
            for key, outcome in said.outcomes_of(self.folder.procedure.form, self.definition).items()
        ]

    @property
    def _offered(self) -> set[str]:
        """As far as what was typed says; where he answers line by line, none before he has said something of each."""
        lines, filling = self.invites.lines, self.editor.filling
        if lines is None:
            return self.editor.offered()
        found = differences_in(filling, lines, self.attempt.lines if self.attempt else {})
        if found.unanswered:
            return set()
        after = filling.with_values({**self.editor.after, lines.into: found.rows})
        return set(offered_outcomes(self.definition, filling.context(after)))

    @property
    def asks_outcome(self) -> bool:
        return self.invites.lines is None and len(self.ways) > 1

    @property
    def answers_first(self) -> bool:
        """Nothing that he types decides which ways there are: he says first how he answers, and then what he has to say."""
        filling = self.editor.filling
        return {way.key for way in self.ways} <= set(offered_outcomes(self.definition, filling.context(filling.data)))

    @property
    def is_decided(self) -> bool:
        return any(way.is_offered for way in self.ways)

    @property
    def is_signed(self) -> bool:
        """Whether a signature is asked as the answer stands; where nothing is decided yet, if any of its ways is signed."""
        left = [way for way in self.ways if way.is_chosen or (self.invites.lines and way.is_offered)]
        return any(way.is_signed for way in left or self.ways)

    @property
    def asks_reason(self) -> bool:
        return any(way.needs_reason for way in self.ways) and "reason" not in self.editor.fields

    # -- line by line

    @cached_property
    def lines(self) -> list[Line]:
        lines = self.invites.lines
        table = self.folder.procedure.form.field(lines.rows) if lines else None
        if table is None:
            return []
        assert lines
        reader, rows = Reader(self.words, {}), self.editor.filling.data.get(lines.rows) or []
        columns = {
            key: table.columns[key] for key in lines.columns or table.columns if table.columns[key].type != "rows"
        }
        return [
            self.line(number, [reader.shown(key, one, row.get(key)) for key, one in columns.items()])
            for number, row in enumerate(rows)
        ]

    @cached_property
    def missing(self) -> list[Line]:
        """What he misses among the lines, as he typed it, and one more to type in."""
        if self.invites.lines is None or self.invites.lines.missing is None:
            return []
        last = len(self.lines)
        typed = [number for number in (self.attempt.lines if self.attempt else {}) if number >= last]
        return [self.line(number) for number in [*typed, max([last - 1, *typed]) + 1]]

    def line(self, number: int, cells: Iterable[Shown] = ()) -> Line:
        lines, editor = self.invites.lines, self.editor
        assert lines
        into = self.folder.procedure.form.field(lines.into)
        assert into
        mine = self.attempt.lines.get(number, {}) if self.attempt else {}
        name = f"{lines.into}.{number}"

        def control(column: str) -> Control:
            key = "figure" if column == lines.figure else "remark"
            made = editor.plain(f"{name}.{column}", into.columns[column], mine.get(key, ""))
            made.error = editor.findings.get(f"{name}.{column}", "")
            return made

        return Line(
            number,
            name,
            [cell for cell in cells if not cell.is_empty],
            control(lines.figure),
            control(lines.remark) if lines.remark else None,
            is_agreed=bool(mine.get("agrees")),
            is_disputed="agrees" in mine and not mine["agrees"],
            error=editor.findings.get(name, ""),
        )
