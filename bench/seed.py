"""Fills a database with cases that cannot be told from real ones, a million in a few minutes.

A few lives are really played, through the same actions as everywhere, and left at different steps. Each is then copied with other
keys, numbers, customers and weeks: all its rows (case, tasks, assignments, instants, events), its times moved by whole weeks, its
chain of events linked and digested anew. Rows go in by COPY, and what guards and finds them is built when they are there. The worker
has been there all the time: the instants of lives that were left open in past weeks have been fired. `kehu verify` finds every chain
whole.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import Counter as Counts
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import accumulate
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import F

from kehu.cases import actions
from kehu.cases import words as case_words
from kehu.cases.models import Assignment, Case, CaseWord, Deadline, Task
from kehu.core import chain
from kehu.core.models import Counter, Event, Indexing, Message, Organization
from kehu.core.scope import scope
from kehu.core.words import words_of
from kehu.ledgers.customers import words as customer_words
from kehu.ledgers.customers.models import Contact, Customer, CustomerWord
from kehu.ledgers.customers.pinyin import initials
from kehu.procedures import revisions

WEEKS = 100
"""The copies lie within these weeks before the lives that were played."""
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MONTH = re.compile(r"(?<![\d-])(\d{4}-\d\d)(?![\d-])")
_CITIES, _TRADES = (
    ["深圳", "东莞", "惠州", "佛山", "苏州", "昆山", "宁波", "青岛", "武汉", "成都"],
    ["电子", "通信", "机械", "医疗", "电源", "照明", "电梯", "汽配", "仪表", "紧固"],
)
_PEOPLE = ["王强", "李敏", "陈思远", "黄雅婷", "周建国", "吴晓燕"]
_SIGNS = "德锐博恒信华海云峰卓天翼新宏蓝津渝蓉光湘秦科中达江北鹿安利扬美嘉广联"


@dataclass
class Life:
    """The rows of one played case as the text that COPY takes, with marks where a copy differs."""

    tables: dict[type, str]
    """Model -> its lines."""
    lines: list[str]
    """What each event's digest covers."""
    month: str
    counts: dict[type, int]
    is_open: bool
    data: str
    """What it holds, as JSON."""


MODELS = (Case, Task, Assignment, Deadline, Event)


def customers(organization: Organization, count: int) -> None:
    """More customers beside the demo's, with names in which two characters find a few hundred."""
    chance = random.Random(7)
    with scope(organization):
        owners = list(Customer.objects.exclude(owner=None).values_list("owner_id", flat=True).distinct())
        new = []
        for number in range(count):
            city, trade, two = chance.choice(_CITIES), chance.choice(_TRADES), "".join(chance.sample(_SIGNS, 2))
            short = f"{two}{trade}"
            new.append(
                Customer(
                    organization=organization,
                    code=f"K{number:06}",
                    name=f"{city}市{short}有限公司",
                    short_name=short,
                    initials=initials(short),
                    owner_id=chance.choice(owners),
                    grade=chance.choice("ABBCCD"),
                )
            )
        for start in range(0, count, 5000):
            made = Customer.objects.bulk_create(new[start : start + 5000])
            Contact.objects.bulk_create(
                Contact(
                    organization=organization, customer=one, name=chance.choice(_PEOPLE), phone=phone(start + place)
                )
                for place, one in enumerate(made)
            )
            for few in range(0, len(made), 500):
                customer_words.enter(made[few : few + 500])


def phone(number: int) -> str:
    """The mobile telephone of that customer's contact, as people write it."""
    return f"13{number * 7919 % 10**9:09}"


Act = tuple[str, str, str, dict[str, Any], str | None]
"""By whom, the step, its row, what is filled, the outcome."""


def lives(organization: Organization, now: datetime) -> tuple[list[Life], list[int]]:
    """Complaints at every step, and how often each is met: of a hundred, ninety are closed, most of them by sales alone."""
    day = now.date() + timedelta(days=5)
    received: Act = ("liang", "", "", _RECEIPT | {"received_at": now - timedelta(minutes=20)}, None)
    alone: list[Act] = [
        received,
        ("lu", "accept-complaint", "", {"help_needed": False, "handler": "zeng"}, "alone"),
        ("zeng", "handle-alone", "", {"measures": "已换货并致歉", "result": "客户满意"}, "satisfied"),
        ("lu", "close-complaint", "", {}, "approve"),
        ("lu", "file-complaint", "", {}, None),
    ]
    action = {"what": "全检在库支架", "who": "wei", "how": "逐件目视加手感检查", "where": "成品仓", "when_done": day}
    sheet: list[Act] = [
        received,
        ("lu", "accept-complaint", "", {"help_needed": True}, "help"),
        ("fang", "fill-sheet", "", {"departments": [{"department": "quality"}]}, "clear"),
        ("lu", "approve-sheet", "", {"tracker": "guo"}, "approve"),
        ("guo", "notify-departments", "", {"notices": [{"department": "quality", "notified_at": now}]}, None),
        (
            "he",
            "propose-countermeasure",
            "quality",
            {
                "state_confirmed": "抽查在库 50 件，毛刺 6 件",
                "talked_by": "wei",
                "talked_with": "何经理",
                "talked_at": now,
                "cause": "折弯模刃口磨损",
                "actions": [action],
                "planned_completion": day,
            },
            "submit",
        ),
        ("luo", "approve-countermeasure", "quality", {}, "approve"),
        ("guo", "distribute-copy", "", {}, None),
        (
            "zeng",
            "reply-customer",
            "",
            {"reply_channel": "email", "reply_to": "何经理", "reply_text": "三天内补换"},
            None,
        ),
        (
            "guo",
            "track-actions",
            "",
            {"tracking": [{"action": action["what"], "actual": now.date(), "state": "done"}]},
            None,
        ),
        ("guo", "confirm-customer", "", {"customer_opinion": "met", "effect_reached": True}, "ok"),
        ("guo", "record-result", "", {"result": "毛刺件已全部换回"}, None),
        ("lu", "close-complaint", "", {}, "approve"),
        ("lu", "file-complaint", "", {}, None),
    ]
    told = [
        (alone, 64),
        (sheet, 26),
        *((alone[:place], 1) for place in (1, 2, 4)),
        *((sheet[:place], 1) for place in range(2, 9)),
    ]
    return [played(organization, acts, now, fired_until=now + timedelta(weeks=WEEKS)) for acts, _weight in told], [
        weight for _acts, weight in told
    ]


def waiting(organization: Organization, now: datetime) -> Life:
    """A complaint that sales handles alone, with sixty days left: its instants lie far ahead."""
    return played(
        organization,
        [
            (
                "liang",
                "",
                "",
                _RECEIPT | {"received_at": now - timedelta(minutes=20), "customer_limit": now + timedelta(days=60)},
                None,
            ),
            ("lu", "accept-complaint", "", {"help_needed": False, "handler": "zeng"}, "alone"),
        ],
        now,
        fired_until=now + timedelta(weeks=3, days=1),
    )


def just_received(organization: Organization, now: datetime) -> Life:
    """A complaint nobody has accepted yet: within the hour a reminder, then its due time."""
    return played(organization, [("liang", "", "", _RECEIPT | {"received_at": now - timedelta(minutes=20)}, None)], now)


_RECEIPT = {
    "channel": "email",
    "product": "HY-2207 支架",
    "kind": "quality",
    "content": "支架折弯处有毛刺，装配时划伤手指",
}


def long_histories(organization: Organization, now: datetime, count: int = 8) -> list[str]:
    """Numbers of complaints that were sent back again and again: thirty entries each."""
    found = []
    with scope(organization):
        for _ in range(count):
            values = _RECEIPT | {"received_at": now - timedelta(minutes=20)}
            case = actions.open_case(
                organization=organization,
                procedure="customer-complaint",
                by="liang",
                now=now,
                customer="C0001",
                values=values,
            )
            who: dict[str, Any] = {"organization": organization, "number": case.number, "now": now}
            for _again in range(14):
                actions.send_back(**who, step="accept-complaint", to="receive-complaint", reason="请补充", by="lu")
                actions.complete(**who, step="receive-complaint", by="liang", values={})
            found.append(case.number)
    return found


def played(
    organization: Organization, acts: Sequence[Act], now: datetime, *, fired_until: datetime | None = None
) -> Life:
    """A life played by the actions, the first of which opens the case; ten minutes between the acts. `fired_until`: its copies lie so
    far back that its instants until then have been fired in all of them."""
    with scope(organization):
        moment, case = now, None
        for by, step, item, values, outcome in acts:
            who: dict[str, Any] = {"organization": organization, "by": by, "now": moment, "values": values}
            if case is None:
                case = actions.open_case(**who, procedure="customer-complaint", customer="C0001")
            else:
                case = actions.complete(**who, number=case.number, step=step, item=item, outcome=outcome)
            moment += timedelta(minutes=10)
        assert case
        Message.objects.filter(case_number=case.number).update(state="sent")
        if fired_until:
            fired = Deadline.objects.filter(case=case, active=True, at__lte=fired_until)
            fired.update(active=False, fired_at=F("at"))
        return _marked(case)


def _marked(case: Case) -> Life:
    """The case's rows as text, with \x01…\x02 around what differs: C (case), N (number), K (customer), T3 (its fourth task), D1 (a digest)."""
    tasks = list(Task.objects.filter(case=case).order_by("pk"))
    events = list(Event.objects.filter(stream=f"case:{case.pk}").order_by("sequence"))
    keys = {Task: [task.pk for task in tasks]}
    marks = {f"\x01T{place}\x02": pk for place, pk in enumerate(keys[Task])}
    by_task = {pk: mark for mark, pk in marks.items()}
    rows: dict[type, list[dict[str, str | None]]] = {Case: _rows(Case, Case.objects.filter(pk=case.pk))}
    rows[Task] = _rows(Task, Task.objects.filter(case=case).order_by("pk"))
    rows[Assignment] = _rows(Assignment, Assignment.objects.filter(task__case=case).order_by("pk"))
    rows[Deadline] = _rows(Deadline, Deadline.objects.filter(case=case).order_by("pk"))
    rows[Event] = _rows(Event, Event.objects.filter(stream=f"case:{case.pk}").order_by("sequence"))
    for model, found in rows.items():
        for place, row in enumerate(found):
            row["id"] = f"\x01{model.__name__[0]}{place}\x02" if model is not Case else "\x01C\x02"
            if "case_id" in row:
                row["case_id"] = "\x01C\x02"
            if row.get("task_id"):
                row["task_id"] = by_task[int(row["task_id"])]  # type: ignore[arg-type]
            if model is Event:
                row["stream"] = "case:\x01C\x02"
                row["digest"], row["previous"] = f"\x01X{place}\x02", f"\x01X{place - 1}\x02" if place else ""
            if model is Case:
                row["customer_id"], row["chain_head"] = "\x01K\x02", f"\x01X{len(events) - 1}\x02"
    tables = {
        model: "".join(
            "\t".join("\\N" if value is None else value for value in row.values()) + "\n" for row in found
        ).replace(case.number, "\x01N\x02")
        for model, found in rows.items()
    }
    lines = []
    for event in events:
        event.stream = "case:\x01C\x02"
        # JSON writes the marks as \\u0001 and \\u0002.
        text = chain.line(event).replace("\\u0001", "\x01").replace("\\u0002", "\x02")
        lines.append(text.replace(case.number, "\x01N\x02"))
    month = f"{case.opened_at.astimezone(ZoneInfo('Asia/Shanghai')):%Y%m}"
    counts = {model: len(found) for model, found in rows.items()}
    return Life(tables, lines, month, counts, case.is_open, json.dumps(case.data))


def _rows(model: type, queryset: Any) -> list[dict[str, str | None]]:
    """Each row as PostgreSQL's COPY writes it."""
    columns = [field.column for field in model._meta.concrete_fields]  # type: ignore[attr-defined]
    sql, parameters = queryset.values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        keys = [row[0] for row in cursor.fetchall()]
        found = []
        quoted = ", ".join(f'"{column}"' for column in columns)
        for key in keys:
            text = f"COPY (SELECT {quoted} FROM {model._meta.db_table} WHERE id = {int(key)}) TO STDOUT"  # type: ignore[attr-defined]  # noqa: S608
            with cursor.cursor.copy(text) as copy:
                line = b"".join(bytes(part) for part in copy).decode().rstrip("\n")
            found.append(
                {
                    column: None if value == "\\N" else value
                    for column, value in zip(columns, line.split("\t"), strict=True)
                }
            )
    return found


# --- copies -----------------------------------------------------------------------------------------------------------


@cache
def _pieces(text: str, weeks: int) -> tuple[str, ...]:
    """The text with its days so many weeks earlier, cut at the marks: plain, mark, plain, mark, …, plain."""
    shift = timedelta(weeks=weeks)

    def earlier(found: re.Match[str]) -> str:
        return f"{datetime.fromisoformat(found[0]) - shift:%Y-%m-%d}"

    # A month alone follows the day it was taken from closely enough: the life's own.
    moved = _DAY.sub(earlier, text)
    months = _MONTH.sub(lambda found: f"{datetime.fromisoformat(found[1] + '-15') - shift:%Y-%m}", moved)
    return tuple(re.split("[\x01\x02]", months))


def _filled(pieces: tuple[str, ...], marks: dict[str, str]) -> str:
    parts = list(pieces)
    parts[1::2] = [marks[mark] for mark in parts[1::2]]
    return "".join(parts)


class Copies:
    """Copies of lives on their way into the database."""

    def __init__(self, organization: Organization, seed: int = 1):
        self.organization, self.chance = organization, random.Random(seed)
        with scope(organization):
            self.customers = list(Customer.objects.values_list("pk", flat=True))
        self.numbers: Counts[str] = Counts()
        self.words: dict[tuple[str, int], frozenset[str]] = {}
        self.next = {model: self._reserve(model) for model in MODELS}
        with scope(organization):
            for series, value in Counter.objects.filter(series__startswith="CP-").values_list("series", "value"):
                self.numbers[series.removeprefix("CP-").removesuffix("-#")] = value

    def _reserve(self, model: Any) -> int:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT coalesce(max(id), 0) + 1 FROM {model._meta.db_table}")  # noqa: S608
            return int(cursor.fetchone()[0])

    def write(
        self, lives: Sequence[Life], weights: Sequence[int], count: int, weeks: tuple[int, int] = (1, WEEKS)
    ) -> None:
        """So many copies, each life by its weight, each some weeks before the played one."""
        totals = list(accumulate(weights))
        for start in range(0, count, 20_000):
            block: dict[type, list[str]] = {model: [] for model in (*MODELS, CaseWord)}
            for life in self.chance.choices(lives, cum_weights=totals, k=min(20_000, count - start)):
                for model, rows in self._copy(life, self.chance.randint(*weeks)):
                    block[model].append(rows)
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT set_config('kehu.organization', 'every', true)")
                for model in MODELS:
                    _copy_in(cursor, model, block[model])
                _copy_in(cursor, CaseWord, block[CaseWord], "word, case_id, organization_id")

    def _copy(self, life: Life, weeks: int) -> Iterator[tuple[type, str]]:
        opened = datetime.strptime(life.month + "15", "%Y%m%d") - timedelta(weeks=weeks)
        month = f"{opened:%Y%m}"
        self.numbers[month] += 1
        marks = {
            "C": str(self.next[Case]),
            "N": f"CP-{month}-{self.numbers[month]:03}",
            "K": str(self.chance.choice(self.customers)),
        }
        for model in MODELS[1:]:
            start = self.next[model]
            marks |= {f"{model.__name__[0]}{place}": str(start + place) for place in range(life.counts[model])}
            self.next[model] = start + life.counts[model]
        self.next[Case] += 1
        previous = ""
        for place, line in enumerate(life.lines):
            covered = _filled(_pieces(line, weeks), marks)
            previous = marks[f"X{place}"] = hashlib.sha256(f"{previous}\n{covered}".encode()).hexdigest()
        for model, rows in life.tables.items():
            yield model, _filled(_pieces(rows, weeks), marks)
        found = self._words(life.data, weeks) | words_of(marks["N"])
        yield CaseWord, "".join(f"{word}\t{marks['C']}\t{self.organization.pk}\n" for word in found)

    def _words(self, data: str, weeks: int) -> frozenset[str]:
        """What a copy is found by, but for its number."""
        if (data, weeks) not in self.words:
            running = revisions.procedures_of(self.organization)["customer-complaint"]
            texts = case_words.texts_of(running, json.loads("".join(_pieces(data, weeks))))
            self.words[data, weeks] = frozenset().union(*map(case_words.words_in, texts))
        return self.words[data, weeks]

    def finish(self) -> None:
        """Numbers and keys go on behind the copies; all have their words and marks."""
        with scope(self.organization), connection.cursor() as cursor:
            marks = [case_words.marks_noun(one) for one in revisions.procedures_of(self.organization).values()]
            for noun in (case_words.NOUN, customer_words.NOUN, *marks):
                Indexing.objects.update_or_create(organization=self.organization, noun=noun, defaults={"is_done": True})
            for month, value in self.numbers.items():
                Counter.objects.update_or_create(
                    organization=self.organization, series=f"CP-{month}-#", defaults={"value": value}
                )
            for model in MODELS:
                table = model._meta.db_table
                cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {self.next[model]})")


@contextmanager
def bare() -> Iterator[None]:
    """The tables without indexes (but for the keys) and without references: rows come in several times as fast. At the end all is
    built again as it was, and the planner is told."""
    tables = [f"'{model._meta.db_table}'::regclass" for model in (*MODELS, Customer, CaseWord)]
    those = f"({', '.join(tables)})"
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE NONE")  # COPY goes past row-level security
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET maintenance_work_mem = '512MB'")
        cursor.execute(
            "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint "
            f"WHERE conrelid IN {those} AND (contype IN ('f', 'u') OR conrelid = '{CaseWord._meta.db_table}'::regclass) "  # noqa: S608
            "ORDER BY contype DESC"
        )
        constraints = cursor.fetchall()
        for table, name, _definition in constraints:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        cursor.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
            f"WHERE indrelid IN {those} AND NOT indisprimary"  # noqa: S608
        )
        indexes = cursor.fetchall()
        for name, _definition in indexes:
            cursor.execute(f"DROP INDEX {name}")
    yield
    with connection.cursor() as cursor:
        for _name, definition in indexes:
            cursor.execute(definition)
        for table, name, definition in constraints:
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
        for model in (*MODELS, Customer, Contact, CaseWord, CustomerWord):
            cursor.execute(f"VACUUM ANALYZE {model._meta.db_table}")  # type: ignore[attr-defined]
        cursor.execute("RESET ROLE")


def broken(organization: Organization, count: int = 200) -> list[str]:
    """Of so many cases, those whose chain of events does not hold."""
    with scope(organization):
        newest = Case.objects.latest("pk").pk
        cases = Case.objects.filter(pk__in=random.Random(3).sample(range(1, newest + 1), min(count, newest)))
        return [
            case.number
            for case in cases
            if chain.first_broken(Event.objects.filter(stream=f"case:{case.pk}").order_by("sequence"), case.chain_head)
        ]


def _copy_in(cursor: CursorWrapper, model: Any, lines: list[str], columns: str = "") -> None:
    columns = columns or ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields)
    with cursor.cursor.copy(f"COPY {model._meta.db_table} ({columns}) FROM STDIN") as copy:  # type: ignore[attr-defined]
        copy.write("".join(lines))
