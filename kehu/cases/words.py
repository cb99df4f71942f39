"""The words a case is found by: its number, and the texts that its procedure's register shows. Its customer's words find the
customer, and through him the case (cases/finding.py): another name of his changes one customer, not all his cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, prefetch_related_objects

from kehu.core import finding
from kehu.core.models import Organization
from kehu.core.words import words_of
from kehu.procedures import revisions
from kehu.procedures.models import Revision
from kehu.procedures.packs import Running

from .models import Case, CaseWord

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
    return [text[:LONGEST] for key in searched(running) if isinstance(text := data.get(key), str)]


def enter(cases: Iterable[tuple[Case, list[str]]]) -> None:
    """The cases' words, by their numbers and these texts: one statement, none where nothing is to be entered."""
    finding.enter(CaseWord, ((case, words_of(case.number).union(*map(words_of, texts))) for case, texts in cases))


def index(organization: Organization, now: datetime) -> int:
    """Cases that were there before their words get them, a portion at a time."""
    return finding.index(organization, "cases", Case, _enter_all)


def _enter_all(cases: Sequence[Case]) -> None:
    prefetch_related_objects(cases, Prefetch("revision", Revision.objects.defer("definition")))
    enter((case, texts_of(revisions.running(case.revision), case.data)) for case in cases)
