"""Who signs in (AUTHENTICATION_BACKENDS): allauth's rules; whom a session belongs to is asked with every page, so its SQL is kept."""

from __future__ import annotations

from typing import Any

from allauth.account import auth_backends

from kehu.core.models import User
from kehu.organizations.queries import user_of


class AuthenticationBackend(auth_backends.AuthenticationBackend):
    def get_user(self, user_id: Any) -> User | None:
        user = user_of(int(user_id))
        return user if user and self.user_can_authenticate(user) else None
