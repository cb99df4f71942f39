"""A step's JSON Schema and `accept`, the one validation of every door, say the same."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import jsonschema_rs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.generation.jsonschema.builder import build
from schemathesis.specs.openapi.formats import get_default_format_strategies

from kehu.cases.filling import filling_of
from kehu.cases.folder import Folder
from kehu.cases.models import Case
from kehu.cases.work import Work
from kehu.core.refusals import BadData
from kehu.engine.records import encoded
from kehu.organizations.queries import directory
from kehu.procedures.form_schema import schema_of
from kehu.procedures.forms import Filling, accept
from kehu.procedures.revisions import in_force, procedures_of, running
from tests.cast import FRIDAY

FORMATS = {**get_default_format_strategies(), "decimal": st.from_regex(r"\A[0-9]{1,6}\Z")}


def fillings(organization: Any) -> Iterator[tuple[str, Filling]]:
    """Every step of every procedure that fills anything, in an empty case."""
    people = directory(organization, FRIDAY.date())
    work = Work(organization, people.people["general_manager"], FRIDAY)
    for key, written in in_force(organization).items():
        assert written.current
        case = Case(organization=organization, opened_at=FRIDAY, revision=written.current)
        folder = Folder(work, case, running(written.current), [])
        for step, definition in procedures_of(organization)[key].procedure.steps.items():
            if definition.kind == "task" and definition.fills:
                yield f"{key}/{step}", filling_of(folder, step)


def findings(filling: Filling, values: dict[str, Any]) -> list[str]:
    filling.findings.clear()
    try:
        accept(filling, values, None)
    except BadData as refusal:
        return [f"{finding.path}: {finding}" for finding in refusal.findings]
    return []


def no_double_keys(schema: dict[str, Any], values: dict[str, Any]) -> bool:
    """What only `x-unique`, `x-refers-to` and `x-range` (of a number written as text) say: no schema can."""
    for key, shape in schema["properties"].items():
        if (limits := shape.get("x-range")) and isinstance(values.get(key), str):
            least, most = (None if limit is None else Decimal(str(limit)) for limit in limits)
            number = Decimal(values[key])
            if (least is not None and number < least) or (most is not None and number > most):
                return False
        if shape.get("x-refers-to") and values.get(key):
            return False
        rows = values.get(key) or []
        if (column := shape.get("x-unique")) and isinstance(rows, list):
            names = [str(row.get(column)).strip() for row in rows if row.get(column)]
            if len(names) != len(set(names)):
                return False
    return True


def admitted(place: str, filling: Filling) -> int:
    """Tries values that the step's schema admits; gives how many."""
    schema, tried = schema_of(filling, "en"), 0
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)

    @settings(max_examples=8, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(values=build(schema, draft=jsonschema_rs.Draft202012, formats=FORMATS))
    def admit(values: dict[str, Any]) -> None:
        nonlocal tried
        if no_double_keys(schema, values):
            tried += 1
            assert findings(filling, values) == [], place
            kept = encoded(accept(filling, values, None))
            assert [str(error) for error in validator.iter_errors(kept)] == [], place

    admit()
    return tried


def test_what_the_schema_admits_is_accepted_and_kept_in_a_form_that_it_admits(mfg: Any) -> None:
    tried = 0
    for place, filling in fillings(mfg):
        filling.has_customer = lambda code: True
        tried += admitted(place, filling)
    assert tried > 100


def test_what_no_field_of_the_step_takes_is_refused_by_both(mfg: Any) -> None:
    for place, filling in fillings(mfg):
        schema = schema_of(filling, "en")
        validator = jsonschema_rs.Draft202012Validator(schema)
        fields = {key: definition for _s, _x, key, definition in filling.fields()}
        wrong: dict[str, Any] = {"no_such_field": "x"}
        wrong |= {key: "x" for key, definition in fields.items() if not definition.is_typed_in}
        wrong |= {
            key: {"nested": []}
            for key, definition in fields.items()
            if definition.is_typed_in and definition.type not in ("user", "department", "customer")
        }
        for key, value in wrong.items():
            assert not validator.is_valid({key: value}), f"{place}: {key}"
            assert findings(filling, {key: value}), f"{place}: {key}"
