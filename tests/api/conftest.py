"""Programs with tokens, at the API's door."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from kehu.core import clock
from kehu.core.models import Organization
from kehu.organizations import tokens
from kehu.organizations.tokens import SCOPES


class Program:
    """Something that holds a member's token. Answers are Django's; `json()` gives their content."""

    def __init__(self, organization: Organization, member: str, scopes: Collection[str] = tuple(SCOPES)):
        now = clock.now(organization)
        self.organization, self.client = organization, Client()
        self.token, self.secret = tokens.issue(
            organization=organization,
            member=member,
            name="A test",
            scopes=scopes,
            expires_at=now + timedelta(days=90),
            by=member,
            now=now,
        )

    def get(self, address: str, **headers: str) -> Any:
        return self.client.get(f"/api/v1{address}", headers=self._headers(headers))

    def post(self, address: str, body: Any = None, **headers: str) -> Any:
        content = body if isinstance(body, bytes) else json.dumps(body if body is not None else {})
        return self.client.post(
            f"/api/v1{address}", content, content_type="application/json", headers=self._headers(headers)
        )

    def patch(self, address: str, body: Any, **headers: str) -> Any:
        return self.client.patch(
            f"/api/v1{address}", json.dumps(body), content_type="application/json", headers=self._headers(headers)
        )

    def send(self, address: str, **parts: Any) -> Any:
        """As multipart."""
        return self.client.post(f"/api/v1{address}", parts, headers=self._headers({}))

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        named = {name.replace("_", "-"): value for name, value in more.items()}
        return {"Authorization": f"Bearer {self.secret}", "Accept-Language": "en", **named}


@pytest.fixture
def program(mfg: Organization) -> Callable[..., Program]:
    """`program("sales_rep")`: a program of that member's, with every scope."""
    return lambda member, scopes=tuple(SCOPES): Program(mfg, member, scopes)
