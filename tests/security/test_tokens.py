"""Every operation of the API, with every kind of token: nobody reads or changes what is not his to read or change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client

from kehu.core import clock
from kehu.core.models import Organization, User
from kehu.organizations import tokens
from kehu.organizations.actions import changed
from kehu.organizations.models import AccessToken, Member
from kehu.organizations.tokens import SCOPES
from tests.api.conftest import Program
from tests.cast import Telling, sign_in, to_departments, witnesses

from .asking import Operation, as_it_stands, contents, operations

MARKS = ("毛刺超差", "讯捷")
OPERATIONS = operations()
POSITIONS = witnesses()


@pytest.fixture
def deep(mfg: Organization, settings: Any, tmp_path: Any) -> Telling:
    settings.MEDIA_ROOT = tmp_path
    return to_departments(Telling(mfg).start(), "quality", "engineering")


def places(telling: Telling) -> dict[str, Any]:
    return {
        "number": telling.number,
        "step": "propose-countermeasure",
        "item": "quality",
        "key": "customer-complaint",
        "code": "C0001",
        "id": 1,
    }


def ask(operation: Operation, telling: Telling, secret: str | None, body: Any = None) -> Any:
    cache.clear()  # who tries many tokens is held up; not what is looked at here
    return operation.ask(Client(), places(telling), secret, body)


def said(answer: Any) -> str:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return str(content, "utf-8", "replace")


def test_the_walk_goes_everywhere() -> None:
    assert len(OPERATIONS) > 40
    assert {operation.scope for operation in OPERATIONS} == set(SCOPES)
    bodiless = [operation.path for operation in OPERATIONS if operation.body is None and operation.method != "GET"]
    assert [path for path in bodiless if not path.endswith("/withdrawal")] == []


# --- tokens that open nothing -----------------------------------------------------------------------------------------


def _expired(organization: Organization, mine: Program) -> None:
    AccessToken.objects.filter(pk=mine.token.pk).update(expires_at=clock.now(organization) - timedelta(seconds=1))


def _revoked(organization: Organization, mine: Program) -> None:
    tokens.revoke(organization=organization, token=mine.token.pk, by="general_manager", now=clock.now(organization))


def _of_a_leaver(organization: Organization, mine: Program) -> None:
    Member.objects.filter(key="general_manager").update(left_on="2024-01-01")
    changed(organization)


def _of_a_closed_user(organization: Organization, mine: Program) -> None:
    User.objects.update(is_active=False)


STOPPED: dict[str, Callable[[Organization, Program], None]] = {
    "expired": _expired,
    "revoked": _revoked,
    "of a leaver": _of_a_leaver,
    "of a user who is switched off": _of_a_closed_user,
}


def opens_nothing(telling: Telling, secret: str | None) -> None:
    before = contents()
    for operation in OPERATIONS:
        answer = ask(operation, telling, secret)
        assert answer.status_code == 401, f"{operation}: {answer.status_code}"
        assert not any(mark in said(answer) for mark in MARKS), str(operation)
    assert contents() == before


@pytest.mark.parametrize("how", STOPPED)
def test_a_token_that_is_stopped_opens_nothing(deep: Telling, how: str) -> None:
    sign_in(Client(), deep.organization, "general_manager")
    mine = Program(deep.organization, "general_manager")
    assert mine.get(f"/cases/{deep.number}").status_code == 200
    STOPPED[how](deep.organization, mine)

    opens_nothing(deep, f"Bearer {mine.secret}")


NO_TOKENS = [None, "", "Bearer", "Bearer ", "Bearer kehu_", "Bearer kehu_' OR 1=1", "Basic a2VodTprZWh1", "kehu_x"]
NO_TOKENS += ["Bearer kehu_" + "a" * 9000, "bearer \x00", "Bearer kehu_客户"]


def test_what_is_no_token_opens_nothing(deep: Telling) -> None:
    for secret in NO_TOKENS:
        opens_nothing(deep, secret)


def test_another_company_s_general_manager_reads_and_changes_nothing_of_ours(deep: Telling, stranger: Any) -> None:
    theirs = Program(stranger, "general_manager")
    before = contents(deep.organization)

    for operation in OPERATIONS:
        answer = ask(operation, deep, f"Bearer {theirs.secret}")
        assert answer.status_code < 500, f"{operation}: {answer.status_code}"
        if operation.is_of_a_case:
            assert answer.status_code in (404, 422), f"{operation}: {answer.status_code}"
        if "customers" not in operation.path:  # it has a customer of that code and name itself
            assert not any(mark in said(answer) for mark in MARKS), str(operation)
    assert contents(deep.organization) == before


def test_a_token_does_nothing_beyond_its_scope(deep: Telling) -> None:
    mine = {held: Program(deep.organization, "general_manager", [held]) for held in SCOPES}
    for program in mine.values():
        program.get("/cases")  # notes the day of its use
    before = contents()

    for held, program in mine.items():
        for operation in OPERATIONS:
            if operation.scope == held:
                continue
            answer = ask(operation, deep, f"Bearer {program.secret}")
            assert (answer.status_code, answer.json()["code"]) == (403, "token.scope_missing"), str(operation)
    assert contents() == before


# --- every position ---------------------------------------------------------------------------------------------------


def body_of(operation: Operation) -> Any:
    """What fits the document, with what would fit this case where it names such a thing."""
    likely = {"outcome": "submit", "reason": "x", "to": "fill-sheet", "values": {}, "member": "sales_rep"}
    return operation.body and operation.body | {name: likely[name] for name in likely if name in operation.body}


@pytest.mark.thorough
def test_no_position_does_by_token_what_it_is_not_offered(deep: Telling) -> None:
    before = as_it_stands(deep)
    readers = set()
    for position in POSITIONS:
        mine = Program(deep.organization, position)
        case = mine.get(f"/cases/{deep.number}")
        may_read = case.status_code == 200
        if may_read:
            readers.add(position)
        offered = _offered(case.json()) if may_read else set()
        for operation in OPERATIONS:
            may_write = operation.path.format(**places(deep)) in offered or (
                may_read and "/attachments" in operation.path
            )
            with transaction.atomic():
                answer = ask(operation, deep, f"Bearer {mine.secret}", body_of(operation))
                where = f"{position}: {operation}: {answer.status_code}"
                assert answer.status_code < 500, where
                if not may_read:
                    assert "毛刺超差" not in said(answer), where
                    assert not operation.is_of_a_case or answer.status_code in (403, 404, 422), where
                if not may_write and operation.method != "GET":
                    assert as_it_stands(deep) == before, where
                transaction.set_rollback(True)

    assert "qa_head" in readers
    assert "finance" in set(POSITIONS) - readers


def _offered(case: dict[str, Any]) -> set[str]:
    offers = [*case["may"], *(offer for task in case["tasks"] for offer in task["may"])]
    return {offer["url"].partition("?")[0] for offer in offers}
