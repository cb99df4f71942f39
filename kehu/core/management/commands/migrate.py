"""Django's own `migrate`, for all organizations; afterwards every table stands behind the wall."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate
from django.db import connections

from kehu.core.scope import every_organization
from kehu.core.wall import raise_wall


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        with every_organization():
            super().handle(*args, **options)
            if not (options["plan"] or options["check_unapplied"]):
                raise_wall(connections[options["database"]])
