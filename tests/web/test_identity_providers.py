"""Signing in with the company's identity provider: who is let in, who is not, what is linked. The provider is a small server here."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from kehu.core.models import Event, Organization, User
from kehu.organizations.models import Member
from tests.cast import sign_in


class Issuer(ThreadingHTTPServer):
    """Says of everybody what `claims` says."""

    claims: dict[str, Any]
    asked: list[str]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Answers(BaseHTTPRequestHandler):
    server: Issuer

    def do_GET(self) -> None:
        here = self.server.address
        if self.path.startswith("/.well-known/"):
            return self._say(
                {
                    "issuer": here,
                    "authorization_endpoint": f"{here}/authorize",
                    "token_endpoint": f"{here}/token",
                    "userinfo_endpoint": f"{here}/userinfo",
                    "jwks_uri": f"{here}/jwks",
                    "token_endpoint_auth_methods_supported": ["client_secret_post"],
                }
            )
        return self._say(self.server.claims)

    def do_POST(self) -> None:
        self.server.asked.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        now = int(time.time())
        said = {"iss": self.server.address, "aud": "kehu", "iat": now, "exp": now + 60, **self.server.claims}
        token = jwt.encode(said, "x" * 32, algorithm="HS256")
        self._say({"access_token": "a", "token_type": "Bearer", "id_token": token})

    def _say(self, answer: Any) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_words: Any) -> None:
        pass


@pytest.fixture
def issuer(settings: Any) -> Iterator[Issuer]:
    server = Issuer(("127.0.0.1", 0), _Answers)
    server.claims, server.asked = {"sub": "u1", "email": "rep@factory.example", "email_verified": True}, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    app = {"provider_id": "oidc", "name": "统一登录", "client_id": "kehu", "secret": "s"}
    app["settings"] = {"server_url": server.address, "oauth_pkce_enabled": True}  # type: ignore[assignment]
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def rep(mfg: Organization) -> User:
    sign_in(Client(), mfg, "sales_rep")
    Member.objects.filter(key="sales_rep").update(email="Rep@factory.example")
    return User.objects.get(username="mfg.sales_rep")


def come_back(client: Client, start: Any) -> Any:
    """The browser goes to the provider and is sent back."""
    asked = parse_qs(urlsplit(start.headers["Location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == ["http://testserver/sign-in/with/oidc/answer/"]
    return client.get("/sign-in/with/oidc/answer/", {"code": "c", "state": asked["state"][0]})


def through(client: Client, following: str = "/") -> Any:
    return come_back(client, client.get("/sign-in/with/oidc/", {"next": following}))


def test_a_vouched_for_address_of_one_member_lets_him_in_and_is_linked(
    client: Client, rep: User, issuer: Issuer
) -> None:
    assert "统一登录" in client.get("/sign-in/").content.decode()
    assert through(client, "/customers/").headers["Location"] == "/customers/"
    assert client.get("/customers/").status_code == 200
    assert SocialAccount.objects.get().user == rep
    said = Event.objects.filter(stream="member:sales_rep", name="sign_in.done").get()
    assert said.facts["how"] == ["socialaccount"]
    assert "code_verifier" in issuer.asked[0]

    issuer.claims = {"sub": "u1", "email": "renamed@factory.example", "email_verified": False}
    other = Client()
    through(other)
    assert other.get("/").status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "u2", "email": "rep@factory.example", "email_verified": False},
        {"sub": "u2", "email": "rep@factory.example"},
        {"sub": "u2", "email": "rep@factory.example", "email_verified": "false"},
        {"sub": "u2", "email": "who@factory.example", "email_verified": True},
        {"sub": "u2"},
    ],
)
def test_who_is_not_known_is_refused_and_becomes_nobody(
    client: Client, rep: User, issuer: Issuer, claims: dict[str, Any]
) -> None:
    issuer.claims, before = claims, User.objects.count()
    answer = through(client)
    assert answer.status_code == 403
    assert "登录不会自动创建成员" in answer.content.decode()
    assert client.get("/").status_code == 302
    assert (User.objects.count(), SocialAccount.objects.count()) == (before, 0)


def test_an_address_of_two_members_lets_nobody_in(client: Client, rep: User, mfg: Organization, issuer: Issuer) -> None:
    sign_in(Client(), mfg, "finance")
    Member.objects.filter(key="finance").update(email="rep@factory.example")
    assert through(client).status_code == 403


def test_a_leaver_s_identity_is_refused(client: Client, rep: User, issuer: Issuer) -> None:
    through(client)
    Member.objects.filter(key="sales_rep").update(left_on="2024-01-01")
    other = Client()
    assert through(other).headers["Location"] == "/sign-in/closed/"
    assert other.get("/").status_code == 302


def test_an_answer_nobody_asked_for_is_refused(client: Client, rep: User, issuer: Issuer) -> None:
    answer = client.get("/sign-in/with/oidc/answer/", {"code": "c", "state": "made-up"})
    assert answer.status_code == 403
    assert "统一登录" in answer.content.decode()
    start = Client().get("/sign-in/with/oidc/")
    assert come_back(client, start).status_code == 403  # somebody else's state


def test_it_leads_to_no_other_site(client: Client, rep: User, issuer: Issuer) -> None:
    assert through(client, "https://elsewhere.example/").headers["Location"] == "/"


def test_a_provider_that_is_not_set_up_is_not_there(client: Client, rep: User, settings: Any) -> None:
    settings.SOCIALACCOUNT_PROVIDERS = {}
    for provider in ("oidc", "dingtalk", "feishu", "other"):
        assert client.get(f"/sign-in/with/{provider}/").status_code == 404
        assert client.get(f"/sign-in/with/{provider}/answer/").status_code == 404


def test_a_member_links_an_identity_that_has_no_address(client: Client, rep: User, issuer: Issuer) -> None:
    rep.set_password("correct horse battery")
    rep.save()
    client.post("/sign-in/", {"username": "mfg.sales_rep", "password": "correct horse battery"})
    again = client.post("/settings/security/identities/oidc/")
    assert again.headers["HX-Redirect"].startswith("/sign-in/again/")
    client.post("/sign-in/again/", {"password": "correct horse battery"})
    issuer.claims = {"sub": "u9"}
    start = client.post("/settings/security/identities/oidc/")
    start.headers["Location"] = start.headers["HX-Redirect"]
    assert come_back(client, start).headers["Location"] == "/settings/security/"
    other = Client()
    through(other)
    assert other.get("/").status_code == 200
    pk = SocialAccount.objects.get().pk
    client.post(f"/settings/security/identities/{pk}/removal/")
    assert not SocialAccount.objects.exists()
    names = Event.objects.filter(stream="member:sales_rep").values_list("name", flat=True)
    assert {"identity.linked", "identity.unlinked"} <= set(names)


def test_nobody_unlinks_another_s_identity(client: Client, rep: User, mfg: Organization, issuer: Issuer) -> None:
    through(Client())
    sign_in(client, mfg, "finance")
    pk = SocialAccount.objects.get().pk
    assert client.post(f"/settings/security/identities/{pk}/removal/").status_code == 404
