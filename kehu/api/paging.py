"""Lists in portions: where the next one begins is told by the last row itself, so rows that come in between neither repeat nor hide any."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Annotated, Any

from django.utils.translation import gettext as _
from ninja import Query
from pydantic import Field

from kehu.core.refusals import BadData, Finding
from kehu.procedures.forms import YEARS

Limit = Annotated[int, Query(50, ge=1, le=200, description="How many rows; 50 if nothing is said.")]
Cursor = Annotated[
    str, Query("", max_length=400, description="Where to go on: `next` of the portion before. Empty for the beginning.")
]
Next = Annotated[str | None, Field(description="The cursor of what follows; null at the end.")]


def cursor_of(*place: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def place_of(cursor: str, *types: type) -> list[Any] | None:
    """What a cursor says; None for the beginning. One that is not of ours is refused."""
    if not cursor:
        return None
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if isinstance(place, list) and len(place) == len(types):
            return [_read(value, kind) for value, kind in zip(place, types, strict=True)]
    except (ValueError, binascii.Error, RecursionError):
        pass
    raise BadData([Finding("cursor", _("This cursor is none of this list’s. Begin again without one."))])


def _read(value: Any, kind: type) -> Any:
    if kind is datetime and isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo and moment.year in YEARS:
            return moment
    elif (
        kind is int
        and type(value) is int
        and abs(value) < 2**53
        or kind is str
        and isinstance(value, str)
        and "\0" not in value
    ):
        return value
    raise ValueError
