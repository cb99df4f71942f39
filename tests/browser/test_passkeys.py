"""A passkey, with Chromium's own virtual authenticator: added, used alone to sign in, removed."""

from __future__ import annotations

from kehu.core.models import Event

from .conftest import Signed


def test_a_passkey_is_added_and_signs_in_alone(signed: Signed, live_server: object) -> None:
    page = signed("sales_rep", language="en")
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    page.goto("/settings/security/passkeys/new/")
    page.fill("#name", "My laptop")
    page.click("#passkey")
    page.wait_for_url("**/settings/security/codes/")
    page.goto("/settings/security/")
    assert page.get_by_text("My laptop").is_visible()

    page.context.clear_cookies()
    page.goto("/sign-in/?next=/customers/")
    page.click("#passkey")
    page.wait_for_url(lambda address: "sign-in" not in address and address.endswith("/customers/"))
    said = Event.objects.filter(stream="member:sales_rep", name="sign_in.done").order_by("-sequence")[0]
    assert said.facts["how"] == ["mfa"]


def test_a_passkey_that_is_not_given_is_said_beside_the_button(signed: Signed, live_server: object) -> None:
    page = signed("sales_rep", language="en")
    page.context.clear_cookies()
    page.context.add_cookies([{"name": "kehu_language", "value": "en", "url": live_server.url}])  # type: ignore[attr-defined]
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    devices.send(
        "WebAuthn.addVirtualAuthenticator",
        {"options": options | {"isUserVerified": False, "automaticPresenceSimulation": True}},
    )
    page.goto("/sign-in/")
    page.click("#passkey")
    page.get_by_text("The passkey was not used").wait_for()
