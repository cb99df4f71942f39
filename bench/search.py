"""How long a search takes among a million cases and two hundred thousand customers.

`python -m bench.search [--cases N] [--keep]` makes a database of its own on KEHU_BENCH_POSTGRES, fills it (cases by SQL, without tasks:
a search reads none but those of the lines it shows), lets the worker's job index everything, and asks for whole pages.
"""

from __future__ import annotations

import argparse
import getpass
import json
import logging
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

NAME = f"kehu_search_{os.getpid()}"
SERVER = os.environ.get("KEHU_BENCH_POSTGRES", f"postgresql://{getpass.getuser()}@127.0.0.1:5432/postgres")
ROLE = "kehu_bench"
SEARCHES = (
    "德锐", "锐德电子", "深圳", "有限公司", "drdz", "dz", "K00012", "K0", "CP-2024", "CP-202403-00012", "00012", "支架", "支架 2207",
    "毛刺超差", "HY-2207", "hy", "端子 深圳", "无此词语", "zzzz", "0755", "5550101", "卓天照明", "co ltd", "20", "轴套 K000123",
)  # fmt: skip
PEOPLE = ("lu", "he", "liang")
"""One who reads every register, one of quality, one of sales."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.search", description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=4, help="how often each search is asked, by each of the people")
    parser.add_argument("--keep", action="store_true", help="leave the database, for looking at it")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    _on_server(f"CREATE DATABASE {NAME} OWNER {ROLE}", first=True)
    try:
        with tempfile.TemporaryDirectory() as var:
            os.environ |= {
                "KEHU_DATABASE_URL": urlsplit(SERVER)._replace(path=f"/{NAME}").geturl(),
                "KEHU_VAR": var,
                "KEHU_DEMO": "1",
            }
            found = _measured(given.cases, given.rounds)
    finally:
        if not given.keep:
            _on_server(f"DROP DATABASE {NAME} WITH (FORCE)")
    for key, value in found.items():
        print(f"{key:24}{value:>12,}")
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


def _on_server(statement: str, *, first: bool = False) -> None:
    with psycopg.connect(SERVER, autocommit=True) as connection:
        if first:  # no superuser: row-level security must bind whoever is measured
            connection.execute(
                f"DO $$ BEGIN CREATE ROLE {ROLE}; EXCEPTION WHEN duplicate_object THEN NULL; END $$"  # type: ignore[arg-type]
            )
        connection.execute(statement)  # type: ignore[call-overload]


def _measured(cases: int, rounds: int) -> dict[str, float]:
    from kehu.cli import setting_up

    setting_up.django()
    from django.conf import settings
    from django.db import connection

    settings.ALLOWED_HOSTS = ["*"]
    settings.DATABASES["default"].setdefault("OPTIONS", {})["options"] = f"-c role={ROLE}"
    connection.settings_dict["OPTIONS"] = settings.DATABASES["default"]["OPTIONS"]
    setting_up.tables()
    setting_up.static_files()
    logging.disable(logging.INFO)
    from kehu.cases import words as case_words
    from kehu.cli.demo import make_demo
    from kehu.core import clock
    from kehu.core.models import Organization
    from kehu.core.scope import every_organization
    from kehu.ledgers.customers import words as customer_words

    make_demo(stories=False)
    with every_organization():
        organization = Organization.objects.get(key="mfg")
    now = clock.now(organization)
    _fill(organization, cases)
    start = time.perf_counter()
    done = case_words.index(organization, now) + customer_words.index(organization, now)
    found = {"indexed_rows_per_s": round(done / (time.perf_counter() - start), 1)}
    while customer_words.index(organization, now):
        pass
    _words(organization)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute(
            "SELECT (pg_total_relation_size('cases_caseword') + pg_total_relation_size('customers_customerword')) / 1048576"
        )
        found["index_mb"] = cursor.fetchone()[0]
    took = _asked(organization.key, rounds)
    every = sorted(one for times in took.values() for one in times)
    for text, times in sorted(took.items(), key=lambda pair: -max(pair[1]))[:6]:
        print(f"  {text:20} at most {max(times) * 1000:6.1f} ms", file=sys.stderr)
    found["search_p50_ms"] = round(statistics.median(every) * 1000, 1)
    found["search_p95_ms"] = round(statistics.quantiles(every, n=20)[-1] * 1000, 1)
    return found


def _fill(organization: Any, cases: int) -> None:
    from django.db import connection

    from kehu.core.scope import scope
    from kehu.ledgers.customers.models import Customer
    from kehu.ledgers.customers.pinyin import initials
    from kehu.procedures.models import Procedure

    chance = random.Random(7)
    cities, trades = (
        ["深圳", "东莞", "惠州", "佛山", "苏州", "昆山", "宁波", "青岛", "武汉", "成都"],
        ["电子", "通信", "机械", "医疗", "电源", "照明", "电梯", "汽配"],
    )
    signs = "德锐博恒信华海云峰卓天翼新宏蓝津渝蓉光湘秦科中达江北鹿安利扬美嘉广联"
    with scope(organization):
        new = []
        for number in range(cases // 5):
            short = "".join(chance.sample(signs, 2)) + chance.choice(trades)
            name = f"{chance.choice(cities)}市{short}有限公司"
            new.append(
                Customer(
                    organization=organization,
                    code=f"K{number:06}",
                    name=name,
                    short_name=short,
                    initials=initials(short),
                )
            )
        Customer.objects.bulk_create(new, batch_size=5000)
        procedure = Procedure.objects.get(key="customer-complaint")
        with connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO cases_case (organization_id, procedure_id, revision_id, number, customer_id, status, round, version, data,
                    opened_at, changed_at, pauses, events, chain_head, parent_step)
                SELECT %(organization)s, %(procedure)s, %(revision)s,
                    'CP-' || to_char(timestamp '2020-01-01' + n * interval '3 minutes', 'YYYYMM') || '-' || lpad((n %% 99999)::text, 5, '0'),
                    customers.first + (n::bigint * 7919) %% customers.count, CASE WHEN n %% 10 = 0 THEN 'open' ELSE 'closed' END, 1, 1,
                    jsonb_build_object('product', 'HY-' || (1000 + n %% 4000) || ' ' || (ARRAY['支架','端子','轴套','弹片','毛刺超差件'])[1 + n %% 5]),
                    timestamptz '2020-01-01' + n * interval '3 minutes', now(), 0, 0, '', ''
                FROM generate_series(1, %(cases)s) n,
                    (SELECT min(id) AS first, count(*) AS count FROM customers_customer WHERE code LIKE 'K%%') customers
                """,
                {
                    "organization": organization.pk,
                    "procedure": procedure.pk,
                    "revision": procedure.current_id,
                    "cases": cases,
                },
            )
            cursor.execute("UPDATE core_indexing SET is_done = false, below = NULL")


def _words(organization: Any) -> None:
    """The words of all cases, as the job would enter them, in one statement."""
    from django.db import connection

    from kehu.cases.models import Case
    from kehu.core.scope import scope
    from kehu.core.words import words_of

    by_sql = """
        SELECT DISTINCT word, cases.id FROM cases_case cases,
            LATERAL (SELECT cases.data ->> 'product' AS product) products,
            LATERAL unnest(ARRAY[lower(replace(number, '-', '')), replace(substr(number, 4), '-', ''), substr(number, 11),
                'hy' || substr(product, 4, 4), substr(product, 4, 4)] ||
                ARRAY(SELECT substr(product, n, 2) FROM generate_series(9, length(product) - 1) n)) word
        WHERE cases.organization_id = %s"""
    with scope(organization), connection.cursor() as cursor:
        sample = Case.objects.order_by("-pk")[0]
        cursor.execute(f"SELECT word FROM ({by_sql}) words WHERE id = %s", [organization.pk, sample.pk])
        if {word for (word,) in cursor.fetchall()} != words_of(sample.number) | words_of(sample.data["product"]):
            raise RuntimeError("the words made by SQL are others than Kehu's")
        cursor.execute(
            f"INSERT INTO cases_caseword (word, case_id, organization_id) SELECT word, id, %s FROM ({by_sql}) words ON CONFLICT DO NOTHING",
            [organization.pk, organization.pk],
        )


def _asked(organization: str, rounds: int) -> dict[str, list[float]]:
    from django.test import Client

    found: dict[str, list[float]] = {}
    misses: set[str] = set()
    for person in PEOPLE:
        browser = Client()
        browser.post("/sign-in/", {"organization": organization, "person": person})
        browser.get("/search/", {"q": "CP"})
        for turn in range(rounds):
            for text in SEARCHES:
                start = time.perf_counter()
                answer = browser.get("/search/", {"q": text}, headers={"HX-Request": "true"} if turn % 2 else {})
                found.setdefault(text, []).append(time.perf_counter() - start)
                if answer.status_code != 200:
                    raise RuntimeError(f"{text}: {answer.status_code}")
                if b"found-none" in answer.content:
                    misses.add(text)
    print("  nothing found by:", *sorted(misses), file=sys.stderr)
    return found


if __name__ == "__main__":
    sys.exit(main())
