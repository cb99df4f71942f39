"""Who comes in by a link, and that whoever may not sees nothing."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client

from kehu.cases import invitations
from kehu.cases.links import link_of, token_of
from kehu.cases.models import Invitation
from kehu.core import clock
from kehu.core.models import Event
from kehu.core.scope import scope
from kehu.organizations.models import Member
from tests.cast import sign_in

from .scenes import DAY, INSIDE, again, answered_complaint, good_answer, invite, opened, place, send, share

SECRETS = ("毛刺超差", "三天内补换", "BR-120", INSIDE)


@pytest.fixture
def told(mfg):  # type: ignore[no-untyped-def]
    return answered_complaint(mfg, clock.now())


def shows_nothing(answer, number: str) -> bool:  # type: ignore[no-untyped-def]
    text = answer.content.decode()
    return not any(secret in text for secret in (*SECRETS, number))


def events(told, name: str) -> list[Event]:  # type: ignore[no-untyped-def]
    return list(Event.objects.filter(stream=f"case:{told.case.pk}", name=name).order_by("sequence"))


def test_the_door_says_who_asks_and_nothing_of_the_case(told, client: Client) -> None:  # type: ignore[no-untyped-def]
    invitation = invite(told)
    for _ in range(3):  # mail programs look at links unasked
        answer = client.get(place(invitation))

    assert answer.status_code == 200
    assert "恒越" in answer.content.decode()
    assert shows_nothing(answer, told.number)
    assert again(invitation).state(told.now) == "made"
    assert "confirm-customer" not in answer.content.decode()


def test_pressing_open_binds_the_link_to_the_browser(told) -> None:  # type: ignore[no-untyped-def]
    invitation = invite(told)
    browser = opened(invitation)
    page = browser.get(place(invitation)).content.decode()

    assert "毛刺超差" in page
    assert "三天内补换" in page
    assert INSIDE not in page
    assert again(invitation).state(told.now) == "opened"
    assert [event.facts["address"] for event in events(told, "invitation.opened")] == ["127.0.0.1"]
    cookie = browser.cookies["kehu_link"]
    assert cookie["httponly"]
    assert cookie["path"] == place(invitation)
    assert cookie.value not in again(invitation).browser


def test_the_database_alone_gives_no_link(told, settings) -> None:  # type: ignore[no-untyped-def]
    invitation = invite(told)
    kept = " ".join(map(str, vars(again(invitation)).values()))
    link = link_of(invitation)

    assert token_of(invitation).rpartition(".")[2] not in kept
    settings.SECRET_KEY = "another"
    assert link_of(invitation) != link


def test_another_browser_is_refused_counted_and_told_once_an_hour(told) -> None:  # type: ignore[no-untyped-def]
    invitation = invite(told)
    opened(invitation)
    for ask in (Client().get, Client().post):
        answer = ask(place(invitation) if ask.__name__ == "get" else place(invitation, "opening/"))
        assert answer.status_code == 403
        assert shows_nothing(answer, told.number)
    assert Client().post(place(invitation, "answer/"), good_answer()).status_code == 403
    assert Client().get(place(invitation, "paper.pdf")).status_code == 403

    assert again(invitation).refusals == 4
    assert [event.facts["why"] for event in events(told, "invitation.refused")] == ["elsewhere"]
    assert again(invitation).used_at is None


@pytest.mark.parametrize(
    ("what", "status"), [("expired", 410), ("revoked", 410), ("over", 410), ("used", 410), ("elsewhere", 403)]
)
def test_a_link_that_is_over_opens_nothing(told, what: str, status: int) -> None:  # type: ignore[no-untyped-def]
    invitation, browser = invite(told), Client()
    match what:
        case "expired":
            Invitation.objects.update(expires_at=clock.now() - DAY)
        case "revoked":
            invitations.revoke_invitation(
                organization=told.organization, number=told.number, invitation=str(invitation.pk),
                by="complaint_tracker", now=told.now,
            )  # fmt: skip
        case "over":
            told.do(
                "confirm-customer", by="complaint_tracker", outcome="ok", customer_opinion="met", effect_reached=True
            )
        case "used":
            assert send(opened(invitation), invitation).status_code == 302
        case "elsewhere":
            opened(invitation)
    for path in ("", "opening/", "answer/", "form/", "paper.pdf", "files/1/"):
        answer = (browser.get if path in ("", "paper.pdf", "files/1/") else browser.post)(place(invitation, path))
        assert answer.status_code == status, path
        assert shows_nothing(answer, told.number), path

    assert [event.facts["why"] for event in events(told, "invitation.refused")] == [what]


def test_another_customer_s_link_shows_nothing_of_this_one(told) -> None:  # type: ignore[no-untyped-def]
    mine, his = invite(told), invite(told, "林小姐")
    browser = opened(mine)
    assert browser.get(place(mine)).status_code == 200
    assert shows_nothing(browser.get(place(his)), told.number)  # its door: what he has opened opens no other
    opened(his)

    assert browser.get(place(his)).status_code == 403


def test_a_key_of_one_organization_is_nothing_in_another(told, stranger) -> None:  # type: ignore[no-untyped-def]
    invitation = invite(told)
    with scope(stranger):
        theirs = answered_complaint(stranger, clock.now())
        elsewhere = invite(theirs)
        Invitation.objects.filter(pk=elsewhere.pk).update(key=invitation.key)
    browser = opened(invitation)

    foreign = Invitation(organization=stranger, key=invitation.key)
    assert shows_nothing(browser.get(place(foreign)), told.number)
    assert browser.get(place(foreign)).status_code == 200  # their own door, unopened
    with scope(stranger):
        assert again(elsewhere).opened_at is None


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: "2" + token,
        lambda token: token.rpartition(".")[0],
        lambda token: "1-AAAAAAAAAAAAAAAA." + token.rpartition(".")[2],
        lambda token: "guess",
    ],
)
def test_a_guess_is_answered_alike_and_writes_nothing(told, client: Client, change) -> None:  # type: ignore[no-untyped-def]
    invitation, before = invite(told), Event.objects.count()
    answer = client.get(f"/invitation/{change(token_of(invitation))}/")
    unknown = client.get(place(Invitation(organization=told.organization, key="A" * 16)))

    assert answer.status_code == unknown.status_code == 404
    assert answer.content == unknown.content
    assert (Event.objects.count(), again(invitation).refusals) == (before, 0)


def test_guessing_is_slowed_down(told, client: Client) -> None:  # type: ignore[no-untyped-def]
    cache.clear()
    answers = [client.get(f"/invitation/guess-{number}/").status_code for number in range(35)]

    assert set(answers[:30]) == {404}
    assert set(answers[30:]) == {429}
    assert (
        client.get(place(invite(told))).status_code == 200
    )  # whoever has a link is not stopped by his neighbour's guesses
    cache.clear()


def test_whoever_is_signed_in_gets_no_more_by_a_link_than_anybody(told, client: Client) -> None:  # type: ignore[no-untyped-def]
    sign_in(client, told.organization, "complaint_tracker")
    invitation = invite(told)
    answer = client.get(place(invitation))

    assert shows_nothing(answer, told.number)
    assert "客诉跟踪人" not in answer.content.decode().replace(
        Member.objects.get(key="complaint_tracker").name["zh"], ""
    )


def test_every_answer_is_kept_apart(told) -> None:  # type: ignore[no-untyped-def]
    invitation = invite(told)
    for browser in (Client(), opened(invitation), Client()):
        answer = browser.get(place(invitation))
        assert "noindex" in answer.headers["X-Robots-Tag"]
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.headers["Referrer-Policy"] == "same-origin"
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy


def test_the_page_speaks_the_language_of_the_invitation_and_the_other_on_request(told) -> None:  # type: ignore[no-untyped-def]
    english = opened(invitation := invite(told, language="en"))

    assert "Send the answer" in english.get(place(invitation)).content.decode()
    assert "提交答复" in english.get(place(invitation) + "?language=zh-hans").content.decode()
    assert "提交答复" in english.get(place(invitation)).content.decode()


def test_how_it_stands_is_read_as_often_as_one_likes_until_the_end(told) -> None:  # type: ignore[no-untyped-def]
    browser = opened(invitation := share(told))
    for _ in range(3):
        page = browser.get(place(invitation)).content.decode()
    assert told.number in page
    assert "三天内补换" in page
    assert INSIDE not in page
    assert browser.post(place(invitation, "answer/"), good_answer()).status_code == 302
    assert told.open_steps() == ["confirm-customer"]
    Invitation.objects.update(expires_at=clock.now() - DAY)

    assert browser.get(place(invitation)).status_code == 410
