"""Every address: its headers, what a stranger to it learns, and what it makes of nonsense."""

from __future__ import annotations

import re

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cast import Telling, sign_in, to_departments, witnesses
from tests.intake.telling import checked_sheet

from .asking import as_it_stands, contents

SAMPLES = {
    "key": "customer-complaint", "step": "propose-countermeasure", "item": "quality", "code": "C0001", "pk": "1",
}  # fmt: skip
MARKS = ("毛刺超差", "讯捷")
LEAVES = ("sign-out", "logout")
METHODS = ("get", "post", "put", "patch", "delete", "options")


def places(number: str) -> list[str]:
    """Every address there is, whoever wired it, filled with the case's number and samples for the rest."""

    def walk(patterns, before: str):  # type: ignore[no-untyped-def]
        for one in patterns:
            written = before + str(one.pattern)
            if isinstance(one, URLResolver):
                yield from walk(one.url_patterns, written)
            elif isinstance(one, URLPattern):
                yield written

    found = set()
    for written in walk(get_resolver().url_patterns, "/"):
        plain = re.sub(r"[\^$]|\\Z|\(\?[imsx]+\)", "", written)
        plain = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", plain)

        def filled(match: re.Match[str]) -> str:
            kind, _colon, name = match[1].rpartition(":")
            if name == "number":
                return number
            return "1" if kind == "int" else SAMPLES.get(name, "1")

        found.add(re.sub(r"<([\w:]+)>", filled, plain))
    return sorted(found)


@pytest.fixture
def deep(mfg) -> Telling:  # type: ignore[no-untyped-def]
    checked_sheet(mfg, "毛刺超差")
    return to_departments(Telling(mfg).start(), "quality", "engineering")


def text_of(answer) -> str:  # type: ignore[no-untyped-def]
    return "" if answer.streaming else answer.content.decode(errors="replace")


def test_a_link_that_nobody_made_opens_nothing_and_says_nothing(deep: Telling, client: Client) -> None:
    """Tokens as they look, of this organization and of none, at every address behind a link, with every method."""
    before = contents()
    for token in (
        "1",
        f"{deep.organization.pk}-{'A' * 16}.{'b' * 43}",
        "999999-AAAAAAAAAAAAAAAA.x",
        "%00",
        "..",
        "a" * 3000,
    ):
        for place in ("", "opening/", "answer/", "form/", "paper.pdf", "files/1/"):
            for method in METHODS:
                answer = client.generic(method.upper(), f"/invitation/{token}/{place}")
                assert answer.status_code in (301, 302, 404, 405, 429), f"{method} {token} {place}"
                assert not any(mark in text_of(answer) for mark in MARKS)

    assert contents() == before


@pytest.mark.thorough
@pytest.mark.parametrize("who", ["nobody", "another organization's general manager", "leaver", "user switched off"])
def test_who_may_not_learns_nothing_and_changes_nothing(deep: Telling, stranger, client: Client, who: str) -> None:  # type: ignore[no-untyped-def]
    from kehu.core.models import User
    from kehu.organizations.actions import changed
    from kehu.organizations.models import Member

    if who.startswith("another"):
        sign_in(client, stranger, "general_manager")
        client.get("/")
    elif who == "leaver":
        sign_in(client, deep.organization, "qa_head")
        Member.objects.filter(key="qa_head").update(left_on="2024-01-01")
        changed(deep.organization)
    elif who == "user switched off":
        sign_in(client, deep.organization, "qa_head")
        User.objects.update(is_active=False)
    ours = deep.organization if who.startswith("another") else None  # what it does to its own company is its own
    before = contents(ours)
    for place in places(deep.number):
        if any(word in place for word in LEAVES):
            continue
        for method in METHODS:
            answer = client.generic(method.upper(), place)
            assert answer.status_code < 500, f"{method} {place}"
            if who.startswith("another") and deep.number not in place:
                continue  # its own company's page; there a customer of that code is its own
            assert not any(mark in text_of(answer) for mark in MARKS), f"{method} {place}"

    assert contents(ours) == before


@pytest.mark.thorough
def test_no_position_reads_or_changes_by_a_page_what_is_not_its_own(deep: Telling) -> None:
    """Each position at each address, reading and posting: whoever may not read the case meets nothing of it, and leaves it as it is."""
    before, readers = as_it_stands(deep), set()
    positions = witnesses()
    form = {"reason": "x", "outcome": "submit", "to": "fill-sheet", "version": "1", "text": "x", "member": "sales_rep"}
    for position in positions:
        client = sign_in(Client(), deep.organization, position)
        may_read = client.get(f"/cases/{deep.number}/").status_code == 200
        if may_read:
            readers.add(position)
        for place in places(deep.number):
            if place.startswith("/api/") or any(word in place for word in LEAVES):
                continue
            with transaction.atomic():
                asked = (client.post,) if may_read else (client.get, client.post)  # tests/web has them read everywhere
                for answer in [ask(place, form if ask == client.post else {}) for ask in asked]:
                    where = f"{position}: {place}: {answer.status_code}"
                    assert answer.status_code < 500, where
                    if not may_read:
                        assert "毛刺超差" not in text_of(answer), where
                        assert as_it_stands(deep) == before, where
                transaction.set_rollback(True)

    assert "qa_head" in readers
    assert "finance" in set(positions) - readers


def test_no_form_is_taken_without_its_token(deep: Telling) -> None:
    client = sign_in(Client(enforce_csrf_checks=True), deep.organization, "sales_deputy_manager")
    client.get("/")
    before = contents()
    for place in places(deep.number):
        answer = client.post(place, {"reason": "x", "outcome": "submit"})
        assert answer.status_code in (401, 403, 404, 405, 302), place

    assert contents() == before


def test_every_answer_carries_its_headers(deep: Telling, client: Client) -> None:
    sign_in(client, deep.organization, "sales_head")
    for place in [*places(deep.number), "/there-is-no-such-page/", "/static/there-is-no-such-file"]:
        if any(word in place for word in LEAVES):
            continue
        headers = client.get(place).headers
        policy = headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy, place
        assert "script-src 'self' 'unsafe" not in policy, place
        assert "unsafe-eval" not in policy, place
        assert headers["X-Content-Type-Options"] == "nosniff", place
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin", place
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin", place
        assert "camera=()" in headers["Permissions-Policy"], place
        if not place.startswith("/static/"):
            assert any(word in headers["Cache-Control"] for word in ("private", "no-store")), place


ASKED = (
    *("q", "page", "from", "until", "month", "year", "sort", "customer", "lang", "copy", "revision", "step", "next"),
    *("key", "limit"),
)
"""What pages read of a query."""


def test_a_sign_that_the_database_knows_not_breaks_no_page(deep: Telling, client: Client) -> None:
    sign_in(client, deep.organization, "sales_head")
    for place in places(deep.number):
        if not any(word in place for word in LEAVES):
            assert client.get(place, dict.fromkeys(ASKED, "\0")).status_code < 500, place


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_query_breaks_a_page(deep: Telling, client: Client, data: st.DataObject) -> None:
    nonsense = st.one_of(
        st.text(max_size=30),
        st.integers().map(str),
        st.sampled_from(["\0", "9" * 400, "-1", "1e999", "[]", "{", "%", "٣"]),
    )
    asked = st.sampled_from(ASKED)
    if "_auth_user_id" not in client.session:
        sign_in(client, deep.organization, "sales_head")
    place = data.draw(st.sampled_from([one for one in places(deep.number) if not any(word in one for word in LEAVES)]))
    answer = client.get(place, data.draw(st.dictionaries(asked, nonsense, max_size=4)))

    assert answer.status_code < 500, place


@pytest.mark.parametrize(
    "address", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_nobody_is_sent_to_another_site(mfg, client: Client, address: str) -> None:  # type: ignore[no-untyped-def]
    sign_in(client, mfg, "sales_head")
    for place in ("/language/", "/sign-in/"):
        answer = client.post(f"{place}?next={address}", {"language": "en", "next": address})
        assert "evil.example" not in answer.headers.get("Location", ""), place
        assert "javascript" not in answer.headers.get("Location", ""), place


def test_a_host_that_is_not_ours_is_refused(client: Client) -> None:
    assert client.get("/healthz", headers={"host": "evil.example"}).status_code == 400
