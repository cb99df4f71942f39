"""Tables of words, and questions to them that cost the same however many rows have a word.

A row of such a table says: this word finds this case (or customer). The questions read an index in its order and stop after so many
rows. They use only comparisons that PostgreSQL calls leakproof, because behind row-level security no other may use an index: that
is why the words are rows, and not an array or a document of words (docs/decisions/0014).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, models, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from .models import Indexing, Organization
from .rows import insert_lines
from .scope import OrganizationRow, scope
from .words import LENGTH, Asked

LOOKED_THROUGH = 1000
"""Of the rarest word asked for, so many rows, the newest first, are looked at; and of what else narrows a search."""
PORTION, PORTIONS = 1000, 10
"""So many rows get their words in one transaction, and so many times in a worker's turn."""
PAUSE = timedelta(seconds=10)
_LAST = chr(0x10FFFF)


class Word(OrganizationRow):
    """`target` in a subclass names the row that the word finds. Words are added and never taken away: a case or customer is
    also found by what it said before."""

    target: str
    word = models.CharField(max_length=LENGTH)

    class Meta:
        abstract = True


def enter(model: type[Word], words: Iterable[tuple[models.Model, Iterable[str]]]) -> None:
    """The rows' words, those of a step in one statement; those there are already stay. In one order, so that two who enter the same
    only wait."""
    target = f"{model.target}_id"
    lines = [
        {"organization_id": row.organization_id, "word": word, target: row.pk}  # type: ignore[attr-defined]
        for row, found in words
        for word in sorted(found)
    ]
    for start in range(0, len(lines), PORTION):
        insert_lines(model, lines[start : start + PORTION], unless_there=True)


def forget(model: type[Word], words: Iterable[tuple[models.Model, Iterable[str]]]) -> None:
    """Those words of rows that are about to go. One by one, by their key: there is no index from a row to its words."""
    table, target = model._meta.db_table, f"{model.target}_id"
    rows = [(row.organization_id, word, row.pk) for row, found in words for word in found]  # type: ignore[attr-defined]
    text = f"DELETE FROM {table} WHERE organization_id = %s AND word = %s AND {target} = %s"  # noqa: S608  # nosec B608
    with connection.cursor() as cursor:
        cursor.executemany(text, rows)


def having(one: Asked) -> Q:
    return Q(word__gte=one.word, word__lt=one.word + _LAST) if one.begins else Q(word=one.word)


def with_all(rows: QuerySet[Any], model: type[Word], asked: Iterable[Asked]) -> QuerySet[Any]:
    """Those of the rows that have all the words."""
    for one in asked:
        rows = rows.filter(Exists(model.objects.filter(having(one), **{model.target: OuterRef("pk")})))
    return rows


def candidates(rows: QuerySet[Any], model: type[Word], asked: Sequence[Asked]) -> QuerySet[Any]:
    """Rows with all the words, looked for among the newest that have the first; `rarest_first` says which that should be."""
    first, *others = asked
    newest = model.objects.filter(having(first)).order_by("-word", f"-{model.target}")[:LOOKED_THROUGH]
    return with_all(rows.filter(pk__in=newest.values(model.target)), model, others)


def among_few(place: str | F) -> Coalesce:
    """To sort by, where few rows were found by their words: as an expression. By an index of the column PostgreSQL would go through all
    rows in their order, sure to meet enough of the few soon (measured: seven seconds for seven of a million cases)."""
    return Coalesce(place, place)


def rarest_first(*questions: tuple[type[Word], Sequence[Asked]]) -> list[list[Asked]]:
    """For each table the words asked for, those with the fewest rows first. One statement; none where there is nothing to choose."""
    if all(len(asked) < 2 for _model, asked in questions):
        return [list(asked) for _model, asked in questions]
    counted = [
        (table, one, model.objects.filter(having(one)).values("word")[: LOOKED_THROUGH + 1])
        for table, (model, asked) in enumerate(questions)
        for one in asked
    ]
    counts = dict(_each_of([found for _table, _one, found in counted], "count(*)"))
    found: list[list[tuple[int, Asked]]] = [[] for _ in questions]
    for place, (table, one, _rows) in enumerate(counted):
        found[table].append((counts[place], one))
    return [[one for _count, one in sorted(words, key=lambda pair: pair[0])] for words in found]


def together(*questions: QuerySet[Any]) -> list[Any]:
    """The one column of several questions, each with its own limit, in one statement; what more than one finds, once."""
    return list(dict.fromkeys(value for _place, value in _each_of(questions, "*")))


def of_each(question: Callable[[int], QuerySet[Any]], values: Sequence[int]) -> list[Any]:
    """The one column of the same question about each value, with its own limit, in one statement. Written once: Django takes a
    millisecond a question, and an index answers it in a hundredth of that."""
    text, parameters = question(_ANY).query.sql_with_params()
    given = [value if one == _ANY else one for value in values for one in parameters]
    texts = (f"SELECT * FROM ({text}) q{place}" for place in range(len(values)))  # noqa: S608  # nosec B608
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(texts), given)
        return [row[0] for row in cursor.fetchall()]


_ANY = -(2**41)


def counted(questions: Sequence[QuerySet[Any]]) -> list[int]:
    """How many rows each question finds, up to its own limit, in one statement."""
    counts = dict(_each_of(questions, "count(*)"))
    return [counts.get(place, 0) for place in range(len(questions))]


def _each_of(questions: Sequence[QuerySet[Any]], what: str) -> list[tuple[int, Any]]:
    """Django joins limited questions only on PostgreSQL; as tables in a FROM both databases join them."""
    texts: list[str] = []
    values: list[Any] = []
    for place, question in enumerate(questions):
        try:
            text, parameters = question.query.sql_with_params()
        except EmptyResultSet:
            continue
        texts.append(f"SELECT {place}, {what} FROM ({text}) q{place}")  # noqa: S608  # nosec B608
        values += parameters
    if not texts:
        return []
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(texts), values)
        return list(cursor.fetchall())


def compare_by_bytes(table: str) -> Callable[[Any, Any], None]:
    """For the migration that makes a table of words: their order is that of their bytes, whatever language the database sorts in,
    since a search for a beginning is a range of it. SQLite compares so anyhow."""

    def change(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f'ALTER TABLE {table} ALTER COLUMN word TYPE varchar({LENGTH}) COLLATE "C"')

    return change


def indexed(*nouns: str) -> set[str]:
    """Those of the nouns of which all rows have their words, so that what has no word is not there."""
    return set(Indexing.objects.filter(noun__in=nouns, is_done=True).values_list("noun", flat=True))


# --- rows that were there before their words -------------------------------------------------------------------------------


def index(
    organization: Organization,
    noun: str,
    model: type[models.Model],
    enter_all: Callable[[Sequence[Any]], None],
    now: datetime,
) -> int:
    """The next rows get their words, until all have them: after an upgrade, after a restore (words are not in backups), after many
    came at once. Gives how many; killed, it goes on where it was; of several workers one does it."""
    done = 0
    with scope(organization):
        for _turn in range(PORTIONS):
            count = _index_portion(organization, noun, model, enter_all, now)
            done += count
            if not count:
                break
    return done


def came_without(organization: Organization, noun: str, *, behind: int, now: datetime) -> None:
    """Rows with keys behind this one have come in without words, too many to wait for them. They get theirs once no more have come
    for some seconds; until then nobody relies on words. Must run in the transaction that makes them."""
    mark, is_new = Indexing.objects.select_for_update().get_or_create(organization=organization, noun=noun)
    if not is_new:
        mark.below = 0 if mark.is_done else mark.below
        mark.behind = behind if mark.behind is None else min(mark.behind, behind)
    mark.is_done, mark.not_before = False, now + PAUSE
    mark.save(update_fields=["below", "behind", "is_done", "not_before"])


def _index_portion(
    organization: Organization,
    noun: str,
    model: type[models.Model],
    enter_all: Callable[[Sequence[Any]], None],
    now: datetime,
) -> int:
    if Indexing.objects.filter(Q(is_done=True) | Q(not_before__gt=now), noun=noun).exists():
        return 0
    with transaction.atomic():
        Indexing.objects.get_or_create(organization=organization, noun=noun)
        skip = connection.features.has_select_for_update_skip_locked
        mark = Indexing.objects.select_for_update(skip_locked=skip).filter(noun=noun, is_done=False).first()
        if mark is None:
            return 0
        portion = list(_next_rows(model._default_manager.all(), mark))
        enter_all(portion)
        if mark.behind is not None:
            mark.behind = portion[-1].pk if len(portion) == PORTION else None
        else:
            mark.below = portion[-1].pk if len(portion) == PORTION else 0
        mark.is_done = mark.behind is None and mark.below == 0
        mark.save(update_fields=["below", "behind", "is_done"])
        return len(portion)


def _next_rows(rows: QuerySet[Any], mark: Indexing) -> QuerySet[Any]:
    """Of those that came many at once the oldest, so that more may come behind them; of the others the newest."""
    if mark.behind is not None:
        return rows.filter(pk__gt=mark.behind).order_by("pk")[:PORTION]
    return (rows if mark.below is None else rows.filter(pk__lt=mark.below)).order_by("-pk")[:PORTION]
