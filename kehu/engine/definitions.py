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
    "user", "department", "customer", "file", "files", "rows",
]  # fmt: skip


class Choice(Definition):
    title: Text


def _choices(value: Any) -> Any:
    """`{return: {zh: 退货, en: Return}}` is short for `{return: {title: {…}}}`."""
    if isinstance(value, dict):
        return {
            key: {"title": text} if isinstance(text, dict) and "title" not in text else text
            for key, text in value.items()
        }
    return value


class Check(Definition):
    """Something that must hold, and the sentence shown where it does not."""

    that: Expression
    otherwise: Text = Field(alias="else")


class FieldDefinition(Definition):
    """One field of a form.

    `required`, `visible` are true, false or an expression over the case's fields (in a row: over the row too).
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
    choices: Annotated[dict[SnakeKey, Choice], BeforeValidator(_choices)] = {}
    columns: dict[SnakeKey, FieldDefinition] = {}
    key: SnakeKey | None = None
    min_rows: int = 0
    decimals: int = 0
    min: float | None = None
    max: float | None = None
    max_length: int | None = None
    unit: Text | None = None
    of: str | None = None
    checks: tuple[Check, ...] = ()
    accept: tuple[str, ...] = ()
    compare: SnakeKey | None = None

    @property
    def is_typed_in(self) -> bool:
        return not (self.computed or self.gather or self.system)

    @model_validator(mode="after")
    def _consistent(self) -> FieldDefinition:
        if self.type in ("choice", "choices") and not self.choices:
            raise ValueError("a choice needs `choices:`, each with its title in zh and en")
        if self.type == "rows" and not self.columns and not self.gather:
            raise ValueError("a table field needs `columns:`")
        if self.key and self.key not in self.columns:
            raise ValueError(f"`key: {self.key}` is none of its columns ({', '.join(self.columns)})")
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


class Form(Definition):
    number: Quoted = ""
    title: Text
    revision: Quoted = ""
    retention: Text | None = None
    sections: dict[SnakeKey, Section]

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
    """A case to open. `with` fills its first step's fields from expressions over this case; `by` has that first step."""

    procedure: KebabKey
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
    sets: Sets = {}
    checks: tuple[Check, ...] = ()
    when: Expression | None = None
    opens: Openings = ()
    tells: Annotated[tuple[RoleText, ...], BeforeValidator(_one_or_many)] = ()
    new_round: StrictBool = False
    refuses: StrictBool = False
    """A refusal: the submitted sections need not be complete, only what `needs` names."""


class Rung(Definition):
    """One rung of a ladder: when (`at: 75%`, `at: due`, `before:` the end, or `after:` the rung before), whom it tells,
    what it opens. `takes`: the outcome that the system takes then, if nobody has; silence is an answer too."""

    at: Annotated[str, _pattern(r"\d+%|due", "instant of a ladder (`75%` or `due`)")] | None = None
    before: Quoted | None = None
    after: Quoted | None = None
    tell: Annotated[tuple[RoleText, ...], BeforeValidator(_one_or_many)] = ()
    opens: KebabKey | None = None
    takes: SnakeKey | None = None

    @model_validator(mode="after")
    def _one_instant(self) -> Rung:
        if sum(map(bool, (self.at, self.before, self.after))) != 1:
            raise ValueError("a rung has one of `at:` (75%, due), `before:` (the end) or `after:` (the rung before)")
        return self

    @property
    def is_reminder(self) -> bool:
        """It comes before the end."""
        return bool(self.before) or bool(self.at and self.at != "due")


class Due(Definition):
    """Until when. `within` a budget from `from` (a field; default: the task's opening), never later than `latest`;
    or `at` a moment that a field holds (a date falls at closing time), with `else` where that field is empty.
    `clock` names a shared clock of the procedure."""

    within: Limit | None = None
    from_: Expression | None = Field(default=None, alias="from")
    at: Expression | None = None
    otherwise: Quoted | None = Field(default=None, alias="else")
    latest: Expression | None = None
    clock: SnakeKey | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Due:
        if sum(map(bool, (self.within, self.at, self.clock))) != 1:
            raise ValueError(
                "a due time is one of `within:` (a budget), `at:` (a field), `clock:` (a clock of the procedure)"
            )
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
    fills: SectionKeys = ()
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

    @property
    def kind(self) -> Literal["task", "auto", "wait", "end"]:
        if self.end:
            return "end"
        if self.wait:
            return "wait"
        return "task" if self.role else "auto"

    @property
    def is_open_ended(self) -> bool:
        """A token rests here until somebody or something completes it."""
        return self.kind in ("task", "wait")

    def all_outcomes(self) -> dict[str, Outcome]:
        """The outcomes by key; a step that just goes on has one, `done`."""
        if self.outcomes or self.end:
            return self.outcomes
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
        if self.end and (self.role or self.next or self.outcomes or self.does or self.wait):
            raise ValueError("an end has a title and nothing else to do")
        if self.wait and (self.role or self.fills):
            raise ValueError("a wait has no role and fills nothing")
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
    readers: tuple[SnakeKey, ...] = ()
    """Departments that read it, beside the owner's and the rank that sees all."""
    filters: tuple[SnakeKey, ...] = ()
    sort: str = "-number"


class Indicator(Definition):
    title: Text
    counts: Expression
    of: Expression
    target: float | None = None
    unit: Literal["percent", "count"] = "percent"
    at: SnakeKey | None = None


class Statistic(Definition):
    """Cases counted by a field, for the statistics page."""

    title: Text
    by: Expression
    rows: SnakeKey | None = None


class Clause(Definition):
    title: Text
    text: Text
    covers: tuple[Quoted, ...] = ()
    manual: Text | None = None


class Chapter(Definition):
    number: Quoted
    title: Text


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
    related: tuple[KebabKey, ...] = ()
    numbering: SnakeKey | None = None
    customer: Literal["required", "optional"] = "required"
    startable: StrictBool = True
    amount: Expression | None = None
    """What a case is about in money: a deputy with a limit may act up to it."""
    void: RoleText = "head+ of owner"
    reopen: RoleText = "head+ of owner"
    pause: RoleText = "head+ of owner"
    clauses: dict[Quoted, Clause]
    clocks: dict[SnakeKey, Clock] = {}
    steps: dict[KebabKey, Step]
    register_: Register | None = Field(default=None, alias="register")
    indicators: dict[SnakeKey, Indicator] = {}
    statistics: dict[SnakeKey, Statistic] = {}
    form: Form = Field(default=None)  # type: ignore[assignment]  # read from form.yaml beside it

    @property
    def first_step(self) -> str:
        return next(iter(self.steps))

    @cached_property
    def register_fields(self) -> dict[str, FieldDefinition]:
        """The form's fields that the register's columns and filters read; of a table all its columns."""
        if self.register_ is None:
            return {}
        columns = {key: said.value if said and said.value else key for key, said in self.register_.columns.items()}
        expressions = [*columns.values(), *(columns.get(key, key) for key in self.register_.filters)]
        names = sorted({name.partition(".")[0] for expression in expressions for name in parse(expression).names})
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


Right = Literal["people", "absences", "calendar", "channels", "tokens", "customers"]
"""What a company entrusts to positions: its people, other people's absences and deputies, the working calendar, the ways
messages go out, and the keys of other programs."""

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


class Pack(Definition):
    key: SnakeKey
    title: Text
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
