"""`kehu examples`: runs a pack's stories, or any file's, against a fresh organization in memory."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path


def run(arguments: Sequence[str]) -> int:
    given = _parser().parse_args(arguments)
    from kehu.procedures.packs import load
    from kehu.procedures.sources import Source

    loaded = load(given.pack)
    if loaded.problems or not loaded.pack:
        for problem in loaded.problems:
            print(problem, file=sys.stderr)
        return 1
    prepare()
    from kehu.cases.examples import Result, run_stories, stage
    from kehu.reports.shown import SHOWN

    organization = stage(loaded, datetime.now().astimezone())
    total = Result()
    for file in given.files or sorted(loaded.examples.values()):
        source = Source.read(file)
        for problem in source.problems:
            print(problem)
        result = run_stories(loaded, organization, source, SHOWN)
        total.stories += result.stories
        total.differences += result.differences
        if source.problems:
            return 1
    for difference in total.differences:
        print(difference)
    failed = len({(difference.file, difference.story) for difference in total.differences})
    print(f"{total.stories - failed} passed, {failed} failed")
    return 1 if total.differences else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kehu examples", description="Run a pack's stories and print every difference."
    )
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="stories to run; default: all of the pack's own"
    )
    parser.add_argument(
        "--pack", type=Path, default=Path("packs/mfg"), metavar="DIR", help="the pack they play in [packs/mfg]"
    )
    return parser


def prepare() -> None:
    """A database in memory with our tables: nothing of an installation is read or written."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "kehu.config.settings"
    os.environ["KEHU_DATABASE_URL"] = "sqlite:///:memory:"
    os.environ.setdefault("KEHU_SECRET_KEY", "stories")
    os.environ.setdefault(
        "PYPINYIN_NO_PHRASES", "1"
    )  # no story searches by initials, and the dictionary is slow to load
    os.environ.setdefault("KEHU_VAR", tempfile.mkdtemp(prefix="kehu-stories-"))
    import django

    django.setup()
    from django.apps import apps
    from django.db import connection

    with connection.schema_editor() as editor:
        for config in apps.get_app_configs():
            if config.name.startswith("kehu."):
                for model in config.get_models():
                    editor.create_model(model)
