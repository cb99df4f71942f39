"""What the machine gives at most, measured in the same run: a bare Django view, and the rows of a step written by plain SQL."""

from __future__ import annotations

import os
import threading
import time
from typing import Any


def _step() -> list[str]:
    """The statements of a step, whatever columns this version's tables have."""
    from kehu.cases.models import Assignment, Deadline, Task
    from kehu.core.models import Event, Message

    return [
        "UPDATE cases_task SET reason = %(text)s WHERE id = %(task)s",
        _again(Task, "id = %(task)s", step="%(text)s", state="'canceled'"),
        _again(Assignment, "id = ANY(%(assignments)s)", task_id="currval('cases_task_id_seq')"),
        _again(Deadline, "id = ANY(%(instants)s)", task_id="currval('cases_task_id_seq')", active="false"),
        _again(Event, "id = %(event)s", stream="%(text)s"),
        _again(Message, "id = %(message)s"),
        "UPDATE cases_case SET version = version + 1 WHERE id = %(case)s",
    ]


def _again(model: Any, which: str, **others: str) -> str:
    """The same row once more, but for what is said."""
    columns = [field.column for field in model._meta.concrete_fields if not field.primary_key]
    values = [others.get(column, f'"{column}"') for column in columns]
    names, table = ", ".join(f'"{column}"' for column in columns), model._meta.db_table
    return f"INSERT INTO {table} ({names}) SELECT {', '.join(values)} FROM {table} WHERE {which}"  # noqa: S608


def sql_writes(address: str, places: list[dict[str, Any]], seconds: float) -> float:
    """Steps a second: a transaction with the rows of one, on a connection for each place, everything prepared."""
    import psycopg

    statements = _step()
    end, counts = time.perf_counter() + seconds, [0] * len(places)

    def write(which: int) -> None:
        with psycopg.connect(address, prepare_threshold=1) as connection:
            connection.execute("SELECT set_config('kehu.organization', 'every', false)")
            connection.commit()
            while time.perf_counter() < end:
                counts[which] += 1
                values = {**places[which], "text": f"floor:{os.getpid()}:{which}:{counts[which]}"}
                for statement in statements:
                    connection.execute(statement, values)
                connection.commit()

    threads = [threading.Thread(target=write, args=(which,)) for which in range(len(places))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def application() -> Any:
    """A Django that does nothing: one address, no middleware, no database."""
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse
    from django.urls import path

    settings.configure(
        ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="bench", MIDDLEWARE=[], LOGGING_CONFIG=None
    )
    globals()["urlpatterns"] = [path("", lambda request: HttpResponse("ok"))]
    return get_wsgi_application()


def serve(port: int) -> None:
    from granian.constants import Interfaces
    from granian.server import Server

    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    Server(
        "bench.floor:application", address="127.0.0.1", port=port, interface=Interfaces.WSGI, workers=2, blocking_threads=4,
        websockets=False, factory=True, log_enabled=False,
    ).serve()  # fmt: skip


if __name__ == "__main__":
    import sys

    serve(int(sys.argv[1]))
