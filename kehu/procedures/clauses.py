"""Requirement rows against stories: what a pack shows, what people see to, what nobody has looked at yet.

A catalogue is a folder of markdown files. Its rows are table lines whose first cell holds ids such as `MFG-S4-1.1#5`, or
several: `CPL-7.1.1 = PCB-7.1.1` is one requirement of two documents, and each id counts for itself.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .packs import LoadedPack
from .sources import Place, Problem, Source, did_you_mean

_ID = re.compile(r"[A-Z][A-Z0-9]+(?:-[A-Za-z0-9.#()]+)+")


@dataclass(frozen=True)
class Row:
    """One requirement, and where the catalogue states it."""

    id: str
    file: Path
    line: int


@dataclass(frozen=True)
class Coverage:
    rows: dict[str, Row]
    """The rows of the catalogue that belong to this pack: those of the documents it covers anywhere."""
    covered_by: dict[str, list[str]] = field(default_factory=dict)
    manual: dict[str, str] = field(default_factory=dict)
    """Row -> why people see to it without the system."""
    unknown: list[Problem] = field(default_factory=list)
    """`covers` that name a row which the catalogue does not have."""

    @property
    def uncovered(self) -> list[Row]:
        return [row for key, row in self.rows.items() if key not in self.covered_by and key not in self.manual]

    def section(self, prefix: str) -> Coverage:
        """The same for the rows that begin so."""
        rows = {key: row for key, row in self.rows.items() if key.startswith(prefix)}
        covered = {key: stories for key, stories in self.covered_by.items() if key in rows}
        return Coverage(rows, covered, {key: why for key, why in self.manual.items() if key in rows}, self.unknown)


@dataclass(frozen=True)
class _Claim:
    """One `covers` line: which row, said by whom, and why by hand."""

    row: str
    source: Source
    place: Place
    story: str = ""
    manual: str = ""


def read_catalogue(folder: Path) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for file in sorted(folder.glob("*.md")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            for key in _ids(line):
                rows.setdefault(key, Row(key, file, number))
    return rows


def _ids(line: str) -> list[str]:
    """The ids of a table line: its first cell holds nothing else."""
    if not line.startswith("|"):
        return []
    cell = line.split("|", 2)[1]
    ids = [part.strip(" `*") for part in re.split(r"[=,]", cell)]
    return ids if all(_ID.fullmatch(key) for key in ids) else []


def coverage(loaded: LoadedPack, requirements: Path) -> Coverage:
    catalogue = read_catalogue(requirements)
    claims = [*_stories(loaded), *_clauses(loaded)]
    documents = {_document(claim.row) for claim in claims}
    rows = {key: row for key, row in catalogue.items() if _document(key) in documents}
    covered: dict[str, list[str]] = defaultdict(list)
    manual: dict[str, str] = {}
    unknown: list[Problem] = []
    for claim in claims:
        if claim.row not in catalogue:
            unknown.append(_unknown(claim, catalogue))
        elif claim.story:
            covered[claim.row].append(claim.story)
        elif claim.manual:
            manual[claim.row] = claim.manual
    return Coverage(rows, dict(covered), manual, sorted(set(unknown)))


def _document(row: str) -> str:
    return row.partition("-")[0]


def _unknown(claim: _Claim, catalogue: Mapping[str, Row]) -> Problem:
    hint = did_you_mean(claim.row, catalogue) or "Rows are named as in the requirements."
    return claim.source.problem(claim.place, f'row "{claim.row}" is not in the requirements.', hint)


def _stories(loaded: LoadedPack) -> Iterator[_Claim]:
    for file in loaded.examples.values():
        source = Source.read(file)
        for index, story in enumerate(source.value if isinstance(source.value, list) else []):
            if not isinstance(story, dict):
                continue
            rows = story.get("covers") or []
            for number, row in enumerate(rows if isinstance(rows, list) else [rows]):
                yield _Claim(
                    str(row), source, (index, "covers", number), story=str(story.get("example", "")) or file.name
                )


def _clauses(loaded: LoadedPack) -> Iterator[_Claim]:
    for key, procedure in loaded.procedures.items():
        source = loaded.source(loaded.folders[key] / "procedure.yaml")
        for number, clause in procedure.clauses.items():
            why = clause.manual.en if clause.manual else ""
            for index, row in enumerate(clause.covers):
                yield _Claim(row, source, ("clauses", number, "covers", index), manual=why)
