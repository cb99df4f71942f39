"""The settings' list: everybody's own, and the company's for whoever has the right."""

from __future__ import annotations

from django.test import Client

from kehu.web import settings
from kehu.web.settings import Section
from tests.cast import sign_in


def test_a_section_with_a_right_is_listed_only_for_whoever_has_it(client: Client, mfg, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    own = Section("notices", "Own section", "bell", "")
    company = Section("customers", "Company section", "users", "", "people")
    monkeypatch.setattr(settings, "SECTIONS", (own, company))

    def seen(key: str) -> str:
        return sign_in(client, mfg, key).get("/settings/").content.decode()

    assert "Own section" in seen("sales_rep")
    assert "Company section" not in seen("sales_rep")
    assert "Company section" in seen("personnel")
