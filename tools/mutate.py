#!/usr/bin/env python3
"""Breaks a pack's rules one at a time and says which of them no story notices: `make mutants`. Run by .venv's Python.

A check dropped, an hour more, an approval that anybody may give: each on a copy in memory, for which the procedure's own stories are
played, and those of other procedures that come to its steps. A rule that can be broken in silence is one its stories do not show, or one that does nothing.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from kehu.cases.examples import Player
    from kehu.core.models import Organization
    from kehu.engine.definitions import Procedure
    from kehu.procedures.packs import LoadedPack
    from kehu.procedures.sources import Source

Place = tuple[str | int, ...]
DROP = object()


# --- how a rule can be broken -----------------------------------------------------------------------------------------

NAMES = {
    "sections",
    "fields",
    "columns",
    "steps",
    "outcomes",
    "clocks",
    "schedules",
    "indicators",
    "statistics",
    "ladders",
    "settings",
}
"""What stands below these is named by the pack: a field called `needs` is no rule."""

WORDS = {
    "title",
    "text",
    "guidance",
    "help",
    "purpose",
    "scope",
    "retention",
    "clauses",
    "choices",
    "titles",
    "status_page",
}
"""Read by people, or named by what is."""

LINES = {
    "accept", "approves", "asks", "checks", "needs", "next", "opens", "paused_by", "signatures", "shares", "tell", "tells", "watch",
    "columns", "on_open", "numbers", "sets", "when_it_ends", "with",
}  # fmt: skip
"""Several rules below one key: each is dropped by itself."""

KEYS = {
    "compare", "computed", "default", "each_round", "from", "join", "late", "latest", "max", "max_length", "min", "min_rows",
    "new_round", "of", "refuses", "required", "submit", "takes", "until", "unless", "when", "where", "visible",
}  # fmt: skip
"""One rule, dropped as a whole."""

LIMITS = {"after", "at", "before", "due", "else", "every", "for", "value", "within"}
EXPRESSIONS = {
    "at", "by", "computed", "counts", "default", "done", "from", "of", "required", "that", "unless", "until", "value", "visible",
    "when", "where",
}  # fmt: skip
BELOW_EXPRESSIONS = {"add", "on_open", "set", "sets", "with"}
"""Their lines are named by the pack, and are expressions."""

KINDS = {
    "checks": "accept checks compare max max_length min min_rows needs of required that",
    "limits": "after at before due else every for from late latest paused_by valid value within",
    "notices": "escalate ladders shares takes tell tells watch",
    "roles": "approves by readers role rows signatures",
    "flow": "done join new_round next opens refuses submit unless until when when_it_ends where",
    "facts": "asks default each_round numbers on_open set sets visible with",
    "figures": "columns computed counts indicators register statistics",
}
"""What one may ask for. A rule is of the kind of the innermost of these words on the way to it."""
KIND_OF = {word: kind for kind, words in KINDS.items() for word in words.split()}

TIME = re.compile(r"(\d+)( working)? (minute|hour|day|week|month)s?")
PERCENT = re.compile(r"\d+%")
QUOTED_OR_NUMBER = re.compile(r"""('[^']*'|"[^"]*"|[A-Za-z_#.][\w.]*)|(?<!\d)(\d+(?:\.\d+)?)""")
QUOTED_OR_COMPARED = re.compile(r"""('[^']*'|"[^"]*")|(<=|>=|<|>)(?=\s)""")
BOUND = {"<=": "<", ">=": ">", "<": "<=", ">": ">="}


@dataclass(frozen=True)
class Break:
    """One rule broken: what stands at `path` instead, and how one says so."""

    path: Place
    words: str
    value: Any

    @property
    def kind(self) -> str:
        return next((KIND_OF[step] for step in reversed(self.path) if step in KIND_OF), "facts")

    def applied(self, root: Any) -> Any:
        """A copy of the file's value in which it is broken."""
        root = deepcopy(root)
        parent = root
        for step in self.path[:-1]:
            parent = parent[step]
        if self.value is DROP:
            del parent[self.path[-1]]
        else:
            parent[self.path[-1]] = self.value
        return root


def breaks(value: Any, path: Place = ()) -> Iterator[Break]:
    """Every way in which the rules of a file are broken, one at a time."""
    if isinstance(value, list):
        for number, line in enumerate(value):
            yield from breaks(line, (*path, number))
    if not isinstance(value, dict):
        return
    is_named = bool(path) and path[-1] in NAMES and not (len(path) > 1 and path[-2] == "fields")
    for key, inner in value.items():
        here = (*path, key)
        if is_named:
            yield from breaks(inner, here)
        elif key not in WORDS:
            yield from _of_key(key, inner, here)
            if key not in BELOW_EXPRESSIONS or isinstance(inner, dict):
                yield from breaks(inner, here)


def _of_key(key: str, value: Any, path: Place) -> Iterator[Break]:
    if key == "role":
        yield from _roles(value, path)
    elif key == "escalate" or (len(path) > 1 and path[-2] == "ladders"):
        yield from _ladder(value, path)
    elif key in LINES:
        yield from _lines(key, value, path)
    elif key in KEYS:
        yield Break(path, "dropped", DROP)
    if key in LIMITS:
        yield from _limits(value, path)
    if key in EXPRESSIONS:
        yield from _expressions(value, path)
    if key in BELOW_EXPRESSIONS and isinstance(value, dict):
        for name, expression in value.items():
            yield from _expressions(expression, (*path, name))


def _lines(key: str, value: Any, path: Place) -> Iterator[Break]:
    if isinstance(value, dict):
        yield from (Break((*path, name), "dropped", DROP) for name in value)
    elif isinstance(value, list) and (len(value) > 1 or key in ("checks", "watch")):
        yield from (Break((*path, number), f"dropped: {_short(line)}", DROP) for number, line in enumerate(value))
    elif key not in ("next", "signatures"):
        yield Break(path, f"dropped: {_short(value)}", DROP)


def _roles(value: Any, path: Place) -> Iterator[Break]:
    if value in ("customer", "system", "anyone"):
        return
    yield Break(path, f"{_short(value)} → anyone", "anyone")
    if isinstance(value, list):
        yield from (Break((*path, number), f"dropped: {role}", DROP) for number, role in enumerate(value))
    elif isinstance(value, str) and "+" in value:
        narrower = value.replace("+", "", 1)
        yield Break(path, f"{value} → {narrower}", narrower)


def _ladder(value: Any, path: Place) -> Iterator[Break]:
    if isinstance(value, list):
        for number, rung in enumerate(value):
            yield Break((*path, number), f"rung dropped: {_short(rung)}", DROP)
    elif value != "none":
        yield Break(path, f"dropped: {_short(value)}", "none")


def _limits(value: Any, path: Place) -> Iterator[Break]:
    if isinstance(value, str) and (found := TIME.search(value)):
        more = value[: found.start(1)] + str(int(found[1]) + 1) + value[found.end(1) :]
        yield Break(path, f"{value} → {more}", more)
    elif isinstance(value, str) and PERCENT.fullmatch(value):
        yield Break(path, f"{value} → {int(value[:-1]) + 5}%", f"{int(value[:-1]) + 5}%")


def _expressions(value: Any, path: Place) -> Iterator[Break]:
    """Every number one more; every bound in or out."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield Break(path, f"{value} → {value + 1}", value + 1)
    if not isinstance(value, str) or TIME.fullmatch(value) or PERCENT.fullmatch(value):
        return
    for pattern, other in ((QUOTED_OR_NUMBER, _one_more), (QUOTED_OR_COMPARED, BOUND.__getitem__)):
        for found in pattern.finditer(value):
            if found[2]:
                changed = value[: found.start()] + other(found[2]) + value[found.end() :]
                yield Break(path, f"{found[2]} → {other(found[2])} in {_short(value)}", changed)


def _one_more(number: str) -> str:
    return str(float(number) + 1) if "." in number else str(int(number) + 1)


def of_tables(tables: dict[str, Any]) -> Iterator[Break]:
    """Every answer of a decision table exchanged for another it knows, for one matter at a time; every threshold one further."""
    for key, table in tables.items():
        for number, row in enumerate(table["rows"]):
            for output in table["outputs"]:
                others = [one[output] for one in table["rows"] if one[output] != row[output]]
                for other in others[:1]:
                    yield from _answered(key, table, number, output, other)
        for name in table["inputs"]:
            for bound in sorted({n for row in table["rows"] for n in re.findall(r"\d+", str(row.get(name, "")))}):
                further = str(int(bound) + 1)
                rows = [
                    {**row, name: str(row[name]).replace(bound, further)} if bound in str(row.get(name, "")) else row
                    for row in table["rows"]
                ]
                yield Break((key, "rows"), f"{name}: {bound} → {further}", rows)


def _answered(key: str, table: dict[str, Any], number: int, output: str, other: Any) -> Iterator[Break]:
    row = table["rows"][number]
    several = next((name for name in table["inputs"] if isinstance(row.get(name), list)), None)
    for one in row[several] if several else [None]:
        lines = [{**row, output: other}]
        if several:
            lines = [{**row, several: one, output: other}]
            lines += [{**row, several: [left for left in row[several] if left != one]}]
        rows = [*table["rows"][:number], *lines, *table["rows"][number + 1 :]]
        where = f"{one or number + 1}: {output}"
        yield Break((key, "rows"), f"{where}: {_short(row[output])} → {_short(other)}", rows)


def _short(value: Any) -> str:
    text = str(value.get("that") or value.get("procedure") or value) if isinstance(value, dict) else str(value)
    return text if len(text) <= 70 else text[:69] + "…"


# --- the stories that should notice -----------------------------------------------------------------------------------


@dataclass
class Story:
    """A story, the steps its cases came to, and how often it has noticed what was broken there."""

    source: Source
    number: int
    steps: set[str] = field(default_factory=set)
    noticed: Counter[str | None] = field(default_factory=Counter)
    seconds: float = 0


@dataclass
class Stage:
    """Where broken rules are played."""

    loaded: LoadedPack
    organization: Organization

    def put(self, loaded: LoadedPack, *procedures: str) -> None:
        """These procedures as that pack has them; without any, all."""
        from kehu.procedures.actions import publish

        self.loaded = loaded
        chosen = {key: loaded.procedures[key] for key in procedures} or loaded.procedures
        now = datetime.now().astimezone()
        publish(organization=self.organization, loaded=replace(loaded, procedures=chosen), by="", now=now, checked=True)

    def plays(self, story: Story) -> bool:
        """Whether the story comes true."""
        from django.db import transaction
        from django.utils import translation

        from kehu.cases.examples import Player
        from kehu.cases.models import Task
        from kehu.core.scope import scope
        from kehu.reports.shown import SHOWN

        with scope(self.organization), transaction.atomic(), translation.override("en"):
            player: Player = Player(
                self.loaded, self.organization, story.source, story.number, story.source.value[story.number], SHOWN
            )
            try:
                with transaction.atomic():
                    comes_true = not player.play()
                    if not story.steps:
                        story.steps = set(Task.objects.values_list("step", flat=True))
            except Exception:  # a broken rule may break anything, and that is noticed
                comes_true = False
            transaction.set_rollback(True)
        with scope(self.organization):
            self.organization.refresh_from_db(fields=["version", "chain_head"])
        return comes_true

    def is_noticed(self, stories: list[Story], step: str | None) -> bool:
        """Those first that noticed much; those that come to the step, where the rule is one of a step that any comes to, and those that
        come to none: their case is refused at its start."""
        come = any(step in story.steps for story in stories)
        coming = [story for story in stories if not come or step in story.steps or not story.steps]
        for story in sorted(coming, key=lambda story: (-story.noticed[step], story.seconds)):
            if not self.plays(story):
                story.noticed[step] += 1
                return True
        return False


def stories_of(stage: Stage, procedure: str) -> list[Story]:
    """The procedure's stories and those of others that name it or its steps, each played once with the rules whole."""
    from kehu.procedures.sources import Source

    steps = stage.loaded.procedures[procedure].steps
    names = [repr(name) for name in (procedure, *(key for key, step in steps.items() if step.kind == "task"))]
    found = []
    for key, file in stage.loaded.examples.items():
        source = Source.read(file)
        for number, story in enumerate(source.value or []):
            if key == procedure or any(name in repr(story) for name in names):
                found.append(Story(source, number))
    for story in found:
        file = story.source.file
        began = time.process_time()
        if not stage.plays(story):
            sys.exit(
                f"{file}: story {story.number + 1} does not come true with the rules whole: see `kehu examples` first."
            )
        story.seconds = time.process_time() - began
    return found


# --- breaking one after the other -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Broken:
    """A rule of a pack, broken: the pack with it, and whose stories should notice."""

    file: Path
    line: int
    one: Break
    loaded: LoadedPack
    procedures: tuple[str, ...]
    step: str | None = None

    @property
    def rows(self) -> list[str]:
        """The catalogue rows that the step's clauses cover, or all of the procedure's."""
        if len(self.procedures) != 1:
            return []
        procedure = self.loaded.procedures[self.procedures[0]]
        clauses = procedure.steps[self.step].clause if self.step in procedure.steps else tuple(procedure.clauses)
        return [row for key in clauses if key in procedure.clauses for row in procedure.clauses[key].covers]

    def __str__(self) -> str:
        place = ".".join(str(step + 1) if isinstance(step, int) else step for step in self.one.path)
        rows = f"\n    {', '.join(self.rows)}" if self.rows else ""
        return f"{self.file}:{self.line}: {place}: {self.one.words}{rows}"


def of_procedure(loaded: LoadedPack, key: str) -> Iterator[Broken]:
    from pydantic import ValidationError

    from kehu.engine.definitions import Form, Procedure

    for name in ("procedure.yaml", "form.yaml"):
        source = loaded.source(loaded.folders[key] / name)
        for one in breaks(source.value):
            changed = one.applied(source.value)
            try:
                if name == "form.yaml":
                    update = {"form": Form.model_validate(changed)}
                    procedure = loaded.procedures[key].model_copy(update=update)
                    procedure = Procedure.model_validate(procedure.model_dump(by_alias=True))
                else:
                    procedure = Procedure.model_validate(changed | {"form": loaded.procedures[key].form})
            except (ValidationError, ValueError):
                continue  # it could not be written so
            if one.path[-1] == "refuses" and not _asks_for_anything(loaded.procedures[key], one.path):
                continue
            if "visible" in one.path and not _is_asked_for(source.value, one.path[: one.path.index("visible")]):
                continue
            step = str(one.path[1]) if one.path[0] == "steps" and not {"join", "each"} & set(one.path) else None
            pack = replace(loaded, procedures={**loaded.procedures, key: procedure})
            yield Broken(source.file, source.line_of(one.path), one, pack, (key,), step)


def _asks_for_anything(procedure: Procedure, path: Place) -> bool:
    """Whether the form asks there for anything that the refusal lets out. Where not, `refuses` is how people read the outcome."""
    step = procedure.steps[str(path[1])]
    if step.signatures or step.outcomes[str(path[3])].fills is not None:
        return bool(step.signatures)
    fields = [field for section in step.fills for field in procedure.form.sections[section].fields.values()]
    return any(field.required != "false" or field.checks or field.columns for field in fields)


def _is_asked_for(form: Any, place: Place) -> bool:
    """Whether the field must be filled or pass checks while it is seen. Where not, `visible` is how people read the form."""
    for step in place:
        form = form[step]
    return bool({"required", "checks"} & set(form)) or ("columns" in form and "system" not in form)


def of_company(loaded: LoadedPack) -> Iterator[Broken]:
    """Ladders and settings of pack.yaml, and decision tables: every procedure that can read them should notice."""
    from pydantic import ValidationError

    from kehu.engine.definitions import Pack

    source = loaded.source(loaded.folder / "pack.yaml")
    for one in breaks({key: source.value[key] for key in ("ladders", "settings") if key in source.value}):
        try:
            pack = Pack.model_validate(one.applied(source.value))
        except ValidationError:
            continue
        readers = _readers(loaded, str(one.path[1])) if one.path[0] == "settings" else tuple(loaded.procedures)
        yield Broken(source.file, source.line_of(one.path), one, replace(loaded, pack=pack), readers)
    for file in dict.fromkeys(loaded.table_files.values()):
        source = loaded.source(file)
        for one in of_tables({key: loaded.raw_tables[key] for key in source.value}):
            pack = replace(loaded, raw_tables=one.applied(loaded.raw_tables))
            yield Broken(file, source.line_of(one.path), one, pack, _readers(loaded, str(one.path[0])))


def _readers(loaded: LoadedPack, name: str) -> tuple[str, ...]:
    """The procedures in whose files that name stands."""
    word = re.compile(rf"\b{name}\b")
    return tuple(
        key
        for key, folder in loaded.folders.items()
        if any(word.search(loaded.source(folder / file).text) for file in ("procedure.yaml", "form.yaml"))
    )


def main() -> int:
    given = _parser().parse_args()
    from kehu.cli.examples import prepare
    from kehu.procedures.packs import load

    loaded = load(given.pack)
    if loaded.problems or not loaded.pack:
        sys.exit("\n".join(map(str, loaded.problems)))
    prepare()
    from kehu.cases.examples import stage as staged

    stage = Stage(loaded, staged(loaded, datetime.now().astimezone()))
    stories: dict[str, list[Story]] = {}
    tried = silent = 0
    for key in given.procedures or [*loaded.procedures, "company"]:
        for broken in of_company(loaded) if key == "company" else of_procedure(loaded, key):
            if broken.one.kind not in (given.kind or KINDS) or given.only not in str(broken):
                continue
            for reader in set(broken.procedures) - set(stories):
                stage.put(loaded)
                stories[reader] = stories_of(stage, reader)
            stage.put(broken.loaded, *(() if key == "company" else broken.procedures))
            tried += 1
            if not stage.is_noticed([story for reader in broken.procedures for story in stories[reader]], broken.step):
                silent += 1
                print(broken, flush=True)
        stage.put(loaded)
    print(f"{tried} rules broken, {silent} noticed by no story")
    return 1 if silent else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Break a pack's rules one at a time; print those no story notices.")
    parser.add_argument("pack", type=Path, metavar="DIR", help="the pack")
    parser.add_argument(
        "procedures", nargs="*", metavar="PROCEDURE", help="whose rules; `company` are ladders, settings, tables [all]"
    )
    parser.add_argument(
        "--kind", action="append", choices=KINDS, help="rules of this kind; may be said several times [all]"
    )
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="those whose line would hold this text, such as a step"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
