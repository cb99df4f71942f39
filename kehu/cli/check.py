"""`kehu check PACK…`: reads packs, names every mistake with file, line and remedy; 1 if there is any."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from kehu.procedures.checks import check_pack
from kehu.procedures.clauses import Coverage, coverage
from kehu.procedures.packs import LoadedPack, load


def run(arguments: Sequence[str]) -> int:
    given = _parser().parse_args(arguments)
    if given.section and not given.coverage:
        _parser().error("--section says which rows of --coverage DIR to look at")
    codes = [_check(Path(pack), given.coverage, given.section) for pack in given.packs]
    return max(codes)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kehu check", description="Read packs and name every mistake in them.")
    parser.add_argument("packs", nargs="+", metavar="PACK", help="the folder of a pack, such as packs/mfg")
    parser.add_argument("--coverage", type=Path, metavar="DIR", help="list the requirement rows that no story covers")
    parser.add_argument("--section", metavar="PREFIX", help="only rows that begin so, such as MFG-S4")
    return parser


def _check(folder: Path, requirements: Path | None, section: str | None) -> int:
    loaded = load(folder)
    problems = check_pack(loaded)
    for problem in problems:
        print(problem)
    print(f"{_count(len(problems), 'problem')} in {folder}" if problems else f"{folder}: no problems ({_size(loaded)})")
    if requirements is None:
        return 1 if problems else 0
    if not requirements.is_dir():
        print(f"{requirements}: there is no such folder of requirements.")
        return 1
    found = coverage(loaded, requirements)
    _print_coverage(found.section(section) if section else found)
    return 1 if problems or found.unknown else 0


def _print_coverage(found: Coverage) -> None:
    for problem in found.unknown:
        print(problem)
    for row in found.uncovered:
        print(f"{row.file}:{row.line}: {row.id} is covered by no story.")
    print(
        f"{_count(len(found.rows), 'row')}: {len(found.covered_by)} covered, "
        f"{len(found.manual.keys() - found.covered_by.keys())} manual, {len(found.uncovered)} uncovered"
        + (f"; {_count(len(found.unknown), 'unknown row')} named" if found.unknown else "")
    )


def _size(loaded: LoadedPack) -> str:
    procedures = loaded.procedures.values()
    counts = {
        "procedure": len(procedures),
        "step": sum(len(procedure.steps) for procedure in procedures),
        "clause": sum(len(procedure.clauses) for procedure in procedures),
        "table": len(loaded.tables),
    }
    return ", ".join(_count(number, word) for word, number in counts.items())


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
