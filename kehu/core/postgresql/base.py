"""PostgreSQL, told with every statement for which organization it is asked.

The wall (core/wall.py) reads a setting of the session. This connection knows what it last said, and says it again only where a
statement concerns the wall and the scope is another: in a company that is alone in its installation, once a connection. What was said
inside a transaction is gone when that is rolled back, and nobody knows what a connection out of a pool was told before; after both it is said anew.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import BaseTzLoader


class Moments(BaseTzLoader):
    """Moments as Python itself reads them: Django's own loader takes ten times as long, and a list of fifty lines holds hundreds."""

    timezone = UTC

    def load(self, data: Any) -> datetime:
        return datetime.fromisoformat(bytes(data).decode()).astimezone(UTC)


class DatabaseWrapper(base.DatabaseWrapper):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._said: str | None = None
        self.execute_wrappers.append(self._say_for_whom)

    def _say_for_whom(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        from kehu.core import scope, wall  # late: models, while they are made, already ask for their connection

        speaking = scope.spoken_for()
        if speaking != self._said and wall.concerns(str(sql)):
            with self.cursor() as cursor:
                cursor.execute(f"SELECT set_config('{wall.SETTING}', %s, false)", [speaking])
            self._said = speaking
        return execute(sql, params, many, context)

    def connect(self) -> None:
        self._said = None
        super().connect()

    def init_connection_state(self) -> None:
        """Without compiling statements: a page's are answered sooner than they are compiled (measured: 0.2 to 0.5 s lost for one over a
        million cases that PostgreSQL thought expensive). Days and moments come in ISO form, whatever the server's own is. What is long (a
        statement's lines, a procedure) is packed by LZ4 where the server has it: in half the time."""
        super().init_connection_state()
        self.connection.adapters.register_loader("timestamptz", Moments)
        with self.connection.cursor() as cursor:
            cursor.execute("SET jit = off")
            cursor.execute("SET datestyle = 'ISO'")
            cursor.execute(
                "SELECT set_config(name, 'lz4', false) FROM pg_settings"
                " WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)"
            )

    def is_usable(self) -> bool:
        """Asked before each request. A connection that the server has closed has something to be read: its end. Where nothing is, the
        question that Django would send, and wait for, is not sent."""
        if self.connection is None or self.connection.closed:
            return False
        readable, _, _ = select.select([self.connection.fileno()], [], [], 0)
        return not readable or bool(super().is_usable())

    def _rollback(self) -> None:
        self._said = None
        super()._rollback()  # type: ignore[misc]

    def _savepoint_rollback(self, sid: str) -> None:
        self._said = None
        super()._savepoint_rollback(sid)  # type: ignore[misc]
