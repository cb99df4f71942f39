"""What README and docs name is there: files, commands, targets, settings, labels of pages; and the tutorial's pack works."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from kehu.cases.examples import run_stories, stage
from kehu.cli.main import COMMANDS
from kehu.procedures.checks import check_pack
from kehu.procedures.packs import load
from kehu.procedures.sources import Source
from tests.cast import ROOT, at

DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
TREE = ("kehu/", "docs/", "tests/", "packs/", "tools/", "requirements/", "locale/")
NOT_YET = {"export"}
"""Commands that documents name only to say that they are missing."""


def test_both_readmes_have_the_same_parts() -> None:
    def parts(document: Path) -> list[str]:
        return re.findall(r"(?m)^(#+) |^(\d+)\. ", document.read_text())

    assert parts(ENGLISH) == parts(CHINESE)


@every_document
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)", document.read_text())

    assert [link for link in links if not (document.parent / link).exists()] == []


@every_document
def test_named_files_are_there(document: Path) -> None:
    names = re.findall(r"`([\w./*-]+/[\w./*-]*)`", document.read_text())
    named = [name for name in names if name.startswith(TREE) and "tiny" not in name and name != "requirements/*.md"]

    assert [name for name in named if not list(ROOT.glob(name.rstrip("/")))] == []


@every_document
def test_named_commands_are_there(document: Path) -> None:
    named = {name for code in _code(document) for name in re.findall(r"\bkehu ([a-z]+)\b", code)}

    assert named - COMMANDS.keys() - NOT_YET - {"kehu"} == set()


@every_document
def test_named_targets_are_there(document: Path) -> None:
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text()))
    named = {name for code in _code(document) for name in re.findall(r"\bmake ([a-z]+)\b", code)}

    assert named - targets == set()


def test_every_command_is_in_the_reference() -> None:
    reference = (ROOT / "docs" / "reference" / "cli.md").read_text()

    assert [name for name in COMMANDS if f"`kehu {name}" not in reference] == []


def test_every_setting_is_in_the_reference_and_no_other() -> None:
    code = "".join(path.read_text() for folder in ("kehu", "tools") for path in (ROOT / folder).rglob("*.py"))
    reference = (ROOT / "docs" / "reference" / "settings.md").read_text()

    assert set(re.findall(r"KEHU_[A-Z_]+", reference)) == set(re.findall(r'KEHU_[A-Z_]+(?=")', code))


def test_every_decision_is_in_the_list() -> None:
    listed = (ROOT / "docs" / "decisions" / "README.md").read_text()

    assert [page.name for page in (ROOT / "docs" / "decisions").glob("0*.md") if page.name not in listed] == []


@pytest.mark.parametrize(("document", "language"), [(ENGLISH, "en"), (CHINESE, "zh")], ids=["English", "Chinese"])
def test_the_tour_speaks_the_pages_words(document: Path, language: str) -> None:
    labels = re.findall(r"\*\*(.+?)\*\*", document.read_text().partition("\n1. ")[2])

    assert [label for label in labels if label not in _labels(language)] == []


def test_the_glossary_knows_only_words_of_the_code() -> None:
    code = (
        "".join(path.read_text() for path in (ROOT / "kehu").rglob("*.py")) + (ROOT / "packs/mfg/pack.yaml").read_text()
    )
    rows = re.findall(r"(?m)^\| .+ \| .+ \| (.+) \|$", (ROOT / "docs" / "glossary.md").read_text())
    words = [word for cell in rows for word in re.findall(r"`(\w+)`", cell)]

    assert len(words) > 60
    assert [word for word in words if not re.search(rf"\b{word}\b", code)] == []


def test_the_tutorial_s_pack_works(db: Any, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "howto" / "write-a-procedure.md").read_text()
    for name, content in re.findall(r"(?s)`packs/tiny/([\w./-]+)`:\n\n```yaml\n(.*?)```", text):
        file = tmp_path / "tiny" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    loaded = load(tmp_path / "tiny")

    assert [str(problem) for problem in check_pack(loaded)] == []
    result = run_stories(loaded, stage(loaded, at("2026-01-05 08:00")), Source.read(loaded.examples["sample-request"]))
    assert (result.stories, [str(difference) for difference in result.differences]) == (2, [])


def _code(document: Path) -> Iterator[str]:
    text = document.read_text()
    yield from re.findall(r"(?ms)^ *```sh\n(.*?)```", text)
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"(?ms)^ *```.*?```", "", text))


@lru_cache
def _labels(language: str) -> set[str]:
    """Every text of the pages, and every title in the demo's pack."""
    catalog = (ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po").read_text()
    shown = re.findall(r'(?m)^msgid "(.+)"$' if language == "en" else r'(?m)^msgstr "(.+)"$', catalog)
    titles = [
        title
        for file in (ROOT / "packs" / "mfg").rglob("*.yaml")
        for title in _titles(YAML(typ="safe").load(file), language)
    ]
    return {*shown, *titles, "English", "简体中文", "Excel", "PDF"}


def _titles(node: Any, language: str) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get(language), str):
            yield node[language]
        for value in node.values():
            yield from _titles(value, language)
    elif isinstance(node, list):
        for value in node:
            yield from _titles(value, language)
