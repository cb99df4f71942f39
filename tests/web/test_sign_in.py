"""Every way in, what keeps others out, and what one sees of one's own access."""

from __future__ import annotations

import re
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.core import mail
from django.test import Client, TestCase
from django.utils import timezone

from kehu.accounts import actions, links, log
from kehu.accounts.letters import send_letters
from kehu.accounts.models import FailedSignIn, Letter, MemberLog, Session
from kehu.core import chain
from kehu.core.models import Event, Organization, User
from kehu.core.scope import scope
from kehu.operations.verification import verify
from kehu.organizations.models import Member
from tests.cast import sign_in

PASSWORD = "correct horse battery"


@pytest.fixture
def rep(mfg: Organization) -> User:
    """The sales rep, with a password and a mail address."""
    sign_in(Client(), mfg, "sales_rep")
    Session.objects.all().delete()
    user = User.objects.get(username="mfg.sales_rep")
    user.set_password(PASSWORD)
    user.save()
    Member.objects.filter(key="sales_rep").update(email="rep@factory.example")
    return user


def by_password(client: Client, password: str = PASSWORD, **more: str) -> Any:
    return client.post("/sign-in/", {"username": "mfg.sales_rep", "password": password, **more})


def events(key: str = "sales_rep") -> list[Event]:
    return list(Event.objects.filter(stream=f"member:{key}").order_by("sequence"))


def names(key: str = "sales_rep") -> list[str]:
    return [event.name for event in events(key)]


# --- name and password ----------------------------------------------------------------------------------------------------


def test_a_member_signs_in_and_his_log_says_so_without_his_password(client: Client, rep: User) -> None:
    answer = by_password(client, next="/customers/")
    assert answer["Location"] == "/customers/"
    [event] = events()
    assert (event.name, event.by, event.facts["how"]) == ("sign_in.done", "sales_rep", ["password"])
    assert PASSWORD not in str(event.facts)


def test_signing_in_gives_another_session(client: Client, rep: User) -> None:
    client.get("/sign-in/passkey/", headers={"accept": "application/json"})
    before = client.session.session_key
    by_password(client)
    assert before
    assert client.session.session_key != before
    assert not Session.objects.filter(session_key=before).exists()


@pytest.mark.parametrize(
    "there", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)", "/\\elsewhere"]
)
def test_no_way_in_leads_to_another_site(client: Client, rep: User, there: str) -> None:
    assert by_password(client, next=there)["Location"] == "/"


def test_an_unknown_name_and_a_wrong_password_get_the_same_answer(client: Client, rep: User) -> None:
    known = by_password(client, "wrong")
    unknown = client.post("/sign-in/", {"username": "mfg.nobody", "password": "wrong"})
    assert known.status_code == unknown.status_code == 422

    def words(answer: Any) -> str:
        text = re.sub(r'value="[^"]*"', "", answer.content.decode())
        return text

    assert words(known) == words(unknown)


def test_an_unknown_name_costs_the_same_hashing_and_the_same_row(
    client: Client, rep: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.contrib.auth.hashers import Argon2PasswordHasher

    hashed: list[str] = []
    encode, verify = Argon2PasswordHasher.encode, Argon2PasswordHasher.verify
    monkeypatch.setattr(Argon2PasswordHasher, "encode", lambda *a, **k: hashed.append("e") or encode(*a, **k))
    monkeypatch.setattr(Argon2PasswordHasher, "verify", lambda *a, **k: hashed.append("v") or verify(*a, **k))
    by_password(client, "wrong")
    known, hashed[:] = len(hashed), []
    client.post("/sign-in/", {"username": "mfg.nobody", "password": "wrong"})
    assert len(hashed) == known == 1
    assert list(FailedSignIn.objects.order_by("pk").values_list("user_id", flat=True)) == [rep.pk, None]


def test_after_five_wrong_passwords_the_right_one_has_to_wait_too(client: Client, rep: User) -> None:
    assert [by_password(client, "wrong").status_code for _ in range(6)] == [422] * 5 + [429]
    waiting = by_password(Client(REMOTE_ADDR="10.0.0.9"))
    assert waiting.status_code == 429
    assert "五分钟" in waiting.content.decode()


def test_the_wait_passes(client: Client, rep: User, monkeypatch: pytest.MonkeyPatch) -> None:
    from allauth.core.internal import ratelimit

    for _ in range(6):
        by_password(client, "wrong")
    later = ratelimit.time.time() + 301
    monkeypatch.setattr(ratelimit, "time", SimpleNamespace(time=lambda: later, monotonic=ratelimit.time.monotonic))
    assert by_password(client).status_code == 302


def test_one_address_cannot_try_every_name(client: Client, rep: User) -> None:
    tries = [client.post("/sign-in/", {"username": f"mfg.name{n}", "password": "wrong"}) for n in range(31)]
    assert [answer.status_code for answer in tries] == [422] * 30 + [429]
    assert by_password(Client(REMOTE_ADDR="10.0.0.9")).status_code == 302


def test_failed_tries_become_one_event_and_leave_nothing_that_was_typed(
    client: Client, rep: User, mfg: Organization
) -> None:
    for _ in range(3):
        by_password(client, "wrong")
    client.post("/sign-in/", {"username": "my secret password", "password": ""})
    client.post("/sign-in/", {"username": "my secret password", "password": "x"})
    assert log.gather_failures(mfg, timezone.now()) == 3
    [event] = events()
    assert (event.name, event.facts) == ("sign_in.failed", {"count": 3, "addresses": {"127.0.0.1": 3}})
    assert not FailedSignIn.objects.exists()
    assert log.gather_failures(mfg, timezone.now()) == 0


def test_the_log_of_a_member_is_a_chain_that_shows_a_change(client: Client, rep: User, mfg: Organization) -> None:
    by_password(client)
    client.post("/sign-out/")
    by_password(client)
    head = MemberLog.objects.get().head
    assert chain.first_broken(events(), head) is None
    assert verify(files=False).problems == []
    Event.objects.filter(pk=events()[0].pk).update(facts={"how": ["passkey"]})
    assert [str(problem) for problem in verify(files=False).problems] != []
    assert "sign-in log of sales_rep" in str(verify(files=False).problems[0])


def test_signing_in_does_not_wait_for_the_organization_s_row(client: Client, rep: User, mfg: Organization) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    before = Organization.objects.get(pk=mfg.pk).chain_head
    with CaptureQueriesContext(connection) as done:
        by_password(client)
    assert not [q for q in done.captured_queries if "core_organization" in q["sql"] and q["sql"].startswith("UPDATE")]
    assert Organization.objects.get(pk=mfg.pk).chain_head == before


def test_a_deactivated_user_and_a_leaver_stay_outside(client: Client, rep: User) -> None:
    Member.objects.filter(key="sales_rep").update(left_on="2024-01-01")
    assert by_password(client)["Location"] == "/sign-in/closed/"
    assert client.get("/").status_code == 302
    Member.objects.filter(key="sales_rep").update(left_on=None)
    User.objects.filter(pk=rep.pk).update(is_active=False)
    by_password(client)
    assert client.get("/")["Location"].startswith("/sign-in/")


def test_who_leaves_is_out_with_his_next_page(client: Client, rep: User, mfg: Organization) -> None:
    from kehu.organizations.actions import changed

    by_password(client)
    Member.objects.filter(key="sales_rep").update(left_on="2024-01-01")
    changed(mfg)
    assert client.get("/").status_code == 403
    assert not Session.objects.filter(user=rep).exists()


# --- a password by mail, an invitation ------------------------------------------------------------------------------------


def link_in(text: str) -> str:
    found = re.search(r"/sign-in/password/\S+/", text)
    assert found
    return found[0]


def test_who_forgot_his_password_gets_a_link_and_signs_in_with_it(client: Client, rep: User, mfg: Organization) -> None:
    elsewhere = Client()
    by_password(elsewhere)
    client.post("/sign-in/password/", {"email": "REP@factory.example"})
    assert mail.outbox == []
    assert send_letters(mfg, timezone.now()) == 1
    assert send_letters(mfg, timezone.now()) == 0
    address = link_in(mail.outbox[0].body)
    assert "mfg.sales_rep" in mail.outbox[0].body
    assert client.get(address).status_code == 200
    answer = client.post(address, {"password": "another long sentence", "again": "another long sentence"})
    assert answer["Location"] == "/"
    assert client.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 302
    assert "password.chosen" in names()
    assert client.get(address).status_code == 410


def test_asking_for_an_unknown_address_looks_the_same_and_sends_nothing(
    client: Client, rep: User, mfg: Organization
) -> None:
    known = client.post("/sign-in/password/", {"email": "rep@factory.example"}).content.decode()
    unknown = client.post("/sign-in/password/", {"email": "who@factory.example"}).content.decode()
    assert known.replace("rep@", "who@") == unknown
    assert Letter.objects.count() == 1


def test_asking_often_sends_no_flood(client: Client, rep: User) -> None:
    for _ in range(9):
        assert client.post("/sign-in/password/", {"email": "rep@factory.example"}).status_code == 200
    assert Letter.objects.count() == 5


def test_a_link_that_is_too_old_says_so(client: Client, rep: User, monkeypatch: pytest.MonkeyPatch) -> None:
    address = link_in(links.link(rep, "reset"))
    monkeypatch.setitem(links.LASTS, "reset", timedelta(seconds=-1))
    answer = client.get(address)
    assert answer.status_code == 410
    assert "链接" in answer.content.decode()


@pytest.mark.parametrize("token", ["forged", "a:b:c", ".", "W10:1:x"])
def test_a_forged_link_opens_nothing(client: Client, rep: User, token: str) -> None:
    assert client.get(f"/sign-in/password/{token}/").status_code == 410
    answer = client.post(f"/sign-in/password/{token}/", {"password": "x" * 12, "again": "x" * 12})
    assert answer.status_code == 410


def test_a_weak_password_and_two_that_differ_are_refused_and_the_link_stays(client: Client, rep: User) -> None:
    address = link_in(links.link(rep, "reset"))
    for password, again in (("short", "short"), ("1234567890", "1234567890"), ("long enough words", "other words")):
        assert client.post(address, {"password": password, "again": again}).status_code == 422
    rep.refresh_from_db()
    assert rep.check_password(PASSWORD)


def test_a_new_member_is_invited_once_by_the_newest_link(client: Client, mfg: Organization) -> None:
    member = Member.objects.get(key="sales_rep")
    first = link_in(actions.invite(member=member, by="general_manager", now=timezone.now(), by_mail=False))
    second = link_in(actions.invite(member=member, by="general_manager", now=timezone.now(), by_mail=False))
    assert client.get(first).status_code == 410
    given = {"password": PASSWORD, "again": PASSWORD}
    assert client.post(second, given)["Location"] == "/"
    assert client.get("/").status_code == 200
    assert Client().post(second, given).status_code == 410
    with pytest.raises(actions.HasPassword):
        actions.invite(member=member, by="general_manager", now=timezone.now(), by_mail=False)
    assert Event.objects.filter(stream="organization", name="member.invited").count() == 2


def test_an_invitation_by_mail_is_told_to_nobody_else(mfg: Organization) -> None:
    member = Member.objects.get(key="sales_rep")
    with pytest.raises(actions.NoAddress):
        actions.invite(member=member, by="general_manager", now=timezone.now(), by_mail=True)
    Member.objects.filter(pk=member.pk).update(email="rep@factory.example", language="en")
    assert actions.invite(member=member, by="general_manager", now=timezone.now(), by_mail=True) == ""
    send_letters(mfg, timezone.now())
    [letter] = mail.outbox
    assert letter.to == ["rep@factory.example"]
    assert "Choose your password" in letter.body
    assert links.opened(link_in(letter.body).split("/")[-2])


def test_a_mail_that_cannot_be_sent_is_tried_again_and_then_given_up(
    rep: User, mfg: Organization, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.core.mail import EmailMessage

    monkeypatch.setattr(EmailMessage, "send", lambda self: (_ for _ in ()).throw(OSError("no route")))
    client.post("/sign-in/password/", {"email": "rep@factory.example"})
    now = timezone.now()
    for attempt in range(1, 9):
        assert send_letters(mfg, now) == 0
        now += timedelta(minutes=6)
        letter = Letter.objects.get()
        assert letter.attempts == min(attempt, 6)
    assert letter.next_attempt_at is None
    assert letter.error == "no route"


# --- the second factor ----------------------------------------------------------------------------------------------------


class Steered:
    """allauth's clock for codes."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def steered(monkeypatch: pytest.MonkeyPatch) -> Steered:
    steered = Steered()
    monkeypatch.setattr(totp, "time", steered)
    return steered


def code(secret: str, steered: Steered) -> str:
    return totp.format_hotp_value(totp.hotp_value(secret, int(steered.now) // 30))


def with_app(client: Client, steered: Steered) -> str:
    """The rep sets up the app; gives the key."""
    by_password(client)
    client.post(
        "/sign-in/again/?next=/settings/security/app/", {"password": PASSWORD, "next": "/settings/security/app/"}
    )
    page = client.get("/settings/security/app/").content.decode()
    found = re.search(r"<code[^>]*>([A-Z2-7]+)</code>", page)
    assert found, page
    secret = found[1]
    with TestCase.captureOnCommitCallbacks(execute=True):
        answer = client.post("/settings/security/app/", {"code": code(secret, steered)})
    assert answer["Location"] == "/settings/security/codes/"
    return secret


def test_setting_up_the_app_asks_who_it_is_first(client: Client, rep: User) -> None:
    by_password(client)
    answer = client.get("/settings/security/app/")
    assert answer["Location"].startswith("/sign-in/again/")
    assert client.post(answer["Location"], {"password": "wrong"}).status_code == 422


def test_with_the_app_a_password_alone_is_not_enough(client: Client, rep: User, steered: Steered) -> None:
    secret = with_app(client, steered)
    client.post("/sign-out/")
    steered.now += 90
    assert by_password(client, next="/customers/")["Location"] == "/sign-in/second-factor/"
    assert client.get("/").status_code == 302
    assert client.post("/sign-in/second-factor/", {"code": "000000"}).status_code == 422
    answer = client.post("/sign-in/second-factor/", {"code": code(secret, steered)})
    assert answer["Location"] == "/customers/"
    assert events()[-1].facts["how"] == ["password", "mfa"]


def test_a_code_is_good_once_and_not_for_long(client: Client, rep: User, steered: Steered) -> None:
    secret = with_app(client, steered)
    steered.now += 90
    used = code(secret, steered)
    for client_, expected in ((Client(), 302), (Client(), 422)):
        by_password(client_)
        assert client_.post("/sign-in/second-factor/", {"code": used}).status_code == expected
    steered.now += 120
    late = Client()
    by_password(late)
    assert late.post("/sign-in/second-factor/", {"code": used}).status_code == 422


def test_codes_cannot_be_guessed(client: Client, rep: User, steered: Steered) -> None:
    secret = with_app(client, steered)
    steered.now += 90
    other = Client()
    by_password(other)
    for _ in range(5):
        assert other.post("/sign-in/second-factor/", {"code": "000000"}).status_code == 422
    refused = other.post("/sign-in/second-factor/", {"code": code(secret, steered)})
    assert refused.status_code == 422
    assert "五分钟" in refused.content.decode()


def test_a_recovery_code_is_good_once(client: Client, rep: User, steered: Steered) -> None:
    with_app(client, steered)
    codes = re.findall(r"<code>(\d+)</code>", client.get("/settings/security/codes/").content.decode())
    assert len(codes) == 10
    for client_, expected in ((Client(), 302), (Client(), 422)):
        by_password(client_)
        assert client_.post("/sign-in/second-factor/", {"code": codes[0]}).status_code == expected
    assert "second_factor.recovery_code_used" in names()
    assert codes[1] in client.get("/settings/security/codes/codes.txt").content.decode()


def test_the_key_does_not_lie_open_in_the_database(client: Client, rep: User, steered: Steered) -> None:
    secret = with_app(client, steered)
    kept = " ".join(str(one.data) for one in Authenticator.objects.all())
    assert secret not in kept
    assert Authenticator.objects.get(type="totp").wrap().validate_code(code(secret, steered))


def test_a_changed_secret_key_lets_no_code_in(client: Client, rep: User, steered: Steered, settings: Any) -> None:
    with_app(client, steered)
    settings.SECRET_KEY = "another"
    kept = Authenticator.objects.get(type="totp").wrap()
    assert not kept.validate_code("755224")  # what an empty key would give
    assert not kept.validate_code(code("", steered))


def test_removing_the_app_is_logged(client: Client, rep: User, steered: Steered) -> None:
    with_app(client, steered)
    assert client.get("/settings/security/app/removal/").status_code == 200
    client.post("/settings/security/app/removal/")
    assert not Authenticator.objects.exists()
    assert [name for name in names() if name.startswith("second_factor")] == [
        *["second_factor.added"] * 2,
        *["second_factor.removed"] * 2,
    ]


def test_where_a_second_factor_is_demanded_one_sets_it_up_first(
    client: Client, rep: User, steered: Steered, settings: Any
) -> None:
    settings.REQUIRE_MFA = True
    by_password(client)
    assert client.get("/customers/")["Location"] == "/settings/security/"
    assert client.get("/settings/security/").status_code == 200
    with_app(client, steered)
    assert client.get("/customers/").status_code == 200
    client.post("/settings/security/app/removal/")
    assert Authenticator.objects.filter(type="totp").exists()


# --- sessions ----------------------------------------------------------------------------------------------------------------

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 MicroMessenger/8.0"


def test_one_sees_where_one_is_signed_in_and_ends_one_session(rep: User, client: Client) -> None:
    phone = Client(HTTP_USER_AGENT=PHONE, REMOTE_ADDR="10.1.2.3")
    by_password(phone)
    client.defaults["HTTP_USER_AGENT"] = CHROME
    by_password(client)
    page = client.get("/settings/security/").content.decode()
    assert "Windows" in page
    assert "iPhone" in page
    assert "10.1.2.3" in page
    assert phone.session.session_key not in page
    named = re.findall(r"/settings/security/sessions/([0-9a-f]{20})/removal/", page)
    assert len(named) == 1
    client.post(f"/settings/security/sessions/{named[0]}/removal/")
    assert phone.get("/")["Location"].startswith("/sign-in/")
    assert client.get("/").status_code == 200
    assert names()[-1] == "session.ended"


def test_nobody_ends_another_s_session(rep: User, client: Client, mfg: Organization) -> None:
    by_password(client)
    from kehu.accounts.queries import handle

    stranger = sign_in(Client(), mfg, "finance")
    stranger.post(f"/settings/security/sessions/{handle(client.session.session_key or '')}/removal/")
    assert client.get("/").status_code == 200


def test_signing_out_everywhere(rep: User, client: Client) -> None:
    others = [Client(), Client()]
    for other in others:
        by_password(other)
    by_password(client)
    client.post("/settings/security/sessions/removal/")
    assert [other.get("/").status_code for other in others] == [302, 302]
    assert client.get("/").status_code == 200
    assert events()[-1].facts["count"] == 2
    client.post("/settings/security/sessions/removal/", {"also": "here"})
    assert client.get("/").status_code == 302
    assert not Session.objects.filter(user=rep).exists()


def test_changing_the_password_ends_the_other_sessions(rep: User, client: Client) -> None:
    other = Client()
    by_password(other)
    by_password(client)
    changed = {"oldpassword": PASSWORD, "password1": "another long sentence", "password2": "another long sentence"}
    assert client.post("/settings/security/password/", changed | {"oldpassword": "wrong"}).status_code == 422
    assert client.post("/settings/security/password/", changed)["Location"] == "/settings/security/"
    assert client.get("/").status_code == 200
    assert other.get("/").status_code == 302
    assert Session.objects.filter(user=rep).count() == 1
    assert names()[-1] == "password.changed"


def test_a_session_ends_when_idle_and_when_old(rep: User, client: Client) -> None:
    by_password(client)
    mine = Session.objects.filter(user=rep)
    mine.update(seen_at=timezone.now() - timedelta(hours=13))
    assert client.get("/").status_code == 302
    assert not mine.exists()
    by_password(client)
    mine.update(signed_in_at=timezone.now() - timedelta(days=15))
    assert client.get("/").status_code == 302


def test_last_seen_costs_a_page_nothing_for_five_minutes(rep: User, client: Client) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    by_password(client)
    client.get("/notices/")
    with CaptureQueriesContext(connection) as done:
        client.get("/notices/")
    of_sessions = [query["sql"] for query in done.captured_queries if "accounts_" in query["sql"]]
    assert len(of_sessions) == 1
    assert of_sessions[0].startswith("SELECT")
    earlier = timezone.now() - timedelta(minutes=6)
    Session.objects.filter(user=rep).update(seen_at=earlier)
    client.get("/notices/")
    assert Session.objects.get(user=rep).seen_at > earlier + timedelta(minutes=5)


def test_the_cookie_is_for_this_site_and_no_script(rep: User, client: Client, settings: Any) -> None:
    settings.SESSION_COOKIE_SECURE = True
    cookie = by_password(client).cookies["sessionid"]
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", True)


def test_an_administrator_ends_a_member_s_sessions(rep: User, client: Client) -> None:
    by_password(client)
    assert actions.end_sessions(user=rep, by="general_manager", now=timezone.now()) == 1
    assert client.get("/").status_code == 302
    assert (events()[-1].name, events()[-1].by) == ("session.ended", "general_manager")


def test_who_belongs_to_two_companies_goes_over(
    rep: User, client: Client, mfg: Organization, stranger: Organization
) -> None:
    with scope(stranger):
        Member.objects.filter(key="finance").update(user=rep)
    by_password(client)
    assert client.get("/settings/security/").context["request"].organization == mfg
    client.post("/organization/", {"organization": "other"})
    assert client.get("/settings/security/").context["request"].organization == stranger
    client.post("/organization/", {"organization": "elsewhere"})
    assert client.get("/settings/security/").context["request"].organization == stranger


def test_the_security_page_costs_the_same_however_many_sessions(rep: User, client: Client) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    by_password(client)
    counts = []
    for others in (1, 6):
        for _ in range(others):
            by_password(Client())
        client.get("/settings/security/")
        with CaptureQueriesContext(connection) as done:
            assert client.get("/settings/security/").status_code == 200
        counts.append(len(done))
    assert counts[0] == counts[1] <= 12, counts


def test_two_processes_count_the_same_tries(rep: User) -> None:
    """The counter lies in the database: what another process counted, this one sees."""
    from django.core.cache import caches
    from django.core.cache.backends.db import DatabaseCache

    assert isinstance(caches["default"], DatabaseCache)
