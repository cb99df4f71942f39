"""A real browser on a real server. Chromium is Debian's, or where KEHU_CHROMIUM says (`make browser` finds or installs it)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, Page, sync_playwright

from kehu.core import clock
from kehu.core.models import Organization
from kehu.core.scope import scope
from tests.cast import company, sign_in

# Playwright's own loop runs in this thread; Django would take our plain calls for calls from a coroutine.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

TODAY = clock.now()
ARGUMENTS = [
    *("--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """On SQLite the database is a file, as an installation's: in memory all threads share one connection, and a page that asks
    on by itself while the tables are emptied is locked out."""
    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(tmp_path_factory.mktemp("browser") / "kehu.sqlite3")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=os.environ.get("KEHU_CHROMIUM", "/usr/bin/chromium"), args=ARGUMENTS
        )
        yield chromium
        chromium.close()


@pytest.fixture
def factory(transactional_db: object) -> Iterator[Organization]:
    """The factory since today, so that pages and the clock agree."""
    organization = company("mfg", since=TODAY)
    with scope(organization):
        yield organization


Signed = Callable[..., Page]


@pytest.fixture
def signed(browser: Browser, live_server: object, factory: Organization) -> Iterator[Signed]:
    """`signed("sales_rep", language="en", width=390)`: a page on which that member is signed in. Whatever the browser complains
    about on it fails the test: an error in a script, something the Content-Security-Policy stopped, a failed request."""
    complaints: list[str] = []
    contexts = []

    def open_page(member: str, language: str = "zh-hans", width: int = 1280) -> Page:
        cookie = sign_in(Client(), factory, member).cookies[settings.SESSION_COOKIE_NAME].value
        context = browser.new_context(viewport={"width": width, "height": 900}, base_url=live_server.url)  # type: ignore[attr-defined]
        context.add_cookies(
            [
                {"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url},  # type: ignore[attr-defined]
                {"name": "kehu_language", "value": language, "url": live_server.url},  # type: ignore[attr-defined]
            ]
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda line: (
                complaints.append(line.text)
                if line.type == "error" and "422" not in line.text and "403" not in line.text
                else None
            ),
        )
        page.on(
            "response",
            lambda answer: complaints.append(f"{answer.status} {answer.url}") if answer.status >= 500 else None,
        )
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
