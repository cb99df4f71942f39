"""A link on the staff's page: to be copied or scanned by whoever could have made it, as long as nobody has opened it."""

from __future__ import annotations

from django.test import Client

from kehu.cases.links import link_of
from kehu.core import clock
from tests.cast import sign_in

from .scenes import invite, opened, sent_survey


def panel(client: Client, number: str) -> str:
    page = client.get(f"/cases/{number}/").content.decode()
    return page[page.index('id="links"') :]


def test_a_link_is_copied_or_scanned_until_it_is_opened(mfg, client: Client) -> None:  # type: ignore[no-untyped-def]
    told = sent_survey(mfg, clock.now())
    link = invite(told, step="collect-answer", by="sales_rep")
    sign_in(client, mfg, "sales_rep")
    fresh = panel(client, told.number)
    assert link_of(link) in fresh
    assert "让客户扫码" in fresh
    assert "<svg" in fresh

    opened(link)
    assert link_of(link) in panel(client, told.number)
    assert "让客户扫码" not in panel(client, told.number)
    sign_in(client, mfg, "sales_head")
    assert link_of(link) not in panel(client, told.number)
