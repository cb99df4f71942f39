"""How the log is written: a line of words, or of JSON. Neither says anything personal, not even where something breaks.

An error's own sentence may quote what was typed or stored (a database names the row it refused), and so may a request's path; the
log has the error's kind and the places in the code it went through.
"""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any

_QUOTING = ("django.request", "django.security", "django.server")


def _where(record: logging.LogRecord) -> list[str]:
    if not record.exc_info or not record.exc_info[1]:
        return []
    lines, error = [], record.exc_info[1]
    seen: set[int] = set()
    following: BaseException | None = error
    while following and id(following) not in seen:
        seen.add(id(following))
        frames = traceback.extract_tb(following.__traceback__)
        lines += [f"{type(following).__module__}.{type(following).__qualname__}"]
        lines += [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        following = following.__cause__ or following.__context__
    return lines


def _message(record: logging.LogRecord) -> str:
    text = record.getMessage()
    return text.partition(":")[0] if record.name.startswith(_QUOTING) else text


class Words(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).strftime("%Y-%m-%d %H:%M:%S")
        facts = getattr(record, "facts", {})
        said = " ".join(f"{name}={value}" for name, value in facts.items() if value is not None)
        first = f"{at} {record.levelname} {record.name}: {_message(record)} {said}".rstrip()
        return "\n".join([first, *_where(record)])


class Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
            **{name: value for name, value in getattr(record, "facts", {}).items() if value is not None},
        }
        if where := _where(record):
            line["error"] = where
        return json.dumps(line, ensure_ascii=False, default=str)
