"""What commands share before they can work: Django, the tables, the files that pages ask for."""

from __future__ import annotations

import os


def django() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kehu.config.settings")
    import django as library

    library.setup()


def tables() -> None:
    """The database's tables, as this version has them."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def has_tables() -> bool:
    """Whether the database is up to date with this version."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def static_files() -> None:
    """Collected under names that carry their content, as the pages ask for them."""
    from django.conf import settings
    from django.core.management import call_command

    if not (settings.DEBUG or settings.TESTING):
        call_command("collectstatic", interactive=False, verbosity=0)
