"""A pack's folder read into definitions, with file and line kept.

Reading never raises: what is wrong is in `problems`, all of it at once. A definition that stands there beside problems is
the one that would be there if their remedies were followed, so that `checks` can look further; it is not to be run.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kehu.engine.definitions import CalendarDay, Form, Pack, Procedure
from kehu.engine.tables import Table

from .shapes import shaped
from .sources import Place, Problem, Source, did_you_mean

__all__ = ["LoadedPack", "Problem", "Running", "definition_json", "key_of", "load", "read_definition"]

PACK_FILES = ("pack.yaml", "calendar.yaml", "demo.yaml")
PROCEDURE_FILES = ("procedure.yaml", "form.yaml", "examples.yaml")
TABLE_DAYS = ("valid_from", "valid_until")


@dataclass(frozen=True)
class LoadedPack:
    folder: Path
    pack: Pack | None = None
    procedures: dict[str, Procedure] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    raw_tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The tables as written, dates as text: what a revision keeps."""
    demo: dict[str, Any] = field(default_factory=dict)
    examples: dict[str, Path] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    folders: dict[str, Path] = field(default_factory=dict)
    """Procedure key -> its folder, also of procedures that could not be read."""
    table_files: dict[str, Path] = field(default_factory=dict)
    layouts: dict[str, Path] = field(default_factory=dict)
    """Number of a controlled form -> the file that lays it out on paper."""
    sources: dict[Path, Source] = field(default_factory=dict)

    def named(self, key: str) -> LoadedPack:
        """The same pack for an organization of another key: where its stories play."""
        assert self.pack
        return replace(self, pack=self.pack.model_copy(update={"key": key}))

    def source(self, file: Path) -> Source:
        """The file as read; a file that is not there is an empty one."""
        return self.sources.get(file) or Source(file)

    def line_of(self, file: Path, path: Place) -> int:
        return self.source(file).line_of(path)


def load(folder: Path) -> LoadedPack:
    if not folder.is_dir():
        remedy = "Name the folder that holds pack.yaml, for example packs/mfg."
        return LoadedPack(folder, problems=[Problem(folder, 0, "there is no such folder.", remedy)])
    if not (folder / "pack.yaml").exists():
        message = "pack.yaml is missing, so this folder is no pack."
        remedy = "A pack begins with pack.yaml: the company, its departments and positions."
        return LoadedPack(folder, problems=[Problem(folder, 0, message, remedy)])
    reading = _Reading(folder)
    return LoadedPack(
        folder=folder,
        pack=reading.pack(),
        procedures=dict(reading.procedures()),
        tables=reading.tables(),
        raw_tables=reading.raw_tables,
        demo=reading.demo(),
        examples=reading.examples,
        problems=[*reading.strangers(), *reading.problems],
        folders=reading.folders,
        table_files=reading.table_files,
        layouts={path.stem: path for path in sorted(folder.glob("forms/*.typ"))},
        sources=reading.sources,
    )


def key_of(folder: Path) -> str:
    """What the pack calls its company, without reading the rest; empty where that cannot be told."""
    file = folder / "pack.yaml"
    value = Source.read(file).value if file.is_file() else None
    return str(value.get("key", "")) if isinstance(value, Mapping) else ""


class _Reading:
    """One reading of a folder: files in, definitions and problems out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[Problem] = []
        self.sources: dict[Path, Source] = {}
        self.raw_tables: dict[str, dict[str, Any]] = {}
        self.table_files: dict[str, Path] = {}
        self.folders: dict[str, Path] = {}
        self.examples: dict[str, Path] = {}

    def read(self, file: Path) -> Source:
        source = self.sources[file] = Source.read(file)
        self.problems.extend(source.problems)
        return source

    def shaped(self, annotation: Any, source: Source) -> Any:
        if source.value is None:
            return None
        value, problems = shaped(annotation, source)
        self.problems.extend(problems)
        return value

    def mapping(self, file: Path) -> dict[str, Any]:
        source = self.read(file)
        if source.value is None or isinstance(source.value, dict):
            return source.value or {}
        remedy = "Write `key: …` lines; docs/reference/pack-format.md shows them."
        self.problems.append(source.problem((), f"{file.name} is no block of keys.", remedy))
        return {}

    # -- the company

    def pack(self) -> Pack | None:
        pack: Pack | None = self.shaped(Pack, self.read(self.folder / "pack.yaml"))
        days = self._days(self.folder / "calendar.yaml")
        if pack is None or not days:
            return pack
        calendar = pack.calendar.model_copy(update={"special_days": {**pack.calendar.special_days, **days}})
        return pack.model_copy(update={"calendar": calendar})

    def _days(self, file: Path) -> dict[datetime.date, CalendarDay]:
        return self.shaped(dict[datetime.date, CalendarDay], self.read(file)) or {} if file.exists() else {}

    def demo(self) -> dict[str, Any]:
        file = self.folder / "demo.yaml"
        return self.mapping(file) if file.exists() else {}

    # -- tables

    def tables(self) -> dict[str, Table]:
        return {
            key: table for file in sorted(self.folder.glob("tables/*.yaml")) for key, table in self._tables_of(file)
        }

    def _tables_of(self, file: Path) -> Iterator[tuple[str, Table]]:
        definitions = self.mapping(file)
        source = self.sources[file]
        for key, definition in definitions.items():
            if not isinstance(definition, dict):
                remedy = "Write `inputs:` and `rows:` below it."
                self.problems.append(source.problem((key,), f'table "{key}" is no block of keys.', remedy))
            elif key in self.table_files:
                message = f'table "{key}" stands in {self.table_files[key].name} already.'
                self.problems.append(source.problem((key,), message, "Delete one, or rename it."))
            else:
                table = Table.from_definition(str(key), definition)
                for found in table.problems:
                    message = f'table "{key}": {found.message}'
                    self.problems.append(source.problem((key, *found.path), message, found.remedy))
                self.table_files[str(key)] = file
                self.raw_tables[str(key)] = _days_as_text(definition)
                yield str(key), table

    # -- procedures

    def procedures(self) -> Iterator[tuple[str, Procedure]]:
        for folder in self._procedure_folders():
            procedure, form = self._procedure(folder / "procedure.yaml"), self._form(folder / "form.yaml")
            key = self._key(folder)
            if key in self.folders:
                source = self.sources[folder / "procedure.yaml"]
                message = f'procedure "{key}" stands in {self.folders[key].name}/ already.'
                self.problems.append(source.problem(("key",), message, "Give one of them another key."))
                continue
            self.folders[key] = folder
            if (folder / "examples.yaml").exists():
                self.examples[key] = folder / "examples.yaml"
            if procedure and form:
                yield key, procedure.model_copy(update={"form": form})

    def _procedure_folders(self) -> list[Path]:
        folders = (path for path in sorted(self.folder.iterdir()) if path.is_dir() and path.name != "tables")
        return [path for path in folders if any((path / name).exists() for name in PROCEDURE_FILES)]

    def _procedure(self, file: Path) -> Procedure | None:
        source = self.read(file)
        if isinstance(source.value, dict) and "form" in source.value:
            self.problems.append(source.problem(("form",), 'unknown key "form".', "The form stands in form.yaml."))
            source.drop(("form",))
        procedure: Procedure | None = self.shaped(Procedure, source)
        if procedure and not procedure.steps:
            self.problems.append(
                source.problem(("steps",), "there is no step.", "The first step is the one that starts a case.")
            )
            return None
        return procedure

    def _form(self, file: Path) -> Form | None:
        source = self.read(file)
        _take_choices(source.value, self._lists())
        form: Form | None = self.shaped(Form, source)
        return form

    def _lists(self) -> dict[str, dict[str, Any]]:
        """The lists of pack.yaml that a form may take its choices from: list -> key -> title."""
        written = self.sources[self.folder / "pack.yaml"].value
        classes = written.get("customer_classes") if isinstance(written, dict) else None
        titles = {key: found.get("title") for key, found in (classes or {}).items() if isinstance(found, dict)}
        return {"customer_classes": titles}

    def _key(self, folder: Path) -> str:
        written = self.sources[folder / "procedure.yaml"].value
        return str(written.get("key", folder.name)) if isinstance(written, dict) else folder.name

    def strangers(self) -> Iterator[Problem]:
        """YAML files that nothing reads: a folder of known names."""
        yield from _strangers(self.folder, PACK_FILES)
        for folder in self._procedure_folders():
            yield from _strangers(folder, PROCEDURE_FILES)
        for path in sorted(self.folder.glob("tables/*.yml")):
            yield Problem(path, 0, "nothing reads a file of this name.", f"Name it {path.stem}.yaml.")


def _take_choices(node: Any, lists: Mapping[str, dict[str, Any]]) -> None:
    """`choices_of: customer_classes` in a form: the pack's classes are the choices."""
    for inner in node.values() if isinstance(node, dict) else ():
        if isinstance(inner, dict) and str(inner.get("choices_of")) in lists:
            inner["choices"] = lists[inner["choices_of"]]
        _take_choices(inner, lists)


def _strangers(folder: Path, known: tuple[str, ...]) -> Iterator[Problem]:
    for path in sorted(folder.iterdir()):
        if path.suffix in (".yaml", ".yml") and path.name not in known:
            hint = did_you_mean(path.name, known) or f"Files here: {', '.join(known)}."
            yield Problem(path, 0, "nothing reads a file of this name.", hint)


# --- what a revision keeps --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Running:
    """Everything a case needs to be carried out by the revision it opened under."""

    pack: Pack
    procedure: Procedure
    tables: dict[str, Table]
    layout: str | None = None
    """The procedure's own paper layout (`print.typ`), where it has one."""
    layouts: Mapping[str, str] = field(default_factory=dict)
    """The paper layouts of the controlled forms that its record holds, by number."""


def definition_json(loaded: LoadedPack, procedure_key: str) -> dict[str, Any]:
    """Written out in full, defaults too: a default that changes later must not change what a revision says. Holidays are
    no part of it; the organization's calendars hold them. `print` is the procedure's own paper layout, where it has one, `layouts`
    are those of the controlled forms it holds."""
    assert loaded.pack is not None
    days: Any = {"calendar": {"special_days"}, "department_calendars": {"__all__": {"special_days"}}}
    layout = loaded.folder / procedure_key / "print.typ"
    return {
        "pack": loaded.pack.model_dump(mode="json", by_alias=True, exclude=days),
        "procedure": loaded.procedures[procedure_key].model_dump(mode="json", by_alias=True),
        "tables": loaded.raw_tables,
        "print": layout.read_text(encoding="utf-8") if layout.is_file() else None,
        "layouts": {
            number: loaded.layouts[number].read_text(encoding="utf-8")
            for number in loaded.procedures[procedure_key].form.numbers
            if number in loaded.layouts
        },
    }


def read_definition(definition: Mapping[str, Any]) -> Running:
    tables = {key: Table.from_definition(key, _days_as_dates(table)) for key, table in definition["tables"].items()}
    return Running(
        Pack.model_validate(definition["pack"]),
        Procedure.model_validate(definition["procedure"]),
        tables,
        definition.get("print"),
        definition.get("layouts", {}),
    )


def _days_as_text(table: Any) -> Any:
    """Dates anywhere in it as text: JSON has none."""
    match table:
        case dict():
            return {str(key): _days_as_text(value) for key, value in table.items()}
        case list():
            return [_days_as_text(value) for value in table]
        case datetime.date():
            return table.isoformat()
    return table


def _days_as_dates(table: Mapping[str, Any]) -> dict[str, Any]:
    days = {key: datetime.date.fromisoformat(table[key]) for key in TABLE_DAYS if isinstance(table.get(key), str)}
    return {**table, **days}
