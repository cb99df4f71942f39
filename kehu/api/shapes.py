"""What several nouns answer alike: names in the reader's language, people, time limits, forms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any

from django.utils.translation import get_language
from ninja import Path, Schema
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from kehu.engine.advance import offered_outcomes
from kehu.engine.definitions import Outcome, Step
from kehu.engine.records import encoded
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.customers.queries import name_of
from kehu.organizations.queries import Person
from kehu.procedures.form_schema import demanded, held, schema_of
from kehu.procedures.forms import YEARS, Filling

ROOT = "/api/v1"


def _within_years(moment: Any) -> Any:
    if moment.year not in YEARS:
        raise PydanticCustomError("date_outside", "outside the calendar")
    return moment.astimezone(UTC) if isinstance(moment, datetime) else moment


def _written(moment: Any) -> Any:
    """As ISO 8601 writes it. Pydantic would take a number, too, for seconds since 1970."""
    if isinstance(moment, str) and _ISO.match(moment):
        return moment
    raise PydanticCustomError("date_parsing", "not written as 2024-03-15")


_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
Moment = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_within_years)]
"""As it comes in, with its zone."""
Day = Annotated[date, BeforeValidator(_written), AfterValidator(_within_years)]
Number = Annotated[str, Path(max_length=60, description="The case's number, as in CP-202403-001.")]
Id = Annotated[int, Path(ge=1, le=2**53)]
Key = Annotated[str, Path(max_length=80)]


class Named(Schema):
    """A key, and what it is called in the reader's language."""

    key: str
    title: str


class Someone(Schema):
    """A member."""

    key: str
    name: str


class OfCustomer(Schema):
    code: str
    name: str


class EndsSo(Schema):
    """A way in which a step may end."""

    key: str
    title: str
    refuses: bool
    is_offered: bool = Field(description="Whether what the form holds now allows it.")
    needs_reason: bool
    required: list[str] = Field(description="The fields still to be filled before it, as things stand.")


class Form(Schema):
    """What a step fills."""

    shape: dict[str, Any] = Field(
        serialization_alias="schema",
        description="JSON Schema (2020-12) of `values`: exactly the fields that this step fills.",
    )
    values: dict[str, Any] = Field(description="What they hold now; what is empty with its default.")
    outcomes: list[EndsSo]


def language() -> str:
    return get_language() or "zh-hans"


def say(text: Any) -> str:
    """A text that stands in both languages: a pack's, or a stored one."""
    if isinstance(text, Mapping):
        return str(text["zh" if language().startswith("zh") else "en"])
    return str(text.in_(language()))


def someone(person: Person) -> Someone:
    return Someone(key=person.key, name=person.called(language()))


def of_customer(customer: Customer | None) -> OfCustomer | None:
    return OfCustomer(code=customer.code, name=name_of(customer, language())) if customer else None


def utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None


def form_of(filling: Filling) -> Form:

    values = held(filling)
    known = {key: value for key, value in values.items() if value is not None}
    after = filling.with_values(known)
    offered = offered_outcomes(filling.step, filling.context(after))
    return Form(
        shape=schema_of(filling, language()),
        values=encoded(values),
        outcomes=[
            _ends_so(filling, key, outcome, key in offered) for key, outcome in filling.step.all_outcomes().items()
        ],
    )


def _ends_so(filling: Filling, key: str, outcome: Outcome, is_offered: bool) -> EndsSo:
    required = demanded(filling, outcome)
    return EndsSo(
        key=key,
        title=say(outcome.title),
        refuses=outcome.refuses,
        is_offered=is_offered,
        needs_reason="reason" in required,
        required=[name for name in required if name != "reason"],
    )


def clauses_of(step: Step) -> list[str]:
    return list(step.clause)
