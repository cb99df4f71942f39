"""Whose member somebody is: asked with every page, and with it what his organization says of itself."""

from __future__ import annotations

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from kehu.core.models import Organization
from kehu.core.scope import every_organization
from kehu.organizations.actions import changed
from kehu.organizations.queries import membership, user_of
from tests.cast import sign_in


def test_what_an_organization_says_is_read_once_for_each_of_its_versions(client: Client, mfg: Organization) -> None:
    user = sign_in(client, mfg, "sales_rep").get("/").wsgi_request.user
    assert _said(user.pk) == mfg.pack

    with CaptureQueriesContext(connection) as asked:
        assert _said(user.pk) == mfg.pack
    (only,) = asked.captured_queries
    assert '"core_organization"."version"' in only["sql"]
    assert '"core_organization"."pack"' not in only["sql"]

    mfg.pack = mfg.pack | {"deputy_links": 1}
    mfg.save(update_fields=["pack"])
    changed(mfg)
    assert _said(user.pk)["deputy_links"] == 1


def _said(key: int) -> dict[str, object]:
    with every_organization():
        user = user_of(key)
    member = user and membership(user)
    assert member
    return member.organization.pack
