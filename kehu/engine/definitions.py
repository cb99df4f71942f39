"""What a pack says, as values: company, procedure, step, outcome, form, field.

These models are the pack format: a key that is not here does not exist. `docs/reference/pack-format.md` explains it
to the people who write packs, and the JSON Schema for editors is made from here.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, model_validator

from .expressions import ExpressionError, parse
from .roles import RoleError, parse_role


class Definition(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _quoted(value: Any) -> Any:
    if isinstance(value, bool | int | float) and not isinstance(value, str):
        raise ValueError(f"a text is meant, but YAML reads the number {value}: put it in quotes")
    return value


def _one_or_many(value: Any) -> Any:
    return value if isinstance(value, list | tuple) or value is None else [value]


def _expression(text: str) -> str:
    try:
        parse(text)
    except ExpressionError as error:
        raise ValueError(str(error)) from None
    return text


def _role(text: str) -> str:
    try:
        parse_role(text)
    except RoleError as error:
        raise ValueError(str(error)) from None
    return text


def _pattern(pattern: str, what: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f'"{text}" is no {what}')
        return text

    return AfterValidator(check)


def _expression_text(value: Any) -> Any:
    """Literals may stand bare: `true`, `3`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


KebabKey = Annotated[
    str, BeforeValidator(_quoted), _pattern(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", "key (kebab-case, as in fill-sheet)")
]
SnakeKey = Annotated[str, BeforeValidator(_quoted), _pattern(r"[a-z][a-z0-9_]*", "key (snake_case, as in sales_rep)")]
TitledKey = Annotated[
    str,
    BeforeValidator(_quoted),
    _pattern(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?", "field, section or column of a table (as in answers.reply)"),
]
ChoiceKey = Annotated[
    str, BeforeValidator(_quoted), _pattern(r"[A-Za-z][A-Za-z0-9_]*", "key of a choice (as in mould, or A)")
]
Quoted = Annotated[str, BeforeValidator(_quoted)]
FileEnding = Annotated[
    str, BeforeValidator(_quoted), _pattern(r"[a-z0-9]{1,10}", "file ending (as in pdf, without the dot)")
]
Expression = Annotated[str, BeforeValidator(_expression_text), AfterValidator(_expression)]
RoleText = Annotated[str, AfterValidator(_role)]
Steps = Annotated[tuple[KebabKey, ...], BeforeValidator(_one_or_many)]
SectionKeys = Annotated[tuple[SnakeKey, ...], BeforeValidator(_one_or_many)]


class Text(Definition):
    """A text in every language of the product."""

    zh: Quoted
    en: Quoted

    def in_(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en


# --- forms ------------------------------------------------------------------------------------------------------------

FieldType = Literal[
    "text", "longtext", "number", "money", "boolean", "date", "datetime", "choice", "choices",
    "user", "people", "department", "customer", "file", "files", "rows",
]  # fmt: skip


class Choice(Definition):
    title: Text
    also: Annotated[tuple[Quoted, ...], BeforeValidator(_one_or_many)] = ()
    """Other words by which sheets and programs may name it."""


def _choices(value: Any) -> Any:
    """`{return: {zh: 退货, en: Return}}` is short for `{return: {title: {…}}}`; `also:` may stand in it."""
    if isinstance(value, dict):
        return {
            key: {
                "title": {name: word for name, word in text.items() if name != "also"},
                **{name: word for name, word in text.items() if name == "also"},
            }
            if isinstance(text, dict) and "title" not in text
            else text
            for key, text in value.items()
        }
    return value


class Check(Definition):
    """Something that must hold, and the sentence shown where it does not."""

    that: Expression
    otherwise: Text = Field(alias="else")


class FieldDefinition(Definition):
    """One field of a form.

    `key` is the column that tells a table's rows apart; with `repeats` it may say the same in several.
    A field of type `people` names several: members by their keys, anybody else by his name.
    `required`, `visible` are true, false or an expression over the case's fields (in a row: over the row too).
    `currency` says what an amount is in, where it is read; `ends` what the least and the greatest mark of a scale mean.
    `computed` fields are never typed in; `system` fields are set by steps (`sets:`) and read-only on every page.
    """

    type: FieldType
    title: Text
    help: Text | None = None
    required: Expression = "false"
    visible: Expression = "true"
    default: Expression | None = None
    computed: Expression | None = None
    gather: str | None = None
    system: StrictBool = False
    choices: Annotated[dict[ChoiceKey, Choice], BeforeValidator(_choices)] = {}
    choices_of: Literal["customer_classes"] | None = None
    """A list of the pack that the choices are taken from when it is read."""
    columns: dict[SnakeKey, FieldDefinition] = {}
    key: SnakeKey | None = None
    repeats: StrictBool = False
    fixed: StrictBool = False
    """The system makes the rows of this table (`asks`, `sets`); people fill their cells, and a row they leave out stays."""
    min_rows: int = 0
    decimals: int = 0
    min: float | None = None
    max: float | None = None
    max_length: int | None = None
    unit: Text | None = None
    currency: Expression | None = None
    ends: tuple[Text, Text] | None = None
    of: str | None = None
    checks: tuple[Check, ...] = ()
    accept: tuple[str, ...] = ()
    compare: SnakeKey | None = None

    @property
    def is_typed_in(self) -> bool:
        return not (self.computed or self.gather or self.system)

    @property
    def is_shown(self) -> bool:
        """Not one that is kept for expressions alone."""
        return self.visible != "false"

    @model_validator(mode="after")
    def _consistent(self) -> FieldDefinition:
        if self.type in ("choice", "choices") and not self.choices and not self.choices_of:
            raise ValueError("a choice needs `choices:`, each with its title in zh and en")
        if self.type == "rows" and not self.columns and not self.gather:
            raise ValueError("a table field needs `columns:`")
        if self.key and self.key not in self.columns:
            raise ValueError(f"`key: {self.key}` is none of its columns ({', '.join(self.columns)})")
        if self.repeats and not self.key:
            raise ValueError("`repeats:` stands beside `key:`: that column may say the same in several rows")
        if self.fixed and not self.key:
            raise ValueError("`fixed` rows are told apart by their `key:`")
        if self.currency and self.type != "money":
            raise ValueError("only a field of type money has a `currency:`")
        if self.ends and (self.type != "number" or None in (self.min, self.max)):
            raise ValueError("`ends:` are words for the `min:` and the `max:` of a number")
        if self.columns and self.type != "rows":
            raise ValueError("only a field of type rows has `columns:`")
        return self

    @cached_property
    def reads(self) -> frozenset[str]:
        """What it is computed or gathered from: names that expressions begin with. Empty where it is filled in or set."""
        if self.gather:
            return frozenset({self.gather.partition(".")[0]})
        texts = [field.computed for field in (self, *self.columns.values()) if field.computed]
        return frozenset(root for text in texts for root in (*parse(text).roots, ""))


class Section(Definition):
    """A part of the form. `per` a table field: every row has its own; `each_round`: emptied when a new round begins."""

    title: Text
    per: SnakeKey | None = None
    each_round: StrictBool = False
    help: Text | None = None
    fields: dict[SnakeKey, FieldDefinition]
    checks: tuple[Check, ...] = ()


class Part(Definition):
    """A controlled form within the record: which sections make it up, and the field that holds its own serial number. Under the record's
    own number it says which of the sections are that form."""

    title: Text | None = None
    revision: Quoted = ""
    sections: tuple[SnakeKey, ...]
    serial: SnakeKey | None = None


class Form(Definition):
    number: Quoted = ""
    title: Text
    revision: Quoted = ""
    retention: Text | None = None
    sections: dict[SnakeKey, Section]
    parts: dict[Quoted, Part] = Field(default={}, alias="forms")
    """The controlled forms that the record holds, by number."""

    @property
    def numbers(self) -> tuple[str, ...]:
        """Of all its forms, its own first."""
        return tuple(dict.fromkeys(filter(None, (self.number, *self.parts))))

    def number_of(self, section: str) -> str:
        """Of the form that the section belongs to: its own before one that holds it besides."""
        return next((number for number in self.numbers if section in self.part(number).sections), self.number)

    def part(self, number: str) -> Part:
        """One of its forms, with its title and revision."""
        own = {"title": self.title, "revision": self.revision}
        if number == self.number:
            return self.parts.get(number, Part(sections=tuple(self.sections))).model_copy(update=own)
        part = self.parts[number]
        return part if part.revision else part.model_copy(update={"revision": self.revision})

    def fields(self) -> tuple[tuple[str, Section, str, FieldDefinition], ...]:
        """Every field with its section: (section key, section, field key, field)."""
        return self._fields

    def field(self, key: str) -> FieldDefinition | None:
        return self._by_key.get(key)

    def table(self, key: str) -> FieldDefinition | None:
        """The table field `key`, with the columns that per-row sections add to it."""
        return self._tables.get(key)

    @cached_property
    def _fields(self) -> tuple[tuple[str, Section, str, FieldDefinition], ...]:
        return tuple(
            (section_key, section, field_key, field)
            for section_key, section in self.sections.items()
            for field_key, field in section.fields.items()
        )

    @cached_property
    def calculated(self) -> tuple[tuple[str, FieldDefinition], ...]:
        """The record's own fields that are computed or gathered, each behind those it is computed from. `CycleError` where two are
        computed from each other, which the pack's check finds."""
        found = {
            key: (field, field.reads) for _, section, key, field in self._fields if not section.per and field.reads
        }
        before = {
            key: [name for name in sorted(reads) if name in found and name != key] for key, (_, reads) in found.items()
        }
        return tuple((key, found[key][0]) for key in TopologicalSorter(before).static_order())

    @cached_property
    def stored(self) -> dict[str, FieldDefinition | None]:
        """What the record keeps, by its keys; a table with all its columns."""
        return {
            key: self.table(key) if field.type == "rows" else field
            for _, section, key, field in self._fields
            if not section.per
        }

    @cached_property
    def _by_key(self) -> dict[str, FieldDefinition]:
        return {key: field for _, _, key, field in reversed(self._fields)}

    @cached_property
    def _tables(self) -> dict[str, FieldDefinition | None]:
        return {key: self._table(key) for key in self._by_key}

    def _table(self, key: str) -> FieldDefinition | None:
        field = self.field(key)
        if field is None or field.type != "rows":
            return None
        more = {
            name: column
            for section in self.sections.values()
            if section.per == key
            for name, column in section.fields.items()
        }
        return field.model_copy(update={"columns": {**field.columns, **more}})


# --- decision tables, asked -------------------------------------------------------------------------------------------


class TableAnswer(Definition):
    """What a decision table answers. Its inputs are written here, or are the case's fields of that name."""

    model_config = ConfigDict(extra="allow", frozen=True)

    table: SnakeKey
    output: SnakeKey

    @property
    def inputs(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class TableRole(TableAnswer):
    """The role that a decision table names: `{table: authority, matter: close_complaint}`."""

    output: SnakeKey = "decides"


class TableLimit(TableAnswer):
    """The time limit that a decision table names: `{table: stage_limits, stage: check}`."""

    output: SnakeKey = "within"


Limit = TableLimit | Quoted
"""`4 working hours`, `settings.prompt` (a setting of the pack), or asked of a decision table."""


# --- steps ------------------------------------------------------------------------------------------------------------


class Branch(Definition):
    """One line of `next:`. Without `when` it is always taken; `else` is taken when no `when` held."""

    to: KebabKey | None = None
    when: Expression | None = None
    otherwise: KebabKey | None = Field(default=None, alias="else")

    @model_validator(mode="after")
    def _one_target(self) -> Branch:
        if bool(self.to) == bool(self.otherwise):
            raise ValueError("a line of `next:` is a step, `{when: …, to: step}` or `{else: step}`")
        return self

    @property
    def target(self) -> str:
        return self.to or self.otherwise or ""


def _branches(value: Any) -> Any:
    return [{"to": line} if isinstance(line, str) else line for line in (_one_or_many(value) or [])]


Branches = Annotated[tuple[Branch, ...], BeforeValidator(_branches)]


class RowChange(Definition):
    """One line of a `sets:` on a table field: change the rows `where` it holds, or `add` one `unless` it is there."""

    where: Expression | None = None
    set: dict[SnakeKey, Expression] = {}
    add: dict[SnakeKey, Expression] = {}
    unless: Expression | None = None


Sets = dict[str, Expression | tuple[RowChange, ...]]


class ChildEnd(Definition):
    """What the end of an opened case does here: completes a step, filling fields from the child's."""

    complete: KebabKey
    outcome: SnakeKey | None = None
    with_: dict[SnakeKey, Expression] = Field(default={}, alias="with")


class Opening(Definition):
    """A case to open. `with` fills its first step's fields from expressions over this case; `by` has that first step.

    `each` a table field: one case for every row, which the expressions see as `item`. `customer` is an expression for the code
    of the customer it belongs to, where that is another than this case's; `number` one for its number, where that was given already.
    """

    procedure: KebabKey
    each: SnakeKey | None = None
    customer: Expression | None = None
    number: Expression | None = None
    by: RoleText = "assignee"
    with_: dict[SnakeKey, Expression] = Field(default={}, alias="with")
    when: Expression | None = None
    submit: StrictBool = False
    when_it_ends: dict[SnakeKey, ChildEnd] = {}


def _openings(value: Any) -> Any:
    return [{"procedure": line} if isinstance(line, str) else line for line in (_one_or_many(value) or [])]


Openings = Annotated[tuple[Opening, ...], BeforeValidator(_openings)]


class Outcome(Definition):
    title: Text
    next: Branches = ()
    needs: Annotated[tuple[SnakeKey, ...], BeforeValidator(_one_or_many)] = ()
    numbers: dict[SnakeKey, SnakeKey] = {}
    sets: Sets = {}
    checks: tuple[Check, ...] = ()
    when: Expression | None = None
    suggested: Expression | None = None
    """Where it holds this way is proposed: its button comes first, and it is taken where nobody says which."""
    opens: Openings = ()
    tells: Annotated[tuple[RoleText, ...], BeforeValidator(_one_or_many)] = ()
    new_round: StrictBool = False
    refuses: StrictBool = False
    """A refusal: the submitted sections need not be complete, only those of `fills` and what `needs` names."""
    fills: SectionKeys | None = None
    """The sections that must be complete with it; without it all that the step fills, or none with a refusal."""

    def demands(self, section: str) -> bool:
        """Whether that section of those the step fills must be complete."""
        return not self.refuses if self.fills is None else section in self.fills


class Rung(Definition):
    """One rung of a ladder: when (`at: 75%` of the time, `at: due`, `at: 5 working days` from the opening, `before:` the end,
    `after:` the rung before, or `every: 2 working days` until the task ends), whom it tells, what it opens. `takes`: the
    outcome that the system takes then, if nobody has; silence is an answer too. With `when` only while that holds."""

    at: Quoted | None = None
    before: Quoted | None = None
    after: Quoted | None = None
    every: Quoted | None = None
    tell: Annotated[tuple[RoleText, ...], BeforeValidator(_one_or_many)] = ()
    shares: Annotated[tuple[RoleText, ...], BeforeValidator(_one_or_many)] = ()
    """Who has the task too from then on, and is told."""
    opens: KebabKey | None = None
    takes: SnakeKey | None = None
    when: Expression | None = None

    @model_validator(mode="after")
    def _one_instant(self) -> Rung:
        if sum(map(bool, (self.at, self.before, self.after, self.every))) != 1:
            raise ValueError(
                "a rung has one of `at:` (75%, due, a time from the opening), `before:` (the end), `after:` (the rung before) "
                "or `every:` (so often)"
            )
        if self.every and (self.takes or self.shares):
            raise ValueError("a rung that repeats takes no outcome and shares nothing: let one with `at:` do it")
        return self

    @property
    def hear(self) -> tuple[str, ...]:
        """Whom it tells: also those who have the task from then on."""
        return (*self.tell, *self.shares)

    @property
    def percent(self) -> int | None:
        """Which part of the time is used up then."""
        return int(self.at[:-1]) if self.at and re.fullmatch(r"\d+%", self.at) else None

    @property
    def at_time(self) -> str | None:
        """How long after the opening."""
        return self.at if self.at and self.at != "due" and self.percent is None else None

    @property
    def is_reminder(self) -> bool:
        """It comes before the end, or again and again; or it only calls to mind."""
        if self.at_time:
            return set(self.hear) == {"assignee"} and not self.takes
        return bool(self.before or self.every) or self.percent is not None


class Due(Definition):
    """Until when. `within` a budget from `from` (a field; default: the task's opening), never later than `latest`;
    or `at` a moment that a field holds (a date falls at closing time), or so long `before` it, with `else` where that field
    is empty. `clock` names a shared clock of the procedure."""

    within: Limit | None = None
    from_: Expression | None = Field(default=None, alias="from")
    at: Expression | None = None
    before: Limit | None = None
    otherwise: Quoted | None = Field(default=None, alias="else")
    latest: Expression | None = None
    clock: SnakeKey | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Due:
        if sum(map(bool, (self.within, self.at, self.clock))) != 1:
            raise ValueError(
                "a due time is one of `within:` (a budget), `at:` (a field), `clock:` (a clock of the procedure)"
            )
        if self.before and not self.at:
            raise ValueError("`before:` stands beside `at:`: so long before the moment that a field holds")
        return self


def _due(value: Any) -> Any:
    return {"within": value} if isinstance(value, str) else value


class Clock(Definition):
    """A time limit that spans steps: `within` from one field to another; it stands still while a `paused_by` step is open.
    `late` is the field that takes the minutes over the limit when `until` is set. With `escalate` it has a ladder of its
    own, beside those of the steps; `assignee` there is everyone who has a task of the case."""

    title: Text
    within: Limit
    from_: Expression = Field(alias="from")
    until: SnakeKey
    paused_by: Steps = ()
    late: SnakeKey | None = None
    escalate: Any = None


class Watch(Definition):
    """Instants of a table's rows beside the step's own: when `at` passes and `done` does not hold, the rung fires."""

    rows: SnakeKey
    at: SnakeKey
    done: Expression
    tell: Annotated[tuple[RoleText, ...], BeforeValidator(_one_or_many)] = ()
    opens: KebabKey | None = None


class Wait(Definition):
    """Until a date that an expression gives, for a time (counted `from` a field; default: the opening), or for the end of
    a case this one opened. Where `until` or `from` changes, the end moves."""

    until: Expression | None = None
    for_: Limit | None = Field(default=None, alias="for")
    from_: Expression | None = Field(default=None, alias="from")
    case: KebabKey | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> Wait:
        if sum(map(bool, (self.until, self.for_, self.case))) != 1:
            raise ValueError("a wait is for one thing: `until:` a date, `for:` a time or `case:` a procedure it opened")
        return self


def _same_names(value: Any) -> Any:
    return {key: key for key in _one_or_many(value)} if isinstance(value, str | list) else value


class Ask(Definition):
    """A question to a ledger: what it answers is put into the record. `gives` says where: field -> the answer's name."""

    does: SnakeKey
    with_: dict[SnakeKey, Expression] = Field(default={}, alias="with")
    gives: Annotated[dict[SnakeKey, SnakeKey], BeforeValidator(_same_names)]


def _parts(value: Any) -> Any:
    """`[goods, {receipt: [channel, content]}]`: whole sections, and of others only these fields."""
    lines = _one_or_many(value) if not isinstance(value, dict) else [value]
    found: dict[Any, Any] = {}
    for line in lines or []:
        found |= (
            {key: () if keys is None else keys for key, keys in line.items()} if isinstance(line, dict) else {line: ()}
        )
    return found


Parts = Annotated[dict[SnakeKey, SectionKeys], BeforeValidator(_parts)]
"""Section -> its fields; none named: all of them."""


def _titled(value: Any) -> Any:
    return dict.fromkeys(_one_or_many(value) or []) if isinstance(value, str | list | tuple) else value


def _signed(value: Any) -> Any:
    return {"by": value} if isinstance(value, str) else value


class Signs(Definition):
    """The fields that a signature by link fills: the signer's typed name, the day, and the file that proves it."""

    by: SnakeKey
    on: SnakeKey | None = None
    file: SnakeKey | None = None
    outcomes: Annotated[tuple[SnakeKey, ...], BeforeValidator(_one_or_many)] = ()
    """Those that are signed; with the others he gives his name alone, and these fields stay as they are. Without any, all are."""

    def signs(self, outcome: str) -> bool:
        return not self.outcomes or outcome in self.outcomes


class Lines(Definition):
    """A table the customer reads and answers line by line: he agrees, or says his own `figure` and a `remark`. What he does not agree
    with becomes a row of the table `into`, with its other columns from the line (expressions over `row`). With `missing` he may add
    what the table does not have; its expressions fill the other columns then."""

    rows: SnakeKey
    columns: Annotated[tuple[SnakeKey, ...], BeforeValidator(_one_or_many)] = ()
    """Those that stand on his page; without any all."""
    into: SnakeKey
    figure: SnakeKey
    remark: SnakeKey | None = None
    with_: dict[SnakeKey, Expression] = Field(default={}, alias="with")
    missing: dict[SnakeKey, Expression] | None = None


class Invites(Definition):
    """That the customer may complete the step himself, by a link: what he is asked, what he reads and fills, how he may end it.

    `sets` are fields that follow from his answer, expressions that also see `outcome`; `outcomes` may say how he reads their titles.
    """

    title: Text | None = None
    """What it is called on his page; without it, as the step is."""
    text: Text
    form: Quoted | None = None
    """The controlled form that he reads and signs as PDF, in the look it has; without it the parts he is shown, in the standard one."""
    titles: dict[TitledKey, Text] = {}
    """What fields, columns (`answers.reply`) and sections are called on his page, where their own titles speak to the staff."""
    shows: Parts = {}
    fills: Parts | None = None
    outcomes: Annotated[dict[SnakeKey, Text | None], BeforeValidator(_titled)] = {}
    sets: dict[SnakeKey, Expression] = {}
    signs: Annotated[Signs | None, BeforeValidator(_signed)] = None
    lines: Lines | None = None
    valid: Quoted = "30 days"

    @property
    def given(self) -> tuple[str, ...]:
        """The fields that his answer fills without his typing into them."""
        signs = (self.signs.by, self.signs.on, self.signs.file) if self.signs else ()
        return (*self.sets, *filter(None, signs), *((self.lines.into,) if self.lines else ()))


class StatusPage(Definition):
    """What a customer reads of his case by a link: fields, and which steps are done. `steps` may say how he reads their titles."""

    title: Text | None = None
    text: Text
    titles: dict[TitledKey, Text] = {}
    shows: Parts = {}
    steps: Annotated[dict[KebabKey, Text | None], BeforeValidator(_titled)] = {}
    valid: Quoted = "90 days"


class Each(Definition):
    rows: SnakeKey
    where: Expression | None = None


def _each(value: Any) -> Any:
    return {"rows": value} if isinstance(value, str) else value


def _join(value: Any) -> Any:
    if value in ("all", "any", None) or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return value
    raise ValueError("join is `all`, `any` or a number of branches")


class Step(Definition):
    title: Text
    clause: Annotated[tuple[Quoted, ...], BeforeValidator(_one_or_many)] = ()
    role: TableRole | Annotated[tuple[RoleText, ...], BeforeValidator(_one_or_many)] = ()
    signatures: tuple[TableRole | RoleText, ...] = ()
    """Who all must do it, each once and nobody twice; it stays open in between. Instead of `role`."""
    fills: SectionKeys = ()
    asks: Annotated[tuple[Ask, ...], BeforeValidator(_one_or_many)] = ()
    """What the record is told by ledgers: when the step opens, and again when somebody completes it."""
    numbers: dict[SnakeKey, SnakeKey] = {}
    """Field -> the series (`numbering:` of the pack) from which it gets its number on completion, unless it has one."""
    each: Annotated[Each | None, BeforeValidator(_each)] = None
    join: Annotated[Literal["all", "any"] | int | None, BeforeValidator(_join)] = None
    due: Annotated[Due | None, BeforeValidator(_due)] = None
    escalate: Any = None
    watch: tuple[Watch, ...] = ()
    outcomes: dict[SnakeKey, Outcome] = {}
    next: Branches = ()
    needs: Annotated[tuple[SnakeKey, ...], BeforeValidator(_one_or_many)] = ()
    checks: tuple[Check, ...] = ()
    sets: Sets = {}
    on_open: Sets = {}
    opens: Openings = ()
    tells: Annotated[tuple[RoleText, ...], BeforeValidator(_one_or_many)] = ()
    approves: Steps = ()
    beside: StrictBool = False
    bulk: StrictBool = False
    """Several cases may be approved here at once, from the inbox."""
    does: SnakeKey | None = None
    with_: dict[SnakeKey, Expression] = Field(default={}, alias="with")
    wait: Wait | None = None
    end: StrictBool = False
    guidance: Text | None = None
    invites: Invites | None = None
    """The customer may do it himself, by a link."""

    @property
    def is_for_customer(self) -> bool:
        """He alone does it; staff send the link, or record what he said on paper."""
        return self.role == ("customer",)

    def demands(self, outcome: Outcome) -> tuple[str, ...]:
        """What must be filled to end it so, whatever the form says; whoever records a signature for the customer needs his paper."""
        signs = self.invites.signs if self.invites and self.is_for_customer else None
        key = next((key for key, one in self.all_outcomes().items() if one is outcome), "")
        return (*self.needs, *outcome.needs, *([signs.file] if signs and signs.file and signs.signs(key) else []))

    @property
    def kind(self) -> Literal["task", "auto", "wait", "end"]:
        if self.end:
            return "end"
        if self.wait:
            return "wait"
        return "task" if self.role or self.signatures else "auto"

    @property
    def parties(self) -> tuple[TableRole | tuple[RoleText, ...], ...]:
        """Who does it: one role (or a choice of several), or every one that signs."""
        if self.signatures:
            return tuple(party if isinstance(party, TableRole) else (party,) for party in self.signatures)
        return (self.role,) if self.role else ()

    @property
    def is_open_ended(self) -> bool:
        """A token rests here until somebody or something completes it."""
        return self.kind in ("task", "wait")

    def all_outcomes(self) -> dict[str, Outcome]:
        """The outcomes by key; a step that just goes on has one, `done`."""
        return self.outcomes if self.outcomes or self.end else self._going_on

    @cached_property
    def _going_on(self) -> dict[str, Outcome]:
        return {"done": Outcome(title=Text(zh="完成", en="Done"), next=self.next)}

    @property
    def bulk_outcome(self) -> str | None:
        """The outcome that an approval of several cases takes: the one that refuses nothing and needs nothing."""
        if not self.bulk:
            return None
        taken = [key for key, outcome in self.all_outcomes().items() if not outcome.refuses and not outcome.needs]
        return taken[0] if len(taken) == 1 else None

    def targets(self) -> Iterator[str]:
        for outcome in self.all_outcomes().values():
            for branch in outcome.next:
                yield branch.target

    @model_validator(mode="after")
    def _consistent(self) -> Step:
        if self.outcomes and self.next:
            raise ValueError("`next:` beside `outcomes:`: let each outcome say where it leads")
        if self.end and (self.role or self.next or self.outcomes or self.does or self.wait or self.signatures):
            raise ValueError("an end has a title and nothing else to do")
        if self.wait and (self.role or self.fills or self.signatures):
            raise ValueError("a wait has no role and fills nothing")
        if self.signatures and (self.role or len(self.signatures) < 2):
            raise ValueError("`signatures:` names two roles or more, and stands instead of `role:`")
        if (self.numbers or self.asks) and self.kind != "task":
            raise ValueError("`numbers:` and `asks:` belong to a step that somebody does")
        if self.is_for_customer and not self.invites:
            raise ValueError("a step that the customer does needs `invites:`: what he is asked and reads")
        if self.invites and (self.kind != "task" or self.signatures or self.role == ("system",)):
            raise ValueError("`invites:` belongs to a step with a role, done by one")
        if self.does and self.role not in ((), ("system",)):
            raise ValueError(
                "`does` is asked with `role: system` (the step rests until the answer) or has no role (the case goes on)"
            )
        return self


class Column(Definition):
    """A column of a register: a field, or an expression over the case's fields and `case`."""

    title: Text | None = None
    value: Expression | None = None
    type: FieldType | None = None


class Register(Definition):
    key: SnakeKey
    number: Quoted = ""
    title: Text
    columns: dict[SnakeKey, Column | None]
    rows: SnakeKey | None = None
    """A table of the form: a case has a line for each of its rows, which its columns see as `row`."""
    readers: tuple[SnakeKey, ...] = ()
    """Departments that read it, beside the owner's and the rank that sees all."""
    filters: tuple[SnakeKey, ...] = ()
    sort: str = "-number"


class CustomerPage(Definition):
    """What a case says of its customer, for the customer's page: these fields, dated by the field `at`."""

    at: SnakeKey
    fields: tuple[SnakeKey, ...]


class Indicator(Definition):
    title: Text
    counts: Expression
    of: Expression
    target: float | None = None
    unit: Literal["percent", "count", "mean"] = "percent"
    """What it shows: `counts` as a share of `of`, `counts` alone, or `counts` for each of `of` (an average)."""
    at: SnakeKey | None = None


class Statistic(Definition):
    """Cases counted by a field, for the statistics page."""

    title: Text
    by: Expression
    rows: SnakeKey | None = None
    values: dict[Quoted, Text] = {}
    """What values that `by` itself makes up are called; they stand in this order, not by how many there are."""


class Schedule(Definition):
    """Cases that the calendar opens: `when` (days that come again), one for `each` customer or owner of customers `where` it holds,
    or just one. `by` has the first step, filled as `with` says; by default the owner, or who has that step anyway. `until` is
    the last day on which it opens any."""

    title: Text
    when: Annotated[tuple[Quoted, ...], BeforeValidator(_one_or_many)]
    each: Literal["owner", "customer"] | None = None
    where: Expression | None = None
    by: RoleText | None = None
    with_: dict[SnakeKey, Expression] = Field(default={}, alias="with")
    until: datetime.date | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Schedule:
        if not self.when:
            raise ValueError("a schedule says `when:`, as in 20 December 08:00")
        if self.where and not self.each:
            raise ValueError("`where:` chooses customers, so it stands beside `each: customer` or `each: owner`")
        return self


class Clause(Definition):
    title: Text
    text: Text
    covers: tuple[Quoted, ...] = ()
    manual: Text | None = None


class Chapter(Definition):
    number: Quoted
    title: Text
    shows: Literal["documents"] | None = None
    """What the chapter is besides its procedures: the list of documents and forms."""


class Procedure(Definition):
    """A controlled document with the one step table that runs it."""

    key: KebabKey
    number: Quoted
    title: Text
    revision: Quoted
    owner: SnakeKey
    chapter: Chapter | None = None
    prepared_by: Quoted = ""
    reviewed_by: Quoted = ""
    approved_by: Quoted = ""
    effective: datetime.date | None = None
    purpose: Text | None = None
    scope: Text | None = None
    retention: Text | None = None
    folder: Text | None = None
    """The part of the customer's folder (资料夹) in which its cases are filed; without it, the procedure's title."""
    related: tuple[KebabKey, ...] = ()
    numbering: SnakeKey | None = None
    numbered_for: SnakeKey | None = None
    """The field whose day or month (2024-04) the number's date is; without it, the day the case opens."""
    customer: Literal["required", "optional", "none"] = "required"
    """Whether a case belongs to a customer; `none`: it is not asked for one, since its rows name theirs."""
    startable: StrictBool = True
    switched_on: StrictBool = True
    """As shipped; the company may switch it on or off."""
    amount: Expression | None = None
    """What a case is about in money: a deputy with a limit may act up to it."""
    void: RoleText = "head+ of owner"
    reopen: RoleText = "head+ of owner"
    pause: RoleText = "head+ of owner"
    clauses: dict[Quoted, Clause]
    clocks: dict[SnakeKey, Clock] = {}
    schedules: dict[SnakeKey, Schedule] = {}
    steps: dict[KebabKey, Step]
    status_page: StatusPage | None = None
    """What a customer may read of his case by a link."""
    register_: Register | None = Field(default=None, alias="register")
    customer_page: CustomerPage | None = None
    indicators: dict[SnakeKey, Indicator] = {}
    statistics: dict[SnakeKey, Statistic] = {}
    form: Form = Field(default=None)  # type: ignore[assignment]  # read from form.yaml beside it

    @property
    def first_step(self) -> str:
        return next(iter(self.steps))

    def fills_reason(self, step: Step) -> bool:
        """Whether the form has a field of its own for the reason of what is done at this step."""
        return any("reason" in self.form.sections[key].fields for key in step.fills if key in self.form.sections)

    @cached_property
    def has_links(self) -> bool:
        """Whether customers get links of its cases."""
        return bool(self.status_page) or any(step.invites for step in self.steps.values())

    @cached_property
    def register_fields(self) -> dict[str, FieldDefinition]:
        """The form's fields that the register's columns and filters read; of a table all its columns."""
        if self.register_ is None:
            return {}
        columns = {key: said.value if said and said.value else key for key, said in self.register_.columns.items()}
        expressions = [*columns.values(), *(columns.get(key, key) for key in self.register_.filters)]
        names = sorted(
            {name.partition(".")[0] for expression in expressions for name in parse(expression).names}
            | {self.register_.rows or ""}
        )
        return {name: self.form.table(name) or field for name in names if (field := self.form.field(name))}

    @cached_property
    def reach(self) -> dict[str, frozenset[str]]:
        """From each step all the steps a case can come to, in one step or many."""
        found = {key: frozenset(step.targets()) for key, step in self.steps.items()}
        while True:
            further = {
                key: goals.union(*(found.get(goal, frozenset()) for goal in goals)) for key, goals in found.items()
            }
            if further == found:
                return found
            found = further


# --- the company ------------------------------------------------------------------------------------------------------


class DepartmentDefinition(Definition):
    title: Text
    parent: SnakeKey | None = None


class PositionDefinition(Definition):
    title: Text
    department: SnakeKey
    rank: SnakeKey
    everywhere: StrictBool = False


class RelativePosition(Definition):
    """A position that a case decides: the holder of `rank` in the department that the first filled field of `of` names."""

    title: Text
    rank: SnakeKey
    of: Annotated[tuple[str, ...], BeforeValidator(_one_or_many)]


class CalendarDay(Definition):
    kind: Literal["holiday", "make_up", "half_day", "special"]
    name: Text | None = None
    periods: tuple[Quoted, ...] = ()


class CalendarDefinition(Definition):
    week: dict[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], tuple[Quoted, ...]]
    known_until: datetime.date | None = None
    special_days: dict[datetime.date, CalendarDay] = {}


class CustomerClass(Definition):
    title: Text
    key: StrictBool = False
    """Its customers are key customers."""


class Setting(Definition):
    """A value the company may change without touching a step table: `settings.prompt` in time limits and expressions."""

    title: Text
    value: bool | int | float | str


Right = Literal["people", "absences", "calendar", "channels", "tokens", "customers", "procedures", "ledgers"]
"""What a company entrusts to positions: its people, other people's absences and deputies, the working calendar, the ways
messages go out, the keys of other programs, and which procedures are switched on."""

Administration = dict[Right, Annotated[tuple[RoleText, ...], BeforeValidator(_one_or_many)]]


NoticeGroup = Literal["tasks", "reminders", "overdue", "escalations", "copies", "system"]
"""What people are told of, as they choose by it: a task for them; a limit that comes near; one that has passed; what was
escalated to them; what they are only informed of; and what is wrong with Kehu itself, for those who look after it."""

MailPace = Literal["at_once", "daily", "never"]
ClockFace = Annotated[str, BeforeValidator(_quoted), _pattern(r"([01]\d|2[0-3]):[0-5]\d", "time of the day (07:30)")]


class QuietHours(Definition):
    """Nothing that can wait is sent meanwhile; with `days_off` not on days without work either."""

    from_: ClockFace = Field(alias="from")
    until: ClockFace
    days_off: bool = False


class Notifications(Definition):
    """How people are told by mail, unless they choose otherwise. Their pages show everything at once in any case."""

    urgent: tuple[NoticeGroup, ...] = ("escalations",)
    """Does not wait for the end of quiet hours."""
    mail: dict[NoticeGroup, MailPace] = {}
    """What is not named goes at once."""
    quiet: QuietHours | None = None
    daily_at: ClockFace = "08:00"
    """When the daily summary is sent."""


NUMBER_PARTS = ("YYYY", "YY", "MM", "DD", "Q", "H", "customer", "starter")
"""What a numbering pattern may name beside its serial: parts of the day (Q the quarter, H the half-year), the customer's code, the
key of whoever opened the case."""


FigureOf = Annotated[
    str, _pattern(r"[a-z][a-z0-9-]*\.[a-z][a-z0-9_]*", "figure (procedure and key, as in customer-complaint.by_kind)")
]


class Tile(Definition):
    """One thing on a dashboard: tasks of one's own or of those one leads, where the open cases of a procedure stand, an indicator,
    a statistic, how old what customers owe is."""

    tasks: Literal["mine", "team"] | None = None
    cases: KebabKey | None = None
    indicator: FigureOf | None = None
    statistic: FigureOf | None = None
    ledger: Literal["ageing"] | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> Tile:
        if sum(map(bool, (self.tasks, self.cases, self.indicator, self.statistic, self.ledger))) != 1:
            raise ValueError("a tile is one of `tasks:`, `cases:`, `indicator:`, `statistic:`, `ledger:`")
        return self

    @property
    def procedure(self) -> str:
        """Of which it tells; empty for tasks."""
        return self.cases or (self.indicator or self.statistic or "").partition(".")[0]


LedgerKey = Literal["customers", "prices", "orders", "deliveries", "statements", "payments", "property"]


class LedgerDefinition(Definition):
    """A ledger that people read as a register: who, beside the rank that sees all."""

    number: Quoted = ""
    title: Text | None = None
    readers: tuple[SnakeKey, ...] = ()
    """Departments."""


class Dashboard(Definition):
    """What some positions see at a glance. Whoever holds a position of several sees the first."""

    title: Text
    for_: Annotated[tuple[RoleText, ...], BeforeValidator(_one_or_many)] = Field(alias="for")
    tiles: tuple[Tile, ...]


class Pack(Definition):
    key: SnakeKey
    title: Text
    letterhead: Text | None = None
    """What stands below the company's name on papers that leave it: address, telephone, tax number."""
    timezone: str = "Asia/Shanghai"
    ranks: dict[SnakeKey, int]
    rank_titles: dict[SnakeKey, Text] = {}
    departments: dict[SnakeKey, DepartmentDefinition]
    positions: dict[SnakeKey, PositionDefinition]
    relative_positions: dict[SnakeKey, RelativePosition] = {}
    settings: dict[SnakeKey, Setting] = {}
    calendar: CalendarDefinition
    department_calendars: dict[SnakeKey, CalendarDefinition] = {}
    ladders: dict[SnakeKey, tuple[Rung, ...]]
    default_ladder: SnakeKey = "standard"
    numbering: dict[SnakeKey, Quoted] = {}
    chapters: tuple[Chapter, ...] = ()
    customer_classes: dict[Quoted, CustomerClass] = {}
    sees_all: SnakeKey | None = None
    """The rank from which a member may read every case; others read those of their departments and their own."""
    nudge_every: Quoted | None = None
    """Nobody is nudged about the same task again before this time is over; absent: as often as one likes."""
    file_endings: tuple[FileEnding, ...] = ()
    """The endings of files that are taken, such as pdf and docx; none named: Kehu's own list."""
    administration: Administration = {}
    """Right -> the positions that have it. Whoever holds the company's highest rank has them all."""
    deputy_links: Annotated[int, Field(ge=1, le=9)] = 3
    """How far deputies reach: where a deputy is absent too, his own deputy acts, over at most so many links."""
    notifications: Notifications = Notifications()
    dashboards: tuple[Dashboard, ...] = ()
    ledgers: dict[LedgerKey, LedgerDefinition] = {}
    """The ledgers that are shown as registers; one that is not named is nobody's to read."""

    @cached_property
    def settings_values(self) -> dict[str, Any]:
        return {key: setting.value for key, setting in self.settings.items()}

    def ladder(self, step: Step) -> tuple[Rung, ...]:
        return read_ladder(step.escalate, self.ladders, self.default_ladder)


def read_ladder(words: Any, ladders: dict[str, tuple[Rung, ...]], default: str) -> tuple[Rung, ...]:
    """`escalate:` as rungs: absent = the default ladder; a ladder's key; roles told when the time is over; or rungs.

    Where only roles are named, whoever has the task is reminded as on the default ladder and told at the end too.
    """
    if words is None:
        return ladders[default]
    if isinstance(words, str) and words in ladders:
        return ladders[words]
    if words == "none":
        return ()
    lines = [words] if isinstance(words, str | dict) else list(words)
    roles = tuple(line for line in lines if isinstance(line, str))
    if len(roles) == len(lines):
        reminders = tuple(rung for rung in ladders[default] if rung.is_reminder)
        return (*reminders, Rung(at="due", tell=("assignee", *roles)))
    return tuple(line if isinstance(line, Rung) else Rung.model_validate(line) for line in lines)
