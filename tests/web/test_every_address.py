"""Every address, with every kind of person: nobody sees or changes anything that is not his."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from kehu.cases.models import Attachment, Case, Task
from kehu.core.models import Event
from kehu.core.scope import scope
from kehu.organizations.models import Member
from tests.cast import Telling, mfg_pack, sign_in, to_departments
from tests.intake.telling import checked_sheet

OPEN = {"sign_in", "sign_out", "language", "healthz", "account_login", "forgotten", "password_link", "account_inactive"}
OPEN |= {
    "sign_in_with",
    "openid_connect_callback",
    "dingtalk_callback",
    "feishu_callback",
    "socialaccount_login_cancelled",
}
OPEN |= {"readyz", "metrics"}
SAMPLES = {"key": "customer-complaint", "step": "propose-countermeasure", "item": "quality", "code": "C0001", "pk": 1}
SAMPLES |= {"revision": 1, "token": "forged", "provider": "oidc", "provider_id": "oidc", "named": "0123"}
GUESTS = {
    "invitation",
    "invitation_opening",
    "invitation_answer",
    "invitation_form",
    "invitation_paper",
    "invitation_file",
}
"""Doors of people outside: nobody is asked to sign in there, and a link that nobody made opens nothing (tests/portal)."""
SECRET = "毛刺超差"  # what the complaint says


def patterns(branch: list[Any], before: dict[str, Any]) -> Iterator[tuple[URLPattern, dict[str, Any]]]:
    """Each with the names that its address asks for."""
    for one in branch:
        if str(one.pattern).startswith(("api/", "^api/")):
            continue  # programs come in by another door: tests/api/test_every_address.py
        names = before | one.pattern.converters
        if isinstance(one, URLPattern):
            yield one, names
        else:
            yield from patterns(one.url_patterns, names)


def addresses(number: str) -> Iterator[tuple[str, str]]:
    """Every named address, filled with the complaint's number and samples for the rest."""
    for pattern, names in patterns(get_resolver().url_patterns, {}):
        kwargs = {name: number if name == "number" else SAMPLES[name] for name in names}
        if "key" in names and "int" in type(names["key"]).__name__.lower():
            kwargs["key"] = 1
        yield pattern.name or "", reverse(pattern.name, kwargs=kwargs)  # type: ignore[arg-type]


@pytest.fixture
def deep(mfg) -> Telling:  # type: ignore[no-untyped-def]
    checked_sheet(mfg, "毛刺超差")
    return to_departments(Telling(mfg).start(), "quality", "engineering")


def state(organization) -> tuple[int, list[tuple[int, str, str]], int]:  # type: ignore[no-untyped-def]
    with scope(organization):
        tasks = list(Task.objects.order_by("pk").values_list("pk", "state", "outcome"))
        return Event.objects.count(), tasks, Attachment.objects.count()


def test_nobody_is_sent_to_the_sign_in_from_everywhere(client: Client, deep: Telling) -> None:
    before = state(deep.organization)
    for name, address in addresses(deep.number):
        if name in OPEN:
            continue
        if name in GUESTS:
            assert client.get(address).status_code in (404, 405), name
            assert client.post(address, {"outcome": "ok"}).status_code in (404, 405), name
            continue
        for answer in (client.get(address), client.post(address, {"reason": "x"})):
            assert answer.status_code == 302, name
            assert answer.headers["Location"].startswith("/sign-in/"), name

    assert state(deep.organization) == before


def test_another_company_s_general_manager_finds_nothing_and_changes_nothing(
    client: Client, deep: Telling, stranger
) -> None:  # type: ignore[no-untyped-def]
    sign_in(client, stranger, "general_manager")
    before = state(deep.organization)
    for name, address in addresses(deep.number):
        if name in ("sign_out", "sessions_removal"):
            continue
        for answer in (
            client.get(address),
            client.post(address, {"reason": "x", "outcome": "submit", "to": "fill-sheet"}),
        ):
            assert answer.status_code < 500, name
            if deep.number in address:
                assert answer.status_code in (404, 405), f"{name}: {answer.status_code}"
            if not answer.streaming:
                assert SECRET not in answer.content.decode(errors="replace"), name

    assert state(deep.organization) == before


@pytest.mark.thorough
@pytest.mark.parametrize("position", sorted(mfg_pack().pack.positions))  # type: ignore[union-attr]
def test_no_position_meets_a_page_that_breaks(client: Client, deep: Telling, position: str) -> None:
    sign_in(client, deep.organization, position)
    for name, address in addresses(deep.number):
        if name in ("sign_out", "sessions_removal"):
            continue
        answer = client.get(address)
        assert answer.status_code < 500, name
        if answer.status_code == 200 and not answer.streaming:
            assert answer.headers["Content-Security-Policy"], name


def test_who_may_not_act_is_refused_at_the_door_and_nothing_changes(client: Client, deep: Telling) -> None:
    sign_in(client, deep.organization, "quotation_clerk")
    before = state(deep.organization)
    case = Case.objects.get(number=deep.number)
    for name, address in addresses(deep.number):
        if address.endswith("/nudge/"):
            continue  # whoever may read the procedure's cases may remind those who have them
        if "/tasks/" in address or name in ("case_voiding", "case_reopening"):
            answer = client.post(
                address, {"reason": "x", "outcome": "submit", "to": "fill-sheet", "version": case.version}
            )
            assert answer.status_code in (200, 204, 302, 403, 404, 405, 409, 422), f"{name}: {answer.status_code}"

    after = state(deep.organization)
    assert after[:2] == before[:2]


@pytest.mark.parametrize("place", ["register", "register_excel", "statistics_of", "case", "case_paper"])
def test_who_has_nothing_to_do_with_a_procedure_reads_none_of_its_cases(
    client: Client, deep: Telling, place: str
) -> None:
    sign_in(client, deep.organization, "finance")
    kwargs = {"number": deep.number} if place.startswith("case") else {"key": "customer-complaint"}

    answer = client.get(reverse(place, kwargs=kwargs))

    assert answer.status_code == 403
    assert SECRET not in answer.content.decode()
    assert deep.number not in client.get(reverse("customer", kwargs={"code": "C0001"})).content.decode()
    assert "MFG-R9" not in client.get(reverse("registers")).content.decode()


def test_a_leaver_is_no_member_any_more(client: Client, deep: Telling) -> None:
    sign_in(client, deep.organization, "qa_head")
    Member.objects.filter(key="qa_head").update(left_on="2024-01-01")
    from kehu.organizations.actions import changed

    changed(deep.organization)

    answer = client.get(reverse("case", kwargs={"number": deep.number}))
    assert answer.status_code == 403
    assert SECRET not in answer.content.decode()
