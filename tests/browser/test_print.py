"""Pages on paper, as the browser prints them."""

from __future__ import annotations

import pytest

from kehu.core import clock
from kehu.core.models import Organization
from tests.browser.conftest import Signed
from tests.portal.scenes import answered_complaint, sent_statement

pytestmark = pytest.mark.django_db(transaction=True)

ACROSS = round((297 - 2 * 10) / 25.4 * 96)
"""What an A4 across is wide between its margins, in the browser's pixels."""


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("register", ["customer-complaint", "receivables-month-end"])
def test_a_register_prints_all_its_columns(factory: Organization, signed: Signed, register: str, language: str) -> None:
    answered_complaint(factory, clock.now(factory))
    sent_statement(factory, clock.now(factory))
    page = signed("sales_head", language=language, width=ACROSS)
    page.goto(f"/registers/{register}/")
    page.emulate_media(media="print")
    assert page.locator(".register-table").evaluate("table => table.offsetWidth") <= ACROSS
    assert page.locator(".excel").is_hidden()
