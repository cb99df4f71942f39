"""Every address of the API, as schemathesis finds it in the OpenAPI document: with what fits and with what does not, nothing breaks,
and every answer is as the document says."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from kehu.api.document import openapi
from kehu.config.wsgi import application
from tests.cast import Telling, to_departments

from .conftest import Program

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 4


def what_does_not_fit_is_refused(ctx: Any, response: Any, case: Any) -> bool | None:
    """An `If-Match` that does not hold refuses too."""
    return None if response.status_code == 412 else negative_data_rejection(ctx, response, case)


@pytest.mark.thorough
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fits", "does not fit"])
def test_every_address_answers_as_the_document_says(mfg: Any, mode: GenerationMode) -> None:
    told = to_departments(Telling(mfg).start(), "quality", "engineering")
    mine = Program(mfg, "general_manager")
    there = {
        "number": told.number,
        "step": "propose-countermeasure",
        "key": "customer-complaint",
        "code": "C0001",
        "id": 1,
    }
    schema = schemathesis.openapi.from_dict(openapi())
    schema.app = application
    checks = [*CHECKS, what_does_not_fit_is_refused] if mode is GenerationMode.NEGATIVE else CHECKS
    count = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if mode is GenerationMode.NEGATIVE and operation.method == "get" and not operation.query:
            continue
        places = {name: there[name] for name in there if "{" + name + "}" in operation.path}

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode, path_parameters=places or None))
        def ask(case: Any) -> None:
            nonlocal count
            count += 1
            with transaction.atomic():
                case.call_and_validate(headers={"Authorization": f"Bearer {mine.secret}"}, checks=checks)
                transaction.set_rollback(True)

        ask()
    assert count > 100


@pytest.fixture(autouse=True)
def _in_the_test_s_transaction() -> Any:
    """As Django's own test client does: the end of a request does not end the test's connection."""
    logging.disable(logging.WARNING)
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)
    logging.disable(logging.NOTSET)
