"""The words a case is found by: its number, and the texts that its procedure's register shows. Its customer's words find the
customer, and through him the case (cases/finding.py): another name of his changes one customer, not all his cases.

Beside them stand marks, by which a register is narrowed: a word for what is chosen in a field that the register shows or filters by,
for a day's month. A mark is never taken away either, so it only says where to look; what the case says now decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from hashlib import blake2b
from typing import Any

from django.db.models import Prefetch, QuerySet, prefetch_related_objects

from kehu.core import finding
from kehu.core.models import Organization
from kehu.core.words import LENGTH, Asked, words_of
from kehu.engine.definitions import FieldDefinition
from kehu.procedures import revisions
from kehu.procedures.models import Procedure, Revision
from kehu.procedures.packs import Running

from .models import Case, CaseWord

NOUN = "cases"
LONGEST = 200
"""Of a text, so many characters are searched for; its beginning says what it is about."""
_TEXTS = ("text", "longtext")


def searched(running: Running) -> list[str]:
    """The fields whose texts find a case: those in the register that somebody types."""
    register = running.procedure.register_
    columns = register.columns if register else {}
    shown = [column.value if column and column.value else key for key, column in columns.items()]
    form = running.procedure.form
    return [key for key in shown if (field := form.field(key)) and field.type in _TEXTS]


def texts_of(running: Running, data: Mapping[str, Any]) -> list[str]:
    """What the case is found by: its texts, and its marks."""
    texts = [text[:LONGEST] for key in searched(running) if isinstance(text := data.get(key), str)]
    return [*texts, *sorted(_marks(running, data))]


def enter(cases: Iterable[tuple[Case, list[str]]]) -> None:
    """The words of these texts find the cases: one statement, none where nothing is to be entered."""
    finding.enter(CaseWord, ((case, set[str]().union(*map(words_in, texts))) for case, texts in cases))


def words_in(text: str) -> set[str]:
    """Of one of `texts_of`."""
    return {text[:LENGTH]} if text.startswith(_MARK) else words_of(text)


def having(asked: Iterable[Asked]) -> QuerySet[Any]:
    """The keys of the cases with all these words."""
    first, *others = asked
    found = CaseWord.objects.filter(finding.having(first))
    for one in others:
        found = found.filter(case__in=CaseWord.objects.filter(finding.having(one)).values("case"))
    return found.values("case")


# --- marks ----------------------------------------------------------------------------------------------------------------

_MARK = "\x1f"
_CHOSEN = ("choice", "choices", "user", "department", "customer")
_DAYS = ("date", "datetime")


def marked(running: Running) -> dict[str, FieldDefinition]:
    """The fields whose values are marked: those that the register reads, where they are chosen, or days."""
    fields = running.procedure.register_fields
    return {name: field for name, field in fields.items() if field.type in (*_CHOSEN, *_DAYS, "rows")}


def mark(procedure: str, field: str, value: str) -> str:
    """The word of those cases in which the field says that; of a day its month is enough (`2024-03`)."""
    return _MARK + blake2b(f"{procedure}/{field}={value}".encode(), digest_size=8).hexdigest()


def _marks(running: Running, data: Mapping[str, Any]) -> set[str]:
    key = running.procedure.key
    return {
        mark(key, name, value)
        for name, field in marked(running).items()
        for value in _values(field, data.get(name))
        if value
    }


def _values(field: FieldDefinition, value: Any) -> Iterator[str]:
    if field.type == "rows":
        for row in value or []:
            for name, column in field.columns.items():
                yield from _values(column, row.get(name)) if column.type in _CHOSEN else ()
    elif isinstance(value, list):
        yield from (one for one in value if isinstance(one, str))
    elif isinstance(value, str):
        yield value[:7] if field.type in _DAYS else value


def marks_noun(running: Running) -> str:
    """What `Indexing` calls the marks of this procedure: another name as soon as other fields are marked."""
    words = [running.procedure.key, *(f"{name} {field.type}" for name, field in sorted(marked(running).items()))]
    return f"marks {blake2b(' '.join(words).encode(), digest_size=8).hexdigest()}"


# --- cases that were there before their words -----------------------------------------------------------------------------


def index(organization: Organization, now: datetime) -> int:
    """Cases that were there before their words get them, a portion at a time."""
    return finding.index(organization, NOUN, Case, _enter_all, now)


def index_marks(organization: Organization, now: datetime) -> int:
    """The same of the marks, procedure by procedure: also when a revision's register reads other fields."""
    registers = [running for running in revisions.procedures_of(organization).values() if marked(running)]
    return sum(
        finding.index(organization, marks_noun(running), Case, partial(_enter_marks, running), now)
        for running in registers
    )


def _enter_marks(running: Running, cases: Sequence[Case]) -> None:
    of_it = set(Procedure.objects.filter(key=running.procedure.key).values_list("pk", flat=True))
    finding.enter(CaseWord, ((case, _marks(running, case.data)) for case in cases if case.procedure_id in of_it))


def _enter_all(cases: Sequence[Case]) -> None:
    prefetch_related_objects(cases, Prefetch("revision", Revision.objects.defer("definition")))
    enter((case, [case.number, *texts_of(revisions.running(case.revision), case.data)]) for case in cases)
