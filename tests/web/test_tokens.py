"""Access tokens on their page."""

import re

from kehu.organizations import tokens
from kehu.organizations.models import AccessToken
from tests.cast import sign_in

NEW = {"name": "ERP", "scopes": ["cases:read"], "days": "90"}


def test_a_token_is_shown_once_and_opens_the_api(client, mfg):
    sign_in(client, mfg, "sales_rep")
    page = client.post("/settings/tokens/", NEW)
    secret = re.search(r"kehu_[\w-]{20,}", page.content.decode())[0]

    assert tokens.holder_of(secret).member.key == "sales_rep"
    assert client.get("/api/v1/cases", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    assert secret not in client.get("/settings/tokens/").content.decode()


def test_what_is_wrong_is_said_and_what_was_typed_stays(client, mfg):
    page = sign_in(client, mfg, "sales_rep").post("/settings/tokens/", {"name": "ERP", "days": "9999"})

    assert page.status_code == 422
    assert 'value="ERP"' in page.content.decode()
    assert not AccessToken.objects.exists()


def test_everybody_revokes_his_own_and_only_some_another_s(client, mfg):
    sign_in(client, mfg, "sales_rep").post("/settings/tokens/", NEW)
    token = AccessToken.objects.get()

    assert sign_in(client, mfg, "finance").post(f"/settings/tokens/{token.pk}/revocation/").status_code == 404
    assert client.get("/settings/all-tokens/").status_code == 403
    boss = sign_in(client, mfg, "general_manager")
    assert "ERP" in boss.get("/settings/all-tokens/").content.decode()
    assert boss.post(f"/settings/tokens/{token.pk}/revocation/").status_code == 302
    token.refresh_from_db()
    assert token.revoked_at
